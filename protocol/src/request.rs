//! Requests to the queue server: everything that can be wanted of an office.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{AppointmentCode, ClerkId, CommandId, CounterId, PersonHash, ServiceId, VisitId};
use crate::language::Language;
use crate::message::PrintResult;
use crate::ticket::PaperForm;

/// A request to the queue server, on `request/{device}` or by HTTP.
///
/// Sent again unchanged, but for `sent_at`, until a [`crate::message::Reply`]
/// with the same id comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Made by the sender, once for each thing that it wants done.
    pub id: CommandId,
    /// The sender's clock at this very sending: the server learns from it how
    /// wrong that clock is.
    pub sent_at: Timestamp,
    /// How often the sender has started; 0 if it does not count.
    #[serde(default)]
    pub boot: u64,
    /// What is wanted.
    pub body: RequestBody,
}

/// What is wanted. `docs/operations.md` has each with its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RequestBody {
    /// A sign of life; the answer carries the server's time.
    Hello,
    /// A resident has come for a service.
    CheckIn {
        /// The service chosen.
        service: ServiceId,
        /// The language chosen.
        language: Language,
        /// When the resident touched the last button, by the kiosk's clock.
        arrived_at: Timestamp,
        /// All else that is known of the visit; nothing of it has to be.
        #[serde(flatten)]
        details: Box<VisitDetails>,
    },
    /// A resident has come for an appointment.
    CheckInAppointment {
        /// Which appointment.
        claim: AppointmentClaim,
        /// The language chosen; the appointment's own if none was.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<Language>,
        /// When the resident showed the code, by the kiosk's clock.
        arrived_at: Timestamp,
        /// All else that is known; the appointment says the services.
        #[serde(flatten)]
        details: Box<VisitDetails>,
    },
    /// How the printing of a ticket ended.
    RecordPrint {
        /// The visit whose ticket it is.
        visit: VisitId,
        /// What the printer said.
        result: PrintResult,
    },
    /// A paper form, given out while the server could not be reached.
    AdmitPaperForm {
        /// The form.
        form: PaperForm,
        /// The check-in that got no answer before the form was printed. If it had
        /// been done after all, that visit takes the form's number, so that the
        /// resident is in the queue once; if not, it is void when it comes later.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        replaces: Option<CommandId>,
    },
    /// A clerk opens their counter.
    OpenCounter {
        /// The counter.
        counter: CounterId,
        /// Who serves there: their services and languages count from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clerk: Option<ClerkId>,
    },
    /// A clerk closes their counter.
    CloseCounter {
        /// The counter.
        counter: CounterId,
    },
    /// A clerk takes a break.
    TakeBreak {
        /// The counter.
        counter: CounterId,
        /// For how long, minutes, if it is known: waits are foreseen by it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minutes: Option<u16>,
    },
    /// A clerk is back from a break.
    EndBreak {
        /// The counter.
        counter: CounterId,
    },
    /// The counter serves these services from now on, until it closes.
    ChangeServices {
        /// The counter.
        counter: CounterId,
        /// At least one.
        services: Vec<ServiceId>,
    },
    /// Call whoever is next for this counter.
    CallNext {
        /// The counter.
        counter: CounterId,
    },
    /// Call this visit, whoever is next.
    CallVisit {
        /// The counter.
        counter: CounterId,
        /// The visit; it waits.
        visit: VisitId,
    },
    /// Call the counter's present visit again.
    Recall {
        /// The counter.
        counter: CounterId,
    },
    /// The called resident has come: service starts.
    StartService {
        /// The counter.
        counter: CounterId,
    },
    /// The called resident did not come.
    MarkNoShow {
        /// The counter.
        counter: CounterId,
    },
    /// The service at the counter is done. If the visit has more services and
    /// this counter has the next of them, it goes on there at once.
    FinishVisit {
        /// The counter.
        counter: CounterId,
        /// How it ended.
        #[serde(default, skip_serializing_if = "VisitOutcome::is_served")]
        outcome: VisitOutcome,
    },
    /// Set the counter's present visit aside; the counter is free.
    HoldVisit {
        /// The counter.
        counter: CounterId,
        /// Why.
        reason: HoldReason,
    },
    /// Call a visit that is on hold to this counter.
    ResumeVisit {
        /// The counter.
        counter: CounterId,
        /// The visit; it is on hold.
        visit: VisitId,
    },
    /// Send the counter's present visit on; its place is kept.
    TransferVisit {
        /// The counter.
        counter: CounterId,
        /// Where to.
        to: TransferTo,
        /// What the next clerk should know. Erasable; never in a program's log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// A no-show has come after all, or a visit on hold waits again; its place is kept.
    ReturnVisit {
        /// The visit.
        visit: VisitId,
    },
    /// The resident lets others go first for a while.
    NeedMoreTime {
        /// The visit; it waits, or was called.
        visit: VisitId,
        /// For how long, minutes.
        minutes: u16,
    },
    /// The resident has left, or said so.
    LeaveVisit {
        /// The visit.
        visit: VisitId,
    },
    /// One more service in this visit.
    AddService {
        /// The visit.
        visit: VisitId,
        /// The service.
        service: ServiceId,
    },
    /// The visit waits for, or is served for, the wrong service.
    ChangeService {
        /// The visit.
        visit: VisitId,
        /// The right one.
        service: ServiceId,
    },
    /// A visit that was closed today by mistake waits again; its place is kept.
    ReopenVisit {
        /// The visit.
        visit: VisitId,
    },
    /// Take back what was last done at the counter, within a minute.
    Undo {
        /// The counter.
        counter: CounterId,
    },
    /// No more check-ins for the service; who waits is still served.
    SuspendService {
        /// The service.
        service: ServiceId,
    },
    /// Check-ins for the service are taken again.
    OfferService {
        /// The service.
        service: ServiceId,
    },
    /// An appointment is made, or changed: the code says which.
    BookAppointment {
        /// The appointment.
        appointment: Box<Appointment>,
    },
    /// An appointment is given up.
    CancelAppointment {
        /// Its code.
        code: AppointmentCode,
    },
}

/// What is known of a visit at check-in, beside service, language and time.
/// Everything is optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitDetails {
    /// Further services in the same visit, as many as
    /// [`VisitDetails::FURTHER_SERVICES_MAX`]. The server chooses the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<ServiceId>,
    /// How many people came together, from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub party: u8,
    /// What the resident needs to be served.
    #[serde(default, skip_serializing_if = "Needs::is_none")]
    pub needs: Needs,
    /// How the resident came to the office; by the sender if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// The class of priority, 1 (first) to 3, if staff gave another than the service's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// When the resident was at the door, by the sender's clock: the first touch
    /// of the kiosk, or the greeter's tap. Waits counted from the ticket mislead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door_at: Option<Timestamp>,
}

impl VisitDetails {
    /// How many services may be named in [`VisitDetails::also`].
    pub const FURTHER_SERVICES_MAX: usize = 5;
}

impl Default for VisitDetails {
    fn default() -> Self {
        Self {
            also: Vec::new(),
            party: 1,
            needs: Needs::default(),
            channel: None,
            priority: None,
            door_at: None,
        }
    }
}

fn one() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_one(party: &u8) -> bool {
    *party == 1
}

/// What a resident needs to be served well. Several may be true at once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// An interpreter for this language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<Language>,
    /// A counter that a wheelchair can come to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wheelchair: bool,
    /// A quiet place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// Is hard of hearing: the call is shown, and staff come over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hearing: bool,
    /// Is hard of sight: the call is spoken, and staff come over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sight: bool,
}

impl Needs {
    /// Whether nothing is needed.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How a resident came to the office.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// At a kiosk.
    Kiosk,
    /// With a greeter's help.
    Greeter,
    /// By telephone.
    Phone,
    /// On the web.
    Web,
    /// By letter.
    Mail,
    /// With a paper form.
    Paper,
}

/// Which appointment a resident has come for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppointmentClaim {
    /// By the code that the resident holds.
    Code(AppointmentCode),
    /// By name and birth date, hashed.
    Person(PersonHash),
}

/// An appointment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Appointment {
    /// The code that the resident holds.
    pub code: AppointmentCode,
    /// When.
    pub at: Timestamp,
    /// For what: at least one service.
    pub services: Vec<ServiceId>,
    /// The resident's language, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Who has it, hashed, if it can be found by name and birth date.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonHash>,
    /// How many people come together, from 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub party: u8,
    /// What the resident needs.
    #[serde(default, skip_serializing_if = "Needs::is_none")]
    pub needs: Needs,
}

/// How a service at the counter ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VisitOutcome {
    /// Done.
    #[default]
    Served,
    /// The resident has to come back, with papers that were missing, say.
    ComeBack,
    /// Could not be done here; sent to another office.
    Referred,
    /// The resident gave it up.
    GivenUp,
}

impl VisitOutcome {
    /// Whether it was done.
    #[must_use]
    pub fn is_served(&self) -> bool {
        *self == Self::Served
    }
}

/// Why a visit is on hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// The resident fills in a form.
    FillsForm,
    /// The resident fetches a paper or pays elsewhere.
    FetchesPaper,
    /// The clerk waits for somebody else: a supervisor, another office.
    AwaitsAnswer,
    /// The resident takes a test, or a photograph is taken.
    TakesTest,
    /// Something else.
    Other,
}

/// Where a visit is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferTo {
    /// To wait for this service.
    Service(ServiceId),
    /// To wait for this counter, with the service that it has.
    Counter(CounterId),
}
