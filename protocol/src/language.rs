//! Languages as data: a tag, a direction, and texts in several languages.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language tag of BCP 47 (RFC 5646) in the short forms that offices use:
/// `en`, `es`, `zh-Hant`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

/// Which way a language's script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Latin, Han, Devanagari and most others.
    LeftToRight,
    /// Arabic, Hebrew, and their relatives.
    RightToLeft,
}

/// Why a text is no language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no language tag: use one like en, es or zh-Hant (BCP 47)")]
pub struct InvalidLanguage(String);

impl Language {
    /// Checks `tag` and takes it as a language.
    ///
    /// # Errors
    /// [`InvalidLanguage`] if it is not two or three lowercase letters with
    /// optional subtags of 2 to 8 letters or digits.
    pub fn new(tag: impl Into<String>) -> Result<Self, InvalidLanguage> {
        let tag = tag.into();
        let mut subtags = tag.split('-');
        let primary = subtags.next().unwrap_or_default();
        let primary_ok =
            (2..=3).contains(&primary.len()) && primary.chars().all(|c| c.is_ascii_lowercase());
        let rest_ok = subtags.all(|subtag| {
            (2..=8).contains(&subtag.len()) && subtag.chars().all(|c| c.is_ascii_alphanumeric())
        });
        if primary_ok && rest_ok && tag.len() <= 20 {
            Ok(Self(tag))
        } else {
            Err(InvalidLanguage(tag.chars().take(40).collect()))
        }
    }

    /// The language that every text has and that others fall back to.
    #[must_use]
    pub fn english() -> Self {
        Self("en".to_owned())
    }

    /// Whether this is [`Language::english`].
    #[must_use]
    pub fn is_english(&self) -> bool {
        self.0 == "en"
    }

    /// The tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The direction of the language's usual script.
    #[must_use]
    pub fn direction(&self) -> Direction {
        let primary = self.0.split('-').next().unwrap_or_default();
        match primary {
            "ar" | "fa" | "he" | "ur" | "ps" | "ckb" | "sd" | "ug" | "yi" | "dv" | "syr" => {
                Direction::RightToLeft
            }
            _ => Direction::LeftToRight,
        }
    }
}

impl TryFrom<String> for Language {
    type Error = InvalidLanguage;
    fn try_from(tag: String) -> Result<Self, InvalidLanguage> {
        Self::new(tag)
    }
}

impl FromStr for Language {
    type Err = InvalidLanguage;
    fn from_str(tag: &str) -> Result<Self, InvalidLanguage> {
        Self::new(tag)
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text in several languages. English is always among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "BTreeMap<Language, String>",
    into = "BTreeMap<Language, String>"
)]
pub struct Text(BTreeMap<Language, String>);

/// A text that lacks its English form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a text needs at least its English form: add en = \"…\"")]
pub struct MissingEnglish;

impl Text {
    /// A text that stands in English only.
    #[must_use]
    pub fn english_only(text: impl Into<String>) -> Self {
        Self(BTreeMap::from([(Language::english(), text.into())]))
    }

    /// The text in `language`, else in a language with the same first subtag
    /// (`zh` for `zh-Hant`), else in English.
    #[must_use]
    pub fn in_language(&self, language: &Language) -> &str {
        self.get(language).unwrap_or_else(|| self.in_english())
    }

    /// The text in `language` if it was translated.
    #[must_use]
    pub fn get(&self, language: &Language) -> Option<&str> {
        if let Some(text) = self.0.get(language) {
            return Some(text);
        }
        let primary = language.as_str().split('-').next()?;
        self.0
            .iter()
            .find(|(tag, _)| tag.as_str() == primary)
            .map(|(_, text)| text.as_str())
    }

    /// The English text.
    #[must_use]
    pub fn in_english(&self) -> &str {
        self.0.get(&Language::english()).map_or("", String::as_str)
    }

    /// Every language that this text stands in.
    pub fn languages(&self) -> impl Iterator<Item = &Language> {
        self.0.keys()
    }
}

impl TryFrom<BTreeMap<Language, String>> for Text {
    type Error = MissingEnglish;
    fn try_from(texts: BTreeMap<Language, String>) -> Result<Self, MissingEnglish> {
        if texts.contains_key(&Language::english()) {
            Ok(Self(texts))
        } else {
            Err(MissingEnglish)
        }
    }
}

impl From<Text> for BTreeMap<Language, String> {
    fn from(text: Text) -> Self {
        text.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::new(tag).unwrap()
    }

    #[test]
    fn tags_are_checked() {
        for good in ["en", "es", "zh-Hant", "hmn", "pt-BR"] {
            assert!(Language::new(good).is_ok(), "{good}");
        }
        for bad in ["", "e", "EN", "english", "zh_Hant", "zh-", "en-a-b"] {
            assert!(Language::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_text_falls_back_to_its_nearest_language_then_english() {
        let text: Text =
            serde_json::from_str(r#"{"en":"Titles","es":"Títulos","zh":"產權"}"#).unwrap();
        assert_eq!(text.in_language(&language("es")), "Títulos");
        assert_eq!(text.in_language(&language("zh-Hant")), "產權");
        assert_eq!(text.in_language(&language("vi")), "Titles");
        assert!(serde_json::from_str::<Text>(r#"{"es":"Títulos"}"#).is_err());
    }

    #[test]
    fn arabic_and_persian_run_right_to_left() {
        assert_eq!(language("ar").direction(), Direction::RightToLeft);
        assert_eq!(language("fa").direction(), Direction::RightToLeft);
        assert_eq!(language("vi").direction(), Direction::LeftToRight);
    }
}
