//! Whether the server is there, by its heartbeat.

use std::time::Duration;

use usher_protocol::message::HEARTBEAT_LOST_MS;

/// A silence this long means that the server is gone.
pub const LOST_AFTER: Duration = Duration::from_millis(HEARTBEAT_LOST_MS);
/// So many heartbeats in a row, and the server is back: one alone may be the last
/// sign of a connection that flaps, and would make the screens flap with it.
pub const BEATS_TO_RETURN: u32 = 2;

/// Watches the heartbeat.
#[derive(Debug, Default)]
pub struct Watchdog {
    is_online: bool,
    last_beat_at: Option<Duration>,
    beats: u32,
}

impl Watchdog {
    /// A heartbeat came at `at`; `accepting` as it says. Returns the new state if
    /// it changed.
    pub fn beat(&mut self, accepting: bool, at: Duration) -> Option<bool> {
        let is_in_time = self
            .last_beat_at
            .is_some_and(|last| at.saturating_sub(last) < LOST_AFTER);
        self.last_beat_at = Some(at);
        self.beats = match (accepting, is_in_time) {
            (false, _) => 0,
            (true, true) => self.beats.saturating_add(1),
            (true, false) => 1,
        };
        if !accepting {
            return self.become_online(false);
        }
        if self.beats >= BEATS_TO_RETURN {
            return self.become_online(true);
        }
        None
    }

    /// Looks at the time. Returns the new state if it changed.
    pub fn look(&mut self, at: Duration) -> Option<bool> {
        let is_lost = self
            .last_beat_at
            .is_none_or(|last| at.saturating_sub(last) >= LOST_AFTER);
        if is_lost {
            self.beats = 0;
            return self.become_online(false);
        }
        None
    }

    fn become_online(&mut self, is_online: bool) -> Option<bool> {
        (std::mem::replace(&mut self.is_online, is_online) != is_online).then_some(is_online)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn two_beats_bring_the_server_back_and_silence_takes_it() {
        let mut watchdog = Watchdog::default();
        assert_eq!(watchdog.look(ms(0)), None);
        assert_eq!(watchdog.beat(true, ms(100)), None);
        assert_eq!(watchdog.beat(true, ms(600)), Some(true));
        assert_eq!(watchdog.beat(true, ms(1100)), None);
        assert_eq!(watchdog.look(ms(2999)), None);
        assert_eq!(watchdog.look(ms(3000)), Some(false));
        assert_eq!(watchdog.look(ms(9000)), None);
        assert_eq!(watchdog.beat(true, ms(9100)), None);
        assert_eq!(watchdog.beat(true, ms(9600)), Some(true));
    }

    #[test]
    fn a_server_that_cannot_store_is_gone_at_once() {
        let mut watchdog = Watchdog::default();
        watchdog.beat(true, ms(0));
        assert_eq!(watchdog.beat(true, ms(500)), Some(true));
        assert_eq!(watchdog.beat(false, ms(1000)), Some(false));
        assert_eq!(watchdog.beat(true, ms(1500)), None);
        assert_eq!(watchdog.beat(true, ms(2000)), Some(true));
    }

    proptest! {
        /// A connection that lets one beat through now and then never flaps.
        #[test]
        fn lone_beats_change_nothing(gaps in proptest::collection::vec(1_900_u64..20_000, 1..30)) {
            let mut watchdog = Watchdog::default();
            let mut at = 0;
            for gap in gaps {
                at += gap;
                prop_assert_eq!(watchdog.look(ms(at)), None);
                prop_assert_eq!(watchdog.beat(true, ms(at)), None);
            }
        }
    }
}
