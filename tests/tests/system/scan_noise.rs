//! What a scanner sends when it is not a licence.

use anyhow::{Result, ensure};
use usher_tests::office_rig::BrokerKind;
use usher_tests::story::{self, Scene};

#[test]
fn noise_and_half_a_barcode_give_a_hint_and_the_next_scan_is_read() -> Result<()> {
    story::play("scan-noise", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Embedded)?;
        let licence = story::licence(story::LICENCE)?;
        scene.kiosk.touch("language:es")?;
        scene.kiosk.wait_screen(&["welcome"])?;
        let noise: Vec<u8> = (0..600_u32)
            .map(|n| n.wrapping_mul(197).to_le_bytes()[0])
            .collect();
        for (bytes, what) in [
            (&noise[..], "noise"),
            (&licence[..licence.len() / 2], "half a barcode"),
        ] {
            scene.scanner.send(bytes)?;
            let shown = scene.kiosk.wait_screen_where("with a hint", |shown| {
                shown.hint.starts_with("scan-") && shown.hint != "scan-understood"
            })?;
            ensure!(
                shown.screen == "welcome" && !shown.greeted,
                "{what}: {shown:?}"
            );
            // Leave and come back, so that the next hint is a new one.
            scene.kiosk.touch("start-over")?;
            scene.kiosk.wait_screen(&["attract"])?;
            scene.kiosk.touch("language:es")?;
            scene
                .kiosk
                .wait_screen_where("welcome without a hint", |shown| {
                    shown.screen == "welcome" && !shown.hint.starts_with("scan-")
                })?;
        }
        scene.scanner.send(&licence)?;
        scene
            .kiosk
            .wait_screen_where("with a greeting by name", |shown| shown.greeted)?;
        Ok(())
    })
}
