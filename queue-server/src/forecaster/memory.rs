//! What was learned, kept in the data directory. A cache: whatever is wrong with
//! it, all is learned again from the log.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use usher_forecast::Learner;
use usher_protocol::ServiceId;
use usher_waits::model::Model;

use crate::office::Office;
use crate::office::plan::OfficePlan;
use crate::office::state::Contradiction;
use crate::store::{ReadError, ReadOnlyLog};

/// The file in the data directory.
const NAME: &str = "waits.json";

/// The version of the file: to be raised when a model means something else.
const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
struct Kept<M> {
    version: u16,
    program: String,
    /// The services, for a model knows them by their place in the office file.
    services: Vec<ServiceId>,
    /// The last event that it has learned from.
    sequence: u64,
    model: M,
}

/// What was kept after event `sequence`, if that is of this program and this office.
pub(super) fn recall(dir: &Path, plan: &OfficePlan, sequence: u64) -> Option<Model> {
    let bytes = fs::read(dir.join(NAME)).ok()?;
    let kept: Kept<Model> = match serde_json::from_slice(&bytes) {
        Ok(kept) => kept,
        Err(error) => {
            tracing::info!("{NAME} cannot be read ({error}); waits are learned again from the log");
            return None;
        }
    };
    let is_good = kept.version == VERSION
        && kept.program == env!("CARGO_PKG_VERSION")
        && kept.services == services_of(plan)
        && kept.sequence == sequence;
    is_good.then_some(kept.model)
}

/// Keeps what was learned up to event `sequence`.
pub(super) fn keep(dir: &Path, plan: &OfficePlan, sequence: u64, model: &Model) {
    let kept = Kept {
        version: VERSION,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        services: services_of(plan),
        sequence,
        model,
    };
    let write = || -> io::Result<()> {
        let unfinished = dir.join("waits.json.new");
        fs::write(&unfinished, serde_json::to_vec(&kept)?)?;
        fs::rename(&unfinished, dir.join(NAME))
    };
    if let Err(error) = write() {
        tracing::warn!(
            "what was learned of waits cannot be kept ({error}); nothing is lost: it is learned again from the log"
        );
    }
}

fn services_of(plan: &OfficePlan) -> Vec<ServiceId> {
    let services = plan.info.services.iter();
    services.map(|info| info.id.clone()).collect()
}

#[derive(Debug, thiserror::Error)]
enum Stop {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    #[error("all is read")]
    Done,
}

/// Learns from every event of the log up to `sequence`.
pub(super) fn relearn(dir: &Path, plan: &Arc<OfficePlan>, sequence: u64, model: &mut Model) {
    let mut office = Office::new(Arc::clone(plan));
    let mut learner = Learner::default();
    let read = ReadOnlyLog::open(dir).map_err(|error| error.to_string());
    let learned = read.and_then(|log| {
        let replayed = log.replay(|record| -> Result<(), Stop> {
            if record.sequence > sequence {
                return Err(Stop::Done);
            }
            office.apply(&record)?;
            learner.see(&office, &record);
            for seen in learner.take() {
                seen.teach(model);
            }
            Ok(())
        });
        match replayed {
            Ok(()) | Err(Stop::Done) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    });
    match learned {
        Ok(()) => tracing::info!(events = sequence, "waits were learned from the log"),
        Err(error) => tracing::warn!("not all could be learned of waits: {error}"),
    }
}
