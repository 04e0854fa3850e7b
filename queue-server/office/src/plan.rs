//! What the office file says, as far as the rules need it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use usher_protocol::message::{CounterInfo, OfficeInfo, ServiceInfo};
use usher_protocol::{ClerkId, CounterId, DeviceId, Language, OfficeId, Series, ServiceId, Text};

use crate::hours::OpeningHours;
use crate::policy::{PRIORITY_USUAL, Policy};

/// What the office file says, as far as the rules need it. Checked where the
/// file is read (`usher_queue_server::office_file`); trusted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficePlan {
    /// Services, counters, languages, texts.
    pub info: Arc<OfficeInfo>,
    /// The office's time zone.
    pub time_zone: TimeZone,
    /// When the office's day starts, local time: an hour when nobody is there.
    pub day_starts: Time,
    /// Each kiosk's own series for paper forms.
    pub form_series: BTreeMap<DeviceId, Series>,
    /// The rules that an office chooses.
    pub rules: Rules,
    services: HashMap<ServiceId, usize>,
    counters: HashMap<CounterId, usize>,
}

impl OfficePlan {
    /// A plan of these parts.
    #[must_use]
    pub fn new(
        info: OfficeInfo,
        time_zone: TimeZone,
        day_starts: Time,
        form_series: BTreeMap<DeviceId, Series>,
    ) -> Self {
        let services = (0..).zip(&info.services);
        let counters = (0..).zip(&info.counters);
        let services: HashMap<_, _> = services.map(|(i, s)| (s.id.clone(), i)).collect();
        Self {
            services,
            counters: counters.map(|(i, c)| (c.id.clone(), i)).collect(),
            info: Arc::new(info),
            time_zone,
            day_starts,
            form_series,
            rules: Rules::default(),
        }
    }

    /// A plan of nothing, where there has to be one.
    pub(crate) fn none() -> Arc<Self> {
        let nothing = Text::english_only("");
        let info = OfficeInfo {
            office: OfficeId::new("none").expect("four small letters are an id"),
            name: nothing.clone(),
            line: nothing.clone(),
            time_zone: "UTC".to_owned(),
            languages: Vec::new(),
            services: Vec::new(),
            counters: Vec::new(),
            where_to_wait: nothing.clone(),
            where_to_ask: nothing,
            phone_url: None,
        };
        Arc::new(Self::new(info, TimeZone::UTC, Time::MIN, BTreeMap::new()))
    }

    /// The same, with these rules.
    #[must_use]
    pub fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        self
    }

    /// The rules of a service; the usual ones if the file says nothing of it.
    #[must_use]
    pub fn service_rules(&self, id: &ServiceId) -> ServiceRules {
        self.rules.services.get(id).copied().unwrap_or_default()
    }

    /// The service, if the office has it.
    #[must_use]
    pub fn service(&self, id: &ServiceId) -> Option<&ServiceInfo> {
        self.services.get(id).map(|&i| &self.info.services[i])
    }

    /// The counter, if the office has it.
    #[must_use]
    pub fn counter(&self, id: &CounterId) -> Option<&CounterInfo> {
        self.counters.get(id).map(|&i| &self.info.counters[i])
    }

    /// The service's place in [`OfficeInfo::services`], if the office has it.
    #[must_use]
    pub fn service_position(&self, id: &ServiceId) -> Option<usize> {
        self.services.get(id).copied()
    }

    /// The service's English name, or its id if the office no longer has it.
    #[must_use]
    pub fn service_name<'a>(&'a self, id: &'a ServiceId) -> &'a str {
        self.service(id)
            .map_or(id.as_str(), |service| service.name.in_english())
    }

    /// What stands above the counter, or its id if the office no longer has it.
    #[must_use]
    pub fn counter_label<'a>(&'a self, id: &'a CounterId) -> &'a str {
        self.counter(id)
            .map_or(id.as_str(), |counter| counter.label.as_str())
    }

    /// The office's day at `at`: from [`OfficePlan::day_starts`] to the same
    /// hour of the next date.
    #[must_use]
    pub fn day_of(&self, at: Timestamp) -> Date {
        let local = self.time_zone.to_datetime(at);
        if local.time() < self.day_starts {
            local.date().yesterday().unwrap_or(local.date())
        } else {
            local.date()
        }
    }
}

/// The rules that an office chooses in its file. Without any, it is open at all
/// hours, and first come is first served.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// Who is next.
    pub policy: Policy,
    /// When the office is open; `None` if it is not said.
    pub hours: Option<OpeningHours>,
    /// Times and bounds of what staff and residents do.
    pub limits: Limits,
    /// Of services that differ from the usual.
    pub services: HashMap<ServiceId, ServiceRules>,
    /// Of counters that differ from the usual.
    pub counters: HashMap<CounterId, CounterRules>,
    /// Who works here.
    pub clerks: BTreeMap<ClerkId, Clerk>,
}

/// The rules of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceRules {
    /// How long a resident should wait at most, minutes. California Vehicle Code
    /// §1669 sets half an hour as the goal for a motor-vehicle office.
    pub target_minutes: u16,
    /// The class of priority, 1 (first) to 3.
    pub priority: u8,
}

impl Default for ServiceRules {
    fn default() -> Self {
        Self {
            target_minutes: 30,
            priority: PRIORITY_USUAL,
        }
    }
}

/// The rules of a counter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CounterRules {
    /// Services that it serves too, once somebody has waited long for them.
    pub overflow: Vec<ServiceId>,
    /// A wheelchair can come to it.
    pub wheelchair: bool,
    /// It is in a quiet place.
    pub quiet: bool,
}

/// Somebody who works at counters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clerk {
    /// The services that they can do; `None` for all.
    pub services: Option<Vec<ServiceId>>,
    /// The languages that they speak, beside the office's first.
    pub languages: Vec<Language>,
}

/// Whether a ticket is given when its wait would pass the closing time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LastTicket {
    /// It is, and says so.
    #[default]
    Warn,
    /// It is not, unless staff or an appointment ask for it.
    Refuse,
}

/// Times and bounds of what staff and residents do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// A visit is not called again sooner than this after its last call, seconds.
    pub recall_after_seconds: u16,
    /// A called resident has so long to come before they are a no-show, seconds.
    pub no_show_after_seconds: u16,
    /// A no-show keeps the place for so long, minutes.
    pub return_within_minutes: u16,
    /// Others can be let go first for so long at a time, minutes.
    pub more_time_minutes_max: u16,
    /// So often the place is kept when others are let go first. After that the wait
    /// counts from the return: else those who are away, by phone say, would come
    /// back before all who stayed, again and again.
    pub more_time_place_kept: u8,
    /// What was done at a counter can be taken back for so long, seconds.
    pub undo_seconds: u16,
    /// A visit that waits for longer than this has been forgotten, minutes.
    pub forgotten_after_minutes: u16,
    /// A visit that is called or on hold for longer than this has been forgotten, minutes.
    pub left_aside_minutes: u16,
    /// Tickets are given from so long before the opening, minutes.
    pub tickets_before_opening_minutes: u16,
    /// Whether a ticket is given when its wait would pass the closing time.
    pub last_ticket: LastTicket,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            recall_after_seconds: 0,
            no_show_after_seconds: 0,
            return_within_minutes: 60,
            more_time_minutes_max: 30,
            more_time_place_kept: 1,
            undo_seconds: 60,
            forgotten_after_minutes: 150,
            left_aside_minutes: 30,
            tickets_before_opening_minutes: 30,
            last_ticket: LastTicket::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::sample;

    #[test]
    fn the_day_runs_from_four_to_four_local_time() {
        let plan = sample::plan();
        for (at, day) in [
            ("2026-11-25T11:59:59Z", "2026-11-24"), // 03:59:59 in Los Angeles
            ("2026-11-25T12:00:00Z", "2026-11-25"),
            ("2026-11-26T08:30:00Z", "2026-11-25"), // half past midnight
        ] {
            assert_eq!(plan.day_of(at.parse().unwrap()).to_string(), day, "at {at}");
        }
    }
}
