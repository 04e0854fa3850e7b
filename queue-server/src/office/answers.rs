//! What was answered to which command, so that a repeat gets the same.
//!
//! Rebuilt from the log: each event names its command. Two kinds of memory:
//!
//! - A command of today or of the office's day before. Senders repeat for
//!   seconds or minutes, over a night at most; older ids are forgotten.
//! - A paper form, and the check-in that it replaced, for [`PAPER_DAYS`]: people
//!   come back days later with the paper in hand, and its code must not enter twice.
//!
//! So the memory has a bound: two days of commands and a month of paper.

use std::collections::{HashMap, VecDeque};

use jiff::ToSpan;
use jiff::civil::Date;
use usher_protocol::CommandId;
use usher_protocol::message::{Answer, QueuedTicket};

use crate::office::command::Fingerprint;

/// How many days a paper form's id is remembered after it entered.
pub const PAPER_DAYS: i32 = 31;

/// What was answered to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// What it asked for; `None` if only its id is known: a check-in that was replaced.
    asked: Option<Fingerprint>,
    /// What came of it.
    pub answer: Answer,
    is_paper: bool,
}

impl Remembered {
    /// Whether `asked` is a repeat of this command.
    #[must_use]
    pub fn is_repeated_by(&self, asked: Fingerprint) -> bool {
        self.asked.is_none_or(|known| known == asked)
    }

    /// The ticket that was given, if one was.
    #[must_use]
    pub fn ticket(&self) -> Option<&QueuedTicket> {
        match &self.answer {
            Answer::Queued { ticket } => Some(ticket),
            _ => None,
        }
    }
}

/// Answers to the commands of today, of the day before, and to paper forms.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers {
    known: HashMap<CommandId, Remembered>,
    before: Vec<CommandId>,
    today: Vec<CommandId>,
    paper: VecDeque<(Date, CommandId)>,
}

impl Answers {
    /// What was answered to `id`.
    #[must_use]
    pub fn get(&self, id: &CommandId) -> Option<&Remembered> {
        self.known.get(id)
    }

    /// How many answers are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    pub(super) fn remember(&mut self, id: &CommandId, asked: Fingerprint, answer: Answer) {
        if self.known.get(id).is_some_and(|known| known.is_paper) {
            return;
        }
        self.today.push(id.clone());
        self.known.insert(
            id.clone(),
            Remembered {
                asked: Some(asked),
                answer,
                is_paper: false,
            },
        );
    }

    pub(super) fn remember_paper(
        &mut self,
        id: &CommandId,
        asked: Option<Fingerprint>,
        answer: Answer,
        day: Date,
    ) {
        self.paper.push_back((day, id.clone()));
        self.known.insert(
            id.clone(),
            Remembered {
                asked,
                answer,
                is_paper: true,
            },
        );
    }

    pub(super) fn start_day(&mut self, date: Date) {
        let ended = std::mem::take(&mut self.today);
        for id in std::mem::replace(&mut self.before, ended) {
            if self.known.get(&id).is_some_and(|known| !known.is_paper) {
                self.known.remove(&id);
            }
        }
        let oldest = date.saturating_sub(PAPER_DAYS.days());
        while let Some((day, id)) = self.paper.pop_front() {
            if day >= oldest {
                self.paper.push_front((day, id));
                break;
            }
            // The id may have been remembered again since: then a later entry stands for it.
            if !self.paper.iter().any(|(_, later)| *later == id) {
                self.known.remove(&id);
            }
        }
    }
}
