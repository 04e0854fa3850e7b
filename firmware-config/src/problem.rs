//! What is wrong with a device file, told to the technician who wrote it.

use std::fmt;

/// One thing to put right. The text says where it stands and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1; `None` when something is missing altogether.
    pub line: Option<usize>,
    /// The key as a path, such as `printer.baud`, or `[printer]` for a section;
    /// empty when the text is not TOML at that line.
    pub key: String,
    /// What is wrong and what to do about it. Never holds a secret.
    pub advice: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
            if !self.key.is_empty() {
                f.write_str(", ")?;
            }
        }
        write!(f, "{}: {}", self.key, self.advice)
    }
}

/// How many problems are told at once: more do not help, and the text has a bound.
pub(crate) const PROBLEMS_MAX: usize = 25;

/// What was found so far, and the text that it was found in.
#[derive(Debug)]
pub(crate) struct Problems<'t> {
    text: &'t str,
    found: Vec<Problem>,
}

impl<'t> Problems<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    /// Adds a problem at the byte `at` of the text. Past [`PROBLEMS_MAX`] they are dropped.
    pub(crate) fn add(
        &mut self,
        at: Option<usize>,
        key: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if self.found.len() < PROBLEMS_MAX {
            self.found.push(Problem {
                line: at.map(|at| line_at(self.text, at)),
                key: key.into(),
                advice: advice.into(),
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All of them, in the order of the file; what is missing altogether comes last.
    pub(crate) fn into_sorted(self) -> Vec<Problem> {
        let mut found = self.found;
        found.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
        found
    }
}

fn line_at(text: &str, at: usize) -> usize {
    let before = text.as_bytes().get(..at).unwrap_or(text.as_bytes());
    before.split(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one_and_missing_things_come_last() {
        let mut problems = Problems::new("a\nb\nc");
        problems.add(None, "[panel]", "is missing");
        problems.add(Some(4), "c", "wrong");
        problems.add(Some(0), "a", "wrong");
        problems.add(Some(99), "past the end", "wrong");
        let lines: Vec<_> = problems.into_sorted().iter().map(|p| p.line).collect();
        assert_eq!(lines, [Some(1), Some(3), Some(3), None]);
    }

    #[test]
    fn a_flood_of_problems_is_bounded() {
        let mut problems = Problems::new("");
        for n in 0..1000 {
            problems.add(None, n.to_string(), "wrong");
        }
        assert_eq!(problems.into_sorted().len(), PROBLEMS_MAX);
    }
}
