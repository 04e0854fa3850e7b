//! What both programs do around their own part: the log, and the last words.

use std::io::IsTerminal;
use std::process::ExitCode;

/// The device file or the command line is wrong; a restart will not help.
pub const EXIT_USAGE: u8 = 2;

/// Starts the log on standard error: `RUST_LOG` says how much, `info` without it.
/// Coloured only on a terminal: in the system's journal colours are noise.
pub fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Says why `program` ends, and gives its exit code.
#[must_use]
#[expect(
    clippy::print_stderr,
    reason = "the last words of a program that could not start"
)]
pub fn fail(program: &str, error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("{program}: {error:#}");
    ExitCode::from(code)
}
