//! Files that the disk damaged: cut off, overwritten, or without their `-wal`.

use super::*;

/// A log of some twenty pages, with personal fields, all folded into one file.
fn pages() -> TempDir {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    log.personal_of = |record| {
        (record.sequence % 10 == 0).then(|| format!("{{\"note\":\"{}\"}}", record.sequence))
    };
    let all: Vec<Record> = (1..=300).map(record).collect();
    log.append(&all).unwrap();
    drop(log);
    dir
}

/// A directory that costs no time to sync, where there is such a place.
fn in_memory() -> TempDir {
    TempDir::new_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}

/// A data directory with these bytes as its log, and the mark of `dir`.
fn with_log(dir: &TempDir, bytes: &[u8]) -> TempDir {
    let copy = in_memory();
    fs::write(copy.path().join(DATABASE_NAME), bytes).unwrap();
    fs::copy(
        dir.path().join("usher.lock"),
        copy.path().join("usher.lock"),
    )
    .unwrap();
    copy
}

/// What a server that starts reads: everything, or why not.
fn read_all(dir: &TempDir) -> Result<Vec<Record>, String> {
    let log = open(dir).map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    log.replay::<ReadError>(|record| {
        all.push(record);
        Ok(())
    })
    .map_err(|error| error.to_string())?;
    Ok(all)
}

#[test]
fn a_page_that_was_damaged_anywhere_is_found_or_changes_nothing() {
    let dir = pages();
    let whole = fs::read(dir.path().join(DATABASE_NAME)).unwrap();
    let expected = read_all(&with_log(&dir, &whole)).unwrap();
    let (mut found, mut named) = (0, 0);
    let page_count = whole.len() / 4096;
    assert!(page_count > 12, "{page_count} pages");
    for page in 0..page_count {
        for offset in [0, 5, 30, 2_047, 4_070] {
            for length in [1, 24] {
                let at = page * 4096 + offset;
                let end = whole.len().min(at + length);
                let mut bytes = whole.clone();
                bytes[at..end].iter_mut().for_each(|byte| *byte ^= 0x55);
                let damaged = with_log(&dir, &bytes);
                // First as it is, for opening it for writing changes the file.
                let report = verify(damaged.path(), &mut |_| {});
                let is_found = match &report {
                    Ok(report) => !report.is_sound(),
                    Err(_) => true,
                };
                let read = read_all(&damaged);
                match &read {
                    // What a server takes for the office's state is what was stored.
                    Ok(read) => assert_eq!(*read, expected, "page {page}, byte {offset}"),
                    Err(words) => assert!(!words.is_empty()),
                }
                assert!(
                    is_found || read.is_ok(),
                    "page {page}, byte {offset}: {read:?}, but verify says {report:?}"
                );
                found += usize::from(is_found);
                let text = report.map_or_else(|e| e.to_string(), |r| r.to_string());
                named += usize::from(is_found && text.contains("event "));
            }
        }
    }
    assert!(found > page_count * 4, "only {found} were found");
    assert!(named > page_count, "only {named} name an event");
}

#[test]
fn a_log_that_was_cut_off_anywhere_is_refused() {
    let dir = pages();
    let whole = fs::read(dir.path().join(DATABASE_NAME)).unwrap();
    let lengths = (0..whole.len()).step_by(2_531);
    for length in lengths.chain([1, 99, 100, 4_095, 4_096, whole.len() - 1]) {
        let cut = with_log(&dir, &whole[..length]);
        read_all(&cut).expect_err(&format!("cut to {length} bytes"));
        let report = verify(cut.path(), &mut |_| {});
        assert!(
            report.is_err() || report.is_ok_and(|report| !report.is_sound()),
            "cut to {length} bytes"
        );
    }
}

#[test]
fn a_wal_file_that_was_cut_off_anywhere_leaves_whole_batches_in_order() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    for batch in 0..20 {
        let first = batch * 3 + 1;
        log.append(&[record(first), record(first + 1), record(first + 2)])
            .unwrap();
    }
    let database = fs::read(dir.path().join(DATABASE_NAME)).unwrap();
    let wal = fs::read(dir.path().join("events.db-wal")).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for length in (0..=wal.len()).step_by(1_997).chain([wal.len()]) {
        // The mark of a server that lost its power: of its start.
        let cut = with_log(&dir, &database);
        fs::write(cut.path().join("events.db-wal"), &wal[..length]).unwrap();
        let stored = match open(&cut) {
            Ok(log) => records(&log),
            // Cut before even the tables: the file itself is then empty.
            Err(error) => {
                let words = error.to_string();
                assert!(
                    words.contains("had been stored here") || words.contains("is gone or empty"),
                    "cut to {length} bytes: {words}"
                );
                continue;
            }
        };
        let expected: Vec<Record> = (1..=stored.len() as u64).map(record).collect();
        assert_eq!(stored, expected);
        assert_eq!(stored.len() % 3, 0, "cut to {length} bytes");
        seen.insert(stored.len());
    }
    assert!(seen.contains(&60) && seen.len() > 10, "{seen:?}");
}

#[test]
fn a_clock_that_jumps_leaves_the_order_of_events() {
    let dir = TempDir::new().unwrap();
    let mut log = open(&dir).unwrap();
    let times = [
        "2026-11-25T17:00:00Z",
        // A day ahead, and back, and before the log was made.
        "2026-11-26T17:00:00Z",
        "2026-11-25T17:00:01Z",
        "2020-01-01T00:00:00Z",
        "1970-01-01T00:00:00Z",
    ];
    let stored: Vec<Record> = (1..)
        .zip(times)
        .map(|(sequence, at)| Record {
            at: at.parse().unwrap(),
            ..record(sequence)
        })
        .collect();
    for record in &stored {
        log.append(std::slice::from_ref(record)).unwrap();
    }
    log.reopen("1970-01-01T00:00:00Z".parse().unwrap()).unwrap();
    drop(log);
    let early = "1969-12-31T00:00:00Z".parse().unwrap();
    let log = EventLog::open(dir.path(), &office(), early).unwrap();
    assert_eq!(records(&log), stored);
    drop(log);
    assert!(verify(dir.path(), &mut |_| {}).unwrap().is_sound());
}
