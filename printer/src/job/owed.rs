//! Queued answers that are still to come when a job is over.

use std::time::Duration;

use crate::status::{QUEUED_ANSWERS, is_queued_reply};

/// Answers that earlier documents still have to bring. One of them must not pass
/// for the proof of a later document, so they are counted from job to job. A
/// printer that was switched off never sends them: what has not come when the
/// printer had been well for long enough to print it is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    answers: u8,
    settle: Duration,
    well_since: Option<Duration>,
}

impl Owed {
    /// How many answers are still to come.
    pub fn answers(&self) -> u8 {
        self.answers
    }

    /// How long a printer that is well may still take to bring them.
    pub fn settle(&self) -> Duration {
        self.settle
    }

    /// The queued question was asked, behind a document that takes so long to
    /// come out.
    pub fn asked(&mut self, proof_max: Duration) {
        self.answers = self.answers.saturating_add(QUEUED_ANSWERS);
        self.settle = self.settle.max(proof_max);
        self.well_since = None;
    }

    /// A byte came from the printer.
    pub fn heard(&mut self, byte: u8) {
        if is_queued_reply(byte) {
            self.answers = self.answers.saturating_sub(1);
        }
        if self.answers == 0 {
            self.forget();
        }
    }

    /// The printer said how it is. `now` is the time on any clock that does not
    /// go backwards.
    pub fn saw(&mut self, well: bool, now: Duration) {
        if !well {
            self.well_since = None;
            return;
        }
        let since = *self.well_since.get_or_insert(now);
        if now.saturating_sub(since) >= self.settle {
            self.forget();
        }
    }

    /// No answer is to come any more.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: Duration = Duration::from_secs(5);

    #[test]
    fn answers_are_owed_until_they_come() {
        let mut owed = Owed::default();
        owed.asked(SETTLE);
        owed.asked(SETTLE);
        assert_eq!(owed.answers(), 4);
        owed.heard(0x12);
        assert_eq!(owed.answers(), 4, "no answer to the queued question");
        for left in (0..4).rev() {
            owed.heard(0x00);
            assert_eq!(owed.answers(), left);
        }
        owed.heard(0x00);
        assert_eq!(owed, Owed::default());
    }

    #[test]
    fn answers_that_a_well_printer_does_not_bring_are_forgotten() {
        let mut owed = Owed::default();
        owed.asked(SETTLE);
        owed.saw(true, Duration::from_secs(10));
        owed.saw(true, Duration::from_secs(14));
        assert_eq!(owed.answers(), 2);
        // While it has no paper it prints nothing: the time begins anew.
        owed.saw(false, Duration::from_secs(15));
        owed.saw(true, Duration::from_secs(16));
        assert_eq!(owed.answers(), 2);
        owed.saw(true, Duration::from_secs(21));
        assert_eq!(owed.answers(), 0);
    }
}
