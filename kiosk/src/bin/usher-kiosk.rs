//! The kiosk: `usher-kiosk --config DEVICE.toml [--touch-map FILE]`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use usher_firmware_config::Role;
use usher_kiosk::app::program::{EXIT_USAGE, fail, start_log};

const PROGRAM: &str = "usher-kiosk";

/// A kiosk where residents check in and take a ticket.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The device file (`usher-config example --role kiosk` writes one).
    #[arg(long, value_name = "DEVICE.toml")]
    config: PathBuf,
    /// Append what can be touched to this file, a JSON line for each screen shown.
    #[arg(long, value_name = "FILE")]
    touch_map: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    let file = match load(&arguments.config) {
        Ok(file) => file,
        Err(error) => return fail(PROGRAM, &error, EXIT_USAGE),
    };
    match usher_kiosk::app::kiosk::run(&file, arguments.touch_map.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(PROGRAM, &error.into(), 1),
    }
}

fn load(path: &std::path::Path) -> anyhow::Result<usher_firmware_config::DeviceFile> {
    let file = usher_firmware_config::load(path)?;
    anyhow::ensure!(
        file.device.role == Role::Kiosk,
        "{} is the file of a {}; start usher-display with it",
        path.display(),
        file.device.role
    );
    Ok(file)
}
