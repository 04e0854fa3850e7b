//! The hall display's window.

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use slint::ComponentHandle;
use tracing::{error, warn};
use usher_firmware_config::Panel;
use usher_protocol::message::Call;
use usher_protocol::{Direction, Language};
use usher_ui::{HallView, HallWindow};

use super::touch_map::open_log;
use super::{WindowError, count, fit, model, shared, wait_ends};
use crate::clock;
use crate::hall::view::{CallState, Row, View, Wait};

/// The open window; stays on the thread that opened it.
pub struct HallScreen {
    window: HallWindow,
}

/// Shows views in the window, from any thread.
#[derive(Clone)]
pub struct HallPresenter {
    window: slint::Weak<HallWindow>,
}

/// A line of the log of shown calls.
#[derive(Serialize)]
struct ShownLine<'a> {
    at_ms: i64,
    serial: u64,
    number: String,
    counter: &'a str,
}

thread_local! {
    /// The log of shown calls, on the window's thread only.
    static SHOWN_LOG: RefCell<Option<File>> = const { RefCell::new(None) };
}

impl HallScreen {
    /// Opens the window, with its own words in `language`. With `shown_log_path`,
    /// each call that comes to the screen is appended there as a JSON line.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn open(
        panel: &Panel,
        language: &Language,
        shown_log_path: Option<&Path>,
    ) -> Result<Self, WindowError> {
        let window = HallWindow::new()?;
        if let Err(error) = usher_ui::select_language(language.as_str()) {
            warn!(%error, "the hall display is shown in English");
        }
        if let Some(path) = shown_log_path {
            let file = open_log(path)?;
            SHOWN_LOG.set(Some(file));
        }
        let screen = Self { window };
        screen.fit(panel);
        Ok(screen)
    }

    /// The handle for other threads.
    #[must_use]
    pub fn presenter(&self) -> HallPresenter {
        HallPresenter {
            window: self.window.as_weak(),
        }
    }

    /// Shows the window until it is closed or [`super::close`] is called.
    ///
    /// # Errors
    /// [`WindowError::Platform`].
    pub fn run(&self, panel: &Panel) -> Result<(), WindowError> {
        self.window.show()?;
        // Only a window that is shown knows its scale.
        self.fit(panel);
        slint::run_event_loop()?;
        self.window.hide()?;
        Ok(())
    }

    fn fit(&self, panel: &Panel) {
        let logical = fit(&self.window, panel);
        let view = self.window.global::<HallView>();
        view.set_panel_width_px(logical.width_px);
        view.set_panel_height_px(logical.height_px);
        view.set_panel_width_mm(logical.width_mm);
    }
}

impl HallPresenter {
    /// Shows `new` in place of `old`; only what differs is set. `came` are the
    /// calls that come to the screen with it.
    pub fn show(&self, old: Option<Arc<View>>, new: Arc<View>, came: Vec<Call>) {
        let shown = self.window.upgrade_in_event_loop(move |window| {
            apply(&window, old.as_deref(), &new);
            came.iter().for_each(log_shown);
        });
        if shown.is_err() {
            tracing::debug!("there is no window to show this in");
        }
    }
}

fn log_shown(call: &Call) {
    SHOWN_LOG.with_borrow_mut(|log| {
        let Some(file) = log else { return };
        let line = ShownLine {
            at_ms: clock::now().wall.as_millisecond(),
            serial: call.serial,
            number: call.number.to_string(),
            counter: &call.counter_label,
        };
        let mut text = serde_json::to_string(&line).expect("a line has string keys only");
        text.push('\n');
        if let Err(error) = file.write_all(text.as_bytes()) {
            error!(%error, "the log of shown calls cannot be written; it ends here");
            *log = None;
        }
    });
}

fn apply(window: &HallWindow, old: Option<&View>, new: &View) {
    let view = window.global::<HallView>();
    if old.is_none_or(|old| old.calls != new.calls) {
        view.set_calls(model(new.calls.iter().map(call_row)));
    }
    if old.is_none_or(|old| old.waits != new.waits) {
        view.set_waits(model(new.waits.iter().map(wait_row)));
    }
    view.set_office_name(shared(&new.office_name));
    view.set_clock(shared(&new.clock));
    view.set_stale(new.stale_minutes.is_some());
    view.set_stale_minutes(count(new.stale_minutes.unwrap_or_default()));
    if let Some(stage) = &new.stage {
        view.set_stage(call_row(&stage.row));
        view.set_stage_language(shared(stage.language.as_str()));
        view.set_stage_rtl(stage.direction == Direction::RightToLeft);
        view.set_stage_text(shared(&stage.text));
        view.set_stage_text_english(shared(&stage.english));
    }
    view.set_stage_visible(new.stage.is_some());
}

fn call_row(row: &Row) -> usher_ui::CallRow {
    usher_ui::CallRow {
        number: shared(&row.number),
        counter: shared(&row.counter),
        service: shared(&row.service),
        state: call_state(row.state),
    }
}

fn call_state(state: CallState) -> usher_ui::CallState {
    match state {
        CallState::Fresh => usher_ui::CallState::Fresh,
        CallState::Called => usher_ui::CallState::Called,
        CallState::Serving => usher_ui::CallState::Serving,
    }
}

fn wait_row(wait: &Wait) -> usher_ui::WaitRow {
    let (wait_low, wait_high) = wait_ends(wait.range);
    usher_ui::WaitRow {
        service: shared(&wait.service),
        waiting: count(wait.waiting),
        wait_low,
        wait_high,
    }
}
