//! The promises of this crate under random commands: late, doubled, out of order.

use proptest::prelude::*;

use super::*;

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
    /// The wall's clock is put on, by minutes.
    Leap(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        18 => (0..24_usize).prop_map(Step::CheckIn),
        9 => (0..12_usize).prop_map(Step::Journal),
        3 => (0..12_usize).prop_map(Step::Scan),
        60 => (0..3_usize, 0..7_usize).prop_map(|(counter, key)| Step::Key { counter, key }),
        3 => (1..20_u64).prop_map(Step::Print),
        9 => (0..100_usize).prop_map(Step::Repeat),
        6 => (0..40_i64).prop_map(Step::Pass),
        1 => (600..1500_i64).prop_map(Step::Pass),
        1 => (600..1500_i64).prop_map(Step::Leap),
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
        2 => RequestBody::OpenCounter {
            counter,
            clerk: None,
        },
        3 => RequestBody::StartService { counter },
        4 => RequestBody::FinishVisit {
            counter,
            outcome: usher_protocol::message::VisitOutcome::Served,
        },
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
        let day_turned = self.day.records[before..]
            .iter()
            .any(|record| matches!(record.event, Event::DayStarted { .. }));
        let today = self.day.office().day();
        // A form that was refused is decided anew each time.
        let is_refused_form = matches!(body, RequestBody::AdmitPaperForm { .. })
            && matches!(known, Some((Outcome::Rejected { .. }, _)));
        let is_replaceable = id.starts_with("r-") || id.starts_with("form-") || is_refused_form;
        match known {
            Some((first, day)) if !is_replaceable && day.tomorrow().unwrap() >= today => {
                assert_eq!(outcome, first, "{id} was answered differently");
                assert_eq!(own, [], "{id} happened twice");
            }
            _ => self.sent.push((id, sender, body, outcome, today)),
        }
        for event in own {
            if let Event::VisitCalled { visit, .. } = event
                && !day_turned
            {
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
            Step::Leap(minutes) => self.day.leap(*minutes),
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

    /// A resident whose form the journal has brought in is in the queue once,
    /// whether by the check-in or by the form.
    fn check_no_doubles(&self) {
        for nth in 0..6 {
            let RequestBody::AdmitPaperForm { form, .. } = pool_form(nth, true) else {
                unreachable!("a form is a form");
            };
            let form_id = form.command_id();
            if !self.sent.iter().any(|(id, ..)| *id == form_id.as_str()) {
                continue;
            }
            let check_in = format!("r-{nth}");
            let of_this_resident = |record: &&Record| match &record.event {
                Event::VisitQueued(queued) => {
                    record.command.as_str() == check_in
                        || queued.paper.as_ref().is_some_and(|p| p.form == form_id)
                }
                _ => false,
            };
            let waiting = self
                .day
                .records
                .iter()
                .filter(of_this_resident)
                .filter_map(|record| match &record.event {
                    Event::VisitQueued(queued) => self.day.office().visit(queued.visit),
                    _ => None,
                })
                .filter(|visit| visit.state == VisitState::Waiting);
            assert!(
                waiting.count() <= 1,
                "the resident of form {nth} is in the queue twice"
            );
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
