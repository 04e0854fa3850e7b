//! How a key is declared: once, for the reader, the messages, the example and the reference.

use super::Role;

/// A key of a section.
#[derive(Debug)]
pub struct Key {
    /// Its name, as in the file. A unit stands last: `width_mm`.
    pub name: &'static str,
    /// What it is for, in sentences for a technician.
    pub about: &'static str,
    /// What may stand behind the equals sign.
    pub values: Values,
    /// Whether it may be left out.
    pub presence: Presence,
    /// A value as it stands in the file, for a kiosk.
    pub example: &'static str,
    /// The same for a hall display, where it differs.
    pub example_hall: Option<&'static str>,
}

impl Key {
    /// The example for a device of this role.
    #[must_use]
    pub fn example_for(&self, role: Role) -> &'static str {
        match role {
            Role::Kiosk => self.example,
            Role::HallDisplay => self.example_hall.unwrap_or(self.example),
        }
    }
}

/// Whether a key may be left out, and what then holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It must be there.
    Required,
    /// This value, as it would stand in the file, is taken instead.
    Default(&'static str),
    /// Nothing is taken instead; the text says what that means.
    Optional(&'static str),
    /// It must be there unless this other key is.
    Unless(&'static str),
    /// It may stand in place of this other key.
    InsteadOf(&'static str),
}

/// What may stand behind a key's equals sign.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// Text whose form is checked further by its section; the words say which form.
    Text(&'static str),
    /// Text that must never be shown or logged.
    Secret {
        /// Fewest characters.
        length_min: usize,
        /// Most characters.
        length_max: usize,
    },
    /// An absolute path.
    Path,
    /// A whole number within limits, both included.
    Integer {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// One of these whole numbers.
    IntegerOf(&'static [i64]),
    /// A number, with or without a fraction, within limits, both included.
    Number {
        /// The least.
        min: f64,
        /// The greatest.
        max: f64,
    },
    /// `true` or `false`.
    Flag,
    /// One of these texts.
    TextOf(&'static [&'static str]),
    /// A list of texts, none of them twice; the words say which texts.
    Texts {
        /// What each of them is.
        each: &'static str,
        /// Most of them; there must be at least one.
        count_max: usize,
    },
}

impl Values {
    /// The allowed values in words, to follow "use".
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::Text(form) => (*form).to_owned(),
            Self::Secret {
                length_min,
                length_max,
            } => format!("{length_min} to {length_max} printable characters in quotes"),
            Self::Path => "an absolute path in quotes".to_owned(),
            Self::Integer { min, max } => format!("a whole number from {min} to {max}"),
            Self::IntegerOf(numbers) => one_of(numbers.iter().map(i64::to_string)),
            Self::Number { min, max } => format!("a number from {min} to {max}"),
            Self::Flag => "true or false, without quotes".to_owned(),
            Self::TextOf(texts) => one_of(texts.iter().map(|text| format!("\"{text}\""))),
            Self::Texts { each, count_max } => {
                format!("a list of 1 to {count_max} {each}, none of them twice")
            }
        }
    }

    /// Whether `raw` has the right type and lies within the limits.
    pub(super) fn allow(&self, raw: &Raw) -> bool {
        match (self, raw) {
            (Self::Text(_), Raw::Text(_)) | (Self::Flag, Raw::Flag(_)) => true,
            (
                Self::Secret {
                    length_min,
                    length_max,
                },
                Raw::Text(text),
            ) => {
                (*length_min..=*length_max).contains(&text.chars().count())
                    && !text.chars().any(char::is_control)
            }
            (Self::Path, Raw::Text(text)) => text.starts_with('/') && !text.contains('\0'),
            (Self::Integer { min, max }, Raw::Integer(number)) => (min..=max).contains(&number),
            (Self::IntegerOf(numbers), Raw::Integer(number)) => numbers.contains(number),
            (Self::Number { min, max }, Raw::Integer(_) | Raw::Number(_)) => raw
                .as_number()
                .is_some_and(|number| (min..=max).contains(&&number)),
            (Self::TextOf(texts), Raw::Text(text)) => texts.contains(&text.as_str()),
            (Self::Texts { count_max, .. }, Raw::Texts(texts)) => {
                let distinct: std::collections::BTreeSet<_> = texts.iter().collect();
                (1..=*count_max).contains(&texts.len()) && distinct.len() == texts.len()
            }
            _ => false,
        }
    }
}

fn one_of(values: impl Iterator<Item = String>) -> String {
    let values: Vec<String> = values.collect();
    match values.as_slice() {
        [only] => only.clone(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
        [] => String::new(),
    }
}

/// A value as it was found.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
    Texts(Vec<String>),
    /// Something that no key takes; the words say what.
    Other(&'static str),
}

/// How much of a wrong value is shown back.
const SHOWN_LENGTH_MAX: usize = 40;

impl Raw {
    pub(super) fn of(value: &toml::de::DeValue<'_>) -> Self {
        use toml::de::DeValue;
        match value {
            DeValue::String(text) => Self::Text(text.clone().into_owned()),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .map_or(Self::Other("a number far too large"), Self::Integer),
            DeValue::Float(float) => float
                .as_str()
                .parse()
                .map_or(Self::Other("a number"), Self::Number),
            DeValue::Boolean(flag) => Self::Flag(*flag),
            DeValue::Array(array) => array
                .iter()
                .map(|item| match item.get_ref() {
                    DeValue::String(text) => Some(text.clone().into_owned()),
                    _ => None,
                })
                .collect::<Option<Vec<String>>>()
                .map_or(
                    Self::Other("a list with something else than texts"),
                    Self::Texts,
                ),
            DeValue::Datetime(_) => Self::Other("a date or time"),
            DeValue::Table(_) => Self::Other("a section"),
        }
    }

    /// The value of a literal in this crate's own declarations.
    pub(super) fn of_literal(literal: &str) -> Self {
        let text = format!("value = {literal}");
        let table = toml::de::DeTable::parse(&text).expect("declared values are TOML");
        Self::of(table.get_ref()["value"].get_ref())
    }

    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Integer(integer) => i32::try_from(*integer).ok().map(f64::from),
            _ => None,
        }
    }

    /// The value for a message.
    pub(super) fn shown(&self) -> String {
        let quoted = |text: &String| {
            if text.chars().count() > SHOWN_LENGTH_MAX {
                let start: String = text.chars().take(SHOWN_LENGTH_MAX).collect();
                format!("{start:?}…")
            } else {
                format!("{text:?}")
            }
        };
        match self {
            Self::Text(text) => quoted(text),
            Self::Integer(integer) => integer.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Flag(flag) => flag.to_string(),
            Self::Texts(texts) => {
                let mut shown: Vec<String> = texts.iter().take(12).map(quoted).collect();
                if texts.len() > shown.len() {
                    shown.push("…".to_owned());
                }
                format!("[{}]", shown.join(", "))
            }
            Self::Other(what) => (*what).to_owned(),
        }
    }
}
