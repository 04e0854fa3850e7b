//! A command on its way: sent again until it is answered.

use usher_office::command::Sender;
use usher_protocol::CommandId;
use usher_protocol::message::{
    Answer, Outcome, PrintResult, PrintTrouble, RejectionCode, Reply, Request, RequestBody, Role,
};

use super::{Happening, OfficeDay};
use crate::model::Asked;
use crate::server::Incoming;
use crate::world::Millis;

/// Why a command was sent.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// A resident checks in.
    CheckIn(usize),
    /// A form comes in.
    Form(usize),
    /// A counter's clerk waits for it.
    Counter(usize),
    /// Nobody waits for the answer.
    Nothing,
}

/// A command and what has become of it so far.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) id: CommandId,
    pub(super) sender: Sender,
    pub(super) kiosk: Option<usize>,
    pub(super) body: RequestBody,
    pub(super) purpose: Purpose,
    pub(super) is_open: bool,
    tries: u32,
}

impl OfficeDay {
    pub(super) fn new_id(&self) -> CommandId {
        CommandId::new(format!("c-{}", self.errands.len())).expect("letters and digits are an id")
    }

    pub(super) fn kiosk_sender(&self, kiosk: usize) -> Sender {
        Sender::Device {
            id: self.world.kiosks[kiosk].clone(),
            role: Role::Kiosk,
        }
    }

    /// Sends a command of the office's own pages.
    pub(super) fn send_by_page(&mut self, body: RequestBody, purpose: Purpose) -> usize {
        self.send(Sender::Clerk, None, body, purpose, None)
    }

    /// Sends a command for the first time.
    pub(super) fn send(
        &mut self,
        sender: Sender,
        kiosk: Option<usize>,
        body: RequestBody,
        purpose: Purpose,
        true_arrival: Option<Millis>,
    ) -> usize {
        let id = match &body {
            RequestBody::AdmitPaperForm { form, .. } if kiosk.is_some() => form.command_id(),
            _ => self.new_id(),
        };
        let asked = Asked {
            body: body.clone(),
            true_arrival,
        };
        self.ledger.asked.entry(id.clone()).or_default().push(asked);
        self.carry(id, sender, kiosk, body, purpose)
    }

    /// Sends a command under an id that was used before.
    pub(super) fn send_as(&mut self, id: CommandId, sender: Sender, body: RequestBody) {
        let asked = Asked {
            body: body.clone(),
            true_arrival: None,
        };
        self.ledger.asked.entry(id.clone()).or_default().push(asked);
        self.carry(id, sender, None, body, Purpose::Nothing);
    }

    fn carry(
        &mut self,
        id: CommandId,
        sender: Sender,
        kiosk: Option<usize>,
        body: RequestBody,
        purpose: Purpose,
    ) -> usize {
        let errand = self.errands.len();
        self.errands.push(Errand {
            id,
            sender,
            kiosk,
            body,
            purpose,
            is_open: true,
            tries: 0,
        });
        self.plan(self.now, Happening::Sends(errand));
        errand
    }

    pub(super) fn sends(&mut self, nth: usize) {
        let Some(errand) = self.errands.get_mut(nth).filter(|errand| errand.is_open) else {
            return;
        };
        errand.tries += 1;
        let (tries, kiosk) = (errand.tries, errand.kiosk);
        let clock = kiosk.map_or(self.page_clock, |kiosk| self.clocks[kiosk]);
        let request = Request {
            id: errand.id.clone(),
            sent_at: jiff::Timestamp::from_millisecond(self.now + clock.ahead).unwrap_or_default(),
            boot: clock.boot,
            body: errand.body.clone(),
        };
        for at in self.network.copies(kiosk, self.now) {
            self.plan(at, Happening::Delivered(nth, Box::new(request.clone())));
        }
        let again = self.now + self.network.patience(tries);
        self.plan(again, Happening::Sends(nth));
    }

    pub(super) fn delivered(&mut self, errand: usize, request: Request) {
        let sender = self.errands[errand].sender.clone();
        self.server.receive(Incoming {
            sender,
            request,
            errand,
        });
        if self.server.has_work() && !self.is_to_work {
            self.is_to_work = true;
            let at = self.now + self.dice.range(1, 30);
            self.plan(at, Happening::Works);
        }
    }

    pub(super) fn answered(&mut self, nth: usize, reply: &Reply) {
        let Some(errand) = self.errands.get_mut(nth).filter(|errand| errand.is_open) else {
            return;
        };
        if matches!(reply.outcome, Outcome::Unavailable { .. }) {
            return;
        }
        errand.is_open = false;
        let (purpose, kiosk) = (errand.purpose.clone(), errand.kiosk);
        match purpose {
            Purpose::CheckIn(resident) => self.checked_in(resident, kiosk, &reply.outcome),
            Purpose::Form(resident) => {
                if let Outcome::Accepted {
                    answer: Answer::Queued { ticket },
                } = &reply.outcome
                {
                    self.holds(resident, ticket.visit.0);
                }
            }
            Purpose::Counter(counter) => self.plan_in(4.0, Happening::ClerkActs(counter)),
            Purpose::Nothing => {}
        }
    }

    fn checked_in(&mut self, resident: usize, kiosk: Option<usize>, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted {
                answer: Answer::Queued { ticket },
            } => {
                self.holds(resident, ticket.visit.0);
                if let Some(kiosk) = kiosk {
                    let trouble = PrintTrouble::PaperOut;
                    let result = match self.dice.weighted(&[90, 4, 3]) {
                        0 => PrintResult::Printed,
                        1 => PrintResult::NotPrinted { trouble },
                        _ => PrintResult::Unknown { trouble },
                    };
                    let body = RequestBody::RecordPrint {
                        visit: ticket.visit,
                        result,
                    };
                    let sender = self.kiosk_sender(kiosk);
                    self.send(sender, Some(kiosk), body, Purpose::Nothing, None);
                }
            }
            Outcome::Rejected { rejection } => {
                let without = matches!(
                    rejection.code,
                    RejectionCode::UnknownAppointment | RejectionCode::AlreadyInQueue
                );
                if without && self.dice.per_mille(700) {
                    self.comes_without_appointment(resident, kiosk);
                } else {
                    self.goes_home(resident);
                }
            }
            _ => {}
        }
    }
}
