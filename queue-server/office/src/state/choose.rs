//! Who would be called to a counter: the heads of the lines that it may serve,
//! compared by the office's policy ([`crate::policy`]).

use std::iter::Peekable;

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

struct Candidates<I: Iterator<Item = Place>> {
    places: Peekable<I>,
    served: Served,
    matched: bool,
}

impl Office {
    /// Who would be called to the counter at `now`: the first `count`, in order.
    #[must_use]
    pub fn next_for(&self, counter: &CounterId, now: Timestamp, count: usize) -> Vec<Chosen<'_>> {
        let policy = &self.plan.rules.policy;
        let now_ms = now.as_millisecond();
        let mut lines: Vec<Candidates<_>> = self
            .lines
            .ready()
            .filter_map(|(key, line)| {
                let head = line.first()?;
                let (served, matched) = self.may_serve(counter, key, head.0, now)?;
                let places = line.iter().copied().peekable();
                Some(Candidates {
                    places,
                    served,
                    matched,
                })
            })
            .collect();
        let awake: Vec<(&Visit, Served, bool)> = self
            .lines
            .awake(now)
            .map(|id| &self.visits[&id])
            .filter_map(|visit| {
                let key = LineKey::of(visit);
                let (served, matched) = self.may_serve(counter, &key, visit.since, now)?;
                Some((visit, served, matched))
            })
            .collect();
        let mut awake: Vec<Option<(&Visit, Served, bool)>> = awake.into_iter().map(Some).collect();

        let mut turn = self.turn;
        let mut chosen = Vec::with_capacity(count.min(8));
        while chosen.len() < count {
            let heads = lines.iter_mut().enumerate().filter_map(|(nth, line)| {
                let visit = &self.visits[&line.places.peek()?.1];
                Some((visit, line.served, line.matched, Some(nth)))
            });
            let resting = awake
                .iter()
                .flatten()
                .map(|(visit, served, matched)| (*visit, *served, *matched, None));
            let best = heads
                .chain(resting)
                .map(|(visit, served, matched, line)| {
                    let urgency = policy.urgency(&self.standing(visit), now_ms, turn);
                    let chosen = Chosen {
                        visit,
                        urgency,
                        served,
                        matched,
                    };
                    (chosen, line)
                })
                .max_by_key(|(chosen, _)| chosen.urgency);
            let Some((best, line)) = best else {
                break;
            };
            match line {
                Some(nth) => {
                    lines[nth].places.next();
                }
                None => awake
                    .iter_mut()
                    .filter(|one| one.is_some_and(|(visit, ..)| visit.id == best.visit.id))
                    .for_each(|one| *one = None),
            }
            turn = policy.turn_after(turn, best.visit.lane);
            chosen.push(best);
        }
        chosen
    }

    /// Whether the counter may call the visit at `now`, and why it serves it; the
    /// visit waits.
    #[must_use]
    pub fn serves(&self, counter: &CounterId, visit: &Visit, now: Timestamp) -> Option<Served> {
        let key = LineKey::of(visit);
        self.may_serve(counter, &key, visit.since, now)
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
        since: Timestamp,
        now: Timestamp,
    ) -> Option<(Served, bool)> {
        let policy = &self.plan.rules.policy;
        let beyond = |minutes: u16| {
            now.duration_since(since) > SignedDuration::from_mins(i64::from(minutes))
        };
        if let Some(only_at) = &key.only_at
            && only_at != counter
            && self.counters.contains_key(only_at)
            && !beyond(policy.longest_wait_minutes)
        {
            return None;
        }
        let served = self.serves_service(counter, key, beyond(policy.overflow_after_minutes))?;
        if key.interpreter.is_none() && !key.wheelchair && !key.quiet {
            return Some((served, false));
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
