//! The present state of an office, as the simulation starts from it.

use serde::{Deserialize, Serialize};

/// Services by index, as a set of bits: at most [`Services::MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Services(pub u64);

impl Services {
    /// How many services an office may have.
    pub const MAX: usize = 64;

    /// The set of these indexes.
    #[must_use]
    pub fn of(services: &[usize]) -> Self {
        let mut set = Self::default();
        for service in services {
            set.insert(*service);
        }
        set
    }

    /// Adds a service. An index of [`Services::MAX`] or more is a bug.
    pub fn insert(&mut self, service: usize) {
        assert!(service < Self::MAX, "service {service} of {}", Self::MAX);
        self.0 |= 1 << service;
    }

    /// Whether the service is one of them.
    #[must_use]
    pub fn contains(self, service: usize) -> bool {
        service < Self::MAX && self.0 >> service & 1 == 1
    }

    /// Both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the two have a service in common.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// A visit that waits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waiting {
    /// Index of its service.
    pub service: usize,
    /// Class within the service (0 where there is one only), for the discipline.
    pub class: u8,
    /// When it arrived, in seconds.
    pub since_s: f64,
}

/// A time for which a counter is on the plan, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    /// When the counter opens.
    pub open_s: f64,
    /// When it stops calling.
    pub close_s: f64,
    /// The services it calls meanwhile.
    pub services: Services,
}

/// What a counter is doing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Doing {
    /// It has a visit since then.
    Serving {
        /// Index of the visit's service.
        service: usize,
        /// When it was called, in seconds.
        since_s: f64,
    },
    /// It has nobody, although somebody waits whom it serves.
    Idle {
        /// Since when it could have called, in seconds.
        since_s: f64,
        /// What it could have called upon.
        after: Pause,
    },
    /// It has nobody, and nobody waits whom it serves.
    Ready,
}

/// What comes before a call that could have been made at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pause {
    /// The last visit's end, with others waiting: a changeover or a break.
    Finish,
    /// An arrival at a counter without a visit.
    Arrival,
    /// The opening by the plan, with somebody waiting.
    Opening,
}

/// A counter.
#[derive(Debug, Clone, PartialEq)]
pub struct Counter {
    /// The services it calls now; without a shift, those it is known to call.
    pub services: Services,
    /// Services it was seen to call beyond its plan.
    pub beyond_services: Services,
    /// What it is doing.
    pub doing: Doing,
    /// The present shift and later ones, in order; while it serves a visit past a
    /// shift's close, that shift too.
    pub shifts: Vec<Shift>,
    /// Whether it called lately although no shift says that it is there.
    pub beyond_plan: bool,
}

impl Counter {
    /// Whether the counter is there now: by its plan, or by what it does.
    #[must_use]
    pub fn is_present(&self, now_s: f64) -> bool {
        self.beyond_plan
            || matches!(self.doing, Doing::Serving { .. })
            || self
                .shifts
                .iter()
                .any(|shift| shift.open_s <= now_s && now_s < shift.close_s)
    }
}

/// How urgent a waiting visit is; the greatest urgency is called first.
///
/// Heads of the first-come lines of each service and class are compared, so
/// within one service and class arrival order holds.
pub trait Discipline {
    /// Urgency of a visit at a time in seconds.
    fn urgency(&self, visit: &Waiting, now_s: f64) -> f64;

    /// Whether one who comes later may be called before; if not, nobody who has not
    /// come yet needs to be foreseen, which is much faster.
    fn overtakes(&self) -> bool {
        true
    }
}

/// First come, first called, across all services.
#[derive(Debug, Clone, Copy)]
pub struct ArrivalOrder;

impl Discipline for ArrivalOrder {
    fn urgency(&self, visit: &Waiting, now_s: f64) -> f64 {
        now_s - visit.since_s
    }

    fn overtakes(&self) -> bool {
        false
    }
}

/// The longest wait relative to its service's target goes first; whoever waited
/// beyond a bound goes before all others, by arrival.
#[derive(Debug, Clone)]
pub struct TargetWait {
    /// Target wait of each service, in seconds.
    pub targets_s: Vec<f64>,
    /// The longest wait that anybody may have because of others' targets.
    pub bound_s: f64,
}

impl Discipline for TargetWait {
    fn urgency(&self, visit: &Waiting, now_s: f64) -> f64 {
        let waited = now_s - visit.since_s;
        let target = self.targets_s.get(visit.service).copied().unwrap_or(900.0);
        beyond_bound(waited, self.bound_s).unwrap_or(waited / target.max(1.0))
    }
}

/// The lowest class first, by arrival within a class; whoever waited beyond a
/// bound goes before all others.
#[derive(Debug, Clone, Copy)]
pub struct Classes {
    /// The longest wait that anybody may have because of others' class.
    pub bound_s: f64,
}

impl Discipline for Classes {
    fn urgency(&self, visit: &Waiting, now_s: f64) -> f64 {
        let waited = now_s - visit.since_s;
        // A class is worth more than any wait below the bound of a month.
        beyond_bound(waited, self.bound_s).unwrap_or(waited - 3e6 * f64::from(visit.class))
    }
}

fn beyond_bound(waited_s: f64, bound_s: f64) -> Option<f64> {
    (waited_s > bound_s).then_some(1e12 + waited_s)
}

/// The present state of an office.
pub struct Scene<'a> {
    /// Now, in seconds; day and hour are taken from it (86,400 a day).
    pub now_s: f64,
    /// The counters.
    pub counters: Vec<Counter>,
    /// Who waits, by arrival.
    pub waiting: Vec<Waiting>,
    /// Services for which a resident who joined now would like to know the wait.
    pub joiners: Vec<usize>,
    /// The rule of calling; `None` if it has to be learned from the calls.
    pub discipline: Option<&'a dyn Discipline>,
    /// By service: when the last call was, and the wait of that visit, in seconds.
    pub last_waits: Vec<Option<(f64, f64)>>,
}
