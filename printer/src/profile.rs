//! What one printer model can do: widths, resolution, cutter.

use std::ops::RangeInclusive;

/// Dots on a line that a printer may have: narrower is no ticket, wider no
/// printer. A multiple of 8, for a raster line is made of whole bytes.
pub const DOTS_PER_LINE: RangeInclusive<u16> = 256..=1024;

/// A printer's paper and head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// Dots across the printable width. 576 (80 mm) and 384 (58 mm) at 203 dpi;
    /// 512 on 180 dpi heads such as the TM-T88III's.
    pub dots_per_line: u16,
    /// Dots per millimetre, the same in both directions. 8 at 203 dpi, 7.09 at 180 dpi.
    pub dots_per_mm: f32,
    /// Whether the printer cuts by itself. Without, paper is fed to the tear bar.
    pub cutter: bool,
    /// Width of the roll in millimetres. Only pictures of the paper need it.
    pub paper_mm: u16,
}

/// A profile no printer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The width cannot be right. Technician: take it from the printer's manual
    /// ("dots per line").
    #[error("a printer line of {0} dots is not possible: give a multiple of 8 from {min} to {max}",
        min = DOTS_PER_LINE.start(), max = DOTS_PER_LINE.end())]
    Width(u16),
    /// The resolution cannot be right. Technician: 8 for 203 dpi, 7.09 for 180 dpi.
    #[error("the printer's resolution must be between 5 and 13 dots per millimetre")]
    Resolution,
}

impl Profile {
    /// 80 mm paper at 203 dpi, with a cutter.
    pub const fn mm80() -> Self {
        Self {
            dots_per_line: 576,
            dots_per_mm: 8.0,
            cutter: true,
            paper_mm: 80,
        }
    }

    /// 58 mm paper at 203 dpi, with a cutter.
    pub const fn mm58() -> Self {
        Self {
            dots_per_line: 384,
            dots_per_mm: 8.0,
            cutter: true,
            paper_mm: 58,
        }
    }

    /// 80 mm paper on a 180 dpi head (Epson TM-T88III and its kin).
    pub const fn mm80_180dpi() -> Self {
        Self {
            dots_per_line: 512,
            dots_per_mm: 180.0 / 25.4,
            cutter: true,
            paper_mm: 80,
        }
    }

    /// Refuses what cannot be a printer, so that layout may rely on it.
    ///
    /// # Errors
    /// Says which value is out of range.
    pub fn check(&self) -> Result<(), ProfileError> {
        if !self.dots_per_line.is_multiple_of(8) || !DOTS_PER_LINE.contains(&self.dots_per_line) {
            return Err(ProfileError::Width(self.dots_per_line));
        }
        if !(5.0..=13.0).contains(&self.dots_per_mm) {
            return Err(ProfileError::Resolution);
        }
        Ok(())
    }

    /// Dots across the printable width.
    pub(crate) fn width(&self) -> usize {
        usize::from(self.dots_per_line)
    }

    /// Millimetres to whole dots.
    pub(crate) fn dots(&self, mm: f32) -> usize {
        crate::raster::whole(mm * self.dots_per_mm)
    }

    /// Dots to millimetres, rounded up.
    pub(crate) fn mm(&self, dots: usize) -> usize {
        let hundredths = crate::raster::whole(self.dots_per_mm * 100.0).max(1);
        (dots * 100).div_ceil(hundredths)
    }

    /// Dots per inch, as the printer's motion units want it.
    pub(crate) fn dpi(&self) -> u8 {
        u8::try_from(crate::raster::whole(self.dots_per_mm * 25.4)).unwrap_or(u8::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_printers_pass_and_nonsense_does_not() {
        for profile in [Profile::mm80(), Profile::mm58(), Profile::mm80_180dpi()] {
            assert_eq!(profile.check(), Ok(()));
        }
        let odd = Profile {
            dots_per_line: 577,
            ..Profile::mm80()
        };
        assert_eq!(odd.check(), Err(ProfileError::Width(577)));
        for (dots, possible) in [(248, false), (256, true), (1024, true), (1032, false)] {
            let profile = Profile {
                dots_per_line: dots,
                ..Profile::mm80()
            };
            assert_eq!(profile.check().is_ok(), possible, "{dots}");
        }
        let not_a_number = Profile {
            dots_per_mm: f32::NAN,
            ..Profile::mm80()
        };
        assert_eq!(not_a_number.check(), Err(ProfileError::Resolution));
    }

    #[test]
    fn resolutions_are_those_in_the_manuals() {
        assert_eq!(Profile::mm80().dpi(), 203);
        assert_eq!(Profile::mm80_180dpi().dpi(), 180);
        assert_eq!(Profile::mm80().mm(1201), 151);
    }
}
