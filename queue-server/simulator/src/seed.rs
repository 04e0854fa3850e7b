//! Where all chance comes from.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// The only source of chance in a simulated day. A seed means the same on every
/// machine and in every later version of its crate.
#[derive(Debug, Clone)]
pub struct Dice(Pcg64Mcg);

/// The seed of the `nth` of many days: SplitMix64's mixing, so that neighbours
/// have nothing in common.
#[must_use]
pub fn of_day(base: u64, nth: u64) -> u64 {
    let mut mixed = base.wrapping_add(nth.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Dice {
    /// The dice of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Dice of their own for one part of the day, so that a change of one part
    /// leaves the others as they were.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self::new(self.0.next_u64())
    }

    /// Below `count`, which is not 0; that some come up once more often in 2^64 is
    /// of no matter here.
    fn below(&mut self, count: u64) -> u64 {
        let wide = u128::from(self.0.next_u64()) * u128::from(count);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// From 0 to 1, in steps of 2^-32.
    fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.0.next_u64() >> 32).unwrap_or(0);
        f64::from(high) / 4_294_967_296.0
    }

    /// True so many times of a thousand.
    pub fn per_mille(&mut self, chance: u32) -> bool {
        self.below(1000) < u64::from(chance)
    }

    /// A number of the range, its ends included.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        let span = high.max(low).abs_diff(low).saturating_add(1);
        low.saturating_add_unsigned(self.below(span))
    }

    /// A small number of the range, its ends included.
    pub fn small(&mut self, low: u16, high: u16) -> u16 {
        let chosen = self.range(i64::from(low), i64::from(high));
        u16::try_from(chosen).unwrap_or(low)
    }

    /// An index below `count`, which is not 0.
    pub fn index(&mut self, count: usize) -> usize {
        let count = u64::try_from(count.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.below(count)).unwrap_or(0)
    }

    /// One of these, if there are any.
    pub fn one<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() {
            return None;
        }
        let at = self.index(of.len());
        of.get(at)
    }

    /// Each of these with the same chance; none left out if `at_least_one`.
    pub fn some<T: Clone>(&mut self, of: &[T], chance: u32, at_least_one: bool) -> Vec<T> {
        let mut chosen: Vec<T> = Vec::new();
        for item in of {
            if self.per_mille(chance) {
                chosen.push(item.clone());
            }
        }
        if at_least_one && chosen.is_empty() {
            chosen.extend(self.one(of).cloned());
        }
        chosen
    }

    /// A place among `weights`, each as likely as its weight.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let sum = weights.iter().copied().map(u64::from).sum::<u64>();
        let mut rest = self.below(sum.max(1));
        for (at, weight) in weights.iter().enumerate() {
            let weight = u64::from(*weight);
            if rest < weight {
                return at;
            }
            rest -= weight;
        }
        0
    }

    /// A time with this median, lognormal: half are shorter, and a few much longer.
    /// `spread` is the standard deviation of the logarithm.
    pub fn lognormal(&mut self, median: f64, spread: f64) -> f64 {
        // The sum of twelve uniform numbers less six is as good as normal here.
        let normal = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        median * (normal * spread).exp()
    }

    /// The same, in whole milliseconds, for a median in seconds.
    pub fn seconds(&mut self, median: f64, spread: f64) -> i64 {
        let milliseconds = (self.lognormal(median, spread) * 1000.0).clamp(0.0, 1e9);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "clamped to what fits on the line before"
        )]
        let whole = milliseconds as i64;
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_of_a_seed_have_seeds_of_their_own() {
        let seeds: std::collections::BTreeSet<u64> = (0..1000).map(|nth| of_day(7, nth)).collect();
        assert_eq!(seeds.len(), 1000);
        assert_eq!(of_day(7, 3), of_day(7, 3));
    }

    #[test]
    fn a_lognormal_time_has_its_median() {
        let mut dice = Dice::new(1);
        let shorter = (0..10_000)
            .filter(|_| dice.lognormal(10.0, 0.6) < 10.0)
            .count();
        assert!((4_800..5_200).contains(&shorter), "{shorter}");
    }
}
