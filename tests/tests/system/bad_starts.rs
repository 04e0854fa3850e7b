//! Programs that cannot start say why in one clear sentence and end with an error.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use usher_tests::office_rig::{BrokerKind, HallDisplay, KIOSK_1, Kiosk, OFFICE, OfficeRig, Plan};
use usher_tests::{paths, ports, program, story, wait};

/// Runs a program that must not start and returns its sentence.
fn sentence(dir: &Path, command: &mut Command, code: Option<i32>) -> Result<String> {
    // What is logged on the way is not the sentence.
    let done = program::run(
        "bad-start",
        dir,
        command.env("RUST_LOG", "error"),
        wait::START,
    )?;
    let said = done.err.trim().to_owned();
    ensure!(
        done.code.is_some_and(|code| code != 0),
        "it ended with {:?}: {said}",
        done.code
    );
    if code.is_some() {
        ensure!(
            done.code == code,
            "exit code {:?}, expected {code:?}: {said}",
            done.code
        );
    }
    ensure!(!said.is_empty(), "it says nothing");
    ensure!(!said.contains("panicked"), "a bug, not a sentence: {said}");
    Ok(said)
}

fn says(said: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(said.contains(word), "\"{word}\" is not in: {said}");
    }
    ensure!(said.lines().count() == 1, "more than one sentence: {said}");
    Ok(())
}

fn server(office: &Path, data: &Path, http: u16, mqtt: u16) -> Result<Command> {
    let mut command = Command::new(paths::program("usher-server")?);
    command
        .arg("run")
        .arg("--office")
        .arg(office)
        .arg("--data")
        .arg(data);
    command.arg("--http").arg(format!("127.0.0.1:{http}"));
    command.arg("--mqtt").arg(format!("127.0.0.1:{mqtt}"));
    Ok(command)
}

#[test]
fn a_servers_ports_are_in_use() -> Result<()> {
    story::play("ports-in-use", |dir| {
        let office = paths::sample_office(OFFICE);
        let (http, mqtt) = (ports::free()?, ports::free()?);
        let taken = TcpListener::bind(("127.0.0.1", http))?;
        let said = sentence(
            dir,
            &mut server(&office, &dir.join("a"), http, mqtt)?,
            Some(1),
        )?;
        says(&said, &[&http.to_string()])?;
        drop(taken);
        let _taken = TcpListener::bind(("127.0.0.1", mqtt))?;
        let said = sentence(
            dir,
            &mut server(&office, &dir.join("b"), http, mqtt)?,
            Some(1),
        )?;
        says(&said, &[&mqtt.to_string()])
    })
}

#[test]
fn an_office_file_is_missing_or_broken() -> Result<()> {
    story::play("office-file", |dir| {
        let (http, mqtt) = (ports::free()?, ports::free()?);
        let missing = dir.join("nowhere.toml");
        let said = sentence(
            dir,
            &mut server(&missing, &dir.join("a"), http, mqtt)?,
            Some(2),
        )?;
        says(&said, &["nowhere.toml"])?;
        let broken = dir.join("broken.toml");
        std::fs::write(&broken, "format = 1\n[office]\nname = \n")?;
        let said = sentence(
            dir,
            &mut server(&broken, &dir.join("b"), http, mqtt)?,
            Some(2),
        )?;
        ensure!(
            said.contains("broken.toml") && said.contains('3'),
            "no file and line: {said}"
        );
        ensure!(
            !dir.join("b").exists(),
            "data was made for an office that cannot be read"
        );
        Ok(())
    })
}

#[test]
fn a_servers_data_is_in_use_or_is_none() -> Result<()> {
    story::play("server-data", |dir| {
        let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        office.start_server()?;
        let data = office.data_dir();
        let file = paths::sample_office(OFFICE);
        let mut second = server(&file, &data, ports::free()?, ports::free()?)?;
        let said = sentence(dir, &mut second, Some(1))?;
        says(&said, &[&data.display().to_string()])?;
        office.stop_server()?;

        let database = database_in(&data)?;
        std::fs::write(
            &database,
            b"This is a letter, not a database.\n".repeat(200),
        )?;
        let kept = std::fs::read(&database)?;
        let mut third = server(&file, &data, ports::free()?, ports::free()?)?;
        let said = sentence(dir, &mut third, Some(1))?;
        says(&said, &[&database.display().to_string()])?;
        ensure!(std::fs::read(&database)? == kept, "the file was changed");
        Ok(())
    })
}

#[test]
fn a_kiosks_device_file_or_journal_cannot_be_used() -> Result<()> {
    story::play("kiosk-files", |dir| {
        let office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        let mut kiosk = Kiosk::put_up(&office, &Plan::portrait(KIOSK_1, "X"))?;
        std::fs::write(
            kiosk.journal(),
            b"This is a letter, not a database.\n".repeat(200),
        )?;
        let said = sentence(dir, &mut kiosk.command()?, None)?;
        says(&said, &[&kiosk.journal().display().to_string()])?;
        std::fs::remove_file(kiosk.journal())?;

        kiosk.start()?;
        let said = sentence(dir, &mut kiosk.command()?, None)?;
        says(&said, &[&kiosk.journal().display().to_string()])?;
        kiosk.kill();

        let broken = dir.join("broken.toml");
        std::fs::write(
            &broken,
            "format = 1\n[device]\nid = \"kiosk-1\"\nrole = \"fridge\"\n",
        )?;
        let mut command = Command::new(paths::program("usher-kiosk")?);
        let said = sentence(dir, command.arg("--config").arg(&broken), None)?;
        ensure!(
            said.contains("fridge") && said.contains('4'),
            "no value and line: {said}"
        );
        let mut command = Command::new(paths::program("usher-kiosk")?);
        let said = sentence(
            dir,
            command.arg("--config").arg(dir.join("nowhere.toml")),
            None,
        )?;
        says(&said, &["nowhere.toml"])
    })
}

#[test]
fn a_display_without_a_screen_or_with_a_kiosks_file_says_so() -> Result<()> {
    story::play("display-start", |dir| {
        let office = OfficeRig::new(dir, BrokerKind::Embedded)?;
        let hall = HallDisplay::put_up(&office)?;
        // No X server has this number.
        let said = sentence(dir, hall.command()?.env("DISPLAY", ":9999"), None)?;
        ensure!(said.len() < 600, "that is no sentence: {said}");
        let kiosk = Kiosk::put_up(&office, &Plan::portrait(KIOSK_1, "X"))?;
        let mut command = Command::new(paths::program("usher-display")?);
        let file = kiosk.journal().with_file_name("device.toml");
        let said = sentence(dir, command.arg("--config").arg(file), None)?;
        says(&said, &["device.toml", "usher-kiosk"])
    })
}

fn database_in(data: &Path) -> Result<PathBuf> {
    std::fs::read_dir(data)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| std::fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")))
        .context("the server left no database")
}
