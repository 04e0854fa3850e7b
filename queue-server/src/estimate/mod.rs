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
//! and rough for overlapping ones. The learned estimator that simulates the
//! present state forward is to replace it behind the same function
//! ([`crate::office::decide::Foresee`]).

use jiff::Timestamp;
use usher_protocol::message::{CounterInfo, WaitRange};
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
    let plan = office.plan();
    let open: Vec<(&CounterInfo, OpenCounter)> = office
        .open_counters()
        .filter_map(|(id, has)| Some((plan.counter(id)?, has)))
        .collect();
    let mine: Vec<&(&CounterInfo, OpenCounter)> = open
        .iter()
        .filter(|(counter, _)| counter.services.contains(service))
        .collect();
    if mine.is_empty() {
        return None;
    }
    let place = (arrived_at, VisitId(u64::MAX));
    let queues: Vec<Queue<'_>> = plan
        .info
        .services
        .iter()
        .map(|info| Queue {
            service: &info.id,
            before: count(office.waiting_before(&info.id, place)),
            usual_minutes: f64::from(info.usual_minutes.max(1)),
        })
        .collect();
    let before_me: f64 = queues
        .iter()
        .map(|queue| queue.before * shared_part(queue.service, &mine, &open))
        .sum();
    let own_minutes = queues
        .iter()
        .find(|queue| queue.service == service)
        .map_or(1.0, |queue| queue.usual_minutes);
    let rate: f64 = mine
        .iter()
        .map(|(counter, _)| 1.0 / mean_minutes(counter, &queues, own_minutes))
        .sum();
    let free = mine.iter().filter(|(_, has)| *has == OpenCounter::Free);
    Some(range(before_me - count(free.count()) + 1.0, rate))
}

struct Queue<'a> {
    service: &'a ServiceId,
    before: f64,
    usual_minutes: f64,
}

/// The part of the counters for `service` that are also mine.
fn shared_part(
    service: &ServiceId,
    mine: &[&(&CounterInfo, OpenCounter)],
    open: &[(&CounterInfo, OpenCounter)],
) -> f64 {
    let serves = |counter: &CounterInfo| counter.services.contains(service);
    let all = open.iter().filter(|(counter, _)| serves(counter)).count();
    let shared = mine.iter().filter(|(counter, _)| serves(counter)).count();
    if all == 0 {
        0.0
    } else {
        count(shared) / count(all)
    }
}

/// How long a visit takes at the counter, by the mix of those who wait for it.
fn mean_minutes(counter: &CounterInfo, queues: &[Queue<'_>], own_minutes: f64) -> f64 {
    let served = || {
        queues
            .iter()
            .filter(|queue| counter.services.contains(queue.service))
    };
    let visits: f64 = served().map(|queue| queue.before).sum();
    if visits == 0.0 {
        return own_minutes;
    }
    let minutes: f64 = served()
        .map(|queue| queue.before * queue.usual_minutes)
        .sum();
    minutes / visits
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
    use crate::office::command::{Command, Sender};
    use crate::office::intake::Intake;
    use crate::office::sample;
    use usher_protocol::message::RequestBody;

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
        let mut intake = Intake::new(Office::new(sample::plan()), foresee);
        let mut nth = 0;
        let mut send = |body| {
            nth += 1;
            let request = sample::request(&format!("c-{nth}"), body);
            intake.handle(
                &Command::new(Sender::Clerk, request),
                sample::time_at("2026-11-25T17:00:00Z"),
            );
        };
        for counter in open {
            send(RequestBody::OpenCounter {
                counter: sample::counter(counter),
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
