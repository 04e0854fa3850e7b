//! What can be printed, as plain data.
//!
//! Everything is text that is already in the resident's language and already
//! formatted: this module knows no clock and no translation. Nothing in it
//! names a person, and nothing should: a ticket lies about.

pub mod samples;

/// One piece of text, with the same in English where the document is not in
/// English, so that staff can read any resident's paper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The text in the document's language.
    pub text: String,
    /// The same in English, printed small below; `None` on an English document.
    pub english: Option<String>,
}

impl Line {
    /// A line without a translation below it.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            english: None,
        }
    }

    /// A line with its English below it.
    pub fn with_english(text: impl Into<String>, english: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            english: Some(english.into()),
        }
    }
}

/// The direction in which the document's language is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Latin, Han, Devanagari and most others.
    LeftToRight,
    /// Arabic, Persian, Hebrew, Urdu.
    RightToLeft,
}

/// A QR code and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// What a reader of the code gets, for example a web address.
    pub data: String,
    /// What the resident can do with it.
    pub caption: Line,
}

/// The paper a resident waits with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Name of the office.
    pub office_name: String,
    /// A second line about the office: its address or its hours; may be empty.
    pub office_line: String,
    /// Language of the texts, BCP 47 (`en`, `es`, `zh-Hant`, `ar`). It picks the
    /// shapes of Han characters.
    pub language: String,
    /// Direction of the language.
    pub direction: Direction,
    /// Stands above the number: "Your number".
    pub heading: Line,
    /// The ticket number, printable ASCII of at most
    /// [`NUMBER_CHARS_MAX`] characters: "B 42".
    pub number: String,
    /// The service waited for.
    pub service: Line,
    /// A whole sentence: "Arrived 9:41, 25 Nov 2026".
    pub arrived: Line,
    /// The wait as a range, a whole sentence; `None` where it is not known.
    pub wait: Option<Line>,
    /// Where to wait and how one is called.
    pub where_to_wait: Line,
    /// Stands above the list of things to have ready; printed only if there are any.
    pub bring_title: Line,
    /// Things to have ready.
    pub bring: Vec<Line>,
    /// The code for the resident's phone.
    pub code: Option<Code>,
    /// One line on privacy.
    pub privacy: Line,
    /// Set on a second copy, for example "Printed again at 9:50".
    pub reprint: Option<Line>,
}

/// The paper a resident waits with when the server cannot be reached: it
/// carries everything needed to bring the visit into the queue later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaperForm {
    /// Name of the office.
    pub office_name: String,
    /// A second line about the office; may be empty.
    pub office_line: String,
    /// Language of the texts, BCP 47.
    pub language: String,
    /// Direction of the language.
    pub direction: Direction,
    /// Title of the form.
    pub title: Line,
    /// "Our computers are down. Take this form, you keep your place."
    pub explanation: Line,
    /// Stands above the number.
    pub heading: Line,
    /// The reserved number, as [`Ticket::number`].
    pub number: String,
    /// The service waited for.
    pub service: Line,
    /// A whole sentence with date and time of arrival.
    pub arrived: Line,
    /// Stands above the resident's boxes.
    pub resident_title: Line,
    /// Labels of the boxes the resident fills in, full width each.
    pub resident_boxes: Vec<Line>,
    /// Stands above the staff's boxes.
    pub staff_title: Line,
    /// Labels of the boxes staff fill in, two beside each other.
    pub staff_boxes: Vec<Line>,
    /// The code that brings the form into the queue by one scan.
    pub code: Code,
    /// One line on privacy.
    pub privacy: Line,
}

/// What a technician prints to see that printer, width and scripts are right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestPage {
    /// First line.
    pub title: String,
    /// What the page was printed with: port, baud rate, paper.
    pub details: Vec<String>,
}

/// Anything the printer can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PaperDocument {
    /// A queue ticket.
    Ticket(Ticket),
    /// The form for the time the computers are down.
    PaperForm(PaperForm),
    /// A technician's test page.
    TestPage(TestPage),
}

/// Longest ticket number that can be printed, in characters.
pub const NUMBER_CHARS_MAX: usize = 8;
/// Longest text of one [`Line`], in characters.
pub const LINE_CHARS_MAX: usize = 400;
/// Most entries in one list: things to bring, boxes, details.
pub const LIST_ENTRIES_MAX: usize = 12;
/// Longest content of a QR code, in bytes; longer ones get too fine to scan from
/// thermal paper.
pub const CODE_BYTES_MAX: usize = 300;
