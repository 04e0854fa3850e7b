//! What residents do.

use usher_office::command::Sender;
use usher_protocol::message::{AppointmentClaim, Channel, RequestBody, VisitDetails};
use usher_protocol::{PaperForm, ServiceId, VisitId};

use super::errands::Purpose;
use super::{FormHeld, Happening, OfficeDay};
use crate::model::Stands;
use crate::world::{MINUTE, Millis, Wants};

/// Where a resident is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// Has not come yet.
    NotYet,
    /// In the office.
    Here,
    /// Out for a while.
    Away,
    /// Was away, and is back.
    Back,
    /// Has gone home.
    Gone,
}

impl OfficeDay {
    pub(super) fn books(&mut self, resident: usize) {
        if let Wants::Appointment(booked) = &self.people[resident].wants {
            let body = RequestBody::BookAppointment {
                appointment: Box::new(booked.appointment.clone()),
            };
            self.send_by_page(body, Purpose::Nothing);
        }
    }

    pub(super) fn arrives(&mut self, nth: usize) {
        self.whereabouts[nth] = Whereabouts::Here;
        let resident = self.people[nth].clone();
        let arrived_at = self.stamp(resident.kiosk);
        let details = self.details_of(nth);
        let body = match &resident.wants {
            Wants::Services(services) => self.check_in(services, nth, arrived_at, details),
            Wants::Appointment(booked) => {
                let person = booked.appointment.person.clone();
                let claim = match person.filter(|_| booked.by_name) {
                    Some(person) => AppointmentClaim::Person(person),
                    None => AppointmentClaim::Code(booked.appointment.code.clone()),
                };
                RequestBody::CheckInAppointment {
                    claim,
                    language: Some(resident.language.clone()),
                    arrived_at,
                    details: Box::new(details),
                }
            }
        };
        self.send_check_in(nth, resident.kiosk, body);
    }

    pub(super) fn comes_without_appointment(&mut self, nth: usize, kiosk: Option<usize>) {
        let Wants::Appointment(booked) = self.people[nth].wants.clone() else {
            return self.goes_home(nth);
        };
        let services = booked.appointment.services;
        self.people[nth].wants = Wants::Services(services.clone());
        let arrived_at = self.stamp(kiosk);
        let details = self.details_of(nth);
        let body = self.check_in(&services, nth, arrived_at, details);
        self.send_check_in(nth, kiosk, body);
    }

    fn check_in(
        &self,
        services: &[ServiceId],
        nth: usize,
        arrived_at: jiff::Timestamp,
        details: VisitDetails,
    ) -> RequestBody {
        RequestBody::CheckIn {
            service: services[0].clone(),
            language: self.people[nth].language.clone(),
            arrived_at,
            details: Box::new(VisitDetails {
                also: services[1..].to_vec(),
                ..details
            }),
        }
    }

    fn details_of(&mut self, nth: usize) -> VisitDetails {
        let by_staff = self.people[nth].kiosk.is_none();
        let priority = (by_staff && self.dice.per_mille(300)).then(|| self.dice.small(1, 3));
        let door = self
            .dice
            .per_mille(500)
            .then(|| self.dice.seconds(60.0, 0.7));
        let door_at = door.and_then(|door| {
            let at = self.stamp(self.people[nth].kiosk).as_millisecond() - door;
            jiff::Timestamp::from_millisecond(at).ok()
        });
        VisitDetails {
            also: Vec::new(),
            party: self.people[nth].party,
            needs: self.people[nth].needs.clone(),
            channel: (by_staff && self.dice.per_mille(200)).then_some(Channel::Phone),
            priority: priority.and_then(|class| u8::try_from(class).ok()),
            door_at,
        }
    }

    fn stamp(&self, kiosk: Option<usize>) -> jiff::Timestamp {
        let clock = kiosk.map_or(self.page_clock, |kiosk| self.clocks[kiosk]);
        jiff::Timestamp::from_millisecond(self.now + clock.ahead).unwrap_or_default()
    }

    fn send_check_in(&mut self, nth: usize, kiosk: Option<usize>, body: RequestBody) {
        let purpose = Purpose::CheckIn(nth);
        match kiosk {
            Some(at) => {
                let sender = self.kiosk_sender(at);
                let errand = self.send(sender, kiosk, body, purpose, Some(self.now));
                self.plan_in(10.0, Happening::GivesUp(errand));
            }
            None => {
                self.send_by_page(body, purpose);
            }
        }
    }

    /// The kiosk has had no answer: it prints a paper form, and brings it in itself
    /// once it can. Some residents show it at a counter before that.
    pub(super) fn kiosk_gives_up(&mut self, errand: usize) {
        let Some(given_up) = self.errands.get_mut(errand).filter(|errand| errand.is_open) else {
            return;
        };
        given_up.is_open = false;
        let check_in = given_up.id.clone();
        let (Purpose::CheckIn(nth), Some(kiosk)) = (given_up.purpose.clone(), given_up.kiosk)
        else {
            return;
        };
        let device = self.world.kiosks[kiosk].clone();
        let series = self.world.plan.form_series.get(&device).copied();
        if self.dice.per_mille(20) {
            // The journal is lost, and its numbers start again.
            self.form_numbers[kiosk] = 100;
        }
        self.form_numbers[kiosk] += 1;
        let number = series.and_then(|series| series.number(self.form_numbers[kiosk]));
        let service = match &self.people[nth].wants {
            Wants::Services(services) => services[0].clone(),
            Wants::Appointment(booked) => booked.appointment.services[0].clone(),
        };
        let Some(number) = number else { return };
        let form = PaperForm {
            device,
            number,
            service,
            language: self.people[nth].language.clone(),
            arrived_at: self.stamp(Some(kiosk)),
            boot: self.clocks[kiosk].boot,
        };
        self.note(|| format!("kiosk {kiosk} prints the form {number} for {check_in}"));
        self.replaced.insert(check_in.clone());
        let replaces = Some(check_in);
        self.forms.push(FormHeld {
            form: form.clone(),
            replaces: replaces.clone(),
        });
        if self.dice.per_mille(300) {
            let body = RequestBody::AdmitPaperForm {
                form: form.clone(),
                replaces: None,
            };
            self.send_by_page(body, Purpose::Form(nth));
        }
        let body = RequestBody::AdmitPaperForm { form, replaces };
        let sender = self.kiosk_sender(kiosk);
        self.send(sender, Some(kiosk), body, Purpose::Form(nth), None);
    }

    /// The resident knows their visit.
    pub(super) fn holds(&mut self, nth: usize, visit: u64) {
        if self.visit_of.insert(nth, visit).is_some() {
            self.resident_of.insert(visit, nth);
            return;
        }
        self.resident_of.insert(visit, nth);
        let resident = self.people[nth].clone();
        self.plan(self.now + resident.patience, Happening::Tires(nth));
        for after in resident.more_time {
            self.plan(self.now + after, Happening::Asks(nth));
        }
    }

    pub(super) fn goes_home(&mut self, nth: usize) {
        self.whereabouts[nth] = Whereabouts::Gone;
    }

    fn stands(&self, nth: usize) -> Option<(u64, Stands)> {
        let visit = *self.visit_of.get(&nth)?;
        let known = self.ledger.visit(visit)?;
        Some((visit, known.stands.clone()))
    }

    pub(super) fn tires(&mut self, nth: usize) {
        let Some((visit, Stands::Waiting | Stands::OnHold)) = self.stands(nth) else {
            return;
        };
        self.goes_home(nth);
        if self.people[nth].tells {
            let visit = VisitId(visit);
            let body = RequestBody::LeaveVisit { visit };
            self.send(
                Sender::Resident { visit },
                None,
                body,
                Purpose::Nothing,
                None,
            );
        }
    }

    pub(super) fn asks_for_time(&mut self, nth: usize) {
        let Some((visit, Stands::Waiting | Stands::Called(_))) = self.stands(nth) else {
            return;
        };
        let max = self.world.plan.rules.limits.more_time_minutes_max;
        let visit = VisitId(visit);
        let body = RequestBody::NeedMoreTime {
            visit,
            minutes: self.dice.small(0, max + 1),
        };
        self.send(
            Sender::Resident { visit },
            None,
            body,
            Purpose::Nothing,
            None,
        );
    }

    /// Whether the resident of a visit that was called so long ago is at the counter.
    pub(super) fn has_come(&mut self, visit: u64, called_for: Millis) -> bool {
        let Some(nth) = self.resident_of.get(&visit).copied() else {
            // Nobody knows this number: its form was printed meanwhile.
            return false;
        };
        if self.whereabouts[nth] == Whereabouts::Here
            && let Some(away) = self.people[nth].away
        {
            self.whereabouts[nth] = Whereabouts::Away;
            self.plan(self.now + away, Happening::ComesBack(nth));
        }
        matches!(self.whereabouts[nth], Whereabouts::Here | Whereabouts::Back)
            && called_for >= self.people[nth].walk
    }

    pub(super) fn comes_back(&mut self, nth: usize) {
        self.whereabouts[nth] = Whereabouts::Back;
        if let Some((visit, Stands::NoShow)) = self.stands(nth) {
            if self.dice.per_mille(850) {
                let visit = VisitId(visit);
                self.send_by_page(RequestBody::ReturnVisit { visit }, Purpose::Nothing);
            } else {
                self.goes_home(nth);
            }
        } else if self.dice.per_mille(100) {
            self.plan(self.now + 10 * MINUTE, Happening::Asks(nth));
        }
    }
}
