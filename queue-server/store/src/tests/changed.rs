//! Logs that somebody or something changed: each change is found and named.

use super::*;

/// A log of nine events, closed; and what a change of it is refused with.
fn nine() -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    for first in [1, 4, 7] {
        log.append(&[record(first), record(first + 1), record(first + 2)])
            .unwrap();
    }
    dir
}

fn change(dir: &TempDir, sql: &str) {
    let file = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
    file.execute_batch(sql).unwrap();
}

/// What opening and reading the log says.
fn complaint(dir: &TempDir) -> String {
    let log = match open(dir) {
        Ok(log) => log,
        Err(error) => return error.to_string(),
    };
    match log.replay::<ReadError>(|_| Ok(())) {
        Ok(()) => String::new(),
        Err(error) => error.to_string(),
    }
}

fn check_named(sql: &str, words: &[&str]) {
    let dir = nine();
    assert_eq!(complaint(&dir), "");
    change(&dir, sql);
    let said = complaint(&dir);
    for words in words {
        assert!(
            said.contains(words),
            "{sql}: \"{said}\" does not say \"{words}\""
        );
    }
}

#[test]
fn a_changed_event_is_named() {
    let changed = ["event 5 of 2026-11-25T17:00:00Z is not what was stored"];
    for set in [
        "asked = asked + 1",
        "command_id = 'c-55'",
        "origin = 'server'",
        "body = '{\"v\":1,\"event\":\"counter_opened\",\"counter\":\"6\"}'",
        "personal = zeroblob(32)",
        "hash = zeroblob(32)",
    ] {
        check_named(
            &format!("UPDATE events SET {set} WHERE sequence = 5"),
            &changed,
        );
    }
    check_named(
        "UPDATE events SET at_ms = at_ms + 1000 WHERE sequence = 5",
        &["event 5 of 2026-11-25T17:00:01Z is not what was stored"],
    );
}

#[test]
fn a_missing_event_is_named() {
    check_named(
        "DELETE FROM events WHERE sequence = 5",
        &["event 5 is missing: event 6 of 2026-11-25T17:00:00Z follows"],
    );
    check_named(
        "DELETE FROM events WHERE sequence < 4",
        &["events 1 to 3 are missing: event 4"],
    );
    check_named(
        "DELETE FROM events WHERE sequence > 7",
        &["events 8 to 9 are missing from the end"],
    );
    check_named(
        "DELETE FROM events",
        &["events 1 to 9 are missing from the end"],
    );
}

#[test]
fn events_that_changed_places_are_named() {
    check_named(
        "UPDATE events SET sequence = -1 WHERE sequence = 5;
         UPDATE events SET sequence = 5 WHERE sequence = 6;
         UPDATE events SET sequence = 6 WHERE sequence = -1;",
        &["event 5 of", "is not what was stored"],
    );
}

#[test]
fn events_that_usher_did_not_write_are_named() {
    check_named(
        "INSERT INTO events SELECT sequence + 1, at_ms, command_id, origin, asked, body,
             personal, hash FROM events WHERE sequence = 9",
        &["event 10 is not written by usher-server: event 9 is its newest"],
    );
    check_named(
        "INSERT INTO events SELECT 0, at_ms, command_id, origin, asked, body,
             personal, hash FROM events WHERE sequence = 9",
        &["event 0 is not written by usher-server"],
    );
}

#[test]
fn a_log_that_lost_its_end_and_was_made_to_fit_is_refused_by_the_mark() {
    let dir = nine();
    change(
        &dir,
        "DELETE FROM events WHERE sequence > 7;
         UPDATE meta SET head_sequence = 7,
             head_hash = (SELECT hash FROM events WHERE sequence = 7);",
    );
    check_refused(&dir, "ends with event 7, but event 9 had been stored here");
    // The message's own remedy works:
    fs::remove_file(dir.path().join("usher.lock")).unwrap();
    assert_eq!(records(&open(&dir).unwrap()).len(), 7);
}

#[test]
fn a_chain_that_was_made_anew_is_refused_by_the_mark() {
    let dir = nine();
    let other = TempDir::new().unwrap();
    let mut log = EventLog::open(
        other.path(),
        &office(),
        "2026-11-25T17:00:01Z".parse().unwrap(),
    )
    .unwrap();
    let all: Vec<Record> = (1..=10).map(record).collect();
    log.append(&all).unwrap();
    drop(log);
    fs::copy(
        other.path().join(DATABASE_NAME),
        dir.path().join(DATABASE_NAME),
    )
    .unwrap();
    check_refused(
        &dir,
        "its event 9 is another one than had been stored; put the right files back",
    );
}

#[test]
fn an_old_copy_that_was_put_back_is_refused() {
    let dir = nine();
    let copy = fs::read(dir.path().join(DATABASE_NAME)).unwrap();
    let mut log = open(&dir).unwrap();
    log.append(&[record(10)]).unwrap();
    drop(log);
    fs::write(dir.path().join(DATABASE_NAME), copy).unwrap();
    check_refused(&dir, "ends with event 9, but event 10 had been stored here");
}

#[test]
fn a_log_without_its_wal_file_is_refused_once_the_mark_knows_more() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    log.append(&[record(1)]).unwrap();
    schema::fold_wal(&log.connection).unwrap();
    let batch: Vec<Record> = (2..=NOTE_EVERY + 5).map(record).collect();
    log.append(&batch).unwrap();
    // A power cut, and somebody who tidies up:
    let copy = TempDir::new().unwrap();
    for name in [DATABASE_NAME, "usher.lock"] {
        fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
    }
    check_refused(
        &copy,
        &format!(
            "ends with event 1, but event {} had been stored here",
            NOTE_EVERY + 5
        ),
    );
}

#[test]
fn opening_anew_after_a_fault_refuses_a_log_that_lost_what_was_acknowledged() {
    let dir = nine();
    let copy = fs::read(dir.path().join(DATABASE_NAME)).unwrap();
    let mut log = open(&dir).unwrap();
    log.append(&[record(10)]).unwrap();
    log.limit_pages(1);
    let many: Vec<Record> = (11..=500).map(record).collect();
    log.append(&many).unwrap_err();
    assert!(matches!(
        log.append(&[record(11)]),
        Err(AppendError::Earlier { .. })
    ));
    let other = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
    assert!(schema::fold_wal(&other).unwrap());
    drop(other);
    fs::write(dir.path().join(DATABASE_NAME), copy).unwrap();
    let error = log.reopen(now()).unwrap_err().to_string();
    assert!(error.contains("ends with event 9, but event 10"), "{error}");
}

#[test]
fn events_are_stored_in_their_order_only() {
    let dir = nine();
    let mut log = open(&dir).unwrap();
    let error = log.append(&[record(11)]).unwrap_err();
    assert!(
        matches!(
            error,
            AppendError::OutOfOrder {
                expected: 10,
                found: 11
            }
        ),
        "{error}"
    );
    log.reopen(now()).unwrap();
    log.append(&[record(10)]).unwrap();
}
