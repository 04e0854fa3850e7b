//! The examples of `docs/protocol.md` are what the programs read.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use serde::de::DeserializeOwned;
use usher_protocol::message::{
    self, Calls, DeviceStatus, Heartbeat, OfficeInfo, Presence, Reply, Request, Waits,
};

const MARK: &str = "<!-- example: ";

#[test]
fn every_example_is_read_by_the_programs() -> Result<()> {
    let path = usher_tests::paths::workspace().join("docs/protocol.md");
    let text = std::fs::read_to_string(path)?;
    let mut seen = BTreeSet::new();
    for (kind, json) in examples(&text)? {
        check(kind, json).with_context(|| format!("the example of {kind}:\n{json}"))?;
        seen.insert(kind);
    }
    let documented: BTreeSet<&str> = [
        "Request",
        "Reply",
        "OfficeInfo",
        "Waits",
        "Calls",
        "Heartbeat",
        "Presence",
        "DeviceStatus",
    ]
    .into();
    assert_eq!(seen, documented, "every message has an example");
    Ok(())
}

#[test]
fn a_wrong_example_is_noticed() {
    assert!(check("Heartbeat", r#"{"v":1,"accepting":true,"sequence":1}"#).is_err());
    assert!(
        check(
            "Presence",
            r#"{"v":1,"online":true,"role":"kiosk","versoin":"1"}"#
        )
        .is_err()
    );
    let extra = r#"{"v":1,"online":true,"role":"kiosk","version":"1","colour":"red"}"#;
    assert!(
        check("Presence", extra).is_err(),
        "a field that nobody sends is no example"
    );
    assert!(check("Nonsense", "{}").is_err());
}

fn examples(text: &str) -> Result<Vec<(&str, &str)>> {
    text.match_indices(MARK)
        .map(|(at, _)| {
            let rest = &text[at + MARK.len()..];
            let (kind, rest) = rest.split_once(" -->").context("a mark without an end")?;
            let rest = rest
                .trim_start()
                .strip_prefix("```json\n")
                .context("no JSON after a mark")?;
            let (json, _) = rest.split_once("```").context("JSON without an end")?;
            Ok((kind, json))
        })
        .collect()
}

fn check(kind: &str, json: &str) -> Result<()> {
    match kind {
        "Request" => read_back::<Request>(json),
        "Reply" => read_back::<Reply>(json),
        "OfficeInfo" => read_back::<OfficeInfo>(json),
        "Waits" => read_back::<Waits>(json),
        "Calls" => read_back::<Calls>(json),
        "Heartbeat" => read_back::<Heartbeat>(json),
        "Presence" => read_back::<Presence>(json),
        "DeviceStatus" => read_back::<DeviceStatus>(json),
        other => bail!("no message is called {other}"),
    }
}

/// The example is read, and every field of it means something: what is read and
/// written again has them all.
fn read_back<T: DeserializeOwned + Serialize>(json: &str) -> Result<()> {
    let read: T = message::decode(json.as_bytes())?;
    let written: serde_json::Value = serde_json::from_slice(&message::encode(&read))?;
    missing_in(&serde_json::from_str(json)?, &written, "")
}

fn missing_in(example: &serde_json::Value, written: &serde_json::Value, at: &str) -> Result<()> {
    use serde_json::Value::{Array, Object};
    match (example, written) {
        (Object(example), Object(written)) => {
            for (key, value) in example {
                let other = written
                    .get(key)
                    .with_context(|| format!("no program reads the field {at}.{key}"))?;
                missing_in(value, other, &format!("{at}.{key}"))?;
            }
            Ok(())
        }
        (Array(example), Array(written)) => example
            .iter()
            .zip(written)
            .try_for_each(|(e, w)| missing_in(e, w, &format!("{at}[]"))),
        _ => Ok(()),
    }
}
