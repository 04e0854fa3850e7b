//! Who joins the queue: by service or by appointment.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use usher_protocol::message::{
    Appointment, AppointmentClaim, PrintResult, Rejection, VisitDetails,
};
use usher_protocol::{
    AppointmentCode, DeviceId, Language, Series, ServiceId, TicketNumber, VisitId,
};

use super::{known_service, known_visit};
use crate::arrival::{self, Arrival};
use crate::command::{Command, Sender};
use crate::event::{AppointmentOf, Event, OnPaper, VisitQueued};
use crate::foresee::{Foresee, Foreseen};
use crate::plan::LastTicket;
use crate::policy::{PRIORITIES, PRIORITY_USUAL};
use crate::rejection;
use crate::state::Office;

/// Longest way from the door to the ticket that is believed.
const DOOR_TO_TICKET_MAX: SignedDuration = SignedDuration::from_hours(4);

/// How far ahead appointments are taken.
const BOOKING_AHEAD_MAX: SignedDuration = SignedDuration::from_hours(24 * 366);

/// Below this chance to be called before closing, in hundredths, a ticket says so.
const CHANCE_TOLD_BELOW: u8 = 90;

/// What was told at a check-in.
pub(super) struct Wanted<'a> {
    pub(super) language: &'a Language,
    pub(super) stamped: Timestamp,
    pub(super) details: &'a VisitDetails,
}

pub(super) fn check_in(
    office: &Office,
    command: &Command,
    service: &ServiceId,
    wanted: &Wanted<'_>,
    now: Timestamp,
    foresee: &dyn Foresee,
) -> Result<Vec<Event>, Rejection> {
    known_service(office, service)?;
    for further in &wanted.details.also {
        known_service(office, further)?;
    }
    let details = checked(office, &command.sender, service, wanted.details)?;
    for service in std::iter::once(service).chain(&details.also) {
        if office.is_suspended(service) {
            let name = office.plan().service_name(service);
            return Err(rejection::service_suspended(name));
        }
    }
    let arrival = arrival::by_server_clock(wanted.stamped, Some(command.sent_at), now);
    let mut services = vec![service.clone()];
    services.extend(details.also.iter().cloned());
    let services = in_best_order(office, services, arrival.at, foresee);
    let first = &services[0];
    if command.sender.device().is_some() {
        check_hours(office, arrival.at)?;
        check_last_ticket(office, first, arrival.at, foresee)?;
    }
    let newcomer = Newcomer {
        number: free_number(office, known_service(office, first)?.series)?,
        service: first,
        language: wanted.language,
        stamped: wanted.stamped,
        arrival,
        boot: command.boot,
        device: command.sender.device(),
        paper: None,
        details: VisitDetails {
            also: services[1..].to_vec(),
            ..details
        },
        appointment: None,
    };
    Ok(vec![queued(office, newcomer, foresee)])
}

/// A resident who comes for an appointment. Within the office's window it counts
/// from the agreed time, whenever in it the resident came; outside of it the
/// resident waits like a walk-in, from the arrival. It was promised, so a service that
/// is suspended, or that the office file lost since, keeps nobody out.
#[expect(clippy::too_many_arguments, reason = "each is one word of the request")]
pub(super) fn check_in_appointment(
    office: &Office,
    command: &Command,
    claim: &AppointmentClaim,
    language: Option<&Language>,
    stamped: Timestamp,
    details: &VisitDetails,
    now: Timestamp,
    foresee: &dyn Foresee,
) -> Result<Vec<Event>, Rejection> {
    let arrival = arrival::by_server_clock(stamped, Some(command.sent_at), now);
    let appointment = claimed(office, claim, arrival.at)?;
    if let Some(visit) = office.visit_for(&appointment.code) {
        return Err(rejection::already_in_queue(visit));
    }
    if command.sender.device().is_some() {
        check_hours(office, arrival.at)?;
    }
    let policy = &office.plan().rules.policy;
    let minutes = |minutes: u16| SignedDuration::from_mins(i64::from(minutes));
    let early = appointment.at.duration_since(arrival.at);
    let in_time = early <= minutes(policy.early_minutes) && -early <= minutes(policy.late_minutes);
    // An appointment may be for a service that the office file no longer has: every
    // counter serves it. Its numbers are those of a service that it has.
    let series = appointment
        .services
        .iter()
        .find_map(|service| office.plan().service(service))
        .or_else(|| office.plan().info.services.first())
        .map(|info| info.series)
        .ok_or_else(rejection::unknown_appointment)?;
    let (service, also) = appointment
        .services
        .split_first()
        .ok_or_else(rejection::unknown_appointment)?;
    let told = VisitDetails {
        also: also.to_vec(),
        party: details.party.max(appointment.party),
        needs: if details.needs.is_none() {
            appointment.needs.clone()
        } else {
            details.needs.clone()
        },
        ..details.clone()
    };
    let english = Language::english();
    let newcomer = Newcomer {
        number: free_number(office, series)?,
        service,
        language: language
            .or(appointment.language.as_ref())
            .unwrap_or(&english),
        stamped,
        arrival,
        boot: command.boot,
        device: command.sender.device(),
        paper: None,
        details: checked(office, &command.sender, service, &told)?,
        appointment: Some(AppointmentOf {
            code: appointment.code.clone(),
            at: appointment.at,
            in_time,
        }),
    };
    Ok(vec![queued(office, newcomer, foresee)])
}

fn claimed<'a>(
    office: &'a Office,
    claim: &AppointmentClaim,
    at: Timestamp,
) -> Result<&'a Appointment, Rejection> {
    let day = office.plan().day_of(at);
    let found = match claim {
        AppointmentClaim::Code(code) => office
            .appointment(code)
            .filter(|appointment| office.plan().day_of(appointment.at) == day),
        // Somebody with two appointments comes for the one that is nearest and not done.
        AppointmentClaim::Person(person) => office.appointments_of(person, at).min_by_key(|one| {
            let has_come = office.visit_for(&one.code).is_some();
            (has_come, one.at.duration_since(at).abs(), Reverse(one.at))
        }),
    };
    found.ok_or_else(rejection::unknown_appointment)
}

/// The details, as far as they can be true.
fn checked(
    office: &Office,
    sender: &Sender,
    service: &ServiceId,
    details: &VisitDetails,
) -> Result<VisitDetails, Rejection> {
    if details.also.len() > VisitDetails::FURTHER_SERVICES_MAX {
        return Err(rejection::too_many_services());
    }
    if details.party == 0 {
        return Err(rejection::nobody_came());
    }
    let mut also: Vec<ServiceId> = Vec::with_capacity(details.also.len());
    for further in &details.also {
        if further != service && !also.contains(further) {
            also.push(further.clone());
        }
    }
    let usual = office.plan().service_rules(service).priority;
    let priority = match details.priority {
        None => usual,
        Some(_) if *sender != Sender::Clerk => return Err(rejection::priority_is_for_staff()),
        Some(given) if PRIORITIES.contains(&given) => given,
        Some(_) => return Err(rejection::no_such_priority()),
    };
    Ok(VisitDetails {
        also,
        priority: (priority != PRIORITY_USUAL).then_some(priority),
        ..details.clone()
    })
}

/// The order that saves the resident's time: the shortest wait first, and as
/// asked for among equals. Asked again after each service, for waits change.
pub(super) fn in_best_order(
    office: &Office,
    mut services: Vec<ServiceId>,
    at: Timestamp,
    foresee: &dyn Foresee,
) -> Vec<ServiceId> {
    if services.len() > 1 {
        services.sort_by_cached_key(|service| {
            let foreseen = foresee.foresee(office, service, at);
            foreseen.map_or((u16::MAX, u16::MAX), |foreseen| {
                (foreseen.wait.low_minutes, foreseen.wait.high_minutes)
            })
        });
    }
    services
}

fn check_hours(office: &Office, at: Timestamp) -> Result<(), Rejection> {
    let plan = office.plan();
    let Some(hours) = &plan.rules.hours else {
        return Ok(());
    };
    let before = plan.rules.limits.tickets_before_opening_minutes;
    if hours.admits(&plan.time_zone, at, before) {
        return Ok(());
    }
    let opens = hours.opens_next(&plan.time_zone, at);
    let opens = opens.map(|opens| plan.time_zone.to_datetime(opens));
    Err(rejection::office_closed(opens))
}

fn check_last_ticket(
    office: &Office,
    service: &ServiceId,
    at: Timestamp,
    foresee: &dyn Foresee,
) -> Result<(), Rejection> {
    let plan = office.plan();
    if plan.rules.limits.last_ticket == LastTicket::Warn {
        return Ok(());
    }
    let Some(closes) = closing(office, at) else {
        return Ok(());
    };
    let too_late = match foresee.foresee(office, service, at) {
        // Half of such waits are longer than the low end. A chance may count on
        // counters that go on after closing: an office that refuses does not.
        Some(Foreseen {
            wait,
            chance_before_closing,
        }) => {
            let low = SignedDuration::from_mins(i64::from(wait.low_minutes));
            closes.duration_since(at) < low
                || chance_before_closing.is_some_and(|chance| chance < 50)
        }
        // Nobody serves it now; somebody may, later.
        None => false,
    };
    if too_late {
        Err(rejection::too_late_today(plan.service_name(service)))
    } else {
        Ok(())
    }
}

fn closing(office: &Office, at: Timestamp) -> Option<Timestamp> {
    let plan = office.plan();
    plan.rules.hours.as_ref()?.closes(&plan.time_zone, at)
}

/// Somebody to be put in the queue.
pub(super) struct Newcomer<'a> {
    pub(super) number: TicketNumber,
    pub(super) service: &'a ServiceId,
    pub(super) language: &'a Language,
    pub(super) stamped: Timestamp,
    pub(super) arrival: Arrival,
    pub(super) boot: u64,
    pub(super) device: Option<&'a DeviceId>,
    pub(super) paper: Option<OnPaper>,
    pub(super) details: VisitDetails,
    pub(super) appointment: Option<AppointmentOf>,
}

pub(super) fn queued(office: &Office, newcomer: Newcomer<'_>, foresee: &dyn Foresee) -> Event {
    let visit = VisitId(office.last_visit().0 + 1);
    let arrived_at = newcomer.arrival.at;
    let behind = newcomer.arrival.clock_behind;
    let foreseen = foresee.foresee(office, newcomer.service, arrived_at);
    let door_at = newcomer.details.door_at.and_then(|door| {
        let door = door.saturating_add(behind).ok()?.min(arrived_at);
        (arrived_at.duration_since(door) <= DOOR_TO_TICKET_MAX).then_some(door)
    });
    let since = match &newcomer.appointment {
        Some(appointment) if appointment.in_time => appointment.at,
        _ => arrived_at,
    };
    Event::VisitQueued(VisitQueued {
        visit,
        number: newcomer.number,
        service: newcomer.service.clone(),
        language: newcomer.language.clone(),
        arrived_at,
        device_arrived_at: newcomer.stamped,
        clock_behind_ms: i64::try_from(behind.as_millis()).unwrap_or(i64::MAX),
        boot: newcomer.boot,
        device: newcomer.device.cloned(),
        paper: newcomer.paper,
        ahead: ahead(office, newcomer.service, since, visit),
        promised_wait: foreseen.map(|foreseen| foreseen.wait),
        chance_before_closing: foreseen
            .and_then(|foreseen| foreseen.chance_before_closing)
            .filter(|chance| *chance < CHANCE_TOLD_BELOW),
        details: VisitDetails {
            door_at,
            ..newcomer.details
        },
        appointment: newcomer.appointment,
    })
}

pub(super) fn ahead(office: &Office, service: &ServiceId, since: Timestamp, visit: VisitId) -> u32 {
    let ahead = office.waiting_before(service, (since, visit));
    u32::try_from(ahead).unwrap_or(u32::MAX)
}

fn free_number(office: &Office, series: Series) -> Result<TicketNumber, Rejection> {
    let number = office.next_number(series);
    number.ok_or_else(|| rejection::numbers_exhausted(series))
}

pub(super) fn record_print(
    office: &Office,
    sender: &Sender,
    visit: VisitId,
    result: PrintResult,
) -> Result<Vec<Event>, Rejection> {
    let known = known_visit(office, visit)?;
    if known.device.as_ref() != sender.device() {
        return Err(rejection::ticket_of_another_kiosk(visit));
    }
    if known.print == Some(result) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::PrintRecorded { visit, result }])
}

/// An appointment is made, or the one of its code is changed. An import can be run
/// again: what is known already makes no event.
pub(super) fn book(
    office: &Office,
    appointment: &Appointment,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    if appointment.services.is_empty() {
        return Err(rejection::appointment_for_nothing());
    }
    if appointment.services.len() > 1 + VisitDetails::FURTHER_SERVICES_MAX {
        return Err(rejection::too_many_services());
    }
    if appointment.party == 0 {
        return Err(rejection::nobody_came());
    }
    for service in &appointment.services {
        known_service(office, service)?;
    }
    if office.appointment(&appointment.code) == Some(appointment) {
        return Ok(Vec::new());
    }
    let ahead = appointment.at.duration_since(now);
    let is_past = office.plan().day_of(appointment.at) < office.plan().day_of(now);
    if is_past || ahead > BOOKING_AHEAD_MAX {
        return Err(rejection::appointment_out_of_range());
    }
    if let Some(visit) = office.visit_for(&appointment.code) {
        return Err(rejection::already_in_queue(visit));
    }
    let appointment = appointment.clone();
    Ok(vec![Event::AppointmentBooked { appointment }])
}

pub(super) fn cancel(office: &Office, code: &AppointmentCode) -> Result<Vec<Event>, Rejection> {
    if office.appointment(code).is_none() {
        return Err(rejection::unknown_appointment());
    }
    if let Some(visit) = office.visit_for(code) {
        return Err(rejection::already_in_queue(visit));
    }
    let code = code.clone();
    Ok(vec![Event::AppointmentCancelled { code }])
}
