//! A counter as the floor knows it.

use super::{GONE_S, LEFT_TO_OTHERS, WaitingVisit};
use crate::scene::{Pause, Services, Shift};

#[derive(Debug, Clone)]
pub(super) struct FloorCounter {
    pub(super) shifts: Vec<Shift>,
    /// Shifts that ended already.
    pub(super) ended: usize,
    pub(super) beyond_services: Services,
    pub(super) serving: Option<(u64, usize, f64)>,
    pub(super) free_since_s: f64,
    pub(super) beyond_plan_s: f64,
    /// Calls that others made although it seemed free: nobody may sit there.
    pub(super) left_to_others: u32,
    /// A close that passed while somebody waited: when, and whether as the last.
    pub(super) closing: Option<(f64, bool)>,
}

impl FloorCounter {
    /// A counter with a plan that has no overlaps.
    pub(super) fn new(shifts: Vec<Shift>) -> Self {
        Self {
            shifts,
            ended: 0,
            beyond_services: Services::default(),
            serving: None,
            free_since_s: f64::NEG_INFINITY,
            beyond_plan_s: f64::NEG_INFINITY,
            left_to_others: 0,
            closing: None,
        }
    }

    pub(super) fn shift_at(&self, now_s: f64) -> Option<&Shift> {
        self.shifts[self.ended..]
            .iter()
            .find(|shift| shift.open_s <= now_s && now_s < shift.close_s)
    }

    pub(super) fn services_at(&self, now_s: f64) -> Services {
        let planned = self
            .shift_at(now_s)
            .or_else(|| self.ended.checked_sub(1).map(|last| &self.shifts[last]))
            .or_else(|| self.shifts.first())
            .map_or(Services::default(), |shift| shift.services);
        planned.with(self.beyond_services)
    }

    pub(super) fn is_beyond_plan(&self, now_s: f64) -> bool {
        self.shift_at(now_s).is_none()
            && (now_s - self.beyond_plan_s.max(self.free_since_s) < GONE_S
                && self.free_since_s >= self.beyond_plan_s
                || self
                    .serving
                    .is_some_and(|(_, _, since)| since >= self.beyond_plan_s)
                    && self.beyond_plan_s > f64::NEG_INFINITY)
    }
}

/// Since when a counter without a visit could have called, and upon what.
pub(super) fn pause<'a>(
    counter: &FloorCounter,
    services: Services,
    now_s: f64,
    waiting: impl Iterator<Item = &'a WaitingVisit>,
) -> Option<(Pause, f64)> {
    let first = waiting
        .filter(|visit| services.contains(visit.service))
        .map(|visit| visit.since_s)
        .fold(f64::INFINITY, f64::min);
    let opened = counter
        .shift_at(now_s)
        .map_or(f64::NEG_INFINITY, |shift| shift.open_s);
    let absent = counter.left_to_others >= LEFT_TO_OTHERS && opened.is_finite();
    if first > now_s && !absent {
        return None;
    }
    let free = opened.max(counter.free_since_s);
    let since = if absent { free } else { first.max(free) };
    let before = if since == first {
        Pause::Arrival
    } else if since == opened {
        Pause::Opening
    } else {
        Pause::Finish
    };
    Some((before, since))
}
