//! How a day ends, and what is told of it.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use usher_office::event::Record;
use usher_office::plan::OfficePlan;

use super::OfficeDay;
use crate::model::{Broken, broken};

/// A day without a broken promise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Office-days.
    pub days: u64,
    /// Happenings.
    pub steps: u64,
    /// Events in the log.
    pub events: u64,
    /// How often the server built its state anew.
    pub starts: u64,
    /// How often its clock leapt.
    pub leaps: u64,
    /// Of the whole log: the same seed gives the same.
    pub log_hash: u64,
    /// How often each kind of event was seen.
    pub tally: BTreeMap<&'static str, u64>,
    /// What happened, if it was asked for.
    pub lines: Vec<String>,
}

/// A day with one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// The first happening after which it was broken: the steps up to this one are
    /// the shortest beginning of the day that fails.
    pub step: u64,
    /// What was broken.
    pub broken: Broken,
    /// What happened last.
    pub lines: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "FAILED at step {}: {}", self.step, self.broken)?;
        writeln!(f, "what happened last:")?;
        for line in &self.lines {
            writeln!(f, "  {line}")?;
        }
        write!(
            f,
            "replay it: cargo run -p usher-simulator --bin usher-simulate -- day --seed {} --verbose",
            self.seed
        )
    }
}

/// Runs the days of this seed. A panic of the rules is a broken promise, too.
///
/// # Errors
/// [`Failure`] says which promise was broken, and when.
pub fn run(seed: u64, verbose: bool) -> Result<Report, Box<Failure>> {
    let mut day = OfficeDay::new(seed, verbose);
    let done = catch_unwind(AssertUnwindSafe(|| {
        while day.step()? {}
        day.check_replay()
    }));
    let done = done.unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(broken("nothing panics", text.unwrap_or("a panic")))
    });
    match done {
        Ok(()) => Ok(day.report()),
        Err(broken) => Err(Box::new(Failure {
            seed,
            step: day.steps,
            broken,
            lines: day.lines(),
        })),
    }
}

/// The plan and the whole log of the days of this seed, for what reads logs.
///
/// # Errors
/// [`Failure`] as [`run`].
pub fn log_of(seed: u64) -> Result<(Arc<OfficePlan>, Vec<Record>), Box<Failure>> {
    let mut day = OfficeDay::new(seed, false);
    loop {
        match day.step() {
            Ok(true) => {}
            Ok(false) => return Ok((Arc::clone(&day.world.plan), day.server.log().to_vec())),
            Err(broken) => {
                return Err(Box::new(Failure {
                    seed,
                    step: day.steps,
                    broken,
                    lines: day.lines(),
                }));
            }
        }
    }
}

impl OfficeDay {
    fn report(self) -> Report {
        Report {
            seed: self.seed,
            days: u64::from(self.world.days),
            steps: self.steps,
            events: u64::try_from(self.server.log().len()).unwrap_or(u64::MAX),
            starts: self.starts,
            leaps: self.leaps,
            log_hash: self.log_hash(),
            tally: self.ledger.tally.clone(),
            lines: if self.verbose {
                self.lines()
            } else {
                Vec::new()
            },
        }
    }

    /// FNV-1a over the log.
    fn log_hash(&self) -> u64 {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for record in self.server.log() {
            let event = serde_json::to_vec(&record.event).unwrap_or_default();
            let head = format!("{} {} {} ", record.sequence, record.at, record.command);
            for byte in head.bytes().chain(event) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        hash
    }
}
