//! The thread that owns the printer's port, and the handle to it.
//!
//! One thread, one port, one job at a time. The thread opens the port, looks at
//! the printer while it is idle, prints what its bounded inbox brings, and opens
//! the port again when it went away. It decides nothing about a print: that is
//! [`job`]'s.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::document::PaperDocument;
use crate::encode::{Encoded, encode_sheet};
use crate::escpos::BAND_BYTES_MAX;
use crate::job::{self, Effect, Input, Inquiry, Plan, Progress, Question, Timeouts};
use crate::profile::Profile;
use crate::raster::Shaper;
use crate::transport::{Gone, OpenError, Port};

pub use crate::job::PrintOutcome;
pub use crate::status::{LinkState, Paper, PrinterStatus, Trouble};

/// Jobs that may wait. A kiosk prints one ticket at a time; more waiting than
/// this means that the printer does not keep up and the resident should be told.
pub const JOBS_WAITING_MAX: usize = 8;
/// Longest wait for a byte before the machine is told the time.
const TICK: Duration = Duration::from_millis(20);

/// Where the printer is and what it is like.
#[derive(Clone, Debug, PartialEq)]
pub struct SpoolerConfig {
    /// The serial port, best a fixed name that a udev rule makes.
    pub port_path: PathBuf,
    /// Speed of the line, in bits a second.
    pub baud: u32,
    /// The printer.
    pub profile: Profile,
    /// The waits; [`Timeouts::default`] suits printers on cables and USB.
    pub timeouts: Timeouts,
}

impl SpoolerConfig {
    /// A configuration with the usual waits.
    pub fn new(port_path: impl Into<PathBuf>, baud: u32, profile: Profile) -> Self {
        Self {
            port_path: port_path.into(),
            baud,
            profile,
            timeouts: Timeouts::default(),
        }
    }
}

/// A document to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The caller's name for it, for the log.
    pub id: String,
    /// The document.
    pub document: PaperDocument,
}

/// The inbox is full, or the spooler has ended: the job was not taken, and its
/// callback is dropped uncalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the printer has {JOBS_WAITING_MAX} prints waiting already")]
pub struct SpoolerBusy;

type Done = Box<dyn FnOnce(PrintOutcome) + Send>;
type OnStatus = Box<dyn FnMut(PrinterStatus) + Send>;

/// The handle to a printer's thread. Dropping it ends the thread: the print under
/// way is finished, those waiting are answered *not printed*.
pub struct Spooler {
    inbox: Option<SyncSender<(Job, Done)>>,
    status: Arc<Mutex<PrinterStatus>>,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl std::fmt::Debug for Spooler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spooler")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Spooler {
    /// Starts the thread and returns at once. `on_status` is called from the
    /// thread with the first status and with every change.
    ///
    /// # Panics
    /// If the system cannot start a thread.
    pub fn start(
        config: SpoolerConfig,
        on_status: impl FnMut(PrinterStatus) + Send + 'static,
    ) -> Spooler {
        let (inbox, jobs) = sync_channel(JOBS_WAITING_MAX);
        let status = Arc::new(Mutex::new(PrinterStatus::unknown(LinkState::PortMissing)));
        let closing = Arc::new(AtomicBool::new(false));
        let worker = Worker {
            reopen_wait: config.timeouts.reopen_first,
            config,
            port: None,
            shaper: None,
            shared_status: Arc::clone(&status),
            told: None,
            on_status: Box::new(on_status),
            closing: Arc::clone(&closing),
            handed_over: 0,
            interrupted: false,
        };
        let thread = thread::Builder::new()
            .name("printer".to_owned())
            .spawn(move || worker.run(&jobs))
            .expect("the system starts a thread");
        Spooler {
            inbox: Some(inbox),
            status,
            closing,
            thread: Some(thread),
        }
    }

    /// Puts a job in the inbox. `done` is called once, from the thread.
    ///
    /// # Errors
    /// If [`JOBS_WAITING_MAX`] jobs are waiting; `done` is then never called.
    pub fn print(
        &self,
        job: Job,
        done: impl FnOnce(PrintOutcome) + Send + 'static,
    ) -> Result<(), SpoolerBusy> {
        let inbox = self.inbox.as_ref().ok_or(SpoolerBusy)?;
        inbox
            .try_send((job, Box::new(done)))
            .map_err(|error| match error {
                TrySendError::Full(_) | TrySendError::Disconnected(_) => SpoolerBusy,
            })
    }

    /// The printer as last seen. Until the port was first tried: port missing.
    pub fn status(&self) -> PrinterStatus {
        *self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Spooler {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        drop(self.inbox.take());
        if let Some(thread) = self.thread.take()
            // A callback may drop the last handle: the thread cannot wait for itself.
            && thread.thread().id() != thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the printer's thread ended by a fault");
        }
    }
}

/// What the thread owns.
struct Worker {
    config: SpoolerConfig,
    port: Option<Port>,
    shaper: Option<Shaper>,
    shared_status: Arc<Mutex<PrinterStatus>>,
    told: Option<PrinterStatus>,
    on_status: OnStatus,
    closing: Arc<AtomicBool>,
    reopen_wait: Duration,
    /// Bytes of the current job that the port took.
    handed_over: usize,
    /// Whether the last document ended in the middle, so that the printer may
    /// still wait for the rest of a picture.
    interrupted: bool,
}

impl Worker {
    fn run(mut self, jobs: &Receiver<(Job, Done)>) {
        // Look at the printer first: fonts take longer, and nobody waits for them.
        self.guarded(Self::look);
        self.guarded(|worker| {
            worker.shaper.get_or_insert_with(Shaper::new);
        });
        loop {
            let wait = match self.port {
                Some(_) => self.config.timeouts.idle_look,
                None => self.reopen_wait,
            };
            match jobs.recv_timeout(wait) {
                Ok((job, done)) => self.take(&job, done),
                Err(RecvTimeoutError::Timeout) => {
                    self.guarded(Self::look);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Runs a piece of work; a panic in it is logged and costs the port, not the
    /// thread: the kiosk would otherwise wait for an answer for ever.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(|| work(self)));
        if result.is_err() {
            tracing::error!("a fault in the printer's thread; the port is opened anew");
            self.port = None;
        }
        result.ok()
    }

    fn take(&mut self, job: &Job, done: Done) {
        let began = Instant::now();
        self.handed_over = 0;
        let outcome = if self.closing.load(Ordering::Relaxed) {
            PrintOutcome::NotPrinted {
                reason: Trouble::ShuttingDown,
            }
        } else {
            match self.guarded(|worker| worker.print(job)) {
                Some(outcome) => outcome,
                None => self.outcome_of_fault(),
            }
        };
        let duration_ms = began.elapsed().as_millis();
        tracing::info!(
            job.id,
            ?outcome,
            duration_ms,
            bytes = self.handed_over,
            "print ended"
        );
        self.guarded(|_| done(outcome));
    }

    fn outcome_of_fault(&mut self) -> PrintOutcome {
        let reason = Trouble::Internal;
        if self.handed_over == 0 {
            PrintOutcome::NotPrinted { reason }
        } else {
            self.interrupted = true;
            PrintOutcome::Unknown { reason }
        }
    }

    fn print(&mut self, job: &Job) -> PrintOutcome {
        let not_printed = |reason| PrintOutcome::NotPrinted { reason };
        let shaper = self.shaper.get_or_insert_with(Shaper::new);
        let mut encoded = match encode_sheet(&job.document, &self.config.profile, shaper) {
            Ok(encoded) => encoded,
            Err(error) => {
                tracing::error!(
                    job.id,
                    error = &error as &dyn std::error::Error,
                    "document cannot be printed"
                );
                return not_printed(Trouble::Document);
            }
        };
        if self.interrupted {
            // Zeros complete a picture as blank paper, and are nothing by themselves.
            encoded.bytes.splice(0..0, vec![0; BAND_BYTES_MAX]);
        }
        if let Err(link) = self.open() {
            return not_printed(match link {
                LinkState::PortInUse => Trouble::PortInUse,
                _ => Trouble::PortMissing,
            });
        }
        let outcome = self.drive(&encoded);
        match outcome {
            PrintOutcome::Printed => self.interrupted = false,
            PrintOutcome::Unknown {
                reason: Trouble::PortVanished | Trouble::Stalled,
            } => self.interrupted = true,
            PrintOutcome::NotPrinted { .. } | PrintOutcome::Unknown { .. } => {}
        }
        outcome
    }

    /// Performs what the machine asks until it says that the job is over.
    fn drive(&mut self, encoded: &Encoded) -> PrintOutcome {
        let plan = Plan {
            bytes: encoded.bytes.len(),
            paper_mm: encoded.paper_mm,
            baud: self.config.baud,
            timeouts: self.config.timeouts,
        };
        let began = Instant::now();
        let (mut state, mut effects) = job::begin(Duration::ZERO, &plan);
        loop {
            let mut happened = None;
            for effect in effects {
                match self.perform(effect, &encoded.bytes) {
                    Performed::Over(outcome) => return outcome,
                    Performed::Nothing => {}
                    Performed::Brought(input) => happened = Some(input),
                }
            }
            let input = happened.unwrap_or_else(|| self.listen());
            (state, effects) = job::step(state, input, began.elapsed(), &plan);
        }
    }

    fn perform(&mut self, effect: Effect, document: &[u8]) -> Performed {
        let result = match effect {
            Effect::Discard => self.with_port(Port::discard).map(|()| Performed::Nothing),
            Effect::Ask(question) => self.ask(question).map(|()| Performed::Nothing),
            Effect::WriteFrom(from) => self
                .with_port(|port| port.write(&document[from..], TICK))
                .map(|written| {
                    self.handed_over += written;
                    Performed::Brought(if written == 0 {
                        Input::Tick
                    } else {
                        Input::Written(written)
                    })
                }),
            Effect::Saw(report) => {
                self.tell(PrinterStatus::connected(&report));
                Ok(Performed::Nothing)
            }
            Effect::SawNothing => {
                self.tell(PrinterStatus::unknown(LinkState::Silent));
                Ok(Performed::Nothing)
            }
            Effect::Finish(outcome) => Ok(Performed::Over(outcome)),
        };
        result.unwrap_or(Performed::Brought(Input::Gone))
    }

    fn listen(&mut self) -> Input {
        match self.with_port(|port| port.read(TICK)) {
            Ok(Some(byte)) => Input::Reply(byte),
            Ok(None) => Input::Tick,
            Err(Gone) => Input::Gone,
        }
    }

    fn ask(&mut self, question: Question) -> Result<(), Gone> {
        let bytes = question.bytes();
        // A few bytes: the port takes them at once or is stuck, which the
        // missing answer will show.
        self.with_port(|port| port.write(&bytes, TICK)).map(|_| ())
    }

    /// Looks at the idle printer, opening the port if need be.
    fn look(&mut self) {
        if self.open().is_err() {
            return;
        }
        let timeouts = self.config.timeouts;
        let began = Instant::now();
        let (mut inquiry, query) = Inquiry::begin(Duration::ZERO, &timeouts);
        let mut next = Some(query);
        if self.with_port(Port::discard).is_err() {
            return;
        }
        loop {
            if let Some(query) = next.take()
                && self.ask(Question::RealTime(query)).is_err()
            {
                return;
            }
            let reply = match self.listen() {
                Input::Gone => return,
                Input::Reply(byte) => Some(byte),
                Input::Written(_) | Input::Tick => None,
            };
            match inquiry.step(reply, began.elapsed(), &timeouts) {
                Progress::Ask(query) => next = Some(query),
                Progress::Wait => {}
                Progress::Answered(report) => {
                    self.tell(PrinterStatus::connected(&report));
                    return;
                }
                Progress::Silence => {
                    self.tell(PrinterStatus::unknown(LinkState::Silent));
                    return;
                }
            }
        }
    }

    /// Makes sure that the port is open, or says why it is not.
    fn open(&mut self) -> Result<(), LinkState> {
        if self.port.is_some() {
            return Ok(());
        }
        match Port::open(&self.config.port_path, self.config.baud) {
            Ok(port) => {
                self.port = Some(port);
                self.reopen_wait = self.config.timeouts.reopen_first;
                Ok(())
            }
            Err(error) => {
                let link = match &error {
                    OpenError::Missing(_) => LinkState::PortMissing,
                    OpenError::InUse(_) | OpenError::Denied(_) | OpenError::Other { .. } => {
                        LinkState::PortInUse
                    }
                };
                let status = PrinterStatus::unknown(link);
                if self.told != Some(status) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the printer's port cannot be opened; trying again"
                    );
                }
                self.tell(status);
                self.reopen_wait = (self.reopen_wait * 2).min(self.config.timeouts.reopen_longest);
                Err(link)
            }
        }
    }

    /// Uses the port; if it turns out to be gone, lets go of it and says so.
    fn with_port<T>(&mut self, work: impl FnOnce(&mut Port) -> Result<T, Gone>) -> Result<T, Gone> {
        let result = self.port.as_mut().ok_or(Gone).and_then(work);
        if result.is_err() && self.port.take().is_some() {
            self.reopen_wait = self.config.timeouts.reopen_first;
            self.tell(PrinterStatus::unknown(LinkState::PortMissing));
        }
        result
    }

    /// Publishes the status if it is news.
    fn tell(&mut self, status: PrinterStatus) {
        if self.told == Some(status) {
            return;
        }
        self.told = Some(status);
        *self
            .shared_status
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = status;
        tracing::info!(printer.status = %status, "printer status changed");
        (self.on_status)(status);
    }
}

/// What came of an effect.
enum Performed {
    Nothing,
    Brought(Input),
    Over(PrintOutcome),
}
