//! Every rule: a command and the present state make events, or a rejection.

use std::collections::BTreeSet;

use jiff::Timestamp;
use usher_protocol::message::{PrintResult, Rejection, RequestBody, Role, ServiceInfo, WaitRange};
use usher_protocol::{
    CommandId, CounterId, DeviceId, Language, PaperForm, Series, ServiceId, TicketNumber, VisitId,
};

use crate::arrival::{self, Arrival};
use crate::command::{Command, Sender};
use crate::event::{Event, OnPaper, VisitQueued, VisitRenumbered};
use crate::plan::OfficePlan;
use crate::state::{Office, OpenCounter};
use crate::visit::{Visit, VisitState};
use crate::{reason, rejection};

/// Foresees the wait of who joins the queue of a service with this arrival;
/// `None` while nobody serves it. An argument, so that these rules do not
/// depend on how waits are foreseen.
pub type Foresee = fn(&Office, &ServiceId, Timestamp) -> Option<WaitRange>;

/// The day to start before anything else is decided, if a new one has come.
///
/// Whoever was still waiting or at a counter has left: the building was empty
/// in between ([`OfficePlan::day_starts`]). Not so who is `present`, having come
/// just before: they keep place and number ([`crate::moment`]). The
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
    foresee: Foresee,
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
            admit(office, command, form, replaces.as_ref(), now, foresee)
        }
        RequestBody::CheckIn {
            service,
            language,
            arrived_at,
        } => check_in(
            office,
            command,
            service,
            language,
            *arrived_at,
            now,
            foresee,
        ),
        RequestBody::RecordPrint { visit, result } => {
            record_print(office, &command.sender, *visit, *result)
        }
        RequestBody::OpenCounter { counter } => open_counter(office, counter),
        RequestBody::CloseCounter { counter } => close_counter(office, counter),
        RequestBody::CallNext { counter } => call_next(office, counter, now),
        RequestBody::Recall { counter } => recall(office, counter),
        RequestBody::StartService { counter } => start_service(office, counter),
        RequestBody::MarkNoShow { counter } => mark_no_show(office, counter),
        RequestBody::FinishVisit { counter } => finish_visit(office, counter),
    }
}

/// Why the visit, which is first of those that the counter serves, is next.
#[must_use]
pub fn reason_first(office: &Office, counter: &CounterId, visit: &Visit, now: Timestamp) -> String {
    let plan = office.plan();
    reason::longest_wait(plan, plan.counter(counter), visit, now)
}

/// Why the visit is the `rank`th of those that a counter serves, from 2.
#[must_use]
pub fn reason_later(plan: &OfficePlan, rank: usize, visit: &Visit, now: Timestamp) -> String {
    reason::later(plan, rank, visit, now)
}

/// Whole minutes that the visit has waited.
#[must_use]
pub fn waited_minutes(visit: &Visit, now: Timestamp) -> u32 {
    reason::waited_minutes(visit, now)
}

fn check_role(sender: &Sender, body: &RequestBody) -> Result<(), Rejection> {
    let (what, kiosk, counter, clerk) = match body {
        RequestBody::Hello => return Ok(()),
        RequestBody::CheckIn { .. } => ("check residents in", true, false, true),
        RequestBody::RecordPrint { .. } => ("report on tickets", true, false, false),
        RequestBody::AdmitPaperForm { .. } => ("bring in paper forms", true, false, true),
        RequestBody::OpenCounter { .. }
        | RequestBody::CloseCounter { .. }
        | RequestBody::CallNext { .. }
        | RequestBody::Recall { .. }
        | RequestBody::StartService { .. }
        | RequestBody::MarkNoShow { .. }
        | RequestBody::FinishVisit { .. } => ("work at a counter", false, true, true),
    };
    let (who, may) = match sender {
        Sender::Clerk => ("The counter's page", clerk),
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

fn check_in(
    office: &Office,
    command: &Command,
    service: &ServiceId,
    language: &Language,
    stamped: Timestamp,
    now: Timestamp,
    foresee: Foresee,
) -> Result<Vec<Event>, Rejection> {
    let info = known_service(office, service)?;
    let number = free_number(office, info.series)?;
    let arrival = arrival::by_server_clock(stamped, Some(command.sent_at), now);
    let newcomer = Newcomer {
        number,
        service,
        language,
        stamped,
        arrival,
        boot: command.boot,
        device: command.sender.device(),
        paper: None,
    };
    Ok(vec![queued(office, newcomer, foresee)])
}

/// Somebody to be put in the queue.
struct Newcomer<'a> {
    number: TicketNumber,
    service: &'a ServiceId,
    language: &'a Language,
    stamped: Timestamp,
    arrival: Arrival,
    boot: u64,
    device: Option<&'a DeviceId>,
    paper: Option<OnPaper>,
}

fn queued(office: &Office, newcomer: Newcomer<'_>, foresee: Foresee) -> Event {
    let visit = VisitId(office.last_visit().0 + 1);
    let arrived_at = newcomer.arrival.at;
    Event::VisitQueued(VisitQueued {
        visit,
        number: newcomer.number,
        service: newcomer.service.clone(),
        language: newcomer.language.clone(),
        arrived_at,
        device_arrived_at: newcomer.stamped,
        clock_behind_ms: i64::try_from(newcomer.arrival.clock_behind.as_millis())
            .unwrap_or(i64::MAX),
        boot: newcomer.boot,
        device: newcomer.device.cloned(),
        paper: newcomer.paper,
        ahead: ahead(office, newcomer.service, arrived_at, visit),
        promised_wait: foresee(office, newcomer.service, arrived_at),
    })
}

fn ahead(office: &Office, service: &ServiceId, arrived_at: Timestamp, visit: VisitId) -> u32 {
    let ahead = office.waiting_before(service, (arrived_at, visit));
    u32::try_from(ahead).unwrap_or(u32::MAX)
}

/// A paper form enters once, from whichever side it comes first.
///
/// If it replaced a check-in that had been done after all, that check-in's visit
/// is this resident: it takes the form's number and keeps what it is at, for
/// only the form is in the resident's hand. Was that visit closed meanwhile, the
/// form enters by itself: it was called by a number that nobody held.
fn admit(
    office: &Office,
    command: &Command,
    form: &PaperForm,
    replaces: Option<&CommandId>,
    now: Timestamp,
    foresee: Foresee,
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

fn record_print(
    office: &Office,
    sender: &Sender,
    visit: VisitId,
    result: PrintResult,
) -> Result<Vec<Event>, Rejection> {
    let known = office
        .visit(visit)
        .ok_or_else(|| rejection::unknown_visit(visit))?;
    if known.device.as_ref() != sender.device() {
        return Err(rejection::ticket_of_another_kiosk(visit));
    }
    if known.print == Some(result) {
        return Ok(Vec::new());
    }
    Ok(vec![Event::PrintRecorded { visit, result }])
}

fn open_counter(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    if office.plan().counter(counter).is_none() {
        return Err(rejection::unknown_counter(counter));
    }
    if office.counter(counter).is_some() {
        return Ok(Vec::new());
    }
    Ok(vec![Event::CounterOpened {
        counter: counter.clone(),
    }])
}

fn close_counter(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    known_counter(office, counter)?;
    match office.counter(counter) {
        None => Ok(Vec::new()),
        Some(OpenCounter::Free) => Ok(vec![Event::CounterClosed {
            counter: counter.clone(),
        }]),
        Some(OpenCounter::Busy(_)) => Err(busy(office, counter)),
    }
}

fn call_next(
    office: &Office,
    counter: &CounterId,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    known_counter(office, counter)?;
    let label = office.plan().counter_label(counter);
    match office.counter(counter) {
        None => return Err(rejection::counter_closed(label)),
        Some(OpenCounter::Busy(_)) => return Err(busy(office, counter)),
        Some(OpenCounter::Free) => {}
    }
    let next = office.next_for(counter, 1);
    let visit = next
        .first()
        .ok_or_else(|| rejection::nobody_waiting(label))?;
    Ok(vec![Event::VisitCalled {
        visit: visit.id,
        counter: counter.clone(),
        serial: office.last_serial() + 1,
        reason: reason_first(office, counter, visit, now),
    }])
}

fn recall(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    let visit = called_at(office, counter)?;
    Ok(vec![Event::VisitRecalled {
        visit,
        counter: counter.clone(),
        serial: office.last_serial() + 1,
    }])
}

fn start_service(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    let visit = called_at(office, counter)?;
    Ok(vec![Event::ServiceStarted {
        visit,
        counter: counter.clone(),
    }])
}

fn mark_no_show(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    let visit = called_at(office, counter)?;
    Ok(vec![Event::VisitNoShow {
        visit,
        counter: counter.clone(),
    }])
}

fn finish_visit(office: &Office, counter: &CounterId) -> Result<Vec<Event>, Rejection> {
    let visit = present_at(office, counter)?;
    match visit.state {
        VisitState::Serving { .. } => Ok(vec![Event::VisitFinished {
            visit: visit.id,
            counter: counter.clone(),
        }]),
        _ => Err(rejection::not_started(visit.number)),
    }
}

fn called_at(office: &Office, counter: &CounterId) -> Result<VisitId, Rejection> {
    let visit = present_at(office, counter)?;
    match visit.state {
        VisitState::Called { .. } => Ok(visit.id),
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

fn busy(office: &Office, counter: &CounterId) -> Rejection {
    let label = office.plan().counter_label(counter);
    match office.visit_at(counter) {
        Some(visit) => rejection::counter_busy(label, visit.number),
        None => rejection::counter_empty(label),
    }
}

/// A counter that the office file lost while it was open can still be cleared.
fn known_counter(office: &Office, counter: &CounterId) -> Result<(), Rejection> {
    if office.plan().counter(counter).is_some() || office.counter(counter).is_some() {
        Ok(())
    } else {
        Err(rejection::unknown_counter(counter))
    }
}

fn known_service<'a>(
    office: &'a Office,
    service: &ServiceId,
) -> Result<&'a ServiceInfo, Rejection> {
    let info = office.plan().service(service);
    info.ok_or_else(|| rejection::unknown_service(service))
}

fn free_number(office: &Office, series: Series) -> Result<TicketNumber, Rejection> {
    let number = office.next_number(series);
    number.ok_or_else(|| rejection::numbers_exhausted(series))
}
