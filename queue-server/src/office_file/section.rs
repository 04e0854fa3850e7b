//! One table of the file: its values by name, each checked, each problem noted.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use usher_protocol::{Language, Series, Text};

use super::problems::{Problems, did_you_mean};

/// Longest text of any kind, in characters.
const TEXT_LENGTH_MAX: usize = 400;

/// A table that is being read. Whoever reads it ends with [`Section::finish`],
/// which refuses the keys that nobody asked for.
pub(super) struct Section<'a> {
    name: String,
    table: &'a DeTable<'a>,
    at: Range<usize>,
    asked: RefCell<BTreeSet<&'static str>>,
    problems: &'a Problems<'a>,
}

/// A value and where it stands.
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) at: Range<usize>,
}

impl<'a> Section<'a> {
    pub(super) fn new(
        name: impl Into<String>,
        table: &'a DeTable<'a>,
        at: Range<usize>,
        problems: &'a Problems<'a>,
    ) -> Self {
        Self {
            name: name.into(),
            table,
            at,
            asked: RefCell::default(),
            problems,
        }
    }

    pub(super) fn at(&self) -> &Range<usize> {
        &self.at
    }

    pub(super) fn error(&self, at: &Range<usize>, message: impl Into<String>) {
        self.problems.error(at, message);
    }

    fn get(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn missing(&self, key: &str, example: &str) {
        self.problems.error(
            &self.at,
            format!("{} lacks \"{key}\"; add {key} = {example}", self.name),
        );
    }

    fn wrong_type(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        self.problems.error(
            &value.span(),
            format!(
                "\"{key}\" of {} is a TOML {}; it must be {wanted}",
                self.name,
                value.get_ref().type_str()
            ),
        );
    }

    /// A text that may be absent.
    pub(super) fn optional_text(&self, key: &'static str) -> Option<At<&'a str>> {
        let value = self.get(key)?;
        let Some(text) = value.get_ref().as_str() else {
            self.wrong_type(key, value, "a text in quotes");
            return None;
        };
        let at = value.span();
        if text.trim().is_empty() || text.chars().count() > TEXT_LENGTH_MAX {
            self.problems.error(
                &at,
                format!(
                    "\"{key}\" of {} must have 1 to {TEXT_LENGTH_MAX} characters",
                    self.name
                ),
            );
            return None;
        }
        Some(At { value: text, at })
    }

    /// A text that must be there.
    pub(super) fn text(&self, key: &'static str, example: &str) -> Option<At<&'a str>> {
        if self.table.get(key).is_none() {
            self.asked.borrow_mut().insert(key);
            self.missing(key, &format!("\"{example}\""));
            return None;
        }
        self.optional_text(key)
    }

    /// A text that must be there and that `T` understands.
    pub(super) fn parsed<T>(&self, key: &'static str, example: &str) -> Option<At<T>>
    where
        T: FromStr<Err: Display>,
    {
        let text = self.text(key, example)?;
        match text.value.parse() {
            Ok(value) => Some(At { value, at: text.at }),
            Err(error) => {
                let message = format!("\"{key}\" of {}: {error}", self.name);
                self.problems.error(&text.at, message);
                None
            }
        }
    }

    /// The letters of ticket numbers.
    pub(super) fn series(&self, key: &'static str, example: &str) -> Option<At<Series>> {
        let text = self.text(key, example)?;
        let Ok(value) = Series::new(text.value) else {
            self.error(
                &text.at,
                format!(
                    "\"{}\" is no series; use one or two letters A-Z",
                    text.value
                ),
            );
            return None;
        };
        Some(At { value, at: text.at })
    }

    /// A whole number in `range`.
    pub(super) fn integer(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<u16>,
        example: &str,
    ) -> Option<u16> {
        let Some(value) = self.get(key) else {
            self.missing(key, example);
            return None;
        };
        let Some(integer) = value.get_ref().as_integer() else {
            self.wrong_type(key, value, &format!("a whole number, like {example}"));
            return None;
        };
        let number = u16::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            self.problems.error(
                &value.span(),
                format!(
                    "\"{key}\" of {} is {integer}; use {} to {}",
                    self.name,
                    range.start(),
                    range.end()
                ),
            );
        }
        number
    }

    /// Whether the key is there at all.
    pub(super) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// A whole number in `range` that may be absent.
    pub(super) fn optional_integer(
        &self,
        key: &'static str,
        range: std::ops::RangeInclusive<u16>,
    ) -> Option<u16> {
        if !self.has(key) {
            return None;
        }
        let example = range.start().to_string();
        self.integer(key, range, &example)
    }

    /// `true` or `false`, which may be absent.
    pub(super) fn optional_bool(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            self.wrong_type(key, value, "true or false");
        }
        truth
    }

    /// One of several words, which may be absent.
    pub(super) fn choice<T: Copy>(&self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let text = self.optional_text(key)?;
        let chosen = words.iter().find(|(word, _)| *word == text.value);
        if chosen.is_none() {
            let known: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            let message = format!(
                "\"{key}\" of {} is \"{}\"; use {}",
                self.name,
                text.value,
                known.join(" or ")
            );
            self.error(&text.at, message);
        }
        chosen.map(|(_, value)| *value)
    }

    /// A list of texts that may be absent.
    pub(super) fn optional_texts(&self, key: &'static str, example: &str) -> Vec<At<&'a str>> {
        if self.has(key) {
            self.texts(key, example)
        } else {
            Vec::new()
        }
    }

    /// A table in the file's top level that may be absent.
    pub(super) fn optional_section(&self, key: &'static str) -> Option<Section<'a>> {
        if self.has(key) {
            self.section(key)
        } else {
            None
        }
    }

    /// A list of tables that may be absent.
    pub(super) fn optional_sections(&self, key: &'static str, max: usize) -> Vec<Section<'a>> {
        if self.has(key) {
            self.sections(key, max)
        } else {
            Vec::new()
        }
    }

    /// A list of texts, each with its place.
    pub(super) fn texts(&self, key: &'static str, example: &str) -> Vec<At<&'a str>> {
        let Some(value) = self.get(key) else {
            self.missing(key, example);
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, &format!("a list, like {example}"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for item in array.iter() {
            match item.get_ref().as_str() {
                Some(text) => texts.push(At {
                    value: text,
                    at: item.span(),
                }),
                None => self.wrong_type(key, item, &format!("a list of texts, like {example}")),
            }
        }
        texts
    }

    /// A table in the file's top level, like `[office]`.
    pub(super) fn section(&self, key: &'static str) -> Option<Section<'a>> {
        let Some(value) = self.get(key) else {
            self.problems.error(
                &self.at,
                format!("the file lacks the section [{key}]; add it"),
            );
            return None;
        };
        match value.get_ref().as_table() {
            Some(table) => Some(Section::new(
                format!("[{key}]"),
                table,
                value.span(),
                self.problems,
            )),
            None => {
                self.wrong_type(key, value, &format!("a section [{key}]"));
                None
            }
        }
    }

    /// A list of tables, like `[[service]]`, of which there must be 1 to `max`.
    pub(super) fn sections(&self, key: &'static str, max: usize) -> Vec<Section<'a>> {
        let Some(value) = self.get(key) else {
            self.problems.error(
                &self.at,
                format!("the file has no [[{key}]]; add at least one"),
            );
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(
                key,
                value,
                &format!("sections [[{key}]], in double brackets"),
            );
            return Vec::new();
        };
        if array.len() > max {
            self.problems.error(
                &value.span(),
                format!(
                    "the file has {} of [[{key}]]; at most {max} are read",
                    array.len()
                ),
            );
        }
        let mut sections = Vec::new();
        for (nth, item) in array.iter().take(max).enumerate() {
            let Some(table) = item.get_ref().as_table() else {
                self.wrong_type(
                    key,
                    item,
                    &format!("sections [[{key}]], in double brackets"),
                );
                continue;
            };
            let id = table.get("id").or_else(|| table.get("tag"));
            let name = match id.and_then(|id| id.get_ref().as_str()) {
                Some(id) => format!("{key} \"{id}\""),
                None => format!("{key} {}", nth + 1),
            };
            sections.push(Section::new(name, table, item.span(), self.problems));
        }
        sections
    }

    /// A text in several languages: `{ en = "…", es = "…" }`.
    pub(super) fn translated(&self, key: &'static str, offered: &[Language]) -> Option<Text> {
        let Some(value) = self.get(key) else {
            self.missing(key, "{ en = \"…\" }");
            return None;
        };
        self.translation(key, value, offered)
    }

    /// A list of texts in several languages, which may be absent.
    pub(super) fn translated_list(
        &self,
        key: &'static str,
        max: usize,
        offered: &[Language],
    ) -> Vec<Text> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list, like [{ en = \"…\" }]");
            return Vec::new();
        };
        if array.len() > max {
            self.problems.error(
                &value.span(),
                format!(
                    "\"{key}\" of {} has {} items; a screen shows at most {max}",
                    self.name,
                    array.len()
                ),
            );
        }
        let items = array.iter().take(max);
        items
            .filter_map(|item| self.translation(key, item, offered))
            .collect()
    }

    fn translation(
        &self,
        key: &str,
        value: &'a Spanned<DeValue<'a>>,
        offered: &[Language],
    ) -> Option<Text> {
        let Some(table) = value.get_ref().as_table() else {
            self.wrong_type(
                key,
                value,
                "a text in each language, like { en = \"…\", es = \"…\" }",
            );
            return None;
        };
        let mut texts = BTreeMap::new();
        for (tag, text) in table.iter() {
            let language = match Language::new(tag.get_ref().as_ref()) {
                Ok(language) => language,
                Err(error) => {
                    self.error(&tag.span(), format!("\"{key}\" of {}: {error}", self.name));
                    continue;
                }
            };
            match text.get_ref().as_str() {
                Some(words)
                    if !words.trim().is_empty() && words.chars().count() <= TEXT_LENGTH_MAX =>
                {
                    texts.insert(language, words.to_owned());
                }
                Some(_) => self.error(
                    &text.span(),
                    format!(
                        "\"{key}\" of {} in {language} must have 1 to {TEXT_LENGTH_MAX} characters",
                        self.name
                    ),
                ),
                None => self.wrong_type(key, text, "a text in quotes"),
            }
        }
        let text = match Text::try_from(texts) {
            Ok(text) => text,
            Err(error) => {
                self.error(
                    &value.span(),
                    format!("\"{key}\" of {}: {error}", self.name),
                );
                return None;
            }
        };
        let lacking = offered
            .iter()
            .filter(|language| text.get(language).is_none());
        for language in lacking {
            self.problems.warning(
                &value.span(),
                format!(
                    "\"{key}\" of {} is not translated to {language}: English is shown",
                    self.name
                ),
            );
        }
        Some(text)
    }

    /// Ends the reading: refuses the keys that nobody asked for.
    pub(super) fn finish(self) {
        self.refuse_unknown();
    }

    /// Refuses the keys that nobody asked for until now.
    pub(super) fn refuse_unknown(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.table.iter() {
            let word = key.get_ref().as_ref();
            if !asked.contains(word) {
                self.problems.error(
                    &key.span(),
                    format!(
                        "{} has no \"{word}\"{}",
                        self.name,
                        did_you_mean(word, asked.iter().copied())
                    ),
                );
            }
        }
    }
}
