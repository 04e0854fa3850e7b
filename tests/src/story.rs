//! A visit, step by step, in the words of the office: what the rehearsal plays
//! once with pictures and the tests play with mishaps.

use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result};
use serde_json::Value;
use usher_protocol::TicketNumber;

use crate::office_rig::{BrokerKind, KIOSK_1, Kiosk, OfficeRig, Plan, Printer, Sheet, ShownScreen};
use crate::paper::NumberReader;
use crate::pty::Scanner;
use crate::{paths, program, wait};

/// The service that residents of these stories come for.
pub const SERVICE: &str = "titles";
/// A counter that serves it.
pub const COUNTER: &str = "5";
/// The licence that residents of these stories carry.
pub const LICENCE: &str = "california-2020.bin";

/// An office with its server, and one kiosk with a printer and a scanner.
pub struct Scene {
    /// The kiosk.
    pub kiosk: Kiosk,
    /// Its printer.
    pub printer: Printer,
    /// Its scanner.
    pub scanner: Scanner,
    /// The office; ends last.
    pub office: OfficeRig,
}

impl Scene {
    /// Opens an office and waits until its kiosk could check somebody in.
    ///
    /// # Errors
    /// If a part does not come up.
    pub fn open(dir: &Path, broker: BrokerKind) -> Result<Self> {
        let mut office = OfficeRig::new(dir, broker)?;
        office.start_server()?;
        let plan = Plan::portrait(KIOSK_1, "X");
        let mut kiosk = Kiosk::put_up(&office, &plan)?;
        let printer = plug_in_printer(&office, &plan)?;
        let scanner = Scanner::plug_in(&Kiosk::scanner_port(&office, &plan))?;
        kiosk.start()?;
        wait_until_kiosk_works(&office, &mut kiosk)?;
        Ok(Self {
            kiosk,
            printer,
            scanner,
            office,
        })
    }

    /// Cuts the power of the kiosk's program. Its ports are free again afterwards.
    ///
    /// # Errors
    /// If a port cannot be made anew.
    pub fn kill_kiosk(&mut self) -> Result<()> {
        self.kiosk.kill();
        self.scanner.renew()?;
        self.printer.renew_port()
    }

    /// A resident takes a ticket at the kiosk: greeting, service, confirm, paper.
    ///
    /// # Errors
    /// If a step is not seen.
    pub fn take_ticket(&mut self, language: &str) -> Result<TicketNumber> {
        self.go_to_confirm(language)?;
        self.kiosk.touch("confirm")?;
        let sheet = self.printer.take_sheet()?;
        self.kiosk.wait_screen(&["take-ticket"])?;
        read_number(&sheet)
    }

    /// A resident goes as far as the question whether all is right.
    ///
    /// # Errors
    /// If a step is not seen.
    pub fn go_to_confirm(&mut self, language: &str) -> Result<()> {
        go_to_confirm(&mut self.kiosk, language)
    }
}

/// A resident goes from the first screen as far as the question whether all is right.
///
/// # Errors
/// If a step is not seen.
pub fn go_to_confirm(kiosk: &mut Kiosk, language: &str) -> Result<()> {
    let greeting = format!("language:{language}");
    kiosk.wait_screen_where("attract with the greeting", |shown| {
        shown.screen == "attract" && shown.has(&greeting)
    })?;
    kiosk.touch(&greeting)?;
    kiosk.wait_screen_where("welcome", |s| {
        s.screen == "welcome" && s.language == language
    })?;
    kiosk.touch("services")?;
    choose_service(kiosk, SERVICE)?;
    kiosk.wait_screen(&["confirm"])?;
    Ok(())
}

/// Turns the pages of the services until `service` is in sight, and touches it.
///
/// # Errors
/// If it is on no page.
pub fn choose_service(kiosk: &mut Kiosk, service: &str) -> Result<()> {
    let id = format!("service:{service}");
    let mut page = kiosk.wait_screen(&["services"])?;
    while !page.has(&id) {
        kiosk.touch("next-page")?;
        let before = page.targets;
        page = kiosk.wait_screen_where("services, another page", |shown| {
            shown.screen == "services" && shown.targets != before
        })?;
    }
    kiosk.touch(&id)?;
    Ok(())
}

impl ShownScreen {
    /// Whether something of this name can be touched.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.targets.iter().any(|target| target.id == id)
    }
}

/// Plugs a printer in where a kiosk looks for one.
///
/// # Errors
/// If it does not start.
pub fn plug_in_printer(office: &OfficeRig, plan: &Plan) -> Result<Printer> {
    let name = format!("{}-printer", plan.login.id);
    let paper = office.dir().join(format!("{}-paper", plan.login.id));
    Printer::plug_in(
        &name,
        office.dir(),
        &Kiosk::printer_port(office, plan),
        &paper,
    )
}

/// Waits until the office knows that the kiosk is there with its printer and scanner.
///
/// # Errors
/// If that is never so.
pub fn wait_until_kiosk_works(office: &OfficeRig, kiosk: &mut Kiosk) -> Result<()> {
    wait_until_device(office, KIOSK_1.id, |device| {
        device["online"] == true
            && device["status"]["printer_ready"] == true
            && device["status"]["scanner_ready"] == true
    })?;
    kiosk.wait_screen_where("of a kiosk that has found its server", |shown| shown.online)?;
    Ok(())
}

/// Waits until the office sees a device as wanted.
///
/// # Errors
/// If it never does; says how it saw it last.
pub fn wait_until_device(
    office: &OfficeRig,
    device: &str,
    wanted: impl Fn(&Value) -> bool,
) -> Result<()> {
    let api = office.api();
    let mut last = Value::Null;
    wait::until_true(
        &format!("{device} as wanted in the office's state"),
        wait::STEP,
        || {
            last = api.state()?.device(device).cloned().unwrap_or_default();
            Ok(wanted(&last))
        },
    )
    .with_context(|| format!("it was {last} at last"))
}

/// The number in large type on a sheet.
///
/// # Errors
/// If it cannot be read.
pub fn read_number(sheet: &Sheet) -> Result<TicketNumber> {
    NumberReader::new()?
        .read(&sheet.picture()?)
        .with_context(|| format!("{}", sheet.picture_path.display()))
}

/// What a scanner sends for a sample licence.
///
/// # Errors
/// If there is no such sample.
pub fn licence(file: &str) -> Result<Vec<u8>> {
    let path = paths::id_sample(file);
    std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// What a line of the event log tells: `visit_queued`.
#[must_use]
pub fn kind(line: &Value) -> &str {
    line["event"]["event"].as_str().unwrap_or_default()
}

/// The numbers that the event log has queued, in its order.
#[must_use]
pub fn numbers_queued(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .filter(|line| kind(line) == "visit_queued")
        .filter_map(|line| line["event"]["number"].as_str())
        .collect()
}

/// Plays a story in a directory of its own. A story that fails is told with the
/// last words of every program in it, and its directory is kept.
///
/// # Errors
/// The story's, with those words.
pub fn play(name: &str, story: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let dir = tempfile::Builder::new()
        .prefix(&format!("{name}-"))
        .tempdir_in(paths::runs_dir()?)?
        .keep();
    let witness = Witness { dir: &dir };
    let outcome = story(&dir);
    drop(witness);
    match outcome {
        Ok(()) => Ok(std::fs::remove_dir_all(&dir)?),
        Err(error) => Err(with_last_words(&error, &dir)),
    }
}

/// Tells the last words also when an assertion fails.
struct Witness<'d> {
    dir: &'d Path,
}

impl Drop for Witness<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "beside the assertion's own message")]
            {
                eprintln!("{}", last_words(self.dir));
            }
        }
    }
}

fn with_last_words(error: &Error, dir: &Path) -> Error {
    anyhow::anyhow!("{error:?}\n\n{}", last_words(dir))
}

/// The last lines of every program's log in `dir`.
#[must_use]
pub fn last_words(dir: &Path) -> String {
    let mut logs: Vec<PathBuf> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "log"))
        .collect();
    logs.sort();
    let mut text = format!("files of this run: {}\n", dir.display());
    for log in logs {
        let words = program::tail(&log, 12);
        if !words.is_empty() {
            let name = log.file_name().unwrap_or_default().display().to_string();
            text.push_str(&format!("--- {name}\n{words}\n"));
        }
    }
    text
}
