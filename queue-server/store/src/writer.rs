//! The thread that owns the log, so that whoever decides need not wait for the disk.
//!
//! It stores all batches that are waiting in one transaction, and tells of each
//! once it is durable, in order. When storing fails, it fails that transaction's
//! batches and every one that was, or is, sent after them, in order, until the log is
//! opened anew: no event is stored that was decided upon one that was not.
//!
//! A batch's completion runs on this thread: it hands the result on, and no more.
//!
//! ```
//! # use usher_store::{EventLog, Writer};
//! # let dir = tempfile::tempdir().unwrap();
//! # let office = "sample-office".parse().unwrap();
//! # let now = "2026-11-25T17:00:00Z".parse().unwrap();
//! let log = EventLog::open(dir.path(), &office, now).unwrap();
//! let writer = Writer::start(log).unwrap();
//! // A tokio oneshot does as well.
//! let (tell, told) = std::sync::mpsc::channel();
//! # let records = Vec::new();
//! writer.append(records, move |result| {
//!     let _ = tell.send(result);
//! });
//! let head = told.recv().unwrap().unwrap();
//! assert_eq!(head.sequence, 0);
//! ```

use std::io;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use usher_office::event::Record;

use crate::chain::ChainHead;
use crate::folding::Background;
use crate::{AppendError, EventLog, OpenError, Snapshot};

/// How many batches may wait for the disk. At the bound [`Writer::append`] waits:
/// a slow disk slows down whoever decides, not the other way round.
pub const BATCHES_WAITING_MAX: usize = 64;

/// A transaction takes no further batch once it has so many events: what a
/// failure takes with it, and what one commit writes, has a bound.
pub const EVENTS_AT_ONCE: usize = 1_024;

/// So often, at the latest, the mark notes the newest event, so that even a log that
/// lost its last few is found.
const NOTE_AFTER: Duration = Duration::from_secs(2);

/// Tells how a batch was stored: the newest event of it, or why it was not. It
/// always tells: also if the thread ends before, by a panic.
struct Done(Option<Tell>);

type Tell = Box<dyn FnOnce(Result<ChainHead, AppendError>) + Send>;

impl Done {
    fn tell(mut self, result: Result<ChainHead, AppendError>) {
        if let Some(tell) = self.0.take() {
            tell(result);
        }
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            tell(Err(AppendError::Closed));
        }
    }
}

enum Job {
    Append(Batch),
    Run(Box<dyn FnOnce(&mut Owner) + Send>),
}

struct Batch {
    records: Vec<Record>,
    done: Done,
}

/// The log with its writer thread. Dropping it stores what waits and closes the log.
#[derive(Debug)]
pub struct Writer {
    /// `None` once it is being closed.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<EventLog>>,
}

impl Writer {
    /// Gives the log a thread of its own, and another that folds the `-wal` file
    /// into the log meanwhile.
    ///
    /// # Errors
    /// The system gives no thread: end other programs, or restart the machine.
    pub fn start(mut log: EventLog) -> io::Result<Self> {
        let background = Background::start(log.dir.path().to_owned())?;
        log.fold_elsewhere(true);
        let (jobs, inbox) = mpsc::sync_channel(BATCHES_WAITING_MAX);
        let owner = Owner { log, background };
        let thread = std::thread::Builder::new()
            .name("event-log".to_owned())
            .spawn(move || owner.run(&inbox))?;
        Ok(Self {
            jobs: Some(jobs),
            thread: Some(thread),
        })
    }

    /// Stores `records`, which follow those of the call before, and calls `done`
    /// on the writer's thread once they are durable, or once it is certain that
    /// they do not count, always, and in the order of the calls. Waits while [`BATCHES_WAITING_MAX`] batches do.
    pub fn append(
        &self,
        records: Vec<Record>,
        done: impl FnOnce(Result<ChainHead, AppendError>) + Send + 'static,
    ) {
        let done = Done(Some(Box::new(done)));
        if let Some(jobs) = &self.jobs {
            // What cannot be sent is dropped, and says so.
            let _ = jobs.send(Job::Append(Batch { records, done }));
        }
    }

    /// Runs `work` with the log, after all batches that were sent before, and
    /// waits for it: to replay, to take a place in the chain, to erase.
    ///
    /// # Errors
    /// [`AppendError::Closed`] if the writer has ended, by a bug.
    pub fn with_log<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut EventLog) -> T + Send + 'static,
    ) -> Result<T, AppendError> {
        let (tell, told) = mpsc::sync_channel(1);
        self.run(move |owner| {
            let _ = tell.send(work(&mut owner.log));
        });
        told.recv().map_err(|_| AppendError::Closed)
    }

    /// Opens the log anew after a failure, as [`EventLog::reopen`]. Batches that
    /// were sent before fail first.
    ///
    /// # Errors
    /// [`OpenError`]; the log stays as it was, and batches go on failing.
    pub fn reopen(&self, now: Timestamp) -> Result<(), OpenError> {
        self.with_log(move |log| log.reopen(now))
            .unwrap_or(Err(OpenError::WriterEnded))
    }

    /// Saves the state after event `sequence`, which was sent to be stored, as a
    /// snapshot, in the background. What goes wrong is told in the program's log,
    /// for nothing is lost by it. While one is being saved, another is dropped.
    pub fn save_snapshot(
        &self,
        sequence: u64,
        format_version: u32,
        program_version: &str,
        bytes: Vec<u8>,
    ) {
        let program_version = program_version.to_owned();
        self.run(move |owner| {
            let Ok(Some(place)) = owner.log.place_of(sequence) else {
                tracing::warn!("no snapshot is made: its event {sequence} is not stored");
                return;
            };
            owner.log.note_head();
            owner.background.save(Snapshot {
                sequence,
                chain_hash: place.hash,
                format_version,
                program_version,
                bytes,
            });
        });
    }

    /// Stores what waits, ends the thread, and gives the log back. `None` if the
    /// thread had ended by a panic.
    #[must_use]
    pub fn close(mut self) -> Option<EventLog> {
        self.end()
    }

    fn run(&self, work: impl FnOnce(&mut Owner) + Send + 'static) {
        if let Some(jobs) = &self.jobs {
            // If the writer has ended, `work` is dropped, and so what it answers with.
            let _ = jobs.send(Job::Run(Box::new(work)));
        }
    }

    fn end(&mut self) -> Option<EventLog> {
        self.jobs = None;
        self.thread.take()?.join().ok()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the thread owns.
struct Owner {
    log: EventLog,
    background: Background,
}

impl Owner {
    fn run(mut self, inbox: &Receiver<Job>) -> EventLog {
        let mut batches = Vec::new();
        let mut next = None;
        let mut noted = Instant::now();
        loop {
            let job = match next.take() {
                Some(job) => Ok(job),
                None => inbox.recv_timeout(NOTE_AFTER),
            };
            match job {
                Ok(Job::Run(work)) => work(&mut self),
                Ok(Job::Append(batch)) => {
                    next = gather(inbox, batch, &mut batches);
                    self.store(&mut batches);
                    self.background.fold_if_due(&mut self.log);
                    // Also while events never stop coming.
                    if noted.elapsed() >= NOTE_AFTER {
                        self.log.note_head();
                        noted = Instant::now();
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.log.note_head();
                    noted = Instant::now();
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.log.fold_elsewhere(false);
        self.log
    }

    fn store(&mut self, batches: &mut Vec<Batch>) {
        let records: Vec<&[Record]> = batches.iter().map(|b| b.records.as_slice()).collect();
        match self.log.append_all(&records) {
            Ok(heads) => {
                for (batch, head) in batches.drain(..).zip(heads) {
                    batch.done.tell(Ok(head));
                }
            }
            Err(error) => {
                let reason = error.to_string();
                let mut error = Some(error);
                for batch in batches.drain(..) {
                    let error = error.take().unwrap_or_else(|| AppendError::Earlier {
                        reason: reason.clone(),
                    });
                    batch.done.tell(Err(error));
                }
            }
        }
    }
}

/// Takes what is waiting after `first`, within the bound. Gives the job that must
/// come after it, if one was met.
fn gather(inbox: &Receiver<Job>, first: Batch, batches: &mut Vec<Batch>) -> Option<Job> {
    let mut events = first.records.len();
    batches.push(first);
    while events < EVENTS_AT_ONCE {
        match inbox.try_recv() {
            Ok(Job::Append(batch)) => {
                events += batch.records.len();
                batches.push(batch);
            }
            Ok(other) => return Some(other),
            Err(_) => break,
        }
    }
    None
}
