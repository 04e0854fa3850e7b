//! The log against real files: reopened, cut, replaced, locked.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;

use jiff::Timestamp;
use usher_protocol::OfficeId;

use super::*;
use log::NOTE_EVERY;
use rows::PAGE_EVENTS;
use schema::SCHEMA_VERSION;
use usher_office::command::{Fingerprint, Origin};
use usher_office::event::Event;
use usher_protocol::CommandId;

mod backups;
mod changed;
mod damage;
mod erased;
mod released;
mod snapshots;
mod verifying;
mod writing;

fn office() -> OfficeId {
    "sample-office".parse().unwrap()
}

fn now() -> Timestamp {
    "2026-11-25T17:00:00Z".parse().unwrap()
}

fn open(dir: &TempDir) -> Result<EventLog, OpenError> {
    EventLog::open(dir.path(), &office(), now())
}

fn record(sequence: u64) -> Record {
    Record {
        sequence,
        at: now(),
        command: CommandId::new(format!("c-{sequence}")).unwrap(),
        origin: Origin::Clerk,
        fingerprint: Fingerprint(-7),
        event: Event::CounterOpened {
            counter: "5".parse().unwrap(),
            clerk: None,
        },
    }
}

fn records(log: &EventLog) -> Vec<Record> {
    let mut all = Vec::new();
    log.replay::<ReadError>(|record| {
        all.push(record);
        Ok(())
    })
    .unwrap();
    all
}

fn check_refused(dir: &TempDir, words: &str) {
    let before = listing(dir);
    let error = open(dir).expect_err("it must not open").to_string();
    assert!(
        error.contains(words),
        "\"{error}\" does not say \"{words}\""
    );
    assert_eq!(listing(dir), before, "a refused log is left as it is");
}

/// Names and sizes, without what SQLite makes and removes while it is open.
fn listing(dir: &TempDir) -> Vec<(String, u64)> {
    let mut all: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (name, entry.metadata().unwrap().len())
        })
        .filter(|(name, _)| name == DATABASE_NAME)
        .collect();
    all.sort();
    all
}

#[test]
fn what_was_stored_is_there_after_every_reopening() {
    let dir = TempDir::new().unwrap();
    let mut stored = Vec::new();
    for batch in [1..=1, 2..=9, 10..=64] {
        let batch: Vec<Record> = batch.map(record).collect();
        let mut log = open(&dir).unwrap();
        assert_eq!(records(&log), stored);
        log.append(&batch).unwrap();
        stored.extend(batch);
    }
    assert_eq!(records(&open(&dir).unwrap()), stored);
}

#[test]
fn a_copy_taken_at_any_moment_has_whole_batches_only() {
    // What a kill leaves behind is the files as they are: copy them without closing.
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    for batch in 0..5 {
        let first = batch * 3 + 1;
        log.append(&[record(first), record(first + 1), record(first + 2)])
            .unwrap();
        let copy = TempDir::new().unwrap();
        for name in [DATABASE_NAME, "events.db-wal"] {
            fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        assert_eq!(records(&open(&copy).unwrap()).len() as u64, first + 2);
        // And with the last batch half written:
        let copy = TempDir::new().unwrap();
        let wal = copy.path().join("events.db-wal");
        fs::copy(dir.path().join("events.db-wal"), &wal).unwrap();
        let length = fs::metadata(&wal).unwrap().len();
        let file = fs::OpenOptions::new().write(true).open(&wal).unwrap();
        file.set_len(length - 100).unwrap();
        fs::copy(
            dir.path().join(DATABASE_NAME),
            copy.path().join(DATABASE_NAME),
        )
        .unwrap();
        let left = records(&open(&copy).unwrap()).len();
        assert_eq!(left % 3, 0, "{left} events are no whole batches");
    }
}

#[test]
fn a_second_server_is_refused_until_the_first_ends() {
    let dir = TempDir::new().unwrap();
    let first = open(&dir).unwrap();
    check_refused(&dir, "another usher-server already uses the data directory");
    drop(first);
    open(&dir).unwrap();
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let dir = TempDir::new().unwrap();
    fs::write(
        dir.path().join(DATABASE_NAME),
        "Minutes of the meeting. ".repeat(200),
    )
    .unwrap();
    check_refused(&dir, "is not an SQLite database");
    let text = fs::read_to_string(dir.path().join(DATABASE_NAME)).unwrap();
    assert!(text.starts_with("Minutes"));
}

#[test]
fn a_database_of_another_program_is_refused() {
    let dir = TempDir::new().unwrap();
    Connection::open(dir.path().join(DATABASE_NAME))
        .unwrap()
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .unwrap();
    check_refused(&dir, "is a database of another program");
}

#[test]
fn a_newer_log_and_the_log_of_another_office_are_refused() {
    let dir = TempDir::new().unwrap();
    drop(EventLog::open(dir.path(), &"other-office".parse().unwrap(), now()).unwrap());
    check_refused(&dir, "is the event log of office \"other-office\"");
    Connection::open(dir.path().join(DATABASE_NAME))
        .unwrap()
        .pragma_update(None, "user_version", SCHEMA_VERSION + 1)
        .unwrap();
    check_refused(&dir, "use a newer one");
}

#[test]
fn a_truncated_log_is_refused() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    let batch: Vec<Record> = (1..=500).map(record).collect();
    log.append(&batch).unwrap();
    drop(log);
    let path = dir.path().join(DATABASE_NAME);
    let length = fs::metadata(&path).unwrap().len();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(length / 2).unwrap();
    check_refused(&dir, "is damaged");
}

#[test]
fn a_log_that_vanished_is_not_taken_for_a_new_office() {
    let dir = TempDir::new().unwrap();
    drop(open(&dir).unwrap());
    let path = dir.path().join(DATABASE_NAME);
    fs::write(&path, "").unwrap();
    check_refused(&dir, "is gone or empty");
    fs::remove_file(&path).unwrap();
    check_refused(&dir, "is gone or empty");
    // The message's own remedy works:
    fs::remove_file(dir.path().join("usher.lock")).unwrap();
    open(&dir).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_refused() {
    // Where even root may not make a file, for tests often run as root.
    let error = EventLog::open(Path::new("/proc/self/usher"), &office(), now());
    let error = error.expect_err("/proc takes no files").to_string();
    assert!(
        error.contains("the data directory /proc/self/usher cannot be used"),
        "{error}"
    );
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(
        EventLog::open(&file, &office(), now()),
        Err(OpenError::Directory { .. })
    ));
}

#[test]
fn a_full_disk_stores_nothing_of_the_batch_and_loses_nothing_before() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    log.append(&[record(1)]).unwrap();
    log.limit_pages(4);
    let batch: Vec<Record> = (2..=500).map(record).collect();
    let error = log.append(&batch).expect_err("it does not fit").to_string();
    assert!(error.contains("the disk is full"), "{error}");
    assert_eq!(records(&log), [record(1)]);
    log.reopen(now()).unwrap();
    log.append(&batch).unwrap();
    assert_eq!(records(&log).len(), 500);
}

#[test]
fn a_row_that_was_changed_is_named() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    log.append(&[record(1), record(2)]).unwrap();
    for (column, value) in [
        ("body", "'{}'"),
        ("origin", "'somebody'"),
        ("command_id", "'a b'"),
    ] {
        let other = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
        other
            .execute_batch(&format!(
                "UPDATE events SET {column} = {value} WHERE sequence = 2"
            ))
            .unwrap();
        let error = log.replay::<ReadError>(|_| Ok(())).unwrap_err().to_string();
        assert!(
            error.contains(&format!("row 2, column {column}")),
            "{error}"
        );
        let whole = record(2);
        other
            .execute(
                "UPDATE events SET body = ?1, origin = 'clerk', command_id = 'c-2' WHERE sequence = 2",
                [whole.event.to_json()],
            )
            .unwrap();
    }
}

#[test]
fn a_reader_reads_beside_the_writer() {
    let dir = TempDir::new().unwrap();
    assert!(matches!(
        ReadOnlyLog::open(dir.path()),
        Err(OpenError::Missing(_))
    ));
    let mut log = open(&dir).unwrap();
    log.append(&[record(1), record(2)]).unwrap();
    let reader = ReadOnlyLog::open(dir.path()).unwrap();
    let mut seen = 0;
    reader
        .replay::<ReadError>(|_| {
            seen += 1;
            log.append(&[record(2 + seen)]).unwrap();
            Ok(())
        })
        .unwrap();
    assert_eq!(seen, 2, "a reader sees the log as it was when it began");
}

#[test]
fn a_slow_reader_reads_all_pages_and_holds_nothing() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    let pages = u64::from(PAGE_EVENTS) * 2 + 7;
    let batch: Vec<Record> = (1..=pages).map(record).collect();
    log.append(&batch).unwrap();
    let reader = ReadOnlyLog::open(dir.path()).unwrap();
    let mut read = 0;
    reader
        .replay::<ReadError>(|record| {
            read += 1;
            assert_eq!(record.sequence, read);
            if read == 1 {
                let is_held: bool = log
                    .connection
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
                    .unwrap();
                assert!(!is_held, "the reader keeps the log from being folded");
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(read, pages);
}
