//! What a resident is told on arrival, and how it turned out.

use serde::{Deserialize, Serialize};

/// A predicted wait.
///
/// Seconds from the moment of the forecast to the call, given that the visit
/// stays until it is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct WaitForecast {
    /// The mean: what is best in the sense of squared error.
    pub mean_s: f64,
    /// One in twenty waits less.
    pub p05_s: f64,
    /// One in four waits less. With `p75_s`, the range that holds half.
    pub p25_s: f64,
    /// Half wait less.
    pub p50_s: f64,
    /// One in four waits longer.
    pub p75_s: f64,
    /// One in twenty waits longer. With `p05_s`, the range that holds 90 %.
    pub p95_s: f64,
    /// The chance in 0..1 to be called before the counters close, for one who
    /// stays.
    pub chance_before_close: f64,
}

impl WaitForecast {
    pub(crate) fn quantiles(&self) -> [f64; 5] {
        [self.p05_s, self.p25_s, self.p50_s, self.p75_s, self.p95_s]
    }

    pub(crate) fn set_quantiles(&mut self, values: [f64; 5]) {
        [self.p05_s, self.p25_s, self.p50_s, self.p75_s, self.p95_s] = values;
    }
}

/// The classical estimates of a joining visit's wait; see [`crate::classical`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Classical {
    /// The wait of the last to enter service, in seconds.
    pub les_s: f64,
    /// The wait so far of the head of the line, in seconds.
    pub hol_s: f64,
    /// Queue length with known staff, in seconds.
    pub ql_s: f64,
}

/// What the simulation said before it was corrected: kept with the promise, for
/// the correction learns from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Basis {
    /// The simulated mean in seconds.
    pub mean_s: f64,
    /// The simulated standard deviation in seconds.
    pub deviation_s: f64,
    /// How many waiting visits may be called before.
    pub ahead: usize,
    /// The classical estimates of the same moment.
    pub classical: Classical,
}

/// A forecast made to a resident on arrival: what is stored on the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Promise {
    /// Index of the service.
    pub service: usize,
    /// When it was made, in seconds.
    pub made_s: f64,
    /// What was said.
    pub forecast: WaitForecast,
    /// What it was made from.
    pub basis: Basis,
}

/// How well promises were kept: an office's published accuracy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Promises whose visits were called.
    pub visits: u64,
    /// Waits within the range that should hold half.
    pub within_50: u64,
    /// Waits within the range that should hold 90 %.
    pub within_90: u64,
    /// Of `visits`, those whose range was not a single value: a counter was not
    /// simply free.
    pub uncertain: u64,
    /// Of `uncertain`, those within the 90 % range.
    pub uncertain_within_90: u64,
    /// Of `uncertain`, those within the 50 % range.
    pub uncertain_within_50: u64,
    absolute_error_s: f64,
    squared_error_s2: f64,
    pinball_s: f64,
}

impl Score {
    /// Counts a visit that was called after so many seconds.
    pub fn add(&mut self, promised: &WaitForecast, waited_s: f64) {
        let within = |low: f64, high: f64| u64::from(low <= waited_s && waited_s <= high);
        self.visits += 1;
        let within_50 = within(promised.p25_s, promised.p75_s);
        self.within_50 += within_50;
        let within_90 = within(promised.p05_s, promised.p95_s);
        self.within_90 += within_90;
        if promised.p95_s > promised.p05_s {
            self.uncertain += 1;
            self.uncertain_within_90 += within_90;
            self.uncertain_within_50 += within_50;
        }
        let error = waited_s - promised.mean_s;
        self.absolute_error_s += error.abs();
        self.squared_error_s2 += error * error;
        let levels = [0.05, 0.25, 0.5, 0.75, 0.95];
        for (level, value) in levels.into_iter().zip(promised.quantiles()) {
            let over = waited_s - value;
            self.pinball_s += over.max(0.0) * level + (-over).max(0.0) * (1.0 - level);
        }
    }

    /// Share of waits within the 50 % range; `None` before the first.
    #[must_use]
    pub fn share_within_50(&self) -> Option<f64> {
        self.mean(self.within_50 as f64)
    }

    /// Share of waits within the 90 % range; `None` before the first.
    #[must_use]
    pub fn share_within_90(&self) -> Option<f64> {
        self.mean(self.within_90 as f64)
    }

    /// Mean absolute error of the promised mean in seconds.
    #[must_use]
    pub fn mean_absolute_error_s(&self) -> Option<f64> {
        self.mean(self.absolute_error_s)
    }

    /// Mean squared error of the promised mean in seconds squared.
    #[must_use]
    pub fn mean_squared_error_s2(&self) -> Option<f64> {
        self.mean(self.squared_error_s2)
    }

    /// Mean pinball loss over the five quantiles in seconds (Koenker and Bassett
    /// 1978): a proper score of the whole range, less is better.
    #[must_use]
    pub fn mean_pinball_s(&self) -> Option<f64> {
        self.mean(self.pinball_s / 5.0)
    }

    fn mean(&self, sum: f64) -> Option<f64> {
        (self.visits > 0).then(|| sum / self.visits as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_counts_ranges_and_errors() {
        let promised = WaitForecast {
            mean_s: 100.0,
            p05_s: 20.0,
            p25_s: 60.0,
            p50_s: 90.0,
            p75_s: 130.0,
            p95_s: 250.0,
            chance_before_close: 1.0,
        };
        let mut score = Score::default();
        assert_eq!(score.share_within_90(), None);
        for waited in [100.0, 20.0, 19.0, 300.0] {
            score.add(&promised, waited);
        }
        assert_eq!(score.share_within_50(), Some(0.25));
        assert_eq!(score.share_within_90(), Some(0.5));
        assert_eq!(score.mean_absolute_error_s(), Some(361.0 / 4.0));
        // 2.5 % of 80 s is the loss of the 5 % quantile at 100 s, and so on.
        let mut one = Score::default();
        one.add(&promised, 100.0);
        let loss = (80.0 * 0.05 + 40.0 * 0.25 + 10.0 * 0.5 + 30.0 * 0.25 + 150.0 * 0.05) / 5.0;
        assert!((one.mean_pinball_s().unwrap() - loss).abs() < 1e-9);
    }
}
