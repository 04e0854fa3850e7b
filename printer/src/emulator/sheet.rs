//! What is on the paper: dots, letters in the printer's own font, codes.

use qrcode::{Color, EcLevel, QrCode};

use super::parser::Command;
use crate::escpos::pc858_char;
use crate::profile::Profile;
use crate::raster::{Bitmap, Picture, Rect, Shaper};

/// Longest sheet drawn, in dots (5 m of paper); what comes after is lost.
const ROWS_MAX: usize = 40_000;
/// Line spacing after switching on, in dots (1/6 inch at 203 dpi).
const SPACING_AT_START: usize = 34;
/// Blank paper above and below the print in a picture, in millimetres.
const MARGIN_MM: f32 = 5.0;
/// Grey of thermal print: near black.
const INK_GREY: u8 = 24;
/// Grey of the paper's outline, so that it shows on a white page.
const EDGE_GREY: u8 = 200;

/// A letter on the paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Letter {
    glyph: char,
    x: usize,
    y: usize,
    cell_width: usize,
    cell_height: usize,
    times_wide: usize,
    times_high: usize,
    bold: bool,
    underline: bool,
    reverse: bool,
}

/// A piece of paper that was cut off.
#[derive(Clone, Debug)]
pub struct Sheet {
    profile: Profile,
    dots: Bitmap,
    letters: Vec<Letter>,
    text: String,
    bytes: Vec<u8>,
}

impl Sheet {
    /// The bytes that made it, without questions.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is on it in the printer's own fonts, line by line. Drawn text is not
    /// in here.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether nothing is on it.
    pub fn is_blank(&self) -> bool {
        self.letters.is_empty() && self.dots.ink().is_none()
    }

    /// Length in millimetres.
    pub fn length_mm(&self) -> usize {
        self.profile.mm(self.dots.height())
    }

    /// Every dot on it, within the printable width.
    pub fn dots(&self, shaper: &mut Shaper) -> Bitmap {
        let mut dots = self.dots.clone();
        for letter in &self.letters {
            draw_letter(letter, &mut dots, shaper);
        }
        dots
    }

    /// What the paper looks like, one pixel a dot, with its white margins.
    /// Reads the fonts (150 ms); with a [`Shaper`] at hand, take
    /// [`render_with`](Self::render_with).
    pub fn render(&self) -> Picture {
        self.render_with(&mut Shaper::new())
    }

    /// What the paper looks like, one pixel a dot, with its white margins.
    pub fn render_with(&self, shaper: &mut Shaper) -> Picture {
        let dots = self.dots(shaper);
        let paper = self
            .profile
            .dots(f32::from(self.profile.paper_mm))
            .max(dots.width());
        let margin = self.profile.dots(MARGIN_MM);
        let height = dots.height() + 2 * margin;
        let mut picture = Picture::new(paper, height, u8::MAX);
        for x in 0..paper {
            picture.set_grey(x, 0, EDGE_GREY);
            picture.set_grey(x, height - 1, EDGE_GREY);
        }
        for y in 0..height {
            picture.set_grey(0, y, EDGE_GREY);
            picture.set_grey(paper - 1, y, EDGE_GREY);
        }
        picture.ink(&dots, (paper - dots.width()) / 2, margin, INK_GREY);
        picture
    }
}

fn draw_letter(letter: &Letter, dots: &mut Bitmap, shaper: &mut Shaper) {
    let mut cell = shaper.cell(
        letter.glyph,
        letter.cell_width,
        letter.cell_height,
        letter.bold,
    );
    if letter.underline {
        cell.fill(Rect {
            x: 0,
            y: letter.cell_height - 2,
            width: letter.cell_width,
            height: 2,
        });
    }
    for row in 0..letter.cell_height {
        for column in 0..letter.cell_width {
            if cell.get(column, row) != letter.reverse {
                dots.fill(Rect {
                    x: letter.x + column * letter.times_wide,
                    y: letter.y + row * letter.times_high,
                    width: letter.times_wide,
                    height: letter.times_high,
                });
            }
        }
    }
}

/// A sheet being printed, with the printer's modes.
#[derive(Debug)]
pub(super) struct Drawing {
    sheet: Sheet,
    /// The letters of the line not yet printed, with their x from its start.
    line: Vec<Letter>,
    line_width: usize,
    y: usize,
    modes: Modes,
}

#[derive(Clone, Debug)]
struct Modes {
    justify: u8,
    font: u8,
    bold: bool,
    underline: bool,
    reverse: bool,
    times_wide: usize,
    times_high: usize,
    spacing: usize,
    qr_module: usize,
    qr_correction: EcLevel,
    qr_data: Vec<u8>,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            justify: 0,
            font: 0,
            bold: false,
            underline: false,
            reverse: false,
            times_wide: 1,
            times_high: 1,
            spacing: SPACING_AT_START,
            qr_module: 3,
            qr_correction: EcLevel::L,
            qr_data: Vec::new(),
        }
    }
}

impl Drawing {
    pub(super) fn new(profile: Profile) -> Self {
        Self {
            sheet: Sheet {
                dots: Bitmap::new(profile.width(), 0),
                profile,
                letters: Vec::new(),
                text: String::new(),
                bytes: Vec::new(),
            },
            line: Vec::new(),
            line_width: 0,
            y: 0,
            modes: Modes::default(),
        }
    }

    /// Whether a document has begun.
    pub(super) fn has_bytes(&self) -> bool {
        !self.sheet.bytes.is_empty()
    }

    /// Keeps the bytes of a command.
    pub(super) fn note(&mut self, bytes: &[u8]) {
        self.sheet.bytes.extend_from_slice(bytes);
    }

    /// The finished sheet.
    pub(super) fn finish(mut self) -> Sheet {
        self.print_line();
        self.sheet.dots.extend_to(self.y.min(ROWS_MAX));
        self.sheet
    }

    /// Blank paper.
    pub(super) fn feed(&mut self, dots: usize) {
        self.y = (self.y + dots).min(ROWS_MAX);
        self.sheet.dots.extend_to(self.y);
    }

    /// Obeys a command that draws or changes a mode; says how much paper it took.
    pub(super) fn draw(&mut self, command: &Command<'_>) -> usize {
        let before = self.y;
        match *command {
            Command::Initialise => {
                self.line.clear();
                self.line_width = 0;
                self.modes = Modes::default();
            }
            Command::Character(byte) => self.letter(byte),
            Command::LineFeed => {
                let height = self.print_line();
                self.feed(self.modes.spacing.max(height) - height);
            }
            Command::FeedDots(dots) => {
                self.print_line();
                self.feed(dots);
            }
            Command::FeedLines(lines) => {
                self.print_line();
                self.feed(lines * self.modes.spacing);
            }
            Command::LineSpacing(spacing) => {
                self.modes.spacing = spacing.unwrap_or(SPACING_AT_START);
            }
            Command::Justify(justify) => self.modes.justify = justify,
            Command::Font(font) => self.modes.font = font,
            Command::Bold(bold) => self.modes.bold = bold,
            Command::Underline(underline) => self.modes.underline = underline != 0,
            Command::Reverse(reverse) => self.modes.reverse = reverse,
            Command::Size(wide, high) => {
                self.modes.times_wide = wide;
                self.modes.times_high = high;
            }
            Command::Raster {
                double_width,
                double_height,
                bytes_per_row,
                rows,
                data,
            } => self.raster(double_width, double_height, bytes_per_row, rows, data),
            Command::QrModule(dots) => self.modes.qr_module = dots.clamp(1, 16),
            Command::QrCorrection(level) => {
                self.modes.qr_correction = match level {
                    49 => EcLevel::M,
                    50 => EcLevel::Q,
                    51 => EcLevel::H,
                    _ => EcLevel::L,
                };
            }
            Command::QrStore(data) => self.modes.qr_data = data.to_vec(),
            Command::QrPrint => self.qr(),
            Command::Nothing
            | Command::RealTime
            | Command::AskQueued
            | Command::Cut { .. }
            | Command::Unknown => {}
        }
        self.y - before
    }

    fn letter(&mut self, byte: u8) {
        let (cell_width, cell_height) = if self.modes.font == 0 {
            (12, 24)
        } else {
            (9, 17)
        };
        let width = cell_width * self.modes.times_wide;
        if self.line_width + width > self.sheet.dots.width() {
            let height = self.print_line();
            self.feed(self.modes.spacing.max(height) - height);
        }
        self.line.push(Letter {
            glyph: pc858_char(byte),
            x: self.line_width,
            y: 0,
            cell_width,
            cell_height,
            times_wide: self.modes.times_wide,
            times_high: self.modes.times_high,
            bold: self.modes.bold,
            underline: self.modes.underline,
            reverse: self.modes.reverse,
        });
        self.line_width += width;
    }

    /// Prints the line's letters, if there are any; says how high they are.
    fn print_line(&mut self) -> usize {
        let height = self
            .line
            .iter()
            .map(|letter| letter.cell_height * letter.times_high)
            .max()
            .unwrap_or(0);
        let start = self.start_of(self.line_width);
        if self.y + height <= ROWS_MAX {
            for mut letter in self.line.drain(..) {
                letter.x += start;
                letter.y = self.y + height - letter.cell_height * letter.times_high;
                self.sheet.text.push(letter.glyph);
                self.sheet.letters.push(letter);
            }
            if height > 0 {
                self.sheet.text.push('\n');
            }
        }
        self.line.clear();
        self.line_width = 0;
        self.feed(height);
        height
    }

    fn start_of(&self, width: usize) -> usize {
        let room = self.sheet.dots.width().saturating_sub(width);
        match self.modes.justify {
            1 => room / 2,
            2 => room,
            _ => 0,
        }
    }

    fn raster(
        &mut self,
        double_width: bool,
        double_height: bool,
        bytes_per_row: usize,
        rows: usize,
        data: &[u8],
    ) {
        self.print_line();
        let (wide, high) = (
            1 + usize::from(double_width),
            1 + usize::from(double_height),
        );
        let start = self.start_of(bytes_per_row * 8 * wide);
        let top = self.y;
        self.feed(rows * high);
        if bytes_per_row == 0 {
            return;
        }
        for (row, bytes) in data.chunks_exact(bytes_per_row).enumerate() {
            for (index, byte) in bytes.iter().enumerate().filter(|(_, byte)| **byte != 0) {
                for bit in (0..8).filter(|bit| byte & (0x80 >> bit) != 0) {
                    self.sheet.dots.fill(Rect {
                        x: start + (index * 8 + bit) * wide,
                        y: top + row * high,
                        width: wide,
                        height: high,
                    });
                }
            }
        }
    }

    fn qr(&mut self) {
        self.print_line();
        let level = self.modes.qr_correction;
        let Ok(code) = QrCode::with_error_correction_level(&self.modes.qr_data, level) else {
            return;
        };
        let module = self.modes.qr_module;
        let side = code.width() * module;
        let start = self.start_of(side);
        let top = self.y;
        self.feed(side);
        let modules = code.width();
        for (index, color) in code.to_colors().into_iter().enumerate() {
            if color == Color::Dark {
                self.sheet.dots.fill(Rect {
                    x: start + index % modules * module,
                    y: top + index / modules * module,
                    width: module,
                    height: module,
                });
            }
        }
    }
}
