//! One possible future of an office: who is called when.

mod plan;

use self::plan::{CounterPlan, plan};
use crate::forecast::{Draws, Outcome};
use crate::habits::{Line, Place};
use crate::histogram::Sampler;
use crate::model::Model;
use crate::patience::Hazards;
use crate::scene::{Doing, Pause, Scene, Services, Waiting};
use crate::service_time::hour_of;

/// Hours ahead whose own service times are used; later ones are as the last.
const HOURS: usize = 6;
/// A closure of so many seconds parts two days, for those who wait.
const NIGHT_S: f64 = 3.0 * 3600.0;
/// A wait that no run may exceed, in seconds.
const WAIT_MAX_S: f64 = 2.0 * 86_400.0;
/// Calls in a run after which it ends: a bound for offices that never catch up.
const CALLS_MAX: usize = 20_000;

/// Everything about the present that all runs share.
pub(crate) struct Simulation<'a> {
    model: &'a Model,
    scene: &'a Scene<'a>,
    counters: Vec<CounterPlan<'a>>,
    /// Waiting visits, then joiners.
    visits: Vec<Waiting>,
    joiners: usize,
    lines: Vec<LineStart>,
    hazards: Vec<Option<Hazards>>,
    /// Whether those left at the close wait for the next morning.
    carries_over: bool,
    /// Arrivals a second by service, if others may overtake.
    rates: Option<Vec<f64>>,
    services: usize,
}

struct LineStart {
    service: usize,
    class: u8,
    visits: Vec<u32>,
}

/// What one run changes; reused by the next.
pub(crate) struct Scratch {
    outcomes: Vec<Outcome>,
    counters: Vec<CounterNow>,
    lines: Vec<LineNow>,
    visits: Vec<Waiting>,
    leaves_s: Vec<f64>,
    factors: Vec<f64>,
    next_arrival_s: Vec<f64>,
    heads: Vec<Line>,
    head_lines: Vec<usize>,
}

impl Scratch {
    pub(crate) fn outcomes(&self) -> &[Outcome] {
        &self.outcomes
    }
}

#[derive(Clone, Copy)]
struct CounterNow {
    /// When it may call next; infinite while it rests or is gone.
    next_s: f64,
    /// Nobody is there whom it could call: since then.
    rests: bool,
    /// It goes on past a close although others stay.
    stays: bool,
    /// It calls those who are left when the office has closed.
    late: bool,
    services: Services,
    /// When it would have called had it not closed.
    closed_s: f64,
}

#[derive(Default)]
struct LineNow {
    visits: Vec<u32>,
    first: usize,
}

impl LineNow {
    fn len(&self) -> usize {
        self.visits.len() - self.first
    }
}

impl<'a> Simulation<'a> {
    pub(crate) fn new(model: &'a Model, scene: &'a Scene<'a>) -> Self {
        let mut visits = scene.waiting.clone();
        visits.extend(scene.joiners.iter().map(|service| Waiting {
            service: *service,
            class: 0,
            since_s: scene.now_s,
        }));
        let services = visits
            .iter()
            .map(|visit| visit.service + 1)
            .max()
            .unwrap_or(0)
            .max(model.services());
        let mut lines: Vec<LineStart> = Vec::new();
        for (at, visit) in visits.iter().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "no office has 2^32 visits")]
            let at = at as u32;
            match lines
                .iter_mut()
                .find(|line| line.service == visit.service && line.class == visit.class)
            {
                Some(line) => line.visits.push(at),
                None => lines.push(LineStart {
                    service: visit.service,
                    class: visit.class,
                    visits: vec![at],
                }),
            }
        }
        let overtakes = match scene.discipline {
            Some(discipline) => discipline.overtakes(),
            None => model.habits.overtakes(),
        };
        let hour = hour_of(scene.now_s);
        let rates = overtakes.then(|| {
            (0..services)
                .map(|service| model.arrivals.rate(service, hour))
                .collect::<Vec<_>>()
        });
        if rates.is_some() {
            for service in 0..services {
                if !lines.iter().any(|line| line.service == service) {
                    lines.push(LineStart {
                        service,
                        class: 0,
                        visits: Vec::new(),
                    });
                }
            }
        }
        let counters = plan(model, scene, &visits, services);
        Self {
            model,
            scene,
            counters,
            visits,
            joiners: scene.joiners.len(),
            lines,
            hazards: (0..services)
                .map(|service| model.patience.hazards(service))
                .collect(),
            carries_over: model.carried_over.value() >= 0.5 && model.chance_to_stay(true) < 0.5,
            rates,
            services,
        }
    }

    pub(crate) fn visits(&self) -> usize {
        self.visits.len()
    }

    pub(crate) fn scratch(&self) -> Scratch {
        Scratch {
            outcomes: Vec::new(),
            counters: Vec::new(),
            lines: self.lines.iter().map(|_| LineNow::default()).collect(),
            visits: Vec::new(),
            leaves_s: Vec::new(),
            factors: Vec::new(),
            next_arrival_s: Vec::new(),
            heads: Vec::new(),
            head_lines: Vec::new(),
        }
    }

    /// One run: until all are called, or the joiners alone.
    pub(crate) fn run(&self, draws: &mut Draws, now: &mut Scratch, all: bool) {
        self.start(draws, now);
        let mut left = if all { self.visits.len() } else { self.joiners };
        let tracked_from = self.visits.len() - left;
        let mut forced = false;
        // Whether the counters serve those who are left at the close is one
        // decision of the office, not one of each counter.
        let chance_late = self.model.chance_to_stay(true);
        let serves_late = draws.level() < chance_late;
        let mut calls = 0;
        while left > 0 {
            let (at, time) = earliest(&now.counters);
            let arrival = earliest_arrival(&now.next_arrival_s);
            if let Some((service, arrival_s)) = arrival
                && arrival_s < time
                && arrival_s < self.scene.now_s + WAIT_MAX_S
            {
                self.arrive(draws, now, service, arrival_s);
                continue;
            }
            if time == f64::INFINITY || time > self.scene.now_s + WAIT_MAX_S || calls > CALLS_MAX {
                if forced || calls > CALLS_MAX || !reopen(&mut now.counters) {
                    break;
                }
                forced = true;
                continue;
            }
            let Some((line, place)) = self.choose(draws, now, at, time) else {
                now.counters[at].next_s = f64::INFINITY;
                now.counters[at].rests = true;
                continue;
            };
            let visit = take(&mut now.lines[line], place) as usize;
            if visit < self.visits.len() {
                let late = now.counters[at].late;
                let in_time = !forced && (!late || serves_late);
                let weight = if late { chance_late.max(0.01) } else { 1.0 };
                now.outcomes[visit] = self.outcome(visit, time, in_time, weight);
                left -= usize::from(visit >= tracked_from);
            }
            if now.leaves_s[visit] <= time {
                continue;
            }
            calls += 1;
            let service = now.visits[visit].service;
            let seconds = self.mean(at, service, time)
                * now.factors[service]
                * self.model.times.shape(service).draw(draws.level());
            let pause = draw(self.model.pause(Pause::Finish), draws);
            self.free_at(draws, &mut now.counters[at], at, time + seconds + pause);
        }
    }

    /// A call, weighted by the chance that it comes to it.
    fn outcome(&self, visit: usize, time: f64, in_time: bool, weight: f64) -> Outcome {
        let known = self.visits[visit];
        let whole = time - known.since_s;
        let patient =
            self.hazards[known.service].map_or(1.0, |hazards| hazards.stay(whole).max(1e-6));
        Outcome {
            wait_s: time - self.scene.now_s,
            weight: weight * patient,
            before_close: in_time,
        }
    }

    fn start(&self, draws: &mut Draws, now: &mut Scratch) {
        now.outcomes.clear();
        now.outcomes.resize(
            self.visits.len(),
            Outcome {
                wait_s: WAIT_MAX_S / 2.0,
                weight: 1e-3,
                before_close: false,
            },
        );
        for (line, start) in now.lines.iter_mut().zip(&self.lines) {
            line.visits.clear();
            line.visits.extend_from_slice(&start.visits);
            line.first = 0;
        }
        now.factors.clear();
        for service in 0..self.services {
            let doubt = self.model.times.doubt(service);
            let level = draws.level();
            now.factors
                .push((doubt * nearly_normal(level) - doubt * doubt / 2.0).exp());
        }
        now.visits.clear();
        now.visits.extend_from_slice(&self.visits);
        now.leaves_s.clear();
        let waiting = self.visits.len() - self.joiners;
        for (at, visit) in self.visits.iter().enumerate() {
            // A joiner is not there yet: noted when called, serves nobody's turn.
            now.leaves_s.push(if at >= waiting {
                f64::NEG_INFINITY
            } else {
                self.leaves(draws, visit, self.scene.now_s)
            });
        }
        now.next_arrival_s.clear();
        if let Some(rates) = &self.rates {
            for rate in rates {
                now.next_arrival_s
                    .push(self.scene.now_s + exponential(draws, *rate));
            }
        }
        now.counters.clear();
        let stay = self.model.chance_to_stay(false);
        for (at, counter) in self.counters.iter().enumerate() {
            let mut state = CounterNow {
                next_s: f64::INFINITY,
                rests: false,
                services: counter.services,
                stays: draws.level() < stay,
                late: false,
                closed_s: f64::INFINITY,
            };
            let time = self.first_free(draws, now, at, counter);
            self.free_at(draws, &mut state, at, time);
            now.counters.push(state);
        }
    }

    fn first_free(
        &self,
        draws: &mut Draws,
        now: &Scratch,
        at: usize,
        counter: &CounterPlan,
    ) -> f64 {
        let now_s = self.scene.now_s;
        match counter.doing {
            Doing::Serving { service, since_s } => {
                let mean = (self.mean(at, service, since_s)
                    * now.factors[service.min(self.services - 1)])
                .max(1e-6);
                let shape = self.model.times.shape(service);
                let rest = shape.rest((now_s - since_s) / mean, draws.level()) * mean;
                now_s + rest + draw(self.model.pause(Pause::Finish), draws)
            }
            Doing::Idle { since_s, after } => {
                let sampler = self.model.pause(after);
                now_s + sampler.rest((now_s - since_s).max(0.0), draws.level())
            }
            Doing::Ready => now_s + draw(self.model.pause(Pause::Arrival), draws),
        }
    }

    /// The counter could call at `time`: then, or when its plan lets it.
    fn free_at(&self, draws: &mut Draws, state: &mut CounterNow, at: usize, time: f64) {
        let counter = &self.counters[at];
        let shifts = &counter.shifts;
        let current = shifts
            .iter()
            .find(|(shift, _)| shift.open_s <= time && time < shift.close_s);
        if let Some((shift, _)) = current {
            state.services = shift.services.with(counter.beyond_services);
            state.next_s = time;
            return;
        }
        let ended = shifts.iter().rev().find(|(shift, _)| shift.close_s <= time);
        let last = ended.is_some_and(|(_, last)| *last) && !self.carries_over;
        if counter.beyond_plan || last || (state.stays && ended.is_some()) {
            state.late = last;
            state.next_s = time;
            return;
        }
        state.closed_s = time;
        state.next_s = f64::INFINITY;
        if let Some((shift, _)) = shifts.iter().find(|(shift, _)| shift.open_s > time) {
            state.services = shift.services.with(counter.beyond_services);
            state.next_s = shift.open_s + draw(self.model.pause(Pause::Opening), draws);
        }
    }

    fn arrive(&self, draws: &mut Draws, now: &mut Scratch, service: usize, time: f64) {
        if let Some(rates) = &self.rates {
            now.next_arrival_s[service] = time + exponential(draws, rates[service]);
        }
        let Some(line) = self.lines.iter().position(|line| line.service == service) else {
            return;
        };
        let visit = Waiting {
            service,
            class: self.lines[line].class,
            since_s: time,
        };
        #[expect(clippy::cast_possible_truncation, reason = "bounded by CALLS_MAX")]
        now.lines[line].visits.push(now.visits.len() as u32);
        now.visits.push(visit);
        let leaves = self.leaves(draws, &visit, time);
        now.leaves_s.push(leaves);
        for at in 0..self.counters.len() {
            if now.counters[at].services.contains(service) && now.counters[at].rests {
                now.counters[at].rests = false;
                let pause = draw(self.model.pause(Pause::Arrival), draws);
                self.free_at(draws, &mut now.counters[at], at, time + pause);
            }
        }
    }

    fn leaves(&self, draws: &mut Draws, visit: &Waiting, time: f64) -> f64 {
        self.hazards[visit.service].map_or(f64::INFINITY, |hazards| {
            visit.since_s + hazards.draw(time - visit.since_s, draws.level())
        })
    }

    /// The line, and the place in it, that a counter calls from.
    fn choose(
        &self,
        draws: &mut Draws,
        now: &mut Scratch,
        at: usize,
        time: f64,
    ) -> Option<(usize, usize)> {
        now.heads.clear();
        now.head_lines.clear();
        for (line, start) in self.lines.iter().enumerate() {
            let length = now.lines[line].len();
            if length > 0 && now.counters[at].services.contains(start.service) {
                let head = now.lines[line].visits[now.lines[line].first] as usize;
                now.heads.push(Line {
                    service: start.service,
                    head_waited_s: time - now.visits[head].since_s,
                    length,
                });
                now.head_lines.push(line);
            }
        }
        if now.heads.is_empty() {
            return None;
        }
        if let Some(discipline) = self.scene.discipline {
            let urgency = |line: usize| {
                let head = now.lines[line].visits[now.lines[line].first] as usize;
                discipline.urgency(&now.visits[head], time)
            };
            let (mut most, mut line) = (f64::NEG_INFINITY, now.head_lines[0]);
            for other in &now.head_lines {
                let theirs = urgency(*other);
                if theirs > most {
                    (most, line) = (theirs, *other);
                }
            }
            return Some((line, 0));
        }
        let chosen = match self.counters[at].choice {
            _ if now.heads.len() == 1 => 0,
            Some(choice) => choice.choose(&now.heads, draws.level(), draws.level()),
            None => longest_wait(&now.heads),
        };
        let length = now.heads[chosen].length;
        let place = if length == 1 {
            0
        } else {
            match self.model.habits.place(draws.level()) {
                Place::First => 0,
                Place::Last => length - 1,
                // Below `length`.
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                Place::Any => ((draws.level() * length as f64) as usize).min(length - 1),
            }
        };
        Some((now.head_lines[chosen], place))
    }

    fn mean(&self, counter: usize, service: usize, time: f64) -> f64 {
        let hours = (time / 3600.0).floor() - (self.scene.now_s / 3600.0).floor();
        // Between 0 and HOURS.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let hours = hours.clamp(0.0, (HOURS - 1) as f64) as usize;
        self.counters[counter].means[hours * self.services + service.min(self.services - 1)]
    }
}

/// Lets every closed counter go on after all; false if there is none.
fn reopen(counters: &mut [CounterNow]) -> bool {
    let mut any = false;
    for counter in counters {
        if !counter.rests && counter.closed_s < f64::INFINITY {
            counter.stays = true;
            counter.late = true;
            counter.next_s = counter.closed_s;
            any = true;
        }
    }
    any
}

fn take(line: &mut LineNow, place: usize) -> u32 {
    if place == 0 {
        line.first += 1;
        line.visits[line.first - 1]
    } else {
        line.visits.remove(line.first + place)
    }
}

fn earliest(counters: &[CounterNow]) -> (usize, f64) {
    let mut best = (0, f64::INFINITY);
    for (at, counter) in counters.iter().enumerate() {
        if counter.next_s < best.1 {
            best = (at, counter.next_s);
        }
    }
    best
}

fn earliest_arrival(times: &[f64]) -> Option<(usize, f64)> {
    times
        .iter()
        .copied()
        .enumerate()
        .min_by(|a, b| a.1.total_cmp(&b.1))
}

fn longest_wait(heads: &[Line]) -> usize {
    let mut best = 0;
    for (at, head) in heads.iter().enumerate() {
        if head.head_waited_s > heads[best].head_waited_s {
            best = at;
        }
    }
    best
}

fn draw(sampler: &Sampler, draws: &mut Draws) -> f64 {
    if sampler.is_zero() {
        0.0
    } else {
        sampler.draw(draws.level())
    }
}

fn exponential(draws: &mut Draws, rate: f64) -> f64 {
    if rate <= 0.0 {
        f64::INFINITY
    } else {
        -(1.0 - draws.level()).max(1e-12).ln() / rate
    }
}

/// Tukey's lambda law of exponent 0.1349, which is normal to within 1 %.
fn nearly_normal(level: f64) -> f64 {
    let level = level.clamp(1e-4, 1.0 - 1e-4);
    (level.powf(0.1349) - (1.0 - level).powf(0.1349)) / 0.1975
}
