//! The MQTT side of a kiosk or hall display.
//!
//! One thread owns the connection. It connects again for ever, tells what the
//! server says as [`LinkEvent`]s, and decides by the server's heartbeat alone
//! whether the server is there: a broker that is up without a server is no
//! office. It keeps nothing: what must not be lost is the journal's, which has
//! it sent again until the server answers.
//!
//! Start reading at [`Link`]; [`watchdog`], `attempts` and `news_age` are pure.

mod attempts;
mod news_age;
mod run;
pub mod watchdog;

use std::io;

use usher_protocol::message::{Calls, DeviceStatus, OfficeInfo, Reply, RequestBody, Role, Waits};
use usher_protocol::{CommandId, DeviceId, OfficeId};

/// Delays of the link, all in one place.
pub mod delays {
    use std::time::Duration;

    /// Pause before the second attempt to connect; doubled each time.
    pub const RECONNECT_FIRST: Duration = Duration::from_millis(200);
    /// Longest pause between attempts.
    pub const RECONNECT_MAX: Duration = Duration::from_secs(2);
    /// A connection that held this long was a good one: the next attempt after
    /// it is an early one again.
    pub const HELD: Duration = Duration::from_secs(10);
    /// How long one attempt may take.
    pub const CONNECT_MAX: Duration = Duration::from_secs(3);
    /// The connection is tested when nothing was sent for this long (5 s is the
    /// least that rumqttc takes).
    pub const KEEP_ALIVE: Duration = Duration::from_secs(5);
    /// How often the heartbeat is looked at.
    pub const LOOK: Duration = Duration::from_millis(100);
    /// How long the broker keeps the session of a device that is away.
    pub const SESSION_KEPT: Duration = Duration::from_hours(1);
    /// After this time nobody waits for the answer to a check-in any more, and
    /// the broker may drop it; a paper form stands in its place.
    pub const CHECK_IN_EXPIRY: Duration = Duration::from_secs(10);
    /// How long a clean end may take to tell the broker.
    pub const FAREWELL: Duration = Duration::from_millis(300);
}

/// Requests that may wait to be sent. More means that the connection is stuck;
/// they are refused, and the journal sends what matters again.
pub const REQUESTS_WAITING_MAX: usize = 64;

/// Where the broker is, and who connects.
#[derive(Clone)]
pub struct LinkConfig {
    /// The office.
    pub office: OfficeId,
    /// The device; also its user name and client id.
    pub device: DeviceId,
    /// What it is.
    pub role: Role,
    /// The broker's host name or address.
    pub host: String,
    /// The broker's port.
    pub port: u16,
    /// The device's secret.
    pub secret: String,
}

impl std::fmt::Debug for LinkConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LinkConfig")
            .field("office", &self.office)
            .field("device", &self.device)
            .field("host", &self.host)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// What the link tells.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// Whether the server answers and can store; told when it changes. It starts
    /// as offline, untold.
    Online(bool),
    /// An answer to one of this device's requests.
    Reply(Reply),
    /// What the office says of itself.
    Office(OfficeInfo),
    /// How the queues stand.
    Waits(Waits),
    /// Who is called where.
    Calls(Calls),
}

/// A request to be sent; `sent_at` is added at the moment of sending.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Its id.
    pub id: CommandId,
    /// The boot that it was made in.
    pub boot: u64,
    /// What is wanted.
    pub body: RequestBody,
}

/// The link's inbox is full, or its thread has ended. Nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the link has {REQUESTS_WAITING_MAX} requests waiting already")]
pub struct LinkBusy;

/// The handle to the link's thread. Dropping it says farewell to the broker and
/// ends the thread.
#[derive(Debug)]
pub struct Link {
    orders: Option<tokio::sync::mpsc::Sender<Order>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What the thread is asked for.
#[derive(Debug)]
enum Order {
    Send(Outgoing),
    Report(DeviceStatus),
}

impl Link {
    /// Starts the thread and returns at once. `on_event` is called on it and
    /// should be quick.
    ///
    /// # Errors
    /// If the system has no thread or no event queue left.
    pub fn start(
        config: LinkConfig,
        on_event: impl FnMut(LinkEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (orders, inbox) = tokio::sync::mpsc::channel(REQUESTS_WAITING_MAX);
        let thread = std::thread::Builder::new()
            .name("link".to_owned())
            .spawn(move || runtime.block_on(run::run(config, inbox, on_event)))?;
        Ok(Self {
            orders: Some(orders),
            thread: Some(thread),
        })
    }

    /// Sends a request once. The answer, if one comes, is a [`LinkEvent::Reply`].
    ///
    /// # Errors
    /// [`LinkBusy`]; nothing was sent.
    pub fn send(&self, request: Outgoing) -> Result<(), LinkBusy> {
        self.order(Order::Send(request))
    }

    /// Publishes how the device is; kept by the broker until the next report.
    ///
    /// # Errors
    /// [`LinkBusy`]; nothing was sent.
    pub fn report(&self, status: DeviceStatus) -> Result<(), LinkBusy> {
        self.order(Order::Report(status))
    }

    fn order(&self, order: Order) -> Result<(), LinkBusy> {
        let orders = self.orders.as_ref().ok_or(LinkBusy)?;
        orders.try_send(order).map_err(|_| LinkBusy)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the link's thread ended by a fault");
        }
    }
}
