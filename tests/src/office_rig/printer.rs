//! A ticket printer: `usher-printer emulate` at the far end of a pseudo-terminal.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::Value;

use crate::json_lines::JsonLines;
use crate::picture::Picture;
use crate::program::Program;
use crate::{paths, wait};

/// A printer with paper in it.
pub struct Printer {
    program: Program,
    lines: JsonLines,
    happened: Vec<Value>,
    sheets_taken: usize,
}

/// A piece of paper that came out and was cut off.
#[derive(Debug, Clone)]
pub struct Sheet {
    /// The bytes that made it.
    pub bytes_path: PathBuf,
    /// The picture of it.
    pub picture_path: PathBuf,
}

impl Sheet {
    /// The picture of the paper.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn picture(&self) -> Result<Picture> {
        Picture::load(&self.picture_path)
    }
}

impl Printer {
    /// Plugs a printer in: a serial port appears at `link`, at the speed of a real
    /// line. Paper that is cut off is laid down in `out`.
    ///
    /// # Errors
    /// If it does not start.
    pub fn plug_in(name: &str, dir: &Path, link: &Path, out: &Path) -> Result<Self> {
        std::fs::create_dir_all(out)?;
        let mut program = Program::start(
            name,
            dir,
            Command::new(paths::program("usher-printer")?)
                .arg("emulate")
                .arg("--link")
                .arg(link)
                .arg("--out")
                .arg(out)
                .args(["--paper", "80", "--baud", "115200"])
                .env("RUST_LOG", "info"),
        )?;
        let mut lines = program.lines();
        wait::until_true("the printer's port", wait::START, || {
            program.must_run()?;
            Ok(lines
                .take::<Value>()?
                .iter()
                .any(|line| line["event"] == "ready"))
        })?;
        Ok(Self {
            program,
            lines,
            happened: Vec::new(),
            sheets_taken: 0,
        })
    }

    /// Does something to it, in the words of `usher-printer emulate --help`: `paper out`.
    ///
    /// # Errors
    /// If it does not listen any more.
    pub fn set(&mut self, what: &str) -> Result<()> {
        self.program.say(what)
    }

    /// Gives the port up and makes a new one under the same name; see
    /// [`crate::pty::Scanner::renew`].
    ///
    /// # Errors
    /// If the new port does not come.
    pub fn renew_port(&mut self) -> Result<()> {
        let before = self.happenings("ready")?.len();
        self.set("unplug")?;
        self.set("plug")?;
        wait::until_true("the printer's new port", wait::STEP, || {
            self.program.must_run()?;
            Ok(self.happenings("ready")?.len() > before)
        })
    }

    /// Cuts its power.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    fn happenings(&mut self, event: &str) -> Result<Vec<Value>> {
        self.happened.extend(self.lines.take::<Value>()?);
        Ok(self
            .happened
            .iter()
            .filter(|line| line["event"] == event)
            .cloned()
            .collect())
    }

    /// How many sheets have come out so far.
    ///
    /// # Errors
    /// If its messages cannot be read.
    pub fn sheets_count(&mut self) -> Result<usize> {
        Ok(self.happenings("sheet")?.len())
    }

    /// The last sheet that has come out.
    ///
    /// # Errors
    /// If none has.
    pub fn last_sheet(&mut self) -> Result<Sheet> {
        self.sheets_taken = self.sheets_count()?.saturating_sub(1);
        self.take_sheet()
    }

    /// The next sheet that comes out, or has come out and was not taken yet.
    ///
    /// # Errors
    /// If none comes.
    pub fn take_sheet(&mut self) -> Result<Sheet> {
        let taken = self.sheets_taken;
        let line = wait::until("a sheet of paper", wait::STEP, || {
            self.program.must_run()?;
            Ok(self.happenings("sheet")?.get(taken).cloned())
        })?;
        self.sheets_taken += 1;
        let path = |key: &str| -> Result<PathBuf> {
            Ok(line[key]
                .as_str()
                .with_context(|| format!("no {key} in {line}"))?
                .into())
        };
        Ok(Sheet {
            bytes_path: path("bin")?,
            picture_path: path("png")?,
        })
    }

    /// When the first byte of a document arrived, at or after `since`, Unix milliseconds.
    ///
    /// # Errors
    /// If none arrives.
    pub fn first_byte_since(&mut self, since: Timestamp) -> Result<f64> {
        let at_ms = |line: &Value| line["unix_ms"].as_f64();
        let since_ms = since.as_millisecond() as f64;
        wait::until("the first byte of a document", wait::STEP, || {
            self.program.must_run()?;
            let bytes = self.happenings("first_byte")?;
            Ok(bytes
                .iter()
                .filter_map(at_ms)
                .find(|at_ms| *at_ms >= since_ms))
        })
    }
}
