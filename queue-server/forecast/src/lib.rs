//! Foresees an office's waits from what its own events taught.
//!
//! [`usher_waits`] knows queues, not offices. Here an office's events become what a
//! model learns from ([`Learner`]), its present state becomes the scene that a
//! simulation starts from ([`Present`]), its policy the order of the calls
//! ([`OfficeOrder`]), and the forecasts what a check-in is promised ([`Latest`]).
//!
//! No I/O and no clock: `usher_queue_server::forecaster` runs it beside the office.

mod latest;
mod learner;
mod order;
mod scene;
#[cfg(test)]
mod tests;

pub use latest::{Latest, told};
pub use learner::{Learner, Observation};
pub use order::OfficeOrder;
pub use scene::{Present, SERVICES_MAX, WAITING_MAX, model_for, seconds};
