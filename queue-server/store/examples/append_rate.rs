//! How many events a second the log stores, beside a bare file that takes the same
//! bytes in the same groups, each with an `fdatasync`: `append_rate [DIR]`.
//!
//! Build it with `--release`; the numbers are of this machine's disk.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use usher_office::command::{Fingerprint, Origin};
use usher_office::event::{Event, Record};
use usher_store::{EventLog, Writer};

/// How long each row of the table is measured.
const FOR: Duration = Duration::from_secs(3);

/// How many batches are on their way at once, besides one.
const SEVERAL: usize = 4;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args().nth(1).unwrap_or_else(|| ".".to_owned());
    println!(
        "events in a batch | bare file, events/s | log, grouped alike | share | slowest, ms | {SEVERAL} batches on their way"
    );
    for batch in [1, 8, 64, 512] {
        let place = tempfile::tempdir_in(&dir)?;
        let bare = bare_rate(place.path(), batch)?;
        let (alike, slowest) = log_rate(&place.path().join("alike"), batch, 1)?;
        let (several, _) = log_rate(&place.path().join("several"), batch, SEVERAL)?;
        println!(
            "{batch:>4} | {bare:>9.0} | {alike:>9.0} | {:.2} | {:.1} | {several:>9.0}",
            alike / bare,
            slowest.as_secs_f64() * 1_000.0
        );
    }
    Ok(())
}

fn record(sequence: u64) -> Result<Record, Box<dyn std::error::Error>> {
    let event = Event::from_json(
        r#"{"v":1,"event":"visit_queued","visit":1,"number":"A1","service":"titles","language":"zh-Hant","arrived_at":"2026-11-25T17:41:07.12Z","device_arrived_at":"2026-11-25T17:41:07.12Z","clock_behind_ms":0,"boot":3,"device":"kiosk-1","paper":null,"ahead":4,"promised_wait":{"low_minutes":12,"high_minutes":25}}"#,
    )?;
    Ok(Record {
        sequence,
        at: "2026-11-25T17:41:07.12Z".parse()?,
        command: format!("kiosk-1-{sequence}").parse()?,
        origin: Origin::Device("kiosk-1".parse()?),
        fingerprint: Fingerprint(sequence.cast_signed()),
        event,
    })
}

fn bare_rate(dir: &Path, batch: usize) -> Result<f64, Box<dyn std::error::Error>> {
    let record = record(1)?;
    let row_bytes = record.event.to_json().len() + record.command.as_str().len() + 64;
    let bytes = vec![b'x'; row_bytes * batch];
    let mut file = File::create(dir.join("bare"))?;
    let began = Instant::now();
    let mut batches = 0;
    while began.elapsed() < FOR {
        file.write_all(&bytes)?;
        file.sync_data()?;
        batches += 1;
    }
    Ok(f64::from(batches) * batch as f64 / began.elapsed().as_secs_f64())
}

fn log_rate(
    dir: &Path,
    batch: usize,
    on_their_way: usize,
) -> Result<(f64, Duration), Box<dyn std::error::Error>> {
    let log = EventLog::open(
        dir,
        &"sample-office".parse()?,
        "2026-11-25T17:00:00Z".parse()?,
    )?;
    let writer = Writer::start(log)?;
    let (tell, told) = mpsc::channel();
    let (mut next, mut stored) = (1, 0);
    let mut under_way = VecDeque::new();
    let mut slowest = Duration::ZERO;
    let began = Instant::now();
    loop {
        while under_way.len() < on_their_way && began.elapsed() < FOR {
            let records: Result<Vec<Record>, _> = (0..batch as u64)
                .map(|nth| record_like(next + nth))
                .collect();
            next += batch as u64;
            let tell = tell.clone();
            under_way.push_back(Instant::now());
            writer.append(records?, move |result| {
                let _ = tell.send(result);
            });
        }
        let Some(sent) = under_way.pop_front() else {
            break;
        };
        stored = told.recv()??.sequence;
        slowest = slowest.max(sent.elapsed());
    }
    Ok((stored as f64 / began.elapsed().as_secs_f64(), slowest))
}

/// A record without parsing JSON each time.
fn record_like(sequence: u64) -> Result<Record, Box<dyn std::error::Error>> {
    thread_local! {
        static FIRST: Record = record(1).unwrap_or_else(|error| panic!("{error}"));
    }
    let command = format!("kiosk-1-{sequence}").parse()?;
    Ok(FIRST.with(|first| Record {
        sequence,
        command,
        ..first.clone()
    }))
}
