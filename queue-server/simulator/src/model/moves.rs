//! What each event means, and when it cannot be: arrivals, counters, and what
//! happens to a visit elsewhere. [`super::at_counter`] has the rest.

use jiff::{SignedDuration, Timestamp};
use usher_office::event::{Event, Record, VisitQueued, VisitRenumbered};
use usher_office::policy::{Lane, PRIORITY_USUAL};
use usher_protocol::{CounterId, VisitId};

use super::ledger::Ledger;
use super::state::{Desk, Known, Stands};
use super::{Broken, broken, ensure};

pub(super) const POSSIBLE: &str = "a visit does only what it can";
pub(super) const AT_COUNTER: &str = "a counter does only what it can";

impl Ledger {
    pub(super) fn move_by(&mut self, record: &Record) -> Result<(), Broken> {
        match &record.event {
            Event::DayStarted { .. } | Event::ClockSetBack { .. } => Ok(()),
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
                    if known.since == known.arrived_at {
                        known.since = *arrived_at;
                    }
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
        if known.since == known.arrived_at {
            known.since = new.arrived_at;
        }
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
                let is_of_today = self.of_today.contains(&visit.0);
                let known = self.known(*visit)?;
                let kept = SignedDuration::from_mins(i64::from(limits.return_within_minutes));
                let is_possible = match known.stands {
                    Stands::OnHold => true,
                    Stands::NoShow => is_of_today && at.duration_since(known.stands_since) <= kept,
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

    pub(super) fn serial(&mut self, serial: u64) -> Result<(), Broken> {
        self.last_serial += 1;
        let expected = self.last_serial;
        ensure(serial == expected, "calls are numbered one by one", || {
            format!("{serial}, not {expected}")
        })
    }

    pub(super) fn free_counter_of(&mut self, visit: VisitId) -> Result<(), Broken> {
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

    pub(super) fn waits(&mut self, visit: VisitId) -> Result<(), Broken> {
        self.in_state(visit, &Stands::Waiting)
    }

    pub(super) fn in_state(&mut self, visit: VisitId, stands: &Stands) -> Result<(), Broken> {
        let known = self.known(visit)?;
        ensure(known.stands == *stands, POSSIBLE, || {
            format!("{visit} should be {stands:?}: {known:?}")
        })
    }

    pub(super) fn at_counter(&mut self, visit: VisitId, counter: &CounterId) -> Result<(), Broken> {
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

    pub(super) fn desk(&mut self, counter: &CounterId) -> Result<&mut Desk, Broken> {
        let desk = self.desks.get_mut(counter);
        desk.ok_or_else(|| broken(AT_COUNTER, format!("counter {counter} is closed")))
    }
}
