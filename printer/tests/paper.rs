//! Bytes to emulator to picture: what comes out on paper, measured on the paper.

use usher_printer::document::{Direction, Line, PaperDocument, samples};
use usher_printer::emulator::{Emulator, Sheet};
use usher_printer::profile::Profile;
use usher_printer::raster::{Bitmap, Picture, Rect, Shaper};
use usher_printer::{EncodeError, encode};

const PROFILES: [Profile; 3] = [Profile::mm80(), Profile::mm58(), Profile::mm80_180dpi()];

fn tickets() -> impl Iterator<Item = (&'static str, PaperDocument)> {
    samples::TICKET_LANGUAGES
        .into_iter()
        .map(|language| (language, PaperDocument::Ticket(samples::ticket(language))))
}

fn forms() -> impl Iterator<Item = (&'static str, PaperDocument)> {
    samples::FORM_LANGUAGES.into_iter().map(|language| {
        let form = PaperDocument::PaperForm(samples::paper_form(language));
        (language, form)
    })
}

/// Prints a document on an emulated printer in good order.
fn print(document: &PaperDocument, profile: &Profile, shaper: &mut Shaper) -> Sheet {
    let bytes = encode(document, profile, shaper).expect("a sample document is printable");
    print_bytes(&bytes, *profile)
}

fn print_bytes(bytes: &[u8], profile: Profile) -> Sheet {
    let mut printer = Emulator::new(profile);
    assert!(printer.feed(bytes).is_empty(), "a document asks nothing");
    assert_eq!(printer.unknown_commands(), 0);
    assert_eq!(printer.real_time_in_data(), 0);
    assert!(!printer.receiving(), "the document ends with its cut");
    let mut sheets = printer.take_sheets();
    assert_eq!(sheets.len(), 1, "one document, one sheet");
    sheets.remove(0)
}

/// Heights in millimetres of the runs of rows that have ink, from the top.
fn inked_runs_mm(dots: &Bitmap, profile: &Profile) -> Vec<f32> {
    let mut runs = Vec::new();
    let mut height: u16 = 0;
    for y in 0..=dots.height() {
        if (0..dots.width()).any(|x| dots.get(x, y)) {
            height += 1;
        } else if height > 0 {
            runs.push(f32::from(height) / profile.dots_per_mm);
            height = 0;
        }
    }
    runs
}

fn codes_in(picture: &Picture) -> Vec<String> {
    let mut image =
        rqrr::PreparedImage::prepare_from_greyscale(picture.width(), picture.height(), |x, y| {
            picture.grey(x, y)
        });
    image
        .detect_grids()
        .into_iter()
        .filter_map(|grid| grid.decode().ok())
        .map(|(_, content)| content)
        .collect()
}

#[test]
fn the_number_is_fifteen_millimetres_high_or_more() {
    let mut shaper = Shaper::new();
    for profile in PROFILES {
        for (language, document) in tickets().chain(forms()) {
            let dots = print(&document, &profile, &mut shaper).dots(&mut shaper);
            // The number comes before the code, the only other tall thing on a ticket.
            let number = inked_runs_mm(&dots, &profile)
                .into_iter()
                .find(|height| *height > 9.0)
                .expect("a number");
            assert!(
                (15.0..=17.5).contains(&number),
                "{language} on {profile:?}: {number} mm"
            );
        }
    }
}

#[test]
fn a_long_number_is_narrower_not_lower_and_not_cut_off() {
    let mut shaper = Shaper::new();
    let mut ticket = samples::ticket("en");
    ticket.number = "WM 88888".to_owned();
    let profile = Profile::mm58();
    let sheet = print(&PaperDocument::Ticket(ticket), &profile, &mut shaper);
    let dots = sheet.dots(&mut shaper);
    let runs = inked_runs_mm(&dots, &profile);
    assert!(runs.iter().any(|height| (15.0..=17.5).contains(height)));
    // On a wider printer the same bytes come out the same: nothing was clipped.
    assert_eq!(ink_beyond(&sheet, profile, &mut shaper), None);
}

/// Prints a sheet's bytes on a printer 160 dots wider and says whether there is
/// ink where the narrower one would have had none to give.
fn ink_beyond(sheet: &Sheet, profile: Profile, shaper: &mut Shaper) -> Option<Rect> {
    let wider = Profile {
        dots_per_line: profile.dots_per_line + 160,
        ..profile
    };
    let dots = print_bytes(sheet.bytes(), wider).dots(shaper);
    let width = usize::from(profile.dots_per_line);
    let left = dots.crop(Rect {
        x: 0,
        y: 0,
        width: 160,
        height: dots.height(),
    });
    let right = dots.crop(Rect {
        x: width,
        y: 0,
        width: 160,
        height: dots.height(),
    });
    // Hung from the left, the right must stay blank, and the other way round;
    // rules and boxes are hung from the left always.
    left.ink().and(right.ink())
}

#[test]
fn nothing_is_wider_than_the_paper() {
    let mut shaper = Shaper::new();
    for profile in PROFILES {
        for (language, document) in tickets().chain(forms()) {
            if language == "ar" {
                continue;
            }
            let sheet = print(&document, &profile, &mut shaper);
            assert_eq!(
                ink_beyond(&sheet, profile, &mut shaper),
                None,
                "{language} on {profile:?}"
            );
        }
    }
}

#[test]
fn right_to_left_tickets_hang_from_the_right() {
    let mut shaper = Shaper::new();
    let profile = Profile::mm80();
    let margins = |language, shaper: &mut Shaper| {
        let document = PaperDocument::Ticket(samples::ticket(language));
        let dots = print(&document, &profile, shaper).dots(shaper);
        let (mut left, mut right) = (0, 0);
        for y in 0..dots.height() {
            let row: Vec<_> = (0..dots.width()).filter(|x| dots.get(*x, y)).collect();
            if let (Some(first), Some(last)) = (row.first(), row.last()) {
                left += first;
                right += dots.width() - 1 - last;
            }
        }
        (left, right)
    };
    let (left, right) = margins("ar", &mut shaper);
    assert!(left > 4 * right, "Arabic: {left} left, {right} right");
    let (left, right) = margins("en", &mut shaper);
    assert!(right > 4 * left, "English: {left} left, {right} right");
}

#[test]
fn every_code_reads_from_the_picture() {
    let mut shaper = Shaper::new();
    for profile in PROFILES {
        for (language, document) in tickets().chain(forms()) {
            let data = match &document {
                PaperDocument::Ticket(ticket) => {
                    ticket.code.clone().expect("samples have a code").data
                }
                PaperDocument::PaperForm(form) => form.code.data.clone(),
                PaperDocument::TestPage(_) => unreachable!("not among the samples"),
            };
            let picture = print(&document, &profile, &mut shaper).render_with(&mut shaper);
            assert_eq!(codes_in(&picture), [data], "{language} on {profile:?}");
        }
    }
}

#[test]
fn tickets_are_on_the_line_for_less_than_two_seconds() {
    let mut shaper = Shaper::new();
    // Bytes, as the documentation of `encode` states them.
    for (profile, bounds) in [
        (Profile::mm80(), [14_000, 16_000, 20_000, 22_500]),
        (Profile::mm58(), [13_000, 14_500, 19_000, 22_000]),
    ] {
        for ((language, document), bound) in tickets().zip(bounds) {
            let bytes = encode(&document, &profile, &mut shaper).expect("printable");
            assert!(
                bytes.len() <= bound,
                "{language} on {} mm: {} bytes",
                profile.paper_mm,
                bytes.len()
            );
            assert!(bytes.len() < 2 * 11_520);
        }
    }
}

#[test]
fn boxes_have_room_to_write_in() {
    let mut shaper = Shaper::new();
    for profile in PROFILES {
        for (language, document) in forms() {
            let dots = print(&document, &profile, &mut shaper).dots(&mut shaper);
            let frame_rows: Vec<usize> = (0..dots.height())
                .filter(|y| (0..dots.width()).all(|x| dots.get(x, *y)))
                .collect();
            // Between the top and the bottom of a box only its two sides have ink.
            let boxes = frame_rows
                .windows(2)
                .filter(|pair| {
                    pair[1] > pair[0] + 1
                        && (pair[0] + 1..pair[1]).all(|y| {
                            dots.get(0, y)
                                && dots.get(dots.width() - 1, y)
                                && !(4..dots.width() - 4).any(|x| dots.get(x, y))
                        })
                })
                .map(|pair| {
                    let rows = u16::try_from(pair[1] - pair[0]).expect("a sheet is short");
                    f32::from(rows) / profile.dots_per_mm
                })
                .filter(|height| *height >= 9.0)
                .count();
            assert_eq!(boxes, 4, "{language} on {profile:?}");
        }
    }
}

#[test]
fn the_printers_own_letters_say_what_the_ticket_says() {
    let mut shaper = Shaper::new();
    let document = PaperDocument::Ticket(samples::ticket("es"));
    let text = print(&document, &Profile::mm80(), &mut shaper)
        .text()
        .to_owned();
    for words in [
        "Llegó a las 9:41",
        "pantalla y una voz",
        "años o más",
        "driver's license",
    ] {
        assert!(text.contains(words), "{words:?} not in {text}");
    }
}

#[test]
fn one_word_outside_the_code_page_and_the_whole_ticket_is_drawn() {
    let mut shaper = Shaper::new();
    let mut ticket = samples::ticket("en");
    ticket.where_to_wait = Line::new("Chờ ở sảnh A");
    let text = print(
        &PaperDocument::Ticket(ticket),
        &Profile::mm80(),
        &mut shaper,
    )
    .text()
    .to_owned();
    assert!(!text.contains("Arrived"), "{text}");
    assert!(
        text.contains("Riverside"),
        "the office's address stays: {text}"
    );
}

#[test]
fn bad_documents_are_refused_with_their_reason() {
    let mut shaper = Shaper::new();
    let mut refused = |change: fn(&mut usher_printer::document::Ticket)| {
        let mut ticket = samples::ticket("en");
        change(&mut ticket);
        encode(
            &PaperDocument::Ticket(ticket),
            &Profile::mm58(),
            &mut shaper,
        )
    };
    for number in ["", "   ", "B 1234567", "٤٢", "B\n42"] {
        let mut ticket = samples::ticket("en");
        ticket.number = number.to_owned();
        let result = encode(
            &PaperDocument::Ticket(ticket),
            &Profile::mm80(),
            &mut Shaper::new(),
        );
        assert!(matches!(result, Err(EncodeError::Number)), "{number:?}");
    }
    assert!(matches!(
        refused(|ticket| ticket.service = Line::new("x".repeat(401))),
        Err(EncodeError::TooLong(_))
    ));
    assert!(matches!(
        refused(|ticket| ticket.bring = vec![Line::new("x"); 13]),
        Err(EncodeError::TooLong(_))
    ));
    assert!(matches!(
        refused(|ticket| ticket.code.as_mut().expect("has one").data = "x".repeat(301)),
        Err(EncodeError::Code)
    ));
    // Hostile text is text: no command gets through.
    let odd = refused(|ticket| {
        ticket.arrived = Line::new("\u{1b}@\u{10}\u{4}\u{1}\u{1d}V\0");
        ticket.direction = Direction::RightToLeft;
    })
    .expect("printable");
    print_bytes(&odd, Profile::mm58());
}
