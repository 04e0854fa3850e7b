//! Some dozens of office-days; `usher-simulate days` runs thousands.

use usher_simulator::day::{self, Report};
use usher_simulator::seed;

/// Not chosen for anything.
const BASE: u64 = 20_261_125;

fn day_of(nth: u64) -> Report {
    match day::run(seed::of_day(BASE, nth), false) {
        Ok(report) => report,
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn dozens_of_days_break_no_promise_and_meet_every_event() {
    let mut tally = std::collections::BTreeMap::new();
    let (mut days, mut starts) = (0, 0);
    for nth in 0..40 {
        let report = day_of(nth);
        days += report.days;
        starts += report.starts;
        for (kind, times) in report.tally {
            *tally.entry(kind).or_insert(0) += times;
        }
    }
    assert!(days >= 40, "{days}");
    assert!(starts > 20, "the server stopped only {starts} times");
    for kind in [
        "calls checked",
        "form entered",
        "renumbered",
        "check-in replaced",
        "appointment came",
        "transferred",
        "undone",
        "reopened",
        "returned",
        "postponed",
        "service finished",
    ] {
        assert!(tally.contains_key(kind), "no day has \"{kind}\": {tally:?}");
    }
}

#[test]
fn the_same_seed_gives_the_same_log() {
    for nth in 0..3 {
        assert_eq!(day_of(nth), day_of(nth));
    }
    assert_ne!(day_of(0).log_hash, day_of(1).log_hash);
}
