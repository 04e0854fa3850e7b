//! Every operation, each with its rule: what `docs/operations.md` names.

use usher_protocol::message::{
    Appointment, AppointmentClaim, HoldReason, Needs, TransferTo, VisitDetails, VisitOutcome,
};
use usher_protocol::{Language, ServiceId};

use super::*;
use crate::hours::{OpeningHours, Span};
use crate::plan::{Clerk, CounterRules, LastTicket, Limits};
use crate::policy::{Lane, Policy};
use crate::state::{Forgotten, OpenCounter};

use RejectionCode as Code;
use RequestBody as Body;

fn service(id: &str) -> ServiceId {
    id.parse().unwrap()
}

impl Day {
    fn arrive_with(&mut self, id: &str, first: &str, details: VisitDetails) -> QueuedTicket {
        let outcome = self.try_arrive(id, first, details);
        ticket(&outcome)
    }

    fn try_arrive(&mut self, id: &str, first: &str, details: VisitDetails) -> Outcome {
        let body = Body::CheckIn {
            service: service(first),
            language: Language::english(),
            arrived_at: self.now,
            details: Box::new(details),
        };
        self.send(id, kiosk("kiosk-1"), body)
    }

    fn start(&mut self, label: &str) {
        let counter = counter(label);
        self.done(Body::StartService { counter });
    }

    fn finish(&mut self, label: &str) {
        self.done(Body::FinishVisit {
            counter: counter(label),
            outcome: VisitOutcome::Served,
        });
    }

    /// One visit for titles, called to counter 1.
    fn with_one_called(rules: Rules) -> (Self, VisitId) {
        let mut day = Self::with(rules);
        day.open("1");
        let visit = day.arrive("k-1", "titles").visit;
        day.called("1");
        (day, visit)
    }

    fn with_one_served(rules: Rules) -> (Self, VisitId) {
        let (mut day, visit) = Self::with_one_called(rules);
        day.start("1");
        (day, visit)
    }

    fn undo(&mut self, label: &str) -> Outcome {
        let counter = counter(label);
        self.clerk(Body::Undo { counter })
    }
}

// Check-in

#[test]
fn a_check_in_keeps_what_was_told_and_corrects_the_time_at_the_door() {
    let mut day = Day::new();
    let needs = Needs {
        interpreter: Some(Language::new("vi").unwrap()),
        hearing: true,
        sight: true,
        ..Needs::default()
    };
    let details = VisitDetails {
        party: 3,
        needs: needs.clone(),
        // The kiosk's clock is an hour slow.
        door_at: Some(sample::time_at("2026-11-25T15:55:00Z")),
        ..VisitDetails::default()
    };
    let body = Body::CheckIn {
        service: service("titles"),
        language: Language::english(),
        arrived_at: sample::time_at("2026-11-25T15:59:00Z"),
        details: Box::new(details),
    };
    let sent_at = sample::time_at("2026-11-25T16:00:00Z");
    let outcome = day.send_at("k-1", kiosk("kiosk-1"), body, sent_at);
    let visit = day.visit(ticket(&outcome).visit);
    assert_eq!(visit.party, 3);
    assert_eq!(visit.needs, needs);
    assert_eq!(visit.arrived_at.to_string(), "2026-11-25T16:59:00Z");
    let door = visit.door_at.unwrap();
    assert_eq!(door.to_string(), "2026-11-25T16:55:00Z");
    day.check_replay();
}

#[test]
fn a_door_before_belief_or_after_the_ticket_is_not_kept() {
    let mut day = Day::new();
    let mut door = |id: &str, at: &str| {
        let details = VisitDetails {
            door_at: Some(sample::time_at(at)),
            ..VisitDetails::default()
        };
        let visit = day.arrive_with(id, "titles", details).visit;
        day.visit(visit).door_at.map(|door| door.to_string())
    };
    assert_eq!(door("k-1", "2026-11-25T12:59:59Z"), None);
    let (past, now) = ("2026-11-25T13:00:00Z", "2026-11-25T17:00:00Z");
    assert_eq!(door("k-2", past).as_deref(), Some(past));
    assert_eq!(door("k-3", "2026-11-25T17:20:00Z").as_deref(), Some(now));
}

#[test]
fn a_check_in_that_cannot_be_true_is_refused() {
    let mut day = Day::new();
    let details = VisitDetails::default;
    let also = |n: usize| vec![service("registration"); n];
    let refusals = [
        (
            VisitDetails {
                party: 0,
                ..details()
            },
            Code::InvalidValue,
        ),
        (
            VisitDetails {
                also: also(6),
                ..details()
            },
            Code::InvalidValue,
        ),
        (
            VisitDetails {
                also: vec![service("fishing")],
                ..details()
            },
            Code::UnknownService,
        ),
        (
            VisitDetails {
                priority: Some(1),
                ..details()
            },
            Code::NotAllowed,
        ),
    ];
    for (nth, (details, expected)) in refusals.into_iter().enumerate() {
        let outcome = day.try_arrive(&format!("k-{nth}"), "titles", details);
        assert_eq!(code(&outcome), expected, "refusal {nth}");
    }
    let by_staff = |priority| Body::CheckIn {
        service: service("titles"),
        language: Language::english(),
        arrived_at: sample::time_at(MORNING),
        details: Box::new(VisitDetails {
            priority: Some(priority),
            ..VisitDetails::default()
        }),
    };
    day.refused(by_staff(4), Code::InvalidValue);
    day.refused(by_staff(0), Code::InvalidValue);
    let outcome = day.clerk(by_staff(1));
    assert_eq!(day.visit(ticket(&outcome).visit).priority, 1);
    assert_eq!(day.office().waiting_count(), 1);
}

#[test]
fn several_services_are_done_in_the_order_of_their_waits_at_one_counter_if_it_can() {
    let mut day = Day::new();
    day.open("1");
    day.open("3");
    for nth in 0..3 {
        day.arrive(&format!("k-{nth}"), "titles");
    }
    day.arrive("k-4", "registration");
    let details = VisitDetails {
        also: vec![
            service("registration"),
            service("licenses"),
            service("titles"),
        ],
        ..VisitDetails::default()
    };
    let visit = day.arrive_with("k-5", "titles", details).visit;
    // Nobody waits for licenses, one for registration, three for titles.
    assert_eq!(day.visit(visit).service, service("licenses"));
    let then = [service("registration"), service("titles")];
    assert_eq!(day.visit(visit).then, then);

    // Counter 3 serves all: the resident stays there.
    day.done(Body::CallVisit {
        counter: counter("3"),
        visit,
    });
    day.start("3");
    day.pass(7);
    day.finish("3");
    assert_eq!(day.visit(visit).service, service("registration"));
    assert_eq!(day.visit(visit).done, [service("licenses")]);
    assert!(matches!(
        day.state(visit),
        VisitState::Serving { started_at, .. } if *started_at == day.now
    ));
    assert_eq!(day.office().served_today(), 0, "the visit is not done");
    // The counter is given other work: the visit goes on elsewhere, its place kept.
    day.done(Body::ChangeServices {
        counter: counter("3"),
        services: vec![service("registration")],
    });
    day.finish("3");
    assert_eq!(day.state(visit), &VisitState::Waiting);
    assert_eq!(day.visit(visit).service, service("titles"));
    assert_eq!(day.visit(visit).since, sample::time_at(MORNING));
    assert_eq!(day.office().counter(&counter("3")), Some(OpenCounter::Free));
    for expected in ["A1", "A2", "A3"] {
        assert_eq!(day.called("1"), number(expected));
        day.done(Body::MarkNoShow {
            counter: counter("1"),
        });
    }
    day.called("1");
    day.start("1");
    day.finish("1");
    assert!(matches!(day.state(visit), VisitState::Finished { .. }));
    assert_eq!(day.office().served_today(), 1);
    day.check_replay();
}

#[test]
fn who_gives_up_is_done_with_all_services() {
    let mut day = Day::new();
    day.open("3");
    let details = VisitDetails {
        also: vec![service("registration")],
        ..VisitDetails::default()
    };
    let visit = day.arrive_with("k-1", "titles", details).visit;
    day.called("3");
    day.start("3");
    day.done(Body::FinishVisit {
        counter: counter("3"),
        outcome: VisitOutcome::GivenUp,
    });
    assert!(matches!(
        day.state(visit),
        VisitState::Finished {
            outcome: VisitOutcome::GivenUp,
            ..
        }
    ));
}

// Calls

#[test]
fn a_clerk_may_call_another_and_the_log_says_so() {
    let mut day = Day::new();
    day.open("1");
    day.arrive("k-1", "titles");
    let second = day.arrive("k-2", "titles").visit;
    day.done(Body::CallVisit {
        counter: counter("1"),
        visit: second,
    });
    let call = day.state(second).call().unwrap();
    assert_eq!(
        call.reason,
        "The clerk's choice; was second in line for this counter (under 1 min)"
    );
    let other = |day: &mut Day, code| {
        day.open("2");
        day.refused(
            Body::CallVisit {
                counter: counter("2"),
                visit: second,
            },
            code,
        );
    };
    other(&mut day, Code::WrongState);
    let unknown = Body::CallVisit {
        counter: counter("2"),
        visit: VisitId(99),
    };
    day.refused(unknown, Code::UnknownVisit);
    day.check_replay();
}

#[test]
fn nobody_is_called_again_or_given_up_too_soon() {
    let limits = Limits {
        recall_after_seconds: 60,
        no_show_after_seconds: 120,
        ..Limits::default()
    };
    let rules = Rules {
        limits,
        ..Rules::default()
    };
    let (mut day, visit) = Day::with_one_called(rules);
    let recall = || Body::Recall {
        counter: counter("1"),
    };
    let no_show = || Body::MarkNoShow {
        counter: counter("1"),
    };
    let outcome = day.clerk(recall());
    assert_eq!(code(&outcome), Code::TooSoon);
    assert!(format!("{outcome:?}").contains("Wait 60 s"), "{outcome:?}");
    day.pass(1);
    day.done(recall());
    day.refused(recall(), Code::TooSoon);
    day.pass(1);
    day.refused(no_show(), Code::TooSoon);
    day.pass(1);
    day.done(no_show());
    assert_eq!(day.visit(visit).no_shows, 1);
    day.check_replay();
}

#[test]
fn a_clock_that_went_back_forbids_no_call_for_longer() {
    let limits = Limits {
        recall_after_seconds: 60,
        ..Limits::default()
    };
    let (mut day, _) = Day::with_one_called(Rules {
        limits,
        ..Rules::default()
    });
    let recall = || Body::Recall {
        counter: counter("1"),
    };
    day.leap(-30);
    // The call may have been a moment ago.
    day.refused(recall(), Code::TooSoon);
    day.pass(1);
    day.done(recall());
}

// No-show, hold, transfer

#[test]
fn a_no_show_keeps_the_place_for_a_while() {
    let (mut day, visit) = Day::with_one_called(Rules::default());
    day.pass(5);
    day.arrive("k-2", "titles");
    day.done(Body::MarkNoShow {
        counter: counter("1"),
    });
    day.pass(60);
    day.done(Body::ReturnVisit { visit });
    assert_eq!(day.called("1"), number("A1"), "before who came later");
    day.done(Body::MarkNoShow {
        counter: counter("1"),
    });
    day.pass(61);
    day.refused(Body::ReturnVisit { visit }, Code::TooLate);
    // Too late to return, but not to be reopened by staff.
    day.done(Body::ReopenVisit { visit });
    assert_eq!(day.called("1"), number("A1"));
    assert_eq!(day.visit(visit).no_shows, 2);
    day.check_replay();
}

#[test]
fn a_visit_on_hold_is_called_by_nobody_until_it_is_resumed_or_waits_again() {
    let (mut day, visit) = Day::with_one_served(Rules::default());
    let hold = || Body::HoldVisit {
        counter: counter("1"),
        reason: HoldReason::FillsForm,
    };
    day.done(hold());
    assert_eq!(day.office().counter(&counter("1")), Some(OpenCounter::Free));
    assert_eq!(code(&day.call_next("1")), Code::NobodyWaiting);
    let call = Body::CallVisit {
        counter: counter("1"),
        visit,
    };
    day.refused(call, Code::WrongState);
    day.open("2");
    // Another counter may take it up.
    day.done(Body::ResumeVisit {
        counter: counter("2"),
        visit,
    });
    assert_eq!(day.office().visit_at(&counter("2")).unwrap().id, visit);
    let resume = Body::ResumeVisit {
        counter: counter("1"),
        visit,
    };
    day.refused(resume, Code::WrongState);
    day.done(Body::HoldVisit {
        counter: counter("2"),
        reason: HoldReason::Other,
    });
    day.done(Body::ReturnVisit { visit });
    assert_eq!(day.called("1"), number("A1"));
    day.refused(Body::ReturnVisit { visit }, Code::WrongState);
    day.check_replay();
}

#[test]
fn a_transfer_keeps_the_place_and_brings_the_note() {
    let (mut day, visit) = Day::with_one_served(Rules::default());
    day.open("2");
    day.pass(10);
    day.arrive("k-2", "registration");
    let note = Some("  has the pink slip ".to_owned());
    let to = TransferTo::Service(service("registration"));
    let counter_1 = || counter("1");
    day.done(Body::TransferVisit {
        counter: counter_1(),
        to,
        note,
    });
    assert_eq!(day.visit(visit).note.as_deref(), Some("has the pink slip"));
    assert_eq!(day.called("2"), number("A1"), "it arrived before B 1");
    day.check_replay();
}

#[test]
fn a_transfer_to_a_counter_waits_for_that_counter_while_it_is_open() {
    let (mut day, visit) = Day::with_one_served(Rules::default());
    day.open("2");
    day.open("3");
    let transfer = |to: &str| Body::TransferVisit {
        counter: counter("1"),
        to: TransferTo::Counter(counter(to)),
        note: None,
    };
    day.refused(transfer("1"), Code::InvalidValue);
    day.refused(transfer("9"), Code::UnknownCounter);
    let long = Body::TransferVisit {
        counter: counter("1"),
        to: TransferTo::Counter(counter("3")),
        note: Some("é".repeat(281)),
    };
    day.refused(long, Code::InvalidValue);
    day.done(transfer("3"));
    assert_eq!(code(&day.call_next("2")), Code::NobodyWaiting);
    let next = day.office().next_for(&counter("3"), day.now, 1);
    assert_eq!(next[0].visit.id, visit);
    // The counter closes: any other that serves titles takes the visit.
    day.done(Body::CloseCounter {
        counter: counter("3"),
    });
    assert_eq!(day.called("2"), number("A1"));
    day.check_replay();
}

#[test]
fn whoever_is_sent_to_a_counter_is_called_there_whatever_they_need() {
    let rules = Rules {
        counters: [(
            counter("2"),
            CounterRules {
                wheelchair: true,
                ..CounterRules::default()
            },
        )]
        .into(),
        ..Rules::default()
    };
    let mut day = Day::with(rules);
    day.open("2");
    day.open("3");
    let details = VisitDetails {
        needs: Needs {
            wheelchair: true,
            ..Needs::default()
        },
        ..VisitDetails::default()
    };
    day.arrive_with("k-1", "titles", details);
    day.called("2");
    day.done(Body::TransferVisit {
        counter: counter("2"),
        to: TransferTo::Counter(counter("3")),
        note: None,
    });
    assert_eq!(day.called("3"), number("A1"));
}

#[test]
fn a_long_wait_does_not_bring_a_transfer_back_to_who_made_it() {
    let (mut day, _) = Day::with_one_called(Rules::default());
    day.pass(125);
    day.open("2");
    day.done(Body::TransferVisit {
        counter: counter("1"),
        to: TransferTo::Counter(counter("2")),
        note: None,
    });
    assert_eq!(code(&day.call_next("1")), Code::NobodyWaiting);
    assert_eq!(day.office().waiting_at(&counter("2"), day.now), 1);
    assert_eq!(day.called("2"), number("A1"));
}

#[test]
fn only_who_may_be_called_here_is_among_the_next() {
    let rules = Rules {
        counters: [(
            counter("1"),
            CounterRules {
                overflow: vec![service("licenses")],
                ..CounterRules::default()
            },
        )]
        .into(),
        ..Rules::default()
    };
    let mut day = Day::with(rules);
    day.open("1");
    day.arrive("k-1", "licenses");
    day.pass(25);
    day.arrive("k-2", "licenses");
    let next = day.office().next_for(&counter("1"), day.now, 5);
    assert_eq!(next.len(), 1, "the second has not waited long enough");
}

#[test]
fn a_counter_that_rests_does_not_keep_a_visit_for_ever() {
    let (mut day, _) = Day::with_one_served(Rules::default());
    day.open("2");
    day.open("3");
    day.done(Body::TransferVisit {
        counter: counter("1"),
        to: TransferTo::Counter(counter("3")),
        note: None,
    });
    day.done(Body::TakeBreak {
        counter: counter("3"),
        minutes: None,
    });
    day.pass(120);
    assert_eq!(code(&day.call_next("2")), Code::NobodyWaiting);
    day.pass(1);
    assert_eq!(day.called("2"), number("A1"));
}

// The resident

#[test]
fn who_needs_more_time_lets_others_go_first_and_keeps_the_place_once() {
    let mut day = Day::new();
    day.open("1");
    let visit = day.arrive("k-1", "titles").visit;
    day.pass(1);
    day.arrive("k-2", "titles");
    let more = |minutes| Body::NeedMoreTime { visit, minutes };
    day.refused(more(0), Code::InvalidValue);
    day.refused(more(31), Code::InvalidValue);
    day.done(more(10));
    assert_eq!(day.office().waiting_count(), 2, "the place is kept");
    assert_eq!(day.called("1"), number("A2"));
    day.start("1");
    day.finish("1");
    assert_eq!(code(&day.call_next("1")), Code::NobodyWaiting);
    day.pass(10);
    day.arrive("k-3", "titles");
    assert_eq!(day.called("1"), number("A1"), "back at the old place");

    // Called, and not ready again: this time the wait counts from the return.
    day.done(more(5));
    assert_eq!(day.office().counter(&counter("1")), Some(OpenCounter::Free));
    day.pass(5);
    assert_eq!(day.called("1"), number("A3"));
    day.done(Body::MarkNoShow {
        counter: counter("1"),
    });
    assert_eq!(day.called("1"), number("A1"));
    day.start("1");
    day.refused(more(5), Code::WrongState);
    day.check_replay();
}

#[test]
fn a_resident_moves_their_own_visit_only() {
    let mut day = Day::new();
    let own = day.arrive("k-1", "titles").visit;
    let other = day.arrive("k-2", "titles").visit;
    let resident = || Sender::Resident { visit: own };
    let leave = |visit| Body::LeaveVisit { visit };
    assert_eq!(
        code(&day.send("r-1", resident(), leave(other))),
        Code::NotAllowed
    );
    let more = Body::NeedMoreTime {
        visit: own,
        minutes: 5,
    };
    assert_eq!(day.send("r-2", resident(), more), done());
    let reopen = Body::ReopenVisit { visit: own };
    assert_eq!(code(&day.send("r-3", resident(), reopen)), Code::NotAllowed);
    assert_eq!(day.send("r-4", resident(), leave(own)), done());
    assert!(matches!(day.state(own), VisitState::Left { .. }));
    assert_eq!(day.waiting(), ["A2"]);
    day.check_replay();
}

#[test]
fn who_leaves_frees_the_counter_and_can_be_brought_back() {
    let (mut day, visit) = Day::with_one_served(Rules::default());
    day.done(Body::LeaveVisit { visit });
    assert_eq!(day.office().counter(&counter("1")), Some(OpenCounter::Free));
    assert_eq!(day.office().served_today(), 0);
    day.done(Body::LeaveVisit { visit });
    day.done(Body::ReopenVisit { visit });
    assert_eq!(day.called("1"), number("A1"));
    day.check_replay();
}

#[test]
fn services_are_added_and_corrected_with_the_place_kept() {
    let mut day = Day::new();
    day.open("2");
    let visit = day.arrive("k-1", "titles").visit;
    day.pass(5);
    day.arrive("k-2", "registration");
    let add = |id: &str| Body::AddService {
        visit,
        service: service(id),
    };
    let change = |id: &str| Body::ChangeService {
        visit,
        service: service(id),
    };
    day.done(add("licenses"));
    day.done(add("licenses"));
    day.refused(add("fishing"), Code::UnknownService);
    assert_eq!(day.visit(visit).then, [service("licenses")]);
    day.done(change("registration"));
    assert_eq!(day.visit(visit).service, service("registration"));
    assert_eq!(day.office().waiting_for(&service("titles")), 0);
    assert_eq!(day.called("2"), number("A1"), "it arrived first");
    day.start("2");
    day.done(change("licenses"));
    assert_eq!(day.visit(visit).then, [], "it is being done now");
    day.finish("2");
    day.refused(add("titles"), Code::WrongState);
    day.refused(change("titles"), Code::WrongState);
    day.check_replay();
}

#[test]
fn a_visit_is_reopened_on_its_own_day() {
    let (mut day, visit) = Day::with_one_served(Rules::default());
    let reopen = || Body::ReopenVisit { visit };
    day.refused(reopen(), Code::WrongState);
    day.finish("1");
    assert_eq!(day.office().served_today(), 1);
    day.done(reopen());
    assert_eq!(day.office().served_today(), 0);
    assert_eq!(day.called("1"), number("A1"));
    day.start("1");
    day.finish("1");
    day.pass(24 * 60);
    day.refused(reopen(), Code::TooLate);
    day.check_replay();
}

// Undo

#[test]
fn each_slip_of_a_finger_is_taken_back_with_its_times() {
    let (mut day, visit) = Day::with_one_served(Rules::default());
    let counter_1 = || counter("1");
    let slips = [
        Body::FinishVisit {
            counter: counter_1(),
            outcome: VisitOutcome::Served,
        },
        Body::HoldVisit {
            counter: counter_1(),
            reason: HoldReason::Other,
        },
        Body::TransferVisit {
            counter: counter_1(),
            to: TransferTo::Service(service("registration")),
            note: Some("wrong".to_owned()),
        },
    ];
    for slip in slips {
        let before = day.visit(visit).clone();
        day.pass(1);
        day.done(slip.clone());
        day.pass(1);
        assert!(
            matches!(day.undo("1"), Outcome::Accepted { .. }),
            "{slip:?}"
        );
        let moved = day.visit(visit).moved;
        assert_eq!(day.visit(visit), &Visit { moved, ..before }, "{slip:?}");
        assert_eq!(day.office().visit_at(&counter_1()).unwrap().id, visit);
        assert_eq!(day.office().served_today(), 0);
        assert_eq!(code(&day.undo("1")), Code::WrongState, "once only");
        day.check_replay();
    }
}

#[test]
fn a_call_and_a_no_show_are_taken_back() {
    let (mut day, visit) = Day::with_one_called(Rules::default());
    let serial = day.office().last_serial();
    day.undo("1");
    assert_eq!(day.waiting(), ["A1"]);
    assert_eq!(day.called("1"), number("A1"));
    assert_eq!(
        day.office().last_serial(),
        serial + 1,
        "a call's number is used once"
    );
    day.done(Body::MarkNoShow {
        counter: counter("1"),
    });
    day.undo("1");
    assert!(matches!(day.state(visit), VisitState::Called { .. }));
    assert_eq!(day.visit(visit).no_shows, 0);
    day.check_replay();
}

#[test]
fn undo_is_refused_when_it_is_late_or_the_visit_has_moved() {
    let (mut day, visit) = Day::with_one_served(Rules::default());
    day.done(Body::HoldVisit {
        counter: counter("1"),
        reason: HoldReason::Other,
    });
    day.open("2");
    day.done(Body::ResumeVisit {
        counter: counter("2"),
        visit,
    });
    assert_eq!(
        code(&day.undo("1")),
        Code::WrongState,
        "counter 2 has it now"
    );
    day.undo("2");
    assert!(matches!(day.state(visit), VisitState::OnHold { .. }));
    day.done(Body::ResumeVisit {
        counter: counter("1"),
        visit,
    });
    day.pass(2);
    assert_eq!(code(&day.undo("1")), Code::TooLate);
    day.check_replay();
}

#[test]
fn what_became_known_meanwhile_stays_when_a_call_is_taken_back() {
    let (mut day, visit) = Day::with_one_called(Rules::default());
    let result = PrintResult::Printed;
    day.send("k-9", kiosk("kiosk-1"), Body::RecordPrint { visit, result });
    day.done(Body::AddService {
        visit,
        service: service("registration"),
    });
    day.undo("1");
    assert_eq!(day.visit(visit).print, Some(result));
    assert_eq!(day.visit(visit).state, VisitState::Waiting);
    assert_eq!(
        day.visit(visit).then,
        [service("registration")],
        "a service that was added meanwhile is still wanted"
    );
    day.check_replay();
}

#[test]
fn a_corrected_service_is_not_lost_by_taking_a_call_back() {
    let (mut day, visit) = Day::with_one_called(Rules::default());
    let right = service("registration");
    day.done(Body::ChangeService {
        visit,
        service: right.clone(),
    });
    assert_eq!(code(&day.undo("1")), Code::WrongState);
    assert_eq!(day.visit(visit).service, right);
}

// Counters and services

#[test]
fn a_break_is_taken_with_no_visit_and_ends() {
    let (mut day, _) = Day::with_one_called(Rules::default());
    let rest = |minutes| Body::TakeBreak {
        counter: counter("1"),
        minutes,
    };
    day.refused(rest(Some(15)), Code::CounterBusy);
    day.done(Body::MarkNoShow {
        counter: counter("1"),
    });
    day.refused(rest(Some(0)), Code::InvalidValue);
    day.refused(rest(Some(241)), Code::InvalidValue);
    day.done(rest(Some(15)));
    day.done(rest(Some(15)));
    let now = day.office().counter_now(&counter("1")).unwrap();
    assert_eq!(now.has, OpenCounter::OnBreak);
    assert_eq!(
        now.break_until,
        Some(day.now + SignedDuration::from_mins(15))
    );
    assert_eq!(code(&day.call_next("1")), Code::CounterOnBreak);
    assert_eq!(code(&day.undo("1")), Code::WrongState);
    let back = || Body::EndBreak {
        counter: counter("1"),
    };
    day.done(back());
    day.done(back());
    assert_eq!(code(&day.call_next("1")), Code::NobodyWaiting);
    day.done(rest(None));
    day.done(Body::CloseCounter {
        counter: counter("1"),
    });
    day.refused(back(), Code::CounterClosed);
    day.check_replay();
}

#[test]
fn a_clerk_brings_skills_and_languages_to_a_counter() {
    let lee = Clerk {
        services: Some(vec![service("titles"), service("id-cards")]),
        languages: Vec::new(),
    };
    let rules = Rules {
        clerks: [
            ("lee".parse().unwrap(), lee),
            ("ann".parse().unwrap(), Clerk::default()),
        ]
        .into(),
        ..Rules::default()
    };
    let mut day = Day::with(rules);
    let open = |clerk: &str| Body::OpenCounter {
        counter: counter("3"),
        clerk: Some(clerk.parse().unwrap()),
    };
    day.refused(open("kim"), Code::UnknownClerk);
    day.done(open("lee"));
    day.done(open("lee"));
    day.refused(open("ann"), Code::CounterBusy);
    day.arrive("k-1", "registration");
    assert_eq!(code(&day.call_next("3")), Code::NobodyWaiting);
    day.arrive("k-2", "id-cards");
    assert_eq!(day.called("3"), number("C1"));
    day.check_replay();
}

#[test]
fn a_counter_changes_what_it_serves_until_it_closes() {
    let mut day = Day::new();
    day.open("1");
    day.arrive("k-1", "registration");
    let change = |ids: &[&str]| Body::ChangeServices {
        counter: counter("1"),
        services: ids.iter().map(|id| service(id)).collect(),
    };
    day.refused(change(&[]), Code::InvalidValue);
    day.refused(change(&["fishing"]), Code::UnknownService);
    let closed = Body::ChangeServices {
        counter: counter("2"),
        services: vec![service("titles")],
    };
    day.refused(closed, Code::CounterClosed);
    day.done(change(&["registration", "registration"]));
    assert_eq!(day.called("1"), number("B1"));
    day.done(Body::MarkNoShow {
        counter: counter("1"),
    });
    day.done(Body::CloseCounter {
        counter: counter("1"),
    });
    day.open("1");
    day.arrive("k-2", "registration");
    assert_eq!(code(&day.call_next("1")), Code::NobodyWaiting);
    day.check_replay();
}

#[test]
fn a_suspended_service_takes_nobody_in_but_serves_who_waits() {
    let mut day = Day::new();
    day.open("1");
    day.arrive("k-1", "titles");
    let suspend = || Body::SuspendService {
        service: service("titles"),
    };
    day.done(suspend());
    day.done(suspend());
    let refused = day.try_arrive("k-2", "titles", VisitDetails::default());
    assert_eq!(code(&refused), Code::ServiceSuspended);
    let also = VisitDetails {
        also: vec![service("titles")],
        ..VisitDetails::default()
    };
    let refused = day.try_arrive("k-3", "licenses", also);
    assert_eq!(code(&refused), Code::ServiceSuspended);
    // Who holds paper already is let in.
    let form = admit("X101", "2026-11-25T16:59:00Z", None);
    ticket(&day.send("form", kiosk("kiosk-1"), form));
    assert_eq!(day.called("1"), number("X101"));
    let offer = || Body::OfferService {
        service: service("titles"),
    };
    day.done(offer());
    day.done(offer());
    day.arrive("k-4", "titles");
    // A new day offers everything.
    day.done(suspend());
    day.pass(24 * 60);
    day.arrive("k-5", "titles");
    day.check_replay();
}

// Opening hours

/// Open from 08:00 to 10:00 on 2026-11-25, a Wednesday, and on no other day but Friday.
fn short_hours(last_ticket: LastTicket) -> Rules {
    let span = |from, to| Span {
        from: jiff::civil::time(from, 0, 0, 0),
        to: jiff::civil::time(to, 0, 0, 0),
    };
    let mut hours = OpeningHours::default();
    hours.week[2] = vec![span(8, 10)];
    hours.week[4] = vec![span(9, 12)];
    Rules {
        hours: Some(hours),
        limits: Limits {
            last_ticket,
            ..Limits::default()
        },
        ..Rules::default()
    }
}

#[test]
fn a_kiosk_gives_tickets_while_the_office_is_open_and_staff_always() {
    let mut day = Day::with(short_hours(LastTicket::Warn));
    day.arrive("k-1", "titles");
    day.pass(60);
    let refused = day.try_arrive("k-2", "titles", VisitDetails::default());
    assert_eq!(code(&refused), Code::OfficeClosed);
    let words = format!("{refused:?}");
    assert!(
        words.contains("opens on Friday, November 27, at 09:00"),
        "{words}"
    );
    let by_staff = check_in("titles", &day.now.to_string());
    ticket(&day.clerk(by_staff));
    let form = admit("X101", "2026-11-25T18:10:00Z", None);
    ticket(&day.send("form", kiosk("kiosk-1"), form));
}

#[test]
fn no_ticket_is_given_whose_wait_would_pass_the_closing_time_if_the_office_wants_it_so() {
    // In the sample office a wait is a minute for each who waits.
    for (last_ticket, nth_refused) in [(LastTicket::Refuse, Some(6)), (LastTicket::Warn, None)] {
        let mut day = Day::with(short_hours(last_ticket));
        day.pass(55);
        let refused = (0..10).find(|nth| {
            let id = format!("k-{nth}");
            let outcome = day.try_arrive(&id, "titles", VisitDetails::default());
            match outcome {
                Outcome::Rejected { rejection } => {
                    assert_eq!(rejection.code, Code::TooLateToday);
                    true
                }
                _ => false,
            }
        });
        assert_eq!(refused, nth_refused);
    }
}

// Appointments

fn appointment(id: &str, at: &str) -> Appointment {
    Appointment {
        code: id.parse().unwrap(),
        at: sample::time_at(at),
        services: vec![service("titles")],
        language: Some(Language::new("es").unwrap()),
        person: Some("0123456789abcdef0123456789abcdef".parse().unwrap()),
        party: 2,
        needs: Needs::default(),
    }
}

fn book(id: &str, at: &str) -> Body {
    Body::BookAppointment {
        appointment: Box::new(appointment(id, at)),
    }
}

fn come(claim: AppointmentClaim, at: Timestamp) -> Body {
    Body::CheckInAppointment {
        claim,
        language: None,
        arrived_at: at,
        details: Box::default(),
    }
}

fn by_code(id: &str) -> AppointmentClaim {
    AppointmentClaim::Code(id.parse().unwrap())
}

#[test]
fn an_appointment_counts_from_the_agreed_time_within_its_window() {
    // Early 30 minutes, late 15: (minutes after 09:00 of the arrival, in time).
    for (arrives, in_time) in [
        (-31, false),
        (-30, true),
        (0, true),
        (15, true),
        (16, false),
    ] {
        let mut day = Day::new();
        day.pass(-60);
        day.done(book("K-1", MORNING));
        day.pass(60 + arrives);
        let outcome = day.send("k-1", kiosk("kiosk-1"), come(by_code("K-1"), day.now));
        let visit = day.visit(ticket(&outcome).visit);
        let expected = if in_time {
            Lane::Appointment
        } else {
            Lane::WalkIn
        };
        assert_eq!(visit.lane, expected, "{arrives} min");
        let since = if in_time {
            sample::time_at(MORNING)
        } else {
            day.now
        };
        assert_eq!(visit.since, since, "{arrives} min");
        assert_eq!(visit.party, 2);
        assert_eq!(visit.language.as_str(), "es");
        day.check_replay();
    }
}

#[test]
fn an_appointment_is_one_place_in_the_queue() {
    let mut day = Day::new();
    day.done(book("K-1", MORNING));
    let first = day.send("k-1", kiosk("kiosk-1"), come(by_code("K-1"), day.now));
    let visit = ticket(&first).visit;
    for (id, claim) in [
        ("k-2", by_code("K-1")),
        (
            "k-3",
            AppointmentClaim::Person("0123456789abcdef0123456789abcdef".parse().unwrap()),
        ),
    ] {
        let again = day.send(id, kiosk("kiosk-2"), come(claim, day.now));
        assert_eq!(code(&again), Code::AlreadyInQueue);
        assert!(
            format!("{again:?}").contains("A 1"),
            "it says which number: {again:?}"
        );
    }
    day.refused(book("K-1", "2026-11-25T18:00:00Z"), Code::AlreadyInQueue);
    let cancel = Body::CancelAppointment {
        code: "K-1".parse().unwrap(),
    };
    day.refused(cancel, Code::AlreadyInQueue);
    assert_eq!(day.office().visits().count(), 1);
    assert_eq!(day.visit(visit).appointment, Some("K-1".parse().unwrap()));
    day.check_replay();
}

#[test]
fn an_appointment_is_found_by_person_and_the_nearest_that_is_not_done_counts() {
    let mut day = Day::new();
    day.done(book("K-1", "2026-11-25T17:10:00Z"));
    day.done(book("K-2", "2026-11-25T20:00:00Z"));
    day.done(book("K-3", "2026-11-26T17:00:00Z"));
    let person = || AppointmentClaim::Person("0123456789abcdef0123456789abcdef".parse().unwrap());
    let codes = |day: &Day| -> Vec<String> {
        let mut codes: Vec<_> = day.office().visits().collect();
        codes.sort_by_key(|visit| visit.id);
        let codes = codes.iter().filter_map(|visit| visit.appointment.as_ref());
        codes.map(ToString::to_string).collect()
    };
    ticket(&day.send("k-1", kiosk("kiosk-1"), come(person(), day.now)));
    ticket(&day.send("k-2", kiosk("kiosk-1"), come(person(), day.now)));
    assert_eq!(codes(&day), ["K-1", "K-2"]);
    let third = day.send("k-3", kiosk("kiosk-1"), come(person(), day.now));
    assert_eq!(
        code(&third),
        Code::AlreadyInQueue,
        "the third is of tomorrow"
    );
    let unknown = AppointmentClaim::Person("ffffffffffffffffffffffffffffffff".parse().unwrap());
    let unknown = day.send("k-4", kiosk("kiosk-1"), come(unknown, day.now));
    assert_eq!(code(&unknown), Code::UnknownAppointment);
    let tomorrow = day.send("k-5", kiosk("kiosk-1"), come(by_code("K-3"), day.now));
    assert_eq!(code(&tomorrow), Code::UnknownAppointment);
}

#[test]
fn an_import_can_run_again_and_impossible_appointments_are_refused() {
    let mut day = Day::new();
    day.done(book("K-1", "2026-11-25T18:00:00Z"));
    let events = day.records.len();
    day.done(book("K-1", "2026-11-25T18:00:00Z"));
    assert_eq!(day.records.len(), events, "what is known makes no event");
    day.done(book("K-1", "2026-11-25T19:00:00Z"));
    let booked = day.office().appointment(&"K-1".parse().unwrap()).unwrap();
    assert_eq!(booked.at.to_string(), "2026-11-25T19:00:00Z");
    day.refused(book("K-2", "2026-11-24T10:00:00Z"), Code::InvalidValue);
    day.refused(book("K-2", "2028-01-01T10:00:00Z"), Code::InvalidValue);
    let with = |change: fn(&mut Appointment)| {
        let mut changed = appointment("K-2", "2026-11-25T18:00:00Z");
        change(&mut changed);
        Body::BookAppointment {
            appointment: Box::new(changed),
        }
    };
    day.refused(with(|it| it.services.clear()), Code::InvalidValue);
    day.refused(with(|it| it.party = 0), Code::InvalidValue);
    day.refused(
        with(|it| it.services = vec!["fishing".parse().unwrap()]),
        Code::UnknownService,
    );
    day.refused(
        with(|it| it.services = vec!["titles".parse().unwrap(); 7]),
        Code::InvalidValue,
    );
    let cancel = || Body::CancelAppointment {
        code: "K-1".parse().unwrap(),
    };
    day.done(cancel());
    day.refused(cancel(), Code::UnknownAppointment);
    day.check_replay();
}

#[test]
fn past_appointments_are_forgotten() {
    let mut day = Day::new();
    day.done(book("K-1", "2026-11-25T18:00:00Z"));
    day.done(book("K-2", "2026-11-27T18:00:00Z"));
    for nth in 0..3 {
        day.pass(24 * 60);
        day.arrive(&format!("k-{nth}"), "titles");
    }
    let left: Vec<_> = day
        .office()
        .appointments()
        .map(|one| one.code.to_string())
        .collect();
    assert_eq!(left, ["K-2"]);
    day.check_replay();
}

// Needs

#[test]
fn a_need_waits_for_a_counter_that_has_it_but_not_for_ever() {
    let vietnamese = || Language::new("vi").unwrap();
    let lan = Clerk {
        services: None,
        languages: vec![vietnamese()],
    };
    let rules = Rules {
        clerks: [("lan".parse().unwrap(), lan)].into(),
        counters: [(
            counter("2"),
            CounterRules {
                wheelchair: true,
                quiet: true,
                ..CounterRules::default()
            },
        )]
        .into(),
        ..Rules::default()
    };
    let needs = [
        Needs {
            interpreter: Some(vietnamese()),
            ..Needs::default()
        },
        Needs {
            wheelchair: true,
            ..Needs::default()
        },
        Needs {
            quiet: true,
            ..Needs::default()
        },
    ];
    for needs in needs {
        let mut day = Day::with(rules.clone());
        day.open("1");
        day.done(Body::OpenCounter {
            counter: counter("2"),
            clerk: Some("lan".parse().unwrap()),
        });
        let details = VisitDetails {
            needs: needs.clone(),
            ..VisitDetails::default()
        };
        day.arrive_with("k-1", "titles", details);
        day.pass(1);
        day.arrive("k-2", "titles");
        assert_eq!(day.called("1"), number("A2"), "{needs:?}");
        day.done(Body::MarkNoShow {
            counter: counter("1"),
        });
        // The counter that has it says so.
        let reason = match day.call_next("2") {
            Outcome::Accepted {
                answer:
                    Answer::AtCounter {
                        reason: Some(reason),
                        ..
                    },
            } => reason,
            other => panic!("{other:?}"),
        };
        assert!(reason.contains("what they need"), "{reason}");
        day.undo("2");
        // After 20 minutes anybody helps.
        day.pass(20);
        assert_eq!(day.called("1"), number("A1"), "{needs:?}");
        day.undo("1");
        // And at once, if no open counter has it.
        let mut day = Day::with(rules.clone());
        day.open("1");
        let details = VisitDetails {
            needs: needs.clone(),
            ..VisitDetails::default()
        };
        day.arrive_with("k-1", "titles", details);
        assert_eq!(day.called("1"), number("A1"), "{needs:?}");
    }
}

#[test]
fn a_counter_helps_out_once_the_wait_is_long() {
    let rules = Rules {
        counters: [(
            counter("1"),
            CounterRules {
                overflow: vec![service("licenses")],
                ..CounterRules::default()
            },
        )]
        .into(),
        policy: Policy {
            overflow_after_minutes: 20,
            ..Policy::default()
        },
        ..Rules::default()
    };
    let mut day = Day::with(rules);
    day.open("1");
    day.arrive("k-1", "licenses");
    day.arrive("k-2", "registration");
    day.pass(20);
    assert_eq!(code(&day.call_next("1")), Code::NobodyWaiting);
    day.pass(1);
    assert_eq!(day.called("1"), number("C1"));
    day.done(Body::MarkNoShow {
        counter: counter("1"),
    });
    day.pass(120);
    assert_eq!(
        code(&day.call_next("1")),
        Code::NobodyWaiting,
        "registration is not on its list"
    );
}

// Nobody is forgotten

#[test]
fn who_may_have_been_forgotten_is_told() {
    let mut day = Day::new();
    day.open("1");
    day.open("2");
    let called = day.arrive("k-1", "titles").visit;
    let held = day.arrive("k-2", "titles").visit;
    let waiting = day.arrive("k-3", "licenses").visit;
    day.called("1");
    day.called("2");
    day.done(Body::HoldVisit {
        counter: counter("2"),
        reason: HoldReason::Other,
    });
    let told = |day: &Day| -> Vec<(VisitId, Forgotten)> {
        let told = day.office().forgotten(day.now, 9);
        told.into_iter()
            .map(|(visit, why)| (visit.id, why))
            .collect()
    };
    day.pass(30);
    assert_eq!(told(&day), []);
    day.pass(1);
    let aside = [(called, Forgotten::Called), (held, Forgotten::OnHold)];
    assert_eq!(told(&day), aside);
    day.pass(119);
    assert_eq!(told(&day), aside);
    day.pass(1);
    assert_eq!(told(&day).last(), Some(&(waiting, Forgotten::Waits)));
    assert_eq!(day.office().forgotten(day.now, 1).len(), 1);
}
