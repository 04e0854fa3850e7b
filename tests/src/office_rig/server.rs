//! The queue server and the broker it uses.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;
use usher_protocol::OfficeId;

use super::{BrokerAddress, DeviceLogin, OFFICE};
use crate::broker::Mosquitto;
use crate::mqtt::{Device, RUNTIME};
use crate::office_api::OfficeApi;
use crate::program::{self, Program};
use crate::{paths, ports, wait};

/// Which broker an office runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokerKind {
    /// The one inside the queue server.
    Embedded,
    /// Mosquitto beside it.
    Mosquitto,
}

/// The line that the queue server writes when it is ready.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// Always `ready`.
    pub event: String,
    /// Where its pages are.
    pub http: String,
    /// How many events it found in its log.
    pub events_recovered: u64,
}

/// An office: its directory, its ports, its server. All is gone when it is dropped.
pub struct OfficeRig {
    dir: PathBuf,
    office: OfficeId,
    office_file: PathBuf,
    http_port: u16,
    broker: BrokerAddress,
    mosquitto: Option<Mosquitto>,
    server: Option<Program>,
}

impl OfficeRig {
    /// An office whose server is not started yet.
    ///
    /// # Errors
    /// If there is no free port or Mosquitto does not start.
    pub fn new(dir: &Path, kind: BrokerKind) -> Result<Self> {
        let mosquitto = match kind {
            BrokerKind::Embedded => None,
            BrokerKind::Mosquitto => Some(Mosquitto::start(dir)?),
        };
        let broker = match &mosquitto {
            Some(mosquitto) => mosquitto.address().clone(),
            None => BrokerAddress {
                host: "127.0.0.1".into(),
                port: ports::free()?,
            },
        };
        Ok(Self {
            dir: dir.to_owned(),
            office: OfficeId::new(OFFICE)?,
            office_file: paths::sample_office(OFFICE),
            http_port: ports::free()?,
            broker,
            mosquitto,
            server: None,
        })
    }

    /// Runs the server with another office file from its next start on.
    pub fn use_office_file(&mut self, path: &Path) {
        path.clone_into(&mut self.office_file);
    }

    /// The run's directory: logs, data, device files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The office's id.
    #[must_use]
    pub fn office(&self) -> &OfficeId {
        &self.office
    }

    /// Where the server keeps its data.
    #[must_use]
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("office-data")
    }

    /// Where devices find the broker.
    #[must_use]
    pub fn broker(&self) -> &BrokerAddress {
        &self.broker
    }

    /// The broker beside the server, if there is one.
    pub fn mosquitto(&mut self) -> Option<&mut Mosquitto> {
        self.mosquitto.as_mut()
    }

    /// A client of its web server.
    #[must_use]
    pub fn api(&self) -> OfficeApi {
        OfficeApi::new(format!("http://127.0.0.1:{}", self.http_port))
    }

    /// The command line of the server.
    ///
    /// # Errors
    /// If the server is not built.
    pub fn server_command(&self) -> Result<Command> {
        let mut command = Command::new(paths::program("usher-server")?);
        command
            .arg("run")
            .arg("--office")
            .arg(&self.office_file)
            .arg("--data")
            .arg(self.data_dir())
            .arg("--http")
            .arg(format!("127.0.0.1:{}", self.http_port))
            .env("RUST_LOG", "info");
        match &self.mosquitto {
            Some(mosquitto) => command.arg("--broker").arg(mosquitto.server_url()),
            None => command.arg("--mqtt").arg(self.broker.to_string()),
        };
        Ok(command)
    }

    /// Starts the server and waits until it says that it is ready.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_server(&mut self) -> Result<Ready> {
        ensure!(self.server.is_none(), "the server runs already");
        let mut program = Program::start("usher-server", &self.dir, &mut self.server_command()?)?;
        let mut lines = program.lines();
        let ready = wait::until("the server's word that it is ready", wait::START, || {
            program.must_run()?;
            Ok(lines
                .take::<Ready>()?
                .into_iter()
                .find(|line| line.event == "ready"))
        })?;
        self.server = Some(program);
        Ok(ready)
    }

    /// The running server.
    ///
    /// # Errors
    /// If it does not run.
    pub fn server(&mut self) -> Result<&mut Program> {
        self.server.as_mut().context("the server does not run")
    }

    /// Cuts the server's power.
    pub fn kill_server(&mut self) {
        // Dropping kills.
        self.server = None;
    }

    /// Asks the server to stop.
    ///
    /// # Errors
    /// If it does not run, does not stop, or stops with an error.
    pub fn stop_server(&mut self) -> Result<()> {
        let status = self.server()?.stop()?;
        self.server = None;
        ensure!(status.success(), "the server stopped with {status}");
        Ok(())
    }

    /// Logs in as a device.
    ///
    /// # Errors
    /// If the broker refuses it.
    pub fn device(&self, login: DeviceLogin) -> Result<Device> {
        RUNTIME.block_on(Device::connect(&self.broker, &self.office, login))
    }

    /// The event log, as `usher-server events` prints it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn events(&self) -> Result<Vec<Value>> {
        self.events_text()?
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
            .collect()
    }

    /// The event log as text, a JSON object a line.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn events_text(&self) -> Result<String> {
        let mut command = Command::new(paths::program("usher-server")?);
        command.arg("events").arg("--data").arg(self.data_dir());
        let done = program::run("usher-server-events", &self.dir, &mut command, wait::STEP)?;
        ensure!(done.code == Some(0), "usher-server events: {}", done.err);
        Ok(done.out)
    }
}
