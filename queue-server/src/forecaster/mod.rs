//! Foresees waits on a thread of its own, beside the office.
//!
//! The office's thread tells what its events teach and how the office stands, when
//! this one has nothing to do; so a check-in never waits for a forecast, and a
//! forecast is seldom older than a second. What is foreseen is in
//! [`usher_forecast::Latest`], which falls back to the classical estimate
//! ([`crate::estimate`]) whenever there is no good forecast: at the start, if this
//! thread is late, or ends by a fault.
//!
//! What was learned is kept in the data directory and is a cache: without it, all
//! of it is learned again from the log, meanwhile.

mod memory;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::JoinHandle;

use jiff::{SignedDuration, Timestamp};
use usher_forecast::{Latest, Learner, Observation, OfficeOrder, Present, model_for};
use usher_waits::forecast::forecast;
use usher_waits::model::Model;

use crate::office::Office;
use crate::office::event::{Event, Record};
use crate::office::plan::OfficePlan;

/// A busy office is looked at no more often than this: the processor is for those
/// who check in and call.
const LOOK_AFTER: SignedDuration = SignedDuration::from_secs(1);

/// An office in which nothing happens is looked at again after so long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(5);

/// How often the future is played: enough for a range that holds 90 %.
const RUNS: usize = 200;

/// How the office stands, and what was learned since the last time.
struct Look {
    learned: Vec<Observation>,
    present: Option<Present>,
    at: Timestamp,
    sequence: u64,
}

/// The office's side: it follows events, and has the thread look when it is idle.
pub struct Forecaster {
    latest: Latest,
    learner: Learner,
    looks: Option<SyncSender<Look>>,
    is_busy: Arc<AtomicBool>,
    looked_at: Option<(u64, Timestamp)>,
    seen_to: u64,
    thread: Option<JoinHandle<()>>,
}

/// What the thread works with.
struct Foreseer {
    /// It has not come to its inbox yet.
    is_busy: Arc<AtomicBool>,
    plan: Arc<OfficePlan>,
    order: OfficeOrder,
    latest: Latest,
    model: Model,
    data_dir: PathBuf,
}

impl Forecaster {
    /// Starts the thread for an office whose log, in `data_dir`, has come to event
    /// `sequence`. An office of too many services for the simulation, or a system
    /// that gives no thread, has the classical estimate only.
    #[must_use]
    pub fn start(plan: &Arc<OfficePlan>, data_dir: PathBuf, sequence: u64, latest: Latest) -> Self {
        let (looks, inbox) = mpsc::sync_channel(1);
        let is_busy = Arc::new(AtomicBool::new(true));
        let thread = model_for(plan).and_then(|model| {
            let foreseer = Foreseer {
                is_busy: Arc::clone(&is_busy),
                plan: Arc::clone(plan),
                order: OfficeOrder::of(plan),
                latest: latest.clone(),
                model,
                data_dir,
            };
            let started = std::thread::Builder::new()
                .name("forecaster".to_owned())
                .spawn(move || foreseer.run(&inbox, sequence));
            if let Err(error) = &started {
                tracing::warn!("waits are foreseen by the classical estimate only: {error}");
            }
            started.ok()
        });
        Self {
            latest,
            learner: Learner::default(),
            looks: thread.is_some().then_some(looks),
            is_busy,
            looked_at: None,
            seen_to: sequence,
            thread,
        }
    }

    /// What is foreseen.
    #[must_use]
    pub fn latest(&self) -> &Latest {
        &self.latest
    }

    /// Follows an event; `office` is as it is after it.
    pub fn see(&mut self, office: &Office, record: &Record) {
        if self.looks.is_none() {
            return;
        }
        self.learner.see(office, record);
        self.seen_to = record.sequence;
        if let Event::VisitQueued(queued) = &record.event
            // As it was before: whoever joined is among those who wait by now.
            && let before = office.waiting_for(&queued.service).saturating_sub(1)
            && let Some(promise) = self
                .latest
                .promise(&queued.service, before, queued.arrived_at)
        {
            self.learner.promised(queued.visit, promise);
        }
    }

    /// Has the thread look at the office, if it has nothing to do.
    pub fn look(&mut self, office: &Office, now: Timestamp) {
        let Some(looks) = &self.looks else { return };
        let is_soon = self.looked_at.is_some_and(|(sequence, at)| {
            let passed = now.duration_since(at).abs();
            passed < LOOK_AFTER || (sequence == office.sequence() && passed < LOOK_AGAIN)
        });
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished) {
            tracing::error!(
                "the forecaster ended by a fault of the program; waits are foreseen by the classical estimate until usher-server is started again"
            );
            self.looks = None;
            return;
        }
        if is_soon || self.is_busy.load(Ordering::Acquire) {
            return;
        }
        self.is_busy.store(true, Ordering::Release);
        let look = Look {
            learned: self.learner.take(),
            present: Present::of(office, now),
            at: now,
            sequence: office.sequence(),
        };
        match looks.try_send(look) {
            Ok(()) => self.looked_at = Some((office.sequence(), now)),
            // If it ended just now, the next look tells.
            Err(TrySendError::Full(look) | TrySendError::Disconnected(look)) => {
                self.learner.give_back(look.learned);
            }
        }
    }

    /// Ends the thread, which keeps what it has learned.
    pub fn stop(mut self) {
        if let Some(looks) = self.looks.take() {
            // The rest, so that what is kept is all that the log teaches.
            let _ = looks.send(Look {
                learned: self.learner.take(),
                present: None,
                at: Timestamp::UNIX_EPOCH,
                sequence: self.seen_to,
            });
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Foreseer {
    fn run(mut self, inbox: &Receiver<Look>, sequence: u64) {
        match memory::recall(&self.data_dir, &self.plan, sequence) {
            Some(model) => self.model = model,
            None if sequence > 0 => {
                memory::relearn(&self.data_dir, &self.plan, sequence, &mut self.model);
            }
            None => {}
        }
        let kept = sequence;
        let mut sequence = sequence;
        self.is_busy.store(false, Ordering::Release);
        for look in inbox {
            for seen in &look.learned {
                seen.teach(&mut self.model);
            }
            sequence = look.sequence;
            if let Some(present) = &look.present {
                self.foresee(present, look.at, look.sequence);
            }
            self.is_busy.store(false, Ordering::Release);
        }
        if sequence != kept {
            memory::keep(&self.data_dir, &self.plan, sequence, &self.model);
        }
    }

    fn foresee(&self, present: &Present, at: Timestamp, seed: u64) {
        let scene = present.scene(&self.order);
        let foreseen = forecast(&self.model, &scene, seed, RUNS);
        let services = &self.plan.info.services;
        let joiners = foreseen.joiners.into_iter().filter_map(|promise| {
            let info = services.get(promise.service)?;
            let waiting = *present.waiting_for.get(promise.service)?;
            Some((info.id.clone(), (promise, waiting)))
        });
        let waiting = present.visits.iter().copied().zip(foreseen.waiting);
        self.latest
            .set(at, joiners.collect::<HashMap<_, _>>(), waiting.collect());
    }
}
