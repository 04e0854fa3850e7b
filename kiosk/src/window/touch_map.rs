//! What can be touched, written down for calibration and for tests that touch
//! the real window: one JSON line each time a screen or its targets are shown.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde::Serialize;
use slint::{ComponentHandle, Timer};
use tracing::error;
use usher_ui::{KioskView, KioskWindow, TouchTarget};

use super::WindowError;
use crate::clock;

/// Targets that are the same after this long have come to rest.
const SETTLING: Duration = Duration::from_millis(40);

/// Opens a file to append lines to, made if it is missing.
pub(super) fn open_log(path: &Path) -> Result<File, WindowError> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(|source| WindowError::Log {
            path: path.to_owned(),
            source,
        })
}

/// The touch map of one window.
pub(super) struct TouchMap {
    file: RefCell<File>,
    window: RefCell<slint::Weak<KioskWindow>>,
    is_waiting: Cell<bool>,
    seen: RefCell<Option<Shown>>,
    written: RefCell<Option<Shown>>,
}

thread_local! {
    /// The window's touch map, on the window's thread only.
    static ATTACHED: RefCell<Option<Rc<TouchMap>>> = const { RefCell::new(None) };
}

/// Another view was put into the window.
pub(super) fn view_changed() {
    ATTACHED.with_borrow(|map| {
        if let Some(map) = map {
            map.look_soon();
        }
    });
}

/// A screen, what can be touched on it, and what else somebody outside needs to
/// know of it. Nothing personal: only whether somebody is greeted.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Shown {
    screen: &'static str,
    language: String,
    /// The banner on it.
    hint: &'static str,
    /// Why the number is not on paper.
    trouble: &'static str,
    /// Whether the kiosk has its server.
    online: bool,
    /// Whether a resident is greeted by name.
    greeted: bool,
    /// Whether touches are taken already; see `touch_guard`.
    settled: bool,
    /// The number on it, as in messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<String>,
    targets: Vec<Target>,
}

/// In physical pixels from the window's upper left corner.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Target {
    id: String,
    label: String,
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

#[derive(Serialize)]
struct Line<'a> {
    at_ms: i64,
    #[serde(flatten)]
    shown: &'a Shown,
}

impl TouchMap {
    /// Opens the file.
    pub(super) fn open(path: &Path) -> Result<Rc<Self>, WindowError> {
        Ok(Rc::new(Self {
            file: RefCell::new(open_log(path)?),
            window: RefCell::new(slint::Weak::default()),
            is_waiting: Cell::new(false),
            seen: RefCell::new(None),
            written: RefCell::new(None),
        }))
    }

    /// Follows the window's targets and screens from now on.
    pub(super) fn attach(self: Rc<Self>, window: &KioskWindow) {
        self.window.replace(window.as_weak());
        ATTACHED.set(Some(Rc::clone(&self)));
        usher_ui::on_touch_targets_changed(window, move |_| self.look_soon());
    }

    fn look_soon(self: &Rc<Self>) {
        if self.is_waiting.replace(true) {
            return;
        }
        let this = Rc::clone(self);
        Timer::single_shot(SETTLING, move || {
            this.is_waiting.set(false);
            this.look();
        });
    }

    /// Writes what is shown once it has not changed between two looks.
    fn look(self: &Rc<Self>) {
        let Some(window) = self.window.borrow().upgrade() else {
            return;
        };
        let shown = shown(&window);
        let is_settled = self.seen.borrow().as_ref() == Some(&shown);
        if !is_settled {
            self.seen.replace(Some(shown));
            self.look_soon();
            return;
        }
        if self.written.borrow().as_ref() != Some(&shown) {
            self.write(&shown);
            self.written.replace(Some(shown));
        }
    }

    fn write(&self, shown: &Shown) {
        let line = Line {
            at_ms: clock::now().wall.as_millisecond(),
            shown,
        };
        let mut text = serde_json::to_string(&line).expect("a line has string keys only");
        text.push('\n');
        if let Err(error) = self.file.borrow_mut().write_all(text.as_bytes()) {
            error!(%error, "the touch map cannot be written");
        }
    }
}

fn shown(window: &KioskWindow) -> Shown {
    let view = window.global::<KioskView>();
    let screen = if view.get_still_there() {
        "still-there"
    } else {
        screen_name(view.get_screen())
    };
    let number = view.get_number().replace(' ', "");
    Shown {
        screen,
        language: view.get_language().into(),
        hint: hint_name(view.get_hint()),
        trouble: trouble_name(view.get_trouble()),
        online: view.get_online(),
        greeted: !view.get_guest_name().is_empty(),
        settled: super::touch_guard::is_open(),
        number: (!number.is_empty()).then_some(number),
        targets: usher_ui::touch_targets(window)
            .into_iter()
            .map(target)
            .collect(),
    }
}

fn target(target: TouchTarget) -> Target {
    Target {
        id: target.id,
        label: target.label,
        x: target.x,
        y: target.y,
        width: target.width,
        height: target.height,
    }
}

fn screen_name(screen: usher_ui::Screen) -> &'static str {
    use crate::screen::Screen;
    let screen = match screen {
        usher_ui::Screen::Attract => Screen::Attract,
        usher_ui::Screen::Language => Screen::Language,
        usher_ui::Screen::Welcome => Screen::Welcome,
        usher_ui::Screen::Services => Screen::Services,
        usher_ui::Screen::Confirm => Screen::Confirm,
        usher_ui::Screen::Working => Screen::Working,
        usher_ui::Screen::TakeTicket => Screen::TakeTicket,
        usher_ui::Screen::ShowNumber => Screen::ShowNumber,
        usher_ui::Screen::PaperForm => Screen::PaperForm,
        usher_ui::Screen::Help => Screen::Help,
    };
    screen.name()
}

fn hint_name(hint: usher_ui::Hint) -> &'static str {
    match hint {
        usher_ui::Hint::None => "none",
        usher_ui::Hint::ScanUnreadable => "scan-unreadable",
        usher_ui::Hint::ScanPartial => "scan-partial",
        usher_ui::Hint::CodeUnknown => "code-unknown",
        usher_ui::Hint::ScanUnderstood => "scan-understood",
        usher_ui::Hint::ScannerGone => "scanner-gone",
        usher_ui::Hint::ServerGone => "server-gone",
        usher_ui::Hint::PrinterGone => "printer-gone",
        usher_ui::Hint::ServiceClosed => "service-closed",
    }
}

fn trouble_name(trouble: usher_ui::Trouble) -> &'static str {
    match trouble {
        usher_ui::Trouble::None => "none",
        usher_ui::Trouble::NoPaper => "no-paper",
        usher_ui::Trouble::CoverOpen => "cover-open",
        usher_ui::Trouble::PrinterGone => "printer-gone",
        usher_ui::Trouble::PrintUnsure => "print-unsure",
    }
}
