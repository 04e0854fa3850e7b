//! How long residents wait before they leave: a piecewise constant hazard of
//! leaving by time waited, per service and shrunk towards that of all services.

use serde::{Deserialize, Serialize};

/// Upper ends of the pieces, in seconds waited.
const PIECES_S: [f64; 8] = [
    120.0,
    300.0,
    600.0,
    1200.0,
    2400.0,
    4800.0,
    9600.0,
    f64::INFINITY,
];
/// Seconds waited by which the hazard of all services counts in one service's.
const PRIOR_S: f64 = 20_000.0;

/// Seconds waited, with nobody leaving, that are supposed of an office before
/// anything was seen: one resident who leaves at once does not make all leave.
const UNSEEN_S: f64 = 36_000.0;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Pieces {
    left: [f64; 8],
    waited_s: [f64; 8],
}

impl Pieces {
    fn add(&mut self, waited_s: f64, left: bool) {
        let mut start = 0.0;
        for (piece, end) in PIECES_S.iter().enumerate() {
            self.left[piece] *= 0.9998;
            self.waited_s[piece] *= 0.9998;
            let spent = (waited_s.min(*end) - start).max(0.0);
            self.waited_s[piece] += spent;
            if left && waited_s >= start && waited_s < *end {
                self.left[piece] += 1.0;
            }
            start = *end;
        }
    }
}

/// What is known of residents' patience.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Patience {
    all: Pieces,
    services: Vec<Pieces>,
}

impl Patience {
    pub(crate) fn new() -> Self {
        Self {
            all: Pieces::default(),
            services: Vec::new(),
        }
    }

    /// A visit stopped waiting after so many seconds, by leaving or by a call.
    pub(crate) fn observe(&mut self, service: usize, waited_s: f64, left: bool) {
        while self.services.len() <= service {
            self.services.push(Pieces::default());
        }
        self.all.add(waited_s, left);
        self.services[service].add(waited_s, left);
    }

    /// The hazards of a service, for drawing; `None` where hardly anybody leaves.
    pub(crate) fn hazards(&self, service: usize) -> Option<Hazards> {
        let left: f64 = self.all.left.iter().sum();
        let waited: f64 = self.all.waited_s.iter().sum();
        if left < 0.5 || waited <= 0.0 {
            return None;
        }
        let overall = left / (waited + UNSEEN_S);
        let own = self.services.get(service);
        let mut rates = [0.0; 8];
        for (piece, rate) in rates.iter_mut().enumerate() {
            let pooled =
                (self.all.left[piece] + overall * PRIOR_S) / (self.all.waited_s[piece] + PRIOR_S);
            let (left, waited) =
                own.map_or((0.0, 0.0), |own| (own.left[piece], own.waited_s[piece]));
            *rate = (left + pooled * PRIOR_S) / (waited + PRIOR_S);
        }
        Some(Hazards(rates))
    }
}

/// Leaving per second waited, piece by piece.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hazards([f64; 8]);

impl Hazards {
    /// The whole time waited at which a visit leaves that has waited `waited_s`.
    pub(crate) fn draw(&self, waited_s: f64, level: f64) -> f64 {
        let mut left = -(1.0 - level).max(1e-12).ln();
        let mut at = waited_s;
        for (end, rate) in PIECES_S.iter().zip(self.0) {
            if at >= *end {
                continue;
            }
            let room = (*end - at) * rate;
            if left < room {
                return at + left / rate;
            }
            left -= room;
            at = *end;
        }
        at
    }

    /// The share that stays for the whole of `waited_s`.
    pub(crate) fn stay(&self, waited_s: f64) -> f64 {
        let (mut start, mut sum) = (0.0, 0.0);
        for (end, rate) in PIECES_S.iter().zip(self.0) {
            sum += (waited_s.min(*end) - start).max(0.0) * rate;
            start = *end;
        }
        (-sum).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_who_leaves_at_once_does_not_make_all_leave() {
        let mut patience = Patience::new();
        patience.observe(0, 4.0, true);
        let hazards = patience.hazards(0).unwrap();
        // In the middle nobody has left after an hour.
        assert!(hazards.draw(0.0, 0.5) > 3_600.0);
    }

    #[test]
    fn a_hazard_is_learned_and_drawn_back() {
        let mut patience = Patience::new();
        assert!(patience.hazards(0).is_none());
        for i in 0..4000 {
            let level = (f64::from(i) * 0.618_033_988_75 + 0.2).fract();
            let patient_s = -1000.0 * (1.0 - level).ln();
            patience.observe(0, patient_s.min(900.0), patient_s < 900.0);
        }
        let hazards = patience.hazards(0).unwrap();
        assert!((hazards.stay(600.0) - (-0.6_f64).exp()).abs() < 0.02);
        let median = hazards.draw(100.0, 0.5) - 100.0;
        assert!((median - 693.0).abs() < 60.0, "{median}");
    }
}
