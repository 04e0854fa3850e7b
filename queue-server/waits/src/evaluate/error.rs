//! What can be wrong with a trace or a plan of counters.

/// Why a trace cannot be evaluated. Each message names the line and what to do.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The file is not CSV, or could not be read.
    #[error(
        "the {file} cannot be read as CSV: {cause}; write it as UTF-8 with commas between fields"
    )]
    Csv {
        /// `trace` or `counters`.
        file: &'static str,
        /// What the reader met; part of the message, so that it is one sentence.
        cause: csv::Error,
    },
    /// A column is missing.
    #[error("line 1 of the {file} has no column {column}; the header must be {header}")]
    Column {
        /// `trace` or `counters`.
        file: &'static str,
        /// The missing column.
        column: &'static str,
        /// The whole header that is expected.
        header: &'static str,
    },
    /// A field is wrong.
    #[error("line {line} of the {file}: {problem}")]
    Field {
        /// `trace` or `counters`.
        file: &'static str,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The predictions could not be written.
    #[error("the predictions cannot be written: {0}; check the disk or the pipe")]
    Write(csv::Error),
}

impl EvaluateError {
    pub(super) fn write(cause: csv::Error) -> Self {
        Self::Write(cause)
    }

    pub(super) fn field(file: &'static str, line: u64, problem: impl Into<String>) -> Self {
        Self::Field {
            file,
            line,
            problem: problem.into(),
        }
    }
}
