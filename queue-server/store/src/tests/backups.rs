//! Backups that are made while events are stored, and put back.

use super::*;

fn quiet() -> impl FnMut(Progress) {
    |_| {}
}

fn log_of(dir: &TempDir, events: u64) -> EventLog {
    let mut log = open(dir).unwrap();
    let first = log.head().sequence + 1;
    let all: Vec<Record> = (first..=events).map(record).collect();
    log.append(&all).unwrap();
    log
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_backup_is_of_one_moment_while_events_are_stored() {
    let dir = TempDir::new().unwrap();
    let mut log = log_of(&dir, 30_000);
    let place = TempDir::new().unwrap();
    let target = place.path().join("office.db");
    let mut pages = 0;
    let report = backup(dir.path(), &target, &mut |progress| {
        if let Progress::Pages { .. } = progress {
            pages += 1;
            let next = log.head().sequence + 1;
            log.append(&[record(next)]).unwrap();
        }
    })
    .unwrap();
    assert!(pages > 1, "events were stored in between");
    assert_eq!(report.check.events, 30_000);
    assert!(report.to_string().contains("has 30000 events"), "{report}");
    assert_eq!(names(place.path()), ["office.db"], "one file");
    let check = verify_file(&target, &mut quiet()).unwrap();
    assert!(check.is_sound(), "{check}");
    assert_eq!(names(place.path()), ["office.db"], "also once it was read");
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(&target).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "nobody else may read it");
}

#[test]
fn a_backup_overwrites_nothing_and_makes_no_sound_copy_of_a_changed_log() {
    let dir = TempDir::new().unwrap();
    drop(log_of(&dir, 10));
    let place = TempDir::new().unwrap();
    let target = place.path().join("office.db");
    fs::write(&target, "yesterday's").unwrap();
    let error = backup(dir.path(), &target, &mut quiet()).unwrap_err();
    assert!(error.to_string().contains("not overwritten"), "{error}");
    assert_eq!(fs::read_to_string(&target).unwrap(), "yesterday's");
    fs::remove_file(&target).unwrap();

    Connection::open(dir.path().join(DATABASE_NAME))
        .unwrap()
        .execute_batch("UPDATE events SET asked = 0 WHERE sequence = 3")
        .unwrap();
    let error = backup(dir.path(), &target, &mut quiet()).unwrap_err();
    assert!(error.to_string().contains("WRONG: event 3 of"), "{error}");
    assert_eq!(names(place.path()), ["office.db.unfinished"]);
    let nowhere = Path::new("/proc/self/office.db");
    let error = backup(dir.path(), nowhere, &mut quiet()).unwrap_err();
    assert!(matches!(error, BackupError::File { .. }), "{error}");
    let empty = TempDir::new().unwrap();
    let error = backup(empty.path(), &target, &mut quiet()).unwrap_err();
    assert!(
        error.to_string().contains("there is no event log"),
        "{error}"
    );
}

#[test]
fn what_a_restore_replaces_is_put_aside_and_the_mark_agrees() {
    let dir = TempDir::new().unwrap();
    let place = TempDir::new().unwrap();
    let target = place.path().join("office.db");
    let mut log = log_of(&dir, 10);
    backup(dir.path(), &target, &mut quiet()).unwrap();
    let early = records(&log);
    log.append(&[record(11), record(12)]).unwrap();

    let error = restore(&target, dir.path(), now(), &mut quiet()).unwrap_err();
    assert!(error.to_string().contains("already uses"), "{error}");
    drop(log);
    fs::write(dir.path().join(SNAPSHOT_NAME), "a snapshot").unwrap();

    let report = restore(&target, dir.path(), now(), &mut quiet()).unwrap();
    assert_eq!(
        names(dir.path()),
        [DATABASE_NAME, "replaced-20261125T170000Z", "usher.lock"]
    );
    let aside = report.replaced.clone().unwrap();
    assert_eq!(names(&aside), [DATABASE_NAME, SNAPSHOT_NAME]);
    assert!(
        report
            .to_string()
            .contains("10 events of office sample-office")
    );
    // The newest events are gone on purpose: no refusal.
    let mut log = open(&dir).unwrap();
    assert_eq!(records(&log), early);
    log.append(&[record(11)]).unwrap();
    drop(log);
    // And what was replaced is whole.
    let old = verify_file(&aside.join(DATABASE_NAME), &mut quiet()).unwrap();
    assert_eq!((old.events, old.is_sound()), (12, true));

    let report = restore(&target, dir.path(), now(), &mut quiet()).unwrap();
    let again = report.replaced.unwrap();
    assert!(again.ends_with("replaced-20261125T170000Z-2"));
}

#[test]
fn a_log_that_is_gone_or_damaged_is_restored() {
    let dir = TempDir::new().unwrap();
    let place = TempDir::new().unwrap();
    let target = place.path().join("office.db");
    drop(log_of(&dir, 10));
    backup(dir.path(), &target, &mut quiet()).unwrap();
    fs::remove_file(dir.path().join(DATABASE_NAME)).unwrap();
    assert!(matches!(open(&dir), Err(OpenError::Gone { .. })));
    restore(&target, dir.path(), now(), &mut quiet()).unwrap();
    assert_eq!(records(&open(&dir).unwrap()).len(), 10);
    fs::write(dir.path().join(DATABASE_NAME), "rubbish").unwrap();
    restore(&target, dir.path(), now(), &mut quiet()).unwrap();
    assert_eq!(records(&open(&dir).unwrap()).len(), 10);
    // On a new machine:
    let new = TempDir::new().unwrap();
    let report = restore(&target, new.path(), now(), &mut quiet()).unwrap();
    assert_eq!(report.replaced, None);
    assert_eq!(records(&open(&new).unwrap()).len(), 10);
}

#[test]
fn a_backup_that_is_no_use_leaves_the_log_as_it_was() {
    let dir = TempDir::new().unwrap();
    let place = TempDir::new().unwrap();
    let target = place.path().join("office.db");
    drop(log_of(&dir, 300));
    backup(dir.path(), &target, &mut quiet()).unwrap();
    let whole = fs::read(&target).unwrap();
    let before = (
        names(dir.path()),
        fs::read(dir.path().join(DATABASE_NAME)).unwrap(),
    );
    let middle = whole.len() / 2 / 4096 * 4096 + 2_000;
    for damage in [
        |bytes: &mut Vec<u8>, _| bytes.truncate(5_000),
        |bytes: &mut Vec<u8>, middle: usize| bytes[middle..middle + 64].fill(b'z'),
        |bytes: &mut Vec<u8>, _| bytes[..16].fill(b'z'),
        |bytes: &mut Vec<u8>, _| bytes.clear(),
    ] {
        let mut bytes = whole.clone();
        damage(&mut bytes, middle);
        fs::write(&target, bytes).unwrap();
        let error = restore(&target, dir.path(), now(), &mut quiet()).unwrap_err();
        assert!(
            error.to_string().contains("the event log is as it was"),
            "{error}"
        );
        let after = (
            names(dir.path()),
            fs::read(dir.path().join(DATABASE_NAME)).unwrap(),
        );
        assert_eq!(after, before);
    }
    assert_eq!(records(&open(&dir).unwrap()).len(), 300);
}
