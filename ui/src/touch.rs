//! What can be touched on the kiosk's current screen, and where; and which
//! words do not fit on it.
//!
//! Every control and label of the window answers a round of questions through
//! the global `TouchReport`. This works with any backend, and needs nothing of
//! Slint that is not stable.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slint::ComponentHandle;
use slint::platform::WindowEvent;

use crate::{KioskWindow, TouchReport};

/// How long the screen must be left alone before [`on_touch_targets_changed`]
/// speaks: long enough that a change of screen is told once, when it is drawn.
const SETTLE: Duration = Duration::from_millis(50);

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

/// Everything that can be touched now, from top to bottom and left to right.
///
/// Call it on the event loop's thread, not from a callback of `KioskActions`.
/// It is right at once, also straight after the view was changed.
#[must_use]
pub fn touch_targets(window: &KioskWindow) -> Vec<TouchTarget> {
    let found = Rc::new(RefCell::new(Vec::new()));
    let scale = window.window().scale_factor();
    let sink = Rc::clone(&found);
    let report = window.global::<TouchReport>();
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
    ask(window);
    report.on_report(|_, _, _, _, _, _| {});
    let mut targets = found.take();
    targets.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x.total_cmp(&b.x)));
    targets
}

/// The words that are cut off on the current screen: none, unless an office's
/// own words (a long service name) are too much for its panel. `window` is the
/// kiosk's or the hall display's.
///
/// Call it as [`touch_targets`].
#[must_use]
pub fn cut_off_texts<W>(window: &W) -> Vec<String>
where
    W: ComponentHandle,
    for<'a> TouchReport<'a>: slint::Global<'a, W>,
{
    let found = Rc::new(RefCell::new(Vec::new()));
    let sink = Rc::clone(&found);
    let report = window.global::<TouchReport>();
    report.on_cut_off(move |text| sink.borrow_mut().push(text.into()));
    ask(window);
    report.on_cut_off(|_| {});
    found.take()
}

/// Asks every control and label for its report.
fn ask<W>(window: &W)
where
    W: ComponentHandle,
    for<'a> TouchReport<'a>: slint::Global<'a, W>,
{
    // Slint makes what a changed view calls for when the next event arrives;
    // the release of no key is an event that does nothing else.
    let no_key = || WindowEvent::KeyReleased {
        text: slint::SharedString::new(),
    };
    // The window's own handlers cannot refuse it, and a closed window has no
    // controls to report.
    let _ = window.window().dispatch_event_with_result(no_key());
    let report = window.global::<TouchReport>();
    report.set_round(report.get_round().wrapping_add(1));
    let _ = window.window().dispatch_event_with_result(no_key());
}

/// Calls `changed` from the event loop whenever a control appeared, moved, went
/// or was renamed, once for many changes at a time. Ask [`touch_targets`] then.
pub fn on_touch_targets_changed(window: &KioskWindow, changed: impl Fn(&KioskWindow) + 'static) {
    let weak = window.as_weak();
    let changed = Rc::new(changed);
    let pending = Rc::new(Cell::new(false));
    window.global::<TouchReport>().on_changed(move || {
        if pending.replace(true) {
            return;
        }
        let (weak, changed, pending) = (weak.clone(), Rc::clone(&changed), Rc::clone(&pending));
        slint::Timer::single_shot(SETTLE, move || {
            pending.set(false);
            if let Some(window) = weak.upgrade() {
                changed(&window);
            }
        });
    });
}
