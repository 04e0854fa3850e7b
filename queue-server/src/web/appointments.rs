//! Appointments from another program, and who has them.
//!
//! Nothing of a payload is logged: it may hold names.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use usher_appointments::reading::{FILE_BYTES_MAX, MISTAKES_MAX};
use usher_appointments::{
    Change, Entry, FileError, Format, Mistake, Person, PersonKey, Reading, read,
};
use usher_protocol::message::{Outcome, PAYLOAD_BYTES_MAX, RejectionCode, Request, RequestBody};
use usher_protocol::{CommandId, PersonHash};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::api::{NoPayload, PAYLOAD_WAIT, Problem, media_type, payload_of};
use super::{Web, security};
use crate::office::command::Sender;
use crate::office::plan::OfficePlan;

/// What it takes to read appointments for the office.
#[derive(Debug)]
pub struct Bookings {
    /// What the office file says.
    pub plan: Arc<OfficePlan>,
    /// What names and birth dates are hashed with.
    pub key: PersonKey,
}

impl Bookings {
    fn read(&self, format: Format, file: &[u8]) -> Result<Reading, FileError> {
        let office = usher_appointments::Office {
            time_zone: &self.plan.time_zone,
            day_of: &|at| self.plan.day_of(at),
            has_service: &|service| self.plan.service(service).is_some(),
            key: Some(&self.key),
        };
        read(format, file, &office)
    }
}

/// What became of a file.
#[derive(Debug, Default, Serialize)]
struct Imported {
    /// How many rows, or events, it has.
    read: usize,
    /// How many appointments of it the office has now.
    booked_or_known: usize,
    /// How many appointments of it the office does not have any more, or never had.
    cancelled: usize,
    /// What was not done, at most [`MISTAKES_MAX`].
    refused: Vec<Refused>,
    /// How much more was not done.
    refused_left_off: usize,
}

impl Imported {
    fn refuse(&mut self, refused: Refused) {
        if self.refused.len() < MISTAKES_MAX {
            self.refused.push(refused);
        } else {
            self.refused_left_off += 1;
        }
    }
}

/// A row, or event, that was not done.
#[derive(Debug, Serialize)]
struct Refused {
    line: u64,
    /// Its code, if it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    message: String,
    next_step: String,
}

impl From<Mistake> for Refused {
    fn from(mistake: Mistake) -> Self {
        Self {
            line: mistake.line,
            code: None,
            message: mistake.message,
            next_step: mistake.next_step,
        }
    }
}

/// `POST /api/v1/appointments`: a file of appointments. Each is booked or
/// cancelled like a request of staff; what is wrong with one is no matter to the
/// others.
pub(super) async fn import(State(web): State<Web>, headers: HeaderMap, body: Body) -> Response {
    if let Some(refusal) = cross_site(&headers) {
        return refusal;
    }
    let format = match media_type(&headers).as_deref() {
        Some("text/csv") => Format::Csv,
        Some("text/calendar") => Format::Calendar,
        _ => {
            return problem(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "The file is not marked as a table or a calendar.",
                "Nothing was stored. Send it with the header Content-Type: text/csv or text/calendar.",
            );
        }
    };
    // One at a time: the counters' requests come in between, not behind several.
    let Ok(_place) = web.importing.try_acquire() else {
        return problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "Another file of appointments is being read in.",
            "Nothing was stored. Send it again in a minute.",
        );
    };
    let file = match payload_of(body, PAYLOAD_WAIT, FILE_BYTES_MAX).await {
        Ok(payload) => Zeroizing::new(Vec::<u8>::from(payload)),
        Err(missing) => return no_payload(&missing, "Nothing was stored. Send at most 2 MiB."),
    };
    let reading = match web.bookings.read(format, &file) {
        Ok(reading) => reading,
        Err(error) => {
            return problem(
                StatusCode::BAD_REQUEST,
                error.to_string(),
                error.next_step(),
            );
        }
    };
    drop(file);
    perform(&web, reading).await
}

async fn perform(web: &Web, reading: Reading) -> Response {
    let mut imported = Imported {
        read: reading.read,
        refused: reading.mistakes.into_iter().map(Refused::from).collect(),
        refused_left_off: reading.mistakes_left_off,
        ..Imported::default()
    };
    for Entry { line, change } in reading.entries {
        let code = Some(change.code().to_string());
        let is_cancellation = matches!(change, Change::Cancel(_));
        let request = Request {
            id: command_id(),
            sent_at: web.office.now(),
            boot: 0,
            body: match change {
                Change::Book(appointment) => RequestBody::BookAppointment { appointment },
                Change::Cancel(code) => RequestBody::CancelAppointment { code },
            },
        };
        match web.office.submit(Sender::Clerk, request).await.outcome {
            Outcome::Accepted { .. } if is_cancellation => imported.cancelled += 1,
            Outcome::Accepted { .. } => imported.booked_or_known += 1,
            // Cancelled by the same file before: an import can be run again.
            Outcome::Rejected { rejection }
                if is_cancellation && rejection.code == RejectionCode::UnknownAppointment =>
            {
                imported.cancelled += 1;
            }
            Outcome::Rejected { rejection } => imported.refuse(Refused {
                line,
                code,
                message: rejection.message,
                next_step: rejection.next_step,
            }),
            Outcome::Unavailable { reason } => {
                // Told first, even if there are many others.
                let stopped = Refused {
                    line,
                    code,
                    message: format!("The queue server cannot store at present: {reason}."),
                    next_step: "What stands before this line is done. Send the whole file again later: nothing is done twice.".to_owned(),
                };
                imported.refused.insert(0, stopped);
                return (StatusCode::SERVICE_UNAVAILABLE, Json(imported)).into_response();
            }
        }
    }
    imported.refused.sort_by_key(|refused| refused.line);
    tracing::info!(
        read = imported.read,
        booked_or_known = imported.booked_or_known,
        cancelled = imported.cancelled,
        refused = imported.refused.len() + imported.refused_left_off,
        "a file of appointments was read in"
    );
    Json(imported).into_response()
}

fn command_id() -> CommandId {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("Linux gives random bytes from early boot on");
    CommandId::new(format!(
        "appointment-{}",
        data_encoding::HEXLOWER.encode(&bytes)
    ))
    .expect("small letters, digits and a hyphen are a command's id")
}

/// Somebody, as written. Wiped after use; deliberately without `Debug`.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct Named {
    family_name: String,
    #[serde(default)]
    given_name: String,
    birth_date: String,
}

/// `POST /api/v1/appointments/person`: the hash of somebody for today.
pub(super) async fn person(State(web): State<Web>, headers: HeaderMap, body: Body) -> Response {
    #[derive(Serialize)]
    struct Hashed {
        person: PersonHash,
    }
    if let Some(refusal) = cross_site(&headers) {
        return refusal;
    }
    if media_type(&headers).as_deref() != Some("application/json") {
        return problem(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The request is not marked as JSON.",
            "Send it with the header Content-Type: application/json.",
        );
    }
    let payload = match payload_of(body, PAYLOAD_WAIT, PAYLOAD_BYTES_MAX).await {
        Ok(payload) => Zeroizing::new(Vec::<u8>::from(payload)),
        Err(missing) => return no_payload(&missing, "Send at most 256 KiB."),
    };
    // What is wrong with the JSON is not told: the reader's words may hold a name.
    let Ok(named) = serde_json::from_slice::<Named>(&payload) else {
        return problem(
            StatusCode::BAD_REQUEST,
            "The request cannot be read.",
            "Send {\"family_name\": …, \"given_name\": …, \"birth_date\": \"1990-01-31\"}.",
        );
    };
    match Person::new(&named.family_name, &named.given_name, &named.birth_date) {
        Ok(person) => {
            let today = web.bookings.plan.day_of(web.office.now());
            let person = web.bookings.key.of_day(today).hash(&person);
            Json(Hashed { person }).into_response()
        }
        Err(nobody) => problem(
            StatusCode::BAD_REQUEST,
            nobody.to_string(),
            "Check in by the appointment's code.",
        ),
    }
}

fn cross_site(headers: &HeaderMap) -> Option<Response> {
    security::is_cross_site(headers).then(|| {
        problem(
            StatusCode::FORBIDDEN,
            "The request comes from a page of another site.",
            "Nothing was stored. Use the office's own pages.",
        )
    })
}

fn no_payload(missing: &NoPayload, too_long: &'static str) -> Response {
    match missing {
        NoPayload::Late => problem(
            StatusCode::REQUEST_TIMEOUT,
            "The request did not come to its end in time.",
            "Nothing was stored. Send it again.",
        ),
        NoPayload::TooLong => problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The request is too long, or was cut off.",
            too_long,
        ),
    }
}

fn problem(status: StatusCode, message: impl Into<String>, next_step: &'static str) -> Response {
    let message = message.into();
    (status, Json(Problem { message, next_step })).into_response()
}
