//! Who must be called next, found from the policy's written promise by looking at
//! everybody who waits. Slow on purpose, and with nothing of the office's own code.
//!
//! The promise, step by step (`usher_office::policy`, `docs/policies.md`):
//! 1. Whoever has waited beyond the longest wait goes before all who have not,
//!    first come first.
//! 2. Whose agreed time has not come goes after everybody else.
//! 3. Appointments go first, or have their share of the calls, if that is the policy.
//! 4. Then the class of priority, or the wait by its target.
//! 5. Then first come first, and the lower visit id among equals.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::Timestamp;
use usher_office::plan::OfficePlan;
use usher_office::policy::{Appointments, Lane, Order};
use usher_protocol::{CounterId, Language, ServiceId};

use super::state::{Desk, Known, Stands};

const MINUTE_MS: i64 = 60_000;

/// What there is to choose from.
pub struct Room<'a> {
    /// What the office file says.
    pub plan: &'a OfficePlan,
    /// Everybody.
    pub visits: &'a BTreeMap<u64, Known>,
    /// The counters that are open.
    pub desks: &'a BTreeMap<CounterId, Desk>,
    /// Hundredths of a call that appointments are owed, from -100 to 100.
    pub owed: i32,
    /// Now.
    pub now: Timestamp,
}

impl Room<'_> {
    /// Who must be called to the counter.
    #[must_use]
    pub fn next_for(&self, counter: &CounterId) -> Option<u64> {
        let policy = &self.plan.rules.policy;
        let mut left: Vec<(u64, &Known)> = self
            .visits
            .iter()
            .map(|(id, visit)| (*id, visit))
            .filter(|(_, visit)| self.may_be_called(counter, visit))
            .collect();
        let longest = minutes(policy.longest_wait_minutes);
        if left.iter().any(|(_, visit)| self.waited(visit) > longest) {
            left.retain(|(_, visit)| self.waited(visit) > longest);
            return first_come(&left);
        }
        keep_if_any(&mut left, |visit| self.waited(visit) >= 0);
        let somebody_is_due = left.iter().any(|(_, visit)| self.waited(visit) >= 0);
        match policy.appointments {
            Appointments::First if somebody_is_due => {
                keep_if_any(&mut left, |visit| visit.lane == Lane::Appointment);
            }
            Appointments::Share { .. } => {
                let turn = if self.owed >= 0 {
                    Lane::Appointment
                } else {
                    Lane::WalkIn
                };
                keep_if_any(&mut left, |visit| visit.lane == turn);
            }
            _ => {}
        }
        match policy.order {
            Order::Arrival => {
                let patience = minutes(policy.class_patience_minutes);
                let class = |visit: &Known| {
                    if self.waited(visit) >= patience {
                        1
                    } else {
                        visit.priority
                    }
                };
                if let Some(best) = left.iter().map(|(_, visit)| class(visit)).min() {
                    left.retain(|(_, visit)| class(visit) == best);
                }
            }
            Order::TargetWait => {
                let best = left.iter().map(|(_, visit)| self.of_target(visit)).max();
                if let Some(best) = best {
                    left.retain(|(_, visit)| self.of_target(visit) == best);
                }
            }
        }
        first_come(&left)
    }

    /// Whether the counter may call the visit as the next: it waits, does not rest,
    /// was not sent elsewhere, and the counter serves it.
    #[must_use]
    pub fn may_be_called(&self, counter: &CounterId, visit: &Known) -> bool {
        let policy = &self.plan.rules.policy;
        let waits = visit.stands == Stands::Waiting;
        let rests = visit.ready_at.is_some_and(|until| until > self.now);
        if !waits || rests {
            return false;
        }
        let waited = self.waited(visit);
        let longest = minutes(policy.longest_wait_minutes);
        let sent_elsewhere = visit
            .only_at
            .as_ref()
            .is_some_and(|only| only != counter && self.desks.contains_key(only));
        let kept = self.now.as_millisecond() - visit.since.max(visit.stands_since).as_millisecond();
        if sent_elsewhere && kept <= longest {
            return false;
        }
        let is_sent_here = visit.only_at.as_ref() == Some(counter);
        let helps = waited > minutes(policy.overflow_after_minutes);
        let may_help = helps && self.helps_with(counter, &visit.service);
        if !(may_help || self.serves(counter, visit)) {
            return false;
        }
        if is_sent_here || !has_needs(visit) || self.meets(counter, visit) {
            return true;
        }
        let patience = policy
            .match_patience_minutes
            .min(policy.longest_wait_minutes);
        waited > minutes(patience)
            || !self.desks.iter().any(|(other, desk)| {
                !desk.on_break && self.serves(other, visit) && self.meets(other, visit)
            })
    }

    /// Milliseconds; below zero if the agreed time has not come.
    fn waited(&self, visit: &Known) -> i64 {
        self.now.as_millisecond() - visit.since.as_millisecond()
    }

    /// Thousandths of the target.
    fn of_target(&self, visit: &Known) -> i64 {
        let policy = &self.plan.rules.policy;
        let usual = self.plan.service_rules(&visit.service).target_minutes;
        let target = match policy.appointments {
            Appointments::Lateness { target_minutes } if visit.lane == Lane::Appointment => {
                target_minutes
            }
            _ => usual,
        };
        // In half minutes: a priority of 1 halves the target, one of 3 doubles it.
        let halves = match visit.priority {
            1 => 1,
            2 => 2,
            _ => 4,
        };
        let target = i64::from(target.max(1)) * halves * (MINUTE_MS / 2);
        self.waited(visit) * 1000 / target
    }

    /// The services of a counter now.
    #[must_use]
    pub fn services_at(&self, counter: &CounterId) -> Vec<ServiceId> {
        let desk = self.desks.get(counter);
        let of_file = || {
            let info = self
                .plan
                .info
                .counters
                .iter()
                .find(|info| info.id == *counter);
            info.map(|info| info.services.clone()).unwrap_or_default()
        };
        let mut services = desk
            .and_then(|desk| desk.services.clone())
            .unwrap_or_else(of_file);
        let clerk = desk.and_then(|desk| desk.clerk.as_ref());
        let clerk = clerk.and_then(|clerk| self.plan.rules.clerks.get(clerk));
        if let Some(skills) = clerk.and_then(|clerk| clerk.services.as_ref()) {
            services.retain(|service| skills.contains(service));
        }
        services
    }

    fn serves(&self, counter: &CounterId, visit: &Known) -> bool {
        let has_service = self
            .plan
            .info
            .services
            .iter()
            .any(|info| info.id == visit.service);
        !has_service
            || visit.only_at.as_ref() == Some(counter)
            || self.services_at(counter).contains(&visit.service)
    }

    fn helps_with(&self, counter: &CounterId, service: &ServiceId) -> bool {
        let rules = self.plan.rules.counters.get(counter);
        rules.is_some_and(|rules| rules.overflow.contains(service))
    }

    fn meets(&self, counter: &CounterId, visit: &Known) -> bool {
        let rules = self.plan.rules.counters.get(counter);
        let clerk = self.desks.get(counter).and_then(|desk| desk.clerk.as_ref());
        let clerk = clerk.and_then(|clerk| self.plan.rules.clerks.get(clerk));
        let speaks = |language: &Language| clerk.is_some_and(|c| c.languages.contains(language));
        visit.needs.interpreter.as_ref().is_none_or(speaks)
            && (!visit.needs.wheelchair || rules.is_some_and(|rules| rules.wheelchair))
            && (!visit.needs.quiet || rules.is_some_and(|rules| rules.quiet))
    }
}

fn has_needs(visit: &Known) -> bool {
    visit.needs.interpreter.is_some() || visit.needs.wheelchair || visit.needs.quiet
}

fn minutes(count: u16) -> i64 {
    i64::from(count) * MINUTE_MS
}

fn keep_if_any(left: &mut Vec<(u64, &Known)>, keep: impl Fn(&Known) -> bool) {
    if left.iter().any(|(_, visit)| keep(visit)) {
        left.retain(|(_, visit)| keep(visit));
    }
}

fn first_come(left: &[(u64, &Known)]) -> Option<u64> {
    let first = left
        .iter()
        .max_by_key(|(id, visit)| Reverse((visit.since, *id)));
    first.map(|(id, _)| *id)
}
