//! One simulated stretch of office days: who does what when, in one order, with the
//! promises checked after each event.
//!
//! [`OfficeDay::step`] takes the next happening. [`errands`] carries commands to the
//! server and answers back; [`residents`], [`clerks`] and [`mischief`] decide what
//! people do; [`checks`] compares what is said with what is in the log.

mod checks;
mod clerks;
mod errands;
mod mischief;
mod outcome;
mod plans;
mod residents;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use usher_office::event::Record;
use usher_protocol::message::{Outcome, Reply, Request};
use usher_protocol::{CommandId, PaperForm};

use crate::model::{Broken, Ledger, When, broken};
use crate::network::{DeviceClock, Network};
use crate::seed::Dice;
use crate::server::{Incoming, Server, Worked};
use crate::world::{self, MINUTE, Millis, OfficeWorld, Resident, SECOND};

use clerks::Clerk;
use errands::{Errand, Purpose};
use residents::Whereabouts;

pub use outcome::{Failure, Report, log_of, run};

/// So many lines are kept of what happened last.
const RECENT_MAX: usize = 24;

/// What happens next.
#[derive(Debug, Clone)]
enum Happening {
    Arrives(usize),
    Tires(usize),
    Asks(usize),
    ComesBack(usize),
    GivesUp(usize),
    Sends(usize),
    Delivered(usize, Box<Request>),
    Answered(usize, Box<Reply>),
    Works,
    Ticks,
    Starts,
    ClerkActs(usize),
    GreeterActs,
    Mischief,
    Leaps(Millis),
    KioskRestarts(usize),
    Books(usize),
}

/// Something that is due; the earliest first, and in the order in which it was planned.
#[derive(Debug, Clone)]
struct Due {
    at: Millis,
    nth: u64,
    what: Happening,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.nth) == (other.at, other.nth)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.nth).cmp(&(other.at, other.nth))
    }
}

/// A form that is in a resident's hand.
#[derive(Debug, Clone)]
struct FormHeld {
    form: PaperForm,
    replaces: Option<CommandId>,
}

/// What was answered to a command.
#[derive(Debug, Clone)]
struct Told {
    outcome: Outcome,
    /// By which run of the server.
    run: u64,
    /// After how many starts of a day.
    days: u32,
    /// Whether an event tells of it.
    is_durable: bool,
    /// A form has an id of its own: another command's that brought it in is not kept.
    is_form: bool,
}

/// Something that happened, to be told if a promise breaks.
#[derive(Debug, Clone)]
enum Line {
    Text(String),
    Stored(Box<Record>),
}

/// An office on its days.
pub struct OfficeDay {
    seed: u64,
    now: Millis,
    ends_at: Millis,
    steps: u64,
    planned: u64,
    due: BinaryHeap<Reverse<Due>>,
    dice: Dice,
    world: OfficeWorld,
    people: Vec<Resident>,
    whereabouts: Vec<Whereabouts>,
    visit_of: BTreeMap<usize, u64>,
    resident_of: BTreeMap<u64, usize>,
    clerks: Vec<Clerk>,
    clocks: Vec<DeviceClock>,
    page_clock: DeviceClock,
    network: Network,
    server: Server,
    is_to_work: bool,
    errands: Vec<Errand>,
    forms: Vec<FormHeld>,
    form_numbers: Vec<u16>,
    told: BTreeMap<CommandId, Told>,
    replaced: BTreeSet<CommandId>,
    ledger: Ledger,
    saved: Option<(u64, Vec<u8>)>,
    starts: u64,
    leaps: u64,
    recent: VecDeque<(u64, Millis, Line)>,
    verbose: bool,
    /// From when to when people are about, each day.
    by_day: Vec<(Millis, Millis)>,
}

impl OfficeDay {
    /// The office and its days by this seed. `verbose` writes down all that happens.
    #[must_use]
    pub fn new(seed: u64, verbose: bool) -> Self {
        let mut dice = Dice::new(seed);
        let world = world::office(&mut dice.split());
        let people = world::residents(&mut dice.split(), &world);
        let begins_at = world.at(0, 6, 0);
        let ends_at = world.at(world.days - 1, 21, 0);
        let network = Network::new(&mut dice, world.kiosks.len(), (begins_at, ends_at));
        let server = Server::new(world.plan.clone(), &mut dice, begins_at);
        let clocks = (0..world.kiosks.len())
            .map(|_| DeviceClock::at_start(&mut dice, 1))
            .collect();
        let ahead = dice.range(-5 * SECOND, 5 * SECOND);
        let mut day = Self {
            seed,
            now: begins_at,
            ends_at,
            steps: 0,
            planned: 0,
            due: BinaryHeap::new(),
            whereabouts: vec![Whereabouts::NotYet; people.len()],
            visit_of: BTreeMap::new(),
            resident_of: BTreeMap::new(),
            clerks: world
                .plan
                .info
                .counters
                .iter()
                .map(|_| Clerk::default())
                .collect(),
            clocks,
            page_clock: DeviceClock { ahead, boot: 0 },
            network,
            server,
            is_to_work: false,
            errands: Vec::new(),
            forms: Vec::new(),
            form_numbers: vec![100; world.kiosks.len()],
            told: BTreeMap::new(),
            replaced: BTreeSet::new(),
            ledger: Ledger::new(world.plan.clone()),
            saved: None,
            starts: 0,
            leaps: 0,
            recent: VecDeque::new(),
            verbose,
            by_day: (0..world.days)
                .map(|day| (world.at(day, 7, 0), world.at(day, 18, 30)))
                .collect(),
            dice,
            world,
            people,
        };
        day.plan_all(begins_at);
        day
    }

    fn plan(&mut self, at: Millis, what: Happening) {
        self.planned += 1;
        let due = Due {
            at: at.max(self.now),
            nth: self.planned,
            what,
        };
        self.due.push(Reverse(due));
    }

    /// In a while, by the median in seconds.
    fn plan_in(&mut self, median_seconds: f64, what: Happening) {
        let at = self.now + self.dice.seconds(median_seconds, 0.6);
        self.plan(at, what);
    }

    /// Takes the next happening; false once the days are over.
    ///
    /// # Errors
    /// [`Broken`] if a promise is broken by it.
    pub fn step(&mut self) -> Result<bool, Broken> {
        let Some(Reverse(due)) = self.due.pop() else {
            return Ok(false);
        };
        if due.at > self.ends_at {
            return Ok(false);
        }
        self.now = due.at;
        self.steps += 1;
        self.happen(due.what)?;
        Ok(true)
    }

    fn happen(&mut self, what: Happening) -> Result<(), Broken> {
        match what {
            Happening::Arrives(resident) => self.arrives(resident),
            Happening::Tires(resident) => self.tires(resident),
            Happening::Asks(resident) => self.asks_for_time(resident),
            Happening::ComesBack(resident) => self.comes_back(resident),
            Happening::GivesUp(errand) => self.kiosk_gives_up(errand),
            Happening::Sends(errand) => self.sends(errand),
            Happening::Delivered(errand, request) => self.delivered(errand, *request),
            Happening::Answered(errand, reply) => self.answered(errand, &reply),
            Happening::Works => {
                self.is_to_work = false;
                let worked = self.server.work(self.now, false);
                self.after_work(worked)?;
            }
            Happening::Ticks => {
                let worked = self.server.work(self.now, true);
                self.after_work(worked)?;
                let pause = if self.is_by_day() { 5 } else { 30 };
                self.plan(self.now + pause * MINUTE, Happening::Ticks);
            }
            Happening::Starts => self.starts()?,
            Happening::ClerkActs(counter) => self.clerk_acts(counter),
            Happening::GreeterActs => self.greeter_acts(),
            Happening::Mischief => self.mischief(),
            Happening::Leaps(by) => {
                self.server.leap(by);
                self.leaps += 1;
                self.note(|| format!("the server's clock leaps by {} s", by / SECOND));
            }
            Happening::KioskRestarts(kiosk) => self.kiosk_restarts(kiosk),
            Happening::Books(resident) => self.books(resident),
        }
        Ok(())
    }

    fn is_by_day(&self) -> bool {
        let now = self.now;
        self.by_day
            .iter()
            .any(|(from, to)| (*from..*to).contains(&now))
    }

    fn starts(&mut self) -> Result<(), Broken> {
        self.starts += 1;
        let started = self.server.start(self.now);
        started.map_err(|error| broken("the log makes an office", error.to_string()))?;
        self.note(|| "the server has built its state from the log".to_owned());
        self.agree()?;
        let worked = self.server.work(self.now, true);
        self.after_work(worked)
    }

    fn after_work(&mut self, worked: Worked) -> Result<(), Broken> {
        let when = When {
            now: self.now,
            ahead: self.server.ahead(),
            run: self.server.runs(),
        };
        for record in &worked.stored {
            self.keep(Line::Stored(Box::new(record.clone())));
            self.ledger.take(record, when)?;
        }
        for (incoming, reply) in worked.answers {
            self.check_answer(&incoming, &reply)?;
            self.answer(&incoming, reply);
        }
        if worked.ended {
            self.note(|| "the server stops".to_owned());
            self.plan_in(8.0, Happening::Starts);
        } else if !worked.stored.is_empty() {
            self.agree()?;
            self.save_now_and_then();
        }
        if self.server.has_work() {
            self.is_to_work = true;
            self.plan(self.now + 1, Happening::Works);
        }
        Ok(())
    }

    fn answer(&mut self, incoming: &Incoming, reply: Reply) {
        let kiosk = self
            .errands
            .get(incoming.errand)
            .and_then(|errand| errand.kiosk);
        // A reply is repeated only if the request is.
        if let Some(at) = self.network.copies(kiosk, self.now).first() {
            self.plan(*at, Happening::Answered(incoming.errand, Box::new(reply)));
        }
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        let line = Line::Text(line());
        self.keep(line);
    }

    fn keep(&mut self, line: Line) {
        if !self.verbose && self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((self.steps, self.now, line));
    }

    /// What happened last, in words.
    fn lines(&self) -> Vec<String> {
        let told = self.recent.iter().map(|(step, at, line)| {
            let at = jiff::Timestamp::from_millisecond(*at).unwrap_or_default();
            let local = self.world.plan.time_zone.to_datetime(at);
            match line {
                Line::Text(text) => format!("{step} {local} {text}"),
                Line::Stored(record) => format!(
                    "{step} {local} #{} by {} ({}): {:?}",
                    record.sequence, record.command, record.origin, record.event
                ),
            }
        });
        told.collect()
    }

    fn kiosk_restarts(&mut self, kiosk: usize) {
        let boot = self.clocks[kiosk].boot + 1;
        self.clocks[kiosk] = DeviceClock::at_start(&mut self.dice, boot);
        self.note(|| format!("kiosk {kiosk} starts again"));
        // It has its forms in the journal; who stood before it gets a form.
        for errand in 0..self.errands.len() {
            let of_it = self.errands[errand].kiosk == Some(kiosk);
            if of_it && matches!(self.errands[errand].purpose, Purpose::CheckIn(_)) {
                self.kiosk_gives_up(errand);
            }
        }
    }
}
