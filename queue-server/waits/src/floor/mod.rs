//! The office floor as events tell it: who waits, who is served, what is open.
//!
//! It turns arrivals, calls, finishes and departures into what a [`Model`] learns
//! from, and into the [`Scene`] that a forecast starts from. Events come in the
//! order of time.

mod counter;
mod plan;

use self::counter::{FloorCounter, pause};
use self::plan::{disjoint, nights};
use crate::habits::Line;
use crate::model::{Chance, Model};
use crate::scene::{Counter, Discipline, Doing, Scene, Shift, Waiting};

/// A counter that shows no call for so long past its close has gone.
const GONE_S: f64 = 900.0;
/// A closure of so many seconds of the whole office parts two days.
const NIGHT_S: f64 = 3.0 * 3600.0;
/// A visit that waited so long was not called at once by whoever was free.
const AT_ONCE_S: f64 = 30.0;
/// So many calls that a counter left to others show that nobody sits there.
const LEFT_TO_OTHERS: u32 = 2;
/// After so many later calls of its service, a visit was overtaken for good.
const OVERTAKEN_FOR_GOOD: u32 = 8;
/// Nobody waits longer than this.
const WAIT_MAX_S: f64 = 2.0 * 86_400.0;

#[derive(Debug, Clone)]
struct WaitingVisit {
    id: u64,
    service: usize,
    since_s: f64,
    overtaken: u32,
    /// How long it had waited when it was first overtaken, in seconds.
    overtaken_after_s: f64,
    carried_over: bool,
}

/// The floor of one office.
#[derive(Debug, Clone)]
pub struct Floor {
    counters: Vec<FloorCounter>,
    waiting: Vec<WaitingVisit>,
    last_waits: Vec<Option<(f64, f64)>>,
    nights: Vec<(f64, f64)>,
    now_s: f64,
    /// Whether those overtaken in their line are called later after all; if not,
    /// they have left without a word.
    comes_back: Chance,
}

impl Floor {
    /// An empty floor with the counters' plans, in any order; where shifts of one
    /// counter overlap it calls the services of all of them.
    #[must_use]
    pub fn new(plans: &[Vec<Shift>]) -> Self {
        let plans: Vec<Vec<Shift>> = plans.iter().map(|shifts| disjoint(shifts)).collect();
        let nights = nights(&plans);
        let counters = plans.into_iter().map(FloorCounter::new).collect();
        Self {
            counters,
            waiting: Vec::new(),
            last_waits: Vec::new(),
            nights,
            now_s: f64::NEG_INFINITY,
            comes_back: Chance::new(1.0, 1.5),
        }
    }

    /// A counter that is in no plan; its number.
    pub fn add_counter(&mut self) -> usize {
        self.counters.push(FloorCounter::new(Vec::new()));
        self.counters.len() - 1
    }

    /// A visit joins the queue.
    pub fn arrive(&mut self, model: &mut Model, now_s: f64, visit: u64, service: usize) {
        self.advance(model, now_s);
        model.observe_arrival(service, now_s);
        self.waiting.push(WaitingVisit {
            id: visit,
            service,
            since_s: now_s,
            overtaken: 0,
            overtaken_after_s: 0.0,
            carried_over: false,
        });
    }

    /// A counter calls a visit; `None` if it is not known which counter.
    pub fn call(&mut self, model: &mut Model, now_s: f64, visit: u64, counter: Option<usize>) {
        self.advance(model, now_s);
        let Some(at) = self.waiting.iter().position(|waiting| waiting.id == visit) else {
            return;
        };
        let service = self.waiting[at].service;
        let counter = counter.or_else(|| self.free_counter(service, now_s));
        if let Some(counter) = counter {
            self.learn_choice(model, now_s, at, counter);
            self.learn_pause(model, now_s, at, counter);
        }
        let called = self.waiting.remove(at);
        self.note_overtaking(model, now_s, &called, at);
        let waited_s = now_s - called.since_s;
        if waited_s > AT_ONCE_S {
            self.note_absence(now_s, service, counter);
        }
        model.observe_wait(service, waited_s, false);
        if self.last_waits.len() <= service {
            self.last_waits.resize(service + 1, None);
        }
        self.last_waits[service] = Some((now_s, waited_s));
        let Some(counter) = counter else { return };
        let state = &mut self.counters[counter];
        if state.shift_at(now_s).is_none() {
            state.beyond_plan_s = now_s;
            if let Some((_, last)) = state.closing.take() {
                model.observe_close(true, last);
            }
        }
        if !state.services_at(now_s).contains(service) {
            state.beyond_services.insert(service);
        }
        state.left_to_others = 0;
        state.serving = Some((visit, service, now_s));
    }

    /// A visit's service ends that began then.
    pub fn finish(
        &mut self,
        model: &mut Model,
        now_s: f64,
        visit: u64,
        service: usize,
        began_s: f64,
    ) {
        self.advance(model, now_s);
        let counter = self
            .counters
            .iter()
            .position(|counter| counter.serving.is_some_and(|(id, _, _)| id == visit));
        model.observe_service(service, counter, began_s, now_s - began_s);
        if let Some(counter) = counter {
            let state = &mut self.counters[counter];
            state.serving = None;
            state.free_since_s = now_s;
        }
    }

    /// A waiting visit leaves.
    pub fn leave(&mut self, model: &mut Model, now_s: f64, visit: u64) {
        self.advance(model, now_s);
        if let Some(at) = self.waiting.iter().position(|waiting| waiting.id == visit) {
            let left = self.waiting.remove(at);
            if left.overtaken >= OVERTAKEN_FOR_GOOD && self.comes_back.value() < 0.5 {
                return;
            }
            if left.carried_over {
                model.observe_carried_over(false);
            }
            model.observe_wait(left.service, now_s - left.since_s, true);
        }
    }

    /// The present state, for a forecast to those who wait and to the joiners.
    #[must_use]
    pub fn scene<'a>(
        &self,
        model: &Model,
        now_s: f64,
        joiners: Vec<usize>,
        discipline: Option<&'a dyn Discipline>,
    ) -> Scene<'a> {
        let present: Vec<&WaitingVisit> = self
            .waiting
            .iter()
            .filter(|visit| !self.is_gone(model, visit, now_s))
            .collect();
        let counters = self
            .counters
            .iter()
            .map(|counter| {
                let services = counter.services_at(now_s);
                let doing = match counter.serving {
                    Some((_, service, since_s)) => Doing::Serving { service, since_s },
                    None => match pause(counter, services, now_s, present.iter().copied()) {
                        Some((after, since_s)) => Doing::Idle { since_s, after },
                        None => Doing::Ready,
                    },
                };
                let serves = counter.serving.is_some();
                let from = counter
                    .shifts
                    .iter()
                    .position(|shift| shift.close_s > now_s);
                let from = from.unwrap_or(counter.shifts.len());
                let from = if serves && counter.shift_at(now_s).is_none() {
                    from.saturating_sub(1)
                } else {
                    from
                };
                // Two days ahead are more than anybody waits.
                let shifts = counter.shifts[from..]
                    .iter()
                    .take_while(|shift| shift.open_s < now_s + WAIT_MAX_S)
                    .copied()
                    .collect();
                Counter {
                    services,
                    beyond_services: counter.beyond_services,
                    doing,
                    shifts,
                    beyond_plan: counter.is_beyond_plan(now_s),
                }
            })
            .collect();
        let mut last_waits = self.last_waits.clone();
        let known = joiners.iter().map(|service| service + 1).max().unwrap_or(0);
        if last_waits.len() < known {
            last_waits.resize(known, None);
        }
        Scene {
            now_s,
            counters,
            waiting: present
                .iter()
                .map(|visit| Waiting {
                    service: visit.service,
                    class: 0,
                    since_s: visit.since_s,
                })
                .collect(),
            joiners,
            discipline,
            last_waits,
        }
    }

    /// Whether a visit that nobody saw leave is taken to have left.
    fn is_gone(&self, model: &Model, visit: &WaitingVisit, now_s: f64) -> bool {
        (visit.overtaken > 0 && self.comes_back.value() < 0.5)
            || (visit.carried_over && model.carried_over.value() < 0.5)
            || now_s - visit.since_s > WAIT_MAX_S
    }

    fn free_counter(&self, service: usize, now_s: f64) -> Option<usize> {
        self.counters.iter().position(|counter| {
            counter.serving.is_none()
                && counter.shift_at(now_s).is_some()
                && counter.services_at(now_s).contains(service)
        })
    }

    fn learn_choice(&self, model: &mut Model, now_s: f64, at: usize, counter: usize) {
        let mut served = self.counters[counter].services_at(now_s);
        served.insert(self.waiting[at].service);
        let mut lines: Vec<Line> = Vec::new();
        let (mut chosen, mut position) = (0, 0);
        for (place, visit) in self.waiting.iter().enumerate() {
            if !served.contains(visit.service) || (place != at && self.is_gone(model, visit, now_s))
            {
                continue;
            }
            let line = lines.iter().position(|line| line.service == visit.service);
            let line = line.unwrap_or_else(|| {
                lines.push(Line {
                    service: visit.service,
                    head_waited_s: now_s - visit.since_s,
                    length: 0,
                });
                lines.len() - 1
            });
            if place == at {
                (chosen, position) = (line, lines[line].length);
            }
            lines[line].length += 1;
        }
        let group = self.counters[counter].services_at(now_s);
        model.observe_choice(group, &lines, chosen, position);
    }

    fn learn_pause(&self, model: &mut Model, now_s: f64, at: usize, counter: usize) {
        let state = &self.counters[counter];
        if state.serving.is_some() || state.shift_at(now_s).is_none() {
            return;
        }
        let services = state.services_at(now_s);
        let present = self
            .waiting
            .iter()
            .enumerate()
            .filter(|(place, visit)| *place == at || !self.is_gone(model, visit, now_s))
            .map(|(_, visit)| visit);
        if let Some((before, since_s)) = pause(state, services, now_s, present) {
            model.observe_pause(before, now_s - since_s);
        }
    }

    /// Marks those whom a call passed over, and learns whether such come back.
    fn note_overtaking(&mut self, model: &mut Model, now_s: f64, called: &WaitingVisit, at: usize) {
        if called.carried_over {
            model.observe_carried_over(true);
        }
        if called.overtaken > 0 {
            self.comes_back.observe(true);
            if called.overtaken >= OVERTAKEN_FOR_GOOD {
                self.comes_back.observe(true);
            }
        }
        for visit in &mut self.waiting[..at] {
            if visit.service == called.service {
                visit.overtaken += 1;
                if visit.overtaken == 1 {
                    visit.overtaken_after_s = now_s - visit.since_s;
                }
                if visit.overtaken == OVERTAKEN_FOR_GOOD {
                    self.comes_back.observe(false);
                    if self.comes_back.value() < 0.5 {
                        // It left at some time before its turn came.
                        let waited_s = visit.overtaken_after_s / 2.0;
                        model.observe_wait(visit.service, waited_s, true);
                    }
                }
            }
        }
    }

    /// Another counter called a visit that had waited: whoever could have called
    /// it before is not there, it seems.
    fn note_absence(&mut self, now_s: f64, service: usize, caller: Option<usize>) {
        for (at, counter) in self.counters.iter_mut().enumerate() {
            let shift = counter.shift_at(now_s);
            let free_s = shift.map_or(f64::INFINITY, |shift| {
                shift.open_s.max(counter.free_since_s)
            });
            if Some(at) != caller
                && counter.serving.is_none()
                && now_s - free_s > AT_ONCE_S
                && counter.services_at(now_s).contains(service)
            {
                counter.left_to_others += 1;
            }
        }
    }

    /// Lets time pass up to an event: closes, nights, and those who gave up.
    fn advance(&mut self, model: &mut Model, now_s: f64) {
        if now_s <= self.now_s {
            return;
        }
        self.now_s = now_s;
        while self.nights.first().is_some_and(|night| night.1 <= now_s) {
            let night = self.nights.remove(0);
            self.pass_night(model, night.0);
        }
        for at in 0..self.counters.len() {
            self.pass_close(model, at, now_s);
        }
        self.waiting
            .retain(|visit| now_s - visit.since_s <= WAIT_MAX_S);
    }

    fn pass_night(&mut self, model: &mut Model, began_s: f64) {
        self.waiting.retain_mut(|visit| {
            if visit.carried_over {
                model.observe_carried_over(false);
                return false;
            }
            visit.carried_over = visit.since_s <= began_s + 3600.0;
            true
        });
    }

    fn pass_close(&mut self, model: &mut Model, at: usize, now_s: f64) {
        let counter = &self.counters[at];
        let services = counter.services_at(now_s);
        let somebody = self
            .waiting
            .iter()
            .any(|visit| services.contains(visit.service) && !self.is_gone(model, visit, now_s));
        let closed = counter
            .shifts
            .get(counter.ended)
            .map(|shift| shift.close_s)
            .filter(|close| *close <= now_s);
        let last = closed.is_some_and(|close| {
            !self.counters.iter().enumerate().any(|(other, counter)| {
                other != at
                    && counter
                        .shift_at(now_s)
                        .is_some_and(|shift| shift.close_s > close)
            })
        });
        let counter = &mut self.counters[at];
        if let Some(close) = closed {
            counter.ended += 1;
            counter.left_to_others = 0;
            if somebody && now_s - close < NIGHT_S {
                counter.closing = Some((close, last));
            }
        }
        if let Some((close, last)) = counter.closing
            && counter.serving.is_none()
        {
            if !somebody || counter.shift_at(now_s).is_some() {
                counter.closing = None;
            } else if now_s - close.max(counter.free_since_s) > GONE_S {
                counter.closing = None;
                model.observe_close(false, last);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Prior;
    use crate::scene::Services;

    fn shift(open_s: f64, close_s: f64, services: &[usize]) -> Shift {
        Shift {
            open_s,
            close_s,
            services: Services::of(services),
        }
    }

    #[test]
    fn a_planned_counter_that_others_stand_in_for_is_not_counted_on() {
        let mut model = Model::new(&Prior::broad(1));
        let day = vec![shift(0.0, 80_000.0, &[0])];
        let mut floor = Floor::new(&[day.clone(), day]);
        let mut now = 1000.0;
        for visit in 0..6 {
            floor.arrive(&mut model, now, visit, 0);
            floor.call(&mut model, now + 100.0, visit, Some(0));
            floor.finish(&mut model, now + 200.0, visit, 0, now + 100.0);
            now += 300.0;
        }
        let scene = floor.scene(&model, now, vec![0], None);
        assert_eq!(scene.counters[0].doing, Doing::Ready);
        assert!(matches!(scene.counters[1].doing, Doing::Idle { .. }));
    }
}
