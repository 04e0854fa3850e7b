//! Languages as data: a tag, a direction, and texts in several languages.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A language tag of BCP 47 (RFC 5646) in the short forms that offices use, and
/// in the usual case (RFC 5646 §2.1.1), so that equal tags are equal texts: a
/// language, then perhaps a script, a region, and variants. `en`, `zh-Hant`,
/// `es-419`, `ca-valencia`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

/// Longest tag, bytes.
const TAG_LENGTH_MAX: usize = 20;

fn is_small(text: &str) -> bool {
    text.bytes().all(|c| c.is_ascii_lowercase())
}

fn is_script(subtag: &str) -> bool {
    subtag.len() == 4
        && subtag.starts_with(|c: char| c.is_ascii_uppercase())
        && is_small(&subtag[1..])
}

fn is_region(subtag: &str) -> bool {
    let all = |test: fn(&u8) -> bool| subtag.as_bytes().iter().all(test);
    (subtag.len() == 2 && all(u8::is_ascii_uppercase))
        || (subtag.len() == 3 && all(u8::is_ascii_digit))
}

fn is_variant(subtag: &str) -> bool {
    let has_length = match subtag.len() {
        4 => subtag.starts_with(|c: char| c.is_ascii_digit()),
        length => (5..=8).contains(&length),
    };
    has_length
        && subtag
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
}

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
#[error("\"{0}\" is no language tag: use one like en, es-MX or zh-Hant, in this case (BCP 47)")]
pub struct InvalidLanguage(String);

impl Language {
    /// Checks `tag` and takes it as a language.
    ///
    /// # Errors
    /// [`InvalidLanguage`] if it is not two or three small letters; then, each
    /// optional and in this order, a script of four letters, a region of two
    /// capitals or three digits, and different variants of five to eight small
    /// letters or digits, or of a digit and three more.
    pub fn new(tag: impl Into<String>) -> Result<Self, InvalidLanguage> {
        let tag = tag.into();
        let mut subtags = tag.split('-').peekable();
        let is_language = subtags
            .next()
            .is_some_and(|primary| (2..=3).contains(&primary.len()) && is_small(primary));
        subtags.next_if(|subtag| is_script(subtag));
        subtags.next_if(|subtag| is_region(subtag));
        let variants: Vec<&str> = subtags.collect();
        let are_different = variants
            .iter()
            .enumerate()
            .all(|(at, variant)| !variants[..at].contains(variant));
        let are_variants = variants.iter().all(|subtag| is_variant(subtag));
        if is_language && are_variants && are_different && tag.len() <= TAG_LENGTH_MAX {
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
        for good in [
            "en",
            "es",
            "zh-Hant",
            "hmn",
            "pt-BR",
            "es-419",
            "zh-Hant-TW",
            "ca-valencia",
            "de-1996",
        ] {
            assert!(Language::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "e",
            "EN",
            "english",
            "zh_Hant",
            "zh-",
            "en-a-b",
            // Well, but not in the usual case: two texts for one language.
            "pt-br",
            "zh-hant",
            "zh-HANT",
            // Not of any shape: browsers throw when they are asked for its name.
            "en-12",
            "en-1a",
            "en-abc",
            "en-u1",
            "en-abcd",
            "en-a1234567b",
            "en-US-Latn",
            "en-US-GB",
            "de-1996-1996",
            "zh-Hänt",
            "xx-ab1",
        ] {
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
