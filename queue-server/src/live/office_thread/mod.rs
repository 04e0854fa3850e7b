//! The thread that owns the office's state and its event log.
//!
//! It takes up to [`BATCH_MAX`] commands that are waiting, decides and applies one
//! after another, and hands what happened to the log's own thread
//! ([`crate::store::Writer`]), with the answers and the new view. That thread stores
//! all that waits for it in one transaction (group commit), and only then lets views
//! and answers out, in order. So this thread decides the next commands while the disk
//! works, and yet neither an answer nor a view is ever ahead of the disk.
//!
//! When storing fails, every command that was decided upon what is not stored is
//! answered with [`Outcome::Unavailable`], the state is forgotten, and the office
//! says that it does not accept commands. The log is opened anew every
//! [`PROBE_EVERY`]; once a write succeeds, the state is built from the log again,
//! which says better than any guess which commands are in it.
//!
//! A panic here is a bug: the thread ends, the program with it
//! ([`OfficeThread::ended`]), and whoever supervises it starts it again.

mod attention;
mod rebuild;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use usher_forecast::Latest;
use usher_protocol::DeviceId;
use usher_protocol::message::{Outcome, Reply, Role};

use crate::estimate;
use crate::forecaster::Forecaster;
use crate::live::handle::{
    Clock, DeviceReports, INBOX_COMMANDS_MAX, LatestReport, Message, OfficeHandle,
};
use crate::live::view::{ATTENTION_MAX, Condition, OfficeView, view_of};
use crate::office::command::Command;
use crate::office::event::{Event, Record, VisitQueued, VisitRenumbered};
use crate::office::intake::Intake;
use crate::office::moment::{DayWatch, Moment};
use crate::office::plan::OfficePlan;
use crate::store::{EventLog, Writer};
use attention::{RefusedForm, forgotten_attention, held_back_attention, note_refused_form};
use rebuild::{Material, rebuild, snapshot_marks, warn_of_left_behind};

pub use rebuild::ReplayError;

/// How many commands are decided at a time at most.
pub const BATCH_MAX: usize = 64;

/// How often a view is published while nothing happens: the minutes go on.
const VIEW_EVERY: Duration = if cfg!(test) {
    Duration::from_millis(200)
} else {
    Duration::from_secs(10)
};

/// After so many events a snapshot is made, beside those at each day's start and
/// at the end.
const SNAPSHOT_EVERY_EVENTS: u64 = 100_000;

/// How often the log is tried again after a fault.
const PROBE_EVERY: Duration = Duration::from_millis(500);

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
    /// How many events the log had at the start.
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
        let data_dir = log.directory().to_owned();
        let latest = Latest::new(Arc::new(estimate::foresee));
        let material = Material {
            plan,
            foresee: Arc::new(latest.clone()),
        };
        let started = Instant::now();
        let now = Moment {
            wall: clock(),
            uptime: Duration::ZERO,
        };
        let (intake, events_read) = rebuild(&log, &material, DayWatch::default(), now)?;
        let events_recovered = intake.office().sequence();
        tracing::info!(
            events = events_recovered,
            events_after_snapshot = events_read,
            waiting = intake.office().waiting_count(),
            duration_ms = started.elapsed().as_secs_f64() * 1_000.0,
            "the office was built from its event log"
        );
        warn_of_left_behind(intake.office());
        let forecaster =
            Forecaster::start(&material.plan, data_dir, events_recovered, latest.clone());

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
            latest: &latest,
        };
        let first = Arc::new(view_of(intake.office(), condition, clock()));
        let (views, view) = watch::channel(first);
        let handle = OfficeHandle::new(
            inbox.clone(),
            view,
            Arc::clone(&reports),
            Arc::clone(&clock),
        );
        let (failing, failures) = mpsc::unbounded_channel();
        let state = State {
            material,
            forecaster,
            devices,
            snapshot_at: events_recovered.saturating_sub(events_read),
            log: Writer::start(log).map_err(StartError::Thread)?,
            clock,
            reports,
            views: Arc::new(views),
            failing,
            failures,
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

struct State {
    material: Material,
    forecaster: Forecaster,
    devices: Vec<(DeviceId, Role)>,
    log: Writer,
    /// The event of the newest snapshot.
    snapshot_at: u64,
    clock: Clock,
    reports: DeviceReports,
    views: Arc<watch::Sender<Arc<OfficeView>>>,
    /// Why something could not be stored, from the log's thread.
    failing: mpsc::UnboundedSender<String>,
    failures: mpsc::UnboundedReceiver<String>,
    condition: Health,
    /// Where the time that cannot leap begins.
    started: Instant,
    next_view_at: Instant,
    /// Forms of kiosks that were refused and have not come in since.
    refused_forms: VecDeque<RefusedForm>,
    /// Since when the wall's clock is ahead past belief.
    held_back_since: Option<Timestamp>,
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
            tokio::select! {
                biased;
                failure = self.failures.recv() => {
                    if let Some(trouble) = failure {
                        self.note_failure(&trouble);
                    }
                }
                received = inbox.recv_many(&mut batch, BATCH_MAX) => {
                    if received == 0 {
                        break;
                    }
                    if batch.iter().any(|message| matches!(message, Message::Stop)) {
                        inbox.close();
                    }
                    self.take_batch(&mut batch);
                }
                () = tokio::time::sleep_until(wake_at.into()) => {}
            }
            // Looked at after each batch: traffic that changes nothing must not
            // keep the minutes, or the day, from going on.
            if self.next_view_at <= Instant::now() {
                self.start_day_and_publish();
            }
            self.probe_if_due();
        }
        self.save_snapshot();
        self.forecaster.stop();
        if self.log.close().is_some() {
            tracing::info!("the office thread has stored and answered everything and stops");
        } else {
            tracing::error!("the thread of the event log ended by a panic");
        }
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
                    for record in &handled.records {
                        self.forecaster.see(intake.office(), record);
                    }
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
        refresh |= !records.is_empty();
        if refresh {
            self.forecaster.look(intake.office(), now.wall);
        }
        records.iter().for_each(|record| self.report(record));
        let view = refresh.then(|| self.view()).flatten();
        self.store(records, view, answers);
        self.save_snapshot_if_due();
    }

    /// Has the records stored, and then lets view and answers out. Also for none:
    /// an answer may tell of what was sent to be stored before.
    fn store(&self, records: Vec<Record>, view: Option<OfficeView>, answers: Vec<Pending>) {
        let views = Arc::clone(&self.views);
        let failing = self.failing.clone();
        let clock = Arc::clone(&self.clock);
        self.log.append(records, move |stored| match stored {
            Ok(_) => {
                // The view first: who has an answer finds it in the view.
                if let Some(view) = view {
                    views.send_replace(Arc::new(view));
                }
                for pending in answers {
                    // Who no longer listens will ask again.
                    let _ = pending.to.send(pending.reply);
                }
            }
            Err(error) => {
                let trouble = error.to_string();
                // First, so that whoever asks again because of the answer meets an
                // office that knows, and finds it in the view.
                let _ = failing.send(trouble.clone());
                say_broken(&views, &trouble, clock());
                for pending in answers {
                    let reply = unavailable(pending.reply, trouble.clone());
                    let _ = pending.to.send(reply);
                }
            }
        });
    }

    fn moment(&self) -> Moment {
        Moment {
            wall: (self.clock)(),
            uptime: self.started.elapsed(),
        }
    }

    fn start_day_and_publish(&mut self) {
        let now = self.moment();
        self.next_view_at = Instant::now() + VIEW_EVERY;
        let Health::Storing(intake) = &mut self.condition else {
            return;
        };
        let started = intake.start_day_if_due(now);
        if let Some(record) = &started {
            self.report(record);
        }
        if let Health::Storing(intake) = &self.condition {
            if let Some(record) = &started {
                self.forecaster.see(intake.office(), record);
            }
            self.forecaster.look(intake.office(), now.wall);
        }
        let is_new_day = started.is_some();
        let view = self.view();
        self.store(started.into_iter().collect(), view, Vec::new());
        if is_new_day {
            self.save_snapshot();
        }
    }

    /// What the log's thread told. What it told of after that follows from it.
    fn note_failure(&mut self, trouble: &str) {
        if matches!(self.condition, Health::Storing(_)) {
            self.break_down(trouble);
        }
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
        say_broken(&self.views, trouble, (self.clock)());
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
            let (material, watch) = (self.material.clone(), watch.clone());
            self.log
                .with_log(move |log| rebuild(log, &material, watch, now))
                .map_err(|e| in_full(&e))?
                .map_err(|e| in_full(&e))
        });
        match rebuilt {
            Ok((intake, _)) => {
                tracing::warn!("events can be stored again");
                // All of it was sent before the log was opened anew.
                while self.failures.try_recv().is_ok() {}
                self.snapshot_at = self.snapshot_at.min(intake.office().sequence());
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

    /// What screens show of the state, which may be ahead of the disk; `None` while
    /// there is no state.
    fn view(&mut self) -> Option<OfficeView> {
        self.next_view_at = Instant::now() + VIEW_EVERY;
        let now = self.moment();
        let Health::Storing(intake) = &self.condition else {
            return None;
        };
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
            latest: self.forecaster.latest(),
        };
        Some(view_of(intake.office(), condition, now.wall))
    }

    fn save_snapshot_if_due(&mut self) {
        if let Health::Storing(intake) = &self.condition
            && intake.office().sequence() >= self.snapshot_at + SNAPSHOT_EVERY_EVENTS
        {
            self.save_snapshot();
        }
    }

    /// Saves the state, which the log's thread takes as of its last event once that
    /// is stored. It is a cache: without it the next start reads more events.
    fn save_snapshot(&mut self) {
        let Health::Storing(intake) = &self.condition else {
            return;
        };
        let office = intake.office();
        let sequence = office.sequence();
        if sequence == 0 || sequence == self.snapshot_at {
            return;
        }
        match rebuild::saved(office) {
            Ok(bytes) => {
                let (format, program) = snapshot_marks();
                self.log.save_snapshot(sequence, format, program, bytes);
                self.snapshot_at = sequence;
            }
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Takes note of what the record says about forms that were refused.
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
        attention::report(record, &self.material.plan);
    }
}

/// The view says from now on that nothing can be stored.
fn say_broken(views: &watch::Sender<Arc<OfficeView>>, trouble: &str, now: Timestamp) {
    views.send_modify(|view| {
        let mut changed = OfficeView::clone(view);
        changed.as_of = now;
        changed.accepting = false;
        changed.trouble = Some(trouble.to_owned());
        *view = Arc::new(changed);
    });
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
