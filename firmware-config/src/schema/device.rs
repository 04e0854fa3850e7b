//! `[device]`: who it is.

use std::fmt;

use usher_protocol::{DeviceId, OfficeId};

use super::key::{Key, Presence, Values};
use super::section::{Reported, Section, SectionPresence, SectionReader};

/// Who the device is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its name, and its user name at the broker.
    pub id: DeviceId,
    /// The office that it stands in.
    pub office: OfficeId,
    /// What it does.
    pub role: Role,
}

/// What a device does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Residents check in at it (`usher-kiosk`).
    Kiosk,
    /// It shows who is called (`usher-display`).
    HallDisplay,
}

impl Role {
    /// The role as it stands in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kiosk => "kiosk",
            Self::HallDisplay => "hall-display",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kiosk => "kiosk",
            Self::HallDisplay => "hall display",
        })
    }
}

const ID: Key = Key {
    name: "id",
    about: "The device's name: the `id` of its `[[device]]` in the office file. \
            It is also its user name at the broker.",
    values: Values::Text("a device id of 1 to 40 of a-z, 0-9 and -"),
    presence: Presence::Required,
    example: "\"kiosk-1\"",
    example_hall: Some("\"hall-1\""),
};

const OFFICE: Key = Key {
    name: "office",
    about: "The office that it stands in: the `id` at the top of the office file.",
    values: Values::Text("an office id of 1 to 40 of a-z, 0-9 and -"),
    presence: Presence::Required,
    example: "\"capitol-dmv\"",
    example_hall: None,
};

const ROLE: Key = Key {
    name: "role",
    about: "What the device does. `usher-kiosk` needs \"kiosk\", `usher-display` needs \"hall-display\".",
    values: Values::TextOf(&["kiosk", "hall-display"]),
    presence: Presence::Required,
    example: "\"kiosk\"",
    example_hall: Some("\"hall-display\""),
};

pub(super) const SECTION: Section = Section {
    name: "device",
    about: "Who this device is.",
    keys: &[&ID, &OFFICE, &ROLE],
    presence: SectionPresence::Required,
    roles: &[Role::Kiosk, Role::HallDisplay],
};

pub(super) fn read(reader: &mut SectionReader<'_, '_>) -> Result<Device, Reported> {
    let id = reader.parsed(&ID);
    let office = reader.parsed(&OFFICE);
    let role = reader.text(&ROLE).map(|text| match text.as_str() {
        "hall-display" => Role::HallDisplay,
        _ => Role::Kiosk,
    });
    Ok(Device {
        id: id?,
        office: office?,
        role: role?,
    })
}
