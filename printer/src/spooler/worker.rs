//! What the printer's thread does: takes orders, performs what the machine of a
//! print asks, looks at the idle printer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::{Job, LinkState, OnStatus, Order, PrintOutcome, PrinterStatus, SpoolerConfig, Trouble};
use crate::encode::{Encoded, encode_sheet};
use crate::escpos::BAND_BYTES_MAX;
use crate::job::{self, Effect, Input, Inquiry, Owed, Plan, Progress, Question};
use crate::raster::Shaper;
use crate::status::Report;
use crate::transport::{Gone, OpenError, Port};

/// Longest wait for a byte before the machine is told the time.
const TICK: Duration = Duration::from_millis(20);
/// Unread bytes that are looked through for answers before the rest is thrown
/// away: more than a printer owes, and an end to what a broken one sends.
const UNREAD_BYTES_MAX: usize = 64;

/// Zeros complete a picture as blank paper, and are nothing by themselves.
const PICTURE_REST: [u8; BAND_BYTES_MAX] = [0; BAND_BYTES_MAX];

/// What the thread owns.
pub(super) struct Worker {
    config: SpoolerConfig,
    port: Option<Port>,
    shaper: Option<Shaper>,
    shared_status: Arc<Mutex<PrinterStatus>>,
    told: Option<PrinterStatus>,
    on_status: OnStatus,
    closing: Arc<AtomicBool>,
    reopen_wait: Duration,
    /// Bytes of the current job that the port took.
    handed_over: usize,
    /// Whether the printer may still wait for the rest of a picture: a document
    /// ended in the middle, or a program before this one was killed in one.
    interrupted: bool,
    /// Answers that documents before the current one still have to bring.
    owed: Owed,
    /// The clock of `owed`.
    started: Instant,
}

impl Worker {
    pub(super) fn new(
        config: SpoolerConfig,
        shared_status: Arc<Mutex<PrinterStatus>>,
        closing: Arc<AtomicBool>,
        on_status: OnStatus,
    ) -> Self {
        Self {
            reopen_wait: config.timeouts.reopen_first,
            config,
            port: None,
            shaper: None,
            shared_status,
            told: None,
            on_status,
            closing,
            handed_over: 0,
            interrupted: true,
            owed: Owed::default(),
            started: Instant::now(),
        }
    }

    pub(super) fn run(mut self, orders: &Receiver<Order>) {
        // Look at the printer first: fonts take longer, and nobody waits for them.
        self.guarded(Self::look);
        self.guarded(|worker| {
            worker.shaper.get_or_insert_with(Shaper::new);
        });
        loop {
            let wait = match self.port {
                Some(_) => self.config.timeouts.idle_look,
                None => self.reopen_wait,
            };
            match orders.recv_timeout(wait) {
                Ok(order) => self.take(order),
                Err(RecvTimeoutError::Timeout) => {
                    self.guarded(Self::look);
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Runs a piece of work; a panic in it is logged and costs the port, not the
    /// thread: the kiosk would otherwise wait for an answer for ever.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let result = catch_unwind(AssertUnwindSafe(|| work(self)));
        if result.is_err() {
            tracing::error!("a fault in the printer's thread; the port is opened anew");
            self.port = None;
        }
        result.ok()
    }

    fn take(&mut self, order: Order) {
        let Order { job, give_up, done } = order;
        let began = Instant::now();
        self.handed_over = 0;
        let not_printed = |reason| PrintOutcome::NotPrinted { reason };
        let outcome = if self.closing.load(Ordering::Relaxed) {
            not_printed(Trouble::ShuttingDown)
        } else if give_up.is_some_and(|give_up| began >= give_up) {
            not_printed(Trouble::Stalled)
        } else {
            match self.guarded(|worker| worker.print(&job, give_up)) {
                Some(outcome) => outcome,
                None => self.outcome_of_fault(),
            }
        };
        let duration_ms = began.elapsed().as_millis();
        tracing::info!(
            job.id,
            ?outcome,
            duration_ms,
            bytes = self.handed_over,
            "print ended"
        );
        self.guarded(|_| done(outcome));
    }

    fn outcome_of_fault(&mut self) -> PrintOutcome {
        let reason = Trouble::Internal;
        if self.handed_over == 0 {
            PrintOutcome::NotPrinted { reason }
        } else {
            self.interrupted = true;
            PrintOutcome::Unknown { reason }
        }
    }

    fn print(&mut self, job: &Job, give_up: Option<Instant>) -> PrintOutcome {
        let not_printed = |reason| PrintOutcome::NotPrinted { reason };
        let shaper = self.shaper.get_or_insert_with(Shaper::new);
        let mut encoded = match encode_sheet(&job.document, &self.config.profile, shaper) {
            Ok(encoded) => encoded,
            Err(error) => {
                tracing::error!(
                    job.id,
                    error = &error as &dyn std::error::Error,
                    "document cannot be printed"
                );
                return not_printed(Trouble::Document);
            }
        };
        if self.interrupted {
            encoded.bytes.splice(0..0, PICTURE_REST);
        }
        if let Err(link) = self.open() {
            return not_printed(match link {
                LinkState::PortInUse => Trouble::PortInUse,
                _ => Trouble::PortMissing,
            });
        }
        let outcome = self.drive(&encoded, give_up);
        match outcome {
            PrintOutcome::Printed => self.interrupted = false,
            PrintOutcome::Unknown {
                reason: Trouble::PortVanished | Trouble::Stalled,
            } => self.interrupted = true,
            PrintOutcome::NotPrinted { .. } | PrintOutcome::Unknown { .. } => {}
        }
        outcome
    }

    /// Performs what the machine asks until it says that the job is over.
    fn drive(&mut self, encoded: &Encoded, give_up: Option<Instant>) -> PrintOutcome {
        // A port that is gone shows itself to the machine.
        let _ = self.discard();
        let began = Instant::now();
        let plan = Plan {
            bytes: encoded.bytes.len(),
            paper_mm: encoded.paper_mm,
            baud: self.config.baud,
            give_up: give_up.map_or(Duration::MAX, |at| at.saturating_duration_since(began)),
            owed: self.owed.answers(),
            settle: self.owed.settle(),
            timeouts: self.config.timeouts,
        };
        let (mut state, mut effects) = job::begin(Duration::ZERO, &plan);
        loop {
            let mut happened = None;
            for effect in effects {
                match self.perform(effect, &encoded.bytes, &plan) {
                    Performed::Over(outcome) => return outcome,
                    Performed::Nothing => {}
                    Performed::Brought(input) => happened = Some(input),
                }
            }
            let input = happened.unwrap_or_else(|| self.listen());
            (state, effects) = job::step(state, input, began.elapsed(), &plan);
        }
    }

    fn perform(&mut self, effect: Effect, document: &[u8], plan: &Plan) -> Performed {
        let result = match effect {
            Effect::Discard => self.discard().map(|()| Performed::Nothing),
            Effect::Ask(Question::Queued) => {
                self.owed.asked(plan.proof_max());
                // Behind a long document the system's buffer is full, and the
                // question must wait for room like the document: half of it, or
                // none, would never be answered.
                self.ask(Question::Queued, plan.stall())
                    .map(|()| Performed::Nothing)
            }
            Effect::Ask(question @ Question::RealTime(_)) => self
                .ask(question, self.config.timeouts.reply)
                .map(|()| Performed::Nothing),
            Effect::WriteFrom(from) => self
                .with_port(|port| port.write(&document[from..], TICK))
                .map(|written| {
                    self.handed_over += written;
                    Performed::Brought(if written == 0 {
                        Input::Tick
                    } else {
                        Input::Written(written)
                    })
                }),
            Effect::Saw(report) => {
                self.saw(&report);
                Ok(Performed::Nothing)
            }
            Effect::SawNothing => {
                self.tell(PrinterStatus::unknown(LinkState::Silent));
                Ok(Performed::Nothing)
            }
            Effect::Settled => {
                self.owed.forget();
                Ok(Performed::Nothing)
            }
            Effect::Finish(outcome) => Ok(Performed::Over(outcome)),
        };
        result.unwrap_or(Performed::Brought(Input::Gone))
    }

    fn listen(&mut self) -> Input {
        match self.with_port(|port| port.read(TICK)) {
            Ok(Some(byte)) => {
                self.owed.heard(byte);
                Input::Reply(byte)
            }
            Ok(None) => Input::Tick,
            Err(Gone) => Input::Gone,
        }
    }

    /// Throws away what has arrived unread, after counting the answers in it.
    fn discard(&mut self) -> Result<(), Gone> {
        for _ in 0..UNREAD_BYTES_MAX {
            match self.with_port(|port| port.read(Duration::ZERO))? {
                Some(byte) => self.owed.heard(byte),
                None => break,
            }
        }
        self.with_port(Port::discard)
    }

    /// Sends a question, waiting for room no longer than said. A port that is
    /// stuck is shown by the missing answer.
    fn ask(&mut self, question: Question, wait_max: Duration) -> Result<(), Gone> {
        let bytes = question.bytes();
        let began = Instant::now();
        let mut asked = 0;
        while asked < bytes.len() {
            asked += self.with_port(|port| port.write(&bytes[asked..], TICK))?;
            if began.elapsed() >= wait_max {
                break;
            }
        }
        Ok(())
    }

    /// Takes what the printer said of itself.
    fn saw(&mut self, report: &Report) {
        let well = report.trouble().is_none();
        self.owed.saw(well, self.started.elapsed());
        self.tell(PrinterStatus::connected(report));
    }

    /// Looks at the idle printer, opening the port if need be.
    fn look(&mut self) {
        if self.open().is_err() {
            return;
        }
        let timeouts = self.config.timeouts;
        let began = Instant::now();
        let (mut inquiry, query) = Inquiry::begin(Duration::ZERO, &timeouts);
        let mut next = Some(query);
        if self.discard().is_err() {
            return;
        }
        loop {
            if let Some(query) = next.take()
                && self.ask(Question::RealTime(query), timeouts.reply).is_err()
            {
                return;
            }
            let reply = match self.listen() {
                Input::Gone => return,
                Input::Reply(byte) => Some(byte),
                Input::Written(_) | Input::Tick => None,
            };
            match inquiry.step(reply, began.elapsed(), &timeouts) {
                Progress::Ask(query) => next = Some(query),
                Progress::Wait => {}
                Progress::Answered(report) => {
                    self.saw(&report);
                    self.complete_picture();
                    return;
                }
                Progress::Silence => {
                    self.tell(PrinterStatus::unknown(LinkState::Silent));
                    return;
                }
            }
        }
    }

    /// Gives an idle printer the rest of a picture that it may be waiting for,
    /// so that the next document need not begin with it.
    fn complete_picture(&mut self) {
        let began = Instant::now();
        let mut rest = &PICTURE_REST[..];
        while self.interrupted && began.elapsed() < self.config.timeouts.stall {
            match self.with_port(|port| port.write(rest, TICK)) {
                Ok(written) => rest = &rest[written..],
                Err(Gone) => return,
            }
            self.interrupted = !rest.is_empty();
        }
    }

    /// Makes sure that the port is open, or says why it is not.
    fn open(&mut self) -> Result<(), LinkState> {
        if self.port.is_some() {
            return Ok(());
        }
        match Port::open(&self.config.port_path, self.config.baud) {
            Ok(port) => {
                self.port = Some(port);
                self.reopen_wait = self.config.timeouts.reopen_first;
                Ok(())
            }
            Err(error) => {
                let link = match &error {
                    OpenError::Missing(_) => LinkState::PortMissing,
                    OpenError::InUse(_) | OpenError::Denied(_) | OpenError::Other { .. } => {
                        LinkState::PortInUse
                    }
                };
                let status = PrinterStatus::unknown(link);
                if self.told != Some(status) {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the printer's port cannot be opened; trying again"
                    );
                }
                self.tell(status);
                self.reopen_wait = (self.reopen_wait * 2).min(self.config.timeouts.reopen_longest);
                Err(link)
            }
        }
    }

    /// Uses the port; if it turns out to be gone, lets go of it and says so.
    fn with_port<T>(&mut self, work: impl FnOnce(&mut Port) -> Result<T, Gone>) -> Result<T, Gone> {
        let result = self.port.as_mut().ok_or(Gone).and_then(work);
        if result.is_err() && self.port.take().is_some() {
            self.reopen_wait = self.config.timeouts.reopen_first;
            self.tell(PrinterStatus::unknown(LinkState::PortMissing));
        }
        result
    }

    /// Publishes the status if it is news.
    fn tell(&mut self, status: PrinterStatus) {
        if self.told == Some(status) {
            return;
        }
        self.told = Some(status);
        *self
            .shared_status
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = status;
        tracing::info!(printer.status = %status, "printer status changed");
        (self.on_status)(status);
    }
}

/// What came of an effect.
enum Performed {
    Nothing,
    Brought(Input),
    Over(PrintOutcome),
}
