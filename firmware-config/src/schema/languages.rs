//! `[languages]`: what residents may choose from.

use usher_protocol::Language;

use super::Role;
use super::key::{Key, Presence, Values};
use super::section::{Reported, Section, SectionPresence, SectionReader};

/// The languages that the device offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Languages {
    /// In the order of the buttons; at least one, none twice. The first is shown
    /// until somebody chooses.
    pub order: Vec<Language>,
}

impl Languages {
    /// The language that is shown until somebody chooses.
    #[must_use]
    pub fn default_language(&self) -> &Language {
        self.order
            .first()
            .expect("the list was checked to have one")
    }
}

const ORDER: Key = Key {
    name: "order",
    about: "Language tags (BCP 47) in the order of the buttons. The first is shown until somebody chooses.",
    values: Values::Texts {
        each: "language tags in quotes",
        count_max: 40,
    },
    presence: Presence::Required,
    example: "[\"en\", \"es\", \"zh-Hant\", \"vi\", \"ar\"]",
    example_hall: None,
};

pub(super) const SECTION: Section = Section {
    name: "languages",
    about: "The languages that are offered. A text that the office has not translated is shown in English.",
    keys: &[&ORDER],
    presence: SectionPresence::Required,
    roles: &[Role::Kiosk, Role::HallDisplay],
};

pub(super) fn read(reader: &mut SectionReader<'_, '_>) -> Result<Languages, Reported> {
    let order = reader.parsed_list(&ORDER)?;
    Ok(Languages { order })
}
