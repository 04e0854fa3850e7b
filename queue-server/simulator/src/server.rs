//! The thread that owns the office, with a log in memory that behaves like the one
//! on disk, and every way in which it can stop.
//!
//! As the real one does (`usher_queue_server::live::office_thread`): up to
//! [`BATCH_MAX`] commands are decided, what happened is stored in one transaction,
//! and only then are they answered.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use usher_office::Office;
use usher_office::command::{Command, Sender};
use usher_office::event::{Event, Record};
use usher_office::intake::Intake;
use usher_office::moment::{DayWatch, Moment};
use usher_office::plan::OfficePlan;
use usher_office::state::Contradiction;
use usher_protocol::ServiceId;
use usher_protocol::message::{Outcome, Reply, Request, WaitRange};

use crate::seed::Dice;
use crate::world::Millis;

/// How many commands are stored in one transaction at most.
pub const BATCH_MAX: usize = 64;

/// A command that has come.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Who sent it.
    pub sender: Sender,
    /// What.
    pub request: Request,
    /// Whom to answer.
    pub errand: usize,
}

/// How one batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Stored, then answered.
    Done,
    /// The program ends before anything is stored.
    EndsBeforeStoring,
    /// The program ends in the middle of storing: a transaction is all or nothing,
    /// and it was nothing.
    EndsWhileStoring,
    /// The program ends when all is stored and none is answered.
    EndsAfterStoring,
    /// The program ends when all is stored and some are answered.
    EndsWhileAnswering,
    /// Storing fails, and nothing is stored.
    StoringFails,
    /// Storing says that it failed, but all is stored.
    StoringSeemsToFail,
}

/// What came of one batch.
#[derive(Debug, Default)]
pub struct Worked {
    /// What is in the log now and was not before.
    pub stored: Vec<Record>,
    /// The answers that go out.
    pub answers: Vec<(Incoming, Reply)>,
    /// Whether the program has ended.
    pub ended: bool,
}

/// The running program, or what is left of it.
pub struct Server {
    plan: Arc<OfficePlan>,
    log: Vec<Record>,
    intake: Option<Intake>,
    /// Kept while storing fails: the program runs on.
    watch: Option<DayWatch>,
    inbox: VecDeque<Incoming>,
    started_at: Millis,
    /// How far the wall's clock is ahead of the true time.
    ahead: Millis,
    runs: u64,
    dice: Dice,
    /// Of a thousand batches, so many end badly.
    trouble: u32,
}

impl Server {
    /// The program, started at `now` with an empty log.
    #[must_use]
    pub fn new(plan: Arc<OfficePlan>, dice: &mut Dice, now: Millis) -> Self {
        let mut own = dice.split();
        let trouble = [0, 5, 25][own.weighted(&[2, 4, 2])];
        Self {
            intake: Some(Intake::new(
                Office::new(Arc::clone(&plan)),
                Arc::new(foresee),
            )),
            plan,
            log: Vec::new(),
            watch: None,
            inbox: VecDeque::new(),
            started_at: now,
            ahead: 0,
            runs: 1,
            dice: own,
            trouble,
        }
    }

    /// The office, if the program runs and can store.
    #[must_use]
    pub fn office(&self) -> Option<&Office> {
        self.intake.as_ref().map(Intake::office)
    }

    /// What is durable.
    #[must_use]
    pub fn log(&self) -> &[Record] {
        &self.log
    }

    /// How often the program has started, or built its state anew.
    #[must_use]
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// How far the wall's clock is ahead of the true time.
    #[must_use]
    pub fn ahead(&self) -> Millis {
        self.ahead
    }

    /// The wall's clock leaps.
    pub fn leap(&mut self, by: Millis) {
        self.ahead += by;
    }

    /// A command has come; gone, if the program does not run.
    pub fn receive(&mut self, incoming: Incoming) {
        if self.intake.is_some() || self.watch.is_some() {
            self.inbox.push_back(incoming);
        }
    }

    /// Whether commands wait.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// What both clocks say.
    #[must_use]
    pub fn moment(&self, now: Millis) -> Moment {
        let uptime = u64::try_from(now - self.started_at).unwrap_or(0);
        Moment {
            wall: Timestamp::from_millisecond(now + self.ahead).unwrap_or_default(),
            uptime: Duration::from_millis(uptime),
        }
    }

    /// Takes in one batch; looks for a new day first, if it is time to.
    pub fn work(&mut self, now: Millis, look_for_day: bool) -> Worked {
        let moment = self.moment(now);
        let batch: Vec<Incoming> = {
            let count = self.inbox.len().min(BATCH_MAX);
            self.inbox.drain(..count).collect()
        };
        let Some(intake) = &mut self.intake else {
            let answers = batch.into_iter().map(|incoming| refused(incoming, moment));
            return Worked {
                answers: answers.collect(),
                ..Worked::default()
            };
        };
        let mut records: Vec<Record> = Vec::new();
        let mut answers = Vec::with_capacity(batch.len());
        if look_for_day {
            records.extend(intake.start_day_if_due(moment));
        }
        for incoming in batch {
            let command = Command::new(incoming.sender.clone(), incoming.request.clone());
            let handled = intake.handle(&command, moment);
            records.extend(handled.records);
            answers.push((incoming, handled.reply));
        }
        let fate = self.fate();
        if records.is_empty() && matches!(fate, Fate::StoringFails | Fate::StoringSeemsToFail) {
            return Worked {
                answers,
                ..Worked::default()
            };
        }
        self.end(fate, records, answers, moment)
    }

    fn fate(&mut self) -> Fate {
        if !self.dice.per_mille(self.trouble) {
            return Fate::Done;
        }
        match self.dice.weighted(&[1, 1, 2, 2, 2, 1]) {
            0 => Fate::EndsBeforeStoring,
            1 => Fate::EndsWhileStoring,
            2 => Fate::EndsAfterStoring,
            3 => Fate::EndsWhileAnswering,
            4 => Fate::StoringFails,
            _ => Fate::StoringSeemsToFail,
        }
    }

    fn end(
        &mut self,
        fate: Fate,
        records: Vec<Record>,
        mut answers: Vec<(Incoming, Reply)>,
        moment: Moment,
    ) -> Worked {
        let is_stored = !matches!(
            fate,
            Fate::EndsBeforeStoring | Fate::EndsWhileStoring | Fate::StoringFails
        );
        let stored = if is_stored { records } else { Vec::new() };
        self.log.extend(stored.iter().cloned());
        match fate {
            Fate::Done => {}
            Fate::StoringFails | Fate::StoringSeemsToFail => {
                self.watch = self.intake.take().map(|intake| intake.watch().clone());
                let failed = answers.into_iter();
                answers = failed.map(|(to, _)| refused(to, moment)).collect();
            }
            Fate::EndsWhileAnswering => {
                answers.truncate(answers.len() / 2);
                self.stop();
            }
            Fate::EndsBeforeStoring | Fate::EndsWhileStoring | Fate::EndsAfterStoring => {
                answers.clear();
                self.stop();
            }
        }
        Worked {
            stored,
            answers,
            ended: self.intake.is_none(),
        }
    }

    fn stop(&mut self) {
        self.intake = None;
        self.watch = None;
        self.inbox.clear();
    }

    /// The program starts again, or can store again: the state is built from the log.
    ///
    /// # Errors
    /// [`Contradiction`] if the log does not make an office.
    pub fn start(&mut self, now: Millis) -> Result<(), Contradiction> {
        let watch = match self.watch.take() {
            Some(watch) => watch,
            None => {
                self.started_at = now;
                DayWatch::default()
            }
        };
        let moment = self.moment(now);
        let (office, watch) = rebuild(&self.plan, &self.log, watch, moment)?;
        self.intake = Some(Intake::resume(office, Arc::new(foresee), watch));
        self.runs += 1;
        Ok(())
    }
}

/// The office that the log makes.
///
/// # Errors
/// [`Contradiction`] if the log contradicts itself.
pub fn replayed(plan: &Arc<OfficePlan>, log: &[Record]) -> Result<Office, Contradiction> {
    let mut office = Office::new(Arc::clone(plan));
    for record in log {
        office.apply(record)?;
    }
    Ok(office)
}

fn rebuild(
    plan: &Arc<OfficePlan>,
    log: &[Record],
    mut watch: DayWatch,
    now: Moment,
) -> Result<(Office, DayWatch), Contradiction> {
    let office = replayed(plan, log)?;
    let mut joined = HashMap::new();
    for record in log {
        match &record.event {
            Event::DayStarted { left_at_close, .. } => {
                for visit in left_at_close {
                    joined.remove(visit);
                }
            }
            Event::VisitQueued(queued) => {
                joined.insert(queued.visit, record.at);
            }
            Event::VisitFinished { visit, .. }
            | Event::VisitNoShow { visit, .. }
            | Event::VisitLeft { visit } => {
                joined.remove(visit);
            }
            Event::VisitReopened { visit } | Event::VisitReturned { visit } => {
                joined.insert(*visit, record.at);
            }
            _ => {}
        }
    }
    for (visit, at) in joined {
        watch.join_by_log(visit, at, now);
    }
    watch.read(now);
    Ok((office, watch))
}

fn refused(incoming: Incoming, moment: Moment) -> (Incoming, Reply) {
    let reply = Reply {
        id: Some(incoming.request.id.clone()),
        server_time: moment.wall,
        outcome: Outcome::Unavailable {
            reason: "the log cannot be written".to_owned(),
        },
    };
    (incoming, reply)
}

/// Three minutes for everybody before: enough to choose an order of services.
#[must_use]
pub fn foresee(office: &Office, service: &ServiceId, _: Timestamp) -> Option<WaitRange> {
    let waiting = u16::try_from(office.waiting_for(service)).unwrap_or(u16::MAX);
    Some(WaitRange {
        low_minutes: waiting.saturating_mul(3),
        high_minutes: waiting.saturating_mul(6).saturating_add(5),
    })
}
