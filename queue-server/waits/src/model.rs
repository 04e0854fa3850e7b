//! What an office has learned, and what it starts with.

use serde::{Deserialize, Serialize};

use crate::arrivals::Arrivals;
use crate::calibration::Calibration;
use crate::habits::{Habits, Line};
use crate::histogram::{Histogram, Sampler};
use crate::patience::Patience;
use crate::promise::Promise;
use crate::scene::{Pause, Services};
use crate::service_time::ServiceTimes;

/// What is supposed of an office before anything was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Prior {
    /// Usual service time of each service in seconds, where the office says it.
    pub usual_s: Vec<Option<f64>>,
    /// Service time of a service of which nothing is known, in seconds.
    pub pooled_s: f64,
    /// Usual changeover between two visits, in seconds; 0 for none.
    pub changeover_s: f64,
}

impl Prior {
    /// Nothing is known but the number of services.
    #[must_use]
    pub fn broad(services: usize) -> Self {
        Self {
            usual_s: vec![None; services],
            pooled_s: 360.0,
            changeover_s: 0.0,
        }
    }
}

/// Pauses before a call, with a table to draw from that is kept up to date.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pauses {
    seen: Histogram,
    sampler: Sampler,
    since_built: f64,
}

impl Pauses {
    fn new(usual_s: f64) -> Self {
        let mut seen = Histogram::new(1.0, 200_000.0);
        if usual_s > 0.0 {
            seen.add_lognormal(usual_s, 0.8, 10.0);
        } else {
            seen.add(0.0, 1.0);
        }
        let sampler = seen.sampler(None);
        Self {
            seen,
            sampler,
            since_built: 0.0,
        }
    }

    fn observe(&mut self, seconds: f64) {
        self.seen.fade(0.9995);
        self.seen.add(seconds, 1.0);
        self.since_built += 1.0;
        if self.since_built >= (self.seen.total() / 20.0).min(50.0) {
            self.since_built = 0.0;
            self.sampler = self.seen.sampler(None);
        }
    }
}

/// Successes among trials, discounted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Chance {
    yes: f64,
    all: f64,
}

impl Chance {
    pub(crate) fn new(yes: f64, all: f64) -> Self {
        Self { yes, all }
    }

    pub(crate) fn observe(&mut self, happened: bool) {
        self.yes = self.yes * 0.98 + f64::from(u8::from(happened));
        self.all = self.all * 0.98 + 1.0;
    }

    pub(crate) fn value(&self) -> f64 {
        self.yes / self.all
    }
}

/// What an office has learned. A value: it can be stored, and goes on from there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Model {
    services: usize,
    pub(crate) times: ServiceTimes,
    pauses: [Pauses; 3],
    pub(crate) patience: Patience,
    pub(crate) arrivals: Arrivals,
    pub(crate) habits: Habits,
    /// Whether a counter goes on calling past its close: while others stay, and
    /// as the last of the day.
    stays: [Chance; 2],
    /// Whether those who wait when the office closes for long are called later.
    pub(crate) carried_over: Chance,
    pub(crate) calibration: Calibration,
}

impl Model {
    /// A model that has seen nothing.
    #[must_use]
    pub fn new(prior: &Prior) -> Self {
        let services = prior.usual_s.len();
        Self {
            services,
            times: ServiceTimes::new(services, &prior.usual_s, prior.pooled_s),
            pauses: [
                Pauses::new(prior.changeover_s),
                Pauses::new(0.0),
                Pauses::new(0.0),
            ],
            patience: Patience::new(),
            arrivals: Arrivals::new(),
            habits: Habits::new(services),
            stays: [Chance::new(0.1, 1.0), Chance::new(0.5, 1.0)],
            carried_over: Chance::new(0.2, 1.0),
            calibration: Calibration::new(),
        }
    }

    /// How many services it was made for.
    #[must_use]
    pub fn services(&self) -> usize {
        self.services
    }

    /// A visit arrived.
    pub fn observe_arrival(&mut self, service: usize, at_s: f64) {
        self.arrivals.observe(service, at_s);
    }

    /// A service ended that began then and took so many seconds.
    pub fn observe_service(
        &mut self,
        service: usize,
        counter: Option<usize>,
        began_s: f64,
        seconds: f64,
    ) {
        self.times.observe(service, counter, began_s, seconds);
    }

    /// A counter called so many seconds after it could have.
    pub fn observe_pause(&mut self, before: Pause, seconds: f64) {
        self.pauses[before as usize].observe(seconds.max(0.0));
    }

    /// A visit waited so many seconds, until it was called or left.
    pub fn observe_wait(&mut self, service: usize, waited_s: f64, left: bool) {
        self.patience.observe(service, waited_s, left);
    }

    /// A counter with these services called the visit at `position` (0 is the
    /// first) of `lines[chosen]`; `lines` are those it could have called from.
    pub fn observe_choice(
        &mut self,
        served: Services,
        lines: &[Line],
        chosen: usize,
        position: usize,
    ) {
        self.habits.observe(served.0, lines, chosen, position);
    }

    /// A counter's shift ended with somebody waiting whom it serves: whether it
    /// went on calling, and whether it was the last that could.
    pub fn observe_close(&mut self, went_on: bool, last: bool) {
        self.stays[usize::from(last)].observe(went_on);
    }

    /// A visit that waited when the office closed for long was called, or not.
    pub fn observe_carried_over(&mut self, called: bool) {
        self.carried_over.observe(called);
    }

    /// A promise came true so: the visit was called after so many seconds.
    pub fn observe_outcome(&mut self, promise: &Promise, waited_s: f64) {
        self.calibration.observe(promise, waited_s);
    }

    /// Mean seconds of a service in an hour of the day (0–23), at a counter or
    /// any.
    #[must_use]
    pub fn mean_service_s(&self, service: usize, counter: Option<usize>, hour: usize) -> f64 {
        self.times.mean(service, counter, hour)
    }

    /// The chance that a counter goes on calling past its close.
    #[must_use]
    pub fn chance_to_stay(&self, last: bool) -> f64 {
        self.stays[usize::from(last)].value()
    }

    pub(crate) fn pause(&self, before: Pause) -> &Sampler {
        &self.pauses[before as usize].sampler
    }
}
