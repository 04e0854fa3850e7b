//! Reading of traces and plans, checked at the edge.

use std::collections::HashMap;
use std::io::Read;

use csv::StringRecord;

use super::EvaluateError;

const TRACE: &str = "trace";
const TRACE_COLUMNS: [&str; 7] = [
    "visit_id",
    "service",
    "arrival_s",
    "call_s",
    "finish_s",
    "counter",
    "outcome",
];
const TRACE_HEADER: &str = "visit_id,service,arrival_s,call_s,finish_s,counter,outcome";
const COUNTERS: &str = "counters";
const COUNTER_COLUMNS: [&str; 4] = ["counter", "services", "open_s", "close_s"];
const COUNTERS_HEADER: &str = "counter,services,open_s,close_s";

/// How a visit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was called and served.
    Served,
    /// It left, before or after a call.
    Left,
}

/// A line of a trace. Times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct VisitRow {
    /// What the trace calls the visit.
    pub visit_id: String,
    /// Name of its service.
    pub service: String,
    /// When it joined the queue.
    pub arrival_s: f64,
    /// When it was called.
    pub call_s: Option<f64>,
    /// When its service ended or it left.
    pub finish_s: Option<f64>,
    /// The counter that called it.
    pub counter: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// Its line in the file, from 1.
    pub line: u64,
}

/// A line of a plan: one opening of one counter. Times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct CounterRow {
    /// Name of the counter.
    pub counter: String,
    /// Names of the services it calls meanwhile.
    pub services: Vec<String>,
    /// When it opens.
    pub open_s: f64,
    /// When it closes.
    pub close_s: f64,
    /// Its line in the file, from 1.
    pub line: u64,
}

/// Reads a trace, in the order of its lines.
///
/// # Errors
/// A line that says nothing sensible.
pub fn read_trace(input: impl Read) -> Result<Vec<VisitRow>, EvaluateError> {
    let mut visits = Vec::new();
    let mut lines: HashMap<String, u64> = HashMap::new();
    for record in records(input, TRACE, &TRACE_COLUMNS, TRACE_HEADER)? {
        let visit = visit(&record)?;
        if let Some(first) = lines.insert(visit.visit_id.clone(), visit.line) {
            return Err(EvaluateError::field(
                TRACE,
                visit.line,
                format!(
                    "the visit {:?} is on line {first} already; give each visit its own visit_id",
                    visit.visit_id
                ),
            ));
        }
        visits.push(visit);
    }
    Ok(visits)
}

/// Reads a plan of counters.
///
/// # Errors
/// A line that says nothing sensible.
pub fn read_counters(input: impl Read) -> Result<Vec<CounterRow>, EvaluateError> {
    records(input, COUNTERS, &COUNTER_COLUMNS, COUNTERS_HEADER)?
        .iter()
        .map(counter)
        .collect()
}

fn visit(record: &Record) -> Result<VisitRow, EvaluateError> {
    let wrong = |problem: String| EvaluateError::field(TRACE, record.line, problem);
    let outcome = match record.field("outcome").to_ascii_lowercase().as_str() {
        "served" => Outcome::Served,
        "left" => Outcome::Left,
        other => {
            return Err(wrong(format!(
                "the outcome {other:?} is not known; write served or left"
            )));
        }
    };
    let visit = VisitRow {
        visit_id: record.needed("visit_id")?,
        service: record.needed("service")?,
        arrival_s: record
            .seconds("arrival_s")?
            .ok_or_else(|| wrong("arrival_s is empty; give the second of arrival".to_owned()))?,
        call_s: record.seconds("call_s")?,
        finish_s: record.seconds("finish_s")?,
        counter: Some(record.field("counter").to_owned()).filter(|counter| !counter.is_empty()),
        outcome,
        line: record.line,
    };
    if outcome == Outcome::Served && visit.call_s.is_none() {
        return Err(wrong(
            "a served visit has no call_s; give the second of its call, or write left".to_owned(),
        ));
    }
    if let Some(call_s) = visit.call_s.filter(|call_s| *call_s < visit.arrival_s) {
        return Err(wrong(format!(
            "call_s {call_s} is before arrival_s {}; correct one of them",
            visit.arrival_s
        )));
    }
    let began_s = visit.call_s.unwrap_or(visit.arrival_s);
    if let Some(finish_s) = visit.finish_s.filter(|finish_s| *finish_s < began_s) {
        return Err(wrong(format!(
            "finish_s {finish_s} is before {began_s}, when the visit was called or arrived; correct one of them"
        )));
    }
    Ok(visit)
}

fn counter(record: &Record) -> Result<CounterRow, EvaluateError> {
    let wrong = |problem: String| EvaluateError::field(COUNTERS, record.line, problem);
    let needed = |column: &str| {
        record
            .seconds(column)?
            .ok_or_else(|| wrong(format!("{column} is empty; give a second")))
    };
    let row = CounterRow {
        counter: record.needed("counter")?,
        services: record
            .field("services")
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
        open_s: needed("open_s")?,
        close_s: needed("close_s")?,
        line: record.line,
    };
    if row.close_s < row.open_s {
        return Err(wrong(format!(
            "close_s {} is before open_s {}; correct one of them",
            row.close_s, row.open_s
        )));
    }
    Ok(row)
}

/// A line with the names of its columns.
struct Record {
    file: &'static str,
    line: u64,
    fields: Vec<(&'static str, String)>,
}

impl Record {
    fn field(&self, column: &str) -> &str {
        self.fields
            .iter()
            .find(|(name, _)| *name == column)
            .map_or("", |(_, value)| value)
    }

    fn needed(&self, column: &str) -> Result<String, EvaluateError> {
        let value = self.field(column);
        if value.is_empty() {
            return Err(EvaluateError::field(
                self.file,
                self.line,
                format!("{column} is empty; give it a name"),
            ));
        }
        Ok(value.to_owned())
    }

    fn seconds(&self, column: &str) -> Result<Option<f64>, EvaluateError> {
        let value = self.field(column);
        if value.is_empty() {
            return Ok(None);
        }
        match value.parse::<f64>() {
            Ok(seconds) if seconds.is_finite() && seconds.abs() < 1e12 => Ok(Some(seconds)),
            _ => Err(EvaluateError::field(
                self.file,
                self.line,
                format!(
                    "{column} is {value:?}, not a number of seconds; write one such as 32400 or 32400.5"
                ),
            )),
        }
    }
}

/// All lines; columns may stand in any order, further ones are left aside.
fn records(
    input: impl Read,
    file: &'static str,
    columns: &[&'static str],
    header: &'static str,
) -> Result<Vec<Record>, EvaluateError> {
    let csv_error = |cause| EvaluateError::Csv { file, cause };
    let mut reader = csv::ReaderBuilder::new()
        .trim(csv::Trim::All)
        .flexible(true)
        .from_reader(input);
    let names = reader.headers().map_err(csv_error)?.clone();
    let mut places = Vec::new();
    for column in columns {
        let place = names
            .iter()
            .position(|name| {
                name.trim_start_matches('\u{feff}')
                    .eq_ignore_ascii_case(column)
            })
            .ok_or(EvaluateError::Column {
                file,
                column,
                header,
            })?;
        places.push((*column, place));
    }
    let mut records = Vec::new();
    for record in reader.records() {
        let record = record.map_err(csv_error)?;
        let line = record.position().map_or(0, csv::Position::line);
        if record.iter().all(str::is_empty) {
            continue;
        }
        if record.len() != names.len() {
            return Err(EvaluateError::field(
                file,
                line,
                format!(
                    "there are {} fields, but the header has {}; add or remove commas",
                    record.len(),
                    names.len()
                ),
            ));
        }
        records.push(Record {
            file,
            line,
            fields: fields(&record, &places),
        });
    }
    Ok(records)
}

fn fields(record: &StringRecord, places: &[(&'static str, usize)]) -> Vec<(&'static str, String)> {
    places
        .iter()
        .map(|(column, place)| (*column, record.get(*place).unwrap_or("").to_owned()))
        .collect()
}
