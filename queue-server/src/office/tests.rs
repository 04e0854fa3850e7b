//! The rules, one by one, and then the promises under random commands.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use usher_protocol::message::{
    Answer, Outcome, PrintResult, QueuedTicket, RejectionCode, Request, RequestBody, Role,
};
use usher_protocol::{CommandId, TicketNumber, VisitId};

use crate::estimate;
use crate::office::Office;
use crate::office::command::{Command, Sender};
use crate::office::event::{Event, Record};
use crate::office::intake::Intake;
use crate::office::sample::{self, admit, check_in, counter, kiosk, number};
use crate::office::visit::VisitState;

/// 09:00 in the office.
const MORNING: &str = "2026-11-25T17:00:00Z";

/// An office with a clock, and everything that happened in it.
struct Day {
    intake: Intake,
    now: Timestamp,
    records: Vec<Record>,
    commands: u32,
}

impl Day {
    fn new() -> Self {
        Self {
            intake: Intake::new(Office::new(sample::plan()), estimate::foresee),
            now: sample::time_at(MORNING),
            records: Vec::new(),
            commands: 0,
        }
    }

    fn office(&self) -> &Office {
        self.intake.office()
    }

    fn pass(&mut self, minutes: i64) {
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
        let handled = self.intake.handle(&Command::new(sender, request), self.now);
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
        assert_eq!(self.clerk(RequestBody::OpenCounter { counter }), done());
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

    fn check_replay(&self) {
        let mut again = Office::new(sample::plan());
        for record in &self.records {
            again.apply(record).expect("what happened can happen again");
        }
        assert_eq!(&again, self.office(), "a replay gives another state");
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
    assert_eq!((wait.low_minutes, wait.high_minutes), (0, 2));

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
    assert_eq!(day.clerk(Body::OpenCounter { counter: one() }), done());
    check(
        &mut day,
        Body::CallNext { counter: one() },
        Code::NobodyWaiting,
    );
    check(
        &mut day,
        Body::FinishVisit { counter: one() },
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
        Body::FinishVisit { counter: one() },
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

mod paper {
    use super::*;

    #[test]
    fn a_form_enters_at_its_arrival_once_from_either_side() {
        let mut day = Day::new();
        day.arrive("k-1", "titles");
        day.pass(60);
        let form = || admit("X101", "2026-11-25T16:55:00.123Z", None);
        let by_journal = ticket(&day.send("f-1", kiosk("kiosk-1"), form()));
        assert_eq!(by_journal.number, number("X101"));
        assert_eq!(
            by_journal.arrived_at,
            sample::time_at("2026-11-25T16:55:00.123Z")
        );
        assert_eq!(day.waiting(), ["X101", "A1"]);
        // Scanned at a counter, under another request id.
        let by_scan = ticket(&day.send("s-1", Sender::Clerk, form()));
        assert_eq!(by_scan, by_journal);
        assert_eq!(day.waiting().len(), 2);
        day.check_replay();
    }

    #[test]
    fn days_later_it_still_enters_once_at_its_arrival() {
        let mut day = Day::new();
        day.pass(3 * 24 * 60);
        day.arrive("k-1", "titles");
        let form = || admit("X101", MORNING, None);
        let first = ticket(&day.send("f-1", kiosk("kiosk-1"), form()));
        assert_eq!(first.arrived_at, sample::time_at(MORNING));
        assert_eq!(day.waiting(), ["X101", "A1"]);
        for _ in 0..9 {
            day.pass(3 * 24 * 60);
            assert_eq!(ticket(&day.send("s-1", Sender::Clerk, form())), first);
        }
        // By then its age is past belief, and whoever holds it is told.
        day.pass(9 * 24 * 60);
        let outcome = day.send("s-2", Sender::Clerk, form());
        assert_eq!(code(&outcome), RejectionCode::WrongState);
    }

    #[test]
    fn a_check_in_that_was_done_after_all_goes_on_under_the_forms_number() {
        let mut day = Day::new();
        day.open("1");
        let visit = day.arrive("k-1", "titles").visit;
        day.arrive("k-2", "titles");
        let form = admit("X101", &day.now.to_string(), Some("k-1"));
        let answer = ticket(&day.send("f-1", kiosk("kiosk-1"), form));
        assert_eq!((answer.visit, answer.number), (visit, number("X101")));
        assert_eq!(day.waiting(), ["X101", "A2"]);
        // The check-in, sent again, is answered with the form's number; A1 is not given again.
        let again = check_in("titles", MORNING);
        assert_eq!(
            ticket(&day.send("k-1", kiosk("kiosk-1"), again)).number,
            number("X101")
        );
        assert_eq!(day.arrive("k-3", "titles").number, number("A3"));
        assert_eq!(day.called("1"), number("X101"));
        day.check_replay();
    }

    #[test]
    fn called_already_it_is_called_by_the_forms_number_from_then_on() {
        let mut day = Day::new();
        day.open("1");
        let visit = day.arrive("k-1", "titles").visit;
        day.called("1");
        let form = admit("X101", &day.now.to_string(), Some("k-1"));
        day.send("f-1", kiosk("kiosk-1"), form);
        assert!(matches!(day.state(visit), VisitState::Called { .. }));
        let at_counter = day.office().visit_at(&counter("1")).unwrap();
        assert_eq!(at_counter.number, number("X101"));
        day.check_replay();
    }

    #[test]
    fn whose_check_in_was_taken_for_a_no_show_still_has_a_place() {
        let mut day = Day::new();
        day.open("1");
        day.arrive("k-1", "titles");
        day.called("1");
        day.clerk(RequestBody::MarkNoShow {
            counter: counter("1"),
        });
        let form = admit("X101", MORNING, Some("k-1"));
        day.send("f-1", kiosk("kiosk-1"), form);
        assert_eq!(day.waiting(), ["X101"]);
        day.check_replay();
    }

    #[test]
    fn a_check_in_that_comes_after_its_form_is_void() {
        let mut day = Day::new();
        let form = admit("X101", MORNING, Some("k-1"));
        let entered = ticket(&day.send("f-1", kiosk("kiosk-1"), form));
        day.pass(1);
        let late = check_in("titles", MORNING);
        let answer = ticket(&day.send("k-1", kiosk("kiosk-1"), late));
        assert_eq!(answer, entered);
        assert_eq!(day.waiting(), ["X101"]);
        day.check_replay();
    }

    #[test]
    fn scanned_before_the_journal_tells_what_it_replaced_the_double_is_withdrawn() {
        let mut day = Day::new();
        let double = day.arrive("k-1", "titles").visit;
        day.pass(5);
        let scanned = admit("X101", &day.now.to_string(), None);
        day.send("s-1", Sender::Clerk, scanned);
        assert_eq!(day.waiting(), ["A1", "X101"]);
        let told = admit("X101", &day.now.to_string(), Some("k-1"));
        day.send("f-1", kiosk("kiosk-1"), told.clone());
        assert_eq!(day.waiting(), ["X101"]);
        assert!(matches!(day.state(double), VisitState::Withdrawn { .. }));
        let place = day.office().waiting().next().unwrap().arrived_at;
        assert_eq!(
            place,
            sample::time_at(MORNING),
            "the earlier arrival counts"
        );
        // Told again, nothing more happens.
        let before = day.records.len();
        day.send("f-1", kiosk("kiosk-1"), told);
        assert_eq!(day.records.len(), before);
        day.check_replay();
    }

    #[test]
    fn two_papers_with_one_number_are_two_residents_and_staff_are_told() {
        let mut day = Day::new();
        let first = ticket(&day.send("f-1", kiosk("kiosk-1"), admit("X101", MORNING, None)));
        day.pass(10);
        let later = admit("X101", &day.now.to_string(), None);
        let second = ticket(&day.send("f-2", kiosk("kiosk-1"), later));
        assert_ne!(first.visit, second.visit);
        let flagged = day.office().visit(second.visit).unwrap();
        assert_eq!(flagged.same_number_as, Some(first.visit));
        assert_eq!(day.waiting(), ["X101", "X101"]);
    }

    #[test]
    fn foreign_numbers_kiosks_and_services_are_refused() {
        let mut day = Day::new();
        let send = |day: &mut Day, nth: u32, sender, form| {
            let body = RequestBody::AdmitPaperForm {
                form,
                replaces: None,
            };
            code(&day.send(&format!("f-{nth}"), sender, body))
        };
        let of_other_series = sample::form("Y101", MORNING);
        let of_nobody = usher_protocol::PaperForm {
            device: sample::device("hall-1"),
            ..sample::form("X101", MORNING)
        };
        let of_no_service = usher_protocol::PaperForm {
            service: "fishing".parse().unwrap(),
            ..sample::form("X101", MORNING)
        };
        for (nth, sender, form, expected) in [
            (
                1,
                kiosk("kiosk-1"),
                of_other_series,
                RejectionCode::WrongNumber,
            ),
            (2, Sender::Clerk, of_nobody, RejectionCode::WrongNumber),
            (
                3,
                kiosk("kiosk-1"),
                of_no_service,
                RejectionCode::UnknownService,
            ),
            (
                4,
                kiosk("kiosk-2"),
                sample::form("X101", MORNING),
                RejectionCode::NotAllowed,
            ),
        ] {
            assert_eq!(send(&mut day, nth, sender, form), expected, "case {nth}");
        }
        // Another kiosk's check-in cannot be taken over.
        let own = day.arrive("k-1", "titles").number;
        let form = usher_protocol::PaperForm {
            device: sample::device("kiosk-2"),
            ..sample::form("Y1", MORNING)
        };
        let replaces = Some("k-1".parse().unwrap());
        let body = RequestBody::AdmitPaperForm { form, replaces };
        day.send("f-9", kiosk("kiosk-2"), body);
        assert_eq!(day.waiting().len(), 2);
        assert!(day.waiting().contains(&own.to_string()));
        day.check_replay();
    }
}

mod after_a_change_of_the_office_file {
    use super::*;
    use crate::office::plan::OfficePlan;
    use std::sync::Arc;

    /// The office of `day`, restarted with a file that lacks registration and counter 2.
    fn restarted(day: &Day) -> Day {
        let old = sample::plan();
        let mut info = (*old.info).clone();
        info.services
            .retain(|service| service.id.as_str() != "registration");
        info.counters.retain(|counter| counter.label != "2");
        let plan = OfficePlan::new(
            info,
            old.time_zone.clone(),
            old.day_starts,
            old.form_series.clone(),
        );
        let mut office = Office::new(Arc::new(plan));
        for record in &day.records {
            office.apply(record).unwrap();
        }
        Day {
            intake: Intake::new(office, estimate::foresee),
            records: day.records.clone(),
            ..Day::new()
        }
    }

    #[test]
    fn nobody_is_left_behind() {
        let mut day = Day::new();
        day.open("1");
        day.open("2");
        day.arrive("k-1", "titles");
        day.arrive("k-2", "registration");
        assert_eq!(day.called("2"), number("A1"));
        let mut day = restarted(&day);
        day.commands = 100;
        // Counter 1 serves titles, but the other's service is no longer anybody's.
        assert_eq!(day.called("1"), number("B1"));
        // The visit at the counter that is gone can be brought to its end.
        for body in [
            RequestBody::StartService {
                counter: counter("2"),
            },
            RequestBody::FinishVisit {
                counter: counter("2"),
            },
            RequestBody::CloseCounter {
                counter: counter("2"),
            },
        ] {
            let outcome = day.clerk(body);
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        }
        let again = RequestBody::OpenCounter {
            counter: counter("2"),
        };
        assert_eq!(code(&day.clerk(again)), RejectionCode::UnknownCounter);
    }
}

/// A thing that somebody does, or that goes wrong on the way.
#[derive(Debug, Clone)]
enum Step {
    /// The check-in with this number is delivered, for the first time or again.
    CheckIn(usize),
    /// The form with this number is delivered by its kiosk.
    Journal(usize),
    /// The form with this number is scanned by staff.
    Scan(usize),
    /// A clerk presses a key.
    Key { counter: usize, key: usize },
    /// A kiosk says that a ticket was printed.
    Print(u64),
    /// An earlier command is delivered again.
    Repeat(usize),
    /// Time goes on, by minutes.
    Pass(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..24_usize).prop_map(Step::CheckIn),
        3 => (0..12_usize).prop_map(Step::Journal),
        1 => (0..12_usize).prop_map(Step::Scan),
        12 => (0..3_usize, 0..7_usize).prop_map(|(counter, key)| Step::Key { counter, key }),
        1 => (1..20_u64).prop_map(Step::Print),
        3 => (0..100_usize).prop_map(Step::Repeat),
        3 => (0..40_i64).prop_map(Step::Pass),
        1 => (600..1500_i64).prop_map(Step::Pass),
    ]
}

fn pool_check_in(nth: usize) -> (String, RequestBody) {
    let service = ["titles", "registration", "licenses", "id-cards"][nth % 4];
    // Not in the order of the pool: late ones overtake.
    let minute = (nth * 7) % 24;
    let arrived_at = format!("2026-11-25T16:{minute:02}:00Z");
    (format!("r-{nth}"), check_in(service, &arrived_at))
}

/// Forms 0 to 5 replaced the check-ins 0 to 5; of the others nobody tried to check in.
fn pool_form(nth: usize, with_replaced: bool) -> RequestBody {
    let replaces = (with_replaced && nth < 6).then(|| format!("r-{nth}"));
    let number = format!("X{}", 100 + nth);
    admit(
        &number,
        &format!("2026-11-25T16:{:02}:30Z", nth * 2),
        replaces.as_deref(),
    )
}

fn key(counter_nth: usize, key: usize) -> RequestBody {
    let counter = counter(["1", "2", "3"][counter_nth]);
    match key {
        0 | 1 => RequestBody::CallNext { counter },
        2 => RequestBody::OpenCounter { counter },
        3 => RequestBody::StartService { counter },
        4 => RequestBody::FinishVisit { counter },
        5 => RequestBody::MarkNoShow { counter },
        _ => RequestBody::CloseCounter { counter },
    }
}

/// Runs the steps, and checks the promises after each.
struct Trial {
    day: Day,
    sent: Vec<(String, Sender, RequestBody, Outcome, jiff::civil::Date)>,
}

impl Trial {
    fn deliver(&mut self, id: String, sender: Sender, body: RequestBody) {
        // A form and its void check-in are in the queue once: they are not repeats.
        let known = self
            .sent
            .iter()
            .find(|(known, ..)| *known == id)
            .map(|(_, _, _, outcome, day)| (outcome.clone(), *day));
        let would_be_called = self.first_by_force(&body);
        let before = self.day.records.len();
        let outcome = self.day.send(&id, sender.clone(), body.clone());
        let own: Vec<Event> = self.day.records[before..]
            .iter()
            .filter(|record| record.command.as_str() == id)
            .map(|record| record.event.clone())
            .collect();
        let today = self.day.office().day();
        let is_replaceable = id.starts_with("r-") || id.starts_with("form-");
        match known {
            Some((first, day)) if !is_replaceable && day.tomorrow().unwrap() >= today => {
                assert_eq!(outcome, first, "{id} was answered differently");
                assert_eq!(own, [], "{id} happened twice");
            }
            _ => self.sent.push((id, sender, body, outcome, today)),
        }
        for event in own {
            if let Event::VisitCalled { visit, .. } = event {
                assert_eq!(
                    Some(visit),
                    would_be_called,
                    "another was called before their turn"
                );
            }
        }
    }

    /// Who should be called, found without any index; `None` if the day turns first.
    fn first_by_force(&self, body: &RequestBody) -> Option<VisitId> {
        let RequestBody::CallNext { counter } = body else {
            return None;
        };
        let office = self.day.office();
        let services = &office.plan().counter(counter)?.services;
        office
            .visits()
            .filter(|visit| visit.state == VisitState::Waiting)
            .filter(|visit| services.contains(&visit.service))
            .min_by_key(|visit| (visit.arrived_at, visit.id))
            .map(|visit| visit.id)
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::CheckIn(nth) => {
                let (id, body) = pool_check_in(*nth);
                self.deliver(id, kiosk("kiosk-1"), body);
            }
            Step::Journal(nth) => {
                let body = pool_form(*nth, true);
                let RequestBody::AdmitPaperForm { form, .. } = &body else {
                    unreachable!("a form is a form");
                };
                let id = form.command_id().to_string();
                self.deliver(id, kiosk("kiosk-1"), body);
            }
            Step::Scan(nth) => {
                let id = format!("scan-{}", self.sent.len());
                self.deliver(id, Sender::Clerk, pool_form(*nth, false));
            }
            Step::Key { counter, key: nth } => {
                let id = format!("key-{}", self.sent.len());
                self.deliver(id, Sender::Clerk, key(*counter, *nth));
            }
            Step::Print(visit) => {
                let id = format!("print-{}", self.sent.len());
                let body = RequestBody::RecordPrint {
                    visit: VisitId(*visit),
                    result: PrintResult::Printed,
                };
                self.deliver(id, kiosk("kiosk-1"), body);
            }
            Step::Repeat(nth) => {
                if let Some((id, sender, body, ..)) = self.sent.get(*nth).cloned() {
                    self.deliver(id, sender, body);
                }
            }
            Step::Pass(minutes) => self.day.pass(*minutes),
        }
        self.check_promises();
    }

    fn check_promises(&self) {
        let office = self.day.office();
        // One visit a counter, one counter a visit; and nobody is nowhere.
        let mut waiting = 0;
        let mut at_counters = 0;
        for visit in office.visits() {
            match &visit.state {
                VisitState::Waiting => {
                    waiting += 1;
                    assert!(
                        office.waiting().any(|other| other.id == visit.id),
                        "{} waits outside of the line",
                        visit.id
                    );
                }
                state => {
                    if let Some(call) = state.call() {
                        at_counters += 1;
                        let there = office.visit_at(&call.counter).map(|other| other.id);
                        assert_eq!(there, Some(visit.id));
                    }
                }
            }
        }
        assert_eq!(office.waiting_count(), waiting);
        assert_eq!(office.open_visits().len(), waiting + at_counters);
        let by_service: usize = ["titles", "registration", "licenses", "id-cards"]
            .iter()
            .map(|service| office.waiting_for(&service.parse().unwrap()))
            .sum();
        assert_eq!(by_service, waiting);
    }

    fn check_history(&self) {
        COUNTS.with_borrow_mut(|c| for r in &self.day.records { let j = r.event.to_json(); let k = j.split('"').nth(5).unwrap().to_owned(); *c.entry(k).or_insert(0u32) += 1; }); COUNTS.with_borrow(|c| eprintln!("COUNTS {c:?}"));
        self.day.check_replay();
        let mut numbers = std::collections::HashSet::new();
        let mut residents = std::collections::HashMap::new();
        for record in &self.day.records {
            match &record.event {
                Event::DayStarted { .. } => numbers.clear(),
                Event::VisitQueued(queued) => {
                    assert!(
                        numbers.insert(queued.number),
                        "{} given twice",
                        queued.number
                    );
                    if let Some(paper) = &queued.paper {
                        let twice = residents.insert(paper.form.clone(), queued.visit);
                        assert_eq!(twice, None, "{} entered twice", paper.form);
                    }
                }
                Event::VisitRenumbered(renumbered) => {
                    assert!(numbers.insert(renumbered.number));
                    let form = renumbered.paper.form.clone();
                    assert_eq!(residents.insert(form, renumbered.visit), None);
                }
                _ => {}
            }
        }
    }

    /// A resident whose form the journal has brought in is in the queue once.
    fn check_no_doubles(&self) {
        let office = self.day.office();
        for nth in 0..6 {
            let RequestBody::AdmitPaperForm { form, .. } = pool_form(nth, true) else {
                unreachable!("a form is a form");
            };
            let journalled = self
                .sent
                .iter()
                .any(|(id, ..)| *id == form.command_id().as_str());
            let check_in: CommandId = format!("r-{nth}").parse().unwrap();
            let visit_of = |id: &CommandId| {
                let known = office.answers().get(id)?;
                Some(known.ticket()?.visit)
            };
            let is_waiting = |visit: &VisitId| {
                office
                    .visit(*visit)
                    .is_some_and(|visit| visit.state == VisitState::Waiting)
            };
            let form_id = form.command_id();
            let form_visit = visit_of(&form_id).filter(is_waiting);
            let check_in_visit = visit_of(&check_in).filter(is_waiting);
            if let (true, Some(one), Some(other)) = (journalled, form_visit, check_in_visit) {
                assert_eq!(
                    one, other,
                    "the resident of form {nth} is in the queue twice"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_promises_hold_whatever_comes(steps in prop::collection::vec(step(), 1..160)) {
        let mut trial = Trial { day: Day::new(), sent: Vec::new() };
        for step in &steps {
            trial.take(step);
            trial.check_no_doubles();
        }
        trial.check_history();
    }
}

thread_local!{ static COUNTS: std::cell::RefCell<std::collections::BTreeMap<String,u32>> = Default::default(); }
