//! Builds and joins everything: office thread, broker, link and web pages.
//!
//! [`run`] is the program without its command line. It starts the parts from the
//! inside out (file, log, office, broker, link, pages), so that nobody is let in
//! before there is an office behind the door, and stops them from the outside in.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use usher_protocol::OfficeId;

use crate::broker::{Access, BrokerError, BrokerLogin, DeviceCredential, EmbeddedBroker};
use crate::link::{BrokerUrl, Link, LinkSettings};
use crate::live::handle::{Clock, OfficeHandle};
use crate::live::office_thread::{OfficeParts, OfficeThread, StartError};
use crate::office_file::{OfficeFile, OfficeFileError};
use crate::person_key::{self, PersonKeyError};
use crate::store::{EventLog, OpenError};
use crate::web::{self, Bookings, WebError};

/// How long an external broker may take to let the server in before the server
/// says that it is ready without it.
const BROKER_WAIT: Duration = Duration::from_secs(5);

/// How long open pages may take to end when the server stops.
const PAGES_END_WAIT: Duration = Duration::from_secs(3);

/// What the server is told to do.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The office file.
    pub office_path: PathBuf,
    /// Where the event log is kept.
    pub data_dir: PathBuf,
    /// Where the pages are.
    pub http: SocketAddr,
    /// Which broker carries the messages.
    pub broker: BrokerChoice,
}

/// Which broker carries the messages.
#[derive(Debug, Clone)]
pub enum BrokerChoice {
    /// The one in this program, listening here.
    Embedded(SocketAddr),
    /// Another program.
    External(BrokerUrl),
}

/// The server has started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Where the pages are.
    pub http: String,
    /// Where the broker is.
    pub mqtt: String,
    /// How many events were in the log.
    pub events_recovered: u64,
}

/// Why the server does not run. Each says one thing, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The office file is wrong.
    #[error(transparent)]
    OfficeFile(#[from] OfficeFileError),
    /// The event log cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no key to hash names with.
    #[error(transparent)]
    PersonKey(#[from] PersonKeyError),
    /// The office cannot be built from the log, or has no thread.
    #[error(transparent)]
    Office(#[from] StartError),
    /// The broker cannot start.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// The pages cannot be served.
    #[error(transparent)]
    Web(#[from] WebError),
    /// The system gives no random numbers for the server's own password.
    #[error("the system gives no random numbers")]
    Random(#[from] getrandom::Error),
    /// The pages stopped by themselves.
    #[error("the web server stopped")]
    WebStopped(#[source] io::Error),
    /// A bug: the thread that owns the office ended. Nothing that was
    /// acknowledged is lost; start the program again.
    #[error(
        "the office thread ended by a fault of the program (see the log above); nothing stored is lost: start usher-server again"
    )]
    OfficeThread,
    /// The embedded broker ended: devices would work on paper for ever.
    #[error(
        "the MQTT broker inside the program has ended (see the log above); devices work on paper until usher-server is started again"
    )]
    BrokerEnded,
    /// A bug: the link to the broker ended.
    #[error(
        "the link to the MQTT broker ended by a fault of the program (see the log above); devices work on paper until usher-server is started again"
    )]
    LinkEnded,
}

/// Runs the server until `stop` resolves; calls `on_ready` once it can be used.
///
/// # Errors
/// [`RunError`] if it cannot start, or cannot go on.
pub async fn run(
    settings: Settings,
    clock: Clock,
    on_ready: impl FnOnce(&Ready),
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let file = OfficeFile::load(&settings.office_path)?;
    for warning in &file.warnings {
        tracing::warn!("{}: {warning}", settings.office_path.display());
    }
    let office_id = file.plan.info.office.clone();
    let log = EventLog::open(&settings.data_dir, &office_id, clock())?;
    // The log's folder is there now, and nobody else's.
    let bookings = Bookings {
        plan: Arc::clone(&file.plan),
        key: person_key::load_or_make(&settings.data_dir)?,
    };
    let listener = web::bind(settings.http).await?;
    let http = listener.local_addr().map_err(RunError::WebStopped)?;

    let (handle, mut office) = OfficeThread::start(OfficeParts {
        plan: Arc::clone(&file.plan),
        devices: file
            .devices
            .iter()
            .map(|d| (d.id.clone(), d.role))
            .collect(),
        log,
        clock,
    })?;
    let (mut broker, mut link, mqtt) =
        start_messages(&settings, &file, office_id, handle.clone()).await?;
    let (stop_pages, pages_stop) = watch::channel(false);
    let mut pages = tokio::spawn(web::serve(listener, handle, bookings, pages_stop));

    let ready = Ready {
        http: format!("http://{http}"),
        mqtt,
        events_recovered: office.events_recovered,
    };
    tracing::info!(http = %ready.http, mqtt = %ready.mqtt, "the queue server is ready");
    on_ready(&ready);

    let ended = office.ended();
    let office_ended = async {
        match ended {
            // The sender is dropped, never used.
            Some(ended) => drop(ended.await),
            None => std::future::pending().await,
        }
    };
    let broker_ended = async {
        match &mut broker {
            Some(broker) => broker.ended().await,
            None => std::future::pending().await,
        }
    };
    // In the order of cause: the link ends when the office has, too. A server
    // without one of its parts looks alive and is not: whoever supervises it
    // starts it again.
    let fault = tokio::select! {
        biased;
        () = stop => None,
        () = office_ended => Some(RunError::OfficeThread),
        () = broker_ended => Some(RunError::BrokerEnded),
        () = link.ended() => Some(RunError::LinkEnded),
        served = &mut pages => Some(RunError::WebStopped(web_fault(served))),
    };

    tracing::info!("the queue server stops");
    link.stop().await;
    let _ = stop_pages.send(true);
    if !pages.is_finished()
        && tokio::time::timeout(PAGES_END_WAIT, &mut pages)
            .await
            .is_err()
    {
        tracing::debug!("some pages did not end in time");
        pages.abort();
    }
    office.stop().await;
    drop(broker);
    fault.map_or(Ok(()), Err)
}

async fn start_messages(
    settings: &Settings,
    file: &OfficeFile,
    office: OfficeId,
    handle: OfficeHandle,
) -> Result<(Option<EmbeddedBroker>, Link, String), RunError> {
    let (broker, url) = match &settings.broker {
        BrokerChoice::External(url) => (None, url.clone()),
        BrokerChoice::Embedded(address) => {
            let mut password = [0; 32];
            getrandom::fill(&mut password)?;
            let login = BrokerLogin::of_server(password);
            let broker = EmbeddedBroker::start(*address, access(file, login.clone())).await?;
            let url = own_broker(broker.address(), login);
            (Some(broker), url)
        }
    };
    let address = broker.as_ref().map(EmbeddedBroker::address);
    let shown = match address {
        Some(address) => format!("mqtt://{address}"),
        None => format!("mqtt://{}:{}", url.host, url.port),
    };
    let link = Link::start(
        LinkSettings {
            broker: url,
            office,
        },
        handle,
    );
    if tokio::time::timeout(BROKER_WAIT, link.wait_connected())
        .await
        .is_err()
    {
        tracing::warn!(
            "the MQTT broker at {shown} does not let the server in yet; devices work on paper until it does"
        );
    }
    Ok((broker, link, shown))
}

fn access(file: &OfficeFile, server: BrokerLogin) -> Access {
    let credential = |device: &crate::office_file::Device| {
        let credential = DeviceCredential {
            role: device.role,
            key: device.key.clone(),
        };
        (device.id.clone(), credential)
    };
    let devices: BTreeMap<_, _> = file.devices.iter().map(credential).collect();
    Access::new(&file.plan.info.office, devices, server)
}

/// Where the server finds its own broker, which may listen on all addresses.
fn own_broker(address: SocketAddr, login: BrokerLogin) -> BrokerUrl {
    let host = match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => "127.0.0.1".to_owned(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => "[::1]".to_owned(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    BrokerUrl {
        host,
        port: address.port(),
        login: Some(login),
    }
}

fn web_fault(served: Result<io::Result<()>, tokio::task::JoinError>) -> io::Error {
    match served {
        Ok(Ok(())) => io::Error::other("it was not told to"),
        Ok(Err(error)) => error,
        Err(error) => io::Error::other(error),
    }
}
