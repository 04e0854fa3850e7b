//! Who has an appointment, without saying it.
//!
//! A kiosk reads a name and a birth date from an ID, and an import reads them
//! from a file. Both become the same [`PersonHash`] if they are of one person,
//! and neither is kept: without the office's key nobody can even try names, and
//! with a key of its own for each day nobody can follow a person over days.
//!
//! # What is compared
//!
//! The first [`FAMILY_LETTERS_MAX`] letters of the family name, the first letter
//! of the given name, and the birth date. Barcodes on IDs write names in capitals
//! without marks, often without hyphens, and may cut them short (AAMVA DL/ID Card
//! Design Standard, elements DCS and DDE), so a name is taken apart (Unicode
//! NFKD), its marks are dropped, its case is folded and all but letters is left
//! out: `GARCÍA-LÓPEZ` on a letter is `GARCIA LOPEZ` in a barcode. Names in other
//! scripts agree with themselves only, not with a Latin spelling.
//!
//! # When two people are taken for one
//!
//! They need the same family name, the same initial and the same birth date, and
//! appointments on the same day. Assume a common name (4 of 100 residents), a
//! common initial (1 of 10) and birth dates spread over 55 years (1 of 20,000):
//! one in five million for a pair, so in an office with 300 appointments a day
//! about one in 17,000 of such check-ins. Twins with one initial are the case
//! that really comes. `docs/appointments.md` says what staff do then.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use jiff::civil::Date;
use sha2::Sha256;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use usher_protocol::PersonHash;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How many letters of a family name count.
pub const FAMILY_LETTERS_MAX: usize = 20;

/// How many bytes a [`PersonKey`] has.
pub const KEY_BYTES: usize = 32;

/// How many bytes of the HMAC a [`PersonHash`] has.
const HASH_BYTES: usize = 16;

/// Length of `YYYY-MM-DD`, bytes.
const DATE_BYTES: usize = 10;

/// What an ID writes where there is no given name (AAMVA DL/ID Card Design
/// Standard, element DAC), after normalisation.
const NO_GIVEN_NAME: [&str; 2] = ["none", "unavl"];

/// The secret of an office from which the keys of its days are made. Wiped when
/// it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PersonKey([u8; KEY_BYTES]);

impl PersonKey {
    /// Takes 32 random bytes as the key.
    #[must_use]
    pub fn new(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// The key of the office's day `date`, and of no other.
    #[must_use]
    pub fn of_day(&self, date: Date) -> DayKey {
        let mut code = keyed(&self.0);
        code.update(date.to_string().as_bytes());
        let mut key = DayKey([0; KEY_BYTES]);
        key.0.copy_from_slice(&code.finalize().into_bytes());
        key
    }
}

impl fmt::Debug for PersonKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonKey(…)")
    }
}

/// The key of one day of an office. Wiped when it is dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DayKey([u8; KEY_BYTES]);

impl DayKey {
    /// The person's hash on this day.
    #[must_use]
    pub fn hash(&self, person: &Person) -> PersonHash {
        let mut code = keyed(&self.0);
        let parts: [&[u8]; 3] = [
            person.family.as_bytes(),
            person.initial.as_bytes(),
            person.birth_date.as_slice(),
        ];
        for part in parts {
            // The lengths keep "ab" and "c" from being "a" and "bc".
            let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
            code.update(&length.to_be_bytes());
            code.update(part);
        }
        let code = Zeroizing::new(<[u8; 32]>::from(code.finalize().into_bytes()));
        PersonHash::new(HEXLOWER.encode(&code[..HASH_BYTES]))
            .expect("sixteen bytes in hexadecimal are a person's hash")
    }
}

impl fmt::Debug for DayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DayKey(…)")
    }
}

fn keyed(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// Somebody, as far as it is compared. Never shown, and wiped when it is dropped.
pub struct Person {
    family: Zeroizing<String>,
    initial: Zeroizing<String>,
    birth_date: Zeroizing<[u8; DATE_BYTES]>,
}

/// Why a name and a birth date are nobody. Holds neither of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAPerson {
    /// The family name has no letters.
    #[error("The family name has no letters.")]
    NoFamilyName,
    /// The birth date is no date of the calendar from 1900 on.
    #[error("The birth date is no date like 1990-01-31, from 1900 on.")]
    NoBirthDate,
}

impl Person {
    /// A person of these names; `birth_date` as `YYYY-MM-DD`. The given name may
    /// be empty: some people have one name only.
    ///
    /// # Errors
    /// [`NotAPerson`] if there is nothing to compare.
    pub fn new(family_name: &str, given_name: &str, birth_date: &str) -> Result<Self, NotAPerson> {
        let family = letters(family_name);
        if family.is_empty() {
            return Err(NotAPerson::NoFamilyName);
        }
        let given = letters(given_name);
        let initial = match given.chars().next() {
            Some(first) if !NO_GIVEN_NAME.contains(&given.as_str()) => first.to_string(),
            _ => String::new(),
        };
        Ok(Self {
            family,
            initial: Zeroizing::new(initial),
            birth_date: date(birth_date).ok_or(NotAPerson::NoBirthDate)?,
        })
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person(…)")
    }
}

/// The first letters of a name, without marks and in one case.
fn letters(name: &str) -> Zeroizing<String> {
    // Room for all that it can hold, so that growing leaves no copy behind: a
    // letter has at most 4 bytes, and the last may be spelt with two.
    let mut letters = Zeroizing::new(String::with_capacity(4 * (FAMILY_LETTERS_MAX + 1)));
    let parts = name
        .nfkd()
        // Upper, then lower: ß is ss, and every sigma is one, as in full case folding.
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfkd()
        .filter(|c| c.is_alphabetic() && !is_combining_mark(*c));
    let mut spelt = [' '; 2];
    let mut count = 0;
    for letter in parts {
        spelt[0] = letter;
        for plain in spelling(letter).unwrap_or(&spelt[..1]) {
            if count == FAMILY_LETTERS_MAX {
                return letters;
            }
            letters.push(*plain);
            count += 1;
        }
    }
    letters
}

/// Letters that Unicode does not take apart, as barcodes write them: `Đỗ` is `DO`.
fn spelling(letter: char) -> Option<&'static [char]> {
    Some(match letter {
        'æ' => &['a', 'e'],
        'œ' => &['o', 'e'],
        'þ' => &['t', 'h'],
        'đ' | 'ð' => &['d'],
        'ø' => &['o'],
        'ł' => &['l'],
        'ħ' => &['h'],
        _ => return None,
    })
}

fn date(text: &str) -> Option<Zeroizing<[u8; DATE_BYTES]>> {
    let bytes: [u8; DATE_BYTES] = text.trim().as_bytes().try_into().ok()?;
    let bytes = Zeroizing::new(bytes);
    let number = |range: std::ops::Range<usize>| {
        bytes[range].iter().try_fold(0_i16, |number, digit| {
            let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
            number.checked_mul(10)?.checked_add(i16::from(digit))
        })
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let small = |number: i16| i8::try_from(number).ok();
    let is_date = Date::new(year, small(month)?, small(day)?).is_ok();
    (bytes[4] == b'-' && bytes[7] == b'-' && year >= 1900 && is_date).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date as day;
    use proptest::prelude::*;

    use super::*;

    fn key() -> PersonKey {
        PersonKey::new([7; KEY_BYTES])
    }

    fn hash(family: &str, given: &str, born: &str) -> PersonHash {
        let person = Person::new(family, given, born).unwrap();
        key().of_day(day(2026, 11, 30)).hash(&person)
    }

    #[test]
    fn a_name_on_a_letter_is_the_name_in_a_barcode() {
        for (letter, barcode) in [
            ("García-López", "GARCIA LOPEZ"),
            ("Nguyễn", "NGUYEN"),
            ("Đỗ", "DO"),
            ("O’Brien", "OBRIEN"),
            ("O'Brien", "O BRIEN"),
            ("Weiß", "WEISS"),
            ("Łukasiewicz", "LUKASIEWICZ"),
            ("İnce", "INCE"),
            ("Işık", "ISIK"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            // 20 letters count.
            ("Wolfeschlegelsteinhausenberger", "WOLFESCHLEGELSTEINHA"),
        ] {
            assert_eq!(
                hash(letter, "María", "1990-01-31"),
                hash(barcode, "MARIA ELENA", "1990-01-31"),
                "{letter}"
            );
        }
    }

    #[test]
    fn whoever_differs_in_one_part_differs() {
        let one = hash("Garcia", "Ana", "1990-01-31");
        assert_ne!(one, hash("Garcia", "Bea", "1990-01-31"));
        assert_ne!(one, hash("Garcia", "Ana", "1990-02-01"));
        assert_ne!(one, hash("Garciaa", "Ana", "1990-01-31"));
        // The lengths say where the name ends.
        assert_ne!(
            hash("Garc", "", "1990-01-31"),
            hash("Gar", "c", "1990-01-31")
        );
        assert_eq!(
            hash("Garcia", "NONE", "1990-01-31"),
            hash("Garcia", "", "1990-01-31")
        );
    }

    #[test]
    fn a_hash_is_of_one_day_and_one_office() {
        let person = Person::new("Garcia", "Ana", "1990-01-31").unwrap();
        let one = key().of_day(day(2026, 11, 30)).hash(&person);
        assert_eq!(one.as_str().len(), 32);
        assert_ne!(one, key().of_day(day(2026, 12, 1)).hash(&person));
        let other = PersonKey::new([8; KEY_BYTES]);
        assert_ne!(one, other.of_day(day(2026, 11, 30)).hash(&person));
    }

    /// Held fast: a kiosk of one version must find what another imported.
    /// Computed with Python's `hmac`, key 32 times 7.
    #[test]
    fn the_hash_stays_what_it_is() {
        assert_eq!(
            hash("GARCÍA-LÓPEZ", "María", "1990-01-31").as_str(),
            "7a23825b92a9812ad1e55de114835160"
        );
    }

    #[test]
    fn nothing_of_a_person_or_a_key_is_shown() {
        let person = Person::new("Garcia", "Ana", "1990-01-31").unwrap();
        let key = key();
        let shown = format!("{person:?} {key:?} {:?}", key.of_day(day(2026, 11, 30)));
        assert_eq!(shown, "Person(…) PersonKey(…) DayKey(…)");
    }

    #[test]
    fn what_is_nobody_is_refused() {
        let refused = |family, born| Person::new(family, "Ana", born).unwrap_err();
        assert_eq!(refused("--", "1990-01-31"), NotAPerson::NoFamilyName);
        for born in [
            "",
            "1990-02-30",
            "31.01.1990",
            "1890-01-31",
            "1990-1-31",
            "1990/01/31",
            "+990-01-31",
        ] {
            assert_eq!(refused("Garcia", born), NotAPerson::NoBirthDate, "{born}");
        }
    }

    proptest! {
        #[test]
        fn any_name_has_a_bound_and_is_its_own_normal_form(name in "\\PC{0,60}") {
            let once = letters(&name);
            prop_assert!(once.chars().count() <= FAMILY_LETTERS_MAX);
            prop_assert!(once.capacity() <= 4 * (FAMILY_LETTERS_MAX + 1));
            prop_assert_eq!(&letters(&once), &once);
        }
    }
}
