//! The link between the embedded broker and a fake office.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use usher_protocol::form_code::SealKey;
use usher_protocol::message::{
    Answer, Calls, DeviceStatus, Heartbeat, OfficeInfo, Outcome, PACKET_BYTES_MAX,
    PAYLOAD_BYTES_MAX, Presence, RejectionCode, Reply, Request, RequestBody, Role, Waits, decode,
    encode,
};
use usher_protocol::topic::Topics;
use usher_protocol::{CommandId, DeviceId};

use super::requests::Dispatcher;
use super::{BrokerUrl, Link, LinkSettings};
use crate::broker::{Access, BrokerLogin, DeviceCredential, EmbeddedBroker};
use crate::office::command::Sender;
use crate::web::fake_office::{self, FakeOffice, office_id, sample_call, sample_view};

/// Longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

struct Rig {
    broker: EmbeddedBroker,
    cable: Cable,
    office: FakeOffice,
    link: Link,
    topics: Topics,
}

async fn rig() -> Rig {
    let office = FakeOffice::start(
        sample_view(),
        Box::new(|_, _| Outcome::Accepted {
            answer: Answer::Done,
        }),
    );
    let devices: BTreeMap<_, _> = [
        ("kiosk-1", Role::Kiosk),
        ("hall-1", Role::HallDisplay),
        // Known to the broker, but not to the office.
        ("stranger", Role::Kiosk),
    ]
    .map(|(id, role)| {
        let key = SealKey::from_secret(id);
        (DeviceId::new(id).unwrap(), DeviceCredential { role, key })
    })
    .into();
    let login = server_login();
    let access = Access::new(&office_id(), devices, login.clone());
    let broker = EmbeddedBroker::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), access)
        .await
        .unwrap();
    let cable = Cable::lay(broker.address()).await;
    let link = Link::start(
        LinkSettings {
            broker: BrokerUrl {
                host: "127.0.0.1".to_owned(),
                port: cable.port,
                login: Some(login),
            },
            office: office_id(),
        },
        office.handle.clone(),
    );
    Rig {
        broker,
        cable,
        office,
        link,
        topics: Topics::new(&office_id()),
    }
}

fn server_login() -> BrokerLogin {
    BrokerLogin::of_server([3; 32])
}

/// A dispatcher with a connection of its own, to be given what no device could
/// send through the embedded broker.
fn dispatcher(rig: &Rig) -> Dispatcher {
    let login = server_login();
    let port = rig.broker.address().port();
    let mut options = MqttOptions::new("$server/test", "127.0.0.1", port);
    options.set_credentials(&login.user, &login.password);
    let (client, mut events) = AsyncClient::new(options, 100);
    tokio::spawn(async move { while events.poll().await.is_ok() {} });
    Dispatcher::new(client, rig.topics.clone(), rig.office.handle.clone())
}

/// The way from the link to the broker, which can be cut.
struct Cable {
    port: u16,
    scissors: Arc<Notify>,
}

impl Cable {
    async fn lay(to: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scissors = Arc::new(Notify::new());
        let cut = Arc::clone(&scissors);
        tokio::spawn(async move {
            let mut wires = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (mut near, _) = accepted.unwrap();
                        wires.spawn(async move {
                            let mut far = TcpStream::connect(to).await.unwrap();
                            let _ = copy_bidirectional(&mut near, &mut far).await;
                        });
                    }
                    () = cut.notified() => wires.abort_all(),
                }
            }
        });
        Self { port, scissors }
    }

    fn cut(&self) {
        self.scissors.notify_one();
    }
}

struct Device {
    id: DeviceId,
    client: AsyncClient,
    events: EventLoop,
    topics: Topics,
}

impl Device {
    /// Connects, and waits until the server is heard.
    async fn connect(rig: &Rig, id: &str) -> Self {
        let mut options = MqttOptions::new(id, "127.0.0.1", rig.broker.address().port());
        options.set_credentials(id, id);
        options.set_max_packet_size(Some(PACKET_BYTES_MAX));
        let (client, events) = AsyncClient::new(options, 100);
        let mut device = Self {
            id: DeviceId::new(id).unwrap(),
            client,
            events,
            topics: rig.topics.clone(),
        };
        for filter in [
            device.topics.state_filter(),
            device.topics.reply(&device.id),
        ] {
            device
                .client
                .subscribe(filter, QoS::AtLeastOnce)
                .await
                .unwrap();
        }
        device.on(&device.topics.heartbeat()).await;
        device
    }

    /// The next message on `topic`.
    async fn on(&mut self, topic: &str) -> Publish {
        let search = async {
            loop {
                if let Event::Incoming(Packet::Publish(message)) = self.events.poll().await.unwrap()
                    && message.topic == topic.as_bytes()
                {
                    return message;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("nothing came")
    }

    async fn ask(&mut self, payload: impl Into<Vec<u8>>, properties: PublishProperties) -> Publish {
        self.send(payload, properties).await;
        self.on(&self.topics.reply(&self.id)).await
    }

    async fn send(&self, payload: impl Into<Vec<u8>>, properties: PublishProperties) {
        let topic = self.topics.request(&self.id);
        self.client
            .publish_with_properties(topic, QoS::AtLeastOnce, false, payload.into(), properties)
            .await
            .unwrap();
    }
}

fn hello(id: &str) -> Vec<u8> {
    encode(&Request {
        id: CommandId::new(id).unwrap(),
        sent_at: fake_office::now(),
        boot: 1,
        body: RequestBody::Hello,
    })
}

fn reply(message: &Publish) -> Reply {
    decode(&message.payload).unwrap()
}

fn rejection(message: &Publish) -> RejectionCode {
    match reply(message).outcome {
        Outcome::Rejected { rejection } => rejection.code,
        other => panic!("not rejected: {other:?}"),
    }
}

#[tokio::test]
async fn a_request_is_answered_with_its_correlation() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    let properties = PublishProperties {
        response_topic: Some(rig.topics.reply(&kiosk.id)),
        correlation_data: Some(vec![1, 2, 0, 255].into()),
        ..PublishProperties::default()
    };
    let answer = kiosk.ask(hello("a-1"), properties.clone()).await;
    assert_eq!(reply(&answer).id.unwrap().as_str(), "a-1");
    let heard = answer.properties.unwrap();
    assert_eq!(heard.correlation_data, properties.correlation_data);
    assert!(heard.message_expiry_interval.is_some());
    // A plain request, without either property, is answered as well.
    let answer = kiosk.ask(hello("a-2"), PublishProperties::default()).await;
    assert_eq!(answer.properties.unwrap().correlation_data, None);
}

#[tokio::test]
async fn the_office_hears_who_asks_and_in_which_role() {
    let rig = rig().await;
    for id in ["kiosk-1", "hall-1"] {
        let mut device = Device::connect(&rig, id).await;
        device.ask(hello(id), PublishProperties::default()).await;
    }
    let senders: Vec<_> = rig.office.asked().into_iter().map(|(who, _)| who).collect();
    let sender = |id: &str, role| Sender::Device {
        id: DeviceId::new(id).unwrap(),
        role,
    };
    assert_eq!(
        senders,
        [
            sender("kiosk-1", Role::Kiosk),
            sender("hall-1", Role::HallDisplay)
        ]
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_a_reason_and_goes_no_further() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    for payload in [
        &b"\x00\xff"[..],
        b"{}",
        br#"{"v":1,"id":"a-1","sent_at":"yesterday","body":{"type":"hello"}}"#,
    ] {
        let answer = kiosk.ask(payload, PublishProperties::default()).await;
        assert_eq!(rejection(&answer), RejectionCode::Unreadable);
    }
    assert!(rig.office.asked().is_empty());
}

#[tokio::test]
async fn answers_go_to_the_devices_own_topic_only() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    let foreign = PublishProperties {
        response_topic: Some("usher/v1/sample/reply/hall-1".to_owned()),
        ..PublishProperties::default()
    };
    let answer = kiosk.ask(hello("a-1"), foreign).await;
    assert_eq!(rejection(&answer), RejectionCode::NotAllowed);
    assert_eq!(reply(&answer).id.unwrap().as_str(), "a-1");
    assert!(rig.office.asked().is_empty());
}

#[tokio::test]
async fn a_device_that_is_not_in_the_office_file_is_told_so() {
    let rig = rig().await;
    let mut stranger = Device::connect(&rig, "stranger").await;
    let answer = stranger
        .ask(hello("a-1"), PublishProperties::default())
        .await;
    assert_eq!(rejection(&answer), RejectionCode::NotAllowed);
    assert!(rig.office.asked().is_empty());
}

#[tokio::test]
async fn requests_of_one_device_keep_their_order() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    for n in 0..60 {
        kiosk
            .send(hello(&format!("n-{n}")), PublishProperties::default())
            .await;
    }
    let topic = rig.topics.reply(&kiosk.id);
    for n in 0..60 {
        let answer = kiosk.on(&topic).await;
        assert_eq!(reply(&answer).id.unwrap().as_str(), format!("n-{n}"));
    }
    let asked: Vec<_> = rig.office.asked().into_iter().map(|(_, r)| r.id).collect();
    let expected: Vec<_> = (0..60)
        .map(|n| CommandId::new(format!("n-{n}")).unwrap())
        .collect();
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn state_is_retained_and_follows_the_office() {
    let rig = rig().await;
    let mut display = Device::connect(&rig, "hall-1").await;
    rig.office.show(|view| {
        view.calls.calls = vec![sample_call(5)];
    });
    loop {
        let message = display.on(&rig.topics.calls()).await;
        let calls: Calls = decode(&message.payload).unwrap();
        if let [call] = calls.calls.as_slice() {
            assert_eq!(call.serial, 5);
            break;
        }
    }
    // Who comes later gets the same from the broker.
    let mut late = Device::connect(&rig, "kiosk-1").await;
    let filter = rig.topics.state_filter();
    late.client
        .subscribe(filter, QoS::AtLeastOnce)
        .await
        .unwrap();
    let mut retained = BTreeMap::new();
    while retained.len() < 3 {
        let message = timeout(PATIENCE, late.events.poll())
            .await
            .unwrap()
            .unwrap();
        if let Event::Incoming(Packet::Publish(message)) = message
            && message.retain
        {
            retained.insert(message.topic, message.payload);
        }
    }
    let payload = |topic: String| &retained[topic.as_bytes()];
    assert!(decode::<OfficeInfo>(payload(rig.topics.office())).is_ok());
    assert!(decode::<Waits>(payload(rig.topics.waits())).is_ok());
    let calls: Calls = decode(payload(rig.topics.calls())).unwrap();
    assert_eq!(calls.calls.len(), 1);
}

#[tokio::test]
async fn a_cut_connection_is_mended_and_nothing_stays_old() {
    let rig = rig().await;
    let mut display = Device::connect(&rig, "hall-1").await;
    rig.link.wait_connected().await;
    rig.cable.cut();
    let mut connection = rig.link.connection.clone();
    timeout(
        PATIENCE,
        connection.wait_for(|connection| connection.number().is_none()),
    )
    .await
    .expect("the link did not notice")
    .unwrap();
    rig.office.show(|view| {
        view.calls.calls = vec![sample_call(9)];
    });
    rig.link.wait_connected().await;
    loop {
        let calls: Calls = decode(&display.on(&rig.topics.calls()).await.payload).unwrap();
        if calls.calls.first().is_some_and(|call| call.serial == 9) {
            break;
        }
    }
    let answer = display
        .ask(hello("a-1"), PublishProperties::default())
        .await;
    assert_eq!(reply(&answer).id.unwrap().as_str(), "a-1");
}

#[tokio::test]
async fn presence_reaches_the_office() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    let presence = Presence {
        online: true,
        role: Role::Kiosk,
        version: "1".to_owned(),
    };
    kiosk
        .client
        .publish(
            rig.topics.presence(&kiosk.id),
            QoS::AtLeastOnce,
            true,
            encode(&presence),
        )
        .await
        .unwrap();
    // The answer comes after the report, which was sent before it.
    kiosk.ask(hello("a-1"), PublishProperties::default()).await;
    assert_eq!(rig.office.is_online(&kiosk.id), Some(true));
}

#[tokio::test]
async fn a_retained_request_is_refused_and_goes_no_further() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    let mut dispatcher = dispatcher(&rig);
    let request = |payload| {
        let topic = rig.topics.request(&kiosk.id);
        let mut message = Publish::new(topic, QoS::AtLeastOnce, payload, None);
        message.retain = true;
        message
    };
    // What removes a retained request is none.
    dispatcher.dispatch(request(Vec::new()));
    dispatcher.dispatch(request(hello("a-1")));
    let answer = kiosk.on(&rig.topics.reply(&kiosk.id)).await;
    assert_eq!(reply(&answer).id.unwrap().as_str(), "a-1");
    assert_eq!(rejection(&answer), RejectionCode::NotAllowed);
    assert!(rig.office.asked().is_empty());
}

#[tokio::test]
async fn a_device_is_answered_again_after_its_task_has_died() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    let mut dispatcher = dispatcher(&rig);
    let topic = rig.topics.request(&kiosk.id);
    let request = |id| Publish::new(topic.clone(), QoS::AtLeastOnce, hello(id), None);
    dispatcher.dispatch(request("a-1"));
    kiosk.on(&rig.topics.reply(&kiosk.id)).await;
    dispatcher.kill_tasks().await;
    dispatcher.dispatch(request("a-2"));
    let answer = kiosk.on(&rig.topics.reply(&kiosk.id)).await;
    assert_eq!(reply(&answer).id.unwrap().as_str(), "a-2");
}

#[tokio::test]
async fn the_end_of_a_part_of_the_link_is_told() {
    let mut rig = rig().await;
    let patience = Duration::from_millis(20);
    assert!(
        timeout(patience, rig.link.ended()).await.is_err(),
        "it runs"
    );
    rig.link.tasks.abort_all();
    timeout(PATIENCE, rig.link.ended()).await.unwrap();
}

#[tokio::test]
async fn the_longest_message_breaks_no_connection() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    let number = rig.link.connection.borrow().number();
    let longest = vec![b' '; PAYLOAD_BYTES_MAX];
    let answer = kiosk.ask(longest, PublishProperties::default()).await;
    assert_eq!(rejection(&answer), RejectionCode::Unreadable);
    let text = "x".repeat(PAYLOAD_BYTES_MAX);
    rig.office.show(|view| {
        let mut info = view.info.as_ref().clone();
        let rest = encode(&info).len() - info.time_zone.len();
        info.time_zone = text[rest..].to_owned();
        assert_eq!(encode(&info).len(), PAYLOAD_BYTES_MAX);
        view.info = Arc::new(info);
    });
    loop {
        let message = kiosk.on(&rig.topics.office()).await;
        if message.payload.len() == PAYLOAD_BYTES_MAX {
            break;
        }
    }
    assert_eq!(rig.link.connection.borrow().number(), number);
}

#[tokio::test]
async fn long_texts_of_devices_are_cut() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    let long = "é".repeat(1_000);
    let presence = encode(&Presence {
        online: true,
        role: Role::Kiosk,
        version: long.clone(),
    });
    let status = encode(&DeviceStatus {
        as_of: fake_office::now(),
        printer_ready: Some(true),
        printer: Some(long),
        scanner_ready: None,
        papers_waiting: 0,
    });
    for (topic, payload) in [
        (rig.topics.presence(&kiosk.id), presence),
        (rig.topics.status(&kiosk.id), status),
    ] {
        let sending = kiosk.client.publish(topic, QoS::AtLeastOnce, true, payload);
        sending.await.unwrap();
    }
    // The answer comes after the reports, which were sent before it.
    kiosk.ask(hello("a-1"), PublishProperties::default()).await;
    let (version, printer) = rig.office.texts_of(&kiosk.id);
    assert_eq!(version.unwrap().chars().count(), 80);
    assert_eq!(printer.unwrap().chars().count(), 80);
}

#[tokio::test]
async fn a_clean_stop_sends_devices_to_paper() {
    let rig = rig().await;
    let mut kiosk = Device::connect(&rig, "kiosk-1").await;
    rig.link.wait_connected().await;
    rig.link.stop().await;
    loop {
        let message = kiosk.on(&rig.topics.heartbeat()).await;
        let heartbeat: Heartbeat = decode(&message.payload).unwrap();
        if !heartbeat.accepting {
            break;
        }
    }
}
