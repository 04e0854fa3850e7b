//! Corrections learned from promises that have come true or not.
//!
//! Three, one after the other, each starting from no correction at all:
//! 1. the mean is averaged with a Bayesian regression on the simulated mean and the
//!    classical estimates, as far as this was better so far: a trace on which the
//!    simulation is wrong ends with whatever predicts it (stacking, Wolpert 1992);
//! 2. the spread is scaled by the root of the errors' size in standard deviations;
//! 3. each quantile moves up or down until its share of waits lies below (adaptive
//!    conformal inference, Gibbs and Candès 2021).
//!
//! Waits of neighbours share the same services to come, so the errors of visits
//! with n ahead count as one of n + 1.

use serde::{Deserialize, Serialize};

use crate::promise::{Basis, Promise, WaitForecast};

const FEATURES: usize = 4;
/// Variance of each coefficient before any promise came true.
const COEFFICIENT_VARIANCE: f64 = 0.01;
/// Logarithm of the odds, before any promise came true and in the long run, that
/// the regression is better than the simulation alone.
const GAIN_START_LOG: f64 = -3.0;
/// What a coefficient's variance grows by with each promise: slow drift.
const COEFFICIENT_DRIFT: f64 = 1e-6;
/// Upper ends of the groups by visits ahead whose quantiles move apart.
const GROUPS: [usize; 3] = [1, 6, usize::MAX];

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct Group {
    /// Shift of each quantile, in standard deviations.
    shifts: [f64; 5],
    seen: f64,
}

/// What was learned from promises.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Calibration {
    coefficients: [f64; FEATURES],
    covariance: [[f64; FEATURES]; FEATURES],
    /// By how much the regression's predictions were likelier than the
    /// simulation's, as a logarithm.
    gain_log: f64,
    /// Squared errors in seconds, discounted: the regression's and the simulation's.
    squares: (f64, f64),
    /// Sum of squared standardised errors, and their number.
    errors: (f64, f64),
    groups: [Group; 3],
    /// Share of promises that a counter was free.
    certain: f64,
}

impl Calibration {
    pub(crate) fn new() -> Self {
        let mut covariance = [[0.0; FEATURES]; FEATURES];
        for (at, row) in covariance.iter_mut().enumerate() {
            row[at] = COEFFICIENT_VARIANCE;
        }
        Self {
            coefficients: [0.0; FEATURES],
            covariance,
            gain_log: GAIN_START_LOG,
            squares: (0.0, 0.0),
            errors: (60.0, 60.0),
            groups: [Group::default(); 3],
            certain: 0.0,
        }
    }

    fn spread(&self) -> f64 {
        (self.errors.0 / self.errors.1).sqrt().clamp(0.4, 4.0)
    }

    /// The regression's mean and the simulation's, by what they were worth.
    fn corrected_mean(&self, basis: &Basis) -> f64 {
        // Likelier is not enough where a few errors are huge: the squares must be
        // smaller too.
        if self.squares.0 >= 0.99 * self.squares.1 {
            return basis.mean_s;
        }
        let share = 1.0 / (1.0 + (-self.gain_log).exp());
        basis.mean_s + share * (self.regressed_mean(basis) - basis.mean_s)
    }

    fn regressed_mean(&self, basis: &Basis) -> f64 {
        let shift: f64 = features(basis)
            .iter()
            .zip(self.coefficients)
            .map(|(x, c)| x * c)
            .sum();
        (basis.mean_s + shift).clamp(basis.mean_s * 0.1, basis.mean_s * 8.0 + 60.0)
    }

    /// Corrects what the simulation said.
    pub(crate) fn apply(&self, basis: &Basis, raw: &WaitForecast) -> WaitForecast {
        if is_certain(basis) {
            return *raw;
        }
        let mut made = *raw;
        made.mean_s = self.corrected_mean(basis);
        let factor = made.mean_s / basis.mean_s.max(1e-9);
        let mut values = self.widen(raw.quantiles(), basis.mean_s, factor);
        let group = &self.groups[group_of(basis)];
        for (value, shift) in values.iter_mut().zip(group.shifts) {
            *value = (*value + shift * basis.deviation_s).max(0.0);
        }
        values.sort_by(f64::total_cmp);
        made.set_quantiles(values);
        made
    }

    /// Corrects the spread of a visit that waits already; its mean stays.
    pub(crate) fn apply_spread(&self, raw: &WaitForecast) -> WaitForecast {
        let mut made = *raw;
        made.set_quantiles(self.widen(raw.quantiles(), raw.mean_s, 1.0));
        made
    }

    fn widen(&self, values: [f64; 5], mean_s: f64, factor: f64) -> [f64; 5] {
        let spread = self.spread();
        values.map(|value| {
            if value <= 0.0 {
                return 0.0;
            }
            ((mean_s + spread * (value - mean_s)) * factor).max(0.0)
        })
    }

    pub(crate) fn observe(&mut self, promise: &Promise, waited_s: f64) {
        let basis = &promise.basis;
        let certain = is_certain(basis);
        self.certain += 0.002 * (f64::from(u8::from(certain)) - self.certain);
        if certain {
            return;
        }
        let error = waited_s - self.corrected_mean(basis);
        let variance = basis.deviation_s.powi(2) + 1.0;
        let neighbours = 2.0 * (1.0 + basis.ahead as f64);
        let whole = variance * self.spread().powi(2) * neighbours;
        let regressed = waited_s - self.regressed_mean(basis);
        let gain = ((waited_s - basis.mean_s).powi(2) - regressed.powi(2)) / whole / 2.0;
        let faded = GAIN_START_LOG + 0.999 * (self.gain_log - GAIN_START_LOG);
        self.gain_log = (faded + gain.clamp(-2.0, 2.0)).clamp(-8.0, 8.0);
        self.squares.0 = self.squares.0 * 0.9995 + regressed.powi(2);
        self.squares.1 = self.squares.1 * 0.9995 + (waited_s - basis.mean_s).powi(2);
        self.regress(basis, regressed, whole);
        let share = 1.0 / neighbours.sqrt();
        self.errors.0 *= 1.0 - 0.002 * share;
        self.errors.1 *= 1.0 - 0.002 * share;
        self.errors.0 += share * (error * error / variance).min(25.0);
        self.errors.1 += share;
        self.shift_quantiles(promise, waited_s);
    }

    /// One step of a Kalman filter with a constant state.
    fn regress(&mut self, basis: &Basis, error: f64, variance: f64) {
        let x = features(basis);
        let mut spread = [0.0; FEATURES];
        for (at, row) in self.covariance.iter().enumerate() {
            spread[at] = row.iter().zip(x).map(|(p, x)| p * x).sum();
        }
        let whole = variance + spread.iter().zip(x).map(|(s, x)| s * x).sum::<f64>();
        for at in 0..FEATURES {
            self.coefficients[at] += spread[at] * error / whole;
            for other in 0..FEATURES {
                self.covariance[at][other] -= spread[at] * spread[other] / whole;
            }
            self.covariance[at][at] += COEFFICIENT_DRIFT;
        }
    }

    fn shift_quantiles(&mut self, promise: &Promise, waited_s: f64) {
        // A free counter makes a range of one value, which holds for sure. The
        // others' ranges then may hold a little less than 90 %, so that all
        // together come nearer to it; never less than 87.5 %.
        let inside = ((0.925 - self.certain) / (1.0 - self.certain)).clamp(0.875, 0.9);
        let tail = (1.0 - inside) / 2.0;
        let levels = [tail, 0.25, 0.5, 0.75, 1.0 - tail];
        let group = &mut self.groups[group_of(&promise.basis)];
        group.seen += 1.0;
        let step = (0.06 / (1.0 + group.seen / 40.0)).max(0.004)
            / (1.0 + promise.basis.ahead as f64).powf(0.25);
        for (at, value) in promise.forecast.quantiles().into_iter().enumerate() {
            let below = if levels[at] < 0.5 {
                waited_s < value
            } else {
                waited_s <= value
            };
            group.shifts[at] += step * (levels[at] - f64::from(u8::from(below)));
            group.shifts[at] = group.shifts[at].clamp(-3.0, 3.0);
        }
    }
}

fn features(basis: &Basis) -> [f64; FEATURES] {
    let mean = basis.mean_s;
    let cap = 10.0 * mean + 600.0;
    let classical = &basis.classical;
    [
        mean,
        classical.ql_s.min(cap) - mean,
        classical.les_s.min(cap) - mean,
        classical.hol_s.min(cap) - mean,
    ]
}

fn is_certain(basis: &Basis) -> bool {
    basis.deviation_s <= 1e-6
}

fn group_of(basis: &Basis) -> usize {
    GROUPS
        .iter()
        .position(|end| basis.ahead <= *end)
        .unwrap_or(GROUPS.len() - 1)
}
