//! Shapes text of any script with the system's Noto fonts and draws it in one bit.

use std::collections::HashMap;

use cosmic_text::{
    Align, Attrs, Buffer, Family, FontSystem, Hinting, Metrics, Shaping, SwashCache, SwashContent,
    Weight as FontWeight, Wrap,
};

use super::{Bitmap, Rect, length, whole};
use crate::document::Direction;

/// Grey from which a dot is inked, of 255. Below the middle: thermal heads print
/// thin strokes lighter than they are drawn.
const INK_FROM: u8 = 104;
/// Line height in multiples of the text size.
const LINE_HEIGHT: f32 = 1.3;
/// Height of capital letters and figures of Noto Sans in multiples of its size.
const CAPITAL_HEIGHT: f32 = 0.714;
/// Gap between letters and digits of a ticket number in multiples of the size;
/// narrower than a word space, so that the two read as one name.
const NUMBER_GAP: f32 = 0.2;
/// Glyph pictures kept; a kiosk runs for months, the cache must not grow for ever.
const GLYPHS_KEPT_MAX: usize = 4096;

/// Weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// For reading.
    Regular,
    /// For finding.
    Bold,
}

/// How a text is to be drawn.
#[derive(Clone, Copy, Debug)]
pub struct TextStyle<'a> {
    /// Size (em) in dots.
    pub size: f32,
    /// Weight.
    pub weight: Weight,
    /// BCP 47 language, which decides the shapes of Han characters.
    pub language: &'a str,
    /// Direction of the paragraph.
    pub direction: Direction,
}

/// One line of drawn text, trimmed to its ink.
#[derive(Clone, Debug)]
pub struct ShapedLine {
    /// The ink and nothing around it; without dots if the line is blank.
    pub ink: Bitmap,
    /// Blank rows above the ink, so that lines keep their rhythm.
    pub above: usize,
    /// Blank rows below the ink.
    pub below: usize,
}

/// Grey coverage of a drawn line, before it becomes dots.
struct Coverage {
    width: usize,
    height: usize,
    greys: Vec<u8>,
}

/// The fonts of this machine and what was drawn with them.
///
/// Making one reads the font directories (about 150 ms): make it once and keep
/// it. Drawing a line then takes about a millisecond.
pub struct Shaper {
    fonts: FontSystem,
    glyphs: SwashCache,
    cells: HashMap<(char, usize, usize, bool), Bitmap>,
    missing: usize,
}

impl std::fmt::Debug for Shaper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shaper")
            .field("faces", &self.fonts.db().len())
            .finish_non_exhaustive()
    }
}

impl Default for Shaper {
    fn default() -> Self {
        Self::new()
    }
}

impl Shaper {
    /// Reads the system's fonts. Debian: `fonts-noto-core` and `fonts-noto-cjk`.
    pub fn new() -> Self {
        let mut fonts = FontSystem::new();
        fonts.db_mut().set_sans_serif_family("Noto Sans");
        Self {
            fonts,
            glyphs: SwashCache::new(),
            cells: HashMap::new(),
            missing: 0,
        }
    }

    /// How many characters found no font since this was last asked.
    pub fn take_missing(&mut self) -> usize {
        std::mem::take(&mut self.missing)
    }

    /// Draws a text broken into lines of at most `width` dots.
    ///
    /// Control characters count as spaces; a word longer than a line is broken.
    pub fn lines(&mut self, text: &str, style: &TextStyle<'_>, width: usize) -> Vec<ShapedLine> {
        self.coverage(text, style, width)
            .into_iter()
            .map(|(coverage, margin)| {
                let bitmap = coverage.to_dots();
                let height = coverage.height - 2 * margin;
                match bitmap.ink() {
                    None => ShapedLine {
                        ink: Bitmap::new(0, 0),
                        above: height,
                        below: 0,
                    },
                    Some(ink) => ShapedLine {
                        ink: bitmap.crop(ink),
                        above: ink.y.saturating_sub(margin),
                        below: (coverage.height - margin).saturating_sub(ink.y + ink.height),
                    },
                }
            })
            .collect()
    }

    /// Draws a ticket number `height` dots high in bold figures, made narrower
    /// where it would be wider than `width`. Never cut off, never lower.
    pub fn number(&mut self, number: &str, height: usize, width: usize) -> Bitmap {
        let size = length(height) / CAPITAL_HEIGHT;
        let style = TextStyle {
            size,
            weight: Weight::Bold,
            language: "en",
            direction: Direction::LeftToRight,
        };
        let gap = whole(size * NUMBER_GAP);
        let mut whole_number = Coverage::blank(0, 0);
        for word in number.split_whitespace() {
            // One line whatever its length: it is squeezed below.
            let Some((line, _)) = self.coverage(word, &style, 16_000).into_iter().next() else {
                continue;
            };
            whole_number = whole_number.beside(&line.trimmed_columns(), gap);
        }
        if whole_number.width > width {
            whole_number = whole_number.narrowed(width);
        }
        let bitmap = whole_number.to_dots();
        match bitmap.ink() {
            Some(ink) => bitmap.crop(ink),
            None => Bitmap::new(0, 0),
        }
    }

    /// Draws one character of a printer's built-in font in its cell, as the
    /// emulator shows it. The real printer has its own shapes of the same size.
    pub(crate) fn cell(&mut self, glyph: char, width: usize, height: usize, bold: bool) -> Bitmap {
        let key = (glyph, width, height, bold);
        if let Some(cell) = self.cells.get(&key) {
            return cell.clone();
        }
        if glyph == '\u{25A0}' {
            // On printers a small square, not one that fills the cell.
            let mut cell = Bitmap::new(width, height);
            let side = width * 2 / 3;
            cell.fill(Rect {
                x: (width - side) / 2,
                y: (height - side) * 5 / 8,
                width: side,
                height: side,
            });
            return cell;
        }
        // Every letter of this font is 0.602 of its size wide. (Han fonts' half-width
        // letters would fill a tall cell better, but have no accented ones.)
        let size = length(width) / 0.602;
        let weight = if bold {
            FontWeight::BOLD
        } else {
            FontWeight::NORMAL
        };
        let attrs = Attrs::new()
            .family(Family::Name("DejaVu Sans Mono"))
            .weight(weight);
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size, size));
        buffer.set_text(&glyph.to_string(), &attrs, Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut self.fonts, false);
        let baseline = height * 19 / 24;
        let mut canvas = Canvas::new(width, height);
        if let Some(run) = buffer.layout_runs().next() {
            let inset = signed(width.saturating_sub(whole(run.line_w)) / 2);
            for laid_out in run.glyphs {
                let placed = laid_out.physical((0.0, 0.0), 1.0);
                if let Some(image) = self.glyphs.get_image(&mut self.fonts, placed.cache_key) {
                    canvas.draw(image, placed.x + inset, signed(baseline) + placed.y);
                }
            }
        }
        let cell = canvas.0.to_dots();
        if self.cells.len() >= GLYPHS_KEPT_MAX {
            self.cells.clear();
        }
        self.cells.insert(key, cell.clone());
        cell
    }

    /// Lays a text out and draws it in greys. With each line comes the margin
    /// drawn around it, room for what hangs over the line's box.
    fn coverage(
        &mut self,
        text: &str,
        style: &TextStyle<'_>,
        width: usize,
    ) -> Vec<(Coverage, usize)> {
        if self.glyphs.image_cache.len() > GLYPHS_KEPT_MAX {
            self.glyphs.image_cache.clear();
        }
        let weight = match style.weight {
            Weight::Regular => FontWeight::NORMAL,
            Weight::Bold => FontWeight::BOLD,
        };
        let base = Attrs::new()
            .family(Family::Name("Noto Sans"))
            .weight(weight);
        let han = base
            .clone()
            .family(Family::Name(han_family(style.language)));

        let text = paragraph(text, style.direction);
        let spans = split_by(&text, is_east_asian)
            .into_iter()
            .map(|(span, east_asian)| {
                (
                    span,
                    if east_asian {
                        han.clone()
                    } else {
                        base.clone()
                    },
                )
            });

        let line_height = (style.size * LINE_HEIGHT).round();
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(style.size, line_height));
        buffer.set_wrap(Wrap::WordOrGlyph);
        buffer.set_hinting(Hinting::Enabled);
        buffer.set_size(Some(length(width)), None);
        buffer.set_rich_text(spans, &base, Shaping::Advanced, Some(Align::Left));
        buffer.shape_until_scroll(&mut self.fonts, false);

        let margin = whole(style.size / 2.0);
        let mut lines = Vec::new();
        for run in buffer.layout_runs() {
            let baseline = whole(run.line_y - run.line_top);
            let mut canvas = Canvas::new(
                whole(run.line_w.ceil()) + 2 * margin,
                whole(line_height) + 2 * margin,
            );
            for glyph in run.glyphs {
                if glyph.glyph_id == 0 {
                    self.missing += 1;
                }
                let placed = glyph.physical((0.0, 0.0), 1.0);
                if let Some(image) = self.glyphs.get_image(&mut self.fonts, placed.cache_key) {
                    canvas.draw(
                        image,
                        placed.x + signed(margin),
                        placed.y + signed(margin + baseline),
                    );
                }
            }
            lines.push((canvas.0, margin));
        }
        lines
    }
}

/// A coverage that glyphs are drawn onto.
struct Canvas(Coverage);

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self(Coverage::blank(width, height))
    }

    /// Adds a glyph's picture with its origin at `x`, `baseline`.
    fn draw(&mut self, image: &cosmic_text::SwashImage, x: i32, baseline: i32) {
        let columns = image.placement.width as usize;
        let (step, alpha) = match image.content {
            SwashContent::Mask => (1, 0),
            SwashContent::Color | SwashContent::SubpixelMask => (4, 3),
        };
        let left = x + image.placement.left;
        let top = baseline - image.placement.top;
        for (index, pixel) in image.data.chunks_exact(step).enumerate() {
            let (Ok(column), Ok(row)) = (
                usize::try_from(left + signed(index % columns)),
                usize::try_from(top + signed(index / columns)),
            ) else {
                continue;
            };
            if column < self.0.width && row < self.0.height {
                let grey = &mut self.0.greys[row * self.0.width + column];
                *grey = grey.saturating_add(pixel[alpha]);
            }
        }
    }
}

impl Coverage {
    fn blank(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            greys: vec![0; width * height],
        }
    }

    fn to_dots(&self) -> Bitmap {
        let mut bitmap = Bitmap::new(self.width, self.height);
        for y in 0..self.height {
            for x in 0..self.width {
                if self.greys[y * self.width + x] >= INK_FROM {
                    bitmap.set(x, y);
                }
            }
        }
        bitmap
    }

    /// Without the blank columns on both sides.
    fn trimmed_columns(&self) -> Coverage {
        let Some(Rect { x, width, .. }) = self.to_dots().ink() else {
            return Coverage::blank(0, self.height);
        };
        let mut trimmed = Coverage::blank(width, self.height);
        for row in 0..self.height {
            let from = row * self.width + x;
            trimmed.greys[row * width..(row + 1) * width]
                .copy_from_slice(&self.greys[from..from + width]);
        }
        trimmed
    }

    /// This and another one to its right, `gap` apart.
    fn beside(&self, right: &Coverage, gap: usize) -> Coverage {
        let offset = if self.width == 0 { 0 } else { self.width + gap };
        let mut both = Coverage::blank(offset + right.width, self.height.max(right.height));
        for (part, x) in [(self, 0), (right, offset)] {
            for row in 0..part.height {
                let to = row * both.width + x;
                both.greys[to..to + part.width]
                    .copy_from_slice(&part.greys[row * part.width..(row + 1) * part.width]);
            }
        }
        both
    }

    /// Squeezed to fewer columns: each new column is the mean of those it covers.
    fn narrowed(&self, width: usize) -> Coverage {
        let mut narrow = Coverage::blank(width, self.height);
        for row in 0..self.height {
            let old = &self.greys[row * self.width..(row + 1) * self.width];
            for column in 0..width {
                // In units of 1/width of an old column.
                let (from, to) = (column * self.width, (column + 1) * self.width);
                let mut sum = 0;
                for (x, grey) in old
                    .iter()
                    .enumerate()
                    .take(to.div_ceil(width))
                    .skip(from / width)
                {
                    let covered = to.min((x + 1) * width) - from.max(x * width);
                    sum += usize::from(*grey) * covered;
                }
                narrow.greys[row * width + column] =
                    u8::try_from(sum / self.width).unwrap_or(u8::MAX);
            }
        }
        narrow
    }
}

fn signed(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// The text as one paragraph of a fixed direction: without the mark in front, an
/// Arabic sentence that begins with a number would be laid out from the left.
fn paragraph(text: &str, direction: Direction) -> String {
    let mark = match direction {
        Direction::LeftToRight => '\u{200E}',
        Direction::RightToLeft => '\u{200F}',
    };
    std::iter::once(mark)
        .chain(text.chars().map(|c| if c.is_control() { ' ' } else { c }))
        .collect()
}

/// The face with this language's shapes of the unified Han characters.
fn han_family(language: &str) -> &'static str {
    let language = language.to_ascii_lowercase();
    let subtags = || language.split('-');
    let has = |subtag: &str| subtags().any(|s| s == subtag);
    match subtags().next() {
        Some("ja") => "Noto Sans CJK JP",
        Some("ko") => "Noto Sans CJK KR",
        _ if has("hk") || has("mo") => "Noto Sans CJK HK",
        Some("yue") if !has("hans") => "Noto Sans CJK HK",
        Some("zh") if has("hant") || has("tw") => "Noto Sans CJK TC",
        _ => "Noto Sans CJK SC",
    }
}

/// Whether a character is drawn with the Han face: ideographs, kana, hangul and
/// their punctuation.
fn is_east_asian(c: char) -> bool {
    matches!(u32::from(c),
        0x1100..=0x11FF | 0x2E80..=0x303F | 0x3040..=0x31FF | 0x3200..=0x4DBF | 0x4E00..=0x9FFF
        | 0xA960..=0xA97F | 0xAC00..=0xD7FF | 0xF900..=0xFAFF | 0xFE30..=0xFE4F
        | 0xFF00..=0xFFEF | 0x2_0000..=0x3_FFFF)
}

/// Splits a text into runs of characters for which `test` says the same.
fn split_by(text: &str, test: impl Fn(char) -> bool) -> Vec<(&str, bool)> {
    let mut runs = Vec::new();
    let mut start = 0;
    let mut kind = None;
    for (at, c) in text.char_indices() {
        let this = test(c);
        if let Some(kind) = kind
            && kind != this
        {
            runs.push((&text[start..at], kind));
            start = at;
        }
        kind = Some(this);
    }
    if let Some(kind) = kind {
        runs.push((&text[start..], kind));
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(size: f32, language: &str, direction: Direction) -> TextStyle<'_> {
        TextStyle {
            size,
            weight: Weight::Regular,
            language,
            direction,
        }
    }

    #[test]
    fn every_script_of_a_field_office_has_its_glyphs() {
        let mut shaper = Shaper::new();
        for (language, direction, text) in [
            ("en", Direction::LeftToRight, "Your number"),
            ("es", Direction::LeftToRight, "Su número, ¿qué trámite?"),
            ("vi", Direction::LeftToRight, "Số thứ tự của quý vị"),
            ("hy", Direction::LeftToRight, "Ձեր համարը"),
            ("ru", Direction::LeftToRight, "Ваш номер"),
            ("zh-Hans", Direction::LeftToRight, "您的号码"),
            ("zh-Hant", Direction::LeftToRight, "您的號碼"),
            ("ja", Direction::LeftToRight, "あなたの番号"),
            ("ko", Direction::LeftToRight, "대기 번호"),
            ("hi", Direction::LeftToRight, "आपका नंबर"),
            ("pa", Direction::LeftToRight, "ਤੁਹਾਡਾ ਨੰਬਰ"),
            ("km", Direction::LeftToRight, "លេខរបស់អ្នក"),
            ("ar", Direction::RightToLeft, "رقمك"),
            ("fa", Direction::RightToLeft, "شماره شما"),
            ("he", Direction::RightToLeft, "המספר שלך"),
        ] {
            let lines = shaper.lines(text, &style(26.0, language, direction), 576);
            assert_eq!(lines.len(), 1, "{language}");
            assert!(lines[0].ink.width() > 40, "{language}");
            assert_eq!(shaper.take_missing(), 0, "{language}: no font for {text}");
        }
    }

    #[test]
    fn no_line_is_wider_than_asked_and_long_words_are_broken() {
        let mut shaper = Shaper::new();
        let text = "Donaudampfschifffahrtsgesellschaftskapitänswitwe und noch ein paar Worte mehr";
        let lines = shaper.lines(text, &style(34.0, "de", Direction::LeftToRight), 384);
        assert!(lines.len() > 2);
        for line in &lines {
            assert!(line.ink.width() <= 384, "{}", line.ink.width());
        }
    }

    #[test]
    fn lines_keep_their_rhythm_whatever_their_ink() {
        let mut shaper = Shaper::new();
        for text in ["aces", "Ågjpq", "", "—"] {
            for line in shaper.lines(text, &style(30.0, "en", Direction::LeftToRight), 576) {
                assert_eq!(line.above + line.ink.height() + line.below, 39, "{text:?}");
            }
        }
    }

    #[test]
    fn han_characters_take_the_shape_of_their_language() {
        let mut shaper = Shaper::new();
        let mut draw = |language| {
            shaper.lines("骨直", &style(48.0, language, Direction::LeftToRight), 400)[0]
                .ink
                .clone()
        };
        assert_ne!(draw("zh-Hans"), draw("zh-Hant"));
        assert_ne!(draw("zh-Hans"), draw("ja"));
        assert_eq!(draw("zh-TW"), draw("zh-Hant"));
    }

    #[test]
    fn numbers_are_as_high_as_asked_and_squeezed_not_cut() {
        let mut shaper = Shaper::new();
        let wide = shaper.number("B 42", 128, 576);
        assert!((126..=134).contains(&wide.height()), "{}", wide.height());
        let long = shaper.number("WW 8888", 128, 384);
        assert!((126..=134).contains(&long.height()), "{}", long.height());
        assert!((370..=384).contains(&long.width()), "{}", long.width());
    }

    #[test]
    fn a_right_to_left_line_may_begin_with_a_number() {
        // "42" must stand at the right end of the line, where reading begins.
        let mut shaper = Shaper::new();
        let rtl = style(30.0, "ar", Direction::RightToLeft);
        let line = shaper.lines("42 رقمك", &rtl, 576).remove(0).ink;
        let digits = shaper.lines("42", &rtl, 576).remove(0).ink;
        let right = line.crop(Rect {
            x: line.width() - digits.width(),
            y: 0,
            width: digits.width(),
            height: line.height(),
        });
        let ink = right.ink().expect("digits leave ink");
        assert_eq!(ink.height, digits.height());
    }
}
