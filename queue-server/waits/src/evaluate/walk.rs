//! The walk through a trace in time.

use std::collections::HashMap;

use super::{CounterRow, EvaluateError, VisitRow};
use crate::floor::Floor;
use crate::forecast::promises;
use crate::model::{Model, Prior};
use crate::promise::Promise;
use crate::scene::{Services, Shift};

/// The promise made to the visit of a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Index of the row in the trace.
    pub row: usize,
    /// What would have been promised.
    pub promise: Promise,
}

/// What happens at one time, in this order: forecasts come first, so that they
/// know of nothing that happens in the same second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Arrival,
    Departure,
    Call,
}

/// Makes the predictions, in the order of arrival.
///
/// # Errors
/// More services than [`Services::MAX`].
pub fn walk(
    visits: &[VisitRow],
    counters: &[CounterRow],
    runs: usize,
) -> Result<Vec<Prediction>, EvaluateError> {
    let mut names = Names::default();
    let plans = names.plans(counters)?;
    let mut floor = Floor::new(&plans);
    let mut model = Model::new(&Prior::broad(names.services.len()));
    let mut predictions: Vec<Prediction> = Vec::with_capacity(visits.len());
    let mut promised: Vec<Option<Promise>> = vec![None; visits.len()];
    for (time, kind, row) in events(visits) {
        let visit = &visits[row];
        match kind {
            Kind::Arrival => {
                let service = names.service(&visit.service, "trace", visit.line)?;
                let scene = floor.scene(&model, time, vec![service], None);
                let seed = 0x05ee_d000 + predictions.len() as u64;
                let waiting = scene.waiting.len();
                // Long lines are steadier, and cost more: fewer runs do.
                let runs = (runs * 40 / (40 + waiting)).max(runs / 4);
                if let Some(promise) = promises(&model, &scene, seed, runs).pop() {
                    promised[row] = Some(promise);
                    predictions.push(Prediction { row, promise });
                }
                floor.arrive(&mut model, time, row as u64, service);
            }
            Kind::Call => {
                let counter = visit
                    .counter
                    .as_ref()
                    .map(|name| names.counter(name, &mut floor));
                floor.call(&mut model, time, row as u64, counter);
                if let Some(promise) = &promised[row] {
                    model.observe_outcome(promise, time - visit.arrival_s);
                    if visit.finish_s == Some(time) {
                        floor.finish(&mut model, time, row as u64, promise.service, time);
                    }
                }
            }
            Kind::Departure => match (visit.call_s, &promised[row]) {
                (Some(call_s), Some(promise)) if call_s < time => {
                    floor.finish(&mut model, time, row as u64, promise.service, call_s);
                }
                (None, _) => floor.leave(&mut model, time, row as u64),
                _ => {}
            },
        }
    }
    Ok(predictions)
}

fn events(visits: &[VisitRow]) -> Vec<(f64, Kind, usize)> {
    let mut events = Vec::with_capacity(visits.len() * 3);
    for (row, visit) in visits.iter().enumerate() {
        events.push((visit.arrival_s, Kind::Arrival, row));
        events.extend(visit.call_s.map(|time| (time, Kind::Call, row)));
        events.extend(visit.finish_s.map(|time| (time, Kind::Departure, row)));
    }
    events.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    events
}

/// Names to indexes, given when a name is first met in time: what comes later in
/// the trace must not be seen in any number.
#[derive(Default)]
struct Names {
    services: HashMap<String, usize>,
    counters: HashMap<String, usize>,
}

impl Names {
    fn service(
        &mut self,
        name: &str,
        file: &'static str,
        line: u64,
    ) -> Result<usize, EvaluateError> {
        if let Some(service) = self.services.get(name) {
            return Ok(*service);
        }
        let service = self.services.len();
        if service >= Services::MAX {
            return Err(EvaluateError::field(
                file,
                line,
                format!(
                    "{name:?} is one service too many; put services together so that there are at most {}",
                    Services::MAX
                ),
            ));
        }
        self.services.insert(name.to_owned(), service);
        Ok(service)
    }

    fn plans(&mut self, rows: &[CounterRow]) -> Result<Vec<Vec<Shift>>, EvaluateError> {
        let mut plans: Vec<Vec<Shift>> = Vec::new();
        for row in rows {
            let mut services = Services::default();
            for name in &row.services {
                services.insert(self.service(name, "counters", row.line)?);
            }
            let counter = *self.counters.entry(row.counter.clone()).or_insert_with(|| {
                plans.push(Vec::new());
                plans.len() - 1
            });
            plans[counter].push(Shift {
                open_s: row.open_s,
                close_s: row.close_s,
                services,
            });
        }
        Ok(plans)
    }

    fn counter(&mut self, name: &str, floor: &mut Floor) -> usize {
        *self
            .counters
            .entry(name.to_owned())
            .or_insert_with(|| floor.add_counter())
    }
}
