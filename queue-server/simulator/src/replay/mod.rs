//! A real day under another policy, before it is used.
//!
//! [`replay_policy`] takes from the log who came when and for what, how long each
//! service took, who did not come when called, who left, and when counters were
//! open. It then runs the office's own rules over that day twice, under the policy
//! of then and under the new one, by the same assumptions, so that what differs is
//! the policy's doing. Beside them stands what really happened.
//!
//! # Assumptions
//! - Nobody comes or stays because of the policy: who left while waiting leaves
//!   after the same time, if not called before.
//! - A service takes as long as it took, at whichever counter.
//! - A clerk calls the next as soon as the counter is free, and never by choice.
//! - Whoever came when called walks as long as the middle one of that day did.
//! - A visit on hold, a transfer and an undo are part of the service that they
//!   interrupt: only its time at counters counts.

mod compare;
mod extract;
mod run;

use std::fmt;
use std::sync::Arc;

use usher_office::event::Record;
use usher_office::plan::OfficePlan;

pub use compare::{Comparison, ServiceWaits, Waits};
pub use extract::{Came, CounterMove, PastDay, Stage};

/// Why a day cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Nobody came in it.
    #[error("the log has no visit; choose a day on which the office was open")]
    NobodyCame,
}

/// Waits under the policy of then, under a new one, and as they really were. The
/// records are those of one office-day, or of several one after another.
///
/// # Errors
/// [`ReplayError`] if there is nothing to replay.
pub fn replay_policy(
    records: &[Record],
    plan_then: &Arc<OfficePlan>,
    plan_new: &Arc<OfficePlan>,
) -> Result<Comparison, ReplayError> {
    let days = extract::past_days(records, plan_then);
    if days.iter().all(|day| day.came.is_empty()) {
        return Err(ReplayError::NobodyCame);
    }
    let mut comparison = Comparison::default();
    for day in &days {
        comparison.add_real(day);
        comparison.add_then(&run::run(day, plan_then));
        comparison.add_new(&run::run(day, plan_new));
    }
    comparison.sort(plan_then, plan_new);
    Ok(comparison)
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        compare::table(self, f)
    }
}
