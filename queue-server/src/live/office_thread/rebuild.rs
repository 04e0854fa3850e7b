//! Building the office from its log: the newest snapshot, and the events after it.

use std::sync::Arc;

use crate::office::Office;
use crate::office::foresee::Foresee;
use crate::office::intake::Intake;
use crate::office::moment::{DayWatch, Moment};
use crate::office::plan::OfficePlan;
use crate::office::state::Contradiction;
use crate::store::{EventLog, ReadError, Snapshot, SnapshotError};

/// The version of what a snapshot holds: to be raised with every change of what
/// [`Office`] saves, so that an older one is not misread.
const SNAPSHOT_FORMAT: u32 = 2;

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

/// What an office is built from.
#[derive(Clone)]
pub(super) struct Material {
    pub(super) plan: Arc<OfficePlan>,
    pub(super) foresee: Arc<dyn Foresee>,
}

/// The office from its log. `watch` knows those who joined while this program ran.
/// Also gives how many events were read, beside those in the snapshot.
pub(super) fn rebuild(
    log: &EventLog,
    material: &Material,
    mut watch: DayWatch,
    now: Moment,
) -> Result<(Intake, u64), ReplayError> {
    let mut events = 0;
    let mut office = Office::new(Arc::clone(&material.plan));
    let snapshot = log.snapshot(SNAPSHOT_FORMAT, program_version());
    let saved = snapshot.and_then(|snapshot| Some((snapshot.state::<Office>()?, snapshot.head())));
    match saved {
        Some((state, head)) => {
            office = state.resumed(Arc::clone(&material.plan));
            log.replay_after(head, |record| -> Result<(), ReplayError> {
                events += 1;
                Ok(office.apply(&record)?)
            })?;
        }
        None => log.replay(|record| -> Result<(), ReplayError> {
            events += 1;
            Ok(office.apply(&record)?)
        })?,
    }
    for visit in office.open_visits() {
        if let Some(visit) = office.visit(visit) {
            watch.join_by_log(visit.id, visit.joined_at, now);
        }
    }
    watch.read(now);
    let foresee = Arc::clone(&material.foresee);
    Ok((Intake::resume(office, foresee, watch), events))
}

/// The state of `office` for a snapshot.
pub(super) fn saved(office: &Office) -> Result<Vec<u8>, SnapshotError> {
    Snapshot::bytes_of(office)
}

/// What goes with the bytes of [`saved`].
pub(super) fn snapshot_marks() -> (u32, &'static str) {
    (SNAPSHOT_FORMAT, program_version())
}

fn program_version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// A change of the office file may leave visits with a service, or at a counter,
/// that is no longer in it.
pub(super) fn warn_of_left_behind(office: &Office) {
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
