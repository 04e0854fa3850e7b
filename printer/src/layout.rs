//! What stands where on the paper, in dots. Pure.
//!
//! One grid for all documents: everything hangs from the edge at which the
//! language begins to be read, sections are parted by rules, and distances come
//! from few steps ([`Page::gap`]). What must be found at a glance (office,
//! number, service, wait) is drawn in Noto Sans. What is read (the rest) is left
//! to the printer's own font where its code page has all of the document's
//! characters, because a line costs 40 bytes that way and 1,200 drawn; otherwise
//! the whole document is drawn, so that one paper has one voice. English below
//! other languages is in the printer's small font.
//!
//! The number is drawn too: a quarter of a ticket's bytes, but magnified printer
//! letters have steps three millimetres wide. So is the QR code, in doubled dots
//! (1.3 KB): older printers lack the QR command and would print its bytes.

use qrcode::{Color, EcLevel, QrCode};

use crate::document::{Code, Direction, Line, PaperForm, TestPage, Ticket};
use crate::escpos::pc858;
use crate::profile::Profile;
use crate::raster::{Bitmap, Rect, ShapedLine, Shaper, TextStyle, Weight, length, whole};

/// The edge a row hangs from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// The printer's built-in fonts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    /// 12 × 24 dots.
    A,
    /// 9 × 17 dots.
    B,
}

impl Face {
    /// Width of a character in dots.
    pub(crate) fn column_dots(self) -> usize {
        match self {
            Self::A => 12,
            Self::B => 9,
        }
    }

    /// Height of a line in dots, with the space below it.
    pub(crate) fn line_dots(self) -> usize {
        match self {
            Self::A => 30,
            Self::B => 22,
        }
    }
}

/// How many printed dots a picture's dot is wide and high.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    One,
    Two,
}

/// One step of paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// Blank paper, in dots.
    Feed(usize),
    /// A line in the printer's own font, in its code page.
    Text {
        bytes: Vec<u8>,
        face: Face,
        bold: bool,
        align: Align,
    },
    /// A drawn picture.
    Picture {
        bitmap: Bitmap,
        align: Align,
        scale: Scale,
    },
}

impl Row {
    /// Height in dots.
    pub(crate) fn height(&self) -> usize {
        match self {
            Self::Feed(dots) => *dots,
            Self::Text { face, .. } => face.line_dots(),
            Self::Picture {
                bitmap,
                scale: Scale::One,
                ..
            } => bitmap.height(),
            Self::Picture {
                bitmap,
                scale: Scale::Two,
                ..
            } => bitmap.height() * 2,
        }
    }
}

/// What a text is for; decides its size and weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// The office at the top.
    Office,
    /// The title of a form.
    Title,
    /// Above the number.
    Heading,
    /// The service.
    Service,
    /// The wait: found at a glance, smaller than the service.
    Wait,
    /// A section's title.
    Section,
    /// Read once.
    Body,
    /// Read by few: English, privacy.
    Small,
}

impl Role {
    /// Size in millimetres (em) on 80 mm and on 58 mm paper, weight, and the
    /// printer's font that may stand in for it.
    fn look(self) -> (f32, f32, Weight, Option<Face>) {
        match self {
            Self::Office => (4.5, 3.75, Weight::Bold, None),
            Self::Title => (5.0, 4.25, Weight::Bold, None),
            Self::Heading => (3.5, 3.25, Weight::Regular, None),
            Self::Service => (4.75, 4.0, Weight::Bold, None),
            Self::Wait => (3.75, 3.5, Weight::Bold, None),
            Self::Section => (3.25, 3.25, Weight::Bold, None),
            Self::Body => (3.0, 3.0, Weight::Regular, Some(Face::A)),
            Self::Small => (2.4, 2.4, Weight::Regular, Some(Face::B)),
        }
    }
}

/// Height of the digits of the number, in millimetres: 15 are asked for.
const NUMBER_MM: f32 = 16.0;
/// Height of a box to write in, in millimetres.
const BOX_MM: f32 = 10.0;
/// Space between two boxes beside each other, in millimetres.
const BOX_GAP_MM: f32 = 3.0;
/// Side of a QR code aimed at, in millimetres.
const CODE_MM: f32 = 26.0;
/// Smallest module of a QR code that phones read from thermal paper, in dots.
const CODE_MODULE_DOTS_MIN: usize = 4;
/// Paper narrower than this is laid out with the smaller sizes, in millimetres.
const NARROW_BELOW_MM: f32 = 60.0;

/// A queue ticket. `None` if its code does not fit the paper.
pub(crate) fn ticket(ticket: &Ticket, profile: &Profile, shaper: &mut Shaper) -> Option<Vec<Row>> {
    let texts = [
        &ticket.arrived,
        &ticket.where_to_wait,
        &ticket.privacy,
        &ticket.heading,
        &ticket.service,
    ];
    let mut page = Page::new(profile, shaper, &ticket.language, ticket.direction);
    page.native = texts
        .into_iter()
        .chain(&ticket.bring)
        .chain(&ticket.wait)
        .chain(ticket.code.as_ref().map(|code| &code.caption))
        .all(|line| pc858(&line.text).is_some());

    if let Some(reprint) = &ticket.reprint {
        page.line(Role::Section, reprint);
        page.gap(2.0);
    }
    page.office(&ticket.office_name, &ticket.office_line);
    page.number(&ticket.heading, &ticket.number);
    page.line(Role::Service, &ticket.service);
    page.gap(2.5);
    page.rule(0.25);
    page.gap(2.5);
    page.line(Role::Body, &ticket.arrived);
    if let Some(wait) = &ticket.wait {
        page.gap(1.0);
        page.line(Role::Wait, wait);
    }
    page.gap(1.0);
    page.line(Role::Body, &ticket.where_to_wait);
    if !ticket.bring.is_empty() {
        page.gap(3.0);
        page.line(Role::Section, &ticket.bring_title);
        page.gap(0.5);
        for item in &ticket.bring {
            page.item(item);
        }
    }
    if let Some(code) = &ticket.code {
        page.gap(2.5);
        page.rule(0.25);
        page.gap(3.0);
        page.code(code)?;
    }
    page.gap(3.0);
    page.line(Role::Small, &ticket.privacy);
    page.gap(2.0);
    Some(page.rows)
}

/// The form for the time the computers are down. `None` if its code does not
/// fit the paper.
pub(crate) fn paper_form(
    form: &PaperForm,
    profile: &Profile,
    shaper: &mut Shaper,
) -> Option<Vec<Row>> {
    let texts = [
        &form.explanation,
        &form.arrived,
        &form.privacy,
        &form.heading,
        &form.service,
        &form.code.caption,
    ];
    let mut page = Page::new(profile, shaper, &form.language, form.direction);
    page.native = texts
        .into_iter()
        .chain(&form.resident_boxes)
        .chain(&form.staff_boxes)
        .all(|line| pc858(&line.text).is_some());

    page.office(&form.office_name, &form.office_line);
    page.line(Role::Title, &form.title);
    page.gap(1.0);
    page.line(Role::Body, &form.explanation);
    page.gap(2.5);
    page.rule(0.25);
    page.gap(2.5);
    page.number(&form.heading, &form.number);
    page.line(Role::Service, &form.service);
    page.gap(1.0);
    page.line(Role::Body, &form.arrived);
    page.gap(3.0);
    page.code(&form.code)?;
    page.section(&form.resident_title);
    for label in &form.resident_boxes {
        page.labels(std::slice::from_ref(label), 1);
        page.boxes(1, 1);
    }
    page.section(&form.staff_title);
    for pair in form.staff_boxes.chunks(2) {
        page.labels(pair, 2);
        page.boxes(pair.len(), 2);
    }
    page.gap(2.0);
    page.line(Role::Small, &form.privacy);
    page.gap(2.0);
    Some(page.rows)
}

/// A technician's test page: each thing on it fails visibly in its own way.
pub(crate) fn test_page(
    test: &TestPage,
    profile: &Profile,
    shaper: &mut Shaper,
) -> Option<Vec<Row>> {
    let mut page = Page::new(profile, shaper, "en", Direction::LeftToRight);
    page.native = true;
    page.line(Role::Title, &Line::new(test.title.as_str()));
    page.gap(1.0);
    for detail in &test.details {
        page.line(Role::Body, &Line::new(detail.as_str()));
    }
    page.gap(2.0);
    page.line(
        Role::Small,
        &Line::new("The box must reach from edge to edge, all four sides visible:"),
    );
    page.gap(1.0);
    page.boxes(1, 1);
    page.line(
        Role::Small,
        &Line::new("The printer's own letters, and those it must get drawn:"),
    );
    page.gap(1.0);
    page.line(
        Role::Body,
        &Line::new("ABC abc 0123456789 áéíóúüñ ¿? ¡! ÇÔÒß €"),
    );
    page.native = false;
    for (language, direction, text) in [
        ("vi", Direction::LeftToRight, "Số thứ tự của quý vị"),
        ("hy", Direction::LeftToRight, "Ձեր համարը"),
        ("zh-Hant", Direction::LeftToRight, "您的號碼"),
        ("ko", Direction::LeftToRight, "대기 번호"),
        ("hi", Direction::LeftToRight, "आपका नंबर"),
        ("ar", Direction::RightToLeft, "رقمك في الطابور"),
    ] {
        page.language = language;
        page.direction = direction;
        page.line(Role::Body, &Line::new(text));
    }
    page.language = "en";
    page.direction = Direction::LeftToRight;
    page.native = true;
    page.gap(2.0);
    page.number(&Line::new("These figures must be 16 mm high"), "A 123");
    page.code(&Code {
        data: "USHER PRINTER TEST".to_owned(),
        caption: Line::new("A phone must read: USHER PRINTER TEST"),
    })?;
    page.gap(2.0);
    Some(page.rows)
}

/// Rows being laid out.
struct Page<'a> {
    profile: &'a Profile,
    shaper: &'a mut Shaper,
    language: &'a str,
    direction: Direction,
    /// Whether body text may be left to the printer's own font.
    native: bool,
    narrow: bool,
    rows: Vec<Row>,
}

impl<'a> Page<'a> {
    fn new(
        profile: &'a Profile,
        shaper: &'a mut Shaper,
        language: &'a str,
        direction: Direction,
    ) -> Self {
        Self {
            narrow: length(profile.width()) / profile.dots_per_mm < NARROW_BELOW_MM,
            profile,
            shaper,
            language,
            direction,
            native: false,
            rows: Vec::new(),
        }
    }

    fn align(&self) -> Align {
        match self.direction {
            Direction::LeftToRight => Align::Left,
            Direction::RightToLeft => Align::Right,
        }
    }

    fn width(&self) -> usize {
        self.profile.width()
    }

    /// Blank paper; one feed however many gaps meet.
    fn gap(&mut self, mm: f32) {
        self.feed(self.profile.dots(mm));
    }

    fn feed(&mut self, dots: usize) {
        if dots == 0 {
            return;
        }
        if let Some(Row::Feed(before)) = self.rows.last_mut() {
            *before += dots;
        } else {
            self.rows.push(Row::Feed(dots));
        }
    }

    /// A rule across the paper.
    fn rule(&mut self, mm: f32) {
        let half_dots = whole(mm * self.profile.dots_per_mm / 2.0).max(1);
        let mut bitmap = Bitmap::new(self.width() / 2, half_dots);
        bitmap.fill(Rect {
            x: 0,
            y: 0,
            width: bitmap.width(),
            height: half_dots,
        });
        self.rows.push(Row::Picture {
            bitmap,
            align: Align::Left,
            scale: Scale::Two,
        });
    }

    fn picture(&mut self, bitmap: Bitmap, align: Align) {
        self.rows.push(Row::Picture {
            bitmap,
            align,
            scale: Scale::One,
        });
    }

    /// A text in its role, with its English small below.
    fn line(&mut self, role: Role, line: &Line) {
        if !self.native_role(role, &line.text) {
            self.drawn(role, &line.text, self.language, self.direction);
        }
        if let Some(english) = &line.english {
            self.english(english);
            self.gap(0.4);
        }
    }

    fn english(&mut self, text: &str) {
        match pc858(text) {
            Some(bytes) => self.native_text(&bytes, Face::B, 0, &[]),
            None => self.drawn(Role::Small, text, "en", Direction::LeftToRight),
        }
    }

    /// Prints a text in the printer's own font, if its role, the document and the
    /// code page allow; says whether it did.
    fn native_role(&mut self, role: Role, text: &str) -> bool {
        let (.., face) = role.look();
        match (face, pc858(text)) {
            (Some(face), Some(bytes)) if self.native => {
                self.native_text(&bytes, face, 0, &[]);
                true
            }
            _ => false,
        }
    }

    fn drawn(&mut self, role: Role, text: &str, language: &str, direction: Direction) {
        for line in self.shape(role, text, language, direction, self.width()) {
            self.shaped(line);
        }
    }

    fn shape(
        &mut self,
        role: Role,
        text: &str,
        language: &str,
        direction: Direction,
        width: usize,
    ) -> Vec<ShapedLine> {
        let (wide_mm, narrow_mm, weight, _) = role.look();
        let mm = if self.narrow { narrow_mm } else { wide_mm };
        let style = TextStyle {
            size: (mm * self.profile.dots_per_mm).round(),
            weight,
            language,
            direction,
        };
        self.shaper.lines(text, &style, width)
    }

    fn shaped(&mut self, line: ShapedLine) {
        self.feed(line.above);
        if line.ink.height() > 0 {
            self.picture(line.ink, self.align());
        }
        self.feed(line.below);
    }

    /// Text in the printer's font, broken into lines, the first beginning with
    /// `bullet`, the others as far in.
    fn native_text(&mut self, bytes: &[u8], face: Face, indent: usize, bullet: &[u8]) {
        let columns = self.width() / face.column_dots() - indent;
        for (index, words) in wrap(bytes, columns).into_iter().enumerate() {
            let mut line = if index == 0 {
                bullet.to_vec()
            } else {
                Vec::new()
            };
            line.resize(indent, b' ');
            line.extend_from_slice(&words);
            self.rows.push(Row::Text {
                bytes: line,
                face,
                bold: false,
                align: self.align(),
            });
        }
    }

    /// The top of every document: the office and a heavy rule.
    fn office(&mut self, name: &str, second_line: &str) {
        self.drawn(Role::Office, name, self.language, self.direction);
        self.gap(0.25);
        match pc858(second_line) {
            // In the printer's font even on a drawn document: like the English
            // on it, it is for reference.
            Some(bytes) if !bytes.is_empty() => self.native_text(&bytes, Face::A, 0, &[]),
            Some(_) => {}
            None => self.drawn(Role::Body, second_line, self.language, self.direction),
        }
        self.gap(1.0);
        self.rule(0.75);
        self.gap(2.5);
    }

    /// The number and what stands above it.
    fn number(&mut self, heading: &Line, number: &str) {
        self.line(Role::Heading, heading);
        self.gap(1.5);
        let height = self.profile.dots(NUMBER_MM);
        let bitmap = self.shaper.number(number, height, self.width());
        self.picture(bitmap, self.align());
        self.gap(2.0);
    }

    /// A thing to bring, with a square before it to tick off.
    fn item(&mut self, item: &Line) {
        if self.native
            && let Some(bytes) = pc858(&item.text)
        {
            const SQUARE: u8 = 0xFE;
            self.native_text(&bytes, Face::A, 2, &[SQUARE]);
        } else {
            self.drawn_item(&item.text);
        }
        if let Some(english) = item.english.as_deref() {
            match (self.direction, pc858(english)) {
                (Direction::LeftToRight, Some(bytes)) => {
                    self.native_text(&bytes, Face::B, 3, &[]);
                }
                _ => self.english(english),
            }
            self.gap(0.4);
        }
    }

    fn drawn_item(&mut self, text: &str) {
        let indent = self.profile.dots(3.0);
        let square = self.profile.dots(1.2);
        let lines = self.shape(
            Role::Body,
            text,
            self.language,
            self.direction,
            self.width() - indent,
        );
        for (index, line) in lines.into_iter().enumerate() {
            let ink_width = line.ink.width();
            let mut bitmap = Bitmap::new(ink_width + indent, line.ink.height().max(square));
            let (text_x, square_x) = match self.direction {
                Direction::LeftToRight => (indent, 0),
                Direction::RightToLeft => (0, ink_width + indent - square),
            };
            bitmap.draw(&line.ink, text_x, 0);
            if index == 0 {
                // At the middle of the line's box, whatever the script's ink.
                let box_height = line.above + line.ink.height() + line.below;
                let middle = (box_height / 2).saturating_sub(line.above + square / 2);
                bitmap.fill(Rect {
                    x: square_x,
                    y: middle.min(bitmap.height() - square),
                    width: square,
                    height: square,
                });
            }
            self.shaped(ShapedLine {
                ink: bitmap,
                ..line
            });
        }
    }

    /// A QR code with its caption. `None` if it does not fit the paper.
    fn code(&mut self, code: &Code) -> Option<()> {
        let bitmap = qr(code.data.as_bytes(), self.profile)?;
        self.line(Role::Section, &code.caption);
        self.gap(2.5);
        self.rows.push(Row::Picture {
            bitmap,
            align: self.align(),
            scale: Scale::Two,
        });
        self.gap(1.0);
        Some(())
    }

    /// The beginning of a part of the form.
    fn section(&mut self, title: &Line) {
        self.gap(3.0);
        self.rule(0.75);
        self.gap(1.5);
        self.line(Role::Section, title);
        self.gap(1.0);
    }

    /// Labels of the boxes that come next, `columns` beside each other.
    fn labels(&mut self, labels: &[Line], columns: usize) {
        if let ([label], 1) = (labels, columns) {
            self.line(Role::Body, label);
            self.gap(0.4);
            return;
        }
        let texts: Vec<&str> = labels.iter().map(|label| label.text.as_str()).collect();
        self.label_row(Role::Body, &texts, self.language, columns, self.native);
        let english: Vec<&str> = labels
            .iter()
            .map(|label| label.english.as_deref().unwrap_or_default())
            .collect();
        if english.iter().any(|text| !text.is_empty()) {
            self.label_row(Role::Small, &english, "en", columns, true);
        }
        self.gap(0.4);
    }

    fn label_row(
        &mut self,
        role: Role,
        texts: &[&str],
        language: &str,
        columns: usize,
        native: bool,
    ) {
        let native = native && self.direction == Direction::LeftToRight;
        let encoded: Option<Vec<Vec<u8>>> = texts.iter().map(|text| pc858(text)).collect();
        match (role.look(), encoded) {
            ((.., Some(face)), Some(encoded)) if native => {
                self.native_label_row(face, &encoded, columns);
            }
            _ => self.drawn_label_row(role, texts, language, columns),
        }
    }

    fn native_label_row(&mut self, face: Face, texts: &[Vec<u8>], columns: usize) {
        // Columns begin where the boxes do, to the nearest character.
        let step_dots = self.box_width(columns) + self.profile.dots(BOX_GAP_MM);
        let step = (step_dots + face.column_dots() / 2) / face.column_dots();
        let room = self.box_width(columns) / face.column_dots() - 1;
        let cells: Vec<Vec<Vec<u8>>> = texts.iter().map(|text| wrap(text, room)).collect();
        let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
        for index in 0..lines {
            let mut bytes = Vec::new();
            for (column, cell) in cells.iter().enumerate() {
                if let Some(words) = cell.get(index) {
                    bytes.resize(step * column, b' ');
                    bytes.extend_from_slice(words);
                }
            }
            self.rows.push(Row::Text {
                bytes,
                face,
                bold: false,
                align: Align::Left,
            });
        }
    }

    fn drawn_label_row(&mut self, role: Role, texts: &[&str], language: &str, columns: usize) {
        let width = self.box_width(columns);
        let step = width + self.profile.dots(BOX_GAP_MM);
        let direction = if language == "en" {
            Direction::LeftToRight
        } else {
            self.direction
        };
        let mut bitmap = Bitmap::new(self.width(), 0);
        let mut height = 0;
        for (column, text) in texts.iter().enumerate() {
            let mut y = 0;
            for line in self.shape(role, text, language, direction, width) {
                let x = match self.direction {
                    Direction::LeftToRight => step * column,
                    Direction::RightToLeft => self
                        .width()
                        .saturating_sub(step * column + line.ink.width()),
                };
                bitmap.extend_to(y + line.above + line.ink.height());
                bitmap.draw(&line.ink, x, y + line.above);
                y += line.above + line.ink.height() + line.below;
            }
            height = height.max(y);
        }
        if let Some(ink) = bitmap.ink() {
            self.feed(ink.y);
            let full_width = Rect {
                x: 0,
                width: self.width(),
                ..ink
            };
            self.picture(bitmap.crop(full_width), Align::Left);
            self.feed(height.saturating_sub(ink.y + ink.height));
        }
    }

    /// Width of one of `columns` boxes beside each other, in dots.
    fn box_width(&self, columns: usize) -> usize {
        let gaps = self.profile.dots(BOX_GAP_MM) * (columns - 1);
        (self.width() - gaps) / columns
    }

    /// Boxes to write in, beside each other. `count` of `columns` are drawn, from
    /// the edge where reading begins.
    fn boxes(&mut self, count: usize, columns: usize) {
        // Drawn at half the resolution: frames lose nothing by it.
        let height = self.profile.dots(BOX_MM) / 2;
        let width = self.box_width(columns) / 2;
        let step = width + self.profile.dots(BOX_GAP_MM) / 2;
        let mut bitmap = Bitmap::new(self.width() / 2, height);
        for column in 0..count {
            let x = match self.direction {
                Direction::LeftToRight => step * column,
                Direction::RightToLeft => bitmap.width() - step * column - width,
            };
            for (x, y, width, height) in [
                (x, 0, width, 1),
                (x, height - 1, width, 1),
                (x, 0, 1, height),
                (x + width - 1, 0, 1, height),
            ] {
                bitmap.fill(Rect {
                    x,
                    y,
                    width,
                    height,
                });
            }
        }
        self.rows.push(Row::Picture {
            bitmap,
            align: Align::Left,
            scale: Scale::Two,
        });
        self.gap(2.0);
    }
}

/// A QR code at half the printer's resolution; `None` if it does not fit with
/// modules large enough to be read. The quiet zone is the paper around it.
fn qr(data: &[u8], profile: &Profile) -> Option<Bitmap> {
    let code = QrCode::with_error_correction_level(data, EcLevel::M).ok()?;
    let modules = code.width();
    let colors = code.to_colors();
    let aimed_at = profile.dots(CODE_MM) / 2 / modules;
    let fits = profile.width() / 2 / modules;
    let module = aimed_at.max(CODE_MODULE_DOTS_MIN / 2).min(fits);
    if module < CODE_MODULE_DOTS_MIN / 2 {
        return None;
    }
    let mut bitmap = Bitmap::new(modules * module, modules * module);
    for (index, color) in colors.into_iter().enumerate() {
        if color == Color::Dark {
            bitmap.fill(Rect {
                x: index % modules * module,
                y: index / modules * module,
                width: module,
                height: module,
            });
        }
    }
    Some(bitmap)
}

/// Breaks a text into lines of at most `columns` characters, at spaces where
/// there are any. Always at least one line.
fn wrap(text: &[u8], columns: usize) -> Vec<Vec<u8>> {
    let columns = columns.max(1);
    let mut lines = vec![Vec::new()];
    for word in text.split(|byte| *byte == b' ').filter(|w| !w.is_empty()) {
        let mut word = word;
        loop {
            let line = lines.last_mut().expect("there is always a line");
            let space = usize::from(!line.is_empty());
            if line.len() + space + word.len() <= columns {
                line.resize(line.len() + space, b' ');
                line.extend_from_slice(word);
                break;
            }
            if line.is_empty() {
                let (fitting, rest) = word.split_at(columns);
                line.extend_from_slice(fitting);
                word = rest;
            }
            lines.push(Vec::new());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_and_long_ones_are_broken() {
        let lines = wrap(b"Bring your proof of residence, unfoldableandlong", 12);
        let lines: Vec<_> = lines
            .iter()
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "Bring your",
                "proof of",
                "residence,",
                "unfoldablean",
                "dlong"
            ]
        );
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_and_keeps_the_width(
            text in "[a-z ]{0,200}",
            columns in 1usize..70,
        ) {
            let lines = wrap(text.as_bytes(), columns);
            prop_assert!(!lines.is_empty());
            prop_assert!(lines.iter().all(|line| line.len() <= columns));
            let squeeze = |bytes: &[u8]| -> Vec<u8> {
                bytes.iter().copied().filter(|b| *b != b' ').collect()
            };
            prop_assert_eq!(squeeze(&lines.concat()), squeeze(text.as_bytes()));
        }
    }

    #[test]
    fn codes_too_fine_for_the_paper_are_refused() {
        assert!(qr(b"https://example.gov/t/8f3k2", &Profile::mm58()).is_some());
        assert!(qr(&[b'x'; 1200], &Profile::mm58()).is_none());
    }
}
