//! A file of appointments, told to whoever wrote it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use jiff::Timestamp;
use usher_appointments::reading::take;
use usher_appointments::{Change, Entry, FileError, Format, Office, read};
use usher_queue_server::app::RunError;
use usher_queue_server::office::plan::OfficePlan;
use usher_queue_server::office_file::OfficeFile;

/// A file of appointments that cannot be read in as it is. Never holds a name.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct FaultyFile(String);

/// Tells what the file `path` says for the office of the file `office`, and every
/// mistake. What is past at `now` is said to be.
pub(super) fn check(path: &Path, office: &Path, now: Timestamp) -> anyhow::Result<()> {
    let office = OfficeFile::load(office).map_err(RunError::OfficeFile)?;
    let plan: &OfficePlan = &office.plan;
    let shown = path.display();
    let unusable = |error: FileError| FaultyFile(format!("{shown}: {error} {}", error.next_step()));
    let file = File::open(path).with_context(|| format!("{shown} cannot be opened"))?;
    let file = take(file).map_err(unusable)?;
    let facts = Office {
        time_zone: &plan.time_zone,
        day_of: &|at| plan.day_of(at),
        has_service: &|service| plan.service(service).is_some(),
        key: None,
    };
    let reading = read(Format::of(&file), &file, &facts).map_err(unusable)?;
    drop(file);

    let mut out = BufWriter::new(std::io::stdout().lock());
    for entry in &reading.entries {
        writeln!(out, "{}", told(entry, plan, now))?;
    }
    for mistake in &reading.mistakes {
        writeln!(out, "{shown}, {mistake}")?;
    }
    let mistakes = reading.mistakes.len() + reading.mistakes_left_off;
    writeln!(
        out,
        "{shown}: {} appointments read, {} understood, {mistakes} mistakes.",
        reading.read,
        reading.entries.len(),
    )?;
    out.flush()?;
    if mistakes == 0 {
        return Ok(());
    }
    let faulty = format!("{shown} has mistakes ({mistakes}); the rest of it can be read in");
    Err(FaultyFile(faulty).into())
}

/// What was understood of an appointment, on one line.
fn told(entry: &Entry, plan: &OfficePlan, now: Timestamp) -> String {
    let line = entry.line;
    let appointment = match &entry.change {
        Change::Cancel(code) => return format!("line {line}: {code} is cancelled"),
        Change::Book(appointment) => appointment,
    };
    let at = plan.time_zone.to_datetime(appointment.at);
    let mut text = format!(
        "line {line}: {} {}",
        appointment.code,
        at.strftime("%a %Y-%m-%d %H:%M")
    );
    for service in &appointment.services {
        text.push(' ');
        text.push_str(service.as_str());
    }
    if let Some(language) = &appointment.language {
        text.push_str(&format!(", in {language}"));
    }
    if appointment.party > 1 {
        text.push_str(&format!(", {} people", appointment.party));
    }
    let needs = &appointment.needs;
    for (is_needed, word) in [
        (needs.wheelchair, "wheelchair"),
        (needs.quiet, "quiet"),
        (needs.hearing, "hearing"),
        (needs.sight, "sight"),
    ] {
        if is_needed {
            text.push_str(", ");
            text.push_str(word);
        }
    }
    if let Some(language) = &needs.interpreter {
        text.push_str(&format!(", interpreter for {language}"));
    }
    if plan.day_of(appointment.at) < plan.day_of(now) {
        text.push_str(" — is past: the office will not take it");
    }
    text
}
