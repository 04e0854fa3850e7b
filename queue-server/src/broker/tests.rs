//! The embedded broker, asked by the client that devices use.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, LastWill, Packet, PubAckReason, Publish, PublishProperties,
    SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use tokio::time::timeout;
use usher_protocol::form_code::SealKey;
use usher_protocol::message::{PACKET_BYTES_MAX, PAYLOAD_BYTES_MAX, Role};
use usher_protocol::{DeviceId, OfficeId};

use super::access::SERVER_USER;
use super::{Access, BrokerError, BrokerLogin, DeviceCredential, EmbeddedBroker};

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);
const SERVER_PASSWORD: [u8; 32] = [9; 32];

fn topic(rest: &str) -> String {
    format!("usher/v1/sample/{rest}")
}

async fn broker() -> EmbeddedBroker {
    start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .unwrap()
}

async fn start(address: SocketAddr) -> Result<EmbeddedBroker, BrokerError> {
    let devices: BTreeMap<_, _> = ["kiosk-1", "kiosk-2"]
        .map(|id| {
            let credential = DeviceCredential {
                role: Role::Kiosk,
                key: SealKey::from_secret(&format!("secret of {id}")),
            };
            (DeviceId::new(id).unwrap(), credential)
        })
        .into();
    let office = OfficeId::new("sample").unwrap();
    let server = BrokerLogin::of_server(SERVER_PASSWORD);
    EmbeddedBroker::start(address, Access::new(&office, devices, server)).await
}

/// A client and what it hears.
struct Client {
    client: AsyncClient,
    events: EventLoop,
}

impl Client {
    fn options(broker: &EmbeddedBroker, user: &str, password: &str) -> MqttOptions {
        let mut options = MqttOptions::new(user, "127.0.0.1", broker.address().port());
        options.set_credentials(user, password);
        options.set_max_packet_size(Some(PACKET_BYTES_MAX));
        options
    }

    fn new(options: MqttOptions) -> Self {
        let (client, events) = AsyncClient::new(options, 1_000);
        Self { client, events }
    }

    async fn device(broker: &EmbeddedBroker, id: &str) -> Self {
        let options = Self::options(broker, id, &format!("secret of {id}"));
        Self::connected(options).await
    }

    async fn server(broker: &EmbeddedBroker) -> Self {
        let login = BrokerLogin::of_server(SERVER_PASSWORD);
        Self::connected(Self::options(broker, &login.user, &login.password)).await
    }

    async fn connected(options: MqttOptions) -> Self {
        let mut client = Self::new(options);
        client
            .until(|packet| matches!(packet, Packet::ConnAck(_)).then_some(()))
            .await;
        client
    }

    /// Waits for a packet of interest.
    async fn until<T>(&mut self, mut wanted: impl FnMut(&Packet) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap()
                    && let Some(found) = wanted(&packet)
                {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("it did not come")
    }

    async fn refusal(mut self) -> ConnectReturnCode {
        match timeout(PATIENCE, self.events.poll()).await.unwrap() {
            Err(ConnectionError::ConnectionRefused(code)) => code,
            other => panic!("not refused: {other:?}"),
        }
    }

    async fn subscribe(&mut self, filter: &str) -> SubscribeReasonCode {
        self.client
            .subscribe(filter, QoS::AtLeastOnce)
            .await
            .unwrap();
        self.until(|packet| match packet {
            Packet::SubAck(ack) => Some(ack.return_codes[0]),
            _ => None,
        })
        .await
    }

    async fn publish(&mut self, topic: &str, retain: bool) -> PubAckReason {
        self.client
            .publish(topic, QoS::AtLeastOnce, retain, topic.as_bytes().to_vec())
            .await
            .unwrap();
        self.until(|packet| match packet {
            Packet::PubAck(ack) => Some(ack.reason),
            _ => None,
        })
        .await
    }

    async fn message(&mut self) -> Publish {
        self.until(|packet| match packet {
            Packet::Publish(message) => Some(message.clone()),
            _ => None,
        })
        .await
    }
}

#[tokio::test]
async fn only_who_proves_to_be_a_device_gets_in() {
    let broker = broker().await;
    let refused = async |user: &str, password: &str| {
        Client::new(Client::options(&broker, user, password))
            .refusal()
            .await
    };
    assert_eq!(
        refused("kiosk-1", "secret of kiosk-2").await,
        ConnectReturnCode::BadUserNamePassword
    );
    assert_eq!(
        refused("kiosk-9", "secret of kiosk-9").await,
        ConnectReturnCode::BadUserNamePassword
    );
    assert_eq!(
        refused(SERVER_USER, "a guess").await,
        ConnectReturnCode::BadUserNamePassword
    );
    let anonymous = MqttOptions::new("evil", "127.0.0.1", broker.address().port());
    assert_eq!(
        Client::new(anonymous).refusal().await,
        ConnectReturnCode::NotAuthorized
    );
    Client::device(&broker, "kiosk-1").await;
}

#[tokio::test]
async fn a_device_can_neither_push_another_out_nor_speak_for_it() {
    let broker = broker().await;
    let mut victim = Client::device(&broker, "kiosk-2").await;
    let mut options = Client::options(&broker, "kiosk-1", "secret of kiosk-1");
    options.set_client_id("kiosk-2".to_owned());
    assert_eq!(
        Client::new(options).refusal().await,
        ConnectReturnCode::NotAuthorized
    );
    let mut options = Client::options(&broker, "kiosk-1", "secret of kiosk-1");
    options.set_last_will(LastWill::new(
        topic("device/kiosk-2/presence"),
        "gone",
        QoS::AtLeastOnce,
        true,
        None,
    ));
    assert_eq!(
        Client::new(options).refusal().await,
        ConnectReturnCode::NotAuthorized
    );
    assert_eq!(
        victim.subscribe(&topic("reply/kiosk-2")).await,
        SubscribeReasonCode::Success(QoS::AtLeastOnce),
        "the other device's connection was harmed"
    );
}

#[tokio::test]
async fn foreign_topics_are_refused_with_the_reason_of_mqtt_5() {
    let broker = broker().await;
    let mut kiosk = Client::device(&broker, "kiosk-1").await;
    for foreign in ["reply/kiosk-2", "request/+", "device/+/+", "#"] {
        assert_eq!(
            kiosk.subscribe(&topic(foreign)).await,
            SubscribeReasonCode::NotAuthorized,
            "{foreign}"
        );
    }
    for foreign in ["request/kiosk-2", "state/calls", "reply/kiosk-1"] {
        assert_eq!(
            kiosk.publish(&topic(foreign), false).await,
            PubAckReason::NotAuthorized,
            "{foreign}"
        );
    }
    // The connection lives on, and its own topics work.
    assert_eq!(
        kiosk.subscribe(&topic("state/+")).await,
        SubscribeReasonCode::Success(QoS::AtLeastOnce)
    );
    assert_ne!(
        kiosk.publish(&topic("request/kiosk-1"), false).await,
        PubAckReason::NotAuthorized
    );
}

#[tokio::test]
async fn all_retained_messages_reach_who_comes_later() {
    const COUNT: usize = 300;
    let broker = broker().await;
    let mut server = Client::server(&broker).await;
    for n in 0..COUNT {
        server.publish(&topic(&format!("state/s{n}")), true).await;
    }
    // An empty payload removes what was retained (MQTT 5 §3.3.1.3).
    server
        .client
        .publish(topic("state/s0"), QoS::AtLeastOnce, true, "")
        .await
        .unwrap();
    server
        .until(|packet| matches!(packet, Packet::PubAck(_)).then_some(()))
        .await;

    let mut kiosk = Client::device(&broker, "kiosk-1").await;
    let filter = topic("state/+");
    kiosk
        .client
        .subscribe(filter, QoS::AtLeastOnce)
        .await
        .unwrap();
    let mut heard = BTreeSet::new();
    while heard.len() < COUNT - 1 {
        let message = kiosk.message().await;
        assert!(message.retain);
        assert_eq!(message.topic, message.payload);
        heard.insert(message.topic);
    }
    assert!(!heard.contains(topic("state/s0").as_bytes()));
}

#[tokio::test]
async fn the_will_of_a_device_that_is_cut_off_is_delivered_and_kept() {
    let broker = broker().await;
    let mut server = Client::server(&broker).await;
    server.subscribe(&topic("device/+/+")).await;
    let presence = topic("device/kiosk-1/presence");
    let mut options = Client::options(&broker, "kiosk-1", "secret of kiosk-1");
    options.set_last_will(LastWill::new(
        presence.clone(),
        "gone",
        QoS::AtLeastOnce,
        true,
        None,
    ));
    let kiosk = Client::connected(options).await;
    // No DISCONNECT: the socket just closes, as with a pulled cable.
    drop(kiosk);
    let will = server.message().await;
    assert_eq!(will.topic, presence.as_bytes());
    assert_eq!(will.payload, "gone");

    let mut later = Client::server(&broker).await;
    let filter = topic("device/+/+");
    later
        .client
        .subscribe(filter, QoS::AtLeastOnce)
        .await
        .unwrap();
    assert_eq!(later.message().await.payload, "gone");
}

#[tokio::test]
async fn the_properties_of_request_and_response_pass_through() {
    let broker = broker().await;
    let mut server = Client::server(&broker).await;
    server.subscribe(&topic("request/+")).await;
    let kiosk = Client::device(&broker, "kiosk-1").await;
    let sent = PublishProperties {
        response_topic: Some(topic("reply/kiosk-1")),
        correlation_data: Some(vec![0, 255, 7].into()),
        message_expiry_interval: Some(60),
        ..PublishProperties::default()
    };
    kiosk
        .client
        .publish_with_properties(
            topic("request/kiosk-1"),
            QoS::AtLeastOnce,
            false,
            "{}",
            sent.clone(),
        )
        .await
        .unwrap();
    let Client { mut events, .. } = kiosk;
    let polling = tokio::spawn(async move { while events.poll().await.is_ok() {} });
    let heard = server.message().await.properties.unwrap();
    assert_eq!(heard.response_topic, sent.response_topic);
    assert_eq!(heard.correlation_data, sent.correlation_data);
    assert!((55..=60).contains(&heard.message_expiry_interval.unwrap()));
    polling.abort();
}

#[tokio::test]
async fn the_longest_payload_passes_both_ways() {
    let broker = broker().await;
    let mut server = Client::server(&broker).await;
    server.subscribe(&topic("request/+")).await;
    let mut kiosk = Client::device(&broker, "kiosk-1").await;
    kiosk.subscribe(&topic("state/+")).await;
    let longest = vec![b' '; PAYLOAD_BYTES_MAX];
    let send = async |from: &mut Client, to: &str, retain| {
        from.client
            .publish(topic(to), QoS::AtLeastOnce, retain, longest.clone())
            .await
            .unwrap();
        from.until(|packet| matches!(packet, Packet::PubAck(_)).then_some(()))
            .await;
    };
    send(&mut kiosk, "request/kiosk-1", false).await;
    assert_eq!(server.message().await.payload, longest);
    send(&mut server, "state/office", true).await;
    assert_eq!(kiosk.message().await.payload, longest);
}

#[tokio::test]
async fn the_end_of_the_broker_is_told() {
    let mut broker = broker().await;
    assert!(
        timeout(Duration::from_millis(20), broker.ended())
            .await
            .is_err(),
        "it runs"
    );
    broker.accepting.abort();
    for _ in 0..2 {
        timeout(PATIENCE, broker.ended()).await.unwrap();
    }
}

#[tokio::test]
async fn nobody_takes_over_a_session_that_was_opened_by_another_name() {
    let broker = broker().await;
    let mut options = Client::options(&broker, "kiosk-1", "secret of kiosk-1");
    options.set_client_id("kiosk-1/tool".to_owned());
    let mut victim = Client::connected(options).await;
    for id in ["kiosk-1/tool", "tool"] {
        let mut options = Client::options(&broker, "kiosk-2", "secret of kiosk-2");
        options.set_client_id(id.to_owned());
        assert_eq!(
            Client::new(options).refusal().await,
            ConnectReturnCode::NotAuthorized,
            "{id}"
        );
    }
    victim.subscribe(&topic("state/+")).await;
}

#[tokio::test]
async fn a_packet_beyond_the_limit_ends_only_its_own_connection() {
    let broker = broker().await;
    let mut options = Client::options(&broker, "kiosk-1", "secret of kiosk-1");
    options.set_max_packet_size(Some(u32::MAX));
    let mut kiosk = Client::connected(options).await;
    let mut other = Client::device(&broker, "kiosk-2").await;
    // The client knows the broker's limit from CONNACK and refuses by itself;
    // either way the message must not get through.
    let _ = kiosk
        .client
        .publish(
            topic("request/kiosk-1"),
            QoS::AtLeastOnce,
            false,
            vec![b' '; PACKET_BYTES_MAX as usize],
        )
        .await;
    let ended = async { while kiosk.events.poll().await.is_ok() {} };
    timeout(PATIENCE, ended).await.expect("it got through");
    other.subscribe(&topic("state/+")).await;
}

#[tokio::test]
async fn an_address_in_use_is_a_clear_sentence() {
    let broker = broker().await;
    let error = start(broker.address()).await.unwrap_err();
    assert!(matches!(error, BrokerError::AddressInUse(_)), "{error:?}");
    assert!(error.to_string().contains("in use by another program"));
}
