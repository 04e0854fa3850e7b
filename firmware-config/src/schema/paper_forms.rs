//! `[paper_forms]`: numbers that the kiosk can give out while the server is away.

use usher_protocol::Series;

use super::Role;
use super::key::{Key, Presence, Values};
use super::section::{Reported, Section, SectionPresence, SectionReader};

/// The kiosk's own numbers for paper forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaperForms {
    /// The series that nobody else in the office has.
    pub series: Series,
}

/// Says against a bad series what fits a series, rather than a whole ticket number.
struct SeriesOnly(Series);

impl std::str::FromStr for SeriesOnly {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let shown: String = text.chars().take(12).collect();
        Series::new(text)
            .map(Self)
            .map_err(|_| format!("{shown:?} is no series; use one or two letters A-Z"))
    }
}

const SERIES: Key = Key {
    name: "series",
    about: "The letters before this kiosk's paper numbers: the `series` of its `[[device]]` in the office file. \
            No service and no other kiosk may have the same.",
    values: Values::Text("one or two letters A-Z in quotes"),
    presence: Presence::Required,
    example: "\"X\"",
    example_hall: None,
};

pub(super) const SECTION: Section = Section {
    name: "paper_forms",
    about: "Numbers of the kiosk's own, for paper forms while the server is away.",
    keys: &[&SERIES],
    presence: SectionPresence::Optional(
        "while the server is away the kiosk can only send residents to a person",
    ),
    roles: &[Role::Kiosk],
};

pub(super) fn read(reader: &mut SectionReader<'_, '_>) -> Result<PaperForms, Reported> {
    let SeriesOnly(series) = reader.parsed(&SERIES)?;
    Ok(PaperForms { series })
}
