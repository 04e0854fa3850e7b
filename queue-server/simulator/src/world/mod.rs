//! What the day begins with: an office and the people who will come to it.

mod office;
mod residents;

pub use office::{OfficeWorld, office};
pub use residents::{Booked, Resident, Wants, residents};

/// True time, milliseconds since 1970: what no machine in the building knows.
pub type Millis = i64;

/// A second of it.
pub const SECOND: Millis = 1_000;

/// A minute of it.
pub const MINUTE: Millis = 60 * SECOND;
