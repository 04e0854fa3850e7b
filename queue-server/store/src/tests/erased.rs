//! What was said of people goes, and the chain stays.

use super::*;

fn secretive(dir: &TempDir) -> EventLog {
    let mut log = open(dir).unwrap();
    // Every second event says something of a person.
    log.personal_of = |record| {
        (record.sequence % 2 == 0)
            .then(|| format!("{{\"note\":\"limps, came with Joan {}\"}}", record.sequence))
    };
    log
}

fn at(sequence: u64, time: &str) -> Record {
    Record {
        at: time.parse().unwrap(),
        ..record(sequence)
    }
}

/// How often the note is in the files of the directory.
fn traces(dir: &TempDir) -> usize {
    let mut count = 0;
    for entry in fs::read_dir(dir.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        count += bytes.windows(4).filter(|four| four == b"Joan").count();
    }
    count
}

#[test]
fn what_is_erased_is_gone_from_the_files_and_the_chain_is_whole() {
    let dir = TempDir::new().unwrap();
    let mut log = secretive(&dir);
    let old: Vec<Record> = (1..=400).map(|n| at(n, "2026-11-01T17:00:00Z")).collect();
    let new: Vec<Record> = (401..=404).map(|n| at(n, "2026-11-25T17:00:00Z")).collect();
    log.append(&old).unwrap();
    log.append(&new).unwrap();
    let head = log.head();
    let before = records(&log);
    assert!(traces(&dir) >= 202, "the notes are in the files at first");

    let erased = log.erase_personal("2026-11-20T00:00:00Z".parse().unwrap());
    let erased = erased.unwrap();
    assert_eq!((erased.events, erased.is_complete), (200, true));
    assert_eq!(traces(&dir), 2, "only what is younger stays, once");
    assert_eq!(records(&log), before, "events stay, and the chain fits");
    drop(log);
    let log = open(&dir).unwrap();
    assert_eq!(log.head(), head);
    assert_eq!(records(&log), before);

    // Beside the server:
    let erased = erase_personal(dir.path(), Timestamp::MAX).unwrap();
    assert_eq!((erased.events, erased.is_complete), (2, true));
    assert_eq!(traces(&dir), 0);
    assert_eq!(records(&log), before);
}

#[test]
fn a_reader_that_keeps_a_copy_in_the_wal_file_is_told_of() {
    let dir = TempDir::new().unwrap();
    let mut log = secretive(&dir);
    log.append(&[record(1), record(2)]).unwrap();
    let reader = ReadOnlyLog::open(dir.path()).unwrap();
    reader.connection.execute_batch("BEGIN").unwrap();
    let _: i64 = reader
        .connection
        .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
        .unwrap();
    let erased = log.erase_personal(Timestamp::MAX).unwrap();
    assert!(!erased.is_complete);
    assert!(erased.to_string().contains("erase again"), "{erased}");
    drop(reader);
    let erased = log.erase_personal(Timestamp::MAX).unwrap();
    assert!(erased.is_complete);
    assert_eq!(traces(&dir), 0);
}

#[test]
fn a_snapshot_goes_with_what_it_may_hold() {
    let dir = TempDir::new().unwrap();
    let log = secretive(&dir);
    fs::write(dir.path().join(SNAPSHOT_NAME), "Joan").unwrap();
    log.erase_personal(Timestamp::MAX).unwrap();
    assert_eq!(traces(&dir), 0);
}

#[test]
fn personal_fields_that_were_changed_are_named() {
    for change in [
        "UPDATE personal SET body = '{}' WHERE sequence = 2",
        "UPDATE personal SET salt = zeroblob(16) WHERE sequence = 2",
        "UPDATE personal SET salt = x'' WHERE sequence = 2",
    ] {
        let dir = TempDir::new().unwrap();
        let mut log = secretive(&dir);
        log.append(&[record(1), record(2), record(3)]).unwrap();
        let other = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
        other.execute_batch(change).unwrap();
        let error = log.replay::<ReadError>(|_| Ok(())).unwrap_err().to_string();
        assert!(
            error.contains("what event 2 of 2026-11-25T17:00:00Z says of a person"),
            "{error}"
        );
    }
}

#[test]
fn the_same_words_leave_no_two_commitments_alike() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    log.personal_of = |_| Some("\"the same\"".to_owned());
    log.append(&[record(1), record(2)]).unwrap();
    let distinct: i64 = log
        .connection
        .query_row("SELECT count(DISTINCT personal) FROM events", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(distinct, 2);
}

#[test]
fn the_note_of_a_transfer_is_stored_apart_comes_back_and_can_be_erased() {
    let with_note = |note: Option<&str>| Record {
        event: Event::VisitTransferred {
            visit: usher_protocol::VisitId(1),
            counter: "5".parse().unwrap(),
            to: usher_protocol::message::TransferTo::Counter("6".parse().unwrap()),
            note: note.map(str::to_owned),
        },
        ..record(1)
    };
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    log.append(&[with_note(Some("came with Joan"))]).unwrap();
    assert_eq!(records(&log), [with_note(Some("came with Joan"))]);
    assert_eq!(traces(&dir), 1, "in table personal, and not in the event");
    log.erase_personal(Timestamp::MAX).unwrap();
    assert_eq!(records(&log), [with_note(None)]);
    assert_eq!(traces(&dir), 0);
}
