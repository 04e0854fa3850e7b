//! What a counter does with a visit, and how it is undone.

use jiff::Timestamp;
use usher_office::event::{Event, Record};
use usher_office::policy::Lane;
use usher_protocol::message::{RequestBody, TransferTo, VisitOutcome};
use usher_protocol::{CounterId, VisitId};

use super::ledger::Ledger;
use super::moves::AT_COUNTER;
use super::state::{Known, Stands};
use super::{Broken, broken, ensure};

impl Ledger {
    pub(super) fn move_at_counter(&mut self, record: &Record) -> Result<(), Broken> {
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
        if known.lane == Lane::Appointment {
            known.lane = Lane::WalkIn;
            known.since = known.since.min(known.arrived_at);
        }
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
        // What was added meanwhile is still wanted.
        let wanted = known.then.clone().into_iter();
        let added =
            wanted.filter(|service| *service != before.service && !before.then.contains(service));
        let then = before.then.iter().cloned().chain(added).collect();
        *known = Known {
            number,
            arrived_at,
            then,
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
}
