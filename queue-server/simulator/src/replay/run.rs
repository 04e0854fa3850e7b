//! A past day, run again through the office's own rules.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use usher_office::Office;
use usher_office::command::{Command, Sender};
use usher_office::event::{Event, Record};
use usher_office::intake::Intake;
use usher_office::moment::Moment;
use usher_office::plan::OfficePlan;
use usher_office::state::OpenCounter;
use usher_office::visit::VisitState;
use usher_protocol::message::{
    Answer, Appointment, AppointmentClaim, Outcome, Request, RequestBody, VisitDetails,
    VisitOutcome,
};
use usher_protocol::{CounterId, Language, ServiceId, VisitId};

use super::extract::{Came, CounterMove, PastDay, waits_from};
use crate::server::foresee;
use crate::world::{MINUTE, Millis};

/// What a run of the day came to.
#[derive(Debug, Default)]
pub(super) struct Ran {
    /// The wait of each who was called, with the service that they waited for first.
    pub(super) waits: Vec<(ServiceId, Millis)>,
    /// How many left without being called, or were there when all was over.
    pub(super) not_called: usize,
    /// How many could not come: the office has not what they came for.
    pub(super) not_taken: usize,
    /// When the last was done.
    pub(super) ended_at: Millis,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Counter(usize),
    Comes(usize),
    Starts(CounterId, VisitId),
    Done(CounterId, VisitId),
    InVain(CounterId, VisitId),
    Leaves(VisitId),
    Looks,
}

struct Run<'a> {
    day: &'a PastDay,
    intake: Intake,
    begins_at: Millis,
    now: Millis,
    due: BinaryHeap<Reverse<(Millis, u64, What)>>,
    planned: u64,
    commands: u64,
    who: BTreeMap<VisitId, usize>,
    stage: BTreeMap<VisitId, usize>,
    called: BTreeSet<VisitId>,
    /// Counters that have work of the day before them, as the log has it: what a
    /// busy counter shall do once it is free.
    later: BTreeMap<CounterId, Vec<CounterMove>>,
    ran: Ran,
}

/// Runs the day under `plan`.
pub(super) fn run(day: &PastDay, plan: &Arc<OfficePlan>) -> Ran {
    let first = day.came.first().map(|came| came.at);
    let opened = day.counters.first().map(|(at, ..)| *at);
    let begins_at = first.into_iter().chain(opened).min().unwrap_or(0);
    let mut run = Run {
        day,
        intake: Intake::new(Office::new(Arc::clone(plan)), Arc::new(foresee)),
        begins_at,
        now: begins_at,
        due: BinaryHeap::new(),
        planned: 0,
        commands: 0,
        who: BTreeMap::new(),
        stage: BTreeMap::new(),
        called: BTreeSet::new(),
        later: BTreeMap::new(),
        ran: Ran::default(),
    };
    run.book_all();
    for (nth, (at, ..)) in day.counters.iter().enumerate() {
        run.plan(*at, What::Counter(nth));
    }
    for (nth, came) in day.came.iter().enumerate() {
        run.plan(came.at, What::Comes(nth));
    }
    while let Some(Reverse((at, _, what))) = run.due.pop() {
        run.now = at;
        run.happen(what);
        run.call_all();
    }
    run.ran.not_called = run.who.len() - run.called.len();
    run.ran
}

impl Run<'_> {
    fn plan(&mut self, at: Millis, what: What) {
        self.planned += 1;
        self.due.push(Reverse((at, self.planned, what)));
    }

    fn send(&mut self, body: RequestBody) -> (Vec<Record>, Outcome) {
        self.commands += 1;
        let at = Timestamp::from_millisecond(self.now).unwrap_or_default();
        let Ok(id) = format!("replay-{}", self.commands).parse() else {
            return (
                Vec::new(),
                Outcome::Accepted {
                    answer: Answer::Done,
                },
            );
        };
        let request = Request {
            id,
            sent_at: at,
            boot: 0,
            body,
        };
        let uptime = u64::try_from(self.now - self.begins_at).unwrap_or(0);
        let moment = Moment {
            wall: at,
            uptime: Duration::from_millis(uptime),
        };
        let handled = self
            .intake
            .handle(&Command::new(Sender::Clerk, request), moment);
        (handled.records, handled.reply.outcome)
    }

    fn book_all(&mut self) {
        for nth in 0..self.day.came.len() {
            if let Some(appointment) = appointment_of(&self.day.came[nth]) {
                self.send(RequestBody::BookAppointment {
                    appointment: Box::new(appointment),
                });
            }
        }
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Counter(nth) => {
                let (_, counter, does) = self.day.counters[nth].clone();
                self.move_counter(counter, does);
            }
            What::Comes(nth) => self.comes(nth),
            What::Starts(counter, visit) => {
                if self.is_called(visit) {
                    self.send(RequestBody::StartService {
                        counter: counter.clone(),
                    });
                    self.serve(counter, visit);
                }
            }
            What::Done(counter, visit) => self.done(&counter, visit),
            What::InVain(counter, visit) => {
                if self.is_called(visit) {
                    self.send(RequestBody::MarkNoShow {
                        counter: counter.clone(),
                    });
                    self.free(&counter);
                }
            }
            What::Leaves(visit) => {
                let waits = self.intake.office().visit(visit);
                if waits.is_some_and(|visit| visit.state == VisitState::Waiting) {
                    self.send(RequestBody::LeaveVisit { visit });
                }
            }
            What::Looks => {}
        }
    }

    fn is_called(&self, visit: VisitId) -> bool {
        let known = self.intake.office().visit(visit);
        known.is_some_and(|visit| matches!(visit.state, VisitState::Called { .. }))
    }

    fn move_counter(&mut self, counter: CounterId, does: CounterMove) {
        let is_busy = matches!(
            self.intake.office().counter(&counter),
            Some(OpenCounter::Busy(_))
        );
        if is_busy && matches!(does, CounterMove::Closes | CounterMove::Rests) {
            self.later.entry(counter).or_default().push(does);
            return;
        }
        // A break that never began, for the counter was busy all the while.
        if does == CounterMove::Returns
            && let Some(later) = self.later.get_mut(&counter)
            && later.pop().is_some()
        {
            return;
        }
        self.send(match does {
            CounterMove::Opens(clerk) => RequestBody::OpenCounter { counter, clerk },
            CounterMove::Closes => RequestBody::CloseCounter { counter },
            CounterMove::Rests => RequestBody::TakeBreak {
                counter,
                minutes: None,
            },
            CounterMove::Returns => RequestBody::EndBreak { counter },
            CounterMove::Serves(services) => RequestBody::ChangeServices { counter, services },
        });
    }

    fn free(&mut self, counter: &CounterId) {
        for does in self.later.remove(counter).unwrap_or_default() {
            self.move_counter(counter.clone(), does);
        }
    }

    fn comes(&mut self, nth: usize) {
        let came = &self.day.came[nth];
        let arrived_at = Timestamp::from_millisecond(came.at).unwrap_or_default();
        let services: Vec<ServiceId> = came.stages.iter().map(|s| s.service.clone()).collect();
        let Some((service, _)) = services.split_first() else {
            return;
        };
        // Only the first is told: what follows is asked for when it is done, so that
        // the order stays the one that really was.
        let details = Box::new(VisitDetails {
            needs: came.needs.clone(),
            priority: came.priority,
            ..VisitDetails::default()
        });
        let left_after = came.left_after;
        let language = Language::english();
        let body = match appointment_of(came) {
            Some(appointment) => RequestBody::CheckInAppointment {
                claim: AppointmentClaim::Code(appointment.code),
                language: Some(language),
                arrived_at,
                details,
            },
            None => RequestBody::CheckIn {
                service: service.clone(),
                language,
                arrived_at,
                details,
            },
        };
        match self.send(body).1 {
            Outcome::Accepted {
                answer: Answer::Queued { ticket },
            } => {
                self.who.insert(ticket.visit, nth);
                if let Some(after) = left_after {
                    self.plan(self.now + after, What::Leaves(ticket.visit));
                }
            }
            _ => self.ran.not_taken += 1,
        }
    }

    fn serve(&mut self, counter: CounterId, visit: VisitId) {
        let stage = self.stage.get(&visit).copied().unwrap_or(0);
        let came = self.who.get(&visit).map(|nth| &self.day.came[*nth]);
        let stage = came.and_then(|came| came.stages.get(stage));
        let takes = stage.map_or(0, |stage| stage.takes);
        self.plan(self.now + takes, What::Done(counter, visit));
    }

    fn done(&mut self, counter: &CounterId, visit: VisitId) {
        let stage = self.stage.entry(visit).or_insert(0);
        *stage += 1;
        let stage = *stage;
        let next = self.who.get(&visit).map(|nth| &self.day.came[*nth]);
        let next = next.and_then(|came| came.stages.get(stage));
        if let Some(next) = next.map(|next| next.service.clone()) {
            self.send(RequestBody::AddService {
                visit,
                service: next,
            });
        }
        let (records, _) = self.send(RequestBody::FinishVisit {
            counter: counter.clone(),
            outcome: VisitOutcome::Served,
        });
        self.ran.ended_at = self.now;
        let goes_on = records
            .iter()
            .any(|record| matches!(record.event, Event::ServiceFinished { here: true, .. }));
        if goes_on {
            self.serve(counter.clone(), visit);
        } else {
            self.free(counter);
        }
    }

    /// Every counter that is free calls the next.
    fn call_all(&mut self) {
        let free: Vec<CounterId> = self
            .intake
            .office()
            .open_counters()
            .filter(|(_, has)| *has == OpenCounter::Free)
            .map(|(counter, _)| counter.clone())
            .collect();
        for counter in free {
            let at = Timestamp::from_millisecond(self.now).unwrap_or_default();
            let office = self.intake.office();
            if office.next_for(&counter, at, 1).is_empty() {
                continue;
            }
            let (_, outcome) = self.send(RequestBody::CallNext {
                counter: counter.clone(),
            });
            let Outcome::Accepted {
                answer: Answer::AtCounter { visit, .. },
            } = outcome
            else {
                continue;
            };
            self.called_to(counter, visit);
        }
        // Some may be called only after a while: by overflow, or to another counter.
        let waits = self.intake.office().waiting_count() > 0;
        let is_alone = self.due.len() <= 1 || self.due.peek().is_none();
        let next = self.due.peek().map(|Reverse((at, ..))| *at);
        let soon = self.now + MINUTE;
        let is_quiet = next.is_none_or(|next| next > soon);
        let some_open = self.intake.office().open_counters().next().is_some();
        if waits && some_open && is_quiet && !(is_alone && self.is_over()) {
            self.plan(soon, What::Looks);
        }
    }

    /// Whether nothing is to be expected of this day.
    fn is_over(&self) -> bool {
        let last = self.day.came.last().map_or(0, |came| came.at);
        self.now > last + 600 * MINUTE
    }

    fn called_to(&mut self, counter: CounterId, visit: VisitId) {
        let Some(nth) = self.who.get(&visit).copied() else {
            return;
        };
        let came = &self.day.came[nth];
        if self.called.insert(visit)
            && let Some(stage) = came.stages.first()
        {
            let waited = (self.now - waits_from(came)).max(0);
            self.ran.waits.push((stage.service.clone(), waited));
        }
        let (at, what) = match came.kept_a_counter {
            Some(vain) => (self.now + vain, What::InVain(counter, visit)),
            None => (self.now + self.day.walk, What::Starts(counter, visit)),
        };
        self.plan(at, what);
    }
}

fn appointment_of(came: &Came) -> Option<Appointment> {
    let appointment = came.appointment.as_ref()?;
    Some(Appointment {
        code: appointment.code.clone(),
        at: appointment.at,
        services: came
            .stages
            .first()
            .map(|stage| stage.service.clone())
            .into_iter()
            .collect(),
        language: None,
        person: None,
        party: 1,
        needs: came.needs.clone(),
    })
}
