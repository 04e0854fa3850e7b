//! The kiosk's power is cut while a paper is coming out.

use anyhow::{Context, Result, ensure};
use usher_protocol::form_code::{self, SealKey};
use usher_tests::office_rig::{BrokerKind, KIOSK_1};
use usher_tests::paper;
use usher_tests::story::{self, Scene};

/// The ticket may be out or torn off in the middle: nobody can know, so the
/// office is told that it does not know, and the resident is in the queue once.
#[test]
fn a_ticket_in_the_printer_is_in_doubt_and_in_the_queue_once() -> Result<()> {
    story::play("kiosk-killed", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Embedded)?;
        scene.go_to_confirm("en")?;
        let touched = scene.kiosk.touch("confirm")?;
        scene.printer.first_byte_since(touched)?;
        scene.kill_kiosk()?;

        let first = scene.kiosk.start()?;
        ensure!(
            first.screen == "attract" && !first.greeted,
            "it starts with {}",
            first.screen
        );
        story::wait_until_kiosk_works(&scene.office, &mut scene.kiosk)?;
        scene
            .office
            .api()
            .state_where("a ticket in doubt, once", |state| {
                let waiting = state.all_waiting();
                (waiting.len() == 1 && waiting[0]["print"] == "unknown").then_some(())
            })?;
        Ok(())
    })
}

/// A form is in the journal before it is on paper: it enters the queue, and its
/// number is not given out again.
#[test]
fn a_form_in_the_printer_enters_the_queue_and_is_not_given_out_again() -> Result<()> {
    story::play("kiosk-killed-offline", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Embedded)?;
        scene.office.kill_server();
        scene
            .kiosk
            .wait_screen_where("without its server", |shown| !shown.online)?;
        scene.go_to_confirm("en")?;
        let touched = scene.kiosk.touch("confirm")?;
        scene.printer.first_byte_since(touched)?;
        scene.kill_kiosk()?;

        scene.kiosk.start()?;
        scene.go_to_confirm("en")?;
        scene.kiosk.touch("confirm")?;
        let shown = scene.kiosk.wait_screen(&["paper-form"])?;
        let second = shown.number.context("no number on the screen")?;
        // What had come out of the first hangs above it; its code is whole.
        let code = paper::read_code(&scene.printer.last_sheet()?.picture()?)?;
        let form = form_code::decode(&code, |_| Some(SealKey::from_secret(KIOSK_1.secret)))?;
        ensure!(
            form.number.to_string() == second,
            "the code says {}",
            form.number
        );

        scene.office.start_server()?;
        story::wait_until_device(&scene.office, KIOSK_1.id, |device| {
            device["online"] == true && device["status"]["papers_waiting"] == 0
        })?;
        let state = scene.office.api().state()?;
        let numbers: Vec<&str> = state
            .all_waiting()
            .iter()
            .filter_map(|v| v["number"].as_str())
            .collect();
        ensure!(
            numbers.len() == 2 && numbers[0] != numbers[1],
            "in the queue: {numbers:?}"
        );
        ensure!(
            numbers.contains(&second.as_str()),
            "{second} is not in {numbers:?}"
        );
        ensure!(
            numbers.iter().all(|number| number.starts_with('X')),
            "{numbers:?}"
        );
        Ok(())
    })
}
