//! A visit played with Mosquitto's own clients: the protocol is what its document
//! says, not what our crates happen to agree on.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use usher_tests::office_rig::{BrokerKind, DeviceLogin, KEYPAD_1, KIOSK_2, OFFICE, OfficeRig};
use usher_tests::{clock, program, story, wait};

#[test]
fn a_visit_with_stock_clients() -> Result<()> {
    story::play("stock-client", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        office.start_server()?;

        let now = clock::now().to_string();
        let reply = ask(
            &office,
            KIOSK_2,
            "stock-1",
            &json!({
                "type": "check_in", "service": story::SERVICE, "language": "vi", "arrived_at": now,
            }),
        )?;
        ensure!(reply["outcome"] == "accepted", "{reply}");
        let ticket = &reply["answer"]["ticket"];
        let number = ticket["number"].as_str().context("no number")?.to_owned();

        let again = ask(
            &office,
            KIOSK_2,
            "stock-1",
            &json!({
                "type": "check_in", "service": story::SERVICE, "language": "vi", "arrived_at": now,
            }),
        )?;
        ensure!(
            again["answer"]["ticket"]["visit"] == ticket["visit"],
            "asked twice: {again}"
        );

        let printed = ask(
            &office,
            KIOSK_2,
            "stock-2",
            &json!({
                "type": "record_print", "visit": ticket["visit"], "result": { "print": "printed" },
            }),
        )?;
        ensure!(printed["outcome"] == "accepted", "{printed}");

        let waits = retained(&office, "state/waits", |waits| {
            waiting_for(waits) == Some(1)
        })?;
        ensure!(waits["v"] == 1, "{waits}");
        let info = retained(&office, "state/office", |_| true)?;
        ensure!(info["office"] == OFFICE, "{info}");

        for (at, kind) in ["open_counter", "call_next"].into_iter().enumerate() {
            let id = format!("stock-keypad-{at}");
            let body = json!({ "type": kind, "counter": story::COUNTER });
            let reply = ask(&office, KEYPAD_1, &id, &body)?;
            ensure!(reply["outcome"] == "accepted", "{kind}: {reply}");
        }
        let calls = retained(&office, "state/calls", |calls| !calls["calls"][0].is_null())?;
        ensure!(calls["calls"][0]["number"] == number.as_str(), "{calls}");
        ensure!(calls["calls"][0]["language"] == "vi", "{calls}");

        for (at, kind) in ["start_service", "finish_visit"].into_iter().enumerate() {
            let id = format!("stock-end-{at}");
            let body = json!({ "type": kind, "counter": story::COUNTER });
            let reply = ask(&office, KEYPAD_1, &id, &body)?;
            ensure!(reply["outcome"] == "accepted", "{kind}: {reply}");
        }
        let state = office.api().state()?;
        ensure!(state.waiting(&number).is_none() && state.visit_at(story::COUNTER).is_none());
        Ok(())
    })
}

fn waiting_for(waits: &Value) -> Option<u64> {
    let services = waits["services"].as_array()?;
    services.iter().find(|s| s["service"] == story::SERVICE)?["waiting"].as_u64()
}

fn client(office: &OfficeRig, name: &str, login: DeviceLogin) -> Command {
    let broker = office.broker();
    let mut command = Command::new(name);
    command
        .args([
            "-V",
            "mqttv5",
            "-h",
            &broker.host,
            "-p",
            &broker.port.to_string(),
        ])
        .args(["-u", login.id, "-P", login.secret, "-i", login.id]);
    command
}

/// A request and its reply, as `docs/protocol.md` shows it for the shell.
fn ask(office: &OfficeRig, login: DeviceLogin, id: &str, body: &Value) -> Result<Value> {
    let topic = |kind: &str| format!("usher/v1/{OFFICE}/{kind}/{}", login.id);
    let request = json!({ "v": 1, "id": id, "sent_at": clock::now().to_string(), "body": body });
    let mut command = client(office, "mosquitto_rr", login);
    command
        .args(["-q", "1", "-W", "10"])
        .args(["-D", "publish", "correlation-data", id])
        .args(["-t", &topic("request"), "-e", &topic("reply")])
        .args(["-m", &request.to_string()]);
    let done = program::run("mosquitto_rr", office.dir(), &mut command, wait::STEP)?;
    ensure!(done.code == Some(0), "mosquitto_rr: {}", done.err);
    let reply: Value = serde_json::from_str(done.out.trim()).context(done.out)?;
    ensure!(
        reply["id"] == id,
        "the reply is to another request: {reply}"
    );
    Ok(reply)
}

/// A retained message, once it is as wanted.
fn retained(office: &OfficeRig, topic: &str, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
    wait::until(topic, wait::STEP, || {
        let mut command = client(office, "mosquitto_sub", KEYPAD_1);
        command
            .args(["-C", "1", "-W", "5", "--retained-only", "-q", "1"])
            .args(["-t", &format!("usher/v1/{OFFICE}/{topic}")]);
        let done = program::run("mosquitto_sub", office.dir(), &mut command, wait::STEP)?;
        ensure!(done.code == Some(0), "mosquitto_sub: {}", done.err);
        let message: Value = serde_json::from_str(done.out.trim()).context(done.out)?;
        Ok(wanted(&message).then_some(message))
    })
}
