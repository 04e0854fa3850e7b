//! Paper forms: given out while the server could not be reached.

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
fn called_already_it_is_called_again_so_that_displays_say_the_number_that_is_held() {
    let mut day = Day::new();
    day.open("1");
    let visit = day.arrive("k-1", "titles").visit;
    day.called("1");
    let serial = |day: &Day| day.state(visit).call().unwrap().serial;
    assert_eq!(serial(&day), 1);
    let form = || admit("X101", MORNING, Some("k-1"));
    day.send("f-1", kiosk("kiosk-1"), form());
    assert_eq!((serial(&day), day.office().last_serial()), (2, 2));
    // Told again, it is not called again.
    day.send("f-1", kiosk("kiosk-1"), form());
    assert_eq!(serial(&day), 2);
    // A resident who is at the counter already needs no call.
    day.arrive("k-2", "titles");
    day.clerk(RequestBody::StartService {
        counter: counter("1"),
    });
    day.clerk(RequestBody::FinishVisit {
        counter: counter("1"),
        outcome: usher_protocol::message::VisitOutcome::Served,
    });
    day.called("1");
    day.clerk(RequestBody::StartService {
        counter: counter("1"),
    });
    let form = admit("X102", MORNING, Some("k-2"));
    day.send("f-2", kiosk("kiosk-1"), form);
    assert_eq!(day.office().last_serial(), 3);
    day.check_replay();
}

#[test]
fn what_a_clerk_was_refused_the_kiosk_still_brings_in() {
    let mut day = Day::new();
    // The kiosk's clock stood at 1970 when it printed this.
    let form = || admit("X101", "1970-01-01T00:10:00Z", None);
    let RequestBody::AdmitPaperForm { form: paper, .. } = form() else {
        unreachable!("a form is a form");
    };
    let id = paper.command_id().to_string();
    let outcome = day.send(&id, Sender::Clerk, form());
    assert_eq!(code(&outcome), RejectionCode::WrongState);
    let entered = ticket(&day.send(&id, kiosk("kiosk-1"), form()));
    assert_eq!(entered.number, number("X101"));
    // And now the clerk is told of its place too.
    assert_eq!(ticket(&day.send(&id, Sender::Clerk, form())), entered);
    assert_eq!(day.waiting(), ["X101"]);
    day.check_replay();
}

/// A kiosk's own file gives it another series than the office file.
#[test]
fn a_form_of_another_series_enters_and_its_number_is_not_given_again() {
    let mut day = Day::new();
    let form = |number| admit(number, MORNING, None);
    ticket(&day.send("f-1", kiosk("kiosk-1"), form("A1")));
    assert_eq!(day.arrive("k-1", "titles").number, number("A2"));
    // A number that somebody holds already: both are in the queue, and staff are told.
    let second = ticket(&day.send("f-2", kiosk("kiosk-1"), form("A2")));
    let flagged = day.office().visit(second.visit).unwrap();
    assert_eq!(flagged.same_number_as, Some(VisitId(2)));
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
fn forms_of_strangers_are_refused() {
    let mut day = Day::new();
    let send = |day: &mut Day, nth: u32, sender, form| {
        let body = RequestBody::AdmitPaperForm {
            form,
            replaces: None,
        };
        code(&day.send(&format!("f-{nth}"), sender, body))
    };
    let of_nobody = usher_protocol::PaperForm {
        device: sample::device("hall-1"),
        ..sample::form("X101", MORNING)
    };
    for (nth, sender, form, expected) in [
        (2, Sender::Clerk, of_nobody, RejectionCode::WrongNumber),
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

/// A kiosk that never met its server gives out forms of a service that it made up.
#[test]
fn a_form_of_a_service_that_the_office_does_not_have_is_served_by_every_counter() {
    let mut day = Day::new();
    day.open("1");
    let form = usher_protocol::PaperForm {
        service: "general".parse().unwrap(),
        ..sample::form("X101", MORNING)
    };
    let body = RequestBody::AdmitPaperForm {
        form,
        replaces: None,
    };
    let outcome = day.send("f-1", kiosk("kiosk-1"), body);
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
    assert_eq!(day.called("1"), number("X101"));
    day.check_replay();
}
