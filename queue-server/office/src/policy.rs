//! Who is next: the order among those whom a counter can serve.
//!
//! Everybody waits in a line with others of the same kind ([`crate::lines`]), in
//! order of [`Standing::since`]. Only the heads of the lines are compared, so a
//! call costs the number of lines, not of those waiting. The greatest [`Urgency`]
//! goes first.
//!
//! # The promise of every policy
//! Whoever has waited longer than [`Policy::longest_wait_minutes`] goes before all
//! who have not, first come first. So a visit is called, at the latest, after those
//! who came before it and have waited as long: nobody can be starved, whatever
//! comes in. The property tests hold it.
//!
//! # The policies and their sources
//! - [`Order::Arrival`]: first come first served within classes of priority. A class
//!   gives way after [`Policy::class_patience_minutes`], when its members count as
//!   the first class.
//! - [`Order::TargetWait`]: the longest wait relative to its service's target goes
//!   first. This is the accumulating priority queue of Kleinrock, "A delay dependent
//!   queue discipline" (1964), and Stanford, Taylor and Ziedins, "Waiting time
//!   distributions in the accumulating priority queue" (2014): priority grows
//!   linearly from the arrival, at a rate of one over the target. With equal targets
//!   it is first come first served.
//! - [`Appointments`]: how who comes by appointment is mixed with who walks in.
//!
//! This module deliberately knows no visits and no counters: a simulation asks it
//! the same questions as the office.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

/// The classes of priority: 1 goes first.
pub const PRIORITIES: std::ops::RangeInclusive<u8> = 1..=3;

/// The class of whom nobody gave another.
pub const PRIORITY_USUAL: u8 = 2;

const MINUTE_MS: i64 = 60_000;

/// Whether somebody waits by appointment or walked in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// By appointment, and in time for it.
    Appointment,
    /// Without one.
    WalkIn,
}

/// The order among those who wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// First come first served, within classes of priority.
    Arrival,
    /// The longest wait relative to the service's target first. A priority of 1
    /// halves the target, one of 3 doubles it.
    TargetWait,
}

/// How appointments and walk-ins are mixed. An appointment counts from the time
/// that was agreed, not from when its resident came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appointments {
    /// As if they had arrived at the agreed time.
    ByTime,
    /// Before all walk-ins, once the agreed time has come.
    First,
    /// While both wait, so many of a hundred calls are for appointments.
    Share {
        /// 1 to 99.
        percent: u8,
    },
    /// By lateness: like a service of this target ([`Order::TargetWait`]).
    Lateness {
        /// From the agreed time, minutes.
        target_minutes: u16,
    },
}

/// An office's policy. See the module's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The order among those who wait.
    pub order: Order,
    /// How appointments are mixed in.
    pub appointments: Appointments,
    /// How long before the agreed time an appointment is an appointment.
    pub early_minutes: u16,
    /// How long after it.
    pub late_minutes: u16,
    /// Beyond this wait, first come first served and nothing else.
    pub longest_wait_minutes: u16,
    /// After this wait, a class of priority counts as the first.
    pub class_patience_minutes: u16,
    /// After this wait, counters that list a service as overflow serve it too.
    pub overflow_after_minutes: u16,
    /// For so long a visit waits for a counter that matches its needs, if one is open.
    pub match_patience_minutes: u16,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            order: Order::Arrival,
            appointments: Appointments::ByTime,
            early_minutes: 30,
            late_minutes: 15,
            longest_wait_minutes: 120,
            class_patience_minutes: 45,
            overflow_after_minutes: 20,
            match_patience_minutes: 20,
        }
    }
}

/// How somebody stands in the queue. Times in milliseconds from any one origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// By appointment or not.
    pub lane: Lane,
    /// 1 to 3.
    pub priority: u8,
    /// The target of the service, minutes.
    pub target_minutes: u16,
    /// From when the wait counts: the arrival, or the agreed time.
    pub since_ms: i64,
    /// Settles what is equal: the lower goes first.
    pub visit: u64,
}

/// Whose turn it is under [`Appointments::Share`]: what is owed to appointments,
/// in hundredths of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn(i16);

impl Turn {
    /// The lane that goes first if both wait.
    #[must_use]
    pub fn lane(self) -> Lane {
        if self.0 >= 0 {
            Lane::Appointment
        } else {
            Lane::WalkIn
        }
    }

    /// After a call from `lane`, where appointments have this share of a hundred.
    /// A debt of more than one call is forgiven, so that an hour with one kind
    /// only is not made up for by an hour with the other.
    #[must_use]
    pub fn after(self, lane: Lane, percent: u8) -> Self {
        Self((self.0 + Self::change(lane, percent)).clamp(-100, 100))
    }

    /// When such a call is taken back. Others may have been made since, so it is
    /// taken out of the sum; what was forgiven stays so.
    #[must_use]
    pub fn without(self, lane: Lane, percent: u8) -> Self {
        Self((self.0 - Self::change(lane, percent)).clamp(-100, 100))
    }

    fn change(lane: Lane, percent: u8) -> i16 {
        let share = i16::from(percent);
        match lane {
            Lane::Appointment => share - 100,
            Lane::WalkIn => share,
        }
    }
}

/// Who goes first: the greatest. Compared field by field, from the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Urgency {
    /// Has waited beyond [`Policy::longest_wait_minutes`].
    pub overdue: bool,
    /// The time from which the wait counts has come.
    pub due: bool,
    /// It is this lane's turn, or appointments go first.
    pub turn: bool,
    /// The class: 2 is the first.
    pub class: u8,
    /// Thousandths of the target that have passed.
    pub of_target: i64,
    since: Reverse<i64>,
    visit: Reverse<u64>,
}

impl Policy {
    /// How urgent somebody is at `now_ms`.
    #[must_use]
    pub fn urgency(&self, standing: &Standing, now_ms: i64, turn: Turn) -> Urgency {
        let waited = now_ms.saturating_sub(standing.since_ms);
        let last = Urgency {
            overdue: false,
            due: waited >= 0,
            turn: false,
            class: 0,
            of_target: 0,
            since: Reverse(standing.since_ms),
            visit: Reverse(standing.visit),
        };
        if waited > i64::from(self.longest_wait_minutes) * MINUTE_MS {
            return Urgency {
                overdue: true,
                ..last
            };
        }
        let of_its_turn = match self.appointments {
            Appointments::First => standing.lane == Lane::Appointment && waited >= 0,
            Appointments::Share { .. } => standing.lane == turn.lane(),
            Appointments::ByTime | Appointments::Lateness { .. } => false,
        };
        let with_turn = Urgency {
            turn: of_its_turn,
            ..last
        };
        match self.order {
            Order::Arrival => Urgency {
                class: self.class(standing.priority, waited),
                ..with_turn
            },
            Order::TargetWait => Urgency {
                of_target: self.of_target(standing, waited),
                ..with_turn
            },
        }
    }

    fn class(&self, priority: u8, waited_ms: i64) -> u8 {
        let highest = PRIORITIES.end() - PRIORITIES.start();
        if waited_ms >= i64::from(self.class_patience_minutes) * MINUTE_MS {
            highest
        } else {
            PRIORITIES.end().saturating_sub(priority).min(highest)
        }
    }

    fn of_target(&self, standing: &Standing, waited_ms: i64) -> i64 {
        let target = match (standing.lane, self.appointments) {
            (Lane::Appointment, Appointments::Lateness { target_minutes }) => target_minutes,
            _ => standing.target_minutes,
        };
        let target_ms = i64::from(target.max(1)) * MINUTE_MS;
        let target_ms = match standing.priority {
            0 | 1 => target_ms / 2,
            2 => target_ms,
            _ => target_ms * 2,
        };
        waited_ms.saturating_mul(1_000) / target_ms
    }

    /// After a call of somebody in `lane`.
    #[must_use]
    pub fn turn_after(&self, turn: Turn, lane: Lane) -> Turn {
        match self.appointments {
            Appointments::Share { percent } => turn.after(lane, percent),
            _ => turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk_in(since_minutes: i64, target_minutes: u16, priority: u8) -> Standing {
        Standing {
            lane: Lane::WalkIn,
            priority,
            target_minutes,
            since_ms: since_minutes * MINUTE_MS,
            visit: 1,
        }
    }

    fn goes_first(policy: &Policy, now_minutes: i64, a: &Standing, b: &Standing) -> bool {
        let now = now_minutes * MINUTE_MS;
        let turn = Turn::default();
        policy.urgency(a, now, turn) > policy.urgency(b, now, turn)
    }

    #[test]
    fn classes_go_first_until_the_others_lose_patience() {
        let policy = Policy::default();
        let (usual, first) = (walk_in(0, 30, 2), walk_in(10, 30, 1));
        assert!(goes_first(&policy, 44, &first, &usual));
        assert!(goes_first(&policy, 45, &usual, &first));
        let last = walk_in(0, 30, 3);
        assert!(goes_first(&policy, 20, &walk_in(10, 30, 2), &last));
        assert!(goes_first(&policy, 45, &last, &walk_in(10, 30, 2)));
    }

    #[test]
    fn a_short_target_overtakes_in_proportion() {
        let policy = Policy {
            order: Order::TargetWait,
            ..Policy::default()
        };
        let (slow, quick) = (walk_in(0, 40, 2), walk_in(20, 10, 2));
        // 26 of 40 minutes against 6 of 10, then 27 of 40 against 7 of 10.
        assert!(goes_first(&policy, 26, &slow, &quick));
        assert!(goes_first(&policy, 27, &quick, &slow));
        // Priority 1 halves the target: 11 of 20 against 6 of 15.
        assert!(goes_first(
            &policy,
            11,
            &walk_in(0, 40, 1),
            &walk_in(5, 15, 2)
        ));
        // Priority 3 doubles it: 11 of 80 against 1 of 15 and against 3 of 15.
        assert!(goes_first(
            &policy,
            11,
            &walk_in(0, 40, 3),
            &walk_in(10, 15, 2)
        ));
        assert!(goes_first(
            &policy,
            11,
            &walk_in(8, 15, 2),
            &walk_in(0, 40, 3)
        ));
    }

    #[test]
    fn beyond_the_longest_wait_only_arrival_counts() {
        for order in [Order::Arrival, Order::TargetWait] {
            let policy = Policy {
                order,
                appointments: Appointments::First,
                ..Policy::default()
            };
            let overdue = walk_in(0, 300, 3);
            let urgent = Standing {
                lane: Lane::Appointment,
                ..walk_in(60, 1, 1)
            };
            assert!(goes_first(&policy, 120, &urgent, &overdue));
            assert!(goes_first(&policy, 121, &overdue, &urgent));
        }
    }

    #[test]
    fn an_appointment_before_its_time_goes_after_all_who_wait() {
        for appointments in [
            Appointments::ByTime,
            Appointments::First,
            Appointments::Share { percent: 60 },
            Appointments::Lateness { target_minutes: 5 },
        ] {
            let policy = Policy {
                appointments,
                order: Order::TargetWait,
                ..Policy::default()
            };
            let early = Standing {
                lane: Lane::Appointment,
                ..walk_in(30, 30, 1)
            };
            let walk_in = walk_in(29, 30, 3);
            assert!(
                goes_first(&policy, 29, &walk_in, &early),
                "{appointments:?}"
            );
        }
    }

    #[test]
    fn lateness_is_measured_from_the_agreed_time() {
        let policy = Policy {
            order: Order::TargetWait,
            appointments: Appointments::Lateness { target_minutes: 10 },
            ..Policy::default()
        };
        let appointment = Standing {
            lane: Lane::Appointment,
            ..walk_in(30, 30, 2)
        };
        let walk_in = walk_in(0, 60, 2);
        // 38 of 60 against 8 of 10 late; at 35 it is 35 of 60 against 5 of 10.
        assert!(goes_first(&policy, 38, &appointment, &walk_in));
        assert!(goes_first(&policy, 35, &walk_in, &appointment));
    }

    #[test]
    fn a_share_is_kept_over_many_calls_and_no_debt_grows() {
        let mut turn = Turn::default();
        let mut appointments = 0;
        for _ in 0..1_000 {
            let lane = turn.lane();
            appointments += u32::from(lane == Lane::Appointment);
            turn = turn.after(lane, 70);
        }
        assert_eq!(appointments, 700);
        for _ in 0..50 {
            turn = turn.after(Lane::WalkIn, 70);
        }
        assert_eq!(turn, Turn(100), "an hour of walk-ins owes one call, not 35");
    }
}
