//! Why a command is not done, in words that say what to do.

use usher_protocol::message::{Rejection, RejectionCode};
use usher_protocol::{CounterId, DeviceId, ServiceId, TicketNumber, VisitId};

use crate::answers::PAPER_DAYS;

fn rejection(code: RejectionCode, message: String, next_step: &str) -> Rejection {
    Rejection {
        code,
        message,
        next_step: next_step.to_owned(),
    }
}

pub(super) fn not_allowed(who: &str, what: &str) -> Rejection {
    rejection(
        RejectionCode::NotAllowed,
        format!("{who} may not {what}."),
        "If it should, give it another role in the office file and restart the queue server.",
    )
}

pub(super) fn form_of_another_kiosk(sender: &DeviceId, owner: &DeviceId) -> Rejection {
    rejection(
        RejectionCode::NotAllowed,
        format!("{sender} sent a paper form of {owner}; a kiosk brings in its own forms only."),
        "Scan the form's code at a counter.",
    )
}

pub(super) fn ticket_of_another_kiosk(visit: VisitId) -> Rejection {
    rejection(
        RejectionCode::NotAllowed,
        format!("The ticket of {visit} was not printed at this kiosk."),
        "Only the kiosk that printed a ticket reports on it.",
    )
}

pub(super) fn unknown_service(service: &ServiceId) -> Rejection {
    rejection(
        RejectionCode::UnknownService,
        format!("The office has no service \"{service}\"."),
        "Choose a service from the retained state/office message.",
    )
}

pub(super) fn unknown_counter(counter: &CounterId) -> Rejection {
    rejection(
        RejectionCode::UnknownCounter,
        format!("The office has no counter \"{counter}\"."),
        "Open the start page and choose a counter there.",
    )
}

pub(super) fn unknown_visit(visit: VisitId) -> Rejection {
    rejection(
        RejectionCode::UnknownVisit,
        format!("There is no {visit} today or on the day before."),
        "Nothing more to do for it.",
    )
}

pub(super) fn unknown_kiosk(device: &DeviceId) -> Rejection {
    rejection(
        RejectionCode::WrongNumber,
        format!("The office file gives no series of paper forms to \"{device}\"."),
        "Check the resident in as a new visit, and add the kiosk to the office file.",
    )
}

pub(super) fn form_too_old() -> Rejection {
    rejection(
        RejectionCode::WrongState,
        format!("This form is more than {} days old.", PAPER_DAYS - 1),
        "Check the resident in as a new visit.",
    )
}

pub(super) fn counter_closed(label: &str) -> Rejection {
    rejection(
        RejectionCode::CounterClosed,
        format!("Counter {label} is closed."),
        "Open it first.",
    )
}

pub(super) fn counter_busy(label: &str, number: TicketNumber) -> Rejection {
    rejection(
        RejectionCode::CounterBusy,
        format!("Counter {label} still has {}.", number.spaced()),
        "Finish that visit, or mark it as a no-show.",
    )
}

pub(super) fn counter_empty(label: &str) -> Rejection {
    rejection(
        RejectionCode::CounterEmpty,
        format!("Counter {label} has no visit."),
        "Call the next one.",
    )
}

pub(super) fn already_serving(number: TicketNumber) -> Rejection {
    rejection(
        RejectionCode::WrongState,
        format!("{} is at the counter already.", number.spaced()),
        "Finish the visit when it is done.",
    )
}

pub(super) fn not_started(number: TicketNumber) -> Rejection {
    rejection(
        RejectionCode::WrongState,
        format!(
            "{} was called, but its service has not started.",
            number.spaced()
        ),
        "Start the service first, or mark a no-show.",
    )
}

pub(super) fn nobody_waiting(label: &str) -> Rejection {
    rejection(
        RejectionCode::NobodyWaiting,
        format!("Nobody waits for the services of counter {label}."),
        "The page shows it when somebody does.",
    )
}

pub(super) fn numbers_exhausted(series: impl std::fmt::Display) -> Rejection {
    rejection(
        RejectionCode::NumbersExhausted,
        format!("All numbers of series {series} are in use today."),
        "Give the service another series in the office file and restart the queue server.",
    )
}

pub(super) fn id_in_use() -> Rejection {
    rejection(
        RejectionCode::IdInUse,
        "This command id was used for something else.".to_owned(),
        "Make a new id for each new command.",
    )
}
