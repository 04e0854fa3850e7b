//! The counters of a scene, prepared once for all runs.

use super::{HOURS, NIGHT_S};
use crate::habits::LineChoice;
use crate::model::Model;
use crate::scene::{Counter, Doing, Scene, Services, Shift, Waiting};
use crate::service_time::hour_of;

/// A counter, with what the model knows of it.
pub(super) struct CounterPlan<'a> {
    pub(super) services: Services,
    pub(super) beyond_services: Services,
    /// With each, whether nobody else is there when it closes.
    pub(super) shifts: Vec<(Shift, bool)>,
    pub(super) doing: Doing,
    pub(super) beyond_plan: bool,
    /// Mean service seconds, by hour from now and service.
    pub(super) means: Vec<f64>,
    pub(super) choice: Option<&'a LineChoice>,
}

/// The counters, with what the model knows of each.
pub(super) fn plan<'a>(
    model: &'a Model,
    scene: &Scene,
    visits: &[Waiting],
    services: usize,
) -> Vec<CounterPlan<'a>> {
    let mut known: Vec<Counter> = scene.counters.clone();
    if known.is_empty() {
        known.push(Counter {
            services: Services::default(),
            beyond_services: Services::default(),
            doing: Doing::Ready,
            shifts: Vec::new(),
            beyond_plan: true,
        });
    }
    let every = known.iter().fold(0, |set, counter| {
        let planned = counter
            .shifts
            .iter()
            .fold(0, |set, shift| set | shift.services.0);
        set | counter.services.0 | planned
    });
    // Nobody is known to serve it: then all are supposed to, for want of better.
    let orphans = visits
        .iter()
        .filter(|visit| every >> visit.service & 1 == 0)
        .fold(0_u64, |set, visit| set | 1 << visit.service);
    let tomorrow = model.carried_over.value() >= 0.5;
    // Outside opening hours the next morning is what is foreseen.
    let all_later = known.iter().all(|counter| {
        !counter.is_present(scene.now_s)
            && counter
                .shifts
                .iter()
                .all(|shift| shift.open_s - scene.now_s > NIGHT_S)
    });
    let all: Vec<Shift> = known.iter().flat_map(|c| c.shifts.clone()).collect();
    let first_hour = (scene.now_s / 3600.0).floor();
    known
        .into_iter()
        .enumerate()
        .map(|(at, counter)| {
            let mut means = Vec::with_capacity(HOURS * services);
            for hours in 0..HOURS {
                let hour = hour_of((first_hour + hours as f64) * 3600.0);
                for service in 0..services {
                    means.push(model.times.mean(service, Some(at), hour));
                }
            }
            let mut shifts = counter.shifts.clone();
            if !tomorrow && !all_later {
                let mut end = scene.now_s;
                shifts.retain(|shift| {
                    let same_day = shift.open_s - end <= NIGHT_S;
                    if same_day {
                        end = end.max(shift.close_s);
                    }
                    same_day
                });
            }
            let shifts = shifts
                .into_iter()
                .map(|shift| (shift, !all.iter().any(|other| covers(other, shift.close_s))))
                .collect();
            CounterPlan {
                services: Services(counter.services.0 | orphans),
                beyond_services: Services(counter.beyond_services.0 | orphans),
                shifts,
                doing: counter.doing,
                beyond_plan: counter.beyond_plan,
                means,
                choice: model.habits.choice(counter.services.0),
            }
        })
        .collect()
}

/// Whether a shift goes on at that time.
fn covers(shift: &Shift, time: f64) -> bool {
    shift.open_s <= time && time < shift.close_s
}
