//! The MQTT topics of an office: `usher/v1/{office}/…`.
//!
//! They are laid out so that a broker's access rules can be written with the
//! device's user name alone: a device writes `request/{itself}` and
//! `device/{itself}/#`, reads `reply/{itself}` and `state/#`, and nothing else.

use crate::ids::{DeviceId, OfficeId};

/// Topics of one office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    root: String,
}

/// What a message from a device is, told by its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromDevice {
    /// [`crate::message::Request`] on `request/{device}`.
    Request(DeviceId),
    /// [`crate::message::Presence`] on `device/{device}/presence`.
    Presence(DeviceId),
    /// [`crate::message::DeviceStatus`] on `device/{device}/status`.
    Status(DeviceId),
}

impl Topics {
    /// The topics of `office`.
    #[must_use]
    pub fn new(office: &OfficeId) -> Self {
        Self {
            root: format!("usher/v1/{office}"),
        }
    }

    /// Where `device` sends its requests.
    #[must_use]
    pub fn request(&self, device: &DeviceId) -> String {
        format!("{}/request/{device}", self.root)
    }

    /// Where the answers for `device` come.
    #[must_use]
    pub fn reply(&self, device: &DeviceId) -> String {
        format!("{}/reply/{device}", self.root)
    }

    /// Retained: whether `device` is there ([`crate::message::Presence`]). Its will sets it to offline.
    #[must_use]
    pub fn presence(&self, device: &DeviceId) -> String {
        format!("{}/device/{device}/presence", self.root)
    }

    /// Retained: how `device` is ([`crate::message::DeviceStatus`]).
    #[must_use]
    pub fn status(&self, device: &DeviceId) -> String {
        format!("{}/device/{device}/status", self.root)
    }

    /// Retained: the office's services, counters, languages, texts ([`crate::message::OfficeInfo`]).
    #[must_use]
    pub fn office(&self) -> String {
        format!("{}/state/office", self.root)
    }

    /// Retained: how many wait, and how long ([`crate::message::Waits`]).
    #[must_use]
    pub fn waits(&self) -> String {
        format!("{}/state/waits", self.root)
    }

    /// Retained: who is called where ([`crate::message::Calls`]).
    #[must_use]
    pub fn calls(&self) -> String {
        format!("{}/state/calls", self.root)
    }

    /// Every 500 ms, not retained: the server is alive ([`crate::message::Heartbeat`]).
    #[must_use]
    pub fn heartbeat(&self) -> String {
        format!("{}/state/heartbeat", self.root)
    }

    /// Filter for everything that the server tells all devices.
    #[must_use]
    pub fn state_filter(&self) -> String {
        format!("{}/state/+", self.root)
    }

    /// Filter for every request.
    #[must_use]
    pub fn request_filter(&self) -> String {
        format!("{}/request/+", self.root)
    }

    /// Filter for what devices tell of themselves.
    #[must_use]
    pub fn device_filter(&self) -> String {
        format!("{}/device/+/+", self.root)
    }

    /// Reads a topic that a device wrote to, or `None` if it is none of ours.
    #[must_use]
    pub fn parse_from_device(&self, topic: &str) -> Option<FromDevice> {
        let rest = topic.strip_prefix(&self.root)?.strip_prefix('/')?;
        let parts: Vec<&str> = rest.split('/').collect();
        let device = |name: &str| DeviceId::new(name).ok();
        match parts.as_slice() {
            ["request", name] => device(name).map(FromDevice::Request),
            ["device", name, "presence"] => device(name).map(FromDevice::Presence),
            ["device", name, "status"] => device(name).map(FromDevice::Status),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_read_back() {
        let topics = Topics::new(&OfficeId::new("capitol-dmv").unwrap());
        let kiosk = DeviceId::new("kiosk-1").unwrap();
        assert_eq!(
            topics.request(&kiosk),
            "usher/v1/capitol-dmv/request/kiosk-1"
        );
        for (topic, expected) in [
            (topics.request(&kiosk), FromDevice::Request(kiosk.clone())),
            (topics.presence(&kiosk), FromDevice::Presence(kiosk.clone())),
            (topics.status(&kiosk), FromDevice::Status(kiosk.clone())),
        ] {
            assert_eq!(topics.parse_from_device(&topic), Some(expected));
        }
        for foreign in [
            "usher/v1/other/request/kiosk-1",
            "usher/v1/capitol-dmv/request/Kiosk",
            "usher/v1/capitol-dmv/request",
            "usher/v1/capitol-dmvx/request/kiosk-1",
        ] {
            assert_eq!(topics.parse_from_device(foreign), None, "{foreign}");
        }
    }
}
