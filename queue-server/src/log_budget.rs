//! A bound on log lines that others can cause.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Lets one line a second into the log, and counts the rest.
#[derive(Debug)]
pub(crate) struct LogBudget {
    started: Instant,
    next_ms: AtomicU64,
    suppressed: AtomicU64,
}

impl LogBudget {
    const EVERY_MS: u64 = 1_000;

    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            next_ms: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    /// `Some(n)` if a line may be logged now, after `n` that were not.
    pub(crate) fn spend(&self) -> Option<u64> {
        self.spend_at(self.started.elapsed())
    }

    fn spend_at(&self, now: Duration) -> Option<u64> {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let next = self.next_ms.load(Ordering::Relaxed);
        let claimed = now >= next
            && self
                .next_ms
                .compare_exchange(
                    next,
                    now.saturating_add(Self::EVERY_MS),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if claimed {
            return Some(self.suppressed.swap(0, Ordering::Relaxed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_and_a_count_of_the_rest() {
        let budget = LogBudget::new();
        let at = |ms| budget.spend_at(Duration::from_millis(ms));
        assert_eq!(at(0), Some(0));
        assert_eq!(at(1), None);
        assert_eq!(at(999), None);
        assert_eq!(at(1_000), Some(2));
        assert_eq!(at(5_000), Some(0));
    }
}
