//! Where one scan ends and the next begins.
//!
//! A licence's barcode has line ends inside, and scanners add their own, so a
//! line end says nothing. A scan ends where its own directory says, or when the
//! scanner falls silent.

use std::time::Duration;

use zeroize::Zeroizing;

use super::aamva;

/// Longest scan, bytes. The largest barcode of the standard holds under 2 KB;
/// at the bound the rest is thrown away until the scanner falls silent.
pub const SCAN_BYTES_MAX: usize = 8 * 1024;

/// A scan that has ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Assembled {
    /// Its bytes; wiped when dropped.
    Scan(Zeroizing<Vec<u8>>),
    /// It was longer than [`SCAN_BYTES_MAX`], so it is nothing we know.
    TooLong,
}

/// Collects bytes until a scan ends.
#[derive(Debug)]
pub struct Assembler {
    buffer: Zeroizing<Vec<u8>>,
    is_too_long: bool,
    quiet: Duration,
    last_byte_at: Duration,
}

impl Assembler {
    /// One that takes a silence of `quiet` for the end of a scan.
    #[must_use]
    pub fn new(quiet: Duration) -> Self {
        Self {
            buffer: empty_buffer(),
            is_too_long: false,
            quiet,
            last_byte_at: Duration::ZERO,
        }
    }

    /// Takes bytes that came at `at`; a scan, if they ended it by their structure.
    pub fn feed(&mut self, bytes: &[u8], at: Duration) -> Option<Assembled> {
        if bytes.is_empty() {
            return None;
        }
        self.last_byte_at = at;
        let room = SCAN_BYTES_MAX - self.buffer.len();
        if bytes.len() > room {
            self.is_too_long = true;
            self.buffer = empty_buffer();
        }
        if self.is_too_long {
            return None;
        }
        self.buffer.extend_from_slice(bytes);
        let is_whole = aamva::declared_end(&self.buffer).is_some_and(|end| {
            self.buffer.len() >= end
                && self.buffer[end.saturating_sub(1)..]
                    .iter()
                    .all(u8::is_ascii_whitespace)
        });
        is_whole.then(|| self.take())
    }

    /// The scan that a silence until `at` has ended, if any.
    pub fn end_by_silence(&mut self, at: Duration) -> Option<Assembled> {
        let is_waiting = !self.buffer.is_empty() || self.is_too_long;
        (is_waiting && at.saturating_sub(self.last_byte_at) >= self.quiet).then(|| self.take())
    }

    fn take(&mut self) -> Assembled {
        if std::mem::take(&mut self.is_too_long) {
            return Assembled::TooLong;
        }
        Assembled::Scan(std::mem::replace(&mut self.buffer, empty_buffer()))
    }
}

/// Never grows, so that no copy stays behind in memory unwiped.
fn empty_buffer() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(SCAN_BYTES_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::samples;
    use proptest::prelude::*;

    const QUIET: Duration = Duration::from_millis(80);

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn scan(bytes: &[u8]) -> Option<Assembled> {
        Some(Assembled::Scan(Zeroizing::new(bytes.to_vec())))
    }

    #[test]
    fn a_licence_ends_where_its_directory_says() {
        for name in samples::LICENCES {
            let bytes = samples::bytes(name);
            let mut assembler = Assembler::new(QUIET);
            let (head, tail) = bytes.split_at(100);
            assert_eq!(assembler.feed(head, ms(0)), None);
            assert_eq!(assembler.feed(tail, ms(10)), scan(&bytes), "{name}");
            assert_eq!(assembler.end_by_silence(ms(1000)), None);
        }
    }

    #[test]
    fn silence_ends_everything_else() {
        let mut assembler = Assembler::new(QUIET);
        assert_eq!(assembler.feed(b"0798", ms(0)), None);
        assert_eq!(assembler.end_by_silence(ms(79)), None);
        assert_eq!(assembler.feed(b"694\r\n", ms(79)), None);
        assert_eq!(assembler.end_by_silence(ms(100)), None);
        assert_eq!(assembler.end_by_silence(ms(159)), scan(b"0798694\r\n"));
        assert_eq!(assembler.end_by_silence(ms(500)), None);
    }

    #[test]
    fn a_flood_is_thrown_away_and_the_next_scan_is_whole() {
        let mut assembler = Assembler::new(QUIET);
        for at in 0..100 {
            assert_eq!(assembler.feed(&[b'x'; 200], ms(at)), None);
        }
        assert_eq!(assembler.end_by_silence(ms(300)), Some(Assembled::TooLong));
        let bytes = samples::bytes("ohio-2009");
        assert_eq!(assembler.feed(&bytes, ms(400)), scan(&bytes));
    }

    proptest! {
        #[test]
        fn however_it_is_cut_a_licence_arrives_whole(cuts in proptest::collection::vec(1_usize..40, 1..60)) {
            let bytes = samples::bytes("california-2020");
            let mut assembler = Assembler::new(QUIET);
            let mut rest = &bytes[..];
            let mut at = 0;
            let mut found = None;
            for cut in cuts.iter().cycle() {
                let (head, tail) = rest.split_at((*cut).min(rest.len()));
                at += 5;
                found = found.or(assembler.feed(head, ms(at)));
                rest = tail;
                if rest.is_empty() {
                    break;
                }
            }
            let found = found.or_else(|| assembler.end_by_silence(ms(at) + QUIET));
            prop_assert_eq!(found, scan(&bytes));
        }

        #[test]
        fn any_bytes_end_by_silence(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
            let mut assembler = Assembler::new(QUIET);
            if assembler.feed(&bytes, ms(0)).is_none() {
                prop_assert!(assembler.end_by_silence(QUIET).is_some());
            }
        }
    }
}
