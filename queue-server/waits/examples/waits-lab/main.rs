//! Plays offices of many kinds and says how good the promised waits were.
//!
//! ```sh
//! cargo run -p usher-waits --example waits-lab                # the tables, as Markdown
//! cargo run -p usher-waits --example waits-lab -- --write DIR # the traces, as CSV
//! cargo run -p usher-waits --example waits-lab -- --pictures DIR
//! cargo run -p usher-waits --example waits-lab -- --trace TRACE --counters COUNTERS
//! ```
//!
//! `--seed N` plays other days. Words after that choose the offices whose names
//! contain one of them. Built with optimisation level 1, as the development profile
//! has it, all take about three minutes.

#![allow(
    clippy::print_stderr,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a program for developers, with numbers of its own"
)]

mod picture;
mod world;
mod worlds;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Instant;

use usher_waits::evaluate::{self, CounterRow, Prediction, VisitRow, walk};
use usher_waits::floor::Floor;
use usher_waits::forecast::forecast;
use usher_waits::model::{Model, Prior};
use usher_waits::promise::Score;
use usher_waits::scene::{ArrivalOrder, Services, Shift};
use world::{Trace, World, play};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    let mut option = |name: &str| {
        let at = words.iter().position(|word| word == name)?;
        words.remove(at);
        (at < words.len()).then(|| words.remove(at))
    };
    let write = option("--write");
    let pictures = option("--pictures");
    if let (Some(trace), Some(counters)) = (option("--trace"), option("--counters")) {
        let visits = evaluate::read_trace(fs::File::open(trace)?)?;
        let counters = evaluate::read_counters(fs::File::open(counters)?)?;
        println!("{HEAD}\n{}", measure("foreign", &visits, &counters)?.row());
        return Ok(());
    }
    let seed: u64 = option("--seed").map_or(Ok(0), |number| number.parse())?;
    let chosen: Vec<World> = worlds::all()
        .into_iter()
        .filter(|world| words.is_empty() || words.iter().any(|word| world.name.contains(word)))
        .collect();
    let mut results = Vec::new();
    println!("{HEAD}");
    for world in &chosen {
        let trace = play(world, seed_of(world.name, seed));
        if let Some(folder) = &write {
            write_trace(&trace, Path::new(folder), world.name)?;
            continue;
        }
        let (visits, counters) = texts(&trace);
        let visits = evaluate::read_trace(visits.as_bytes())?;
        let counters = evaluate::read_counters(counters.as_bytes())?;
        let result = measure(world.name, &visits, &counters)?;
        println!("{}", result.row());
        results.push(result);
    }
    if write.is_none() {
        println!("\n{}", speed());
    }
    if let Some(folder) = pictures {
        fs::write(
            Path::new(&folder).join("waits-calibration.svg"),
            picture::calibration(&results),
        )?;
        fs::write(
            Path::new(&folder).join("waits-errors.svg"),
            picture::errors(&results),
        )?;
    }
    Ok(())
}

/// How long a forecast takes for a full hall.
fn speed() -> String {
    let services = Services::of(&[0, 1, 2]);
    let mut model = Model::new(&Prior::broad(3));
    let shift = Shift {
        open_s: 0.0,
        close_s: 80_000.0,
        services,
    };
    let mut floor = Floor::new(&vec![vec![shift]; 8]);
    for visit in 0..208_u64 {
        let arrival_s = 30_000.0 + visit as f64 * 15.0;
        floor.arrive(&mut model, arrival_s, visit, (visit % 3) as usize);
        if visit < 8 {
            floor.call(&mut model, arrival_s, visit, Some(visit as usize));
        }
    }
    let scene = floor.scene(&model, 33_200.0, vec![0, 1, 2], Some(&ArrivalOrder));
    let mut times: Vec<f64> = (0..21)
        .map(|seed| {
            let begun = Instant::now();
            let made = forecast(&model, &scene, seed, 200);
            assert_eq!(made.waiting.len(), 200);
            begun.elapsed().as_secs_f64() * 1000.0
        })
        .collect();
    times.sort_by(f64::total_cmp);
    format!(
        "200 waiting visits and a joiner of each of three services, 8 counters, 200 runs: {:.1} ms at best, {:.1} ms in the median",
        times[0], times[10]
    )
}

/// A seed for each office, whichever others are played.
fn seed_of(name: &str, base: u64) -> u64 {
    name.bytes().fold(1000 + base, |seed, byte| {
        seed * 31 % 1_000_003 + u64::from(byte)
    })
}

const HEAD: &str = "\
| office | visits | RMSE (s) | MSE: ours / QL | ours / LES | ours / HOL | uncorrected / QL | in 50 %, no counter free | in 90 % | in 90 %, no counter free | ms each |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|";

struct Measured {
    name: &'static str,
    visits: usize,
    mse: f64,
    ql: f64,
    les: f64,
    hol: f64,
    raw: f64,
    score: Score,
    ms: f64,
    /// Shares of waits below each promised quantile, of promises above zero.
    below: [f64; 5],
}

impl Measured {
    fn row(&self) -> String {
        let share = |part: u64, all: u64| 100.0 * part as f64 / all.max(1) as f64;
        format!(
            "| {} | {} | {:.0} | {:.3} | {:.3} | {:.3} | {:.3} | {:.1} % | {:.1} % | {:.1} % | {:.2} |",
            self.name,
            self.visits,
            self.mse.sqrt(),
            self.mse / self.ql,
            self.mse / self.les,
            self.mse / self.hol,
            self.raw / self.ql,
            share(self.score.uncertain_within_50, self.score.uncertain),
            share(self.score.within_90, self.score.visits),
            share(self.score.uncertain_within_90, self.score.uncertain),
            self.ms
        )
    }
}

fn measure(
    name: &'static str,
    visits: &[VisitRow],
    counters: &[CounterRow],
) -> Result<Measured, Box<dyn Error>> {
    let begun = Instant::now();
    let predictions = walk(visits, counters, evaluate::RUNS)?;
    let ms = begun.elapsed().as_secs_f64() * 1000.0 / predictions.len() as f64;
    let mut score = Score::default();
    let mut errors = [0.0; 5];
    let (mut below, mut above_zero) = ([0.0; 5], 0.0);
    for Prediction { row, promise } in &predictions {
        let visit = &visits[*row];
        let Some(call_s) = visit.call_s else { continue };
        let waited = call_s - visit.arrival_s;
        score.add(&promise.forecast, waited);
        let said_quantiles = [
            promise.forecast.p05_s,
            promise.forecast.p25_s,
            promise.forecast.p50_s,
            promise.forecast.p75_s,
            promise.forecast.p95_s,
        ];
        if said_quantiles[0] > 0.0 {
            above_zero += 1.0;
            for (share, value) in below.iter_mut().zip(said_quantiles) {
                *share += f64::from(u8::from(waited <= value));
            }
        }
        let classical = &promise.basis.classical;
        let said = [
            promise.forecast.mean_s,
            classical.ql_s,
            classical.les_s,
            classical.hol_s,
            promise.basis.mean_s,
        ];
        for (error, said) in errors.iter_mut().zip(said) {
            *error += (said - waited).powi(2);
        }
    }
    let count = score.visits as f64;
    Ok(Measured {
        name,
        visits: predictions.len(),
        mse: errors[0] / count,
        ql: errors[1] / count,
        les: errors[2] / count,
        hol: errors[3] / count,
        raw: errors[4] / count,
        score,
        ms,
        below: below.map(|count| count / above_zero),
    })
}

/// The trace and the plan as CSV.
fn texts(trace: &Trace) -> (String, String) {
    let mut visits = String::from("visit_id,service,arrival_s,call_s,finish_s,counter,outcome\n");
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.3}"));
    for (at, visit) in trace.visits.iter().enumerate() {
        let counter = visit.counter.map_or_else(String::new, |c| format!("C{c}"));
        let outcome = if visit.call_s.is_some() {
            "served"
        } else {
            "left"
        };
        let _ = writeln!(
            visits,
            "v{at},S{},{:.3},{},{},{counter},{outcome}",
            visit.service,
            visit.arrival_s,
            number(visit.call_s),
            number(visit.finish_s),
        );
    }
    let mut counters = String::from("counter,services,open_s,close_s\n");
    for (counter, services, open, close) in &trace.plan {
        let names: Vec<String> = services.iter().map(|s| format!("S{s}")).collect();
        let _ = writeln!(counters, "C{counter},{},{open},{close}", names.join(" "));
    }
    (visits, counters)
}

fn write_trace(trace: &Trace, folder: &Path, name: &str) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(folder)?;
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '.' {
                c
            } else {
                '-'
            }
        })
        .collect();
    let (visits, counters) = texts(trace);
    fs::write(folder.join(format!("{name}.trace.csv")), visits)?;
    fs::write(folder.join(format!("{name}.counters.csv")), counters)?;
    Ok(())
}
