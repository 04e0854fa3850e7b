//! Past days under other policies.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use usher_office::Office;
use usher_office::command::{Command, Sender};
use usher_office::event::Record;
use usher_office::intake::Intake;
use usher_office::moment::Moment;
use usher_office::plan::{OfficePlan, Rules, ServiceRules};
use usher_office::policy::{Order, Policy};
use usher_office::sample;
use usher_protocol::ServiceId;
use usher_protocol::message::{RequestBody, VisitOutcome};
use usher_simulator::replay::{Comparison, replay_policy};
use usher_simulator::{day, seed};

fn plan(order: Order) -> Arc<OfficePlan> {
    let rules = Rules {
        policy: Policy {
            order,
            ..Policy::default()
        },
        services: [(
            "registration".parse().unwrap(),
            ServiceRules {
                target_minutes: 10,
                ..ServiceRules::default()
            },
        )]
        .into_iter()
        .collect(),
        ..Rules::default()
    };
    Arc::new((*sample::plan()).clone().with_rules(rules))
}

/// What is sent at which minute after nine.
fn log_of(plan: &Arc<OfficePlan>, requests: &[(i64, RequestBody)]) -> Vec<Record> {
    let nine = sample::time_at("2026-11-25T17:00:00Z");
    let office = Office::new(Arc::clone(plan));
    let mut intake = Intake::new(office, Arc::new(sample::foresee));
    let mut log = Vec::new();
    for (nth, (minute, body)) in requests.iter().enumerate() {
        let wall = nine + SignedDuration::from_mins(*minute);
        let mut request = sample::request(&format!("n-{nth}"), body.clone());
        request.sent_at = wall;
        let uptime = Duration::from_secs(u64::try_from(*minute).unwrap() * 60);
        let command = Command::new(Sender::Clerk, request);
        log.extend(intake.handle(&command, Moment { wall, uptime }).records);
    }
    log
}

/// One counter; two for titles at 9:00 and 9:01, one for registration at 9:06. Each
/// takes ten minutes.
fn small_day() -> Vec<Record> {
    let counter = || sample::counter("3");
    let comes = |minute: i64, service: &str| {
        let at = sample::time_at("2026-11-25T17:00:00Z") + SignedDuration::from_mins(minute);
        (minute, sample::check_in(service, &at.to_string()))
    };
    let call = |minute| (minute, RequestBody::CallNext { counter: counter() });
    let start = |minute| (minute, RequestBody::StartService { counter: counter() });
    let finish = |minute| {
        let body = RequestBody::FinishVisit {
            counter: counter(),
            outcome: VisitOutcome::Served,
        };
        (minute, body)
    };
    let open = RequestBody::OpenCounter {
        counter: counter(),
        clerk: None,
    };
    let close = RequestBody::CloseCounter { counter: counter() };
    log_of(
        &plan(Order::Arrival),
        &[
            (0, open),
            comes(0, "titles"),
            call(0),
            start(0),
            comes(1, "titles"),
            comes(6, "registration"),
            finish(10),
            call(10),
            start(10),
            finish(20),
            call(20),
            start(20),
            finish(30),
            (60, close),
        ],
    )
}

fn minutes(comparison: &Comparison, service: &str) -> [Vec<i64>; 3] {
    let service: ServiceId = service.parse().unwrap();
    let waits = &comparison.services[&service];
    [&waits.real, &waits.then, &waits.new].map(|waits| {
        let middle = waits.quantile(50).unwrap();
        let mean = waits.mean().unwrap();
        let longest = waits.longest().unwrap();
        [middle, mean, longest].map(|wait| wait / 60_000).to_vec()
    })
}

#[test]
fn target_wait_changes_the_order_as_worked_out_by_hand() {
    let log = small_day();
    let (then, new) = (plan(Order::Arrival), plan(Order::TargetWait));
    let comparison = replay_policy(&log, &then, &new).unwrap();
    // At 9:10 titles has waited 9 of 30 minutes, registration 4 of 10: by target it
    // is registration's turn, and titles waits till 9:20.
    assert_eq!(
        minutes(&comparison, "titles"),
        [vec![0, 4, 9], vec![0, 4, 9], vec![0, 9, 19]]
    );
    assert_eq!(
        minutes(&comparison, "registration"),
        [vec![14; 3], vec![14; 3], vec![4; 3]]
    );
    let registration = &comparison.services[&"registration".parse().unwrap()];
    assert_eq!(registration.then.within_target(), Some(0));
    assert_eq!(registration.new.within_target(), Some(100));
    assert_eq!(comparison.ends_later, 0);
    let table = comparison.to_string();
    assert!(table.contains("Registration"), "{table}");
    assert!(
        table.contains("The last is done at the same time."),
        "{table}"
    );
}

#[test]
fn the_same_policy_gives_the_same_waits() {
    let mut called = 0;
    for nth in 0..12 {
        let (plan, log) = day::log_of(seed::of_day(5, nth)).unwrap();
        let Ok(comparison) = replay_policy(&log, &plan, &plan) else {
            continue;
        };
        for (service, waits) in &comparison.services {
            assert_eq!(waits.then, waits.new, "{service}");
        }
        assert_eq!(comparison.not_called[1], comparison.not_called[2]);
        assert_eq!(comparison.ends_later, 0);
        called += comparison.all.then.count();
    }
    assert!(called > 200, "{called}");
}

#[test]
fn a_log_without_visits_is_refused() {
    let plan = plan(Order::Arrival);
    assert!(replay_policy(&[], &plan, &plan).is_err());
}
