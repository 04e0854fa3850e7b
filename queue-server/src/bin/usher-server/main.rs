//! `usher-server`: reads the command line and the clock, and reports.

mod appointments;
mod maintenance;

use std::env::VarError;
use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
use usher_queue_server::link::InvalidBrokerUrl;
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
        /// Address of the MQTT broker in this program. [default: 127.0.0.1:1883]
        #[arg(long, value_name = "ADDRESS")]
        mqtt: Option<SocketAddr>,
        /// Use this MQTT broker, mqtt://user:password@host:port, and none in this
        /// program. Everybody on this machine can read a command line: better
        /// give it in the environment, as USHER_BROKER.
        // Not parsed by clap, which would print the password with its complaint.
        #[arg(long, value_name = "URL", conflicts_with = "mqtt")]
        broker: Option<String>,
    },
    /// Tell every mistake in an office file.
    Check {
        /// The office file.
        #[arg(value_name = "FILE")]
        office: PathBuf,
    },
    /// Appointments from a file of another program.
    Appointments {
        #[command(subcommand)]
        task: AppointmentsTask,
    },
    /// Write the event log to standard output, one JSON object a line. The
    /// server may be running.
    Events {
        /// Where the event log is kept.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Check an event log, or a backup of one: its file, every event and the hash
    /// chain over them. The server may be running.
    Verify {
        /// The data directory, or a backup file.
        #[arg(value_name = "PATH")]
        path: PathBuf,
    },
    /// Copy the event log into one file, and check the copy. The server may be running.
    Backup {
        /// Where the event log is kept.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The file to make; it must not be there yet.
        #[arg(value_name = "FILE")]
        target: PathBuf,
    },
    /// Put a backup in the place of the event log. The server must not be running;
    /// what is there is moved aside, never deleted.
    Restore {
        /// The backup.
        #[arg(value_name = "FILE")]
        backup: PathBuf,
        /// Where the event log is kept.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Erase what old events say of people (notes between clerks). Numbers and
    /// times stay, and the hash chain stays whole. The server may be running.
    Erase {
        /// Where the event log is kept.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// Of events from before this date, as in 2026-10-01.
        #[arg(long, value_name = "DATE")]
        before: jiff::civil::Date,
    },
    /// What is foreseen of waits, and how well.
    Waits {
        #[command(subcommand)]
        task: WaitsTask,
    },
    /// Who is called next, and what another rule would have meant.
    Policy {
        #[command(subcommand)]
        task: PolicyTask,
    },
    /// Make a secret for a device, and the line for the office file.
    Secret,
}

#[derive(Debug, Subcommand)]
enum PolicyTask {
    /// Play past days again under the policy of another office file, before it is
    /// used. The server may be running.
    Replay {
        /// The office file of now.
        #[arg(long, value_name = "FILE")]
        office: PathBuf,
        /// The office file with the new policy.
        #[arg(long, value_name = "FILE")]
        new: PathBuf,
        /// Where the event log is kept.
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// So many of the last days.
        #[arg(long, value_name = "N", default_value_t = 5)]
        days: usize,
    },
}

#[derive(Debug, Subcommand)]
enum WaitsTask {
    /// Walk through the visits of another office in time, and write what would have
    /// been promised to each at its arrival, as CSV, to standard output.
    ///
    /// TRACE has the columns visit_id,service,arrival_s,call_s,finish_s,counter,outcome;
    /// COUNTERS has counter,services,open_s,close_s. docs/waits.md has more.
    Evaluate {
        /// The visits.
        #[arg(value_name = "TRACE.csv")]
        trace: PathBuf,
        /// The plan of the counters.
        #[arg(long, value_name = "COUNTERS.csv")]
        counters: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
enum AppointmentsTask {
    /// Tell what a file says, and every mistake in it. No server is needed, and
    /// nothing is changed.
    Check {
        /// A table (CSV) or a calendar (iCalendar); see docs/appointments.md.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// The office file.
        #[arg(long, value_name = "FILE")]
        office: PathBuf,
    },
}

/// Bad usage, or an office file or a file of appointments with mistakes.
const EXIT_USAGE: u8 = 2;

/// Where the embedded broker listens if nothing is said.
const MQTT_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1883);

/// The environment variable that holds what `--broker` does.
const BROKER_VARIABLE: &str = "USHER_BROKER";

/// What is logged if `RUST_LOG` says nothing. Of the MQTT libraries (`rmqtt`
/// stands for `rmqtt_net` and `rmqtt_codec` too) errors only: they warn of every
/// packet that a stranger on the network gets wrong, and so let strangers fill
/// the log. What of it matters, this program says itself, within a bound.
const LOG_DEFAULT: &str = "info,rmqtt=error,rumqttc=error,ntex=error,hyper=error";

/// A command line that cannot be followed. Never holds a password.
#[derive(Debug, thiserror::Error)]
enum UsageError {
    #[error("{place}: {reason}")]
    Broker {
        /// Where it stands.
        place: &'static str,
        reason: InvalidBrokerUrl,
    },
    #[error("{BROKER_VARIABLE} in the environment is not UTF-8")]
    BrokerNotUnicode,
    #[error(
        "--mqtt is the address of the broker in this program, and {BROKER_VARIABLE} in the environment says to use another; take away one of them"
    )]
    TwoBrokers,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    start_log();
    match perform(arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let usage = error.is::<UsageError>()
                || error.is::<appointments::FaultyFile>()
                || matches!(
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

/// Wishes for the log that cannot be read are told, and the rest goes on.
fn start_log() {
    let wish = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_default();
    let (filter, mistake) = match EnvFilter::try_new(&wish) {
        Ok(filter) if !wish.is_empty() => (filter, None),
        Ok(_) => (EnvFilter::new(LOG_DEFAULT), None),
        Err(mistake) => (EnvFilter::new(LOG_DEFAULT), Some(mistake)),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    if let Some(mistake) = mistake {
        tracing::warn!(
            "{}=\"{wish}\" cannot be read ({mistake}); the log is as if it were \"{LOG_DEFAULT}\"",
            EnvFilter::DEFAULT_ENV
        );
    }
}

/// The broker to use. The command line goes before the environment.
fn broker_choice(
    mqtt: Option<SocketAddr>,
    broker: Option<String>,
) -> Result<BrokerChoice, UsageError> {
    let from_environment = || match std::env::var(BROKER_VARIABLE) {
        Ok(url) if url.is_empty() => Ok(None),
        Ok(url) => Ok(Some((BROKER_VARIABLE, url))),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(UsageError::BrokerNotUnicode),
    };
    let external = match broker {
        Some(url) => Some(("--broker", url)),
        None => from_environment()?,
    };
    match (external, mqtt) {
        (Some(_), Some(_)) => Err(UsageError::TwoBrokers),
        (Some((place, url)), None) => url
            .parse()
            .map(BrokerChoice::External)
            .map_err(|reason| UsageError::Broker { place, reason }),
        (None, mqtt) => Ok(BrokerChoice::Embedded(mqtt.unwrap_or(MQTT_DEFAULT))),
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
            broker: broker_choice(mqtt, broker)?,
        }),
        Task::Check { office } => check(&office),
        Task::Appointments {
            task: AppointmentsTask::Check { file, office },
        } => appointments::check(&file, &office, clock()),
        Task::Events { data } => events(&data),
        Task::Verify { path } => maintenance::verify(&path),
        Task::Backup { data, target } => maintenance::backup(&data, &target),
        Task::Restore { backup, data } => maintenance::restore(&backup, &data, clock()),
        Task::Erase { data, before } => maintenance::erase(&data, before, clock()),
        Task::Policy {
            task:
                PolicyTask::Replay {
                    office,
                    new,
                    data,
                    days,
                },
        } => maintenance::replay_policy(&office, &new, &data, days),
        Task::Waits {
            task: WaitsTask::Evaluate { trace, counters },
        } => evaluate(&trace, &counters),
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

fn evaluate(trace: &std::path::Path, counters: &std::path::Path) -> anyhow::Result<()> {
    let open = |path: &std::path::Path| {
        std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))
    };
    let out = std::io::BufWriter::new(std::io::stdout().lock());
    usher_waits::evaluate::run(open(trace)?, open(counters)?, out)?;
    Ok(())
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
