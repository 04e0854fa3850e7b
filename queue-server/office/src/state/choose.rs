//! Who would be called to a counter: the heads of the lines that it may serve,
//! compared by the office's policy ([`crate::policy`]).

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use usher_protocol::{CounterId, Language, VisitId};

use crate::lines::{LineKey, Place};
use crate::policy::{Standing, Urgency};
use crate::state::{Office, OpenCounter};
use crate::visit::Visit;

/// Why a counter serves somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// The service is one of the counter's.
    AsUsual,
    /// The counter helps out, for the wait is long.
    Overflow,
    /// The office no longer has the service: every counter serves it, so that a
    /// change of the office file leaves nobody behind.
    GivenUp,
}

/// Somebody who would be called.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// Who.
    pub visit: &'a Visit,
    /// What put them at this place.
    pub urgency: Urgency,
    /// Why this counter serves them.
    pub served: Served,
    /// The counter meets a need that they have: it speaks their language, say.
    pub matched: bool,
}

/// A line, or a visit by itself, with whom of it the counter may call now.
struct Candidates<'a, I: Iterator<Item = Place>> {
    key: Cow<'a, LineKey>,
    places: I,
    head: Option<(VisitId, Served, bool)>,
}

impl Office {
    /// Who would be called to the counter at `now`: the first `count`, in order.
    #[must_use]
    pub fn next_for(&self, counter: &CounterId, now: Timestamp, count: usize) -> Vec<Chosen<'_>> {
        let policy = &self.plan.rules.policy;
        let now_ms = now.as_millisecond();
        let mut candidates: Vec<_> = self
            .lines_for(counter, now)
            .filter(|line| line.head.is_some())
            .collect();
        let mut turn = self.turn;
        let mut chosen = Vec::with_capacity(count.min(8));
        while chosen.len() < count {
            let heads = candidates.iter().enumerate().filter_map(|(nth, line)| {
                let (id, served, matched) = line.head?;
                let visit = &self.visits[&id];
                let urgency = policy.urgency(&self.standing(visit), now_ms, turn);
                let chosen = Chosen {
                    visit,
                    urgency,
                    served,
                    matched,
                };
                Some((nth, chosen))
            });
            let Some((nth, best)) = heads.max_by_key(|(_, chosen)| chosen.urgency) else {
                break;
            };
            let line = &mut candidates[nth];
            // Whoever stands behind may have to wait longer for this counter.
            line.head = self.head_of(counter, &line.key, &mut line.places, now);
            turn = policy.turn_after(turn, best.visit.lane);
            chosen.push(best);
        }
        chosen
    }

    /// How many wait whom the counter may call at `now`, or soon: those of its own
    /// lines, and of others the whole line if the first may be called.
    #[must_use]
    pub fn waiting_at(&self, counter: &CounterId, now: Timestamp) -> usize {
        let ready = self.lines.ready().filter(|(key, line)| {
            line.first()
                .is_some_and(|place| self.may_serve(counter, key, *place, now).is_some())
        });
        ready.map(|(_, line)| line.len()).sum()
    }

    fn lines_for<'a>(
        &'a self,
        counter: &'a CounterId,
        now: Timestamp,
    ) -> impl Iterator<Item = Candidates<'a, Box<dyn Iterator<Item = Place> + 'a>>> + 'a {
        let ready = self.lines.ready().map(|(key, line)| {
            let places: Box<dyn Iterator<Item = Place>> = Box::new(line.iter().copied());
            (Cow::Borrowed(key), places)
        });
        // Each is a line of one.
        let awake = self.lines.awake(now).map(|id| {
            let visit = &self.visits[&id];
            let places: Box<dyn Iterator<Item = Place>> = Box::new(std::iter::once(visit.place()));
            (Cow::Owned(LineKey::of(visit)), places)
        });
        ready.chain(awake).map(move |(key, mut places)| {
            let head = self.head_of(counter, &key, &mut places, now);
            Candidates { key, places, head }
        })
    }

    /// The next of the line whom the counter may call. Whoever came later has waited
    /// less, and so may be called no more than who came before; but those who were
    /// sent to a counter are kept for it from when they were sent.
    fn head_of(
        &self,
        counter: &CounterId,
        key: &LineKey,
        places: &mut impl Iterator<Item = Place>,
        now: Timestamp,
    ) -> Option<(VisitId, Served, bool)> {
        let called = |place: Place| {
            let (served, matched) = self.may_serve(counter, key, place, now)?;
            Some((place.1, served, matched))
        };
        if key.only_at.is_some() {
            places.find_map(called)
        } else {
            places.next().and_then(called)
        }
    }

    /// Whether the counter may call the visit at `now`, and why it serves it; the
    /// visit waits.
    #[must_use]
    pub fn serves(&self, counter: &CounterId, visit: &Visit, now: Timestamp) -> Option<Served> {
        let key = LineKey::of(visit);
        self.may_serve(counter, &key, visit.place(), now)
            .map(|(served, _)| served)
    }

    /// How the visit stands for the policy.
    #[must_use]
    pub fn standing(&self, visit: &Visit) -> Standing {
        Standing {
            lane: visit.lane,
            priority: visit.priority,
            target_minutes: self.plan.service_rules(&visit.service).target_minutes,
            since_ms: visit.since.as_millisecond(),
            visit: visit.id.0,
        }
    }

    fn may_serve(
        &self,
        counter: &CounterId,
        key: &LineKey,
        (since, visit): Place,
        now: Timestamp,
    ) -> Option<(Served, bool)> {
        let policy = &self.plan.rules.policy;
        let beyond = |minutes: u16| {
            now.duration_since(since) > SignedDuration::from_mins(i64::from(minutes))
        };
        if let Some(only_at) = &key.only_at
            && only_at != counter
            && self.counters.contains_key(only_at)
        {
            // It was sent there by a clerk, some time after it came.
            let sent = self
                .visits
                .get(&visit)
                .map_or(since, |visit| visit.state_since);
            let kept = SignedDuration::from_mins(i64::from(policy.longest_wait_minutes));
            if now.duration_since(since.max(sent)) <= kept {
                return None;
            }
        }
        let served = self.serves_service(counter, key, beyond(policy.overflow_after_minutes))?;
        if key.interpreter.is_none() && !key.wheelchair && !key.quiet {
            return Some((served, false));
        }
        // A clerk who knew the need chose this counter.
        if key.only_at.as_ref() == Some(counter) {
            return Some((served, self.meets(counter, key)));
        }
        if self.meets(counter, key) {
            return Some((served, true));
        }
        let patience = policy
            .match_patience_minutes
            .min(policy.longest_wait_minutes);
        let another_does = !beyond(patience)
            && self.counters.iter().any(|(other, now)| {
                now.has != OpenCounter::OnBreak
                    && self.serves_service(other, key, false).is_some()
                    && self.meets(other, key)
            });
        (!another_does).then_some((served, false))
    }

    fn serves_service(&self, counter: &CounterId, key: &LineKey, long: bool) -> Option<Served> {
        let service = &key.service;
        if key.only_at.as_ref() == Some(counter) || self.services_at(counter).any(|s| s == service)
        {
            return Some(Served::AsUsual);
        }
        if self.plan.service(service).is_none() {
            return Some(Served::GivenUp);
        }
        let rules = self.plan.rules.counters.get(counter)?;
        (long && rules.overflow.contains(service)).then_some(Served::Overflow)
    }

    /// Whether the counter meets every need of the line.
    fn meets(&self, counter: &CounterId, key: &LineKey) -> bool {
        let rules = self.plan.rules.counters.get(counter);
        let speaks = |language: &Language| {
            let clerk = self
                .counters
                .get(counter)
                .and_then(|now| now.clerk.as_ref());
            clerk
                .and_then(|clerk| self.plan.rules.clerks.get(clerk))
                .is_some_and(|clerk| clerk.languages.contains(language))
        };
        key.interpreter.as_ref().is_none_or(speaks)
            && (!key.wheelchair || rules.is_some_and(|rules| rules.wheelchair))
            && (!key.quiet || rules.is_some_and(|rules| rules.quiet))
    }

    /// The place of a visit in the order of the counter, from 1, if it is among
    /// the first `count`.
    #[must_use]
    pub fn rank_for(
        &self,
        counter: &CounterId,
        visit: VisitId,
        now: Timestamp,
        count: usize,
    ) -> Option<usize> {
        let next = self.next_for(counter, now, count);
        let position = next.iter().position(|chosen| chosen.visit.id == visit)?;
        Some(position + 1)
    }
}
