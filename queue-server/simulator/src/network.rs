//! What happens to a message between its sender and the server: it is lost, comes
//! late, twice, or before one that was sent earlier. And the clocks of the senders.

use crate::seed::Dice;
use crate::world::{MINUTE, Millis, SECOND};

/// How bad the day's network is.
#[derive(Debug, Clone)]
pub struct Network {
    dice: Dice,
    lost: u32,
    doubled: u32,
    very_late: u32,
    median_seconds: f64,
    /// From when to when each kiosk is cut off.
    outages: Vec<Vec<(Millis, Millis)>>,
}

/// A device's own clock, wrong by as much as it likes.
#[derive(Debug, Clone, Copy)]
pub struct DeviceClock {
    /// How far it is ahead of the true time.
    pub ahead: Millis,
    /// How often the device has started.
    pub boot: u64,
}

impl DeviceClock {
    /// A clock as it comes up at a start.
    pub fn at_start(dice: &mut Dice, boot: u64) -> Self {
        let ahead = match dice.weighted(&[60, 20, 15, 5]) {
            0 => dice.range(-500, 500),
            1 => dice.range(-60 * SECOND, 60 * SECOND),
            2 => dice.range(-300 * MINUTE, 300 * MINUTE),
            // No clock chip: since 1970.
            _ => -1_760_000_000_000,
        };
        Self { ahead, boot }
    }
}

impl Network {
    /// The network of a day. `days` is from the first moment to the last.
    #[must_use]
    pub fn new(dice: &mut Dice, kiosks: usize, days: (Millis, Millis)) -> Self {
        let bad = dice.weighted(&[3, 4, 2]);
        let mut own = dice.split();
        let outages = (0..kiosks)
            .map(|_| {
                let count = if bad == 0 { 0 } else { own.range(0, 3) };
                (0..count)
                    .map(|_| {
                        let from = own.range(days.0, days.1);
                        (from, from + own.seconds(10.0 * 60.0, 1.2))
                    })
                    .collect()
            })
            .collect();
        let (lost, doubled, very_late) = [(0, 5, 0), (40, 60, 5), (220, 200, 30)][bad];
        Self {
            dice: own,
            lost,
            doubled,
            very_late,
            median_seconds: [0.02, 0.08, 0.4][bad],
            outages,
        }
    }

    /// When each copy of a message comes over: none if it is lost.
    pub fn copies(&mut self, kiosk: Option<usize>, now: Millis) -> Vec<Millis> {
        let count = 1 + usize::from(self.dice.per_mille(self.doubled));
        (0..count)
            .filter_map(|_| {
                let lost = self.dice.per_mille(self.lost) || self.is_cut_off(kiosk, now);
                let at = now + self.delay();
                (!lost && !self.is_cut_off(kiosk, at)).then_some(at)
            })
            .collect()
    }

    fn delay(&mut self) -> Millis {
        if self.dice.per_mille(self.very_late) {
            self.dice.seconds(120.0, 1.0)
        } else {
            self.dice.seconds(self.median_seconds, 0.8).max(1)
        }
    }

    fn is_cut_off(&self, kiosk: Option<usize>, at: Millis) -> bool {
        let outages = kiosk.and_then(|kiosk| self.outages.get(kiosk));
        outages.is_some_and(|all| all.iter().any(|(from, to)| (*from..*to).contains(&at)))
    }

    /// How long a sender waits for an answer before it sends the `tries`th again.
    pub fn patience(&mut self, tries: u32) -> Millis {
        let usual = 2 * SECOND * i64::from(tries.clamp(1, 15));
        usual + self.dice.range(0, SECOND)
    }
}
