//! A hall display.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::device_file::{self, Panel};
use super::kiosk::on_display;
use super::{HALL_1, OfficeRig};
use crate::display::Display;
use crate::json_lines::JsonLines;
use crate::picture::Picture;
use crate::program::Program;
use crate::{paths, wait};

const WINDOW_TITLE: &str = "Usher hall display";
/// A television of 49 inches.
const PANEL: Panel = Panel {
    width_px: 1920,
    height_px: 1080,
    width_mm: 1085.0,
    fullscreen: true,
};

/// A call that the display says it has put on its screen.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShownCall {
    /// When, by this machine's clock, Unix milliseconds.
    pub at_ms: i64,
    /// The call's serial.
    pub serial: u64,
    /// The number called: `B42`.
    pub number: String,
    /// What stands above the counter.
    pub counter: String,
}

/// A hall display that hangs in the office.
pub struct HallDisplay {
    dir: PathBuf,
    config: PathBuf,
    display: Display,
    program: Option<Program>,
    log: JsonLines,
    shown: Vec<ShownCall>,
}

impl HallDisplay {
    /// Hangs up a display. Its program does not run yet.
    ///
    /// # Errors
    /// If there is no X server to be had.
    pub fn put_up(office: &OfficeRig) -> Result<Self> {
        let dir = office.dir().join(HALL_1.id);
        std::fs::create_dir_all(&dir)?;
        let config = dir.join("device.toml");
        std::fs::write(&config, device_file::hall_display(office, PANEL, &dir))?;
        let display = Display::start(
            "hall-1-panel",
            office.dir(),
            PANEL.width_px,
            PANEL.height_px,
        )?;
        Ok(Self {
            dir: office.dir().to_owned(),
            config,
            display,
            program: None,
            log: JsonLines::new(dir.join("shown.jsonl")),
            shown: Vec::new(),
        })
    }

    /// The command line of the display's program.
    ///
    /// # Errors
    /// If it is not built.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(paths::program("usher-display")?);
        command
            .arg("--config")
            .arg(&self.config)
            .arg("--shown-log")
            .arg(self.log.path());
        on_display(&mut command, &self.display);
        Ok(command)
    }

    /// Starts the program and waits for its window with something in it.
    ///
    /// # Errors
    /// If it does not come.
    pub fn start(&mut self) -> Result<()> {
        self.log = JsonLines::from_end(self.log.path());
        self.shown.clear();
        let mut program = Program::start("hall-1", &self.dir, &mut self.command()?)?;
        self.display.window(WINDOW_TITLE, || program.must_run())?;
        wait::until_true("the hall display's first picture", wait::START, || {
            program.must_run()?;
            Ok(!self.display.picture()?.is_blank())
        })?;
        self.program = Some(program);
        Ok(())
    }

    /// Cuts the program's power; the panel stays.
    pub fn kill(&mut self) {
        self.program = None;
    }

    /// The running program.
    ///
    /// # Errors
    /// If it does not run.
    pub fn program(&mut self) -> Result<&mut Program> {
        self.program
            .as_mut()
            .context("the hall display does not run")
    }

    /// Every call that it has shown since it was started.
    ///
    /// # Errors
    /// If its log cannot be read.
    pub fn shown(&mut self) -> Result<&[ShownCall]> {
        let new = self.log.take()?;
        self.shown.extend(new);
        Ok(&self.shown)
    }

    /// Waits until it has shown a call that is as wanted.
    ///
    /// # Errors
    /// If it does not.
    pub fn wait_call(
        &mut self,
        what: &str,
        wanted: impl Fn(&ShownCall) -> bool,
    ) -> Result<ShownCall> {
        wait::until(&format!("{what} on the hall display"), wait::STEP, || {
            self.program()?.must_run()?;
            Ok(self.shown()?.iter().find(|call| wanted(call)).cloned())
        })
    }

    /// What the panel shows, once it has stopped changing.
    ///
    /// # Errors
    /// If the panel is gone.
    pub fn picture(&self) -> Result<Picture> {
        self.display.settled_picture()
    }
}
