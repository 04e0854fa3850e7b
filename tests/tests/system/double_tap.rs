//! A resident in a hurry touches everything twice.

use std::time::Duration;

use anyhow::{Result, ensure};
use usher_tests::office_rig::{BrokerKind, ShownScreen};
use usher_tests::story::{self, SERVICE, Scene};

/// Between two taps of one finger.
const PAUSE: Duration = Duration::from_millis(120);

#[test]
fn the_second_tap_does_nothing_on_the_next_screen() -> Result<()> {
    story::play("double-tap", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Embedded)?;
        scene.kiosk.wait_screen(&["attract"])?;
        scene.kiosk.touch_twice("language:ar", PAUSE)?;
        stays(&mut scene, "welcome")?;
        scene.kiosk.touch_twice("services", PAUSE)?;
        stays(&mut scene, "services")?;
        story::choose_service(&mut scene.kiosk, SERVICE)?;
        scene.kiosk.wait_screen(&["confirm"])?;
        scene.kiosk.touch_twice("back", PAUSE)?;
        stays(&mut scene, "services")?;
        let last = last_service(scene.kiosk.wait_screen(&["services"])?)?;
        scene.kiosk.touch_twice(&last, PAUSE)?;
        stays(&mut scene, "confirm")?;
        ensure!(
            scene.office.api().state()?.all_waiting().is_empty(),
            "nobody confirmed"
        );
        scene.kiosk.touch_twice("confirm", PAUSE)?;
        scene.printer.take_sheet()?;
        scene.kiosk.wait_screen(&["take-ticket"])?;
        stays(&mut scene, "take-ticket")?;
        ensure!(
            scene.office.api().state()?.all_waiting().len() == 1,
            "one ticket for one resident"
        );
        Ok(())
    })
}

/// The lowest card: where "Get my ticket" comes next.
fn last_service(shown: ShownScreen) -> Result<String> {
    let lowest = shown
        .targets
        .into_iter()
        .filter(|target| target.id.starts_with("service:"))
        .max_by(|a, b| a.y.total_cmp(&b.y));
    lowest
        .map(|target| target.id)
        .ok_or_else(|| anyhow::anyhow!("no services"))
}

/// The screen comes, and is still there when a tap that went through would have
/// brought another.
fn stays(scene: &mut Scene, screen: &str) -> Result<()> {
    scene.kiosk.wait_screen(&[screen])?;
    std::thread::sleep(Duration::from_secs(1));
    let now = scene.kiosk.wait_screen(&[screen]);
    ensure!(now.is_ok(), "{screen} did not stay");
    Ok(())
}
