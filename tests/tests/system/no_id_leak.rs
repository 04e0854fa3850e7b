//! Nothing that was read from an ID is kept, logged or sent.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use usher_protocol::message::{self, Heartbeat};
use usher_tests::broker::Mosquitto;
use usher_tests::mqtt::{RUNTIME, Wire};
use usher_tests::office_rig::BrokerKind;
use usher_tests::story::{self, Scene};
use usher_tests::{clock, paths, wait};

#[test]
fn nothing_from_a_licence_leaves_the_kiosks_memory() -> Result<()> {
    story::play("no-id-leak", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Mosquitto)?;
        let login = Mosquitto::tap_login();
        let everything = ["#".to_owned()];
        let mut tap = RUNTIME.block_on(Wire::connect(
            scene.office.broker(),
            "tap",
            login,
            &everything,
        ))?;

        scene.kiosk.touch("language:es")?;
        scene.kiosk.wait_screen(&["welcome"])?;
        scene.scanner.send(&story::licence(story::LICENCE)?)?;
        let greeted = scene
            .kiosk
            .wait_screen_where("with a greeting", |shown| shown.greeted)?;
        if greeted.screen == "welcome" {
            scene.kiosk.touch("services")?;
        }
        story::choose_service(&mut scene.kiosk, story::SERVICE)?;
        scene.kiosk.wait_screen(&["confirm"])?;
        scene.kiosk.touch("confirm")?;
        let number = story::read_number(&scene.printer.take_sheet()?)?.to_string();
        scene
            .office
            .api()
            .state_where("the printed ticket", |state| {
                (state.waiting(&number)?["print"] == "printed").then_some(())
            })?;
        scene.kiosk.wait_screen(&["take-ticket"])?;
        scene.kiosk.touch("done")?;
        scene.kiosk.wait_screen(&["attract"])?;

        let heard = hear_until_now(&mut tap)?;
        ensure!(
            contains(&heard, number.as_bytes()),
            "the tap did not hear the visit"
        );

        let secrets = secrets_of(story::LICENCE)?;
        for secret in &secrets {
            ensure!(
                !contains(&heard, secret.as_bytes()),
                "{secret} was sent over MQTT"
            );
        }
        let mut searched = 0;
        search(scene.office.dir(), &secrets, &mut searched)?;
        ensure!(searched > 8, "only {searched} files were searched");
        Ok(())
    })
}

/// Topics and payloads of everything that has been sent up to this moment.
fn hear_until_now(tap: &mut Wire) -> Result<Vec<u8>> {
    let now = clock::now();
    let mut heard = Vec::new();
    loop {
        let message = RUNTIME.block_on(tap.next(wait::STEP))?;
        heard.extend_from_slice(message.topic.as_bytes());
        heard.extend_from_slice(&message.payload);
        let later = |heartbeat: Heartbeat| heartbeat.server_time > now;
        if message.topic.ends_with("/heartbeat")
            && message::decode(&message.payload).is_ok_and(later)
        {
            return Ok(heard);
        }
    }
}

#[test]
fn a_leak_would_be_found() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let secrets = secrets_of(story::LICENCE)?;
    std::fs::create_dir(dir.path().join("deep"))?;
    for secret in &secrets {
        std::fs::write(
            dir.path().join("deep/kiosk.log"),
            format!("guest {secret} came"),
        )?;
        assert!(
            search(dir.path(), &secrets, &mut 0).is_err(),
            "{secret} was not found"
        );
    }
    assert!(secrets.len() >= 5, "{secrets:?}");
    Ok(())
}

/// What the sample says of its (invented) person, in every form it could leak in.
fn secrets_of(sample: &str) -> Result<Vec<String>> {
    let path = paths::id_sample(&sample.replace(".bin", ".json"));
    let person: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
    let text = |key: &str| -> Result<String> {
        Ok(person[key]
            .as_str()
            .with_context(|| format!("no {key}"))?
            .to_owned())
    };
    let birth = text("birth_date")?;
    let [year, month, day] = birth.split('-').collect::<Vec<_>>()[..] else {
        anyhow::bail!("{birth} is no date");
    };
    let mut secrets = vec![
        text("family_name")?,
        text("document_number")?,
        birth.clone(),
        // As the barcode has it in the United States, and in Canada.
        format!("{month}{day}{year}"),
        format!("{year}{month}{day}"),
        "ANSI 636".to_owned(),
    ];
    // The given name is short; as a field of its own it would stand in quotes, or
    // behind its element's name.
    let given = person["given_names"][0].as_str().context("no given name")?;
    secrets.extend([format!("\"{given}\""), format!("DAC{given}")]);
    let first = given.chars().next().context("an empty name")?;
    let titled = format!("{first}{}", given[first.len_utf8()..].to_lowercase());
    secrets.push(format!("\"{titled}\""));
    Ok(secrets)
}

fn search(dir: &Path, secrets: &[String], searched: &mut usize) -> Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let kind = path.symlink_metadata()?.file_type();
        if kind.is_dir() {
            search(&path, secrets, searched)?;
        } else if kind.is_file() {
            let bytes = std::fs::read(&path)?;
            *searched += 1;
            for secret in secrets {
                ensure!(
                    !contains(&bytes, secret.as_bytes()),
                    "{secret} is in {}",
                    path.display()
                );
            }
        }
    }
    Ok(())
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes
        .windows(wanted.len())
        .any(|window| window.eq_ignore_ascii_case(wanted))
}
