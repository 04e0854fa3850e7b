//! What is due at the beginning.

use super::{Happening, OfficeDay};
use crate::world::{MINUTE, Millis, SECOND, Wants};

impl OfficeDay {
    pub(super) fn plan_all(&mut self, begins_at: Millis) {
        for (nth, resident) in self.people.clone().iter().enumerate() {
            self.plan(resident.at, Happening::Arrives(nth));
            if let Wants::Appointment(booked) = &resident.wants {
                self.plan(booked.told_at, Happening::Books(nth));
            }
        }
        for counter in 0..self.clerks.len() {
            let at = self.world.at(0, 7, 30) + self.dice.seconds(1_800.0, 0.8);
            self.plan(at, Happening::ClerkActs(counter));
        }
        self.plan(begins_at, Happening::Ticks);
        self.plan(self.world.at(0, 8, 0), Happening::GreeterActs);
        self.plan(self.world.at(0, 8, 0), Happening::Mischief);
        if self.dice.per_mille(350) {
            for _ in 0..self.dice.range(1, 3) {
                let at = self.dice.range(begins_at, self.ends_at);
                let by = self.a_leap();
                self.plan(at, Happening::Leaps(by));
                if self.dice.per_mille(700) {
                    // Put right again, after a while.
                    let later = at + self.dice.seconds(1_800.0, 1.0);
                    self.plan(later, Happening::Leaps(-by));
                }
            }
        }
        for kiosk in 0..self.clocks.len() {
            for _ in 0..self.dice.weighted(&[6, 2, 1]) {
                let at = self.dice.range(begins_at, self.ends_at);
                self.plan(at, Happening::KioskRestarts(kiosk));
            }
        }
    }

    fn a_leap(&mut self) -> Millis {
        match self.dice.weighted(&[4, 3, 2, 1]) {
            0 => self.dice.range(-90 * SECOND, 90 * SECOND),
            1 => self.dice.range(-180 * MINUTE, 180 * MINUTE),
            2 => self.dice.range(-24 * 60 * MINUTE, 24 * 60 * MINUTE),
            _ => self.dice.range(49 * 60 * MINUTE, 2_000 * 60 * MINUTE),
        }
    }
}
