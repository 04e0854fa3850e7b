//! Service times, learned by service, hour and counter.
//!
//! The mean is a product of effects (a service's, an hour's, a counter's, a
//! service's in an hour), each shrunk towards 1 by its prior and followed by a
//! Kalman filter on the log scale. Four sets of effects run side by side; each
//! counts for as much as its predictions were likely, so that an hour's effect
//! which is not there costs nothing. The quasi-likelihood is that of a gamma law:
//! unbiased for the mean whatever the true shape (McCullagh and Nelder 1989,
//! chapter 9). The shape around the mean is counted per service and shrunk towards
//! that of all services.

use serde::{Deserialize, Serialize};

use crate::histogram::{Histogram, Sampler};

/// Seconds of the day to its hour, 0–23.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn hour_of(time_s: f64) -> usize {
    // Between 0 and 24 before the cast.
    ((time_s.rem_euclid(86_400.0) / 3600.0) as usize).min(23)
}

/// Variance of the log-mean of a service about that of all, before any was seen.
const SERVICE_VARIANCE: f64 = 0.5;
/// Variance of the log-mean of all services in a new office without usual minutes.
const POOLED_VARIANCE: f64 = 1.5;
const COUNTER_VARIANCE: f64 = 0.03;
const HOUR_VARIANCE: f64 = 0.05;
const SERVICE_HOUR_VARIANCE: f64 = 0.03;
/// How much an effect's variance grows in a day: it may move by 1 %.
const DRIFT_PER_DAY: f64 = 1e-4;
/// An observation counts as at most so many times its mean.
const RATIO_MAX: f64 = 8.0;
/// Observations that the shape of all services counts for in one service's.
const SHAPE_PRIOR: f64 = 40.0;

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Effect {
    log: f64,
    variance: f64,
}

impl Effect {
    fn new(variance: f64) -> Self {
        Self { log: 0.0, variance }
    }
}

/// One set of effects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Variant {
    by_counter: bool,
    by_hour: bool,
    pooled: Effect,
    services: Vec<Effect>,
    counters: Vec<Effect>,
    hours: Vec<Effect>,
    service_hours: Vec<Effect>,
    likelihood_log: f64,
}

/// Logarithm of what a set counts for before anything was seen, and in the long
/// run if all predict as well: a simpler one counts for more. Effects that are not
/// there are the costliest mistake in a long line, whose waits depend on nothing
/// but the mean.
fn prior_log(by_counter: bool, by_hour: bool) -> f64 {
    -4.0 * f64::from(u8::from(by_counter)) - 7.0 * f64::from(u8::from(by_hour))
}

impl Variant {
    fn new(by_counter: bool, by_hour: bool) -> Self {
        Self {
            by_counter,
            by_hour,
            pooled: Effect::new(POOLED_VARIANCE),
            services: Vec::new(),
            counters: Vec::new(),
            hours: vec![Effect::new(HOUR_VARIANCE); 24],
            service_hours: Vec::new(),
            likelihood_log: prior_log(by_counter, by_hour),
        }
    }

    fn log_mean(&self, service: usize, counter: Option<usize>, hour: usize) -> f64 {
        let of = |list: &[Effect], at: usize| list.get(at).map_or(0.0, |effect| effect.log);
        let mut log = self.pooled.log + of(&self.services, service);
        if self.by_counter
            && let Some(counter) = counter
        {
            log += of(&self.counters, counter);
        }
        if self.by_hour {
            log += of(&self.hours, hour) + of(&self.service_hours, service * 24 + hour);
        }
        log
    }

    fn learn(
        &mut self,
        service: usize,
        counter: Option<usize>,
        hour: usize,
        seconds: f64,
        spread: f64,
    ) {
        let mean = self.log_mean(service, counter, hour).exp();
        let ratio = (seconds / mean).min(RATIO_MAX);
        self.likelihood_log -= (ratio + mean.ln()) / spread;
        let mut effects = vec![&mut self.pooled, &mut self.services[service]];
        if self.by_counter
            && let Some(counter) = counter
        {
            effects.push(&mut self.counters[counter]);
        }
        if self.by_hour {
            effects.push(&mut self.hours[hour]);
            effects.push(&mut self.service_hours[service * 24 + hour]);
        }
        let whole = spread + effects.iter().map(|effect| effect.variance).sum::<f64>();
        for effect in effects {
            let gain = effect.variance / whole;
            effect.log += gain * (ratio - 1.0);
            effect.variance *= 1.0 - gain;
        }
    }

    /// Lets evidence wear off slowly, so that a change is noticed.
    fn fade_towards(&mut self, prior_log: f64, plainest_log: f64) {
        let evidence = self.likelihood_log - plainest_log - prior_log;
        self.likelihood_log = plainest_log + prior_log + 0.9995 * evidence;
    }

    fn drift(&mut self, days: f64) {
        let every = [
            &mut self.services,
            &mut self.counters,
            &mut self.hours,
            &mut self.service_hours,
        ];
        for effect in every.into_iter().flatten() {
            effect.variance += DRIFT_PER_DAY * days;
        }
    }
}

/// What is known of service times.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ServiceTimes {
    base_log: f64,
    variants: Vec<Variant>,
    spreads: Vec<(f64, f64)>,
    shapes: Vec<Histogram>,
    pooled_shape: Histogram,
    samplers: Vec<Sampler>,
    since_built: Vec<f64>,
    day: Option<f64>,
}

impl ServiceTimes {
    /// `usual_s`: each service's usual seconds where the office says them.
    pub(crate) fn new(services: usize, usual_s: &[Option<f64>], pooled_s: f64) -> Self {
        let mut pooled_shape = Histogram::new(0.002, 60.0);
        // Coefficient of variation 0.8: between an exponential's 1 and the 0.6
        // of well-trodden counter work. An assumption, soon outweighed.
        pooled_shape.add_lognormal(0.78, 0.70, 10.0);
        let mut times = Self {
            base_log: pooled_s.max(1.0).ln(),
            variants: [(false, false), (true, false), (false, true), (true, true)]
                .into_iter()
                .map(|(by_counter, by_hour)| Variant::new(by_counter, by_hour))
                .collect(),
            spreads: Vec::new(),
            shapes: Vec::new(),
            pooled_shape,
            samplers: Vec::new(),
            since_built: Vec::new(),
            day: None,
        };
        times.make_room(services.max(1) - 1, None);
        for (service, usual) in usual_s.iter().enumerate().take(services) {
            if let Some(usual) = usual {
                for variant in &mut times.variants {
                    variant.pooled.variance = 0.05;
                    variant.services[service] = Effect {
                        log: usual.max(1.0).ln() - times.base_log,
                        variance: 0.1,
                    };
                }
            }
        }
        times
    }

    fn make_room(&mut self, service: usize, counter: Option<usize>) {
        while self.shapes.len() <= service {
            self.shapes.push(Histogram::new(0.002, 60.0));
            self.samplers.push(self.pooled_shape.sampler(Some(1.0)));
            self.since_built.push(0.0);
            self.spreads.push((0.0, 0.0));
        }
        for variant in &mut self.variants {
            while variant.services.len() <= service {
                variant.services.push(Effect::new(SERVICE_VARIANCE));
                for _ in 0..24 {
                    variant
                        .service_hours
                        .push(Effect::new(SERVICE_HOUR_VARIANCE));
                }
            }
            if let Some(counter) = counter {
                while variant.counters.len() <= counter {
                    variant.counters.push(Effect::new(COUNTER_VARIANCE));
                }
            }
        }
    }

    /// Squared coefficient of variation of a service.
    fn spread(&self, service: usize) -> f64 {
        let (sum, count) = self.spreads.get(service).copied().unwrap_or((0.0, 0.0));
        ((sum + 0.7 * 10.0) / (count + 10.0)).clamp(0.05, 4.0)
    }

    pub(crate) fn observe(
        &mut self,
        service: usize,
        counter: Option<usize>,
        started_s: f64,
        seconds: f64,
    ) {
        self.make_room(service, counter);
        let day = (started_s / 86_400.0).floor();
        let days = self.day.map_or(0.0, |known| (day - known).clamp(0.0, 60.0));
        self.day = Some(self.day.unwrap_or(day).max(day));
        let hour = hour_of(started_s);
        let seconds = seconds.max(0.5);
        let mean = self.mean(service, counter, hour);
        let spread = self.spread(service);
        let shift = self.base_log.exp();
        for variant in &mut self.variants {
            if days > 0.0 {
                variant.drift(days);
            }
            variant.learn(service, counter, hour, seconds / shift, spread);
        }
        let common = self.variants[0].likelihood_log;
        for variant in &mut self.variants {
            let prior = prior_log(variant.by_counter, variant.by_hour);
            variant.fade_towards(prior, common);
        }
        let ratio = seconds / mean;
        let (sum, count) = &mut self.spreads[service];
        *sum = *sum * 0.9995 + (ratio.min(RATIO_MAX) - 1.0).powi(2);
        *count = *count * 0.9995 + 1.0;
        self.shapes[service].fade(0.9998);
        self.shapes[service].add(ratio, 1.0);
        self.pooled_shape.fade(0.9998);
        self.pooled_shape.add(ratio, 1.0);
        self.since_built[service] += 1.0;
        let total = self.shapes[service].total();
        if self.since_built[service] >= (total / 20.0).min(60.0) {
            self.since_built[service] = 0.0;
            let mut shape = self.shapes[service].clone();
            shape.add_shape(&self.pooled_shape, SHAPE_PRIOR);
            self.samplers[service] = shape.sampler(Some(1.0));
        }
    }

    /// The mean service time in seconds.
    pub(crate) fn mean(&self, service: usize, counter: Option<usize>, hour: usize) -> f64 {
        let best = self
            .variants
            .iter()
            .map(|variant| variant.likelihood_log)
            .fold(f64::NEG_INFINITY, f64::max);
        let (mut sum, mut weights) = (0.0, 0.0);
        for variant in &self.variants {
            let weight = (variant.likelihood_log - best).exp();
            if weight > 1e-4 {
                sum += weight * variant.log_mean(service, counter, hour);
                weights += weight;
            }
        }
        (self.base_log + sum / weights).exp()
    }

    /// How unsure the mean is: standard deviation of its logarithm.
    pub(crate) fn doubt(&self, service: usize) -> f64 {
        let variant = &self.variants[0];
        variant
            .services
            .get(service)
            .map_or(POOLED_VARIANCE, |effect| {
                effect.variance + variant.pooled.variance
            })
            .sqrt()
            .min(0.8)
    }

    /// The distribution of the service time divided by its mean.
    pub(crate) fn shape(&self, service: usize) -> &Sampler {
        &self.samplers[service.min(self.samplers.len() - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(i: u32) -> f64 {
        // A low-discrepancy walk, so that the test needs no generator.
        (f64::from(i) * 0.618_033_988_75 + 0.31).fract()
    }

    #[test]
    fn the_mean_of_each_service_is_learned() {
        let mut times = ServiceTimes::new(2, &[], 300.0);
        for i in 0..2000 {
            let draw = -(1.0 - level(i)).ln();
            times.observe(0, Some(0), f64::from(i) * 100.0, 120.0 * draw);
            times.observe(1, Some(0), f64::from(i) * 100.0, 600.0 * draw);
        }
        let (short, long) = (times.mean(0, Some(0), 9), times.mean(1, Some(0), 9));
        assert!((short / 120.0 - 1.0).abs() < 0.06, "{short}");
        assert!((long / 600.0 - 1.0).abs() < 0.06, "{long}");
    }

    #[test]
    fn an_hour_that_is_slower_is_found() {
        let mut times = ServiceTimes::new(1, &[], 300.0);
        for i in 0..6000 {
            let at = f64::from(i) * 300.0;
            let slow = if hour_of(at) == 12 { 2.0 } else { 1.0 };
            times.observe(0, None, at, 200.0 * slow * -(1.0 - level(i)).ln());
        }
        let ratio = times.mean(0, None, 12) / times.mean(0, None, 10);
        assert!((ratio - 2.0).abs() < 0.4, "{ratio}");
    }

    #[test]
    fn a_new_office_starts_from_its_usual_minutes() {
        let times = ServiceTimes::new(2, &[Some(240.0), None], 600.0);
        assert!((times.mean(0, None, 9) - 240.0).abs() < 1.0);
        assert!((times.mean(1, None, 9) - 600.0).abs() < 1.0);
    }
}
