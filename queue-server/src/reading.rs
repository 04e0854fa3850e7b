//! From the bytes of a request to the request, or to an answer that says what
//! is wrong with them. Pure; used by the MQTT and the HTTP side.

use jiff::Timestamp;
use usher_protocol::CommandId;
use usher_protocol::message::{
    Outcome, PAYLOAD_BYTES_MAX, Rejection, RejectionCode, Reply, Request, decode,
};

/// Reads a request.
///
/// # Errors
/// The reply for its sender, if it cannot be read.
pub fn read_request(payload: &[u8], now: Timestamp) -> Result<Request, Box<Reply>> {
    decode(payload).map_err(|error| {
        Box::new(rejected(
            id_in(payload),
            RejectionCode::Unreadable,
            error.to_string(),
            "Nothing was stored. Correct the message and send it again; docs/protocol.md shows each one.",
            now,
        ))
    })
}

/// A reply that refuses a request before the office has seen it.
pub(crate) fn rejected(
    id: Option<CommandId>,
    code: RejectionCode,
    message: impl Into<String>,
    next_step: impl Into<String>,
    now: Timestamp,
) -> Reply {
    Reply {
        id,
        server_time: now,
        outcome: Outcome::Rejected {
            rejection: Rejection {
                code,
                message: message.into(),
                next_step: next_step.into(),
            },
        },
    }
}

/// The id in a payload that is otherwise no request, so that its sender knows
/// which one was meant.
pub(crate) fn id_in(payload: &[u8]) -> Option<CommandId> {
    if payload.len() > PAYLOAD_BYTES_MAX {
        return None;
    }
    let value: serde_json::Value = serde_json::from_slice(payload).ok()?;
    CommandId::new(value.get("id")?.as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_and_id(payload: &[u8]) -> (RejectionCode, Option<String>) {
        let reply = read_request(payload, Timestamp::UNIX_EPOCH).unwrap_err();
        let Outcome::Rejected { rejection } = reply.outcome else {
            panic!("not rejected");
        };
        assert!(!rejection.message.is_empty());
        (rejection.code, reply.id.map(String::from))
    }

    #[test]
    fn what_cannot_be_read_is_answered_with_its_id_if_it_has_one() {
        let unreadable = RejectionCode::Unreadable;
        for (payload, id) in [
            (&b""[..], None),
            (b"\xff", None),
            (b"[]", None),
            (br#"{"v":2,"id":"a-1"}"#, Some("a-1")),
            (br#"{"v":1,"id":"a-1","body":{"type":"fly"}}"#, Some("a-1")),
            (br#"{"v":1,"id":"not an id"}"#, None),
            (br#"{"v":1,"id":7}"#, None),
        ] {
            assert_eq!(
                code_and_id(payload),
                (unreadable, id.map(str::to_owned)),
                "{}",
                String::from_utf8_lossy(payload)
            );
        }
    }
}
