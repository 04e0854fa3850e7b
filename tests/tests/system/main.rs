//! Stories and mishaps of a whole office, played with the real programs.
//!
//! Each module is a story; each test has an office of its own on its own ports
//! and in its own directory below `target/system-tests`, which is kept when the
//! test fails. The programs must be built: `cargo build --workspace` (`./check`
//! does it).

mod architecture;
mod bad_starts;
mod broker_killed;
mod display_killed;
mod double_tap;
mod kiosk_killed;
mod malformed_messages;
mod no_id_leak;
mod ports_missing;
mod printer_killed;
mod protocol_examples;
mod scan_noise;
mod server_killed;
mod stock_client;
mod walk_in;
