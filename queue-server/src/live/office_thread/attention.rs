//! What staff have to look at, told on the manager's page and in the program's log.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use usher_protocol::CommandId;
use usher_protocol::message::{Rejection, RequestBody};

use crate::live::view::{ATTENTION_MAX, Attention};
use crate::office::Office;
use crate::office::command::Command;
use crate::office::event::{Event, Record};
use crate::office::plan::OfficePlan;
use crate::office::reason::waited_minutes;
use crate::office::state::Forgotten;
use crate::office::visit::Visit;

/// A form of a kiosk that was refused and has not come in since.
pub(super) struct RefusedForm {
    pub(super) form: CommandId,
    pub(super) attention: Attention,
}

/// Tells staff of a kiosk's paper form that is not in the queue although a
/// resident holds it. Whether this is news: kiosks ask again. A clerk who is
/// refused one reads why, and has the resident there.
pub(super) fn note_refused_form(
    refused_forms: &mut VecDeque<RefusedForm>,
    command: &Command,
    rejection: &Rejection,
    at: Timestamp,
) -> bool {
    let RequestBody::AdmitPaperForm { form, .. } = &command.body else {
        return false;
    };
    let id = form.command_id();
    let Some(device) = command.sender.device() else {
        tracing::warn!(
            device.id = %form.device,
            form.number = %form.number,
            code = ?rejection.code,
            "a paper form that a clerk brought in was refused"
        );
        return false;
    };
    if refused_forms.iter().any(|refused| refused.form == id) {
        return false;
    }
    tracing::warn!(
        device.id = %device,
        form.number = %form.number,
        code = ?rejection.code,
        "a kiosk's paper form was refused; whoever holds it is not in the queue"
    );
    let text = format!(
        "{device}'s paper form {} was refused: {} {}",
        form.number.spaced(),
        rejection.message,
        rejection.next_step
    );
    if refused_forms.len() == ATTENTION_MAX {
        refused_forms.pop_front();
    }
    refused_forms.push_back(RefusedForm {
        form: id,
        attention: Attention {
            at,
            device: Some(device.clone()),
            text,
        },
    });
    true
}

/// Tells staff of visits that everybody may have forgotten.
pub(super) fn forgotten_attention(office: &Office, now: Timestamp) -> Vec<Attention> {
    let told = |visit: &Visit, why: Forgotten| {
        let number = visit.number.spaced();
        let minutes = now.duration_since(visit.state_since).as_mins().max(0);
        match why {
            Forgotten::Waits => {
                let minutes = waited_minutes(visit, now);
                let service = office.plan().service_name(&visit.service);
                format!(
                    "{number} has waited {minutes} min for {service}. Has it been forgotten? Look for the resident, or call it now."
                )
            }
            Forgotten::Called => {
                let counter = visit.state.call().map(|call| &call.counter);
                let label = counter.map_or("?", |counter| office.plan().counter_label(counter));
                format!(
                    "{number} was called to counter {label} {minutes} min ago, and nobody said what became of it. Start its service, or mark a no-show."
                )
            }
            Forgotten::OnHold => format!(
                "{number} has been on hold for {minutes} min. Resume it, or let it wait again."
            ),
        }
    };
    let forgotten = office.forgotten(now, ATTENTION_MAX);
    let attention = forgotten.into_iter().map(|(visit, why)| Attention {
        at: visit.state_since,
        device: None,
        text: told(visit, why),
    });
    attention.collect()
}

/// Tells staff, and once the log, that no new day starts, and what to do.
pub(super) fn held_back_attention(
    since: &mut Option<Timestamp>,
    leap: Option<SignedDuration>,
    now: Timestamp,
) -> Option<Attention> {
    let Some(leap) = leap else {
        *since = None;
        return None;
    };
    let text = format!(
        "The server's clock went ahead by {} days at once, so no new day was started: numbers go on. Check the date of the server. If it is right, restart usher-server when nobody waits; if it is not, set the clock.",
        (leap.as_hours() + 12) / 24
    );
    if since.is_none() {
        tracing::error!("{text}");
    }
    Some(Attention {
        at: *since.get_or_insert(now),
        device: None,
        text,
    })
}

/// What somebody who reads the program's log should know of; all else is in the
/// event log.
pub(super) fn report(record: &Record, plan: &OfficePlan) {
    match &record.event {
        Event::DayStarted {
            date,
            left_at_close,
        } => tracing::info!(
            left_at_close = left_at_close.len(),
            "the office's day {date} starts"
        ),
        Event::VisitQueued(queued) => {
            let paper = queued.paper.as_ref();
            let series = queued
                .device
                .as_ref()
                .and_then(|id| plan.form_series.get(id));
            if let (Some(device), Some(series)) = (&queued.device, series)
                && paper.is_some()
                && queued.number.series() != *series
            {
                tracing::warn!(
                    device.id = %device,
                    form.number = %queued.number,
                    "a kiosk printed a form of a series that is not its own; set [paper_forms] series in its device file to \"{series}\""
                );
            }
            if let Some(other) = paper.and_then(|paper| paper.same_number_as) {
                tracing::warn!(
                    visit.id = queued.visit.0,
                    visit.other = other.0,
                    ticket.number = %queued.number,
                    "a kiosk printed a number twice: did it lose its journal? Both residents are in the queue; the counter's page tells them apart by their arrival"
                );
            }
        }
        _ => {}
    }
}
