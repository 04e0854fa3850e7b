//! The auditor: reads the log record by record, and compares with the office.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use usher_office::event::{Event, Record};
use usher_office::plan::OfficePlan;
use usher_office::policy::{Appointments, Lane};
use usher_protocol::message::RequestBody;
use usher_protocol::{AppointmentCode, CommandId, CounterId, ServiceId, TicketNumber};

use super::next::Room;
use super::state::{Desk, Known};
use super::{Broken, ensure};
use crate::world::{MINUTE, Millis};

/// How long a visit that joined is not sent away by the start of a day.
const PRESENT: Millis = 180 * MINUTE;

/// How many days a form's id is remembered.
const FORM_DAYS: i32 = 31;

/// A form that has entered.
#[derive(Debug, Clone)]
pub(super) struct FormKnown {
    pub(super) visit: u64,
    /// The office's day on which it entered.
    day: Date,
}

/// What was asked, as its sender knows it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What.
    pub body: RequestBody,
    /// When the resident touched the button, true time, if a kiosk whose clock has
    /// kept its error since tells it.
    pub true_arrival: Option<Millis>,
}

/// The model of the office.
#[derive(Debug, Clone)]
pub struct Ledger {
    pub(super) plan: Arc<OfficePlan>,
    pub(super) day: Option<Date>,
    pub(super) length: u64,
    last_at: Option<Timestamp>,
    pub(super) last_visit: u64,
    pub(super) last_serial: u64,
    pub(super) finished_today: u32,
    pub(super) owed: i32,
    pub(super) visits: BTreeMap<u64, Known>,
    pub(super) of_today: BTreeSet<u64>,
    pub(super) desks: BTreeMap<CounterId, Desk>,
    pub(super) given: BTreeMap<TicketNumber, u64>,
    pub(super) suspended: BTreeSet<ServiceId>,
    pub(super) by_code: BTreeMap<AppointmentCode, u64>,
    happened: BTreeMap<CommandId, (u32, u32)>,
    days_started: u32,
    pub(super) forms: BTreeMap<CommandId, FormKnown>,
    made_by: BTreeMap<CommandId, u64>,
    replaced_at_counter: BTreeSet<CommandId>,
    joined: BTreeMap<u64, (Millis, u64)>,
    /// What was asked under each command id.
    pub asked: BTreeMap<CommandId, Vec<Asked>>,
    /// How often each kind of event was seen, and calls by the policy checked.
    pub tally: BTreeMap<&'static str, u64>,
}

/// When a record was stored, in truth.
#[derive(Debug, Clone, Copy)]
pub struct When {
    /// True time.
    pub now: Millis,
    /// How far the server's wall clock is ahead of it.
    pub ahead: Millis,
    /// Which run of the program it was.
    pub run: u64,
}

impl Ledger {
    /// The model of an office in which nothing has happened.
    #[must_use]
    pub fn new(plan: Arc<OfficePlan>) -> Self {
        Self {
            plan,
            day: None,
            length: 0,
            last_at: None,
            last_visit: 0,
            last_serial: 0,
            finished_today: 0,
            owed: 0,
            visits: BTreeMap::new(),
            of_today: BTreeSet::new(),
            desks: BTreeMap::new(),
            given: BTreeMap::new(),
            suspended: BTreeSet::new(),
            by_code: BTreeMap::new(),
            happened: BTreeMap::new(),
            days_started: 0,
            forms: BTreeMap::new(),
            made_by: BTreeMap::new(),
            replaced_at_counter: BTreeSet::new(),
            joined: BTreeMap::new(),
            asked: BTreeMap::new(),
            tally: BTreeMap::new(),
        }
    }

    /// The visit of this id, of today or the day before.
    #[must_use]
    pub fn visit(&self, id: u64) -> Option<&Known> {
        self.visits.get(&id)
    }

    /// How many events came of this command, as long as that is remembered.
    #[must_use]
    pub fn events_of(&self, command: &CommandId) -> u32 {
        let happened = self.happened.get(command);
        let known = happened.filter(|(_, day)| self.days_started - day < 2);
        known.map_or(0, |(times, _)| *times)
    }

    /// How many days have started.
    #[must_use]
    pub fn days_started(&self) -> u32 {
        self.days_started
    }

    /// The visit that a check-in made.
    #[must_use]
    pub fn visit_of(&self, command: &CommandId) -> Option<u64> {
        self.made_by.get(command).copied()
    }

    /// The visit that a paper form is.
    #[must_use]
    pub fn visit_of_form(&self, form: &CommandId) -> Option<u64> {
        self.forms.get(form).map(|known| known.visit)
    }

    /// Whether the check-in's visit was at a counter, or over, when a form turned out
    /// to have replaced it: then it stays as it is.
    #[must_use]
    pub fn was_at_counter_when_replaced(&self, check_in: &CommandId) -> bool {
        self.replaced_at_counter.contains(check_in)
    }

    pub(super) fn room(&self, now: Timestamp) -> Room<'_> {
        Room {
            plan: &self.plan,
            visits: &self.visits,
            desks: &self.desks,
            owed: self.owed,
            now,
        }
    }

    /// Takes in what became durable.
    ///
    /// # Errors
    /// [`Broken`] if it breaks a promise.
    pub fn take(&mut self, record: &Record, when: When) -> Result<(), Broken> {
        self.length += 1;
        let length = self.length;
        ensure(record.sequence == length, "the log has no gaps", || {
            format!("event {} stands at {length}", record.sequence)
        })?;
        if matches!(record.event, Event::DayStarted { .. }) {
            self.days_started += 1;
        }
        let days = self.days_started;
        let happened = self.happened.entry(record.command.clone());
        let (times, last) = happened.or_insert((0, days));
        // Ids are remembered for two days, those of forms for a month.
        if days - *last >= 2 && !record.command.as_str().starts_with("form-") {
            *times = 0;
        }
        *times += 1;
        *last = days;
        let may_be_told_later = matches!(record.event, Event::CheckInReplaced { .. });
        ensure(
            *times == 1 || (may_be_told_later && *times == 2),
            "a command happens once",
            || format!("{} again at {length}: {:?}", record.command, record.event),
        )?;
        if let Event::ClockSetBack { by_ms } = record.event {
            self.put_back(record.at, by_ms)?;
        }
        self.last_at = Some(record.at);
        for visit in self.visits.values_mut() {
            if visit.ready_at.is_some_and(|until| until <= record.at) {
                visit.ready_at = None;
            }
        }
        self.note_joining(record, when);
        self.note_arrival(record, when)?;
        self.start_day(record, when)?;
        self.move_by(record)
    }

    /// Times of people who are here do not lie in the future because the clock was
    /// put back.
    fn put_back(&mut self, at: Timestamp, step: i64) -> Result<(), Broken> {
        let seen = self
            .last_at
            .map_or(0, |last| last.as_millisecond() - at.as_millisecond());
        ensure(
            step == seen && step > 60_000,
            "the clock went back so far",
            || format!("{step} ms, and not {seen}"),
        )?;
        let back = |time: Timestamp| {
            if time <= at {
                return time;
            }
            let earlier = time.as_millisecond() - step;
            Timestamp::from_millisecond(earlier.min(at.as_millisecond())).unwrap_or(at)
        };
        for visit in self
            .visits
            .values_mut()
            .filter(|visit| visit.stands.is_here())
        {
            visit.arrived_at = back(visit.arrived_at);
            visit.stands_since = back(visit.stands_since);
            if visit.lane == Lane::WalkIn {
                visit.since = back(visit.since);
            }
            let rests_for = visit
                .ready_at
                .map_or(0, |ready| ready.as_millisecond() - at.as_millisecond());
            if rests_for > 3_600_000 {
                visit.ready_at = visit.ready_at.map(back);
            }
        }
        Ok(())
    }

    fn note_joining(&mut self, record: &Record, when: When) {
        match &record.event {
            Event::VisitQueued(queued) => {
                self.joined.insert(queued.visit.0, (when.now, when.run));
                self.made_by.insert(record.command.clone(), queued.visit.0);
            }
            Event::VisitNoShow { visit, .. }
            | Event::VisitFinished { visit, .. }
            | Event::VisitLeft { visit } => {
                self.joined.remove(&visit.0);
            }
            _ => {}
        }
        if let Event::CheckInReplaced {
            check_in,
            withdrawn: None,
            ..
        } = &record.event
        {
            self.replaced_at_counter.insert(check_in.clone());
        }
        if let Event::DayStarted { left_at_close, .. } = &record.event {
            let left: BTreeSet<u64> = left_at_close.iter().map(|visit| visit.0).collect();
            self.joined.retain(|visit, _| {
                self.visits
                    .get(visit)
                    .is_some_and(|known| known.stands.is_open())
                    || left.contains(visit)
            });
        }
        *self.tally.entry(kind(&record.event)).or_default() += 1;
    }

    /// A kiosk's clock may be wrong; the arrival is never made earlier by it, nor
    /// later than now.
    fn note_arrival(&self, record: &Record, when: When) -> Result<(), Broken> {
        let Event::VisitQueued(queued) = &record.event else {
            return Ok(());
        };
        ensure(
            queued.arrived_at <= record.at,
            "nobody arrives in the future",
            || {
                format!(
                    "{} arrived at {} of {}",
                    queued.visit, queued.arrived_at, record.at
                )
            },
        )?;
        let asked = self.asked.get(&record.command);
        let Some(
            [
                Asked {
                    true_arrival: Some(arrival),
                    ..
                },
            ],
        ) = asked.map(Vec::as_slice)
        else {
            return Ok(());
        };
        let earliest = arrival + when.ahead - 2_000;
        ensure(
            queued.arrived_at.as_millisecond() >= earliest,
            "a wrong clock makes nobody arrive earlier",
            || {
                format!(
                    "{} at {}, in truth {arrival}",
                    queued.visit, queued.arrived_at
                )
            },
        )
    }

    pub(super) fn note_form(&mut self, form: &CommandId, visit: u64) -> Result<(), Broken> {
        let today = self.day.unwrap_or(Date::MIN);
        let known = FormKnown { visit, day: today };
        let before = self.forms.insert(form.clone(), known);
        let oldest = today.saturating_sub(FORM_DAYS.days());
        let is_new = before.as_ref().is_none_or(|known| known.day < oldest);
        ensure(is_new, "a paper form enters once", || {
            format!("{form} as visit {visit} and {before:?}")
        })
    }

    /// Nobody who joined a short time ago is sent away by the start of a day.
    pub(super) fn may_leave_at_close(&self, visit: u64, when: When) -> bool {
        self.joined
            .get(&visit)
            .is_none_or(|(at, run)| *run != when.run || when.now - at >= PRESENT)
    }

    /// The share of calls for appointments that the policy has now.
    pub(super) fn share(&self) -> Option<u8> {
        match self.plan.rules.policy.appointments {
            Appointments::Share { percent } => Some(percent),
            _ => None,
        }
    }
}

fn kind(event: &Event) -> &'static str {
    match event {
        Event::DayStarted { .. } => "day started",
        Event::VisitQueued(queued) if queued.paper.is_some() => "form entered",
        Event::VisitQueued(queued) if queued.appointment.is_some() => "appointment came",
        Event::VisitQueued(_) => "walk-in came",
        Event::VisitRenumbered(_) => "renumbered",
        Event::CheckInReplaced { .. } => "check-in replaced",
        Event::PrintRecorded { .. } => "print recorded",
        Event::CounterOpened { .. } => "counter opened",
        Event::CounterClosed { .. } => "counter closed",
        Event::BreakStarted { .. } => "break started",
        Event::BreakEnded { .. } => "break ended",
        Event::ServicesChanged { .. } => "services changed",
        Event::VisitCalled { .. } => "called",
        Event::VisitRecalled { .. } => "recalled",
        Event::ServiceStarted { .. } => "started",
        Event::VisitFinished { .. } => "finished",
        Event::ServiceFinished { .. } => "service finished",
        Event::VisitNoShow { .. } => "no-show",
        Event::VisitHeld { .. } => "held",
        Event::VisitResumed { .. } => "resumed",
        Event::VisitTransferred { .. } => "transferred",
        Event::VisitReturned { .. } => "returned",
        Event::VisitPostponed { .. } => "postponed",
        Event::VisitLeft { .. } => "left",
        Event::ServiceAdded { .. } => "service added",
        Event::ServiceChanged { .. } => "service changed",
        Event::VisitReopened { .. } => "reopened",
        Event::Undone { .. } => "undone",
        Event::ClockSetBack { .. } => "clock set back",
        Event::ServiceSuspended { .. } => "service suspended",
        Event::ServiceOffered { .. } => "service offered",
        Event::AppointmentBooked { .. } => "booked",
        Event::AppointmentCancelled { .. } => "cancelled",
    }
}
