//! An office whose file was changed while visits were open.

use super::*;
use crate::plan::OfficePlan;
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
        intake: Intake::new(office, std::sync::Arc::new(sample::foresee)),
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
            outcome: usher_protocol::message::VisitOutcome::Served,
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
        clerk: None,
    };
    assert_eq!(code(&day.clerk(again)), RejectionCode::UnknownCounter);
}
