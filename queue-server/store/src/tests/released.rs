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
