//! What is wrong with a file, with the line where it stands.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

/// At most so many are told; the rest is likely to follow from them.
pub(super) const PROBLEMS_TOLD_MAX: usize = 30;

/// One thing that is wrong, or doubtful, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// Collects problems while a file is read, so that one run tells all of them.
pub(super) struct Problems<'a> {
    source: &'a str,
    errors: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            errors: RefCell::default(),
            warnings: RefCell::default(),
        }
    }

    pub(super) fn error(&self, at: &Range<usize>, message: impl Into<String>) {
        self.errors.borrow_mut().push(self.problem(at, message));
    }

    pub(super) fn warning(&self, at: &Range<usize>, message: impl Into<String>) {
        self.warnings.borrow_mut().push(self.problem(at, message));
    }

    fn problem(&self, at: &Range<usize>, message: impl Into<String>) -> Problem {
        let start = at.start.min(self.source.len());
        let before = &self.source.as_bytes()[..start];
        Problem {
            line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
            message: message.into(),
        }
    }

    /// Errors and warnings, each in the order of the file.
    pub(super) fn into_sorted(self) -> (Vec<Problem>, Vec<Problem>) {
        let sorted = |list: RefCell<Vec<Problem>>| {
            let mut list = list.into_inner();
            list.sort();
            list.dedup();
            list
        };
        (sorted(self.errors), sorted(self.warnings))
    }
}

/// The word of `known` that `word` was probably meant to be.
pub(super) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 1 + candidate.chars().count() / 4)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean "…"?`, or nothing.
pub(super) fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(word, known).map_or_else(String::new, |near| format!("; did you mean \"{near}\"?"))
}

/// How many letters must be added, removed or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_are_guessed_and_strangers_are_not() {
        let known = ["series", "services", "usual_minutes", "id"];
        for (typed, meant) in [
            ("serie", Some("series")),
            ("servises", Some("services")),
            ("usualminutes", Some("usual_minutes")),
            ("ID", None),
            ("colour", None),
        ] {
            assert_eq!(nearest(typed, known), meant, "{typed}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
