//! No policy starves anybody, and each keeps its word: under random arrivals, calls
//! and postponements.

use proptest::prelude::*;
use usher_protocol::message::VisitDetails;

use super::*;
use crate::policy::{Appointments, Order, Policy};

fn policy() -> impl Strategy<Value = Policy> {
    let order = prop_oneof![Just(Order::Arrival), Just(Order::TargetWait)];
    let appointments = prop_oneof![
        Just(Appointments::ByTime),
        Just(Appointments::First),
        (1..=99_u8).prop_map(|percent| Appointments::Share { percent }),
        (1..60_u16).prop_map(|target_minutes| Appointments::Lateness { target_minutes }),
    ];
    (order, appointments, 10..90_u16).prop_map(|(order, appointments, longest_wait_minutes)| {
        Policy {
            order,
            appointments,
            longest_wait_minutes,
            ..Policy::default()
        }
    })
}

/// One who comes each minute, and what the counter does.
#[derive(Debug, Clone)]
struct Minute {
    priority: u8,
    by_appointment: bool,
    postpones: bool,
    calls: bool,
}

fn minute() -> impl Strategy<Value = Minute> {
    (1..=3_u8, any::<bool>(), any::<bool>(), 0..3_u8).prop_map(
        |(priority, by_appointment, postpones, calls)| Minute {
            priority,
            by_appointment,
            postpones,
            calls: calls == 0,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// The office is overrun: three come for each that is called, many of them more
    /// urgent, some letting others go first again and again. Yet each call takes the
    /// longest waiting of those that are overdue, so that whoever stays is called
    /// after those who came before.
    #[test]
    fn whoever_stays_is_called(policy in policy(), minutes in prop::collection::vec(minute(), 60..140)) {
        let longest = i64::from(policy.longest_wait_minutes);
        let mut day = Day::with(Rules { policy, ..Rules::default() });
        day.open("1");
        for (nth, minute) in minutes.iter().enumerate() {
            day.pass(1);
            let visit = arrive(&mut day, nth, minute);
            if minute.postpones {
                day.done(RequestBody::NeedMoreTime { visit, minutes: 5 });
            }
            if minute.calls {
                call_and_check(&mut day, longest);
            }
        }
        // Then nobody comes any more: all are called, once each.
        day.pass(30);
        let waiting = day.office().waiting_count();
        for _ in 0..waiting {
            call_and_check(&mut day, longest);
        }
        prop_assert_eq!(day.office().waiting_count(), 0);
        day.check_replay();
    }
}

fn arrive(day: &mut Day, nth: usize, minute: &Minute) -> VisitId {
    let id = format!("c-{nth}");
    if minute.by_appointment {
        let code = format!("K-{nth}");
        let appointment = usher_protocol::message::Appointment {
            code: code.parse().unwrap(),
            at: day.now,
            services: vec!["titles".parse().unwrap()],
            language: None,
            person: None,
            party: 1,
            needs: usher_protocol::message::Needs::default(),
        };
        day.done(RequestBody::BookAppointment {
            appointment: Box::new(appointment),
        });
        let claim = usher_protocol::message::AppointmentClaim::Code(code.parse().unwrap());
        let body = RequestBody::CheckInAppointment {
            claim,
            language: None,
            arrived_at: day.now,
            details: Box::default(),
        };
        return ticket(&day.send(&id, kiosk("kiosk-1"), body)).visit;
    }
    let body = RequestBody::CheckIn {
        service: "titles".parse().unwrap(),
        language: usher_protocol::Language::english(),
        arrived_at: day.now,
        details: Box::new(VisitDetails {
            priority: Some(minute.priority),
            ..VisitDetails::default()
        }),
    };
    ticket(&day.send(&id, Sender::Clerk, body)).visit
}

/// Calls the next to counter 1, which marks a no-show, and checks the promise.
fn call_and_check(day: &mut Day, longest_minutes: i64) {
    let now = day.now;
    let is_overdue = |visit: &&Visit| now.duration_since(visit.since).as_mins() > longest_minutes;
    let can_be_called = |visit: &&Visit| visit.ready_at.is_none_or(|ready| ready <= now);
    // By force, over all who wait.
    let expected = day
        .office()
        .visits()
        .filter(|visit| visit.state == VisitState::Waiting)
        .filter(can_be_called)
        .filter(is_overdue)
        .min_by_key(|visit| (visit.since, visit.id))
        .map(|visit| visit.number);
    let somebody = day.office().visits().any(|visit| {
        visit.state == VisitState::Waiting && visit.ready_at.is_none_or(|ready| ready <= now)
    });
    if !somebody {
        assert_eq!(code(&day.call_next("1")), RejectionCode::NobodyWaiting);
        return;
    }
    let called = day.called("1");
    if let Some(expected) = expected {
        assert_eq!(
            called, expected,
            "somebody who waits past the bound was passed over"
        );
    }
    day.done(RequestBody::MarkNoShow {
        counter: counter("1"),
    });
}
