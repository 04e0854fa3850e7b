//! Rows of a laid-out sheet to ESC/POS bytes, through the `escpos` crate.
//!
//! The crate composes into memory ([`Memory`] is its driver), so that composing
//! stays pure and the spooler alone touches a port. Two things are done here
//! because the crate does them wrong for us (0.20.1):
//! - *Text.* Its PC858 table lacks `¿` and `Ò`, and what a table lacks it sends
//!   as UTF-8, garbage on paper. [`pc858`] is our own table, and refuses.
//! - *Raster images.* It wants image files and rescales them; `GS v 0` is eight
//!   bytes of header.

use std::cell::RefCell;

use ::escpos::driver::Driver;
use ::escpos::errors::{PrinterError, Result};
use ::escpos::printer::Printer;
use ::escpos::printer_options::PrinterOptions;
use ::escpos::utils::{Font, JustifyMode, PageCode, Protocol};

use crate::layout::{Align, Face, Row, Scale};
use crate::profile::Profile;
use crate::raster::Bitmap;

/// Most bytes of picture in one command. Small enough for a 4 KB receive buffer,
/// and the most that a printer left in the middle of a command still waits for.
pub(crate) const BAND_BYTES_MAX: usize = 4096;

/// Characters above ASCII of code page 858, from 0x80.
const PC858_HIGH: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{AD}±‗¾¶§÷¸°¨·¹³²■\u{A0}";

/// Space that a printer without a cutter feeds, so that the end of the document
/// reaches the tear bar.
const TEAR_FEED_MM: f32 = 16.0;

/// The bytes of a text in code page 858; `None` if a character is not in it.
///
/// Typographic quotes, dashes and spaces, which no printer font of this page
/// has, become their plain relatives.
pub(crate) fn pc858(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => bytes.push(u8::try_from(c).ok()?),
            '\u{2018}' | '\u{2019}' | '\u{2032}' => bytes.push(b'\''),
            '\u{201C}' | '\u{201D}' => bytes.push(b'"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => bytes.push(b'-'),
            '\u{2026}' => bytes.extend_from_slice(b"..."),
            '\u{2009}' | '\u{202F}' | '\u{A0}' => bytes.push(b' '),
            _ => {
                let position = PC858_HIGH.chars().position(|high| high == c)?;
                bytes.push(u8::try_from(0x80 + position).ok()?);
            }
        }
    }
    Some(bytes)
}

/// The character that a printer shows for a byte of code page 858.
pub(crate) fn pc858_char(byte: u8) -> char {
    match byte {
        0x20..=0x7E => char::from(byte),
        0x80.. => PC858_HIGH
            .chars()
            .nth(usize::from(byte - 0x80))
            .unwrap_or('?'),
        _ => '?',
    }
}

/// Collects what the crate composes.
struct Memory(RefCell<Vec<u8>>);

impl Driver for Memory {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn write(&self, data: &[u8]) -> Result<()> {
        self.0.try_borrow_mut()?.extend_from_slice(data);
        Ok(())
    }

    fn read(&self, _buf: &mut [u8]) -> Result<usize> {
        Ok(0)
    }

    fn flush(&self) -> Result<()> {
        Ok(())
    }
}

/// The bytes of a whole document, from initialisation to cut.
pub(crate) fn bytes(rows: &[Row], profile: &Profile) -> std::result::Result<Vec<u8>, PrinterError> {
    let options = PrinterOptions::new(Some(PageCode::PC858), None, 42);
    let printer = Printer::new(
        Memory(RefCell::new(Vec::new())),
        Protocol::default(),
        Some(options),
    );
    let mut composer = Composer {
        printer,
        profile,
        align: Align::Left,
        bold: false,
        face: Face::A,
        spacing: None,
    };
    composer.begin()?;
    for row in rows {
        composer.row(row)?;
    }
    composer.end()?;
    composer.printer.print()?;
    Ok(composer.printer.driver().0.into_inner())
}

/// Writes rows and remembers the printer's modes, so that each is set only when
/// it changes.
struct Composer<'a> {
    printer: Printer<Memory>,
    profile: &'a Profile,
    align: Align,
    bold: bool,
    face: Face,
    spacing: Option<u8>,
}

impl Composer<'_> {
    fn begin(&mut self) -> Result<()> {
        let dpi = self.profile.dpi();
        self.printer
            .init()?
            // Automatic status back off: its bytes would mix with our answers.
            .custom(&[0x1D, b'a', 0])?
            // One vertical unit is one dot, whatever the model's default.
            .motion_units(dpi, dpi)?;
        Ok(())
    }

    fn row(&mut self, row: &Row) -> Result<()> {
        match row {
            Row::Feed(dots) => self.feed(*dots),
            Row::Text {
                bytes,
                face,
                bold,
                align,
            } => self.text(bytes, *face, *bold, *align),
            Row::Picture {
                bitmap,
                align,
                scale,
            } => self.picture(bitmap, *align, *scale),
        }
    }

    fn end(&mut self) -> Result<()> {
        if self.profile.cutter {
            // Feed to the cutter and leave one point uncut, so that the paper
            // hangs in the slot instead of falling.
            self.printer.custom(&[0x1D, b'V', b'B', 0])?;
        } else {
            self.feed(self.profile.dots(TEAR_FEED_MM))?;
        }
        Ok(())
    }

    fn align(&mut self, align: Align) -> Result<()> {
        if self.align != align {
            self.align = align;
            self.printer.justify(match align {
                Align::Left => JustifyMode::LEFT,
                Align::Right => JustifyMode::RIGHT,
            })?;
        }
        Ok(())
    }

    fn feed(&mut self, dots: usize) -> Result<()> {
        let mut left = dots;
        while left > 0 {
            let step = u8::try_from(left).unwrap_or(u8::MAX);
            self.printer.custom(&[0x1B, b'J', step])?;
            left -= usize::from(step);
        }
        Ok(())
    }

    fn text(&mut self, bytes: &[u8], face: Face, bold: bool, align: Align) -> Result<()> {
        self.align(align)?;
        if self.face != face {
            self.face = face;
            self.printer.font(match face {
                Face::A => Font::A,
                Face::B => Font::B,
            })?;
        }
        if self.bold != bold {
            self.bold = bold;
            self.printer.bold(bold)?;
        }
        let spacing = u8::try_from(face.line_dots()).unwrap_or(u8::MAX);
        if self.spacing != Some(spacing) {
            self.spacing = Some(spacing);
            self.printer.line_spacing(spacing)?;
        }
        let mut line = bytes.to_vec();
        line.push(b'\n');
        self.printer.custom(&line)?;
        Ok(())
    }

    fn picture(&mut self, bitmap: &Bitmap, align: Align, scale: Scale) -> Result<()> {
        let Some(padded) = padded(bitmap, align) else {
            return Ok(());
        };
        self.align(align)?;
        let stride = padded.stride();
        let rows_in_band = (BAND_BYTES_MAX / stride).max(1);
        let mode = match scale {
            Scale::One => 0,
            // Both directions doubled: the one mode that no library or printer
            // has mistaken for another, unlike 1 and 2.
            Scale::Two => 3,
        };
        let mut row = 0;
        while row < padded.height() {
            let end = (row + rows_in_band).min(padded.height());
            let [width_low, width_high] = u16::try_from(stride).unwrap_or(u16::MAX).to_le_bytes();
            let [height_low, height_high] =
                u16::try_from(end - row).unwrap_or(u16::MAX).to_le_bytes();
            let mut command = vec![
                0x1D,
                b'v',
                b'0',
                mode,
                width_low,
                width_high,
                height_low,
                height_high,
            ];
            let header = command.len();
            command.extend_from_slice(padded.rows(row..end));
            defuse(&mut command[header..]);
            self.printer.custom(&command)?;
            row = end;
        }
        Ok(())
    }
}

/// The picture with its rows filled up to whole bytes on the side away from the
/// edge it is aligned to; `None` if there is nothing to print.
fn padded(bitmap: &Bitmap, align: Align) -> Option<Bitmap> {
    if bitmap.width() == 0 || bitmap.height() == 0 {
        return None;
    }
    let mut padded = Bitmap::new(bitmap.stride() * 8, bitmap.height());
    let x = match align {
        Align::Left => 0,
        Align::Right => padded.width() - bitmap.width(),
    };
    padded.draw(bitmap, x, 0);
    Some(padded)
}

/// Breaks up byte pairs that printers obey even inside picture data: `DLE EOT`
/// (status), `DLE ENQ` (recover, print from the middle) and `DLE DC4` (open the
/// drawer, switch off). One more dot beside an inked one changes nothing to the eye.
fn defuse(data: &mut [u8]) {
    for at in 1..data.len() {
        if data[at - 1] == 0x10 && matches!(data[at], 0x04 | 0x05 | 0x14) {
            data[at - 1] = 0x18;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_code_page_is_the_printers() {
        // Positions from the code page's definition, not from our table.
        for (c, byte) in [
            ('Ç', 0x80),
            ('é', 0x82),
            ('ñ', 0xA4),
            ('Ñ', 0xA5),
            ('¿', 0xA8),
            ('®', 0xA9),
            ('¡', 0xAD),
            ('Á', 0xB5),
            ('┐', 0xBF),
            ('€', 0xD5),
            ('Ô', 0xE2),
            ('Ò', 0xE3),
            ('±', 0xF1),
            ('■', 0xFE),
        ] {
            assert_eq!(pc858(&c.to_string()), Some(vec![byte]), "{c}");
            assert_eq!(pc858_char(byte), c, "{byte:#04x}");
        }
        assert_eq!(PC858_HIGH.chars().count(), 128);
    }

    #[test]
    fn what_the_page_lacks_is_refused_and_typography_is_made_plain() {
        for text in ["您的號碼", "رقمك", "Số thứ tự", "Ваш", "\u{1b}@", "a\nb"] {
            assert_eq!(pc858(text), None, "{text:?}");
        }
        assert_eq!(pc858("20–35 min…"), Some(b"20-35 min...".to_vec()));
        assert_eq!(pc858("driver’s"), Some(b"driver's".to_vec()));
    }

    proptest! {
        #[test]
        fn pictures_never_hold_a_real_time_command(
            mut data in proptest::collection::vec(
                prop_oneof![Just(0x10u8), Just(0x04), Just(0x05), Just(0x14), Just(0x01), any::<u8>()],
                0..300,
            )
        ) {
            let before = data.clone();
            defuse(&mut data);
            for pair in data.windows(2) {
                prop_assert!(!(pair[0] == 0x10 && matches!(pair[1], 0x04 | 0x05 | 0x14)));
            }
            for (new, old) in data.iter().zip(&before) {
                prop_assert_eq!(new & old, *old, "ink was taken away");
            }
        }
    }
}
