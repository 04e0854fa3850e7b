//! `usher-server`: reads the command line and the clock, and reports.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::{Parser, Subcommand};
use jiff::Timestamp;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use usher_protocol::form_code::SealKey;
use usher_queue_server::app::{self, BrokerChoice, Ready, RunError, Settings};
use usher_queue_server::link::BrokerUrl;
use usher_queue_server::office::event::Record;
use usher_queue_server::office_file::OfficeFile;
use usher_queue_server::store::{ReadError, ReadOnlyLog};

/// The queue server of a field office: who waits, who is next, and why.
#[derive(Debug, Parser)]
#[command(name = "usher-server", version)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run the office until SIGTERM or SIGINT.
    Run {
        /// The office file; see `usher-server check`.
        #[arg(long, value_name = "FILE")]
        office: PathBuf,
        /// Where the event log is kept; made if it is not there.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Address of the pages for staff.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
        http: SocketAddr,
        /// Address of the MQTT broker in this program.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:1883")]
        mqtt: SocketAddr,
        /// Use this MQTT broker, mqtt://user:password@host:port, and none in this program.
        #[arg(long, value_name = "URL", conflicts_with = "mqtt")]
        broker: Option<BrokerUrl>,
    },
    /// Tell every mistake in an office file.
    Check {
        /// The office file.
        #[arg(value_name = "FILE")]
        office: PathBuf,
    },
    /// Write the event log to standard output, one JSON object a line. The
    /// server may be running.
    Events {
        /// Where the event log is kept.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Make a secret for a device, and the line for the office file.
    Secret,
}

/// Bad usage, or an office file with mistakes.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let log = tracing_subscriber::fmt()
        .with_env_filter(
            EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")),
        )
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    log.init();
    match perform(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let usage = matches!(
                error.downcast_ref::<RunError>(),
                Some(RunError::OfficeFile(_))
            );
            let _ = writeln!(std::io::stderr(), "usher-server: {error:#}");
            if usage {
                ExitCode::from(EXIT_USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn perform(task: Task) -> anyhow::Result<()> {
    match task {
        Task::Run {
            office,
            data,
            http,
            mqtt,
            broker,
        } => run(Settings {
            office_path: office,
            data_dir: data,
            http,
            broker: broker.map_or(BrokerChoice::Embedded(mqtt), BrokerChoice::External),
        }),
        Task::Check { office } => check(&office),
        Task::Events { data } => events(&data),
        Task::Secret => secret(),
    }
}

/// The one place where this program reads the clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the edge: everything below gets the time as an argument"
)]
fn clock() -> Timestamp {
    Timestamp::now()
}

fn run(settings: Settings) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the system gives no threads")?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate()).context("no SIGTERM can be caught")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("no SIGINT can be caught")?;
        let stop = async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        };
        Box::pin(app::run(settings, Arc::new(clock), tell_ready, stop)).await?;
        Ok(())
    })
}

fn tell_ready(ready: &Ready) {
    #[derive(Serialize)]
    struct Line<'a> {
        event: &'static str,
        http: &'a str,
        mqtt: &'a str,
        events_recovered: u64,
    }
    let line = serde_json::to_string(&Line {
        event: "ready",
        http: &ready.http,
        mqtt: &ready.mqtt,
        events_recovered: ready.events_recovered,
    })
    .expect("texts and a number make JSON");
    let mut out = std::io::stdout().lock();
    // Whoever started this without reading it does not need it.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn check(path: &std::path::Path) -> anyhow::Result<()> {
    let file = OfficeFile::load(path).map_err(RunError::OfficeFile)?;
    let mut out = std::io::stdout().lock();
    for warning in &file.warnings {
        writeln!(out, "{}: {warning}", path.display())?;
    }
    let info = &file.plan.info;
    writeln!(
        out,
        "{}: good. Office {}: {} services, {} counters, {} languages, {} devices.",
        path.display(),
        info.office,
        info.services.len(),
        info.counters.len(),
        info.languages.len(),
        file.devices.len(),
    )?;
    Ok(())
}

fn events(data: &std::path::Path) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        sequence: u64,
        at: Timestamp,
        command: &'a str,
        sender: String,
        event: &'a usher_queue_server::office::event::Event,
    }
    #[derive(Debug, thiserror::Error)]
    enum Stop {
        #[error(transparent)]
        Read(#[from] ReadError),
        #[error(transparent)]
        Write(#[from] std::io::Error),
    }
    let log = ReadOnlyLog::open(data)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let written = log.replay(|record: Record| -> Result<(), Stop> {
        let line = Line {
            sequence: record.sequence,
            at: record.at,
            command: record.command.as_str(),
            sender: record.origin.to_string(),
            event: &record.event,
        };
        serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from)?;
        Ok(out.write_all(b"\n")?)
    });
    let written = written.and_then(|()| Ok(out.flush()?));
    match written {
        // `usher-server events | head` is no fault.
        Err(Stop::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// 20 bytes: more than anyone can guess, and still short enough to type.
fn secret() -> anyhow::Result<()> {
    let mut bytes = [0_u8; 20];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    let secret = data_encoding::BASE32_NOPAD
        .encode(&bytes)
        .to_ascii_lowercase();
    let mut out = std::io::stdout().lock();
    writeln!(out, "# In the device's own file:")?;
    writeln!(out, "secret = \"{secret}\"")?;
    writeln!(out, "# In the office file, at this device:")?;
    let key = SealKey::from_secret(&secret).to_hex();
    writeln!(out, "secret_sha256 = \"{key}\"")?;
    Ok(())
}
