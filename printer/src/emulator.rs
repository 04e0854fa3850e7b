//! An ESC/POS printer in software.
//!
//! [`Emulator`] is pure: bytes in, replies and finished [`Sheet`]s out, faults
//! set by whoever tests. It behaves as the hardware's manuals say where our code
//! depends on it: real-time questions are answered on arrival, even inside a
//! picture's data; everything else is done in order, and not at all while the
//! printer is offline. [`Workbench`] puts it at the far end of a pseudo-terminal.

mod parser;
mod sheet;
mod workbench;

pub use sheet::Sheet;
pub use workbench::{Bench, Control, Happening, Workbench};

use std::collections::VecDeque;

use crate::profile::Profile;
use crate::status::Paper;
use parser::{Command, Parsed, parse};
use sheet::Drawing;

/// Bytes that wait while the printer is offline; further ones are lost, as on a
/// printer without flow control.
const BUFFER_BYTES_MAX: usize = 1 << 20;
/// Finished sheets kept until they are taken; the oldest goes first.
const SHEETS_MAX: usize = 64;

/// A printer in software.
#[derive(Debug)]
pub struct Emulator {
    profile: Profile,
    buffer: Vec<u8>,
    drawing: Drawing,
    sheets: VecDeque<Sheet>,
    faults: Faults,
    /// The last bytes received, to find real-time commands wherever they are.
    tail: [u8; 2],
    unknown_commands: usize,
    real_time_in_data: usize,
    lost_bytes: usize,
}

/// What is wrong with the printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Faults {
    paper: Paper,
    paper_left_dots: Option<usize>,
    cover_open: bool,
    /// The next cut will stick.
    cutter_blocked: bool,
    /// A cut has stuck.
    cutter_stuck: bool,
    silent: bool,
}

impl Emulator {
    /// A printer in good order with a full roll.
    pub fn new(profile: Profile) -> Self {
        Self {
            drawing: Drawing::new(profile),
            profile,
            buffer: Vec::new(),
            sheets: VecDeque::new(),
            faults: Faults {
                paper: Paper::Present,
                paper_left_dots: None,
                cover_open: false,
                cutter_blocked: false,
                cutter_stuck: false,
                silent: false,
            },
            tail: [0; 2],
            unknown_commands: 0,
            real_time_in_data: 0,
            lost_bytes: 0,
        }
    }

    /// Takes bytes from the line; what it answers goes back to it.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut replies = Vec::new();
        for &byte in bytes {
            if self.tail == [0x10, 0x04]
                && let Some(reply) = self.real_time_reply(byte)
            {
                replies.push(reply);
            }
            self.tail = [self.tail[1], byte];
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = BUFFER_BYTES_MAX.saturating_sub(self.buffer.len());
            if room == 0 {
                self.lost_bytes = self.lost_bytes.saturating_add(rest.len());
                break;
            }
            let (now, later) = rest.split_at(rest.len().min(room));
            self.buffer.extend_from_slice(now);
            self.work(&mut replies);
            rest = later;
        }
        if self.faults.silent {
            replies.clear();
        }
        replies
    }

    /// Sheets cut off since they were last taken.
    pub fn take_sheets(&mut self) -> Vec<Sheet> {
        self.sheets.drain(..).collect()
    }

    /// Sheets cut off and not taken.
    pub fn sheets(&self) -> impl Iterator<Item = &Sheet> {
        self.sheets.iter()
    }

    /// What is printed and not cut off: half a ticket, hanging from the slot.
    /// `None` if there is no ink on it.
    pub fn torn_off(&mut self) -> Option<Sheet> {
        let drawing = std::mem::replace(&mut self.drawing, Drawing::new(self.profile));
        let sheet = drawing.finish();
        (!sheet.is_blank()).then_some(sheet)
    }

    /// Whether a document has begun to arrive and is not cut off yet.
    pub fn receiving(&self) -> bool {
        // A real-time question may arrive in parts; it begins no document.
        let waits = self.buffer.first().is_some_and(|first| *first != 0x10);
        waits || self.drawing.has_bytes()
    }

    /// Commands that this printer does not know; a good document has none.
    pub fn unknown_commands(&self) -> usize {
        self.unknown_commands
    }

    /// Real-time commands found inside pictures; a good document has none.
    pub fn real_time_in_data(&self) -> usize {
        self.real_time_in_data
    }

    /// Bytes that found the buffer full: sent to a printer that was offline.
    pub fn lost_bytes(&self) -> usize {
        self.lost_bytes
    }

    /// Puts in a full roll, one near its end, or none. What waits goes on when
    /// there is paper again.
    pub fn set_paper(&mut self, paper: Paper) -> Vec<u8> {
        self.faults.paper = paper;
        self.faults.paper_left_dots = None;
        self.go_on()
    }

    /// Lets the roll end after so many more dots.
    pub fn set_paper_left(&mut self, dots: usize) {
        self.faults.paper_left_dots = Some(dots);
    }

    /// Opens or closes the cover.
    pub fn set_cover_open(&mut self, open: bool) -> Vec<u8> {
        self.faults.cover_open = open;
        self.go_on()
    }

    /// Makes the next cut stick, or frees the cutter.
    pub fn set_cutter_jammed(&mut self, jammed: bool) -> Vec<u8> {
        self.faults.cutter_blocked = jammed;
        if !jammed && self.faults.cutter_stuck {
            self.faults.cutter_stuck = false;
            self.cut();
        }
        self.go_on()
    }

    /// A silent printer prints and answers nothing.
    pub fn set_silent(&mut self, silent: bool) {
        self.faults.silent = silent;
    }

    fn go_on(&mut self) -> Vec<u8> {
        let mut replies = Vec::new();
        self.work(&mut replies);
        if self.faults.silent {
            replies.clear();
        }
        replies
    }

    fn offline(&self) -> bool {
        self.faults.cover_open || self.faults.paper == Paper::Out || self.faults.cutter_stuck
    }

    fn real_time_reply(&self, n: u8) -> Option<u8> {
        let faults = &self.faults;
        let bit = |on: bool, bits: u8| if on { bits } else { 0 };
        let state = match n {
            1 => bit(self.offline(), 0x08),
            2 => {
                bit(faults.cover_open, 0x04)
                    | bit(faults.paper == Paper::Out, 0x20)
                    | bit(faults.cutter_stuck, 0x40)
            }
            3 => bit(faults.cutter_stuck, 0x08),
            4 => {
                bit(matches!(faults.paper, Paper::NearEnd | Paper::Out), 0x0C)
                    | bit(faults.paper == Paper::Out, 0x60)
            }
            _ => return None,
        };
        Some(0x12 | state)
    }

    fn queued_reply(&self) -> u8 {
        match self.faults.paper {
            Paper::Out => 0x0F,
            Paper::NearEnd => 0x03,
            Paper::Present | Paper::Unknown => 0x00,
        }
    }

    /// Does what is in the buffer, in order, for as long as the printer is online.
    fn work(&mut self, replies: &mut Vec<u8>) {
        let buffer = std::mem::take(&mut self.buffer);
        let mut at = 0;
        while let Parsed::Whole(command, length) = parse(&buffer[at..]) {
            let idle = matches!(command, Command::Nothing | Command::RealTime);
            if self.offline() && !idle {
                break;
            }
            let bytes = &buffer[at..at + length];
            at += length;
            self.obey(&command, bytes, replies);
        }
        self.buffer = buffer[at..].to_vec();
    }

    fn obey(&mut self, command: &Command<'_>, bytes: &[u8], replies: &mut Vec<u8>) {
        match command {
            Command::Nothing | Command::RealTime => {}
            Command::AskQueued => replies.push(self.queued_reply()),
            Command::Cut { feed } => {
                self.drawing.note(bytes);
                self.drawing.feed(*feed);
                if self.faults.cutter_blocked {
                    self.faults.cutter_stuck = true;
                } else {
                    self.cut();
                }
            }
            Command::Unknown => {
                self.unknown_commands += 1;
                tracing::debug!(?bytes, "the emulated printer does not know this command");
            }
            drawn => {
                if let Command::Raster { data, .. } = drawn {
                    self.real_time_in_data += data
                        .windows(2)
                        .filter(|pair| pair[0] == 0x10 && matches!(pair[1], 0x04 | 0x05 | 0x14))
                        .count();
                }
                self.drawing.note(bytes);
                let used = self.drawing.draw(drawn);
                self.use_paper(used);
            }
        }
    }

    fn use_paper(&mut self, dots: usize) {
        if let Some(left) = &mut self.faults.paper_left_dots {
            *left = left.saturating_sub(dots);
            if *left == 0 {
                self.faults.paper = Paper::Out;
                self.faults.paper_left_dots = None;
            }
        }
    }

    fn cut(&mut self) {
        let drawing = std::mem::replace(&mut self.drawing, Drawing::new(self.profile));
        if self.sheets.len() == SHEETS_MAX {
            self.sheets.pop_front();
        }
        self.sheets.push_back(drawing.finish());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{ASK_QUEUED, is_queued_reply, is_real_time_reply};
    use proptest::prelude::*;

    #[test]
    fn offline_it_answers_real_time_questions_and_nothing_queued() {
        let mut printer = Emulator::new(Profile::mm80());
        let _ = printer.set_paper(Paper::Out);
        assert_eq!(printer.feed(&[0x10, 4, 1]), [0x1A]);
        assert!(printer.feed(b"Hello\n\x1dVB\0").is_empty());
        assert!(printer.feed(&ASK_QUEUED).is_empty());
        assert_eq!(printer.sheets().count(), 0);
        // With paper again, all that waited is done.
        assert_eq!(printer.set_paper(Paper::Present), [0, 0]);
        assert_eq!(printer.take_sheets()[0].text(), "Hello\n");
    }

    #[test]
    fn a_stuck_cut_is_an_error_until_the_cutter_is_freed() {
        let mut printer = Emulator::new(Profile::mm80());
        let _ = printer.set_cutter_jammed(true);
        assert_eq!(printer.feed(&[0x10, 4, 3]), [0x12], "nothing cut yet");
        assert!(printer.feed(b"x\n\x1dVB\0\x1dr\x01").is_empty());
        assert_eq!(printer.feed(&[0x10, 4, 3]), [0x1A]);
        assert_eq!(printer.set_cutter_jammed(false), [0]);
        assert_eq!(printer.take_sheets().len(), 1);
    }

    #[test]
    fn a_question_inside_a_picture_is_answered_as_hardware_does() {
        let mut printer = Emulator::new(Profile::mm80());
        let replies = printer.feed(&[0x1D, b'v', b'0', 0, 3, 0, 1, 0, 0x10, 0x04, 0x01]);
        assert_eq!(replies, [0x12]);
        assert_eq!(printer.real_time_in_data(), 1);
    }

    #[test]
    fn only_a_printer_that_is_offline_loses_bytes() {
        let long = b"Hello\n".repeat(BUFFER_BYTES_MAX / 6 + 1);
        let mut printer = Emulator::new(Profile::mm80());
        printer.feed(&[&long, &b"\x1dVB\0last\n\x1dVB\0"[..]].concat());
        assert_eq!(printer.lost_bytes(), 0);
        assert_eq!(printer.take_sheets()[1].text(), "last\n");

        let _ = printer.set_paper(Paper::Out);
        printer.feed(&long);
        assert_eq!(printer.lost_bytes(), long.len() - BUFFER_BYTES_MAX);
    }

    fn bytes_like_escpos() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![
            2 => proptest::sample::select(vec![0x1Bu8, 0x1D, 0x10, 0x04, b'v', b'(', b'*', b'L', b'k', b'V', b'0', 10, 0, 1, 2, 255]),
            1 => any::<u8>(),
        ];
        proptest::collection::vec(byte, 0..600)
    }

    proptest! {
        #[test]
        fn no_bytes_whatever_upset_it(bytes in bytes_like_escpos(), cut_at in 0usize..600) {
            let mut printer = Emulator::new(Profile::mm58());
            let cut_at = cut_at.min(bytes.len());
            let mut replies = printer.feed(&bytes[..cut_at]);
            replies.extend(printer.feed(&bytes[cut_at..]));
            prop_assert!(replies.iter().all(|b| is_real_time_reply(*b) || is_queued_reply(*b)));
            let _ = printer.torn_off();
        }
    }
}
