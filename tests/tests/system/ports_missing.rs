//! Serial ports that are not there, come, go and come again.

use anyhow::{Result, ensure};
use usher_tests::office_rig::{BrokerKind, KIOSK_1, Kiosk, OfficeRig, Plan};
use usher_tests::pty::Scanner;
use usher_tests::story;

#[test]
fn a_kiosk_works_without_its_ports_and_finds_them_when_they_come() -> Result<()> {
    story::play("ports-missing", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        office.start_server()?;
        let plan = Plan::portrait(KIOSK_1, "X");
        let mut kiosk = Kiosk::put_up(&office, &plan)?;
        kiosk.start()?;
        wait_for_ports(&office, false)?;
        kiosk.wait_screen_where("with its server", |shown| shown.online)?;

        story::go_to_confirm(&mut kiosk, "en")?;
        kiosk.touch("confirm")?;
        let shown = kiosk.wait_screen(&["show-number"])?;
        ensure!(shown.trouble == "printer-gone", "{shown:?}");
        let number = shown.number.unwrap_or_default();
        office
            .api()
            .state_where("the number in the queue", |state| {
                (state.waiting(&number)?["print"] == "not_printed").then_some(())
            })?;
        kiosk.touch("done")?;

        for _ in 0..2 {
            let mut printer = story::plug_in_printer(&office, &plan)?;
            let mut scanner = Scanner::plug_in(&Kiosk::scanner_port(&office, &plan))?;
            story::wait_until_kiosk_works(&office, &mut kiosk)?;
            kiosk.wait_screen(&["attract"])?;
            kiosk.touch("language:en")?;
            kiosk.wait_screen(&["welcome"])?;
            scanner.send(&story::licence(story::LICENCE)?)?;
            kiosk.wait_screen_where("with a greeting by name", |shown| shown.greeted)?;
            kiosk.touch("start-over")?;
            story::go_to_confirm(&mut kiosk, "en")?;
            kiosk.touch("confirm")?;
            story::read_number(&printer.take_sheet()?)?;
            kiosk.wait_screen(&["take-ticket"])?;
            kiosk.touch("done")?;
            printer.kill();
            drop(scanner);
            wait_for_ports(&office, false)?;
        }
        Ok(())
    })
}

fn wait_for_ports(office: &OfficeRig, ready: bool) -> Result<()> {
    story::wait_until_device(office, KIOSK_1.id, |device| {
        device["online"] == true
            && device["status"]["printer_ready"] == ready
            && device["status"]["scanner_ready"] == ready
    })
}
