//! The emulator at the far end of a pseudo-terminal: a printer to plug in.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};

use super::{Emulator, Sheet};
use crate::profile::Profile;
use crate::status::Paper;

/// How long the thread waits for bytes before it looks at its controls.
const CONTROL_LOOK_MS: u16 = 5;
/// Controls that may wait to take effect.
const CONTROLS_WAITING_MAX: usize = 64;
/// Bytes taken from the line at once.
const READ_BYTES_MAX: usize = 1024;
/// Bytes that a slow line may bring at once after a pause: a UART's buffer.
const BURST_BYTES: u32 = 16;

/// How the printer is set up.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The printer.
    pub profile: Profile,
    /// Where its port is to be found: a symbolic link to the pseudo-terminal.
    pub link_path: PathBuf,
    /// Makes the line as slow as a real one, in bits a second.
    pub baud: Option<u32>,
}

/// What can be done to the printer from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Control {
    /// Changes the roll.
    Paper(Paper),
    /// Lets the roll end after so many millimetres.
    PaperEndsAfterMm(u16),
    /// Opens or closes the cover.
    CoverOpen(bool),
    /// Makes the next cut stick, or frees the cutter.
    CutterJam(bool),
    /// Stops or resumes answering.
    Silent(bool),
    /// Sends bytes that nobody asked for.
    Noise(Vec<u8>),
    /// Pulls the cable.
    Unplug,
    /// Plugs it in again, at the same path.
    Plug,
}

/// What happens at the printer.
#[derive(Debug)]
pub enum Happening {
    /// The port is there.
    Plugged {
        /// The pseudo-terminal that the link points to.
        port_path: PathBuf,
    },
    /// A program has closed the port, and a fresh one is in its place.
    Reopened {
        /// The pseudo-terminal that the link points to now.
        port_path: PathBuf,
    },
    /// The first byte of a document has arrived; status questions do not count.
    FirstByte,
    /// A sheet was cut off.
    Sheet(Sheet),
    /// The port is gone.
    Unplugged,
}

/// The handle to the emulator's thread. Dropping it unplugs the printer.
#[derive(Debug)]
pub struct Workbench {
    controls: Option<SyncSender<Control>>,
    thread: Option<JoinHandle<()>>,
}

impl Workbench {
    /// Plugs a printer in. `on_happening` is called from its thread, which does
    /// nothing else meanwhile: hand long work on.
    ///
    /// # Errors
    /// If there is no pseudo-terminal or the link cannot be made; a file that is
    /// no link is not replaced.
    pub fn start(
        bench: Bench,
        mut on_happening: impl FnMut(Happening) + Send + 'static,
    ) -> io::Result<Self> {
        let line = Line::plug(&bench.link_path)?;
        on_happening(Happening::Plugged {
            port_path: line.port_path.clone(),
        });
        let (sender, controls) = sync_channel(CONTROLS_WAITING_MAX);
        let worker = Worker {
            emulator: Emulator::new(bench.profile),
            line: Some(line),
            throttle: bench.baud.map(Throttle::new),
            link_path: bench.link_path,
            on_happening,
        };
        let thread = thread::Builder::new()
            .name("emulated-printer".to_owned())
            .spawn(move || worker.run(&controls))?;
        Ok(Self {
            controls: Some(sender),
            thread: Some(thread),
        })
    }

    /// Does something to the printer; it takes effect within milliseconds. Lost,
    /// with a word in the log, if the thread is held up in its callback and too
    /// many wait already: who calls this may be who it waits for.
    pub fn control(&self, control: Control) {
        let Some(controls) = &self.controls else {
            return;
        };
        match controls.try_send(control) {
            Ok(()) => {}
            Err(TrySendError::Full(control)) => {
                tracing::error!(?control, "the emulated printer is held up; control lost");
            }
            // The thread ends only when this handle is dropped or it panicked,
            // which the drop reports.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }
}

impl Drop for Workbench {
    fn drop(&mut self) {
        drop(self.controls.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the emulated printer's thread ended by a fault");
        }
    }
}

/// A pseudo-terminal and the link to it.
struct Line {
    master: PtyMaster,
    port_path: PathBuf,
}

impl Line {
    fn plug(link_path: &Path) -> io::Result<Self> {
        // Non-blocking: an answer that nobody reads is lost, as on a real line.
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        // On Linux a master's settings are its slave's. Raw, so that bytes stay bytes.
        let mut settings = tcgetattr(&master)?;
        cfmakeraw(&mut settings);
        tcsetattr(&master, SetArg::TCSANOW, &settings)?;
        let port_path = PathBuf::from(ptsname_r(&master)?);
        link(&port_path, link_path)?;
        Ok(Self { master, port_path })
    }

    /// Waits a little for bytes. `Ok(None)`: the other side has closed the port.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::from(CONTROL_LOOK_MS))?;
        let events = fds[0].revents().unwrap_or(PollFlags::empty());
        if events.contains(PollFlags::POLLIN) {
            return match self.master.read(buffer) {
                Ok(count) => Ok(Some(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Some(0)),
                // EIO: closed, and all it had sent is read.
                Err(_) => Ok(None),
            };
        }
        if events.contains(PollFlags::POLLHUP) {
            return Ok(None);
        }
        Ok(Some(0))
    }
}

/// Makes or moves the link in one step, so that there is never no port. Nothing
/// but a link is ever replaced: it could be somebody's file.
fn link(port_path: &Path, link_path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(link_path) {
        Ok(found) if !found.is_symlink() => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is something already that is no symbolic link; it is left alone",
            ));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut name = link_path.as_os_str().to_owned();
    name.push(".new");
    let fresh = PathBuf::from(name);
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    std::os::unix::fs::symlink(port_path, &fresh)?;
    std::fs::rename(&fresh, link_path)
}

/// Lets bytes through at the speed of a serial line.
struct Throttle {
    bytes_per_second: u32,
    /// Bytes that may pass now, in millionths.
    credit: u64,
    refilled: Instant,
}

impl Throttle {
    fn new(baud: u32) -> Self {
        Self {
            bytes_per_second: (baud / 10).max(1),
            credit: 0,
            refilled: Instant::now(),
        }
    }

    /// How many bytes may pass now.
    fn allowance(&mut self) -> usize {
        let now = Instant::now();
        let micros = u64::try_from((now - self.refilled).as_micros()).unwrap_or(u64::MAX);
        self.refilled = now;
        // After a pause only a burst: an idle line saves nothing up. While bytes
        // flow, what one wait of the thread amounts to must fit as well.
        let burst = u64::from(BURST_BYTES.max(self.bytes_per_second / 25)) * 1_000_000;
        let earned = micros.saturating_mul(u64::from(self.bytes_per_second));
        self.credit = self.credit.saturating_add(earned).min(burst);
        usize::try_from(self.credit / 1_000_000).unwrap_or(usize::MAX)
    }

    fn spend(&mut self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.credit = self.credit.saturating_sub(bytes.saturating_mul(1_000_000));
    }
}

struct Worker<F> {
    emulator: Emulator,
    line: Option<Line>,
    throttle: Option<Throttle>,
    link_path: PathBuf,
    on_happening: F,
}

impl<F: FnMut(Happening)> Worker<F> {
    fn run(mut self, controls: &Receiver<Control>) {
        loop {
            match controls.try_recv() {
                Ok(control) => self.control(control),
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => self.serve(),
            }
        }
        self.unplug();
    }

    fn control(&mut self, control: Control) {
        let replies = match control {
            Control::Paper(paper) => self.emulator.set_paper(paper),
            Control::PaperEndsAfterMm(mm) => {
                let dots = self.emulator.profile.dots(f32::from(mm));
                self.emulator.set_paper_left(dots);
                Vec::new()
            }
            Control::CoverOpen(open) => self.emulator.set_cover_open(open),
            Control::CutterJam(jammed) => self.emulator.set_cutter_jammed(jammed),
            Control::Silent(silent) => {
                self.emulator.set_silent(silent);
                Vec::new()
            }
            Control::Noise(bytes) => bytes,
            Control::Unplug => {
                self.unplug();
                Vec::new()
            }
            Control::Plug => {
                if let Some(port_path) = self.plug() {
                    (self.on_happening)(Happening::Plugged { port_path });
                }
                Vec::new()
            }
        };
        self.answer(&replies);
        self.hand_out();
    }

    /// Takes what the line brings, or waits a little.
    fn serve(&mut self) {
        let wait = Duration::from_millis(CONTROL_LOOK_MS.into());
        let allowance = match &mut self.throttle {
            Some(throttle) => throttle.allowance().min(READ_BYTES_MAX),
            None => READ_BYTES_MAX,
        };
        let Some(line) = &mut self.line else {
            thread::sleep(wait);
            return;
        };
        if allowance == 0 {
            thread::sleep(Duration::from_millis(1));
            return;
        }
        let mut buffer = [0; READ_BYTES_MAX];
        match line.read(&mut buffer[..allowance]) {
            Ok(Some(count)) => self.take(&buffer[..count]),
            // The port was closed. A program that was killed leaves it locked
            // (TIOCEXCL outlives it for as long as the master is open, unlike on
            // a real port), so a fresh one takes its place under the same name.
            Ok(None) => self.reopen(),
            Err(error) => {
                tracing::warn!(%error, "the emulated printer's line failed");
                self.reopen();
            }
        }
    }

    fn reopen(&mut self) {
        if let Some(port_path) = self.plug() {
            (self.on_happening)(Happening::Reopened { port_path });
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if let Some(throttle) = &mut self.throttle {
            throttle.spend(bytes.len());
        }
        let was_receiving = self.emulator.receiving();
        let replies = self.emulator.feed(bytes);
        self.answer(&replies);
        let sheets = self.emulator.sheets().count();
        if !was_receiving && (self.emulator.receiving() || sheets > 0) {
            (self.on_happening)(Happening::FirstByte);
        }
        self.hand_out();
    }

    fn hand_out(&mut self) {
        for sheet in self.emulator.take_sheets() {
            (self.on_happening)(Happening::Sheet(sheet));
        }
    }

    fn answer(&mut self, bytes: &[u8]) {
        if let (Some(line), false) = (&mut self.line, bytes.is_empty())
            && let Err(error) = line.master.write_all(bytes)
        {
            tracing::debug!(%error, "an answer of the emulated printer was lost");
        }
    }

    fn plug(&mut self) -> Option<PathBuf> {
        match Line::plug(&self.link_path) {
            Ok(line) => {
                let port_path = line.port_path.clone();
                self.line = Some(line);
                Some(port_path)
            }
            Err(error) => {
                tracing::error!(%error, "the emulated printer cannot be plugged in");
                self.line = None;
                None
            }
        }
    }

    fn unplug(&mut self) {
        if self.line.take().is_some() {
            // Gone already is as good.
            let _ = std::fs::remove_file(&self.link_path);
            (self.on_happening)(Happening::Unplugged);
        }
    }
}
