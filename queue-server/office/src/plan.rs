//! What the office file says, as far as the rules need it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use usher_protocol::message::{CounterInfo, OfficeInfo, ServiceInfo};
use usher_protocol::{CounterId, DeviceId, Series, ServiceId};

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
    services: HashMap<ServiceId, usize>,
    counters: HashMap<CounterId, usize>,
    /// For each counter, the places of its services in `info`.
    served: Vec<Vec<usize>>,
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
        let served = info.counters.iter().map(|counter| {
            let positions = counter.services.iter().filter_map(|id| services.get(id));
            positions.copied().collect()
        });
        Self {
            served: served.collect(),
            services,
            counters: counters.map(|(i, c)| (c.id.clone(), i)).collect(),
            info: Arc::new(info),
            time_zone,
            day_starts,
            form_series,
        }
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

    /// The places in [`OfficeInfo::services`] of those that the counter serves.
    #[must_use]
    pub fn served_positions(&self, counter: &CounterId) -> Option<&[usize]> {
        self.counters.get(counter).map(|&i| &self.served[i][..])
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
