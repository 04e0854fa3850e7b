//! `[storage]`: what must survive a power cut.

use std::path::PathBuf;

use super::Role;
use super::key::{Key, Presence, Values};
use super::section::{Reported, Section, SectionPresence, SectionReader};

/// Where the device keeps what must survive a power cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// The journal of everything given out: an SQLite file.
    pub journal: PathBuf,
}

const JOURNAL: Key = Key {
    name: "journal",
    about: "The file in which the device keeps what it gave out and has not reported yet (SQLite). \
            Its directory must exist, belong to the device's user, and lie on a disk that survives a restart.",
    values: Values::Path,
    presence: Presence::Default("\"/var/lib/usher/journal.db\""),
    example: "\"/var/lib/usher/journal.db\"",
    example_hall: None,
};

pub(super) const SECTION: Section = Section {
    name: "storage",
    about: "What must survive a power cut.",
    keys: &[&JOURNAL],
    presence: SectionPresence::Defaults,
    roles: &[Role::Kiosk, Role::HallDisplay],
};

pub(super) fn read(reader: &mut SectionReader<'_, '_>) -> Result<Storage, Reported> {
    let journal = reader.path_value(&JOURNAL)?;
    Ok(Storage { journal })
}
