//! The server's side of MQTT: requests in, replies and state out.
//!
//! The link is a client of whichever broker there is, the embedded or an
//! external one, and knows no difference between them. It performs no rule of
//! the queue: it reads requests, gives them to the [`OfficeHandle`], and
//! publishes what the office answers and shows.
//!
//! Three kinds of task share a client. One polls the connection and never
//! waits for anything else; one publishes state; and one for each device
//! answers its requests in the order in which they came. Start reading at
//! [`Link::start`]; what is published when is decided in `publications`, a pure
//! module, and what a request's bytes mean in [`crate::reading`].

mod address;
mod connection;
mod publications;
mod requests;

use std::time::Duration;

use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, PublishProperties};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};
use usher_protocol::OfficeId;
use usher_protocol::topic::Topics;

use crate::live::handle::OfficeHandle;
use connection::{Connection, poll};
use publications::{Publication, Publications};

pub use address::{BrokerUrl, InvalidBrokerUrl};

/// Times and bounds of the link, in one place.
mod limits {
    use super::Duration;

    /// Messages on their way to the broker. At the bound replies wait for
    /// [`REPLY_WAIT`] and are dropped, and state is published a moment later.
    pub(super) const OUTGOING_MAX: usize = 512;
    /// Requests of one device that wait for the office. At the bound further
    /// ones are dropped: the device repeats what was not answered.
    pub(super) const REQUESTS_WAITING_MAX: usize = 128;
    /// Requests of one device that the office has at the same time.
    pub(super) const REQUESTS_AT_ONCE_MAX: usize = 32;
    /// Longest free text that is kept of a device's report, characters.
    pub(super) const REPORT_TEXT_CHARS_MAX: usize = 80;
    /// How long a reply waits for room; after it the device has long asked again.
    pub(super) const REPLY_WAIT: Duration = Duration::from_secs(5);
    /// Seconds after which an undelivered reply is of no use to a device.
    pub(super) const REPLY_EXPIRY_SECONDS: u32 = 60;
    /// Seconds after which an undelivered heartbeat would be a lie.
    pub(super) const HEARTBEAT_EXPIRY_SECONDS: u32 = 2;
    /// First and longest wait before connecting again.
    pub(super) const RECONNECT_FIRST: Duration = Duration::from_millis(100);
    pub(super) const RECONNECT_MAX: Duration = Duration::from_secs(5);
    /// How long a connection must have lived to count as one that works.
    pub(super) const LIVES_AFTER: Duration = Duration::from_secs(5);
    /// Longest time for one attempt to connect, seconds.
    pub(super) const CONNECT_SECONDS_MAX: u64 = 5;
    /// Silence after which the connection is tested.
    pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(5);
    /// Longest wait for a clean goodbye.
    pub(super) const STOP_WAIT: Duration = Duration::from_secs(2);
}

/// Which broker, and for which office.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    /// The broker and the login to it.
    pub broker: BrokerUrl,
    /// The office whose topics are used.
    pub office: OfficeId,
}

/// The running link.
#[derive(Debug)]
pub struct Link {
    connection: watch::Receiver<Connection>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Link {
    /// Connects to the broker, and keeps connecting for as long as it is needed.
    /// A broker that cannot be reached is no error: counters work without it.
    #[must_use]
    pub fn start(settings: LinkSettings, office: OfficeHandle) -> Self {
        let topics = Topics::new(&settings.office);
        let (client, events) = connection::client(&settings);
        let (stop, stopping) = watch::channel(false);
        let (connected, connection) = watch::channel(Connection::Lost);
        let mut tasks = JoinSet::new();
        tasks.spawn(publish_state(
            client.clone(),
            topics.clone(),
            office.clone(),
            connection.clone(),
            stopping,
        ));
        let dispatcher = requests::Dispatcher::new(client, topics, office);
        tasks.spawn(poll(events, dispatcher, connected, settings.broker));
        Self {
            connection,
            stop,
            tasks,
        }
    }

    /// Waits until the broker has let the server in and devices are heard.
    pub async fn wait_connected(&self) {
        let mut connection = self.connection.clone();
        // The sender lives in a task that ends with this link only.
        let _ = connection
            .wait_for(|connection| connection.hears_devices())
            .await;
    }

    /// Resolves when a part of the link has ended, which without [`Link::stop`]
    /// it does only by a bug, or when the office has ended: no device is
    /// answered then. May be dropped and called again.
    pub async fn ended(&mut self) {
        if let Some(Err(error)) = self.tasks.join_next().await {
            tracing::error!(%error, "a part of the MQTT link has ended by a fault of the program");
        }
    }

    /// Tells the devices to work on paper from now on, and disconnects.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(limits::STOP_WAIT, ended).await.is_err() {
            tracing::debug!("the MQTT broker did not take the goodbye in time");
        }
    }
}

/// Publishes what devices need to know, at each connection and each change.
async fn publish_state(
    client: AsyncClient,
    topics: Topics,
    office: OfficeHandle,
    mut connection: watch::Receiver<Connection>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut view = office.watch();
    let mut publications = Publications::new(topics.clone());
    let mut known = None;
    loop {
        let now = connection.borrow_and_update().number();
        if now != known && now.is_some() {
            // Subscriptions go first: whoever hears the heartbeat may ask.
            subscribe(&client, &topics).await;
            publications.connected();
        }
        known = now;
        let is_live = known.is_some();
        if is_live {
            let newest = view.borrow_and_update().clone();
            let due = publications.due(&newest, std::time::Instant::now(), office.now());
            for publication in due {
                let subject = publication.subject;
                if !publish(&client, publication) {
                    publications.refused(subject);
                }
            }
        }
        let next = publications.next_at(std::time::Instant::now()).into();
        tokio::select! {
            changed = view.changed() => if changed.is_err() { break },
            changed = connection.changed() => if changed.is_err() { return },
            _ = stopping.wait_for(|stop| *stop) => break,
            () = sleep_until(next), if is_live => {}
        }
    }
    let last = view.borrow().clone();
    publish(&client, publications.farewell(&last, office.now()));
    let _ = timeout(limits::STOP_WAIT, client.disconnect()).await;
}

async fn subscribe(client: &AsyncClient, topics: &Topics) {
    let filters = [topics.request_filter(), topics.device_filter()].map(|filter| {
        let mut filter = Filter::new(filter, QoS::AtLeastOnce);
        // MQTT 5 §3.8.3.1, "retain as published": a request that was published
        // retained is known as such from the first time on.
        filter.preserve_retain = true;
        filter
    });
    if timeout(limits::REPLY_WAIT, client.subscribe_many(filters))
        .await
        .is_err()
    {
        tracing::warn!("the MQTT broker does not take the server's subscriptions");
    }
}

/// Whether there was room for it.
fn publish(client: &AsyncClient, publication: Publication) -> bool {
    let is_retained = publication.is_retained();
    let (qos, expiry) = if is_retained {
        (QoS::AtLeastOnce, None)
    } else {
        (QoS::AtMostOnce, Some(limits::HEARTBEAT_EXPIRY_SECONDS))
    };
    let properties = PublishProperties {
        message_expiry_interval: expiry,
        ..json()
    };
    client
        .try_publish_with_properties(
            publication.topic,
            qos,
            is_retained,
            publication.payload,
            properties,
        )
        .is_ok()
}

/// MQTT 5 §3.3.2.3: the payload is UTF-8, and which kind of text it is.
fn json() -> PublishProperties {
    PublishProperties {
        payload_format_indicator: Some(1),
        content_type: Some("application/json".to_owned()),
        ..PublishProperties::default()
    }
}

#[cfg(test)]
mod tests;
