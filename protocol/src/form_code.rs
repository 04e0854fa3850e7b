//! The code on a paper form: all that the queue needs, with a seal.
//!
//! `U1.` and the form's fields joined by dots, then ten bytes of HMAC-SHA-256
//! over all before it (RFC 2104; truncated as RFC 2104 §5 allows), in Base32 (RFC 4648). Everything
//! stands in the QR alphanumeric set (ISO/IEC 18004: 0-9, A-Z, space, `$%*+-./:`),
//! which packs 11 bits into two characters and keeps the code small enough to
//! scan from cheap paper.
//!
//! The key is the SHA-256 of the kiosk's secret: the kiosk has the secret, the
//! office file has only the hash, and a form cannot be made from what is printed.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::ids::{DeviceId, ServiceId};
use crate::language::Language;
use crate::ticket::PaperForm;

const PREFIX: &str = "U1";
const SEAL_BYTES: usize = 10;

/// Longest code that is read, in characters.
pub const CODE_LENGTH_MAX: usize = 240;

/// The key that seals a device's forms, and the proof of its secret to the server.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey([u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(…)")
    }
}

impl SealKey {
    /// The key of a device that holds `secret`.
    #[must_use]
    pub fn from_secret(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }

    /// The key from its 64 hexadecimal digits, as the office file has it.
    #[must_use]
    pub fn from_hex(hex: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE
            .decode(hex.as_bytes())
            .ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The key as 64 hexadecimal digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    /// Whether `secret` is the one that this key was made from; takes the same
    /// time whatever the secret is.
    #[must_use]
    pub fn matches_secret(&self, secret: &str) -> bool {
        self.0.ct_eq(&Self::from_secret(secret).0).into()
    }

    fn seal(&self, text: &str) -> [u8; SEAL_BYTES] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        let full = mac.finalize().into_bytes();
        let mut seal = [0; SEAL_BYTES];
        seal.copy_from_slice(&full[..SEAL_BYTES]);
        seal
    }
}

/// Why a code was refused, in words for the clerk who scanned or typed it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCode {
    /// Something else was scanned.
    #[error("this is no code of a paper form; scan the square code on the form")]
    NotAForm,
    /// Cut off, or a field was mistyped.
    #[error("the code is incomplete or was mistyped; scan it again")]
    Damaged,
    /// No such kiosk in the office file.
    #[error("the code is of kiosk {0}, which this office does not have")]
    UnknownKiosk(DeviceId),
    /// The seal does not fit.
    #[error("the code's seal is wrong: it was changed, miscopied, or not made by that kiosk")]
    WrongSeal,
}

/// The code of `form`, sealed with its kiosk's key.
#[must_use]
pub fn encode(form: &PaperForm, key: &SealKey) -> String {
    let body = format!(
        "{PREFIX}.{}.{}.{}.{}.{}.{}",
        form.device,
        form.number,
        form.service,
        form.language,
        form.arrived_at.as_millisecond(),
        form.boot
    )
    .to_ascii_uppercase();
    let seal = BASE32_NOPAD.encode(&key.seal(&body));
    format!("{body}.{seal}")
}

/// Reads a code, in capital or small letters, with white space around it.
///
/// # Errors
/// [`BadCode`] tells the clerk what to do.
pub fn decode(
    code: &str,
    key_of: impl FnOnce(&DeviceId) -> Option<SealKey>,
) -> Result<PaperForm, BadCode> {
    let code = code.trim();
    if !code.is_ascii() || code.len() > CODE_LENGTH_MAX {
        return Err(BadCode::NotAForm);
    }
    let code = code.to_ascii_uppercase();
    if !code.starts_with(&format!("{PREFIX}.")) {
        return Err(BadCode::NotAForm);
    }
    let (body, seal) = code.rsplit_once('.').ok_or(BadCode::Damaged)?;
    let fields: Vec<&str> = body.split('.').collect();
    let [_, device, number, service, language, arrived_at, boot] = fields.as_slice() else {
        return Err(BadCode::Damaged);
    };
    let device = DeviceId::new(device.to_ascii_lowercase()).map_err(|_| BadCode::Damaged)?;
    let key = key_of(&device).ok_or_else(|| BadCode::UnknownKiosk(device.clone()))?;
    let seal = BASE32_NOPAD
        .decode(seal.as_bytes())
        .map_err(|_| BadCode::Damaged)?;
    if !bool::from(key.seal(body).as_slice().ct_eq(&seal)) {
        return Err(BadCode::WrongSeal);
    }
    let damaged = |_| BadCode::Damaged;
    Ok(PaperForm {
        device,
        number: number.parse().map_err(|_| BadCode::Damaged)?,
        service: ServiceId::new(service.to_ascii_lowercase()).map_err(|_| BadCode::Damaged)?,
        language: language_from_capitals(language).ok_or(BadCode::Damaged)?,
        arrived_at: Timestamp::from_millisecond(arrived_at.parse().map_err(damaged)?)
            .map_err(|_| BadCode::Damaged)?,
        boot: boot.parse().map_err(damaged)?,
    })
}

/// BCP 47 tags do not depend on case, but have a usual one (RFC 5646 §2.1.1):
/// scripts of four letters in title case, regions of two in capitals.
fn language_from_capitals(tag: &str) -> Option<Language> {
    let mut parts = tag.split('-');
    let mut text = parts.next()?.to_ascii_lowercase();
    for part in parts {
        text.push('-');
        match part.len() {
            2 => text.push_str(part),
            4 if !part.starts_with(|c: char| c.is_ascii_digit()) => {
                let (head, tail) = part.split_at_checked(1)?;
                text.push_str(head);
                text.push_str(&tail.to_ascii_lowercase());
            }
            _ => text.push_str(&part.to_ascii_lowercase()),
        }
    }
    Language::new(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn form() -> PaperForm {
        PaperForm {
            device: DeviceId::new("kiosk-1").unwrap(),
            number: "X101".parse().unwrap(),
            service: ServiceId::new("vehicle-titles").unwrap(),
            language: Language::new("zh-Hant").unwrap(),
            arrived_at: "2026-11-25T09:41:07.123Z".parse().unwrap(),
            boot: 3,
        }
    }

    fn key() -> SealKey {
        SealKey::from_secret("a secret of kiosk 1")
    }

    #[test]
    fn a_code_reads_back_in_any_case() {
        let code = encode(&form(), &key());
        assert!(
            code.chars()
                .all(|c| c.is_ascii_digit() || c.is_ascii_uppercase() || "-.".contains(c)),
            "{code} leaves the QR alphanumeric set"
        );
        assert_eq!(decode(&code, |_| Some(key())).unwrap(), form());
        let typed = format!(" {} \r\n", code.to_ascii_lowercase());
        assert_eq!(decode(&typed, |_| Some(key())).unwrap(), form());
    }

    #[test]
    fn forged_foreign_and_cut_codes_are_refused() {
        let code = encode(&form(), &key());
        let other = SealKey::from_secret("another");
        assert_eq!(decode(&code, |_| Some(other)), Err(BadCode::WrongSeal));
        assert_eq!(
            decode(&code, |_| None),
            Err(BadCode::UnknownKiosk(form().device))
        );
        assert_eq!(
            decode(&code.replace("X101", "X102"), |_| Some(key())),
            Err(BadCode::WrongSeal)
        );
        assert!(decode(&code[..code.len() - 3], |_| Some(key())).is_err());
        assert_eq!(
            decode("@\nANSI 636014", |_| Some(key())),
            Err(BadCode::NotAForm)
        );
    }

    #[test]
    fn a_secret_is_proved_by_its_hash() {
        let stored = SealKey::from_hex(&key().to_hex()).unwrap();
        assert!(stored.matches_secret("a secret of kiosk 1"));
        assert!(!stored.matches_secret("a secret of kiosk 2"));
        assert_eq!(SealKey::from_hex("12"), None);
        assert_eq!(format!("{stored:?}"), "SealKey(…)");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*") {
            let _ = decode(&text, |_| Some(key()));
        }

        #[test]
        fn one_changed_letter_is_noticed(at in 3_usize..60, to in "[A-Z0-9]") {
            let code = encode(&form(), &key());
            let at = at % code.len();
            let mut changed = code.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != code);
            prop_assert_ne!(decode(&changed, |_| Some(key())), Ok(form()));
        }
    }
}
