//! The office as it stands. [`apply`] changes it, event by event; [`choose`] says
//! who is next.
//!
//! Indexed so that a check-in and a call cost O(log n) of those waiting and
//! nothing of the history. Closed visits are kept for their day and the next.

mod apply;
mod choose;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use usher_protocol::message::Appointment;
use usher_protocol::{
    AppointmentCode, ClerkId, CounterId, PersonHash, Series, ServiceId, TicketNumber, VisitId,
};

use crate::answers::Answers;
use crate::lines::Lines;
use crate::plan::OfficePlan;
use crate::policy::Turn;
use crate::visit::{Visit, VisitState, WrongMove};

pub use crate::lines::Place;
pub use choose::{Chosen, Served};

/// What an open counter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OpenCounter {
    /// No visit.
    Free,
    /// A visit that was called, or is being served.
    Busy(VisitId),
    /// No visit, for its clerk has a break.
    OnBreak,
}

/// A counter that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CounterNow {
    /// What it has.
    pub has: OpenCounter,
    /// Since when it has that, by the server's clock.
    pub since: Timestamp,
    /// Until when its break was to last, if that was told.
    pub break_until: Option<Timestamp>,
    /// Who serves there, if that was told.
    pub clerk: Option<ClerkId>,
    /// The services that it was changed to.
    pub services: Option<Vec<ServiceId>>,
    /// What was last done here, if it can be taken back.
    pub(crate) last: Option<Undoable>,
}

impl CounterNow {
    /// What `visit` was here for before what was last done with it, and since when:
    /// the call, or the end of its service before.
    #[must_use]
    pub fn before(&self, visit: VisitId) -> Option<(&ServiceId, Timestamp)> {
        let before = self.last.as_ref().map(|last| &last.visit)?;
        let since = match &before.state {
            _ if before.id != visit => return None,
            VisitState::Serving { started_at, .. } if !before.done.is_empty() => *started_at,
            VisitState::Called { call } | VisitState::Serving { call, .. } => call.at,
            _ => return None,
        };
        Some((&before.service, since))
    }
}

/// What was last done at a counter, and all that it changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Undoable {
    pub(crate) sequence: u64,
    pub(crate) at: Timestamp,
    pub(crate) visit: Box<Visit>,
    has: OpenCounter,
    since: Timestamp,
    /// Of a call: how many of a hundred were for appointments.
    share: Option<u8>,
}

/// The office as it stands after some event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Office {
    #[serde(skip, default = "OfficePlan::none")]
    plan: Arc<OfficePlan>,
    sequence: u64,
    /// When the last event happened, by the server's clock of then.
    last_at: Timestamp,
    day: Date,
    last_visit: VisitId,
    last_serial: u64,
    served_today: u32,
    visits: HashMap<VisitId, Visit>,
    queued_before: Vec<VisitId>,
    queued_today: Vec<VisitId>,
    /// Told by the visits, so not saved with them.
    #[serde(skip)]
    lines: Lines,
    on_hold: BTreeSet<VisitId>,
    counters: BTreeMap<CounterId, CounterNow>,
    suspended: BTreeSet<ServiceId>,
    turn: Turn,
    appointments: BTreeMap<AppointmentCode, Appointment>,
    last_numbers: HashMap<Series, u16>,
    numbers_today: HashMap<TicketNumber, VisitId>,
    answers: Answers,
}

/// Why a visit may have been forgotten by everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgotten {
    /// It has waited past belief.
    Waits,
    /// It was called long ago, and nobody said what became of it.
    Called,
    /// It has been on hold for long.
    OnHold,
}

/// An event that the events before it rule out: the log was changed, or there
/// is a bug in [`crate::decide`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// An event is missing or stands twice.
    #[error("event {found} stands where event {expected} should")]
    Sequence {
        /// The sequence that must come.
        expected: u64,
        /// The one that came.
        found: u64,
    },
    /// No such visit.
    #[error("event {sequence} speaks of {visit}, which does not exist then")]
    NoVisit {
        /// The event.
        sequence: u64,
        /// The visit.
        visit: VisitId,
    },
    /// The visit cannot do that.
    #[error("event {sequence} on {visit}: {cause}")]
    WrongMove {
        /// The event.
        sequence: u64,
        /// The visit.
        visit: VisitId,
        /// What it cannot do.
        #[source]
        cause: WrongMove,
    },
    /// The counter is not in a state that allows this.
    #[error("event {sequence} does not fit what counter \"{counter}\" has then")]
    Counter {
        /// The event.
        sequence: u64,
        /// The counter.
        counter: CounterId,
    },
}

impl Office {
    /// An office in which nothing has happened yet.
    #[must_use]
    pub fn new(plan: Arc<OfficePlan>) -> Self {
        Self {
            plan,
            sequence: 0,
            last_at: Timestamp::MIN,
            day: Date::MIN,
            last_visit: VisitId(0),
            last_serial: 0,
            served_today: 0,
            visits: HashMap::new(),
            queued_before: Vec::new(),
            queued_today: Vec::new(),
            lines: Lines::default(),
            on_hold: BTreeSet::new(),
            counters: BTreeMap::new(),
            suspended: BTreeSet::new(),
            turn: Turn::default(),
            appointments: BTreeMap::new(),
            last_numbers: HashMap::new(),
            numbers_today: HashMap::new(),
            answers: Answers::default(),
        }
    }

    /// An office that was saved (serialised), with the plan of now: the plan is
    /// not saved, for the office file may have changed.
    #[must_use]
    pub fn resumed(mut self, plan: Arc<OfficePlan>) -> Self {
        self.plan = plan;
        self.lines = Lines::default();
        for visit in self.visits.values() {
            if visit.state == VisitState::Waiting {
                self.lines.join(visit);
            }
        }
        self
    }

    /// What the office file says.
    #[must_use]
    pub fn plan(&self) -> &Arc<OfficePlan> {
        &self.plan
    }

    /// The last event applied; 0 before the first.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// When the last event happened, by the server's clock of then;
    /// [`Timestamp::MIN`] before the first.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// The office's date; [`Date::MIN`] before the first day.
    #[must_use]
    pub fn day(&self) -> Date {
        self.day
    }

    /// The newest visit's id.
    #[must_use]
    pub fn last_visit(&self) -> VisitId {
        self.last_visit
    }

    /// The newest call's serial.
    #[must_use]
    pub fn last_serial(&self) -> u64 {
        self.last_serial
    }

    /// Visits finished since the day started.
    #[must_use]
    pub fn served_today(&self) -> u32 {
        self.served_today
    }

    /// A visit of today or of the day before.
    #[must_use]
    pub fn visit(&self, id: VisitId) -> Option<&Visit> {
        self.visits.get(&id)
    }

    /// Every visit that is remembered, in no order.
    pub fn visits(&self) -> impl Iterator<Item = &Visit> {
        self.visits.values()
    }

    /// Whether the visit joined today, or was still here when the day started.
    #[must_use]
    pub fn is_of_today(&self, id: VisitId) -> bool {
        // In the order of their ids: a visit that stayed over a day's start is
        // older than those which joined after it.
        self.queued_today.binary_search(&id).is_ok()
    }

    /// How many wait.
    #[must_use]
    pub fn waiting_count(&self) -> usize {
        self.lines.len()
    }

    /// Those who wait, in the order of their place.
    pub fn waiting(&self) -> impl Iterator<Item = &Visit> {
        self.lines.places().map(|place| &self.visits[&place.1])
    }

    /// How many wait for `service`.
    #[must_use]
    pub fn waiting_for(&self, service: &ServiceId) -> usize {
        self.lines.count(service)
    }

    /// How many wait for `service` before `place`: O(log n) and those behind,
    /// who are few, for residents mostly come in the order of their arrival.
    #[must_use]
    pub fn waiting_before(&self, service: &ServiceId, place: Place) -> usize {
        self.lines.count_before(service, place)
    }

    /// Those on hold, by id.
    pub fn on_hold(&self) -> impl Iterator<Item = &Visit> {
        self.on_hold.iter().filter_map(|id| self.visits.get(id))
    }

    /// The counters that are open, and what they have.
    pub fn open_counters(&self) -> impl Iterator<Item = (&CounterId, OpenCounter)> {
        self.counters.iter().map(|(id, counter)| (id, counter.has))
    }

    /// What the counter has; `None` if it is closed.
    #[must_use]
    pub fn counter(&self, id: &CounterId) -> Option<OpenCounter> {
        self.counters.get(id).map(|counter| counter.has)
    }

    /// The counter as it stands; `None` if it is closed.
    #[must_use]
    pub fn counter_now(&self, id: &CounterId) -> Option<&CounterNow> {
        self.counters.get(id)
    }

    /// The services that the counter serves now: those it was changed to, or those
    /// of the office file, as far as its clerk can do them.
    pub fn services_at(&self, id: &CounterId) -> impl Iterator<Item = &ServiceId> {
        let now = self.counters.get(id);
        let changed = now.and_then(|now| now.services.as_deref());
        let of_file = || self.plan.counter(id).map_or(&[][..], |info| &info.services);
        let skills = now
            .and_then(|now| self.plan.rules.clerks.get(now.clerk.as_ref()?))
            .and_then(|clerk| clerk.services.as_deref());
        changed
            .unwrap_or_else(of_file)
            .iter()
            .filter(move |service| skills.is_none_or(|skills| skills.contains(service)))
    }

    /// The visit at the counter, or on its way there.
    #[must_use]
    pub fn visit_at(&self, id: &CounterId) -> Option<&Visit> {
        match self.counter(id)? {
            OpenCounter::Free | OpenCounter::OnBreak => None,
            OpenCounter::Busy(visit) => self.visits.get(&visit),
        }
    }

    /// Whether check-ins for the service are not taken now.
    #[must_use]
    pub fn is_suspended(&self, service: &ServiceId) -> bool {
        self.suspended.contains(service)
    }

    /// The appointment of this code, of yesterday or later.
    #[must_use]
    pub fn appointment(&self, code: &AppointmentCode) -> Option<&Appointment> {
        self.appointments.get(code)
    }

    /// Every appointment of yesterday or later, by code.
    pub fn appointments(&self) -> impl Iterator<Item = &Appointment> {
        self.appointments.values()
    }

    /// The appointments of this person on the office's day of `at`.
    pub fn appointments_of(
        &self,
        person: &PersonHash,
        at: Timestamp,
    ) -> impl Iterator<Item = &Appointment> {
        let day = self.plan.day_of(at);
        self.appointments.values().filter(move |appointment| {
            appointment.person.as_ref() == Some(person) && self.plan.day_of(appointment.at) == day
        })
    }

    /// The visit of today that came for the appointment.
    #[must_use]
    pub fn visit_for(&self, code: &AppointmentCode) -> Option<&Visit> {
        self.queued_today
            .iter()
            .rev()
            .filter_map(|id| self.visits.get(id))
            .find(|visit| visit.appointment.as_ref() == Some(code))
    }

    /// Whose turn it is where appointments have a share of the calls.
    #[must_use]
    pub fn turn(&self) -> Turn {
        self.turn
    }

    /// The next number of `series` that nobody was given today, or `None` after the last.
    #[must_use]
    pub fn next_number(&self, series: Series) -> Option<TicketNumber> {
        let last = self.last_numbers.get(&series).copied().unwrap_or(0);
        (last.checked_add(1)?..)
            .map_while(|number| series.number(number))
            .find(|number| !self.numbers_today.contains_key(number))
    }

    /// The visit that was given `number` today, the latest if there are two.
    #[must_use]
    pub fn holder_today(&self, number: TicketNumber) -> Option<VisitId> {
        self.numbers_today.get(&number).copied()
    }

    /// What was answered to which command.
    #[must_use]
    pub fn answers(&self) -> &Answers {
        &self.answers
    }

    /// Every visit that is not closed: waiting, on hold, called or being served. Sorted.
    #[must_use]
    pub fn open_visits(&self) -> Vec<VisitId> {
        let at_counters = self
            .counters
            .values()
            .filter_map(|counter| match counter.has {
                OpenCounter::Free | OpenCounter::OnBreak => None,
                OpenCounter::Busy(visit) => Some(visit),
            });
        let at_counters = at_counters.filter(|visit| {
            self.visit(*visit)
                .is_some_and(|visit| visit.state.is_open())
        });
        let mut open: Vec<VisitId> = self
            .lines
            .places()
            .map(|place| place.1)
            .chain(self.on_hold.iter().copied())
            .chain(at_counters)
            .collect();
        open.sort_unstable();
        open
    }

    /// The visits that everybody may have forgotten at `now`, at most `count`:
    /// somebody should look. Residents were told to ask if they wait too long; this
    /// is the other half of that promise.
    #[must_use]
    pub fn forgotten(&self, now: Timestamp, count: usize) -> Vec<(&Visit, Forgotten)> {
        let limits = &self.plan.rules.limits;
        let older = |at: Timestamp, minutes: u16| {
            now.duration_since(at) > SignedDuration::from_mins(i64::from(minutes))
        };
        let waits = self
            .waiting()
            .take_while(|visit| older(visit.since, limits.forgotten_after_minutes))
            .map(|visit| (visit, Forgotten::Waits));
        let called = self.counters.keys().filter_map(|id| self.visit_at(id));
        let called = called
            .filter(|visit| matches!(visit.state, VisitState::Called { .. }))
            .filter(|visit| older(visit.state_since, limits.left_aside_minutes))
            .map(|visit| (visit, Forgotten::Called));
        let on_hold = self
            .on_hold()
            .filter(|visit| older(visit.state_since, limits.left_aside_minutes))
            .map(|visit| (visit, Forgotten::OnHold));
        called.chain(on_hold).chain(waits).take(count).collect()
    }
}
