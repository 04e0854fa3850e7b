//! The thread that owns the printer's port, and the handle to it.
//!
//! One thread, one port, one job at a time. The thread opens the port, looks at
//! the printer while it is idle, prints what its bounded inbox brings, and opens
//! the port again when it went away. It decides nothing about a print: that is
//! [`job`](crate::job)'s.

mod worker;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::document::PaperDocument;
use crate::job::{Plan, Timeouts};
use crate::profile::Profile;
use worker::Worker;

pub use crate::job::PrintOutcome;
pub use crate::status::{LinkState, Paper, PrinterStatus, Trouble};

/// Jobs that may wait. A kiosk prints one ticket at a time; more waiting than
/// this means that the printer does not keep up and the resident should be told.
pub const JOBS_WAITING_MAX: usize = 8;
/// Bytes of a long document: a paper form in the script that needs the most, and
/// some more. A test holds the samples to it.
pub const LONG_DOCUMENT_BYTES: usize = 40 * 1024;
/// Paper of a long document, in millimetres.
pub const LONG_DOCUMENT_MM: usize = 350;

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

    /// The longest that a long document can take on this line, from the moment
    /// its turn comes to its outcome, with every wait used up: so long must
    /// whoever wants to know the outcome wait. A good print needs a fraction.
    ///
    /// "Long" is [`LONG_DOCUMENT_BYTES`] and [`LONG_DOCUMENT_MM`]; a still longer
    /// document has its limits from its own length.
    pub fn print_max(&self) -> Duration {
        let mut plan = Plan {
            bytes: LONG_DOCUMENT_BYTES,
            paper_mm: LONG_DOCUMENT_MM,
            baud: self.baud,
            give_up: Duration::MAX,
            owed: 1,
            settle: Duration::ZERO,
            timeouts: self.timeouts,
        };
        // The earlier document that is waited for may have been as long.
        plan.settle = plan.proof_max();
        plan.job_max()
    }
}

/// A document to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The caller's name for it, for the log.
    pub id: String,
    /// The document.
    pub document: PaperDocument,
    /// How long after [`Spooler::print`] it may still be begun. Whoever asked for
    /// it has gone after that, and it must not come out for the next in line: it
    /// is answered *not printed*, stalled. What has begun is finished.
    pub give_up_after: Duration,
}

/// A job in the inbox.
struct Order {
    job: Job,
    /// When it is given up; `None` is never.
    give_up: Option<Instant>,
    done: Done,
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
    inbox: Option<SyncSender<Order>>,
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
        let worker = Worker::new(
            config,
            Arc::clone(&status),
            Arc::clone(&closing),
            Box::new(on_status),
        );
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
        let order = Order {
            give_up: Instant::now().checked_add(job.give_up_after),
            job,
            done: Box::new(done),
        };
        inbox.try_send(order).map_err(|error| match error {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::samples;
    use crate::encode::encode_sheet;
    use crate::raster::Shaper;

    #[test]
    fn long_documents_are_no_longer_than_reckoned_with() {
        let mut shaper = Shaper::new();
        for language in ["en", "es", "zh-Hant", "ar"] {
            for profile in [Profile::mm80(), Profile::mm58(), Profile::mm80_180dpi()] {
                let form = PaperDocument::PaperForm(samples::paper_form(language));
                let sheet = encode_sheet(&form, &profile, &mut shaper).expect("printable");
                assert!(sheet.bytes.len() <= LONG_DOCUMENT_BYTES, "{language}");
                assert!(
                    sheet.paper_mm <= LONG_DOCUMENT_MM,
                    "{language}: {}",
                    sheet.paper_mm
                );
            }
        }
    }

    #[test]
    fn a_slow_line_may_take_its_time() {
        let print_max = |baud| SpoolerConfig::new("port", baud, Profile::mm80()).print_max();
        // What is on the line longest must fit, several times what is usual.
        assert!(print_max(9_600) > Duration::from_secs(60));
        assert!(print_max(115_200) < Duration::from_secs(45));
    }
}
