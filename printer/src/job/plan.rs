//! How long everything may take: the waits in one table, and what follows from
//! them for one document on one line.

use std::time::Duration;

/// Every wait in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the reply to a real-time question. Printers take a few milliseconds;
    /// USB adapters add up to 16.
    pub reply: Duration,
    /// How often a question is asked before the printer counts as silent.
    pub questions_max: u8,
    /// How long the port may refuse bytes. A printer with hardware flow control
    /// does so while it prints a full buffer, at most a hand's breadth of paper.
    pub stall: Duration,
    /// Slowest paper speed reckoned with, millimetres a second. Kiosk printers
    /// do 100 to 250; dense black slows them.
    pub paper_mm_per_second: u32,
    /// Added to the time that sending and printing should take, for the cutter
    /// and for waking a motor.
    pub margin: Duration,
    /// Between two looks at the sensors while the proof is awaited.
    pub look: Duration,
    /// Between two looks at an idle printer.
    pub idle_look: Duration,
    /// Before the first try to open a missing port again; doubles up to the next.
    pub reopen_first: Duration,
    /// Longest wait before a missing port is tried again.
    pub reopen_longest: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            reply: Duration::from_millis(400),
            questions_max: 2,
            stall: Duration::from_secs(5),
            paper_mm_per_second: 60,
            margin: Duration::from_millis(2500),
            look: Duration::from_millis(500),
            idle_look: Duration::from_millis(1500),
            reopen_first: Duration::from_millis(200),
            reopen_longest: Duration::from_secs(3),
        }
    }
}

impl Timeouts {
    /// Longest time that the four real-time questions take together.
    fn inquiry_max(&self) -> Duration {
        let questions = u32::from(self.questions_max) * 4;
        self.reply.saturating_mul(questions)
    }
}

/// Bytes that the system takes ahead of the line: the buffer of Linux's UART
/// drivers and USB adapters. They say that there is room again only when nearly
/// all of it has gone out.
const SYSTEM_BUFFER_BYTES: usize = 4096;

/// What the machine must know of the print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bytes to send.
    pub bytes: usize,
    /// Paper that comes out, in millimetres.
    pub paper_mm: usize,
    /// Speed of the line, in bits a second.
    pub baud: u32,
    /// When, since the job began, it is too late for the first byte: who asked
    /// for the paper has given it up and may be gone.
    pub give_up: Duration,
    /// Queued answers that earlier documents still have to bring.
    pub owed: u8,
    /// Longest wait for them.
    pub settle: Duration,
    /// The waits.
    pub timeouts: Timeouts,
}

impl Plan {
    /// How long the bytes are on the line: a start bit, eight, a stop bit each.
    pub fn transmission(&self) -> Duration {
        on_the_line(self.bytes, self.baud)
    }

    /// How long the paper takes to come out, reckoned slowly.
    pub(super) fn printing(&self) -> Duration {
        let speed = usize::try_from(self.timeouts.paper_mm_per_second.max(1)).unwrap_or(1);
        let millis = self.paper_mm.saturating_mul(1000) / speed;
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// How long the port may refuse bytes: on a slow line it does so until its
    /// full buffer has gone out.
    pub fn stall(&self) -> Duration {
        self.timeouts.stall + on_the_line(SYSTEM_BUFFER_BYTES, self.baud)
    }

    /// Longest time from the first byte offered to the last one taken, however
    /// steadily they trickle: a printer with flow control may print meanwhile.
    pub fn sending_max(&self) -> Duration {
        self.transmission() + self.printing() + self.stall()
    }

    /// Longest time for the paper to come out and the proof to come in, once the
    /// last byte should have left the line.
    pub fn proof_max(&self) -> Duration {
        self.printing() + self.timeouts.margin
    }

    /// The longest that the whole job can take, with every wait used up. A good
    /// print needs a fraction of it.
    pub fn job_max(&self) -> Duration {
        let settling = if self.owed == 0 {
            Duration::ZERO
        } else {
            self.settle
        };
        self.timeouts.inquiry_max()
            + settling
            + self.sending_max()
            // While the queued question waits for room, so does its answer.
            + self.proof_max().max(self.stall())
            + self.timeouts.inquiry_max()
    }
}

/// A start bit, eight, a stop bit each.
fn on_the_line(bytes: usize, baud: u32) -> Duration {
    let baud = usize::try_from(baud.max(1)).unwrap_or(usize::MAX);
    let millis = bytes.saturating_mul(10_000).div_ceil(baud);
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}
