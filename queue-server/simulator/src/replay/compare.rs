//! Waits, side by side.

use std::collections::BTreeMap;
use std::fmt;

use usher_office::plan::OfficePlan;
use usher_protocol::ServiceId;

use super::extract::PastDay;
use super::run::Ran;
use crate::world::{MINUTE, Millis};

/// Some people's waits for the first call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waits {
    sorted: Vec<Millis>,
    target: Option<Millis>,
}

impl Waits {
    /// How many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    /// The mean, milliseconds; `None` of nobody.
    #[must_use]
    pub fn mean(&self) -> Option<Millis> {
        let count = i64::try_from(self.sorted.len()).ok()?;
        (count > 0).then(|| self.sorted.iter().sum::<Millis>() / count)
    }

    /// The wait that so many of a hundred do not exceed, milliseconds.
    #[must_use]
    pub fn quantile(&self, hundredths: usize) -> Option<Millis> {
        let at = (self.sorted.len() * hundredths).div_ceil(100).max(1);
        self.sorted.get(at - 1).copied()
    }

    /// The longest, milliseconds.
    #[must_use]
    pub fn longest(&self) -> Option<Millis> {
        self.sorted.last().copied()
    }

    /// How many of a hundred waited no longer than the service's target.
    #[must_use]
    pub fn within_target(&self) -> Option<usize> {
        let target = self.target?;
        let within = self.sorted.partition_point(|wait| *wait <= target);
        (!self.sorted.is_empty()).then(|| within * 100 / self.sorted.len())
    }
}

/// The waits for one service, or for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceWaits {
    /// As they really were.
    pub real: Waits,
    /// Simulated under the policy of then.
    pub then: Waits,
    /// Simulated under the new one.
    pub new: Waits,
}

/// Waits by service under two policies, and as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// By service, in the order of their names.
    pub services: BTreeMap<ServiceId, ServiceWaits>,
    /// Of all.
    pub all: ServiceWaits,
    /// How many were not called at all: really, then and new.
    pub not_called: [usize; 3],
    /// How many the office could not take under each plan: it has not their service.
    pub not_taken: [usize; 2],
    /// When the last was done, after the policy of then, milliseconds: below zero is
    /// earlier.
    pub ends_later: Millis,
    names: BTreeMap<ServiceId, String>,
}

impl Comparison {
    pub(super) fn add_real(&mut self, day: &PastDay) {
        for came in &day.came {
            let Some(service) = came.stages.first().map(|stage| &stage.service) else {
                continue;
            };
            match came.really_waited {
                Some(wait) => {
                    self.of(service).real.sorted.push(wait);
                    self.all.real.sorted.push(wait);
                }
                None => self.not_called[0] += 1,
            }
        }
    }

    pub(super) fn add_then(&mut self, ran: &Ran) {
        for (service, wait) in &ran.waits {
            self.of(service).then.sorted.push(*wait);
            self.all.then.sorted.push(*wait);
        }
        self.not_called[1] += ran.not_called;
        self.not_taken[0] += ran.not_taken;
        self.ends_later -= ran.ended_at;
    }

    pub(super) fn add_new(&mut self, ran: &Ran) {
        for (service, wait) in &ran.waits {
            self.of(service).new.sorted.push(*wait);
            self.all.new.sorted.push(*wait);
        }
        self.not_called[2] += ran.not_called;
        self.not_taken[1] += ran.not_taken;
        self.ends_later += ran.ended_at;
    }

    fn of(&mut self, service: &ServiceId) -> &mut ServiceWaits {
        self.services.entry(service.clone()).or_default()
    }

    /// Targets are those of the new plan, for both: one measure.
    pub(super) fn sort(&mut self, then: &OfficePlan, new: &OfficePlan) {
        for (service, waits) in &mut self.services {
            let target = i64::from(new.service_rules(service).target_minutes) * MINUTE;
            let known = if new.service(service).is_some() {
                new
            } else {
                then
            };
            let name = known.service_name(service).to_owned();
            self.names.insert(service.clone(), name);
            for waits in [&mut waits.real, &mut waits.then, &mut waits.new] {
                waits.target = Some(target);
                waits.sorted.sort_unstable();
            }
        }
        for waits in [&mut self.all.real, &mut self.all.then, &mut self.all.new] {
            waits.sorted.sort_unstable();
        }
    }
}

pub(super) fn table(comparison: &Comparison, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(
        f,
        "{:<24} {:<10} {:>6} {:>7} {:>7} {:>7} {:>7} {:>8}",
        "waits in minutes", "", "people", "mean", "middle", "9 of 10", "longest", "in goal"
    )?;
    for (service, waits) in &comparison.services {
        let name = comparison.names.get(service);
        rows(f, name.map_or(service.as_str(), String::as_str), waits)?;
    }
    rows(f, "All services", &comparison.all)?;
    let [really, then, new] = comparison.not_called;
    writeln!(
        f,
        "Not called at all: {then} under the policy of then, {new} under the new one ({really} really)."
    )?;
    let [then, new] = comparison.not_taken;
    if then + new > 0 {
        writeln!(
            f,
            "Not taken, for the office file has not their service: {then} then, {new} new."
        )?;
    }
    match comparison.ends_later / MINUTE {
        0 => writeln!(f, "The last is done at the same time."),
        later @ 1.. => writeln!(
            f,
            "The last is done {later} min later under the new policy."
        ),
        earlier => writeln!(
            f,
            "The last is done {} min earlier under the new policy.",
            -earlier
        ),
    }
}

fn rows(f: &mut fmt::Formatter<'_>, name: &str, waits: &ServiceWaits) -> fmt::Result {
    let name: String = name.chars().take(24).collect();
    row(f, &name, "then", &waits.then)?;
    row(f, "", "new", &waits.new)?;
    row(f, "", "(really)", &waits.real)
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, kind: &str, waits: &Waits) -> fmt::Result {
    let minutes = |wait: Option<Millis>| {
        wait.map_or_else(
            || "-".to_owned(),
            |wait| {
                let tenths = (wait + MINUTE / 20) / (MINUTE / 10);
                format!("{}.{}", tenths / 10, tenths % 10)
            },
        )
    };
    let within = waits.within_target();
    writeln!(
        f,
        "{name:<24} {kind:<10} {:>6} {:>7} {:>7} {:>7} {:>7} {:>8}",
        waits.count(),
        minutes(waits.mean()),
        minutes(waits.quantile(50)),
        minutes(waits.quantile(90)),
        minutes(waits.longest()),
        within.map_or_else(|| "-".to_owned(), |within| format!("{within} %"))
    )
}
