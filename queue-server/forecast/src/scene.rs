//! The office's present state, as the simulation starts from it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use usher_office::Office;
use usher_office::plan::OfficePlan;
use usher_office::state::{CounterNow, OpenCounter};
use usher_office::visit::{Visit, VisitState};
use usher_protocol::{CounterId, VisitId};
use usher_waits::model::{Model, Prior};
use usher_waits::scene::{Counter, Doing, Pause, Scene, Services, Shift, Waiting};

use crate::order::OfficeOrder;

/// An office with more services than this is foreseen by the classical estimate.
pub const SERVICES_MAX: usize = Services::MAX;

/// With more people waiting than this, waits are foreseen by the classical
/// estimate: simulating them would take longer than the forecast is good for.
pub const WAITING_MAX: usize = 2_000;

/// Without opening hours, counters are taken to stay open for so long.
const NO_CLOSE_S: f64 = 12.0 * 3_600.0;

/// How long a break lasts if nobody said.
const BREAK_S: f64 = 15.0 * 60.0;

/// Residents get up, walk, sit down: from one visit's end to the next one's start.
const CHANGEOVER_S: f64 = 30.0;

/// Seconds of the office's own wall clock, of which the model takes day and hour.
#[must_use]
pub fn seconds(zone: &TimeZone, at: Timestamp) -> f64 {
    let offset = zone.to_offset(at).seconds();
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds since 1970 are exact in 53 bits"
    )]
    let seconds = at.as_millisecond() as f64 / 1_000.0;
    seconds + f64::from(offset)
}

/// A model for the services of `plan` that has seen nothing but the office file;
/// `None` if the office has more than [`SERVICES_MAX`].
#[must_use]
pub fn model_for(plan: &OfficePlan) -> Option<Model> {
    let usual = plan.info.services.iter();
    let usual_s: Vec<_> = usual
        .map(|info| Some(f64::from(info.usual_minutes) * 60.0))
        .collect();
    (usual_s.len() <= SERVICES_MAX).then(|| {
        Model::new(&Prior {
            usual_s,
            pooled_s: 600.0,
            changeover_s: CHANGEOVER_S,
        })
    })
}

/// The office at one moment, as far as a forecast needs it. A value: taken on one
/// thread, simulated on another.
#[derive(Debug, Clone, PartialEq)]
pub struct Present {
    now_s: f64,
    counters: Vec<Counter>,
    waiting: Vec<Waiting>,
    /// Who waits, in the same order.
    pub visits: Vec<VisitId>,
    /// How many wait for each service, in the order of the office file.
    pub waiting_for: Vec<usize>,
}

impl Present {
    /// The office at `now`; `None` if it is too large to be simulated, or nothing
    /// of it is open.
    #[must_use]
    pub fn of(office: &Office, now: Timestamp) -> Option<Self> {
        let plan = office.plan();
        let zone = &plan.time_zone;
        if office.waiting_count() > WAITING_MAX || plan.info.services.len() > SERVICES_MAX {
            return None;
        }
        let now_s = seconds(zone, now);
        let hours = plan.rules.hours.as_ref();
        let close_s = match hours.and_then(|hours| hours.closes(zone, now)) {
            Some(closes) => seconds(zone, closes),
            None => now_s + NO_CLOSE_S,
        };
        let mut counters = Vec::new();
        for (id, _) in office.open_counters() {
            if let Some(open) = office.counter_now(id) {
                counters.push(counter(office, id, open, now, close_s));
            }
        }
        if counters.is_empty() {
            return None;
        }
        let waiting = office.waiting().filter_map(|visit| {
            // A service that the office file lost is simulated for nobody.
            let waiting = Waiting {
                service: plan.service_position(&visit.service)?,
                class: OfficeOrder::class(visit.lane, visit.priority),
                since_s: seconds(zone, visit.since),
            };
            Some((waiting, visit.id))
        });
        let (waiting, visits) = waiting.unzip();
        let services = plan.info.services.iter();
        Some(Self {
            now_s,
            counters,
            waiting,
            visits,
            waiting_for: services.map(|info| office.waiting_for(&info.id)).collect(),
        })
    }

    /// What the simulation starts from: for those who wait, and for who would join
    /// each service.
    #[must_use]
    pub fn scene<'a>(&self, order: &'a OfficeOrder) -> Scene<'a> {
        let services = self.waiting_for.len();
        Scene {
            now_s: self.now_s,
            counters: self.counters.clone(),
            waiting: self.waiting.clone(),
            joiners: (0..services).collect(),
            discipline: Some(order),
            last_waits: vec![None; services],
        }
    }
}

fn counter(
    office: &Office,
    id: &CounterId,
    open: &CounterNow,
    now: Timestamp,
    close_s: f64,
) -> Counter {
    let plan = office.plan();
    let zone = &plan.time_zone;
    let now_s = seconds(zone, now);
    let mut services = Services::default();
    for service in office.services_at(id) {
        if let Some(position) = plan.service_position(service) {
            services.insert(position);
        }
    }
    let doing = match open.has {
        OpenCounter::Busy(visit) => serving(office.visit(visit), open, plan),
        OpenCounter::Free if office.waiting_at(id, now) > 0 => Doing::Idle {
            since_s: seconds(zone, open.since),
            after: Pause::Finish,
        },
        OpenCounter::Free | OpenCounter::OnBreak => Doing::Ready,
    };
    let open_s = match (open.has, open.break_until) {
        (OpenCounter::OnBreak, Some(until)) => seconds(zone, until).max(now_s + 1.0),
        (OpenCounter::OnBreak, None) => now_s + BREAK_S,
        _ => now_s - 1.0,
    };
    Counter {
        services,
        beyond_services: Services::default(),
        doing,
        shifts: vec![Shift {
            open_s,
            close_s: close_s.max(open_s + 60.0),
            services,
        }],
        beyond_plan: false,
    }
}

fn serving(visit: Option<&Visit>, open: &CounterNow, plan: &OfficePlan) -> Doing {
    let position = visit.and_then(|visit| plan.service_position(&visit.service));
    // A further service of the same visit began when the one before ended.
    let since = match visit.map(|visit| &visit.state) {
        Some(VisitState::Serving { started_at, .. })
            if visit.is_some_and(|visit| !visit.done.is_empty()) =>
        {
            *started_at
        }
        _ => open.since,
    };
    Doing::Serving {
        service: position.unwrap_or(0),
        since_s: seconds(&plan.time_zone, since),
    }
}
