//! What a log tells of a day, without the policy that made it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use usher_office::event::{AppointmentOf, Event, Record};
use usher_office::plan::OfficePlan;
use usher_protocol::message::{Needs, TransferTo};
use usher_protocol::{ClerkId, CounterId, ServiceId};

use crate::world::{MINUTE, Millis};

/// One service of a visit, as it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Which.
    pub service: ServiceId,
    /// How long it took at counters, milliseconds.
    pub takes: Millis,
}

/// Somebody who came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Came {
    /// When, by the server's clock.
    pub at: Millis,
    /// What was done for them, in that order; if nothing was, what they came for.
    pub stages: Vec<Stage>,
    /// The appointment that they came for.
    pub appointment: Option<AppointmentOf>,
    /// What they needed.
    pub needs: Needs,
    /// The class that staff gave.
    pub priority: Option<u8>,
    /// How long they stayed without being served, if they left or did not come when
    /// called; `None` if they were served.
    pub left_after: Option<Millis>,
    /// How long a counter waited in vain for them, if it did.
    pub kept_a_counter: Option<Millis>,
    /// How long they really waited for the first call, if they were called.
    pub really_waited: Option<Millis>,
}

/// What a counter did, beside serving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CounterMove {
    /// It opened, with this clerk.
    Opens(Option<ClerkId>),
    /// It closed.
    Closes,
    /// Its clerk took a break.
    Rests,
    /// The break was over.
    Returns,
    /// It served other services from then on.
    Serves(Vec<ServiceId>),
}

/// A day, as far as no policy made it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PastDay {
    /// Who came, in the order of their coming.
    pub came: Vec<Came>,
    /// What counters did, in that order.
    pub counters: Vec<(Millis, CounterId, CounterMove)>,
    /// How long the middle resident walked to the counter, milliseconds.
    pub walk: Millis,
}

#[derive(Default)]
struct Course {
    first_call: Option<Millis>,
    called_at: Option<Millis>,
    serving_since: Option<Millis>,
    service: Option<ServiceId>,
    ended_at: Option<Millis>,
    vain: Option<Millis>,
    is_served: bool,
}

#[derive(Default)]
struct Reading {
    day: PastDay,
    courses: BTreeMap<u64, (usize, Course)>,
    walks: Vec<Millis>,
}

/// The days that the records tell of.
#[must_use]
pub(super) fn past_days(records: &[Record], plan: &OfficePlan) -> Vec<PastDay> {
    let mut days = Vec::new();
    let mut reading = Reading::default();
    for record in records {
        if matches!(record.event, Event::DayStarted { .. }) {
            days.push(std::mem::take(&mut reading).ended());
        }
        reading.take(record, plan);
    }
    days.push(reading.ended());
    days.retain(|day| !day.came.is_empty());
    days
}

fn ms(at: Timestamp) -> Millis {
    at.as_millisecond()
}

impl Reading {
    fn take(&mut self, record: &Record, plan: &OfficePlan) {
        let at = ms(record.at);
        match &record.event {
            Event::VisitQueued(queued) => {
                let mut wanted = vec![queued.service.clone()];
                wanted.extend(queued.details.also.iter().cloned());
                let usual = plan.service_rules(&queued.service).priority;
                let given = queued.details.priority;
                self.courses
                    .insert(queued.visit.0, (self.day.came.len(), Course::default()));
                let course = self.courses.get_mut(&queued.visit.0);
                if let Some((_, course)) = course {
                    course.service = Some(queued.service.clone());
                }
                self.day.came.push(Came {
                    at: ms(queued.arrived_at).min(at),
                    stages: Vec::new(),
                    appointment: queued.appointment.clone(),
                    needs: queued.details.needs.clone(),
                    priority: given.filter(|class| *class != usual),
                    left_after: None,
                    kept_a_counter: None,
                    really_waited: None,
                });
            }
            Event::CounterOpened { counter, clerk } => {
                self.counter(at, counter, CounterMove::Opens(clerk.clone()));
            }
            Event::CounterClosed { counter } => self.counter(at, counter, CounterMove::Closes),
            Event::BreakStarted { counter, .. } => self.counter(at, counter, CounterMove::Rests),
            Event::BreakEnded { counter } => self.counter(at, counter, CounterMove::Returns),
            Event::ServicesChanged { counter, services } => {
                self.counter(at, counter, CounterMove::Serves(services.clone()));
            }
            _ => self.move_visit(at, &record.event),
        }
    }

    fn counter(&mut self, at: Millis, counter: &CounterId, what: CounterMove) {
        self.day.counters.push((at, counter.clone(), what));
    }

    fn move_visit(&mut self, at: Millis, event: &Event) {
        let visit = match event {
            Event::VisitCalled { visit, .. }
            | Event::VisitResumed { visit, .. }
            | Event::ServiceStarted { visit, .. }
            | Event::VisitFinished { visit, .. }
            | Event::ServiceFinished { visit, .. }
            | Event::VisitNoShow { visit, .. }
            | Event::VisitHeld { visit, .. }
            | Event::VisitTransferred { visit, .. }
            | Event::VisitLeft { visit }
            | Event::ServiceChanged { visit, .. }
            | Event::Undone { visit, .. } => visit.0,
            _ => return,
        };
        let Some((nth, course)) = self.courses.get_mut(&visit) else {
            return;
        };
        let came = &mut self.day.came[*nth];
        match event {
            Event::VisitCalled { .. } | Event::VisitResumed { .. } => {
                course.first_call.get_or_insert(at);
                course.called_at = Some(at);
            }
            Event::ServiceStarted { .. } => {
                if let Some(called) = course.called_at.take() {
                    self.walks.push((at - called).max(0));
                }
                course.serving_since = Some(at);
                course.is_served = true;
            }
            Event::ServiceFinished { next, here, .. } => {
                course.stop(at, came);
                course.service = Some(next.clone());
                course.serving_since = here.then_some(at);
            }
            Event::VisitFinished { .. } | Event::VisitHeld { .. } => course.stop(at, came),
            Event::VisitTransferred { to, .. } => {
                course.stop(at, came);
                if let TransferTo::Service(service) = to {
                    course.service = Some(service.clone());
                }
            }
            Event::ServiceChanged { service, .. } => course.service = Some(service.clone()),
            Event::VisitNoShow { .. } => {
                course.vain = course.called_at.take().map(|called| at - called);
                course.ended_at = Some(at);
            }
            Event::VisitLeft { .. } => {
                course.stop(at, came);
                course.ended_at = Some(at);
            }
            // Back to before: what was done goes on, or is done later.
            Event::Undone { .. } if course.is_served => course.serving_since = Some(at),
            _ => {}
        }
    }

    fn ended(mut self) -> PastDay {
        for (nth, course) in self.courses.values() {
            let came = &mut self.day.came[*nth];
            came.really_waited = course
                .first_call
                .map(|call| (call - waits_from(came)).max(0));
            if came.stages.is_empty() {
                came.stages.extend(
                    course
                        .service
                        .clone()
                        .map(|service| Stage { service, takes: 0 }),
                );
                // Who was never served and never said so was there for hours.
                let until = course.ended_at.unwrap_or(came.at + 240 * MINUTE);
                came.left_after = Some((until - came.at).max(0));
                came.kept_a_counter = course.vain;
            }
        }
        self.walks.sort_unstable();
        self.day.walk = self.walks.get(self.walks.len() / 2).copied().unwrap_or(0);
        self.day.came.sort_by_key(|came| came.at);
        self.day
    }
}

impl Course {
    /// What was being done stops; its time counts for its service.
    fn stop(&mut self, at: Millis, came: &mut Came) {
        let (Some(since), Some(service)) = (self.serving_since.take(), &self.service) else {
            return;
        };
        let takes = (at - since).max(0);
        match came
            .stages
            .last_mut()
            .filter(|stage| stage.service == *service)
        {
            Some(stage) => stage.takes += takes,
            None => came.stages.push(Stage {
                service: service.clone(),
                takes,
            }),
        }
    }
}

/// From when somebody waits: an appointment in time waits from the agreed time,
/// but not before its resident is there.
pub(super) fn waits_from(came: &Came) -> Millis {
    match &came.appointment {
        Some(appointment) if appointment.in_time => came.at.max(ms(appointment.at)),
        _ => came.at,
    }
}
