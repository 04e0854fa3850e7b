//! The wall's clock leaps while people wait.

use super::*;

const HOURS: i64 = 60;

#[test]
fn who_came_just_before_stays_over_the_start_of_a_day() {
    let mut day = Day::new();
    day.open("1");
    day.open("2");
    let early = day.arrive("k-1", "licenses").visit;
    day.pass(3 * HOURS - 10);
    let called = day.arrive("k-2", "registration").visit;
    day.called("2");
    let waiting = day.arrive("k-3", "titles").visit;
    day.pass(10);
    // The network puts the clock on by twenty hours, over four in the morning.
    day.leap(20 * HOURS);
    let newcomer = day.arrive("k-4", "titles");
    assert!(matches!(
        &day.records[day.records.len() - 2].event,
        Event::DayStarted { left_at_close, .. } if *left_at_close == [early]
    ));
    assert_eq!(day.state(early), &VisitState::LeftAtClose);
    assert!(matches!(day.state(called), VisitState::Called { .. }));
    assert_eq!(day.state(waiting), &VisitState::Waiting);
    // A1 is held: of the new day's numbers, it is not given out.
    assert_eq!(newcomer.number, number("A2"));
    assert_eq!(day.waiting(), ["A1", "A2"]);
    assert_eq!(day.arrive("k-5", "titles").number, number("A3"));
    // Counters go on as they were, and the visits of before come to their end.
    assert_eq!(day.called("1"), number("A1"));
    day.clerk(RequestBody::StartService {
        counter: counter("2"),
    });
    let body = RequestBody::FinishVisit {
        counter: counter("2"),
        outcome: usher_protocol::message::VisitOutcome::Served,
    };
    assert!(matches!(day.clerk(body), Outcome::Accepted { .. }));
    assert_eq!(day.office().served_today(), 1);
    day.check_replay();
}

#[test]
fn who_stays_over_many_starts_is_never_forgotten() {
    let mut day = Day::new();
    day.open("1");
    let visit = day.arrive("k-1", "titles").visit;
    for nth in 0..4 {
        day.leap(24 * HOURS);
        day.arrive(&format!("n-{nth}"), "registration");
    }
    assert_eq!(day.state(visit), &VisitState::Waiting);
    assert_eq!(day.called("1"), number("A1"));
    day.check_replay();
    day.pass(24 * HOURS);
    day.arrive("last", "titles");
    assert_eq!(day.state(visit), &VisitState::LeftAtClose);
    assert_eq!(day.office().counter(&counter("1")), None);
    day.check_replay();
}

#[test]
fn a_leap_past_belief_starts_no_day() {
    let mut day = Day::new();
    day.open("1");
    day.arrive("k-1", "titles");
    day.leap(49 * HOURS);
    assert_eq!(day.arrive("k-2", "titles").number, number("A2"));
    let moment = |day: &Day| Moment {
        wall: day.now,
        uptime: day.uptime,
    };
    let leap = day.intake.day_held_back(moment(&day)).expect("it is told");
    assert_eq!(leap.as_hours(), 49);
    // Not even the next morning; put back, all goes on.
    day.pass(24 * HOURS);
    assert_eq!(day.arrive("k-3", "titles").number, number("A3"));
    day.leap(-49 * HOURS);
    assert_eq!(day.arrive("k-4", "titles").number, number("A1"));
    assert_eq!(day.intake.day_held_back(moment(&day)), None);
    // A program that ran through a long weekend has a day to start.
    day.pass(4 * 24 * HOURS);
    assert_eq!(day.arrive("k-5", "titles").number, number("A1"));
    day.check_replay();
}

#[test]
fn a_no_show_of_the_day_before_does_not_come_back_with_a_number_that_is_given_anew() {
    let mut day = Day::new();
    // Ten to four, and the day starts at four.
    day.leap(18 * HOURS + 50);
    day.open("1");
    let absent = day.arrive("k-1", "titles");
    day.called("1");
    day.clerk(RequestBody::MarkNoShow {
        counter: counter("1"),
    });
    day.pass(15);
    assert_eq!(day.arrive("k-2", "titles").number, absent.number);
    let outcome = day.clerk(RequestBody::ReturnVisit {
        visit: absent.visit,
    });
    assert_eq!(code(&outcome), RejectionCode::TooLate);
    day.check_replay();
}

#[test]
fn who_joined_by_a_clock_that_ran_ahead_is_not_put_behind_all_who_come_later() {
    let mut day = Day::new();
    day.open("1");
    let before = day.arrive("k-1", "titles").visit;
    day.leap(26 * HOURS);
    let under_it = day.arrive("k-2", "titles").visit;
    day.clerk(RequestBody::NeedMoreTime {
        visit: before,
        minutes: 5,
    });
    // The network puts it right.
    day.leap(-26 * HOURS);
    day.pass(3);
    let after = day.arrive("k-3", "titles").visit;
    for visit in [before, under_it, after] {
        assert!(
            day.visit(visit).since <= day.now,
            "{visit} came in the future"
        );
    }
    assert!(day.visit(under_it).since <= day.visit(after).since);
    assert_eq!(day.called("1"), day.visit(before).number);
    day.clerk(RequestBody::MarkNoShow {
        counter: counter("1"),
    });
    assert_eq!(day.called("1"), day.visit(under_it).number);
    day.check_replay();
}
