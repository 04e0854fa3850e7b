//! How long a resident will wait, as an honest range.
//!
//! The queue-length estimator with known staff: whoever joins with *n* before
//! them, where counters finish at a rate *μ*, waits for *n* + 1 departures, an
//! Erlang distribution (Ibrahim and Whitt, "Real-time delay estimation based on
//! delay history", 2009, call the mean QL). Low end: its median; high end: its
//! 90 % quantile.
//!
//! What it knows: the usual minutes of the office file, the counters open now
//! and the visit that each has. What it deliberately does not: how long service
//! takes really, breaks, no-shows, counters that will open. Where counters serve
//! several services, the work before a resident is shared out by the share of
//! the counters that could also serve the resident, which is exact for one queue
//! and rough for overlapping ones. It answers where [`crate::forecaster`], which
//! learns and simulates the present state forward, has no good forecast.

use jiff::Timestamp;
use usher_protocol::message::{ServiceInfo, WaitRange};
use usher_protocol::{ServiceId, VisitId};

use crate::office::Office;
use crate::office::state::OpenCounter;

/// The high end for somebody who finds a counter free: the clerk still has to
/// press the key, and the resident to sit down and stand up.
const FREE_COUNTER_MINUTES: u16 = 2;

/// Quantile of the normal distribution at 90 %.
const NORMAL_90: f64 = 1.281_551_565_544_600_4;

/// The wait of who joins the queue of `service` with an arrival at `arrived_at`;
/// `None` while no open counter serves it.
#[must_use]
pub fn foresee(office: &Office, service: &ServiceId, arrived_at: Timestamp) -> Option<WaitRange> {
    let position = office.plan().service_position(service)?;
    Staffing::of(office, arrived_at).wait(position)
}

/// Who serves what, and how many wait before an arrival: the same for every
/// service, so that one value foresees all of them.
#[derive(Debug)]
pub struct Staffing {
    queues: Vec<Queue>,
    counters: Vec<StaffedCounter>,
    /// For each service, the places in `counters` of those that serve it.
    serving: Vec<Vec<usize>>,
}

#[derive(Debug)]
struct Queue {
    before: f64,
    usual_minutes: f64,
}

#[derive(Debug)]
struct StaffedCounter {
    services: Vec<usize>,
    is_free: bool,
    /// How long a visit takes here, by the mix of those who wait for it; `None`
    /// if nobody does.
    mean_minutes: Option<f64>,
}

impl Staffing {
    /// The staffing that somebody meets who arrives at `arrived_at`. Services
    /// are named by their place in [`usher_protocol::message::OfficeInfo::services`].
    #[must_use]
    pub fn of(office: &Office, arrived_at: Timestamp) -> Self {
        let plan = office.plan();
        let place = (arrived_at, VisitId(u64::MAX));
        let queue = |info: &ServiceInfo| Queue {
            before: count(office.waiting_before(&info.id, place)),
            usual_minutes: f64::from(info.usual_minutes.max(1)),
        };
        let queues: Vec<Queue> = plan.info.services.iter().map(queue).collect();
        let counters: Vec<StaffedCounter> = office
            .open_counters()
            .filter(|(_, has)| *has != OpenCounter::OnBreak)
            .map(|(id, has)| {
                let services: Vec<usize> = office
                    .services_at(id)
                    .filter_map(|service| plan.service_position(service))
                    .collect();
                StaffedCounter {
                    is_free: has == OpenCounter::Free,
                    mean_minutes: mean_minutes(&services, &queues),
                    services,
                }
            })
            .collect();
        let mut serving = vec![Vec::new(); queues.len()];
        for (nth, counter) in counters.iter().enumerate() {
            for service in &counter.services {
                serving[*service].push(nth);
            }
        }
        Self {
            queues,
            counters,
            serving,
        }
    }

    /// How many open counters serve the service.
    #[must_use]
    pub fn counters_open(&self, service: usize) -> usize {
        self.serving.get(service).map_or(0, Vec::len)
    }

    /// The wait for the service; `None` while no open counter serves it.
    #[must_use]
    pub fn wait(&self, service: usize) -> Option<WaitRange> {
        let mine = || self.serving.get(service).into_iter().flatten();
        let mine = || mine().map(|nth| &self.counters[*nth]);
        mine().next()?;
        let mut shared = vec![0_usize; self.queues.len()];
        for counter in mine() {
            for other in &counter.services {
                shared[*other] += 1;
            }
        }
        // Of the work for a service, the part that counters do which are also mine.
        let parts = self.queues.iter().zip(&shared).zip(&self.serving);
        let before_me: f64 = parts
            .filter(|((_, shared), _)| **shared > 0)
            .map(|((queue, shared), all)| queue.before * count(*shared) / count(all.len()))
            .sum();
        let own_minutes = self.queues[service].usual_minutes;
        let rate: f64 = mine()
            .map(|counter| 1.0 / counter.mean_minutes.unwrap_or(own_minutes))
            .sum();
        let free = mine().filter(|counter| counter.is_free).count();
        Some(range(before_me - count(free) + 1.0, rate))
    }
}

fn mean_minutes(services: &[usize], queues: &[Queue]) -> Option<f64> {
    let served = || services.iter().map(|service| &queues[*service]);
    let visits: f64 = served().map(|queue| queue.before).sum();
    let minutes: f64 = served()
        .map(|queue| queue.before * queue.usual_minutes)
        .sum();
    (visits > 0.0).then(|| minutes / visits)
}

/// The range of an Erlang distribution of `stages` stages of `rate` a minute.
fn range(stages: f64, rate: f64) -> WaitRange {
    if stages <= 0.0 {
        return WaitRange {
            low_minutes: 0,
            high_minutes: FREE_COUNTER_MINUTES,
        };
    }
    let low_minutes = whole_minutes((gamma_quantile(stages, 0.0) / rate).round());
    let high_minutes = whole_minutes((gamma_quantile(stages, NORMAL_90) / rate).ceil());
    WaitRange {
        low_minutes,
        high_minutes: high_minutes.max(FREE_COUNTER_MINUTES),
    }
}

/// The quantile of a gamma distribution of shape `shape` and rate 1 where the
/// normal distribution has `normal`: Wilson and Hilferty's cube root (PNAS
/// 1931), off by less than 2 % at the two quantiles used here from one stage on.
fn gamma_quantile(shape: f64, normal: f64) -> f64 {
    let root = 1.0 - 1.0 / (9.0 * shape) + normal / (3.0 * shape.sqrt());
    shape * root.max(0.0).powi(3)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what the type holds, and `as` takes NaN to 0"
)]
fn whole_minutes(minutes: f64) -> u16 {
    minutes.clamp(0.0, f64::from(u16::MAX)) as u16
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::office::command::{Command, Fingerprint, Origin, Sender};
    use crate::office::event::{Event, Record};
    use crate::office::intake::Intake;
    use crate::office::plan::OfficePlan;
    use crate::office::sample;
    use usher_protocol::message::{CounterInfo, RequestBody};

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // Median and 90 % of the gamma distribution with rate 1.
        for (shape, median, ninety) in [
            (1.0, 0.693, 2.303),
            (2.0, 1.678, 3.890),
            (5.0, 4.671, 7.994),
            (20.0, 19.668, 25.903),
        ] {
            let near = |value: f64, table: f64| (value / table - 1.0).abs() < 0.02;
            assert!(
                near(gamma_quantile(shape, 0.0), median),
                "median of {shape}"
            );
            assert!(
                near(gamma_quantile(shape, NORMAL_90), ninety),
                "90 % of {shape}"
            );
        }
    }

    fn office(open: &[&str], waiting: &[&str]) -> Intake {
        let mut intake = Intake::new(Office::new(sample::plan()), std::sync::Arc::new(foresee));
        let mut nth = 0;
        let mut send = |body| {
            nth += 1;
            let request = sample::request(&format!("c-{nth}"), body);
            intake.handle(
                &Command::new(Sender::Clerk, request),
                sample::moment_at("2026-11-25T17:00:00Z"),
            );
        };
        for counter in open {
            send(RequestBody::OpenCounter {
                counter: sample::counter(counter),
                clerk: None,
            });
        }
        for service in waiting {
            send(sample::check_in(service, "2026-11-25T17:00:00Z"));
        }
        intake
    }

    fn check(open: &[&str], waiting: &[&str], service: &str, low_high: Option<(u16, u16)>) {
        let intake = office(open, waiting);
        let now = sample::time_at("2026-11-25T17:00:00Z");
        let wait = foresee(intake.office(), &service.parse().unwrap(), now);
        assert_eq!(
            wait.map(|wait| (wait.low_minutes, wait.high_minutes)),
            low_high,
            "open {open:?}, waiting {waiting:?}, for {service}"
        );
    }

    /// The largest office that the office file may describe, everybody serving
    /// everything. Foreseeing each service by itself took most of a second.
    #[test]
    fn a_large_office_is_foreseen_in_one_go() {
        let small = sample::plan();
        let mut info = (*small.info).clone();
        let (service, counter) = (info.services[0].clone(), info.counters[0].clone());
        let service = |nth: usize| ServiceInfo {
            id: format!("s-{nth}").parse().unwrap(),
            ..service.clone()
        };
        info.services = (0..120).map(service).collect();
        let ids: Vec<_> = info
            .services
            .iter()
            .map(|service| service.id.clone())
            .collect();
        let counter = |nth: usize| CounterInfo {
            id: format!("{nth}").parse().unwrap(),
            services: ids.clone(),
            ..counter.clone()
        };
        info.counters = (0..200).map(counter).collect();
        let zone = small.time_zone.clone();
        let plan = OfficePlan::new(info, zone, small.day_starts, small.form_series.clone());
        let mut office = Office::new(Arc::new(plan));
        let now = sample::time_at("2026-11-25T17:00:00Z");
        for nth in 0..200 {
            let record = Record {
                sequence: nth + 1,
                at: now,
                command: format!("c-{nth}").parse().unwrap(),
                origin: Origin::Clerk,
                fingerprint: Fingerprint(0),
                event: Event::CounterOpened {
                    counter: format!("{nth}").parse().unwrap(),
                    clerk: None,
                },
            };
            office.apply(&record).unwrap();
        }
        let started = std::time::Instant::now();
        let staffing = Staffing::of(&office, now);
        for position in 0..120 {
            assert_eq!(staffing.counters_open(position), 200);
            assert!(staffing.wait(position).is_some());
        }
        let took = started.elapsed();
        assert!(
            took < std::time::Duration::from_millis(200),
            "it took {took:?}"
        );
    }

    #[test]
    fn no_counter_no_promise() {
        check(&[], &[], "titles", None);
        check(&["1"], &[], "registration", None);
    }

    #[test]
    fn a_free_counter_takes_the_next_at_once() {
        check(&["1"], &[], "titles", Some((0, 2)));
    }

    #[test]
    fn more_before_me_wait_longer_and_more_counters_shorter() {
        check(&["1"], &["titles"; 1], "titles", Some((11, 35)));
        check(&["1"], &["titles"; 4], "titles", Some((55, 101)));
        check(&["1", "2"], &["titles"; 4], "titles", Some((20, 40)));
    }

    #[test]
    fn others_count_by_the_counters_we_share() {
        // Counter 2 alone serves registration; of the 4 titles half go to counter 1.
        check(&["1", "2"], &["titles"; 4], "registration", Some((25, 59)));
        // Nobody before me uses my counter.
        check(&["1", "2"], &["licenses"; 4], "titles", Some((0, 2)));
    }
}
