//! What the system needs to run the programs: units, users, directories and the
//! names of the serial ports. They stand in `systemd/` and `udev/` beside this
//! crate's source and are carried inside the program, so that a technician
//! needs to copy no more than the programs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file for the system.
#[derive(Debug, Clone, Copy)]
pub struct SystemFile {
    /// Where it belongs, from the root of the file system, without the first `/`.
    pub path: &'static str,
    /// What is in it.
    pub text: &'static str,
}

/// All of them.
pub const SYSTEM_FILES: [SystemFile; 6] = [
    SystemFile {
        path: "etc/systemd/system/usher-server.service",
        text: include_str!("../systemd/usher-server.service"),
    },
    SystemFile {
        path: "etc/systemd/system/usher-kiosk.service",
        text: include_str!("../systemd/usher-kiosk.service"),
    },
    SystemFile {
        path: "etc/systemd/system/usher-display.service",
        text: include_str!("../systemd/usher-display.service"),
    },
    SystemFile {
        path: "etc/sysusers.d/usher.conf",
        text: include_str!("../systemd/usher.sysusers.conf"),
    },
    SystemFile {
        path: "etc/tmpfiles.d/usher.conf",
        text: include_str!("../systemd/usher.tmpfiles.conf"),
    },
    SystemFile {
        path: "etc/udev/rules.d/60-usher.rules",
        text: include_str!("../udev/60-usher.rules"),
    },
];

/// Why a system file was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {} (run it as root, or choose another directory)", path.display())]
pub struct NotWritten {
    /// The file or directory that was to be made.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Writes all [`SYSTEM_FILES`] below `root`, replacing older ones; gives their paths.
///
/// # Errors
/// [`NotWritten`] at the first that could not be written; those before it stay.
pub fn write(root: &Path) -> Result<Vec<PathBuf>, NotWritten> {
    SYSTEM_FILES
        .iter()
        .map(|file| {
            let path = root.join(file.path);
            let not_written = |source| NotWritten {
                path: path.clone(),
                source,
            };
            if let Some(dir) = path.parent() {
                fs::create_dir_all(dir).map_err(not_written)?;
            }
            fs::write(&path, file.text).map_err(not_written)?;
            Ok(path)
        })
        .collect()
}
