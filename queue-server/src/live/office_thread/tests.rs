//! The thread with a real log: group commit, faults, restarts.

use std::collections::HashSet;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::Connection;
use tempfile::TempDir;
use usher_protocol::DeviceId;
use usher_protocol::message::{
    Answer, DeviceStatus, Presence, PrintResult, QueuedTicket, Request, RequestBody,
};

use jiff::SignedDuration;

use super::*;
use crate::live::handle::DeviceReport;
use crate::live::view::{CounterState, PrintState};
use crate::office::command::Sender;
use crate::office::sample::{self, counter, kiosk};
use crate::store::DATABASE_NAME;
use crate::store::ReadError;

const NOW: &str = "2026-11-25T17:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn log_in(dir: &Path) -> EventLog {
    EventLog::open(dir, &sample::plan().info.office, now()).unwrap()
}

fn start_with(log: EventLog) -> (OfficeHandle, OfficeThread) {
    OfficeThread::start(OfficeParts {
        plan: sample::plan(),
        devices: vec![(sample::device("kiosk-1"), Role::Kiosk)],
        log,
        clock: Arc::new(now),
    })
    .unwrap()
}

fn start(dir: &TempDir) -> (OfficeHandle, OfficeThread) {
    start_with(log_in(dir.path()))
}

/// A clock that the test sets.
#[derive(Clone)]
struct SettableClock(Arc<Mutex<Timestamp>>);

impl SettableClock {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(now())))
    }

    fn put_on(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

fn start_by(dir: &TempDir, time: &SettableClock) -> (OfficeHandle, OfficeThread) {
    let time = time.clone();
    OfficeThread::start(OfficeParts {
        plan: sample::plan(),
        devices: vec![(sample::device("kiosk-1"), Role::Kiosk)],
        log: log_in(dir.path()),
        clock: Arc::new(move || *time.0.lock().unwrap()),
    })
    .unwrap()
}

fn check_in(nth: usize) -> Request {
    sample::request(&format!("k-{nth}"), sample::check_in("titles", NOW))
}

async fn arrive(office: &OfficeHandle, nth: usize) -> Outcome {
    office.submit(kiosk("kiosk-1"), check_in(nth)).await.outcome
}

fn ticket(outcome: Outcome) -> QueuedTicket {
    match outcome {
        Outcome::Accepted {
            answer: Answer::Queued { ticket },
        } => ticket,
        other => panic!("nobody was queued: {other:?}"),
    }
}

async fn clerk(office: &OfficeHandle, id: &str, body: RequestBody) -> Outcome {
    let request = sample::request(id, body);
    office.submit(Sender::Clerk, request).await.outcome
}

#[tokio::test]
async fn an_answer_comes_with_a_view_and_a_restart_brings_back_the_same() {
    let dir = TempDir::new().unwrap();
    let (office, thread) = start(&dir);
    assert_eq!(thread.events_recovered, 0);
    let open = RequestBody::OpenCounter {
        counter: counter("1"),
        clerk: None,
    };
    clerk(&office, "c-1", open).await;
    let given = ticket(arrive(&office, 1).await);
    arrive(&office, 2).await;
    let print = RequestBody::RecordPrint {
        visit: given.visit,
        result: PrintResult::Printed,
    };
    office
        .submit(kiosk("kiosk-1"), sample::request("p-1", print))
        .await;
    let call = RequestBody::CallNext {
        counter: counter("1"),
    };
    clerk(&office, "c-2", call).await;

    // Whoever has an answer finds it in the view.
    let view = Arc::clone(&office.watch().borrow());
    assert_eq!(view.sequence, 6);
    assert!(view.accepting);
    let desk = &view.counters[0];
    assert_eq!(desk.state, CounterState::Called);
    let called = desk.visit.as_ref().unwrap();
    assert_eq!(
        (called.number, called.print),
        (given.number, PrintState::Printed)
    );
    assert_eq!(
        desk.next_up[0].reason,
        "Longest wait (under 1 min) for Titles"
    );
    assert_eq!(view.counters[1].state, CounterState::Closed);
    assert_eq!((view.waiting_total, view.waiting.len()), (1, 1));
    assert_eq!(view.calls.calls[0].serial, 1);
    assert_eq!(view.waits.services[0].waiting, 1);
    assert_eq!(view.waits.services[1].wait, None);
    let json = serde_json::to_value(view.as_ref()).unwrap();
    assert_eq!(json["counters"][0]["state"], "called");
    assert_eq!(json["info"]["office"], "sample-office");

    drop(office);
    thread.stop().await;
    let (office, thread) = start(&dir);
    assert_eq!(thread.events_recovered, 6);
    let mut again = OfficeView::clone(&office.watch().borrow());
    // What is foreseen is newer, and no part of what is restored.
    again.waits.clone_from(&view.waits);
    for (now, before) in again.waiting.iter_mut().zip(&view.waiting) {
        now.expected_wait = before.expected_wait;
    }
    assert_eq!(again, *view);
    // And the same answer, to a kiosk that did not get it.
    assert_eq!(ticket(arrive(&office, 1).await), given);
    thread.stop().await;
}

#[tokio::test]
async fn many_at_once_get_a_number_each_and_each_is_stored() {
    let dir = TempDir::new().unwrap();
    let (office, thread) = start(&dir);
    let tasks: Vec<_> = (0..520)
        .map(|nth| {
            let office = office.clone();
            tokio::spawn(async move { ticket(arrive(&office, nth).await).number })
        })
        .collect();
    let mut numbers = HashSet::new();
    for task in tasks {
        assert!(
            numbers.insert(task.await.unwrap()),
            "a number was given twice"
        );
    }
    let view = Arc::clone(&office.watch().borrow());
    assert_eq!((view.waiting_total, view.waiting.len()), (520, 500));
    assert_eq!(view.waiting[0].number, sample::number("A1"));
    thread.stop().await;
    let mut stored = 0;
    log_in(dir.path())
        .replay::<ReadError>(|_| {
            stored += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(stored, 521, "the day and 520 visits");
}

#[tokio::test]
async fn what_was_answered_is_on_disk_already() {
    let dir = TempDir::new().unwrap();
    let (office, thread) = start(&dir);
    for nth in 1..=5 {
        let given = ticket(arrive(&office, nth).await);
        // What a kill at this moment would leave:
        let copy = TempDir::new().unwrap();
        for name in [DATABASE_NAME, "events.db-wal"] {
            std::fs::copy(dir.path().join(name), copy.path().join(name)).unwrap();
        }
        let (after, other) = start(&copy);
        assert_eq!(ticket(arrive(&after, nth).await), given);
        assert_eq!(after.watch().borrow().waiting_total as usize, nth);
        other.stop().await;
    }
    thread.stop().await;
}

#[tokio::test]
async fn when_storing_fails_nothing_is_promised_and_later_all_goes_on() {
    let dir = TempDir::new().unwrap();
    let (office, thread) = start(&dir);
    let first = ticket(arrive(&office, 1).await);
    // A backup program that does not let go.
    let other = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    match arrive(&office, 2).await {
        Outcome::Unavailable { reason } => assert!(reason.contains("another program"), "{reason}"),
        done => panic!("it was promised: {done:?}"),
    }
    let mut views = office.watch();
    let broken = views
        .wait_for(|view| !view.accepting)
        .await
        .unwrap()
        .clone();
    assert_eq!(
        broken.waiting_total, 1,
        "the last that is known is still shown"
    );
    assert!(broken.trouble.as_ref().unwrap().contains("another program"));
    assert!(matches!(
        arrive(&office, 3).await,
        Outcome::Unavailable { .. }
    ));
    let hello = clerk(&office, "h-1", RequestBody::Hello).await;
    assert!(matches!(hello, Outcome::Unavailable { .. }));

    other.execute_batch("ROLLBACK").unwrap();
    let whole = views.wait_for(|view| view.accepting).await.unwrap().clone();
    assert_eq!((whole.trouble.clone(), whole.waiting_total), (None, 1));
    let second = ticket(arrive(&office, 2).await);
    assert_eq!(second.number.number(), first.number.number() + 1);
    assert_eq!(ticket(arrive(&office, 1).await), first);
    thread.stop().await;
}

#[tokio::test]
async fn a_full_disk_is_said_and_outlived() {
    let dir = TempDir::new().unwrap();
    let log = log_in(dir.path());
    log.limit_pages(5);
    let (office, thread) = start_with(log);
    let mut given = 0;
    let reason = loop {
        match arrive(&office, given).await {
            Outcome::Unavailable { reason } => break reason,
            _ => given += 1,
        }
    };
    assert!(reason.contains("the disk is full"), "{reason}");
    // Opened anew, the limit is gone, as if somebody had made room.
    let mut views = office.watch();
    assert!(
        !views.borrow().accepting,
        "the view knows before the answer"
    );
    views.wait_for(|view| view.accepting).await.unwrap();
    assert_eq!(views.borrow().waiting_total as usize, given);
    ticket(arrive(&office, given).await);
    thread.stop().await;
}

#[tokio::test]
async fn a_stopping_office_answers_what_it_took_and_then_says_so() {
    let dir = TempDir::new().unwrap();
    let (office, mut thread) = start(&dir);
    let ended = thread.ended().unwrap();
    let asked: Vec<_> = (0..20)
        .map(|nth| {
            let office = office.clone();
            tokio::spawn(async move { arrive(&office, nth).await })
        })
        .collect();
    thread.stop().await;
    assert!(ended.await.is_err(), "the sender is dropped at the end");
    for task in asked {
        let outcome = task.await.unwrap();
        let is_clear = matches!(
            outcome,
            Outcome::Accepted { .. } | Outcome::Unavailable { .. }
        );
        assert!(is_clear, "{outcome:?}");
    }
    match arrive(&office, 99).await {
        Outcome::Unavailable { reason } => assert!(reason.contains("stopping"), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_device_is_shown_as_it_told_and_a_stranger_is_not() {
    let dir = TempDir::new().unwrap();
    let (office, thread) = start(&dir);
    let mut views = office.watch();
    assert_eq!(views.borrow().devices[0].online, None);
    let presence = Presence {
        online: true,
        role: Role::Kiosk,
        version: "0.1.0".to_owned(),
    };
    let report = |device: DeviceId| DeviceReport::Presence {
        device,
        presence: presence.clone(),
    };
    office.report_device(report(sample::device("kiosk-9")));
    office.report_device(report(sample::device("kiosk-1")));
    office.report_device(DeviceReport::Status {
        device: sample::device("kiosk-1"),
        status: DeviceStatus {
            as_of: now(),
            printer_ready: Some(false),
            printer: Some("paper is low".to_owned()),
            scanner_ready: None,
            papers_waiting: 0,
        },
    });
    let view = views
        .wait_for(|view| view.devices[0].status.is_some())
        .await;
    let view = view.unwrap().clone();
    assert_eq!(view.devices.len(), 1);
    assert_eq!(view.devices[0].online, Some(true));
    assert_eq!(view.devices[0].reported_at, Some(now()));
    thread.stop().await;
}

#[tokio::test]
async fn a_log_that_contradicts_itself_is_named() {
    let dir = TempDir::new().unwrap();
    let (office, thread) = start(&dir);
    for nth in 1..=3 {
        arrive(&office, nth).await;
    }
    thread.stop().await;
    // The snapshot is from when the log was whole.
    std::fs::remove_file(dir.path().join(crate::store::SNAPSHOT_NAME)).unwrap();
    let other = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
    other
        .execute_batch("DELETE FROM events WHERE sequence = 3")
        .unwrap();
    drop(other);
    let parts = OfficeParts {
        plan: sample::plan(),
        devices: Vec::new(),
        log: log_in(dir.path()),
        clock: Arc::new(now),
    };
    let error = OfficeThread::start(parts).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("event 3 is missing"), "{error}");
}

#[tokio::test]
async fn traffic_that_changes_nothing_does_not_stop_the_minutes() {
    let dir = TempDir::new().unwrap();
    let time = SettableClock::new();
    let (office, thread) = start_by(&dir, &time);
    let first = office.watch().borrow().as_of;
    time.put_on(SignedDuration::from_mins(1));
    let busy = tokio::spawn({
        let office = office.clone();
        async move {
            loop {
                clerk(&office, "h-1", RequestBody::Hello).await;
            }
        }
    });
    let mut views = office.watch();
    let later = views.wait_for(|view| view.as_of > first);
    let later = tokio::time::timeout(Duration::from_secs(10), later).await;
    assert!(later.is_ok(), "no new view is published");
    busy.abort();
    let _ = busy.await;
    thread.stop().await;
}

#[tokio::test]
async fn a_kiosks_form_that_is_refused_is_told_until_it_is_in_the_queue() {
    let dir = TempDir::new().unwrap();
    let (office, thread) = start(&dir);
    let form = |id: &str| sample::request(id, sample::admit("X101", NOW, None));
    for _ in 0..2 {
        // The kiosk was given another's name, and asks again and again.
        let reply = office.submit(kiosk("kiosk-2"), form("f-1")).await;
        assert!(matches!(reply.outcome, Outcome::Rejected { .. }));
        let view = Arc::clone(&office.watch().borrow());
        assert_eq!(view.attention.len(), 1);
        let told = &view.attention[0];
        assert_eq!(told.device, Some(sample::device("kiosk-2")));
        assert!(
            told.text
                .starts_with("kiosk-2's paper form X 101 was refused: "),
            "{}",
            told.text
        );
    }
    ticket(office.submit(Sender::Clerk, form("s-1")).await.outcome);
    assert_eq!(office.watch().borrow().attention, []);
    thread.stop().await;
}

#[tokio::test]
async fn a_clock_that_is_put_right_sends_nobody_away_even_while_storing_fails() {
    let dir = TempDir::new().unwrap();
    let time = SettableClock::new();
    let (office, thread) = start_by(&dir, &time);
    arrive(&office, 1).await;
    let other = Connection::open(dir.path().join(DATABASE_NAME)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert!(matches!(
        arrive(&office, 2).await,
        Outcome::Unavailable { .. }
    ));
    time.put_on(SignedDuration::from_hours(20));
    other.execute_batch("ROLLBACK").unwrap();
    let mut views = office.watch();
    let whole = views.wait_for(|view| view.accepting).await.unwrap().clone();
    assert_eq!(whole.sequence, 3, "two days and a visit");
    assert_eq!(whole.waiting[0].number, sample::number("A1"));
    thread.stop().await;

    // Those of the day before the day before are gone after a restart.
    time.put_on(SignedDuration::from_hours(48));
    let (office, thread) = start_by(&dir, &time);
    let mut views = office.watch();
    views.wait_for(|view| view.sequence == 4).await.unwrap();
    assert_eq!(views.borrow().waiting_total, 0);
    thread.stop().await;
}

#[tokio::test]
async fn a_leap_past_belief_is_told_to_staff() {
    let dir = TempDir::new().unwrap();
    let time = SettableClock::new();
    let (office, thread) = start_by(&dir, &time);
    arrive(&office, 1).await;
    time.put_on(SignedDuration::from_hours(24 * 5));
    let mut views = office.watch();
    let told = views.wait_for(|view| !view.attention.is_empty());
    let told = told.await.unwrap().attention[0].text.clone();
    assert!(told.contains("by 5 days at once"), "{told}");
    assert_eq!(
        ticket(arrive(&office, 2).await).number,
        sample::number("A2")
    );
    time.put_on(SignedDuration::from_hours(-24 * 5));
    let calm = views.wait_for(|view| view.attention.is_empty()).await;
    assert_eq!(calm.unwrap().sequence, 3, "no day was started");
    thread.stop().await;
}
