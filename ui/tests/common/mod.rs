//! What the tests of the windows share: a backend without a display, and an
//! office to show.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod office;

use i_slint_backend_testing::{TestingBackend, TestingBackendOptions};
use slint::{ComponentHandle, PhysicalSize};
use usher_ui::{KioskView, KioskWindow};

/// A kiosk's screen: its size in pixels and its real width.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Panel {
    pub(crate) name: &'static str,
    pub(crate) width_px: u16,
    pub(crate) height_px: u16,
    pub(crate) width_mm: f32,
}

impl Panel {
    pub(crate) fn px_per_mm(&self) -> f32 {
        f32::from(self.width_px) / self.width_mm
    }
}

/// A 27-inch panel standing upright.
pub(crate) const PORTRAIT: Panel = Panel {
    name: "portrait",
    width_px: 1080,
    height_px: 1920,
    width_mm: 336.0,
};

/// A 12.1-inch panel lying down.
pub(crate) const LANDSCAPE: Panel = Panel {
    name: "landscape",
    width_px: 1280,
    height_px: 800,
    width_mm: 261.0,
};

/// The same pixels on 10.1 inches: the smallest panel that is supported.
pub(crate) const SMALL: Panel = Panel {
    name: "small",
    width_px: 1280,
    height_px: 800,
    width_mm: 217.0,
};

/// Real layout, fonts and pixels; time stands still until it is moved. Once a
/// process: therefore one test function a binary.
pub(crate) fn start_backend() {
    slint::platform::set_platform(Box::new(TestingBackend::new(TestingBackendOptions {
        mock_time: true,
        threading: false,
        renderer_name: Some("software".into()),
    })))
    .expect("no platform was set before");
}

/// A window on `panel`, shown.
pub(crate) fn kiosk(panel: &Panel) -> KioskWindow {
    let window = KioskWindow::new().expect("the testing backend opens windows");
    fit(&window, panel);
    window.show().expect("the testing backend shows windows");
    window
}

pub(crate) fn fit(window: &KioskWindow, panel: &Panel) {
    let view = window.global::<KioskView>();
    view.set_panel_width_px(panel.width_px.into());
    view.set_panel_height_px(panel.height_px.into());
    view.set_panel_width_mm(panel.width_mm);
    window.window().set_size(PhysicalSize::new(
        panel.width_px.into(),
        panel.height_px.into(),
    ));
}
