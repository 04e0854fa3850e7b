//! One print as a pure state machine: what to ask, what to send, and what may be
//! concluded.
//!
//! The three outcomes are kept apart with care, because a number is handed out
//! with each print:
//! - *Printed* needs proof: the printer answered a question queued **behind** the
//!   cut, and reports no trouble afterwards.
//! - *Not printed* needs proof too: nothing was handed to the port.
//! - Everything else is *unknown*, and a person looks at the paper.
//!
//! [`step`] never waits and knows no port; the [`spooler`](crate::spooler)
//! performs the [`Effect`]s and feeds back what happened, with the time since the
//! job began.

mod owed;
mod plan;

use std::time::Duration;

pub use owed::Owed;
pub use plan::{Plan, Timeouts};

use crate::status::{
    ASK_QUEUED, QUEUED_ANSWERS, Report, StatusQuery, Trouble, is_queued_reply, is_real_time_reply,
    queued_reply_paper_out,
};

/// Whether the paper came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PrintOutcome {
    /// It came out, the printer says so.
    Printed,
    /// Nothing came out, and nothing will.
    NotPrinted {
        /// Why.
        reason: Trouble,
    },
    /// It may have come out, whole, in part, or not: ask a person.
    Unknown {
        /// Why it is not known.
        reason: Trouble,
    },
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// A byte came from the printer.
    Reply(u8),
    /// The port took so many more bytes of the document.
    Written(usize),
    /// The port is gone.
    Gone,
    /// Nothing but time has passed.
    Tick,
}

/// What is to be done, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Throw away what has arrived unread: it answers no question of ours.
    Discard,
    /// Send these bytes: a question.
    Ask(Question),
    /// Offer the port the document's bytes from here on; it may take a part.
    WriteFrom(usize),
    /// The printer has answered all four questions.
    Saw(Report),
    /// The printer answers nothing.
    SawNothing,
    /// What earlier documents owed has come, or will not come any more.
    Settled,
    /// The job is over. Nothing follows.
    Finish(PrintOutcome),
}

/// A question to the printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// Answered at once.
    RealTime(StatusQuery),
    /// Answered behind everything sent before.
    Queued,
}

impl Question {
    /// The bytes to send.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::RealTime(query) => query.bytes().to_vec(),
            Self::Queued => ASK_QUEUED.to_vec(),
        }
    }
}

/// The four real-time questions, one after the other. Also used by itself, to
/// look at an idle printer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inquiry {
    query: StatusQuery,
    asked: u8,
    deadline: Duration,
    report: Report,
    answered: bool,
}

/// How far an [`Inquiry`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Ask this, then go on waiting.
    Ask(StatusQuery),
    /// Go on waiting.
    Wait,
    /// The printer answered.
    Answered(Report),
    /// The printer answered nothing at all.
    Silence,
}

impl Inquiry {
    /// Begins; the first question is to be asked at once.
    pub fn begin(now: Duration, timeouts: &Timeouts) -> (Self, StatusQuery) {
        let inquiry = Self {
            query: StatusQuery::Printer,
            asked: 1,
            deadline: now + timeouts.reply,
            report: Report::default(),
            answered: false,
        };
        (inquiry, StatusQuery::Printer)
    }

    /// Takes a byte from the printer, or only the time.
    pub fn step(&mut self, reply: Option<u8>, now: Duration, timeouts: &Timeouts) -> Progress {
        if let Some(byte) = reply
            && is_real_time_reply(byte)
        {
            self.report.set(self.query, byte);
            self.answered = true;
            return self.ask_next(now, timeouts);
        }
        if now < self.deadline {
            return Progress::Wait;
        }
        if self.asked < timeouts.questions_max {
            self.asked += 1;
            self.deadline = now + timeouts.reply;
            return Progress::Ask(self.query);
        }
        if self.answered {
            // Some printers do not know every question.
            self.ask_next(now, timeouts)
        } else {
            Progress::Silence
        }
    }

    fn ask_next(&mut self, now: Duration, timeouts: &Timeouts) -> Progress {
        match self.query.next() {
            Some(query) => {
                self.query = query;
                self.asked = 1;
                self.deadline = now + timeouts.reply;
                Progress::Ask(query)
            }
            None => Progress::Answered(self.report),
        }
    }
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Asking whether the printer can print at all.
    Asking {
        /// The look.
        inquiry: Inquiry,
        /// Answers that earlier documents still have to bring.
        owed: u8,
    },
    /// Letting the printer finish earlier documents, whose answers would pass
    /// for this one's proof.
    Settling {
        /// Answers still to come.
        owed: u8,
        /// When they will not come any more.
        deadline: Duration,
    },
    /// Handing the document to the port.
    Sending(Sending),
    /// Waiting for the answer queued behind the cut.
    AwaitingProof(AwaitingProof),
    /// The answer came or is overdue: looking at the sensors once more.
    Checking {
        /// The look.
        inquiry: Inquiry,
        /// Whether the proof came, and did not itself say that the paper is out.
        proof: Result<(), Trouble>,
    },
    /// Over.
    Finished,
}

/// The document is being handed to the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    accepted: usize,
    began: Duration,
    /// When the port has refused bytes for too long.
    stalled: Duration,
    /// When all bytes must have been taken, even if they trickle.
    deadline: Duration,
    silent: bool,
    owed: u8,
}

/// The document is out of our hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwaitingProof {
    /// Answers up to and with the last of this document's.
    missing: u8,
    paper_out: bool,
    /// When the last byte should have left the line.
    arrived: Duration,
    deadline: Duration,
    next_look: Duration,
    look: Option<Inquiry>,
    /// Trouble seen at the last look: believed when seen twice.
    suspicion: Option<Trouble>,
}

type Step = (State, Vec<Effect>);

/// Begins a job.
pub fn begin(now: Duration, plan: &Plan) -> Step {
    let (inquiry, query) = Inquiry::begin(now, &plan.timeouts);
    let effects = vec![Effect::Discard, Effect::Ask(Question::RealTime(query))];
    let owed = plan.owed;
    (State::Asking { inquiry, owed }, effects)
}

/// Takes what happened and says what is to be done. `now` is the time since the
/// job began, and does not go backwards.
pub fn step(state: State, input: Input, now: Duration, plan: &Plan) -> Step {
    match state {
        State::Asking { inquiry, owed } => step_asking(inquiry, owed, input, now, plan),
        State::Settling { owed, deadline } => step_settling(owed, deadline, input, now, plan),
        State::Sending(sending) => step_sending(sending, input, now, plan),
        State::AwaitingProof(waiting) => step_awaiting(waiting, input, now, plan),
        State::Checking { inquiry, proof } => step_checking(inquiry, proof, input, now, plan),
        State::Finished => (State::Finished, Vec::new()),
    }
}

fn finish(outcome: PrintOutcome) -> Step {
    (State::Finished, vec![Effect::Finish(outcome)])
}

fn finish_after(seen: Effect, outcome: PrintOutcome) -> Step {
    (State::Finished, vec![seen, Effect::Finish(outcome)])
}

fn not_printed(reason: Trouble) -> PrintOutcome {
    PrintOutcome::NotPrinted { reason }
}

fn unknown(reason: Trouble) -> PrintOutcome {
    PrintOutcome::Unknown { reason }
}

fn reply(input: Input) -> Option<u8> {
    match input {
        Input::Reply(byte) => Some(byte),
        Input::Written(_) | Input::Gone | Input::Tick => None,
    }
}

/// What is owed after an input.
fn still_owed(owed: u8, input: Input) -> u8 {
    match input {
        Input::Reply(byte) if is_queued_reply(byte) => owed.saturating_sub(1),
        _ => owed,
    }
}

fn step_asking(mut inquiry: Inquiry, owed: u8, input: Input, now: Duration, plan: &Plan) -> Step {
    if input == Input::Gone {
        return finish(not_printed(Trouble::PortVanished));
    }
    let owed = still_owed(owed, input);
    match inquiry.step(reply(input), now, &plan.timeouts) {
        Progress::Ask(query) => (
            State::Asking { inquiry, owed },
            vec![Effect::Ask(Question::RealTime(query))],
        ),
        Progress::Wait => (State::Asking { inquiry, owed }, Vec::new()),
        Progress::Answered(report) => match report.trouble() {
            Some(trouble) => finish_after(Effect::Saw(report), not_printed(trouble)),
            None if owed > 0 => {
                let deadline = now + plan.settle;
                (
                    State::Settling { owed, deadline },
                    vec![Effect::Saw(report)],
                )
            }
            None => send(Effect::Saw(report), false, 0, now, plan),
        },
        // It may be a printer that cannot answer: print, and say that it is not known.
        Progress::Silence => send(Effect::SawNothing, true, owed, now, plan),
    }
}

fn step_settling(owed: u8, deadline: Duration, input: Input, now: Duration, plan: &Plan) -> Step {
    if input == Input::Gone {
        return finish(not_printed(Trouble::PortVanished));
    }
    let owed = still_owed(owed, input);
    if owed == 0 || now >= deadline {
        return send(Effect::Settled, false, 0, now, plan);
    }
    (State::Settling { owed, deadline }, Vec::new())
}

fn send(before: Effect, silent: bool, owed: u8, now: Duration, plan: &Plan) -> Step {
    if now >= plan.give_up {
        return finish_after(before, not_printed(Trouble::Stalled));
    }
    let sending = Sending {
        accepted: 0,
        began: now,
        stalled: now + plan.stall(),
        deadline: now + plan.sending_max(),
        silent,
        owed,
    };
    (State::Sending(sending), vec![before, Effect::WriteFrom(0)])
}

fn step_sending(mut sending: Sending, input: Input, now: Duration, plan: &Plan) -> Step {
    let ended_by = |trouble| {
        finish(if sending.accepted == 0 {
            not_printed(trouble)
        } else {
            unknown(trouble)
        })
    };
    match input {
        Input::Gone => ended_by(Trouble::PortVanished),
        Input::Tick | Input::Written(0) if now >= sending.stalled.min(sending.deadline) => {
            ended_by(Trouble::Stalled)
        }
        Input::Tick | Input::Written(0) if sending.accepted == 0 && now >= plan.give_up => {
            ended_by(Trouble::Stalled)
        }
        // Answers to questions nobody asked now.
        Input::Reply(_) => {
            sending.owed = still_owed(sending.owed, input);
            (State::Sending(sending), Vec::new())
        }
        Input::Tick => (
            State::Sending(sending),
            vec![Effect::WriteFrom(sending.accepted)],
        ),
        Input::Written(bytes) => {
            sending.accepted = sending.accepted.saturating_add(bytes).min(plan.bytes);
            if bytes > 0 {
                sending.stalled = now + plan.stall();
            }
            if sending.accepted < plan.bytes {
                if now >= sending.deadline {
                    return finish(unknown(Trouble::Stalled));
                }
                return (
                    State::Sending(sending),
                    vec![Effect::WriteFrom(sending.accepted)],
                );
            }
            await_proof(&sending, now, plan)
        }
    }
}

fn await_proof(sending: &Sending, now: Duration, plan: &Plan) -> Step {
    let arrived = now.max(sending.began + plan.transmission());
    let deadline = if sending.silent {
        arrived + plan.timeouts.reply
    } else {
        arrived + plan.proof_max()
    };
    let waiting = AwaitingProof {
        missing: sending.owed.saturating_add(QUEUED_ANSWERS),
        paper_out: false,
        arrived,
        deadline,
        next_look: arrived + plan.timeouts.look,
        look: None,
        suspicion: None,
    };
    (
        State::AwaitingProof(waiting),
        vec![Effect::Discard, Effect::Ask(Question::Queued)],
    )
}

fn step_awaiting(mut waiting: AwaitingProof, input: Input, now: Duration, plan: &Plan) -> Step {
    match input {
        Input::Gone => return finish(unknown(Trouble::PortVanished)),
        Input::Reply(byte) if is_queued_reply(byte) => {
            waiting.missing = waiting.missing.saturating_sub(1);
            waiting.paper_out |= queued_reply_paper_out(byte);
            if waiting.missing > 0 {
                return (State::AwaitingProof(waiting), Vec::new());
            }
            let proof = if waiting.paper_out {
                Err(Trouble::PaperOut)
            } else {
                Ok(())
            };
            return check(proof, now, plan);
        }
        Input::Reply(_) | Input::Written(_) | Input::Tick => {}
    }
    if now >= waiting.deadline {
        return check(Err(Trouble::Unconfirmed), now, plan);
    }
    let Some(mut look) = waiting.look else {
        if now < waiting.next_look {
            return (State::AwaitingProof(waiting), Vec::new());
        }
        let (look, query) = Inquiry::begin(now, &plan.timeouts);
        waiting.look = Some(look);
        return (
            State::AwaitingProof(waiting),
            vec![Effect::Ask(Question::RealTime(query))],
        );
    };
    let progress = look.step(reply(input), now, &plan.timeouts);
    waiting.look = Some(look);
    match progress {
        Progress::Wait => (State::AwaitingProof(waiting), Vec::new()),
        Progress::Ask(query) => (
            State::AwaitingProof(waiting),
            vec![Effect::Ask(Question::RealTime(query))],
        ),
        Progress::Silence => {
            waiting.look = None;
            waiting.next_look = now + plan.timeouts.look;
            (State::AwaitingProof(waiting), Vec::new())
        }
        Progress::Answered(report) => {
            let trouble = report.trouble();
            match trouble {
                Some(trouble) if waiting.suspicion == Some(trouble) => {
                    return finish_after(Effect::Saw(report), unknown(trouble));
                }
                _ => {}
            }
            waiting.suspicion = trouble;
            waiting.look = None;
            waiting.next_look = now + plan.timeouts.look;
            (State::AwaitingProof(waiting), vec![Effect::Saw(report)])
        }
    }
}

fn check(proof: Result<(), Trouble>, now: Duration, plan: &Plan) -> Step {
    let (inquiry, query) = Inquiry::begin(now, &plan.timeouts);
    (
        State::Checking { inquiry, proof },
        vec![Effect::Discard, Effect::Ask(Question::RealTime(query))],
    )
}

fn step_checking(
    mut inquiry: Inquiry,
    proof: Result<(), Trouble>,
    input: Input,
    now: Duration,
    plan: &Plan,
) -> Step {
    if input == Input::Gone {
        return finish(unknown(Trouble::PortVanished));
    }
    match inquiry.step(reply(input), now, &plan.timeouts) {
        Progress::Wait => (State::Checking { inquiry, proof }, Vec::new()),
        Progress::Ask(query) => (
            State::Checking { inquiry, proof },
            vec![Effect::Ask(Question::RealTime(query))],
        ),
        Progress::Silence => finish_after(Effect::SawNothing, unknown(Trouble::NoAnswer)),
        Progress::Answered(report) => {
            let outcome = match (report.trouble(), proof) {
                (Some(trouble), _) | (None, Err(trouble)) => unknown(trouble),
                (None, Ok(())) => PrintOutcome::Printed,
            };
            finish_after(Effect::Saw(report), outcome)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAN: Plan = Plan {
        bytes: 1000,
        paper_mm: 120,
        baud: 115_200,
        give_up: Duration::from_secs(1000),
        owed: 0,
        settle: Duration::from_secs(5),
        timeouts: Timeouts {
            reply: Duration::from_millis(400),
            questions_max: 2,
            stall: Duration::from_secs(5),
            paper_mm_per_second: 60,
            margin: Duration::from_millis(2500),
            look: Duration::from_millis(500),
            idle_look: Duration::from_millis(1500),
            reopen_first: Duration::from_millis(200),
            reopen_longest: Duration::from_secs(3),
        },
    };
    const FINE: u8 = 0x12;

    /// Feeds inputs, each with the milliseconds that have passed since the last,
    /// and gives back all effects.
    fn run(inputs: impl IntoIterator<Item = (Input, u64)>) -> (State, Vec<Effect>) {
        run_plan(&PLAN, inputs)
    }

    fn run_plan(
        plan: &Plan,
        inputs: impl IntoIterator<Item = (Input, u64)>,
    ) -> (State, Vec<Effect>) {
        let (mut state, mut all) = begin(Duration::ZERO, plan);
        let mut now = Duration::ZERO;
        for (input, millis) in inputs {
            now += Duration::from_millis(millis);
            let (next, effects) = step(state, input, now, plan);
            state = next;
            all.extend(effects);
        }
        (state, all)
    }

    fn outcome(inputs: &[Input]) -> Option<PrintOutcome> {
        let (_, effects) = run(inputs.iter().map(|input| (*input, 1)));
        finished(&effects)
    }

    fn finished(effects: &[Effect]) -> Option<PrintOutcome> {
        effects.iter().find_map(|effect| match effect {
            Effect::Finish(outcome) => Some(*outcome),
            _ => None,
        })
    }

    /// The printer says that all is well.
    const WELL: [Input; 4] = [Input::Reply(FINE); 4];

    fn joined(parts: &[&[Input]]) -> Vec<Input> {
        parts.concat()
    }

    #[test]
    fn proof_and_good_health_make_a_print() {
        let proof = [Input::Reply(0), Input::Reply(0)];
        let inputs = joined(&[&WELL, &[Input::Written(1000)], &proof, &WELL]);
        assert_eq!(outcome(&inputs), Some(PrintOutcome::Printed));
        // Each part is needed.
        for missing in 0..inputs.len() {
            let mut fewer = inputs.clone();
            fewer.remove(missing);
            assert_eq!(outcome(&fewer), None, "without input {missing}");
        }
    }

    #[test]
    fn trouble_before_is_not_printed_and_nothing_is_sent() {
        let no_paper = [0x1A, 0x32, 0x12, 0x7E].map(Input::Reply);
        let (_, effects) = run(no_paper.map(|input| (input, 1)));
        let reason = Trouble::PaperOut;
        assert_eq!(finished(&effects), Some(not_printed(reason)));
        assert!(!effects.iter().any(|e| matches!(e, Effect::WriteFrom(_))));
    }

    #[test]
    fn a_port_that_goes_before_the_first_byte_printed_nothing() {
        let reason = Trouble::PortVanished;
        let inputs = joined(&[&WELL, &[Input::Gone]]);
        assert_eq!(outcome(&inputs), Some(not_printed(reason)));
        let inputs = joined(&[&WELL, &[Input::Written(1), Input::Gone]]);
        assert_eq!(outcome(&inputs), Some(unknown(reason)));
    }

    #[test]
    fn trouble_after_the_proof_is_unknown() {
        let proof = [Input::Reply(0), Input::Reply(0)];
        let jam = [0x1A, 0x52, 0x1A, 0x12].map(Input::Reply);
        let inputs = joined(&[&WELL, &[Input::Written(1000)], &proof, &jam]);
        assert_eq!(outcome(&inputs), Some(unknown(Trouble::CutterJam)));
        let paper_end = [Input::Reply(0x0F), Input::Reply(0x0F)];
        let inputs = joined(&[&WELL, &[Input::Written(1000)], &paper_end, &WELL]);
        assert_eq!(outcome(&inputs), Some(unknown(Trouble::PaperOut)));
    }

    #[test]
    fn trouble_seen_once_while_waiting_is_not_believed() {
        let no_paper = [0x1A, 0x32, 0x12, 0x7E].map(Input::Reply);
        let pause = [Input::Tick];
        let sent = joined(&[&WELL, &[Input::Written(1000)]]);
        let timed = |parts: &[&[Input]]| {
            let inputs = joined(parts);
            // Ticks are long: each begins a new look at the sensors.
            let run = run(inputs.into_iter().map(|input| {
                let millis = if input == Input::Tick { 800 } else { 1 };
                (input, millis)
            }));
            finished(&run.1)
        };
        assert_eq!(timed(&[&sent, &pause, &no_paper]), None);
        assert_eq!(timed(&[&sent, &pause, &no_paper, &pause, &WELL]), None);
        assert_eq!(
            timed(&[&sent, &pause, &no_paper, &pause, &no_paper]),
            Some(unknown(Trouble::PaperOut))
        );
    }

    #[test]
    fn a_silent_printer_is_printed_on_and_never_believed() {
        let mut inputs = vec![(Input::Tick, 500); 3];
        inputs.push((Input::Written(1000), 1));
        inputs.extend([(Input::Tick, 500); 6]);
        let (_, effects) = run(inputs);
        assert!(effects.contains(&Effect::WriteFrom(0)));
        assert!(effects.contains(&Effect::SawNothing));
        assert_eq!(finished(&effects), Some(unknown(Trouble::NoAnswer)));
    }

    #[test]
    fn a_port_that_takes_nothing_has_printed_nothing() {
        let mut inputs: Vec<_> = WELL.map(|input| (input, 1)).to_vec();
        inputs.extend([(Input::Tick, 1000); 6]);
        assert_eq!(
            finished(&run(inputs).1),
            Some(not_printed(Trouble::Stalled))
        );
    }

    #[test]
    fn bytes_that_trickle_for_ever_come_to_an_end() {
        let mut inputs: Vec<_> = WELL.map(|input| (input, 1)).to_vec();
        // Never stalled, and never done: a byte every second.
        inputs.extend([(Input::Written(1), 1000); 20]);
        assert_eq!(finished(&run(inputs).1), Some(unknown(Trouble::Stalled)));
    }

    #[test]
    fn what_was_given_up_is_not_begun() {
        let late = Plan {
            give_up: Duration::from_millis(300),
            ..PLAN
        };
        // The printer answers late, or the port takes nothing.
        let slow_answers = WELL.map(|input| (input, 100));
        let mut full_port: Vec<_> = WELL.map(|input| (input, 1)).to_vec();
        full_port.push((Input::Tick, 300));
        for inputs in [slow_answers.to_vec(), full_port] {
            let (_, effects) = run_plan(&late, inputs);
            assert_eq!(finished(&effects), Some(not_printed(Trouble::Stalled)));
        }
        // What is half out is finished.
        let mut begun: Vec<_> = WELL.map(|input| (input, 1)).to_vec();
        begun.extend([(Input::Written(500), 1), (Input::Tick, 600)]);
        begun.extend([(Input::Written(500), 1)]);
        let proof = [Input::Reply(0), Input::Reply(0)];
        begun.extend(joined(&[&proof, &WELL]).into_iter().map(|input| (input, 1)));
        let (_, effects) = run_plan(&late, begun);
        assert_eq!(finished(&effects), Some(PrintOutcome::Printed));
    }

    #[test]
    fn a_slow_line_that_empties_its_buffer_is_not_stuck() {
        let slow = Plan {
            bytes: 36_000,
            baud: 2_400,
            ..PLAN
        };
        // The system takes 4 KB at once, and more only when they have gone out.
        let mut inputs: Vec<_> = WELL.map(|input| (input, 1)).to_vec();
        for _ in 0..9 {
            inputs.extend([(Input::Tick, 16_000), (Input::Written(4000), 1000)]);
        }
        inputs.extend([Input::Reply(0), Input::Reply(0)].map(|input| (input, 17_000 / 2)));
        inputs.extend(WELL.map(|input| (input, 1)));
        let (_, effects) = run_plan(&slow, inputs);
        assert_eq!(finished(&effects), Some(PrintOutcome::Printed));
    }

    #[test]
    fn answers_owed_to_an_earlier_document_prove_nothing() {
        let after_unknown = Plan { owed: 2, ..PLAN };
        let answers = [Input::Reply(0), Input::Reply(0)];
        let outcome = |inputs: &[Input]| {
            let inputs = inputs.iter().map(|input| (*input, 1));
            let (_, effects) = run_plan(&after_unknown, inputs);
            let sent = effects.contains(&Effect::WriteFrom(0));
            (sent, finished(&effects))
        };
        // The printer answers for the earlier one; only then is this one sent.
        assert_eq!(outcome(&WELL), (false, None));
        let settled = joined(&[&WELL, &answers]);
        assert_eq!(outcome(&settled), (true, None));
        let sent = joined(&[&settled, &[Input::Written(1000)]]);
        assert_eq!(outcome(&joined(&[&sent, &WELL])), (true, None));
        let proved = joined(&[&sent, &answers, &WELL]);
        assert_eq!(outcome(&proved), (true, Some(PrintOutcome::Printed)));
        // Answers that come meanwhile are none that are waited for.
        let meanwhile = joined(&[&answers, &WELL]);
        assert_eq!(outcome(&meanwhile), (true, None));
    }

    #[test]
    fn a_printer_that_lost_what_it_owed_prints_all_the_same() {
        let after_power_cut = Plan { owed: 2, ..PLAN };
        let mut inputs: Vec<_> = WELL.map(|input| (input, 1)).to_vec();
        inputs.extend([(Input::Tick, 4000), (Input::Tick, 1000)]);
        let proof = [Input::Reply(0), Input::Reply(0)];
        let rest = joined(&[&[Input::Written(1000)], &proof, &WELL]);
        inputs.extend(rest.into_iter().map(|input| (input, 1)));
        let (_, effects) = run_plan(&after_power_cut, inputs);
        assert!(effects.contains(&Effect::Settled));
        assert_eq!(finished(&effects), Some(PrintOutcome::Printed));
    }

    #[test]
    fn a_printer_that_was_silent_must_answer_for_all_it_owes() {
        let after_unknown = Plan { owed: 2, ..PLAN };
        let mut inputs = vec![(Input::Tick, 500); 3];
        let two = [Input::Reply(0), Input::Reply(0)];
        let rest = joined(&[&[Input::Written(1000)], &two, &WELL]);
        inputs.extend(rest.into_iter().map(|input| (input, 1)));
        let (_, effects) = run_plan(&after_unknown, inputs.clone());
        assert_eq!(finished(&effects), None);
        let (_, effects) = run_plan(&PLAN, inputs);
        assert_eq!(finished(&effects), Some(PrintOutcome::Printed));
    }

    #[test]
    fn no_job_outlasts_its_longest_time() {
        for baud in [9_600, 115_200] {
            let plan = Plan {
                baud,
                owed: 2,
                ..PLAN
            };
            // Every question is answered at the last moment, every byte taken so.
            let (mut state, mut effects) = begin(Duration::ZERO, &plan);
            let mut now = Duration::ZERO;
            let tick = Duration::from_millis(10);
            while finished(&effects).is_none() {
                now += tick;
                let input = match state {
                    State::Asking { .. } | State::Checking { .. }
                        if now.as_millis().is_multiple_of(390) =>
                    {
                        Input::Reply(FINE)
                    }
                    State::Sending(_) => Input::Written(1),
                    _ => Input::Tick,
                };
                (state, effects) = step(state, input, now, &plan);
                assert!(now < plan.job_max(), "at {baud} baud in {state:?}");
            }
        }
    }

    fn any_input() -> impl Strategy<Value = Input> {
        prop_oneof![
            4 => proptest::sample::select(vec![0x12u8, 0x1A, 0x32, 0x7E, 0x16, 0x1E, 0x00, 0x03, 0x0C, 0x0F, 0x11, 0xFF])
                .prop_map(Input::Reply),
            1 => any::<u8>().prop_map(Input::Reply),
            2 => (0usize..700).prop_map(Input::Written),
            1 => Just(Input::Tick),
            1 => prop_oneof![9 => Just(Input::Tick), 1 => Just(Input::Gone)],
        ]
    }

    proptest! {
        #[test]
        fn whatever_happens_it_ends_once_and_claims_only_what_is_proved(
            inputs in proptest::collection::vec((any_input(), 0u64..600), 0..80),
            owed in 0u8..5,
        ) {
            let plan = Plan { owed, ..PLAN };
            let sent: usize = inputs.iter().map(|(input, _)| match input {
                Input::Written(bytes) => *bytes,
                _ => 0,
            }).sum();
            // Then nothing but time: every state must come to an end by itself.
            let patience = std::iter::repeat_n((Input::Tick, 500), 200);
            let (state, effects) = run_plan(&plan, inputs.into_iter().chain(patience));
            prop_assert_eq!(state, State::Finished);
            let ends = effects.iter().filter(|e| matches!(e, Effect::Finish(_))).count();
            prop_assert_eq!(ends, 1);
            prop_assert!(matches!(effects.last(), Some(Effect::Finish(_))));
            match finished(&effects) {
                Some(PrintOutcome::Printed) => {
                    prop_assert!(sent >= PLAN.bytes);
                    prop_assert!(effects.contains(&Effect::Ask(Question::Queued)));
                    let healthy = effects.iter().filter_map(|e| match e {
                        Effect::Saw(report) => Some(report.trouble()),
                        _ => None,
                    }).next_back();
                    prop_assert_eq!(healthy, Some(None));
                }
                Some(PrintOutcome::NotPrinted { .. }) => {
                    // No byte was taken after the document was offered.
                    prop_assert!(!effects.iter().any(|e| matches!(e, Effect::WriteFrom(from) if *from > 0)));
                    prop_assert!(!effects.contains(&Effect::Ask(Question::Queued)));
                }
                _ => {}
            }
        }
    }
}
