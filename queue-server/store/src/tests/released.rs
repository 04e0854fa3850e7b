//! Files of every released version are read, and brought up to date.

use super::*;

fn released(name: &str) -> TempDir {
    let dir = TempDir::new().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/released")
        .join(name);
    fs::copy(file, dir.path().join(DATABASE_NAME)).unwrap();
    dir
}

fn read_only(dir: &TempDir) -> Vec<Record> {
    let mut all = Vec::new();
    ReadOnlyLog::open(dir.path())
        .unwrap()
        .replay::<ReadError>(|record| {
            all.push(record);
            Ok(())
        })
        .unwrap();
    all
}

#[test]
fn a_log_of_version_1_is_read_as_it_is_and_chained_when_it_is_opened() {
    let dir = released("v1.db");
    let before = read_only(&dir);
    assert_eq!(before.len(), 37);
    let log = open(&dir).unwrap();
    assert_eq!(records(&log), before);
    assert_eq!(log.head().sequence, 37);
    // The same bytes give the same chain, for ever.
    assert_eq!(log.head().hash.to_string(), V1_HEAD);
    let newest = schema::newest(&log.connection, SCHEMA_VERSION).unwrap();
    assert_eq!(newest.chained_after, 37);
    drop(log);
    // It goes on, and what was chained as it was found is held from now on.
    let mut log = open(&dir).unwrap();
    log.append(&[record(38)]).unwrap();
    drop(log);
    Connection::open(dir.path().join(DATABASE_NAME))
        .unwrap()
        .execute_batch("UPDATE events SET asked = 0 WHERE sequence = 20")
        .unwrap();
    let log = open(&dir).unwrap();
    let error = log.replay::<ReadError>(|_| Ok(())).unwrap_err().to_string();
    assert!(
        error.contains("event 20 of 2026-11-25T17:06:44Z"),
        "{error}"
    );
}

#[test]
fn a_log_that_was_brought_up_has_the_same_tables_as_a_new_one() {
    let tables = |dir: &TempDir| -> Vec<String> {
        let log = open(dir).unwrap();
        let mut select = log
            .connection
            .prepare("SELECT sql FROM sqlite_schema ORDER BY name")
            .unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    let new = TempDir::new().unwrap();
    assert_eq!(tables(&released("v1.db")), tables(&new));
}

#[test]
fn bringing_a_log_up_is_all_or_nothing() {
    let dir = released("v1.db");
    let path = dir.path().join(DATABASE_NAME);
    Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE personal (in_the_way INTEGER)")
        .unwrap();
    let error = open(&dir).expect_err("it cannot be brought up").to_string();
    assert!(error.contains("cannot be opened"), "{error}");
    assert_eq!(read_only(&dir).len(), 37, "it is as it was");
    Connection::open(&path)
        .unwrap()
        .execute_batch("DROP TABLE personal")
        .unwrap();
    assert_eq!(records(&open(&dir).unwrap()).len(), 37);
}

/// Computed from the file with Python's hashlib.
const V1_HEAD: &str = "4fe415b0f1d970ce25f8b995c8ffacfc1f0ae35b2ecfe48b5c757bcc78ccd2d6";

#[test]
fn a_log_of_version_2_is_read_with_what_was_kept_and_what_was_erased() {
    let dir = released("v2.db");
    let before = read_only(&dir);
    let report = verify_file(&dir.path().join(DATABASE_NAME), &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report}");
    assert_eq!((report.events, report.erased), (48, 1));
    let log = open(&dir).unwrap();
    assert_eq!(records(&log), before);
    assert_eq!(log.head().hash.to_string(), V2_HEAD);
    let notes: Vec<Option<&str>> = before
        .iter()
        .filter_map(|record| match &record.event {
            Event::VisitTransferred { note, .. } => Some(note.as_deref()),
            _ => None,
        })
        .collect();
    assert_eq!(notes, [None, Some("needs a chair")]);
}

/// Computed from the file with Python's hashlib.
const V2_HEAD: &str = "51236f4336414abeafc1c1c3cb2ad4437aff363fe47a0f7a4ec19f8fb9bb680e";
