//! `[panel]`: the screen, in pixels and in millimetres.

use super::Role;
use super::key::{Key, Presence, Values};
use super::section::{Reported, Section, SectionPresence, SectionReader};

/// The screen. Letters and buttons have sizes in millimetres, so the picture's
/// real width must be known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Panel {
    /// Width of the picture, px.
    pub width_px: u32,
    /// Height of the picture, px.
    pub height_px: u32,
    /// Width of the picture on the glass, mm.
    pub width_mm: f64,
    /// Whether the window takes the whole screen.
    pub fullscreen: bool,
}

/// Coarsest picture that letters can be read on, px per mm: a 4.8 mm capital has 5 px.
const PX_PER_MM_MIN: f64 = 0.5;
/// Finer than any panel made; beyond it, somebody wrote centimetres or inches.
const PX_PER_MM_MAX: f64 = 25.0;

impl Panel {
    /// Pixels on a millimetre of the glass. Pixels are taken to be square.
    #[must_use]
    pub fn px_per_mm(&self) -> f64 {
        f64::from(self.width_px) / self.width_mm
    }
}

const WIDTH_PX: Key = Key {
    name: "width_px",
    about: "Width of the picture in pixels, as the panel is mounted (portrait: the smaller number).",
    values: Values::Integer {
        min: 320,
        max: 7680,
    },
    presence: Presence::Required,
    example: "1080",
    example_hall: Some("1920"),
};

const HEIGHT_PX: Key = Key {
    name: "height_px",
    about: "Height of the picture in pixels.",
    values: Values::Integer {
        min: 320,
        max: 7680,
    },
    presence: Presence::Required,
    example: "1920",
    example_hall: Some("1080"),
};

const WIDTH_MM: Key = Key {
    name: "width_mm",
    about: "Width of the picture on the glass in millimetres, measured with a ruler without the frame. \
            Letters and buttons get their real sizes from it.",
    values: Values::Number {
        min: 50.0,
        max: 5000.0,
    },
    presence: Presence::Required,
    example: "345.0",
    example_hall: Some("1210.0"),
};

const FULLSCREEN: Key = Key {
    name: "fullscreen",
    about: "Whether the window takes the whole screen. Use false to try it on a desktop.",
    values: Values::Flag,
    presence: Presence::Default("true"),
    example: "true",
    example_hall: None,
};

pub(super) const SECTION: Section = Section {
    name: "panel",
    about: "The screen, as it is mounted.",
    keys: &[&WIDTH_PX, &HEIGHT_PX, &WIDTH_MM, &FULLSCREEN],
    presence: SectionPresence::Required,
    roles: &[Role::Kiosk, Role::HallDisplay],
};

pub(super) fn read(reader: &mut SectionReader<'_, '_>) -> Result<Panel, Reported> {
    let width_px = reader.integer(&WIDTH_PX);
    let height_px = reader.integer(&HEIGHT_PX);
    let width_mm = reader.number(&WIDTH_MM);
    let fullscreen = reader.flag(&FULLSCREEN);
    let panel = Panel {
        width_px: width_px?,
        height_px: height_px?,
        width_mm: width_mm?,
        fullscreen: fullscreen?,
    };
    let px_per_mm = panel.px_per_mm();
    if (PX_PER_MM_MIN..=PX_PER_MM_MAX).contains(&px_per_mm) {
        return Ok(panel);
    }
    Err(reader.object(
        &WIDTH_MM,
        format!(
            "{} px on {} mm are {px_per_mm:.1} px on a millimetre, and panels have \
             {PX_PER_MM_MIN} to {PX_PER_MM_MAX}; measure the picture's width in millimetres",
            panel.width_px, panel.width_mm
        ),
    ))
}
