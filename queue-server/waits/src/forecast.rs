//! Forecasts: the present state simulated forward many times.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

use crate::classical;
use crate::model::Model;
use crate::promise::{Basis, Promise, WaitForecast};
use crate::scene::Scene;
use crate::simulation::Simulation;

/// Forecasts of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// For each waiting visit of the scene, in its order: the wait that is left.
    pub waiting: Vec<WaitForecast>,
    /// For each of the scene's joiners, in its order.
    pub joiners: Vec<Promise>,
}

/// What a run told of one visit.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Outcome {
    pub(crate) wait_s: f64,
    pub(crate) weight: f64,
    pub(crate) before_close: bool,
}

/// Uniform draws; the second run of a pair takes the mirror image of the first's
/// (antithetic variates), which makes the mean of a wait much steadier.
pub(crate) struct Draws {
    generator: Pcg64Mcg,
    mirrored: bool,
}

impl Draws {
    #[inline]
    pub(crate) fn level(&mut self) -> f64 {
        // 53 bits: exact.
        let level = (self.generator.next_u64() >> 11) as f64 * 2.0_f64.powi(-53);
        if self.mirrored {
            1.0 - level - 2.0_f64.powi(-54)
        } else {
            level
        }
    }
}

/// Forecasts for all who wait and all who might join, from `runs` simulations
/// (200 to 400 are good). The same arguments give the same forecast.
#[must_use]
pub fn forecast(model: &Model, scene: &Scene, seed: u64, runs: usize) -> Forecast {
    let simulation = Simulation::new(model, scene);
    let outcomes = simulate(&simulation, seed, runs, true);
    let waiting = scene.waiting.len();
    let mut made = outcomes.into_iter().map(|mut of_visit| {
        let (raw, deviation_s) = summary(&mut of_visit);
        (raw, deviation_s)
    });
    let left = made
        .by_ref()
        .take(waiting)
        .map(|(raw, _)| model.calibration.apply_spread(&raw))
        .collect();
    let joiners = made
        .zip(&scene.joiners)
        .map(|((raw, deviation_s), service)| promise(model, scene, *service, &raw, deviation_s))
        .collect();
    Forecast {
        waiting: left,
        joiners,
    }
}

/// As [`forecast`], for the joiners alone: the runs end when these are called.
#[must_use]
pub fn promises(model: &Model, scene: &Scene, seed: u64, runs: usize) -> Vec<Promise> {
    let simulation = Simulation::new(model, scene);
    simulate(&simulation, seed, runs, false)
        .into_iter()
        .skip(scene.waiting.len())
        .zip(&scene.joiners)
        .map(|(mut of_visit, service)| {
            let (raw, deviation_s) = summary(&mut of_visit);
            promise(model, scene, *service, &raw, deviation_s)
        })
        .collect()
}

fn promise(
    model: &Model,
    scene: &Scene,
    service: usize,
    raw: &WaitForecast,
    deviation_s: f64,
) -> Promise {
    let (classical, ahead) = classical::estimate(model, scene, service);
    let basis = Basis {
        mean_s: raw.mean_s,
        deviation_s,
        ahead,
        classical,
    };
    Promise {
        service,
        made_s: scene.now_s,
        forecast: model.calibration.apply(&basis, raw),
        basis,
    }
}

/// The outcomes of each visit: first those who wait, then the joiners.
fn simulate(simulation: &Simulation, seed: u64, runs: usize, all: bool) -> Vec<Vec<Outcome>> {
    let mut outcomes = vec![Vec::with_capacity(runs); simulation.visits()];
    let mut scratch = simulation.scratch();
    for run in 0..runs.max(2) as u64 {
        let mut draws = Draws {
            generator: Pcg64Mcg::seed_from_u64(
                seed ^ (run / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15),
            ),
            mirrored: run % 2 == 1,
        };
        simulation.run(&mut draws, &mut scratch, all);
        for (list, outcome) in outcomes.iter_mut().zip(scratch.outcomes()) {
            list.push(*outcome);
        }
    }
    outcomes
}

/// Weighted mean, quantiles and standard deviation.
fn summary(outcomes: &mut [Outcome]) -> (WaitForecast, f64) {
    outcomes.sort_unstable_by(|a, b| a.wait_s.total_cmp(&b.wait_s));
    let total: f64 = outcomes.iter().map(|outcome| outcome.weight).sum();
    let total = total.max(1e-12);
    let mean_of = |value: &dyn Fn(&Outcome) -> f64| {
        outcomes.iter().map(|o| o.weight * value(o)).sum::<f64>() / total
    };
    let mean_s = mean_of(&|outcome| outcome.wait_s);
    let variance = mean_of(&|outcome| (outcome.wait_s - mean_s).powi(2));
    let in_time = outcomes.iter().filter(|outcome| outcome.before_close);
    let chance_before_close = in_time.count() as f64 / outcomes.len().max(1) as f64;
    let quantile = |level: f64| {
        let (mut below, mut last) = (0.0, 0.0);
        for outcome in outcomes.iter() {
            let reached = below + outcome.weight / total;
            if reached >= level {
                return outcome.wait_s;
            }
            (below, last) = (reached, outcome.wait_s);
        }
        last
    };
    let mut made = WaitForecast {
        mean_s,
        chance_before_close,
        ..WaitForecast::default()
    };
    made.set_quantiles([0.05, 0.25, 0.5, 0.75, 0.95].map(quantile));
    (made, variance.sqrt())
}
