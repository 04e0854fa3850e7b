//! `usher-config`: helps a technician to write a device file and to install a device.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use usher_firmware_config::{DeviceFile, LoadError, Role, load, render, system_files};

/// Helps to write the settings of a kiosk or hall display, and to install it.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says what is wrong with a device file, or sums it up in words.
    Check {
        /// The device file, usually /etc/usher/device.toml.
        file: PathBuf,
    },
    /// Prints a complete, commented device file to start from.
    Example {
        /// What the device does.
        #[arg(long, value_enum, default_value_t = RoleArgument::Kiosk)]
        role: RoleArgument,
    },
    /// Prints the description of every key, in Markdown.
    Reference,
    /// Writes the systemd units, users, directories and udev rules.
    Units {
        /// The directory to write below: `/` on the device itself.
        #[arg(long)]
        out: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArgument {
    Kiosk,
    HallDisplay,
}

impl From<RoleArgument> for Role {
    fn from(role: RoleArgument) -> Self {
        match role {
            RoleArgument::Kiosk => Self::Kiosk,
            RoleArgument::HallDisplay => Self::HallDisplay,
        }
    }
}

/// The device file is wrong or cannot be read, as the programs themselves end.
const EXIT_WRONG_FILE: u8 = 2;

fn main() -> ExitCode {
    match run(&Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to be done where even this cannot be written.
            let _ = writeln!(io::stderr(), "usher-config: {error:#}");
            match error.downcast_ref::<LoadError>() {
                Some(_) => ExitCode::from(EXIT_WRONG_FILE),
                None => ExitCode::FAILURE,
            }
        }
    }
}

fn run(command: &Command) -> anyhow::Result<()> {
    let text = match command {
        Command::Check { file } => checked(file, &load(file)?),
        Command::Example { role } => render::example((*role).into()),
        Command::Reference => render::reference(),
        Command::Units { out } => system_files::write(out)?
            .iter()
            .map(|path| format!("{}\n", path.display()))
            .collect(),
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("the text cannot be written to the standard output (is the disk full?)")
}

fn checked(path: &Path, file: &DeviceFile) -> String {
    let mut notices = render::notices(file);
    notices.extend(notices_of_this_machine(path, file));
    let notices: String = notices.iter().map(|n| format!("Note: {n}.\n")).collect();
    format!(
        "{} is good.\n{}{notices}",
        path.display(),
        render::summary(file)
    )
}

/// What fits the file but not the machine that it is checked on. No problem by
/// itself: a file may be checked on a desk, and a printer may be switched off.
fn notices_of_this_machine(path: &Path, file: &DeviceFile) -> Vec<String> {
    let mut notices = Vec::new();
    let secret_path = file.server.secret_file.as_deref().unwrap_or(path);
    if fs::metadata(secret_path).is_ok_and(|found| found.permissions().mode() & 0o007 != 0) {
        let shown = secret_path.display();
        notices.push(format!(
            "{shown} has the secret, and every user of this machine may read or change it; \
             run `chmod o= {shown}`"
        ));
    }
    let ports = [
        ("printer.port", file.printer.as_ref().map(|p| &p.port)),
        ("scanner.port", file.scanner.as_ref().map(|s| &s.port)),
    ];
    for (key, port) in ports {
        if let Some(port) = port.filter(|port| !port.exists()) {
            notices.push(format!(
                "{key} {} is not there on this machine now",
                port.display()
            ));
        }
    }
    if let Some(dir) = file.storage.journal.parent().filter(|dir| !dir.is_dir()) {
        notices.push(format!(
            "the directory {} of storage.journal is not there; usher-kiosk.service makes \
             /var/lib/usher, any other must be made by hand",
            dir.display()
        ));
    }
    notices
}
