//! What is taken back at one counter leaves what others did meanwhile.

use std::sync::Arc;

use usher_protocol::CounterId;
use usher_protocol::message::VisitOutcome;

use super::*;
use crate::policy::{Appointments, Lane, Policy};

fn undo(day: &mut Day, label: &str) -> Outcome {
    let counter = counter(label);
    day.clerk(RequestBody::Undo { counter })
}

fn accepted(day: &mut Day, body: RequestBody) {
    let outcome = day.clerk(body);
    assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
}

fn serve(day: &mut Day, label: &str) {
    let counter: CounterId = counter(label);
    day.called(label);
    for body in [
        RequestBody::StartService {
            counter: counter.clone(),
        },
        RequestBody::FinishVisit {
            counter,
            outcome: VisitOutcome::Served,
        },
    ] {
        accepted(day, body);
    }
}

#[test]
fn a_finish_that_is_taken_back_leaves_those_of_other_counters_counted() {
    let mut day = Day::new();
    day.open("1");
    day.open("2");
    day.arrive("k-1", "titles");
    day.arrive("k-2", "titles");
    serve(&mut day, "1");
    serve(&mut day, "2");
    assert_eq!(day.office().served_today(), 2);
    assert!(matches!(undo(&mut day, "1"), Outcome::Accepted { .. }));
    assert_eq!(day.office().served_today(), 1, "counter 2 has served one");
    day.check_replay();
}

#[test]
fn a_call_that_is_taken_back_leaves_the_share_of_other_calls() {
    let mut plan = (*sample::plan()).clone();
    plan.rules.policy = Policy {
        appointments: Appointments::Share { percent: 50 },
        ..Policy::default()
    };
    let office = Office::new(Arc::new(plan));
    let mut day = Day {
        intake: Intake::new(office, Arc::new(sample::foresee)),
        ..Day::new()
    };
    day.open("1");
    day.open("2");
    day.arrive("k-1", "titles");
    day.arrive("k-2", "titles");
    day.called("1");
    day.called("2");
    let one_call = crate::policy::Turn::default().after(Lane::WalkIn, 50);
    assert!(matches!(undo(&mut day, "1"), Outcome::Accepted { .. }));
    assert_eq!(
        day.office().turn(),
        one_call,
        "the call of counter 2 stands"
    );
}
