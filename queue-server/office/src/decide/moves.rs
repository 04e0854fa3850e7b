//! What happens to a visit by the resident's wish or a greeter's hand, wherever it
//! stands.

use jiff::{SignedDuration, Timestamp};
use usher_protocol::message::{Rejection, VisitDetails};
use usher_protocol::{ServiceId, VisitId};

use super::{known_service, known_visit};
use crate::event::Event;
use crate::rejection;
use crate::state::Office;
use crate::visit::VisitState;

/// A no-show has come after all, within the time for which the place was kept, or
/// a visit on hold waits again.
pub(super) fn return_visit(
    office: &Office,
    visit: VisitId,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let visit = known_visit(office, visit)?;
    match visit.state {
        VisitState::OnHold { .. } => {}
        VisitState::NoShow { at } => {
            // Its number is given anew, and it is about to be forgotten.
            if !office.is_of_today(visit.id) {
                return Err(rejection::of_another_day(visit.number));
            }
            let kept = office.plan().rules.limits.return_within_minutes;
            if now.duration_since(at) > SignedDuration::from_mins(i64::from(kept)) {
                return Err(rejection::place_given_up(visit.number, kept));
            }
        }
        _ => return Err(rejection::cannot_return(visit)),
    }
    Ok(vec![Event::VisitReturned { visit: visit.id }])
}

/// Others go first for a while. The place is kept the first times; after that the
/// wait counts from the return, so that nobody who is away comes back before all
/// who stayed, again and again.
pub(super) fn need_more_time(
    office: &Office,
    visit: VisitId,
    minutes: u16,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    let limits = &office.plan().rules.limits;
    let visit = known_visit(office, visit)?;
    if !matches!(visit.state, VisitState::Waiting | VisitState::Called { .. }) {
        return Err(rejection::cannot_wait_longer(visit));
    }
    if !(1..=limits.more_time_minutes_max).contains(&minutes) {
        return Err(rejection::more_time_out_of_range(
            limits.more_time_minutes_max,
        ));
    }
    let until = now
        .saturating_add(SignedDuration::from_mins(i64::from(minutes)))
        .unwrap_or(now);
    let since = if visit.postponed < limits.more_time_place_kept {
        visit.since
    } else {
        visit.since.max(until)
    };
    Ok(vec![Event::VisitPostponed {
        visit: visit.id,
        until,
        since,
    }])
}

pub(super) fn leave(office: &Office, visit: VisitId) -> Result<Vec<Event>, Rejection> {
    let visit = known_visit(office, visit)?;
    match visit.state {
        VisitState::Left { .. } => Ok(Vec::new()),
        ref state if state.is_open() => Ok(vec![Event::VisitLeft { visit: visit.id }]),
        _ => Err(rejection::is_closed(visit)),
    }
}

pub(super) fn add_service(
    office: &Office,
    visit: VisitId,
    service: &ServiceId,
) -> Result<Vec<Event>, Rejection> {
    let visit = known_visit(office, visit)?;
    known_service(office, service)?;
    if !visit.state.is_open() {
        return Err(rejection::is_closed(visit));
    }
    if visit.service == *service || visit.then.contains(service) {
        return Ok(Vec::new());
    }
    if visit.then.len() >= VisitDetails::FURTHER_SERVICES_MAX {
        return Err(rejection::too_many_services());
    }
    Ok(vec![Event::ServiceAdded {
        visit: visit.id,
        service: service.clone(),
    }])
}

pub(super) fn change_service(
    office: &Office,
    visit: VisitId,
    service: &ServiceId,
) -> Result<Vec<Event>, Rejection> {
    let visit = known_visit(office, visit)?;
    known_service(office, service)?;
    if !visit.state.is_open() {
        return Err(rejection::is_closed(visit));
    }
    if visit.service == *service {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ServiceChanged {
        visit: visit.id,
        service: service.clone(),
    }])
}

pub(super) fn reopen(office: &Office, visit: VisitId) -> Result<Vec<Event>, Rejection> {
    let visit = known_visit(office, visit)?;
    if !matches!(
        visit.state,
        VisitState::Finished { .. } | VisitState::NoShow { .. } | VisitState::Left { .. }
    ) {
        return Err(rejection::cannot_reopen(visit));
    }
    if !office.is_of_today(visit.id) {
        return Err(rejection::of_another_day(visit.number));
    }
    Ok(vec![Event::VisitReopened { visit: visit.id }])
}
