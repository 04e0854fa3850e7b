//! A whole office on this desktop: what `./demo` opens.

use std::io::BufRead;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use anyhow::{Context, Result};
use usher_protocol::CounterId;
use usher_protocol::message::RequestBody;

use crate::office_rig::{
    BrokerKind, HALL_1, KIOSK_1, Kiosk, OfficeRig, Panel, Plan, Printer, device_file,
};
use crate::program::Program;
use crate::pty::Scanner;
use crate::story::{COUNTER, LICENCE};
use crate::{paths, story};

/// Counters that are open from the start, so that waits are known; the one whose
/// address is printed is left for the visitor to open.
const OPEN_COUNTERS: [&str; 4] = ["1", "3", "7", "9"];

/// How often the windows are looked at: closing one ends the demo.
const LOOK: Duration = Duration::from_millis(300);

/// The kiosk's window: a landscape panel of 12.1 inches, as it fits on a desktop.
const KIOSK_PANEL: Panel = Panel {
    width_px: 1280,
    height_px: 800,
    width_mm: 261.0,
    fullscreen: false,
};

/// The hall display's window: a television, drawn small.
const HALL_PANEL: Panel = Panel {
    width_px: 1280,
    height_px: 720,
    width_mm: 1085.0,
    fullscreen: false,
};

/// What can be done in the terminal while the office is open.
const HELP: &str = "\
In this terminal (each with Enter):
  (nothing)        hold a driver's licence of an invented person to the kiosk's scanner
  server off       cut the queue server's power: the kiosk gives out paper forms
  server on        switch it on again: the forms are taken into the queue
  paper out        take the paper out of the printer; paper ok puts it back
  cover open       open the printer's cover; cover closed closes it
  quit             close the office";

/// Opens an office on this desktop and keeps it open until a window is closed,
/// `quit` is typed, or the terminal ends it. Its papers are laid down in `papers`.
///
/// # Errors
/// If a part does not start or ends by itself.
pub fn open(broker: BrokerKind, papers: &Path) -> Result<()> {
    story::play("desktop", |dir| open_in(dir, broker, papers))
}

fn open_in(dir: &Path, broker: BrokerKind, papers: &Path) -> Result<()> {
    let mut office = OfficeRig::new(dir, broker)?;
    let ready = office.start_server()?;
    for counter in OPEN_COUNTERS {
        office.api().ask(RequestBody::OpenCounter {
            counter: CounterId::new(counter)?,
            clerk: None,
        })?;
    }
    let plan = Plan {
        panel: KIOSK_PANEL,
        ..Plan::portrait(KIOSK_1, "X")
    };
    let kiosk_dir = dir.join(KIOSK_1.id);
    let hall_dir = dir.join(HALL_1.id);
    for dir in [&kiosk_dir, &hall_dir] {
        std::fs::create_dir_all(dir)?;
    }
    let kiosk = device_file::kiosk(&office, &plan, &kiosk_dir);
    let hall = device_file::hall_display(&office, HALL_PANEL, &hall_dir);
    let port = Kiosk::printer_port(&office, &plan);
    let mut printer = Printer::plug_in("printer", dir, &port, papers)?;
    let mut scanner = Scanner::plug_in(&Kiosk::scanner_port(&office, &plan))?;
    let mut windows = [
        window("usher-kiosk", dir, &kiosk_dir, &kiosk)?,
        window("usher-display", dir, &hall_dir, &hall)?,
    ];
    println!("The office is open. Its kiosk and its hall display are on this desktop.");
    println!("  a counter's page     {}/counter/{COUNTER}", ready.http);
    println!("  the manager's page   {}/manager", ready.http);
    println!("  all pages            {}/", ready.http);
    println!("  printed papers       {}", papers.display());
    println!("{HELP}");

    let lines = typed_lines();
    let licence = std::fs::read(paths::id_sample(LICENCE))?;
    loop {
        match lines.recv_timeout(LOOK).as_deref() {
            Ok("quit") => return Ok(()),
            Ok("") => {
                scanner.send(&licence)?;
                println!("The licence was read.");
            }
            Ok("server off") => {
                office.kill_server();
                println!("The queue server is off.");
            }
            Ok("server on") if office.server().is_err() => {
                let ready = office.start_server()?;
                println!(
                    "The queue server is back with {} events.",
                    ready.events_recovered
                );
            }
            Ok("server on") => println!("The queue server is on."),
            Ok(line) if line.starts_with("paper ") || line.starts_with("cover ") => {
                printer.set(line)?;
            }
            Ok(_) => println!("{HELP}"),
            Err(RecvTimeoutError::Timeout) => {}
            // Without a terminal, the windows alone keep the office open.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
        }
        for window in &mut windows {
            if let Some(status) = window.ended()? {
                if status.success() {
                    return Ok(());
                }
                return window.must_run();
            }
        }
    }
}

fn window(program: &str, dir: &Path, own_dir: &Path, device_file: &str) -> Result<Program> {
    let config = own_dir.join("device.toml");
    std::fs::write(&config, device_file)?;
    let mut command = Command::new(paths::program(program)?);
    command
        .arg("--config")
        .arg(config)
        .env("SLINT_BACKEND", "winit-software")
        .env("RUST_LOG", "info");
    Program::start(program, dir, &mut command).context("a window of the office")
}

fn typed_lines() -> std::sync::mpsc::Receiver<String> {
    let (tell, lines) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if tell.send(line.trim().to_owned()).is_err() {
                return;
            }
        }
    });
    lines
}
