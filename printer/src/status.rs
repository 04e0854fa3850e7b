//! What a printer answers, and what that means.
//!
//! Replies are told apart by their structure alone (Epson TM-T88III manual,
//! appendix G): a reply to `DLE EOT` is `0xx1xx10`, a reply to `GS r 1` has
//! `0xx0xxxx`. Anything else on the line is noise and ignored.

use std::fmt;

/// One of the four real-time questions (`DLE EOT n`), which a printer answers at
/// once, whatever it is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusQuery {
    /// `DLE EOT 1`: online or not.
    Printer,
    /// `DLE EOT 2`: why it is offline.
    Offline,
    /// `DLE EOT 3`: which error.
    Error,
    /// `DLE EOT 4`: the roll.
    Roll,
}

impl StatusQuery {
    /// The questions in the order in which they are asked.
    pub const ALL: [StatusQuery; 4] = [Self::Printer, Self::Offline, Self::Error, Self::Roll];

    /// The bytes to send, only ever between two commands: inside another
    /// command's data they would be data.
    ///
    /// Written here because `escpos` appends a fourth byte, which printers that
    /// know `DLE EOT n` alone would take for text.
    pub const fn bytes(self) -> [u8; 3] {
        let n = match self {
            Self::Printer => 1,
            Self::Offline => 2,
            Self::Error => 3,
            Self::Roll => 4,
        };
        [0x10, 0x04, n]
    }

    /// The question after this one.
    pub(crate) fn next(self) -> Option<StatusQuery> {
        match self {
            Self::Printer => Some(Self::Offline),
            Self::Offline => Some(Self::Error),
            Self::Error => Some(Self::Roll),
            Self::Roll => None,
        }
    }
}

/// `GS r 1` twice: answered in turn, after everything sent before has been
/// processed. Twice, so that one stray byte cannot pass for the proof.
pub const ASK_QUEUED: [u8; 6] = [0x1D, b'r', 1, 0x1D, b'r', 1];
/// Answers that [`ASK_QUEUED`] brings.
pub(crate) const QUEUED_ANSWERS: u8 = 2;

/// Whether a byte can be the reply to a [`StatusQuery`].
pub const fn is_real_time_reply(byte: u8) -> bool {
    byte & 0x93 == 0x12
}

/// Whether a byte can be the reply to `GS r 1`: the near-end sensor's two bits
/// and the end sensor's two bits are each both on or both off.
pub const fn is_queued_reply(byte: u8) -> bool {
    matches!(byte, 0x00 | 0x03 | 0x0C | 0x0F)
}

/// Whether a reply to `GS r 1` says that the roll is at its end.
pub(crate) const fn queued_reply_paper_out(byte: u8) -> bool {
    byte & 0x0C != 0
}

/// The paper in the printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// Enough.
    Present,
    /// The near-end sensor has tripped: some dozen tickets are left.
    NearEnd,
    /// None.
    Out,
    /// The printer has not said.
    Unknown,
}

/// The line to the printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// The port is open and the printer answers.
    Connected,
    /// There is no such port.
    PortMissing,
    /// The port is there and cannot be had: another program holds it, or this
    /// one may not open it.
    PortInUse,
    /// The port is open and nothing answers: printer off, cable out, wrong baud
    /// rate, or a printer that cannot answer.
    Silent,
}

/// What keeps paper from coming out, or from being known to have come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The roll is empty.
    PaperOut,
    /// The cover is open.
    CoverOpen,
    /// The cutter is stuck.
    CutterJam,
    /// Another error: head too hot, voltage, mechanics.
    Printer,
    /// The printer has paused itself without saying why, for instance because
    /// its feed button is held.
    Offline,
    /// There is no such port.
    PortMissing,
    /// The port cannot be had.
    PortInUse,
    /// The port went away.
    PortVanished,
    /// The printer answers nothing.
    NoAnswer,
    /// The printer answers, but has not confirmed this print in time.
    Unconfirmed,
    /// The printer stopped taking bytes.
    Stalled,
    /// The document cannot be printed on this printer.
    Document,
    /// This program is being closed.
    ShuttingDown,
    /// A bug in this program; the log has the details.
    Internal,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PaperOut => "the paper has run out: put in a new roll",
            Self::CoverOpen => "the cover is open: close it",
            Self::CutterJam => "the cutter is stuck: open the cover, clear the paper, close it",
            Self::Printer => {
                "the printer reports an error: let it cool down, then switch it off and on"
            }
            Self::Offline => "the printer has paused itself: press its feed button once",
            Self::PortMissing => "there is no printer at the configured port: check the cable",
            Self::PortInUse => {
                "the printer's port cannot be opened: another program has it, \
                 or this one has no right to it"
            }
            Self::PortVanished => "the printer was unplugged: check the cable",
            Self::NoAnswer => {
                "the printer does not answer: check that it is on, its cable and the baud rate"
            }
            Self::Unconfirmed => "the printer did not confirm the print in time: look at the paper",
            Self::Stalled => "the printer stopped taking data: check paper, cover and flow control",
            Self::Document => "this document cannot be printed on this printer: see the log",
            Self::ShuttingDown => "the program was being closed",
            Self::Internal => "a fault in the program: see the log",
        })
    }
}

/// The raw replies to the four questions; what was not answered is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    replies: [Option<u8>; 4],
}

impl Report {
    /// Notes the reply to a question.
    pub fn set(&mut self, query: StatusQuery, reply: u8) {
        self.replies[query as usize] = Some(reply);
    }

    fn bits(&self, query: StatusQuery, mask: u8) -> bool {
        self.replies[query as usize].is_some_and(|reply| reply & mask != 0)
    }

    /// The paper, from the roll sensors and from the offline cause.
    pub fn paper(&self) -> Paper {
        use StatusQuery::{Offline, Roll};
        if self.bits(Roll, 0x60) || self.bits(Offline, 0x20) {
            Paper::Out
        } else if self.bits(Roll, 0x0C) {
            Paper::NearEnd
        } else if self.replies[Roll as usize].is_some() {
            Paper::Present
        } else {
            Paper::Unknown
        }
    }

    /// Whether the cover is open.
    pub fn cover_open(&self) -> bool {
        self.bits(StatusQuery::Offline, 0x04)
    }

    /// Whether the cutter is stuck.
    pub fn cutter_fault(&self) -> bool {
        self.bits(StatusQuery::Error, 0x08)
    }

    /// Whether there is any error other than the cutter's.
    pub fn other_error(&self) -> bool {
        self.bits(StatusQuery::Error, 0x64)
            || (self.bits(StatusQuery::Offline, 0x40) && !self.cutter_fault())
    }

    /// Whether the printer says it is offline.
    pub fn offline(&self) -> bool {
        self.bits(StatusQuery::Printer, 0x08)
    }

    /// What keeps this printer from printing; the cause a person can remove first.
    pub fn trouble(&self) -> Option<Trouble> {
        if self.cover_open() {
            Some(Trouble::CoverOpen)
        } else if self.paper() == Paper::Out {
            Some(Trouble::PaperOut)
        } else if self.cutter_fault() {
            Some(Trouble::CutterJam)
        } else if self.other_error() {
            Some(Trouble::Printer)
        } else if self.offline() {
            Some(Trouble::Offline)
        } else {
            None
        }
    }
}

/// The printer as last seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrinterStatus {
    /// The line to it.
    pub link: LinkState,
    /// Its paper.
    pub paper: Paper,
    /// Whether its cover is open.
    pub cover_open: bool,
    /// Whether its cutter is stuck.
    pub cutter_fault: bool,
    /// Whether it reports another error.
    pub error: bool,
    /// Whether it says it is offline, for whatever reason.
    pub offline: bool,
}

impl PrinterStatus {
    /// The status when nothing is known but the line.
    pub const fn unknown(link: LinkState) -> Self {
        Self {
            link,
            paper: Paper::Unknown,
            cover_open: false,
            cutter_fault: false,
            error: false,
            offline: false,
        }
    }

    /// The status of a printer that has answered.
    pub fn connected(report: &Report) -> Self {
        Self {
            link: LinkState::Connected,
            paper: report.paper(),
            cover_open: report.cover_open(),
            cutter_fault: report.cutter_fault(),
            error: report.other_error(),
            offline: report.offline(),
        }
    }

    /// Whether the next document can be expected to come out.
    pub fn ready(&self) -> bool {
        self.trouble().is_none()
    }

    /// What keeps the next document from coming out.
    pub fn trouble(&self) -> Option<Trouble> {
        match self.link {
            LinkState::PortMissing => return Some(Trouble::PortMissing),
            LinkState::PortInUse => return Some(Trouble::PortInUse),
            LinkState::Silent => return Some(Trouble::NoAnswer),
            LinkState::Connected => {}
        }
        if self.cover_open {
            Some(Trouble::CoverOpen)
        } else if self.paper == Paper::Out {
            Some(Trouble::PaperOut)
        } else if self.cutter_fault {
            Some(Trouble::CutterJam)
        } else if self.error {
            Some(Trouble::Printer)
        } else if self.offline {
            Some(Trouble::Offline)
        } else {
            None
        }
    }
}

impl fmt::Display for PrinterStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.trouble(), self.paper) {
            (Some(trouble), _) => write!(f, "not ready: {trouble}"),
            (None, Paper::NearEnd) => f.write_str("ready; the paper is near its end"),
            (None, Paper::Unknown) => f.write_str("ready; the printer says nothing of its paper"),
            (None, _) => f.write_str("ready"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(replies: [u8; 4]) -> Report {
        let mut report = Report::default();
        for (query, reply) in StatusQuery::ALL.into_iter().zip(replies) {
            assert!(is_real_time_reply(reply), "{reply:#04x}");
            report.set(query, reply);
        }
        report
    }

    #[test]
    fn each_cause_is_read_from_its_own_bit() {
        for (replies, trouble, paper) in [
            ([0x12, 0x12, 0x12, 0x12], None, Paper::Present),
            ([0x12, 0x12, 0x12, 0x1E], None, Paper::NearEnd),
            (
                [0x1A, 0x32, 0x12, 0x7E],
                Some(Trouble::PaperOut),
                Paper::Out,
            ),
            (
                [0x1A, 0x16, 0x12, 0x12],
                Some(Trouble::CoverOpen),
                Paper::Present,
            ),
            (
                [0x1A, 0x52, 0x1A, 0x12],
                Some(Trouble::CutterJam),
                Paper::Present,
            ),
            (
                [0x1A, 0x52, 0x52, 0x12],
                Some(Trouble::Printer),
                Paper::Present,
            ),
            (
                [0x1A, 0x12, 0x12, 0x12],
                Some(Trouble::Offline),
                Paper::Present,
            ),
            (
                [0x1A, 0x36, 0x12, 0x7E],
                Some(Trouble::CoverOpen),
                Paper::Out,
            ),
        ] {
            let report = report(replies);
            assert_eq!(report.trouble(), trouble, "{replies:x?}");
            assert_eq!(report.paper(), paper, "{replies:x?}");
            assert_eq!(PrinterStatus::connected(&report).trouble(), trouble);
        }
    }

    #[test]
    fn no_byte_is_both_kinds_of_reply_nor_flow_control() {
        for byte in 0..=u8::MAX {
            assert!(
                !(is_real_time_reply(byte) && is_queued_reply(byte)),
                "{byte:#04x}"
            );
        }
        for flow_control in [0x11, 0x13] {
            assert!(!is_real_time_reply(flow_control) && !is_queued_reply(flow_control));
        }
    }

    #[test]
    fn a_printer_that_is_not_there_is_not_ready() {
        for link in [
            LinkState::PortMissing,
            LinkState::PortInUse,
            LinkState::Silent,
        ] {
            assert!(!PrinterStatus::unknown(link).ready());
        }
    }
}
