//! The task that polls the connection to the broker.

use std::time::{Duration, Instant};

use rumqttc::NetworkOptions;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, Packet, PubAckReason, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use tokio::sync::watch;
use tokio::time::sleep;
use usher_protocol::message::PACKET_BYTES_MAX;

use super::requests::Dispatcher;
use super::{BrokerUrl, LinkSettings, limits};
use crate::broker::access::SERVER_USER;

/// Whether the broker has let us in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Lost,
    Live {
        /// Each connection has a number of its own, so that one that was lost
        /// and found between two looks is still a new one.
        number: u64,
        /// Whether the broker has granted our subscriptions: requests that
        /// devices send from now on reach us.
        hears_devices: bool,
    },
}

impl Connection {
    pub(super) fn number(self) -> Option<u64> {
        match self {
            Self::Lost => None,
            Self::Live { number, .. } => Some(number),
        }
    }

    pub(super) fn hears_devices(self) -> bool {
        matches!(
            self,
            Self::Live {
                hears_devices: true,
                ..
            }
        )
    }
}

/// A client for `settings`, not yet connected.
pub(super) fn client(settings: &LinkSettings) -> (AsyncClient, EventLoop) {
    let login = settings.broker.login.as_ref();
    let client_id = match login {
        Some(login) if login.user == SERVER_USER => SERVER_USER.to_owned(),
        _ => format!("usher-server-{}", settings.office),
    };
    let mut options = MqttOptions::new(client_id, &settings.broker.host, settings.broker.port);
    if let Some(login) = login {
        options.set_credentials(&login.user, &login.password);
    }
    // No session: requests that came while the server was away are stale, and
    // devices repeat what was not answered.
    options.set_clean_start(true);
    options.set_keep_alive(limits::KEEP_ALIVE);
    options.set_connection_timeout(limits::CONNECT_SECONDS_MAX);
    options.set_max_packet_size(Some(PACKET_BYTES_MAX));
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    AsyncClient::new(options, limits::OUTGOING_MAX)
}

/// Keeps the connection, and gives what comes in to `dispatcher`. Ends after a
/// clean goodbye. Waits for nothing but the network and its own pauses.
pub(super) async fn poll(
    mut events: EventLoop,
    mut dispatcher: Dispatcher,
    connected: watch::Sender<Connection>,
    broker: BrokerUrl,
) {
    let place = format!("{}:{}", broker.host, broker.port);
    let mut number = 0_u64;
    let mut trouble = Trouble::new();
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                number += 1;
                if trouble.connected(Instant::now()) {
                    tracing::info!(broker = place, "connected to the MQTT broker");
                }
                connected.send_replace(Connection::Live {
                    number,
                    hears_devices: false,
                });
            }
            Ok(Event::Incoming(Packet::Publish(message))) => dispatcher.dispatch(message),
            Ok(Event::Incoming(Packet::SubAck(answer))) => {
                let hears_devices = is_granted(&answer);
                if !hears_devices {
                    tracing::error!(
                        codes = ?answer.return_codes,
                        "the MQTT broker does not let the server subscribe, so no device is heard: \
                         give its user the rights that docs/protocol.md lists"
                    );
                }
                connected.send_replace(Connection::Live {
                    number,
                    hears_devices,
                });
            }
            Ok(Event::Incoming(Packet::PubAck(answer)))
                if answer.reason == PubAckReason::NotAuthorized =>
            {
                dispatcher.report(
                    "the MQTT broker does not let the server publish: \
                     give its user the rights that docs/protocol.md lists",
                );
            }
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(error) => {
                connected.send_replace(Connection::Lost);
                let words = in_words(&error);
                let (pause, is_news) = trouble.lost(&words, Instant::now());
                if is_news {
                    tracing::warn!(
                        broker = place,
                        "no connection to the MQTT broker, trying again: {words}"
                    );
                }
                sleep(pause).await;
            }
        }
    }
}

/// How long to wait before connecting again, and whether to speak of it.
///
/// Only a connection that has lived for [`limits::LIVES_AFTER`] ends a trouble:
/// one that the broker accepts and closes at once would otherwise be made
/// again ten times a second, with a line in the log each time.
#[derive(Debug)]
struct Trouble {
    pause: Duration,
    said: Option<String>,
    is_end_told: bool,
    connected_at: Option<Instant>,
}

impl Trouble {
    fn new() -> Self {
        Self {
            pause: limits::RECONNECT_FIRST,
            said: None,
            is_end_told: false,
            connected_at: None,
        }
    }

    /// Whether this is news: the first connection since something else was said.
    fn connected(&mut self, now: Instant) -> bool {
        self.connected_at = Some(now);
        !std::mem::replace(&mut self.is_end_told, true)
    }

    /// The pause before the next attempt, and whether `words` are news.
    fn lost(&mut self, words: &str, now: Instant) -> (Duration, bool) {
        let lived = self.connected_at.take();
        if lived.is_some_and(|since| now.duration_since(since) >= limits::LIVES_AFTER) {
            *self = Self::new();
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(limits::RECONNECT_MAX);
        let is_news = self.said.as_deref() != Some(words);
        if is_news {
            self.said = Some(words.to_owned());
            self.is_end_told = false;
        }
        (pause, is_news)
    }
}

fn is_granted(answer: &SubAck) -> bool {
    answer
        .return_codes
        .iter()
        .all(|code| matches!(code, SubscribeReasonCode::Success(_)))
}

fn in_words(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => "it refuses the server's user name or password; check the --broker address".to_owned(),
        ConnectionError::ConnectionRefused(code) => format!("it refuses the server: {code:?}"),
        ConnectionError::Timeout(_) => "it does not answer".to_owned(),
        ConnectionError::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_the_same_trouble_is_told_once() {
        let mut trouble = Trouble::new();
        let start = Instant::now();
        let mut longest = Duration::ZERO;
        for n in 0..20 {
            let (pause, is_news) = trouble.lost("it does not answer", start);
            assert!(pause >= longest);
            assert_eq!(is_news, n == 0);
            longest = pause;
        }
        assert_eq!(longest, limits::RECONNECT_MAX);
        assert!(trouble.lost("it refuses", start).1);
    }

    #[test]
    fn a_connection_that_is_closed_at_once_is_no_end_of_the_trouble() {
        let mut trouble = Trouble::new();
        let mut now = Instant::now();
        let mut told = 0;
        for _ in 0..20 {
            told += u32::from(trouble.connected(now));
            now += Duration::from_millis(50);
            let (pause, is_news) = trouble.lost("the packet is too large", now);
            told += u32::from(is_news);
            now += pause;
        }
        // Connected, lost, connected; and no more of it.
        assert_eq!(told, 3);
        trouble.connected(now);
        now += limits::LIVES_AFTER;
        let (pause, is_news) = trouble.lost("the packet is too large", now);
        assert_eq!((pause, is_news), (limits::RECONNECT_FIRST, true));
        assert!(trouble.connected(now), "the end of a trouble is told");
    }

    #[test]
    fn a_refused_subscription_is_no_hearing_of_devices() {
        let granted = SubscribeReasonCode::Success(rumqttc::v5::mqttbytes::QoS::AtLeastOnce);
        let answer = |codes: &[SubscribeReasonCode]| SubAck {
            pkid: 1,
            return_codes: codes.to_vec(),
            properties: None,
        };
        assert!(is_granted(&answer(&[granted, granted])));
        let refused = SubscribeReasonCode::NotAuthorized;
        assert!(!is_granted(&answer(&[granted, refused])));
    }
}
