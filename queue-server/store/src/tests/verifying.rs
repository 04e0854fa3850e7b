//! `verify` names each thing that is wrong, once, and nothing that is not.

use super::*;

/// A log of nine events, the fifth of which says something of a person, closed.
fn nine() -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    log.personal_of = |record| (record.sequence == 5).then(|| "{\"note\":\"x\"}".to_owned());
    let all: Vec<Record> = (1..=9).map(record).collect();
    log.append(&all).unwrap();
    dir
}

fn change(dir: &TempDir, sql: &str) {
    let file = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
    file.execute_batch(sql).unwrap();
}

fn report(dir: &TempDir) -> VerifyReport {
    verify(dir.path(), &mut |_| {}).unwrap()
}

/// Checks what is found after `sql`: these findings, each by its words, and no other.
fn check_found(sql: &str, expected: &[&str]) {
    let dir = nine();
    change(&dir, sql);
    let report = report(&dir);
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{sql}: {found:#?}");
    for (found, words) in found.iter().zip(expected) {
        assert!(found.contains(words), "{sql}: \"{found}\" not \"{words}\"");
    }
    assert_eq!(report.is_sound(), expected.is_empty());
    let text = report.to_string();
    assert_eq!(text.contains("WRONG"), !expected.is_empty(), "{text}");
}

#[test]
fn a_whole_log_is_sound_also_while_it_is_written() {
    let dir = nine();
    let mut log = open(&dir).unwrap();
    log.append(&[record(10)]).unwrap();
    let mut seen = Vec::new();
    let report = verify(dir.path(), &mut |progress| seen.push(progress)).unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.events, report.head), (10, Some(log.head())));
    assert!(seen.contains(&Progress::Events { done: 10, of: 10 }));
    let text = report.to_string();
    for words in [
        "10 events of office sample-office",
        "last event: 2026-11-25T17:00:00Z",
        &format!("event 10 has the hash {}", log.head().hash),
        "nothing is wrong",
    ] {
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn each_change_is_one_finding() {
    check_found("", &[]);
    check_found("UPDATE meta SET probed_at_ms = 0", &[]);
    check_found(
        "UPDATE events SET asked = 1 WHERE sequence = 4",
        &[
            "event 4 of 2026-11-25T17:00:00Z is not what was stored: its columns do not give the hash that stands beside them",
        ],
    );
    check_found(
        "UPDATE events SET asked = 1 WHERE sequence IN (4, 5, 8)",
        &["event 4 of", "event 5 of", "event 8 of"],
    );
    check_found(
        "UPDATE events SET hash = zeroblob(32) WHERE sequence = 4",
        &[
            "event 4 of 2026-11-25T17:00:00Z is not what was stored: its columns do not give the hash that stands beside them; its columns fit what follows, so it is column hash that was changed",
        ],
    );
    check_found(
        "DELETE FROM events WHERE sequence IN (3, 4)",
        &["events 3 to 4 are missing: event 5 of"],
    );
    check_found(
        "DELETE FROM events WHERE sequence = 9",
        &["event 9 is missing from the end"],
    );
    check_found(
        "UPDATE events SET body = 'x' WHERE sequence = 4",
        &["table events, row 4, column body", "event 4 of"],
    );
    check_found(
        "UPDATE events SET hash = x'00' WHERE sequence = 4",
        &["row 4, column hash: it is not 32 bytes long", "event 5 of"],
    );
    check_found(
        "UPDATE meta SET head_hash = zeroblob(32)",
        &["event 9 of 2026-11-25T17:00:00Z has the hash"],
    );
    check_found(
        "UPDATE meta SET created_at_ms = 5",
        &["event 1 of 2026-11-25T17:00:00Z is not what was stored"],
    );
    check_found(
        "UPDATE personal SET body = 'y'",
        &["what event 5 of 2026-11-25T17:00:00Z says of a person is not what was stored"],
    );
    check_found(
        "INSERT INTO personal VALUES (7, zeroblob(16), 'y')",
        &["table personal has a row 7, which belongs to no event that has one"],
    );
}

#[test]
fn events_that_changed_places_are_named_as_such() {
    let swap = |first: u32, second: u32| {
        format!(
            "UPDATE events SET sequence = -1 WHERE sequence = {first};
             UPDATE events SET sequence = {first} WHERE sequence = {second};
             UPDATE events SET sequence = {second} WHERE sequence = -1;"
        )
    };
    check_found(
        &swap(3, 4),
        &["event 3 and event 4 of 2026-11-25T17:00:00Z have changed places"],
    );
    check_found(
        &swap(2, 7),
        &["event 2 and event 7 of 2026-11-25T17:00:00Z have changed places"],
    );
    // The events only, each with the hash of the other's place:
    check_found(
        "UPDATE events SET command_id = 'c-7' WHERE sequence = 2;
         UPDATE events SET command_id = 'c-2' WHERE sequence = 7;",
        &["event 2 and event 7 of 2026-11-25T17:00:00Z have changed places"],
    );
}

#[test]
fn the_mark_and_the_snapshot_are_compared() {
    let dir = nine();
    change(
        &dir,
        "DELETE FROM events WHERE sequence = 9;
         UPDATE meta SET head_sequence = 8,
             head_hash = (SELECT hash FROM events WHERE sequence = 8);",
    );
    let text = report(&dir).to_string();
    assert!(
        text.contains(
            "usher.lock says that event 9 had been stored here, and the log ends with event 8"
        ),
        "{text}"
    );
    let dir = nine();
    let other = TempDir::new().unwrap();
    let mut log = EventLog::open(other.path(), &office(), Timestamp::UNIX_EPOCH).unwrap();
    let all: Vec<Record> = (1..=9).map(record).collect();
    log.append(&all).unwrap();
    let snapshot = Snapshot {
        sequence: 9,
        chain_hash: log.head().hash,
        format_version: 1,
        program_version: String::new(),
        bytes: Vec::new(),
    };
    drop(log);
    snapshot.save(dir.path()).unwrap();
    let text = report(&dir).to_string();
    assert!(text.contains("nothing is wrong"), "{text}");
    assert!(text.contains("the snapshot is not of this log"), "{text}");
    fs::copy(
        other.path().join(DATABASE_NAME),
        dir.path().join(DATABASE_NAME),
    )
    .unwrap();
    let text = report(&dir).to_string();
    assert!(
        text.contains("usher.lock says that event 9 had the hash"),
        "{text}"
    );
    assert!(text.contains("there is a snapshot after event 9"), "{text}");
}

#[test]
fn more_findings_than_anybody_reads_are_counted() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    let all: Vec<Record> = (1..=300).map(record).collect();
    log.append(&all).unwrap();
    drop(log);
    change(&dir, "UPDATE events SET asked = asked + 1");
    let report = report(&dir);
    assert_eq!(report.findings.len(), FINDINGS_MAX);
    assert_eq!(report.findings_left_out, 200);
    assert!(report.to_string().contains("WRONG: and 200 more"));
}

#[test]
fn erased_fields_are_no_fault() {
    let dir = nine();
    erase_personal(dir.path(), Timestamp::MAX).unwrap();
    let report = report(&dir);
    assert!(report.is_sound(), "{report}");
    assert_eq!(report.erased, 1);
}

#[test]
fn a_log_of_version_1_is_checked_as_far_as_it_can_be() {
    let dir = TempDir::new().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released/v1.db");
    fs::copy(file, dir.path().join(DATABASE_NAME)).unwrap();
    let text = report(&dir).to_string();
    assert!(text.contains("37 events"), "{text}");
    assert!(text.contains("has no hash chain"), "{text}");
    drop(open(&dir).unwrap());
    let text = report(&dir).to_string();
    assert!(
        text.contains("events up to 37 were chained as they were found"),
        "{text}"
    );
    assert!(text.contains("nothing is wrong"), "{text}");
}
