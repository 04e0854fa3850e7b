//! Messages that make no sense are refused with a reason, and nothing is stored.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use usher_protocol::message::{self, Outcome, RejectionCode, Reply, RequestBody};
use usher_tests::mqtt::{self, RUNTIME, Wire};
use usher_tests::office_rig::{BrokerKind, HALL_1, KEYPAD_1, KIOSK_2, OFFICE, OfficeRig};
use usher_tests::{clock, story, wait};

fn request(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let now = clock::now().to_string();
    let mut request = json!({
        "v": 1, "id": "bad-1", "sent_at": now, "boot": 1,
        "body": { "type": "check_in", "service": story::SERVICE, "language": "en", "arrived_at": now },
    });
    change(&mut request);
    request.to_string().into_bytes()
}

/// Payloads that cannot be read, each with a word of the reason.
fn unreadable() -> Vec<(Vec<u8>, &'static str)> {
    vec![
        (b"".to_vec(), "read"),
        (b"hello".to_vec(), "read"),
        (b"\xff\xfe\x00{".to_vec(), "read"),
        (b"[1,2,3]".to_vec(), ""),
        (request(|r| r["v"] = json!(2)), "version"),
        (
            request(|r| {
                r.as_object_mut().map(|r| r.remove("v"));
            }),
            "version",
        ),
        (
            request(|r| r["body"]["type"] = json!("call_everybody")),
            "call_everybody",
        ),
        (
            request(|r| r["body"]["language"] = json!("English please")),
            "language",
        ),
        (
            request(|r| r["body"]["arrived_at"] = json!("yesterday")),
            "",
        ),
        (request(|r| r["id"] = json!("a/b")), "command id"),
    ]
}

#[test]
fn mqtt_payloads_are_refused_with_a_reason() -> Result<()> {
    story::play("malformed-mqtt", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        office.start_server()?;
        let mut kiosk = office.device(KIOSK_2)?;
        for (payload, reason) in unreadable() {
            let shown = String::from_utf8_lossy(&payload).into_owned();
            let reply = RUNTIME
                .block_on(kiosk.send(payload, wait::STEP))
                .context(shown.clone())?;
            refused(&reply, RejectionCode::Unreadable, reason).context(shown)?;
        }
        let unknown = RequestBody::CheckIn {
            service: usher_protocol::ServiceId::new("fishing-licences")?,
            language: usher_protocol::Language::english(),
            arrived_at: clock::now(),
            details: Box::default(),
        };
        let reply = RUNTIME.block_on(kiosk.ask(unknown))?;
        refused(&reply, RejectionCode::UnknownService, "fishing-licences")?;

        let mut hall = office.device(HALL_1)?;
        let reply = RUNTIME.block_on(hall.ask(mqtt::check_in(story::SERVICE, "en")?))?;
        refused(&reply, RejectionCode::NotAllowed, "")?;
        let mut keypad = office.device(KEYPAD_1)?;
        let reply = RUNTIME.block_on(keypad.ask(mqtt::check_in(story::SERVICE, "en")?))?;
        refused(&reply, RejectionCode::NotAllowed, "")?;
        nothing_is_stored(&office)
    })
}

#[test]
fn another_devices_topics_are_closed() -> Result<()> {
    story::play("foreign-topics", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        office.start_server()?;
        let login = (KIOSK_2.id, KIOSK_2.secret);
        for filter in [
            "usher/v1/capitol-dmv/reply/kiosk-1",
            "usher/v1/capitol-dmv/request/+",
            "#",
        ] {
            let subscribed = RUNTIME.block_on(Wire::connect(
                office.broker(),
                KIOSK_2.id,
                login,
                &[filter.to_owned()],
            ));
            ensure!(subscribed.is_err(), "{filter} could be subscribed to");
        }
        for login in [(KIOSK_2.id, "wrong"), ("kiosk-9", KIOSK_2.secret)] {
            let connected = RUNTIME.block_on(Wire::connect(office.broker(), login.0, login, &[]));
            ensure!(
                connected.is_err(),
                "{} could log in with a wrong secret",
                login.0
            );
        }
        // A request in the name of kiosk-1 by kiosk-2: it gets no answer and does nothing.
        let mut kiosk = office.device(KIOSK_2)?;
        RUNTIME.block_on(kiosk.wire().publish(
            &format!("usher/v1/{OFFICE}/request/kiosk-1"),
            request(|_| {}),
            rumqttc::v5::mqttbytes::v5::PublishProperties::default(),
        ))?;
        // The broker may close the connection for it; asking again shows that the
        // first message has been dealt with.
        let mut kiosk = office.device(KIOSK_2)?;
        RUNTIME.block_on(kiosk.ask(RequestBody::Hello))?;
        nothing_is_stored(&office)
    })
}

#[test]
fn a_payload_that_is_too_long_harms_nobody() -> Result<()> {
    story::play("too-long", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        office.start_server()?;
        let mut kiosk = office.device(KIOSK_2)?;
        let long = vec![b' '; message::PAYLOAD_BYTES_MAX + 1];
        // Refused by the broker (no reply, or the connection ends) or by the server.
        if let Ok(reply) = RUNTIME.block_on(kiosk.send(long.clone(), Duration::from_secs(2))) {
            refused(&reply, RejectionCode::Unreadable, "bytes")?;
        }
        let (status, _) = office
            .api()
            .post("/api/v1/requests", "application/json", &long)?;
        ensure!((400..500).contains(&status), "HTTP says {status}");
        let mut kiosk = office.device(KIOSK_2)?;
        RUNTIME.block_on(kiosk.ask(RequestBody::Hello))?;
        nothing_is_stored(&office)
    })
}

#[test]
fn http_bodies_are_refused_with_a_reason() -> Result<()> {
    story::play("malformed-http", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        office.start_server()?;
        let api = office.api();
        for (payload, reason) in unreadable() {
            let shown = String::from_utf8_lossy(&payload).into_owned();
            let (status, text) = api.post("/api/v1/requests", "application/json", &payload)?;
            ensure!(status == 400, "{shown}: {status} {text}");
            let reply: Reply = message::decode(text.as_bytes()).with_context(|| text.clone())?;
            refused(&reply, RejectionCode::Unreadable, reason).context(shown)?;
        }
        let good =
            request(|r| r["body"] = json!({ "type": "open_counter", "counter": story::COUNTER }));
        let (status, text) = api.post("/api/v1/requests", "text/plain", &good)?;
        ensure!(
            (400..500).contains(&status) && !text.is_empty(),
            "text/plain: {status} {text}"
        );
        let unknown = request(|r| r["body"] = json!({ "type": "open_counter", "counter": "moon" }));
        let (status, text) = api.post("/api/v1/requests", "application/json", &unknown)?;
        ensure!(status == 409 && text.contains("moon"), "{status} {text}");
        let (status, text) = api.get("/api/v1/requests")?;
        ensure!(status == 405, "GET: {status} {text}");
        let (status, text) = api.get("/no/such/page")?;
        ensure!(status == 404 && !text.is_empty(), "{status} {text}");
        nothing_is_stored(&office)
    })
}

fn refused(reply: &Reply, code: RejectionCode, reason: &str) -> Result<()> {
    let Outcome::Rejected { rejection } = &reply.outcome else {
        anyhow::bail!("not refused: {reply:?}");
    };
    ensure!(rejection.code == code, "{rejection:?}");
    ensure!(
        rejection.message.contains(reason),
        "{reason} is not in {rejection:?}"
    );
    ensure!(
        !rejection.next_step.is_empty(),
        "no next step in {rejection:?}"
    );
    Ok(())
}

/// The log may begin the day, and holds nothing else.
fn nothing_is_stored(office: &OfficeRig) -> Result<()> {
    let events = office.events()?;
    let stored: Vec<_> = events
        .iter()
        .filter(|line| story::kind(line) != "day_started")
        .collect();
    ensure!(stored.is_empty(), "stored: {stored:?}");
    ensure!(
        office.api().state()?.all_waiting().is_empty(),
        "somebody waits"
    );
    Ok(())
}
