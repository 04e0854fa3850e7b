//! `usher-engine-bench`: what the rules and the log cost, as ratios, for
//! `docs/performance.md`. `--short` takes some seconds.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use usher_office::Office;
use usher_office::command::{Command, Sender};
use usher_office::event::{Event, Record, VisitQueued};
use usher_office::intake::Intake;
use usher_office::moment::Moment;
use usher_office::plan::OfficePlan;
use usher_protocol::message::{Answer, Outcome, Request, RequestBody, VisitOutcome};
use usher_protocol::{CommandId, CounterId, Language, ServiceId, VisitId};
use usher_queue_server::estimate;
use usher_queue_server::office_file::OfficeFile;
use usher_store::{EventLog, Snapshot};

const OFFICE: &str = include_str!("../../../queue-server/offices/capitol-dmv.toml");

/// Calls that are timed for one figure.
const CALLS: usize = 200;

struct Effort {
    waiting: &'static [usize],
    history_events: u64,
    log_events: &'static [u64],
    offices: usize,
    visits: usize,
}

const FULL: Effort = Effort {
    waiting: &[10, 1_000, 100_000],
    history_events: 1_000_000,
    log_events: &[10_000, 100_000, 1_000_000],
    offices: 200,
    visits: 2_000,
};

const SHORT: Effort = Effort {
    waiting: &[10, 1_000, 10_000],
    history_events: 20_000,
    log_events: &[10_000],
    offices: 4,
    visits: 500,
};

fn main() -> Result<()> {
    let effort = match std::env::args().nth(1).as_deref() {
        None => FULL,
        Some("--short") => SHORT,
        Some(other) => bail!("usage: usher-engine-bench [--short]; not {other}"),
    };
    let mut out = std::io::stdout().lock();
    call_next(&mut out, &effort)?;
    start_up(&mut out, &effort)?;
    statewide(&mut out, &effort)
}

/// An office that takes in commands at a clock of its own.
struct Desk {
    intake: Intake,
    now: Timestamp,
    uptime: Duration,
    sent: u64,
    services: Vec<ServiceId>,
    counters: Vec<CounterId>,
}

impl Desk {
    fn new(plan: &Arc<OfficePlan>) -> Result<Self> {
        let mut desk = Self::closed(plan)?;
        desk.open_all()?;
        Ok(desk)
    }

    fn closed(plan: &Arc<OfficePlan>) -> Result<Self> {
        Ok(Self {
            intake: Intake::new(Office::new(Arc::clone(plan)), Arc::new(estimate::foresee)),
            now: "2026-11-25T16:00:00Z".parse()?,
            uptime: Duration::ZERO,
            sent: 0,
            services: plan.info.services.iter().map(|s| s.id.clone()).collect(),
            counters: plan.info.counters.iter().map(|c| c.id.clone()).collect(),
        })
    }

    fn open_all(&mut self) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for counter in self.counters.clone() {
            records.extend(self.clerk(RequestBody::OpenCounter {
                counter,
                clerk: None,
            })?);
        }
        Ok(records)
    }

    fn command(&mut self, sender: Sender, body: RequestBody) -> Result<Command> {
        self.sent += 1;
        let request = Request {
            id: CommandId::new(format!("c-{}", self.sent))?,
            sent_at: self.now,
            boot: 1,
            body,
        };
        Ok(Command::new(sender, request))
    }

    fn send(&mut self, command: &Command) -> (Outcome, Vec<Record>) {
        let moment = Moment {
            wall: self.now,
            uptime: self.uptime,
        };
        let handled = self.intake.handle(command, moment);
        (handled.reply.outcome, handled.records)
    }

    fn clerk(&mut self, body: RequestBody) -> Result<Vec<Record>> {
        let command = self.command(Sender::Clerk, body)?;
        let (outcome, records) = self.send(&command);
        ensure!(
            matches!(outcome, Outcome::Accepted { .. }),
            "it was refused: {outcome:?}"
        );
        Ok(records)
    }

    fn pass(&mut self, time: Duration) {
        self.uptime += time;
        self.now += SignedDuration::try_from(time).unwrap_or_default();
    }

    fn arrive(&mut self, nth: usize) -> Result<Vec<Record>> {
        self.pass(Duration::from_millis(20));
        let body = RequestBody::CheckIn {
            service: self.services[nth % self.services.len()].clone(),
            language: Language::english(),
            arrived_at: self.now,
            details: Box::default(),
        };
        // Staff, for a series has 999 numbers only and paper has a kiosk's.
        let command = self.command(Sender::Clerk, body)?;
        let (outcome, records) = self.send(&command);
        ensure!(
            matches!(
                outcome,
                Outcome::Accepted {
                    answer: Answer::Queued { .. }
                }
            ),
            "a check-in was refused: {outcome:?}"
        );
        Ok(records)
    }

    /// So many wait, more than an office has numbers for: what joins is written, not
    /// decided, with numbers that stand twice.
    fn fill(&mut self, waiting: usize) -> Result<()> {
        let mut office = self.intake.office().clone();
        let first = self.arrive(0)?;
        let template = first.last().context("somebody has arrived")?.clone();
        for record in &first {
            office.apply(record)?;
        }
        let Event::VisitQueued(queued) = template.event.clone() else {
            bail!("an arrival is another event");
        };
        for nth in 1..waiting {
            self.pass(Duration::from_millis(20));
            self.sent += 1;
            office.apply(&Record {
                sequence: office.sequence() + 1,
                at: self.now,
                command: CommandId::new(format!("c-{}", self.sent))?,
                event: Event::VisitQueued(VisitQueued {
                    visit: VisitId(office.last_visit().0 + 1),
                    service: self.services[nth % self.services.len()].clone(),
                    arrived_at: self.now,
                    device_arrived_at: self.now,
                    ..queued.clone()
                }),
                ..template.clone()
            })?;
        }
        self.intake = Intake::new(office, Arc::new(estimate::foresee));
        Ok(())
    }

    fn serve_one(&mut self, counter: usize) -> Result<Vec<Record>> {
        let counter = self.counters[counter].clone();
        let mut records = self.clerk(RequestBody::CallNext {
            counter: counter.clone(),
        })?;
        records.extend(self.clerk(RequestBody::StartService {
            counter: counter.clone(),
        })?);
        records.extend(self.clerk(RequestBody::FinishVisit {
            counter,
            outcome: VisitOutcome::Served,
        })?);
        Ok(records)
    }

    /// The next day: numbers begin again.
    fn sleep(&mut self) -> Result<Vec<Record>> {
        self.pass(Duration::from_secs(24 * 3_600));
        self.open_all()
    }
}

fn dmv() -> Result<Arc<OfficePlan>> {
    let file = OfficeFile::parse(OFFICE).map_err(|problems| anyhow::anyhow!("{problems:?}"))?;
    let plan = file.plan;
    let mut info = (*plan.info).clone();
    // Every counter serves everything, so that a call compares all lines.
    let all: Vec<_> = info.services.iter().map(|s| s.id.clone()).collect();
    for counter in &mut info.counters {
        counter.services.clone_from(&all);
    }
    // Each service with numbers of its own, so that they do not run out.
    for (nth, service) in info.services.iter_mut().enumerate() {
        let letters = [
            "JA", "JB", "JC", "JD", "JE", "JF", "JG", "JH", "JK", "JL", "JM", "JN",
        ];
        let letters = letters.get(nth).context("the office has twelve services")?;
        service.series = usher_protocol::Series::new(letters)?;
    }
    let zone = plan.time_zone.clone();
    let plan = OfficePlan::new(info, zone, plan.day_starts, BTreeMap::new());
    Ok(Arc::new(plan))
}

fn call_next(out: &mut impl Write, effort: &Effort) -> Result<()> {
    let plan = dmv()?;
    writeln!(
        out,
        "| waiting | events before | call next, median | of the smallest | memory for each who waits |"
    )?;
    writeln!(out, "|---:|---:|---:|---:|---:|")?;
    let mut smallest: Option<f64> = None;
    let mut measured = Vec::new();
    for (waiting, history) in effort
        .waiting
        .iter()
        .map(|waiting| (*waiting, 0))
        .chain([(effort.waiting[0], effort.history_events)])
    {
        let mut desk = Desk::new(&plan)?;
        while desk.intake.office().sequence() < history {
            for nth in 0..500 {
                desk.arrive(nth)?;
                desk.serve_one(0)?;
            }
            desk.sleep()?;
        }
        let before = resident_bytes()?;
        desk.fill(waiting)?;
        let grown = resident_bytes()?.saturating_sub(before);
        let mut times = Vec::with_capacity(CALLS);
        for nth in 0..CALLS {
            let body = RequestBody::CallNext {
                counter: desk.counters[0].clone(),
            };
            let command = desk.command(Sender::Clerk, body)?;
            let started = Instant::now();
            let (outcome, _) = desk.send(&command);
            times.push(started.elapsed());
            ensure!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
            // The counter is free again, and as many wait as before.
            desk.clerk(RequestBody::MarkNoShow {
                counter: desk.counters[0].clone(),
            })?;
            desk.arrive(nth)?;
        }
        times.sort_unstable();
        let median = times[CALLS / 2].as_secs_f64();
        smallest = Some(smallest.map_or(median, |least| least.min(median)));
        measured.push((waiting, history, median, grown));
    }
    let smallest = smallest.unwrap_or(1.0);
    for (waiting, history, median, grown) in measured {
        let each = if waiting >= 1_000 {
            format!("{} bytes", grown / waiting as u64)
        } else {
            "–".to_owned()
        };
        writeln!(
            out,
            "| {waiting} | {history} | {:.1} µs | {:.2} | {each} |",
            median * 1e6,
            median / smallest
        )?;
    }
    Ok(writeln!(out)?)
}

fn start_up(out: &mut impl Write, effort: &Effort) -> Result<()> {
    let plan = dmv()?;
    writeln!(
        out,
        "| events in the log | start without a snapshot | with one | for each event |"
    )?;
    writeln!(out, "|---:|---:|---:|---:|")?;
    for events in effort.log_events {
        let dir = tempfile::tempdir()?;
        let office_id = plan.info.office.clone();
        let mut log = EventLog::open(dir.path(), &office_id, "2026-11-25T16:00:00Z".parse()?)?;
        let mut again = Office::new(Arc::clone(&plan));
        let mut pending = Vec::new();
        let mut desk = Desk::closed(&plan)?;
        pending.extend(desk.open_all()?);
        let mut nth = 0;
        while desk.intake.office().sequence() < *events {
            pending.extend(desk.arrive(nth)?);
            pending.extend(desk.serve_one(nth % desk.counters.len())?);
            nth += 1;
            if nth % 700 == 0 {
                pending.extend(desk.sleep()?);
            }
            if pending.len() > 4_000 {
                log.append(&pending)?;
                pending.clear();
            }
        }
        log.append(&pending)?;
        let started = Instant::now();
        log.replay(|record| -> Result<()> {
            again.apply(&record)?;
            Ok(())
        })?;
        let replayed = started.elapsed();
        ensure!(again.sequence() == desk.intake.office().sequence());

        let head = log.head();
        log.save_snapshot(&Snapshot {
            sequence: head.sequence,
            chain_hash: head.hash,
            format_version: 1,
            program_version: "bench".to_owned(),
            bytes: Snapshot::bytes_of(&again)?,
        })?;
        drop(log);
        let started = Instant::now();
        let log = EventLog::open(dir.path(), &office_id, "2026-11-25T16:00:00Z".parse()?)?;
        let snapshot = log
            .snapshot(1, "bench")
            .context("the snapshot is no good")?;
        let mut office = snapshot
            .state::<Office>()
            .context("the snapshot cannot be read")?
            .resumed(Arc::clone(&plan));
        log.replay_after(snapshot.head(), |record| -> Result<()> {
            office.apply(&record)?;
            Ok(())
        })?;
        let resumed = started.elapsed();
        ensure!(office == again, "the snapshot makes another office");
        writeln!(
            out,
            "| {events} | {:.3} s | {:.3} s | {:.2} µs |",
            replayed.as_secs_f64(),
            resumed.as_secs_f64(),
            replayed.as_secs_f64() * 1e6 / (*events as f64),
        )?;
    }
    Ok(writeln!(out)?)
}

/// A day of a whole state: every office's every visit, through one process.
fn statewide(out: &mut impl Write, effort: &Effort) -> Result<()> {
    let plan = dmv()?;
    let mut desks = (0..effort.offices)
        .map(|_| Desk::new(&plan))
        .collect::<Result<Vec<_>>>()?;
    let started = Instant::now();
    for nth in 0..effort.visits {
        for desk in &mut desks {
            desk.arrive(nth)?;
            if nth >= 20 {
                desk.serve_one(nth % desk.counters.len())?;
            }
        }
    }
    for desk in &mut desks {
        for nth in 0..20.min(effort.visits) {
            desk.serve_one(nth % desk.counters.len())?;
        }
        ensure!(desk.intake.office().waiting_count() == 0);
    }
    let took = started.elapsed();
    let visits = effort.offices * effort.visits;
    let events: u64 = desks.iter().map(|d| d.intake.office().sequence()).sum();
    writeln!(
        out,
        "{} offices × {} visits, each called, served and finished, through one process: {visits} visits, {events} events in {:.1} s, {:.0} events a second; {} MiB.",
        effort.offices,
        effort.visits,
        took.as_secs_f64(),
        events as f64 / took.as_secs_f64(),
        resident_bytes()? / (1024 * 1024),
    )?;
    Ok(())
}

fn resident_bytes() -> Result<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split_whitespace().nth(1).context("statm is short")?;
    Ok(pages.parse::<u64>()? * 4_096)
}
