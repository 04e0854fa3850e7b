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
use serde::{Deserialize, Serialize};
use usher_protocol::message::{Answer, QueuedTicket};
use usher_protocol::{CommandId, VisitId};

use crate::command::Fingerprint;

/// How many days a paper form's id is remembered after it entered.
pub const PAPER_DAYS: i32 = 31;

/// What was answered to one command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// What it asked for; `None` if only its id is known: a check-in that was replaced.
    asked: Option<Fingerprint>,
    /// What came of it.
    pub answer: Answer,
    /// For a paper form and what it replaced: the day on which that was last told.
    paper_day: Option<Date>,
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
        if self
            .known
            .get(id)
            .is_some_and(|known| known.paper_day.is_some())
        {
            return;
        }
        self.today.push(id.clone());
        self.known.insert(
            id.clone(),
            Remembered {
                asked: Some(asked),
                answer,
                paper_day: None,
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
                paper_day: Some(day),
            },
        );
    }

    /// What was answered about a visit that `stays` is remembered for as long.
    pub(super) fn start_day(&mut self, date: Date, stays: impl Fn(VisitId) -> bool) {
        let ended = std::mem::take(&mut self.today);
        for id in std::mem::replace(&mut self.before, ended) {
            let Some(known) = self.known.get(&id) else {
                continue;
            };
            if known.ticket().is_some_and(|ticket| stays(ticket.visit)) {
                self.today.push(id);
            } else if known.paper_day.is_none() {
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
            if self
                .known
                .get(&id)
                .is_some_and(|known| known.paper_day == Some(day))
            {
                self.known.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_forgotten_so_long_after_it_was_last_told() {
        let mut answers = Answers::default();
        let id: CommandId = "form-1".parse().unwrap();
        let first: Date = "2026-11-01".parse().unwrap();
        let tell = |answers: &mut Answers, day| {
            answers.remember_paper(&id, None, Answer::Done, day);
        };
        tell(&mut answers, first);
        let later = first + 20.days();
        tell(&mut answers, later);
        tell(&mut answers, later);
        answers.start_day(first + (PAPER_DAYS + 1).days(), |_| false);
        assert!(answers.get(&id).is_some(), "it was told again since");
        answers.start_day(later + PAPER_DAYS.days(), |_| false);
        assert!(answers.get(&id).is_some());
        answers.start_day(later + (PAPER_DAYS + 1).days(), |_| false);
        assert!(answers.is_empty());
        assert_eq!(answers.paper.len(), 0);
    }
}
