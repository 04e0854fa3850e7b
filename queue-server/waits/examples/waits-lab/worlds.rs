//! The offices that the laboratory plays.

use crate::world::{Law, Opening, Rule, Service, World};

const H: f64 = 3600.0;

fn opening(counter: usize, services: &[usize], from_h: f64, to_h: f64) -> Opening {
    Opening {
        counter,
        services: services.to_vec(),
        open_s: from_h * H,
        close_s: to_h * H,
    }
}

fn service(mean_s: f64, per_hour: f64, law: Law) -> Service {
    Service {
        mean_s,
        law,
        per_hour,
    }
}

/// Open 9 to 17 o'clock, doors as well.
fn day(name: &'static str, days: u32, services: Vec<Service>, openings: Vec<Opening>) -> World {
    World {
        services,
        openings,
        door_s: (9.0 * H, 17.0 * H),
        ..World::plain(name, 1, 0.5, Law::Exponential, days)
    }
}

fn lunch(hour: usize) -> f64 {
    match hour {
        9 => 1.3,
        10 | 11 => 1.1,
        12 => 0.8,
        _ => 1.0,
    }
}

/// Three counters that open and close through the day.
fn changing_staff() -> Vec<Opening> {
    vec![
        opening(0, &[0], 9.0, 17.0),
        opening(1, &[0], 9.0, 12.0),
        opening(1, &[0], 13.0, 17.0),
        opening(2, &[0], 10.0, 12.5),
        opening(2, &[0], 13.5, 16.0),
        opening(3, &[0], 9.0, 11.0),
        opening(3, &[0], 14.0, 17.0),
    ]
}

fn mixed() -> Vec<Service> {
    let law = Law::Lognormal(0.8);
    vec![
        service(180.0, 20.0, law),
        service(600.0, 9.0, law),
        service(1200.0, 2.6, law),
    ]
}

/// Two counters for one service each and two for all.
fn shared() -> Vec<Opening> {
    vec![
        opening(0, &[0, 1], 9.0, 17.0),
        opening(1, &[1, 2], 9.0, 17.0),
        opening(2, &[0, 1, 2], 9.0, 17.0),
        opening(3, &[0], 9.0, 17.0),
    ]
}

fn shared_by(name: &'static str, rule: Rule) -> World {
    World {
        rule,
        ..day(name, 25, mixed(), shared())
    }
}

/// All of them.
pub(crate) fn all() -> Vec<World> {
    let exponential = Law::Exponential;
    vec![
        World::plain("M/M/1, load 0.85", 1, 0.85, exponential, 40),
        World::plain("M/M/5, load 0.9", 5, 0.9, exponential, 10),
        World::plain("M/M/10, load 0.95", 10, 0.95, exponential, 8),
        World::plain("M/M/3, load 0.7", 3, 0.7, exponential, 15),
        World::plain("lognormal, CV 0.5", 4, 0.92, Law::Lognormal(0.5), 12),
        World::plain("lognormal, CV 1.5", 4, 0.92, Law::Lognormal(1.5), 12),
        World {
            flow: lunch,
            ..day(
                "staff changes",
                30,
                vec![service(300.0, 33.0, Law::Lognormal(0.8))],
                changing_staff(),
            )
        },
        World {
            late_s: 1200.0,
            serves_out: false,
            flow: lunch,
            ..day(
                "staff changes, late opening",
                30,
                vec![service(300.0, 33.0, Law::Lognormal(0.8))],
                changing_staff(),
            )
        },
        World {
            services: vec![
                service(200.0, 12.0, exponential),
                service(500.0, 8.0, exponential),
            ],
            ..day(
                "N design",
                30,
                Vec::new(),
                vec![opening(0, &[0], 9.0, 17.0), opening(1, &[0, 1], 9.0, 17.0)],
            )
        },
        World {
            rule: Rule::Arrival,
            ..day(
                "M design",
                30,
                vec![
                    service(200.0, 14.0, exponential),
                    service(700.0, 5.0, exponential),
                ],
                vec![
                    opening(0, &[0], 9.0, 17.0),
                    opening(1, &[1], 9.0, 17.0),
                    opening(2, &[0, 1], 9.0, 12.0),
                    opening(2, &[0, 1], 13.0, 17.0),
                ],
            )
        },
        shared_by("three shared services", Rule::Arrival),
        shared_by("shared, target wait", Rule::Target([600.0, 1200.0, 2400.0])),
        shared_by("shared, strict priority", Rule::Priority),
        shared_by("shared, longest line", Rule::LongestLine),
        World {
            patience_s: Some(1800.0),
            ..World::plain("abandonments, load 1.2", 4, 1.2, exponential, 12)
        },
        World {
            patience_s: Some(1800.0),
            unseen_leaving: true,
            ..World::plain("leaving unseen, load 1.2", 4, 1.2, exponential, 12)
        },
        World {
            empty_counter: Some(5),
            services: vec![service(300.0, 54.0, exponential)],
            ..World::plain("a planned counter nobody is at", 6, 0.75, exponential, 10)
        },
        World {
            overnight: true,
            serves_out: false,
            ..day(
                "left over until morning",
                30,
                vec![service(300.0, 34.0, Law::Lognormal(0.8))],
                (0..3).map(|c| opening(c, &[0], 9.0, 17.0)).collect(),
            )
        },
        World {
            rule: Rule::LastCome,
            ..World::plain("last come first called", 3, 0.85, exponential, 12)
        },
        World {
            rule: Rule::Random,
            ..World::plain("random order", 3, 0.85, exponential, 12)
        },
        World {
            pace: |hour| if (11..14).contains(&hour) { 1.6 } else { 0.9 },
            changeover_s: 25.0,
            ..day(
                "slow at noon, changeovers",
                40,
                vec![service(300.0, 30.0, Law::Lognormal(0.7))],
                (0..3).map(|c| opening(c, &[0], 9.0, 17.0)).collect(),
            )
        },
        World {
            breaks: 0.04,
            changeover_s: 20.0,
            ..day(
                "breaks nobody planned",
                40,
                vec![service(300.0, 32.0, Law::Lognormal(0.7))],
                (0..4).map(|c| opening(c, &[0], 9.0, 17.0)).collect(),
            )
        },
        World {
            ..day(
                "overload, served out",
                20,
                vec![service(300.0, 44.0, Law::Lognormal(0.8))],
                (0..3).map(|c| opening(c, &[0], 9.0, 17.0)).collect(),
            )
        },
        day(
            "one counter, 60 days",
            60,
            vec![
                service(240.0, 6.0, Law::Lognormal(0.8)),
                service(600.0, 2.0, Law::Lognormal(0.8)),
            ],
            vec![
                opening(0, &[0, 1], 9.0, 12.0),
                opening(0, &[0, 1], 13.0, 17.0),
            ],
        ),
    ]
}
