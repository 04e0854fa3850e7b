//! Folding the `-wal` file into the log, beside the thread that writes it.
//!
//! SQLite would do it in the commit that makes the file large, and that commit
//! would wait for hundreds of pages and two `fdatasync`. Here another thread does
//! most of it, and the writer only the rest, after which the file starts anew.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread::JoinHandle;

use crate::{DATABASE_NAME, EventLog, Snapshot, schema};

/// The file is folded once about so many bytes were stored since the last time.
const FOLD_AT_BYTES: u64 = 4 * 1024 * 1024;

/// If it could not be by then (a program that reads for long), the writer tries
/// itself, and waits for readers, up to the time that a commit may wait.
const FOLD_NOW_BYTES: u64 = 64 * 1024 * 1024;

enum Task {
    Fold,
    Save(Snapshot),
}

/// A thread for what need not be done before the next commit.
pub(crate) struct Background {
    /// `None` once it is being ended.
    tasks: Option<SyncSender<Task>>,
    folded: Receiver<()>,
    is_folding: bool,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    pub(crate) fn start(dir: PathBuf) -> io::Result<Self> {
        let (tasks, inbox) = mpsc::sync_channel(2);
        let (tell, folded) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("event-log-fold".to_owned())
            .spawn(move || {
                for task in inbox {
                    match task {
                        Task::Fold => {
                            // A failure shows in the writer's own attempt.
                            if let Err(error) = fold(&dir) {
                                tracing::debug!("the -wal file was not folded: {error}");
                            }
                            let _ = tell.send(());
                        }
                        Task::Save(snapshot) => save(&dir, &snapshot),
                    }
                }
            })?;
        Ok(Self {
            tasks: Some(tasks),
            folded,
            is_folding: false,
            thread: Some(thread),
        })
    }

    pub(crate) fn save(&self, snapshot: Snapshot) {
        let sent = self
            .tasks
            .as_ref()
            .map(|tasks| tasks.try_send(Task::Save(snapshot)));
        if !matches!(sent, Some(Ok(()))) {
            tracing::debug!("a snapshot is being saved: another one is dropped");
        }
    }

    /// Called after each transaction.
    pub(crate) fn fold_if_due(&mut self, log: &mut EventLog) {
        if self.is_folding {
            match self.folded.try_recv() {
                Ok(()) => {
                    self.is_folding = false;
                    log.fold_rest();
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => log.fold_rest(),
            }
        }
        if log.unfolded_bytes() >= FOLD_NOW_BYTES {
            log.fold_now();
        } else if !self.is_folding && log.unfolded_bytes() >= FOLD_AT_BYTES {
            let sent = self.tasks.as_ref().map(|tasks| tasks.try_send(Task::Fold));
            self.is_folding = matches!(sent, Some(Ok(())));
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Folds what is there, and then what came meanwhile; nobody waits for it.
fn fold(dir: &std::path::Path) -> rusqlite::Result<()> {
    let connection = schema::open_beside(&dir.join(DATABASE_NAME))?;
    schema::fold_passively(&connection)?;
    schema::fold_passively(&connection)?;
    Ok(())
}

fn save(dir: &std::path::Path, snapshot: &Snapshot) {
    match snapshot.save(dir) {
        Ok(()) => tracing::debug!("a snapshot was saved after event {}", snapshot.sequence),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!("{error}: {}", cause.unwrap_or_default());
        }
    }
}
