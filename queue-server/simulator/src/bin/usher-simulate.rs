//! Runs random office days, and says which promise broke, if one did.

use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::{Parser, Subcommand};
use usher_simulator::day::{self, Failure, Report};
use usher_simulator::seed;

/// Runs random office days through the rules of the queue and checks every promise
/// after each event.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Many days.
    Days {
        /// The base seed; each day's own is made from it.
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// How many office-days at least.
        #[arg(long, default_value_t = 100)]
        count: u64,
        /// How many at a time.
        #[arg(long, default_value_t = 1)]
        jobs: u64,
        /// Run all, though some fail, and tell each.
        #[arg(long)]
        keep_going: bool,
    },
    /// One seed, again.
    Day {
        /// The seed that a failure named.
        #[arg(long)]
        seed: u64,
        /// Tell all that happens.
        #[arg(long)]
        verbose: bool,
    },
}

fn main() -> ExitCode {
    // A panic of the rules is told as a failure; its own words are among them.
    std::panic::set_hook(Box::new(|_| {}));
    match Arguments::parse().what {
        What::Days {
            seed,
            count,
            jobs,
            keep_going,
        } => days(seed, count, jobs.max(1), keep_going),
        What::Day { seed, verbose } => one_day(seed, verbose),
    }
}

fn one_day(seed: u64, verbose: bool) -> ExitCode {
    match day::run(seed, verbose) {
        Ok(report) => {
            for line in &report.lines {
                println!("{line}");
            }
            println!("{}", told(&report));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            println!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn told(report: &Report) -> String {
    format!(
        "seed {}: {} days, {} happenings, {} events, {} starts, {} leaps, log {:016x}",
        report.seed,
        report.days,
        report.steps,
        report.events,
        report.starts,
        report.leaps,
        report.log_hash
    )
}

#[derive(Default)]
struct Sum {
    days: u64,
    offices: u64,
    events: u64,
    starts: u64,
    hash: u64,
    tally: std::collections::BTreeMap<&'static str, u64>,
    failures: Vec<Failure>,
}

fn days(base: u64, count: u64, jobs: u64, keep_going: bool) -> ExitCode {
    let started = Instant::now();
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Sum::default());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let is_enough = {
                        let sum = sum.lock().unwrap_or_else(PoisonError::into_inner);
                        sum.days >= count || (!keep_going && !sum.failures.is_empty())
                    };
                    if is_enough {
                        break;
                    }
                    let nth = next.fetch_add(1, Ordering::Relaxed);
                    let done = day::run(seed::of_day(base, nth), false);
                    add(
                        &mut sum.lock().unwrap_or_else(PoisonError::into_inner),
                        done,
                    );
                }
            });
        }
    });
    let sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (kind, times) in &sum.tally {
        println!("{times:>10} {kind}");
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} office-days of {} offices, {} events, {} starts, in {seconds:.1} s; {} failed; base seed {base}, sum of logs {:016x}",
        sum.days,
        sum.offices,
        sum.events,
        sum.starts,
        sum.failures.len(),
        sum.hash
    );
    for failure in &sum.failures {
        println!("{failure}");
    }
    if sum.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn add(sum: &mut Sum, done: Result<Report, Box<Failure>>) {
    sum.offices += 1;
    match done {
        Ok(report) => {
            sum.days += report.days;
            sum.events += report.events;
            sum.starts += report.starts;
            sum.hash = sum.hash.wrapping_add(report.log_hash);
            for (kind, times) in report.tally {
                *sum.tally.entry(kind).or_default() += times;
            }
        }
        Err(failure) => {
            sum.days += 1;
            sum.failures.push(*failure);
        }
    }
}
