//! What stands on a ticket and on a paper form: the office's texts, the printed
//! words of the resident's language, and times in the office's zone, put
//! together for the printer. Pure: no printer, no clock, no name of a person.

use jiff::tz::TimeZone;
use usher_printer::document::{self, Code, Line, PaperDocument};
use usher_protocol::form_code::{self, SealKey};
use usher_protocol::message::{OfficeInfo, QueuedTicket, ServiceInfo};
use usher_protocol::{Direction, Language, PaperForm, ServiceId, Text};
use usher_ui::PaperTexts;

use crate::local_time;

/// The ticket of a place in the queue.
#[must_use]
pub fn ticket(ticket: &QueuedTicket, language: &Language, office: &OfficeInfo) -> PaperDocument {
    let words = Words::new(language, office);
    let service = words.service(&ticket.service);
    PaperDocument::Ticket(document::Ticket {
        office_name: words.in_language(&office.name),
        office_line: words.in_language(&office.line),
        language: language.as_str().to_owned(),
        direction: words.direction(),
        heading: words.printed(|texts| texts.your_number),
        number: ticket.number.spaced(),
        service: words.service_name(service, &ticket.service),
        arrived: words.arrived(ticket.arrived_at),
        wait: ticket.wait.map(|wait| {
            words.line(|texts| texts.wait(wait.low_minutes.into(), wait.high_minutes.into()))
        }),
        where_to_wait: words.where_to_wait(),
        bring_title: words.printed(|texts| texts.please_have_ready),
        bring: service
            .map(|service| service.bring.iter().map(|text| words.text(text)).collect())
            .unwrap_or_default(),
        code: office
            .phone_url
            .as_ref()
            .filter(|url| fits_a_code(url))
            .map(|url| Code {
                data: url.clone(),
                caption: words.printed(|texts| texts.follow_by_phone),
            }),
        privacy: words.printed(|texts| texts.privacy),
        reprint: None,
    })
}

/// Whether an address can stand in a ticket's code. A ticket without the code is
/// better than none.
#[must_use]
pub fn fits_a_code(url: &str) -> bool {
    (1..=document::CODE_BYTES_MAX).contains(&url.len())
}

/// The paper form of a place that the kiosk gave out itself; its code is sealed
/// with the kiosk's `key`.
#[must_use]
pub fn form(form: &PaperForm, office: &OfficeInfo, key: &SealKey) -> PaperDocument {
    let words = Words::new(&form.language, office);
    PaperDocument::PaperForm(document::PaperForm {
        office_name: words.in_language(&office.name),
        office_line: words.in_language(&office.line),
        language: form.language.as_str().to_owned(),
        direction: words.direction(),
        title: words.printed(|texts| texts.form_title),
        explanation: words.printed(|texts| texts.form_explanation),
        heading: words.printed(|texts| texts.your_number),
        number: form.number.spaced(),
        service: words.service_name(words.service(&form.service), &form.service),
        arrived: words.arrived(form.arrived_at),
        resident_title: words.printed(|texts| texts.for_you_to_fill_in),
        resident_boxes: vec![
            words.printed(|texts| texts.your_name),
            words.printed(|texts| texts.how_to_reach_you),
            words.printed(|texts| texts.reason_for_visit),
            words.printed(|texts| texts.what_you_need),
        ],
        staff_title: words.printed(|texts| texts.for_staff),
        staff_boxes: vec![
            words.printed(|texts| texts.counter),
            words.printed(|texts| texts.called_at),
            words.printed(|texts| texts.finished_at),
            words.printed(|texts| texts.outcome),
        ],
        code: Code {
            data: form_code::encode(form, key),
            caption: words.printed(|texts| texts.staff_scan_this_code),
        },
        privacy: words.printed(|texts| texts.form_privacy),
    })
}

/// Everything that is worded, in the resident's language with English below.
struct Words<'a> {
    language: &'a Language,
    office: &'a OfficeInfo,
    zone: TimeZone,
    texts: PaperTexts,
    english: PaperTexts,
}

impl<'a> Words<'a> {
    fn new(language: &'a Language, office: &'a OfficeInfo) -> Self {
        Self {
            language,
            office,
            zone: local_time::zone(&office.time_zone),
            texts: PaperTexts::for_language(language.as_str()),
            english: PaperTexts::for_language("en"),
        }
    }

    fn direction(&self) -> document::Direction {
        match self.language.direction() {
            Direction::LeftToRight => document::Direction::LeftToRight,
            Direction::RightToLeft => document::Direction::RightToLeft,
        }
    }

    fn service(&self, id: &ServiceId) -> Option<&'a ServiceInfo> {
        self.office
            .services
            .iter()
            .find(|service| service.id == *id)
    }

    fn in_language(&self, text: &Text) -> String {
        text.in_language(self.language).to_owned()
    }

    /// Both languages, unless they say the same.
    fn pair(text: String, english: String) -> Line {
        if text == english {
            Line::new(text)
        } else {
            Line::with_english(text, english)
        }
    }

    fn text(&self, text: &Text) -> Line {
        Self::pair(self.in_language(text), text.in_english().to_owned())
    }

    fn line(&self, word: impl Fn(&PaperTexts) -> String) -> Line {
        Self::pair(word(&self.texts), word(&self.english))
    }

    fn printed(&self, word: impl Fn(&PaperTexts) -> &'static str) -> Line {
        self.line(|texts| word(texts).to_owned())
    }

    fn service_name(&self, service: Option<&ServiceInfo>, id: &ServiceId) -> Line {
        service.map_or_else(
            || Line::new(id.as_str()),
            |service| self.text(&service.name),
        )
    }

    fn arrived(&self, at: jiff::Timestamp) -> Line {
        let english = Language::english();
        let in_english = local_time::time_and_date(at, &self.zone, &english);
        let local = local_time::time_and_date(at, &self.zone, self.language);
        Self::pair(
            self.texts.arrived(&local),
            self.english.arrived(&in_english),
        )
    }

    fn where_to_wait(&self) -> Line {
        if self.office.where_to_wait.in_english().is_empty() {
            self.printed(|texts| texts.sit_in_the_hall)
        } else {
            self.text(&self.office.where_to_wait)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkin::{PRINT_MAX, fallback_office};
    use std::time::Duration;
    use usher_printer::profile::Profile;
    use usher_printer::raster::Shaper;
    use usher_protocol::message::WaitRange;
    use usher_protocol::{DeviceId, OfficeId, VisitId};

    fn languages() -> Vec<Language> {
        ["en", "es", "zh-Hant", "vi", "ar"]
            .map(|tag| Language::new(tag).unwrap())
            .to_vec()
    }

    fn office() -> OfficeInfo {
        let id = OfficeId::new("capitol-dmv").unwrap();
        fallback_office(id, &languages(), "America/Los_Angeles")
    }

    fn queued() -> QueuedTicket {
        QueuedTicket {
            visit: VisitId(7),
            number: "B42".parse().unwrap(),
            service: ServiceId::new("general").unwrap(),
            arrived_at: "2026-11-25T17:41:07Z".parse().unwrap(),
            ahead: 3,
            wait: Some(WaitRange {
                low_minutes: 10,
                high_minutes: 25,
            }),
            chance_before_closing: None,
        }
    }

    fn reserved(language: Language) -> PaperForm {
        PaperForm {
            device: DeviceId::new("kiosk-1").unwrap(),
            number: "X101".parse().unwrap(),
            service: ServiceId::new("general").unwrap(),
            language,
            arrived_at: "2026-11-25T17:41:07Z".parse().unwrap(),
            boot: 1,
        }
    }

    #[test]
    fn a_spanish_ticket_has_its_english_below() {
        let language = Language::new("es").unwrap();
        let PaperDocument::Ticket(paper) = ticket(&queued(), &language, &office()) else {
            panic!("a ticket");
        };
        assert_eq!(paper.number, "B 42");
        assert_eq!(paper.service.english.as_deref(), Some("See a clerk"));
        assert_ne!(paper.heading.text, "Your number");
        assert_eq!(
            paper.arrived.english.as_deref(),
            Some("Arrived 9:41 AM, Nov 25, 2026")
        );
        assert_eq!(
            paper.wait.unwrap().english.as_deref(),
            Some("About 10 to 25 minutes")
        );
        assert_eq!(paper.code, None, "no phone page, no code");
    }

    #[test]
    fn an_english_ticket_says_nothing_twice() {
        let mut office = office();
        office.phone_url = Some("https://example.org/p".into());
        let PaperDocument::Ticket(paper) = ticket(&queued(), &Language::english(), &office) else {
            panic!("a ticket");
        };
        for line in [
            &paper.heading,
            &paper.service,
            &paper.arrived,
            &paper.privacy,
        ] {
            assert_eq!(line.english, None, "{}", line.text);
        }
        assert_eq!(paper.code.unwrap().data, "https://example.org/p");
    }

    #[test]
    fn an_address_too_long_for_a_code_costs_the_code_and_not_the_ticket() {
        let mut shaper = Shaper::new();
        for (length, has_code) in [
            (document::CODE_BYTES_MAX, true),
            (document::CODE_BYTES_MAX + 1, false),
            (0, false),
        ] {
            let mut office = office();
            office.phone_url = Some("x".repeat(length));
            let paper = ticket(&queued(), &Language::english(), &office);
            for profile in [Profile::mm80(), Profile::mm58()] {
                let bytes = usher_printer::encode(&paper, &profile, &mut shaper);
                assert!(bytes.is_ok(), "{length}: {:?}", bytes.err());
            }
            let PaperDocument::Ticket(paper) = paper else {
                panic!("a ticket");
            };
            assert_eq!(paper.code.is_some(), has_code, "{length}");
        }
    }

    #[test]
    fn a_forms_code_reads_back() {
        let key = SealKey::from_secret("secret of the kiosk");
        let given = reserved(Language::new("zh-Hant").unwrap());
        let PaperDocument::PaperForm(paper) = form(&given, &office(), &key) else {
            panic!("a form");
        };
        let read = form_code::decode(&paper.code.data, |_| Some(key.clone())).unwrap();
        assert_eq!(read, given);
        assert_eq!(paper.resident_boxes.len(), 4);
    }

    #[test]
    fn every_language_can_be_printed() {
        let key = SealKey::from_secret("secret of the kiosk");
        let mut shaper = Shaper::new();
        for language in languages() {
            for paper in [
                ticket(&queued(), &language, &office()),
                form(&reserved(language.clone()), &office(), &key),
            ] {
                for profile in [Profile::mm80(), Profile::mm58()] {
                    let bytes = usher_printer::encode(&paper, &profile, &mut shaper);
                    assert!(bytes.is_ok(), "{language}: {:?}", bytes.err());
                }
            }
        }
    }

    /// On the slowest line that a device file may name, the longest form is out
    /// before the kiosk gives up waiting for it.
    #[test]
    fn a_form_is_printed_in_time_on_the_slowest_line() {
        let example = usher_firmware_config::render::example(usher_firmware_config::Role::Kiosk);
        let slowest = (1..=1_000)
            .map(|hundreds| hundreds * 100)
            .chain([115_200])
            .find(|baud| {
                let text = example.replacen("baud = 115200", &format!("baud = {baud}"), 1);
                usher_firmware_config::parse(&text).is_ok()
            })
            .unwrap();
        let key = SealKey::from_secret("secret of the kiosk");
        let mut shaper = Shaper::new();
        for language in languages() {
            let paper = form(&reserved(language.clone()), &office(), &key);
            let bytes = usher_printer::encode(&paper, &Profile::mm80(), &mut shaper).unwrap();
            let on_the_line = Duration::from_millis(bytes.len() as u64 * 10_000 / slowest);
            // Beside it: questions, the paper's way, the cutter.
            let whole = on_the_line + Duration::from_secs(10);
            assert!(whole < PRINT_MAX, "{language} at {slowest} baud: {whole:?}");
        }
    }
}
