//! The writer's thread: order, groups, failures, and the `-wal` file's size.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::*;

type Told = Arc<Mutex<Vec<(u64, Result<u64, String>)>>>;

/// Appends `records` and notes under `name` what came of it.
fn append(writer: &Writer, told: &Told, name: u64, records: Vec<Record>) {
    let told = Arc::clone(told);
    writer.append(records, move |result| {
        let result = result.map(|head| head.sequence).map_err(|e| e.to_string());
        told.lock().unwrap().push((name, result));
    });
}

/// Keeps the writer busy until the other end is dropped: what is sent meanwhile waits.
fn hold(writer: &Writer) -> mpsc::Sender<()> {
    let (release, held) = mpsc::channel::<()>();
    writer.append(Vec::new(), move |_| {
        let _ = held.recv();
    });
    release
}

#[test]
fn batches_that_wait_share_a_transaction_and_are_told_in_order() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    let told = Told::default();
    let frames = || {
        fs::metadata(dir.path().join("events.db-wal"))
            .unwrap()
            .len()
    };
    append(&writer, &told, 1, vec![record(1)]);
    let one = writer.with_log(move |_| ()).map(|()| frames()).unwrap();
    append(&writer, &told, 2, vec![record(2)]);
    let alone = writer.with_log(move |_| ()).map(|()| frames()).unwrap() - one;

    let held = hold(&writer);
    for batch in 0..20 {
        let first = 3 + batch * 2;
        append(
            &writer,
            &told,
            3 + batch,
            vec![record(first), record(first + 1)],
        );
    }
    append(&writer, &told, 23, Vec::new());
    let before = frames();
    drop(held);
    writer.with_log(|_| ()).unwrap();
    let grew = frames() - before;
    assert!(
        grew < alone * 4,
        "21 batches took {grew} bytes of transactions of {alone}"
    );
    let told = told.lock().unwrap();
    let expected: Vec<_> = (1..=22u64)
        .map(|batch| (batch, Ok(if batch < 3 { batch } else { batch * 2 - 2 })))
        .chain([(23, Ok(42))])
        .collect();
    assert_eq!(*told, expected);
    drop(writer);
    assert_eq!(records(&open(&dir).unwrap()).len(), 42);
}

#[test]
fn what_is_told_is_on_disk() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    for sequence in 1..=20 {
        let (tell, told) = mpsc::channel();
        let path = dir.path().to_owned();
        writer.append(vec![record(sequence)], move |result| {
            let mut stored = 0;
            ReadOnlyLog::open(&path)
                .unwrap()
                .replay::<ReadError>(|_| {
                    stored += 1;
                    Ok(())
                })
                .unwrap();
            tell.send((result.unwrap().sequence, stored)).unwrap();
        });
        assert_eq!(told.recv().unwrap(), (sequence, sequence));
    }
}

#[test]
fn after_a_failure_every_batch_fails_in_order_until_the_log_is_opened_anew() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    let told = Told::default();
    append(&writer, &told, 1, vec![record(1)]);
    writer.with_log(|log| log.limit_pages(6)).unwrap();
    let held = hold(&writer);
    append(&writer, &told, 2, (2..=900).map(record).collect());
    append(&writer, &told, 3, vec![record(901)]);
    drop(held);
    append(&writer, &told, 4, vec![record(902)]);
    writer.with_log(|_| ()).unwrap();
    // Also a batch that would fit is decided upon one that does not count.
    append(&writer, &told, 5, vec![record(2)]);
    writer.reopen(now()).unwrap();
    append(&writer, &told, 6, vec![record(2)]);
    let stored = writer.with_log(|log| records(log)).unwrap();
    assert_eq!(stored, [record(1), record(2)]);
    let full = Err("the disk is full: free some space".to_owned());
    assert_eq!(
        *told.lock().unwrap(),
        [
            (1, Ok(1)),
            (2, full.clone()),
            (3, full.clone()),
            (4, full.clone()),
            (5, full),
            (6, Ok(2))
        ]
    );
}

#[test]
fn closing_stores_what_waits_and_frees_the_directory() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    let told = Told::default();
    let held = hold(&writer);
    for sequence in 1..=10 {
        append(&writer, &told, sequence, vec![record(sequence)]);
    }
    drop(held);
    drop(writer);
    assert_eq!(told.lock().unwrap().len(), 10);
    let mut log = open(&dir).unwrap();
    assert_eq!(log.head().sequence, 10);
    log.append(&[record(11)]).unwrap();
}

#[test]
fn a_writer_that_ended_by_a_panic_says_so() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    writer.append(vec![record(1)], |_| panic!("a bug in a completion"));
    assert!(matches!(writer.with_log(|_| ()), Err(AppendError::Closed)));
    let told = Told::default();
    append(&writer, &told, 2, vec![record(2)]);
    assert!(matches!(writer.reopen(now()), Err(OpenError::WriterEnded)));
    assert!(writer.close().is_none());
    let (_, result) = told.lock().unwrap().remove(0);
    assert!(result.unwrap_err().contains("restart usher-server"));
    assert_eq!(records(&open(&dir).unwrap()).len(), 1);
}

#[test]
fn the_wal_file_does_not_grow_without_bound() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    let mut first = 1;
    for _ in 0..500 {
        writer.append((first..first + 200).map(record).collect(), |result| {
            result.unwrap();
        });
        first += 200;
    }
    writer.with_log(|_| ()).unwrap();
    let wal = fs::metadata(dir.path().join("events.db-wal")).unwrap();
    let log = fs::metadata(dir.path().join(DATABASE_NAME)).unwrap();
    assert!(wal.len() < 20 << 20, "{} bytes", wal.len());
    assert!(log.len() > 5 << 20, "{} bytes", log.len());
    let log = writer.close().unwrap();
    assert_eq!(log.head().sequence, first - 1);
}

#[test]
fn a_snapshot_is_saved_in_the_background_once_its_event_is_stored() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    writer.append(vec![record(1), record(2)], |_| {});
    writer.save_snapshot(2, 1, "0.1.0", b"the state".to_vec());
    writer.save_snapshot(3, 1, "0.1.0", b"of an event that is not stored".to_vec());
    let log = writer.close().unwrap();
    let snapshot = log.snapshot(1, "0.1.0").unwrap();
    assert_eq!((snapshot.sequence, snapshot.head()), (2, log.head()));
    assert_eq!(snapshot.bytes, b"the state");
}

#[test]
fn the_mark_follows_when_the_log_is_idle() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    writer.append(vec![record(1)], |_| {});
    let began = std::time::Instant::now();
    while lock::noted_in(dir.path()).unwrap().unwrap().sequence == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "no note");
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(writer);
}

#[test]
fn nothing_to_store_costs_no_commit_and_tells_in_its_turn() {
    let dir = TempDir::new().unwrap();
    let writer = Writer::start(open(&dir).unwrap()).unwrap();
    let told = Told::default();
    append(&writer, &told, 1, vec![record(1)]);
    writer.with_log(|_| ()).unwrap();
    let wal = || {
        fs::metadata(dir.path().join("events.db-wal"))
            .unwrap()
            .len()
    };
    let before = wal();
    append(&writer, &told, 2, Vec::new());
    writer.with_log(|_| ()).unwrap();
    assert_eq!(wal(), before);
    append(&writer, &told, 3, vec![record(3)]);
    append(&writer, &told, 4, Vec::new());
    writer.with_log(|_| ()).unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told[..2], [(1, Ok(1)), (2, Ok(1))]);
    assert!(told[2].1.is_err() && told[3].1.is_err(), "{told:?}");
}
