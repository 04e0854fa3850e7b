//! The thread that owns the scanner's serial port.
//!
//! A port that is missing at start, is in use, or vanishes while running is a
//! status, not an error: the thread tells of it once and tries again with a
//! growing pause, for ever.

use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use serialport::SerialPort;
use tracing::{info, warn};
use zeroize::Zeroize;

use super::assemble::{Assembled, Assembler};
use super::{ScanOutcome, read};
use crate::clock;

/// Delays of the reader, all in one place.
pub mod delays {
    use std::time::Duration;

    /// Pause after the port could not be opened for the first time.
    pub const REOPEN_FIRST: Duration = Duration::from_millis(250);
    /// Longest pause between attempts to open the port.
    pub const REOPEN_MAX: Duration = Duration::from_secs(2);
    /// Longest wait for bytes before the silence is looked at.
    pub const READ_MAX: Duration = Duration::from_millis(20);
}

/// Which port, and how it is set.
#[derive(Debug, Clone)]
pub struct ReaderConfig {
    /// The device node, best a fixed name from a udev rule.
    pub port_path: PathBuf,
    /// Speed, bits per second.
    pub baud: u32,
    /// Silence that ends a scan.
    pub quiet: Duration,
}

/// What the reader tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScannerEvent {
    /// Whether the port is open, told when it changes and once at start.
    Ready(bool),
    /// Something was scanned.
    Scanned(ScanOutcome),
}

/// Starts the reader. It runs until the program ends; `on_event` is called on
/// its thread and may wait.
///
/// # Errors
/// If the system has no thread left.
pub fn start(
    config: ReaderConfig,
    on_event: impl FnMut(ScannerEvent) + Send + 'static,
) -> io::Result<()> {
    std::thread::Builder::new()
        .name("id-scanner".to_owned())
        .spawn(move || run(&config, on_event))
        .map(drop)
}

fn run(config: &ReaderConfig, mut on_event: impl FnMut(ScannerEvent)) {
    let mut pause = delays::REOPEN_FIRST;
    let mut has_told_gone = false;
    loop {
        match open(config) {
            Ok(port) => {
                info!(port = %config.port_path.display(), "the ID scanner's port is open");
                pause = delays::REOPEN_FIRST;
                on_event(ScannerEvent::Ready(true));
                let error = read_until_gone(port, config.quiet, &mut on_event);
                warn!(port = %config.port_path.display(), %error, "the ID scanner's port is gone; trying again");
                has_told_gone = true;
                on_event(ScannerEvent::Ready(false));
            }
            Err(error) => {
                if !has_told_gone {
                    warn!(
                        port = %config.port_path.display(), %error,
                        "the ID scanner's port cannot be opened: check that it is plugged in, \
                         that the path is right and that no other program holds it; trying again"
                    );
                    has_told_gone = true;
                    on_event(ScannerEvent::Ready(false));
                }
            }
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(delays::REOPEN_MAX);
    }
}

fn open(config: &ReaderConfig) -> serialport::Result<Box<dyn SerialPort>> {
    serialport::new(config.port_path.to_string_lossy(), config.baud)
        .timeout(delays::READ_MAX.min(config.quiet))
        .open()
}

/// Reads scans until the port fails, and returns why it did.
fn read_until_gone(
    mut port: Box<dyn SerialPort>,
    quiet: Duration,
    on_event: &mut impl FnMut(ScannerEvent),
) -> io::Error {
    let mut assembler = Assembler::new(quiet);
    let mut chunk = [0_u8; 512];
    loop {
        let ended = match port.read(&mut chunk) {
            // A pulled USB adapter reads as the end of a file.
            Ok(0) => return io::Error::from(io::ErrorKind::UnexpectedEof),
            Ok(length) => {
                let ended = assembler.feed(&chunk[..length], clock::uptime());
                chunk.zeroize();
                ended
            }
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
                ) =>
            {
                assembler.end_by_silence(clock::uptime())
            }
            Err(error) => return error,
        };
        let outcome = match ended {
            Some(Assembled::Scan(bytes)) => read(&bytes),
            Some(Assembled::TooLong) => Some(ScanOutcome::Unreadable),
            None => None,
        };
        if let Some(outcome) = outcome {
            on_event(ScannerEvent::Scanned(outcome));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::samples;
    use serialport::TTYPort;
    use std::io::Write;
    use std::sync::mpsc::{Receiver, sync_channel};

    const DEADLINE: Duration = Duration::from_secs(10);

    fn start_at(path: &std::path::Path) -> Receiver<ScannerEvent> {
        let (tell, told) = sync_channel(16);
        let config = ReaderConfig {
            port_path: path.to_owned(),
            baud: 9600,
            quiet: Duration::from_millis(40),
        };
        start(config, move |event| {
            let _ = tell.send(event);
        })
        .unwrap();
        told
    }

    /// A pseudo-terminal whose far end is named by a link at `path`.
    fn plug_in(path: &std::path::Path) -> TTYPort {
        let (far, near) = TTYPort::pair().unwrap();
        std::os::unix::fs::symlink(near.name().unwrap(), path).unwrap();
        // Held open by the kernel for as long as the far end lives.
        drop(near);
        far
    }

    #[test]
    fn a_port_that_comes_goes_and_comes_back_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("id-scanner");
        let told = start_at(&path);
        let next = || told.recv_timeout(DEADLINE).unwrap();
        assert_eq!(next(), ScannerEvent::Ready(false));

        let mut far = plug_in(&path);
        assert_eq!(next(), ScannerEvent::Ready(true));
        far.write_all(&samples::bytes("texas-2003")).unwrap();
        assert!(matches!(
            next(),
            ScannerEvent::Scanned(ScanOutcome::Licence(_))
        ));
        far.write_all(b"\x01\x02\xfe\x80\x99~~~~").unwrap();
        assert_eq!(next(), ScannerEvent::Scanned(ScanOutcome::Unreadable));

        std::fs::remove_file(&path).unwrap();
        drop(far);
        assert_eq!(next(), ScannerEvent::Ready(false));
        let mut far = plug_in(&path);
        assert_eq!(next(), ScannerEvent::Ready(true));
        far.write_all(&samples::bytes("mrz-td3")).unwrap();
        assert_eq!(next(), ScannerEvent::Scanned(ScanOutcome::TravelDocument));
    }
}
