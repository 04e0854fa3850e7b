//! Names of things. Each is a newtype that is checked where it enters, so the
//! rest of the program can trust it: an id is safe in a topic, a path and a URL.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest name that an id may have, in bytes.
pub const ID_LENGTH_MAX: usize = 40;
/// Longest command id, in bytes. Long enough for a UUID or for a paper form's own id.
pub const COMMAND_ID_LENGTH_MAX: usize = 96;

/// Why a text cannot be an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" cannot be {what}: use 1 to {length_max} of {allowed}")]
pub struct InvalidId {
    text: String,
    what: &'static str,
    length_max: usize,
    allowed: &'static str,
}

fn check(
    text: &str,
    what: &'static str,
    length_max: usize,
    allowed: &'static str,
    is_allowed: fn(char) -> bool,
) -> Result<(), InvalidId> {
    if (1..=length_max).contains(&text.len()) && text.chars().all(is_allowed) {
        return Ok(());
    }
    Err(InvalidId {
        text: text.chars().take(COMMAND_ID_LENGTH_MAX).collect(),
        what,
        length_max,
        allowed,
    })
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $max:expr, $allowed:literal, $test:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and takes it as an id.
            ///
            /// # Errors
            /// [`InvalidId`] says which characters and lengths are allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                check(&text, $what, $max, $allowed, $test)?;
                Ok(Self(text))
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_slug(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

fn is_code_char(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-'
}

fn is_hex(c: char) -> bool {
    matches!(c, '0'..='9' | 'a'..='f')
}

fn is_command_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

text_id!(
    /// One field office.
    OfficeId, "an office id", ID_LENGTH_MAX, "a-z, 0-9 and -", is_slug
);
text_id!(
    /// A service that residents come for.
    ServiceId, "a service id", ID_LENGTH_MAX, "a-z, 0-9 and -", is_slug
);
text_id!(
    /// A counter where a clerk serves.
    CounterId, "a counter id", ID_LENGTH_MAX, "a-z, 0-9 and -", is_slug
);
text_id!(
    /// A device with credentials of its own: kiosk, hall display, call keypad.
    DeviceId, "a device id", ID_LENGTH_MAX, "a-z, 0-9 and -", is_slug
);
text_id!(
    /// A clerk, as the office file names them: no name of a person is needed.
    ClerkId, "a clerk id", ID_LENGTH_MAX, "a-z, 0-9 and -", is_slug
);
text_id!(
    /// The code that a resident holds for an appointment.
    AppointmentCode, "an appointment code", ID_LENGTH_MAX, "A-Z, 0-9 and -", is_code_char
);
text_id!(
    /// Who has an appointment, without saying it: the first 16 bytes, in hex, of
    /// an HMAC-SHA-256 over name and birth date, by a key of the office's day.
    PersonHash, "a person's hash", 32, "0-9 and a-f, 32 of them", is_hex
);
text_id!(
    /// A command's id, made by its sender. The same id again gives the same
    /// answer and nothing else happens, so a sender may repeat for ever.
    CommandId, "a command id", COMMAND_ID_LENGTH_MAX, "A-Z, a-z, 0-9 and -", is_command_char
);

/// One resident's stay. Numbered by the queue server from 1, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct VisitId(pub u64);

impl fmt::Display for VisitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "visit {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_break_a_topic_are_refused() {
        for bad in ["", "A", "a/b", "a+", "#", "a b", "é", &"a".repeat(41)] {
            let error = DeviceId::new(bad).expect_err(bad);
            assert!(error.to_string().contains("use 1 to 40 of"), "{error}");
        }
        assert_eq!(DeviceId::new("kiosk-1").unwrap().as_str(), "kiosk-1");
    }

    #[test]
    fn json_is_checked_like_text() {
        assert!(serde_json::from_str::<ServiceId>("\"id-card\"").is_ok());
        assert!(serde_json::from_str::<ServiceId>("\"id card\"").is_err());
        assert!(serde_json::from_str::<CommandId>(&format!("\"{}\"", "a".repeat(97))).is_err());
    }
}
