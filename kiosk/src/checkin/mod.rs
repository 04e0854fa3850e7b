//! A resident's session at the kiosk, from the first touch to the paper in hand.
//!
//! One pure step: session, input and time in; session and effects out. It knows
//! residents, services and languages; never Slint, MQTT, SQL or bytes. Every
//! mishap is an input, so no state lacks an answer to it, and every way ends
//! with a number or with a person who helps.
//!
//! Start reading at [`Stage`], then [`step`].

mod delays;
mod fallback;
mod languages;
mod step;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use usher_protocol::message::{
    LanguageInfo, OfficeInfo, Outcome, PrintResult, PrintTrouble, QueuedTicket, ServiceInfo,
    ServiceWait, Waits,
};
use usher_protocol::{CommandId, Language, PaperForm, ServiceId, TicketNumber, VisitId};
use zeroize::Zeroizing;

use crate::journal::PaperId;
use crate::scan::ScanOutcome;

pub use delays::*;
pub use fallback::fallback_office;
pub use languages::offered_languages;
pub use step::step;

/// How many services are shown at a time: more would be a list to read, not a choice.
pub const SERVICES_PER_PAGE: usize = 6;

/// One kiosk's session: what the resident is at, and what surrounds them.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// What the resident is at.
    pub stage: Stage,
    /// The language of the screen and the paper.
    pub language: Language,
    /// Given name to greet with; only from an ID, and only until the session ends.
    pub guest: Option<GuestName>,
    /// A word of advice, and until when (uptime).
    pub hint: Option<(Hint, Duration)>,
    /// Since when the resident is asked whether they are still there (uptime).
    pub still_there_since: Option<Duration>,
    /// When somebody last did something (uptime).
    pub touched_at: Duration,
    /// When a licence was last understood (uptime).
    pub licence_at: Option<Duration>,
    /// What is known of the office and the machine.
    pub surroundings: Surroundings,
}

/// What the resident is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Nobody is here. Greetings in every language.
    Attract,
    /// "How can we help?"
    Welcome,
    /// Choosing a service.
    Services {
        /// Which page, from 0.
        page: usize,
    },
    /// Looking at what was chosen.
    Confirm {
        /// The service.
        service: ServiceId,
        /// The page it stands on.
        page: usize,
    },
    /// Choosing a language, before going back to the stage inside.
    Language {
        /// Never itself `Language`, `Help` or `Working`.
        return_to: Box<Stage>,
    },
    /// Told where a person helps.
    Help {
        /// Never itself `Language`, `Help` or `Working`.
        return_to: Box<Stage>,
    },
    /// The kiosk works; a moment of patience.
    Working(Work),
    /// The ticket is out.
    TakeTicket {
        /// The place in the queue.
        ticket: QueuedTicket,
    },
    /// The number is shown, for it could not be printed, or nobody knows.
    ShowNumber {
        /// What was issued.
        issued: Issued,
        /// Why it is not on paper.
        trouble: Trouble,
    },
    /// The paper form is out.
    PaperForm {
        /// The form.
        form: PaperForm,
    },
}

/// What the kiosk works at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Waits for the server's answer to a check-in.
    Asking {
        /// The check-in's id.
        command: CommandId,
        /// What was chosen.
        choice: Choice,
        /// When a form is given out instead (uptime).
        until: Duration,
    },
    /// Waits for a number of the kiosk's own. Without a limit: whoever performs
    /// [`Effect::ReserveForm`] knows the result at once.
    Reserving,
    /// Waits for the printer.
    Printing {
        /// What is printed.
        issued: Issued,
        /// When the number is shown instead (uptime).
        until: Duration,
    },
}

/// What a resident has chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The service.
    pub service: ServiceId,
    /// When the last button was touched, by the kiosk's clock.
    pub arrived_at: Timestamp,
}

/// A number that was given to a resident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Issued {
    /// By the server.
    Ticket(QueuedTicket),
    /// By the kiosk itself.
    Form(PaperForm),
}

impl Issued {
    /// The number.
    #[must_use]
    pub fn number(&self) -> TicketNumber {
        match self {
            Self::Ticket(ticket) => ticket.number,
            Self::Form(form) => form.number,
        }
    }

    /// What it is for.
    #[must_use]
    pub fn service(&self) -> &ServiceId {
        match self {
            Self::Ticket(ticket) => &ticket.service,
            Self::Form(form) => &form.service,
        }
    }
}

/// A given name from an ID. Wiped from memory when dropped, silent in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct GuestName(Zeroizing<String>);

impl GuestName {
    /// Takes a name; `None` if it is empty.
    #[must_use]
    pub fn new(name: Zeroizing<String>) -> Option<Self> {
        (!name.trim().is_empty()).then_some(Self(name))
    }

    /// The name, to be shown and nothing else.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for GuestName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GuestName(…)")
    }
}

/// A word of advice on the current screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Nothing that was held to the reader could be read.
    ScanUnreadable,
    /// A part was read: hold the card still.
    ScanPartial,
    /// It was read, but there is no use for it yet: a travel document, a line
    /// barcode. Trying again would lead in a circle.
    CodeUnknown,
    /// The ID was read.
    ScanUnderstood,
    /// The service just chosen is no longer offered.
    ServiceClosed,
}

/// Why a number is not on paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The roll is empty.
    NoPaper,
    /// The cover is open.
    CoverOpen,
    /// There is no printer that works.
    PrinterGone,
    /// Something may have come out.
    PrintUnsure,
}

impl Trouble {
    /// What a print result other than *printed* means to the resident.
    #[must_use]
    pub fn of(result: PrintResult) -> Option<Self> {
        match result {
            PrintResult::Printed => None,
            PrintResult::Unknown { .. } => Some(Self::PrintUnsure),
            PrintResult::NotPrinted { trouble } => Some(match trouble {
                PrintTrouble::PaperOut => Self::NoPaper,
                PrintTrouble::CoverOpen => Self::CoverOpen,
                PrintTrouble::CutterJam
                | PrintTrouble::PortGone
                | PrintTrouble::NoAnswer
                | PrintTrouble::OtherFault => Self::PrinterGone,
            }),
        }
    }
}

/// A part of the machine that may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The device file has none.
    Absent,
    /// It works.
    Ready,
    /// It should be there, but cannot be used now.
    Troubled,
}

/// What is known of the office and the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Surroundings {
    /// The office, as the server last told, or as the fallback has it.
    pub office: Arc<OfficeInfo>,
    /// The languages on offer; never empty, the first is where each session begins.
    pub languages: Vec<LanguageInfo>,
    /// The languages of the device file, in its order.
    pub language_order: Vec<Language>,
    /// How the queues stand, if the server told.
    pub waits: Option<Arc<Waits>>,
    /// Whether the server answers and can store.
    pub online: bool,
    /// The ticket printer.
    pub printer: Part,
    /// The ID scanner.
    pub scanner: Part,
}

impl Surroundings {
    /// Those of a kiosk that has just started.
    #[must_use]
    pub fn new(
        office: Arc<OfficeInfo>,
        language_order: Vec<Language>,
        printer: Part,
        scanner: Part,
    ) -> Self {
        Self {
            languages: offered_languages(&language_order, &office),
            office,
            language_order,
            waits: None,
            online: false,
            printer,
            scanner,
        }
    }

    /// The language that each session begins in.
    #[must_use]
    pub fn first_language(&self) -> Language {
        self.languages
            .first()
            .map_or_else(Language::english, |language| language.tag.clone())
    }

    /// What the office says of a service.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&ServiceInfo> {
        self.office
            .services
            .iter()
            .find(|service| service.id == *id)
    }

    /// How a service's queue stands.
    #[must_use]
    pub fn wait(&self, id: &ServiceId) -> Option<&ServiceWait> {
        self.waits
            .as_ref()?
            .services
            .iter()
            .find(|wait| wait.service == *id)
    }

    /// How many pages the services fill; at least 1.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.office
            .services
            .len()
            .div_ceil(SERVICES_PER_PAGE)
            .max(1)
    }
}

impl Session {
    /// The session of a kiosk that has just started.
    #[must_use]
    pub fn new(surroundings: Surroundings) -> Self {
        Self {
            stage: Stage::Attract,
            language: surroundings.first_language(),
            guest: None,
            hint: None,
            still_there_since: None,
            touched_at: Duration::ZERO,
            licence_at: None,
            surroundings,
        }
    }
}

/// What can happen to a session.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Somebody touched the screen where nothing else is.
    Touched,
    /// A language was chosen.
    LanguageChosen(Language),
    /// The choice of languages is wanted.
    ShowLanguages,
    /// The choice of services is wanted.
    ShowServices,
    /// The next page of services.
    NextPage,
    /// The page before.
    PreviousPage,
    /// A service was chosen.
    ServiceChosen(ServiceId),
    /// "Get my ticket."
    Confirm {
        /// A fresh id, should a check-in be sent.
        id: CommandId,
    },
    /// One step back.
    Back,
    /// From the beginning, with everything forgotten.
    StartOver,
    /// "I need a person."
    AskHelp,
    /// "Yes, I am still here."
    StillHere,
    /// The paper or the number was taken.
    Done,
    /// Something was held to the reader.
    Scan(ScanOutcome),
    /// Time has passed.
    Tick,
    /// The server went or came back.
    LinkChanged {
        /// Whether it answers and can store.
        online: bool,
    },
    /// The server's answer to a check-in.
    CheckInAnswered {
        /// The check-in's id.
        id: CommandId,
        /// What became of it.
        outcome: Outcome,
    },
    /// A form has its number, durably.
    FormReserved {
        /// The form.
        form: PaperForm,
        /// Its paper in the journal.
        paper: PaperId,
    },
    /// No form can be given out: the journal fails, or this kiosk has no series.
    ReserveFailed,
    /// A print came to its end.
    PrintEnded {
        /// The number on the paper.
        number: TicketNumber,
        /// What the printer said.
        result: PrintResult,
    },
    /// The printer's state changed.
    PrinterChanged(Part),
    /// The scanner's state changed.
    ScannerChanged(Part),
    /// The office file changed.
    OfficeChanged(Arc<OfficeInfo>),
    /// The queues changed.
    WaitsChanged(Arc<Waits>),
}

/// What a session wants done. Data only: the edge performs it and feeds the
/// result back as an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a check-in; the answer comes as [`Input::CheckInAnswered`].
    SubmitCheckIn {
        /// Its id.
        id: CommandId,
        /// What was chosen.
        choice: Choice,
        /// The resident's language.
        language: Language,
    },
    /// Take a number of the kiosk's own, durably; then [`Input::FormReserved`]
    /// or [`Input::ReserveFailed`].
    ReserveForm {
        /// What was chosen.
        choice: Choice,
        /// The resident's language.
        language: Language,
        /// The check-in that got no answer.
        replaces: Option<CommandId>,
    },
    /// Print a ticket; then [`Input::PrintEnded`].
    PrintTicket {
        /// The place in the queue.
        ticket: QueuedTicket,
        /// The resident's language.
        language: Language,
    },
    /// Print a form; then [`Input::PrintEnded`].
    PrintForm {
        /// The form.
        form: PaperForm,
        /// Its paper in the journal.
        paper: PaperId,
    },
    /// A ticket will not be printed, for there is no printer: tell the server.
    RecordUnprinted {
        /// Whose ticket.
        visit: VisitId,
        /// Why.
        result: PrintResult,
    },
    /// A form will not be printed, for there is no printer: write it down, so
    /// that nobody looks for the paper after the next start.
    RecordFormUnprinted {
        /// Its paper in the journal.
        paper: PaperId,
        /// Why.
        result: PrintResult,
    },
}

#[cfg(test)]
mod tests;
