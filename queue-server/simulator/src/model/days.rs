//! What the start of a day does.

use std::collections::BTreeSet;

use usher_office::event::{Event, Record};

use super::ledger::{Ledger, When};
use super::state::Stands;
use super::{Broken, ensure};

impl Ledger {
    /// A day starts: who is open and not told to have left stays, and the visits of
    /// the day before the last are forgotten.
    pub(super) fn start_day(&mut self, record: &Record, when: When) -> Result<(), Broken> {
        let Event::DayStarted {
            date,
            left_at_close,
        } = &record.event
        else {
            return Ok(());
        };
        ensure(
            self.day.is_none_or(|day| day < *date),
            "days go forward",
            || format!("{date} after {:?}", self.day),
        )?;
        self.day = Some(*date);
        for visit in left_at_close {
            let known = self.known(*visit)?;
            ensure(
                known.stands.is_open(),
                "who has gone does not leave again",
                || format!("{visit} at the start of {date}"),
            )?;
            ensure(
                self.may_leave_at_close(visit.0, when),
                "who came a short time ago is not sent away by a leap of the clock",
                || format!("{visit} at the start of {date}"),
            )?;
            self.stand(record, *visit, Stands::LeftAtClose)?;
        }
        let staying: BTreeSet<u64> = self
            .visits
            .iter()
            .filter(|(_, visit)| visit.stands.is_open())
            .map(|(id, _)| *id)
            .collect();
        if staying.is_empty() {
            self.desks.clear();
        }
        for desk in self.desks.values_mut() {
            desk.visit = desk.visit.filter(|visit| staying.contains(visit));
            desk.last = None;
        }
        let ended = std::mem::replace(&mut self.of_today, staying.clone());
        self.visits
            .retain(|id, _| ended.contains(id) || staying.contains(id));
        self.given.retain(|_, visit| staying.contains(visit));
        self.suspended.clear();
        self.finished_today = 0;
        Ok(())
    }
}
