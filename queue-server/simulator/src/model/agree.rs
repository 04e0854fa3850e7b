//! The model against the office: nobody is lost, doubled or at two counters.

use std::collections::BTreeMap;

use jiff::Timestamp;
use usher_office::Office;
use usher_office::state::OpenCounter;
use usher_protocol::{CounterId, TicketNumber};

use super::ledger::Ledger;
use super::state::Stands;
use super::{Broken, broken, ensure};

impl Ledger {
    /// Compares everything with the office.
    ///
    /// # Errors
    /// [`Broken`] says what differs.
    pub fn agree(&self, office: &Office) -> Result<(), Broken> {
        const SAME: &str = "the office is what its events say";
        for (id, known) in &self.visits {
            let visit = office.visit(usher_protocol::VisitId(*id));
            let visit = visit.ok_or_else(|| broken(SAME, format!("visit {id} is lost")))?;
            if let Some(difference) = known.differs_from(visit) {
                return Err(broken(SAME, difference));
            }
        }
        let count = office.visits().count();
        ensure(
            count == self.visits.len(),
            "closed visits are forgotten after two days",
            || format!("{count} are remembered, {} should be", self.visits.len()),
        )?;
        let mut line: Vec<(Timestamp, u64)> = self
            .visits
            .iter()
            .filter(|(_, visit)| visit.stands == Stands::Waiting)
            .map(|(id, visit)| (visit.since, *id))
            .collect();
        line.sort_unstable();
        let theirs: Vec<(Timestamp, u64)> = office
            .waiting()
            .map(|visit| (visit.since, visit.id.0))
            .collect();
        ensure(line == theirs, "nobody is lost from the line", || {
            format!("{line:?} wait, the office has {theirs:?}")
        })?;
        self.agree_on_counters(office)?;
        self.agree_on_numbers()?;
        ensure(
            office.served_today() == self.finished_today,
            "visits done are counted",
            || {
                format!(
                    "{} done, the office says {}",
                    self.finished_today,
                    office.served_today()
                )
            },
        )
    }

    fn agree_on_counters(&self, office: &Office) -> Result<(), Broken> {
        const ONE: &str = "a counter has one visit, and a visit one counter";
        let open: Vec<&CounterId> = office.open_counters().map(|(id, _)| id).collect();
        ensure(
            open.iter().eq(&self.desks.keys().collect::<Vec<_>>()),
            ONE,
            || format!("open are {open:?} and {:?}", self.desks.keys()),
        )?;
        for (id, desk) in &self.desks {
            let has = match (desk.visit, desk.on_break) {
                (Some(visit), _) => OpenCounter::Busy(usher_protocol::VisitId(visit)),
                (None, true) => OpenCounter::OnBreak,
                (None, false) => OpenCounter::Free,
            };
            ensure(office.counter(id) == Some(has), ONE, || {
                format!(
                    "counter {id} has {has:?}, the office says {:?}",
                    office.counter(id)
                )
            })?;
        }
        for (id, visit) in &self.visits {
            if let Some(counter) = visit.stands.counter() {
                let there = self.desks.get(counter).and_then(|desk| desk.visit);
                ensure(there == Some(*id), ONE, || {
                    format!("visit {id} is at counter {counter}, which has {there:?}")
                })?;
            }
        }
        let on_hold = office.on_hold().count();
        let held = self.visits.values();
        let held = held.filter(|visit| visit.stands == Stands::OnHold).count();
        ensure(on_hold == held, ONE, || {
            format!("{held} on hold, the office has {on_hold}")
        })
    }

    /// Two who are here hold the same number only if both hold it on paper, and
    /// staff were told.
    fn agree_on_numbers(&self) -> Result<(), Broken> {
        let mut held: BTreeMap<TicketNumber, u64> = BTreeMap::new();
        for (id, visit) in &self.visits {
            let is_form = self.forms.values().any(|form| form.visit == *id);
            if visit.stands.is_open() && !is_form {
                let other = held.insert(visit.number, *id);
                ensure(other.is_none(), "no two hold the same number", || {
                    format!("{} is held by visits {id} and {other:?}", visit.number)
                })?;
            }
        }
        Ok(())
    }
}
