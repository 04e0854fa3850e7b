//! The barcode on driver's licences and ID cards of North America (AAMVA DL/ID
//! Card Design Standard, editions 2000 to 2025).
//!
//! Tolerant by design, for real scanners change line ends, drop control
//! characters and insert others (standards.md §1): the directory's offsets are
//! only a hint, elements are found by their names, in any order.

use zeroize::Zeroizing;

use super::{Licence, ScanOutcome};

/// Reads `bytes`; `None` if nothing in them looks like a licence.
#[must_use]
pub fn parse(bytes: &[u8]) -> Option<ScanOutcome> {
    let text = normalise(bytes);
    let Some(header) = find_header(&text) else {
        return looks_like_a_piece(&text).then_some(ScanOutcome::Partial);
    };
    let body = &text[header.body..];
    let separators = body.chars().filter(|c| is_separator(*c)).count();
    let has_separators = separators >= SEPARATORS_MIN;
    // A scanner may have eaten a character at each line end, and some of the header.
    let eaten_max = if has_separators {
        separators + HEADER_SLACK_BYTES
    } else {
        ELEMENTS_MAX
    };
    let received = text.len() - header.start;
    let is_short = header
        .declared_end
        .is_some_and(|end| received + eaten_max < end);
    // Directories err; the carriage return that ends a segment does not.
    let is_cut = is_short && !text.trim_end_matches('\n').ends_with('\r');
    if !has_separators {
        return Some(without_separators(body, is_cut));
    }
    let elements = Elements::collect(body, is_cut);
    if is_cut || !elements.has_a_name() {
        return Some(ScanOutcome::Partial);
    }
    Some(ScanOutcome::Licence(elements.into_licence()))
}

/// Where the barcode at the start of `bytes` ends by its own directory, in
/// bytes from the start of `bytes`; `None` without a directory. A hint only.
#[must_use]
pub fn declared_end(bytes: &[u8]) -> Option<usize> {
    let marker = MARKERS
        .iter()
        .find_map(|marker| find_bytes(bytes, marker.as_bytes()))?;
    let at_sign = bytes[..marker].iter().rposition(|b| *b == b'@')?;
    let digits = bytes[marker..]
        .iter()
        .position(u8::is_ascii_digit)
        .map(|at| marker + at)?;
    let directory = digits + bytes[digits..].iter().position(|b| !b.is_ascii_digit())?;
    let (end, _) = read_directory(&bytes[directory..]);
    end.map(|end| at_sign + end)
}

const MARKERS: [&str; 3] = ["ANSI ", "AAMVA", "AMVA "];
/// Characters of the file header that a scanner may have lost.
const HEADER_SLACK_BYTES: usize = 8;
/// With fewer separators than this, a scanner has eaten them.
const SEPARATORS_MIN: usize = 3;
/// More elements than any card has.
const ELEMENTS_MAX: usize = 64;
/// Bytes of an entry of the directory: type, offset, length.
const DIRECTORY_ENTRY_BYTES: usize = 10;

struct Header {
    start: usize,
    body: usize,
    declared_end: Option<usize>,
}

/// One character for each that counts. Scanners in keyboard mode put C1 control
/// characters round each record: they become separators.
fn normalise(bytes: &[u8]) -> Zeroizing<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    let as_separator = |c: char| {
        if ('\u{80}'..='\u{9f}').contains(&c) {
            '\n'
        } else {
            c
        }
    };
    match std::str::from_utf8(bytes) {
        Ok(utf8) => text.extend(utf8.chars().map(as_separator)),
        Err(_) => text.extend(bytes.iter().map(|b| as_separator(char::from(*b)))),
    }
    text
}

fn find_header(text: &str) -> Option<Header> {
    let (at, marker) = MARKERS
        .iter()
        .find_map(|marker| text.find(marker).map(|at| (at, *marker)))?;
    let digits_at = at + marker.len();
    let rest = &text[digits_at..];
    let digits_count = rest.bytes().take_while(u8::is_ascii_digit).count();
    if digits_count < 5 {
        return None;
    }
    let directory = digits_at + digits_count;
    let (declared_end, directory_bytes) = read_directory(&text.as_bytes()[directory..]);
    Some(Header {
        start: text[..at].rfind('@').unwrap_or(at),
        body: directory + directory_bytes,
        declared_end,
    })
}

/// The furthest end that the directory names, and the directory's own length.
fn read_directory(bytes: &[u8]) -> (Option<usize>, usize) {
    let mut end = None;
    let mut length = 0;
    for entry in bytes.chunks_exact(DIRECTORY_ENTRY_BYTES) {
        let (kind, numbers) = entry.split_at(2);
        if !kind.iter().all(u8::is_ascii_uppercase) || !numbers.iter().all(u8::is_ascii_digit) {
            break;
        }
        let number = |digits: &[u8]| digits.iter().fold(0, |n, d| n * 10 + usize::from(d - b'0'));
        end = end.max(Some(number(&numbers[..4]) + number(&numbers[4..])));
        length += DIRECTORY_ENTRY_BYTES;
    }
    (end, length)
}

fn is_separator(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{1c}' | '\u{1d}' | '\u{1e}' | '|')
}

/// A barcode without line ends cannot be taken apart with certainty (a name may
/// contain an element's name), so the card is accepted and its names are not used.
fn without_separators(body: &str, is_cut: bool) -> ScanOutcome {
    let has = |id: &str| body.contains(id);
    if is_cut || !has("DBB") || !(has("DCS") || has("DAA") || has("DAB")) {
        return ScanOutcome::Partial;
    }
    ScanOutcome::Licence(Licence { given_name: None })
}

/// The elements that are used, of the many that a card has. All borrow from the
/// normalised text, which is wiped.
#[derive(Default)]
struct Elements<'a> {
    given: Option<&'a str>,
    given_all: Option<&'a str>,
    full: Option<&'a str>,
    /// Whether the card has a family name; which, nobody needs to know.
    has_family: bool,
}

impl<'a> Elements<'a> {
    fn collect(body: &'a str, is_cut: bool) -> Self {
        let mut elements = Self::default();
        let mut records = body.split(is_separator).peekable();
        while let Some(record) = records.next() {
            // The last record has no separator behind it; if the rest was cut off, its value is a part.
            if is_cut && records.peek().is_none() {
                break;
            }
            if let Some((id, value)) = split_record(record) {
                elements.take(id, value);
            }
        }
        elements
    }

    fn take(&mut self, id: &str, value: &'a str) {
        let slot = match id {
            "DAC" => &mut self.given,
            "DCT" => &mut self.given_all,
            "DAA" => &mut self.full,
            "DCS" | "DAB" => {
                self.has_family = true;
                return;
            }
            _ => return,
        };
        if slot.is_none() {
            *slot = Some(value);
        }
    }

    fn has_a_name(&self) -> bool {
        self.has_family
            || [self.given, self.given_all, self.full]
                .iter()
                .any(Option::is_some)
    }

    fn into_licence(self) -> Licence {
        let given = self
            .given
            .and_then(present)
            .or_else(|| self.given_all.and_then(present))
            .or_else(|| self.full.and_then(given_of_full_name));
        Licence {
            given_name: given.map(|name| name.replace(',', " ")),
        }
    }
}

/// The element's id and value. The first element of a subfile is glued to the
/// subfile's type: `DLDAQ…`.
fn split_record(record: &str) -> Option<(&str, &str)> {
    let record = record.trim();
    let record = ["DL", "ID", "EN"]
        .iter()
        .find_map(|kind| {
            record
                .strip_prefix(kind)
                .filter(|rest| element_id(rest).is_some())
        })
        .unwrap_or(record);
    let id = element_id(record)?;
    Some((id, record[3..].trim()))
}

fn element_id(record: &str) -> Option<&str> {
    let id = record.get(..3)?;
    let bytes = id.as_bytes();
    let is_element =
        bytes[0] == b'D' && (b'A'..=b'D').contains(&bytes[1]) && bytes[2].is_ascii_uppercase();
    is_element.then_some(id)
}

/// A value, unless it only says that there is none.
fn present(value: &str) -> Option<&str> {
    let is_placeholder = ["", "NONE", "UNAVL", "UNAVAIL", "UNK", "N/A"]
        .iter()
        .any(|word| value.eq_ignore_ascii_case(word));
    (!is_placeholder).then_some(value)
}

/// The given name in the one-element names of 2000: `LAST,FIRST,MIDDLE`, or as
/// Pennsylvania wrote them, `FIRST MIDDLE LAST`.
fn given_of_full_name(full: &str) -> Option<&str> {
    let given = if full.contains(',') {
        full.split(',').nth(1)
    } else {
        full.split_whitespace().next()
    };
    given.map(str::trim).and_then(present)
}

/// The end of a barcode whose beginning was missed, or a header that was cut.
fn looks_like_a_piece(text: &str) -> bool {
    let elements = text
        .split(is_separator)
        .filter(|record| split_record(record).is_some())
        .count();
    let begins_as_one = text.starts_with('@') && text.len() >= 4 && text.contains('\u{1e}');
    elements >= 2 || begins_as_one || MARKERS.iter().any(|marker| text.contains(marker))
}

fn find_bytes(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::samples;
    use proptest::prelude::*;

    fn licence(bytes: &[u8]) -> Licence {
        match parse(bytes) {
            Some(ScanOutcome::Licence(licence)) => licence,
            other => panic!("expected a licence, found {other:?}"),
        }
    }

    #[test]
    fn every_sample_is_read() {
        for name in samples::LICENCES {
            let says = samples::says(name);
            let licence = licence(&samples::bytes(name));
            let given: Vec<&str> = says["given_names"]
                .as_array()
                .unwrap()
                .iter()
                .map(|given| given.as_str().unwrap())
                .collect();
            let read = licence.given_name.clone().unwrap();
            assert!(
                !read.is_empty() && given.join(" ").starts_with(&read),
                "{name}: {read}"
            );
        }
    }

    /// What scanners are known to do to a barcode (standards.md §1).
    #[test]
    fn scanners_quirks_do_no_harm() {
        let clean = samples::bytes("ohio-2009");
        let text = String::from_utf8(clean.clone()).unwrap();
        let quirks: Vec<(&str, Vec<u8>)> = vec![
            ("CR becomes CRLF", text.replace('\r', "\r\n").into()),
            ("LF becomes CRLF", text.replace('\n', "\r\n").into()),
            ("RS is lost", text.replace('\u{1e}', "").into()),
            ("pipes separate", text.replace('\n', "|").into()),
            ("a byte order mark", [b"\xef\xbb\xbf", &clean[..]].concat()),
            ("noise before it", [b"\xff\x00\x13", &clean[..]].concat()),
            ("the @ is lost", clean[1..].to_vec()),
            (
                "C1 characters round each record",
                clean
                    .iter()
                    .flat_map(|b| {
                        if *b == b'\n' {
                            vec![0x85, b'\n', 0x80]
                        } else {
                            vec![*b]
                        }
                    })
                    .collect(),
            ),
            ("another file type", text.replace("ANSI ", "AAMVA").into()),
            (
                "wrong offsets",
                text.replace("DL00310228", "DL00990200").into(),
            ),
            (
                "trailing commas",
                text.replace("DACMARIA", "DACMARIA,").into(),
            ),
        ];
        for (quirk, bytes) in quirks {
            let read = licence(&bytes);
            assert_eq!(
                read.given_name.as_deref().map(str::trim),
                Some("MARIA"),
                "{quirk}"
            );
        }
    }

    #[test]
    fn without_separators_the_card_counts_but_not_its_names() {
        let joined: Vec<u8> = samples::bytes("california-2020")
            .into_iter()
            .filter(|b| !b.is_ascii_control())
            .collect();
        let read = licence(&joined);
        assert_eq!(read.given_name, None);
    }

    #[test]
    fn half_a_barcode_is_never_a_name() {
        for name in samples::LICENCES {
            let whole = samples::bytes(name);
            for at in 10..whole.len() * 3 / 4 {
                assert_eq!(
                    parse(&whole[..at]),
                    Some(ScanOutcome::Partial),
                    "{name}: first {at}"
                );
            }
            let second_half = &whole[whole.len() / 2..];
            assert_eq!(
                parse(second_half),
                Some(ScanOutcome::Partial),
                "{name}: end"
            );
        }
    }

    #[test]
    fn placeholders_are_no_names() {
        let text = String::from_utf8(samples::bytes("california-2020")).unwrap();
        let read = licence(text.replace("DACKIM", "DACNONE").as_bytes());
        assert_eq!(read.given_name, None);
        assert_eq!(given_of_full_name("JOHN P SMITH"), Some("JOHN"));
        assert_eq!(given_of_full_name("SMITH,JOHN,P"), Some("JOHN"));
        assert_eq!(given_of_full_name("SMITH,NONE"), None);
    }

    #[test]
    fn the_directory_tells_where_it_ends() {
        for name in samples::LICENCES {
            let bytes = samples::bytes(name);
            assert_eq!(declared_end(&bytes), Some(bytes.len()), "{name}");
            assert_eq!(declared_end(&bytes[..20]), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn damaged_cards_never_panic(
            sample in proptest::sample::select(&samples::LICENCES[..]),
            changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..8),
            cut in any::<usize>(),
        ) {
            let mut bytes = samples::bytes(sample);
            for (at, to) in changes {
                let at = at % bytes.len();
                bytes[at] = to;
            }
            bytes.truncate(cut % (bytes.len() + 1));
            let _ = parse(&bytes);
            let _ = declared_end(&bytes);
        }
    }
}
