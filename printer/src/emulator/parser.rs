//! Bytes to commands: how long each is, and what the emulator does with it.

/// A command the emulator understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    /// Something without effect on paper.
    Nothing,
    /// A real-time command; answered when it arrived.
    RealTime,
    /// `GS r`.
    AskQueued,
    Initialise,
    Character(u8),
    LineFeed,
    /// `ESC J`: print and feed so many dots.
    FeedDots(usize),
    /// `ESC d`: print and feed so many lines.
    FeedLines(usize),
    /// `ESC 2`, `ESC 3`.
    LineSpacing(Option<usize>),
    /// `ESC a`.
    Justify(u8),
    /// `ESC M`.
    Font(u8),
    Bold(bool),
    Underline(u8),
    Reverse(bool),
    /// `GS !`: multiples of width and height.
    Size(usize, usize),
    /// `GS v 0`.
    Raster {
        double_width: bool,
        double_height: bool,
        bytes_per_row: usize,
        rows: usize,
        data: &'a [u8],
    },
    /// `GS ( k`, functions of the QR code.
    QrModule(usize),
    QrCorrection(u8),
    QrStore(&'a [u8]),
    QrPrint,
    Cut {
        feed: usize,
    },
    Unknown,
}

/// What stands at the front of some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed<'a> {
    /// A command and its length.
    Whole(Command<'a>, usize),
    /// The beginning of a command, or nothing.
    Partial,
}

/// Longest command believed; a longer one is a misread length.
const COMMAND_BYTES_MAX: usize = 1 << 19;

/// Reads the command at the front.
pub(super) fn parse(bytes: &[u8]) -> Parsed<'_> {
    read(bytes).map_or(Parsed::Partial, |(command, length)| {
        Parsed::Whole(command, length)
    })
}

/// `None` if the bytes end before the command does.
fn read(bytes: &[u8]) -> Option<(Command<'_>, usize)> {
    match *bytes.first()? {
        0x0A => Some((Command::LineFeed, 1)),
        0x10 => read_real_time(bytes),
        0x1B => read_esc(bytes),
        0x1D => read_gs(bytes),
        0x1C => read_fs(bytes),
        byte @ 0x20.. => Some((Command::Character(byte), 1)),
        _ => Some((Command::Nothing, 1)),
    }
}

fn read_real_time(bytes: &[u8]) -> Option<(Command<'_>, usize)> {
    match *bytes.get(1)? {
        0x04 | 0x05 => bytes.get(2).map(|_| (Command::RealTime, 3)),
        0x14 => {
            let length = match *bytes.get(2)? {
                1 | 2 => 5,
                7 => 4,
                8 => 10,
                _ => 3,
            };
            (bytes.len() >= length).then_some((Command::RealTime, length))
        }
        _ => Some((Command::Unknown, 1)),
    }
}

fn read_esc(bytes: &[u8]) -> Option<(Command<'_>, usize)> {
    let argument = |at: usize| bytes.get(at).copied();
    let one = |command: fn(u8) -> Command<'static>| argument(2).map(|n| (command(n), 3));
    match argument(1)? {
        b'@' => Some((Command::Initialise, 2)),
        b'2' => Some((Command::LineSpacing(None), 2)),
        b'3' => one(|n| Command::LineSpacing(Some(usize::from(n)))),
        b'J' => one(|n| Command::FeedDots(usize::from(n))),
        b'd' => one(|n| Command::FeedLines(usize::from(n))),
        b'a' => one(|n| Command::Justify(n & 0x0F)),
        b'M' => one(|n| Command::Font(n & 0x0F)),
        b'E' | b'G' => one(|n| Command::Bold(n & 1 == 1)),
        b'-' => one(|n| Command::Underline(n & 0x0F)),
        b'i' | b'm' => Some((Command::Cut { feed: 0 }, 2)),
        b'<' | b'L' | b'S' => Some((Command::Nothing, 2)),
        b'!' | b' ' | b'R' | b'T' | b'V' | b't' | b'{' | b'r' | b'=' | b'%' | b'?' | b'U' => {
            one(|_| Command::Nothing)
        }
        b'$' | b'\\' | b'c' => argument(3).map(|_| (Command::Nothing, 4)),
        b'p' => argument(4).map(|_| (Command::Nothing, 5)),
        b'W' => argument(9).map(|_| (Command::Nothing, 10)),
        b'D' => {
            let end = bytes.iter().skip(2).take(33).position(|byte| *byte == 0);
            match end {
                Some(end) => Some((Command::Nothing, end + 3)),
                None if bytes.len() > 35 => Some((Command::Unknown, 2)),
                None => None,
            }
        }
        b'*' => {
            let columns = number(bytes, 3, 2)?;
            let per_column = if argument(2)? >= 32 { 3 } else { 1 };
            whole_data(bytes, 5, columns.saturating_mul(per_column))
                .map(|(_, length)| (Command::Nothing, length))
        }
        _ => Some((Command::Unknown, 2)),
    }
}

fn read_gs(bytes: &[u8]) -> Option<(Command<'_>, usize)> {
    let argument = |at: usize| bytes.get(at).copied();
    let one = |command: fn(u8) -> Command<'static>| argument(2).map(|n| (command(n), 3));
    match argument(1)? {
        b'!' => one(|n| Command::Size(usize::from((n >> 4) & 7) + 1, usize::from(n & 7) + 1)),
        b'B' => one(|n| Command::Reverse(n & 1 == 1)),
        b'r' => one(|n| {
            if matches!(n & 0x0F, 1) {
                Command::AskQueued
            } else {
                Command::Nothing
            }
        }),
        b'V' => match argument(2)? {
            65 | 66 => argument(3).map(|n| {
                let feed = usize::from(n);
                (Command::Cut { feed }, 4)
            }),
            _ => Some((Command::Cut { feed: 0 }, 3)),
        },
        b'v' => read_raster(bytes),
        b'(' => read_extended(bytes),
        b'8' => {
            let length = number(bytes, 3, 4)?;
            whole_data(bytes, 7, length).map(|(_, length)| (Command::Nothing, length))
        }
        b'k' => read_barcode(bytes),
        b'*' => {
            let size = number(bytes, 2, 1)?.saturating_mul(number(bytes, 3, 1)?);
            whole_data(bytes, 4, size.saturating_mul(8))
                .map(|(_, length)| (Command::Nothing, length))
        }
        b':' => Some((Command::Nothing, 2)),
        b'H' | b'I' | b'a' | b'b' | b'f' | b'h' | b'w' | b'/' | b'T' => one(|_| Command::Nothing),
        b'L' | b'W' | b'P' | b'$' | b'\\' => argument(3).map(|_| (Command::Nothing, 4)),
        b'^' => argument(4).map(|_| (Command::Nothing, 5)),
        _ => Some((Command::Unknown, 2)),
    }
}

fn read_fs(bytes: &[u8]) -> Option<(Command<'_>, usize)> {
    let length = match *bytes.get(1)? {
        b'&' | b'.' => 2,
        b'!' | b'-' | b'C' | b'W' => 3,
        b'p' | b'S' => 4,
        _ => return Some((Command::Unknown, 2)),
    };
    (bytes.len() >= length).then_some((Command::Nothing, length))
}

fn read_raster(bytes: &[u8]) -> Option<(Command<'_>, usize)> {
    if *bytes.get(2)? != b'0' {
        return Some((Command::Unknown, 2));
    }
    let mode = *bytes.get(3)? & 3;
    let bytes_per_row = number(bytes, 4, 2)?;
    let rows = number(bytes, 6, 2)?;
    let (data, length) = whole_data(bytes, 8, bytes_per_row.saturating_mul(rows))?;
    let command = match data {
        Some(data) => Command::Raster {
            double_width: mode & 1 != 0,
            double_height: mode & 2 != 0,
            bytes_per_row,
            rows,
            data,
        },
        None => Command::Unknown,
    };
    Some((command, length))
}

/// `GS (`: a letter, a length, so many bytes.
fn read_extended(bytes: &[u8]) -> Option<(Command<'_>, usize)> {
    let letter = *bytes.get(2)?;
    let length = number(bytes, 3, 2)?;
    let (data, length) = whole_data(bytes, 5, length)?;
    let command = match (letter, data) {
        (b'k', Some([49, 67, n])) => Command::QrModule(usize::from(*n)),
        (b'k', Some([49, 69, n])) => Command::QrCorrection(*n),
        (b'k', Some([49, 80, 48, data @ ..])) => Command::QrStore(data),
        (b'k', Some([49, 81, 48])) => Command::QrPrint,
        _ => Command::Nothing,
    };
    Some((command, length))
}

/// `GS k` in both its forms: closed by a zero, or with a length.
fn read_barcode(bytes: &[u8]) -> Option<(Command<'_>, usize)> {
    if *bytes.get(2)? >= 65 {
        let length = number(bytes, 3, 1)?;
        return whole_data(bytes, 4, length).map(|(_, length)| (Command::Nothing, length));
    }
    match bytes.iter().skip(3).take(256).position(|byte| *byte == 0) {
        Some(end) => Some((Command::Nothing, end + 4)),
        None if bytes.len() > 260 => Some((Command::Unknown, 2)),
        None => None,
    }
}

/// A little-endian number of `size` bytes.
fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let digits = bytes.get(at..at + size)?;
    Some(
        digits
            .iter()
            .rev()
            .fold(0, |value, digit| value << 8 | usize::from(*digit)),
    )
}

/// The data after a header, and the length of both together. A length beyond
/// belief gives no data and skips the header alone. `None` if bytes are missing.
fn whole_data(bytes: &[u8], header: usize, length: usize) -> Option<(Option<&[u8]>, usize)> {
    if length > COMMAND_BYTES_MAX {
        return Some((None, header));
    }
    bytes
        .get(header..header + length)
        .map(|data| (Some(data), header + length))
}
