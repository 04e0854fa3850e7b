//! `usher-server waits evaluate`: the promises that would have been made on a trace.
//!
//! The trace is walked through in time. For each visit the forecast is made from
//! what was known before it arrived: arrivals, calls, finishes and departures at
//! earlier times, visits that arrived at the same time on earlier lines, and the
//! counters' plan, which an office knows beforehand. Nothing later is used; a
//! property test alters it and compares.

mod error;
mod read;
mod walk;

use std::io::{Read, Write};

pub use error::EvaluateError;
pub use read::{CounterRow, Outcome, VisitRow, read_counters, read_trace};
pub use walk::{Prediction, walk};

/// Simulations for a prediction.
pub const RUNS: usize = 400;

/// Reads a trace and a plan of counters, and writes the predictions as CSV.
///
/// `trace`: `visit_id,service,arrival_s,call_s,finish_s,counter,outcome`, where the
/// outcome is `served` or `left`. `counters`: `counter,services,open_s,close_s`, a
/// line for each time a counter is open, its services separated by spaces. `out`:
/// `visit_id,mean_s,p05_s,p25_s,p50_s,p75_s,p95_s,les_s,hol_s,ql_s` in the order of
/// arrival; waits in seconds from arrival to call.
///
/// # Errors
/// Says in one sentence which line of which file is wrong and what to do.
pub fn run(
    trace: impl Read,
    counters: impl Read,
    mut out: impl Write,
) -> Result<(), EvaluateError> {
    let visits = read_trace(trace)?;
    let counters = read_counters(counters)?;
    let predictions = walk(&visits, &counters, RUNS)?;
    let mut writer = csv::Writer::from_writer(&mut out);
    let header = [
        "visit_id", "mean_s", "p05_s", "p25_s", "p50_s", "p75_s", "p95_s", "les_s", "hol_s", "ql_s",
    ];
    writer.write_record(header).map_err(EvaluateError::write)?;
    for prediction in &predictions {
        let forecast = &prediction.promise.forecast;
        let classical = &prediction.promise.basis.classical;
        let numbers = [
            forecast.mean_s,
            forecast.p05_s,
            forecast.p25_s,
            forecast.p50_s,
            forecast.p75_s,
            forecast.p95_s,
            classical.les_s,
            classical.hol_s,
            classical.ql_s,
        ];
        let fields = std::iter::once(visits[prediction.row].visit_id.clone())
            .chain(numbers.iter().map(|number| format!("{number:.3}")));
        writer.write_record(fields).map_err(EvaluateError::write)?;
    }
    writer
        .flush()
        .map_err(|cause| EvaluateError::write(cause.into()))
}
