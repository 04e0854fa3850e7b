//! The task that polls the connection to the broker.

use std::time::Duration;

use rumqttc::NetworkOptions;
use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, Packet, PubAckReason, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use tokio::sync::watch;
use tokio::time::sleep;

use super::requests::Dispatcher;
use super::{BrokerUrl, LinkSettings, limits};
use crate::broker::PACKET_BYTES_MAX;
use crate::broker::access::SERVER_USER;

/// Whether the broker has let us in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Lost,
    Live {
        /// Each connection has a number of its own, so that one that was lost
        /// and found between two looks is still a new one.
        number: u64,
        /// Whether the broker has answered our subscriptions: requests that
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
    let mut pause = limits::RECONNECT_FIRST;
    let mut said = None;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                number += 1;
                pause = limits::RECONNECT_FIRST;
                said = None;
                tracing::info!(broker = place, "connected to the MQTT broker");
                connected.send_replace(Connection::Live {
                    number,
                    hears_devices: false,
                });
            }
            Ok(Event::Incoming(Packet::Publish(message))) => dispatcher.dispatch(message),
            Ok(Event::Incoming(Packet::SubAck(answer))) => {
                report_refused_subscription(&answer);
                connected.send_replace(Connection::Live {
                    number,
                    hears_devices: true,
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
                let trouble = in_words(&error);
                if said.as_ref() != Some(&trouble) {
                    tracing::warn!(
                        broker = place,
                        "no connection to the MQTT broker, trying again: {trouble}"
                    );
                    said = Some(trouble);
                }
                sleep(pause).await;
                pause = longer(pause);
            }
        }
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(limits::RECONNECT_MAX)
}

fn report_refused_subscription(answer: &SubAck) {
    let refused = answer
        .return_codes
        .iter()
        .any(|code| !matches!(code, SubscribeReasonCode::Success(_)));
    if refused {
        tracing::error!(
            codes = ?answer.return_codes,
            "the MQTT broker does not let the server subscribe, so no device is heard: \
             give its user the rights that docs/protocol.md lists"
        );
    }
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
    fn pauses_grow_to_a_bound() {
        let mut pause = limits::RECONNECT_FIRST;
        for _ in 0..20 {
            let next = longer(pause);
            assert!(next >= pause);
            pause = next;
        }
        assert_eq!(pause, limits::RECONNECT_MAX);
    }
}
