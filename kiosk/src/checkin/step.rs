//! The step itself: what each input does in each stage.

use std::sync::Arc;
use std::time::Duration;

use usher_protocol::message::{Answer, Outcome, PrintResult, PrintTrouble, RejectionCode};
use usher_protocol::message::{OfficeInfo, QueuedTicket};
use usher_protocol::{CommandId, Language, PaperForm, ServiceId, TicketNumber};

use super::{
    ANSWER_MAX, Choice, Effect, GuestName, HINT, Hint, IDLE_MAX, Input, Issued, PAPER_FORM,
    PRINT_MAX, Part, SECOND_READ, SHOW_NUMBER, STILL_THERE_MAX, Session, Stage, TAKE_TICKET,
    Trouble, Work, offered_languages,
};
use crate::clock::Moment;
use crate::journal::PaperId;
use crate::scan::{ScanOutcome, greeting_name};

/// How a print ends on a kiosk without a printer.
const NO_PRINTER: PrintResult = PrintResult::NotPrinted {
    trouble: PrintTrouble::PortGone,
};

/// One step of a session. Total: every stage answers every input, if only by
/// staying as it is.
#[must_use]
pub fn step(session: Session, input: Input, now: Moment) -> (Session, Vec<Effect>) {
    let mut turn = Turn {
        session,
        effects: Vec::new(),
        now,
    };
    turn.take(input);
    (turn.session, turn.effects)
}

/// A step under way.
struct Turn {
    session: Session,
    effects: Vec<Effect>,
    now: Moment,
}

impl Turn {
    fn take(&mut self, input: Input) {
        match input {
            Input::Tick => self.pass_time(),
            Input::LinkChanged { online } => self.change_link(online),
            Input::CheckInAnswered { id, outcome } => self.answer_check_in(&id, outcome),
            Input::FormReserved { form, paper } => self.print_form(form, paper),
            Input::ReserveFailed => self.send_to_a_person(),
            Input::PrintEnded { number, result } => self.end_print(number, result),
            Input::PrinterChanged(printer) => self.session.surroundings.printer = printer,
            Input::ScannerChanged(scanner) => self.session.surroundings.scanner = scanner,
            Input::OfficeChanged(office) => self.change_office(office),
            Input::WaitsChanged(waits) => self.session.surroundings.waits = Some(waits),
            Input::Scan(outcome) => self.take_scan(outcome),
            Input::Touched
            | Input::StillHere
            | Input::LanguageChosen(_)
            | Input::ShowLanguages
            | Input::ShowServices
            | Input::NextPage
            | Input::PreviousPage
            | Input::ServiceChosen(_)
            | Input::Confirm { .. }
            | Input::Back
            | Input::StartOver
            | Input::AskHelp
            | Input::Done => self.take_touch(input),
        }
    }

    fn take_touch(&mut self, input: Input) {
        self.session.touched_at = self.now.uptime;
        // The question covers the screen: whatever was touched, it is answered.
        let was_asked = self.session.still_there_since.take().is_some();
        if self.is_working() || (was_asked && input != Input::StartOver) {
            return;
        }
        // What was said belongs to the screen that is left now.
        let before = std::mem::discriminant(&self.session.stage);
        let hint = self.session.hint.take();
        match input {
            Input::LanguageChosen(language) => self.choose_language(language),
            Input::ShowLanguages => self.cover(|return_to| Stage::Language { return_to }),
            Input::AskHelp => self.cover(|return_to| Stage::Help { return_to }),
            Input::ShowServices => self.show_services(),
            Input::NextPage => self.turn_page(1),
            Input::PreviousPage => self.turn_page(-1),
            Input::ServiceChosen(service) => self.choose_service(service),
            Input::Confirm { id } => self.confirm(id),
            Input::Back => self.go_back(),
            Input::StartOver => self.wipe(),
            Input::Done => self.finish(),
            _ => {}
        }
        if self.session.hint.is_none()
            && before == std::mem::discriminant(&self.session.stage)
            && self.session.stage != Stage::Attract
        {
            self.session.hint = hint;
        }
    }

    // --- finding the way ---------------------------------------------------

    fn choose_language(&mut self, language: Language) {
        let is_offered = self
            .session
            .surroundings
            .languages
            .iter()
            .any(|offered| offered.tag == language);
        if !is_offered {
            return;
        }
        self.session.language = language;
        match &self.session.stage {
            Stage::Attract => self.session.stage = Stage::Welcome,
            Stage::Language { return_to } => {
                // From the attract screen, a language is the first step of a visit.
                self.session.stage = match return_to.as_ref() {
                    Stage::Attract => Stage::Welcome,
                    other => other.clone(),
                };
            }
            _ => {}
        }
    }

    /// Puts a screen over the present one, never over another such screen.
    fn cover(&mut self, with: impl FnOnce(Box<Stage>) -> Stage) {
        let beneath = match &self.session.stage {
            Stage::Language { return_to } | Stage::Help { return_to } => return_to.clone(),
            stage => Box::new(stage.clone()),
        };
        self.session.stage = with(beneath);
    }

    fn show_services(&mut self) {
        match self.session.stage {
            Stage::Attract
            | Stage::Welcome
            | Stage::Confirm { .. }
            | Stage::Language { .. }
            | Stage::Help { .. } => self.session.stage = Stage::Services { page: 0 },
            _ => {}
        }
    }

    fn turn_page(&mut self, by: isize) {
        if let Stage::Services { page } = self.session.stage {
            let last = self.session.surroundings.pages() - 1;
            let page = page.saturating_add_signed(by).min(last);
            self.session.stage = Stage::Services { page };
        }
    }

    fn choose_service(&mut self, service: ServiceId) {
        let page = match self.session.stage {
            Stage::Services { page } => page,
            Stage::Attract | Stage::Welcome => 0,
            _ => return,
        };
        if self.session.surroundings.service(&service).is_none() {
            self.session.stage = Stage::Services { page };
            return self.hint(Hint::ServiceClosed);
        }
        self.session.stage = Stage::Confirm { service, page };
    }

    fn go_back(&mut self) {
        match &self.session.stage {
            Stage::Language { return_to } | Stage::Help { return_to } => match return_to.as_ref() {
                Stage::Attract => self.wipe(),
                other => self.session.stage = other.clone(),
            },
            Stage::Services { .. } => self.session.stage = Stage::Welcome,
            Stage::Confirm { page, .. } => self.session.stage = Stage::Services { page: *page },
            Stage::Attract => {}
            Stage::Welcome
            | Stage::Working(_)
            | Stage::TakeTicket { .. }
            | Stage::ShowNumber { .. }
            | Stage::PaperForm { .. } => self.wipe(),
        }
    }

    fn finish(&mut self) {
        match self.session.stage {
            Stage::TakeTicket { .. }
            | Stage::ShowNumber { .. }
            | Stage::PaperForm { .. }
            | Stage::Language { .. }
            | Stage::Help { .. } => self.go_back(),
            _ => {}
        }
    }

    fn wipe(&mut self) {
        let session = &mut self.session;
        session.stage = Stage::Attract;
        session.language = session.surroundings.first_language();
        session.guest = None;
        session.hint = None;
        session.still_there_since = None;
        session.licence_at = None;
    }

    fn hint(&mut self, hint: Hint) {
        self.session.hint = Some((hint, self.now.uptime + HINT));
    }

    // --- checking in -------------------------------------------------------

    fn confirm(&mut self, id: CommandId) {
        let Stage::Confirm { service, .. } = &self.session.stage else {
            return;
        };
        let choice = Choice {
            service: service.clone(),
            arrived_at: self.now.wall,
        };
        if !self.session.surroundings.online {
            return self.reserve(choice, None);
        }
        self.effects.push(Effect::SubmitCheckIn {
            id: id.clone(),
            choice: choice.clone(),
            language: self.session.language.clone(),
        });
        self.session.stage = Stage::Working(Work::Asking {
            command: id,
            choice,
            until: self.now.uptime + ANSWER_MAX,
        });
    }

    fn answer_check_in(&mut self, id: &CommandId, outcome: Outcome) {
        let Stage::Working(Work::Asking {
            command, choice, ..
        }) = &self.session.stage
        else {
            return;
        };
        if command != id {
            return;
        }
        let choice = choice.clone();
        match outcome {
            Outcome::Accepted {
                answer: Answer::Queued { ticket },
            } => self.print_ticket(ticket),
            Outcome::Rejected { rejection }
                if matches!(
                    rejection.code,
                    RejectionCode::UnknownService
                        | RejectionCode::ServiceSuspended
                        | RejectionCode::OfficeClosed
                        | RejectionCode::TooLateToday
                ) =>
            {
                self.session.stage = Stage::Services { page: 0 };
                self.session.touched_at = self.now.uptime;
                self.hint(Hint::ServiceClosed);
            }
            // Whatever else stands in the way is no trouble of the resident's.
            Outcome::Accepted { .. } | Outcome::Rejected { .. } | Outcome::Unavailable { .. } => {
                self.reserve(choice, Some(id.clone()));
            }
        }
    }

    fn reserve(&mut self, choice: Choice, replaces: Option<CommandId>) {
        self.effects.push(Effect::ReserveForm {
            choice,
            language: self.session.language.clone(),
            replaces,
        });
        self.session.stage = Stage::Working(Work::Reserving);
    }

    fn print_ticket(&mut self, ticket: QueuedTicket) {
        if self.session.surroundings.printer == Part::Absent {
            self.effects.push(Effect::RecordUnprinted {
                visit: ticket.visit,
                result: NO_PRINTER,
            });
            return self.show(Issued::Ticket(ticket), Trouble::PrinterGone);
        }
        self.effects.push(Effect::PrintTicket {
            ticket: ticket.clone(),
            language: self.session.language.clone(),
        });
        self.wait_for_print(Issued::Ticket(ticket));
    }

    fn print_form(&mut self, form: PaperForm, paper: PaperId) {
        if self.session.stage != Stage::Working(Work::Reserving) {
            return;
        }
        if self.session.surroundings.printer == Part::Absent {
            self.effects.push(Effect::RecordFormUnprinted {
                paper,
                result: NO_PRINTER,
            });
            return self.show(Issued::Form(form), Trouble::PrinterGone);
        }
        self.effects.push(Effect::PrintForm {
            form: form.clone(),
            paper,
        });
        self.wait_for_print(Issued::Form(form));
    }

    fn wait_for_print(&mut self, issued: Issued) {
        self.session.stage = Stage::Working(Work::Printing {
            issued,
            until: self.now.uptime + PRINT_MAX,
        });
    }

    fn end_print(&mut self, number: TicketNumber, result: PrintResult) {
        let Stage::Working(Work::Printing { issued, .. }) = &self.session.stage else {
            return;
        };
        if issued.number() != number {
            return;
        }
        let issued = issued.clone();
        match Trouble::of(result) {
            Some(trouble) => self.show(issued, trouble),
            None => self.enter_result(match issued {
                Issued::Ticket(ticket) => Stage::TakeTicket { ticket },
                Issued::Form(form) => Stage::PaperForm { form },
            }),
        }
    }

    fn show(&mut self, issued: Issued, trouble: Trouble) {
        self.enter_result(Stage::ShowNumber { issued, trouble });
    }

    /// The time to read a result begins when it is shown.
    fn enter_result(&mut self, stage: Stage) {
        self.session.stage = stage;
        self.session.hint = None;
        self.session.touched_at = self.now.uptime;
    }

    /// Nothing is sent to anybody: the screen says where to ask.
    fn send_to_a_person(&mut self) {
        if self.session.stage == Stage::Working(Work::Reserving) {
            self.enter_result(Stage::Help {
                return_to: Box::new(Stage::Welcome),
            });
        }
    }

    // --- what comes from outside -------------------------------------------

    fn change_link(&mut self, online: bool) {
        self.session.surroundings.online = online;
        if online {
            return;
        }
        if let Stage::Working(Work::Asking {
            command, choice, ..
        }) = &self.session.stage
        {
            let (choice, command) = (choice.clone(), command.clone());
            self.reserve(choice, Some(command));
        }
    }

    fn change_office(&mut self, office: Arc<OfficeInfo>) {
        let surroundings = &mut self.session.surroundings;
        surroundings.languages = offered_languages(&surroundings.language_order, &office);
        surroundings.office = office;
        let last_page = surroundings.pages() - 1;
        if self.session.stage == Stage::Attract {
            self.session.language = self.session.surroundings.first_language();
        }
        let stage = match &mut self.session.stage {
            Stage::Language { return_to } | Stage::Help { return_to } => return_to.as_mut(),
            stage => stage,
        };
        match stage {
            Stage::Services { page } => *page = (*page).min(last_page),
            Stage::Confirm { service, .. }
                if self.session.surroundings.service(service).is_none() =>
            {
                *stage = Stage::Services { page: 0 };
                self.hint(Hint::ServiceClosed);
            }
            _ => {}
        }
    }

    fn take_scan(&mut self, outcome: ScanOutcome) {
        let is_place = matches!(
            self.session.stage,
            Stage::Attract
                | Stage::Welcome
                | Stage::Services { .. }
                | Stage::Confirm { .. }
                | Stage::Language { .. }
                | Stage::Help { .. }
        );
        if !is_place {
            return;
        }
        let was_read = self
            .session
            .licence_at
            .is_some_and(|at| self.now.uptime.saturating_sub(at) < SECOND_READ);
        // Whoever holds a card to the reader is there; noise on the line is nobody.
        if outcome != ScanOutcome::Unreadable {
            self.session.still_there_since = None;
            self.session.touched_at = self.now.uptime;
        }
        match outcome {
            ScanOutcome::Licence(licence) => {
                self.session.guest = licence
                    .given_name
                    .as_deref()
                    .map(greeting_name)
                    .and_then(GuestName::new);
                self.session.licence_at = Some(self.now.uptime);
                self.hint(Hint::ScanUnderstood);
                if self.session.stage == Stage::Attract {
                    self.session.stage = Stage::Welcome;
                }
            }
            _ if was_read => {}
            ScanOutcome::Partial => self.hint(Hint::ScanPartial),
            ScanOutcome::ShortCode | ScanOutcome::TravelDocument => self.hint(Hint::CodeUnknown),
            ScanOutcome::Unreadable => self.hint(Hint::ScanUnreadable),
        }
    }

    fn pass_time(&mut self) {
        let now = self.now.uptime;
        if self.session.hint.is_some_and(|(_, until)| now >= until) {
            self.session.hint = None;
        }
        match &self.session.stage {
            Stage::Attract => {}
            Stage::Working(work) => self.pass_working_time(work.clone()),
            Stage::TakeTicket { .. } => self.leave_after(TAKE_TICKET),
            Stage::ShowNumber { .. } => self.leave_after(SHOW_NUMBER),
            Stage::PaperForm { .. } => self.leave_after(PAPER_FORM),
            Stage::Welcome
            | Stage::Services { .. }
            | Stage::Confirm { .. }
            | Stage::Language { .. }
            | Stage::Help { .. } => self.pass_idle_time(),
        }
    }

    fn pass_working_time(&mut self, work: Work) {
        let now = self.now.uptime;
        match work {
            Work::Asking {
                command,
                choice,
                until,
            } if now >= until => self.reserve(choice, Some(command)),
            Work::Printing { issued, until } if now >= until => {
                self.show(issued, Trouble::PrintUnsure);
            }
            _ => {}
        }
    }

    fn leave_after(&mut self, limit: Duration) {
        if self.idle_time() >= limit {
            self.wipe();
        }
    }

    fn pass_idle_time(&mut self) {
        match self.session.still_there_since {
            Some(since) if self.now.uptime.saturating_sub(since) >= STILL_THERE_MAX => self.wipe(),
            None if self.idle_time() >= IDLE_MAX => {
                self.session.still_there_since = Some(self.now.uptime);
            }
            _ => {}
        }
    }

    fn idle_time(&self) -> Duration {
        self.now.uptime.saturating_sub(self.session.touched_at)
    }

    fn is_working(&self) -> bool {
        matches!(self.session.stage, Stage::Working(_))
    }
}
