//! What a technician does with an event log: verify, back up, restore, erase.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use usher_queue_server::office::event::{Event, Record};
use usher_queue_server::office_file::OfficeFile;
use usher_queue_server::store::{self, Progress, ReadError};

/// How often a terminal is told how far a task has come.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// Tells a person at a terminal how far a task has come; a file gets the result only.
struct Told {
    is_terminal: bool,
    next: Instant,
}

impl Told {
    fn new() -> Self {
        Self {
            is_terminal: std::io::stderr().is_terminal(),
            next: Instant::now(),
        }
    }

    fn tell(&mut self, progress: Progress) {
        if self.is_terminal && self.next <= Instant::now() {
            self.next = Instant::now() + TOLD_EVERY;
            let _ = write!(std::io::stderr(), "\r\x1b[K{progress}");
        }
    }

    fn end(&self) {
        if self.is_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

/// Runs `task`, which tells how far it has come.
fn telling<T>(task: impl FnOnce(&mut dyn FnMut(Progress)) -> T) -> T {
    let mut told = Told::new();
    let result = task(&mut |progress| told.tell(progress));
    told.end();
    result
}

fn say(report: &dyn std::fmt::Display) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{report}")?)
}

/// Checks the log in a data directory, or a backup file.
pub(crate) fn verify(path: &Path) -> anyhow::Result<()> {
    let report = telling(|progress| {
        if path.is_dir() {
            store::verify(path, progress)
        } else {
            store::verify_file(path, progress)
        }
    })?;
    say(&report)?;
    if report.is_sound() {
        Ok(())
    } else {
        bail!("the event log is not sound; see above");
    }
}

pub(crate) fn backup(data: &Path, target: &Path) -> anyhow::Result<()> {
    say(&telling(|progress| store::backup(data, target, progress))?)
}

pub(crate) fn restore(backup: &Path, data: &Path, now: jiff::Timestamp) -> anyhow::Result<()> {
    say(&telling(|progress| {
        store::restore(backup, data, now, progress)
    })?)
}

/// Plays the last `days` office-days again, under the policies of both files.
pub(crate) fn replay_policy(
    office: &Path,
    new: &Path,
    data: &Path,
    days: usize,
) -> anyhow::Result<()> {
    let then = OfficeFile::load(office)?.plan;
    let new = OfficeFile::load(new)?.plan;
    let mut kept: VecDeque<Vec<Record>> = VecDeque::new();
    store::ReadOnlyLog::open(data)?.replay(|record: Record| -> Result<(), ReadError> {
        if matches!(record.event, Event::DayStarted { .. }) || kept.is_empty() {
            if kept.len() >= days.max(1) {
                kept.pop_front();
            }
            kept.push_back(Vec::new());
        }
        if let Some(day) = kept.back_mut() {
            day.push(record);
        }
        Ok(())
    })?;
    let records: Vec<Record> = kept.into_iter().flatten().collect();
    say(&usher_simulator::replay::replay_policy(
        &records, &then, &new,
    )?)
}

/// Erases what events from before `date` (its midnight, UTC) say of people.
pub(crate) fn erase(data: &Path, date: Date, now: Timestamp) -> anyhow::Result<()> {
    let before = TimeZone::UTC
        .to_timestamp(date.at(0, 0, 0, 0))
        .with_context(|| format!("{date} is out of range"))?;
    // A running server has the last two days in memory, and would save them again.
    let youngest = now.saturating_sub(SignedDuration::from_hours(72))?;
    if before > youngest {
        bail!(
            "{date} is too late: what events of the last three days say of people is still in use; choose an earlier date"
        );
    }
    say(&store::erase_personal(data, before)?)
}
