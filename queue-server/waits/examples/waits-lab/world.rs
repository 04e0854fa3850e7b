//! An office that is not the crate's own simulation: an event list of its own, so
//! that a mistake there does not hide here.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// How service times are spread about their mean.
#[derive(Clone, Copy)]
pub(crate) enum Law {
    Exponential,
    /// Lognormal of this coefficient of variation.
    Lognormal(f64),
}

/// Which visit a counter calls.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    Arrival,
    LastCome,
    Random,
    /// The lowest index of service first.
    Priority,
    /// The longest wait relative to the service's target in seconds.
    Target([f64; 3]),
    LongestLine,
}

pub(crate) struct Service {
    pub(crate) mean_s: f64,
    pub(crate) law: Law,
    /// Arrivals an hour.
    pub(crate) per_hour: f64,
}

pub(crate) struct Opening {
    pub(crate) counter: usize,
    pub(crate) services: Vec<usize>,
    /// Second of the day.
    pub(crate) open_s: f64,
    pub(crate) close_s: f64,
}

pub(crate) struct World {
    pub(crate) name: &'static str,
    pub(crate) days: u32,
    pub(crate) services: Vec<Service>,
    pub(crate) openings: Vec<Opening>,
    pub(crate) rule: Rule,
    /// From and until when residents come, in seconds of the day.
    pub(crate) door_s: (f64, f64),
    /// Mean of the exponential patience in seconds.
    pub(crate) patience_s: Option<f64>,
    /// Mean changeover in seconds, exponential.
    pub(crate) changeover_s: f64,
    /// The factor on service times, by hour.
    pub(crate) pace: fn(usize) -> f64,
    /// The factor on arrivals, by hour.
    pub(crate) flow: fn(usize) -> f64,
    /// How late counters really open at most, in seconds.
    pub(crate) late_s: f64,
    /// Whether all who wait at the last close are still served, or leave.
    pub(crate) serves_out: bool,
    /// Whether those who wait at the last close wait until the next morning.
    pub(crate) overnight: bool,
    /// Share of finishes after which a clerk takes a break of a quarter hour.
    pub(crate) breaks: f64,
    /// Whether nobody notes when a visit leaves.
    pub(crate) unseen_leaving: bool,
    /// A counter on the plan at which nobody ever sits.
    pub(crate) empty_counter: Option<usize>,
}

impl World {
    /// One service and as many counters as given, all day: M/M/s and its like.
    pub(crate) fn plain(
        name: &'static str,
        counters: usize,
        load: f64,
        law: Law,
        days: u32,
    ) -> Self {
        let mean_s = 300.0;
        let service = Service {
            mean_s,
            law,
            per_hour: load * counters as f64 * 3600.0 / mean_s,
        };
        Self {
            name,
            days,
            services: vec![service],
            openings: (0..counters)
                .map(|counter| Opening {
                    counter,
                    services: vec![0],
                    open_s: 0.0,
                    close_s: 86_400.0,
                })
                .collect(),
            rule: Rule::Arrival,
            door_s: (0.0, 86_400.0),
            patience_s: None,
            changeover_s: 0.0,
            pace: |_| 1.0,
            flow: |_| 1.0,
            late_s: 0.0,
            serves_out: true,
            breaks: 0.0,
            overnight: false,
            unseen_leaving: false,
            empty_counter: None,
        }
    }
}

/// What happened to a visit.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) service: usize,
    pub(crate) arrival_s: f64,
    pub(crate) call_s: Option<f64>,
    pub(crate) finish_s: Option<f64>,
    pub(crate) counter: Option<usize>,
}

pub(crate) struct Trace {
    pub(crate) visits: Vec<Visit>,
    /// Counter, services, open and close.
    pub(crate) plan: Vec<(usize, Vec<usize>, f64, f64)>,
}

struct Luck(Pcg64Mcg);

impl Luck {
    fn level(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) * 2.0_f64.powi(-53)
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * self.level().ln()
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.level().ln()).sqrt() * (2.0 * std::f64::consts::PI * self.level()).cos()
    }

    fn service(&mut self, service: &Service) -> f64 {
        match service.law {
            Law::Exponential => self.exponential(service.mean_s),
            Law::Lognormal(variation) => {
                let variance = (1.0 + variation * variation).ln();
                service.mean_s * (variance.sqrt() * self.normal() - variance / 2.0).exp()
            }
        }
    }
}

struct CounterNow {
    free_s: f64,
    serving: bool,
}

/// Plays all days.
pub(crate) fn play(world: &World, seed: u64) -> Trace {
    let mut luck = Luck(Pcg64Mcg::seed_from_u64(seed));
    let counters = world
        .openings
        .iter()
        .map(|o| o.counter + 1)
        .max()
        .unwrap_or(0);
    let mut plan = Vec::new();
    let mut real = Vec::new();
    let mut visits = Vec::new();
    for day in 0..world.days {
        let start = f64::from(day) * 86_400.0;
        for opening in &world.openings {
            let (open, close) = (start + opening.open_s, start + opening.close_s);
            plan.push((opening.counter, opening.services.clone(), open, close));
            let late = world.late_s * luck.level();
            if world.empty_counter == Some(opening.counter) {
                continue;
            }
            real.push((
                opening.counter,
                opening.services.clone(),
                open + late,
                close,
            ));
        }
        for (service, kind) in world.services.iter().enumerate() {
            // Thinning of a Poisson stream of twice and a half the rate.
            let mut time = start + world.door_s.0;
            loop {
                time += luck.exponential(3600.0 / (kind.per_hour * 2.5));
                if time >= start + world.door_s.1 {
                    break;
                }
                if luck.level() * 2.5 < (world.flow)(hour(time)) {
                    visits.push(Visit {
                        service,
                        arrival_s: time,
                        call_s: None,
                        finish_s: None,
                        counter: None,
                    });
                }
            }
        }
    }
    visits.sort_by(|a, b| a.arrival_s.total_cmp(&b.arrival_s));
    serve(world, &mut luck, &mut visits, &real, counters);
    if world.unseen_leaving {
        for visit in visits.iter_mut().filter(|visit| visit.call_s.is_none()) {
            visit.finish_s = None;
        }
    }
    Trace { visits, plan }
}

fn hour(time: f64) -> usize {
    (time.rem_euclid(86_400.0) / 3600.0) as usize
}

type Shift = (usize, Vec<usize>, f64, f64);

fn serve(world: &World, luck: &mut Luck, visits: &mut [Visit], real: &[Shift], counters: usize) {
    let mut by_counter: Vec<Vec<Shift>> = vec![Vec::new(); counters];
    for shift in real {
        by_counter[shift.0].push(shift.clone());
    }
    let mut states: Vec<CounterNow> = (0..counters)
        .map(|_| CounterNow {
            free_s: 0.0,
            serving: false,
        })
        .collect();
    let patience: Vec<f64> = visits
        .iter()
        .map(|_| {
            world
                .patience_s
                .map_or(f64::INFINITY, |mean| luck.exponential(mean))
        })
        .collect();
    // Times at which something may change: arrivals, openings, counters free again.
    let mut times: std::collections::BTreeSet<u64> = std::collections::BTreeSet::new();
    let key = |time: f64| (time * 1000.0).ceil() as u64;
    for visit in visits.iter() {
        times.insert(key(visit.arrival_s));
    }
    for shift in real {
        times.insert(key(shift.2));
        times.insert(key(shift.3));
    }
    for visit in visits.iter_mut() {
        visit.arrival_s = key(visit.arrival_s) as f64 / 1000.0;
    }
    let (mut next, mut waiting) = (0, Vec::<usize>::new());
    while let Some(time_key) = times.pop_first() {
        let now = time_key as f64 / 1000.0;
        while next < visits.len() && visits[next].arrival_s <= now {
            waiting.push(next);
            next += 1;
        }
        let door_closed = now.rem_euclid(86_400.0) >= world.door_s.1 && world.door_s.1 < 86_400.0;
        let anybody_later = by_counter
            .iter()
            .flatten()
            .any(|shift| shift.3 > now && shift.2 < (now / 86_400.0).floor() * 86_400.0 + 86_400.0);
        waiting.retain(|at| {
            let leaves = visits[*at].arrival_s + patience[*at];
            let shut_out = door_closed && !anybody_later && !world.serves_out && !world.overnight;
            if leaves <= now || shut_out {
                visits[*at].finish_s = Some(leaves.min(now));
                return false;
            }
            true
        });
        let mut order: Vec<usize> = (0..counters).collect();
        order.sort_by(|a, b| states[*a].free_s.total_cmp(&states[*b].free_s));
        for counter in order {
            if states[counter].serving && states[counter].free_s <= now {
                states[counter].serving = false;
            }
            if states[counter].serving {
                continue;
            }
            let shift = by_counter[counter].iter().find(|s| s.2 <= now && now < s.3);
            let after = by_counter[counter].iter().rev().find(|s| s.3 <= now);
            let served = match (shift, after) {
                (Some(shift), _) => &shift.1,
                (None, Some(last))
                    if world.serves_out && !anybody_later && now - last.3 < 20_000.0 =>
                {
                    &last.1
                }
                _ => continue,
            };
            let Some(place) = choose(world, luck, visits, &waiting, served, now) else {
                continue;
            };
            let at = waiting.remove(place);
            let kind = &world.services[visits[at].service];
            let seconds = luck.service(kind) * (world.pace)(hour(now));
            let finish = ((now + seconds) * 1000.0).round() / 1000.0;
            let visit = &mut visits[at];
            visit.call_s = Some(now);
            visit.finish_s = Some(finish);
            visit.counter = Some(counter);
            let mut pause = 0.0;
            if world.changeover_s > 0.0 {
                pause += luck.exponential(world.changeover_s);
            }
            if luck.level() < world.breaks {
                pause += 900.0;
            }
            states[counter].serving = true;
            states[counter].free_s = key(finish + pause) as f64 / 1000.0;
            times.insert(key(finish + pause));
        }
    }
}

fn choose(
    world: &World,
    luck: &mut Luck,
    visits: &[Visit],
    waiting: &[usize],
    served: &[usize],
    now: f64,
) -> Option<usize> {
    let mut places: Vec<usize> = (0..waiting.len())
        .filter(|place| served.contains(&visits[waiting[*place]].service))
        .collect();
    if places.is_empty() {
        return None;
    }
    let visit = |place: usize| &visits[waiting[place]];
    Some(match world.rule {
        Rule::Arrival => places[0],
        Rule::LastCome => places[places.len() - 1],
        Rule::Random => places[(luck.level() * places.len() as f64) as usize],
        Rule::Priority => {
            places.sort_by_key(|place| visit(*place).service);
            places[0]
        }
        Rule::Target(targets) => {
            let urgency =
                |place: usize| (now - visit(place).arrival_s) / targets[visit(place).service];
            places.sort_by(|a, b| urgency(*b).total_cmp(&urgency(*a)));
            places[0]
        }
        Rule::LongestLine => {
            let length = |place: usize| {
                places
                    .iter()
                    .filter(|other| visit(**other).service == visit(place).service)
                    .count()
            };
            let mut best = places[0];
            for place in &places {
                if length(*place) > length(best) {
                    best = *place;
                }
            }
            best
        }
    })
}
