//! What stands on the kiosk's screen, as a plain value.
//!
//! Turns a session into a [`View`]: everything worded that the office words, in
//! the resident's language. Two equal views need no new picture. Knows no
//! window; `window` knows nothing else.

use usher_protocol::message::{ServiceInfo, WaitRange};
use usher_protocol::{Direction, Language, Text};

use crate::checkin::{
    GuestName, Hint, Part, SERVICES_PER_PAGE, STILL_THERE_MAX, Session, Stage, Trouble,
};
use crate::clock::Moment;
use crate::local_time;

/// Everything that the kiosk's window shows.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// Which screen.
    pub screen: Screen,
    /// A banner on it.
    pub banner: Option<Banner>,
    /// Why the number is shown instead of printed.
    pub trouble: Option<Trouble>,
    /// The language of everything.
    pub language: Language,
    /// The direction of that language.
    pub direction: Direction,
    /// The office's name.
    pub office_name: String,
    /// The line under it.
    pub office_line: String,
    /// The time of day.
    pub clock: String,
    /// The languages on offer.
    pub languages: Vec<LanguageChoice>,
    /// Whom to greet.
    pub guest: Option<GuestName>,
    /// Whether the device has an ID scanner that works.
    pub has_scanner: bool,
    /// Whether the device has a printer that works.
    pub has_printer: bool,
    /// Whether the server answers.
    pub online: bool,
    /// The services of the current page.
    pub services: Vec<ServiceCard>,
    /// The current page, from 0.
    pub page: usize,
    /// How many pages there are.
    pub pages: usize,
    /// Every service.
    pub all_services: Vec<ServiceCard>,
    /// The service that the resident is at; empty if none.
    pub service_name: String,
    /// The same in English; empty if the language is English.
    pub service_english: String,
    /// Its wait.
    pub wait: Option<WaitRange>,
    /// What to have ready for it.
    pub bring: Vec<String>,
    /// The number that was given; empty if none.
    pub number: String,
    /// Where to go: to wait, or on the help screen to ask; empty for the usual place.
    pub place: String,
    /// Seconds left to answer "Are you still there?", if it is asked.
    pub still_there_seconds: Option<u64>,
}

/// Which screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Screen {
    /// Greetings.
    Attract,
    /// The choice of languages.
    Language,
    /// "How can we help?"
    Welcome,
    /// The choice of services.
    Services,
    /// What was chosen.
    Confirm,
    /// A moment of patience.
    Working,
    /// The ticket is out.
    TakeTicket,
    /// The number, large.
    ShowNumber,
    /// The form is out.
    PaperForm,
    /// Where a person helps.
    Help,
}

impl Screen {
    /// The screen's name in files that others read.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Attract => "attract",
            Self::Language => "language",
            Self::Welcome => "welcome",
            Self::Services => "services",
            Self::Confirm => "confirm",
            Self::Working => "working",
            Self::TakeTicket => "take-ticket",
            Self::ShowNumber => "show-number",
            Self::PaperForm => "paper-form",
            Self::Help => "help",
        }
    }
}

/// A banner: advice for the moment, or a state that lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Banner {
    /// For the moment.
    Hint(Hint),
    /// The scanner cannot be used: choose without it.
    ScannerGone,
    /// The server cannot be reached: paper forms are given out.
    ServerGone,
    /// The printer cannot be used: the number will be on the screen.
    PrinterGone,
}

/// One language on offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageChoice {
    /// Its tag.
    pub tag: Language,
    /// Its name in itself.
    pub name: String,
    /// A greeting in it.
    pub greeting: String,
}

/// One service and how its queue stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCard {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How many wait.
    pub waiting: u32,
    /// The wait of who would join now, if known.
    pub wait: Option<WaitRange>,
}

/// The view of `session` at `now`.
#[must_use]
pub fn view(session: &Session, now: Moment) -> View {
    let surroundings = &session.surroundings;
    let office = &surroundings.office;
    let language = &session.language;
    let say = |text: &Text| text.in_language(language).to_owned();
    let zone = local_time::zone(&office.time_zone);
    let beneath = beneath(&session.stage);
    let page = match beneath {
        Stage::Services { page } | Stage::Confirm { page, .. } => *page,
        _ => 0,
    };
    let all_services: Vec<ServiceCard> = office
        .services
        .iter()
        .map(|service| card(session, service))
        .collect();
    let service = chosen_service(session, beneath);
    let place = match session.stage {
        Stage::Help { .. } => &office.where_to_ask,
        _ => &office.where_to_wait,
    };
    View {
        screen: screen(&session.stage),
        banner: banner(session),
        trouble: match &session.stage {
            Stage::ShowNumber { trouble, .. } => Some(*trouble),
            _ => None,
        },
        direction: language.direction(),
        office_name: say(&office.name),
        office_line: say(&office.line),
        clock: local_time::time_of_day(now.wall, &zone, language),
        languages: surroundings
            .languages
            .iter()
            .map(|offered| LanguageChoice {
                tag: offered.tag.clone(),
                name: offered.name.clone(),
                greeting: offered.greeting.clone(),
            })
            .collect(),
        guest: session.guest.clone(),
        has_scanner: surroundings.scanner == Part::Ready,
        has_printer: surroundings.printer == Part::Ready,
        online: surroundings.online,
        services: all_services
            .chunks(SERVICES_PER_PAGE)
            .nth(page)
            .map(<[ServiceCard]>::to_vec)
            .unwrap_or_default(),
        page,
        pages: surroundings.pages(),
        all_services,
        service_name: service
            .map(|service| say(&service.name))
            .unwrap_or_default(),
        service_english: service
            .map(|service| service.name.in_english())
            .filter(|english| service.is_some_and(|s| s.name.in_language(language) != *english))
            .unwrap_or_default()
            .to_owned(),
        wait: promised_wait(session, beneath),
        bring: service
            .map(|service| service.bring.iter().map(say).collect())
            .unwrap_or_default(),
        number: number(&session.stage),
        place: say(place),
        still_there_seconds: session.still_there_since.map(|since| {
            let left = STILL_THERE_MAX.saturating_sub(now.uptime.saturating_sub(since));
            // Rounded up: the last second reads 1.
            left.as_secs() + u64::from(left.subsec_nanos() > 0)
        }),
        language: language.clone(),
    }
}

/// The stage under a choice of languages or a call for help.
fn beneath(stage: &Stage) -> &Stage {
    match stage {
        Stage::Language { return_to } | Stage::Help { return_to } => return_to,
        stage => stage,
    }
}

fn screen(stage: &Stage) -> Screen {
    match stage {
        Stage::Attract => Screen::Attract,
        Stage::Welcome => Screen::Welcome,
        Stage::Services { .. } => Screen::Services,
        Stage::Confirm { .. } => Screen::Confirm,
        Stage::Language { .. } => Screen::Language,
        Stage::Help { .. } => Screen::Help,
        Stage::Working(_) => Screen::Working,
        Stage::TakeTicket { .. } => Screen::TakeTicket,
        Stage::ShowNumber { .. } => Screen::ShowNumber,
        Stage::PaperForm { .. } => Screen::PaperForm,
    }
}

/// What is said for the moment goes before what lasts; what lasts is said where
/// it matters for the next touch.
fn banner(session: &Session) -> Option<Banner> {
    if let Some((hint, _)) = session.hint {
        return Some(Banner::Hint(hint));
    }
    let surroundings = &session.surroundings;
    match session.stage {
        // Before the server: without a printer there is no paper form either.
        Stage::Attract | Stage::Services { .. } | Stage::Confirm { .. }
            if surroundings.printer == Part::Troubled =>
        {
            Some(Banner::PrinterGone)
        }
        Stage::Attract | Stage::Services { .. } | Stage::Confirm { .. } if !surroundings.online => {
            Some(Banner::ServerGone)
        }
        Stage::Welcome if surroundings.scanner == Part::Troubled => Some(Banner::ScannerGone),
        Stage::Welcome if !surroundings.online => Some(Banner::ServerGone),
        _ => None,
    }
}

fn card(session: &Session, service: &ServiceInfo) -> ServiceCard {
    let wait = session.surroundings.wait(&service.id);
    ServiceCard {
        id: service.id.as_str().to_owned(),
        name: service.name.in_language(&session.language).to_owned(),
        waiting: wait.map_or(0, |wait| wait.waiting),
        // What was true when the server was last heard is no promise.
        wait: wait
            .filter(|_| session.surroundings.online)
            .and_then(|wait| wait.wait),
    }
}

fn chosen_service<'a>(session: &'a Session, stage: &Stage) -> Option<&'a ServiceInfo> {
    let id = match stage {
        Stage::Confirm { service, .. } => service,
        Stage::TakeTicket { ticket } => &ticket.service,
        Stage::ShowNumber { issued, .. } => issued.service(),
        Stage::PaperForm { form } => &form.service,
        _ => return None,
    };
    session.surroundings.service(id)
}

fn promised_wait(session: &Session, stage: &Stage) -> Option<WaitRange> {
    use crate::checkin::Issued;
    match stage {
        Stage::Confirm { service, .. } => session
            .surroundings
            .wait(service)
            .filter(|_| session.surroundings.online)
            .and_then(|wait| wait.wait),
        Stage::TakeTicket { ticket }
        | Stage::ShowNumber {
            issued: Issued::Ticket(ticket),
            ..
        } => ticket.wait,
        _ => None,
    }
}

fn number(stage: &Stage) -> String {
    let number = match stage {
        Stage::TakeTicket { ticket } => ticket.number,
        Stage::ShowNumber { issued, .. } => issued.number(),
        Stage::PaperForm { form } => form.number,
        _ => return String::new(),
    };
    number.spaced()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkin::{Input, Surroundings, fallback_office, step};
    use std::sync::Arc;
    use std::time::Duration;
    use usher_protocol::message::{ServiceWait, Waits};
    use usher_protocol::{OfficeId, ServiceId};

    fn language(tag: &str) -> Language {
        Language::new(tag).unwrap()
    }

    fn now(seconds: u64) -> Moment {
        Moment {
            wall: "2026-11-25T17:41:07Z".parse().unwrap(),
            uptime: Duration::from_secs(seconds),
        }
    }

    fn general() -> ServiceId {
        ServiceId::new("general").unwrap()
    }

    fn session() -> Session {
        let order = vec![language("en"), language("ar")];
        let id = OfficeId::new("capitol-dmv").unwrap();
        let office = fallback_office(id, &order, "America/Los_Angeles");
        Session::new(Surroundings::new(
            Arc::new(office),
            order,
            Part::Ready,
            Part::Ready,
        ))
    }

    fn after(session: Session, inputs: impl IntoIterator<Item = Input>, at: u64) -> Session {
        inputs
            .into_iter()
            .fold(session, |session, input| step(session, input, now(at)).0)
    }

    fn waits() -> Input {
        Input::WaitsChanged(Arc::new(Waits {
            as_of: now(0).wall,
            services: vec![ServiceWait {
                service: general(),
                waiting: 4,
                counters_open: 2,
                wait: Some(WaitRange {
                    low_minutes: 5,
                    high_minutes: 15,
                }),
            }],
        }))
    }

    #[test]
    fn a_kiosk_without_its_server_says_so_and_greets() {
        let view = view(&session(), now(1));
        assert_eq!(view.screen, Screen::Attract);
        assert_eq!(view.banner, Some(Banner::ServerGone));
        assert_eq!(view.clock, "9:41 AM");
        assert_eq!(view.languages.len(), 2);
        assert_eq!(view.number, "");
    }

    #[test]
    fn the_confirm_screen_tells_service_and_wait_in_the_language_chosen() {
        let session = after(
            session(),
            [
                Input::LinkChanged { online: true },
                waits(),
                Input::LanguageChosen(language("ar")),
                Input::ShowServices,
                Input::ServiceChosen(general()),
            ],
            1,
        );
        let shown = view(&session, now(1));
        assert_eq!(shown.screen, Screen::Confirm);
        assert_eq!(shown.direction, Direction::RightToLeft);
        assert_eq!(shown.service_english, "See a clerk");
        assert_ne!(shown.service_name, shown.service_english);
        assert_eq!(shown.wait.unwrap().high_minutes, 15);
        assert_eq!(shown.banner, None);
        assert_eq!(shown.services[0].waiting, 4);

        let cut_off = after(session, [Input::LinkChanged { online: false }], 2);
        let shown = view(&cut_off, now(2));
        assert_eq!(shown.wait, None, "an old wait is no promise");
        assert_eq!(shown.banner, Some(Banner::ServerGone));
    }

    #[test]
    fn a_printer_that_cannot_print_is_told_before_the_number_is_taken() {
        let troubled = after(
            session(),
            [
                Input::LinkChanged { online: true },
                Input::PrinterChanged(Part::Troubled),
            ],
            1,
        );
        let banner = |session: &Session| view(session, now(1)).banner;
        assert_eq!(banner(&troubled), Some(Banner::PrinterGone), "on attract");
        let welcome = after(troubled, [Input::LanguageChosen(language("en"))], 1);
        assert_eq!(banner(&welcome), None, "nothing is promised there");
        let services = after(welcome, [Input::ShowServices], 1);
        assert_eq!(banner(&services), Some(Banner::PrinterGone), "on services");
        let confirm = after(services, [Input::ServiceChosen(general())], 1);
        assert_eq!(banner(&confirm), Some(Banner::PrinterGone), "on confirm");
        assert!(!view(&confirm, now(1)).has_printer, "no ticket is offered");

        let cut_off = after(confirm, [Input::LinkChanged { online: false }], 1);
        assert_eq!(
            banner(&cut_off),
            Some(Banner::PrinterGone),
            "no paper form is promised"
        );
        let mended = after(cut_off.clone(), [Input::PrinterChanged(Part::Ready)], 1);
        assert_eq!(banner(&mended), Some(Banner::ServerGone));
        assert!(view(&mended, now(1)).has_printer);
        let without = after(
            cut_off,
            [
                Input::LinkChanged { online: true },
                Input::PrinterChanged(Part::Absent),
            ],
            1,
        );
        assert_eq!(banner(&without), None, "this kiosk never prints");
        assert!(!view(&without, now(1)).has_printer);
    }

    #[test]
    fn the_last_seconds_are_counted() {
        let session = after(session(), [Input::LanguageChosen(language("en"))], 10);
        assert_eq!(view(&session, now(39)).still_there_seconds, None);
        let session = after(session, [Input::Tick], 40);
        assert_eq!(view(&session, now(40)).still_there_seconds, Some(20));
        assert_eq!(view(&session, now(59)).still_there_seconds, Some(1));
    }

    #[test]
    fn nothing_changes_while_nothing_happens() {
        let session = session();
        assert_eq!(view(&session, now(1)), view(&session, now(20)));
    }
}
