//! The printer goes away in the middle of a ticket.

use anyhow::{Result, ensure};
use usher_tests::office_rig::{BrokerKind, KIOSK_1, Plan};
use usher_tests::story::{self, Scene};

#[test]
fn the_number_is_on_the_screen_and_the_next_resident_gets_a_ticket() -> Result<()> {
    story::play("printer-killed", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Embedded)?;
        scene.go_to_confirm("en")?;
        let touched = scene.kiosk.touch("confirm")?;
        scene.printer.first_byte_since(touched)?;
        scene.printer.kill();

        let shown = scene.kiosk.wait_screen(&["show-number"])?;
        let visit =
            scene
                .office
                .api()
                .state_where("a ticket that is not printed for sure", |s| {
                    let visit = s.all_waiting().first()?;
                    matches!(visit["print"].as_str(), Some("unknown" | "not_printed"))
                        .then(|| visit.clone())
                })?;
        ensure!(
            visit["print"] == "unknown",
            "bytes went out, so nobody knows: {visit}"
        );
        ensure!(
            shown.number.as_deref() == visit["number"].as_str(),
            "{shown:?}"
        );
        ensure!(shown.trouble != "none", "the screen does not say why");
        story::wait_until_device(&scene.office, KIOSK_1.id, |device| {
            device["status"]["printer_ready"] == false
        })?;
        scene.kiosk.touch("done")?;

        // The link that the dead printer left behind leads nowhere.
        let plan = Plan::portrait(KIOSK_1, "X");
        scene.printer = story::plug_in_printer(&scene.office, &plan)?;
        story::wait_until_kiosk_works(&scene.office, &mut scene.kiosk)?;
        let number = scene.take_ticket("en")?;
        ensure!(Some(number.to_string().as_str()) != visit["number"].as_str());
        let waiting = scene.office.api().state()?.all_waiting().len();
        ensure!(waiting == 2, "two residents came, {waiting} wait");
        Ok(())
    })
}

#[test]
fn no_paper_and_an_open_cover_put_the_number_on_the_screen() -> Result<()> {
    story::play("no-paper", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Embedded)?;
        for (fault, repair, trouble) in [
            ("paper out", "paper ok", "no-paper"),
            ("cover open", "cover closed", "cover-open"),
        ] {
            scene.printer.set(fault)?;
            story::wait_until_device(&scene.office, KIOSK_1.id, |device| {
                device["status"]["printer_ready"] == false
            })?;
            scene.go_to_confirm("es")?;
            scene.kiosk.touch("confirm")?;
            let shown = scene.kiosk.wait_screen(&["show-number"])?;
            ensure!(
                shown.trouble == trouble,
                "{fault}: the screen says {}",
                shown.trouble
            );
            let number = shown.number.unwrap_or_default();
            scene
                .office
                .api()
                .state_where("a ticket that was not printed", |state| {
                    (state.waiting(&number)?["print"] == "not_printed").then_some(())
                })?;
            scene.printer.set(repair)?;
            scene.kiosk.touch("done")?;
            story::wait_until_kiosk_works(&scene.office, &mut scene.kiosk)?;
        }
        scene.take_ticket("es")?;
        Ok(())
    })
}
