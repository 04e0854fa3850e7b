//! An office for tests: it answers by a script, shows what it is told to show,
//! and remembers what it was asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use usher_appointments::PersonKey;
use usher_appointments::person::KEY_BYTES;
use usher_protocol::message::{
    Call, Calls, CounterInfo, OfficeInfo, Outcome, Reply, Request, Role, ServiceInfo, ServiceWait,
    Waits,
};
use usher_protocol::{CounterId, DeviceId, Language, OfficeId, Series, ServiceId, Text};

use crate::live::handle::{DeviceReports, Message, OfficeHandle};
use crate::live::view::OfficeView;
use crate::live::view::{CounterState, CounterView, DeviceView};
use crate::office::command::Sender;
use crate::office::plan::OfficePlan;
use crate::web::Bookings;

/// How the fake answers.
pub(crate) type Script = Box<dyn FnMut(&Sender, &Request) -> Outcome + Send>;

/// The fake and what it saw.
pub(crate) struct FakeOffice {
    pub(crate) handle: OfficeHandle,
    view: watch::Sender<Arc<OfficeView>>,
    asked: Arc<Mutex<Vec<(Sender, Request)>>>,
    reports: DeviceReports,
}

impl FakeOffice {
    /// Shows `view` and answers as `script` says. Needs a running Tokio runtime.
    pub(crate) fn start(view: OfficeView, mut script: Script) -> Self {
        let reports: DeviceReports = Arc::new(Mutex::new(
            view.devices
                .iter()
                .map(|device| (device.id.clone(), Default::default()))
                .collect::<BTreeMap<_, _>>(),
        ));
        let (inbox, mut commands) = mpsc::channel(64);
        let (view, seen) = watch::channel(Arc::new(view));
        let handle = OfficeHandle::new(inbox, seen, Arc::clone(&reports), Arc::new(now));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Some(message) = commands.recv().await {
                if let Message::Command {
                    sender,
                    request,
                    answer,
                } = message
                {
                    let outcome = script(&sender, &request);
                    let id = Some(request.id.clone());
                    log.lock().unwrap().push((sender, request));
                    let _ = answer.send(Reply {
                        id,
                        server_time: now(),
                        outcome,
                    });
                }
            }
        });
        Self {
            handle,
            view,
            asked,
            reports,
        }
    }

    /// Shows another view from now on.
    pub(crate) fn show(&self, change: impl FnOnce(&mut OfficeView)) {
        self.view.send_modify(|view| {
            let mut next = view.as_ref().clone();
            next.sequence += 1;
            change(&mut next);
            *view = Arc::new(next);
        });
    }

    /// Every request so far, with its sender.
    pub(crate) fn asked(&self) -> Vec<(Sender, Request)> {
        self.asked.lock().unwrap().clone()
    }

    /// Whether `device` has told that it is connected.
    pub(crate) fn is_online(&self, device: &DeviceId) -> Option<bool> {
        let reports = self.reports.lock().unwrap();
        Some(reports.get(device)?.presence.as_ref()?.online)
    }

    /// The free texts that `device` has told: its version, and its printer's state.
    pub(crate) fn texts_of(&self, device: &DeviceId) -> (Option<String>, Option<String>) {
        let reports = self.reports.lock().unwrap();
        let latest = &reports[device];
        let version = latest.presence.as_ref().map(|told| told.version.clone());
        let printer = latest.status.as_ref().and_then(|told| told.printer.clone());
        (version, printer)
    }
}

/// The fake's clock stands still.
pub(crate) fn now() -> Timestamp {
    "2026-11-25T18:12:40Z".parse().unwrap()
}

/// The office of the samples below.
pub(crate) fn office_id() -> OfficeId {
    OfficeId::new("sample").unwrap()
}

/// Two services, two counters, a kiosk and a hall display; nobody is there.
pub(crate) fn sample_view() -> OfficeView {
    let text = Text::english_only;
    let counters = [
        ("1", "1", &["titles"][..]),
        ("2", "2", &["titles", "licences"]),
    ];
    let services = [
        ("titles", "A", "Titles <b>& more"),
        ("licences", "B", "Licences"),
    ];
    let service_ids = |ids: &[&str]| ids.iter().map(|id| ServiceId::new(*id).unwrap()).collect();
    OfficeView {
        sequence: 7,
        as_of: now(),
        accepting: true,
        trouble: None,
        info: Arc::new(OfficeInfo {
            office: office_id(),
            name: text("Sample <Office>"),
            line: text("A field office"),
            time_zone: "America/Los_Angeles".to_owned(),
            languages: Vec::new(),
            services: services
                .map(|(id, series, name)| ServiceInfo {
                    id: ServiceId::new(id).unwrap(),
                    series: Series::new(series).unwrap(),
                    name: text(name),
                    bring: Vec::new(),
                    usual_minutes: 12,
                })
                .into(),
            counters: counters
                .map(|(id, label, services)| CounterInfo {
                    id: CounterId::new(id).unwrap(),
                    label: label.to_owned(),
                    services: service_ids(services),
                })
                .into(),
            where_to_wait: text("Here"),
            where_to_ask: text("There"),
            phone_url: None,
        }),
        waits: Waits {
            as_of: now(),
            services: services
                .map(|(id, ..)| ServiceWait {
                    service: ServiceId::new(id).unwrap(),
                    waiting: 0,
                    counters_open: 0,
                    wait: None,
                })
                .into(),
        },
        calls: Calls {
            as_of: now(),
            calls: Vec::new(),
        },
        counters: counters
            .map(|(id, label, services)| CounterView {
                id: CounterId::new(id).unwrap(),
                label: label.to_owned(),
                state: CounterState::Closed,
                since: None,
                break_until: None,
                clerk: None,
                services: service_ids(services),
                visit: None,
                next_up: Vec::new(),
                waiting: 0,
            })
            .into(),
        waiting: Vec::new(),
        waiting_total: 0,
        on_hold: Vec::new(),
        devices: [("kiosk-1", Role::Kiosk), ("hall-1", Role::HallDisplay)]
            .map(|(id, role)| DeviceView {
                id: DeviceId::new(id).unwrap(),
                role,
                online: None,
                version: None,
                status: None,
                reported_at: None,
            })
            .into(),
        served_today: 0,
        attention: Vec::new(),
    }
}

/// What it takes to read appointments for the office of [`sample_view`].
pub(crate) fn sample_bookings() -> Bookings {
    let info = sample_view().info.as_ref().clone();
    let zone = TimeZone::get(&info.time_zone).unwrap();
    Bookings {
        plan: Arc::new(OfficePlan::new(info, zone, Time::MIN, BTreeMap::new())),
        key: PersonKey::new([7; KEY_BYTES]),
    }
}

/// A call as the hall display shows it.
pub(crate) fn sample_call(serial: u64) -> Call {
    Call {
        serial,
        number: "A7".parse().unwrap(),
        counter: CounterId::new("1").unwrap(),
        counter_label: "1".to_owned(),
        service: ServiceId::new("titles").unwrap(),
        language: Language::english(),
        called_at: now(),
        times_called: 1,
        serving: false,
    }
}
