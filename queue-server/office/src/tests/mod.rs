//! The rules, one by one.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use usher_protocol::message::{
    Answer, Outcome, PrintResult, QueuedTicket, RejectionCode, Request, RequestBody, Role,
};
use usher_protocol::{TicketNumber, VisitId};

use crate::Office;
use crate::command::{Command, Sender};
use crate::event::{Event, Record};
use crate::intake::Intake;
use crate::moment::Moment;
use crate::plan::Rules;
use crate::sample::{self, admit, check_in, counter, kiosk, number};
use crate::visit::{Visit, VisitState};

mod changed_file;
mod leaps;
mod operations;
mod paper;
mod policies;
mod promises;
mod undo;

/// 09:00 in the office.
const MORNING: &str = "2026-11-25T17:00:00Z";

/// An office with a clock, and everything that happened in it.
struct Day {
    intake: Intake,
    now: Timestamp,
    uptime: Duration,
    records: Vec<Record>,
    commands: u32,
}

impl Day {
    fn new() -> Self {
        Self::with(Rules::default())
    }

    /// In an office with these rules.
    fn with(rules: Rules) -> Self {
        let plan = (*sample::plan()).clone().with_rules(rules);
        Self {
            intake: Intake::new(Office::new(Arc::new(plan)), Arc::new(sample::foresee)),
            now: sample::time_at(MORNING),
            uptime: Duration::ZERO,
            records: Vec::new(),
            commands: 0,
        }
    }

    fn office(&self) -> &Office {
        self.intake.office()
    }

    fn pass(&mut self, minutes: i64) {
        self.leap(minutes);
        let passed = u64::try_from(minutes).unwrap_or(0);
        self.uptime += Duration::from_secs(60 * passed);
    }

    /// The wall's clock is put on, or back.
    fn leap(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
    }

    fn send_at(
        &mut self,
        id: &str,
        sender: Sender,
        body: RequestBody,
        sent_at: Timestamp,
    ) -> Outcome {
        let request = Request {
            sent_at,
            ..sample::request(id, body)
        };
        let now = Moment {
            wall: self.now,
            uptime: self.uptime,
        };
        let handled = self.intake.handle(&Command::new(sender, request), now);
        self.records.extend(handled.records);
        handled.reply.outcome
    }

    fn send(&mut self, id: &str, sender: Sender, body: RequestBody) -> Outcome {
        self.send_at(id, sender, body, self.now)
    }

    /// A new command by a clerk.
    fn clerk(&mut self, body: RequestBody) -> Outcome {
        self.commands += 1;
        let id = format!("clerk-{}", self.commands);
        self.send(&id, Sender::Clerk, body)
    }

    fn arrive(&mut self, id: &str, service: &str) -> QueuedTicket {
        let body = check_in(service, &self.now.to_string());
        ticket(&self.send(id, kiosk("kiosk-1"), body))
    }

    fn open(&mut self, label: &str) {
        let counter = counter(label);
        assert_eq!(
            self.clerk(RequestBody::OpenCounter {
                counter,
                clerk: None
            }),
            done()
        );
    }

    fn call_next(&mut self, label: &str) -> Outcome {
        let counter = counter(label);
        self.clerk(RequestBody::CallNext { counter })
    }

    fn called(&mut self, label: &str) -> TicketNumber {
        match self.call_next(label) {
            Outcome::Accepted {
                answer: Answer::AtCounter { number, .. },
            } => number,
            other => panic!("nobody was called: {other:?}"),
        }
    }

    fn state(&self, visit: VisitId) -> &VisitState {
        &self.office().visit(visit).expect("it is remembered").state
    }

    fn waiting(&self) -> Vec<String> {
        let numbers = self
            .office()
            .waiting()
            .map(|visit| visit.number.to_string());
        numbers.collect()
    }

    /// Sends a clerk's command and expects it to be done.
    #[track_caller]
    fn done(&mut self, body: RequestBody) {
        let outcome = self.clerk(body);
        assert!(
            matches!(outcome, Outcome::Accepted { .. }),
            "it was not done: {outcome:?}"
        );
    }

    /// Sends a clerk's command and expects it to be refused for this reason.
    #[track_caller]
    fn refused(&mut self, body: RequestBody, expected: RejectionCode) {
        assert_eq!(code(&self.clerk(body)), expected);
    }

    fn visit(&self, visit: VisitId) -> &Visit {
        self.office().visit(visit).expect("it is remembered")
    }

    /// A replay, and an office that was saved and resumed, are the same as this one.
    fn check_replay(&self) {
        let plan = self.office().plan();
        let mut again = Office::new(Arc::clone(plan));
        for record in &self.records {
            let mut read = Event::from_json(&record.event.to_json()).unwrap();
            if let Some(personal) = record.event.personal_json() {
                read.restore_personal(&personal).unwrap();
            }
            assert_eq!(read, record.event, "it is stored as something else");
            again.apply(record).expect("what happened can happen again");
        }
        assert_eq!(&again, self.office(), "a replay gives another state");
        let saved = serde_json::to_string(self.office()).unwrap();
        let resumed: Office = serde_json::from_str(&saved).unwrap();
        let resumed = resumed.resumed(Arc::clone(plan));
        assert_eq!(&resumed, self.office(), "a saved office is another one");
    }
}

fn done() -> Outcome {
    Outcome::Accepted {
        answer: Answer::Done,
    }
}

fn ticket(outcome: &Outcome) -> QueuedTicket {
    match outcome {
        Outcome::Accepted {
            answer: Answer::Queued { ticket },
        } => ticket.clone(),
        other => panic!("nobody was queued: {other:?}"),
    }
}

fn code(outcome: &Outcome) -> RejectionCode {
    match outcome {
        Outcome::Rejected { rejection } => {
            assert!(rejection.message.ends_with('.'), "{}", rejection.message);
            assert!(
                rejection.next_step.ends_with('.'),
                "{}",
                rejection.next_step
            );
            rejection.code
        }
        other => panic!("it was not rejected: {other:?}"),
    }
}

#[test]
fn a_visit_from_check_in_to_finished() {
    let mut day = Day::new();
    day.open("1");
    let ticket = day.arrive("k-1", "titles");
    assert_eq!(ticket.number, number("A1"));
    assert_eq!(ticket.ahead, 0);
    let wait = ticket.wait.expect("a counter is open");
    assert_eq!((wait.low_minutes, wait.high_minutes), (0, 5));

    let result = PrintResult::Printed;
    let visit = ticket.visit;
    let body = RequestBody::RecordPrint { visit, result };
    assert_eq!(day.send("k-2", kiosk("kiosk-1"), body), done());
    assert_eq!(day.office().visit(visit).unwrap().print, Some(result));

    day.pass(23);
    let answer = day.call_next("1");
    let reason = Some("Longest wait (23 min) for Titles".to_owned());
    let expected = Answer::AtCounter {
        visit,
        number: number("A1"),
        reason,
    };
    assert_eq!(answer, Outcome::Accepted { answer: expected });
    for body in [
        RequestBody::Recall {
            counter: counter("1"),
        },
        RequestBody::StartService {
            counter: counter("1"),
        },
        RequestBody::FinishVisit {
            counter: counter("1"),
            outcome: usher_protocol::message::VisitOutcome::Served,
        },
    ] {
        let outcome = day.clerk(body);
        assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    }
    assert!(matches!(day.state(visit), VisitState::Finished { .. }));
    assert_eq!(day.office().served_today(), 1);
    assert_eq!(day.office().last_serial(), 2);
    day.check_replay();
}

#[test]
fn a_counter_calls_whoever_arrived_first_among_its_services() {
    let mut day = Day::new();
    day.open("1");
    day.open("2");
    for (id, service) in [
        ("k-1", "licenses"),
        ("k-2", "registration"),
        ("k-3", "titles"),
    ] {
        day.arrive(id, service);
        day.pass(1);
    }
    assert_eq!(day.called("1"), number("A1"));
    assert_eq!(day.called("2"), number("B1"));
    assert_eq!(code(&day.call_next("3")), RejectionCode::CounterClosed);
    day.open("3");
    assert_eq!(day.called("3"), number("C1"));
}

#[test]
fn whoever_is_heard_of_late_keeps_the_place_of_their_arrival() {
    let mut day = Day::new();
    day.open("1");
    day.arrive("k-1", "titles");
    day.pass(10);
    let late = sample::time_at("2026-11-25T16:59:00Z");
    let ticket = ticket(&day.send(
        "k-2",
        kiosk("kiosk-2"),
        check_in("titles", &late.to_string()),
    ));
    assert_eq!(ticket.ahead, 0);
    assert_eq!(day.called("1"), number("A2"));
}

#[test]
fn a_wrong_clock_moves_nobody() {
    let mut day = Day::new();
    day.arrive("k-1", "titles");
    day.pass(10);
    // This kiosk's clock is a day slow: by it, the resident came a minute ago.
    let its_now = day.now - SignedDuration::from_hours(24);
    let its_arrival = its_now - SignedDuration::from_mins(1);
    let body = check_in("titles", &its_arrival.to_string());
    let ticket = ticket(&day.send_at("k-2", kiosk("kiosk-2"), body, its_now));
    assert_eq!(ticket.arrived_at, day.now - SignedDuration::from_mins(1));
    assert_eq!(ticket.ahead, 1);
}

#[test]
fn what_rules_forbid_is_rejected_and_changes_nothing() {
    let mut day = Day::new();
    let one = || counter("1");
    let check = |day: &mut Day, body: RequestBody, expected: RejectionCode| {
        let before = day.records.len();
        let outcome = day.clerk(body.clone());
        assert_eq!(code(&outcome), expected, "{body:?}");
        assert_eq!(day.records.len(), before, "{body:?}");
    };
    day.clerk(RequestBody::Hello);
    day.open("3");
    use RejectionCode as Code;
    use RequestBody as Body;
    check(
        &mut day,
        Body::CallNext { counter: one() },
        Code::CounterClosed,
    );
    check(
        &mut day,
        Body::Recall { counter: one() },
        Code::CounterClosed,
    );
    check(
        &mut day,
        Body::OpenCounter {
            counter: counter("99"),
            clerk: None,
        },
        Code::UnknownCounter,
    );
    check(
        &mut day,
        Body::CallNext {
            counter: counter("99"),
        },
        Code::UnknownCounter,
    );
    day.open("1");
    assert_eq!(
        day.clerk(Body::OpenCounter {
            counter: one(),
            clerk: None
        }),
        done()
    );
    check(
        &mut day,
        Body::CallNext { counter: one() },
        Code::NobodyWaiting,
    );
    check(
        &mut day,
        Body::FinishVisit {
            counter: one(),
            outcome: usher_protocol::message::VisitOutcome::Served,
        },
        Code::CounterEmpty,
    );
    check(&mut day, check_in("fishing", MORNING), Code::UnknownService);
    day.arrive("k-1", "titles");
    day.arrive("k-2", "titles");
    day.called("1");
    check(
        &mut day,
        Body::CallNext { counter: one() },
        Code::CounterBusy,
    );
    check(
        &mut day,
        Body::CloseCounter { counter: one() },
        Code::CounterBusy,
    );
    check(
        &mut day,
        Body::FinishVisit {
            counter: one(),
            outcome: usher_protocol::message::VisitOutcome::Served,
        },
        Code::WrongState,
    );
    day.clerk(Body::StartService { counter: one() });
    check(
        &mut day,
        Body::StartService { counter: one() },
        Code::WrongState,
    );
    check(&mut day, Body::Recall { counter: one() }, Code::WrongState);
    check(
        &mut day,
        Body::MarkNoShow { counter: one() },
        Code::WrongState,
    );
    day.check_replay();
}

#[test]
fn each_role_may_do_its_own_work_only() {
    let mut day = Day::new();
    let device = |role| Sender::Device {
        id: sample::device("kiosk-1"),
        role,
    };
    let call = || RequestBody::CallNext {
        counter: counter("1"),
    };
    let print = || RequestBody::RecordPrint {
        visit: VisitId(1),
        result: PrintResult::Printed,
    };
    for (nth, sender, body) in [
        (1, device(Role::Kiosk), call()),
        (2, device(Role::HallDisplay), call()),
        (3, device(Role::HallDisplay), check_in("titles", MORNING)),
        (4, device(Role::Counter), check_in("titles", MORNING)),
        (5, device(Role::Counter), admit("X1", MORNING, None)),
        (6, Sender::Clerk, print()),
    ] {
        let outcome = day.send(&format!("d-{nth}"), sender, body);
        assert_eq!(code(&outcome), RejectionCode::NotAllowed, "case {nth}");
    }
    assert_eq!(
        day.send("d-7", device(Role::HallDisplay), RequestBody::Hello),
        done()
    );
    let open = RequestBody::OpenCounter {
        counter: counter("1"),
        clerk: None,
    };
    assert_eq!(day.send("d-8", device(Role::Counter), open), done());
    // And a kiosk speaks of its own tickets only.
    day.arrive("k-1", "titles");
    let outcome = day.send("d-9", kiosk("kiosk-2"), print());
    assert_eq!(code(&outcome), RejectionCode::NotAllowed);
    let nowhere = RequestBody::RecordPrint {
        visit: VisitId(7),
        result: PrintResult::Printed,
    };
    let outcome = day.send("d-10", kiosk("kiosk-1"), nowhere);
    assert_eq!(code(&outcome), RejectionCode::UnknownVisit);
}

#[test]
fn a_repeat_gets_the_same_answer_and_another_use_of_its_id_is_refused() {
    let mut day = Day::new();
    day.open("1");
    let first = day.arrive("k-1", "titles");
    let body = check_in("titles", &day.now.to_string());
    day.pass(5);
    day.called("1");
    let before = day.records.len();
    assert_eq!(
        ticket(&day.send("k-1", kiosk("kiosk-1"), body.clone())),
        first
    );
    assert_eq!(day.records.len(), before);
    // Another body, and another kiosk that counts its commands the same way.
    let other = check_in("registration", MORNING);
    let outcome = day.send("k-1", kiosk("kiosk-1"), other);
    assert_eq!(code(&outcome), RejectionCode::IdInUse);
    let outcome = day.send("k-1", kiosk("kiosk-2"), body.clone());
    assert_eq!(code(&outcome), RejectionCode::IdInUse);
    // That says nothing about the id: its owner still gets the answer.
    assert_eq!(ticket(&day.send("k-1", kiosk("kiosk-1"), body)), first);
}

#[test]
fn what_was_refused_is_not_done_when_it_comes_again() {
    let mut day = Day::new();
    day.open("1");
    let call = || RequestBody::CallNext {
        counter: counter("1"),
    };
    let outcome = day.send("n-1", Sender::Clerk, call());
    assert_eq!(code(&outcome), RejectionCode::NobodyWaiting);
    day.arrive("k-1", "titles");
    let outcome = day.send("n-1", Sender::Clerk, call());
    assert_eq!(code(&outcome), RejectionCode::NobodyWaiting);
    // The same for what was so already: it does not open what was closed since.
    let open = || RequestBody::OpenCounter {
        counter: counter("1"),
        clerk: None,
    };
    let close = RequestBody::CloseCounter {
        counter: counter("1"),
    };
    assert_eq!(day.send("n-2", Sender::Clerk, open()), done());
    assert_eq!(day.clerk(close), done());
    assert_eq!(day.send("n-2", Sender::Clerk, open()), done());
    assert_eq!(day.office().counter(&counter("1")), None);
}

#[test]
fn numbers_run_out_with_a_rejection() {
    let mut day = Day::new();
    for nth in 1..=9999 {
        day.arrive(&format!("k-{nth}"), "titles");
    }
    assert_eq!(day.office().waiting_count(), 9999);
    let body = check_in("titles", MORNING);
    let outcome = day.send("k-10000", kiosk("kiosk-1"), body);
    assert_eq!(code(&outcome), RejectionCode::NumbersExhausted);
    assert_eq!(day.arrive("k-10001", "registration").number, number("B1"));
}

#[test]
fn services_that_share_a_series_share_its_numbers() {
    let mut day = Day::new();
    assert_eq!(day.arrive("k-1", "licenses").number, number("C1"));
    assert_eq!(day.arrive("k-2", "id-cards").number, number("C2"));
    assert_eq!(day.arrive("k-3", "licenses").number, number("C3"));
}

#[test]
fn a_new_day_starts_numbers_again_and_closes_what_was_left() {
    let mut day = Day::new();
    day.open("1");
    let served = day.arrive("k-1", "titles").visit;
    let waiting = day.arrive("k-2", "titles").visit;
    day.called("1");
    day.pass(24 * 60);
    assert_eq!(day.arrive("k-3", "titles").number, number("A1"));
    for visit in [served, waiting] {
        assert_eq!(day.state(visit), &VisitState::LeftAtClose);
    }
    assert_eq!(day.office().counter(&counter("1")), None);
    assert_eq!(day.waiting(), ["A1"]);
    assert!(matches!(
        day.records.iter().rev().nth(1).map(|record| &record.event),
        Some(Event::DayStarted { left_at_close, .. }) if *left_at_close == [served, waiting]
    ));
    // A clock that goes back starts no day.
    day.pass(-24 * 60);
    assert_eq!(day.arrive("k-4", "titles").number, number("A2"));
    day.check_replay();
}

#[test]
fn memory_does_not_grow_with_history() {
    let mut day = Day::new();
    for week_day in 0..40 {
        for nth in 0..10 {
            day.arrive(&format!("k-{week_day}-{nth}"), "titles");
        }
        let arrived_at = day.now.to_string();
        let form = admit(&format!("X{}", week_day + 1), &arrived_at, None);
        day.send(&format!("f-{week_day}"), kiosk("kiosk-1"), form);
        day.pass(24 * 60);
    }
    assert_eq!(day.office().visits().count(), 22, "those of two days");
    // Two days of check-ins, and for 31 days a form under its own id and its request's.
    let answers = day.office().answers().len();
    assert_eq!(answers, 20 + 2 * 32);
    day.check_replay();
}
