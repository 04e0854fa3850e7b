//! A kiosk: panel, ports, device file, program.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::Deserialize;

use super::device_file::{self, Panel};
use super::{DeviceLogin, OfficeRig};
use crate::display::{Display, WindowPlace};
use crate::json_lines::JsonLines;
use crate::picture::Picture;
use crate::program::Program;
use crate::{clock, paths, wait};

/// A touch that fell on a banner's coming is repeated so often at most.
const TOUCHES_MAX: u32 = 4;

/// After so long it is known whether a banner came with the touch.
const BANNER_SEEN: Duration = Duration::from_millis(120);

const WINDOW_TITLE: &str = "Usher kiosk";

/// How a kiosk is built.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What it logs in with.
    pub login: DeviceLogin,
    /// The letters of its own paper forms.
    pub series: &'static str,
    /// Its panel.
    pub panel: Panel,
}

impl Plan {
    /// A kiosk with a portrait panel of 27 inches, as most stories use.
    #[must_use]
    pub fn portrait(login: DeviceLogin, series: &'static str) -> Self {
        Self {
            login,
            series,
            panel: Panel {
                width_px: 1080,
                height_px: 1920,
                width_mm: 336.0,
                fullscreen: true,
            },
        }
    }
}

/// A screen that the kiosk says it shows, and what can be touched on it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ShownScreen {
    /// When, by this machine's clock, Unix milliseconds.
    pub at_ms: i64,
    /// The screen's name, such as `attract`.
    pub screen: String,
    /// The language it is shown in.
    pub language: String,
    /// Everything that can be touched.
    pub targets: Vec<TouchTarget>,
    /// The banner on the screen, such as `scan-unreadable`; `none` without one.
    #[serde(default)]
    pub hint: String,
    /// Whether the kiosk has its server.
    #[serde(default)]
    pub online: bool,
    /// Whether a resident is greeted by name.
    #[serde(default)]
    pub greeted: bool,
    /// Whether the kiosk takes touches on it already.
    #[serde(default)]
    pub settled: bool,
    /// The number in large type, on the screens that show one.
    #[serde(default)]
    pub number: Option<String>,
    /// Why the number is on the screen and not on paper.
    #[serde(default)]
    pub trouble: String,
}

/// Something that can be touched, in pixels of the window.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TouchTarget {
    /// What it is, in any language: `service:titles`.
    pub id: String,
    /// What stands on it.
    pub label: String,
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// A kiosk that stands in the office.
pub struct Kiosk {
    dir: PathBuf,
    name: &'static str,
    config: PathBuf,
    display: Display,
    program: Option<Program>,
    window: Option<WindowPlace>,
    touch_map: JsonLines,
    shown: Vec<ShownScreen>,
}

impl Kiosk {
    /// Puts up a kiosk: its panel and its device file. Its program does not run yet.
    ///
    /// # Errors
    /// If there is no X server to be had.
    pub fn put_up(office: &OfficeRig, plan: &Plan) -> Result<Self> {
        let name = plan.login.id;
        let dir = office.dir().join(name);
        std::fs::create_dir_all(&dir)?;
        let config = dir.join("device.toml");
        std::fs::write(&config, device_file::kiosk(office, plan, &dir))?;
        let Panel {
            width_px,
            height_px,
            ..
        } = plan.panel;
        let display = Display::start(&format!("{name}-panel"), office.dir(), width_px, height_px)?;
        let touch_map = JsonLines::new(dir.join("touch-map.jsonl"));
        Ok(Self {
            dir: office.dir().to_owned(),
            name,
            config,
            display,
            program: None,
            window: None,
            touch_map,
            shown: Vec::new(),
        })
    }

    /// The serial port where the kiosk looks for its ticket printer.
    #[must_use]
    pub fn printer_port(office: &OfficeRig, plan: &Plan) -> PathBuf {
        office.dir().join(plan.login.id).join("ticket-printer")
    }

    /// The serial port where the kiosk looks for its ID scanner.
    #[must_use]
    pub fn scanner_port(office: &OfficeRig, plan: &Plan) -> PathBuf {
        office.dir().join(plan.login.id).join("id-scanner")
    }

    /// The file that holds what the kiosk must not forget.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.config.with_file_name("journal.db")
    }

    /// The command line of the kiosk's program.
    ///
    /// # Errors
    /// If it is not built.
    pub fn command(&self) -> Result<Command> {
        let mut command = Command::new(paths::program("usher-kiosk")?);
        command
            .arg("--config")
            .arg(&self.config)
            .arg("--touch-map")
            .arg(self.touch_map.path());
        on_display(&mut command, &self.display);
        Ok(command)
    }

    /// Starts the program and waits for its window and its first greeting.
    ///
    /// # Errors
    /// If either does not come.
    pub fn start(&mut self) -> Result<ShownScreen> {
        self.touch_map = JsonLines::from_end(self.touch_map.path());
        self.shown.clear();
        let mut program = Program::start(self.name, &self.dir, &mut self.command()?)?;
        let window = self.display.window(WINDOW_TITLE, || program.must_run())?;
        self.display.focus(window)?;
        self.window = Some(window);
        self.program = Some(program);
        // The window is on the glass before the program has said what to show.
        wait::until("the kiosk's first greeting", wait::START, || {
            self.must_run()?;
            let greets = |shown: &&ShownScreen| {
                shown
                    .targets
                    .iter()
                    .any(|target| target.id.starts_with("language:"))
            };
            Ok(self.screen()?.filter(greets).cloned())
        })
    }

    /// Cuts the program's power; the panel and the ports stay.
    pub fn kill(&mut self) {
        self.program = None;
        self.window = None;
    }

    /// The running program.
    ///
    /// # Errors
    /// If it does not run.
    pub fn program(&mut self) -> Result<&mut Program> {
        self.program.as_mut().context("the kiosk does not run")
    }

    fn must_run(&mut self) -> Result<()> {
        self.program()?.must_run()
    }

    /// Every screen that it has shown since it was started.
    ///
    /// # Errors
    /// If its touch map cannot be read.
    pub fn screens(&mut self) -> Result<&[ShownScreen]> {
        let new = self.touch_map.take()?;
        self.shown.extend(new);
        Ok(&self.shown)
    }

    /// The screen that it shows now.
    ///
    /// # Errors
    /// If its touch map cannot be read.
    pub fn screen(&mut self) -> Result<Option<&ShownScreen>> {
        Ok(self.screens()?.last())
    }

    /// Waits until it shows one of these screens.
    ///
    /// # Errors
    /// If it does not; says what it shows instead.
    pub fn wait_screen(&mut self, wanted: &[&str]) -> Result<ShownScreen> {
        self.wait_screen_where(&wanted.join(" or "), |shown| {
            wanted.contains(&shown.screen.as_str())
        })
    }

    /// Waits until it shows a screen that is as wanted.
    ///
    /// # Errors
    /// If it does not; says what it shows instead.
    pub fn wait_screen_where(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&ShownScreen) -> bool,
    ) -> Result<ShownScreen> {
        let mut last = String::new();
        wait::until(&format!("the kiosk's screen {what}"), wait::STEP, || {
            self.must_run()?;
            let shown = self.screen()?;
            if let Some(shown) = shown {
                last = format!("{} ({})", shown.screen, shown.language);
            }
            Ok(shown.filter(|shown| wanted(shown)).cloned())
        })
        .with_context(|| format!("{} shows {last}", self.name))
    }

    /// Touches something by its name, in its middle, as soon as the kiosk takes
    /// touches; returns when the finger came down. If a banner came or went at that
    /// very moment, the kiosk takes no touch, and it is touched again, as people do.
    ///
    /// # Errors
    /// If the present screen has nothing of that name.
    pub fn touch(&mut self, id: &str) -> Result<Timestamp> {
        for _ in 0..TOUCHES_MAX {
            let before = self.wait_screen_where("settled", |shown| shown.settled)?;
            let down = self.touch_once(id, &before)?;
            std::thread::sleep(BANNER_SEEN);
            let is_for_nothing = self.screen()?.is_some_and(|now| {
                now.screen == before.screen
                    && (now.hint != before.hint || now.online != before.online)
            });
            if !is_for_nothing {
                return Ok(down);
            }
        }
        bail!(
            "{}: banners come and go whenever {id} is touched",
            self.name
        )
    }

    fn touch_once(&mut self, id: &str, shown: &ShownScreen) -> Result<Timestamp> {
        let window = self.window.context("the kiosk has no window")?;
        let Some(target) = shown.targets.iter().find(|target| target.id == id) else {
            let names: Vec<&str> = shown
                .targets
                .iter()
                .map(|target| target.id.as_str())
                .collect();
            bail!(
                "nothing named {id} can be touched on {}: {}",
                shown.screen,
                names.join(", ")
            );
        };
        let x = f32::from(window.x) + target.x + target.width / 2.0;
        let y = f32::from(window.y) + target.y + target.height / 2.0;
        let down = clock::now();
        self.display.touch(x, y)?;
        Ok(down)
    }

    /// Touches the same place twice, as people do who are in a hurry; the second
    /// touch may fall on the next screen.
    ///
    /// # Errors
    /// If the present screen has nothing of that name.
    pub fn touch_twice(&mut self, id: &str, pause: Duration) -> Result<()> {
        let before = self.wait_screen_where("settled", |shown| shown.settled)?;
        self.touch_once(id, &before)?;
        std::thread::sleep(pause);
        self.display.touch_again()
    }

    /// What the panel shows, once it has stopped changing.
    ///
    /// # Errors
    /// If the panel is gone.
    pub fn picture(&self) -> Result<Picture> {
        self.display.settled_picture()
    }

    /// What the panel shows at this moment.
    ///
    /// # Errors
    /// If the panel is gone.
    pub fn picture_now(&self) -> Result<Picture> {
        self.display.picture()
    }
}

/// Puts a Slint program on a display and nothing of this machine's own desktop in its way.
pub(super) fn on_display(command: &mut Command, display: &Display) {
    command
        .env("DISPLAY", display.name())
        .env("SLINT_BACKEND", "winit-software")
        .env("RUST_LOG", "info")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("XAUTHORITY")
        .env_remove("DBUS_SESSION_BUS_ADDRESS");
}
