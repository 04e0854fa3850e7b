//! A document to the bytes of a printer, all the way.

use crate::document::{
    CODE_BYTES_MAX, Code, LINE_CHARS_MAX, LIST_ENTRIES_MAX, Line, NUMBER_CHARS_MAX, PaperDocument,
};
use crate::layout::{self, Row};
use crate::profile::{Profile, ProfileError};
use crate::raster::Shaper;
use crate::{document, escpos};

/// Why a document cannot be printed on this printer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// Technician: correct the printer's width or resolution in the device file.
    #[error("the printer's profile is not possible")]
    Profile(#[from] ProfileError),
    /// The number is not one to print. A bug in the caller.
    #[error("a ticket number must be 1 to {NUMBER_CHARS_MAX} printable ASCII characters")]
    Number,
    /// A text or list is longer than paper should be. Office: shorten the texts
    /// in the office file.
    #[error(
        "the {0} is too long to print: at most {LINE_CHARS_MAX} characters a text, {LIST_ENTRIES_MAX} entries a list"
    )]
    TooLong(&'static str),
    /// The code's content is empty, too long, or too fine for this paper.
    /// Office: shorten the web address in the office file.
    #[error("the QR code's content must be 1 to {CODE_BYTES_MAX} bytes and fit the paper")]
    Code,
    /// The composing library refused; it cannot in memory. A bug.
    #[error("the printer commands could not be composed")]
    Compose(#[from] ::escpos::errors::PrinterError),
}

/// A document ready to be sent, and what the spooler must know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Encoded {
    /// What to send.
    pub(crate) bytes: Vec<u8>,
    /// How much paper comes out, in millimetres.
    pub(crate) paper_mm: usize,
}

/// Turns a document into the bytes of an ESC/POS printer, from initialisation to
/// the cut. Pure: the same document, profile and fonts give the same bytes.
///
/// Bytes measured with the samples of [`document::samples`](crate::document::samples);
/// a 115200-baud line carries 11,520 a second, and a test holds these bounds:
///
/// | | `en` | `es` | `zh-Hant` | `ar` |
/// |---|---|---|---|---|
/// | ticket, 80 mm | 13,449 | 15,479 | 17,791 | 22,024 |
/// | ticket, 58 mm | 12,420 | 13,917 | 16,897 | 20,389 |
/// | paper form, 80 mm | 22,698 | 25,923 | 30,556 | 36,270 |
/// | paper form, 58 mm | 18,594 | 21,197 | 25,443 | 29,931 |
///
/// About 5,600 of them are the number, 1,300 the QR code.
///
/// # Errors
/// If the profile, the number, a text or the code is out of bounds; the message
/// says which.
pub fn encode(
    document: &PaperDocument,
    profile: &Profile,
    shaper: &mut Shaper,
) -> Result<Vec<u8>, EncodeError> {
    encode_sheet(document, profile, shaper).map(|encoded| encoded.bytes)
}

pub(crate) fn encode_sheet(
    document: &PaperDocument,
    profile: &Profile,
    shaper: &mut Shaper,
) -> Result<Encoded, EncodeError> {
    profile.check()?;
    check(document)?;
    let rows = match document {
        PaperDocument::Ticket(ticket) => layout::ticket(ticket, profile, shaper),
        PaperDocument::PaperForm(form) => layout::paper_form(form, profile, shaper),
        PaperDocument::TestPage(page) => layout::test_page(page, profile, shaper),
    }
    .ok_or(EncodeError::Code)?;
    let missing = shaper.take_missing();
    if missing > 0 {
        tracing::warn!(
            characters = missing,
            "no font for some characters on paper; install fonts-noto-core and fonts-noto-cjk"
        );
    }
    let paper_dots = rows.iter().map(Row::height).sum();
    Ok(Encoded {
        bytes: escpos::bytes(&rows, profile)?,
        paper_mm: profile.mm(paper_dots),
    })
}

/// Holds the document to the bounds of [`crate::document`].
fn check(document: &PaperDocument) -> Result<(), EncodeError> {
    match document {
        PaperDocument::Ticket(ticket) => {
            check_number(&ticket.number)?;
            check_text("office's name", &ticket.office_name)?;
            check_text("office's second line", &ticket.office_line)?;
            let lines = [
                &ticket.heading,
                &ticket.service,
                &ticket.arrived,
                &ticket.where_to_wait,
                &ticket.bring_title,
                &ticket.privacy,
            ];
            check_lines("ticket's text", lines)?;
            check_lines("ticket's text", ticket.wait.iter().chain(&ticket.reprint))?;
            check_list("list of things to bring", &ticket.bring)?;
            ticket.code.as_ref().map_or(Ok(()), check_code)
        }
        PaperDocument::PaperForm(form) => {
            check_number(&form.number)?;
            check_text("office's name", &form.office_name)?;
            check_text("office's second line", &form.office_line)?;
            let lines = [
                &form.title,
                &form.explanation,
                &form.heading,
                &form.service,
                &form.arrived,
                &form.resident_title,
                &form.staff_title,
                &form.privacy,
            ];
            check_lines("form's text", lines)?;
            check_list("list of the resident's boxes", &form.resident_boxes)?;
            check_list("list of the staff's boxes", &form.staff_boxes)?;
            check_code(&form.code)
        }
        PaperDocument::TestPage(document::TestPage { title, details }) => {
            check_text("title", title)?;
            if details.len() > LIST_ENTRIES_MAX {
                return Err(EncodeError::TooLong("list of details"));
            }
            details
                .iter()
                .try_for_each(|detail| check_text("detail", detail))
        }
    }
}

fn check_number(number: &str) -> Result<(), EncodeError> {
    let printable = number.chars().all(|c| c.is_ascii_graphic() || c == ' ');
    if number.trim().is_empty() || number.len() > NUMBER_CHARS_MAX || !printable {
        return Err(EncodeError::Number);
    }
    Ok(())
}

fn check_text(what: &'static str, text: &str) -> Result<(), EncodeError> {
    if text.chars().count() > LINE_CHARS_MAX {
        return Err(EncodeError::TooLong(what));
    }
    Ok(())
}

fn check_lines<'a>(
    what: &'static str,
    lines: impl IntoIterator<Item = &'a Line>,
) -> Result<(), EncodeError> {
    for line in lines {
        check_text(what, &line.text)?;
        check_text(what, line.english.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

fn check_list(what: &'static str, list: &[Line]) -> Result<(), EncodeError> {
    if list.len() > LIST_ENTRIES_MAX {
        return Err(EncodeError::TooLong(what));
    }
    check_lines(what, list)
}

fn check_code(code: &Code) -> Result<(), EncodeError> {
    if code.data.is_empty() || code.data.len() > CODE_BYTES_MAX {
        return Err(EncodeError::Code);
    }
    check_lines("code's caption", [&code.caption])
}
