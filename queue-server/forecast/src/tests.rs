//! A model that follows a whole day of the office's own rules.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use usher_office::command::{Command, Sender};
use usher_office::event::Record;
use usher_office::intake::Intake;
use usher_office::moment::Moment;
use usher_office::{Office, sample};
use usher_protocol::message::{RequestBody, VisitOutcome};
use usher_waits::forecast::{forecast, promises};
use usher_waits::model::Model;

use crate::{Learner, Observation, OfficeOrder, Present, model_for};

struct Day {
    intake: Intake,
    now: Timestamp,
    sent: u32,
    learner: Learner,
    model: Model,
}

impl Day {
    fn new() -> Self {
        let office = Office::new(sample::plan());
        let model = model_for(office.plan()).unwrap();
        Self {
            intake: Intake::new(office, Arc::new(sample::foresee)),
            now: sample::time_at("2026-11-25T17:00:00Z"),
            sent: 0,
            learner: Learner::default(),
            model,
        }
    }

    fn send(&mut self, sender: Sender, body: RequestBody) -> Vec<Record> {
        self.sent += 1;
        let mut request = sample::request(&format!("c-{}", self.sent), body);
        request.sent_at = self.now;
        let moment = Moment {
            wall: self.now,
            uptime: Duration::ZERO,
        };
        let handled = self.intake.handle(&Command::new(sender, request), moment);
        for record in &handled.records {
            self.learner.see(self.intake.office(), record);
        }
        for seen in self.learner.take() {
            seen.teach(&mut self.model);
        }
        handled.records
    }

    fn arrive(&mut self, service: &str) {
        let body = sample::check_in(service, &self.now.to_string());
        self.send(sample::kiosk("kiosk-1"), body);
    }

    fn pass(&mut self, minutes: i64) {
        self.now += SignedDuration::from_mins(minutes);
    }

    /// The counter calls and serves one visit for so many minutes.
    fn serve(&mut self, counter: &str, minutes: i64) {
        let id = sample::counter(counter);
        self.send(
            Sender::Clerk,
            RequestBody::CallNext {
                counter: id.clone(),
            },
        );
        self.send(
            Sender::Clerk,
            RequestBody::StartService {
                counter: id.clone(),
            },
        );
        self.pass(minutes);
        let outcome = VisitOutcome::Served;
        self.send(
            Sender::Clerk,
            RequestBody::FinishVisit {
                counter: id,
                outcome,
            },
        );
    }

    fn open(&mut self, counter: &str) {
        let counter = sample::counter(counter);
        self.send(
            Sender::Clerk,
            RequestBody::OpenCounter {
                counter,
                clerk: None,
            },
        );
    }

    /// The median wait, in minutes, of who would join for titles.
    fn foreseen(&self) -> f64 {
        let order = OfficeOrder::of(self.intake.office().plan());
        let present = Present::of(self.intake.office(), self.now).unwrap();
        let scene = present.scene(&order);
        let joining = promises(&self.model, &scene, 7, 200);
        joining[0].forecast.p50_s / 60.0
    }
}

#[test]
fn what_services_take_is_learned_from_the_offices_own_events() {
    let mut day = Day::new();
    day.open("1");
    for _ in 0..4 {
        day.arrive("titles");
    }
    // By the office file titles take 15 minutes: four of them, an hour.
    let by_file = day.foreseen();
    assert!((35.0..80.0).contains(&by_file), "{by_file}");
    // In truth they take four.
    for _ in 0..40 {
        day.serve("1", 4);
        day.arrive("titles");
    }
    let learned = day.foreseen();
    assert!((10.0..24.0).contains(&learned), "{learned}");
}

#[test]
fn a_call_tells_wait_and_pause_and_an_end_tells_the_service() {
    let mut day = Day::new();
    day.open("1");
    day.arrive("titles");
    day.pass(3);
    let counter = sample::counter("1");
    let moment = |day: &Day| Moment {
        wall: day.now,
        uptime: Duration::ZERO,
    };
    let mut seen = Vec::new();
    for (nth, (body, minutes)) in [
        (
            RequestBody::CallNext {
                counter: counter.clone(),
            },
            7,
        ),
        (
            RequestBody::StartService {
                counter: counter.clone(),
            },
            1,
        ),
        (
            RequestBody::MarkNoShow {
                counter: counter.clone(),
            },
            0,
        ),
        (
            RequestBody::FinishVisit {
                counter: counter.clone(),
                outcome: VisitOutcome::Served,
            },
            0,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let request = sample::request(&format!("x-{nth}"), body);
        let now = moment(&day);
        let handled = day
            .intake
            .handle(&Command::new(Sender::Clerk, request), now);
        for record in &handled.records {
            day.learner.see(day.intake.office(), record);
        }
        seen.extend(day.learner.take());
        day.pass(minutes);
    }
    let told: Vec<String> = seen
        .iter()
        .map(|one| match one {
            Observation::Pause { seconds, .. } => format!("pause {seconds}"),
            Observation::Wait { waited_s, left, .. } => format!("wait {waited_s} {left}"),
            Observation::Service {
                lasted_s, counter, ..
            } => {
                format!("service {lasted_s} at {counter:?}")
            }
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(
        told,
        ["pause 180", "wait 180 false", "service 480 at Some(0)"]
    );
}

#[test]
fn more_counters_make_shorter_waits_and_breaks_longer_ones() {
    let mut day = Day::new();
    day.open("1");
    for _ in 0..6 {
        day.arrive("titles");
    }
    let one = day.foreseen();
    day.open("2");
    let two = day.foreseen();
    assert!(two < one * 0.75, "{two} with two counters, {one} with one");
    let rest = RequestBody::TakeBreak {
        counter: sample::counter("2"),
        minutes: Some(120),
    };
    day.send(Sender::Clerk, rest);
    let resting = day.foreseen();
    assert!(
        resting > two * 1.2,
        "{resting} while one rests, {two} before"
    );
}

#[test]
fn everybody_who_waits_is_foreseen_and_in_order() {
    let mut day = Day::new();
    day.open("1");
    for _ in 0..10 {
        day.arrive("titles");
        day.pass(1);
    }
    let order = OfficeOrder::of(day.intake.office().plan());
    let present = Present::of(day.intake.office(), day.now).unwrap();
    let scene = present.scene(&order);
    let all = forecast(&day.model, &scene, 7, 200);
    assert_eq!(all.waiting.len(), 10);
    assert!(all.waiting.is_sorted_by(|a, b| a.mean_s <= b.mean_s));
}

#[test]
fn an_office_with_no_counter_open_is_not_foreseen() {
    let mut day = Day::new();
    day.arrive("titles");
    assert_eq!(Present::of(day.intake.office(), day.now), None);
}
