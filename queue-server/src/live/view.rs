//! What screens show of the office, at one moment.
//!
//! A view is a value: built once for each batch of commands, shared by all who
//! show it. Building it costs the length of what is shown, not of the history.

use std::sync::{Arc, PoisonError};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use usher_protocol::message::{
    CALLS_SHOWN_MAX, Call, Calls, DeviceStatus, HoldReason, Needs, OfficeInfo, PrintResult, Role,
    ServiceWait, WaitRange, Waits,
};
use usher_protocol::{ClerkId, CounterId, DeviceId, Language, ServiceId, TicketNumber, VisitId};

use usher_forecast::{Latest, told};

use crate::estimate::Staffing;
use crate::live::handle::DeviceReports;
use crate::office::Office;
use crate::office::policy::Lane;
use crate::office::reason::{self, waited_minutes};
use crate::office::state::OpenCounter;
use crate::office::visit::{CallMade, Visit, VisitState};

/// How many waiting visits [`OfficeView::waiting`] lists.
pub const WAITING_LISTED_MAX: usize = 500;

/// How many visits [`CounterView::next_up`] lists.
pub const NEXT_UP_MAX: usize = 5;

/// How many matters [`OfficeView::attention`] lists. Beyond it the oldest is
/// dropped; all are in the program's log.
pub const ATTENTION_MAX: usize = 20;

/// What screens show of the office, at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OfficeView {
    /// The last event that this view knows of.
    pub sequence: u64,
    /// When this was true, by the server's clock.
    pub as_of: Timestamp,
    /// Whether commands can be stored. If not, the office works on paper.
    pub accepting: bool,
    /// Why commands cannot be stored, for staff.
    pub trouble: Option<String>,
    /// What the office file says.
    #[serde(serialize_with = "shared")]
    pub info: Arc<OfficeInfo>,
    /// How many wait for each service, and how long.
    pub waits: Waits,
    /// Who is called where, newest first.
    pub calls: Calls,
    /// Every counter, in the order of the office file.
    pub counters: Vec<CounterView>,
    /// Who waits, in order of arrival: the first [`WAITING_LISTED_MAX`].
    pub waiting: Vec<WaitingVisit>,
    /// How many wait in all.
    pub waiting_total: u32,
    /// Who is on hold, by visit: the first [`WAITING_LISTED_MAX`].
    pub on_hold: Vec<HeldVisit>,
    /// Every device of the office file.
    pub devices: Vec<DeviceView>,
    /// Visits finished since the day started.
    pub served_today: u32,
    /// What staff have to look at, oldest first; at most [`ATTENTION_MAX`].
    pub attention: Vec<Attention>,
}

fn shared<S: Serializer>(info: &Arc<OfficeInfo>, to: S) -> Result<S::Ok, S::Error> {
    info.as_ref().serialize(to)
}

/// Something that the office cannot put right without a person. Gone after a
/// restart of the server, and with the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Attention {
    /// When it came up, by the server's clock.
    pub at: Timestamp,
    /// The device that it is about, if it is about one.
    pub device: Option<DeviceId>,
    /// What is the matter and what to do, for staff.
    pub text: String,
}

/// What a counter does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CounterState {
    /// Nobody serves here.
    Closed,
    /// Open, with no visit.
    Free,
    /// Its clerk has a break.
    OnBreak,
    /// A visit was called and has not come yet.
    Called,
    /// A visit is being served.
    Serving,
}

/// One counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CounterView {
    /// The counter.
    pub id: CounterId,
    /// What stands above it: `5`.
    pub label: String,
    /// What it does.
    pub state: CounterState,
    /// Since when, if it is open.
    pub since: Option<Timestamp>,
    /// Until when its break was to last, if that was told.
    pub break_until: Option<Timestamp>,
    /// Who serves there, if that was told.
    pub clerk: Option<ClerkId>,
    /// The services it serves now.
    pub services: Vec<ServiceId>,
    /// The visit that it has: when `state` is called or serving.
    pub visit: Option<CounterVisit>,
    /// Who would be called here next: at most [`NEXT_UP_MAX`].
    pub next_up: Vec<NextUp>,
    /// How many wait for the services of this counter.
    pub waiting: u32,
}

/// The visit at a counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CounterVisit {
    /// The visit.
    pub visit: VisitId,
    /// Its number.
    pub number: TicketNumber,
    /// Its service.
    pub service: ServiceId,
    /// The resident's language.
    pub language: Language,
    /// When the resident arrived.
    pub arrived_at: Timestamp,
    /// When it was called (last, if it was recalled).
    pub called_at: Timestamp,
    /// When service started, once it has.
    pub started_at: Option<Timestamp>,
    /// 1, and one more for each recall.
    pub times_called: u32,
    /// Why this visit was called and no other.
    pub reason: String,
    /// How its ticket was printed.
    pub print: PrintState,
    /// Whether the resident holds a paper form, not a ticket.
    pub on_paper: bool,
    /// Another visit of today that holds the same number; see [`WaitingVisit::same_number_as`].
    pub same_number_as: Option<VisitId>,
    /// What comes after this service in the same visit.
    pub then: Vec<ServiceId>,
    /// How many people came together.
    pub party: u8,
    /// What the resident needs.
    pub needs: Needs,
    /// What the last clerk wrote for this one.
    pub note: Option<String>,
}

/// Somebody on hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldVisit {
    /// The visit.
    pub visit: VisitId,
    /// Its number.
    pub number: TicketNumber,
    /// Its service.
    pub service: ServiceId,
    /// The counter that set it aside.
    pub counter: CounterId,
    /// Why.
    pub reason: HoldReason,
    /// Since when.
    pub since: Timestamp,
}

/// Somebody who would be called at a counter soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextUp {
    /// The visit.
    pub visit: VisitId,
    /// Its number.
    pub number: TicketNumber,
    /// Its service.
    pub service: ServiceId,
    /// When the resident arrived.
    pub arrived_at: Timestamp,
    /// How long it has waited, whole minutes.
    pub waited_minutes: u32,
    /// Why it stands at this place, in words for the clerk.
    pub reason: String,
    /// Whether the resident holds a paper form, not a ticket.
    pub on_paper: bool,
}

/// Somebody who waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitingVisit {
    /// The visit.
    pub visit: VisitId,
    /// Its number.
    pub number: TicketNumber,
    /// Its service.
    pub service: ServiceId,
    /// The resident's language.
    pub language: Language,
    /// When the resident arrived.
    pub arrived_at: Timestamp,
    /// The wait that was promised at check-in.
    pub promised_wait: Option<WaitRange>,
    /// How long it still waits, as far as is foreseen.
    pub expected_wait: Option<WaitRange>,
    /// Whether the resident holds a paper form, not a ticket.
    pub on_paper: bool,
    /// How its ticket was printed.
    pub print: PrintState,
    /// Another visit of today whose paper has the same number, because its
    /// kiosk lost its journal: ask the resident for the time on the paper.
    pub same_number_as: Option<VisitId>,
    /// The time agreed, if it waits by appointment.
    pub appointment_at: Option<Timestamp>,
    /// Lets others go first until then.
    pub ready_at: Option<Timestamp>,
    /// Waits for this counter only.
    pub only_at: Option<CounterId>,
    /// The class of priority, 1 (first) to 3.
    pub priority: u8,
    /// What the resident needs.
    pub needs: Needs,
}

/// How a ticket was printed, as far as is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrintState {
    /// The kiosk has not said yet.
    Pending,
    /// It came out.
    Printed,
    /// It did not; the resident was shown the number.
    NotPrinted,
    /// It may have come out; somebody should look.
    Unknown,
}

impl From<Option<PrintResult>> for PrintState {
    fn from(result: Option<PrintResult>) -> Self {
        match result {
            None => Self::Pending,
            Some(PrintResult::Printed) => Self::Printed,
            Some(PrintResult::NotPrinted { .. }) => Self::NotPrinted,
            Some(PrintResult::Unknown { .. }) => Self::Unknown,
        }
    }
}

/// One device, as it told of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceView {
    /// The device.
    pub id: DeviceId,
    /// What the office file lets it do.
    pub role: Role,
    /// Whether it is connected; `None` if it has told nothing since the server started.
    pub online: Option<bool>,
    /// Its program's version.
    pub version: Option<String>,
    /// How its parts are.
    pub status: Option<DeviceStatus>,
    /// When it told the latest of this, by the server's clock.
    pub reported_at: Option<Timestamp>,
}

/// What a view shows beside the office's own state.
pub(crate) struct Condition<'a> {
    /// Why commands cannot be stored.
    pub(crate) trouble: Option<&'a str>,
    /// The devices of the office file.
    pub(crate) devices: &'a [(DeviceId, Role)],
    /// What they told.
    pub(crate) reports: &'a DeviceReports,
    /// What staff have to look at.
    pub(crate) attention: Vec<Attention>,
    /// What is foreseen.
    pub(crate) latest: &'a Latest,
}

/// The view of `office` at `now`.
pub(crate) fn view_of(office: &Office, condition: Condition<'_>, now: Timestamp) -> OfficeView {
    OfficeView {
        sequence: office.sequence(),
        as_of: now,
        accepting: condition.trouble.is_none(),
        trouble: condition.trouble.map(str::to_owned),
        info: Arc::clone(&office.plan().info),
        waits: waits(office, condition.latest, now),
        calls: calls(office, now),
        counters: counters(office, now),
        waiting: office
            .waiting()
            .take(WAITING_LISTED_MAX)
            .map(|visit| waiting_visit(visit, condition.latest.rest_of(visit.id, now)))
            .collect(),
        waiting_total: count(office.waiting_count()),
        on_hold: office
            .on_hold()
            .take(WAITING_LISTED_MAX)
            .filter_map(held_visit)
            .collect(),
        devices: devices(&condition),
        served_today: office.served_today(),
        attention: condition.attention,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn waits(office: &Office, latest: &Latest, now: Timestamp) -> Waits {
    let staffing = Staffing::of(office, now);
    let services = (0..).zip(&office.plan().info.services);
    let services = services.map(|(position, info)| ServiceWait {
        service: info.id.clone(),
        waiting: count(office.waiting_for(&info.id)),
        counters_open: count(staffing.counters_open(position)),
        wait: staffing.wait(position).map(|classical| {
            let promise = latest.promise(&info.id, office.waiting_for(&info.id), now);
            promise.map_or(classical, |promise| told(&promise.forecast, false).wait)
        }),
    });
    Waits {
        as_of: now,
        services: services.collect(),
    }
}

fn calls(office: &Office, now: Timestamp) -> Calls {
    let calls = office
        .open_counters()
        .filter_map(|(id, _)| office.visit_at(id))
        .filter_map(|visit| Some(call(office, visit, visit.state.call()?)));
    Calls {
        as_of: now,
        calls: shown(calls.collect()),
    }
}

/// The newest first, at most [`CALLS_SHOWN_MAX`].
fn shown(mut calls: Vec<Call>) -> Vec<Call> {
    // If not all have room, those who are at their counter already need it least.
    calls.sort_unstable_by_key(|call| (call.serving, std::cmp::Reverse(call.serial)));
    calls.truncate(CALLS_SHOWN_MAX);
    calls.sort_unstable_by_key(|call| std::cmp::Reverse(call.serial));
    calls
}

fn call(office: &Office, visit: &Visit, made: &CallMade) -> Call {
    Call {
        serial: made.serial,
        number: visit.number,
        counter: made.counter.clone(),
        counter_label: office.plan().counter_label(&made.counter).to_owned(),
        service: visit.service.clone(),
        language: visit.language.clone(),
        called_at: made.at,
        times_called: made.times,
        serving: matches!(visit.state, VisitState::Serving { .. }),
    }
}

/// The counters of the office file, then those that it lost while they were open.
fn counters(office: &Office, now: Timestamp) -> Vec<CounterView> {
    let plan = office.plan();
    let in_file = plan.info.counters.iter().map(|counter| &counter.id);
    let lost = office.open_counters().map(|(id, _)| id);
    let lost = lost.filter(|id| plan.counter(id).is_none());
    in_file
        .chain(lost)
        .map(|id| counter_view(office, id, now))
        .collect()
}

fn counter_view(office: &Office, id: &CounterId, now: Timestamp) -> CounterView {
    let plan = office.plan();
    let visit = office.visit_at(id);
    let state = match (office.counter(id), visit.map(|visit| &visit.state)) {
        (None, _) => CounterState::Closed,
        (Some(OpenCounter::Free), _) | (Some(OpenCounter::Busy(_)), None) => CounterState::Free,
        (Some(OpenCounter::OnBreak), _) => CounterState::OnBreak,
        (Some(OpenCounter::Busy(_)), Some(VisitState::Serving { .. })) => CounterState::Serving,
        (Some(OpenCounter::Busy(_)), Some(_)) => CounterState::Called,
    };
    let open = office.counter_now(id);
    let next = office.next_for(id, now, NEXT_UP_MAX);
    let next_up = (1..).zip(&next).map(|(rank, chosen)| NextUp {
        visit: chosen.visit.id,
        number: chosen.visit.number,
        service: chosen.visit.service.clone(),
        arrived_at: chosen.visit.arrived_at,
        waited_minutes: waited_minutes(chosen.visit, now),
        reason: reason::ranked(office, id, chosen, rank, now),
        on_paper: chosen.visit.on_paper,
    });
    CounterView {
        id: id.clone(),
        label: plan.counter_label(id).to_owned(),
        state,
        since: open.map(|open| open.since),
        break_until: open.and_then(|open| open.break_until),
        clerk: open.and_then(|open| open.clerk.clone()),
        services: office.services_at(id).cloned().collect(),
        visit: visit.and_then(counter_visit),
        next_up: next_up.collect(),
        waiting: count(office.waiting_at(id, now)),
    }
}

fn held_visit(visit: &Visit) -> Option<HeldVisit> {
    let VisitState::OnHold {
        counter,
        since,
        reason,
    } = &visit.state
    else {
        return None;
    };
    Some(HeldVisit {
        visit: visit.id,
        number: visit.number,
        service: visit.service.clone(),
        counter: counter.clone(),
        reason: *reason,
        since: *since,
    })
}

fn counter_visit(visit: &Visit) -> Option<CounterVisit> {
    let call = visit.state.call()?;
    let started_at = match visit.state {
        VisitState::Serving { started_at, .. } => Some(started_at),
        _ => None,
    };
    Some(CounterVisit {
        visit: visit.id,
        number: visit.number,
        service: visit.service.clone(),
        language: visit.language.clone(),
        arrived_at: visit.arrived_at,
        called_at: call.at,
        started_at,
        times_called: call.times,
        reason: call.reason.clone(),
        print: visit.print.into(),
        on_paper: visit.on_paper,
        same_number_as: visit.same_number_as,
        then: visit.then.clone(),
        party: visit.party,
        needs: visit.needs.clone(),
        note: visit.note.clone(),
    })
}

fn waiting_visit(visit: &Visit, expected_wait: Option<WaitRange>) -> WaitingVisit {
    WaitingVisit {
        visit: visit.id,
        number: visit.number,
        service: visit.service.clone(),
        language: visit.language.clone(),
        arrived_at: visit.arrived_at,
        promised_wait: visit.promised_wait,
        expected_wait,
        on_paper: visit.on_paper,
        print: visit.print.into(),
        same_number_as: visit.same_number_as,
        appointment_at: (visit.lane == Lane::Appointment).then_some(visit.since),
        ready_at: visit.ready_at,
        only_at: visit.only_at.clone(),
        priority: visit.priority,
        needs: visit.needs.clone(),
    }
}

fn devices(condition: &Condition<'_>) -> Vec<DeviceView> {
    let reports = condition
        .reports
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let view = |(id, role): &(DeviceId, Role)| {
        let latest = reports.get(id).cloned().unwrap_or_default();
        DeviceView {
            id: id.clone(),
            role: *role,
            online: latest.presence.as_ref().map(|presence| presence.online),
            version: latest.presence.map(|presence| presence.version),
            status: latest.status,
            reported_at: latest.at,
        }
    };
    condition.devices.iter().map(view).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fake_office::sample_call;

    #[test]
    fn whoever_is_on_the_way_is_shown_before_those_who_are_at_the_counter() {
        let max = u64::try_from(CALLS_SHOWN_MAX).unwrap();
        let call = |serial, serving| Call {
            serving,
            ..sample_call(serial)
        };
        // The two oldest are the only ones that have not come yet.
        let calls = (1..=max + 5).map(|serial| call(serial, serial > 2));
        let shown = shown(calls.collect());
        assert_eq!(shown.len(), CALLS_SHOWN_MAX);
        let last_two: Vec<u64> = shown.iter().rev().take(2).map(|call| call.serial).collect();
        assert_eq!(last_two, [1, 2]);
        assert!(shown.is_sorted_by(|a, b| a.serial > b.serial));
        assert_eq!(shown[0].serial, max + 5);
    }
}
