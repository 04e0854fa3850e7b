//! TCP ports for the programs of a run.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// Below the range from which Linux takes ports for outgoing connections
/// (`net.ipv4.ip_local_port_range` starts at 32768), so that a port that was
/// free is not taken by a client in the moment before the program binds it.
const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on the loopback address that nobody listens on. It stays the same over
/// a restart of the program, unlike a port that the system chooses.
///
/// # Errors
/// If all are taken.
pub fn free() -> Result<u16> {
    // Each process starts elsewhere, so that two runs at once do not meet.
    let own = u16::try_from(std::process::id() % 170).expect("below 170") * 100;
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = FIRST + (own.wrapping_add(step)) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port from {FIRST} to {} is free", FIRST + COUNT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_and_never_a_taken_one() {
        let first = free().unwrap();
        let _held = TcpListener::bind((Ipv4Addr::LOCALHOST, first)).unwrap();
        let second = free().unwrap();
        assert_ne!(first, second);
    }
}
