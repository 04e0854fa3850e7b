//! Who will come, when, for what, and how they will behave.

use usher_protocol::message::{Appointment, Needs};
use usher_protocol::{AppointmentCode, Language, PersonHash, ServiceId};

use crate::seed::Dice;
use crate::world::office::LANGUAGES;
use crate::world::{MINUTE, Millis, OfficeWorld};

/// Residents by hour, from seven in the morning to seven in the evening, of any
/// sum: the usual two peaks, at the opening and at lunch.
const PROFILE: [u32; 12] = [6, 30, 22, 18, 20, 34, 30, 18, 16, 14, 8, 2];

/// At most so many a day: a big office's.
const RESIDENTS_MAX: usize = 260;

/// What a resident comes for.
#[derive(Debug, Clone)]
pub enum Wants {
    /// These services; the first was asked for first.
    Services(Vec<ServiceId>),
    /// An appointment that was booked.
    Appointment(Booked),
}

/// An appointment, as its resident has it.
#[derive(Debug, Clone)]
pub struct Booked {
    /// What was booked.
    pub appointment: Appointment,
    /// When the booking is told to the server.
    pub told_at: Millis,
    /// Whether the resident has no code at hand, only a name.
    pub by_name: bool,
}

/// Somebody who will come.
#[derive(Debug, Clone)]
pub struct Resident {
    /// When they check in.
    pub at: Millis,
    /// For what.
    pub wants: Wants,
    /// How many come together.
    pub party: u8,
    /// What they need.
    pub needs: Needs,
    /// Their language.
    pub language: Language,
    /// The kiosk that they use; `None` if they go to a greeter.
    pub kiosk: Option<usize>,
    /// How long they stay without being called, milliseconds.
    pub patience: Millis,
    /// Whether they say so when they leave.
    pub tells: bool,
    /// When they ask for more time, after the check-in; more than once if so.
    pub more_time: Vec<Millis>,
    /// Whether they are away when first called, and for how long after it.
    pub away: Option<Millis>,
    /// How long they walk to a counter.
    pub walk: Millis,
}

/// Everybody who will come on all days, in the order of their coming.
#[must_use]
pub fn residents(dice: &mut Dice, world: &OfficeWorld) -> Vec<Resident> {
    let services: Vec<ServiceId> = world
        .plan
        .info
        .services
        .iter()
        .map(|s| s.id.clone())
        .collect();
    let mut all = Vec::new();
    for day in 0..world.days {
        let busy = dice.lognormal(40.0, 0.8).clamp(1.0, 1e6);
        let busy = (1..RESIDENTS_MAX).take_while(|count| f64_of(*count) < busy);
        for _ in 0..busy.count() + 1 {
            let hour = dice.weighted(&PROFILE);
            let hour = i8::try_from(hour + 7).unwrap_or(12);
            let at = world.at(day, hour, 0) + dice.range(0, 60 * MINUTE - 1);
            let code = all.len();
            all.push(resident(dice, world, &services, day, at, code));
        }
    }
    all.sort_by_key(|resident| resident.at);
    all
}

fn f64_of(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

fn resident(
    dice: &mut Dice,
    world: &OfficeWorld,
    services: &[ServiceId],
    day: u8,
    at: Millis,
    code: usize,
) -> Resident {
    let language = dice
        .one(&LANGUAGES)
        .and_then(|tag| Language::new(*tag).ok());
    let language = language.unwrap_or_else(Language::english);
    let needs = needs(dice, &language);
    let party = u8::try_from(dice.weighted(&[80, 12, 5, 3]) + 1).unwrap_or(1);
    let wanted = wanted(dice, services);
    let wants = if dice.per_mille(280) {
        let (appointment, by_name) = booked(dice, &wanted, at, code);
        let told_at = if dice.per_mille(800) {
            world.at(0, 6, 30) + dice.range(0, 20 * MINUTE)
        } else {
            world.at(day, 6, 55) + dice.range(0, 5 * MINUTE)
        };
        Wants::Appointment(Booked {
            appointment,
            told_at,
            by_name,
        })
    } else {
        Wants::Services(wanted)
    };
    let kiosk = dice.per_mille(800).then(|| dice.index(world.kiosks.len()));
    Resident {
        at,
        wants,
        party,
        needs,
        language,
        kiosk,
        patience: dice.seconds(80.0 * 60.0, 0.8),
        tells: dice.per_mille(300),
        more_time: if dice.per_mille(60) {
            (0..dice.range(1, 4))
                .map(|_| dice.seconds(12.0 * 60.0, 0.9))
                .collect()
        } else {
            Vec::new()
        },
        away: dice.per_mille(90).then(|| dice.seconds(9.0 * 60.0, 1.0)),
        walk: dice.seconds(25.0, 0.5),
    }
}

fn wanted(dice: &mut Dice, services: &[ServiceId]) -> Vec<ServiceId> {
    let count = match dice.weighted(&[80, 13, 5, 2]) {
        0 => 1,
        1 => 2,
        2 => 3,
        _ => 6,
    };
    // The same twice is what a hurried finger does.
    (0..count)
        .filter_map(|_| dice.one(services).cloned())
        .collect()
}

fn needs(dice: &mut Dice, language: &Language) -> Needs {
    Needs {
        interpreter: (!language.is_english() && dice.per_mille(300)).then(|| language.clone()),
        wheelchair: dice.per_mille(40),
        quiet: dice.per_mille(15),
        hearing: dice.per_mille(10),
        sight: dice.per_mille(10),
    }
}

/// Their resident comes at `at`: in time mostly, too early or late sometimes.
fn booked(dice: &mut Dice, services: &[ServiceId], at: Millis, code: usize) -> (Appointment, bool) {
    let after = match dice.weighted(&[20, 60, 12, 8]) {
        0 => dice.range(-MINUTE, 2 * MINUTE),
        1 => dice.range(2 * MINUTE, 20 * MINUTE),
        2 => dice.range(-15 * MINUTE, 0),
        _ => dice.range(-120 * MINUTE, 120 * MINUTE),
    };
    // Agreed on a whole quarter of an hour, most of the time.
    let agreed = at + after;
    let agreed = if dice.per_mille(800) {
        agreed / (15 * MINUTE) * 15 * MINUTE
    } else {
        agreed
    };
    let by_name = dice.per_mille(300);
    // A few persons have two appointments.
    let person = PersonHash::new(format!(
        "{:032x}",
        if dice.per_mille(60) { 1 } else { code }
    ));
    let appointment = Appointment {
        code: AppointmentCode::new(format!("AP-{code}")).expect("capitals and digits are a code"),
        at: jiff::Timestamp::from_millisecond(agreed).unwrap_or_default(),
        services: services.to_vec(),
        language: None,
        person: person.ok(),
        party: 1,
        needs: Needs::default(),
    };
    (appointment, by_name)
}
