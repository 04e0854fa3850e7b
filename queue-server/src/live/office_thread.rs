//! The thread that owns the office's state and its event log.
//!
//! It takes up to [`BATCH_MAX`] commands that are waiting, decides and applies
//! one after another, stores what happened in one transaction, and only then
//! publishes one new view and answers (group commit). So neither is ever ahead of
//! the disk, and a slow disk makes batches larger, not answers wrong.
//!
//! When storing fails, every command of the batch is answered with
//! [`Outcome::Unavailable`], the state is forgotten, and the office says that it
//! does not accept commands. The log is opened anew every [`PROBE_EVERY`]; once a
//! write succeeds, the state is built from the log again, which says better than
//! any guess which commands of the failed batch are in it.
//!
//! A panic here is a bug: the thread ends, the program with it
//! ([`OfficeThread::ended`]), and whoever supervises it starts it again.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};
use usher_protocol::message::{Outcome, Rejection, Reply, RequestBody, Role};
use usher_protocol::{CommandId, DeviceId};

use crate::estimate;
use crate::live::handle::{
    Clock, DeviceReports, INBOX_COMMANDS_MAX, LatestReport, Message, OfficeHandle,
};
use crate::live::view::{ATTENTION_MAX, Attention, Condition, OfficeView, view_of};
use crate::office::Office;
use crate::office::command::Command;
use crate::office::event::{Event, Record, VisitQueued, VisitRenumbered};
use crate::office::intake::Intake;
use crate::office::moment::{DayWatch, Moment};
use crate::office::plan::OfficePlan;
use crate::office::reason::waited_minutes;
use crate::office::state::{Contradiction, Forgotten};
use crate::office::visit::Visit;
use crate::store::{EventLog, ReadError};

/// How many commands are stored in one transaction at most.
pub const BATCH_MAX: usize = 64;

/// How often a view is published while nothing happens: the minutes go on.
const VIEW_EVERY: Duration = if cfg!(test) {
    Duration::from_millis(200)
} else {
    Duration::from_secs(10)
};

/// How often the log is tried again after a fault.
const PROBE_EVERY: Duration = Duration::from_millis(500);

/// Why the state cannot be built from the log.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// An event cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The events contradict each other. Technician: restore the log from a
    /// backup, and report it: either the file was changed, or it is a bug.
    #[error("the event log contradicts itself: {0}; restore it from a backup")]
    Contradiction(#[from] Contradiction),
}

/// Why the office thread does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log does not make an office.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The system is out of something. Technician: look for what else runs on
    /// this machine; `systemctl status` tells the number of its tasks.
    #[error(
        "the system gives no thread for the office: end other programs, or restart the machine"
    )]
    Thread(#[source] std::io::Error),
}

/// What the office thread works with.
pub struct OfficeParts {
    /// What the office file says.
    pub plan: Arc<OfficePlan>,
    /// The devices of the office file.
    pub devices: Vec<(DeviceId, Role)>,
    /// The log, open for writing.
    pub log: EventLog,
    /// Tells the time.
    pub clock: Clock,
}

/// The running thread. Dropping this does not stop it: [`OfficeThread::stop`] does.
#[derive(Debug)]
pub struct OfficeThread {
    inbox: mpsc::Sender<Message>,
    ended: Option<oneshot::Receiver<()>>,
    thread: std::thread::JoinHandle<()>,
    /// How many events were read from the log at the start.
    pub events_recovered: u64,
}

impl OfficeThread {
    /// Builds the state from the log and starts the thread.
    ///
    /// # Errors
    /// [`StartError`] if the log does not make an office.
    pub fn start(parts: OfficeParts) -> Result<(OfficeHandle, Self), StartError> {
        let OfficeParts {
            plan,
            devices,
            log,
            clock,
        } = parts;
        let started = Instant::now();
        let now = Moment {
            wall: clock(),
            uptime: Duration::ZERO,
        };
        let intake = rebuild(&log, &plan, DayWatch::default(), now)?;
        let events_recovered = intake.office().sequence();
        tracing::info!(
            events = events_recovered,
            waiting = intake.office().waiting_count(),
            duration_ms = started.elapsed().as_secs_f64() * 1_000.0,
            "the office was built from its event log"
        );
        warn_of_left_behind(intake.office());

        let reports: DeviceReports = Arc::new(Mutex::new(
            devices
                .iter()
                .map(|(id, _)| (id.clone(), LatestReport::default()))
                .collect::<BTreeMap<_, _>>(),
        ));
        let (inbox, messages) = mpsc::channel(INBOX_COMMANDS_MAX);
        let condition = Condition {
            trouble: None,
            devices: &devices,
            reports: &reports,
            attention: Vec::new(),
        };
        let first = Arc::new(view_of(intake.office(), condition, clock()));
        let (views, view) = watch::channel(first);
        let handle = OfficeHandle::new(
            inbox.clone(),
            view,
            Arc::clone(&reports),
            Arc::clone(&clock),
        );
        let state = State {
            plan,
            devices,
            log,
            clock,
            reports,
            views,
            condition: Health::Storing(Box::new(intake)),
            started,
            next_view_at: started,
            refused_forms: VecDeque::new(),
            held_back_since: None,
        };
        // A runtime of its own, for the timed wait on the inbox: what blocks in
        // this thread blocks nobody else.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(StartError::Thread)?;
        let (ending, ended) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("office".to_owned())
            .spawn(move || {
                let _ending = ending;
                runtime.block_on(state.run(messages));
            })
            .map_err(StartError::Thread)?;
        let running = Self {
            inbox,
            ended: Some(ended),
            thread,
            events_recovered,
        };
        Ok((handle, running))
    }

    /// Resolves when the thread has ended, which without [`OfficeThread::stop`]
    /// it does only by a bug. Gives `None` the second time.
    pub fn ended(&mut self) -> Option<oneshot::Receiver<()>> {
        self.ended.take()
    }

    /// Answers what is in the inbox, closes the log, and ends the thread.
    pub async fn stop(self) {
        let _ = self.inbox.send(Message::Stop).await;
        drop(self.inbox);
        let joined = tokio::task::spawn_blocking(move || self.thread.join()).await;
        if !matches!(joined, Ok(Ok(()))) {
            tracing::error!("the office thread ended by a panic");
        }
    }
}

/// `watch` knows those who joined while this program ran.
fn rebuild(
    log: &EventLog,
    plan: &Arc<OfficePlan>,
    mut watch: DayWatch,
    now: Moment,
) -> Result<Intake, ReplayError> {
    let mut office = Office::new(Arc::clone(plan));
    let mut joined = HashMap::new();
    log.replay(|record| -> Result<(), ReplayError> {
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
        Ok(office.apply(&record)?)
    })?;
    for (visit, at) in joined {
        watch.join_by_log(visit, at, now);
    }
    watch.read(now);
    Ok(Intake::resume(office, Arc::new(estimate::foresee), watch))
}

/// A change of the office file may leave visits with a service, or at a counter,
/// that is no longer in it.
fn warn_of_left_behind(office: &Office) {
    let plan = office.plan();
    let orphans = office.waiting();
    let orphans = orphans.filter(|visit| plan.service(&visit.service).is_none());
    let count = orphans.count();
    if count > 0 {
        tracing::warn!(
            visits = count,
            "the office file no longer has the service of some who wait; every counter may call them"
        );
    }
    for (counter, _) in office.open_counters() {
        if plan.counter(counter).is_none() {
            tracing::warn!(
                counter.id = %counter,
                "the office file no longer has this counter, which is open; it closes with the day"
            );
        }
    }
}

struct State {
    plan: Arc<OfficePlan>,
    devices: Vec<(DeviceId, Role)>,
    log: EventLog,
    clock: Clock,
    reports: DeviceReports,
    views: watch::Sender<Arc<OfficeView>>,
    condition: Health,
    /// Where the time that cannot leap begins.
    started: Instant,
    next_view_at: Instant,
    /// Forms of kiosks that were refused and have not come in since.
    refused_forms: VecDeque<RefusedForm>,
    /// Since when the wall's clock is ahead past belief.
    held_back_since: Option<Timestamp>,
}

struct RefusedForm {
    form: CommandId,
    attention: Attention,
}

/// Whether events can be stored.
enum Health {
    /// They can; this is the state.
    Storing(Box<Intake>),
    /// They cannot, for this reason; the state is to be built again.
    Broken {
        trouble: String,
        probe_at: Instant,
        watch: DayWatch,
    },
}

/// A reply that goes out once what it says is on disk.
struct Pending {
    to: oneshot::Sender<Reply>,
    reply: Reply,
}

impl State {
    async fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        self.start_day_and_publish();
        loop {
            let wake_at = match &self.condition {
                Health::Storing(_) => self.next_view_at,
                Health::Broken { probe_at, .. } => *probe_at,
            };
            match tokio::time::timeout_at(wake_at.into(), inbox.recv_many(&mut batch, BATCH_MAX))
                .await
            {
                Ok(0) => break,
                Ok(_) => {
                    if batch.iter().any(|message| matches!(message, Message::Stop)) {
                        inbox.close();
                    }
                    self.take_batch(&mut batch);
                }
                Err(_) => {}
            }
            // Looked at after each batch: traffic that changes nothing must not
            // keep the minutes, or the day, from going on.
            if self.next_view_at <= Instant::now() {
                self.start_day_and_publish();
            }
            self.probe_if_due();
        }
        tracing::info!("the office thread has stored and answered everything and stops");
    }

    fn take_batch(&mut self, batch: &mut Vec<Message>) {
        let now = self.moment();
        let intake = match &mut self.condition {
            Health::Storing(intake) => intake,
            Health::Broken { trouble, .. } => {
                let trouble = trouble.clone();
                refuse(batch.drain(..), &trouble, now.wall);
                return;
            }
        };
        let mut records = Vec::new();
        let mut answers: Vec<Pending> = Vec::with_capacity(batch.len());
        let mut refresh = false;
        for message in batch.drain(..) {
            match message {
                Message::Command {
                    sender,
                    request,
                    answer,
                } => {
                    let command = Command::new(sender, request);
                    let handled = intake.handle(&command, now);
                    records.extend(handled.records);
                    if let Outcome::Rejected { rejection } = &handled.reply.outcome {
                        refresh |= note_refused_form(
                            &mut self.refused_forms,
                            &command,
                            rejection,
                            now.wall,
                        );
                    }
                    answers.push(Pending {
                        to: answer,
                        reply: handled.reply,
                    });
                }
                Message::Refresh => refresh = true,
                Message::Stop => {}
            }
        }
        if !records.is_empty() {
            refresh = true;
            if let Err(error) = self.log.append(&records) {
                self.break_down(&error.to_string());
                for pending in answers {
                    let reply = unavailable(pending.reply, error.to_string());
                    let _ = pending.to.send(reply);
                }
                return;
            }
        }
        records.iter().for_each(|record| self.report(record));
        // The view first: who has an answer finds it in the view.
        if refresh {
            self.publish();
        }
        for pending in answers {
            // Who no longer listens will ask again.
            let _ = pending.to.send(pending.reply);
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            wall: (self.clock)(),
            uptime: self.started.elapsed(),
        }
    }

    fn start_day_and_publish(&mut self) {
        let now = self.moment();
        if let Health::Storing(intake) = &mut self.condition
            && let Some(record) = intake.start_day_if_due(now)
        {
            if let Err(error) = self.log.append(std::slice::from_ref(&record)) {
                self.break_down(&error.to_string());
                return;
            }
            self.report(&record);
        }
        self.publish();
    }

    fn break_down(&mut self, trouble: &str) {
        tracing::error!(
            "events cannot be stored: {trouble}; the office works on paper until they can"
        );
        let watch = match &self.condition {
            Health::Storing(intake) => intake.watch().clone(),
            Health::Broken { watch, .. } => watch.clone(),
        };
        self.condition = Health::Broken {
            trouble: trouble.to_owned(),
            probe_at: Instant::now() + PROBE_EVERY,
            watch,
        };
        let now = (self.clock)();
        self.views.send_modify(|view| {
            let mut changed = OfficeView::clone(view);
            changed.as_of = now;
            changed.accepting = false;
            changed.trouble = Some(trouble.to_owned());
            *view = Arc::new(changed);
        });
    }

    fn probe_if_due(&mut self) {
        let now = self.moment();
        let Health::Broken {
            trouble,
            probe_at,
            watch,
        } = &mut self.condition
        else {
            return;
        };
        if *probe_at > Instant::now() {
            return;
        }
        let reopened = self.log.reopen(now.wall).map_err(|e| in_full(&e));
        let rebuilt = reopened.and_then(|()| {
            rebuild(&self.log, &self.plan, watch.clone(), now).map_err(|e| in_full(&e))
        });
        match rebuilt {
            Ok(intake) => {
                tracing::warn!("events can be stored again");
                self.condition = Health::Storing(Box::new(intake));
                self.start_day_and_publish();
            }
            Err(found) => {
                tracing::debug!("events still cannot be stored: {found}");
                if *trouble != found {
                    let trouble = found;
                    self.break_down(&trouble);
                } else {
                    *probe_at = Instant::now() + PROBE_EVERY;
                }
            }
        }
    }

    fn publish(&mut self) {
        self.next_view_at = Instant::now() + VIEW_EVERY;
        let now = self.moment();
        if let Health::Storing(intake) = &self.condition {
            let held_back = intake.day_held_back(now);
            let held_back = held_back_attention(&mut self.held_back_since, held_back, now.wall);
            let refused = self.refused_forms.iter().map(|form| form.attention.clone());
            let forgotten = forgotten_attention(intake.office(), now.wall);
            let condition = Condition {
                trouble: None,
                devices: &self.devices,
                reports: &self.reports,
                attention: held_back
                    .into_iter()
                    .chain(refused)
                    .chain(forgotten)
                    .take(ATTENTION_MAX)
                    .collect(),
            };
            let view = view_of(intake.office(), condition, now.wall);
            self.views.send_replace(Arc::new(view));
        }
    }

    /// What somebody who reads the program's log should know of; all else is in
    /// the event log.
    fn report(&mut self, record: &Record) {
        let entered = match &record.event {
            Event::VisitQueued(VisitQueued { paper, .. }) => paper.as_ref(),
            Event::VisitRenumbered(VisitRenumbered { paper, .. }) => Some(paper),
            Event::DayStarted { .. } => {
                self.refused_forms.clear();
                None
            }
            _ => None,
        };
        if let Some(paper) = entered {
            self.refused_forms
                .retain(|refused| refused.form != paper.form);
        }
        report(record, &self.plan);
    }
}

/// Tells staff of a kiosk's paper form that is not in the queue although a
/// resident holds it. Whether this is news: kiosks ask again. A clerk who is
/// refused one reads why, and has the resident there.
fn note_refused_form(
    refused_forms: &mut VecDeque<RefusedForm>,
    command: &Command,
    rejection: &Rejection,
    at: Timestamp,
) -> bool {
    let RequestBody::AdmitPaperForm { form, .. } = &command.body else {
        return false;
    };
    let id = form.command_id();
    let Some(device) = command.sender.device() else {
        tracing::warn!(
            device.id = %form.device,
            form.number = %form.number,
            code = ?rejection.code,
            "a paper form that a clerk brought in was refused"
        );
        return false;
    };
    if refused_forms.iter().any(|refused| refused.form == id) {
        return false;
    }
    tracing::warn!(
        device.id = %device,
        form.number = %form.number,
        code = ?rejection.code,
        "a kiosk's paper form was refused; whoever holds it is not in the queue"
    );
    let text = format!(
        "{device}'s paper form {} was refused: {} {}",
        form.number.spaced(),
        rejection.message,
        rejection.next_step
    );
    if refused_forms.len() == ATTENTION_MAX {
        refused_forms.pop_front();
    }
    refused_forms.push_back(RefusedForm {
        form: id,
        attention: Attention {
            at,
            device: Some(device.clone()),
            text,
        },
    });
    true
}

/// Tells staff of visits that everybody may have forgotten.
fn forgotten_attention(office: &Office, now: Timestamp) -> Vec<Attention> {
    let told = |visit: &Visit, why: Forgotten| {
        let number = visit.number.spaced();
        let minutes = now.duration_since(visit.state_since).as_mins().max(0);
        match why {
            Forgotten::Waits => {
                let minutes = waited_minutes(visit, now);
                let service = office.plan().service_name(&visit.service);
                format!(
                    "{number} has waited {minutes} min for {service}. Has it been forgotten? Look for the resident, or call it now."
                )
            }
            Forgotten::Called => {
                let counter = visit.state.call().map(|call| &call.counter);
                let label = counter.map_or("?", |counter| office.plan().counter_label(counter));
                format!(
                    "{number} was called to counter {label} {minutes} min ago, and nobody said what became of it. Start its service, or mark a no-show."
                )
            }
            Forgotten::OnHold => format!(
                "{number} has been on hold for {minutes} min. Resume it, or let it wait again."
            ),
        }
    };
    let forgotten = office.forgotten(now, ATTENTION_MAX);
    let attention = forgotten.into_iter().map(|(visit, why)| Attention {
        at: visit.state_since,
        device: None,
        text: told(visit, why),
    });
    attention.collect()
}

/// Tells staff, and once the log, that no new day starts, and what to do.
fn held_back_attention(
    since: &mut Option<Timestamp>,
    leap: Option<SignedDuration>,
    now: Timestamp,
) -> Option<Attention> {
    let Some(leap) = leap else {
        *since = None;
        return None;
    };
    let text = format!(
        "The server's clock went ahead by {} days at once, so no new day was started: numbers go on. Check the date of the server. If it is right, restart usher-server when nobody waits; if it is not, set the clock.",
        (leap.as_hours() + 12) / 24
    );
    if since.is_none() {
        tracing::error!("{text}");
    }
    Some(Attention {
        at: *since.get_or_insert(now),
        device: None,
        text,
    })
}

fn report(record: &Record, plan: &OfficePlan) {
    match &record.event {
        Event::DayStarted {
            date,
            left_at_close,
        } => tracing::info!(
            left_at_close = left_at_close.len(),
            "the office's day {date} starts"
        ),
        Event::VisitQueued(queued) => {
            let paper = queued.paper.as_ref();
            let series = queued
                .device
                .as_ref()
                .and_then(|id| plan.form_series.get(id));
            if let (Some(device), Some(series)) = (&queued.device, series)
                && paper.is_some()
                && queued.number.series() != *series
            {
                tracing::warn!(
                    device.id = %device,
                    form.number = %queued.number,
                    "a kiosk printed a form of a series that is not its own; set [paper_forms] series in its device file to \"{series}\""
                );
            }
            if let Some(other) = paper.and_then(|paper| paper.same_number_as) {
                tracing::warn!(
                    visit.id = queued.visit.0,
                    visit.other = other.0,
                    ticket.number = %queued.number,
                    "a kiosk printed a number twice: did it lose its journal? Both residents are in the queue; the counter's page tells them apart by their arrival"
                );
            }
        }
        _ => {}
    }
}

/// An error and its causes, for staff.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn refuse(messages: impl Iterator<Item = Message>, trouble: &str, now: Timestamp) {
    for message in messages {
        if let Message::Command {
            request, answer, ..
        } = message
        {
            let _ = answer.send(Reply {
                id: Some(request.id),
                server_time: now,
                outcome: Outcome::Unavailable {
                    reason: trouble.to_owned(),
                },
            });
        }
    }
}

fn unavailable(reply: Reply, reason: String) -> Reply {
    Reply {
        outcome: Outcome::Unavailable { reason },
        ..reply
    }
}

#[cfg(test)]
mod tests;
