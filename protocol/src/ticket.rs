//! Ticket numbers and the paper form.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{CommandId, DeviceId, ServiceId};
use crate::language::Language;

/// Highest number in a series. Four digits are the most that a hall display
/// and a voice can carry comfortably.
pub const NUMBER_MAX: u16 = 9999;

/// The letters before a number: one or two of A–Z. Each service has a series
/// that the queue server numbers, and each kiosk has one of its own for paper
/// forms that nobody else can issue. The office file keeps them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Series {
    first: u8,
    second: Option<u8>,
}

/// What residents hold and what is called: a series and a number, unique in an
/// office for a day. Written `B42`; shown and spoken `B 42`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TicketNumber {
    series: Series,
    number: u16,
}

/// Why a text is no series or ticket number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no ticket number: use one or two letters A-Z, then 1 to 9999, like B42")]
pub struct InvalidTicketNumber(String);

impl Series {
    /// Checks `text` and takes it as a series.
    ///
    /// # Errors
    /// [`InvalidTicketNumber`] if it is not one or two letters A–Z.
    pub fn new(text: &str) -> Result<Self, InvalidTicketNumber> {
        match text.as_bytes() {
            [first] if first.is_ascii_uppercase() => Ok(Self {
                first: *first,
                second: None,
            }),
            [first, second] if first.is_ascii_uppercase() && second.is_ascii_uppercase() => {
                Ok(Self {
                    first: *first,
                    second: Some(*second),
                })
            }
            _ => Err(InvalidTicketNumber(text.chars().take(12).collect())),
        }
    }

    /// The number `number` of this series, or `None` outside 1 to [`NUMBER_MAX`].
    #[must_use]
    pub fn number(self, number: u16) -> Option<TicketNumber> {
        (1..=NUMBER_MAX).contains(&number).then_some(TicketNumber {
            series: self,
            number,
        })
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(self.first))?;
        self.second
            .map_or(Ok(()), |second| write!(f, "{}", char::from(second)))
    }
}

impl TicketNumber {
    /// The series that this number is of.
    #[must_use]
    pub fn series(self) -> Series {
        self.series
    }

    /// The number within its series, 1 to [`NUMBER_MAX`].
    #[must_use]
    pub fn number(self) -> u16 {
        self.number
    }

    /// As people read it, with a space: `B 42`.
    #[must_use]
    pub fn spaced(self) -> String {
        format!("{} {}", self.series, self.number)
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.series, self.number)
    }
}

impl FromStr for TicketNumber {
    type Err = InvalidTicketNumber;
    /// Reads `B42` and, as people type it, `b 42` or `B042`.
    fn from_str(text: &str) -> Result<Self, InvalidTicketNumber> {
        let invalid = || InvalidTicketNumber(text.chars().take(12).collect());
        let split = text
            .find(|c: char| !c.is_ascii_alphabetic())
            .ok_or_else(invalid)?;
        let (letters, digits) = text.split_at(split);
        let digits = digits.trim();
        if !(1..=6).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let number = digits.parse().map_err(|_| invalid())?;
        Series::new(&letters.to_ascii_uppercase())
            .map_err(|_| invalid())?
            .number(number)
            .ok_or_else(invalid)
    }
}

macro_rules! json_as_text {
    ($name:ident, $parse:expr) => {
        impl TryFrom<String> for $name {
            type Error = InvalidTicketNumber;
            fn try_from(text: String) -> Result<Self, InvalidTicketNumber> {
                $parse(&text)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}
json_as_text!(Series, Series::new);
json_as_text!(TicketNumber, TicketNumber::from_str);

/// A place in the queue that a kiosk gave out on paper, without the server.
///
/// It carries all that the queue needs, so that it can enter from the kiosk's
/// journal, or from the code on the paper, whichever comes first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperForm {
    /// The kiosk that printed it.
    pub device: DeviceId,
    /// A number of that kiosk's own series.
    pub number: TicketNumber,
    /// What the resident came for.
    pub service: ServiceId,
    /// The resident's language.
    pub language: Language,
    /// When the resident arrived, by the kiosk's clock.
    pub arrived_at: Timestamp,
    /// How often the kiosk had started when it printed the form: tells the
    /// clock before a restart from the clock after it.
    pub boot: u64,
}

impl PaperForm {
    /// The form's own command id, the same from whichever side it comes, so
    /// that it enters the queue once.
    #[must_use]
    pub fn command_id(&self) -> CommandId {
        let text = format!(
            "form-{}-{}-{}",
            self.device,
            self.number,
            self.arrived_at.as_millisecond()
        );
        CommandId::new(text).expect("a device id, a number and digits make a valid command id")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<TicketNumber, InvalidTicketNumber> {
        text.parse()
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for text in ["B42", "b42", "B 42", "B042"] {
            assert_eq!(number(text).unwrap().to_string(), "B42");
        }
        assert_eq!(number("XY9999").unwrap().spaced(), "XY 9999");
        for bad in [
            "", "B", "42", "B0", "B10000", "ABC1", "B-1", "B42x", "É1", "B+4",
        ] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_form_has_one_id() {
        let form = PaperForm {
            device: DeviceId::new("kiosk-1").unwrap(),
            number: number("X101").unwrap(),
            service: ServiceId::new("titles").unwrap(),
            language: Language::english(),
            arrived_at: "2026-11-25T09:41:07.120Z".parse().unwrap(),
            boot: 3,
        };
        assert_eq!(
            form.command_id().as_str(),
            "form-kiosk-1-X101-1795599667120"
        );
    }
}
