//! An office's own broker dies and comes back with nothing in its memory.

use anyhow::{Context, Result, ensure};
use usher_protocol::message::{self, OfficeInfo, Presence};
use usher_tests::broker::Mosquitto;
use usher_tests::mqtt::{RUNTIME, Wire};
use usher_tests::office_rig::{BrokerKind, OFFICE};
use usher_tests::story::{self, Scene};
use usher_tests::wait;

#[test]
fn everything_is_told_again_to_a_broker_that_forgot() -> Result<()> {
    story::play("broker-killed", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Mosquitto)?;
        let broker = scene
            .office
            .mosquitto()
            .context("the office has no Mosquitto")?;
        broker.kill_and_restart()?;

        let (login, all) = (Mosquitto::tap_login(), ["#".to_owned()]);
        let mut tap = RUNTIME.block_on(Wire::connect(scene.office.broker(), "tap", login, &all))?;
        let info: OfficeInfo = RUNTIME.block_on(tap.next_where(wait::STEP, |received| {
            let office = received.topic.ends_with("/state/office");
            office
                .then(|| message::decode(&received.payload).ok())
                .flatten()
        }))?;
        ensure!(info.office.as_str() == OFFICE, "{info:?}");
        let mut tap = RUNTIME.block_on(Wire::connect(scene.office.broker(), "tap", login, &all))?;
        RUNTIME.block_on(tap.next_where(wait::STEP, |received| {
            let presence = received.topic.ends_with("/device/kiosk-1/presence");
            let online = |presence: Presence| presence.online;
            (presence && message::decode(&received.payload).is_ok_and(online)).then_some(())
        }))?;

        story::wait_until_kiosk_works(&scene.office, &mut scene.kiosk)?;
        let number = scene.take_ticket("en")?.to_string();
        scene
            .office
            .api()
            .state_where("the printed ticket", |state| {
                (state.waiting(&number)?["print"] == "printed").then_some(())
            })?;
        ensure!(
            !number.starts_with('X'),
            "{number} is a form's number: the kiosk was cut off"
        );
        Ok(())
    })
}
