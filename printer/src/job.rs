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

use std::time::Duration;

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

/// Every wait in one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the reply to a real-time question. Printers take a few milliseconds;
    /// USB adapters add up to 16.
    pub reply: Duration,
    /// How often a question is asked before the printer counts as silent.
    pub questions_max: u8,
    /// How long the port may refuse bytes. A printer with hardware flow control
    /// does so while it prints a full buffer, at most a hand's breadth of paper.
    pub stall: Duration,
    /// Slowest paper speed reckoned with, millimetres a second. Kiosk printers
    /// do 100 to 250; dense black slows them.
    pub paper_mm_per_second: u32,
    /// Added to the time that sending and printing should take, for the cutter
    /// and for waking a motor.
    pub margin: Duration,
    /// Between two looks at the sensors while the proof is awaited.
    pub look: Duration,
    /// Between two looks at an idle printer.
    pub idle_look: Duration,
    /// Before the first try to open a missing port again; doubles up to the next.
    pub reopen_first: Duration,
    /// Longest wait before a missing port is tried again.
    pub reopen_longest: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            reply: Duration::from_millis(400),
            questions_max: 2,
            stall: Duration::from_secs(5),
            paper_mm_per_second: 60,
            margin: Duration::from_millis(2500),
            look: Duration::from_millis(500),
            idle_look: Duration::from_millis(1500),
            reopen_first: Duration::from_millis(200),
            reopen_longest: Duration::from_secs(3),
        }
    }
}

/// What the machine must know of the print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Bytes to send.
    pub bytes: usize,
    /// Paper that comes out, in millimetres.
    pub paper_mm: usize,
    /// Speed of the line, in bits a second.
    pub baud: u32,
    /// The waits.
    pub timeouts: Timeouts,
}

impl Plan {
    /// How long the bytes are on the line: a start bit, eight, a stop bit each.
    pub fn transmission(&self) -> Duration {
        let millis =
            self.bytes.saturating_mul(10_000) / usize::try_from(self.baud.max(1)).unwrap_or(1);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    fn printing(&self) -> Duration {
        let speed = usize::try_from(self.timeouts.paper_mm_per_second.max(1)).unwrap_or(1);
        let millis = self.paper_mm.saturating_mul(1000) / speed;
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
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
    Asking(Inquiry),
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
    deadline: Duration,
    silent: bool,
}

/// The document is out of our hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwaitingProof {
    answers: u8,
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
    (State::Asking(inquiry), effects)
}

/// Takes what happened and says what is to be done. `now` is the time since the
/// job began, and does not go backwards.
pub fn step(state: State, input: Input, now: Duration, plan: &Plan) -> Step {
    match state {
        State::Asking(inquiry) => step_asking(inquiry, input, now, plan),
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

fn step_asking(mut inquiry: Inquiry, input: Input, now: Duration, plan: &Plan) -> Step {
    if input == Input::Gone {
        return finish(not_printed(Trouble::PortVanished));
    }
    match inquiry.step(reply(input), now, &plan.timeouts) {
        Progress::Ask(query) => (
            State::Asking(inquiry),
            vec![Effect::Ask(Question::RealTime(query))],
        ),
        Progress::Wait => (State::Asking(inquiry), Vec::new()),
        Progress::Answered(report) => match report.trouble() {
            Some(trouble) => finish_after(Effect::Saw(report), not_printed(trouble)),
            None => send(Effect::Saw(report), false, now, plan),
        },
        // It may be a printer that cannot answer: print, and say that it is not known.
        Progress::Silence => send(Effect::SawNothing, true, now, plan),
    }
}

fn send(seen: Effect, silent: bool, now: Duration, plan: &Plan) -> Step {
    let sending = Sending {
        accepted: 0,
        began: now,
        deadline: now + plan.timeouts.stall,
        silent,
    };
    (State::Sending(sending), vec![seen, Effect::WriteFrom(0)])
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
        Input::Tick if now >= sending.deadline => ended_by(Trouble::Stalled),
        // Answers to questions nobody asked now.
        Input::Reply(_) => (State::Sending(sending), Vec::new()),
        Input::Tick => (
            State::Sending(sending),
            vec![Effect::WriteFrom(sending.accepted)],
        ),
        Input::Written(bytes) => {
            sending.accepted = sending.accepted.saturating_add(bytes).min(plan.bytes);
            if bytes > 0 {
                sending.deadline = now + plan.timeouts.stall;
            }
            if sending.accepted < plan.bytes {
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
        arrived + plan.printing() + plan.timeouts.margin
    };
    let waiting = AwaitingProof {
        answers: 0,
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
            waiting.answers += 1;
            waiting.paper_out |= queued_reply_paper_out(byte);
            if waiting.answers < QUEUED_ANSWERS {
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
        let (mut state, mut all) = begin(Duration::ZERO, &PLAN);
        let mut now = Duration::ZERO;
        for (input, millis) in inputs {
            now += Duration::from_millis(millis);
            let (next, effects) = step(state, input, now, &PLAN);
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
            inputs in proptest::collection::vec((any_input(), 0u64..600), 0..80)
        ) {
            let sent: usize = inputs.iter().map(|(input, _)| match input {
                Input::Written(bytes) => *bytes,
                _ => 0,
            }).sum();
            // Then nothing but time: every state must come to an end by itself.
            let patience = std::iter::repeat_n((Input::Tick, 500), 200);
            let (state, effects) = run(inputs.into_iter().chain(patience));
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
