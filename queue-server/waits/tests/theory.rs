//! What queueing theory says of M/M/s, found again.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at whatever it did not expect"
)]

#[path = "../examples/waits-lab/world.rs"]
#[allow(dead_code, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
mod world;

use usher_waits::evaluate::{CounterRow, Outcome, Prediction, VisitRow, walk};
use usher_waits::promise::Score;
use world::{Law, World, play};

fn predictions(world: &World, seed: u64, runs: usize) -> Vec<(Prediction, f64)> {
    let trace = play(world, seed);
    let visits: Vec<VisitRow> = trace
        .visits
        .iter()
        .enumerate()
        .map(|(at, visit)| VisitRow {
            visit_id: at.to_string(),
            service: visit.service.to_string(),
            arrival_s: visit.arrival_s,
            call_s: visit.call_s,
            finish_s: visit.finish_s,
            counter: visit.counter.map(|counter| counter.to_string()),
            outcome: if visit.call_s.is_some() {
                Outcome::Served
            } else {
                Outcome::Left
            },
            line: at as u64 + 2,
        })
        .collect();
    let counters: Vec<CounterRow> = trace
        .plan
        .iter()
        .map(|(counter, services, open_s, close_s)| CounterRow {
            counter: counter.to_string(),
            services: services.iter().map(ToString::to_string).collect(),
            open_s: *open_s,
            close_s: *close_s,
            line: 2,
        })
        .collect();
    walk(&visits, &counters, runs)
        .unwrap()
        .into_iter()
        .filter_map(|made| {
            let visit = &visits[made.row];
            visit
                .call_s
                .map(|call_s| (made.clone(), call_s - visit.arrival_s))
        })
        .collect()
}

fn mean_square(made: &[(Prediction, f64)], said: impl Fn(&Prediction) -> f64) -> f64 {
    let sum: f64 = made
        .iter()
        .map(|(p, waited)| (said(p) - waited).powi(2))
        .sum();
    sum / made.len() as f64
}

#[test]
fn head_of_line_has_twice_the_squared_error_of_queue_length() {
    // Ibrahim and Whitt 2009: (c_a² + 1) = 2 for Poisson arrivals, in heavy traffic
    // and for those who wait at all.
    let world = World::plain("M/M/10", 10, 0.95, Law::Exponential, 8);
    let made: Vec<_> = predictions(&world, 7, 8)
        .into_iter()
        .filter(|(made, _)| made.promise.basis.ahead > 0)
        .collect();
    let ql = mean_square(&made, |p| p.promise.basis.classical.ql_s);
    let hol = mean_square(&made, |p| p.promise.basis.classical.hol_s);
    let les = mean_square(&made, |p| p.promise.basis.classical.les_s);
    assert!((1.7..2.3).contains(&(hol / ql)), "HOL {}", hol / ql);
    assert!(les > hol * 0.97, "LES {} HOL {}", les, hol);
}

#[test]
fn the_simulation_is_as_good_as_the_best_there_can_be() {
    // For exponential service and known staff, QL is the mean of the true law.
    let world = World::plain("M/M/5", 5, 0.9, Law::Exponential, 8);
    let made = predictions(&world, 3, 200);
    let ours = mean_square(&made, |p| p.promise.forecast.mean_s);
    let ql = mean_square(&made, |p| p.promise.basis.classical.ql_s);
    assert!(ours / ql < 1.03, "{}", ours / ql);
}

#[test]
fn ranges_hold_what_they_say() {
    let world = World::plain("M/M/5", 5, 0.9, Law::Exponential, 8);
    let mut score = Score::default();
    for (made, waited) in predictions(&world, 4, 200) {
        score.add(&made.promise.forecast, waited);
    }
    let share = |part: u64| part as f64 / score.uncertain as f64;
    let (half, most) = (
        share(score.uncertain_within_50),
        share(score.uncertain_within_90),
    );
    assert!((0.45..0.55).contains(&half), "{half}");
    assert!((0.87..0.93).contains(&most), "{most}");
}
