//! How long a start takes with a long log: with every event read, and with a
//! snapshot near its end: `startup_time [EVENTS] [DIR]`. Build it with `--release`.
//!
//! The log is that of an office that serves a thousand residents a day.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use usher_office::Office;
use usher_office::command::{Command, Sender};
use usher_office::event::Record;
use usher_office::intake::Intake;
use usher_office::moment::Moment;
use usher_office::sample;
use usher_protocol::message::{RequestBody, VisitOutcome};
use usher_store::{EventLog, ReadError, Snapshot, verify};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let events = args.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let dir = tempfile::tempdir_in(args.next().unwrap_or_else(|| ".".to_owned()))?;
    let dir = dir.path();
    make(dir, events)?;
    let log = timed("open", || open(dir))?;
    timed("read all, follow the chain", || {
        log.replay::<ReadError>(|_| Ok(()))
    })?;
    timed("read all, follow the chain, build the office", || {
        let mut office = Office::new(sample::plan());
        log.replay::<ReadError>(|record| {
            let _ = office.apply(&record);
            Ok(())
        })
    })?;
    let mut office = Office::new(sample::plan());
    let until = log.head().sequence - 1_000;
    log.replay::<ReadError>(|record| {
        if record.sequence <= until {
            let _ = office.apply(&record);
        }
        Ok(())
    })?;
    let place = log.place_of(until)?.ok_or("no such event")?;
    let snapshot = Snapshot {
        sequence: place.sequence,
        chain_hash: place.hash,
        format_version: 1,
        program_version: "bench".to_owned(),
        bytes: timed("the state as bytes", || Snapshot::bytes_of(&office))?,
    };
    println!("the snapshot has {} bytes", snapshot.bytes.len());
    timed("save the snapshot", || log.save_snapshot(&snapshot))?;
    drop(log);
    let began = Instant::now();
    let log = timed("open again", || open(dir))?;
    let snapshot = timed("read the snapshot", || {
        log.snapshot(1, "bench").ok_or("no snapshot")
    })?;
    let office: Office = timed("its state", || snapshot.state().ok_or("no state"))?;
    let mut office = office.resumed(sample::plan());
    timed("read and apply 1,000 events", || {
        log.replay_after::<ReadError>(snapshot.head(), |record| {
            let _ = office.apply(&record);
            Ok(())
        })
    })?;
    assert_eq!(office.sequence(), log.head().sequence);
    println!(
        "a start by snapshot: {:.3} s",
        began.elapsed().as_secs_f64()
    );
    drop(log);
    let report = timed("verify", || verify(dir, &mut |_| {}))?;
    println!("{report}");
    Ok(())
}

fn timed<T, E: Into<Box<dyn std::error::Error>>>(
    what: &str,
    work: impl FnOnce() -> std::result::Result<T, E>,
) -> Result<T> {
    let began = Instant::now();
    let done = work().map_err(Into::into)?;
    println!("{what}: {:.3} s", began.elapsed().as_secs_f64());
    Ok(done)
}

fn open(dir: &Path) -> Result<EventLog> {
    let now = "2026-11-25T17:00:00Z".parse()?;
    Ok(EventLog::open(dir, &sample::plan().info.office, now)?)
}

/// Check-ins, calls, services, one day after another.
fn make(dir: &Path, events: u64) -> Result<()> {
    let mut log = open(dir)?;
    let mut intake = Intake::new(Office::new(sample::plan()), Arc::new(sample::foresee));
    let mut wall: Timestamp = "2020-01-01T17:00:00Z".parse()?;
    let mut uptime = Duration::ZERO;
    let mut records: Vec<Record> = Vec::new();
    let mut nth = 0_u64;
    let began = Instant::now();
    while intake.office().sequence() < events {
        if nth.is_multiple_of(1_000) {
            wall += SignedDuration::from_hours(16);
            uptime += Duration::from_secs(16 * 3600);
        }
        nth += 1;
        let at = wall.to_string();
        let counter = || sample::counter("3");
        for (name, body) in [
            ("q", sample::check_in("titles", &at)),
            (
                "o",
                RequestBody::OpenCounter {
                    counter: counter(),
                    clerk: None,
                },
            ),
            ("c", RequestBody::CallNext { counter: counter() }),
            ("s", RequestBody::StartService { counter: counter() }),
            (
                "f",
                RequestBody::FinishVisit {
                    counter: counter(),
                    outcome: VisitOutcome::Served,
                },
            ),
        ] {
            wall += SignedDuration::from_secs(7);
            uptime += Duration::from_secs(7);
            let id = format!("{name}-{nth}");
            take(&mut intake, &mut records, wall, uptime, &id, body);
        }
        if records.len() > 5_000 {
            log.append(&records)?;
            records.clear();
        }
    }
    log.append(&records)?;
    println!(
        "made {} events in {:.1} s",
        log.head().sequence,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

fn take(
    intake: &mut Intake,
    records: &mut Vec<Record>,
    wall: Timestamp,
    uptime: Duration,
    id: &str,
    body: RequestBody,
) {
    let sender = match body {
        RequestBody::CheckIn { .. } => sample::kiosk("kiosk-1"),
        _ => Sender::Clerk,
    };
    let mut request = sample::request(id, body);
    request.sent_at = wall;
    let handled = intake.handle(&Command::new(sender, request), Moment { wall, uptime });
    // What cannot be done (the counter is open already) leaves no event.
    records.extend(handled.records);
}
