//! The office's policy, as the simulation asks for it.

use std::sync::Arc;

use usher_office::plan::OfficePlan;
use usher_office::policy::{Appointments, Lane, Order, PRIORITY_USUAL, Policy, Standing, Turn};
use usher_waits::scene::{Discipline, Waiting};

/// The office's policy, for services by their place in the office file.
///
/// Whose turn it is under a share of appointments changes with every call, and the
/// simulation does not tell of calls: there the turns are as if it were always the
/// appointments', which makes walk-ins' waits a little too long.
#[derive(Debug, Clone)]
pub struct OfficeOrder {
    policy: Policy,
    targets: Vec<u16>,
    /// Whether a service has another priority than the usual.
    has_classes: bool,
}

/// One digit for the lane, one for the priority.
const LANES: u8 = 10;

impl OfficeOrder {
    /// The policy of `plan`.
    #[must_use]
    pub fn of(plan: &Arc<OfficePlan>) -> Self {
        let services = plan.info.services.iter();
        Self {
            policy: plan.rules.policy.clone(),
            targets: services
                .map(|info| plan.service_rules(&info.id).target_minutes)
                .collect(),
            has_classes: plan
                .rules
                .services
                .values()
                .any(|rules| rules.priority != PRIORITY_USUAL),
        }
    }

    /// The class that tells apart who is called in another order than arrival.
    #[must_use]
    pub fn class(lane: Lane, priority: u8) -> u8 {
        match lane {
            Lane::Appointment => LANES + priority,
            Lane::WalkIn => priority,
        }
    }
}

impl Discipline for OfficeOrder {
    fn urgency(&self, visit: &Waiting, now_s: f64) -> f64 {
        // A joiner of whom nothing is known is a walk-in of the usual priority.
        let (lane, priority) = match visit.class {
            0 => (Lane::WalkIn, PRIORITY_USUAL),
            class if class > LANES => (Lane::Appointment, class - LANES),
            class => (Lane::WalkIn, class),
        };
        let target = self.targets.get(visit.service).copied();
        let standing = Standing {
            lane,
            priority,
            target_minutes: target.unwrap_or(30),
            since_ms: milliseconds(visit.since_s),
            visit: 0,
        };
        let now_ms = milliseconds(now_s);
        let urgency = self.policy.urgency(&standing, now_ms, Turn::default());
        // Field by field from the top: each step is larger than all below it together.
        let waited = now_s - visit.since_s;
        let step = |is: bool, worth: f64| if is { worth } else { 0.0 };
        step(urgency.overdue, 1e15)
            + step(urgency.due, 1e14)
            + step(urgency.turn, 1e13)
            + f64::from(urgency.class) * 1e12
            + clamp_target(urgency.of_target) * 1e6
            + waited.clamp(-4e5, 4e5)
    }

    fn overtakes(&self) -> bool {
        self.policy.order != Order::Arrival
            || self.policy.appointments != Appointments::ByTime
            || self.has_classes
    }
}

/// Thousandths of the target, as far as they can differ.
fn clamp_target(of_target: i64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "thousandths of a target are few digits"
    )]
    let of_target = of_target as f64;
    of_target.clamp(-4e5, 4e5)
}

fn milliseconds(seconds: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "seconds since 1970 in milliseconds are far within the range"
    )]
    let whole = (seconds * 1_000.0).round() as i64;
    whole
}

#[cfg(test)]
mod tests {
    use usher_office::plan::Rules;
    use usher_office::sample;

    use super::*;

    fn order(policy: Policy) -> OfficeOrder {
        let rules = Rules {
            policy,
            ..Rules::default()
        };
        OfficeOrder::of(&Arc::new((*sample::plan()).clone().with_rules(rules)))
    }

    fn waiting(lane: Lane, priority: u8, since_minutes: f64) -> Waiting {
        Waiting {
            service: 0,
            class: OfficeOrder::class(lane, priority),
            since_s: since_minutes * 60.0,
        }
    }

    /// The simulation's order is the policy's own for every pair.
    #[test]
    fn the_order_is_the_policys() {
        let appointments = [
            Appointments::ByTime,
            Appointments::First,
            Appointments::Lateness { target_minutes: 10 },
        ];
        for order_by in [Order::Arrival, Order::TargetWait] {
            for appointments in appointments {
                let policy = Policy {
                    order: order_by,
                    appointments,
                    ..Policy::default()
                };
                let order = order(policy.clone());
                let mut all = Vec::new();
                for lane in [Lane::Appointment, Lane::WalkIn] {
                    for priority in 1..=3 {
                        for since in [0.0, 30.0, 80.0, 121.0, 125.0, 131.0] {
                            all.push((lane, priority, since));
                        }
                    }
                }
                let now_s = 130.0 * 60.0;
                for (nth, a) in all.iter().enumerate() {
                    for b in &all[nth + 1..] {
                        let simulated = |one: &(Lane, u8, f64)| {
                            order.urgency(&waiting(one.0, one.1, one.2), now_s)
                        };
                        let real = |one: &(Lane, u8, f64)| {
                            let standing = Standing {
                                lane: one.0,
                                priority: one.1,
                                target_minutes: 30,
                                since_ms: milliseconds(one.2 * 60.0),
                                visit: 0,
                            };
                            policy.urgency(&standing, milliseconds(now_s), Turn::default())
                        };
                        assert_eq!(
                            simulated(a).total_cmp(&simulated(b)),
                            real(a).cmp(&real(b)),
                            "{policy:?}: {a:?} against {b:?}"
                        );
                    }
                }
            }
        }
    }
}
