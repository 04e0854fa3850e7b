//! Why a command is not done, in words that say what to do.

use usher_protocol::message::{Rejection, RejectionCode, VisitDetails};
use usher_protocol::{ClerkId, CounterId, DeviceId, ServiceId, TicketNumber, VisitId};

use crate::answers::PAPER_DAYS;
use crate::visit::Visit;

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

pub(super) fn counter_on_break(label: &str) -> Rejection {
    rejection(
        RejectionCode::CounterOnBreak,
        format!("Counter {label} has a break."),
        "End the break first.",
    )
}

pub(super) fn counter_taken(label: &str) -> Rejection {
    rejection(
        RejectionCode::CounterBusy,
        format!("Another clerk has counter {label}."),
        "Close it for them first, or take another counter.",
    )
}

pub(super) fn no_services(label: &str) -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        format!("Counter {label} must serve something."),
        "Name at least one service, or close the counter.",
    )
}

pub(super) fn no_such_break(minutes_max: u16) -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        format!("A break has 1 to {minutes_max} minutes, or no length."),
        "For longer, close the counter.",
    )
}

pub(super) fn unknown_clerk(clerk: &ClerkId) -> Rejection {
    rejection(
        RejectionCode::UnknownClerk,
        format!("The office file has no clerk \"{clerk}\"."),
        "Choose a clerk of the office file, or open the counter without one.",
    )
}

pub(super) fn service_suspended(name: &str) -> Rejection {
    rejection(
        RejectionCode::ServiceSuspended,
        format!("{name} is not offered at the moment."),
        "Choose another service, or ask a person.",
    )
}

pub(super) fn office_closed(opens: Option<jiff::civil::DateTime>) -> Rejection {
    rejection(
        RejectionCode::OfficeClosed,
        match opens {
            Some(opens) => format!(
                "The office is closed. It opens on {}.",
                opens.strftime("%A, %B %-d, at %H:%M")
            ),
            None => "The office is closed.".to_owned(),
        },
        "Come back then, or ask a person.",
    )
}

pub(super) fn too_late_today(name: &str) -> Rejection {
    rejection(
        RejectionCode::TooLateToday,
        format!("Whoever joined for {name} now would probably not be called before closing."),
        "Come another day, make an appointment, or ask a person.",
    )
}

pub(super) fn too_many_services() -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        format!(
            "A visit has at most {} services.",
            VisitDetails::FURTHER_SERVICES_MAX + 1
        ),
        "Take a second ticket for the others.",
    )
}

pub(super) fn nobody_came() -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        "A party has at least one person.".to_owned(),
        "Leave \"party\" out, or count the resident.",
    )
}

pub(super) fn priority_is_for_staff() -> Rejection {
    rejection(
        RejectionCode::NotAllowed,
        "Only staff give a priority.".to_owned(),
        "Leave \"priority\" out; the service has its own.",
    )
}

pub(super) fn no_such_priority() -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        "A priority is 1 (first), 2 or 3.".to_owned(),
        "Choose one of them.",
    )
}

pub(super) fn unknown_appointment() -> Rejection {
    rejection(
        RejectionCode::UnknownAppointment,
        "No appointment of today is known by this.".to_owned(),
        "Choose a service and wait without one, or ask a person.",
    )
}

pub(super) fn already_in_queue(visit: &Visit) -> Rejection {
    rejection(
        RejectionCode::AlreadyInQueue,
        format!(
            "The resident of this appointment is here already: {} {}.",
            visit.number.spaced(),
            visit.state.in_words()
        ),
        "Keep that number; there is one place for each resident.",
    )
}

pub(super) fn appointment_for_nothing() -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        "An appointment is for at least one service.".to_owned(),
        "Name a service of the office file.",
    )
}

pub(super) fn appointment_out_of_range() -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        "An appointment is for today or a day of the year to come.".to_owned(),
        "Check its date.",
    )
}

pub(super) fn not_waiting(visit: &Visit) -> Rejection {
    wrong_state(visit, "Only a visit that waits can be called.")
}

pub(super) fn not_on_hold(visit: &Visit) -> Rejection {
    wrong_state(visit, "Only a visit on hold can be resumed.")
}

pub(super) fn cannot_return(visit: &Visit) -> Rejection {
    wrong_state(
        visit,
        "Only a no-show or a visit on hold returns to the queue; a closed one is reopened.",
    )
}

pub(super) fn cannot_wait_longer(visit: &Visit) -> Rejection {
    wrong_state(
        visit,
        "Only who waits or was called can let others go first.",
    )
}

pub(super) fn cannot_reopen(visit: &Visit) -> Rejection {
    wrong_state(visit, "Only a visit that was closed today can be reopened.")
}

pub(super) fn is_closed(visit: &Visit) -> Rejection {
    wrong_state(visit, "Reopen it first.")
}

fn wrong_state(visit: &Visit, next_step: &str) -> Rejection {
    rejection(
        RejectionCode::WrongState,
        format!("{} {}.", visit.number.spaced(), visit.state.in_words()),
        next_step,
    )
}

pub(super) fn of_another_day(number: TicketNumber) -> Rejection {
    rejection(
        RejectionCode::TooLate,
        format!("{} is of another day.", number.spaced()),
        "Check the resident in anew.",
    )
}

pub(super) fn place_given_up(number: TicketNumber, minutes: u16) -> Rejection {
    rejection(
        RejectionCode::TooLate,
        format!(
            "The place of {} was kept for {minutes} minutes after the call.",
            number.spaced()
        ),
        "Reopen the visit, or check the resident in anew.",
    )
}

pub(super) fn more_time_out_of_range(minutes_max: u16) -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        format!("Others can go first for 1 to {minutes_max} minutes."),
        "Choose a shorter time, and ask again when it has passed.",
    )
}

pub(super) fn recalled_too_soon(number: TicketNumber, seconds: i64) -> Rejection {
    rejection(
        RejectionCode::TooSoon,
        format!("{} was called a moment ago.", number.spaced()),
        &format!("Wait {seconds} s before you call again."),
    )
}

pub(super) fn no_show_too_soon(number: TicketNumber, seconds: i64) -> Rejection {
    rejection(
        RejectionCode::TooSoon,
        format!("{} was called a moment ago.", number.spaced()),
        &format!("Give them {seconds} s more to come, or call again."),
    )
}

pub(super) fn transfer_to_itself() -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        "The visit is at this counter already.".to_owned(),
        "Choose another counter or a service, or put the visit on hold.",
    )
}

pub(super) fn note_too_long(length_max: usize) -> Rejection {
    rejection(
        RejectionCode::InvalidValue,
        format!("A note has at most {length_max} characters."),
        "Shorten it.",
    )
}

pub(super) fn nothing_to_undo(label: &str) -> Rejection {
    rejection(
        RejectionCode::WrongState,
        format!("Nothing was done at counter {label} that can be taken back."),
        "A call that was repeated, a break and a closed counter cannot be undone.",
    )
}

pub(super) fn moved_since(label: &str) -> Rejection {
    rejection(
        RejectionCode::WrongState,
        format!("The visit that counter {label} had last has moved on since."),
        "Look where it stands now.",
    )
}

pub(super) fn too_late_to_undo(seconds: u16) -> Rejection {
    rejection(
        RejectionCode::TooLate,
        format!("Only what was done within {seconds} seconds can be taken back."),
        "Reopen the visit, or transfer it.",
    )
}
