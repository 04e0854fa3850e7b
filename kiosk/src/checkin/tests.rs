use super::*;
use crate::clock::Moment;
use crate::scan::Licence;
use proptest::prelude::*;
use usher_protocol::message::{Answer, Rejection, RejectionCode};

fn wall() -> Timestamp {
    "2026-11-25T17:41:07Z".parse().unwrap()
}

fn text(text: &str) -> usher_protocol::Text {
    usher_protocol::Text::english_only(text)
}

fn language(tag: &str) -> Language {
    Language::new(tag).unwrap()
}

fn service_id(index: usize) -> ServiceId {
    ServiceId::new(format!("service-{index}")).unwrap()
}

fn office(services: usize) -> Arc<OfficeInfo> {
    let tags = [language("en"), language("es"), language("ar")];
    let mut office = fallback_office(
        usher_protocol::OfficeId::new("capitol-dmv").unwrap(),
        &tags,
        "America/Los_Angeles",
    );
    office.services = (0..services)
        .map(|index| ServiceInfo {
            id: service_id(index),
            series: usher_protocol::Series::new("B").unwrap(),
            name: text("A service"),
            bring: Vec::new(),
            usual_minutes: 10,
        })
        .collect();
    Arc::new(office)
}

fn ticket() -> QueuedTicket {
    QueuedTicket {
        visit: VisitId(7),
        number: "B42".parse().unwrap(),
        service: service_id(1),
        arrived_at: wall(),
        ahead: 2,
        wait: None,
        chance_before_closing: None,
    }
}

fn form() -> PaperForm {
    PaperForm {
        device: usher_protocol::DeviceId::new("kiosk-1").unwrap(),
        number: "X101".parse().unwrap(),
        service: service_id(1),
        language: language("es"),
        arrived_at: wall(),
        boot: 1,
    }
}

const PAPER: PaperId = PaperId(5);

fn reserved() -> Input {
    Input::FormReserved {
        form: form(),
        paper: PAPER,
    }
}

fn licence(given: &str) -> ScanOutcome {
    ScanOutcome::Licence(Licence {
        given_name: Some(given.to_owned()),
    })
}

fn id(text: &str) -> CommandId {
    CommandId::new(text).unwrap()
}

fn queued() -> Outcome {
    Outcome::Accepted {
        answer: Answer::Queued { ticket: ticket() },
    }
}

fn rejected(code: RejectionCode) -> Outcome {
    Outcome::Rejected {
        rejection: Rejection {
            code,
            message: String::new(),
            next_step: String::new(),
        },
    }
}

/// A kiosk under test, with its clock.
struct Kiosk {
    session: Session,
    uptime: Duration,
    effects: Vec<Effect>,
}

impl Kiosk {
    fn new(online: bool) -> Self {
        let mut surroundings = Surroundings::new(
            office(12),
            vec![language("en"), language("es")],
            Part::Ready,
            Part::Ready,
        );
        surroundings.online = online;
        Self {
            session: Session::new(surroundings),
            uptime: Duration::from_secs(100),
            effects: Vec::new(),
        }
    }

    fn does(mut self, inputs: impl IntoIterator<Item = Input>) -> Self {
        for input in inputs {
            let now = Moment {
                wall: wall(),
                uptime: self.uptime,
            };
            let (session, effects) = step(self.session, input, now);
            self.session = session;
            self.effects.extend(effects);
        }
        self
    }

    /// As [`Self::does`], with each reservation answered at once, as the edge does.
    fn does_at_the_edge(mut self, input: Input) -> Self {
        self = self.does([input]);
        if self.session.stage == Stage::Working(Work::Reserving) {
            self = self.does([reserved()]);
        }
        self
    }

    /// Lets time pass, with a tick every quarter of a second.
    fn waits(mut self, time: Duration) -> Self {
        let end = self.uptime + time;
        while self.uptime < end {
            self.uptime += Duration::from_millis(250);
            self = self.does_at_the_edge(Input::Tick);
        }
        self
    }

    #[track_caller]
    fn stands_at(self, expected: &Stage) -> Self {
        assert_eq!(self.session.stage, *expected);
        self
    }

    #[track_caller]
    fn shows(self, expected: Trouble) -> Self {
        match &self.session.stage {
            Stage::ShowNumber { trouble, .. } => assert_eq!(*trouble, expected),
            other => panic!("{other:?}"),
        }
        self
    }

    #[track_caller]
    fn last_effect(&self) -> &Effect {
        self.effects.last().expect("an effect")
    }
}

fn spanish() -> Input {
    Input::LanguageChosen(language("es"))
}

/// Up to the last button.
fn chosen() -> Vec<Input> {
    vec![
        spanish(),
        Input::ShowServices,
        Input::ServiceChosen(service_id(1)),
    ]
}

fn confirmed() -> Vec<Input> {
    let mut inputs = chosen();
    inputs.push(Input::Confirm { id: id("c1") });
    inputs
}

fn answered(outcome: Outcome) -> Input {
    Input::CheckInAnswered {
        id: id("c1"),
        outcome,
    }
}

fn printed(number: &str, result: PrintResult) -> Input {
    Input::PrintEnded {
        number: number.parse().unwrap(),
        result,
    }
}

#[test]
fn a_visit_from_greeting_to_ticket() {
    let kiosk = Kiosk::new(true)
        .does([spanish()])
        .stands_at(&Stage::Welcome)
        .does([Input::Scan(licence("KIM"))])
        .stands_at(&Stage::Welcome);
    assert_eq!(kiosk.session.guest.as_ref().unwrap().reveal(), "Kim");
    let kiosk = kiosk.does([
        Input::ShowServices,
        Input::NextPage,
        Input::ServiceChosen(service_id(1)),
        Input::Confirm { id: id("c1") },
    ]);
    assert_eq!(
        *kiosk.last_effect(),
        Effect::SubmitCheckIn {
            id: id("c1"),
            choice: Choice {
                service: service_id(1),
                arrived_at: wall()
            },
            language: language("es"),
        }
    );
    let kiosk = kiosk.does([answered(queued())]);
    assert!(matches!(kiosk.last_effect(), Effect::PrintTicket { .. }));
    let kiosk = kiosk
        .does([printed("B42", PrintResult::Printed)])
        .stands_at(&Stage::TakeTicket { ticket: ticket() })
        .waits(TAKE_TICKET)
        .stands_at(&Stage::Attract);
    assert_eq!(kiosk.session.guest, None);
    assert_eq!(kiosk.session.language, language("en"));
}

#[test]
fn without_the_server_a_form_comes_out() {
    let kiosk = Kiosk::new(false).does(confirmed());
    assert!(matches!(
        kiosk.last_effect(),
        Effect::ReserveForm { replaces: None, .. }
    ));
    let kiosk = kiosk.does([reserved()]);
    assert_eq!(
        *kiosk.last_effect(),
        Effect::PrintForm {
            form: form(),
            paper: PAPER
        }
    );
    kiosk
        .does([printed("X101", PrintResult::Printed)])
        .stands_at(&Stage::PaperForm { form: form() })
        .waits(PAPER_FORM)
        .stands_at(&Stage::Attract);
}

#[test]
fn a_check_in_without_an_answer_becomes_a_form_that_replaces_it() {
    let unanswered = |kiosk: Kiosk| {
        assert!(
            kiosk.effects.iter().any(|effect| matches!(
                effect,
                Effect::ReserveForm { replaces: Some(r), .. } if *r == id("c1")
            )),
            "{:?}",
            kiosk.effects
        );
        // The answer that comes too late changes nothing here.
        let count = kiosk.effects.len();
        let kiosk = kiosk.does([answered(queued())]);
        assert_eq!(kiosk.effects.len(), count);
    };
    let asking = || Kiosk::new(true).does(confirmed());
    unanswered(asking().waits(ANSWER_MAX + Duration::from_millis(250)));
    unanswered(asking().does([Input::LinkChanged { online: false }]));
    unanswered(asking().does([answered(Outcome::Unavailable {
        reason: "disk full".into(),
    })]));
    unanswered(asking().does([answered(rejected(RejectionCode::NumbersExhausted))]));
    unanswered(asking().does([answered(Outcome::Accepted {
        answer: Answer::Done,
    })]));
}

#[test]
fn a_service_that_is_gone_leads_back_to_the_others() {
    let kiosk = Kiosk::new(true)
        .does(confirmed())
        .does([answered(rejected(RejectionCode::UnknownService))])
        .stands_at(&Stage::Services { page: 0 });
    assert_eq!(kiosk.session.hint.unwrap().0, Hint::ServiceClosed);

    let kiosk = Kiosk::new(true)
        .does(chosen())
        .does([Input::OfficeChanged(office(1))])
        .stands_at(&Stage::Services { page: 0 });
    assert_eq!(kiosk.session.hint.unwrap().0, Hint::ServiceClosed);
}

#[test]
fn every_print_trouble_shows_the_number() {
    let printing = || {
        Kiosk::new(true)
            .does(confirmed())
            .does([answered(queued())])
    };
    for (trouble, shown) in [
        (PrintTrouble::PaperOut, Trouble::NoPaper),
        (PrintTrouble::CoverOpen, Trouble::CoverOpen),
        (PrintTrouble::CutterJam, Trouble::PrinterGone),
        (PrintTrouble::PortGone, Trouble::PrinterGone),
    ] {
        printing()
            .does([printed("B42", PrintResult::NotPrinted { trouble })])
            .shows(shown);
        printing()
            .does([printed("B42", PrintResult::Unknown { trouble })])
            .shows(Trouble::PrintUnsure);
    }
    printing().waits(PRINT_MAX).shows(Trouble::PrintUnsure);
    printing()
        .does([printed("B43", PrintResult::Printed)])
        .waits(PRINT_MAX)
        .shows(Trouble::PrintUnsure)
        .waits(SHOW_NUMBER)
        .stands_at(&Stage::Attract);
}

#[test]
fn without_a_printer_the_number_is_shown_and_the_server_told() {
    let kiosk = Kiosk::new(true)
        .does([Input::PrinterChanged(Part::Absent)])
        .does(confirmed())
        .does([answered(queued())])
        .shows(Trouble::PrinterGone);
    assert!(matches!(
        kiosk.last_effect(),
        Effect::RecordUnprinted { .. }
    ));
}

#[test]
fn without_a_printer_a_forms_number_is_shown_and_written_down() {
    let kiosk = Kiosk::new(false)
        .does([Input::PrinterChanged(Part::Absent)])
        .does(confirmed())
        .does([reserved()])
        .shows(Trouble::PrinterGone);
    assert_eq!(
        *kiosk.last_effect(),
        Effect::RecordFormUnprinted {
            paper: PAPER,
            result: PrintResult::NotPrinted {
                trouble: PrintTrouble::PortGone
            },
        }
    );
}

#[test]
fn without_a_number_a_person_helps() {
    let help = Stage::Help {
        return_to: Box::new(Stage::Welcome),
    };
    Kiosk::new(false)
        .does(confirmed())
        .does([Input::ReserveFailed])
        .stands_at(&help);
}

#[test]
fn who_leaves_is_asked_and_then_forgotten() {
    let left = || {
        Kiosk::new(true)
            .does([spanish(), Input::Scan(licence("KIM")), Input::ShowServices])
            .waits(IDLE_MAX)
    };
    let asked = left();
    assert!(asked.session.still_there_since.is_some());
    let stayed = asked.does([Input::StillHere]);
    assert_eq!(stayed.session.still_there_since, None);
    let stayed = stayed.stands_at(&Stage::Services { page: 0 });
    assert!(stayed.session.guest.is_some());

    let gone = left().waits(STILL_THERE_MAX).stands_at(&Stage::Attract);
    assert_eq!(gone.session.guest, None);
    // A button under the question does nothing but answer it.
    left()
        .does([Input::ServiceChosen(service_id(1))])
        .stands_at(&Stage::Services { page: 0 });
    left().does([Input::StartOver]).stands_at(&Stage::Attract);
}

#[test]
fn help_and_language_come_back_to_where_they_were_asked() {
    let confirm = Stage::Confirm {
        service: service_id(1),
        page: 0,
    };
    Kiosk::new(true)
        .does(chosen())
        .does([Input::AskHelp, Input::ShowLanguages, spanish()])
        .stands_at(&confirm)
        .does([Input::AskHelp, Input::Done])
        .stands_at(&confirm)
        .does([Input::Back, Input::Back])
        .stands_at(&Stage::Welcome)
        .does([Input::Back])
        .stands_at(&Stage::Attract);
    Kiosk::new(true)
        .does([Input::ShowLanguages, spanish()])
        .stands_at(&Stage::Welcome);
}

#[test]
fn a_hint_stays_on_its_screen() {
    let kiosk = Kiosk::new(true).does([Input::Scan(licence("KIM"))]);
    assert_eq!(kiosk.session.stage, Stage::Welcome);
    let kiosk = kiosk.does([Input::Touched]);
    assert!(kiosk.session.hint.is_some());
    let kiosk = kiosk.does([Input::ShowServices]);
    assert_eq!(kiosk.session.hint, None);
}

#[test]
fn scans_give_hints_and_a_second_read_is_none() {
    let hint_after = |scans: Vec<ScanOutcome>| {
        let kiosk = Kiosk::new(true).does(scans.into_iter().map(Input::Scan));
        kiosk.session.hint.map(|(hint, _)| hint)
    };
    assert_eq!(
        hint_after(vec![ScanOutcome::Partial]),
        Some(Hint::ScanPartial)
    );
    assert_eq!(
        hint_after(vec![ScanOutcome::Unreadable]),
        Some(Hint::ScanUnreadable)
    );
    // Read well, and of no use: to try again would lead in a circle.
    for code in [ScanOutcome::TravelDocument, ScanOutcome::ShortCode] {
        assert_eq!(hint_after(vec![code]), Some(Hint::CodeUnknown));
    }
    assert_eq!(
        hint_after(vec![
            licence("KIM"),
            ScanOutcome::ShortCode,
            ScanOutcome::Partial
        ]),
        Some(Hint::ScanUnderstood)
    );
    let later = Kiosk::new(true)
        .does([Input::Scan(licence("KIM"))])
        .waits(HINT)
        .does([Input::Scan(ScanOutcome::ShortCode)]);
    assert_eq!(later.session.hint.unwrap().0, Hint::CodeUnknown);
}

#[test]
fn pages_of_services_have_an_end() {
    Kiosk::new(true)
        .does([spanish(), Input::ShowServices, Input::PreviousPage])
        .stands_at(&Stage::Services { page: 0 })
        .does([Input::NextPage, Input::NextPage, Input::NextPage])
        .stands_at(&Stage::Services { page: 1 })
        .does([Input::OfficeChanged(office(3))])
        .stands_at(&Stage::Services { page: 0 });
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(queued()),
        Just(rejected(RejectionCode::UnknownService)),
        Just(rejected(RejectionCode::NotAllowed)),
        Just(Outcome::Unavailable {
            reason: String::new()
        }),
    ]
}

fn any_result() -> impl Strategy<Value = PrintResult> {
    let trouble = PrintTrouble::PaperOut;
    prop_oneof![
        Just(PrintResult::Printed),
        Just(PrintResult::NotPrinted { trouble }),
        Just(PrintResult::Unknown { trouble }),
    ]
}

fn any_part() -> impl Strategy<Value = Part> {
    prop_oneof![Just(Part::Absent), Just(Part::Ready), Just(Part::Troubled)]
}

fn any_input() -> impl Strategy<Value = Input> {
    let touches = prop_oneof![
        Just(Input::Touched),
        Just(spanish()),
        Just(Input::ShowLanguages),
        Just(Input::ShowServices),
        Just(Input::NextPage),
        Just(Input::PreviousPage),
        (0_usize..14).prop_map(|index| Input::ServiceChosen(service_id(index))),
        Just(Input::Confirm { id: id("c1") }),
        Just(Input::Back),
        Just(Input::StartOver),
        Just(Input::AskHelp),
        Just(Input::StillHere),
        Just(Input::Done),
    ];
    let world = prop_oneof![
        Just(Input::Scan(licence("KIM"))),
        Just(Input::Scan(ScanOutcome::Partial)),
        Just(Input::Tick),
        any::<bool>().prop_map(|online| Input::LinkChanged { online }),
        any_outcome().prop_map(answered),
        Just(reserved()),
        Just(Input::ReserveFailed),
        any_result().prop_map(|result| printed("B42", result)),
        any_result().prop_map(|result| printed("X101", result)),
        any_part().prop_map(Input::PrinterChanged),
        any_part().prop_map(Input::ScannerChanged),
        (0_usize..14).prop_map(|services| Input::OfficeChanged(office(services))),
    ];
    prop_oneof![2 => touches, 1 => world]
}

proptest! {
    /// Whatever happened, a kiosk left alone is back at the start, knowing nobody;
    /// and at the start it never knows anybody.
    #[test]
    fn no_state_is_a_dead_end(
        steps in proptest::collection::vec((any_input(), 0_u64..9000), 0..60),
        online in any::<bool>(),
    ) {
        let mut kiosk = Kiosk::new(online);
        for (input, wait_ms) in steps {
            kiosk = kiosk.does_at_the_edge(input);
            prop_assert!(kiosk.session.stage != Stage::Attract || kiosk.session.guest.is_none());
            if let Stage::Language { return_to } | Stage::Help { return_to } = &kiosk.session.stage {
                let is_plain = !matches!(
                    **return_to,
                    Stage::Language { .. } | Stage::Help { .. } | Stage::Working(_)
                );
                prop_assert!(is_plain, "{:?}", return_to);
            }
            kiosk.uptime += Duration::from_millis(wait_ms);
            kiosk = kiosk.does_at_the_edge(Input::Tick);
        }
        let left = kiosk.waits(Duration::from_mins(3));
        prop_assert_eq!(&left.session.stage, &Stage::Attract);
        prop_assert_eq!(&left.session.guest, &None);
        prop_assert_eq!(&left.session.hint, &None);
        prop_assert_eq!(&left.session.language, &left.session.surroundings.first_language());
    }

    /// Each touch of "Get my ticket" ends with a number or a person, and with no
    /// more than one of each.
    #[test]
    fn one_touch_one_number(steps in proptest::collection::vec(any_input(), 0..12)) {
        let kiosk = Kiosk::new(true).does(confirmed());
        let before = kiosk.effects.len();
        let kiosk = kiosk.does(steps.into_iter().filter(|input| !matches!(
            input,
            Input::Confirm { .. }
        )));
        let count = |test: fn(&Effect) -> bool| kiosk.effects[before..].iter().filter(|e| test(e)).count();
        let forms = count(|effect| matches!(effect, Effect::PrintForm { .. }));
        let tickets = count(|effect| matches!(effect, Effect::PrintTicket { .. } | Effect::RecordUnprinted { .. }));
        prop_assert!(forms + tickets <= 1, "{:?}", kiosk.effects);
    }
}
