//! A whole visit, from the first touch to finished: the rehearsal that
//! `./demo --headless` runs, on both brokers, with and without the server.

use std::process::Command;

use anyhow::{Result, ensure};
use usher_tests::{program, story, wait};

#[test]
fn walk_in() -> Result<()> {
    rehearse(&[])
}

#[test]
fn walk_in_with_mosquitto() -> Result<()> {
    rehearse(&["--broker", "mosquitto"])
}

#[test]
fn offline_form() -> Result<()> {
    rehearse(&["--offline"])
}

#[test]
fn offline_form_with_mosquitto() -> Result<()> {
    rehearse(&["--offline", "--broker", "mosquitto"])
}

fn rehearse(arguments: &[&str]) -> Result<()> {
    story::play("walk-in", |dir| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher-rehearsal"));
        command.args(arguments).arg("--out").arg(dir);
        let done = program::run("usher-rehearsal", dir, &mut command, wait::START * 4)?;
        ensure!(done.code == Some(0), "{}\n{}", done.out, done.err);
        Ok(())
    })
}
