//! The rig that whole-system tests, the rehearsal and the benches stand on.
//!
//! It starts the real programs as anybody would (`usher-server`, `usher-kiosk`,
//! `usher-display`, `usher-printer emulate`), puts an X server, pseudo-terminals,
//! a browser and if wanted another broker around them, and acts through public
//! doors only: a finger on the glass, bytes on a serial line, a key in a page, an
//! MQTT message, a signal. What happened is read from the same doors.
//!
//! It deliberately does not know the insides of the programs: no test here links
//! the queue's rules or the kiosk's session. What a unit can prove is proved
//! beside the code.
//!
//! Nothing here waits a fixed time for something to happen: see [`wait::until`].
//!
//! Start reading at [`story`] (a visit, step by step), then [`office_rig`].

pub mod broker;
pub mod browser;
pub mod clock;
pub mod desktop;
pub mod display;
pub mod json_lines;
pub mod mqtt;
pub mod office_api;
pub mod office_rig;
pub mod paper;
pub mod paths;
pub mod picture;
pub mod ports;
pub mod program;
pub mod pty;
pub mod story;
pub mod wait;
