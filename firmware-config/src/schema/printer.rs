//! `[printer]`: the ticket printer.

use std::fmt;
use std::path::PathBuf;

use super::Role;
use super::key::{Key, Presence, Values};
use super::section::{Reported, Section, SectionPresence, SectionReader};

/// Speeds for a printer, baud. A paper form has up to 40 KB of dots: at 19200 baud
/// it would still be on the line when the kiosk gives up waiting for it and shows
/// the number, and a good print would be told as "not sure".
const BAUD_RATES: &[i64] = &[38_400, 57_600, 115_200, 230_400, 460_800, 921_600];

/// The ticket printer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printer {
    /// Its serial port.
    pub port: PathBuf,
    /// The speed of the port, baud.
    pub baud: u32,
    /// The width of its paper roll.
    pub paper: PaperWidth,
    /// Dots on a line, where the printer has others than is usual for its paper.
    pub dots_per_line: Option<u16>,
}

impl Printer {
    /// Dots on a line: as the file says, else what is usual for the paper.
    #[must_use]
    pub fn line_dots(&self) -> u16 {
        self.dots_per_line
            .unwrap_or_else(|| self.paper.usual_dots())
    }
}

/// The width of a paper roll.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PaperWidth {
    /// 80 mm.
    Mm80,
    /// 58 mm.
    Mm58,
}

impl PaperWidth {
    /// The dots that a print head of 203 dpi has on this paper.
    #[must_use]
    pub fn usual_dots(self) -> u16 {
        match self {
            Self::Mm80 => 576,
            Self::Mm58 => 384,
        }
    }

    /// The width of the roll, mm.
    #[must_use]
    pub fn mm(self) -> u16 {
        match self {
            Self::Mm80 => 80,
            Self::Mm58 => 58,
        }
    }
}

impl fmt::Display for PaperWidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} mm", self.mm())
    }
}

const PORT: Key = Key {
    name: "port",
    about: "The printer's serial port. `60-usher.rules` gives known printers this name, whichever socket they are in.",
    values: Values::Path,
    presence: Presence::Required,
    example: "\"/dev/ticket-printer\"",
    example_hall: None,
};

const BAUD: Key = Key {
    name: "baud",
    about: "The speed of the port in baud, as the printer's switches or self-test page have it. \
            On a slower line than these, a paper form would take longer than a resident waits: \
            set the printer's switches to a faster one.",
    values: Values::IntegerOf(BAUD_RATES),
    presence: Presence::Default("115200"),
    example: "115200",
    example_hall: None,
};

const PAPER: Key = Key {
    name: "paper",
    about: "The width of the paper roll.",
    values: Values::TextOf(&["80mm", "58mm"]),
    presence: Presence::Required,
    example: "\"80mm\"",
    example_hall: None,
};

const DOTS_PER_LINE: Key = Key {
    name: "dots_per_line",
    about: "Dots on a line, as the printer's manual has it; a multiple of 8. \
            Needed only where it is not the usual number, for instance 512 at 180 dpi.",
    // As the printer's profile has it; a test of the kiosk holds them together.
    values: Values::Integer {
        min: 256,
        max: 1024,
    },
    presence: Presence::Optional("576 on 80 mm paper, 384 on 58 mm paper"),
    example: "576",
    example_hall: None,
};

pub(super) const SECTION: Section = Section {
    name: "printer",
    about: "The ticket printer (ESC/POS, on a serial port or a USB port that acts as one).",
    keys: &[&PORT, &BAUD, &PAPER, &DOTS_PER_LINE],
    presence: SectionPresence::Optional("numbers are shown on the screen only"),
    roles: &[Role::Kiosk],
};

pub(super) fn read(reader: &mut SectionReader<'_, '_>) -> Result<Printer, Reported> {
    let port = reader.path_value(&PORT);
    let baud = reader.integer(&BAUD);
    let paper = reader.text(&PAPER).map(|text| match text.as_str() {
        "58mm" => PaperWidth::Mm58,
        _ => PaperWidth::Mm80,
    });
    let dots_per_line = match reader.optional_integer(&DOTS_PER_LINE) {
        Ok(Some(dots)) if dots % 8 != 0 => Err(reader.object(
            &DOTS_PER_LINE,
            format!("{dots} is no multiple of 8; a line of dots is sent in whole bytes"),
        )),
        other => other,
    };
    Ok(Printer {
        port: port?,
        baud: baud?,
        paper: paper?,
        dots_per_line: dots_per_line?,
    })
}
