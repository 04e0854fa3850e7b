//! What is said against what is in the log, and the state against its events.

use std::sync::Arc;

use usher_office::Office;
use usher_protocol::message::{Answer, Outcome, RejectionCode, Reply, RequestBody};

use super::{OfficeDay, Told};
use crate::model::{Broken, Stands, broken, ensure};
use crate::server::{Incoming, replayed};

const DURABLE: &str = "what was acknowledged is in the log, once";
const SAME_ANSWER: &str = "the same command id gives the same answer";
const REPLAY: &str = "replay gives the same state";

impl OfficeDay {
    /// An answer is about to go out.
    pub(super) fn check_answer(
        &mut self,
        incoming: &Incoming,
        reply: &Reply,
    ) -> Result<(), Broken> {
        let id = &incoming.request.id;
        let body = &incoming.request.body;
        let events = self.ledger.events_of(id);
        match &reply.outcome {
            Outcome::Unavailable { .. } => return Ok(()),
            // These say nothing of the id.
            Outcome::Rejected { rejection }
                if matches!(
                    rejection.code,
                    RejectionCode::NotAllowed | RejectionCode::IdInUse
                ) =>
            {
                return Ok(());
            }
            Outcome::Rejected { rejection } => {
                // The id of a check-in that a form replaced is remembered as the form
                // is, by date: a leap of a month forgets it.
                let is_forgotten = self.replaced.contains(id);
                ensure(events == 0 || is_forgotten, DURABLE, || {
                    format!("{id} was refused ({}) and happened", rejection.message)
                })?;
                if matches!(body, RequestBody::AdmitPaperForm { .. }) {
                    return Ok(());
                }
            }
            Outcome::Accepted { answer } => self.check_accepted(incoming, answer, events)?,
        }
        let told = Told {
            outcome: reply.outcome.clone(),
            run: self.server.runs(),
            days: self.ledger.days_started(),
            is_durable: events > 0,
            is_form: matches!(body, RequestBody::AdmitPaperForm { .. }),
        };
        if let Some(known) = self.told.get(id)
            && (known.is_durable || known.run == told.run)
            && told.days - known.days < 2
            && known.is_form == told.is_form
            && known.outcome != told.outcome
        {
            // A check-in that a form replaced is answered with the form's visit.
            let is_replaced =
                self.replaced.contains(id) || matches!(body, RequestBody::AdmitPaperForm { .. });
            ensure(is_replaced, SAME_ANSWER, || {
                format!("{id}: first {known:?}, now {:?}", reply.outcome)
            })?;
        }
        let is_known = self
            .told
            .get(id)
            .is_some_and(|known| known.is_durable && told.is_durable && told.days - known.days < 2);
        if !is_known {
            self.told.insert(id.clone(), told);
        }
        Ok(())
    }

    fn check_accepted(
        &self,
        incoming: &Incoming,
        answer: &Answer,
        events: u32,
    ) -> Result<(), Broken> {
        let id = &incoming.request.id;
        match (answer, &incoming.request.body) {
            (Answer::Queued { ticket }, RequestBody::AdmitPaperForm { form, .. }) => {
                let form = form.command_id();
                let visit = self.ledger.visit_of_form(&form);
                ensure(visit == Some(ticket.visit.0), DURABLE, || {
                    format!(
                        "{form} was told {}, the log has visit {visit:?}",
                        ticket.visit
                    )
                })
            }
            (Answer::Queued { ticket }, _) => {
                let visit = self.ledger.visit_of(id);
                let is_own = visit == Some(ticket.visit.0) && events == 1;
                let known = is_own || self.replaced.contains(id);
                ensure(known, DURABLE, || {
                    format!(
                        "{id} was told {}, the log has visit {visit:?}",
                        ticket.visit
                    )
                })
            }
            (Answer::AtCounter { visit, .. }, _) => ensure(events == 1, DURABLE, || {
                format!("{id} on {visit} was acknowledged, and the log has {events} events of it")
            }),
            (Answer::Done, _) => Ok(()),
        }
    }

    /// The office is what the log says, and nobody is in it twice.
    pub(super) fn agree(&mut self) -> Result<(), Broken> {
        let Some(office) = self.server.office() else {
            return Ok(());
        };
        self.ledger.agree(office)?;
        // Two days of answers, and the forms and what they replaced.
        let bound = self.errands.len() * 2 + 16;
        ensure(
            office.answers().len() <= bound,
            "memory has a bound",
            || format!("{} answers are remembered", office.answers().len()),
        )?;
        self.check_nobody_is_doubled()
    }

    /// A resident whose form the kiosk itself has brought in waits once.
    fn check_nobody_is_doubled(&self) -> Result<(), Broken> {
        for held in &self.forms {
            let id = held.form.command_id();
            let came_by_kiosk = self.ledger.events_of(&id) > 0;
            let Some(check_in) = held.replaces.as_ref().filter(|_| came_by_kiosk) else {
                continue;
            };
            let (Some(one), Some(other)) = (
                self.ledger.visit_of(check_in),
                self.ledger.visit_of_form(&id),
            ) else {
                continue;
            };
            if one == other || self.ledger.was_at_counter_when_replaced(check_in) {
                continue;
            }
            let waits = |visit: u64| {
                let known = self.ledger.visit(visit);
                known.is_some_and(|known| known.stands == Stands::Waiting)
            };
            ensure(
                !(waits(one) && waits(other)),
                "a resident is in the queue once",
                || format!("visits {one} and {other} are the same resident's"),
            )?;
        }
        Ok(())
    }

    /// Keeps the office as a snapshot would, to go on from it at the end.
    pub(super) fn save_now_and_then(&mut self) {
        if self.dice.per_mille(4)
            && let Some(office) = self.server.office()
            && let Ok(json) = serde_json::to_vec(office)
        {
            self.saved = Some((office.sequence(), json));
        }
    }

    /// All that the log says, once more.
    pub(super) fn check_replay(&mut self) -> Result<(), Broken> {
        let plan = Arc::clone(&self.world.plan);
        let log = self.server.log();
        let whole = replayed(&plan, log).map_err(|error| broken(REPLAY, error.to_string()))?;
        if let Some(office) = self.server.office() {
            ensure(*office == whole, REPLAY, || {
                "the office is another".to_owned()
            })?;
        }
        if let Some((sequence, json)) = &self.saved {
            let office: Office = serde_json::from_slice(json)
                .map_err(|error| broken(REPLAY, format!("a saved office: {error}")))?;
            let mut office = office.resumed(plan);
            for record in log.iter().filter(|record| record.sequence > *sequence) {
                office
                    .apply(record)
                    .map_err(|error| broken(REPLAY, error.to_string()))?;
            }
            ensure(office == whole, REPLAY, || {
                format!("the office saved at {sequence} became another")
            })?;
        }
        self.ledger.agree(&whole)
    }
}
