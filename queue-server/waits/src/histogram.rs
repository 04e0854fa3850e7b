//! Distributions of durations, learned by counting.

use serde::{Deserialize, Serialize};

/// Cells of a [`Sampler`]: each stands for the same probability.
pub(crate) const CELLS: usize = 256;

/// Width of a bin on the natural-log scale: 6 %.
const STEP: f64 = 0.06;

/// Counts of positive values in bins of equal width on the log scale, and of
/// zeros apart: a changeover that takes no time at all must stay at zero.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Histogram {
    low: f64,
    zeros: f64,
    bins: Vec<f64>,
}

impl Histogram {
    /// Counts values from `low` to `high`; what lies outside is counted at the
    /// edge, and below half of `low` as zero.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        let mut bins = vec![0.0];
        let mut edge = low;
        while edge < high {
            edge *= STEP.exp();
            bins.push(0.0);
        }
        Self {
            low,
            zeros: 0.0,
            bins,
        }
    }

    pub(crate) fn add(&mut self, value: f64, weight: f64) {
        if value < self.low / 2.0 {
            self.zeros += weight;
            return;
        }
        let place = ((value / self.low).ln() / STEP).max(0.0);
        // Bounded by the number of bins.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let bin = (place as usize).min(self.bins.len() - 1);
        self.bins[bin] += weight;
    }

    /// Adds a lognormal of the given median and standard deviation of the logarithm.
    pub(crate) fn add_lognormal(&mut self, median: f64, deviation: f64, weight: f64) {
        let grid = 200;
        for i in 0..grid {
            let level = (f64::from(i) + 0.5) / f64::from(grid);
            let value = median * (deviation * normal_quantile(level)).exp();
            self.add(value, weight / f64::from(grid));
        }
    }

    /// Adds another's proportions as so many observations.
    pub(crate) fn add_shape(&mut self, other: &Self, weight: f64) {
        let total = other.total();
        if total <= 0.0 {
            return;
        }
        self.zeros += weight * other.zeros / total;
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            *mine += weight * theirs / total;
        }
    }

    /// Lets what was counted so far weigh `factor` of what it did.
    pub(crate) fn fade(&mut self, factor: f64) {
        self.zeros *= factor;
        for bin in &mut self.bins {
            *bin *= factor;
        }
    }

    pub(crate) fn total(&self) -> f64 {
        self.zeros + self.bins.iter().sum::<f64>()
    }

    /// A table to draw from; with `mean`, scaled so that it has this mean.
    pub(crate) fn sampler(&self, mean: Option<f64>) -> Sampler {
        let share = self.total() / CELLS as f64;
        let mut cells = Vec::with_capacity(CELLS);
        let (mut room, mut sum) = (share, 0.0);
        let mut put = |mut mass: f64, value: &dyn Fn(f64, f64) -> f64| {
            let whole = mass;
            while mass > 0.0 {
                let piece = mass.min(room);
                let from = 1.0 - mass / whole;
                sum += piece * value(from, from + piece / whole);
                mass -= piece;
                room -= piece;
                if room <= share * 1e-9 {
                    if cells.len() < CELLS {
                        cells.push(sum / share);
                    }
                    (room, sum) = (share, 0.0);
                }
            }
        };
        put(self.zeros, &|_, _| 0.0);
        let mut edge = self.low;
        for mass in &self.bins {
            let start = edge;
            put(*mass, &|from, to| start * (STEP * (from + to) / 2.0).exp());
            edge *= STEP.exp();
        }
        let last = cells.last().copied().unwrap_or(0.0);
        cells.resize(CELLS, last);
        if let Some(mean) = mean {
            let have = cells.iter().sum::<f64>() / CELLS as f64;
            if have > 0.0 {
                for cell in &mut cells {
                    *cell *= mean / have;
                }
            }
        }
        Sampler { cells }
    }
}

/// A distribution as the means of [`CELLS`] equally likely pieces, rising. Its
/// mean is the distribution's to the last digit, and a draw is one look-up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sampler {
    cells: Vec<f64>,
}

impl Sampler {
    /// The value at `level` in 0..1.
    #[inline]
    pub(crate) fn draw(&self, level: f64) -> f64 {
        self.cells[index(level, CELLS)]
    }

    /// What is left beyond `elapsed`, given that so much has passed already.
    /// Beyond all but a few of the values seen, what is left is taken to be
    /// exponential with a mean that grows with what has passed.
    pub(crate) fn rest(&self, elapsed: f64, level: f64) -> f64 {
        let below = self.cells.partition_point(|cell| *cell <= elapsed);
        let above = CELLS - below;
        if above >= 4 {
            return self.cells[below + index(level, above)] - elapsed;
        }
        let tail = self.cells[CELLS - 1] - self.cells[CELLS - 8];
        let mean = (tail / 2.0).max(elapsed / 4.0);
        -mean * (1.0 - level).max(1e-9).ln()
    }

    /// Whether every draw is zero.
    pub(crate) fn is_zero(&self) -> bool {
        self.cells[CELLS - 1] <= 0.0
    }
}

/// The place of `level` in 0..1 among `count` equal pieces.
#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn index(level: f64, count: usize) -> usize {
    // Below `count`, which is far below 2^52.
    ((level * count as f64) as usize).min(count - 1)
}

/// The standard normal's quantile by bisection of an error-function series: used
/// for priors only, so that accuracy of 1e-7 is enough.
pub(crate) fn normal_quantile(level: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..50 {
        let middle: f64 = (low + high) / 2.0;
        if normal_share_below(middle) < level {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

/// Abramowitz and Stegun 26.2.17, absolute error below 7.5e-8.
fn normal_share_below(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * poly;
    if x >= 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sampler_keeps_mean_and_zeros() {
        let mut histogram = Histogram::new(1.0, 1e5);
        for i in 0..300 {
            histogram.add(0.0, 1.0);
            histogram.add(f64::from(10 + i), 1.0);
        }
        let sampler = histogram.sampler(None);
        let mean = (0..CELLS).map(|i| sampler.cells[i]).sum::<f64>() / CELLS as f64;
        assert!((mean - 79.75).abs() < 2.0, "{mean}");
        assert_eq!(sampler.draw(0.49), 0.0);
        assert!(sampler.draw(0.51) > 5.0);
    }

    #[test]
    fn what_is_left_of_an_exponential_does_not_depend_on_what_passed() {
        let mut histogram = Histogram::new(1.0, 1e5);
        for i in 0..10_000 {
            let level = (f64::from(i) + 0.5) / 10_000.0;
            histogram.add(-300.0 * (1.0_f64 - level).ln(), 1.0);
        }
        let sampler = histogram.sampler(None);
        for elapsed in [0.0, 100.0, 300.0, 900.0] {
            let mean = (0..1000)
                .map(|i| sampler.rest(elapsed, (f64::from(i) + 0.5) / 1000.0))
                .sum::<f64>()
                / 1000.0;
            assert!((mean - 300.0).abs() < 25.0, "{elapsed}: {mean}");
        }
    }

    #[test]
    fn normal_quantiles_are_those_of_the_tables() {
        assert!((normal_quantile(0.975) - 1.959_964).abs() < 1e-4);
        assert!(normal_quantile(0.5).abs() < 1e-4);
    }
}
