//! An office: its server, and the machines around it.
//!
//! [`OfficeRig`] is the building with its server and broker. [`Kiosk`],
//! [`HallDisplay`] and [`Printer`] are machines that are put up in it.

pub(crate) mod device_file;
mod hall;
mod kiosk;
mod printer;
mod server;

pub use device_file::Panel;
pub use hall::{HallDisplay, ShownCall};
pub use kiosk::{Kiosk, Plan, ShownScreen, TouchTarget};
pub use printer::{Printer, Sheet};
pub use server::{BrokerKind, OfficeRig, Ready};

use std::fmt;

/// The office of most stories.
pub const OFFICE: &str = "capitol-dmv";

/// What a device logs in with: the sample offices know these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceLogin {
    /// Its id, which is its user name.
    pub id: &'static str,
    /// Its secret, which is its password.
    pub secret: &'static str,
}

/// The first kiosk; its forms are of series X.
pub const KIOSK_1: DeviceLogin = DeviceLogin {
    id: "kiosk-1",
    secret: "demo-secret-kiosk-1",
};
/// The second kiosk; its forms are of series Y.
pub const KIOSK_2: DeviceLogin = DeviceLogin {
    id: "kiosk-2",
    secret: "demo-secret-kiosk-2",
};
/// The hall display.
pub const HALL_1: DeviceLogin = DeviceLogin {
    id: "hall-1",
    secret: "demo-secret-hall-1",
};
/// A keypad at a counter.
pub const KEYPAD_1: DeviceLogin = DeviceLogin {
    id: "keypad-1",
    secret: "demo-secret-keypad-1",
};

/// Every device of the sample offices.
pub const DEVICES: [DeviceLogin; 4] = [KIOSK_1, KIOSK_2, HALL_1, KEYPAD_1];

/// Where a broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// Host.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}
