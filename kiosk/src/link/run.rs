//! The link's thread: one task polls rumqttc, one does everything else.
//!
//! They are apart because rumqttc stops reading while a publish waits for room
//! in its channel: who polls must never publish.

use std::time::Duration;

use rumqttc::NetworkOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    DisconnectReasonCode, LastWill, Packet, Publish, PublishProperties,
};
use rumqttc::v5::{
    AsyncClient, ClientError, ConnectionError, Event, EventLoop, MqttOptions, StateError,
};
use tokio::sync::mpsc;
use tracing::{debug, info, warn};
use usher_protocol::message::{
    DeviceStatus, Heartbeat, PACKET_BYTES_MAX, Presence, Request, RequestBody, UnreadableMessage,
    decode, encode,
};
use usher_protocol::topic::Topics;

use super::attempts::Attempts;
use super::news_age::NewsAge;
use super::watchdog::Watchdog;
use super::{LinkConfig, LinkEvent, Order, Outgoing, REQUESTS_WAITING_MAX, delays};
use crate::clock;

/// What the connection said and nobody has looked at yet. At the bound the
/// connection is not read, so that the broker waits.
const NEWS_WAITING_MAX: usize = 64;

/// What the connection says.
#[expect(
    clippy::large_enum_variant,
    reason = "a few at a time pass through a bounded inbox"
)]
enum News {
    Connected,
    Lost,
    Message(Publish),
}

pub(super) async fn run(
    config: LinkConfig,
    mut orders: mpsc::Receiver<Order>,
    on_event: impl FnMut(LinkEvent),
) {
    let topics = Topics::new(&config.office);
    let (client, connection) = AsyncClient::new(options(&config, &topics), REQUESTS_WAITING_MAX);
    let (tell, mut news) = mpsc::channel(NEWS_WAITING_MAX);
    let poller = tokio::spawn(poll(
        connection,
        format!("{}:{}", config.host, config.port),
        tell,
    ));
    let mut link = Running {
        topics,
        config,
        client,
        on_event,
        watchdog: Watchdog::default(),
        status: None,
        is_connected: false,
        complaint: String::new(),
        waits_age: NewsAge::default(),
        calls_age: NewsAge::default(),
    };
    let mut look = tokio::time::interval(delays::LOOK);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => link.obey(order),
                None => break,
            },
            Some(news) = news.recv() => link.hear(news),
            _ = look.tick() => {
                let change = link.watchdog.look(clock::uptime());
                link.tell_if_changed(change);
            }
        }
    }
    link.say_farewell();
    // The poller ends by itself once the broker has closed; what it still tells is of no use.
    let _ = tokio::time::timeout(delays::FAREWELL, async {
        while news.recv().await.is_some() {}
    })
    .await;
    poller.abort();
}

fn options(config: &LinkConfig, topics: &Topics) -> MqttOptions {
    let mut options = MqttOptions::new(config.device.as_str(), &config.host, config.port);
    options.set_credentials(config.device.as_str(), &config.secret);
    options.set_keep_alive(delays::KEEP_ALIVE);
    options.set_connection_timeout(delays::CONNECT_MAX.as_secs());
    options.set_clean_start(false);
    options.set_session_expiry_interval(seconds(delays::SESSION_KEPT));
    options.set_max_packet_size(Some(PACKET_BYTES_MAX));
    options.set_last_will(LastWill::new(
        topics.presence(&config.device),
        encode(&presence(config, false)),
        QoS::AtLeastOnce,
        true,
        None,
    ));
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    options
}

fn seconds(time: Duration) -> Option<u32> {
    u32::try_from(time.as_secs()).ok()
}

fn presence(config: &LinkConfig, online: bool) -> Presence {
    Presence {
        online,
        role: config.role,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Drives the connection and passes on what it says, until nobody listens.
async fn poll(mut connection: EventLoop, broker: String, tell: mpsc::Sender<News>) {
    let mut attempts = Attempts::default();
    loop {
        let news = match connection.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                if attempts.connected(clock::uptime()) {
                    info!(broker, "connected to the broker");
                }
                News::Connected
            }
            Ok(Event::Incoming(Packet::Publish(message))) => News::Message(message),
            Ok(_) => continue,
            Err(error) => {
                let lost = attempts.lost(advice(&error), clock::uptime());
                if let Some(complaint) = lost.complaint {
                    warn!(
                        broker,
                        "no connection to the broker: {complaint}; trying again"
                    );
                }
                if tell.send(News::Lost).await.is_err() {
                    return;
                }
                tokio::time::sleep(lost.pause).await;
                continue;
            }
        };
        if tell.send(news).await.is_err() {
            return;
        }
    }
}

fn advice(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(code) => format!(
            "it refuses this device ({code:?}); compare [device] id and the secret in the device \
             file with the office file"
        ),
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            ..
        }) => "another device uses this device's id; give each device file a [device] id and a \
               secret of its own"
            .to_owned(),
        ConnectionError::Io(error) => format!("{error}; check the network and [server] broker"),
        ConnectionError::Timeout(_) => {
            "it does not answer; check the network and [server] broker".to_owned()
        }
        other => other.to_string(),
    }
}

/// The task that does everything but polling.
struct Running<F> {
    topics: Topics,
    config: LinkConfig,
    client: AsyncClient,
    on_event: F,
    watchdog: Watchdog,
    status: Option<DeviceStatus>,
    is_connected: bool,
    complaint: String,
    waits_age: NewsAge,
    calls_age: NewsAge,
}

impl<F: FnMut(LinkEvent)> Running<F> {
    fn obey(&mut self, order: Order) {
        match order {
            Order::Send(outgoing) => self.send(outgoing),
            Order::Report(status) => {
                self.status = Some(status);
                self.publish_status();
            }
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Connected => {
                self.is_connected = true;
                self.waits_age.forget();
                self.calls_age.forget();
                self.greet();
            }
            // Whether the server is gone is for the watchdog to say: a short
            // break that is mended in time is nobody's business.
            News::Lost => self.is_connected = false,
            News::Message(message) => self.read(&message),
        }
    }

    /// After each connection: the broker may have forgotten everything.
    fn greet(&mut self) {
        let reply = self.topics.reply(&self.config.device);
        for filter in [self.topics.state_filter(), reply] {
            let outcome = self.client.try_subscribe(filter, QoS::AtLeastOnce);
            tell_if_full(&outcome);
        }
        self.publish_presence(true);
        self.publish_status();
    }

    fn read(&mut self, message: &Publish) {
        let Ok(topic) = std::str::from_utf8(&message.topic) else {
            return;
        };
        let payload = &message.payload;
        let event = if topic == self.topics.heartbeat() {
            match decode::<Heartbeat>(payload) {
                Ok(beat) => {
                    let change = self.watchdog.beat(beat.accepting, clock::uptime());
                    self.tell_if_changed(change);
                    return;
                }
                Err(error) => Err(error),
            }
        } else if topic == self.topics.reply(&self.config.device) {
            decode(payload).map(LinkEvent::Reply)
        } else if topic == self.topics.office() {
            decode(payload).map(LinkEvent::Office)
        } else if topic == self.topics.waits() {
            decode(payload).map(LinkEvent::Waits)
        } else if topic == self.topics.calls() {
            decode(payload).map(LinkEvent::Calls)
        } else {
            debug!(topic, "a message that this version does not know");
            return;
        };
        match event {
            Ok(event) if self.is_news(&event, message.retain) => (self.on_event)(event),
            Ok(_) => debug!(topic, "a retained message that came too late"),
            Err(error) => self.complain(topic, &error),
        }
    }

    fn is_news(&mut self, event: &LinkEvent, is_retained: bool) -> bool {
        match event {
            LinkEvent::Waits(waits) => self.waits_age.is_news(waits.as_of, is_retained),
            LinkEvent::Calls(calls) => self.calls_age.is_news(calls.as_of, is_retained),
            _ => true,
        }
    }

    /// Once for the same trouble, however often it comes.
    fn complain(&mut self, topic: &str, error: &UnreadableMessage) {
        let complaint = format!("{topic}: {error}");
        if complaint != self.complaint {
            warn!(topic, %error, "the server sent a message that cannot be read; is it of another version?");
            self.complaint = complaint;
        }
    }

    fn tell_if_changed(&mut self, change: Option<bool>) {
        if let Some(is_online) = change {
            if is_online {
                info!("the queue server is there");
            } else {
                warn!("the queue server is gone");
            }
            (self.on_event)(LinkEvent::Online(is_online));
        }
    }

    fn send(&self, outgoing: Outgoing) {
        // Without a connection it would only lie in rumqttc's memory and come
        // late; who needs an answer sends again.
        if !self.is_connected {
            return;
        }
        let expiry = match outgoing.body {
            RequestBody::CheckIn { .. } => seconds(delays::CHECK_IN_EXPIRY),
            _ => None,
        };
        let properties = PublishProperties {
            response_topic: Some(self.topics.reply(&self.config.device)),
            correlation_data: Some(outgoing.id.as_str().to_owned().into()),
            content_type: Some("application/json".to_owned()),
            message_expiry_interval: expiry,
            ..PublishProperties::default()
        };
        let request = Request {
            id: outgoing.id,
            sent_at: clock::now().wall,
            boot: outgoing.boot,
            body: outgoing.body,
        };
        tell_if_full(&self.client.try_publish_with_properties(
            self.topics.request(&self.config.device),
            QoS::AtLeastOnce,
            false,
            encode(&request),
            properties,
        ));
    }

    fn publish_presence(&self, online: bool) {
        tell_if_full(&self.client.try_publish(
            self.topics.presence(&self.config.device),
            QoS::AtLeastOnce,
            true,
            encode(&presence(&self.config, online)),
        ));
    }

    fn publish_status(&self) {
        if let Some(status) = self.status.as_ref().filter(|_| self.is_connected) {
            tell_if_full(&self.client.try_publish(
                self.topics.status(&self.config.device),
                QoS::AtLeastOnce,
                true,
                encode(status),
            ));
        }
    }

    fn say_farewell(&self) {
        if self.is_connected {
            self.publish_presence(false);
            tell_if_full(&self.client.try_disconnect());
        }
    }
}

fn tell_if_full(outcome: &Result<(), ClientError>) {
    if outcome.is_err() {
        debug!("the connection takes no more; what matters is sent again later");
    }
}
