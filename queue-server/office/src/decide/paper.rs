//! Paper forms, given out while the server could not be reached.

use jiff::Timestamp;
use usher_protocol::message::{Rejection, VisitDetails};
use usher_protocol::{CommandId, DeviceId, PaperForm, VisitId};

use super::arrivals::{Newcomer, ahead, queued};
use crate::arrival::{self, Arrival};
use crate::command::{Command, Sender};
use crate::event::{Event, OnPaper, VisitRenumbered};
use crate::foresee::Foresee;
use crate::rejection;
use crate::state::Office;
use crate::visit::{Visit, VisitState};

/// A paper form enters once, from whichever side it comes first.
///
/// If it replaced a check-in that had been done after all, that check-in's visit
/// is this resident: it takes the form's number and keeps what it is at, for
/// only the form is in the resident's hand. Was that visit closed meanwhile, the
/// form enters by itself: it was called by a number that nobody held.
pub(super) fn admit(
    office: &Office,
    command: &Command,
    form: &PaperForm,
    replaces: Option<&CommandId>,
    now: Timestamp,
    foresee: &dyn Foresee,
) -> Result<Vec<Event>, Rejection> {
    if let Some(sender) = command.sender.device()
        && *sender != form.device
    {
        return Err(rejection::form_of_another_kiosk(sender, &form.device));
    }
    let form_id = form.command_id();
    for id in [&command.id, &form_id] {
        if let Some(known) = office.answers().get(id)
            && !known.is_repeated_by(command.fingerprint)
        {
            return Err(rejection::id_in_use());
        }
    }
    let replaced = replaces.map(|id| Replaced::look_up(office, id, &form.device));
    if let Some(known) = office.answers().get(&form_id) {
        let visit = known.ticket().map(|ticket| ticket.visit);
        return Ok(visit
            .zip(replaced)
            .and_then(|(visit, replaced)| replaced_later(office, form_id, visit, replaced))
            .into_iter()
            .collect());
    }
    let arrival = form_arrival(command, form, now)?;
    // The service is not asked for: a kiosk that never met its server knows none
    // of them, and the paper is in the resident's hand. Every counter serves what
    // the office file does not have. Nor does a number of another series keep the
    // form out: a kiosk was set up wrong, and its resident is not to pay for that.
    if !office.plan().form_series.contains_key(&form.device) {
        return Err(rejection::unknown_kiosk(&form.device));
    }

    let paper = OnPaper {
        form: form_id,
        replaces: replaced.and_then(Replaced::id).cloned(),
        same_number_as: office.holder_today(form.number),
    };
    if let Some(Replaced::Done { visit, .. }) = replaced
        && visit.state.is_open()
    {
        let arrived_at = arrival.at.min(visit.arrived_at);
        return Ok(vec![Event::VisitRenumbered(VisitRenumbered {
            visit: visit.id,
            from: visit.number,
            number: form.number,
            service: form.service.clone(),
            language: form.language.clone(),
            arrived_at,
            ahead: ahead(office, &form.service, arrived_at, visit.id),
            // Nobody came to the old number: it is called again by the one held.
            serial: matches!(visit.state, VisitState::Called { .. })
                .then(|| office.last_serial() + 1),
            paper: OnPaper {
                // The resident printed another form with the same number? Not another visit.
                same_number_as: paper.same_number_as.filter(|other| *other != visit.id),
                ..paper
            },
        })]);
    }
    let newcomer = Newcomer {
        number: form.number,
        service: &form.service,
        language: &form.language,
        stamped: form.arrived_at,
        arrival,
        boot: form.boot,
        device: Some(&form.device),
        paper: Some(paper),
        details: VisitDetails::default(),
        appointment: None,
    };
    Ok(vec![queued(office, newcomer, foresee)])
}

fn form_arrival(command: &Command, form: &PaperForm, now: Timestamp) -> Result<Arrival, Rejection> {
    let same_clock = command.sender.device().is_some() && command.boot == form.boot;
    let sent_at = same_clock.then_some(command.sent_at);
    // Whoever holds it stands before the clerk, and can be told. A kiosk that
    // sends it has a broken clock, and its resident is not to pay for that.
    if command.sender == Sender::Clerk && arrival::is_too_long_ago(form.arrived_at, now) {
        return Err(rejection::form_too_old());
    }
    Ok(arrival::by_server_clock(form.arrived_at, sent_at, now))
}

/// The check-in that a form says it replaced.
#[derive(Clone, Copy)]
enum Replaced<'a> {
    /// It has not come, so far.
    NotDone(&'a CommandId),
    /// It was done, and made this visit.
    Done { id: &'a CommandId, visit: &'a Visit },
    /// It was done and its visit is forgotten, or it is none of this kiosk's check-ins.
    Nothing,
}

impl<'a> Replaced<'a> {
    fn look_up(office: &'a Office, id: &'a CommandId, kiosk: &DeviceId) -> Self {
        let Some(known) = office.answers().get(id) else {
            return Self::NotDone(id);
        };
        let visit = known
            .ticket()
            .and_then(|ticket| office.visit(ticket.visit))
            .filter(|visit| visit.device.as_ref() == Some(kiosk));
        match visit {
            Some(visit) => Self::Done { id, visit },
            None => Self::Nothing,
        }
    }

    fn id(self) -> Option<&'a CommandId> {
        match self {
            Self::NotDone(id) | Self::Done { id, .. } => Some(id),
            Self::Nothing => None,
        }
    }
}

/// A form that is in the queue already turns out to have replaced a check-in.
fn replaced_later(
    office: &Office,
    form: CommandId,
    visit: VisitId,
    replaced: Replaced<'_>,
) -> Option<Event> {
    let check_in = replaced.id()?.clone();
    let own = office.visit(visit)?;
    let (arrived_at, withdrawn) = match replaced {
        Replaced::Done { visit: other, .. } if other.id == visit => return None,
        Replaced::Done { visit: other, .. } if other.state == VisitState::Waiting => {
            (own.arrived_at.min(other.arrived_at), Some(other.id))
        }
        // Its visit is over or at a counter and stays as it is; only the id is taken,
        // and remembered as long as the form is.
        Replaced::Done { .. } => (own.arrived_at, None),
        Replaced::NotDone(_) | Replaced::Nothing => (own.arrived_at, None),
    };
    Some(Event::CheckInReplaced {
        check_in,
        form,
        visit,
        arrived_at,
        withdrawn,
    })
}
