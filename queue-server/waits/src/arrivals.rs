//! How often residents come, by service and hour.

use serde::{Deserialize, Serialize};

use crate::service_time::hour_of;

/// Hours of exposure by which a service's overall rate counts in one hour's.
const PRIOR_HOURS: f64 = 1.0;

/// Arrivals counted by service and hour of the day, discounted by days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Arrivals {
    counts: Vec<[f64; 24]>,
    exposure_h: [f64; 24],
    last_s: Option<f64>,
}

impl Arrivals {
    pub(crate) fn new() -> Self {
        Self {
            counts: Vec::new(),
            exposure_h: [0.0; 24],
            last_s: None,
        }
    }

    pub(crate) fn observe(&mut self, service: usize, at_s: f64) {
        while self.counts.len() <= service {
            self.counts.push([0.0; 24]);
        }
        // The time since the last arrival counts as watched; at most three days,
        // for a longer silence says nothing about a usual day.
        let mut from = self.last_s.unwrap_or(at_s).max(at_s - 3.0 * 86_400.0);
        while from < at_s {
            let end = ((from / 3600.0).floor() + 1.0) * 3600.0;
            let until = end.min(at_s);
            self.exposure_h[hour_of(from)] += (until - from) / 3600.0;
            if until >= end && hour_of(end) == 0 {
                self.fade();
            }
            from = until;
        }
        self.last_s = Some(at_s);
        self.counts[service][hour_of(at_s)] += 1.0;
    }

    fn fade(&mut self) {
        for exposure in &mut self.exposure_h {
            *exposure *= 0.97;
        }
        for count in self.counts.iter_mut().flatten() {
            *count *= 0.97;
        }
    }

    /// Arrivals of a service in a second of that hour.
    pub(crate) fn rate(&self, service: usize, hour: usize) -> f64 {
        let Some(counts) = self.counts.get(service) else {
            return 0.0;
        };
        let exposure: f64 = self.exposure_h.iter().sum();
        let overall = counts.iter().sum::<f64>() / exposure.max(0.1);
        (counts[hour] + overall * PRIOR_HOURS) / (self.exposure_h[hour] + PRIOR_HOURS) / 3600.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_its_hour() {
        let mut arrivals = Arrivals::new();
        for day in 0..20 {
            for minute in 0..120 {
                // One a minute from 9 to 10, one in four minutes from 10 to 11.
                if minute < 60 || minute % 4 == 0 {
                    let at = f64::from(day) * 86_400.0 + 32_400.0 + f64::from(minute) * 60.0;
                    arrivals.observe(0, at);
                }
            }
        }
        assert!((arrivals.rate(0, 9) * 60.0 - 1.0).abs() < 0.1);
        assert!((arrivals.rate(0, 10) * 240.0 - 1.0).abs() < 0.1);
        assert!(arrivals.rate(0, 3) * 3600.0 < 1.0);
    }
}
