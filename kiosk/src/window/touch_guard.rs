//! A double tap must not go through to the next screen.
//!
//! Where a button was a moment ago another one may stand now: "Get my ticket",
//! then "Done"; or the one below, when a banner comes or goes. A touch that comes
//! right after such a change was meant for the screen before. Touches wait in the window system while a frame is drawn,
//! so time counts from when the new screen stands on the glass.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use slint::Timer;

use super::touch_map;
use crate::checkin::Input;
use crate::screen::View;

/// One turn of the event loop at the least: the new screen is drawn in it.
const DRAWN: Duration = Duration::from_millis(30);
/// How long a screen must have stood before it can be touched. The second tap of
/// a double tap comes within 500 ms by the usual setting of desktops; most people
/// need longer to read the first word.
const SETTLED: Duration = Duration::from_millis(400);

/// Keeps touches from a screen that has just come.
#[derive(Default)]
pub(super) struct TouchGuard {
    is_closed: Cell<bool>,
    timer: Timer,
}

thread_local! {
    /// The window's guard, on the window's thread only.
    static ATTACHED: RefCell<Option<Rc<TouchGuard>>> = const { RefCell::new(None) };
}

/// `new` stands in the window now, where `old` stood.
pub(super) fn view_changed(old: Option<&View>, new: &View) {
    if old.is_some_and(|old| is_same_screen(old, new)) {
        return;
    }
    ATTACHED.with_borrow(|guard| {
        if let Some(guard) = guard {
            Rc::clone(guard).close();
        }
    });
}

/// Whether touches are taken now.
pub(super) fn is_open() -> bool {
    ATTACHED.with_borrow(|guard| guard.as_ref().is_none_or(|guard| !guard.is_closed.get()))
}

/// Whether every button of `new` stands where it stood in `old`.
fn is_same_screen(old: &View, new: &View) -> bool {
    old.screen == new.screen
        && old.page == new.page
        // Not only whether there is one: one of two lines is higher.
        && old.banner == new.banner
        // Without the server the attract screen has no waits, and more room.
        && old.online == new.online
        && old.still_there_seconds.is_some() == new.still_there_seconds.is_some()
}

impl TouchGuard {
    /// Puts a guard before `on_input`: what comes too early is no more than a
    /// sign that somebody is there.
    pub(super) fn before(on_input: impl Fn(Input) + 'static) -> impl Fn(Input) + 'static {
        let guard = Rc::new(Self::default());
        ATTACHED.with_borrow_mut(|attached| *attached = Some(Rc::clone(&guard)));
        move |input| {
            if guard.is_closed.get() {
                on_input(Input::Touched);
            } else {
                on_input(input);
            }
        }
    }

    fn close(self: Rc<Self>) {
        self.is_closed.set(true);
        let guard = Rc::clone(&self);
        self.after(DRAWN, move || {
            let opened = Rc::clone(&guard);
            guard.after(SETTLED, move || {
                opened.is_closed.set(false);
                touch_map::view_changed();
            });
        });
    }

    /// Calls `then` after `time`; what was to be called before is forgotten.
    fn after(&self, time: Duration, then: impl FnMut() + 'static) {
        self.timer.start(slint::TimerMode::SingleShot, time, then);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkin::{self, Part, Session, Surroundings, fallback_office};
    use crate::clock::Moment;
    use crate::screen;
    use std::sync::Arc;
    use usher_protocol::{Language, OfficeId};

    fn view_of(session: &Session) -> View {
        let now = Moment {
            wall: "2026-11-25T17:41:07Z".parse().unwrap(),
            uptime: Duration::from_secs(1),
        };
        screen::view(session, now)
    }

    #[test]
    fn a_banner_that_comes_goes_or_changes_makes_another_screen() {
        let order = vec![Language::english()];
        let id = OfficeId::new("capitol-dmv").unwrap();
        let office = fallback_office(id, &order, "America/Los_Angeles");
        let surroundings = Surroundings::new(Arc::new(office), order, Part::Ready, Part::Ready);
        let mut session = Session::new(surroundings);
        session.surroundings.online = true;
        let plain = view_of(&session);
        assert_eq!(plain.banner, None);
        assert!(is_same_screen(&plain, &plain));

        session.hint = Some((checkin::Hint::ScanUnreadable, Duration::from_secs(1)));
        let advised = view_of(&session);
        assert!(!is_same_screen(&plain, &advised));
        assert!(!is_same_screen(&advised, &plain));

        session.hint = Some((checkin::Hint::ScanPartial, Duration::from_secs(1)));
        assert!(!is_same_screen(&advised, &view_of(&session)));
    }

    /// Time as Slint's testing backend lets it pass.
    fn pass(time: Duration) {
        i_slint_backend_testing::mock_elapsed_time(time);
    }

    #[test]
    fn touches_wait_until_the_screen_has_settled() {
        i_slint_backend_testing::init_no_event_loop();
        let came = Rc::new(RefCell::new(Vec::new()));
        let sink = Rc::clone(&came);
        let touch = TouchGuard::before(move |input| sink.borrow_mut().push(input));
        let guard = ATTACHED.with_borrow(|guard| guard.clone().expect("just put there"));

        touch(Input::Done);
        Rc::clone(&guard).close();
        touch(Input::Done);
        pass(Duration::from_millis(200));
        // Another screen comes meanwhile: the time starts anew.
        guard.close();
        pass(DRAWN);
        pass(SETTLED - Duration::from_millis(10));
        touch(Input::Done);
        pass(Duration::from_millis(10));
        touch(Input::Done);
        assert_eq!(
            *came.borrow(),
            [Input::Done, Input::Touched, Input::Touched, Input::Done]
        );
    }
}
