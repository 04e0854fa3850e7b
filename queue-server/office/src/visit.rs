//! One resident's stay, and the states it goes through.

use jiff::Timestamp;
use usher_protocol::message::{PrintResult, WaitRange};
use usher_protocol::{CounterId, DeviceId, Language, ServiceId, TicketNumber, VisitId};

/// One resident's stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    /// The visit.
    pub id: VisitId,
    /// The number that the resident holds.
    pub number: TicketNumber,
    /// What the resident came for.
    pub service: ServiceId,
    /// The resident's language.
    pub language: Language,
    /// Arrival by the server's clock: the order of the queue.
    pub arrived_at: Timestamp,
    /// The kiosk; `None` if staff checked the resident in.
    pub device: Option<DeviceId>,
    /// Whether the resident holds a paper form.
    pub on_paper: bool,
    /// Another visit of today whose paper has the same number.
    pub same_number_as: Option<VisitId>,
    /// The wait that was promised at check-in.
    pub promised_wait: Option<WaitRange>,
    /// How the ticket's printing ended, once it is known.
    pub print: Option<PrintResult>,
    /// Where the visit stands.
    pub state: VisitState,
}

/// Where a visit stands, with what is true only then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VisitState {
    /// In the queue.
    Waiting,
    /// Called to a counter, not there yet.
    Called {
        /// The call.
        call: CallMade,
    },
    /// At the counter.
    Serving {
        /// The call that brought the resident there.
        call: CallMade,
        /// When service started.
        started_at: Timestamp,
    },
    /// Done.
    Finished {
        /// When.
        at: Timestamp,
    },
    /// Did not come when called.
    NoShow {
        /// When the clerk said so.
        at: Timestamp,
    },
    /// Was still open when the next day started.
    LeftAtClose,
    /// The same resident is in the queue as another visit.
    Withdrawn {
        /// That visit.
        in_favour_of: VisitId,
    },
}

/// A call to a counter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallMade {
    /// The counter.
    pub counter: CounterId,
    /// The newest call's number in the office.
    pub serial: u64,
    /// When it was called (last, if it was recalled).
    pub at: Timestamp,
    /// 1, and one more for each recall.
    pub times: u32,
    /// Why this visit and no other, in words for the clerk.
    pub reason: String,
}

/// A move that a visit's state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a visit that {from} cannot be {to}")]
pub struct WrongMove {
    from: &'static str,
    to: &'static str,
}

impl VisitState {
    /// Waiting → called.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is waiting.
    pub fn called(self, call: CallMade) -> Result<Self, WrongMove> {
        match self {
            Self::Waiting => Ok(Self::Called { call }),
            other => Err(other.cannot_be("called")),
        }
    }

    /// Called → called again.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is called.
    pub fn recalled(self, serial: u64, at: Timestamp) -> Result<Self, WrongMove> {
        match self {
            Self::Called { call } => Ok(Self::Called {
                call: CallMade {
                    serial,
                    at,
                    times: call.times.saturating_add(1),
                    ..call
                },
            }),
            other => Err(other.cannot_be("recalled")),
        }
    }

    /// Called → serving.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is called.
    pub fn started(self, started_at: Timestamp) -> Result<Self, WrongMove> {
        match self {
            Self::Called { call } => Ok(Self::Serving { call, started_at }),
            other => Err(other.cannot_be("served")),
        }
    }

    /// Serving → finished.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is being served.
    pub fn finished(self, at: Timestamp) -> Result<Self, WrongMove> {
        match self {
            Self::Serving { .. } => Ok(Self::Finished { at }),
            other => Err(other.cannot_be("finished")),
        }
    }

    /// Called → no-show.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is called.
    pub fn not_shown(self, at: Timestamp) -> Result<Self, WrongMove> {
        match self {
            Self::Called { .. } => Ok(Self::NoShow { at }),
            other => Err(other.cannot_be("marked as a no-show")),
        }
    }

    /// Waiting → withdrawn.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is waiting.
    pub fn withdrawn(self, in_favour_of: VisitId) -> Result<Self, WrongMove> {
        match self {
            Self::Waiting => Ok(Self::Withdrawn { in_favour_of }),
            other => Err(other.cannot_be("withdrawn")),
        }
    }

    /// Any open state → left at close.
    ///
    /// # Errors
    /// [`WrongMove`] if it is closed already.
    pub fn left_at_close(self) -> Result<Self, WrongMove> {
        if self.is_open() {
            Ok(Self::LeftAtClose)
        } else {
            Err(self.cannot_be("left at close"))
        }
    }

    /// Whether the resident is still in the office, as far as is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        match self {
            Self::Waiting | Self::Called { .. } | Self::Serving { .. } => true,
            Self::Finished { .. }
            | Self::NoShow { .. }
            | Self::LeftAtClose
            | Self::Withdrawn { .. } => false,
        }
    }

    /// The call that stands, if the visit is at a counter or on its way there.
    #[must_use]
    pub fn call(&self) -> Option<&CallMade> {
        match self {
            Self::Called { call } | Self::Serving { call, .. } => Some(call),
            _ => None,
        }
    }

    /// The state in words: "a visit that …".
    #[must_use]
    pub fn in_words(&self) -> &'static str {
        match self {
            Self::Waiting => "is waiting",
            Self::Called { .. } => "is called",
            Self::Serving { .. } => "is being served",
            Self::Finished { .. } => "is finished",
            Self::NoShow { .. } => "did not come",
            Self::LeftAtClose => "was left at close",
            Self::Withdrawn { .. } => "was withdrawn",
        }
    }

    fn cannot_be(&self, to: &'static str) -> WrongMove {
        WrongMove {
            from: self.in_words(),
            to,
        }
    }
}
