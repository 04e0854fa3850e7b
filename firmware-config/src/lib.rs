//! The settings of one kiosk or hall display: a typed, documented, validated file,
//! and the system files (units, device names, users) that a device runs with.
//!
//! The device file is TOML. Every key is declared once, in [`schema`], with its
//! meaning, unit, limits, default and an example; from that one declaration
//! come the reading, the messages to a technician who mistyped something, the
//! commented file of `usher-config example`, and `docs/device-file.md`.
//!
//! It deliberately does not know services, counters or texts (those are the
//! office's, and come from the queue server), and opens no port: whether the
//! printer answers is found out by the kiosk.
//!
//! Start reading at [`schema`], then [`load`](mod@load). [`render`] has what is
//! written for people, [`system_files`] what is written for the system.

pub mod load;
mod nearest;
pub mod problem;
pub mod render;
pub mod schema;
pub mod system_files;

pub use load::{LoadError, load, parse};
pub use problem::Problem;
pub use schema::{
    BrokerAddress, Device, DeviceFile, Languages, Panel, PaperForms, PaperWidth, Printer, Role,
    Scanner, Secret, Server, Storage,
};
