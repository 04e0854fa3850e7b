//! The hall display: `usher-display --config DEVICE.toml [--shown-log FILE]`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use usher_firmware_config::Role;
use usher_kiosk::app::program::{EXIT_USAGE, fail, start_log};

const PROGRAM: &str = "usher-display";

/// A display in the hall that shows who is called where.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The device file (`usher-config example --role hall-display` writes one).
    #[arg(long, value_name = "DEVICE.toml")]
    config: PathBuf,
    /// Append each call that comes to the screen to this file, as a JSON line.
    #[arg(long, value_name = "FILE")]
    shown_log: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    let file = match load(&arguments.config) {
        Ok(file) => file,
        Err(error) => return fail(PROGRAM, &error, EXIT_USAGE),
    };
    match usher_kiosk::app::display::run(&file, arguments.shown_log.as_deref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(PROGRAM, &error.into(), 1),
    }
}

fn load(path: &std::path::Path) -> anyhow::Result<usher_firmware_config::DeviceFile> {
    let file = usher_firmware_config::load(path)?;
    anyhow::ensure!(
        file.device.role == Role::HallDisplay,
        "{} is the file of a {}; start usher-kiosk with it",
        path.display(),
        file.device.role
    );
    Ok(file)
}
