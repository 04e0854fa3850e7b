//! The snapshot is a cache: used when it fits in every way, and never otherwise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

const FORMAT: u32 = 3;
const PROGRAM: &str = "0.1.0";

fn snapshot_of(log: &EventLog, sequence: u64, bytes: &[u8]) -> Snapshot {
    Snapshot {
        sequence,
        chain_hash: log.place_of(sequence).unwrap().unwrap().hash,
        format_version: FORMAT,
        program_version: PROGRAM.to_owned(),
        bytes: bytes.to_vec(),
    }
}

fn with_snapshot(dir: &TempDir) -> (EventLog, Snapshot) {
    let mut log = open(dir).unwrap();
    let all: Vec<Record> = (1..=2_500).map(record).collect();
    log.append(&all).unwrap();
    let snapshot = snapshot_of(&log, 1_700, b"the state after 1,700 events");
    log.save_snapshot(&snapshot).unwrap();
    (log, snapshot)
}

#[test]
fn replay_goes_on_where_the_snapshot_ends() {
    let dir = TempDir::new().unwrap();
    let (log, snapshot) = with_snapshot(&dir);
    assert_eq!(log.snapshot(FORMAT, PROGRAM).as_ref(), Some(&snapshot));
    let mut next = 1_701;
    log.replay_after::<ReadError>(snapshot.head(), |record| {
        assert_eq!(record.sequence, next);
        next += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(next, 2_501);
}

#[test]
fn what_was_changed_after_the_snapshot_is_named_at_the_start() {
    let dir = TempDir::new().unwrap();
    let (log, snapshot) = with_snapshot(&dir);
    let other = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
    let change = |sequence: u32| {
        other
            .execute(
                "UPDATE events SET asked = 1 WHERE sequence = ?1",
                [sequence],
            )
            .unwrap();
        log.replay_after::<ReadError>(snapshot.head(), |_| Ok(()))
    };
    // What came before it is verified by `verify`, not at a start.
    change(1_699).unwrap();
    let error = change(1_701).unwrap_err().to_string();
    assert!(error.contains("event 1701 of"), "{error}");
}

#[test]
fn a_snapshot_of_another_program_format_or_log_is_not_used() {
    let dir = TempDir::new().unwrap();
    let (log, snapshot) = with_snapshot(&dir);
    assert_eq!(log.snapshot(FORMAT, "0.2.0"), None);
    assert_eq!(log.snapshot(FORMAT + 1, PROGRAM), None);
    let other = TempDir::new().unwrap();
    let log = EventLog::open(other.path(), &office(), Timestamp::MAX).unwrap();
    log.save_snapshot(&snapshot).unwrap();
    assert_eq!(log.snapshot(FORMAT, PROGRAM), None, "it has no such event");
}

#[test]
fn a_damaged_snapshot_is_not_used() {
    let dir = TempDir::new().unwrap();
    let (log, _) = with_snapshot(&dir);
    let path = dir.path().join(SNAPSHOT_NAME);
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&path, &damaged).unwrap();
        assert_eq!(log.snapshot(FORMAT, PROGRAM), None, "byte {at}");
        fs::write(&path, &whole[..at]).unwrap();
        assert_eq!(log.snapshot(FORMAT, PROGRAM), None, "cut at {at}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(log.snapshot(FORMAT, PROGRAM), None);
    fs::create_dir(&path).unwrap();
    assert_eq!(log.snapshot(FORMAT, PROGRAM), None);
    let error = log.save_snapshot(&Snapshot {
        sequence: 1,
        chain_hash: chain::ChainHash::from_bytes([0; 32]),
        format_version: 1,
        program_version: String::new(),
        bytes: Vec::new(),
    });
    assert!(matches!(error, Err(SnapshotError::File { .. })));
}

#[test]
fn a_snapshot_that_was_being_written_leaves_the_one_before() {
    let dir = TempDir::new().unwrap();
    let (log, snapshot) = with_snapshot(&dir);
    fs::write(dir.path().join("snapshot.bin.new"), "half of one").unwrap();
    assert_eq!(log.snapshot(FORMAT, PROGRAM).as_ref(), Some(&snapshot));
    let newer = snapshot_of(&log, 2_500, b"newer");
    log.save_snapshot(&newer).unwrap();
    assert_eq!(log.snapshot(FORMAT, PROGRAM), Some(newer));
}

#[test]
fn states_of_any_shape_read_back() {
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Tagged {
        Queued {
            visit: usher_protocol::VisitId,
            number: usher_protocol::TicketNumber,
        },
        Done,
    }
    #[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
    struct State {
        by_place: BTreeMap<(Timestamp, usher_protocol::VisitId), Tagged>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        later: Option<u32>,
        event: Event,
    }
    let state = State {
        by_place: BTreeMap::from([
            ((now(), usher_protocol::VisitId(7)), Tagged::Done),
            (
                (now(), usher_protocol::VisitId(8)),
                Tagged::Queued {
                    visit: usher_protocol::VisitId(8),
                    number: "A12".parse().unwrap(),
                },
            ),
        ]),
        later: None,
        event: record(1).event,
    };
    let snapshot = Snapshot {
        sequence: 1,
        chain_hash: chain::ChainHash::from_bytes([0; 32]),
        format_version: 1,
        program_version: String::new(),
        bytes: Snapshot::bytes_of(&state).unwrap(),
    };
    assert_eq!(snapshot.state::<State>(), Some(state));
    assert_eq!(snapshot.state::<Vec<u32>>(), None);
}

#[test]
fn an_office_from_a_snapshot_and_the_rest_is_that_of_all_events() {
    use usher_office::{Office, sample};
    let dir = TempDir::new().unwrap();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/released/v1.db");
    fs::copy(file, dir.path().join(DATABASE_NAME)).unwrap();
    let log = open(&dir).unwrap();
    let apply = |office: &mut Office, record: &Record| office.apply(record).unwrap();
    let mut whole = Office::new(sample::plan());
    for record in records(&log) {
        apply(&mut whole, &record);
    }
    let mut so_far = Office::new(sample::plan());
    for record in records(&log) {
        apply(&mut so_far, &record);
        let snapshot = Snapshot {
            bytes: Snapshot::bytes_of(&so_far).unwrap(),
            ..snapshot_of(&log, record.sequence, b"")
        };
        log.save_snapshot(&snapshot).unwrap();
        let snapshot = log.snapshot(FORMAT, PROGRAM).unwrap();
        let mut office: Office = snapshot.state().unwrap();
        office = office.resumed(sample::plan());
        assert_eq!(office, so_far);
        log.replay_after::<ReadError>(snapshot.head(), |record| {
            apply(&mut office, &record);
            Ok(())
        })
        .unwrap();
        assert_eq!(office, whole, "from event {}", record.sequence);
    }
}
