//! A promise uses nothing that happens after the arrival it was made at.

#![allow(
    clippy::unwrap_used,
    reason = "a test may stop at whatever it did not expect"
)]

use proptest::prelude::*;
use usher_waits::evaluate::{CounterRow, Outcome, VisitRow, walk};

fn visit(number: usize, raw: (u32, u32, u32, usize, u8)) -> VisitRow {
    let (arrival, wait, service_s, service, fate) = raw;
    let arrival_s = f64::from(arrival);
    let call_s = arrival_s + f64::from(wait);
    let left = fate == 0;
    VisitRow {
        visit_id: format!("v{number}"),
        service: ["a", "b", "c"][service % 3].to_owned(),
        arrival_s,
        call_s: (!left).then_some(call_s),
        finish_s: match fate {
            0 => Some(call_s),
            1 => None,
            _ => Some(call_s + f64::from(service_s)),
        },
        counter: (fate != 2).then(|| ["A", "B", "X"][service % 3].to_owned()),
        outcome: if left { Outcome::Left } else { Outcome::Served },
        line: number as u64 + 2,
    }
}

fn visits(most: usize) -> impl Strategy<Value = Vec<VisitRow>> {
    let raw = (0..8000_u32, 0..1500_u32, 1..900_u32, 0..3_usize, 0..8_u8);
    prop::collection::vec(raw, 1..most).prop_map(|raws| {
        let mut rows: Vec<VisitRow> = raws
            .into_iter()
            .enumerate()
            .map(|(n, r)| visit(n, r))
            .collect();
        rows.sort_by(|a, b| a.arrival_s.total_cmp(&b.arrival_s));
        rows
    })
}

fn plan() -> Vec<CounterRow> {
    let row = |counter: &str, services: &[&str], open_s: f64, close_s: f64| CounterRow {
        counter: counter.to_owned(),
        services: services.iter().map(|s| (*s).to_owned()).collect(),
        open_s,
        close_s,
        line: 2,
    };
    vec![
        row("A", &["a", "b"], 0.0, 6000.0),
        row("B", &["b"], 500.0, 3000.0),
        row("B", &["b", "a"], 4000.0, 7000.0),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_happens_later_changes_no_promise(
        rows in visits(40),
        others in visits(40),
        cut in 0..8000_u32,
    ) {
        let cut = f64::from(cut);
        // The same until the cut: later arrivals are others', and of the earlier
        // ones everything from the cut on is forgotten or happens otherwise.
        let mut altered: Vec<VisitRow> = rows
            .iter()
            .filter(|row| row.arrival_s <= cut)
            .cloned()
            .map(|mut row| {
                if row.call_s.is_none_or(|call_s| call_s >= cut) && row.finish_s.is_none_or(|f| f >= cut) {
                    row.call_s = Some(cut + 777.0);
                    row.finish_s = None;
                    row.counter = Some("Y".to_owned());
                    row.outcome = Outcome::Served;
                } else if row.finish_s.is_none_or(|finish_s| finish_s >= cut) {
                    row.finish_s = Some(cut + 5.0);
                }
                row
            })
            .collect();
        altered.extend(others.into_iter().filter(|row| row.arrival_s > cut).map(|mut row| {
            row.service = format!("new {}", row.service);
            row
        }));
        let before = walk(&rows, &plan(), 20).unwrap();
        let after = walk(&altered, &plan(), 20).unwrap();
        for (one, other) in before.iter().zip(&after) {
            if rows[one.row].arrival_s <= cut {
                prop_assert_eq!(&one.promise, &other.promise);
            }
        }
    }
}
