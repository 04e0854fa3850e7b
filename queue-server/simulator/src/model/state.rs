//! What the model knows of a visit and of a counter.

use jiff::Timestamp;
use usher_office::policy::Lane;
use usher_office::visit::{Visit, VisitState};
use usher_protocol::message::Needs;
use usher_protocol::{ClerkId, CounterId, ServiceId, TicketNumber};

/// Where a visit stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// In the queue.
    Waiting,
    /// Called to this counter.
    Called(CounterId),
    /// Being served there.
    Serving(CounterId),
    /// Set aside.
    OnHold,
    /// Done.
    Finished,
    /// Did not come.
    NoShow,
    /// Left.
    Left,
    /// The day ended before it was done.
    LeftAtClose,
    /// The same resident waits under another number.
    Withdrawn,
}

impl Stands {
    /// Whether the resident is in the office.
    #[must_use]
    pub fn is_here(&self) -> bool {
        matches!(
            self,
            Self::Waiting | Self::Called(_) | Self::Serving(_) | Self::OnHold
        )
    }

    /// What the office says, in the model's words.
    #[must_use]
    pub fn of(state: &VisitState) -> Self {
        match state {
            VisitState::Waiting => Self::Waiting,
            VisitState::Called { call } => Self::Called(call.counter.clone()),
            VisitState::Serving { call, .. } => Self::Serving(call.counter.clone()),
            VisitState::OnHold { .. } => Self::OnHold,
            VisitState::Finished { .. } => Self::Finished,
            VisitState::NoShow { .. } => Self::NoShow,
            VisitState::Left { .. } => Self::Left,
            VisitState::LeftAtClose => Self::LeftAtClose,
            VisitState::Withdrawn { .. } => Self::Withdrawn,
        }
    }

    /// Whether the resident is still here.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(
            self,
            Self::Waiting | Self::Called(_) | Self::Serving(_) | Self::OnHold
        )
    }

    /// The counter that has the visit.
    #[must_use]
    pub fn counter(&self) -> Option<&CounterId> {
        match self {
            Self::Called(counter) | Self::Serving(counter) => Some(counter),
            _ => None,
        }
    }
}

/// A visit, as the events tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its number.
    pub number: TicketNumber,
    /// What it waits for, or is served for.
    pub service: ServiceId,
    /// What follows.
    pub then: Vec<ServiceId>,
    /// By appointment or not.
    pub lane: Lane,
    /// The class, 1 to 3.
    pub priority: u8,
    /// Arrival by the server's clock.
    pub arrived_at: Timestamp,
    /// From when the wait counts.
    pub since: Timestamp,
    /// Lets others go first until then.
    pub ready_at: Option<Timestamp>,
    /// Waits for this counter.
    pub only_at: Option<CounterId>,
    /// What is needed.
    pub needs: Needs,
    /// How often others were let go first.
    pub postponed: u8,
    /// Where it stands.
    pub stands: Stands,
    /// Since when.
    pub stands_since: Timestamp,
    /// The last event that changed its course.
    pub touched: u64,
}

impl Known {
    /// What differs from the office's own visit; `None` if nothing does.
    #[must_use]
    pub fn differs_from(&self, visit: &Visit) -> Option<String> {
        let own = (
            self.number,
            &self.service,
            &self.then,
            self.lane,
            self.priority,
            self.since,
            self.ready_at,
            &self.only_at,
            self.postponed,
            &self.stands,
            self.stands_since,
        );
        let stands = Stands::of(&visit.state);
        let theirs = (
            visit.number,
            &visit.service,
            &visit.then,
            visit.lane,
            visit.priority,
            visit.since,
            visit.ready_at,
            &visit.only_at,
            visit.postponed,
            &stands,
            visit.state_since,
        );
        (own != theirs).then(|| {
            format!(
                "{}: the events say {own:?}, the office {theirs:?}",
                visit.id
            )
        })
    }
}

/// A counter that is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Desk {
    /// Who serves there.
    pub clerk: Option<ClerkId>,
    /// What it was changed to.
    pub services: Option<Vec<ServiceId>>,
    /// Whether its clerk has a break.
    pub on_break: bool,
    /// The visit that it has.
    pub visit: Option<u64>,
    /// The last thing done here, with the visit as it was before.
    pub last: Option<(u64, u64, Box<Known>)>,
}
