//! What can be touched on the kiosk's current screen, and where.
//!
//! Every control of the window answers a round of questions through the global
//! `TouchReport` with its place on the screen. This works with any backend, and
//! needs nothing of Slint that is not stable.

use std::cell::RefCell;
use std::rc::Rc;

use slint::ComponentHandle as _;

use crate::{KioskWindow, TouchReport};

/// One control of the kiosk's window.
#[derive(Clone, Debug, PartialEq)]
pub struct TouchTarget {
    /// Stable and the same in every language, such as `language:es`,
    /// `service:dl-renewal`, `confirm`, `back`.
    pub id: String,
    /// What a screen reader says.
    pub label: String,
    /// Left edge in physical pixels from the window's left edge.
    pub x: f32,
    /// Top edge in physical pixels from the window's top edge.
    pub y: f32,
    /// Width in physical pixels.
    pub width: f32,
    /// Height in physical pixels.
    pub height: f32,
}

/// Everything that can be touched now, in the order it is on the screen.
///
/// Call it on the event loop's thread, not from a Slint callback. Right after
/// the view changed, a control that Slint has not made yet can be missing:
/// [`on_touch_targets_changed`] tells when to ask again.
#[must_use]
pub fn touch_targets(window: &KioskWindow) -> Vec<TouchTarget> {
    let found = Rc::new(RefCell::new(Vec::new()));
    let scale = window.window().scale_factor();
    let report = window.global::<TouchReport>();
    let sink = Rc::clone(&found);
    report.on_report(move |id, label, x, y, width, height| {
        sink.borrow_mut().push(TouchTarget {
            id: id.into(),
            label: label.into(),
            x: x * scale,
            y: y * scale,
            width: width * scale,
            height: height * scale,
        });
    });
    report.set_round(report.get_round().wrapping_add(1));
    slint::platform::update_timers_and_animations();
    report.on_report(|_, _, _, _, _, _| {});
    let mut targets = found.take();
    targets.sort_by(|a, b| (a.y, a.x).partial_cmp(&(b.y, b.x)).unwrap_or(std::cmp::Ordering::Equal));
    targets
}

/// Calls `changed` from the event loop whenever a control appeared, moved or
/// was renamed, once for many changes at a time. Ask [`touch_targets`] then.
pub fn on_touch_targets_changed(window: &KioskWindow, changed: impl Fn(&KioskWindow) + 'static) {
    let weak = window.as_weak();
    let changed = Rc::new(changed);
    let pending = Rc::new(std::cell::Cell::new(false));
    window.global::<TouchReport>().on_changed(move || {
        if pending.replace(true) {
            return;
        }
        let (weak, changed, pending) = (weak.clone(), Rc::clone(&changed), Rc::clone(&pending));
        slint::Timer::single_shot(std::time::Duration::ZERO, move || {
            pending.set(false);
            if let Some(window) = weak.upgrade() {
                changed(&window);
            }
        });
    });
}
