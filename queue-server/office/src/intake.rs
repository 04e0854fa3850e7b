//! One command after another: decide, apply, answer.
//!
//! What it returns is not durable yet. Whoever runs it stores the records first
//! and only then lets the replies out (`usher_queue_server::live::office_thread`).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use usher_protocol::CommandId;
use usher_protocol::message::{Answer, Outcome, RejectionCode, Reply, RequestBody};

use crate::Office;
use crate::command::{Command, Fingerprint, Origin, whole_milliseconds};
use crate::decide::{day_due, decide};
use crate::event::{Event, Record};
use crate::foresee::Foresee;
use crate::moment::{DayWatch, LEAP_MAX, Moment};
use crate::rejection;

/// How many outcomes that left no event are remembered. At the bound the oldest
/// is forgotten: a repeat of it, minutes later, is decided anew.
pub const UNEVENTFUL_MAX: usize = 4096;

/// A wall's clock that went back by less was only put right a little.
pub const CLOCK_STEP_MIN: SignedDuration = SignedDuration::from_secs(60);

/// The office, taking in commands.
#[derive(Clone)]
pub struct Intake {
    office: Office,
    uneventful: Uneventful,
    foresee: Arc<dyn Foresee>,
    watch: DayWatch,
}

/// What became of one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handled {
    /// What happened, to be stored before `reply` is sent.
    pub records: Vec<Record>,
    /// The answer.
    pub reply: Reply,
}

impl Intake {
    /// Takes in commands for `office`, with waits foreseen by `foresee`.
    #[must_use]
    pub fn new(office: Office, foresee: Arc<dyn Foresee>) -> Self {
        Self::resume(office, foresee, DayWatch::default())
    }

    /// The same, for an office that was built from its log while `watch` was kept.
    #[must_use]
    pub fn resume(office: Office, foresee: Arc<dyn Foresee>, watch: DayWatch) -> Self {
        Self {
            office,
            uneventful: Uneventful::default(),
            foresee,
            watch,
        }
    }

    /// What is known of the clocks and of who is present.
    #[must_use]
    pub fn watch(&self) -> &DayWatch {
        &self.watch
    }

    /// The office as it stands.
    #[must_use]
    pub fn office(&self) -> &Office {
        &self.office
    }

    /// Starts the office's day if a new one has come; to be called before each
    /// command and now and then.
    pub fn start_day_if_due(&mut self, now: Moment) -> Option<Record> {
        self.watch.read(now);
        let day = self.office.plan().day_of(now.wall);
        if day <= self.office.day() || self.day_held_back(now).is_some() {
            return None;
        }
        let event = day_due(&self.office, now.wall, &self.watch.present(now))?;
        let command = CommandId::new(format!("day-{day}")).ok()?;
        let record = self.happen(now, command, Origin::Server, Fingerprint(0), event);
        let open = self.office.open_visits().into_iter().collect();
        self.watch.start_day(&open, now);
        Some(record)
    }

    /// Notes that the wall's clock was put back while somebody is here.
    fn follow_clock(&mut self, now: Moment) -> Option<Record> {
        let step = self
            .office
            .last_at()
            .duration_since(whole_milliseconds(now.wall));
        if step <= CLOCK_STEP_MIN || self.office.open_visits().is_empty() {
            return None;
        }
        let by_ms = i64::try_from(step.as_millis()).ok()?;
        let command = CommandId::new(format!("clock-{}", self.office.sequence() + 1)).ok()?;
        let event = Event::ClockSetBack { by_ms };
        Some(self.happen(now, command, Origin::Server, Fingerprint(0), event))
    }

    /// The leap of the wall's clock, if a day would start but for it: more than
    /// [`LEAP_MAX`] that the program did not run through. Somebody has to look.
    #[must_use]
    pub fn day_held_back(&self, now: Moment) -> Option<SignedDuration> {
        let is_due = self.office.plan().day_of(now.wall) > self.office.day();
        let leap = self.watch.leap(now);
        (is_due && leap > LEAP_MAX).then_some(leap)
    }

    /// Decides one command and takes in what it brings about.
    pub fn handle(&mut self, command: &Command, now: Moment) -> Handled {
        if command.body == RequestBody::Hello {
            return Handled {
                records: Vec::new(),
                reply: reply(command, now.wall, done()),
            };
        }
        let mut records: Vec<Record> = self.follow_clock(now).into_iter().collect();
        records.extend(self.start_day_if_due(now));
        let outcome = match self.uneventful.outcome(command) {
            Some(outcome) => outcome,
            None => self.decide(command, now, &mut records),
        };
        Handled {
            records,
            reply: reply(command, now.wall, outcome),
        }
    }

    fn decide(&mut self, command: &Command, now: Moment, records: &mut Vec<Record>) -> Outcome {
        let events = match decide(&self.office, command, now.wall, self.foresee.as_ref()) {
            Ok(events) => events,
            Err(rejection) => {
                // Whoever may not do it, or took another's id, says nothing about that id.
                // And a paper form has one id wherever it comes from: what a clerk
                // is refused, its kiosk may bring in. It enters once anyhow.
                let says_nothing = matches!(
                    rejection.code,
                    RejectionCode::NotAllowed | RejectionCode::IdInUse
                ) || matches!(command.body, RequestBody::AdmitPaperForm { .. });
                let outcome = Outcome::Rejected { rejection };
                if !says_nothing {
                    self.uneventful.remember(command, &outcome);
                }
                return outcome;
            }
        };
        let stayed_the_same = events.is_empty();
        for event in events {
            records.push(self.happen(
                now,
                command.id.clone(),
                command.sender.origin(),
                command.fingerprint,
                event,
            ));
        }
        let known = self.office.answers().get(&command.id);
        let known = known.or_else(|| match &command.body {
            RequestBody::AdmitPaperForm { form, .. } => {
                self.office.answers().get(&form.command_id())
            }
            _ => None,
        });
        match known {
            Some(known) => Outcome::Accepted {
                answer: known.answer.clone(),
            },
            None => {
                debug_assert!(stayed_the_same, "an event leaves an answer");
                let outcome = done();
                self.uneventful.remember(command, &outcome);
                outcome
            }
        }
    }

    fn happen(
        &mut self,
        now: Moment,
        command: CommandId,
        origin: Origin,
        fingerprint: Fingerprint,
        event: Event,
    ) -> Record {
        let record = Record {
            sequence: self.office.sequence() + 1,
            at: whole_milliseconds(now.wall),
            command,
            origin,
            fingerprint,
            event,
        };
        self.office
            .apply(&record)
            .expect("what was decided on this state can happen in it");
        let joined = match &record.event {
            Event::VisitQueued(queued) => Some(queued.visit),
            Event::VisitReturned { visit } | Event::VisitReopened { visit } => Some(*visit),
            _ => None,
        };
        if let Some(visit) = joined {
            self.watch.join(visit, now);
        }
        record
    }
}

fn done() -> Outcome {
    Outcome::Accepted {
        answer: Answer::Done,
    }
}

fn reply(command: &Command, now: Timestamp, outcome: Outcome) -> Reply {
    Reply {
        id: Some(command.id.clone()),
        server_time: now,
        outcome,
    }
}

/// Outcomes of late that left no event: rejections, and what was so already.
///
/// Without it a command that was delivered twice (MQTT's QoS 1 may) could be
/// rejected the first time and done the second: a call that nobody expects.
/// Lost with a restart, as are the messages that lay in the embedded broker.
#[derive(Debug, Clone, Default)]
struct Uneventful {
    outcomes: HashMap<CommandId, (Fingerprint, Outcome)>,
    order: VecDeque<CommandId>,
}

impl Uneventful {
    /// The outcome of the command if its id was used of late.
    fn outcome(&self, command: &Command) -> Option<Outcome> {
        let (asked, outcome) = self.outcomes.get(&command.id)?;
        Some(if *asked == command.fingerprint {
            outcome.clone()
        } else {
            Outcome::Rejected {
                rejection: rejection::id_in_use(),
            }
        })
    }

    fn remember(&mut self, command: &Command, outcome: &Outcome) {
        if self.outcomes.contains_key(&command.id) {
            return;
        }
        if self.order.len() == UNEVENTFUL_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.outcomes.remove(&oldest);
        }
        self.order.push_back(command.id.clone());
        self.outcomes
            .insert(command.id.clone(), (command.fingerprint, outcome.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Sender;
    use crate::sample;

    #[test]
    fn what_left_no_event_is_remembered_within_a_bound() {
        let mut intake = Intake::new(Office::new(sample::plan()), Arc::new(sample::foresee));
        let now = sample::moment_at("2026-11-25T17:00:00Z");
        for nth in 0..UNEVENTFUL_MAX + 10 {
            let body = RequestBody::CallNext {
                counter: sample::counter("1"),
            };
            let request = sample::request(&format!("n-{nth}"), body);
            let handled = intake.handle(&Command::new(Sender::Clerk, request), now);
            assert!(matches!(handled.reply.outcome, Outcome::Rejected { .. }));
        }
        assert_eq!(intake.uneventful.order.len(), UNEVENTFUL_MAX);
        assert_eq!(intake.uneventful.outcomes.len(), UNEVENTFUL_MAX);
        assert_eq!(intake.office().sequence(), 1, "only the day has started");
    }
}
