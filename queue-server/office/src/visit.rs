//! One resident's stay, and the states it goes through.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use usher_protocol::message::{Channel, HoldReason, Needs, PrintResult, VisitOutcome, WaitRange};
use usher_protocol::{
    AppointmentCode, CounterId, DeviceId, Language, ServiceId, TicketNumber, VisitId,
};

use crate::lines::Place;
use crate::policy::Lane;

/// One resident's stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The visit.
    pub id: VisitId,
    /// The number that the resident holds.
    pub number: TicketNumber,
    /// What the resident waits for, or is served for, now.
    pub service: ServiceId,
    /// What comes after it, in the order in which it was asked for.
    pub then: Vec<ServiceId>,
    /// What is done already.
    pub done: Vec<ServiceId>,
    /// The resident's language.
    pub language: Language,
    /// How many people came together.
    pub party: u8,
    /// What the resident needs.
    pub needs: Needs,
    /// How the resident came.
    pub channel: Channel,
    /// The appointment that the resident came for.
    pub appointment: Option<AppointmentCode>,
    /// Waits by appointment, or not, or no longer.
    pub lane: Lane,
    /// The class of priority, 1 (first) to 3.
    pub priority: u8,
    /// Arrival by the server's clock.
    pub arrived_at: Timestamp,
    /// When it joined the queue, by the server's clock: later than the arrival if
    /// it came on paper. Also when it came back to it, if it was closed before.
    pub joined_at: Timestamp,
    /// From when the wait counts, which is the order of the queue: the arrival, or
    /// the time agreed for an appointment.
    pub since: Timestamp,
    /// At the door, by the server's clock, if that is known.
    pub door_at: Option<Timestamp>,
    /// Lets others go first until then.
    pub ready_at: Option<Timestamp>,
    /// Waits for this counter only.
    pub only_at: Option<CounterId>,
    /// What the last clerk wrote for the next.
    pub note: Option<String>,
    /// How often others were let go first.
    pub postponed: u8,
    /// How often the resident did not come when called.
    pub no_shows: u8,
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
    /// When it came there, by the server's clock.
    pub state_since: Timestamp,
    /// The last event that moved it.
    pub moved: u64,
}

impl Visit {
    /// Its place in the queue.
    #[must_use]
    pub fn place(&self) -> Place {
        (self.since, self.id)
    }

    /// Puts back what moves change to what it was `before`: what became known
    /// meanwhile of the ticket and the resident stays, and so do services that were
    /// added.
    pub(super) fn restore_course(&mut self, before: &Self) {
        let added: Vec<ServiceId> = self
            .then
            .drain(..)
            .filter(|service| *service != before.service && !before.then.contains(service))
            .collect();
        self.then.clone_from(&before.then);
        self.then.extend(added);
        self.service = before.service.clone();
        self.done.clone_from(&before.done);
        self.lane = before.lane;
        self.since = before.since;
        self.ready_at = before.ready_at;
        self.only_at.clone_from(&before.only_at);
        self.note.clone_from(&before.note);
        self.postponed = before.postponed;
        self.no_shows = before.no_shows;
        self.state = before.state.clone();
        self.state_since = before.state_since;
    }
}

/// Where a visit stands, with what is true only then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Set aside by a counter.
    OnHold {
        /// The counter that did it.
        counter: CounterId,
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: HoldReason,
    },
    /// Done.
    Finished {
        /// When.
        at: Timestamp,
        /// How it ended.
        outcome: VisitOutcome,
    },
    /// Did not come when called.
    NoShow {
        /// When the clerk said so.
        at: Timestamp,
    },
    /// The resident left before it was done.
    Left {
        /// When that was told.
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    pub fn finished(self, at: Timestamp, outcome: VisitOutcome) -> Result<Self, WrongMove> {
        match self {
            Self::Serving { .. } => Ok(Self::Finished { at, outcome }),
            other => Err(other.cannot_be("finished")),
        }
    }

    /// Serving → serving, for the next service.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is being served.
    pub fn goes_on(self, started_at: Timestamp) -> Result<Self, WrongMove> {
        match self {
            Self::Serving { call, .. } => Ok(Self::Serving { call, started_at }),
            other => Err(other.cannot_be("served further")),
        }
    }

    /// Called or serving → on hold.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is at a counter or on its way there.
    pub fn held(self, reason: HoldReason, since: Timestamp) -> Result<Self, WrongMove> {
        match self {
            Self::Called { call } | Self::Serving { call, .. } => Ok(Self::OnHold {
                counter: call.counter,
                since,
                reason,
            }),
            other => Err(other.cannot_be("put on hold")),
        }
    }

    /// On hold → called.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is on hold.
    pub fn resumed(self, call: CallMade) -> Result<Self, WrongMove> {
        match self {
            Self::OnHold { .. } => Ok(Self::Called { call }),
            other => Err(other.cannot_be("resumed")),
        }
    }

    /// Called or serving → waiting.
    ///
    /// # Errors
    /// [`WrongMove`] unless it is at a counter or on its way there.
    pub fn sent_on(self) -> Result<Self, WrongMove> {
        match self {
            Self::Called { .. } | Self::Serving { .. } => Ok(Self::Waiting),
            other => Err(other.cannot_be("sent on")),
        }
    }

    /// No-show or on hold → waiting.
    ///
    /// # Errors
    /// [`WrongMove`] if it is neither.
    pub fn returned(self) -> Result<Self, WrongMove> {
        match self {
            Self::NoShow { .. } | Self::OnHold { .. } => Ok(Self::Waiting),
            other => Err(other.cannot_be("returned to the queue")),
        }
    }

    /// Waiting or called → waiting, later.
    ///
    /// # Errors
    /// [`WrongMove`] if it is neither.
    pub fn postponed(self) -> Result<Self, WrongMove> {
        match self {
            Self::Waiting | Self::Called { .. } => Ok(Self::Waiting),
            other => Err(other.cannot_be("postponed")),
        }
    }

    /// Finished, no-show or left → waiting.
    ///
    /// # Errors
    /// [`WrongMove`] if it is none of these.
    pub fn reopened(self) -> Result<Self, WrongMove> {
        match self {
            Self::Finished { .. } | Self::NoShow { .. } | Self::Left { .. } => Ok(Self::Waiting),
            other => Err(other.cannot_be("reopened")),
        }
    }

    /// Any open state → left.
    ///
    /// # Errors
    /// [`WrongMove`] if it is closed already.
    pub fn left(self, at: Timestamp) -> Result<Self, WrongMove> {
        if self.is_open() {
            Ok(Self::Left { at })
        } else {
            Err(self.cannot_be("left"))
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
            Self::Waiting | Self::Called { .. } | Self::Serving { .. } | Self::OnHold { .. } => {
                true
            }
            Self::Finished { .. }
            | Self::NoShow { .. }
            | Self::Left { .. }
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
            Self::OnHold { .. } => "is on hold",
            Self::Finished { .. } => "is finished",
            Self::NoShow { .. } => "did not come",
            Self::Left { .. } => "has left",
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
