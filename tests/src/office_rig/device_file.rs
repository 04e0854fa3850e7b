//! The device files of the office's machines.

use std::path::Path;

use super::{HALL_1, OfficeRig, Plan};

/// A panel, as a device file describes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Panel {
    /// Width, pixels.
    pub width_px: u16,
    /// Height, pixels.
    pub height_px: u16,
    /// Width of the picture, millimetres.
    pub width_mm: f32,
    /// Whether the window takes the whole panel.
    pub fullscreen: bool,
}

/// The file of a kiosk whose ports and journal are in `dir`.
pub(crate) fn kiosk(office: &OfficeRig, plan: &Plan, dir: &Path) -> String {
    let path = |name: &str| dir.join(name).display().to_string();
    format!(
        r#"{device}
[printer]
port = "{printer}"
baud = 115200
paper = "80mm"

[scanner]
port = "{scanner}"
baud = 9600
quiet_ms = 80

[paper_forms]
series = "{series}"

[storage]
journal = "{journal}"
"#,
        device = device(
            office,
            "kiosk",
            (plan.login.id, plan.login.secret),
            plan.panel
        ),
        printer = path("ticket-printer"),
        scanner = path("id-scanner"),
        series = plan.series,
        journal = path("journal.db"),
    )
}

/// The file of the hall display, whose journal is in `dir`.
pub(crate) fn hall_display(office: &OfficeRig, panel: Panel, dir: &Path) -> String {
    format!(
        r#"{device}
[storage]
journal = "{journal}"
"#,
        device = device(office, "hall-display", (HALL_1.id, HALL_1.secret), panel),
        journal = dir.join("journal.db").display(),
    )
}

/// What every device file starts with.
fn device(office: &OfficeRig, role: &str, (id, secret): (&str, &str), panel: Panel) -> String {
    let Panel {
        width_px,
        height_px,
        width_mm,
        fullscreen,
    } = panel;
    format!(
        r#"format = 1

[device]
id = "{id}"
office = "{office}"
role = "{role}"

[server]
broker = "mqtt://{broker}"
secret = "{secret}"

[panel]
width_px = {width_px}
height_px = {height_px}
width_mm = {width_mm:.1}
fullscreen = {fullscreen}

[languages]
order = ["en", "es", "zh-Hant", "vi", "ar"]
"#,
        office = office.office(),
        broker = office.broker(),
    )
}
