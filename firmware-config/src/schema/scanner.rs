//! `[scanner]`: the ID scanner.

use std::path::PathBuf;
use std::time::Duration;

use super::Role;
use super::key::{Key, Presence, Values};
use super::section::{Reported, Section, SectionPresence, SectionReader};

/// Speeds that scanners have, baud. A card is a few hundred bytes: any will do.
const BAUD_RATES: &[i64] = &[
    1200, 2400, 4800, 9600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600,
];

/// The ID scanner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanner {
    /// Its serial port.
    pub port: PathBuf,
    /// The speed of the port, baud.
    pub baud: u32,
    /// A scan ends after this silence, ms.
    pub quiet_ms: u32,
}

impl Scanner {
    /// A scan ends after this silence.
    #[must_use]
    pub fn quiet(&self) -> Duration {
        Duration::from_millis(self.quiet_ms.into())
    }
}

const PORT: Key = Key {
    name: "port",
    about: "The scanner's serial port; the scanner must be set to \"USB serial\" (CDC-ACM) or RS-232, not to \"keyboard\". \
            `60-usher.rules` gives known scanners this name.",
    values: Values::Path,
    presence: Presence::Required,
    example: "\"/dev/id-scanner\"",
    example_hall: None,
};

const BAUD: Key = Key {
    name: "baud",
    about: "The speed of the port in baud. A scanner on USB does not mind which.",
    values: Values::IntegerOf(BAUD_RATES),
    presence: Presence::Default("9600"),
    example: "9600",
    example_hall: None,
};

const QUIET_MS: Key = Key {
    name: "quiet_ms",
    about: "A scan ends after this silence, in milliseconds. Too little cuts scans in two, too much makes residents wait.",
    values: Values::Integer { min: 20, max: 1000 },
    presence: Presence::Default("80"),
    example: "80",
    example_hall: None,
};

pub(super) const SECTION: Section = Section {
    name: "scanner",
    about: "The ID scanner.",
    keys: &[&PORT, &BAUD, &QUIET_MS],
    presence: SectionPresence::Optional("residents touch their choices only"),
    roles: &[Role::Kiosk],
};

pub(super) fn read(reader: &mut SectionReader<'_, '_>) -> Result<Scanner, Reported> {
    let port = reader.path_value(&PORT);
    let baud = reader.integer(&BAUD);
    let quiet_ms = reader.integer(&QUIET_MS);
    Ok(Scanner {
        port: port?,
        baud: baud?,
        quiet_ms: quiet_ms?,
    })
}
