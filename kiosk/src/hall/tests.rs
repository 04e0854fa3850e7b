use super::view::{CallState, view};
use super::*;
use jiff::Timestamp;
use proptest::prelude::*;
use usher_protocol::{CounterId, Language, ServiceId};

fn wall(seconds: u64) -> Timestamp {
    let start: Timestamp = "2026-11-25T17:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

fn at(seconds: u64) -> Moment {
    Moment {
        wall: wall(seconds),
        uptime: Duration::from_secs(seconds),
    }
}

fn call(serial: u64, called_at: u64) -> Call {
    Call {
        serial,
        number: format!("B{serial}").parse().unwrap(),
        counter: CounterId::new("counter-5").unwrap(),
        counter_label: "5".into(),
        service: ServiceId::new("titles").unwrap(),
        language: Language::new("es").unwrap(),
        called_at: wall(called_at),
        times_called: 1,
        serving: false,
    }
}

/// Calls as the server tells them: newest first.
fn calls(seconds: u64, mut calls: Vec<Call>) -> Input {
    calls.sort_by_key(|call| std::cmp::Reverse(call.serial));
    Input::CallsChanged(Calls {
        as_of: wall(seconds),
        calls,
    })
}

struct Display {
    hall: Hall,
    announced: Vec<u64>,
    listed: Vec<u64>,
}

impl Display {
    fn new() -> Self {
        Self {
            hall: Hall::new(at(0)),
            announced: Vec::new(),
            listed: Vec::new(),
        }
    }

    /// One that has heard that nobody was called yet.
    fn ready() -> Self {
        Self::new()
            .hears(0, Input::LinkChanged { online: true })
            .hears(0, calls(0, vec![]))
    }

    fn hears(mut self, seconds: u64, input: Input) -> Self {
        let (hall, effects) = step(self.hall, input, at(seconds));
        self.hall = hall;
        for effect in effects {
            match effect {
                Effect::Announced(call) => self.announced.push(call.serial),
                Effect::Listed(call) => self.listed.push(call.serial),
            }
        }
        self
    }

    fn list(&self) -> Vec<u64> {
        self.hall.listed().map(|call| call.serial).collect()
    }

    fn on_stage(&self) -> Option<u64> {
        self.hall.stage.as_ref().map(|(call, _)| call.serial)
    }
}

#[test]
fn a_call_takes_the_stage_and_stays_in_the_list() {
    let display = Display::ready().hears(10, calls(10, vec![call(1, 10)]));
    assert_eq!((display.on_stage(), display.list()), (Some(1), vec![1]));
    let display = display.hears(17, Input::Tick);
    assert_eq!(display.on_stage(), Some(1));
    let display = display.hears(18, Input::Tick);
    assert_eq!(display.on_stage(), None);
    assert_eq!(display.list(), [1]);
    assert_eq!(display.announced, [1]);
    assert_eq!(display.listed, [0_u64; 0]);
}

#[test]
fn calls_wait_their_turn_and_repeats_are_nothing_new() {
    let both = || vec![call(1, 10), call(2, 10)];
    let display = Display::ready()
        .hears(10, calls(10, both()))
        .hears(11, calls(11, both()))
        .hears(13, Input::Tick);
    assert_eq!((display.on_stage(), display.list()), (Some(1), vec![1]));
    let display = display.hears(14, Input::Tick);
    assert_eq!((display.on_stage(), display.list()), (Some(2), vec![2, 1]));
    let display = display.hears(30, calls(30, both()));
    assert_eq!((display.on_stage(), display.list()), (None, vec![2, 1]));
    assert_eq!(display.announced, [1, 2]);
}

#[test]
fn a_display_that_starts_late_announces_only_the_call_just_missed() {
    let display = Display::new().hears(500, calls(500, vec![call(7, 100), call(8, 300)]));
    assert_eq!(display.announced, [8]);
    assert_eq!(display.listed, [7]);

    let mut served = call(8, 300);
    served.serving = true;
    let display = Display::new().hears(500, calls(500, vec![call(7, 100), served]));
    assert_eq!(display.announced, [0_u64; 0]);
    assert_eq!(display.listed, [7, 8]);
}

#[test]
fn old_news_after_a_break_goes_to_the_list() {
    let display = Display::ready().hears(
        600,
        calls(600, vec![call(1, 100), call(2, 590), call(3, 595)]),
    );
    assert_eq!(display.on_stage(), Some(2));
    assert_eq!(display.listed, [1]);
}

#[test]
fn a_server_that_began_anew_is_heard() {
    let display = Display::ready()
        .hears(10, calls(10, vec![call(40, 10)]))
        .hears(100, calls(100, vec![call(1, 100)]));
    assert_eq!(display.announced, [40, 1]);
}

#[test]
fn a_silent_server_is_told_calmly_with_the_age() {
    let display = Display::ready().hears(100, Input::Tick);
    assert_eq!(display.hall.stale_for(at(100)), None);
    let display = display.hears(100, Input::LinkChanged { online: false });
    let english = Language::english();
    let stale_at = |seconds| view(&display.hall, &english, at(seconds)).stale_minutes;
    assert_eq!(stale_at(104), None);
    assert_eq!(stale_at(105), Some(0));
    assert_eq!(stale_at(300), Some(3));
    let display = display.hears(301, Input::LinkChanged { online: true });
    assert_eq!(display.hall.stale_for(at(302)), None);
}

#[test]
fn only_who_is_called_and_has_not_come_looks_called() {
    let states = |display: &Display, seconds| {
        view(&display.hall, &Language::english(), at(seconds))
            .calls
            .iter()
            .map(|row| row.state)
            .collect::<Vec<_>>()
    };
    let display = Display::ready().hears(10, calls(10, vec![call(1, 10)]));
    assert_eq!(states(&display, 10), [CallState::Fresh]);
    assert_eq!(states(&display, 29), [CallState::Fresh]);
    assert_eq!(states(&display, 30), [CallState::Called]);

    let mut served = call(1, 10);
    served.serving = true;
    let display = display.hears(15, calls(15, vec![served]));
    assert_eq!(states(&display, 15), [CallState::Serving]);

    // Calls of long ago are new to a display that has just started, not to the hall.
    let display = Display::new().hears(500, calls(500, vec![call(7, 100), call(8, 300)]));
    assert_eq!(states(&display, 500), [CallState::Called; 2]);
}

#[test]
fn a_visit_that_has_ended_is_not_called_any_more() {
    let display = Display::ready()
        .hears(10, calls(10, vec![call(1, 10), call(2, 10)]))
        .hears(11, calls(11, vec![call(1, 10)]))
        .hears(20, Input::Tick);
    assert_eq!((display.on_stage(), display.list()), (None, vec![1]));
    assert_eq!(display.announced, [1]);

    // Those that are left are not called anew, nor fresh again.
    let display = Display::ready()
        .hears(10, calls(10, vec![call(1, 10)]))
        .hears(30, calls(30, vec![call(1, 10), call(2, 30)]))
        .hears(50, calls(50, vec![call(1, 10)]));
    assert_eq!(display.announced, [1, 2]);
    assert!(!display.hall.is_fresh(&call(1, 10), at(50)));

    // One that has the stage leaves it as soon as it has been seen.
    let display = Display::ready()
        .hears(10, calls(10, vec![call(1, 10)]))
        .hears(11, calls(11, vec![]))
        .hears(13, Input::Tick);
    assert_eq!((display.on_stage(), display.list()), (Some(1), vec![]));
    assert_eq!(display.hears(14, Input::Tick).on_stage(), None);
}

#[test]
fn the_stage_speaks_the_residents_language() {
    let display = Display::ready().hears(10, calls(10, vec![call(1, 10)]));
    let stage = view(&display.hall, &Language::english(), at(10))
        .stage
        .unwrap();
    assert_eq!(stage.row.number, "B 1");
    assert_eq!(stage.english, "Counter 5");
    assert_ne!(stage.text, stage.english);
}

proptest! {
    /// However the server repeats itself, each serial is announced at most once,
    /// in order, and every call that stays in the server's list is on the screen.
    #[test]
    fn each_serial_once_in_order(steps in proptest::collection::vec((0_u64..20, 0_usize..4), 1..60)) {
        let mut display = Display::ready();
        let mut now = 10;
        let mut known: Vec<Call> = Vec::new();
        for (wait, new) in steps {
            now += wait;
            for _ in 0..new {
                known.push(call(known.len() as u64 + 1, now));
            }
            let told = known.iter().rev().take(24).cloned().collect();
            display = display.hears(now, calls(now, told)).hears(now, Input::Tick);
        }
        prop_assert!(display.announced.is_sorted_by(|a, b| a < b), "{:?}", display.announced);
        for _ in 0..10 {
            now += 10;
            display = display.hears(now, Input::Tick);
        }
        let mut on_screen: Vec<u64> = display.list();
        on_screen.sort_unstable();
        let mut expected: Vec<u64> = known.iter().rev().take(24).map(|call| call.serial).collect();
        expected.sort_unstable();
        prop_assert_eq!(on_screen, expected);
    }
}
