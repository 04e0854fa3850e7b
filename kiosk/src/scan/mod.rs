//! What the ID scanner sends, from bytes on a wire to what a check-in needs.
//!
//! [`assemble`] finds where a scan ends, [`read`] tells what it is, [`aamva`]
//! takes the little that greeting needs from a driver's licence, and
//! [`reader`] owns the serial port. Nothing read here is stored, logged or sent.

pub mod aamva;
pub mod assemble;
pub mod reader;

use zeroize::{Zeroize, ZeroizeOnDrop};

/// What came from the scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanOutcome {
    /// A driver's licence or ID card, read to its end.
    Licence(Licence),
    /// A part of one: the card was moved too soon.
    Partial,
    /// The lines of a passport or another travel document (ICAO 9303). They are
    /// told apart here but not yet read.
    TravelDocument,
    /// A short code: the line barcode on a licence, a product, a paper form.
    ShortCode,
    /// Noise, or something that no office uses.
    Unreadable,
}

/// The little that is taken from a licence: nothing but whom to greet. Wiped from memory when dropped, and
/// silent in logs.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Licence {
    /// Given name as printed, often in capitals; `None` if the card has none.
    pub given_name: Option<String>,
}

impl std::fmt::Debug for Licence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Licence(…)")
    }
}

/// Shorter scans are electric noise and no reason to bother anyone, bytes.
pub const NOISE_BYTES_MAX: usize = 3;
/// Longest short code, bytes. The line barcode on a licence has about 20.
const SHORT_CODE_BYTES_MAX: usize = 64;

/// Tells what `bytes`, one whole scan, are. `None` for what is not worth a word:
/// a stray line end, a byte of noise.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<ScanOutcome> {
    if bytes.trim_ascii().len() <= NOISE_BYTES_MAX {
        return None;
    }
    // With its line ends: they tell a whole licence from a part.
    if let Some(outcome) = aamva::parse(bytes) {
        return Some(outcome);
    }
    let bytes = bytes.trim_ascii();
    if is_travel_document(bytes) {
        return Some(ScanOutcome::TravelDocument);
    }
    let is_short = bytes.len() <= SHORT_CODE_BYTES_MAX && bytes.iter().all(u8::is_ascii_graphic);
    Some(if is_short {
        ScanOutcome::ShortCode
    } else {
        ScanOutcome::Unreadable
    })
}

/// Two or three lines of capitals, digits and `<`, at least 28 long each
/// (ICAO 9303 parts 4 to 6: lines of 30, 36 or 44).
fn is_travel_document(bytes: &[u8]) -> bool {
    const LINE_BYTES_MIN: usize = 28;
    let is_mrz = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'<';
    let mut lines = 0;
    for line in bytes.split(|b| b"\r\n".contains(b)) {
        if line.is_empty() {
            continue;
        }
        if line.len() < LINE_BYTES_MIN || !line.iter().all(is_mrz) {
            return false;
        }
        lines += 1;
    }
    (2..=3).contains(&lines) && bytes.contains(&b'<')
}

/// A name as one is greeted by it: `KIM` becomes `Kim`, `O'BRIEN` `O'Brien`.
/// A name that is written with small letters already stays as it is.
#[must_use]
pub fn greeting_name(name: &str) -> zeroize::Zeroizing<String> {
    const LETTERS_MAX: usize = 40;
    let mut greeting = zeroize::Zeroizing::new(String::with_capacity(name.len() * 2));
    if name.chars().any(char::is_lowercase) {
        greeting.extend(name.chars().take(LETTERS_MAX));
        return greeting;
    }
    let mut at_start = true;
    for letter in name.chars().take(LETTERS_MAX) {
        if at_start {
            greeting.push(letter);
        } else {
            greeting.extend(letter.to_lowercase());
        }
        at_start = !letter.is_alphanumeric();
    }
    greeting
}

#[cfg(test)]
pub(crate) mod samples {
    /// The bytes of a sample in `tests/data/id-barcodes` of the workspace.
    pub(crate) fn bytes(name: &str) -> Vec<u8> {
        let path = format!("../tests/data/id-barcodes/{name}.bin");
        std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What a sample says.
    pub(crate) fn says(name: &str) -> serde_json::Value {
        let path = format!("../tests/data/id-barcodes/{name}.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    pub(crate) const LICENCES: [&str; 5] = [
        "california-2020",
        "ohio-2009",
        "ontario-2016",
        "texas-2003",
        "virginia-2000",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_kind_of_code_is_told_apart() {
        for (bytes, expected) in [
            (
                &samples::bytes("mrz-td1")[..],
                Some(ScanOutcome::TravelDocument),
            ),
            (
                &samples::bytes("mrz-td3")[..],
                Some(ScanOutcome::TravelDocument),
            ),
            (b"07986941109\r", Some(ScanOutcome::ShortCode)),
            (b"U1.KIOSK-1.X101", Some(ScanOutcome::ShortCode)),
            (b"\r\n", None),
            (b"\xff\x00", None),
            (b"\x00\xff\x91\x13\x07\x80~", Some(ScanOutcome::Unreadable)),
        ] {
            assert_eq!(read(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn greetings_look_like_names() {
        for (printed, greeted) in [
            ("KIM", "Kim"),
            ("MARIA ELENA", "Maria Elena"),
            ("O'BRIEN-SMITH", "O'Brien-Smith"),
            ("José", "José"),
            ("ÉMILIE", "Émilie"),
        ] {
            assert_eq!(greeting_name(printed).as_str(), greeted);
        }
    }

    #[test]
    fn a_licence_is_silent_in_logs() {
        let Some(ScanOutcome::Licence(licence)) = read(&samples::bytes("california-2020")) else {
            panic!("the sample is a licence");
        };
        let logged = format!("{:?}", ScanOutcome::Licence(licence)).to_uppercase();
        assert!(
            !logged.contains("KIM") && !logged.contains("BRIEN"),
            "{logged}"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_told_apart_or_ignored(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&bytes);
        }
    }
}
