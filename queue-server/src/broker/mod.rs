//! The MQTT broker inside the queue server.
//!
//! An office needs no second program: devices connect here, prove who they are
//! with their secret, and may use their own topics only. The rules are in
//! [`access`] and are pure; this module binds them to the hooks of `rmqtt`.
//!
//! The broker is a messenger, not a memory. Sessions, queues and retained
//! messages live in RAM and are gone after a restart: the server publishes its
//! state again, and devices repeat what was not answered.

pub mod access;
mod hooks;
mod retained;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::time::Duration;

use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::Builder;
use rmqtt::server::MqttServer;
use tokio::task::JoinHandle;
use usher_protocol::message::PACKET_BYTES_MAX;

pub use access::{Access, BrokerLogin, DeviceCredential};
use hooks::Gatekeeper;
use retained::RetainedInMemory;

/// Limits and times of the embedded broker, in one place.
mod limits {
    use super::{Duration, NonZeroU16};

    /// Sessions of devices, connected or not. A large office has some fifty.
    pub(super) const SESSIONS_MAX: isize = 512;
    /// Connections that are logging in at the same time.
    pub(super) const HANDSHAKES_MAX: usize = 64;
    /// How long a connection may take to log in.
    pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
    /// How long a packet may take to leave before the connection is dropped.
    pub(super) const SEND: Duration = Duration::from_secs(10);
    /// Messages kept for one client. Beyond it the oldest is dropped: devices
    /// repeat requests, and of state only the newest counts.
    pub(super) const QUEUE_LENGTH_MAX: usize = 10_000;
    /// Messages with quality of service 1 or 2 on their way to one client.
    pub(super) const IN_FLIGHT_MAX: NonZeroU16 = NonZeroU16::new(256).expect("256 is not zero");
    /// Longest session that a client may ask for.
    pub(super) const SESSION_EXPIRY_MAX: Duration = Duration::from_secs(24 * 60 * 60);
    /// Silence after which an unanswered message is sent again.
    pub(super) const RETRY: Duration = Duration::from_secs(20);
    /// Longest client id, bytes: a device id and a suffix.
    pub(super) const CLIENT_ID_BYTES_MAX: usize = 128;
    /// Subscriptions of one client; the access rules allow few different ones.
    pub(super) const SUBSCRIPTIONS_MAX: usize = 32;
    /// Levels of a topic; ours have six.
    pub(super) const TOPIC_LEVELS_MAX: usize = 8;
}

/// Why the embedded broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Another program listens there. Technician: stop it (`ss -ltnp` names it),
    /// or choose another `--mqtt` address.
    #[error(
        "the MQTT address {0} is in use by another program: stop that program or choose another address with --mqtt"
    )]
    AddressInUse(SocketAddr),
    /// The system refused the address: it is no address of this machine, or a
    /// port below 1024 without the right to it.
    #[error(
        "cannot listen for MQTT on {address}: {reason}; with --mqtt choose an address of this machine (`ip address` lists them) and a port from 1024 on"
    )]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        reason: String,
    },
}

/// The running broker; it ends when this is dropped.
#[derive(Debug)]
pub struct EmbeddedBroker {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl EmbeddedBroker {
    /// Listens on `address` (port 0: any free one) and serves those whom
    /// `access` knows.
    ///
    /// # Errors
    /// [`BrokerError`] if the address cannot be had.
    pub async fn start(address: SocketAddr, access: Access) -> Result<Self, BrokerError> {
        // rmqtt's own overload check refuses logins when the *machine* is busy,
        // whoever made it so. An office must be able to reconnect exactly then.
        let context = ServerContext::new()
            .busy_check_enable(false)
            .mqtt_max_sessions(limits::SESSIONS_MAX)
            .task_exec_workers(256)
            .task_exec_queue_max(20_000)
            .build()
            .await;
        *context.extends.retain_mut().await = Box::new(RetainedInMemory::default());

        let gatekeeper = Gatekeeper::new(access);
        let hooks = context.extends.hook_mgr().register();
        for hook in [
            Type::ClientAuthenticate,
            Type::ClientSubscribeCheckAcl,
            Type::MessagePublishCheckAcl,
            Type::MessageDropped,
        ] {
            hooks.add(hook, Box::new(gatekeeper.clone())).await;
        }
        hooks.start().await;

        let listener = Builder::new()
            .name("usher")
            .laddr(address)
            .allow_anonymous(false)
            // The port of a server that was killed lingers in TIME_WAIT.
            .reuseaddr(Some(true))
            .nodelay(true)
            .max_connections(limits::SESSIONS_MAX.unsigned_abs())
            .max_handshaking_limit(limits::HANDSHAKES_MAX)
            .handshake_timeout(limits::HANDSHAKE)
            .send_timeout(limits::SEND)
            .max_packet_size(PACKET_BYTES_MAX)
            .max_mqueue_len(limits::QUEUE_LENGTH_MAX)
            .max_inflight(limits::IN_FLIGHT_MAX)
            .max_session_expiry_interval(limits::SESSION_EXPIRY_MAX)
            .message_retry_interval(limits::RETRY)
            // Zero is "never": a message expires only if its sender says when.
            .message_expiry_interval(Duration::ZERO)
            .max_clientid_len(limits::CLIENT_ID_BYTES_MAX)
            .max_subscriptions(limits::SUBSCRIPTIONS_MAX)
            .max_topic_levels(limits::TOPIC_LEVELS_MAX)
            .bind()
            .and_then(rmqtt::net::Listener::tcp)
            .map_err(|error| bind_error(address, &error))?;
        let address = listener
            .local_addr()
            .map_err(|error| bind_error(address, &error))?;

        let server = MqttServer::new(context)
            .listener_by_id(listener, address.port())
            .build();
        let accepting = tokio::spawn(async move {
            match server.run().await {
                Ok(()) => tracing::error!("the embedded MQTT broker has stopped"),
                Err(error) => tracing::error!(%error, "the embedded MQTT broker has stopped"),
            }
        });
        Ok(Self { address, accepting })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when the broker accepts nobody any more, which it does only by a
    /// bug or when the system takes its socket away: no device can reach the
    /// office then. May be dropped and called again.
    pub async fn ended(&mut self) {
        if !self.accepting.is_finished() {
            // How it ended is in the log.
            let _ = (&mut self.accepting).await;
        }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn bind_error(address: SocketAddr, error: &rmqtt::Error) -> BrokerError {
    match error.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::AddrInUse) => BrokerError::AddressInUse(address),
        _ => BrokerError::Bind {
            address,
            reason: error.to_string(),
        },
    }
}

#[cfg(test)]
mod tests;
