//! TCP ports for the programs of a run.

use std::net::{Ipv4Addr, TcpListener};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, bail};

/// Below the range from which Linux takes ports for outgoing connections
/// (`net.ipv4.ip_local_port_range` starts at 32768), so that a port that was
/// free is not taken by a client in the moment before the program binds it.
const FIRST: u16 = 15_000;
const LAST: u16 = 31_999;

/// This process's claims, until it ends.
static CLAIMS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// A port on the loopback address that nobody listens on and no other run has
/// claimed. It stays this run's while its server is killed and started again,
/// when the port itself is free for anybody.
///
/// # Errors
/// If all are taken.
pub fn free() -> Result<u16> {
    let mut claims = CLAIMS.lock().unwrap_or_else(PoisonError::into_inner);
    for port in FIRST..=LAST {
        let Some(claim) = claim(port)? else {
            continue;
        };
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            claims.push(claim);
            return Ok(port);
        }
    }
    bail!("no port from {FIRST} to {LAST} is free")
}

/// Claims a port among all runs on this machine, if nobody has. The name is of
/// the abstract kind (unix(7)): it leaves no file, and ends with the process.
fn claim(port: u16) -> Result<Option<UnixListener>> {
    let name = SocketAddr::from_abstract_name(format!("usher-tests-port-{port}"))?;
    Ok(UnixListener::bind_addr(&name).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_once_even_when_nobody_listens_on_it() {
        let first = free().unwrap();
        let second = free().unwrap();
        assert_ne!(first, second);
        assert!(claim(first).unwrap().is_none());
    }

    #[test]
    fn a_port_that_another_program_has_is_not_given() {
        let taken: Vec<_> = (FIRST..FIRST + 40)
            .filter_map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok())
            .collect();
        let port = free().unwrap();
        let holds = |listener: &TcpListener| listener.local_addr().unwrap().port() == port;
        assert!(!taken.iter().any(holds), "{port} is taken");
    }
}
