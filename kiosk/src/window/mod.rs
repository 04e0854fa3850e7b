//! The only module that names Slint types.
//!
//! A view value goes into the window's globals, a resident's touch comes out as
//! an input. Everything crosses threads through Slint's event queue; windows
//! themselves stay on the thread that opened them.

mod hall;
mod kiosk;
mod touch_guard;
mod touch_map;

pub use hall::{HallPresenter, HallScreen};
pub use kiosk::{KioskPresenter, KioskScreen};

use std::path::PathBuf;

use slint::{ComponentHandle, ModelRc, PhysicalSize, SharedString, VecModel};
use tracing::debug;
use usher_firmware_config::Panel;

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// No display, or none that Slint can use. A technician checks DISPLAY or the
    /// unit file.
    #[error(
        "no window can be opened (check that a display server runs and that DISPLAY or \
         WAYLAND_DISPLAY names it)"
    )]
    Platform,
    /// The file for touch targets or shown calls cannot be written.
    #[error("{path} cannot be written (check its folder and its owner)")]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl From<slint::PlatformError> for WindowError {
    /// Slint's own words name places in its source on several lines; they are for
    /// the log of whoever looks closer (`RUST_LOG=debug`).
    fn from(error: slint::PlatformError) -> Self {
        debug!(%error, "no window");
        Self::Platform
    }
}

/// Ends the event loop, from any thread; the window's `run` returns then.
pub fn close() {
    // It fails only when no loop runs, and then there is nothing to end.
    let _ = slint::quit_event_loop();
}

/// The panel's size in Slint's logical pixels, from which every size follows.
struct LogicalPanel {
    width_px: i32,
    height_px: i32,
    width_mm: f32,
}

/// Gives the window the panel's size. The system may scale windows; the panel's
/// pixels are physical, so the scale is taken out again.
fn fit<W: ComponentHandle>(window: &W, panel: &Panel) -> LogicalPanel {
    let slint_window = window.window();
    slint_window.set_size(PhysicalSize::new(panel.width_px, panel.height_px));
    slint_window.set_fullscreen(panel.fullscreen);
    let scale = f64::from(slint_window.scale_factor());
    LogicalPanel {
        width_px: whole(f64::from(panel.width_px) / scale),
        height_px: whole(f64::from(panel.height_px) / scale),
        width_mm: single(panel.width_mm),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the device file bounds the panel to a few thousand pixels"
)]
fn whole(pixels: f64) -> i32 {
    pixels.round() as i32
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a panel's millimetres need no more than single precision"
)]
fn single(millimetres: f64) -> f32 {
    millimetres as f32
}

/// A count as Slint has it.
fn count(number: impl TryInto<i32>) -> i32 {
    number.try_into().unwrap_or(i32::MAX)
}

fn model<T: Clone + 'static>(items: impl Iterator<Item = T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from_iter(items))
}

fn shared(text: &str) -> SharedString {
    SharedString::from(text)
}

/// The two ends of a wait as the windows have them; -1 for unknown.
fn wait_ends(wait: Option<usher_protocol::message::WaitRange>) -> (i32, i32) {
    wait.map_or((-1, -1), |wait| {
        (wait.low_minutes.into(), wait.high_minutes.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_display_is_told_in_one_sentence() {
        let slints = "Error from Winit backend: os error at src/platform.rs:765\nno display";
        let error = anyhow::Error::from(WindowError::from(slint::PlatformError::from(slints)));
        let told = format!("{error:#}");
        assert!(told.starts_with("no window can be opened"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        assert!(!told.contains(".rs"), "{told}");
    }
}
