//! How each event changes the office. No rule is here: what could not happen is
//! a [`Contradiction`].

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use usher_protocol::message::{Answer, QueuedTicket, TransferTo};
use usher_protocol::{CommandId, CounterId, ServiceId, TicketNumber, VisitId};

use crate::event::{Event, OnPaper, Record, VisitQueued, VisitRenumbered};
use crate::policy::{Lane, PRIORITIES, PRIORITY_USUAL};
use crate::state::{Contradiction, CounterNow, Office, OpenCounter, Undoable};
use crate::visit::{CallMade, Visit, VisitState, WrongMove};

/// How long an appointment is remembered after its time.
const APPOINTMENT_KEPT: SignedDuration = SignedDuration::from_hours(48);

impl Office {
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
        self.last_at = record.at;
        self.wake(record.at);
        match &record.event {
            Event::DayStarted {
                date,
                left_at_close,
            } => self.start_day(*date, left_at_close, record.at),
            Event::ClockSetBack { by_ms } => {
                self.put_back(record.at, SignedDuration::from_millis(*by_ms));
                self.wake(record.at);
                Ok(())
            }
            Event::VisitQueued(queued) => {
                self.queue(record, queued);
                Ok(())
            }
            Event::VisitRenumbered(renumbered) => self.renumber(record, renumbered),
            Event::CheckInReplaced {
                check_in,
                form,
                visit,
                arrived_at,
                withdrawn,
            } => {
                if let Some(withdrawn) = withdrawn {
                    self.go(record.at, *withdrawn, |state| state.withdrawn(*visit))?;
                }
                self.move_in_line(*visit, *arrived_at);
                self.remember_replaced(check_in, form, *arrived_at);
                Ok(())
            }
            Event::PrintRecorded { visit, result } => {
                self.visit_mut(*visit)?.print = Some(*result);
                self.remember(record, Answer::Done);
                Ok(())
            }
            Event::AppointmentBooked { appointment } => {
                let code = appointment.code.clone();
                self.appointments.insert(code, appointment.clone());
                self.remember(record, Answer::Done);
                Ok(())
            }
            Event::AppointmentCancelled { code } => {
                self.appointments.remove(code);
                self.remember(record, Answer::Done);
                Ok(())
            }
            Event::ServiceSuspended { service } => {
                self.suspended.insert(service.clone());
                self.remember(record, Answer::Done);
                Ok(())
            }
            Event::ServiceOffered { service } => {
                self.suspended.remove(service);
                self.remember(record, Answer::Done);
                Ok(())
            }
            Event::CounterOpened { .. }
            | Event::CounterClosed { .. }
            | Event::BreakStarted { .. }
            | Event::BreakEnded { .. }
            | Event::ServicesChanged { .. } => {
                self.apply_to_counter(record)?;
                self.remember(record, Answer::Done);
                Ok(())
            }
            Event::VisitReturned { .. }
            | Event::VisitPostponed { .. }
            | Event::VisitLeft { .. }
            | Event::ServiceAdded { .. }
            | Event::ServiceChanged { .. }
            | Event::VisitReopened { .. } => {
                self.apply_to_visit(record)?;
                self.remember(record, Answer::Done);
                Ok(())
            }
            _ => self.apply_at_counter(record),
        }
    }

    /// What happens to a counter itself.
    fn apply_to_counter(&mut self, record: &Record) -> Result<(), Contradiction> {
        match &record.event {
            Event::CounterOpened { counter, clerk } => {
                if self.counters.contains_key(counter) {
                    return Err(self.counter_contradicts(counter));
                }
                let now = CounterNow {
                    has: OpenCounter::Free,
                    since: record.at,
                    break_until: None,
                    clerk: clerk.clone(),
                    services: None,
                    last: None,
                };
                self.counters.insert(counter.clone(), now);
                Ok(())
            }
            Event::CounterClosed { counter } => {
                match self.counters.remove(counter).map(|now| now.has) {
                    Some(OpenCounter::Free | OpenCounter::OnBreak) => Ok(()),
                    _ => Err(self.counter_contradicts(counter)),
                }
            }
            Event::BreakStarted { counter, until } => {
                self.counter_turns(record.at, counter, OpenCounter::Free, OpenCounter::OnBreak)?;
                let now = self.counter_mut(counter)?;
                now.break_until = *until;
                now.last = None;
                Ok(())
            }
            Event::BreakEnded { counter } => {
                self.counter_turns(record.at, counter, OpenCounter::OnBreak, OpenCounter::Free)?;
                self.counter_mut(counter)?.break_until = None;
                Ok(())
            }
            Event::ServicesChanged { counter, services } => {
                self.counter_mut(counter)?.services = Some(services.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What happens to a visit, wherever it is.
    fn apply_to_visit(&mut self, record: &Record) -> Result<(), Contradiction> {
        let at = record.at;
        match &record.event {
            Event::VisitReturned { visit } => {
                self.visit_mut(*visit)?.joined_at = at;
                self.go(at, *visit, VisitState::returned)
            }
            Event::VisitReopened { visit } => {
                if matches!(self.visit_mut(*visit)?.state, VisitState::Finished { .. }) {
                    self.served_today = self.served_today.saturating_sub(1);
                }
                self.visit_mut(*visit)?.joined_at = at;
                self.go(at, *visit, VisitState::reopened)
            }
            Event::VisitPostponed {
                visit,
                until,
                since,
            } => {
                self.free_counter_of(at, *visit);
                self.leave_lines(*visit);
                let postponed = self.visit_mut(*visit)?;
                postponed.ready_at = Some(*until);
                postponed.since = *since;
                postponed.postponed = postponed.postponed.saturating_add(1);
                self.go(at, *visit, VisitState::postponed)
            }
            Event::VisitLeft { visit } => {
                self.free_counter_of(at, *visit);
                self.go(at, *visit, |state| state.left(at))
            }
            Event::ServiceAdded { visit, service } => {
                let visit = self.visit_mut(*visit)?;
                visit.then.push(service.clone());
                Ok(())
            }
            Event::ServiceChanged { visit, service } => {
                self.leave_lines(*visit);
                let changed = self.visit_mut(*visit)?;
                changed.service = service.clone();
                changed.then.retain(|other| other != service);
                changed.moved = record.sequence;
                self.join_lines(*visit);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What a counter does with a visit.
    fn apply_at_counter(&mut self, record: &Record) -> Result<(), Contradiction> {
        let at = record.at;
        match &record.event {
            Event::VisitCalled {
                visit,
                counter,
                serial,
                reason,
                share,
            } => {
                let call = call_made(record, counter, *serial, reason.clone());
                self.note_undoable(record, counter, *visit)?;
                self.take_counter(at, counter, *visit)?;
                self.go(at, *visit, |state| state.called(call))?;
                let lane = self.visit_mut(*visit)?.lane;
                if let Some(percent) = share {
                    self.turn = self.turn.after(lane, *percent);
                }
                self.last_serial = *serial;
                self.remember_at_counter(record, *visit, Some(reason.clone()))
            }
            Event::VisitResumed {
                visit,
                counter,
                serial,
            } => {
                let reason = "Was on hold".to_owned();
                let call = call_made(record, counter, *serial, reason.clone());
                self.note_undoable(record, counter, *visit)?;
                self.take_counter(at, counter, *visit)?;
                self.go(at, *visit, |state| state.resumed(call))?;
                self.last_serial = *serial;
                self.remember_at_counter(record, *visit, Some(reason))
            }
            Event::VisitRecalled {
                visit,
                counter,
                serial,
            } => {
                self.expect_at(counter, *visit)?;
                self.counter_mut(counter)?.last = None;
                self.go(at, *visit, |state| state.recalled(*serial, at))?;
                self.last_serial = *serial;
                self.remember_at_counter(record, *visit, None)
            }
            Event::ServiceStarted { visit, counter } => {
                self.expect_at(counter, *visit)?;
                self.note_undoable(record, counter, *visit)?;
                self.go(at, *visit, |state| state.started(at))?;
                self.remember_at_counter(record, *visit, None)
            }
            Event::ServiceFinished {
                visit,
                counter,
                next,
                here,
                outcome: _,
            } => {
                self.expect_at(counter, *visit)?;
                self.note_undoable(record, counter, *visit)?;
                self.visit_mut(*visit)?.turn_to(next);
                if *here {
                    self.go(at, *visit, |state| state.goes_on(at))?;
                } else {
                    self.free_counter_of(at, *visit);
                    self.visit_mut(*visit)?.only_at = None;
                    self.go(at, *visit, VisitState::sent_on)?;
                }
                self.remember_at_counter(record, *visit, None)
            }
            Event::VisitFinished {
                visit,
                counter,
                outcome,
            } => {
                self.expect_at(counter, *visit)?;
                self.note_undoable(record, counter, *visit)?;
                self.free_counter_of(at, *visit);
                self.go(at, *visit, |state| state.finished(at, *outcome))?;
                self.served_today = self.served_today.saturating_add(1);
                self.remember_at_counter(record, *visit, None)
            }
            Event::VisitNoShow { visit, counter } => {
                self.expect_at(counter, *visit)?;
                self.note_undoable(record, counter, *visit)?;
                self.free_counter_of(at, *visit);
                let absent = self.visit_mut(*visit)?;
                absent.no_shows = absent.no_shows.saturating_add(1);
                self.go(at, *visit, |state| state.not_shown(at))?;
                self.remember_at_counter(record, *visit, None)
            }
            Event::VisitHeld {
                visit,
                counter,
                reason,
            } => {
                self.expect_at(counter, *visit)?;
                self.note_undoable(record, counter, *visit)?;
                self.free_counter_of(at, *visit);
                self.go(at, *visit, |state| state.held(*reason, at))?;
                self.remember_at_counter(record, *visit, None)
            }
            Event::VisitTransferred {
                visit,
                counter,
                to,
                note,
            } => {
                self.expect_at(counter, *visit)?;
                self.note_undoable(record, counter, *visit)?;
                self.free_counter_of(at, *visit);
                let sent = self.visit_mut(*visit)?;
                match to {
                    TransferTo::Service(service) => {
                        sent.service = service.clone();
                        sent.then.retain(|other| other != service);
                        sent.only_at = None;
                    }
                    TransferTo::Counter(to) => sent.only_at = Some(to.clone()),
                }
                sent.note.clone_from(note);
                self.go(at, *visit, VisitState::sent_on)?;
                self.remember_at_counter(record, *visit, None)
            }
            Event::Undone {
                counter,
                visit,
                undoes,
            } => self.undo(record, counter, *visit, *undoes),
            _ => Ok(()),
        }
    }

    fn start_day(
        &mut self,
        date: Date,
        left: &[VisitId],
        at: Timestamp,
    ) -> Result<(), Contradiction> {
        for visit in left {
            self.go(at, *visit, VisitState::left_at_close)?;
        }
        let staying = self.open_visits();
        let stays = |visit: &VisitId| staying.binary_search(visit).is_ok();
        if staying.is_empty() {
            self.counters.clear();
        }
        for counter in self.counters.values_mut() {
            if matches!(counter.has, OpenCounter::Busy(visit) if !stays(&visit)) {
                counter.has = OpenCounter::Free;
                counter.since = at;
            }
            counter.last = None;
        }
        self.day = date;
        self.served_today = 0;
        self.suspended.clear();
        let forgotten = at
            .saturating_sub(APPOINTMENT_KEPT)
            .unwrap_or(Timestamp::MIN);
        self.appointments
            .retain(|_, appointment| appointment.at >= forgotten);
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
            chance_before_closing: queued.chance_before_closing,
        };
        self.last_visit = queued.visit;
        self.take_number(queued.number, queued.visit, queued.paper.is_some());
        let priority = queued.details.priority.unwrap_or(PRIORITY_USUAL);
        let visit = Visit {
            id: queued.visit,
            number: queued.number,
            service: queued.service.clone(),
            then: queued.details.also.clone(),
            done: Vec::new(),
            language: queued.language.clone(),
            party: queued.details.party,
            needs: queued.details.needs.clone(),
            channel: queued.channel(),
            appointment: queued.appointment.as_ref().map(|one| one.code.clone()),
            lane: queued.lane(),
            priority: priority.clamp(*PRIORITIES.start(), *PRIORITIES.end()),
            arrived_at: queued.arrived_at,
            joined_at: record.at,
            since: queued.since(),
            door_at: queued.details.door_at,
            ready_at: None,
            only_at: None,
            note: None,
            postponed: 0,
            no_shows: 0,
            device: queued.device.clone(),
            on_paper: queued.paper.is_some(),
            same_number_as: queued.paper.as_ref().and_then(|p| p.same_number_as),
            promised_wait: queued.promised_wait,
            print: None,
            state: VisitState::Waiting,
            state_since: record.at,
            moved: record.sequence,
        };
        self.lines.join(&visit);
        self.visits.insert(queued.visit, visit);
        self.queued_today.push(queued.visit);
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
        self.leave_lines(id);
        let visit = self.visit_mut(id)?;
        visit.number = renumbered.number;
        visit.service = renumbered.service.clone();
        visit.then.retain(|other| *other != renumbered.service);
        visit.language = renumbered.language.clone();
        // A place that was given up, or is an appointment's, is not won back by paper.
        if visit.since == visit.arrived_at {
            visit.since = renumbered.arrived_at;
        }
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
            chance_before_closing: None,
        };
        self.join_lines(id);
        if let Some(serial) = renumbered.serial {
            self.go(record.at, id, |state| state.recalled(serial, record.at))?;
            self.last_serial = serial;
        }
        self.visit_mut(id)?.moved = record.sequence;
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
            self.leave_lines(id);
            let sequence = self.sequence;
            if let Some(visit) = self.visits.get_mut(&id) {
                if visit.since == visit.arrived_at {
                    visit.since = arrived_at;
                }
                visit.arrived_at = arrived_at;
                visit.moved = sequence;
            }
            self.join_lines(id);
        }
    }

    /// Puts the times of open visits that lie after `at` back by `step`.
    fn put_back(&mut self, at: Timestamp, step: SignedDuration) {
        let longest_rest = SignedDuration::from_hours(1);
        for id in self.open_visits() {
            let Some(visit) = self.visits.get(&id) else {
                continue;
            };
            if visit.state == VisitState::Waiting {
                self.lines.leave(visit);
            }
            if let Some(visit) = self.visits.get_mut(&id) {
                let put_back = |time: Timestamp| {
                    if time > at {
                        time.saturating_sub(step).map_or(at, |time| time.min(at))
                    } else {
                        time
                    }
                };
                visit.arrived_at = put_back(visit.arrived_at);
                visit.joined_at = put_back(visit.joined_at);
                visit.state_since = put_back(visit.state_since);
                match &mut visit.state {
                    VisitState::Called { call } => call.at = put_back(call.at),
                    VisitState::Serving { call, started_at } => {
                        call.at = put_back(call.at);
                        *started_at = put_back(*started_at);
                    }
                    VisitState::OnHold { since, .. } => *since = put_back(*since),
                    _ => {}
                }
                // The time that was agreed for an appointment is no time of this clock.
                if visit.lane == Lane::WalkIn {
                    visit.since = put_back(visit.since);
                }
                if visit
                    .ready_at
                    .is_some_and(|ready| ready.duration_since(at) > longest_rest)
                {
                    visit.ready_at = visit.ready_at.map(put_back);
                }
                if visit.state == VisitState::Waiting {
                    self.lines.join(visit);
                }
            }
        }
    }

    /// Those whose time for letting others go first has passed can be called again.
    fn wake(&mut self, now: Timestamp) {
        let awake: Vec<VisitId> = self.lines.awake(now).collect();
        for id in awake {
            self.leave_lines(id);
            if let Some(visit) = self.visits.get_mut(&id) {
                visit.ready_at = None;
            }
            self.join_lines(id);
        }
    }

    fn undo(
        &mut self,
        record: &Record,
        counter: &CounterId,
        visit: VisitId,
        undoes: u64,
    ) -> Result<(), Contradiction> {
        let moved = self.visit_mut(visit)?.moved;
        let contradicts = self.counter_contradicts(counter);
        let now = self.counter_mut(counter)?;
        let before = match now.last.take() {
            Some(last) if last.sequence == undoes && last.visit.id == visit && moved == undoes => {
                last
            }
            _ => return Err(contradicts),
        };
        now.has = before.has;
        now.since = before.since;
        // Other counters have gone on meanwhile: only this one's part is taken out.
        if matches!(self.visit_mut(visit)?.state, VisitState::Finished { .. }) {
            self.served_today = self.served_today.saturating_sub(1);
        }
        if let Some(percent) = before.share {
            self.turn = self.turn.without(before.visit.lane, percent);
        }
        self.leave_lines(visit);
        let restored = self.visit_mut(visit)?;
        restored.restore_course(&before.visit);
        restored.moved = record.sequence;
        let is_on_hold = matches!(restored.state, VisitState::OnHold { .. });
        if is_on_hold {
            self.on_hold.insert(visit);
        } else {
            self.on_hold.remove(&visit);
        }
        self.join_lines(visit);
        self.remember_at_counter(record, visit, None)
    }

    /// Notes what the counter and the visit are before the event changes them.
    fn note_undoable(
        &mut self,
        record: &Record,
        counter: &CounterId,
        visit: VisitId,
    ) -> Result<(), Contradiction> {
        let before = Box::new(self.visit_mut(visit)?.clone());
        let share = match &record.event {
            Event::VisitCalled { share, .. } => *share,
            _ => None,
        };
        let now = self.counter_mut(counter)?;
        now.last = Some(Undoable {
            sequence: record.sequence,
            at: record.at,
            visit: before,
            has: now.has,
            since: now.since,
            share,
        });
        Ok(())
    }

    fn visit_mut(&mut self, id: VisitId) -> Result<&mut Visit, Contradiction> {
        self.visits.get_mut(&id).ok_or(Contradiction::NoVisit {
            sequence: self.sequence,
            visit: id,
        })
    }

    fn counter_mut(&mut self, id: &CounterId) -> Result<&mut CounterNow, Contradiction> {
        let contradicts = self.counter_contradicts(id);
        self.counters.get_mut(id).ok_or(contradicts)
    }

    /// Moves a visit to another state, and in or out of the lines with it.
    fn go(
        &mut self,
        at: Timestamp,
        id: VisitId,
        to: impl FnOnce(VisitState) -> Result<VisitState, WrongMove>,
    ) -> Result<(), Contradiction> {
        self.leave_lines(id);
        let sequence = self.sequence;
        let visit = self.visit_mut(id)?;
        let state = std::mem::replace(&mut visit.state, VisitState::Waiting);
        visit.state = to(state).map_err(|cause| Contradiction::WrongMove {
            sequence,
            visit: id,
            cause,
        })?;
        visit.state_since = at;
        visit.moved = sequence;
        let is_on_hold = matches!(visit.state, VisitState::OnHold { .. });
        if visit.state != VisitState::Waiting {
            visit.ready_at = None;
        }
        if is_on_hold {
            self.on_hold.insert(id);
        } else {
            self.on_hold.remove(&id);
        }
        self.join_lines(id);
        Ok(())
    }

    /// Does nothing for a visit that does not wait.
    fn leave_lines(&mut self, id: VisitId) {
        if let Some(visit) = self.visits.get(&id)
            && visit.state == VisitState::Waiting
        {
            self.lines.leave(visit);
        }
    }

    /// Does nothing for a visit that does not wait.
    fn join_lines(&mut self, id: VisitId) {
        if let Some(visit) = self.visits.get(&id)
            && visit.state == VisitState::Waiting
        {
            self.lines.join(visit);
        }
    }

    fn take_counter(
        &mut self,
        at: Timestamp,
        counter: &CounterId,
        visit: VisitId,
    ) -> Result<(), Contradiction> {
        let busy = OpenCounter::Busy(visit);
        self.counter_turns(at, counter, OpenCounter::Free, busy)
    }

    fn counter_turns(
        &mut self,
        at: Timestamp,
        counter: &CounterId,
        from: OpenCounter,
        to: OpenCounter,
    ) -> Result<(), Contradiction> {
        let contradicts = self.counter_contradicts(counter);
        let now = self.counter_mut(counter)?;
        if now.has != from {
            return Err(contradicts);
        }
        now.has = to;
        now.since = at;
        Ok(())
    }

    /// The counter that has the visit, if one has, is free again.
    fn free_counter_of(&mut self, at: Timestamp, visit: VisitId) {
        let call = self.visits.get(&visit).and_then(|visit| visit.state.call());
        let Some(counter) = call.map(|call| call.counter.clone()) else {
            return;
        };
        if let Some(now) = self.counters.get_mut(&counter)
            && now.has == OpenCounter::Busy(visit)
        {
            now.has = OpenCounter::Free;
            now.since = at;
        }
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

impl Visit {
    /// The service at hand is done, and `next` is next.
    fn turn_to(&mut self, next: &ServiceId) {
        let done = std::mem::replace(&mut self.service, next.clone());
        self.done.push(done);
        if let Some(position) = self.then.iter().position(|service| service == next) {
            self.then.remove(position);
        }
        // Who came for an appointment has been served for it.
        if self.lane == Lane::Appointment {
            self.lane = Lane::WalkIn;
            self.since = self.since.min(self.arrived_at);
        }
    }
}

fn call_made(record: &Record, counter: &CounterId, serial: u64, reason: String) -> CallMade {
    CallMade {
        counter: counter.clone(),
        serial,
        at: record.at,
        times: 1,
        reason,
    }
}
