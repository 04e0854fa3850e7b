//! Commands that make no sense: wrong senders, wrong values, ids of others.

use usher_office::command::Sender;
use usher_protocol::message::{PrintResult, RequestBody, Role, VisitDetails};
use usher_protocol::{CounterId, Language, ServiceId, VisitId};

use super::errands::Purpose;
use super::{Happening, OfficeDay};

impl OfficeDay {
    pub(super) fn mischief(&mut self) {
        let pause = if self.is_by_day() { 400.0 } else { 3_600.0 };
        self.plan_in(pause, Happening::Mischief);
        let Some(body) = self.nonsense() else { return };
        let sender = self.some_sender();
        if !self.errands.is_empty() && self.dice.per_mille(150) {
            // An id that was used: for another command, or for the same one again.
            let at = self.dice.index(self.errands.len());
            let used = self.errands[at].clone();
            let (sender, body) = if self.dice.per_mille(500) {
                (used.sender, used.body)
            } else {
                (sender, body)
            };
            // A paper form brings its own id.
            if !matches!(body, RequestBody::AdmitPaperForm { .. }) {
                self.send_as(used.id, sender, body);
            }
            return;
        }
        self.send(sender, None, body, Purpose::Nothing, None);
    }

    fn some_sender(&mut self) -> Sender {
        match self.dice.weighted(&[5, 2, 1, 1, 2]) {
            0 => Sender::Clerk,
            1 => self.kiosk_sender(0),
            2 => Sender::Device {
                id: "display-1".parse().expect("small letters are an id"),
                role: Role::HallDisplay,
            },
            3 => Sender::Resident {
                visit: self.some_visit(),
            },
            _ => Sender::Device {
                id: "keypad-1".parse().expect("small letters are an id"),
                role: Role::Counter,
            },
        }
    }

    fn some_visit(&mut self) -> VisitId {
        let newest = self
            .server
            .office()
            .map_or(1, |office| office.last_visit().0);
        let newest = i64::try_from(newest).unwrap_or(1);
        let visit = self.dice.range(0, newest + 2);
        VisitId(u64::try_from(visit).unwrap_or(0))
    }

    fn some_counter(&mut self) -> CounterId {
        let counters = &self.world.plan.info.counters;
        let at = self.dice.index(counters.len() + 1);
        let counter = counters.get(at).map(|counter| counter.id.clone());
        counter.unwrap_or_else(|| "none".parse().expect("small letters are an id"))
    }

    fn nonsense(&mut self) -> Option<RequestBody> {
        let counter = self.some_counter();
        let visit = self.some_visit();
        let service: ServiceId = if self.dice.per_mille(800) {
            self.a_service()?
        } else {
            "nowhere".parse().ok()?
        };
        let stamp = self.dice.range(0, 4_000_000_000_000);
        Some(match self.dice.index(20) {
            0 => RequestBody::CallNext { counter },
            1 => RequestBody::CallVisit { counter, visit },
            2 => RequestBody::Recall { counter },
            3 => RequestBody::StartService { counter },
            4 => RequestBody::MarkNoShow { counter },
            5 => RequestBody::FinishVisit {
                counter,
                outcome: usher_protocol::message::VisitOutcome::Served,
            },
            6 => RequestBody::HoldVisit {
                counter,
                reason: usher_protocol::message::HoldReason::Other,
            },
            7 => RequestBody::ResumeVisit { counter, visit },
            8 => RequestBody::TransferVisit {
                counter,
                to: usher_protocol::message::TransferTo::Service(service),
                note: Some("x".repeat(300)),
            },
            9 => RequestBody::ReturnVisit { visit },
            10 => RequestBody::NeedMoreTime { visit, minutes: 3 },
            11 => RequestBody::LeaveVisit { visit },
            12 => RequestBody::ReopenVisit { visit },
            13 => RequestBody::Undo { counter },
            14 => RequestBody::CloseCounter { counter },
            15 => RequestBody::EndBreak { counter },
            16 => RequestBody::ChangeServices {
                counter,
                services: Vec::new(),
            },
            17 => RequestBody::RecordPrint {
                visit,
                result: PrintResult::Printed,
            },
            18 => RequestBody::AddService { visit, service },
            _ => RequestBody::CheckIn {
                service,
                language: Language::english(),
                arrived_at: jiff::Timestamp::from_millisecond(stamp).ok()?,
                details: Box::new(VisitDetails {
                    party: u8::try_from(self.dice.small(0, 3)).unwrap_or(1),
                    ..VisitDetails::default()
                }),
            },
        })
    }
}
