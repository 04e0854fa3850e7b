//! What must be true, found without any code of the rules.
//!
//! [`Ledger`] reads the log as an auditor would: it knows what each event means and
//! refuses what cannot be. [`next`] finds who must be called, in O(n) and from the
//! policy's written promise alone.

mod agree;
mod at_counter;
mod days;
mod ledger;
mod moves;
pub mod next;
mod state;

pub use ledger::{Asked, Ledger, When};
pub use state::{Desk, Known, Stands};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{promise}: {found}")]
pub struct Broken {
    /// Which promise.
    pub promise: &'static str,
    /// What was found instead.
    pub found: String,
}

pub(crate) fn broken(promise: &'static str, found: impl Into<String>) -> Broken {
    Broken {
        promise,
        found: found.into(),
    }
}

/// The promise holds, or this was found.
pub(crate) fn ensure(
    holds: bool,
    promise: &'static str,
    found: impl FnOnce() -> String,
) -> Result<(), Broken> {
    if holds {
        Ok(())
    } else {
        Err(broken(promise, found()))
    }
}
