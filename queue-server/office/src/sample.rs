//! A small office and short ways to make commands, for tests here and in the
//! crates above.

#![expect(
    clippy::unwrap_used,
    reason = "made of literals, and only tests call it"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::TimeZone;
use usher_protocol::message::{
    Channel, CounterInfo, Needs, OfficeInfo, Request, RequestBody, Role, ServiceInfo, WaitRange,
};
use usher_protocol::{
    CounterId, DeviceId, Language, PaperForm, ServiceId, Text, TicketNumber, VisitId,
};

use crate::Office;
use crate::command::Sender;
use crate::moment::Moment;
use crate::plan::OfficePlan;
use crate::policy::{Lane, PRIORITY_USUAL};
use crate::visit::{Visit, VisitState};

/// Services titles (A, 15 min), registration (B, 10), licenses (C, 20) and id-cards
/// (C, 20); counters 1 (titles), 2 (titles, registration) and 3 (all);
/// kiosks kiosk-1 (X) and kiosk-2 (Y).
pub fn plan() -> Arc<OfficePlan> {
    let service = |id: &str, series: &str, name: &str, usual_minutes| ServiceInfo {
        id: id.parse().unwrap(),
        series: usher_protocol::Series::new(series).unwrap(),
        name: Text::english_only(name),
        bring: Vec::new(),
        usual_minutes,
    };
    let counter = |label: &str, services: &[&str]| CounterInfo {
        id: label.parse().unwrap(),
        label: label.to_owned(),
        services: services.iter().map(|s| s.parse().unwrap()).collect(),
    };
    let info = OfficeInfo {
        office: "sample-office".parse().unwrap(),
        name: Text::english_only("Sample Office"),
        line: Text::english_only("A place for tests"),
        time_zone: "America/Los_Angeles".to_owned(),
        languages: Vec::new(),
        services: vec![
            service("titles", "A", "Titles", 15),
            service("registration", "B", "Registration", 10),
            service("licenses", "C", "Licenses", 20),
            service("id-cards", "C", "ID cards", 20),
        ],
        counters: vec![
            counter("1", &["titles"]),
            counter("2", &["titles", "registration"]),
            counter("3", &["titles", "registration", "licenses", "id-cards"]),
        ],
        where_to_wait: Text::english_only("Here"),
        where_to_ask: Text::english_only("There"),
        phone_url: None,
    };
    let series = |text| usher_protocol::Series::new(text).unwrap();
    let kiosks = BTreeMap::from([
        (device("kiosk-1"), series("X")),
        (device("kiosk-2"), series("Y")),
    ]);
    let zone = TimeZone::get("America/Los_Angeles").unwrap();
    Arc::new(OfficePlan::new(info, zone, time(4, 0, 0, 0), kiosks))
}

pub fn device(id: &str) -> DeviceId {
    id.parse().unwrap()
}

pub fn kiosk(id: &str) -> Sender {
    Sender::Device {
        id: device(id),
        role: Role::Kiosk,
    }
}

pub fn time_at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The program has just started.
pub fn moment_at(text: &str) -> Moment {
    Moment {
        wall: time_at(text),
        uptime: Duration::ZERO,
    }
}

pub fn request(id: &str, body: RequestBody) -> Request {
    Request {
        id: id.parse().unwrap(),
        sent_at: "2026-11-25T17:00:00Z".parse().unwrap(),
        boot: 1,
        body,
    }
}

pub fn check_in(service: &str, arrived_at: &str) -> RequestBody {
    RequestBody::CheckIn {
        service: service.parse().unwrap(),
        language: Language::english(),
        arrived_at: arrived_at.parse().unwrap(),
        details: Box::default(),
    }
}

pub fn form(number: &str, arrived_at: &str) -> PaperForm {
    PaperForm {
        device: device("kiosk-1"),
        number: number.parse().unwrap(),
        service: "titles".parse().unwrap(),
        language: Language::english(),
        arrived_at: arrived_at.parse().unwrap(),
        boot: 1,
    }
}

pub fn admit(number: &str, arrived_at: &str, replaces: Option<&str>) -> RequestBody {
    RequestBody::AdmitPaperForm {
        form: form(number, arrived_at),
        replaces: replaces.map(|id| id.parse().unwrap()),
    }
}

pub fn counter(id: &str) -> CounterId {
    id.parse().unwrap()
}

pub fn number(text: &str) -> TicketNumber {
    text.parse().unwrap()
}

pub fn waiting(number: &str, service: &str, arrived_at: &str) -> Visit {
    let arrived_at = arrived_at.parse().unwrap();
    Visit {
        id: VisitId(1),
        number: number.parse().unwrap(),
        service: service.parse().unwrap(),
        then: Vec::new(),
        done: Vec::new(),
        language: Language::english(),
        party: 1,
        needs: Needs::default(),
        channel: Channel::Kiosk,
        appointment: None,
        lane: Lane::WalkIn,
        priority: PRIORITY_USUAL,
        arrived_at,
        joined_at: arrived_at,
        since: arrived_at,
        door_at: None,
        ready_at: None,
        only_at: None,
        note: None,
        postponed: 0,
        no_shows: 0,
        device: Some(device("kiosk-1")),
        on_paper: false,
        same_number_as: None,
        promised_wait: None,
        print: None,
        state: VisitState::Waiting,
        state_since: arrived_at,
        moved: 1,
    }
}

/// A minute for everybody who waits for the service: enough where only that there
/// is a promise matters.
#[must_use]
pub fn foresee(office: &Office, service: &ServiceId, _: Timestamp) -> Option<WaitRange> {
    let minutes = u16::try_from(office.waiting_for(service)).unwrap_or(u16::MAX);
    Some(WaitRange {
        low_minutes: minutes,
        high_minutes: minutes.saturating_add(5),
    })
}
