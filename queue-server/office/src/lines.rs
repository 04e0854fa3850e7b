//! Those who wait, indexed so that joining, leaving and finding the next cost
//! O(log n) of those waiting and nothing of the history.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use usher_protocol::{CounterId, Language, ServiceId, VisitId};

use crate::policy::Lane;
use crate::visit::Visit;

/// A place in the queue: since when the wait counts, and by visit among equals.
pub type Place = (Timestamp, VisitId);

/// Those who are alike in all that decides who is next, but for their place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineKey {
    /// What they wait for.
    pub service: ServiceId,
    /// By appointment or not.
    pub lane: Lane,
    /// The class of priority, 1 to 3.
    pub priority: u8,
    /// They were sent to this counter.
    pub only_at: Option<CounterId>,
    /// They need an interpreter for this language.
    pub interpreter: Option<Language>,
    /// They need a counter that a wheelchair can come to.
    pub wheelchair: bool,
    /// They need a quiet counter.
    pub quiet: bool,
}

impl LineKey {
    /// The line of `visit`.
    #[must_use]
    pub fn of(visit: &Visit) -> Self {
        Self {
            service: visit.service.clone(),
            lane: visit.lane,
            priority: visit.priority,
            only_at: visit.only_at.clone(),
            interpreter: visit.needs.interpreter.clone(),
            wheelchair: visit.needs.wheelchair,
            quiet: visit.needs.quiet,
        }
    }
}

/// Those who wait.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lines {
    all: BTreeSet<Place>,
    by_service: BTreeMap<ServiceId, BTreeSet<Place>>,
    /// Those who can be called now.
    ready: BTreeMap<LineKey, BTreeSet<Place>>,
    /// Those who let others go first, by the time until when.
    resting: BTreeSet<Place>,
}

impl Lines {
    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Every place, first come first.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.all.iter().copied()
    }

    /// How many wait for `service`.
    #[must_use]
    pub fn count(&self, service: &ServiceId) -> usize {
        self.by_service.get(service).map_or(0, BTreeSet::len)
    }

    /// How many wait for `service` before `place`: O(log n) and those behind,
    /// who are few, for residents mostly come in the order of their arrival.
    #[must_use]
    pub fn count_before(&self, service: &ServiceId, place: Place) -> usize {
        self.by_service
            .get(service)
            .map_or(0, |line| line.len() - line.range(place..).count())
    }

    /// The lines of those who can be called.
    pub fn ready(&self) -> impl Iterator<Item = (&LineKey, &BTreeSet<Place>)> {
        self.ready.iter()
    }

    /// Those who let others go first and whose time for it has passed at `now`,
    /// though no event has woken them yet.
    pub fn awake(&self, now: Timestamp) -> impl Iterator<Item = VisitId> {
        let until = (now, VisitId(u64::MAX));
        let awake = self
            .resting
            .range((Bound::Unbounded, Bound::Included(until)));
        awake.map(|(_, visit)| *visit)
    }

    /// `visit` waits from now on.
    pub(super) fn join(&mut self, visit: &Visit) {
        let place = visit.place();
        self.all.insert(place);
        match self.by_service.get_mut(&visit.service) {
            Some(line) => {
                line.insert(place);
            }
            None => {
                let line = BTreeSet::from([place]);
                self.by_service.insert(visit.service.clone(), line);
            }
        }
        match visit.ready_at {
            Some(ready_at) => {
                self.resting.insert((ready_at, visit.id));
            }
            None => {
                self.ready
                    .entry(LineKey::of(visit))
                    .or_default()
                    .insert(place);
            }
        }
    }

    /// `visit` waits no longer, or is about to change what it waits for. Must
    /// come before any change of the visit.
    pub(super) fn leave(&mut self, visit: &Visit) {
        let place = visit.place();
        self.all.remove(&place);
        remove(&mut self.by_service, &visit.service, &place);
        match visit.ready_at {
            Some(ready_at) => {
                self.resting.remove(&(ready_at, visit.id));
            }
            None => remove(&mut self.ready, &LineKey::of(visit), &place),
        }
    }
}

fn remove<K: Ord>(lines: &mut BTreeMap<K, BTreeSet<Place>>, key: &K, place: &Place) {
    if let Some(line) = lines.get_mut(key) {
        line.remove(place);
        if line.is_empty() {
            lines.remove(key);
        }
    }
}
