//! Who comes to a counter, and what becomes of them there.

use jiff::{SignedDuration, Timestamp};
use usher_protocol::message::{HoldReason, Rejection, TransferTo, VisitOutcome};
use usher_protocol::{CounterId, ServiceId, VisitId};

use super::arrivals::in_best_order;
use super::{free_counter, known_counter, known_service, known_visit};
use crate::event::Event;
use crate::foresee::Foresee;
use crate::policy::Appointments;
use crate::state::Office;
use crate::visit::{CallMade, Visit, VisitState};
use crate::{reason, rejection};

/// Longest note for the next clerk, in characters.
const NOTE_LENGTH_MAX: usize = 280;

/// Among so many the place of a visit that a clerk chose is told.
const RANK_TOLD_MAX: usize = 20;

pub(super) fn call_next(
    office: &Office,
    counter: &CounterId,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    free_counter(office, counter)?;
    let next = office.next_for(counter, now, 1);
    let chosen = next.first().ok_or_else(|| {
        let label = office.plan().counter_label(counter);
        rejection::nobody_waiting(label)
    })?;
    let why = reason::first(office, counter, chosen, now);
    Ok(vec![called(office, counter, chosen.visit.id, why)])
}

/// Whoever is next, a clerk may call another: a resident stands there with a
/// crying child. The log says that it was the clerk's choice.
pub(super) fn call_visit(
    office: &Office,
    counter: &CounterId,
    visit: VisitId,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    free_counter(office, counter)?;
    let visit = known_visit(office, visit)?;
    if visit.state != VisitState::Waiting {
        return Err(rejection::not_waiting(visit));
    }
    let rank = office.rank_for(counter, visit.id, now, RANK_TOLD_MAX);
    let why = reason::chosen_by_clerk(rank, visit, now);
    Ok(vec![called(office, counter, visit.id, why)])
}

fn called(office: &Office, counter: &CounterId, visit: VisitId, reason: String) -> Event {
    Event::VisitCalled {
        visit,
        counter: counter.clone(),
        serial: office.last_serial() + 1,
        reason,
        share: match office.plan().rules.policy.appointments {
            Appointments::Share { percent } => Some(percent),
            _ => None,
        },
    }
}

pub(super) fn recall(
    office: &Office,
    counter: &CounterId,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let (visit, call) = called_at(office, counter)?;
    let wait = office.plan().rules.limits.recall_after_seconds;
    if let Some(rest) = too_soon(call, wait, now) {
        return Err(rejection::recalled_too_soon(visit.number, rest));
    }
    Ok(vec![Event::VisitRecalled {
        visit: visit.id,
        counter: counter.clone(),
        serial: office.last_serial() + 1,
    }])
}

pub(super) fn start_service(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    let (visit, _) = called_at(office, counter)?;
    Ok(vec![Event::ServiceStarted {
        visit: visit.id,
        counter: counter.clone(),
    }])
}

pub(super) fn mark_no_show(
    office: &Office,
    counter: &CounterId,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let (visit, call) = called_at(office, counter)?;
    let grace = office.plan().rules.limits.no_show_after_seconds;
    if let Some(rest) = too_soon(call, grace, now) {
        return Err(rejection::no_show_too_soon(visit.number, rest));
    }
    Ok(vec![Event::VisitNoShow {
        visit: visit.id,
        counter: counter.clone(),
    }])
}

/// Seconds that are still to pass since the call; `None` if enough have. A clock
/// that went back says nothing, and forbids nothing.
fn too_soon(call: &CallMade, wait_seconds: u16, now: Timestamp) -> Option<i64> {
    let passed = now.duration_since(call.at);
    let rest = SignedDuration::from_secs(i64::from(wait_seconds)) - passed;
    (passed >= SignedDuration::ZERO && rest > SignedDuration::ZERO)
        .then(|| rest.as_secs() + i64::from(rest.subsec_nanos() > 0))
}

/// If the visit has more services, it goes on: here and at once if this counter
/// serves one of them, or else where the wait is shortest, with its place kept.
pub(super) fn finish(
    office: &Office,
    counter: &CounterId,
    outcome: VisitOutcome,
    now: Timestamp,
    foresee: &dyn Foresee,
) -> Result<Vec<Event>, Rejection> {
    let visit = present_at(office, counter)?;
    if !matches!(visit.state, VisitState::Serving { .. }) {
        return Err(rejection::not_started(visit.number));
    }
    let next = match outcome {
        VisitOutcome::GivenUp => None,
        _ => next_service(office, counter, visit, now, foresee),
    };
    Ok(vec![match next {
        Some((next, here)) => Event::ServiceFinished {
            visit: visit.id,
            counter: counter.clone(),
            outcome,
            next,
            here,
        },
        None => Event::VisitFinished {
            visit: visit.id,
            counter: counter.clone(),
            outcome,
        },
    }])
}

fn next_service(
    office: &Office,
    counter: &CounterId,
    visit: &Visit,
    now: Timestamp,
    foresee: &dyn Foresee,
) -> Option<(ServiceId, bool)> {
    let served_here = |service: &&ServiceId| office.services_at(counter).any(|own| own == *service);
    if let Some(service) = visit.then.iter().find(served_here) {
        return Some((service.clone(), true));
    }
    let elsewhere = in_best_order(office, visit.then.clone(), now, foresee);
    Some((elsewhere.into_iter().next()?, false))
}

pub(super) fn hold(
    office: &Office,
    counter: &CounterId,
    reason: HoldReason,
) -> Result<Vec<Event>, Rejection> {
    let visit = present_at(office, counter)?;
    Ok(vec![Event::VisitHeld {
        visit: visit.id,
        counter: counter.clone(),
        reason,
    }])
}

pub(super) fn resume(
    office: &Office,
    counter: &CounterId,
    visit: VisitId,
) -> Result<Vec<Event>, Rejection> {
    free_counter(office, counter)?;
    let visit = known_visit(office, visit)?;
    if !matches!(visit.state, VisitState::OnHold { .. }) {
        return Err(rejection::not_on_hold(visit));
    }
    Ok(vec![Event::VisitResumed {
        visit: visit.id,
        counter: counter.clone(),
        serial: office.last_serial() + 1,
    }])
}

pub(super) fn transfer(
    office: &Office,
    counter: &CounterId,
    to: &TransferTo,
    note: Option<&str>,
) -> Result<Vec<Event>, Rejection> {
    let visit = present_at(office, counter)?;
    match to {
        TransferTo::Service(service) => {
            known_service(office, service)?;
        }
        TransferTo::Counter(other) => {
            if office.plan().counter(other).is_none() {
                return Err(rejection::unknown_counter(other));
            }
            if other == counter {
                return Err(rejection::transfer_to_itself());
            }
        }
    }
    let note = note.map(str::trim).filter(|note| !note.is_empty());
    if note.is_some_and(|note| note.chars().count() > NOTE_LENGTH_MAX) {
        return Err(rejection::note_too_long(NOTE_LENGTH_MAX));
    }
    Ok(vec![Event::VisitTransferred {
        visit: visit.id,
        counter: counter.clone(),
        to: to.clone(),
        note: note.map(str::to_owned),
    }])
}

fn called_at<'a>(
    office: &'a Office,
    counter: &CounterId,
) -> Result<(&'a Visit, &'a CallMade), Rejection> {
    let visit = present_at(office, counter)?;
    match &visit.state {
        VisitState::Called { call } => Ok((visit, call)),
        _ => Err(rejection::already_serving(visit.number)),
    }
}

fn present_at<'a>(office: &'a Office, counter: &CounterId) -> Result<&'a Visit, Rejection> {
    known_counter(office, counter)?;
    let label = office.plan().counter_label(counter);
    if office.counter(counter).is_none() {
        return Err(rejection::counter_closed(label));
    }
    office
        .visit_at(counter)
        .ok_or_else(|| rejection::counter_empty(label))
}
