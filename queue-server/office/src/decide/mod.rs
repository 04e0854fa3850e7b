//! Every rule: a command and the present state make events, or a rejection.
//!
//! [`arrivals`] and [`paper`]: who joins the queue. [`counters`]: who serves.
//! [`calls`]: who comes to a counter, and what becomes of them there. [`moves`]:
//! what happens to a visit elsewhere. [`undo`]: what did not happen after all.
//! `docs/operations.md` has each operation with its rule and its test.

mod arrivals;
mod calls;
mod counters;
mod moves;
mod paper;
mod undo;

use std::collections::BTreeSet;

use jiff::Timestamp;
use usher_protocol::message::{Rejection, RequestBody, Role, ServiceInfo};
use usher_protocol::{CounterId, ServiceId, VisitId};

use crate::command::{Command, Sender};
use crate::event::Event;
use crate::foresee::Foresee;
use crate::rejection;
use crate::state::{Office, OpenCounter};
use crate::visit::Visit;

/// The day to start before anything else is decided, if a new one has come.
///
/// Whoever was still waiting or at a counter has left: the building was empty
/// in between ([`crate::plan::OfficePlan::day_starts`]). Not so who is `present`,
/// having come just before: they keep place and number ([`crate::moment`]). The
/// clock's going back starts no day.
#[must_use]
pub fn day_due(office: &Office, now: Timestamp, present: &BTreeSet<VisitId>) -> Option<Event> {
    let date = office.plan().day_of(now);
    (date > office.day()).then(|| {
        let mut left_at_close = office.open_visits();
        left_at_close.retain(|visit| !present.contains(visit));
        Event::DayStarted {
            date,
            left_at_close,
        }
    })
}

/// What `command` brings about: nothing for a repeat, whose answer is
/// remembered, and for what is so already.
///
/// # Errors
/// A [`Rejection`] says which rule forbids it and what to do.
pub fn decide(
    office: &Office,
    command: &Command,
    now: Timestamp,
    foresee: &dyn Foresee,
) -> Result<Vec<Event>, Rejection> {
    check_role(&command.sender, &command.body)?;
    let has_own_id = matches!(command.body, RequestBody::AdmitPaperForm { .. });
    if !has_own_id && let Some(known) = office.answers().get(&command.id) {
        return if known.is_repeated_by(command.fingerprint) {
            Ok(Vec::new())
        } else {
            Err(rejection::id_in_use())
        };
    }
    match &command.body {
        RequestBody::Hello => Ok(Vec::new()),
        RequestBody::AdmitPaperForm { form, replaces } => {
            paper::admit(office, command, form, replaces.as_ref(), now, foresee)
        }
        RequestBody::CheckIn {
            service,
            language,
            arrived_at,
            details,
        } => {
            let wanted = arrivals::Wanted {
                language,
                stamped: *arrived_at,
                details,
            };
            arrivals::check_in(office, command, service, &wanted, now, foresee)
        }
        RequestBody::CheckInAppointment {
            claim,
            language,
            arrived_at,
            details,
        } => arrivals::check_in_appointment(
            office,
            command,
            claim,
            language.as_ref(),
            *arrived_at,
            details,
            now,
            foresee,
        ),
        RequestBody::RecordPrint { visit, result } => {
            arrivals::record_print(office, &command.sender, *visit, *result)
        }
        RequestBody::BookAppointment { appointment } => arrivals::book(office, appointment, now),
        RequestBody::CancelAppointment { code } => arrivals::cancel(office, code),
        RequestBody::OpenCounter { counter, clerk } => {
            counters::open(office, counter, clerk.as_ref())
        }
        RequestBody::CloseCounter { counter } => counters::close(office, counter),
        RequestBody::TakeBreak { counter, minutes } => {
            counters::take_break(office, counter, *minutes, now)
        }
        RequestBody::EndBreak { counter } => counters::end_break(office, counter),
        RequestBody::ChangeServices { counter, services } => {
            counters::change_services(office, counter, services)
        }
        RequestBody::SuspendService { service } => counters::suspend(office, service),
        RequestBody::OfferService { service } => counters::offer(office, service),
        RequestBody::CallNext { counter } => calls::call_next(office, counter, now),
        RequestBody::CallVisit { counter, visit } => {
            calls::call_visit(office, counter, *visit, now)
        }
        RequestBody::Recall { counter } => calls::recall(office, counter, now),
        RequestBody::StartService { counter } => calls::start_service(office, counter),
        RequestBody::MarkNoShow { counter } => calls::mark_no_show(office, counter, now),
        RequestBody::FinishVisit { counter, outcome } => {
            calls::finish(office, counter, *outcome, now, foresee)
        }
        RequestBody::HoldVisit { counter, reason } => calls::hold(office, counter, *reason),
        RequestBody::ResumeVisit { counter, visit } => calls::resume(office, counter, *visit),
        RequestBody::TransferVisit { counter, to, note } => {
            calls::transfer(office, counter, to, note.as_deref())
        }
        RequestBody::ReturnVisit { visit } => moves::return_visit(office, *visit, now),
        RequestBody::NeedMoreTime { visit, minutes } => {
            moves::need_more_time(office, *visit, *minutes, now)
        }
        RequestBody::LeaveVisit { visit } => moves::leave(office, *visit),
        RequestBody::AddService { visit, service } => moves::add_service(office, *visit, service),
        RequestBody::ChangeService { visit, service } => {
            moves::change_service(office, *visit, service)
        }
        RequestBody::ReopenVisit { visit } => moves::reopen(office, *visit),
        RequestBody::Undo { counter } => undo::undo(office, counter, now),
    }
}

/// Who may send what. A device of role counter does a counter's work; a resident
/// moves their own visit; staff on the office's own pages do everything that is
/// not a kiosk's report.
fn check_role(sender: &Sender, body: &RequestBody) -> Result<(), Rejection> {
    let (what, kiosk, counter, clerk) = match body {
        RequestBody::Hello => return Ok(()),
        RequestBody::CheckIn { .. } | RequestBody::CheckInAppointment { .. } => {
            ("check residents in", true, false, true)
        }
        RequestBody::RecordPrint { .. } => ("report on tickets", true, false, false),
        RequestBody::AdmitPaperForm { .. } => ("bring in paper forms", true, false, true),
        RequestBody::OpenCounter { .. }
        | RequestBody::CloseCounter { .. }
        | RequestBody::TakeBreak { .. }
        | RequestBody::EndBreak { .. }
        | RequestBody::ChangeServices { .. }
        | RequestBody::CallNext { .. }
        | RequestBody::CallVisit { .. }
        | RequestBody::Recall { .. }
        | RequestBody::StartService { .. }
        | RequestBody::MarkNoShow { .. }
        | RequestBody::FinishVisit { .. }
        | RequestBody::HoldVisit { .. }
        | RequestBody::ResumeVisit { .. }
        | RequestBody::TransferVisit { .. }
        | RequestBody::Undo { .. } => ("work at a counter", false, true, true),
        RequestBody::NeedMoreTime { visit, .. } | RequestBody::LeaveVisit { visit } => {
            if let Sender::Resident { visit: own } = sender {
                return if own == visit {
                    Ok(())
                } else {
                    Err(rejection::not_allowed("A resident", "move another's visit"))
                };
            }
            ("move visits", false, true, true)
        }
        RequestBody::ReturnVisit { .. }
        | RequestBody::AddService { .. }
        | RequestBody::ChangeService { .. }
        | RequestBody::ReopenVisit { .. } => ("move visits", false, true, true),
        RequestBody::SuspendService { .. }
        | RequestBody::OfferService { .. }
        | RequestBody::BookAppointment { .. }
        | RequestBody::CancelAppointment { .. } => ("run the office", false, false, true),
    };
    let (who, may) = match sender {
        Sender::Clerk => ("The counter's page", clerk),
        Sender::Resident { .. } => ("A resident", false),
        Sender::Device { role, .. } => match role {
            Role::Kiosk => ("A kiosk", kiosk),
            Role::HallDisplay => ("A hall display", false),
            Role::Counter => ("A device of role counter", counter),
        },
    };
    if may {
        Ok(())
    } else {
        Err(rejection::not_allowed(who, what))
    }
}

/// A visit that is remembered.
fn known_visit(office: &Office, visit: VisitId) -> Result<&Visit, Rejection> {
    office
        .visit(visit)
        .ok_or_else(|| rejection::unknown_visit(visit))
}

fn known_service<'a>(
    office: &'a Office,
    service: &ServiceId,
) -> Result<&'a ServiceInfo, Rejection> {
    let info = office.plan().service(service);
    info.ok_or_else(|| rejection::unknown_service(service))
}

/// A counter that the office file lost while it was open can still be cleared.
fn known_counter(office: &Office, counter: &CounterId) -> Result<(), Rejection> {
    if office.plan().counter(counter).is_some() || office.counter(counter).is_some() {
        Ok(())
    } else {
        Err(rejection::unknown_counter(counter))
    }
}

/// The counter is open and has no visit.
fn free_counter(office: &Office, counter: &CounterId) -> Result<(), Rejection> {
    known_counter(office, counter)?;
    let label = office.plan().counter_label(counter);
    match office.counter(counter) {
        None => Err(rejection::counter_closed(label)),
        Some(OpenCounter::OnBreak) => Err(rejection::counter_on_break(label)),
        Some(OpenCounter::Busy(_)) => Err(busy(office, counter)),
        Some(OpenCounter::Free) => Ok(()),
    }
}

fn busy(office: &Office, counter: &CounterId) -> Rejection {
    let label = office.plan().counter_label(counter);
    match office.visit_at(counter) {
        Some(visit) => rejection::counter_busy(label, visit.number),
        None => rejection::counter_empty(label),
    }
}
