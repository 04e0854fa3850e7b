//! How a section is declared, and the reader that holds a file against it.

use std::path::PathBuf;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::key::{Key, Presence, Raw, Values};
use super::{Role, SECTIONS};
use crate::nearest::nearest;
use crate::problem::Problems;

/// A section of the device file.
#[derive(Debug)]
pub struct Section {
    /// Its name in brackets; empty for the keys above the first section.
    pub name: &'static str,
    /// What it is for, in sentences for a technician.
    pub about: &'static str,
    /// Its keys, in the order of the example.
    pub keys: &'static [&'static Key],
    /// Whether it may be left out.
    pub presence: SectionPresence,
    /// The roles that have it.
    pub roles: &'static [Role],
}

/// Whether a section may be left out, and what then holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionPresence {
    /// It must be there.
    Required,
    /// Its keys' defaults hold.
    Defaults,
    /// The device goes without; the text says what that means.
    Optional(&'static str),
}

/// Something was wrong, and it stands among the problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reported;

/// Reads one section: each method takes a key's declaration and gives its value,
/// or reports why there is none.
pub(super) struct SectionReader<'r, 't> {
    section: &'static Section,
    table: Option<&'r DeTable<'t>>,
    at: Option<usize>,
    problems: &'r mut Problems<'t>,
}

impl<'r, 't> SectionReader<'r, 't> {
    /// The reader of `section`, or `None` if the file does without it.
    /// Unknown keys in it are reported here.
    ///
    /// # Errors
    /// [`Reported`] if the section is missing although required, or no section.
    pub(super) fn open(
        section: &'static Section,
        root: &'r DeTable<'t>,
        problems: &'r mut Problems<'t>,
    ) -> Result<Option<Self>, Reported> {
        let name = format!("[{}]", section.name);
        let Some((key, value)) = root.get_key_value(section.name) else {
            return match section.presence {
                SectionPresence::Optional(_) => Ok(None),
                SectionPresence::Defaults => Ok(Some(Self {
                    section,
                    table: None,
                    at: None,
                    problems,
                })),
                SectionPresence::Required => {
                    problems.add(
                        None,
                        name,
                        format!(
                            "this section is missing; `usher-config example` shows it ({})",
                            names(section)
                        ),
                    );
                    Err(Reported)
                }
            };
        };
        let at = Some(key.span().start);
        let DeValue::Table(table) = value.get_ref() else {
            problems.add(
                at,
                section.name,
                format!("this is a section; write {name} on a line of its own"),
            );
            return Err(Reported);
        };
        report_unknown(section, table, problems);
        Ok(Some(Self {
            section,
            table: Some(table),
            at,
            problems,
        }))
    }

    /// Reports that `key` has a value that does not go with others.
    pub(super) fn object(&mut self, key: &Key, advice: impl Into<String>) -> Reported {
        let at = self
            .entry(key)
            .map(|(name, _)| name.span().start)
            .or(self.at);
        self.problems.add(at, self.path(key), advice);
        Reported
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.entry(key).is_some()
    }

    pub(super) fn integer<T: TryFrom<i64>>(&mut self, key: &Key) -> Result<T, Reported> {
        self.required(key).map(|raw| integer_of(key, &raw))
    }

    pub(super) fn optional_integer<T: TryFrom<i64>>(
        &mut self,
        key: &Key,
    ) -> Result<Option<T>, Reported> {
        let raw = self.find(key)?;
        Ok(raw.map(|raw| integer_of(key, &raw)))
    }

    pub(super) fn number(&mut self, key: &Key) -> Result<f64, Reported> {
        let raw = self.required(key)?;
        Ok(raw.as_number().expect("the key was declared a number"))
    }

    pub(super) fn flag(&mut self, key: &Key) -> Result<bool, Reported> {
        match self.required(key)? {
            Raw::Flag(flag) => Ok(flag),
            _ => unreachable!("{} was declared a flag", key.name),
        }
    }

    pub(super) fn text(&mut self, key: &Key) -> Result<String, Reported> {
        match self.required(key)? {
            Raw::Text(text) => Ok(text),
            _ => unreachable!("{} was declared a text", key.name),
        }
    }

    pub(super) fn path_value(&mut self, key: &Key) -> Result<PathBuf, Reported> {
        self.text(key).map(PathBuf::from)
    }

    /// A text that `T` reads; what `T` says against it is told.
    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        key: &Key,
    ) -> Result<T, Reported> {
        let text = self.text(key)?;
        text.parse()
            .map_err(|error| self.object(key, format!("{error}; for example {}", example(key))))
    }

    /// A list of texts that `T` reads.
    pub(super) fn parsed_list<T: FromStr<Err: std::fmt::Display>>(
        &mut self,
        key: &Key,
    ) -> Result<Vec<T>, Reported> {
        let Raw::Texts(texts) = self.required(key)? else {
            unreachable!("{} was declared a list", key.name)
        };
        let parsed: Vec<Result<T, Reported>> = texts
            .iter()
            .map(|text| {
                text.parse().map_err(|error| {
                    self.object(key, format!("{error}; for example {}", example(key)))
                })
            })
            .collect();
        parsed.into_iter().collect()
    }

    fn required(&mut self, key: &Key) -> Result<Raw, Reported> {
        if let Some(raw) = self.find(key)? {
            return Ok(raw);
        }
        self.problems.add(
            self.at,
            self.path(key),
            format!("this key is missing; add {}", example(key)),
        );
        Err(Reported)
    }

    fn find(&mut self, key: &Key) -> Result<Option<Raw>, Reported> {
        let Some((name, value)) = self.entry(key) else {
            return Ok(match key.presence {
                Presence::Default(literal) => Some(Raw::of_literal(literal)),
                Presence::Required
                | Presence::Optional(_)
                | Presence::Unless(_)
                | Presence::InsteadOf(_) => None,
            });
        };
        let raw = Raw::of(value.get_ref());
        if key.values.allow(&raw) {
            return Ok(Some(raw));
        }
        let shown = match key.values {
            Values::Secret { .. } => "what stands there".to_owned(),
            _ => raw.shown(),
        };
        self.problems.add(
            Some(name.span().start),
            self.path(key),
            format!(
                "{shown} cannot be used; use {}, for example {}",
                key.values.in_words(),
                example(key)
            ),
        );
        Err(Reported)
    }

    fn entry(&self, key: &Key) -> Option<Entry<'r, 't>> {
        self.table?.get_key_value(key.name)
    }

    fn path(&self, key: &Key) -> String {
        format!("{}.{}", self.section.name, key.name)
    }
}

type Entry<'r, 't> = (
    &'r Spanned<std::borrow::Cow<'t, str>>,
    &'r Spanned<DeValue<'t>>,
);

fn integer_of<T: TryFrom<i64>>(key: &Key, raw: &Raw) -> T {
    match raw {
        Raw::Integer(integer) => T::try_from(*integer).ok(),
        _ => None,
    }
    .unwrap_or_else(|| unreachable!("{}'s limits fit its type", key.name))
}

fn example(key: &Key) -> String {
    format!("`{} = {}`", key.name, key.example)
}

fn names(section: &Section) -> String {
    let names: Vec<&str> = section.keys.iter().map(|key| key.name).collect();
    names.join(", ")
}

/// Reports every key of `table` that `section` does not have.
pub(super) fn report_unknown(section: &Section, table: &DeTable<'_>, problems: &mut Problems<'_>) {
    for (key, _) in table {
        let typed = key.get_ref().as_ref();
        if section.keys.iter().any(|known| known.name == typed) {
            continue;
        }
        let mut shown: String = typed.chars().take(40).collect();
        let advice = if let Some(meant) = nearest(typed, section.keys.iter().map(|k| k.name)) {
            format!("no such key; did you mean `{meant}`?")
        } else if let Some(home) = SECTIONS
            .iter()
            .find(|other| other.keys.iter().any(|known| known.name == typed))
        {
            let place = match home.name {
                "" => "above the first section".to_owned(),
                name => format!("in [{name}]"),
            };
            format!("this key stands {place}, not here")
        } else {
            // It may be the secret itself, where its key should stand.
            if section
                .keys
                .iter()
                .any(|known| matches!(known.values, Values::Secret { .. }))
            {
                "…".clone_into(&mut shown);
            }
            format!("no such key; [{}] has {}", section.name, names(section))
        };
        problems.add(
            Some(key.span().start),
            format!("{}.{shown}", section.name),
            advice,
        );
    }
}
