//! How the rules learn of waits: an argument, so that they do not depend on how
//! waits are foreseen.

use jiff::Timestamp;
use usher_protocol::ServiceId;
use usher_protocol::message::WaitRange;

use crate::Office;

/// What is foreseen of who joins a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreseen {
    /// The wait.
    pub wait: WaitRange,
    /// The chance to be called before the office closes, in hundredths, if the
    /// office has hours and it is known.
    pub chance_before_closing: Option<u8>,
}

/// Foresees waits.
pub trait Foresee: Send + Sync {
    /// The wait of who joins the queue of `service` with an arrival at
    /// `arrived_at`; `None` while nobody serves it.
    fn foresee(
        &self,
        office: &Office,
        service: &ServiceId,
        arrived_at: Timestamp,
    ) -> Option<Foreseen>;
}

impl<F> Foresee for F
where
    F: Fn(&Office, &ServiceId, Timestamp) -> Option<WaitRange> + Send + Sync,
{
    fn foresee(
        &self,
        office: &Office,
        service: &ServiceId,
        arrived_at: Timestamp,
    ) -> Option<Foreseen> {
        self(office, service, arrived_at).map(|wait| Foreseen {
            wait,
            chance_before_closing: None,
        })
    }
}
