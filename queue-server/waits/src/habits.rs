//! Which visit a counter calls next, learned from the calls of an office whose
//! rule is not known.
//!
//! Two questions. From which service's line: a few rules compete, and each counts
//! for as much as the calls were likely under it, a rule being broken now and then.
//! And from where in that line: a mixture of first, last and anywhere, whose shares
//! follow the calls (expectation–maximisation, one step for each call).

use serde::{Deserialize, Serialize};

/// The heads of the lines that a counter could call from.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// Index of the service.
    pub service: usize,
    /// How long its first has waited, in seconds.
    pub head_waited_s: f64,
    /// How many wait in it.
    pub length: usize,
}

const RULES: usize = 4;
const ARRIVAL: usize = 0;
const PRIORITY: usize = 1;
const LONGEST_LINE: usize = 2;
const WEIGHTED: usize = 3;
const FADE: f64 = 0.999;

/// How counters with the same services choose among the lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LineChoice {
    /// Logarithm of how likely the calls were under each rule, discounted.
    likelihoods_log: [f64; RULES],
    /// Calls that followed each rule, and all.
    hits: [f64; RULES],
    calls: f64,
    /// `wins[a][b]`: calls of service a while somebody waited for b.
    wins: Vec<Vec<f64>>,
    /// Logarithm of the weight by which a service's waits are multiplied.
    weights: Vec<f64>,
    mistakes: f64,
}

impl LineChoice {
    fn new(services: usize) -> Self {
        Self {
            // Arrival order is the usual rule of an office; an assumption.
            likelihoods_log: [3.0, 0.0, 0.0, 0.0],
            hits: [9.0; RULES],
            calls: 10.0,
            wins: vec![vec![0.0; services]; services],
            weights: vec![0.0; services],
            mistakes: 0.0,
        }
    }

    fn grow(&mut self, services: usize) {
        while self.wins.len() < services {
            self.wins.push(Vec::new());
            self.weights.push(0.0);
        }
        for row in &mut self.wins {
            row.resize(self.weights.len(), 0.0);
        }
    }

    fn learn(&mut self, lines: &[Line], chosen: usize) {
        let top = lines.iter().map(|line| line.service + 1).max().unwrap_or(0);
        self.grow(top);
        for rule in 0..RULES {
            let hit = lines[self.by_rule(rule, lines)].service == lines[chosen].service;
            let kept = self.kept(rule);
            let likely = if hit {
                kept
            } else {
                (1.0 - kept) / (lines.len() - 1) as f64
            };
            let log = &mut self.likelihoods_log[rule];
            *log = *log * FADE + likely.ln();
            self.hits[rule] = self.hits[rule] * FADE + f64::from(u8::from(hit));
        }
        self.calls = self.calls * FADE + 1.0;
        let winner = lines[chosen].service;
        let guess = lines[self.by_rule(WEIGHTED, lines)].service;
        if guess != winner {
            self.mistakes += 1.0;
            let step = 0.5 / (1.0 + self.mistakes / 6.0);
            self.weights[winner] += step;
            self.weights[guess] -= step;
        }
        for line in lines {
            if line.service != winner {
                let won = &mut self.wins[winner][line.service];
                *won = *won * FADE + 1.0;
                self.wins[line.service][winner] *= FADE;
            }
        }
    }

    /// The line that a rule would call from.
    fn by_rule(&self, rule: usize, lines: &[Line]) -> usize {
        let weight = |service: usize| self.weights.get(service).copied().unwrap_or(0.0);
        let won = |a: usize, b: usize| {
            self.wins
                .get(a)
                .and_then(|row| row.get(b))
                .copied()
                .unwrap_or(0.0)
        };
        let mut best = 0;
        for (at, line) in lines.iter().enumerate().skip(1) {
            let other = &lines[best];
            let better = match rule {
                PRIORITY => {
                    let (mine, theirs) = (
                        won(line.service, other.service),
                        won(other.service, line.service),
                    );
                    mine > theirs || (mine == theirs && line.head_waited_s > other.head_waited_s)
                }
                LONGEST_LINE => {
                    line.length > other.length
                        || (line.length == other.length && line.head_waited_s > other.head_waited_s)
                }
                WEIGHTED => {
                    (line.head_waited_s + 1.0).ln() + weight(line.service)
                        > (other.head_waited_s + 1.0).ln() + weight(other.service)
                }
                _ => line.head_waited_s > other.head_waited_s,
            };
            if better {
                best = at;
            }
        }
        best
    }

    /// The share of calls that follow a rule.
    fn kept(&self, rule: usize) -> f64 {
        ((self.hits[rule] + 0.5) / (self.calls + 1.0)).clamp(0.02, 0.998)
    }

    /// How much each rule counts; together 1.
    fn shares(&self) -> [f64; RULES] {
        let best = self
            .likelihoods_log
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        let weights = self.likelihoods_log.map(|log| (log - best).exp());
        let whole: f64 = weights.iter().sum();
        weights.map(|weight| weight / whole)
    }

    /// The line called from; the levels, in 0..1, draw the rule and whether it is
    /// kept.
    pub(crate) fn choose(&self, lines: &[Line], rule_level: f64, kept_level: f64) -> usize {
        let mut rule = RULES - 1;
        let mut left = rule_level;
        for (at, share) in self.shares().into_iter().enumerate() {
            if left < share {
                rule = at;
                break;
            }
            left -= share;
        }
        let usual = self.by_rule(rule, lines);
        let kept = self.kept(rule);
        if kept_level < kept {
            return usual;
        }
        let part = ((kept_level - kept) / (1.0 - kept)).clamp(0.0, 0.999_999);
        // Below the number of the other lines.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let other = (part * (lines.len() - 1) as f64) as usize;
        if other < usual { other } else { other + 1 }
    }

    fn overtaking(&self) -> f64 {
        let shares = self.shares();
        let low = self.weights.iter().copied().fold(0.0, f64::min);
        let high = self.weights.iter().copied().fold(0.0, f64::max);
        let weighted = if high - low < 0.2 {
            shares[WEIGHTED]
        } else {
            0.0
        };
        1.0 - (shares[ARRIVAL] + weighted) * self.kept(ARRIVAL)
    }
}

/// Where in a line a call falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Last,
    Any,
}

/// What is known of how an office chooses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Habits {
    groups: Vec<(u64, LineChoice)>,
    services: usize,
    places: [f64; 3],
    calls: f64,
}

impl Habits {
    pub(crate) fn new(services: usize) -> Self {
        Self {
            groups: Vec::new(),
            services,
            places: [20.0, 0.1, 0.2],
            calls: 0.0,
        }
    }

    /// A counter serving `served` called from `lines[chosen]`, at `position` of it.
    pub(crate) fn observe(&mut self, served: u64, lines: &[Line], chosen: usize, position: usize) {
        let length = lines[chosen].length;
        if length > 1 {
            let likely = [
                f64::from(u8::from(position == 0)),
                f64::from(u8::from(position + 1 == length)),
                1.0 / length as f64,
            ];
            let whole: f64 = likely.iter().zip(self.places).map(|(l, p)| l * p).sum();
            for (place, likely) in self.places.iter_mut().zip(likely) {
                *place = *place * FADE + *place * likely / whole.max(1e-9);
            }
            for place in &mut self.places {
                *place = place.max(0.02);
            }
        }
        self.calls += 1.0;
        if lines.len() > 1 {
            let at = self.groups.iter().position(|(set, _)| *set == served);
            let at = at.unwrap_or_else(|| {
                self.groups.push((served, LineChoice::new(self.services)));
                self.groups.len() - 1
            });
            self.groups[at].1.learn(lines, chosen);
        }
    }

    pub(crate) fn choice(&self, served: u64) -> Option<&LineChoice> {
        self.groups
            .iter()
            .find(|(set, _)| *set == served)
            .map(|(_, choice)| choice)
    }

    pub(crate) fn place(&self, level: f64) -> Place {
        let whole: f64 = self.places.iter().sum();
        if level * whole < self.places[0] {
            Place::First
        } else if level * whole < self.places[0] + self.places[1] {
            Place::Last
        } else {
            Place::Any
        }
    }

    /// Whether so many are overtaken that future arrivals have to be foreseen.
    pub(crate) fn overtakes(&self) -> bool {
        let whole: f64 = self.places.iter().sum();
        1.0 - self.places[0] / whole > 0.03
            || self
                .groups
                .iter()
                .any(|(_, choice)| choice.overtaking() > 0.15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(i: u32) -> [Line; 2] {
        let level = |x: f64| (f64::from(i) * x + 0.3).fract();
        [0, 1].map(|service: usize| Line {
            service,
            head_waited_s: 900.0 * level(if service == 0 { 0.618_033 } else { 0.414_213 }),
            length: 1 + usize::from(level(0.732_05) > 0.5) + service,
        })
    }

    fn hits(rule: impl Fn(&[Line]) -> usize) -> f64 {
        let mut habits = Habits::new(2);
        for i in 0..600 {
            let lines = lines(i);
            habits.observe(3, &lines, rule(&lines), 0);
        }
        let choice = habits.choice(3).unwrap();
        let right = (600..1000).filter(|i| {
            let lines = lines(*i);
            let level = |x: f64| (f64::from(*i) * x).fract();
            choice.choose(&lines, level(0.324_717), level(0.569_84)) == rule(&lines)
        });
        right.count() as f64 / 400.0
    }

    #[test]
    fn the_rule_behind_the_calls_is_found() {
        let arrival = |l: &[Line]| usize::from(l[1].head_waited_s > l[0].head_waited_s);
        let weighted = |l: &[Line]| usize::from(l[1].head_waited_s > 3.0 * l[0].head_waited_s);
        let longest = |l: &[Line]| {
            usize::from((l[1].length, l[1].head_waited_s) > (l[0].length, l[0].head_waited_s))
        };
        assert!(hits(arrival) > 0.95);
        assert!(hits(|_| 1) > 0.95);
        assert!(hits(longest) > 0.93);
        assert!(hits(weighted) > 0.9);
    }

    #[test]
    fn last_come_first_called_is_found() {
        let mut habits = Habits::new(1);
        let line = [Line {
            service: 0,
            head_waited_s: 100.0,
            length: 5,
        }];
        assert!(!habits.overtakes());
        for _ in 0..300 {
            habits.observe(1, &line, 0, 4);
        }
        assert_eq!(habits.place(0.5), Place::Last);
        assert!(habits.overtakes());
    }
}
