//! Who serves: counters open, close, rest and change what they serve; services
//! are suspended and offered again.

use jiff::{SignedDuration, Timestamp};
use usher_protocol::message::Rejection;
use usher_protocol::{ClerkId, CounterId, ServiceId};

use super::{busy, free_counter, known_counter, known_service};
use crate::event::Event;
use crate::rejection;
use crate::state::{Office, OpenCounter};

/// Longest break that can be told beforehand, minutes.
const BREAK_MINUTES_MAX: u16 = 240;

pub(super) fn open(
    office: &Office,
    counter: &CounterId,
    clerk: Option<&ClerkId>,
) -> Result<Vec<Event>, Rejection> {
    let plan = office.plan();
    if plan.counter(counter).is_none() {
        return Err(rejection::unknown_counter(counter));
    }
    if let Some(clerk) = clerk
        && !plan.rules.clerks.contains_key(clerk)
    {
        return Err(rejection::unknown_clerk(clerk));
    }
    if let Some(now) = office.counter_now(counter) {
        return if clerk.is_none() || now.clerk.as_ref() == clerk {
            Ok(Vec::new())
        } else {
            Err(rejection::counter_taken(plan.counter_label(counter)))
        };
    }
    Ok(vec![Event::CounterOpened {
        counter: counter.clone(),
        clerk: clerk.cloned(),
    }])
}

pub(super) fn close(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    known_counter(office, counter)?;
    match office.counter(counter) {
        None => Ok(Vec::new()),
        Some(OpenCounter::Free | OpenCounter::OnBreak) => Ok(vec![Event::CounterClosed {
            counter: counter.clone(),
        }]),
        Some(OpenCounter::Busy(_)) => Err(busy(office, counter)),
    }
}

pub(super) fn take_break(
    office: &Office,
    counter: &CounterId,
    minutes: Option<u16>,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    if minutes.is_some_and(|minutes| !(1..=BREAK_MINUTES_MAX).contains(&minutes)) {
        return Err(rejection::no_such_break(BREAK_MINUTES_MAX));
    }
    known_counter(office, counter)?;
    if office.counter(counter) == Some(OpenCounter::OnBreak) {
        return Ok(Vec::new());
    }
    free_counter(office, counter)?;
    let until = minutes.and_then(|minutes| {
        let length = SignedDuration::from_mins(i64::from(minutes));
        now.checked_add(length).ok()
    });
    Ok(vec![Event::BreakStarted {
        counter: counter.clone(),
        until,
    }])
}

pub(super) fn end_break(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    known_counter(office, counter)?;
    match office.counter(counter) {
        None => Err(rejection::counter_closed(
            office.plan().counter_label(counter),
        )),
        Some(OpenCounter::OnBreak) => Ok(vec![Event::BreakEnded {
            counter: counter.clone(),
        }]),
        Some(OpenCounter::Free | OpenCounter::Busy(_)) => Ok(Vec::new()),
    }
}

pub(super) fn change_services(
    office: &Office,
    counter: &CounterId,
    services: &[ServiceId],
) -> Result<Vec<Event>, Rejection> {
    known_counter(office, counter)?;
    let label = office.plan().counter_label(counter);
    if office.counter(counter).is_none() {
        return Err(rejection::counter_closed(label));
    }
    if services.is_empty() {
        return Err(rejection::no_services(label));
    }
    let mut wanted: Vec<ServiceId> = Vec::with_capacity(services.len());
    for service in services {
        known_service(office, service)?;
        if !wanted.contains(service) {
            wanted.push(service.clone());
        }
    }
    let now = office.counter_now(counter);
    if now.is_some_and(|now| now.services.as_ref() == Some(&wanted)) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::ServicesChanged {
        counter: counter.clone(),
        services: wanted,
    }])
}

pub(super) fn suspend(office: &Office, service: &ServiceId) -> Result<Vec<Event>, Rejection> {
    known_service(office, service)?;
    if office.is_suspended(service) {
        return Ok(Vec::new());
    }
    let service = service.clone();
    Ok(vec![Event::ServiceSuspended { service }])
}

pub(super) fn offer(office: &Office, service: &ServiceId) -> Result<Vec<Event>, Rejection> {
    if !office.is_suspended(service) {
        known_service(office, service)?;
        return Ok(Vec::new());
    }
    let service = service.clone();
    Ok(vec![Event::ServiceOffered { service }])
}
