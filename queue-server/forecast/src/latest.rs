//! The newest forecasts, as check-ins ask for them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::{SignedDuration, Timestamp};
use usher_office::Office;
use usher_office::foresee::{Foresee, Foreseen};
use usher_protocol::message::WaitRange;
use usher_protocol::{ServiceId, VisitId};
use usher_waits::promise::{Promise, WaitForecast};

/// A forecast is good for so long; then the other estimate is asked.
const GOOD_FOR: SignedDuration = SignedDuration::from_secs(60);

/// A forecast is good as long as the queue of its service has not changed by more
/// than one in so many: in a short queue everybody counts.
const CHANGE_ONE_IN: usize = 10;

/// The newest forecast for whoever joins each service. Shared: one thread
/// forecasts, another promises.
#[derive(Clone)]
pub struct Latest {
    otherwise: Arc<dyn Foresee>,
    known: Arc<RwLock<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    made_at: Option<Timestamp>,
    services: HashMap<ServiceId, (Promise, usize)>,
    waiting: HashMap<VisitId, WaitForecast>,
}

impl Latest {
    /// Asks `otherwise` while there is no good forecast.
    #[must_use]
    pub fn new(otherwise: Arc<dyn Foresee>) -> Self {
        Self {
            otherwise,
            known: Arc::default(),
        }
    }

    /// Takes the forecasts of one moment: for each service, with how many waited,
    /// and for each who waits.
    pub fn set(
        &self,
        made_at: Timestamp,
        services: HashMap<ServiceId, (Promise, usize)>,
        waiting: HashMap<VisitId, WaitForecast>,
    ) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = Known {
            made_at: Some(made_at),
            services,
            waiting,
        };
    }

    /// How long the visit still waits from `at`, if that was foreseen of late.
    #[must_use]
    pub fn rest_of(&self, visit: VisitId, at: Timestamp) -> Option<WaitRange> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let age = at.duration_since(known.made_at?);
        let forecast = known.waiting.get(&visit)?;
        (age.abs() <= GOOD_FOR).then(|| told(forecast, false).wait)
    }

    /// What was foreseen of who joins `service` at `at` with so many waiting for it
    /// already, if that is good.
    #[must_use]
    pub fn promise(&self, service: &ServiceId, waiting: usize, at: Timestamp) -> Option<Promise> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let age = at.duration_since(known.made_at?);
        let (promise, waited) = known.services.get(service)?;
        let change = waiting.abs_diff(*waited);
        (age.abs() <= GOOD_FOR && change * CHANGE_ONE_IN <= *waited).then_some(*promise)
    }
}

impl Foresee for Latest {
    fn foresee(
        &self,
        office: &Office,
        service: &ServiceId,
        arrived_at: Timestamp,
    ) -> Option<Foreseen> {
        // Nobody serves it: there is no wait to be told, whatever was foreseen before.
        let otherwise = self.otherwise.foresee(office, service, arrived_at)?;
        let promise = self.promise(service, office.waiting_for(service), arrived_at);
        Some(promise.map_or(otherwise, |promise| {
            let has_hours = office.plan().rules.hours.is_some();
            told(&promise.forecast, has_hours)
        }))
    }
}

/// A forecast as it is told: half of such waits are shorter than the low end, one
/// in ten is longer than the high end.
#[must_use]
pub fn told(forecast: &WaitForecast, has_hours: bool) -> Foreseen {
    // Between the quantiles at 75 and 95 %.
    let p90_s = forecast.p75_s + 0.75 * (forecast.p95_s - forecast.p75_s);
    let low_minutes = minutes(forecast.p50_s.floor());
    let high_minutes = minutes(p90_s + 59.0).max(low_minutes);
    Foreseen {
        wait: WaitRange {
            low_minutes,
            high_minutes,
        },
        chance_before_closing: has_hours.then(|| hundredths(forecast.chance_before_close)),
    }
}

fn minutes(seconds: f64) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range"
    )]
    let minutes = (seconds / 60.0).clamp(0.0, f64::from(u16::MAX)) as u16;
    minutes
}

fn hundredths(chance: f64) -> u8 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range"
    )]
    let hundredths = (chance * 100.0).round().clamp(0.0, 100.0) as u8;
    hundredths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_is_good_for_a_queue_of_about_that_length_and_for_a_minute() {
        let nobody = |_: &Office, _: &ServiceId, _: Timestamp| -> Option<WaitRange> { None };
        let latest = Latest::new(Arc::new(nobody));
        let service: ServiceId = "titles".parse().unwrap();
        let made: Timestamp = "2026-11-25T17:00:00Z".parse().unwrap();
        let promise = Promise {
            service: 0,
            made_s: 0.0,
            forecast: WaitForecast::default(),
            basis: usher_waits::promise::Basis::default(),
        };
        let known = |waited| {
            let services = HashMap::from([(service.clone(), (promise, waited))]);
            latest.set(made, services, HashMap::new());
        };
        let is_good = |waiting, seconds| {
            let at = made + SignedDuration::from_secs(seconds);
            latest.promise(&service, waiting, at).is_some()
        };
        known(0);
        assert!(is_good(0, 60));
        assert!(!is_good(0, 61));
        assert!(!is_good(1, 0), "one before is another wait than none");
        known(20);
        assert!(is_good(18, 0) && is_good(22, 0));
        assert!(!is_good(23, 0));
    }

    #[test]
    fn a_forecast_is_told_in_whole_minutes_that_keep_its_word() {
        let forecast = WaitForecast {
            mean_s: 700.0,
            p05_s: 300.0,
            p25_s: 500.0,
            p50_s: 659.0,
            p75_s: 900.0,
            p95_s: 1_300.0,
            chance_before_close: 0.876,
        };
        let foreseen = told(&forecast, true);
        // Half are shorter than 10:59, so at 10 min less than half are; 90 % are
        // shorter than 20:00.
        assert_eq!(foreseen.wait.low_minutes, 10);
        assert_eq!(foreseen.wait.high_minutes, 20);
        assert_eq!(foreseen.chance_before_closing, Some(88));
        assert_eq!(told(&forecast, false).chance_before_closing, None);
    }
}
