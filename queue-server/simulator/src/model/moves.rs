//! What each event means, and when it cannot be.

use jiff::{SignedDuration, Timestamp};
use usher_office::event::{Event, Record, VisitQueued, VisitRenumbered};
use usher_office::policy::{Lane, PRIORITY_USUAL};
use usher_protocol::message::{RequestBody, TransferTo, VisitOutcome};
use usher_protocol::{CounterId, VisitId};

use super::ledger::Ledger;
use super::state::{Desk, Known, Stands};
use super::{Broken, broken, ensure};

const POSSIBLE: &str = "a visit does only what it can";
const AT_COUNTER: &str = "a counter does only what it can";

impl Ledger {
    pub(super) fn move_by(&mut self, record: &Record) -> Result<(), Broken> {
        match &record.event {
            Event::DayStarted { .. } => Ok(()),
            Event::VisitQueued(queued) => self.queued(record, queued),
            Event::VisitRenumbered(renumbered) => self.renumbered(record, renumbered),
            Event::CheckInReplaced {
                visit,
                arrived_at,
                withdrawn,
                ..
            } => {
                if let Some(other) = withdrawn {
                    self.waits(*other)?;
                    self.stand(record, *other, Stands::Withdrawn)?;
                }
                let sequence = record.sequence;
                let known = self.known(*visit)?;
                if known.stands == Stands::Waiting {
                    known.since = known.since.min(*arrived_at);
                    known.arrived_at = *arrived_at;
                    known.touched = sequence;
                }
                Ok(())
            }
            Event::PrintRecorded { visit, .. } => self.known(*visit).map(|_| ()),
            Event::AppointmentBooked { .. } | Event::AppointmentCancelled { .. } => Ok(()),
            Event::ServiceSuspended { service } => {
                self.suspended.insert(service.clone());
                Ok(())
            }
            Event::ServiceOffered { service } => {
                self.suspended.remove(service);
                Ok(())
            }
            Event::CounterOpened { .. }
            | Event::CounterClosed { .. }
            | Event::BreakStarted { .. }
            | Event::BreakEnded { .. }
            | Event::ServicesChanged { .. } => self.move_counter(record),
            Event::VisitReturned { .. }
            | Event::VisitPostponed { .. }
            | Event::VisitLeft { .. }
            | Event::ServiceAdded { .. }
            | Event::ServiceChanged { .. }
            | Event::VisitReopened { .. } => self.move_elsewhere(record),
            _ => self.move_at_counter(record),
        }
    }

    fn queued(&mut self, record: &Record, queued: &VisitQueued) -> Result<(), Broken> {
        let id = queued.visit.0;
        ensure(
            id == self.last_visit + 1,
            "visits are numbered one by one",
            || format!("visit {id} after {}", self.last_visit),
        )?;
        self.last_visit = id;
        let holder = self.given.get(&queued.number).copied();
        match &queued.paper {
            None => ensure(holder.is_none(), "a number is given once a day", || {
                format!("{} to visit {id} and visit {holder:?}", queued.number)
            })?,
            Some(paper) => {
                ensure(
                    paper.same_number_as.map(|other| other.0) == holder,
                    "staff are told of two papers with one number",
                    || format!("visit {id} has the number of {holder:?}, told {paper:?}"),
                )?;
                self.note_form(&paper.form.clone(), id)?;
            }
        }
        let (lane, since) = self.place_of(queued)?;
        let ahead = self.visits.iter().filter(|(_, other)| {
            other.stands == Stands::Waiting
                && other.service == queued.service
                && other.since <= since
        });
        let ahead = ahead.count();
        ensure(
            usize::try_from(queued.ahead) == Ok(ahead),
            "a ticket says how many are ahead",
            || format!("visit {id} was told {}, {ahead} are", queued.ahead),
        )?;
        if let Some(appointment) = &queued.appointment {
            let other = self.by_code.insert(appointment.code.clone(), id);
            ensure(
                other.is_none_or(|other| !self.of_today.contains(&other)),
                "an appointment comes once a day",
                || format!("{} as visit {id} and {other:?}", appointment.code),
            )?;
        }
        self.given.insert(queued.number, id);
        self.of_today.insert(id);
        let known = Known {
            number: queued.number,
            service: queued.service.clone(),
            then: queued.details.also.clone(),
            lane,
            priority: queued.details.priority.unwrap_or(PRIORITY_USUAL),
            arrived_at: queued.arrived_at,
            since,
            ready_at: None,
            only_at: None,
            needs: queued.details.needs.clone(),
            postponed: 0,
            stands: Stands::Waiting,
            stands_since: record.at,
            touched: record.sequence,
        };
        self.visits.insert(id, known);
        Ok(())
    }

    /// An appointment counts from the agreed time, if its resident is in time for it.
    fn place_of(&self, queued: &VisitQueued) -> Result<(Lane, Timestamp), Broken> {
        let Some(appointment) = &queued.appointment else {
            return Ok((Lane::WalkIn, queued.arrived_at));
        };
        let policy = &self.plan.rules.policy;
        let late = queued.arrived_at.as_millisecond() - appointment.at.as_millisecond();
        let minutes = |count: u16| i64::from(count) * 60_000;
        let in_time =
            (-minutes(policy.early_minutes)..=minutes(policy.late_minutes)).contains(&late);
        ensure(
            in_time == appointment.in_time,
            "in time is what the policy says",
            || format!("{} came {late} ms after it: {appointment:?}", queued.visit),
        )?;
        Ok(if in_time {
            (Lane::Appointment, appointment.at)
        } else {
            (Lane::WalkIn, queued.arrived_at)
        })
    }

    fn renumbered(&mut self, record: &Record, new: &VisitRenumbered) -> Result<(), Broken> {
        let id = new.visit;
        let known = self.known(id)?;
        let (number, is_open) = (known.number, known.stands.is_open());
        let was_called = matches!(known.stands, Stands::Called(_));
        ensure(is_open && number == new.from, POSSIBLE, || {
            format!("renumbered {new:?}")
        })?;
        ensure(
            was_called == new.serial.is_some(),
            "a new number is called again",
            || format!("{new:?}"),
        )?;
        self.note_form(&new.paper.form.clone(), id.0)?;
        self.given.insert(new.number, id.0);
        if let Some(serial) = new.serial {
            self.serial(serial)?;
        }
        let (sequence, at) = (record.sequence, record.at);
        let known = self.known(id)?;
        known.number = new.number;
        known.service = new.service.clone();
        known.then.retain(|other| *other != new.service);
        known.since = known.since.min(new.arrived_at);
        known.arrived_at = new.arrived_at;
        known.touched = sequence;
        if was_called {
            known.stands_since = at;
        }
        Ok(())
    }

    fn move_counter(&mut self, record: &Record) -> Result<(), Broken> {
        let impossible = |what: &str| broken(AT_COUNTER, format!("{what}: {:?}", record.event));
        match &record.event {
            Event::CounterOpened { counter, clerk } => {
                let desk = Desk {
                    clerk: clerk.clone(),
                    ..Desk::default()
                };
                match self.desks.insert(counter.clone(), desk) {
                    None => Ok(()),
                    Some(_) => Err(impossible("it was open")),
                }
            }
            Event::CounterClosed { counter } => match self.desks.remove(counter) {
                Some(Desk { visit: None, .. }) => Ok(()),
                _ => Err(impossible("it was not free")),
            },
            Event::BreakStarted { counter, .. } => {
                let desk = self.desk(counter)?;
                if desk.on_break || desk.visit.is_some() {
                    return Err(impossible("it was not free"));
                }
                desk.on_break = true;
                desk.last = None;
                Ok(())
            }
            Event::BreakEnded { counter } => {
                let desk = self.desk(counter)?;
                if !desk.on_break {
                    return Err(impossible("it had no break"));
                }
                desk.on_break = false;
                Ok(())
            }
            Event::ServicesChanged { counter, services } => {
                self.desk(counter)?.services = Some(services.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn move_elsewhere(&mut self, record: &Record) -> Result<(), Broken> {
        let at = record.at;
        let limits = self.plan.rules.limits.clone();
        let impossible =
            |known: &Known| broken(POSSIBLE, format!("{:?} of {known:?}", record.event));
        match &record.event {
            Event::VisitReturned { visit } => {
                let known = self.known(*visit)?;
                let kept = SignedDuration::from_mins(i64::from(limits.return_within_minutes));
                let is_possible = match known.stands {
                    Stands::OnHold => true,
                    Stands::NoShow => at.duration_since(known.stands_since) <= kept,
                    _ => false,
                };
                if !is_possible {
                    return Err(impossible(known));
                }
                self.stand(record, *visit, Stands::Waiting)
            }
            Event::VisitPostponed {
                visit,
                until,
                since,
            } => {
                let known = self.known(*visit)?;
                if !matches!(known.stands, Stands::Waiting | Stands::Called(_)) {
                    return Err(impossible(known));
                }
                let expected = if known.postponed < limits.more_time_place_kept {
                    known.since
                } else {
                    known.since.max(*until)
                };
                if *since != expected || *until <= at {
                    return Err(broken(
                        "a place is kept so often",
                        format!("{:?}", record.event),
                    ));
                }
                known.since = *since;
                known.postponed = known.postponed.saturating_add(1);
                self.free_counter_of(*visit)?;
                self.stand(record, *visit, Stands::Waiting)?;
                self.known(*visit)?.ready_at = Some(*until);
                Ok(())
            }
            Event::VisitLeft { visit } => {
                let known = self.known(*visit)?;
                if !known.stands.is_open() {
                    return Err(impossible(known));
                }
                self.free_counter_of(*visit)?;
                self.stand(record, *visit, Stands::Left)
            }
            Event::ServiceAdded { visit, service } => {
                let known = self.open(*visit)?;
                known.then.push(service.clone());
                known.touched = record.sequence;
                Ok(())
            }
            Event::ServiceChanged { visit, service } => {
                let known = self.open(*visit)?;
                known.service = service.clone();
                known.then.retain(|other| other != service);
                known.touched = record.sequence;
                Ok(())
            }
            Event::VisitReopened { visit } => {
                let is_of_today = self.of_today.contains(&visit.0);
                let known = self.known(*visit)?;
                let stands = known.stands.clone();
                let is_closed = matches!(stands, Stands::Finished | Stands::NoShow | Stands::Left);
                if !is_closed || !is_of_today {
                    return Err(impossible(known));
                }
                if stands == Stands::Finished {
                    self.finished_today -= 1;
                }
                self.stand(record, *visit, Stands::Waiting)
            }
            _ => Ok(()),
        }
    }

    fn move_at_counter(&mut self, record: &Record) -> Result<(), Broken> {
        let at = record.at;
        let limits = self.plan.rules.limits.clone();
        match &record.event {
            Event::VisitCalled {
                visit,
                counter,
                serial,
                share,
                ..
            } => {
                self.waits(*visit)?;
                self.check_order(record, *visit, counter)?;
                self.serial(*serial)?;
                ensure(*share == self.share(), "a call says the share", || {
                    format!("{share:?}")
                })?;
                self.note_last(record, *visit, counter)?;
                self.take_desk(counter, *visit)?;
                let lane = self.known(*visit)?.lane;
                self.owe(lane, 1);
                self.stand(record, *visit, Stands::Called(counter.clone()))
            }
            Event::VisitResumed {
                visit,
                counter,
                serial,
            } => {
                self.in_state(*visit, &Stands::OnHold)?;
                self.serial(*serial)?;
                self.note_last(record, *visit, counter)?;
                self.take_desk(counter, *visit)?;
                self.stand(record, *visit, Stands::Called(counter.clone()))
            }
            Event::VisitRecalled {
                visit,
                counter,
                serial,
            } => {
                self.in_state(*visit, &Stands::Called(counter.clone()))?;
                self.not_too_soon(*visit, at, limits.recall_after_seconds)?;
                self.serial(*serial)?;
                self.desk(counter)?.last = None;
                self.stand(record, *visit, Stands::Called(counter.clone()))
            }
            Event::ServiceStarted { visit, counter } => {
                self.in_state(*visit, &Stands::Called(counter.clone()))?;
                self.note_last(record, *visit, counter)?;
                self.stand(record, *visit, Stands::Serving(counter.clone()))
            }
            Event::ServiceFinished { visit, counter, .. } => {
                self.in_state(*visit, &Stands::Serving(counter.clone()))?;
                self.note_last(record, *visit, counter)?;
                self.go_on(record, *visit, counter)
            }
            Event::VisitFinished {
                visit,
                counter,
                outcome,
            } => {
                self.in_state(*visit, &Stands::Serving(counter.clone()))?;
                let known = self.known(*visit)?;
                let is_all = known.then.is_empty() || *outcome == VisitOutcome::GivenUp;
                ensure(is_all, "a visit ends with its last service", || {
                    format!("{visit} finished, with more to do")
                })?;
                self.note_last(record, *visit, counter)?;
                self.free_counter_of(*visit)?;
                self.finished_today += 1;
                self.stand(record, *visit, Stands::Finished)
            }
            Event::VisitNoShow { visit, counter } => {
                self.in_state(*visit, &Stands::Called(counter.clone()))?;
                self.not_too_soon(*visit, at, limits.no_show_after_seconds)?;
                self.note_last(record, *visit, counter)?;
                self.free_counter_of(*visit)?;
                self.stand(record, *visit, Stands::NoShow)
            }
            Event::VisitHeld { visit, counter, .. } => {
                self.at_counter(*visit, counter)?;
                self.note_last(record, *visit, counter)?;
                self.free_counter_of(*visit)?;
                self.stand(record, *visit, Stands::OnHold)
            }
            Event::VisitTransferred {
                visit, counter, to, ..
            } => {
                self.at_counter(*visit, counter)?;
                self.note_last(record, *visit, counter)?;
                self.free_counter_of(*visit)?;
                let known = self.known(*visit)?;
                match to {
                    TransferTo::Service(service) => {
                        known.service = service.clone();
                        known.then.retain(|other| other != service);
                        known.only_at = None;
                    }
                    TransferTo::Counter(to) => known.only_at = Some(to.clone()),
                }
                self.stand(record, *visit, Stands::Waiting)
            }
            Event::Undone {
                counter,
                visit,
                undoes,
            } => self.undone(record, counter, *visit, *undoes),
            _ => Ok(()),
        }
    }

    fn go_on(
        &mut self,
        record: &Record,
        visit: VisitId,
        counter: &CounterId,
    ) -> Result<(), Broken> {
        let Event::ServiceFinished { next, here, .. } = &record.event else {
            return Ok(());
        };
        let served_here = self.room(record.at).services_at(counter);
        let known = self.known(visit)?;
        let could_be_here = known
            .then
            .iter()
            .any(|service| served_here.contains(service));
        let fits = known.then.contains(next)
            && *here == could_be_here
            && (!here || served_here.contains(next));
        ensure(fits, "the next service is one of the visit's", || {
            format!("{:?} of {known:?}", record.event)
        })?;
        known.service = next.clone();
        let at = known.then.iter().position(|service| service == next);
        at.map(|at| known.then.remove(at));
        known.lane = Lane::WalkIn;
        known.since = known.since.min(known.arrived_at);
        if *here {
            self.stand(record, visit, Stands::Serving(counter.clone()))
        } else {
            known.only_at = None;
            self.free_counter_of(visit)?;
            self.stand(record, visit, Stands::Waiting)
        }
    }

    fn undone(
        &mut self,
        record: &Record,
        counter: &CounterId,
        visit: VisitId,
        undoes: u64,
    ) -> Result<(), Broken> {
        const UNDO: &str = "only the last thing is undone, and wholly";
        let desk = self.desk(counter)?;
        let found = desk.last.take();
        let Some((sequence, of_visit, before)) = found else {
            return Err(broken(UNDO, format!("nothing to undo: {:?}", record.event)));
        };
        let had = before.stands.counter().map(|_| of_visit);
        desk.visit = had;
        let known = self.known(visit)?;
        let is_last = sequence == undoes && of_visit == visit.0 && known.touched == undoes;
        ensure(is_last, UNDO, || {
            format!(
                "event {undoes} is undone; the last at the counter is {sequence}, of the visit {}",
                known.touched
            )
        })?;
        let was = known.stands.clone();
        let number = known.number;
        let arrived_at = known.arrived_at;
        *known = Known {
            number,
            arrived_at,
            touched: record.sequence,
            ..*before
        };
        let (stands, lane) = (known.stands.clone(), known.lane);
        match (stands, was) {
            (_, Stands::Finished) => self.finished_today -= 1,
            (Stands::Waiting, Stands::Called(_)) => self.owe(lane, -1),
            _ => {}
        }
        Ok(())
    }

    /// Who is called by the policy is who must be.
    fn check_order(
        &mut self,
        record: &Record,
        visit: VisitId,
        counter: &CounterId,
    ) -> Result<(), Broken> {
        const ORDER: &str = "whoever is next by the policy is called";
        let asked = self
            .asked
            .get(&record.command)
            .map_or(&[][..], Vec::as_slice);
        let was_chosen = asked.iter().any(|asked| {
            matches!(&asked.body, RequestBody::CallVisit { visit: chosen, .. } if *chosen == visit)
        });
        let was_next = asked
            .iter()
            .any(|asked| matches!(asked.body, RequestBody::CallNext { .. }));
        if was_chosen || !was_next {
            return ensure(was_chosen, ORDER, || {
                format!("{visit} was called by {asked:?}")
            });
        }
        let next = self.room(record.at).next_for(counter);
        *self.tally.entry("calls checked").or_default() += 1;
        ensure(next == Some(visit.0), ORDER, || {
            let known = next.and_then(|id| self.visits.get(&id));
            format!(
                "{visit} was called to {counter} ({:?}), {next:?} should be: {known:?} at {}",
                record.event, record.at
            )
        })
    }

    fn owe(&mut self, lane: Lane, times: i32) {
        if let Some(percent) = self.share() {
            let change = match lane {
                Lane::Appointment => i32::from(percent) - 100,
                Lane::WalkIn => i32::from(percent),
            };
            self.owed = (self.owed + change * times).clamp(-100, 100);
        }
    }

    fn serial(&mut self, serial: u64) -> Result<(), Broken> {
        self.last_serial += 1;
        let expected = self.last_serial;
        ensure(serial == expected, "calls are numbered one by one", || {
            format!("{serial}, not {expected}")
        })
    }

    fn not_too_soon(&mut self, visit: VisitId, at: Timestamp, after: u16) -> Result<(), Broken> {
        let since = self.known(visit)?.stands_since;
        let passed = at.as_millisecond() - since.as_millisecond();
        let too_soon = (0..i64::from(after) * 1000).contains(&passed);
        ensure(!too_soon, "a resident has time to come", || {
            format!("{visit} after {passed} ms of {after} s")
        })
    }

    fn note_last(
        &mut self,
        record: &Record,
        visit: VisitId,
        counter: &CounterId,
    ) -> Result<(), Broken> {
        let before = Box::new(self.known(visit)?.clone());
        self.desk(counter)?.last = Some((record.sequence, visit.0, before));
        Ok(())
    }

    fn take_desk(&mut self, counter: &CounterId, visit: VisitId) -> Result<(), Broken> {
        let desk = self.desk(counter)?;
        let is_free = !desk.on_break && desk.visit.is_none();
        ensure(is_free, AT_COUNTER, || {
            format!("{visit} to {counter}: {desk:?}")
        })?;
        desk.visit = Some(visit.0);
        Ok(())
    }

    fn free_counter_of(&mut self, visit: VisitId) -> Result<(), Broken> {
        let counter = self.known(visit)?.stands.counter().cloned();
        if let Some(counter) = counter {
            self.desk(&counter)?.visit = None;
        }
        Ok(())
    }

    pub(super) fn stand(
        &mut self,
        record: &Record,
        visit: VisitId,
        at: Stands,
    ) -> Result<(), Broken> {
        let known = self.known(visit)?;
        if at != Stands::Waiting {
            known.ready_at = None;
        }
        known.stands = at;
        known.stands_since = record.at;
        known.touched = record.sequence;
        Ok(())
    }

    fn waits(&mut self, visit: VisitId) -> Result<(), Broken> {
        self.in_state(visit, &Stands::Waiting)
    }

    fn in_state(&mut self, visit: VisitId, stands: &Stands) -> Result<(), Broken> {
        let known = self.known(visit)?;
        ensure(known.stands == *stands, POSSIBLE, || {
            format!("{visit} should be {stands:?}: {known:?}")
        })
    }

    fn at_counter(&mut self, visit: VisitId, counter: &CounterId) -> Result<(), Broken> {
        let known = self.known(visit)?;
        ensure(known.stands.counter() == Some(counter), POSSIBLE, || {
            format!("{visit} should be at {counter}: {known:?}")
        })
    }

    fn open(&mut self, visit: VisitId) -> Result<&mut Known, Broken> {
        let known = self.known(visit)?;
        ensure(known.stands.is_open(), POSSIBLE, || {
            format!("{visit} is closed")
        })?;
        Ok(known)
    }

    pub(super) fn known(&mut self, visit: VisitId) -> Result<&mut Known, Broken> {
        let known = self.visits.get_mut(&visit.0);
        known.ok_or_else(|| broken("no ticket is lost", format!("{visit} is not known")))
    }

    fn desk(&mut self, counter: &CounterId) -> Result<&mut Desk, Broken> {
        let desk = self.desks.get_mut(counter);
        desk.ok_or_else(|| broken(AT_COUNTER, format!("counter {counter} is closed")))
    }
}
