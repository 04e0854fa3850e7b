//! What events teach of service times, pauses and patience.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use usher_office::Office;
use usher_office::event::{Event, Record};
use usher_office::state::OpenCounter;
use usher_office::visit::Visit;
use usher_protocol::{CounterId, ServiceId, VisitId};
use usher_waits::model::Model;
use usher_waits::promise::Promise;
use usher_waits::scene::Pause;

use crate::scene::seconds;

/// Something that a model learns from. A value: told on one thread, learned on another.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation {
    /// A resident joined the queue of a service.
    Arrival {
        /// The service's place in the office file.
        service: usize,
        /// When, in the office's seconds.
        at_s: f64,
    },
    /// A visit kept a counter for so long.
    Service {
        /// The service's place in the office file.
        service: usize,
        /// The counter's place in the office file.
        counter: Option<usize>,
        /// When it was called.
        began_s: f64,
        /// From the call to the end.
        lasted_s: f64,
    },
    /// A wait ended.
    Wait {
        /// The service's place in the office file.
        service: usize,
        /// How long it was, in seconds.
        waited_s: f64,
        /// The resident left; they were not called.
        left: bool,
    },
    /// A counter took so long to call, although somebody waited.
    Pause {
        /// What it could have called upon.
        before: Pause,
        /// In seconds.
        seconds: f64,
    },
    /// What was foreseen of a visit, and how it turned out.
    Outcome {
        /// What was foreseen.
        promise: Box<Promise>,
        /// How long it waited, in seconds.
        waited_s: f64,
    },
}

impl Observation {
    /// Teaches it to the model.
    pub fn teach(&self, model: &mut Model) {
        match self {
            Self::Arrival { service, at_s } => model.observe_arrival(*service, *at_s),
            Self::Service {
                service,
                counter,
                began_s,
                lasted_s,
            } => model.observe_service(*service, *counter, *began_s, *lasted_s),
            Self::Wait {
                service,
                waited_s,
                left,
            } => model.observe_wait(*service, *waited_s, *left),
            Self::Pause { before, seconds } => model.observe_pause(*before, *seconds),
            Self::Outcome { promise, waited_s } => model.observe_outcome(promise, *waited_s),
        }
    }
}

/// Follows the events of an office and tells what they teach.
#[derive(Debug, Default)]
pub struct Learner {
    /// Since when a counter could have called somebody who waited, and why.
    could_call: HashMap<CounterId, (Timestamp, Pause)>,
    /// What was foreseen of those who wait.
    promises: HashMap<VisitId, Promise>,
    /// Who has been called today.
    called: HashSet<VisitId>,
    /// What it has seen and nobody has taken yet.
    seen: Vec<Observation>,
}

/// More than this is not kept for whoever should take it: then nobody learns.
const SEEN_MAX: usize = 100_000;

impl Learner {
    /// What was seen since the last time.
    #[must_use]
    pub fn take(&mut self) -> Vec<Observation> {
        std::mem::take(&mut self.seen)
    }

    /// What was taken and could not be taught: it comes first the next time.
    pub fn give_back(&mut self, mut taken: Vec<Observation>) {
        taken.append(&mut self.seen);
        self.seen = taken;
    }

    /// What was foreseen of a visit that has joined the queue.
    pub fn promised(&mut self, visit: VisitId, promise: Promise) {
        self.promises.insert(visit, promise);
    }

    /// Sees what `record` changed; `office` is as it is after it.
    pub fn see(&mut self, office: &Office, record: &Record) {
        if self.seen.len() > SEEN_MAX {
            return;
        }
        match &record.event {
            Event::VisitQueued(queued) => self.arrives(office, record.at, &queued.service),
            Event::VisitCalled { visit, counter, .. } => {
                if let Some(visit) = office.visit(*visit) {
                    self.is_called(office, record.at, visit, counter);
                }
            }
            Event::VisitFinished { visit, counter, .. }
            | Event::VisitTransferred { visit, counter, .. }
            | Event::VisitHeld { visit, counter, .. }
            | Event::VisitNoShow { visit, counter } => {
                self.ends(office, record.at, *visit, counter);
            }
            Event::ServiceFinished {
                visit,
                counter,
                here: false,
                ..
            } => self.ends(office, record.at, *visit, counter),
            Event::VisitLeft { visit } => {
                self.promises.remove(visit);
                // Whoever was called before has waited no longer than that.
                if let Some(visit) = office.visit(*visit)
                    && !self.called.remove(&visit.id)
                {
                    let waited = record.at.duration_since(visit.since);
                    self.wait(office, visit, waited.as_secs_f64(), true);
                }
            }
            Event::CounterOpened { counter, .. }
            | Event::BreakEnded { counter }
            | Event::ServicesChanged { counter, .. } => {
                self.note_free(office, record.at, counter, Pause::Opening);
            }
            Event::CounterClosed { counter } | Event::BreakStarted { counter, .. } => {
                self.could_call.remove(counter);
            }
            Event::DayStarted { .. } => {
                self.could_call.clear();
                self.promises.clear();
                self.called.clear();
            }
            _ => {}
        }
    }

    fn arrives(&mut self, office: &Office, at: Timestamp, service: &ServiceId) {
        let plan = office.plan();
        if let Some(position) = plan.service_position(service) {
            self.seen.push(Observation::Arrival {
                service: position,
                at_s: seconds(&plan.time_zone, at),
            });
        }
        // A counter that had nobody to call has somebody now.
        let free = office
            .open_counters()
            .filter(|(_, has)| *has == OpenCounter::Free)
            .map(|(id, _)| id)
            .filter(|id| office.services_at(id).any(|own| own == service));
        for counter in free {
            self.could_call
                .entry(counter.clone())
                .or_insert((at, Pause::Arrival));
        }
    }

    fn is_called(&mut self, office: &Office, at: Timestamp, visit: &Visit, counter: &CounterId) {
        if let Some((since, before)) = self.could_call.remove(counter) {
            self.seen.push(Observation::Pause {
                before,
                seconds: at.duration_since(since).as_secs_f64().max(0.0),
            });
        }
        self.called.insert(visit.id);
        // Only the first wait of a visit is one that was foreseen.
        if !visit.done.is_empty() || visit.postponed > 0 || visit.no_shows > 0 {
            return;
        }
        let waited_s = at.duration_since(visit.since).as_secs_f64().max(0.0);
        self.wait(office, visit, waited_s, false);
        if let Some(promise) = self.promises.remove(&visit.id) {
            let promise = Box::new(promise);
            self.seen.push(Observation::Outcome { promise, waited_s });
        }
    }

    fn wait(&mut self, office: &Office, visit: &Visit, waited_s: f64, left: bool) {
        if let Some(service) = office.plan().service_position(&visit.service) {
            let waited_s = waited_s.max(0.0);
            self.seen.push(Observation::Wait {
                service,
                waited_s,
                left,
            });
        }
    }

    /// The counter was taken from the call until now.
    fn ends(&mut self, office: &Office, at: Timestamp, visit: VisitId, counter: &CounterId) {
        let plan = office.plan();
        let before = office
            .counter_now(counter)
            .and_then(|now| now.before(visit));
        if let Some((service, began)) = before
            && let Some(position) = plan.service_position(service)
        {
            self.seen.push(Observation::Service {
                service: position,
                counter: plan.info.counters.iter().position(|own| own.id == *counter),
                began_s: seconds(&plan.time_zone, began),
                lasted_s: at.duration_since(began).as_secs_f64().max(0.0),
            });
        }
        self.note_free(office, at, counter, Pause::Finish);
    }

    fn note_free(&mut self, office: &Office, at: Timestamp, counter: &CounterId, why: Pause) {
        if office.counter(counter) == Some(OpenCounter::Free) && office.waiting_at(counter, at) > 0
        {
            self.could_call.insert(counter.clone(), (at, why));
        } else {
            self.could_call.remove(counter);
        }
    }
}
