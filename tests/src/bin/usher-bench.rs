//! Measures what residents and clerks feel, beside what the machine could do at best.
//!
//! `usher-bench` prints Markdown tables for `docs/performance.md`; `--short` is
//! the same with fewer repetitions, in under a minute.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use rumqttc::v5::mqttbytes::v5::PublishProperties;
use usher_protocol::form_code::SealKey;
use usher_protocol::message::{Outcome, Request, RequestBody, Role};
use usher_protocol::topic::Topics;
use usher_protocol::{CommandId, DeviceId, Language, OfficeId, ServiceId};
use usher_queue_server::broker::{Access, BrokerLogin, DeviceCredential, EmbeddedBroker};
use usher_queue_server::live::office_thread::{OfficeParts, OfficeThread};
use usher_queue_server::office::command::Sender;
use usher_queue_server::office_file::OfficeFile;
use usher_queue_server::store::EventLog;
use usher_tests::mqtt::{self, Device, RUNTIME, Wire};
use usher_tests::office_rig::{
    BrokerAddress, BrokerKind, DeviceLogin, HallDisplay, KIOSK_1, KIOSK_2, Kiosk, OFFICE,
    OfficeRig, Plan,
};
use usher_tests::program::Program;
use usher_tests::pty::Scanner;
use usher_tests::story::{self, COUNTER, SERVICE, Scene};
use usher_tests::{clock, paths, ports, program, wait};

/// Kiosks that check residents in at the same time.
const KIOSKS: usize = 32;
/// Tasks that check residents in at the same time without a network.
const TASKS: usize = 256;
/// Most check-ins of one run: the office's twelve series have 9,999 numbers each a day.
const CHECK_INS_MAX: usize = 100_000;
/// Size of one record of the raw disk measurement: about that of one event.
const RECORD_BYTES: usize = 400;
/// Longest that a call stays alone on the hall display; calls are made further
/// apart, so that none waits for the one before.
const STAGE: Duration = Duration::from_millis(4_500);

/// Measures touch to paper, check-ins a second, call to display, memory and start times.
#[derive(Parser)]
#[command(name = "usher-bench")]
struct Arguments {
    /// Fewer repetitions: under a minute.
    #[arg(long)]
    short: bool,
}

/// How often and how long.
struct Effort {
    tickets: usize,
    calls: usize,
    hops: usize,
    seconds: f64,
}

impl Effort {
    fn of(arguments: &Arguments) -> Self {
        if arguments.short {
            Self {
                tickets: 5,
                calls: 3,
                hops: 500,
                seconds: 2.0,
            }
        } else {
            Self {
                tickets: 30,
                calls: 20,
                hops: 5_000,
                seconds: 8.0,
            }
        }
    }
}

fn main() -> ExitCode {
    let effort = Effort::of(&Arguments::parse());
    match story::play("bench", |dir| bench(dir, &effort)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("{error:?}");
            program::kill_all();
            ExitCode::FAILURE
        }
    }
}

fn bench(dir: &Path, effort: &Effort) -> Result<()> {
    println!("{}\n", machine()?);
    let sub = |name: &str| -> Result<std::path::PathBuf> {
        let sub = dir.join(name);
        std::fs::create_dir(&sub)?;
        Ok(sub)
    };
    print_times(
        "A resident and a clerk",
        &[
            touch_to_paper(&sub("touch")?, effort)?,
            call_to_display(&sub("call")?, effort)?,
            bare_hop(effort)?,
        ],
    );
    let disk = raw_disk(&sub("disk")?, effort)?;
    print_rates(
        &disk,
        &[
            check_ins_in_process(&sub("one")?, 1, effort)?,
            check_ins_in_process(&sub("many")?, TASKS, effort)?,
            check_ins_over_mqtt(&sub("mqtt")?, effort)?,
        ],
    );
    print_programs(&start_and_memory(&sub("start")?, effort)?);
    Ok(())
}

/// What was measured, in milliseconds.
struct Times {
    what: &'static str,
    milliseconds: Vec<f64>,
}

impl Times {
    /// The value below which `part` of all lie (nearest rank).
    fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.milliseconds.clone();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a length is a length"
        )]
        let rank = (part * sorted.len() as f64).ceil() as usize;
        sorted[rank.clamp(1, sorted.len()) - 1]
    }
}

fn print_times(title: &str, rows: &[Times]) {
    println!("| {title} | median | 99 % below | largest | n |\n|---|---:|---:|---:|---:|");
    for row in rows {
        println!(
            "| {} | {:.2} ms | {:.2} ms | {:.2} ms | {} |",
            row.what,
            row.quantile(0.5),
            row.quantile(0.99),
            row.quantile(1.0),
            row.milliseconds.len()
        );
    }
    println!();
}

/// Check-ins a second.
struct Rate {
    what: String,
    per_second: f64,
    /// How many share one transaction, at most.
    group: f64,
}

/// What the disk can do, a second.
struct Disk {
    appends: f64,
    overwrites: f64,
}

fn print_rates(disk: &Disk, rows: &[Rate]) {
    let Disk {
        appends,
        overwrites,
    } = *disk;
    println!("| Durable check-ins | a second | for each append | share a transaction |");
    println!("|---|---:|---:|---:|");
    println!(
        "| raw: append {RECORD_BYTES} bytes, `fdatasync`, same disk | {appends:.0} | 1.00 | 1 |"
    );
    println!(
        "| raw: overwrite 4 KiB in place, `fdatasync`, same disk | {overwrites:.0} | {:.2} | 1 |",
        overwrites / appends
    );
    for row in rows {
        println!(
            "| {} | {:.0} | {:.2} | at most {:.1} |",
            row.what,
            row.per_second,
            row.per_second / appends,
            row.group
        );
    }
    println!();
}

/// How a program starts and what it holds.
struct Footprint {
    what: &'static str,
    start_ms: f64,
    idle_mib: f64,
    after: &'static str,
    after_mib: f64,
}

fn print_programs(rows: &[Footprint]) {
    println!(
        "| Program | start until ready | memory when ready | memory later |\n|---|---:|---:|---|"
    );
    for row in rows {
        println!(
            "| {} | {:.0} ms | {:.1} MiB | {:.1} MiB {} |",
            row.what, row.start_ms, row.idle_mib, row.after_mib, row.after
        );
    }
}

fn machine() -> Result<String> {
    let cpu = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .and_then(|rest| rest.split_once(':'))
        .map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let profile = if cfg!(debug_assertions) {
        "dev (opt-level 1)"
    } else {
        "release"
    };
    Ok(format!(
        "{model}, {cores} cores, Linux {}, build profile {profile}.",
        kernel.trim()
    ))
}

fn unix_ms() -> f64 {
    clock::now().as_microsecond() as f64 / 1_000.0
}

/// From the finger on "Get my ticket" to the first byte at the printer: the
/// check-in goes to the server, is stored durably, and comes back on the way.
fn touch_to_paper(dir: &Path, effort: &Effort) -> Result<Times> {
    let mut scene = Scene::open(dir, BrokerKind::Embedded)?;
    let mut milliseconds = Vec::new();
    for _ in 0..effort.tickets {
        scene.go_to_confirm("es")?;
        let touched = scene.kiosk.touch("confirm")?;
        let start = touched.as_microsecond() as f64 / 1000.0;
        milliseconds.push(scene.printer.first_byte_since(touched)? - start);
        scene.printer.take_sheet()?;
        scene.kiosk.wait_screen(&["take-ticket"])?;
        scene.kiosk.touch("done")?;
    }
    Ok(Times {
        what: "touch on \"Get my ticket\" → first byte at the printer",
        milliseconds,
    })
}

/// From a clerk's request to the call on the hall display's screen.
fn call_to_display(dir: &Path, effort: &Effort) -> Result<Times> {
    let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
    office.start_server()?;
    let mut kiosk = office.device(KIOSK_2)?;
    for _ in 0..effort.calls {
        RUNTIME.block_on(kiosk.ask(mqtt::check_in(SERVICE, "en")?))?;
    }
    let mut hall = HallDisplay::put_up(&office)?;
    hall.start()?;
    let api = office.api();
    let counter = mqtt::counter(COUNTER)?;
    let mut milliseconds = Vec::new();
    api.ask(RequestBody::OpenCounter {
        counter: counter.clone(),
        clerk: None,
    })?;
    for _ in 0..effort.calls {
        let start = unix_ms();
        let reply = api.ask(RequestBody::CallNext {
            counter: counter.clone(),
        })?;
        let Outcome::Accepted {
            answer: usher_protocol::message::Answer::AtCounter { number, .. },
        } = reply.outcome
        else {
            anyhow::bail!("not called: {reply:?}");
        };
        let shown = hall.wait_call("the call", |call| call.number == number.to_string())?;
        milliseconds.push(shown.at_ms as f64 - start);
        api.ask(RequestBody::StartService {
            counter: counter.clone(),
        })?;
        api.ask(RequestBody::FinishVisit {
            counter: counter.clone(),
            outcome: usher_protocol::message::VisitOutcome::Served,
        })?;
        std::thread::sleep(STAGE);
    }
    Ok(Times {
        what: "clerk's HTTP request → call on the hall display",
        milliseconds,
    })
}

/// One message from one client to another through the same broker.
fn bare_hop(effort: &Effort) -> Result<Times> {
    let office = OfficeId::new(OFFICE)?;
    let login = BrokerLogin::of_server([7; 32]);
    let device = DeviceId::new(KIOSK_2.id)?;
    let credential = DeviceCredential {
        role: Role::Kiosk,
        key: SealKey::from_secret(KIOSK_2.secret),
    };
    let access = Access::new(
        &office,
        [(device.clone(), credential)].into(),
        login.clone(),
    );
    let address = BrokerAddress {
        host: "127.0.0.1".into(),
        port: ports::free()?,
    };
    let topics = Topics::new(&office);
    let topic = topics.request(&device);
    RUNTIME.block_on(async {
        let at: SocketAddr = address.to_string().parse()?;
        let _broker = EmbeddedBroker::start(at, access).await?;
        let server = (login.user.as_str(), login.password.as_str());
        let mut ear =
            Wire::connect(&address, &login.user, server, &[topics.request_filter()]).await?;
        let mouth = Wire::connect(&address, KIOSK_2.id, (KIOSK_2.id, KIOSK_2.secret), &[]).await?;
        let mut milliseconds = Vec::new();
        for _ in 0..effort.hops {
            let start = Instant::now();
            mouth
                .publish(&topic, vec![b'x'; 200], PublishProperties::default())
                .await?;
            ear.next(wait::STEP).await?;
            milliseconds.push(start.elapsed().as_secs_f64() * 1_000.0);
        }
        Ok(Times {
            what: "one bare MQTT message of 200 bytes, same broker, QoS 1",
            milliseconds,
        })
    })
}

/// How many check-ins shared a transaction, at most: those of one transaction
/// have the same time, in whole milliseconds, and a fast disk may do two in one.
fn check_ins_per_transaction(data: &Path) -> Result<f64> {
    let log = rusqlite::Connection::open_with_flags(
        data.join("events.db"),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )?;
    let count =
        "SELECT count(*), count(DISTINCT at_ms) FROM events WHERE body LIKE '%visit_queued%'";
    let (events, times): (f64, f64) =
        log.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(events / times.max(1.0))
}

/// How often the disk below `dir` makes a record durable, a second.
fn raw_disk(dir: &Path, effort: &Effort) -> Result<Disk> {
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(dir.join("append"))?;
    let record = vec![b'x'; RECORD_BYTES];
    let appends = rate_of(effort.seconds / 2.0, || {
        file.write_all(&record)?;
        file.sync_data()
    })?;
    let page = vec![b'x'; 4096];
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .open(dir.join("overwrite"))?;
    file.write_all_at(&page, 0)?;
    file.sync_all()?;
    let overwrites = rate_of(effort.seconds / 2.0, || {
        file.write_all_at(&page, 0)?;
        file.sync_data()
    })?;
    Ok(Disk {
        appends,
        overwrites,
    })
}

fn rate_of(seconds: f64, mut act: impl FnMut() -> std::io::Result<()>) -> Result<f64> {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed().as_secs_f64() < seconds {
        act()?;
        count += 1;
    }
    Ok(f64::from(count) / start.elapsed().as_secs_f64())
}

/// The services of the sample office in turn: more check-ins fit than one series has numbers.
fn check_in_at(services: &[ServiceId], turn: usize) -> RequestBody {
    RequestBody::CheckIn {
        service: services[turn % services.len()].clone(),
        language: Language::english(),
        arrived_at: clock::now(),
        details: Box::default(),
    }
}

fn check_ins_in_process(dir: &Path, tasks: usize, effort: &Effort) -> Result<Rate> {
    let plan = OfficeFile::load(&paths::sample_office(OFFICE))?.plan;
    let services: Vec<ServiceId> = plan.info.services.iter().map(|s| s.id.clone()).collect();
    let log = EventLog::open(dir, &plan.info.office, clock::now())?;
    let parts = OfficeParts {
        plan,
        devices: Vec::new(),
        log,
        clock: Arc::new(clock::now),
    };
    let (office, thread) = OfficeThread::start(parts)?;
    let (seconds, most) = (effort.seconds, CHECK_INS_MAX / tasks);
    let (count, took) = RUNTIME.block_on(async {
        let start = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        for task in 0..tasks {
            let (office, services) = (office.clone(), services.clone());
            running.spawn(async move {
                let sender = Sender::Device {
                    id: DeviceId::new(KIOSK_1.id)?,
                    role: Role::Kiosk,
                };
                let mut count = 0_usize;
                while count < most && start.elapsed().as_secs_f64() < seconds {
                    let request = Request {
                        id: CommandId::new(format!("bench-{task}-{count}"))?,
                        sent_at: clock::now(),
                        boot: 1,
                        body: check_in_at(&services, task + count),
                    };
                    let reply = office.submit(sender.clone(), request).await;
                    mqtt::ticket_of(&reply)?;
                    count += 1;
                }
                anyhow::Ok(count)
            });
        }
        let counts: Vec<usize> = running
            .join_all()
            .await
            .into_iter()
            .collect::<Result<_>>()?;
        anyhow::Ok((counts.iter().sum::<usize>(), start.elapsed().as_secs_f64()))
    })?;
    RUNTIME.block_on(thread.stop());
    Ok(Rate {
        what: match tasks {
            1 => "in process, one after the other".to_owned(),
            tasks => format!("in process, {tasks} at the same time"),
        },
        per_second: count as f64 / took,
        group: check_ins_per_transaction(dir)?,
    })
}

fn check_ins_over_mqtt(dir: &Path, effort: &Effort) -> Result<Rate> {
    let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
    let logins = add_kiosks(&mut office)?;
    office.start_server()?;
    let services = services_of(&office)?;
    let devices: Vec<Device> = logins
        .into_iter()
        .map(|login| office.device(login))
        .collect::<Result<_>>()?;
    let (seconds, most) = (effort.seconds, CHECK_INS_MAX / KIOSKS);
    let (count, took) = RUNTIME.block_on(async {
        let start = Instant::now();
        let mut running = tokio::task::JoinSet::new();
        for (task, mut device) in devices.into_iter().enumerate() {
            let services = services.clone();
            running.spawn(async move {
                let mut count = 0_usize;
                while count < most && start.elapsed().as_secs_f64() < seconds {
                    let reply = device.ask(check_in_at(&services, task + count)).await?;
                    mqtt::ticket_of(&reply)?;
                    count += 1;
                }
                anyhow::Ok(count)
            });
        }
        let counts: Vec<usize> = running
            .join_all()
            .await
            .into_iter()
            .collect::<Result<_>>()?;
        anyhow::Ok((counts.iter().sum::<usize>(), start.elapsed().as_secs_f64()))
    })?;
    let queued = story::numbers_queued(&office.events()?).len();
    ensure!(
        queued == count,
        "{count} were acknowledged, {queued} are in the log"
    );
    Ok(Rate {
        what: format!("over MQTT, {KIOSKS} kiosks, request to reply"),
        per_second: count as f64 / took,
        group: check_ins_per_transaction(&office.data_dir())?,
    })
}

/// Gives the office more kiosks, each with a secret and a series of its own.
fn add_kiosks(office: &mut OfficeRig) -> Result<Vec<DeviceLogin>> {
    let mut text = std::fs::read_to_string(paths::sample_office(OFFICE))?;
    let mut logins = Vec::new();
    for (at, letter) in ('A'..='Z').chain('A'..='Z').take(KIOSKS).enumerate() {
        let first = if at < 26 { 'Q' } else { 'Z' };
        let secret = format!("secret-of-bench-kiosk-{at}");
        let hash = SealKey::from_secret(&secret).to_hex();
        text.push_str(&format!(
            "\n[[device]]\nid = \"bench-{at}\"\nrole = \"kiosk\"\nseries = \"{first}{letter}\"\nsecret_sha256 = \"{hash}\"\n"
        ));
        // A login names a device for the whole run.
        let id: &'static str = format!("bench-{at}").leak();
        logins.push(DeviceLogin {
            id,
            secret: secret.leak(),
        });
    }
    let file = office.dir().join("office.toml");
    std::fs::write(&file, text)?;
    office.use_office_file(&file);
    Ok(logins)
}

fn services_of(office: &OfficeRig) -> Result<Vec<ServiceId>> {
    let state = office.api().state()?;
    let services = state.0["info"]["services"]
        .as_array()
        .context("no services")?;
    services
        .iter()
        .map(|service| Ok(ServiceId::new(service["id"].as_str().context("no id")?)?))
        .collect()
}

fn start_and_memory(dir: &Path, effort: &Effort) -> Result<Vec<Footprint>> {
    let mut office = OfficeRig::new(dir, BrokerKind::Embedded)?;
    let start = Instant::now();
    office.start_server()?;
    let server_ms = start.elapsed().as_secs_f64() * 1_000.0;
    let server_idle = mib(office.server()?)?;

    let plan = Plan::portrait(KIOSK_1, "X");
    let mut kiosk = Kiosk::put_up(&office, &plan)?;
    let mut printer = story::plug_in_printer(&office, &plan)?;
    let _scanner = Scanner::plug_in(&Kiosk::scanner_port(&office, &plan))?;
    let start = unix_ms();
    let first = kiosk.start()?;
    let kiosk_ms = first.at_ms as f64 - start;
    story::wait_until_kiosk_works(&office, &mut kiosk)?;
    let kiosk_idle = mib(kiosk.program()?)?;
    for language in ["en", "zh-Hant", "ar"]
        .iter()
        .cycle()
        .take(effort.tickets.min(6))
    {
        story::go_to_confirm(&mut kiosk, language)?;
        kiosk.touch("confirm")?;
        printer.take_sheet()?;
        kiosk.wait_screen(&["take-ticket"])?;
        kiosk.touch("done")?;
    }
    let kiosk_later = mib(kiosk.program()?)?;

    let mut hall = HallDisplay::put_up(&office)?;
    let start = Instant::now();
    hall.start()?;
    let hall_ms = start.elapsed().as_secs_f64() * 1_000.0;
    let hall_idle = mib(hall.program()?)?;

    let mut device = office.device(KIOSK_2)?;
    for _ in 0..1_000 {
        RUNTIME.block_on(device.ask(mqtt::check_in(SERVICE, "en")?))?;
    }
    Ok(vec![
        Footprint {
            what: "`usher-server`",
            start_ms: server_ms,
            idle_mib: server_idle,
            after: "with 1,000 residents waiting",
            after_mib: mib(office.server()?)?,
        },
        Footprint {
            what: "`usher-kiosk` (1080×1920)",
            start_ms: kiosk_ms,
            idle_mib: kiosk_idle,
            after: "after tickets in three scripts",
            after_mib: kiosk_later,
        },
        Footprint {
            what: "`usher-display` (1920×1080)",
            start_ms: hall_ms,
            idle_mib: hall_idle,
            after: "the same",
            after_mib: mib(hall.program()?)?,
        },
    ])
}

fn mib(program: &mut Program) -> Result<f64> {
    Ok(program.memory_kib()? as f64 / 1024.0)
}
