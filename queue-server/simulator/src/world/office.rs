//! A random office: its services, counters, clerks, policy and hours.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::{Date, date, time};
use jiff::tz::TimeZone;
use usher_office::hours::{OpeningHours, Span};
use usher_office::plan::{
    Clerk, CounterRules, LastTicket, Limits, OfficePlan, Rules, ServiceRules,
};
use usher_office::policy::{Appointments, Order, Policy};
use usher_protocol::message::{CounterInfo, OfficeInfo, ServiceInfo};
use usher_protocol::{ClerkId, CounterId, DeviceId, Language, OfficeId, Series, ServiceId, Text};

use crate::seed::Dice;
use crate::world::{MINUTE, Millis};

const ZONES: [&str; 5] = [
    "America/Los_Angeles",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "UTC",
];

/// The languages that are spoken here.
pub(super) const LANGUAGES: [&str; 4] = ["en", "es", "vi", "ar"];

/// An office, and the days on which it is watched.
#[derive(Debug, Clone)]
pub struct OfficeWorld {
    /// What its file says.
    pub plan: Arc<OfficePlan>,
    /// Its kiosks.
    pub kiosks: Vec<DeviceId>,
    /// Its first day.
    pub first_date: Date,
    /// How many days are watched.
    pub days: u8,
    /// How long each service takes at the counter, seconds, the median.
    pub service_seconds: BTreeMap<ServiceId, f64>,
}

impl OfficeWorld {
    /// The moment at `hour` and `minute` of the `nth` day, local time.
    #[must_use]
    pub fn at(&self, nth: u8, hour: i8, minute: i8) -> Millis {
        let date = self.first_date.saturating_add(i64::from(nth).days());
        let local = date.to_datetime(time(hour, minute, 0, 0));
        let at = self.plan.time_zone.to_timestamp(local);
        at.map_or(0, |at| at.as_millisecond() / MINUTE * MINUTE)
    }
}

/// A random office.
#[must_use]
pub fn office(dice: &mut Dice) -> OfficeWorld {
    let zone_name = dice.one(&ZONES).copied().unwrap_or("UTC");
    let time_zone = TimeZone::get(zone_name).unwrap_or(TimeZone::UTC);
    let services = services(dice);
    let ids: Vec<ServiceId> = services.iter().map(|service| service.id.clone()).collect();
    let counters = counters(dice, &ids);
    let kiosks: Vec<DeviceId> = (1..=dice.range(1, 3))
        .filter_map(|nth| DeviceId::new(format!("kiosk-{nth}")).ok())
        .collect();
    let form_series = kiosks.iter().zip(["X", "Y", "Z"]);
    let form_series: BTreeMap<DeviceId, Series> = form_series
        .filter_map(|(kiosk, series)| Some((kiosk.clone(), Series::new(series).ok()?)))
        .collect();
    let service_seconds = services
        .iter()
        .map(|service| (service.id.clone(), f64::from(service.usual_minutes) * 60.0))
        .collect();
    let first_date = date(2026, 1, 5).saturating_add(dice.range(0, 355).days());
    let rules = rules(dice, &ids, &counters, first_date);
    let nothing = Text::english_only("");
    let info = OfficeInfo {
        office: OfficeId::new("simulated").expect("small letters are an id"),
        name: nothing.clone(),
        line: nothing.clone(),
        time_zone: zone_name.to_owned(),
        languages: Vec::new(),
        services,
        counters,
        where_to_wait: nothing.clone(),
        where_to_ask: nothing,
        phone_url: None,
    };
    let day_starts = match dice.weighted(&[8, 1, 1]) {
        0 => time(4, 0, 0, 0),
        1 => time(0, 0, 0, 0),
        _ => time(2, 30, 0, 0),
    };
    let plan = OfficePlan::new(info, time_zone, day_starts, form_series).with_rules(rules);
    OfficeWorld {
        plan: Arc::new(plan),
        kiosks,
        first_date,
        days: match dice.weighted(&[6, 3, 1]) {
            0 => 1,
            1 => 2,
            _ => 3,
        },
        service_seconds,
    }
}

fn services(dice: &mut Dice) -> Vec<ServiceInfo> {
    let shared = dice.per_mille(300);
    (0..dice.range(1, 12))
        .filter_map(|nth| {
            // A few offices number several services in one series.
            let letter = if shared { nth / 3 } else { nth };
            let letter = char::from(b'A' + u8::try_from(letter).ok()?);
            Some(ServiceInfo {
                id: ServiceId::new(format!("service-{nth}")).ok()?,
                series: Series::new(&letter.to_string()).ok()?,
                name: Text::english_only(format!("Service {nth}")),
                bring: Vec::new(),
                usual_minutes: dice.small(2, 25),
            })
        })
        .collect()
}

fn counters(dice: &mut Dice, services: &[ServiceId]) -> Vec<CounterInfo> {
    let count = dice.range(1, 10);
    (1..=count)
        .filter_map(|nth| {
            let serves_all = nth == count && dice.per_mille(800);
            Some(CounterInfo {
                id: CounterId::new(nth.to_string()).ok()?,
                label: nth.to_string(),
                services: if serves_all {
                    services.to_vec()
                } else {
                    dice.some(services, 450, true)
                },
            })
        })
        .collect()
}

fn rules(
    dice: &mut Dice,
    services: &[ServiceId],
    counters: &[CounterInfo],
    first_date: Date,
) -> Rules {
    let by_service = services.iter().map(|service| {
        let rules = ServiceRules {
            target_minutes: dice.small(5, 60),
            priority: match dice.weighted(&[2, 6, 2]) {
                0 => 1,
                1 => 2,
                _ => 3,
            },
        };
        (service.clone(), rules)
    });
    let by_service = by_service.collect();
    let by_counter = counters.iter().map(|counter| {
        let rules = CounterRules {
            overflow: dice.some(services, 200, false),
            wheelchair: dice.per_mille(400),
            quiet: dice.per_mille(200),
        };
        (counter.id.clone(), rules)
    });
    Rules {
        services: by_service,
        counters: by_counter.collect(),
        policy: policy(dice),
        hours: dice.per_mille(500).then(|| hours(dice, first_date)),
        limits: limits(dice),
        clerks: clerks(dice, services),
    }
}

fn policy(dice: &mut Dice) -> Policy {
    let appointments = match dice.weighted(&[3, 2, 3, 2]) {
        0 => Appointments::ByTime,
        1 => Appointments::First,
        2 => Appointments::Share {
            percent: u8::try_from(dice.small(1, 99)).unwrap_or(50),
        },
        _ => Appointments::Lateness {
            target_minutes: dice.small(1, 30),
        },
    };
    Policy {
        order: if dice.per_mille(500) {
            Order::Arrival
        } else {
            Order::TargetWait
        },
        appointments,
        early_minutes: dice.small(0, 60),
        late_minutes: dice.small(0, 30),
        longest_wait_minutes: dice.small(20, 180),
        class_patience_minutes: dice.small(10, 90),
        overflow_after_minutes: dice.small(0, 40),
        match_patience_minutes: dice.small(0, 40),
    }
}

fn limits(dice: &mut Dice) -> Limits {
    Limits {
        recall_after_seconds: dice.small(0, 40),
        no_show_after_seconds: dice.small(0, 90),
        return_within_minutes: dice.small(5, 90),
        more_time_minutes_max: dice.small(5, 60),
        more_time_place_kept: u8::try_from(dice.small(0, 3)).unwrap_or(1),
        undo_seconds: dice.small(10, 120),
        last_ticket: if dice.per_mille(300) {
            LastTicket::Refuse
        } else {
            LastTicket::Warn
        },
        ..Limits::default()
    }
}

fn clerks(dice: &mut Dice, services: &[ServiceId]) -> BTreeMap<ClerkId, Clerk> {
    let languages: Vec<Language> = LANGUAGES
        .iter()
        .filter_map(|tag| Language::new(*tag).ok())
        .collect();
    (1..=dice.range(0, 8))
        .filter_map(|nth| {
            let skilled = dice.per_mille(400);
            let clerk = Clerk {
                services: skilled.then(|| dice.some(services, 700, true)),
                languages: dice.some(&languages[1..], 350, false),
            };
            Some((ClerkId::new(format!("clerk-{nth}")).ok()?, clerk))
        })
        .collect()
}

fn hours(dice: &mut Dice, first_date: Date) -> OpeningHours {
    let span = |from, to| Span {
        from: time(from, 0, 0, 0),
        to: time(to, 0, 0, 0),
    };
    let mut hours = OpeningHours::default();
    let with_lunch = dice.per_mille(300);
    for day in &mut hours.week {
        *day = if with_lunch {
            vec![span(8, 12), span(13, 17)]
        } else {
            vec![span(8, 17)]
        };
    }
    if dice.per_mille(200) {
        // The second day is a holiday, or short.
        let spans = if dice.per_mille(500) {
            Vec::new()
        } else {
            vec![span(10, 14)]
        };
        hours
            .days
            .insert(first_date.saturating_add(1.days()), spans);
    }
    hours
}
