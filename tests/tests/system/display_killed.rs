//! The hall display's power is cut between two calls.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use usher_protocol::message::RequestBody;
use usher_tests::mqtt::{self, RUNTIME};
use usher_tests::office_rig::{BrokerKind, HallDisplay, KIOSK_2, OfficeRig};
use usher_tests::story::{self, COUNTER, SERVICE};

#[test]
fn a_display_that_comes_back_shows_the_calls_and_each_new_one_once() -> Result<()> {
    story::play("display-killed", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        office.start_server()?;
        let mut kiosk = office.device(KIOSK_2)?;
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let reply = RUNTIME.block_on(kiosk.ask(mqtt::check_in(SERVICE, "en")?))?;
            numbers.push(mqtt::ticket_of(&reply)?.number.to_string());
        }
        ask(
            &office,
            RequestBody::OpenCounter {
                counter: mqtt::counter(COUNTER)?,
                clerk: None,
            },
        )?;
        let mut hall = HallDisplay::put_up(&office)?;
        hall.start()?;

        call_next(&office)?;
        hall.wait_call("the first call", |call| call.number == numbers[0])?;
        hall.kill();
        finish(&office)?;
        call_next(&office)?;

        hall.start()?;
        hall.wait_call("the call made in the dark", |call| {
            call.number == numbers[1]
        })?;
        finish(&office)?;
        call_next(&office)?;
        hall.wait_call("the third call", |call| call.number == numbers[2])?;
        let serials: Vec<u64> = hall.shown()?.iter().map(|call| call.serial).collect();
        let different: BTreeSet<u64> = serials.iter().copied().collect();
        ensure!(
            different.len() == serials.len(),
            "a call was shown twice: {serials:?}"
        );
        ensure!(
            serials.is_sorted(),
            "calls were shown out of order: {serials:?}"
        );
        Ok(())
    })
}

fn call_next(office: &OfficeRig) -> Result<()> {
    ask(
        office,
        RequestBody::CallNext {
            counter: mqtt::counter(COUNTER)?,
        },
    )
}

fn finish(office: &OfficeRig) -> Result<()> {
    ask(
        office,
        RequestBody::StartService {
            counter: mqtt::counter(COUNTER)?,
        },
    )?;
    ask(
        office,
        RequestBody::FinishVisit {
            counter: mqtt::counter(COUNTER)?,
            outcome: usher_protocol::message::VisitOutcome::Served,
        },
    )
}

fn ask(office: &OfficeRig, body: RequestBody) -> Result<()> {
    let reply = office.api().ask(body)?;
    let done = matches!(
        reply.outcome,
        usher_protocol::message::Outcome::Accepted { .. }
    );
    ensure!(done, "{reply:?}");
    Ok(())
}
