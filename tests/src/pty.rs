//! An ID scanner at the far end of a pseudo-terminal.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

/// A scanner: what it sends arrives at the serial port that `link` names.
/// Dropping it is pulling its cable: the port is gone and so is its name.
#[derive(Debug)]
pub struct Scanner {
    master: PtyMaster,
    link: PathBuf,
}

impl Scanner {
    /// Plugs a scanner in: a serial port appears at `link`.
    ///
    /// # Errors
    /// If the system gives no pseudo-terminal, or `link` cannot be made.
    pub fn plug_in(link: &Path) -> Result<Self> {
        let master = new_port(link)?;
        Ok(Self {
            master,
            link: link.to_owned(),
        })
    }

    /// Gives the port up and makes a new one under the same name, as the system
    /// does with a real port when the last program that had it open has ended.
    /// A pseudo-terminal stays instead, and stays locked (`TIOCEXCL`) for all
    /// but root.
    ///
    /// # Errors
    /// If there is no pseudo-terminal to be had.
    pub fn renew(&mut self) -> Result<()> {
        std::fs::remove_file(&self.link)?;
        self.master = new_port(&self.link)?;
        Ok(())
    }

    /// Sends bytes as a scanner does when a card is held before it.
    ///
    /// # Errors
    /// If nobody has the port open and its buffer is full.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.master.write_all(bytes)?;
        Ok(())
    }
}

fn new_port(link: &Path) -> Result<PtyMaster> {
    // Not for the programs that a test starts meanwhile: the port would outlive
    // its unplugging in them.
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let master = posix_openpt(flags)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    // A terminal would change line ends and echo; a serial line does not.
    // On Linux the master's settings are those of the port.
    let mut settings = tcgetattr(&master)?;
    cfmakeraw(&mut settings);
    tcsetattr(&master, SetArg::TCSANOW, &settings)?;
    let port = ptsname_r(&master)?;
    symlink(&port, link).with_context(|| format!("cannot make {}", link.display()))?;
    Ok(master)
}

impl Drop for Scanner {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn bytes_arrive_unchanged() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("scanner");
        let mut scanner = Scanner::plug_in(&link).unwrap();
        let mut port = std::fs::File::open(&link).unwrap();
        let sent = b"@\n\x1e\rANSI \x00\x03\x04\x11\x13";
        scanner.send(sent).unwrap();
        let mut read = vec![0; sent.len()];
        port.read_exact(&mut read).unwrap();
        assert_eq!(read, sent);
        drop(scanner);
        assert!(!link.exists());
    }
}
