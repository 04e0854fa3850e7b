//! The plan of counters.

use super::NIGHT_S;
use crate::scene::{Services, Shift};

/// The same plan in order of time, without overlaps.
pub(super) fn disjoint(shifts: &[Shift]) -> Vec<Shift> {
    let mut edges: Vec<f64> = shifts.iter().flat_map(|s| [s.open_s, s.close_s]).collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let mut sorted = shifts.to_vec();
    sorted.sort_by(|a, b| a.open_s.total_cmp(&b.open_s));
    let mut made: Vec<Shift> = Vec::new();
    let (mut next, mut current) = (0, Vec::<Shift>::new());
    for pair in edges.windows(2) {
        let (open_s, close_s) = (pair[0], pair[1]);
        while next < sorted.len() && sorted[next].open_s <= open_s {
            current.push(sorted[next]);
            next += 1;
        }
        current.retain(|shift| shift.close_s > open_s);
        if current.is_empty() {
            continue;
        }
        let services = current
            .iter()
            .fold(Services::default(), |set, shift| set.with(shift.services));
        match made.last_mut() {
            Some(last) if last.close_s == open_s && last.services == services => {
                last.close_s = close_s;
            }
            _ => made.push(Shift {
                open_s,
                close_s,
                services,
            }),
        }
    }
    made
}

/// The long times during which no counter is on the plan.
pub(super) fn nights(plans: &[Vec<Shift>]) -> Vec<(f64, f64)> {
    let mut shifts: Vec<&Shift> = plans.iter().flatten().collect();
    shifts.sort_by(|a, b| a.open_s.total_cmp(&b.open_s));
    let mut nights = Vec::new();
    let mut end = f64::NAN;
    for shift in shifts {
        if shift.open_s - end > NIGHT_S {
            nights.push((end, shift.open_s));
        }
        end = end.max(shift.close_s);
    }
    nights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(open_s: f64, close_s: f64, services: &[usize]) -> Shift {
        Shift {
            open_s,
            close_s,
            services: Services::of(services),
        }
    }

    #[test]
    fn overlapping_shifts_of_a_counter_are_joined() {
        let made = disjoint(&[
            shift(50.0, 90.0, &[0]),
            shift(0.0, 60.0, &[0]),
            shift(10.0, 20.0, &[1]),
            shift(200.0, 200.0, &[1]),
            shift(300.0, 400.0, &[2]),
        ]);
        let expected = [
            shift(0.0, 10.0, &[0]),
            shift(10.0, 20.0, &[0, 1]),
            shift(20.0, 90.0, &[0]),
            shift(300.0, 400.0, &[2]),
        ];
        assert_eq!(made, expected);
    }
}
