//! The office as it stands, and how each event changes it.
//!
//! Indexed so that a check-in and a call cost O(log n) of those waiting and
//! nothing of the history. Closed visits are kept for their day and the next.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use usher_protocol::message::{Answer, QueuedTicket};
use usher_protocol::{CommandId, CounterId, Series, ServiceId, TicketNumber, VisitId};

use crate::answers::Answers;
use crate::event::{Event, OnPaper, Record, VisitQueued, VisitRenumbered};
use crate::plan::OfficePlan;
use crate::visit::{CallMade, Visit, VisitState, WrongMove};

/// A place in the queue: by arrival, and by visit among those of one moment.
pub type Place = (Timestamp, VisitId);

/// What an open counter has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenCounter {
    /// No visit.
    Free,
    /// A visit that was called, or is being served.
    Busy(VisitId),
}

/// The office as it stands after some event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Office {
    plan: Arc<OfficePlan>,
    sequence: u64,
    day: Date,
    last_visit: VisitId,
    last_serial: u64,
    served_today: u32,
    visits: HashMap<VisitId, Visit>,
    queued_before: Vec<VisitId>,
    queued_today: Vec<VisitId>,
    line: BTreeSet<Place>,
    service_lines: BTreeMap<ServiceId, BTreeSet<Place>>,
    counters: BTreeMap<CounterId, OpenCounter>,
    last_numbers: HashMap<Series, u16>,
    numbers_today: HashMap<TicketNumber, VisitId>,
    answers: Answers,
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
            day: Date::MIN,
            last_visit: VisitId(0),
            last_serial: 0,
            served_today: 0,
            visits: HashMap::new(),
            queued_before: Vec::new(),
            queued_today: Vec::new(),
            line: BTreeSet::new(),
            service_lines: BTreeMap::new(),
            counters: BTreeMap::new(),
            last_numbers: HashMap::new(),
            numbers_today: HashMap::new(),
            answers: Answers::default(),
        }
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

    /// How many wait.
    #[must_use]
    pub fn waiting_count(&self) -> usize {
        self.line.len()
    }

    /// Those who wait, first arrived first.
    pub fn waiting(&self) -> impl Iterator<Item = &Visit> {
        self.line.iter().map(|place| &self.visits[&place.1])
    }

    /// How many wait for `service`.
    #[must_use]
    pub fn waiting_for(&self, service: &ServiceId) -> usize {
        self.service_lines.get(service).map_or(0, BTreeSet::len)
    }

    /// How many wait for `service` before `place`: O(log n) and those behind,
    /// who are few, for residents mostly come in the order of their arrival.
    #[must_use]
    pub fn waiting_before(&self, service: &ServiceId, place: Place) -> usize {
        self.service_lines
            .get(service)
            .map_or(0, |line| line.len() - line.range(place..).count())
    }

    /// The counters that are open, and what they have.
    pub fn open_counters(&self) -> impl Iterator<Item = (&CounterId, OpenCounter)> {
        self.counters.iter().map(|(id, counter)| (id, *counter))
    }

    /// What the counter has; `None` if it is closed.
    #[must_use]
    pub fn counter(&self, id: &CounterId) -> Option<OpenCounter> {
        self.counters.get(id).copied()
    }

    /// The visit at the counter, or on its way there.
    #[must_use]
    pub fn visit_at(&self, id: &CounterId) -> Option<&Visit> {
        match self.counter(id)? {
            OpenCounter::Free => None,
            OpenCounter::Busy(visit) => self.visits.get(&visit),
        }
    }

    /// Who would be called to the counter: the first `count`, in order.
    ///
    /// Those are the longest waiting among the services of the counter. A
    /// service that the office file no longer has is served by every counter, so
    /// that a change of the file leaves nobody behind.
    #[must_use]
    pub fn next_for(&self, counter: &CounterId, count: usize) -> Vec<&Visit> {
        let mut places: Vec<Place> = self
            .lines_of(counter)
            .flat_map(|line| line.iter().take(count).copied())
            .collect();
        places.sort_unstable();
        places.truncate(count);
        places.iter().map(|place| &self.visits[&place.1]).collect()
    }

    /// How many wait for the services of the counter.
    #[must_use]
    pub fn waiting_at(&self, counter: &CounterId) -> usize {
        self.lines_of(counter).map(BTreeSet::len).sum()
    }

    fn lines_of(&self, counter: &CounterId) -> impl Iterator<Item = &BTreeSet<Place>> {
        let own = self
            .plan
            .counter(counter)
            .map_or(&[][..], |info| &info.services);
        let given_up = self
            .service_lines
            .iter()
            .filter(|(service, _)| self.plan.service(service).is_none())
            .map(|(_, line)| line);
        own.iter()
            .filter_map(|service| self.service_lines.get(service))
            .chain(given_up)
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

    /// Every visit that is not closed: waiting, called or being served. Sorted.
    #[must_use]
    pub fn open_visits(&self) -> Vec<VisitId> {
        let at_counters = self.counters.values().filter_map(|counter| match counter {
            OpenCounter::Free => None,
            OpenCounter::Busy(visit) => Some(*visit),
        });
        let at_counters = at_counters.filter(|visit| {
            self.visit(*visit)
                .is_some_and(|visit| visit.state.is_open())
        });
        let mut open: Vec<VisitId> = self
            .line
            .iter()
            .map(|place| place.1)
            .chain(at_counters)
            .collect();
        open.sort_unstable();
        open
    }

    /// Takes in what happened next.
    ///
    /// # Errors
    /// [`Contradiction`] if it cannot have happened; the office may then be half
    /// changed and must not be used.
    pub fn apply(&mut self, record: &Record) -> Result<(), Contradiction> {
        let expected = self.sequence + 1;
        if record.sequence != expected {
            return Err(Contradiction::Sequence {
                expected,
                found: record.sequence,
            });
        }
        self.sequence = expected;
        match &record.event {
            Event::DayStarted {
                date,
                left_at_close,
            } => self.start_day(*date, left_at_close)?,
            Event::VisitQueued(queued) => self.queue(record, queued),
            Event::VisitRenumbered(renumbered) => self.renumber(record, renumbered)?,
            Event::CheckInReplaced {
                check_in,
                form,
                visit,
                arrived_at,
                withdrawn,
            } => {
                if let Some(withdrawn) = withdrawn {
                    self.transition(*withdrawn, |state| state.withdrawn(*visit))?;
                    self.leave_line(*withdrawn);
                }
                self.move_in_line(*visit, *arrived_at);
                self.remember_replaced(check_in, form, *arrived_at);
            }
            Event::PrintRecorded { visit, result } => {
                self.visit_mut(*visit)?.print = Some(*result);
                self.remember(record, Answer::Done);
            }
            Event::CounterOpened { counter } => {
                if self.counters.contains_key(counter) {
                    return Err(self.counter_contradicts(counter));
                }
                self.counters.insert(counter.clone(), OpenCounter::Free);
                self.remember(record, Answer::Done);
            }
            Event::CounterClosed { counter } => {
                if self.counters.remove(counter) != Some(OpenCounter::Free) {
                    return Err(self.counter_contradicts(counter));
                }
                self.remember(record, Answer::Done);
            }
            Event::VisitCalled {
                visit,
                counter,
                serial,
                reason,
            } => {
                if self.counter(counter) != Some(OpenCounter::Free) {
                    return Err(self.counter_contradicts(counter));
                }
                let call = CallMade {
                    counter: counter.clone(),
                    serial: *serial,
                    at: record.at,
                    times: 1,
                    reason: reason.clone(),
                };
                self.transition(*visit, |state| state.called(call))?;
                self.leave_line(*visit);
                self.last_serial = *serial;
                self.counters
                    .insert(counter.clone(), OpenCounter::Busy(*visit));
                self.remember_at_counter(record, *visit, Some(reason.clone()))?;
            }
            Event::VisitRecalled {
                visit,
                counter,
                serial,
            } => {
                self.expect_at(counter, *visit)?;
                self.transition(*visit, |state| state.recalled(*serial, record.at))?;
                self.last_serial = *serial;
                self.remember_at_counter(record, *visit, None)?;
            }
            Event::ServiceStarted { visit, counter } => {
                self.expect_at(counter, *visit)?;
                self.transition(*visit, |state| state.started(record.at))?;
                self.remember_at_counter(record, *visit, None)?;
            }
            Event::VisitFinished { visit, counter } => {
                self.expect_at(counter, *visit)?;
                self.transition(*visit, |state| state.finished(record.at))?;
                self.counters.insert(counter.clone(), OpenCounter::Free);
                self.served_today = self.served_today.saturating_add(1);
                self.remember_at_counter(record, *visit, None)?;
            }
            Event::VisitNoShow { visit, counter } => {
                self.expect_at(counter, *visit)?;
                self.transition(*visit, |state| state.not_shown(record.at))?;
                self.counters.insert(counter.clone(), OpenCounter::Free);
                self.remember_at_counter(record, *visit, None)?;
            }
        }
        Ok(())
    }

    fn start_day(&mut self, date: Date, left: &[VisitId]) -> Result<(), Contradiction> {
        for visit in left {
            self.transition(*visit, VisitState::left_at_close)?;
            self.leave_line(*visit);
        }
        let staying = self.open_visits();
        let stays = |visit: &VisitId| staying.binary_search(visit).is_ok();
        if staying.is_empty() {
            self.counters.clear();
        }
        for counter in self.counters.values_mut() {
            if matches!(counter, OpenCounter::Busy(visit) if !stays(visit)) {
                *counter = OpenCounter::Free;
            }
        }
        self.day = date;
        self.served_today = 0;
        self.last_numbers.clear();
        self.numbers_today.retain(|_, visit| stays(visit));
        let (today, ended) = self.queued_today.drain(..).partition(stays);
        self.queued_today = today;
        for visit in std::mem::replace(&mut self.queued_before, ended) {
            self.visits.remove(&visit);
        }
        self.answers.start_day(date, |visit| stays(&visit));
        Ok(())
    }

    fn queue(&mut self, record: &Record, queued: &VisitQueued) {
        let ticket = QueuedTicket {
            visit: queued.visit,
            number: queued.number,
            service: queued.service.clone(),
            arrived_at: queued.arrived_at,
            ahead: queued.ahead,
            wait: queued.promised_wait,
        };
        self.last_visit = queued.visit;
        self.take_number(queued.number, queued.visit, queued.paper.is_some());
        self.visits.insert(
            queued.visit,
            Visit {
                id: queued.visit,
                number: queued.number,
                service: queued.service.clone(),
                language: queued.language.clone(),
                arrived_at: queued.arrived_at,
                device: queued.device.clone(),
                on_paper: queued.paper.is_some(),
                same_number_as: queued.paper.as_ref().and_then(|p| p.same_number_as),
                promised_wait: queued.promised_wait,
                print: None,
                state: VisitState::Waiting,
            },
        );
        self.queued_today.push(queued.visit);
        self.join_line(queued.visit);
        match &queued.paper {
            Some(paper) => self.remember_form(record, paper, ticket),
            None => self.remember(record, Answer::Queued { ticket }),
        }
    }

    fn renumber(
        &mut self,
        record: &Record,
        renumbered: &VisitRenumbered,
    ) -> Result<(), Contradiction> {
        let id = renumbered.visit;
        self.leave_line(id);
        let visit = self.visit_mut(id)?;
        visit.number = renumbered.number;
        visit.service = renumbered.service.clone();
        visit.language = renumbered.language.clone();
        visit.arrived_at = renumbered.arrived_at;
        visit.on_paper = true;
        visit.same_number_as = renumbered.paper.same_number_as;
        let ticket = QueuedTicket {
            visit: id,
            number: renumbered.number,
            service: renumbered.service.clone(),
            arrived_at: renumbered.arrived_at,
            ahead: renumbered.ahead,
            wait: visit.promised_wait,
        };
        if visit.state == VisitState::Waiting {
            self.join_line(id);
        }
        if let Some(serial) = renumbered.serial {
            self.transition(id, |state| state.recalled(serial, record.at))?;
            self.last_serial = serial;
        }
        self.take_number(renumbered.number, id, true);
        self.remember_form(record, &renumbered.paper, ticket);
        Ok(())
    }

    /// Only somebody who waits has a place to move.
    fn move_in_line(&mut self, id: VisitId, arrived_at: Timestamp) {
        let waits = self
            .visits
            .get(&id)
            .is_some_and(|visit| visit.state == VisitState::Waiting);
        if waits {
            self.leave_line(id);
            if let Some(visit) = self.visits.get_mut(&id) {
                visit.arrived_at = arrived_at;
            }
            self.join_line(id);
        }
    }

    fn remember_replaced(&mut self, check_in: &CommandId, form: &CommandId, at: Timestamp) {
        let ticket = self.answers.get(form).and_then(|known| known.ticket());
        if let Some(ticket) = ticket {
            let ticket = QueuedTicket {
                arrived_at: at,
                ..ticket.clone()
            };
            self.answers
                .remember_paper(check_in, None, Answer::Queued { ticket }, self.day);
        }
    }

    fn visit_mut(&mut self, id: VisitId) -> Result<&mut Visit, Contradiction> {
        self.visits.get_mut(&id).ok_or(Contradiction::NoVisit {
            sequence: self.sequence,
            visit: id,
        })
    }

    fn transition(
        &mut self,
        id: VisitId,
        to: impl FnOnce(VisitState) -> Result<VisitState, WrongMove>,
    ) -> Result<(), Contradiction> {
        let sequence = self.sequence;
        let visit = self.visit_mut(id)?;
        let state = std::mem::replace(&mut visit.state, VisitState::Waiting);
        visit.state = to(state).map_err(|cause| Contradiction::WrongMove {
            sequence,
            visit: id,
            cause,
        })?;
        Ok(())
    }

    fn expect_at(&self, counter: &CounterId, visit: VisitId) -> Result<(), Contradiction> {
        if self.counter(counter) == Some(OpenCounter::Busy(visit)) {
            Ok(())
        } else {
            Err(self.counter_contradicts(counter))
        }
    }

    fn counter_contradicts(&self, counter: &CounterId) -> Contradiction {
        Contradiction::Counter {
            sequence: self.sequence,
            counter: counter.clone(),
        }
    }

    fn join_line(&mut self, id: VisitId) {
        let visit = &self.visits[&id];
        let place = (visit.arrived_at, id);
        self.line.insert(place);
        match self.service_lines.get_mut(&visit.service) {
            Some(line) => {
                line.insert(place);
            }
            None => {
                let line = BTreeSet::from([place]);
                self.service_lines.insert(visit.service.clone(), line);
            }
        }
    }

    fn leave_line(&mut self, id: VisitId) {
        let Some(visit) = self.visits.get(&id) else {
            return;
        };
        let place = (visit.arrived_at, id);
        self.line.remove(&place);
        if let Some(line) = self.service_lines.get_mut(&visit.service) {
            line.remove(&place);
            if line.is_empty() {
                self.service_lines.remove(&visit.service);
            }
        }
    }

    fn take_number(&mut self, number: TicketNumber, visit: VisitId, is_form: bool) {
        self.numbers_today.insert(number, visit);
        if !is_form {
            self.last_numbers.insert(number.series(), number.number());
        }
    }

    fn remember(&mut self, record: &Record, answer: Answer) {
        self.answers
            .remember(&record.command, record.fingerprint, answer);
    }

    fn remember_at_counter(
        &mut self,
        record: &Record,
        visit: VisitId,
        reason: Option<String>,
    ) -> Result<(), Contradiction> {
        let number = self.visit_mut(visit)?.number;
        let answer = Answer::AtCounter {
            visit,
            number,
            reason,
        };
        self.remember(record, answer);
        Ok(())
    }

    fn remember_form(&mut self, record: &Record, paper: &OnPaper, ticket: QueuedTicket) {
        let answer = Answer::Queued { ticket };
        let asked = Some(record.fingerprint);
        self.answers
            .remember_paper(&paper.form, asked, answer.clone(), self.day);
        if record.command != paper.form {
            self.answers
                .remember_paper(&record.command, asked, answer.clone(), self.day);
        }
        if let Some(check_in) = &paper.replaces {
            self.answers
                .remember_paper(check_in, None, answer, self.day);
        }
    }
}
