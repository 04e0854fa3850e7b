//! What clerks and the greeter do.

use usher_office::state::OpenCounter;
use usher_office::visit::VisitState;
use usher_protocol::message::{HoldReason, RequestBody, TransferTo, VisitOutcome};
use usher_protocol::{ClerkId, CounterId, ServiceId, VisitId};

use super::errands::Purpose;
use super::{Happening, OfficeDay};
use crate::world::{MINUTE, Millis, SECOND};

/// What a counter's clerk has in mind.
#[derive(Debug, Clone, Default)]
pub(super) struct Clerk {
    /// The visit that was first seen here, called or served, and since when.
    seen: Option<(u64, bool, Millis)>,
    /// When the service at hand will be done, or the break.
    until: Millis,
}

const HOLD_REASONS: [HoldReason; 3] = [
    HoldReason::FillsForm,
    HoldReason::AwaitsAnswer,
    HoldReason::Other,
];

impl OfficeDay {
    pub(super) fn clerk_acts(&mut self, nth: usize) {
        let counter = self.world.plan.info.counters[nth].id.clone();
        let Some(office) = self.server.office() else {
            return self.plan_in(10.0, Happening::ClerkActs(nth));
        };
        let has = office.counter(&counter);
        let visit = office.visit_at(&counter);
        let at_counter = visit.map(|visit| {
            let is_served = matches!(visit.state, VisitState::Serving { .. });
            (visit.id.0, is_served, visit.service.clone())
        });
        let body = match has {
            None => self.when_closed(&counter),
            Some(OpenCounter::OnBreak) => (self.now >= self.clerks[nth].until
                || self.dice.per_mille(20))
            .then_some(RequestBody::EndBreak { counter }),
            Some(OpenCounter::Free) => self.when_free(nth, &counter),
            Some(OpenCounter::Busy(_)) => match at_counter {
                Some((visit, is_served, service)) => {
                    self.see(nth, visit, is_served, &service);
                    if is_served {
                        self.when_serving(nth, counter)
                    } else {
                        self.when_called(nth, visit, counter)
                    }
                }
                None => None,
            },
        };
        match body {
            Some(body) => {
                self.send_by_page(body, Purpose::Counter(nth));
            }
            None => {
                let pause = if self.is_by_day() { 25.0 } else { 1_200.0 };
                self.plan_in(pause, Happening::ClerkActs(nth));
            }
        }
    }

    fn see(&mut self, nth: usize, visit: u64, is_served: bool, service: &ServiceId) {
        let seen = self.clerks[nth].seen;
        if seen.is_none_or(|(known, served, _)| (known, served) != (visit, is_served)) {
            let median = self.world.service_seconds.get(service).copied();
            let takes = self.dice.seconds(median.unwrap_or(300.0), 0.6);
            self.clerks[nth].seen = Some((visit, is_served, self.now));
            self.clerks[nth].until = self.now + takes;
        }
    }

    fn when_closed(&mut self, counter: &CounterId) -> Option<RequestBody> {
        if !self.is_by_day() || self.dice.per_mille(930) {
            return None;
        }
        let clerks: Vec<ClerkId> = self.world.plan.rules.clerks.keys().cloned().collect();
        Some(RequestBody::OpenCounter {
            counter: counter.clone(),
            clerk: self
                .dice
                .one(&clerks)
                .cloned()
                .filter(|_| self.dice.per_mille(800)),
        })
    }

    fn when_free(&mut self, nth: usize, counter: &CounterId) -> Option<RequestBody> {
        let office = self.server.office()?;
        let now = self.server.moment(self.now).wall;
        let waiting = office.waiting_at(counter, now) > 0;
        let on_hold: Vec<VisitId> = office.on_hold().map(|visit| visit.id).collect();
        let is_late = !self.is_by_day();
        let counter = counter.clone();
        if is_late && self.dice.per_mille(400) {
            return Some(RequestBody::CloseCounter { counter });
        }
        if !on_hold.is_empty() && self.dice.per_mille(150) {
            let visit = self.dice.one(&on_hold).copied()?;
            return Some(if self.dice.per_mille(800) {
                RequestBody::ResumeVisit { counter, visit }
            } else {
                RequestBody::ReturnVisit { visit }
            });
        }
        match self.dice.weighted(&[900, 45, 12, 6, 8, 25]) {
            0 if waiting || self.dice.per_mille(20) => Some(RequestBody::CallNext { counter }),
            0 => None,
            1 => {
                let waiting: Vec<VisitId> = office_waiting(self);
                let visit = self.dice.one(&waiting).copied()?;
                Some(RequestBody::CallVisit { counter, visit })
            }
            2 => {
                let minutes = self.dice.small(5, 45);
                self.clerks[nth].until = self.now + i64::from(minutes) * MINUTE;
                let minutes = self.dice.per_mille(700).then_some(minutes);
                Some(RequestBody::TakeBreak { counter, minutes })
            }
            3 => Some(RequestBody::CloseCounter { counter }),
            4 => {
                let all: Vec<ServiceId> = self.world.service_seconds.keys().cloned().collect();
                let services = self.dice.some(&all, 500, true);
                Some(RequestBody::ChangeServices { counter, services })
            }
            _ => Some(RequestBody::Undo { counter }),
        }
    }

    fn when_called(&mut self, nth: usize, visit: u64, counter: CounterId) -> Option<RequestBody> {
        let called_for = self.clerks[nth].seen.map_or(0, |(_, _, at)| self.now - at);
        if self.dice.per_mille(25) {
            return Some(match self.dice.weighted(&[3, 1, 1, 2]) {
                0 => RequestBody::Undo { counter },
                1 => self.a_hold(counter),
                2 => self.a_transfer(counter)?,
                _ => RequestBody::NeedMoreTime {
                    visit: VisitId(visit),
                    minutes: 5,
                },
            });
        }
        if self.has_come(visit, called_for) {
            return Some(RequestBody::StartService { counter });
        }
        if called_for > 100 * SECOND {
            return Some(RequestBody::MarkNoShow { counter });
        }
        self.dice
            .per_mille(250)
            .then_some(RequestBody::Recall { counter })
    }

    fn when_serving(&mut self, nth: usize, counter: CounterId) -> Option<RequestBody> {
        if self.now < self.clerks[nth].until {
            return match self.dice.weighted(&[940, 12, 14, 8, 5]) {
                1 => Some(self.a_hold(counter)),
                2 => self.a_transfer(counter),
                3 => Some(RequestBody::Undo { counter }),
                4 => self.a_further_service(nth),
                _ => None,
            };
        }
        self.clerks[nth].seen = None;
        let outcome = match self.dice.weighted(&[85, 8, 3, 4]) {
            0 => VisitOutcome::Served,
            1 => VisitOutcome::ComeBack,
            2 => VisitOutcome::Referred,
            _ => VisitOutcome::GivenUp,
        };
        Some(RequestBody::FinishVisit { counter, outcome })
    }

    fn a_hold(&mut self, counter: CounterId) -> RequestBody {
        let reason = self.dice.one(&HOLD_REASONS).copied();
        RequestBody::HoldVisit {
            counter,
            reason: reason.unwrap_or(HoldReason::Other),
        }
    }

    fn a_transfer(&mut self, counter: CounterId) -> Option<RequestBody> {
        let to = if self.dice.per_mille(500) {
            TransferTo::Service(self.a_service()?)
        } else {
            let counters = &self.world.plan.info.counters;
            TransferTo::Counter(counters[self.dice.index(counters.len())].id.clone())
        };
        let note = self.dice.per_mille(400);
        Some(RequestBody::TransferVisit {
            counter,
            to,
            note: note.then(|| "has all papers but one".to_owned()),
        })
    }

    pub(super) fn a_service(&mut self) -> Option<ServiceId> {
        let services = &self.world.plan.info.services;
        self.dice.one(services).map(|service| service.id.clone())
    }

    fn a_further_service(&mut self, nth: usize) -> Option<RequestBody> {
        let visit = VisitId(self.clerks[nth].seen?.0);
        let service = self.a_service()?;
        Some(if self.dice.per_mille(600) {
            RequestBody::AddService { visit, service }
        } else {
            RequestBody::ChangeService { visit, service }
        })
    }

    /// The greeter walks about and sets things right.
    pub(super) fn greeter_acts(&mut self) {
        let pause = if self.is_by_day() { 150.0 } else { 1_800.0 };
        self.plan_in(pause, Happening::GreeterActs);
        let Some(body) = self.greeter_wants() else {
            return;
        };
        self.send_by_page(body, Purpose::Nothing);
    }

    fn greeter_wants(&mut self) -> Option<RequestBody> {
        let office = self.server.office()?;
        let mut visits: Vec<VisitId> = office.visits().map(|visit| visit.id).collect();
        visits.sort_unstable();
        let visit = self.dice.one(&visits).copied();
        match self.dice.weighted(&[3, 2, 2, 2, 1, 1, 2, 3, 1]) {
            0 => Some(RequestBody::ReturnVisit { visit: visit? }),
            1 => Some(RequestBody::ReopenVisit { visit: visit? }),
            2 => {
                let service = self.a_service()?;
                let visit = visit?;
                Some(RequestBody::AddService { visit, service })
            }
            3 => {
                let service = self.a_service()?;
                let visit = visit?;
                Some(RequestBody::ChangeService { visit, service })
            }
            4 => Some(RequestBody::SuspendService {
                service: self.a_service()?,
            }),
            5 => Some(RequestBody::LeaveVisit { visit: visit? }),
            6 => Some(RequestBody::OfferService {
                service: self.a_service()?,
            }),
            7 => {
                let held = self.dice.one(&self.forms)?.clone();
                let replaces = held.replaces.filter(|_| self.dice.per_mille(200));
                let form = held.form;
                Some(RequestBody::AdmitPaperForm { form, replaces })
            }
            _ => {
                let codes: Vec<_> = self.world_codes();
                let code = self.dice.one(&codes)?.clone();
                Some(RequestBody::CancelAppointment { code })
            }
        }
    }

    fn world_codes(&self) -> Vec<usher_protocol::AppointmentCode> {
        let office = self.server.office();
        let codes = office.into_iter().flat_map(|office| office.appointments());
        codes.map(|one| one.code.clone()).collect()
    }
}

fn office_waiting(day: &OfficeDay) -> Vec<VisitId> {
    let office = day.server.office();
    office
        .into_iter()
        .flat_map(|office| office.waiting().map(|visit| visit.id))
        .collect()
}
