//! The classical estimates of a wait, for comparison and as a safety net.
//!
//! - **QL**, queue length with known staff: (n + 1) × mean service time ÷ counters
//!   (Ibrahim and Whitt, "Real-time delay estimation based on delay history",
//!   M&SOM 11, 2009; Whitt, "Predicting queueing delays", Management Science 45,
//!   1999). It is 0 while a counter is free. With several services, `n` counts all
//!   who wait for a service that shares an open counter with this one, and the mean
//!   is that of their services; it is learned from the past alone.
//! - **LES**: the wait of the last of the same service to enter service; before
//!   the first, of any service; before any, QL. It is 0 while a counter is free.
//! - **HOL**: how long the first in the same service's line has waited; with nobody
//!   in it, LES.

use crate::model::Model;
use crate::promise::Classical;
use crate::scene::{Doing, Scene, Services};
use crate::service_time::hour_of;

/// The classical estimates for one who joins the queue of `service` now, and how
/// many wait whom a counter may call before.
#[must_use]
pub fn estimate(model: &Model, scene: &Scene, service: usize) -> (Classical, usize) {
    let open = || {
        scene
            .counters
            .iter()
            .filter(|counter| counter.services.contains(service) && counter.is_present(scene.now_s))
    };
    let hour = hour_of(scene.now_s);
    let shared = open().fold(Services::of(&[service]), |set, counter| {
        set.with(counter.services)
    });
    let (mut ahead, mut sum) = (0, model.mean_service_s(service, None, hour));
    for visit in &scene.waiting {
        if shared.contains(visit.service) {
            ahead += 1;
            sum += model.mean_service_s(visit.service, None, hour);
        }
    }
    let free = open().any(|counter| matches!(counter.doing, Doing::Ready));
    if free && !scene.waiting.iter().any(|visit| visit.service == service) {
        return (Classical::default(), ahead);
    }
    let ql_s = sum / open().count().max(1) as f64;
    let les_s = scene.last_waits[service]
        .or_else(|| {
            let calls = scene.last_waits.iter().flatten().copied();
            calls.max_by(|a, b| a.0.total_cmp(&b.0))
        })
        .map_or(ql_s, |(_, wait)| wait);
    let hol_s = scene
        .waiting
        .iter()
        .find(|visit| visit.service == service)
        .map_or(les_s, |visit| scene.now_s - visit.since_s);
    (Classical { les_s, hol_s, ql_s }, ahead)
}
