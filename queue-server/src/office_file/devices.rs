//! Who may connect: kiosks, hall displays, and what calls residents at counters.

use std::collections::BTreeMap;

use usher_protocol::form_code::SealKey;
use usher_protocol::message::{Role, ServiceInfo};
use usher_protocol::{DeviceId, Series};

use super::limits;
use super::problems::did_you_mean;
use super::section::{At, Section};

/// A device that may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its id, which is also its user name.
    pub id: DeviceId,
    /// What it may do.
    pub role: Role,
    /// A kiosk's own series for paper forms.
    pub series: Option<Series>,
    /// The SHA-256 of its secret.
    pub key: SealKey,
}

/// Every `[[device]]` without a mistake.
pub(super) fn devices(root: &Section<'_>, services: &[At<ServiceInfo>]) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    let mut of_kiosks: BTreeMap<Series, DeviceId> = BTreeMap::new();
    for section in root.sections("device", limits::DEVICES_MAX) {
        let id = section.parsed::<DeviceId>("id", "kiosk-1");
        let role = section
            .text("role", "kiosk")
            .and_then(|text| role(&section, &text));
        let key = section.text("secret_sha256", "…").and_then(|text| {
            let key = SealKey::from_hex(text.value);
            if key.is_none() {
                section.error(
                    &text.at,
                    "\"secret_sha256\" must have 64 hexadecimal digits; `usher-server secret` makes one",
                );
            }
            key.map(|value| At { value, at: text.at })
        });
        let own = match role {
            Some(Role::Kiosk) => section.series("series", "X"),
            _ => {
                if let Some(text) = section.optional_text("series") {
                    section.error(
                        &text.at,
                        "only a kiosk has a series: it numbers paper forms; remove it",
                    );
                }
                None
            }
        };
        if let Some(own) = &own {
            check_own_series(&section, own, id.as_ref(), services, &mut of_kiosks);
        }
        if let Some(key) = &key
            && let Some(other) = devices.iter().find(|device| device.key == key.value)
        {
            section.error(
                &key.at,
                format!(
                    "this device has the secret of \"{}\"; make one of its own with `usher-server secret`",
                    other.id
                ),
            );
        }
        if let Some(id) = &id
            && devices.iter().any(|known| known.id == id.value)
        {
            section.error(
                &id.at,
                format!("device \"{}\" stands twice; give each its own id", id.value),
            );
        } else if let (Some(id), Some(role), Some(key)) = (id, role, key) {
            devices.push(Device {
                id: id.value,
                role,
                series: own.map(|own| own.value),
                key: key.value,
            });
        }
        section.finish();
    }
    devices
}

/// Nobody else may give out the numbers of a kiosk's series.
fn check_own_series(
    section: &Section<'_>,
    own: &At<Series>,
    id: Option<&At<DeviceId>>,
    services: &[At<ServiceInfo>],
    of_kiosks: &mut BTreeMap<Series, DeviceId>,
) {
    let series = own.value;
    if let Some(service) = services.iter().find(|s| s.value.series == series) {
        section.error(
            &own.at,
            format!(
                "series \"{series}\" is that of service \"{}\"; a kiosk needs one that nobody else has",
                service.value.id
            ),
        );
    }
    if let Some(other) = of_kiosks.get(&series) {
        section.error(
            &own.at,
            format!("series \"{series}\" is that of \"{other}\"; two kiosks would print the same numbers"),
        );
    } else if let Some(id) = id {
        of_kiosks.insert(series, id.value.clone());
    }
}

fn role(section: &Section<'_>, text: &At<&str>) -> Option<Role> {
    match text.value {
        "kiosk" => Some(Role::Kiosk),
        "hall-display" => Some(Role::HallDisplay),
        "counter" => Some(Role::Counter),
        other => {
            section.error(
                &text.at,
                format!(
                    "\"{other}\" is no role; use kiosk, hall-display or counter{}",
                    did_you_mean(other, ["kiosk", "hall-display", "counter"])
                ),
            );
            None
        }
    }
}
