//! The serial line. Opens, reads and writes bytes; knows nothing of printers.

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serialport::{ClearBuffer, SerialPort, TTYPort};

/// Most bytes handed to the system in one write. A write that the system says it
/// has room for must not block; with few bytes it does not, whatever the driver.
const WRITE_BYTES_MAX: usize = 256;

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Technician: check the cable, and that the udev rule makes this name.
    #[error("there is no port {0}: check the cable and the port in the device file")]
    Missing(PathBuf),
    /// Technician: stop the other program; only one may drive a printer.
    #[error("the port {0} is in use by another program: stop it, or wait until it is done")]
    InUse(PathBuf),
    /// Technician: add the kiosk's user to the group `dialout`, or correct the udev rule.
    #[error("this user has no right to open {0}: add it to the group that owns the port (dialout)")]
    Denied(PathBuf),
    /// Technician: the name is probably not a serial port.
    #[error("the port {path} could not be opened as a serial line at {baud} baud")]
    Other {
        /// The port.
        path: PathBuf,
        /// The speed asked for.
        baud: u32,
        /// What the system said.
        source: serialport::Error,
    },
}

/// The port is gone: unplugged, or its other end closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the port went away")]
pub struct Gone;

/// An open serial port, held exclusively.
#[derive(Debug)]
pub struct Port {
    tty: TTYPort,
}

impl Port {
    /// Opens a port, 8 data bits, no parity, one stop bit, no flow control, for
    /// this program alone.
    ///
    /// # Errors
    /// Says which of the usual causes it is.
    pub fn open(path: &Path, baud: u32) -> Result<Self, OpenError> {
        let other = |source| OpenError::Other {
            path: path.to_owned(),
            baud,
            source,
        };
        let builder = serialport::new(path.to_string_lossy(), baud).exclusive(true);
        let tty = TTYPort::open(&builder).map_err(|error| match error.kind() {
            serialport::ErrorKind::NoDevice => OpenError::InUse(path.to_owned()),
            serialport::ErrorKind::Io(ErrorKind::NotFound) => OpenError::Missing(path.to_owned()),
            serialport::ErrorKind::Io(ErrorKind::PermissionDenied) => {
                OpenError::Denied(path.to_owned())
            }
            // A dangling device node of an unplugged adapter, or a pty whose
            // other end is closing: the name is there, the device is not.
            _ if is_absent(&error) => OpenError::Missing(path.to_owned()),
            _ => other(error),
        })?;
        Ok(Self { tty })
    }

    /// Waits for one byte; `None` if none came in time.
    ///
    /// # Errors
    /// If the port is gone.
    pub fn read(&mut self, wait: Duration) -> Result<Option<u8>, Gone> {
        self.tty.set_timeout(wait).map_err(|_| Gone)?;
        let mut byte = [0];
        match self.tty.read(&mut byte) {
            Ok(0) => Err(Gone),
            Ok(_) => Ok(Some(byte[0])),
            Err(error) if is_passing(&error) => Ok(None),
            Err(_) => Err(Gone),
        }
    }

    /// Hands over as many bytes as the system takes now; 0 if it took none in time.
    ///
    /// # Errors
    /// If the port is gone.
    pub fn write(&mut self, bytes: &[u8], wait: Duration) -> Result<usize, Gone> {
        self.tty.set_timeout(wait).map_err(|_| Gone)?;
        let chunk = &bytes[..bytes.len().min(WRITE_BYTES_MAX)];
        match self.tty.write(chunk) {
            Ok(written) => Ok(written),
            Err(error) if is_passing(&error) => Ok(0),
            Err(_) => Err(Gone),
        }
    }

    /// Throws away what has arrived and was not read.
    ///
    /// # Errors
    /// If the port is gone.
    pub fn discard(&mut self) -> Result<(), Gone> {
        self.tty.clear(ClearBuffer::Input).map_err(|_| Gone)
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted
    )
}

/// `serialport` keeps of most system errors only their text.
fn is_absent(error: &serialport::Error) -> bool {
    matches!(
        error.description.as_str(),
        "No such device" | "No such device or address" | "I/O error"
    )
}
