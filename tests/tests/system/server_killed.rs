//! The server's power is cut in the middle of everything.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use usher_protocol::message::{QueuedTicket, RequestBody};
use usher_protocol::{CommandId, TicketNumber};
use usher_tests::mqtt::{self, Device, RUNTIME};
use usher_tests::office_rig::{BrokerKind, KIOSK_1, KIOSK_2, OfficeRig};
use usher_tests::story::{self, Scene};
use usher_tests::wait;

const ROUNDS: usize = 4;
/// Check-ins that are acknowledged before the power is cut.
const ACKNOWLEDGED: u64 = 60;

/// What a kiosk knows: every check-in it has made, and the answers it has got.
#[derive(Default)]
struct Known {
    made: BTreeMap<CommandId, RequestBody>,
    answered: BTreeMap<CommandId, QueuedTicket>,
}

#[test]
fn every_acknowledged_ticket_is_there_once_after_a_power_cut() -> Result<()> {
    story::play("server-killed", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        let mut known = [Known::default(), Known::default()];
        for _ in 0..ROUNDS {
            office.start_server()?;
            let mut devices = [office.device(KIOSK_1)?, office.device(KIOSK_2)?];
            for (device, known) in devices.iter_mut().zip(&mut known) {
                RUNTIME.block_on(repeat_all(device, known))?;
            }
            let [one, two] = devices;
            let [known_one, known_two] = std::mem::take(&mut known);
            let streams = [
                RUNTIME.spawn(check_in_until_cut(one, known_one)),
                RUNTIME.spawn(check_in_until_cut(two, known_two)),
            ];
            // Both go on when enough have come: the cut comes in the middle.
            let before = waiting(&office)?;
            office.api().state_where("enough check-ins", |state| {
                (state.0["waiting_total"].as_u64()? >= before + ACKNOWLEDGED).then_some(())
            })?;
            office.kill_server();
            for (known, stream) in known.iter_mut().zip(streams) {
                *known = RUNTIME.block_on(stream)??;
            }
        }
        office.start_server()?;
        for (login, known) in [KIOSK_1, KIOSK_2].into_iter().zip(&mut known) {
            let mut device = office.device(login)?;
            RUNTIME.block_on(repeat_all(&mut device, known))?;
        }
        each_is_there_once(&office, &known)
    })
}

fn waiting(office: &OfficeRig) -> Result<u64> {
    office.api().state()?.0["waiting_total"]
        .as_u64()
        .context("no count of who waits")
}

/// Checks residents in one after the other until the connection breaks.
async fn check_in_until_cut(mut device: Device, mut known: Known) -> Result<Known> {
    loop {
        let id = mqtt::new_command_id();
        let body = mqtt::check_in(story::SERVICE, "en")?;
        known.made.insert(id.clone(), body.clone());
        match device.ask_as(&id, body, wait::STEP).await {
            Ok(reply) => known.answered.insert(id, mqtt::ticket_of(&reply)?),
            Err(_) => break,
        };
    }
    Ok(known)
}

/// Asks everything again under the same ids: what was answered is answered alike.
async fn repeat_all(device: &mut Device, known: &mut Known) -> Result<()> {
    for (id, body) in &known.made {
        let reply = device.ask_as(id, body.clone(), wait::STEP).await?;
        let ticket = mqtt::ticket_of(&reply)?;
        if let Some(first) = known.answered.get(id) {
            ensure!(
                (first.visit, first.number) == (ticket.visit, ticket.number),
                "{id} was {} and is {} now",
                first.number,
                ticket.number
            );
        }
        known.answered.insert(id.clone(), ticket);
    }
    Ok(())
}

fn each_is_there_once(office: &OfficeRig, known: &[Known]) -> Result<()> {
    let expected: BTreeSet<String> = known
        .iter()
        .flat_map(|k| k.answered.values())
        .map(|t| t.number.to_string())
        .collect();
    let made: usize = known.iter().map(|k| k.made.len()).sum();
    ensure!(
        expected.len() == made,
        "{made} check-ins got {} numbers",
        expected.len()
    );
    let events = office.events()?;
    let queued = story::numbers_queued(&events);
    ensure!(
        queued.len() == made,
        "{made} check-ins, {} in the log",
        queued.len()
    );
    let logged: BTreeSet<String> = queued.into_iter().map(str::to_owned).collect();
    ensure!(logged == expected, "other numbers in the log");
    Ok(())
}

/// Whatever moment it is, the resident leaves with one paper, and its number is
/// in the queue once.
#[test]
fn a_resident_at_the_kiosk_keeps_one_place_when_the_server_dies() -> Result<()> {
    story::play("server-killed-at-kiosk", |dir| {
        let mut scene = Scene::open(dir, BrokerKind::Embedded)?;
        for _ in 0..3 {
            scene.go_to_confirm("en")?;
            scene.kiosk.touch("confirm")?;
            scene
                .kiosk
                .wait_screen(&["working", "take-ticket", "paper-form"])?;
            scene.office.kill_server();
            let number = story::read_number(&scene.printer.take_sheet()?)?;
            scene.kiosk.wait_screen(&["take-ticket", "paper-form"])?;
            scene.kiosk.touch("done")?;
            scene.office.start_server()?;
            settle(&mut scene)?;
            is_in_queue_once(&scene.office, number)?;
        }
        let waiting = scene.office.api().state()?.all_waiting().len();
        ensure!(waiting == 3, "three residents came, {waiting} wait");
        Ok(())
    })
}

/// Waits until the kiosk has nothing left to tell the server.
fn settle(scene: &mut Scene) -> Result<()> {
    story::wait_until_kiosk_works(&scene.office, &mut scene.kiosk)?;
    story::wait_until_device(&scene.office, KIOSK_1.id, |d| {
        d["status"]["papers_waiting"] == 0
    })
}

fn is_in_queue_once(office: &OfficeRig, number: TicketNumber) -> Result<()> {
    let text = number.to_string();
    let count = |state: &usher_tests::office_api::OfficeState| {
        state
            .all_waiting()
            .iter()
            .filter(|visit| visit["number"] == *text)
            .count()
    };
    office
        .api()
        .state_where("the number on the paper in the queue", |state| {
            (count(state) == 1).then_some(())
        })
        .with_context(|| format!("{number}"))
}
