//! Which of two messages on the same topic is the newer one. Pure.
//!
//! After a subscription the broker sends what it retained; a message published
//! just then may overtake it. The late one would take the screens back, and its
//! lower serials would look like a server that began anew.

use jiff::Timestamp;

/// The age of what was heard on one topic within one connection.
#[derive(Debug, Default)]
pub(super) struct NewsAge {
    newest: Option<Timestamp>,
}

impl NewsAge {
    /// Whether a message of `as_of` is to be passed on. Only a retained one can be
    /// late: what is live comes in order, even if the server's clock was set back.
    pub(super) fn is_news(&mut self, as_of: Timestamp, is_retained: bool) -> bool {
        if is_retained && self.newest.is_some_and(|newest| as_of < newest) {
            return false;
        }
        self.newest = Some(as_of);
        true
    }

    /// Another connection: what comes may be of a server that began anew.
    pub(super) fn forget(&mut self) {
        self.newest = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_retained_message_that_comes_late_is_passed_over() {
        let (old, new) = (at("2026-11-25T12:00:00Z"), at("2026-11-25T12:07:00Z"));
        let mut age = NewsAge::default();
        assert!(age.is_news(old, true));
        assert!(age.is_news(new, false));
        assert!(!age.is_news(old, true));
        assert!(age.is_news(new, true));
        assert!(age.is_news(old, false), "the server's clock was set back");
        assert!(age.is_news(new, false));
        age.forget();
        assert!(age.is_news(old, true), "another connection");
    }
}
