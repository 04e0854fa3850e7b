//! When what stands in the journal's outbox is sent, and sent again.
//!
//! Pure. The journal says what has no answer yet; this says which of it is due.

use std::collections::HashMap;
use std::time::Duration;

use usher_protocol::CommandId;

/// A message without an answer is sent again after this long.
pub(super) const RESEND_AFTER: Duration = Duration::from_secs(3);
/// Messages under way at a time; the rest waits in the journal.
pub(super) const UNDER_WAY_MAX: usize = 16;

/// What was sent when.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    sent_at: HashMap<CommandId, Duration>,
    /// When to look into the journal next; `None` when it has nothing to send.
    look_at: Option<Duration>,
}

impl Outbox {
    /// Something was written into the journal, or the server came back: look at once.
    pub(super) fn wake(&mut self, now: Duration) {
        self.look_at = Some(now);
    }

    /// The server came back: whatever was sent before may be lost.
    pub(super) fn forget_sent(&mut self, now: Duration) {
        self.sent_at.clear();
        self.wake(now);
    }

    /// The journal could not be read: try again later.
    pub(super) fn put_off(&mut self, now: Duration) {
        self.look_at = Some(now + RESEND_AFTER);
    }

    /// Whether it is time to look into the journal.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.look_at.is_some_and(|at| now >= at)
    }

    /// Of the unanswered messages, those to send now; notes that they are sent.
    pub(super) fn due<T>(
        &mut self,
        unanswered: Vec<T>,
        id: impl Fn(&T) -> &CommandId,
        now: Duration,
    ) -> Vec<T> {
        self.look_at = (!unanswered.is_empty()).then_some(now + RESEND_AFTER);
        self.sent_at
            .retain(|sent, _| unanswered.iter().any(|message| id(message) == sent));
        let mut due = unanswered;
        due.retain(|message| {
            self.sent_at
                .get(id(message))
                .is_none_or(|at| now.saturating_sub(*at) >= RESEND_AFTER)
        });
        for message in &due {
            self.sent_at.insert(id(message).clone(), now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(names: &[&str]) -> Vec<CommandId> {
        names
            .iter()
            .map(|name| CommandId::new(*name).unwrap())
            .collect()
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn messages_are_sent_again_until_they_are_answered() {
        let mut outbox = Outbox::default();
        let mut due = |names: &[&str], at| outbox.due(ids(names), |id| id, seconds(at));
        assert_eq!(due(&["a", "b"], 0), ids(&["a", "b"]));
        assert_eq!(due(&["a", "b", "c"], 1), ids(&["c"]));
        assert_eq!(due(&["b", "c"], 3), ids(&["b"]));
        assert_eq!(due(&["b", "c"], 4), ids(&["c"]));
        assert_eq!(due(&[], 9), ids(&[]));
    }

    #[test]
    fn the_journal_is_looked_at_only_when_there_is_cause() {
        let mut outbox = Outbox::default();
        assert!(!outbox.is_due(seconds(100)));
        outbox.wake(seconds(100));
        assert!(outbox.is_due(seconds(100)));
        outbox.due(ids(&["a"]), |id| id, seconds(100));
        assert!(!outbox.is_due(seconds(102)));
        assert!(outbox.is_due(seconds(103)));
        outbox.due(ids(&[]), |id| id, seconds(103));
        assert!(!outbox.is_due(seconds(1000)));
        outbox.put_off(seconds(1000));
        assert!(!outbox.is_due(seconds(1002)));
        outbox.forget_sent(seconds(1003));
        assert_eq!(outbox.due(ids(&["a"]), |id| id, seconds(1003)), ids(&["a"]));
    }
}
