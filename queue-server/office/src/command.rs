//! What somebody wants done.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use usher_protocol::message::{Request, RequestBody, Role, VisitDetails};
use usher_protocol::{CommandId, DeviceId, PaperForm, VisitId};

/// Who sends a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sender {
    /// A device with credentials of its own.
    Device {
        /// The device.
        id: DeviceId,
        /// What the office file lets it do.
        role: Role,
    },
    /// Staff, on the office's own web pages.
    Clerk,
    /// A resident, with the visit that their ticket's code leads to.
    Resident {
        /// The visit.
        visit: VisitId,
    },
}

impl Sender {
    /// The device, if it is one.
    #[must_use]
    pub fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::Device { id, .. } => Some(id),
            Self::Clerk | Self::Resident { .. } => None,
        }
    }

    /// How the log names this sender.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self {
            Self::Device { id, .. } => Origin::Device(id.clone()),
            Self::Clerk => Origin::Clerk,
            Self::Resident { .. } => Origin::Resident,
        }
    }
}

/// Whom the log names as the cause of an event. Written `device:kiosk-1`,
/// `clerk`, `resident` or `server`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// A device.
    Device(DeviceId),
    /// Staff.
    Clerk,
    /// The resident whose visit it is.
    Resident,
    /// The server itself: a day started.
    Server,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(id) => write!(f, "device:{id}"),
            Self::Clerk => f.write_str("clerk"),
            Self::Resident => f.write_str("resident"),
            Self::Server => f.write_str("server"),
        }
    }
}

/// A text that names no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is none of clerk, resident, server, device:ID")]
pub struct InvalidOrigin(String);

impl FromStr for Origin {
    type Err = InvalidOrigin;
    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        match text {
            "clerk" => Ok(Self::Clerk),
            "resident" => Ok(Self::Resident),
            "server" => Ok(Self::Server),
            _ => text
                .strip_prefix("device:")
                .and_then(|id| DeviceId::new(id).ok())
                .map(Self::Device)
                .ok_or_else(|| InvalidOrigin(text.to_owned())),
        }
    }
}

/// Who asked what under a command id, in 64 bits: tells a command that is sent
/// again from another one under the same id, also from a sender that only counts
/// its commands and so uses the ids of others. The first bytes of the SHA-256 of
/// origin and body, so that it stays the same in later versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub i64);

impl Fingerprint {
    fn of(origin: &Origin, body: &RequestBody) -> Self {
        let (origin, json) = match body {
            // The kiosk's journal and staff's scanner bring in the same form.
            // What it replaces is no part of what it is: only the journal knows.
            RequestBody::AdmitPaperForm { form, .. } => {
                let form = form.clone();
                let bare = RequestBody::AdmitPaperForm {
                    form,
                    replaces: None,
                };
                (String::new(), serde_json::to_vec(&bare))
            }
            body => (origin.to_string(), serde_json::to_vec(body)),
        };
        let digest = Sha256::new()
            .chain_update(origin)
            .chain_update("\n")
            .chain_update(json.expect("a request has string keys and finite numbers only"))
            .finalize();
        let head = digest.first_chunk().expect("SHA-256 has 32 bytes");
        Self(i64::from_be_bytes(*head))
    }
}

/// What somebody wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Made by the sender: the same id again gives the same answer.
    pub id: CommandId,
    /// Who wants it.
    pub sender: Sender,
    /// The sender's clock when it sent this.
    pub sent_at: Timestamp,
    /// How often the sender had started then; 0 if it does not count.
    pub boot: u64,
    /// What is wanted, times in whole milliseconds.
    pub body: RequestBody,
    /// The body in short.
    pub fingerprint: Fingerprint,
}

impl Command {
    /// The command in `request`, sent by `sender`.
    #[must_use]
    pub fn new(sender: Sender, request: Request) -> Self {
        let body = in_milliseconds(request.body);
        Self {
            id: request.id,
            fingerprint: Fingerprint::of(&sender.origin(), &body),
            sender,
            sent_at: request.sent_at,
            boot: request.boot,
            body,
        }
    }
}

/// The code on a paper form has milliseconds, a kiosk's clock may have more: cut
/// to the same, a form is the same from either side.
fn in_milliseconds(body: RequestBody) -> RequestBody {
    match body {
        RequestBody::CheckIn {
            service,
            language,
            arrived_at,
            details,
        } => RequestBody::CheckIn {
            service,
            language,
            arrived_at: whole_milliseconds(arrived_at),
            details: details_in_milliseconds(details),
        },
        RequestBody::CheckInAppointment {
            claim,
            language,
            arrived_at,
            details,
        } => RequestBody::CheckInAppointment {
            claim,
            language,
            arrived_at: whole_milliseconds(arrived_at),
            details: details_in_milliseconds(details),
        },
        RequestBody::AdmitPaperForm { form, replaces } => RequestBody::AdmitPaperForm {
            form: PaperForm {
                arrived_at: whole_milliseconds(form.arrived_at),
                ..form
            },
            replaces,
        },
        other => other,
    }
}

fn details_in_milliseconds(mut details: Box<VisitDetails>) -> Box<VisitDetails> {
    details.door_at = details.door_at.map(whole_milliseconds);
    details
}

/// `at` without what is finer than a millisecond.
#[must_use]
pub fn whole_milliseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond())
        .expect("a timestamp's own milliseconds are in range")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn origins_read_back() {
        for origin in [
            Origin::Device(DeviceId::new("clerk").unwrap()),
            Origin::Clerk,
            Origin::Resident,
            Origin::Server,
        ] {
            assert_eq!(origin.to_string().parse(), Ok(origin));
        }
        assert!("kiosk-1".parse::<Origin>().is_err());
        assert!("device:A".parse::<Origin>().is_err());
    }

    #[test]
    fn a_form_has_the_same_fingerprint_from_journal_and_paper() {
        let fine = sample::admit("X101", "2026-11-25T17:00:00.123456Z", Some("r-1"));
        let scanned = sample::admit("X101", "2026-11-25T17:00:00.123Z", None);
        let command = |body| Command::new(Sender::Clerk, sample::request("form", body));
        assert_eq!(command(fine).fingerprint, command(scanned).fingerprint);
        let other = sample::admit("X102", "2026-11-25T17:00:00.123Z", None);
        let known = sample::admit("X101", "2026-11-25T17:00:00.123Z", None);
        assert_ne!(command(known).fingerprint, command(other).fingerprint);
    }

    #[test]
    fn a_fingerprint_never_changes_between_versions() {
        // The log keeps it: if this fails, old logs would call every repeat a misuse.
        let body = RequestBody::CallNext {
            counter: "5".parse().unwrap(),
        };
        // printf 'clerk\n{"type":"call_next","counter":"5"}' | sha256sum
        assert_eq!(
            Fingerprint::of(&Origin::Clerk, &body),
            Fingerprint(-0x47b8_c651_875c_52a2)
        );
    }
}
