//! No policy can starve anyone.
//!
//! # The theorem
//! Let a visit wait, let it not rest, and let a counter that serves it call again and
//! again. Once its wait is longer than the policy's longest wait, that counter calls
//! nobody but those whose place is earlier (they came before it, or their agreed time
//! was before it) until it calls the visit itself. Those with an earlier place are
//! finitely many, for nobody who joins now gets a place in the past, but for
//! - an appointment, by at most the minutes for which one may be late, and
//! - a paper form, by at most the time since it was printed;
//!
//! and each is called once, and once more for each time that it comes back to the
//! place it kept: by a return, a transfer, a further service, or more time that
//! keeps the place. So the visit is called at the latest
//! `since + longest wait + (1 + calls of those before it) × the longest gap between calls`.
//!
//! What comes in later can be as urgent as it likes: classes, targets, shares and
//! appointments count only among those who are not overdue.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use usher_office::Office;
use usher_office::command::{Command, Sender};
use usher_office::intake::Intake;
use usher_office::moment::Moment;
use usher_office::plan::{Limits, Rules, ServiceRules};
use usher_office::policy::{Appointments, Lane, Order, Policy, Standing, Turn};
use usher_office::sample;
use usher_protocol::message::{
    Answer, Appointment, AppointmentClaim, HoldReason, Needs, Outcome, RequestBody, TransferTo,
    VisitDetails, VisitOutcome,
};
use usher_protocol::{Language, VisitId};

const COUNTER: &str = "3";

/// Somebody who joins, in the adversary's hand.
#[derive(Debug, Clone)]
enum Joins {
    /// A walk-in of this class, for a service with this target.
    WalkIn { class: u8, service: usize },
    /// An appointment whose agreed time was so many minutes ago, as far as the
    /// policy lets it be late.
    Appointment { late: u16 },
}

/// What they do when they are called, before they let themselves be served.
#[derive(Debug, Clone, Copy)]
enum Comeback {
    MoreTime,
    Return,
    Hold,
    Transfer,
}

fn comebacks() -> impl Strategy<Value = Vec<Comeback>> {
    prop::collection::vec(
        prop_oneof![
            Just(Comeback::MoreTime),
            Just(Comeback::Return),
            Just(Comeback::Hold),
            Just(Comeback::Transfer),
        ],
        0..3,
    )
}

fn joins() -> impl Strategy<Value = Joins> {
    prop_oneof![
        (1..=3u8, 0..4usize).prop_map(|(class, service)| Joins::WalkIn { class, service }),
        (0..40u16).prop_map(|late| Joins::Appointment { late }),
    ]
}

fn policies() -> impl Strategy<Value = Policy> {
    let order = prop_oneof![Just(Order::Arrival), Just(Order::TargetWait)];
    let appointments = prop_oneof![
        Just(Appointments::ByTime),
        Just(Appointments::First),
        (1..=99u8).prop_map(|percent| Appointments::Share { percent }),
        (1..60u16).prop_map(|target_minutes| Appointments::Lateness { target_minutes }),
    ];
    let minutes = (10..120u16, 0..90u16, 0..60u16, 0..200u16);
    (order, appointments, minutes).prop_map(
        |(order, appointments, (longest, late, early, patience))| Policy {
            order,
            appointments,
            early_minutes: early,
            late_minutes: late,
            longest_wait_minutes: longest,
            class_patience_minutes: patience,
            ..Policy::default()
        },
    )
}

struct Hall {
    intake: Intake,
    now: Timestamp,
    commands: u32,
    later: BTreeMap<VisitId, Vec<Comeback>>,
}

impl Hall {
    fn new(policy: Policy) -> Self {
        let targets = [("titles", 120), ("registration", 1), ("licenses", 10)];
        let services = targets.map(|(id, target_minutes)| {
            let rules = ServiceRules {
                target_minutes,
                ..ServiceRules::default()
            };
            (id.parse().unwrap(), rules)
        });
        let rules = Rules {
            policy,
            services: services.into_iter().collect(),
            limits: Limits {
                more_time_place_kept: 2,
                ..Limits::default()
            },
            ..Rules::default()
        };
        let plan = (*sample::plan()).clone().with_rules(rules);
        let office = Office::new(Arc::new(plan));
        let mut hall = Self {
            intake: Intake::new(office, Arc::new(sample::foresee)),
            now: sample::time_at("2026-11-25T17:00:00Z"),
            commands: 0,
            later: BTreeMap::new(),
        };
        hall.send(RequestBody::OpenCounter {
            counter: sample::counter(COUNTER),
            clerk: None,
        });
        hall
    }

    fn send(&mut self, body: RequestBody) -> Option<Answer> {
        self.commands += 1;
        let mut request = sample::request(&format!("n-{}", self.commands), body);
        request.sent_at = self.now;
        let uptime = self
            .now
            .duration_since(sample::time_at("2026-11-25T17:00:00Z"));
        let moment = Moment {
            wall: self.now,
            uptime: Duration::try_from(uptime).unwrap(),
        };
        let command = Command::new(Sender::Clerk, request);
        match self.intake.handle(&command, moment).reply.outcome {
            Outcome::Accepted { answer } => Some(answer),
            _ => None,
        }
    }

    fn join(&mut self, joins: &Joins, later: Vec<Comeback>) -> VisitId {
        let services = ["titles", "registration", "licenses", "id-cards"];
        let arrived_at = self.now;
        let language = Language::english();
        let body = match joins {
            Joins::WalkIn { class, service } => RequestBody::CheckIn {
                service: services[*service].parse().unwrap(),
                language,
                arrived_at,
                details: Box::new(VisitDetails {
                    priority: Some(*class),
                    ..VisitDetails::default()
                }),
            },
            Joins::Appointment { late } => {
                let late = (*late).min(self.intake.office().plan().rules.policy.late_minutes);
                let appointment = Appointment {
                    code: format!("AP-{}", self.commands).parse().unwrap(),
                    at: arrived_at - SignedDuration::from_mins(i64::from(late)),
                    services: vec!["registration".parse().unwrap()],
                    language: None,
                    person: None,
                    party: 1,
                    needs: Needs::default(),
                };
                let code = appointment.code.clone();
                self.send(RequestBody::BookAppointment {
                    appointment: Box::new(appointment),
                });
                RequestBody::CheckInAppointment {
                    claim: AppointmentClaim::Code(code),
                    language: Some(language),
                    arrived_at,
                    details: Box::default(),
                }
            }
        };
        match self.send(body) {
            Some(Answer::Queued { ticket }) => {
                self.later.insert(ticket.visit, later);
                ticket.visit
            }
            other => panic!("nobody was queued: {other:?}"),
        }
    }

    fn call_next(&mut self) -> Option<VisitId> {
        match self.send(RequestBody::CallNext {
            counter: sample::counter(COUNTER),
        }) {
            Some(Answer::AtCounter { visit, .. }) => Some(visit),
            _ => None,
        }
    }

    /// The called one does what they have in mind, or is served.
    fn goes_on(&mut self, visit: VisitId) {
        let counter = sample::counter(COUNTER);
        let at_once = self.later.get_mut(&visit).and_then(Vec::pop);
        match at_once {
            Some(Comeback::MoreTime) => {
                self.send(RequestBody::NeedMoreTime { visit, minutes: 1 });
            }
            Some(Comeback::Return) => {
                self.send(RequestBody::MarkNoShow { counter });
                self.send(RequestBody::ReturnVisit { visit });
            }
            Some(Comeback::Hold) => {
                let reason = HoldReason::FillsForm;
                self.send(RequestBody::HoldVisit { counter, reason });
                self.send(RequestBody::ReturnVisit { visit });
            }
            Some(Comeback::Transfer) => {
                let to = TransferTo::Service("licenses".parse().unwrap());
                self.send(RequestBody::TransferVisit {
                    counter,
                    to,
                    note: None,
                });
            }
            None => {
                self.send(RequestBody::StartService {
                    counter: counter.clone(),
                });
                let outcome = VisitOutcome::Served;
                self.send(RequestBody::FinishVisit { counter, outcome });
            }
        }
    }

    fn place(&self, visit: VisitId) -> (Timestamp, VisitId) {
        self.intake.office().visit(visit).unwrap().place()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Against everything that the adversary has, without end, for one who has the
    /// least of all: the last class, and a target of two hours.
    #[test]
    fn whoever_stays_is_called_whatever_comes_in(
        policy in policies(),
        before in prop::collection::vec((joins(), comebacks()), 0..6),
        stream in prop::collection::vec((joins(), comebacks()), 1..12),
        gap in 1..12i64,
        a_call in 1..4usize,
    ) {
        let longest = SignedDuration::from_mins(i64::from(policy.longest_wait_minutes));
        let gap = SignedDuration::from_mins(gap);
        let mut hall = Hall::new(policy.clone());
        for (joins, later) in &before {
            hall.join(joins, later.clone());
        }
        hall.now += SignedDuration::from_secs(1);
        let least = hall.join(&Joins::WalkIn { class: 3, service: 0 }, Vec::new());
        let place = hall.place(least);

        // Who ever had an earlier place, with how often they may be called for it.
        let mut earlier: BTreeMap<VisitId, usize> = BTreeMap::new();
        let mut calls_when_overdue = 0;
        let mut endless = stream.iter().cycle();
        let calls_max = 40 + 200 * before.len() + 5_000;
        let mut was_called = false;
        for _ in 0..calls_max {
            for (joins, later) in endless.by_ref().take(a_call) {
                hall.join(joins, later.clone());
            }
            for (visit, later) in &hall.later {
                if hall.place(*visit) < place {
                    earlier.entry(*visit).or_insert(1 + later.len());
                }
            }
            let is_overdue = hall.now.duration_since(place.0) > longest;
            let Some(visit) = hall.call_next() else { panic!("somebody waits") };
            if visit == least {
                was_called = true;
                break;
            }
            if is_overdue {
                calls_when_overdue += 1;
                prop_assert!(
                    hall.place(visit) < place,
                    "{visit} came later and was called before {least}, who is overdue"
                );
            }
            hall.goes_on(visit);
            hall.now += gap;
        }
        prop_assert!(was_called, "{least} was never called");
        let bound: usize = earlier.values().sum();
        prop_assert!(
            calls_when_overdue <= bound,
            "{calls_when_overdue} were called before {least}, when it was overdue; {bound} could be"
        );
        let calls = i32::try_from(bound).unwrap() + 1;
        let latest = place.0 + longest + gap * calls;
        prop_assert!(hall.now <= latest, "called at {}, not by {latest}", hall.now);
    }

    /// The same of the policy alone: no standing of somebody who came later goes
    /// before one who is overdue.
    #[test]
    fn nothing_goes_before_an_earlier_one_who_is_overdue(
        policy in policies(),
        ahead_ms in 0..10_000_000i64,
        beyond_ms in 1..10_000_000i64,
        class in 1..=3u8,
        target in 1..300u16,
        by_appointment: bool,
        calls in prop::collection::vec(any::<bool>(), 0..20),
    ) {
        let lane = |is| if is { Lane::Appointment } else { Lane::WalkIn };
        let overdue = Standing {
            lane: lane(!by_appointment),
            priority: 3,
            target_minutes: 300,
            since_ms: 0,
            visit: 1,
        };
        let other = Standing {
            lane: lane(by_appointment),
            priority: class,
            target_minutes: target,
            since_ms: ahead_ms,
            visit: 2,
        };
        let now = i64::from(policy.longest_wait_minutes) * 60_000 + beyond_ms;
        let turn = calls.iter().fold(Turn::default(), |turn, one| policy.turn_after(turn, lane(*one)));
        prop_assert!(policy.urgency(&overdue, now, turn) > policy.urgency(&other, now, turn));
    }
}
