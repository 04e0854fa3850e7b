//! The interface for programs, which the pages use as well.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use usher_protocol::message::{Outcome, PAYLOAD_BYTES_MAX, RejectionCode, Reply, encode};

use super::{Web, security};
use crate::office::command::Sender;
use crate::reading::{read_request, rejected};

/// How long a request's payload may take to come.
pub(super) const PAYLOAD_WAIT: Duration = Duration::from_secs(10);

/// An answer to a question that was put wrongly, in words.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    /// What is wrong.
    pub(super) message: String,
    /// What to do.
    pub(super) next_step: &'static str,
}

/// `GET /api/v1/state`: the newest view of the office.
pub(super) async fn state(State(web): State<Web>) -> Response {
    let view = web.office.watch().borrow().clone();
    Json(view.as_ref()).into_response()
}

/// `GET /healthz`: for whatever watches over the server.
pub(super) async fn health(State(web): State<Web>) -> Response {
    #[derive(Serialize)]
    struct Health {
        accepting: bool,
        sequence: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        trouble: Option<String>,
    }
    let view = web.office.watch().borrow().clone();
    let status = if view.accepting {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let health = Health {
        accepting: view.accepting,
        sequence: view.sequence,
        trouble: view.trouble.clone(),
    };
    (status, Json(health)).into_response()
}

/// `POST /api/v1/requests`: a request, as on MQTT. The sender is staff.
pub(super) async fn requests(State(web): State<Web>, headers: HeaderMap, body: Body) -> Response {
    let now = web.office.now();
    let refuse = |status, message: &str, next_step: &str| {
        let code = RejectionCode::Unreadable;
        with_status(status, &rejected(None, code, message, next_step, now))
    };
    if security::is_cross_site(&headers) {
        return refuse(
            StatusCode::FORBIDDEN,
            "The request comes from a page of another site.",
            "Nothing was stored. Use the office's own pages.",
        );
    }
    if media_type(&headers).as_deref() != Some("application/json") {
        return refuse(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The request is not marked as JSON.",
            "Nothing was stored. Send it with the header Content-Type: application/json.",
        );
    }
    let payload = match payload_of(body, PAYLOAD_WAIT, PAYLOAD_BYTES_MAX).await {
        Ok(payload) => payload,
        Err(NoPayload::Late) => {
            return refuse(
                StatusCode::REQUEST_TIMEOUT,
                "The request did not come to its end in time.",
                "Nothing was stored. Send it again, with the same id.",
            );
        }
        Err(NoPayload::TooLong) => {
            return refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request is too long, or was cut off.",
                "Nothing was stored. Send at most 256 KiB.",
            );
        }
    };
    match read_request(&payload, now) {
        Ok(request) => {
            let reply = web.office.submit(Sender::Clerk, request).await;
            with_status(status_of(&reply), &reply)
        }
        Err(reply) => with_status(StatusCode::BAD_REQUEST, &reply),
    }
}

/// A known address, asked in the wrong way.
pub(super) async fn wrong_method(method: Method, uri: Uri) -> Response {
    let problem = Problem {
        message: format!("{method} is not possible on {}.", uri.path()),
        next_step: "Read pages with GET; send requests with POST to /api/v1/requests.",
    };
    (StatusCode::METHOD_NOT_ALLOWED, Json(problem)).into_response()
}

/// Why there is no payload.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoPayload {
    /// It did not end in time.
    Late,
    /// It is longer than it may be, or was cut off.
    TooLong,
}

/// The whole payload, if it comes within `wait` and has at most `bytes_max`.
pub(super) async fn payload_of(
    body: Body,
    wait: Duration,
    bytes_max: usize,
) -> Result<Bytes, NoPayload> {
    let reading = axum::body::to_bytes(body, bytes_max);
    match tokio::time::timeout(wait, reading).await {
        Ok(read) => read.map_err(|_| NoPayload::TooLong),
        Err(_) => Err(NoPayload::Late),
    }
}

/// What the payload is said to be, in small letters and without parameters.
pub(super) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let kind = value.split(';').next()?;
    Some(kind.trim().to_ascii_lowercase())
}

fn status_of(reply: &Reply) -> StatusCode {
    match reply.outcome {
        Outcome::Accepted { .. } => StatusCode::OK,
        Outcome::Rejected { .. } => StatusCode::CONFLICT,
        Outcome::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn with_status(status: StatusCode, reply: &Reply) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (status, json, encode(reply)).into_response()
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::stream::{self, StreamExt};

    use super::*;

    #[tokio::test]
    async fn a_payload_that_does_not_end_is_not_waited_for() {
        let begun = stream::iter([Ok::<_, io::Error>("{")]).chain(stream::pending());
        let payload = payload_of(Body::from_stream(begun), Duration::from_millis(20), 9).await;
        assert_eq!(payload, Err(NoPayload::Late));
    }
}
