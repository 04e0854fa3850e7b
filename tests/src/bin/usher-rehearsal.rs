//! One visit, played by itself with the real programs: what `./demo --headless` runs.
//!
//! Every step is printed with its time when it was *seen*: on the glass, on
//! paper, in the office's state, in a page. The exit code is 0 only if all were.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use usher_protocol::form_code::{self, SealKey};
use usher_protocol::message::{PrintResult, RequestBody};
use usher_protocol::{CounterId, Language, PaperForm, ServiceId, TicketNumber};
use usher_tests::browser::Browser;
use usher_tests::mqtt::{self, RUNTIME};
use usher_tests::office_api::OfficeState;
use usher_tests::office_rig::{
    self, BrokerKind, HallDisplay, KIOSK_1, KIOSK_2, Kiosk, OFFICE, OfficeRig, Plan, Printer, Sheet,
};
use usher_tests::paper::{NumberReader, read_code};
use usher_tests::pty::Scanner;
use usher_tests::story::{self, COUNTER, LICENCE, SERVICE};
use usher_tests::{clock, desktop, program, wait};

/// The resident's language.
const LANGUAGE: &str = "es";

/// Who came before, at the other kiosk: minutes ago, language.
const EARLIER: [(i64, &str); 26] = [
    (58, "en"),
    (52, "es"),
    (47, "en"),
    (44, "vi"),
    (41, "en"),
    (38, "es"),
    (37, "en"),
    (35, "en"),
    (33, "vi"),
    (31, "en"),
    (28, "zh-Hant"),
    (27, "en"),
    (26, "en"),
    (22, "es"),
    (21, "en"),
    (19, "en"),
    (17, "ar"),
    (15, "en"),
    (14, "es"),
    (12, "en"),
    (11, "en"),
    (9, "en"),
    (7, "zh-Hant"),
    (6, "en"),
    (4, "es"),
    (2, "en"),
];

/// Plays one visit and prints each step when it was seen.
#[derive(Parser)]
#[command(name = "usher-rehearsal")]
struct Arguments {
    /// Stop the queue server before the check-in: the visit starts on paper.
    #[arg(long)]
    offline: bool,
    /// Open an office on this desktop instead, for you to play.
    #[arg(long, conflicts_with = "offline")]
    desktop: bool,
    /// Where pictures and the event log are left, below `online` or `offline`.
    #[arg(long, default_value = "target/demo")]
    out: PathBuf,
    /// The MQTT broker: the one inside the server, or Mosquitto beside it.
    #[arg(long, value_enum, default_value = "embedded")]
    broker: Broker,
}

#[derive(Clone, Copy, ValueEnum)]
enum Broker {
    Embedded,
    Mosquitto,
}

impl From<Broker> for BrokerKind {
    fn from(broker: Broker) -> Self {
        match broker {
            Broker::Embedded => Self::Embedded,
            Broker::Mosquitto => Self::Mosquitto,
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    end_everything_when_interrupted();
    if arguments.desktop {
        return open_on_desktop(&arguments);
    }
    match rehearse(&arguments) {
        Ok(pictures) => {
            println!(
                "Every step was seen. Pictures and event log: {}",
                pictures.display()
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("NOT SEEN: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn open_on_desktop(arguments: &Arguments) -> ExitCode {
    match desktop::open(arguments.broker.into(), &arguments.out.join("desktop")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("The office closed: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// The programs are in process groups of their own, so the terminal's Ctrl-C
/// does not reach them.
fn end_everything_when_interrupted() {
    RUNTIME.spawn(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
                .expect("SIGTERM can be listened for");
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
        program::kill_all();
        std::process::exit(130);
    });
}

fn rehearse(arguments: &Arguments) -> Result<PathBuf> {
    let out = arguments.out.join(if arguments.offline {
        "offline"
    } else {
        "online"
    });
    let mut narrator = Narrator::new(&out)?;
    let broker = arguments.broker.into();
    story::play("rehearsal", |dir| {
        let mut stage = Stage::set(dir, broker, &mut narrator)?;
        let number = if arguments.offline {
            check_in_on_paper(&mut stage, &mut narrator)?
        } else {
            check_in(&mut stage, &mut narrator)?
        };
        be_served(&mut stage, &mut narrator, number)?;
        leave_event_log(&stage, &mut narrator, number)
    })?;
    Ok(out)
}

/// Prints the steps and numbers the pictures.
struct Narrator {
    out: PathBuf,
    start: Instant,
    pictures: u32,
}

impl Narrator {
    fn new(out: &Path) -> Result<Self> {
        std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
        for entry in std::fs::read_dir(out)? {
            let path = entry?.path();
            let ours = ["png", "jsonl", "bin"].map(std::ffi::OsStr::new);
            if path.is_file() && path.extension().is_some_and(|ext| ours.contains(&ext)) {
                std::fs::remove_file(path)?;
            }
        }
        Ok(Self {
            out: out.to_owned(),
            start: Instant::now(),
            pictures: 0,
        })
    }

    fn seen(&self, step: &str) {
        println!("{:7.2} s  {step}", self.start.elapsed().as_secs_f64());
    }

    fn picture_path(&mut self, name: &str) -> PathBuf {
        self.pictures += 1;
        self.out.join(format!("{:02}-{name}.png", self.pictures))
    }

    fn kiosk(&mut self, name: &str, kiosk: &Kiosk) -> Result<()> {
        let path = self.picture_path(&format!("kiosk-{name}"));
        kiosk.picture()?.save(&path)
    }

    fn paper(&mut self, name: &str, sheet: &Sheet) -> Result<()> {
        std::fs::copy(&sheet.bytes_path, self.out.join(format!("{name}.bin")))?;
        std::fs::copy(&sheet.picture_path, self.picture_path(name))?;
        Ok(())
    }
}

/// Everything that a visit needs, running. Ends in this order.
struct Stage {
    browser: Browser,
    hall: HallDisplay,
    kiosk: Kiosk,
    printer: Printer,
    scanner: Scanner,
    office: OfficeRig,
}

impl Stage {
    fn set(dir: &Path, broker: BrokerKind, narrator: &mut Narrator) -> Result<Self> {
        let mut office = OfficeRig::new(dir, broker)?;
        let ready = office.start_server()?;
        ensure!(ready.events_recovered == 0, "a new office has a history");
        ensure!(
            office.api().get("/healthz")?.0 == 200,
            "the web server is not healthy"
        );
        let database = sqlite_file(&office.data_dir())?;
        let mut keypad = office.device(office_rig::KEYPAD_1)?;
        RUNTIME
            .block_on(keypad.ask(RequestBody::Hello))
            .context("over MQTT")?;
        narrator.seen(&format!(
            "The queue server is up: MQTT broker {} ({}), database {database}, pages at {}",
            office.broker(),
            match broker {
                BrokerKind::Embedded => "its own",
                BrokerKind::Mosquitto => "Mosquitto",
            },
            ready.http
        ));

        let before = bring_earlier_residents(&office)?;
        narrator.seen(&format!("The office is busy: {before}"));

        let plan = Plan::portrait(KIOSK_1, "X");
        let mut kiosk = Kiosk::put_up(&office, &plan)?;
        let printer = story::plug_in_printer(&office, &plan)?;
        let scanner = Scanner::plug_in(&Kiosk::scanner_port(&office, &plan))?;
        kiosk.start()?;
        story::wait_until_kiosk_works(&office, &mut kiosk)?;
        narrator.seen("The kiosk is up: its window is on the glass, it has opened printer and scanner, and the server knows");

        let mut hall = HallDisplay::put_up(&office)?;
        hall.start()?;
        story::wait_until_device(&office, office_rig::HALL_1.id, |hall| {
            hall["online"] == true
        })?;
        narrator.seen("The hall display is up");

        let browser = Browser::start("browser", office.dir(), 1280, 800)?;
        browser.open(&office.api().url(&format!("/counter/{COUNTER}")))?;
        browser.wait_attribute("body", "data-state", "closed")?;
        browser.wait_attribute("#link", "data-link", "live")?;
        narrator.seen(&format!(
            "The clerk's page of {COUNTER} is open in a browser; the counter is closed"
        ));
        browser.picture(&narrator.picture_path("clerk-closed"))?;

        kiosk.wait_screen(&["attract"])?;
        narrator.kiosk("attract", &kiosk)?;
        Ok(Self {
            browser,
            hall,
            kiosk,
            printer,
            scanner,
            office,
        })
    }
}

fn sqlite_file(dir: &Path) -> Result<String> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_file() && std::fs::read(&path)?.starts_with(b"SQLite format 3\0") {
            return Ok(path.file_name().unwrap_or_default().display().to_string());
        }
    }
    anyhow::bail!("no SQLite database in {}", dir.display())
}

/// Residents at the other kiosk and clerks at other counters, so that screens
/// and pages show an office and not an empty hall.
fn bring_earlier_residents(office: &OfficeRig) -> Result<String> {
    let api = office.api();
    let state = api.state()?;
    let ours = services_of(&state, COUNTER);
    let others: Vec<String> = state.0["info"]["services"]
        .as_array()
        .context("the office has no services")?
        .iter()
        .filter_map(|service| service["id"].as_str().map(str::to_owned))
        .filter(|service| !ours.contains(service))
        .collect();
    ensure!(
        !others.is_empty(),
        "every service is {COUNTER}'s: nobody can come for another"
    );
    let mut arrivals = EARLIER.into_iter();
    let mut kiosk = office.device(KIOSK_2)?;
    let mut check_in = |service: &str, (minutes, language): (i64, &str)| -> Result<()> {
        let body = RequestBody::CheckIn {
            service: ServiceId::new(service)?,
            language: Language::new(language)?,
            arrived_at: clock::now() - SignedDuration::from_mins(minutes),
            details: Box::default(),
        };
        let ticket = mqtt::ticket_of(&RUNTIME.block_on(kiosk.ask(body))?)?;
        let body = RequestBody::RecordPrint {
            visit: ticket.visit,
            result: PrintResult::Printed,
        };
        RUNTIME.block_on(kiosk.ask(body))?;
        Ok(())
    };
    // The first have come to counters that serve our resident's service too: the
    // clerks there are busy, and our resident is promised a wait.
    let busy = counters_where(&state, |services| services.iter().any(|s| s == SERVICE));
    let busy: Vec<_> = busy
        .into_iter()
        .filter(|id| id.as_str() != COUNTER)
        .take(2)
        .collect();
    for (_, arrival) in busy.iter().zip(arrivals.by_ref()) {
        check_in(&ours[0], arrival)?;
    }
    for counter in &busy {
        serve_next(office, counter, true)?;
    }
    for (at, arrival) in arrivals.enumerate() {
        // Some services are asked for more than others.
        check_in(&others[(at * at + at) % others.len()], arrival)?;
    }
    let open = counters_where(&state, |services| !services.iter().any(|s| s == SERVICE));
    for (at, counter) in open.iter().enumerate() {
        serve_next(office, counter, at % 3 != 2)?;
    }
    let waiting = api.state()?.all_waiting().len();
    Ok(format!(
        "{waiting} residents wait, {} counters are open",
        busy.len() + open.len()
    ))
}

/// A clerk opens a counter, calls whoever is next, and perhaps has them before them already.
fn serve_next(office: &OfficeRig, counter: &CounterId, has_come: bool) -> Result<()> {
    let api = office.api();
    api.ask(RequestBody::OpenCounter {
        counter: counter.clone(),
        clerk: None,
    })?;
    api.ask(RequestBody::CallNext {
        counter: counter.clone(),
    })?;
    if has_come {
        api.ask(RequestBody::StartService {
            counter: counter.clone(),
        })?;
    }
    Ok(())
}

fn services_of(state: &OfficeState, counter: &str) -> Vec<String> {
    let services = state
        .counter(counter)
        .and_then(|counter| counter["services"].as_array());
    services
        .into_iter()
        .flatten()
        .filter_map(|s| s.as_str().map(str::to_owned))
        .collect()
}

fn counters_where(state: &OfficeState, wanted: impl Fn(&[String]) -> bool) -> Vec<CounterId> {
    let counters = state.0["counters"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    counters
        .iter()
        .filter_map(|counter| counter["id"].as_str())
        .filter(|id| wanted(&services_of(state, id)))
        .filter_map(|id| CounterId::new(id).ok())
        .collect()
}

/// The resident, from the first touch to the question whether all is right.
fn go_to_confirm(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    let kiosk = &mut stage.kiosk;
    kiosk.touch(&format!("language:{LANGUAGE}"))?;
    kiosk.wait_screen_where("welcome in Spanish", |s| {
        s.screen == "welcome" && s.language == LANGUAGE
    })?;
    narrator.seen("The resident touched the greeting in Spanish; the kiosk speaks Spanish");
    narrator.kiosk("welcome", kiosk)?;

    let before = kiosk.picture()?;
    stage.scanner.send(&story::licence(LICENCE)?)?;
    let greeted = kiosk.wait_screen_where("with a greeting by name", |s| s.greeted)?;
    ensure!(
        greeted.language == LANGUAGE,
        "the greeting is in {}",
        greeted.language
    );
    ensure!(
        kiosk.picture()?.difference(&before) > 0.0,
        "the greeting is not on the glass"
    );
    narrator
        .seen("The scanner sent a California licence; the resident is greeted by name, in Spanish");
    narrator.kiosk("greeted", kiosk)?;

    if greeted.screen == "welcome" {
        kiosk.touch("services")?;
    }
    kiosk.wait_screen(&["services"])?;
    narrator.kiosk("services", kiosk)?;
    story::choose_service(kiosk, SERVICE)?;
    kiosk.wait_screen(&["confirm"])?;
    narrator.seen(&format!(
        "The resident touched the service \"{SERVICE}\"; the kiosk asks whether all is right"
    ));
    narrator.kiosk("confirm", kiosk)
}

fn check_in(stage: &mut Stage, narrator: &mut Narrator) -> Result<TicketNumber> {
    go_to_confirm(stage, narrator)?;
    stage.kiosk.touch("confirm")?;
    stage.kiosk.wait_screen(&["working", "take-ticket"])?;
    let path = narrator.picture_path("kiosk-working");
    stage.kiosk.picture_now()?.save(&path)?;

    let sheet = stage.printer.take_sheet()?;
    let number = NumberReader::new()?.read(&sheet.picture()?)?;
    narrator.paper("ticket", &sheet)?;
    narrator.seen(&format!(
        "The ticket is out; the number read from its picture is {}",
        number.spaced()
    ));
    let shown = stage.kiosk.wait_screen(&["take-ticket"])?;
    ensure!(
        shown.number == Some(number.to_string()),
        "the screen shows {:?}",
        shown.number
    );
    narrator.kiosk("take-ticket", &stage.kiosk)?;
    leave_kiosk(stage, narrator)?;

    let api = stage.office.api();
    let printed = api.state_where("the ticket in the queue, as printed", |state| {
        state
            .waiting(&number.to_string())
            .filter(|visit| visit["print"] == "printed")
            .cloned()
    })?;
    ensure!(
        printed["service"] == SERVICE && printed["language"] == LANGUAGE,
        "{printed}"
    );
    ensure!(printed["on_paper"] == false, "{printed}");
    once_in_queue_and_log(&stage.office, number)?;
    narrator.seen(&format!(
        "{} is in the queue, once, and the server knows that it was printed",
        number.spaced()
    ));
    Ok(number)
}

fn check_in_on_paper(stage: &mut Stage, narrator: &mut Narrator) -> Result<TicketNumber> {
    stage.office.kill_server();
    stage
        .kiosk
        .wait_screen_where("without its server", |shown| !shown.online)?;
    stage.browser.wait_attribute("#link", "data-link", "lost")?;
    narrator.seen("The queue server was killed; the kiosk and the clerk's page have noticed");
    narrator.kiosk("attract-without-server", &stage.kiosk)?;
    stage
        .browser
        .picture(&narrator.picture_path("clerk-without-server"))?;

    go_to_confirm(stage, narrator)?;
    let earliest = clock::now();
    stage.kiosk.touch("confirm")?;
    let sheet = stage.printer.take_sheet()?;
    let latest = clock::now();
    let picture = sheet.picture()?;
    let number = NumberReader::new()?.read(&picture)?;
    ensure!(
        number.series().to_string() == "X",
        "{number} is not of the kiosk's own series"
    );
    let form = read_form(&read_code(&picture)?)?;
    ensure!(
        form.number == number,
        "large type {number}, code {}",
        form.number
    );
    ensure!(
        form.service.as_str() == SERVICE && form.language.as_str() == LANGUAGE,
        "{form:?}"
    );
    // The code on the form has whole milliseconds.
    let touched = earliest.as_millisecond()..=latest.as_millisecond();
    ensure!(
        touched.contains(&form.arrived_at.as_millisecond()),
        "arrived {}",
        form.arrived_at
    );
    narrator.paper("paper-form", &sheet)?;
    narrator.seen(&format!(
        "A paper form is out with the reserved number {}; its code reads back",
        number.spaced()
    ));
    let shown = stage.kiosk.wait_screen(&["paper-form"])?;
    ensure!(
        shown.number == Some(number.to_string()),
        "the screen shows {:?}",
        shown.number
    );
    narrator.kiosk("paper-form", &stage.kiosk)?;
    leave_kiosk(stage, narrator)?;
    stage
        .hall
        .picture()?
        .save(&narrator.picture_path("hall-display-without-server"))?;

    let ready = stage.office.start_server()?;
    ensure!(ready.events_recovered > 0, "the server forgot the morning");
    narrator.seen(&format!(
        "The queue server is back with {} events",
        ready.events_recovered
    ));
    let visit = stage
        .office
        .api()
        .state_where("the form's number in the queue", |state| {
            state.waiting(&number.to_string()).cloned()
        })?;
    let arrived_at: Timestamp = visit["arrived_at"]
        .as_str()
        .context("no time of arrival")?
        .parse()?;
    ensure!(
        arrived_at.as_millisecond() == form.arrived_at.as_millisecond(),
        "the queue says {arrived_at}, the form {}",
        form.arrived_at
    );
    ensure!(visit["on_paper"] == true, "{visit}");
    story::wait_until_device(&stage.office, KIOSK_1.id, |kiosk| {
        kiosk["online"] == true && kiosk["status"]["papers_waiting"] == 0
    })?;
    once_in_queue_and_log(&stage.office, number)?;
    narrator.seen(&format!(
        "{} is in the queue at its time of arrival, once",
        number.spaced()
    ));
    Ok(number)
}

fn leave_kiosk(stage: &mut Stage, narrator: &mut Narrator) -> Result<()> {
    stage.kiosk.touch("done")?;
    let left = stage.kiosk.wait_screen(&["attract"])?;
    ensure!(!left.greeted, "the resident's name is still on the screen");
    narrator
        .seen("The resident took the paper and touched \"Done\"; the kiosk greets the next one");
    narrator.kiosk("attract-again", &stage.kiosk)
}

fn read_form(code: &str) -> Result<PaperForm> {
    Ok(form_code::decode(code, |device| {
        (device.as_str() == KIOSK_1.id).then(|| SealKey::from_secret(KIOSK_1.secret))
    })?)
}

fn once_in_queue_and_log(office: &OfficeRig, number: TicketNumber) -> Result<()> {
    let number = number.to_string();
    let state = office.api().state()?;
    let waiting = state
        .all_waiting()
        .iter()
        .filter(|v| v["number"] == *number)
        .count();
    ensure!(waiting == 1, "{number} is {waiting} times in the queue");
    let events = office.events()?;
    let queued = story::numbers_queued(&events)
        .iter()
        .filter(|n| **n == number)
        .count();
    ensure!(queued == 1, "{number} was queued {queued} times by the log");
    Ok(())
}

/// The clerk and the hall display.
fn be_served(stage: &mut Stage, narrator: &mut Narrator, number: TicketNumber) -> Result<()> {
    let api = stage.office.api();
    let browser = &stage.browser;
    browser.wait_attribute("#link", "data-link", "live")?;
    browser.press('o')?;
    browser.wait_attribute("body", "data-state", "free")?;
    narrator.seen("The clerk pressed \"o\": the counter is open");
    browser.picture(&narrator.picture_path("clerk-free"))?;

    browser.press('n')?;
    browser.wait_attribute("body", "data-state", "called")?;
    browser.wait_text("#number", &number.spaced())?;
    narrator.seen(&format!(
        "The clerk pressed \"n\": {} is called",
        number.spaced()
    ));
    browser.picture(&narrator.picture_path("clerk-called"))?;

    let label = api
        .state()?
        .counter(COUNTER)
        .and_then(|counter| counter["label"].as_str().map(str::to_owned))
        .context("the counter has no label")?;
    stage.hall.wait_call("the call", |call| {
        call.number == number.to_string() && call.counter == label
    })?;
    narrator.seen(&format!(
        "The hall display shows {}, counter {label}",
        number.spaced()
    ));
    stage
        .hall
        .picture()?
        .save(&narrator.picture_path("hall-display-call"))?;

    browser.open(&api.url("/manager"))?;
    wait::until_true("the number on the manager's page", wait::STEP, || {
        Ok(browser
            .text("body")?
            .is_some_and(|text| text.contains(&number.spaced())))
    })?;
    browser.picture(&narrator.picture_path("manager"))?;
    narrator.seen("The manager's page shows it too");
    browser.open(&api.url(&format!("/counter/{COUNTER}")))?;
    browser.wait_attribute("body", "data-state", "called")?;
    browser.wait_attribute("#link", "data-link", "live")?;

    browser.press('s')?;
    browser.wait_attribute("body", "data-state", "serving")?;
    browser.picture(&narrator.picture_path("clerk-serving"))?;
    narrator.seen("The clerk pressed \"s\": service has started");

    browser.press('f')?;
    browser.wait_attribute("body", "data-state", "free")?;
    ensure!(
        api.state()?.visit_at(COUNTER).is_none(),
        "the counter still has a visit"
    );
    narrator.seen("The clerk pressed \"f\": the visit is finished");
    stage
        .hall
        .picture()?
        .save(&narrator.picture_path("hall-display-after"))?;
    Ok(())
}

fn leave_event_log(stage: &Stage, narrator: &mut Narrator, number: TicketNumber) -> Result<()> {
    let text = stage.office.events_text()?;
    std::fs::write(narrator.out.join("events.jsonl"), &text)?;
    let events = stage.office.events()?;
    let story = visit_story(&events, number);
    let expected = [
        "visit_queued",
        "visit_called",
        "service_started",
        "visit_finished",
    ];
    for kind in expected {
        let count = story.iter().filter(|seen| **seen == kind).count();
        ensure!(
            count == 1,
            "the log has {count} {kind} of {number}: {story:?}"
        );
    }
    narrator.seen(&format!(
        "The event log of office {OFFICE} tells the visit: {}",
        story.join(", ")
    ));
    Ok(())
}

/// The kinds of events of the visit that has this number, in order.
fn visit_story(events: &[Value], number: TicketNumber) -> Vec<&str> {
    let number = number.to_string();
    let queued =
        |line: &&Value| story::kind(line) == "visit_queued" && line["event"]["number"] == *number;
    let Some(visit) = events
        .iter()
        .find(queued)
        .map(|line| &line["event"]["visit"])
    else {
        return Vec::new();
    };
    events
        .iter()
        .filter(|line| line["event"]["visit"] == *visit)
        .map(story::kind)
        .collect()
}
