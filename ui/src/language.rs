//! Languages: which are bundled, how they are written, and switching to one.
//!
//! A language is data: a folder `lang/<code>/LC_MESSAGES/usher-ui.po` adds it.
//! English needs none, its words are the message ids.

use slint::ComponentHandle as _;

use crate::texts;
use crate::{KioskView, KioskWindow};

/// A language was asked for that has no folder under `lang/`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no translation is bundled for the language `{code}`; this program speaks: {}",
    languages().collect::<Vec<_>>().join(", ")
)]
pub struct UnknownLanguage {
    /// The code that was asked for.
    pub code: String,
}

/// The BCP 47 codes of every bundled language, English first, then by code.
pub fn languages() -> impl Iterator<Item = &'static str> {
    std::iter::once("en").chain(texts::catalogue_languages())
}

/// Switches every window of this thread to the language `code`, such as `es`
/// or `zh-Hant`. A window must exist already.
///
/// Only the words change: fonts and direction follow `KioskView.language` and
/// `KioskView.rtl`. [`show_language`] sets all of them.
///
/// # Errors
/// [`UnknownLanguage`] when no translation is bundled for `code`; nothing
/// changes then. A technician takes the language out of the office file, or
/// adds its `.po` file.
pub fn select_language(code: &str) -> Result<(), UnknownLanguage> {
    let known = if code == "en" { "" } else { code };
    slint::select_bundled_translation(known).map_err(|_| UnknownLanguage {
        code: code.to_owned(),
    })
}

/// Shows the kiosk in the language `code`: its words, fonts and direction.
///
/// # Errors
/// [`UnknownLanguage`], see [`select_language`].
pub fn show_language(window: &KioskWindow, code: &str) -> Result<(), UnknownLanguage> {
    select_language(code)?;
    let view = window.global::<KioskView>();
    view.set_language(code.into());
    view.set_rtl(is_right_to_left(code));
    Ok(())
}

/// True when the language `code` is written from right to left.
///
/// Goes by the script's name when the code has one (`pa-Arab`), otherwise by
/// the language's usual script (Unicode CLDR, likely subtags).
#[must_use]
pub fn is_right_to_left(code: &str) -> bool {
    const LANGUAGES: [&str; 13] = [
        "ar", "arc", "ckb", "dv", "fa", "he", "nqo", "ps", "sd", "syr", "ug", "ur", "yi",
    ];
    const SCRIPTS: [&str; 7] = ["Adlm", "Arab", "Hebr", "Nkoo", "Rohg", "Syrc", "Thaa"];
    let mut parts = code.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    match parts.find(|part| part.len() == 4 && part.chars().all(|c| c.is_ascii_alphabetic())) {
        Some(script) => SCRIPTS.iter().any(|rtl| rtl.eq_ignore_ascii_case(script)),
        None => LANGUAGES
            .iter()
            .any(|rtl| rtl.eq_ignore_ascii_case(language)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn direction_follows_language_and_script() {
        for code in ["ar", "ar-EG", "fa", "he", "ur", "pa-Arab", "AR"] {
            assert!(is_right_to_left(code), "{code}");
        }
        for code in ["en", "es", "zh-Hant", "vi", "pa", "ar-Latn", "az-Cyrl", ""] {
            assert!(!is_right_to_left(code), "{code}");
        }
    }

    #[test]
    fn an_unknown_language_is_named_with_those_there_are() {
        let message = UnknownLanguage { code: "xx".into() }.to_string();
        assert!(message.contains("`xx`"), "{message}");
        assert!(message.contains("en, ar, es, vi, zh-Hant"), "{message}");
    }
}
