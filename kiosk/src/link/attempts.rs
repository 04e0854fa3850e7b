//! When to connect again, and what to say of it, so that a connection that is
//! lost as soon as it is made floods neither the broker nor the log. Pure.

use std::time::Duration;

use super::delays;

/// What became of the attempts so far.
#[derive(Debug)]
pub(super) struct Attempts {
    pause: Duration,
    /// Since when the connection holds (uptime).
    connected_at: Option<Duration>,
    /// What was last told of a loss.
    complaint: String,
    has_told_connected: bool,
}

/// What to do after a connection was lost or not made.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Lost {
    /// How long to wait before the next attempt.
    pub(super) pause: Duration,
    /// What to tell, if it is news.
    pub(super) complaint: Option<String>,
}

impl Default for Attempts {
    fn default() -> Self {
        Self {
            pause: delays::RECONNECT_FIRST,
            connected_at: None,
            complaint: String::new(),
            has_told_connected: false,
        }
    }
}

impl Attempts {
    /// There is a connection. Returns whether that is news.
    pub(super) fn connected(&mut self, at: Duration) -> bool {
        self.connected_at = Some(at);
        !std::mem::replace(&mut self.has_told_connected, true)
    }

    /// There is none, for the reason `why`.
    pub(super) fn lost(&mut self, why: String, at: Duration) -> Lost {
        let has_held = self
            .connected_at
            .take()
            .is_some_and(|since| at.saturating_sub(since) >= delays::HELD);
        if has_held {
            self.pause = delays::RECONNECT_FIRST;
            self.complaint.clear();
        }
        let pause = self.pause;
        self.pause = (self.pause * 2).min(delays::RECONNECT_MAX);
        let is_news = why != self.complaint;
        if is_news {
            self.complaint.clone_from(&why);
            self.has_told_connected = false;
        }
        Lost {
            pause,
            complaint: is_news.then_some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// Two devices with one id throw each other out as often as they connect.
    #[test]
    fn a_connection_that_never_holds_is_tried_slowly_and_told_once() {
        let mut attempts = Attempts::default();
        let mut at = ms(0);
        let mut told = 0;
        let mut tries = 0;
        while at < Duration::from_mins(1) {
            told += usize::from(attempts.connected(at));
            let lost = attempts.lost("another device".to_owned(), at + ms(5));
            told += usize::from(lost.complaint.is_some());
            at += ms(5) + lost.pause;
            tries += 1;
        }
        assert!(tries <= 34, "{tries} in a minute");
        assert_eq!(told, 3, "connected, lost, connected");
    }

    #[test]
    fn a_good_connection_is_taken_up_at_once_and_told_again() {
        let mut attempts = Attempts::default();
        let mut at = ms(0);
        for _ in 0..3 {
            for round in 0..4 {
                let lost = attempts.lost("no route".to_owned(), at);
                assert_eq!(lost.complaint.is_some(), round == 0);
                at += lost.pause;
            }
            assert!(attempts.connected(at));
            at += delays::HELD;
            assert_eq!(
                attempts.lost("cable".to_owned(), at).pause,
                delays::RECONNECT_FIRST
            );
            at += ms(200);
            assert!(attempts.connected(at));
            at += delays::HELD;
        }
    }
}
