//! A device's settings in words, to be read over by whoever wrote them.

use crate::schema::{DeviceFile, Role};

/// The settings in a few lines. Has no secret in it.
#[must_use]
pub fn summary(file: &DeviceFile) -> String {
    let device = &file.device;
    let panel = &file.panel;
    let server = &file.server;
    let mut lines = vec![
        format!(
            "{} is a {} of the office {}.",
            device.id, device.role, device.office
        ),
        match &server.secret_file {
            Some(path) => format!(
                "It works with the broker {}; its secret is in {}.",
                server.broker,
                path.display()
            ),
            None => format!(
                "It works with the broker {}; its secret is in this file.",
                server.broker
            ),
        },
        format!(
            "Its picture has {} by {} px and is {} mm wide ({:.1} px on a millimetre), {}.",
            panel.width_px,
            panel.height_px,
            panel.width_mm,
            panel.px_per_mm(),
            if panel.fullscreen {
                "on the full screen"
            } else {
                "in a window"
            }
        ),
        languages(file),
    ];
    if let Some(printer) = &file.printer {
        lines.push(format!(
            "It prints at {} with {} baud, on {} paper with {} dots on a line.",
            printer.port.display(),
            printer.baud,
            printer.paper,
            printer.line_dots()
        ));
    }
    if let Some(scanner) = &file.scanner {
        lines.push(format!(
            "It scans at {} with {} baud; a scan ends after {} ms of silence.",
            scanner.port.display(),
            scanner.baud,
            scanner.quiet_ms
        ));
    }
    if let Some(forms) = &file.paper_forms {
        lines.push(format!(
            "Its paper forms have numbers like {}101.",
            forms.series
        ));
    }
    if device.role == Role::Kiosk {
        lines.push(format!(
            "It keeps its journal in {}.",
            file.storage.journal.display()
        ));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn languages(file: &DeviceFile) -> String {
    let first = file.languages.default_language();
    let others: Vec<String> = file.languages.order[1..]
        .iter()
        .map(ToString::to_string)
        .collect();
    if others.is_empty() {
        format!("It speaks {first}.")
    } else {
        format!("It starts in {first} and offers {}.", others.join(", "))
    }
}

/// What is allowed, but probably not meant.
#[must_use]
pub fn notices(file: &DeviceFile) -> Vec<String> {
    let kiosk = file.device.role == Role::Kiosk;
    let mut notices = Vec::new();
    if file.server.has_example_secret() {
        notices.push(
            "server.secret is the example's; put this device's own there (`usher-server secret` makes one)"
                .to_owned(),
        );
    }
    if kiosk && file.printer.is_none() {
        notices.push("there is no [printer]: numbers will be shown on the screen only".to_owned());
    }
    if kiosk && file.paper_forms.is_none() {
        notices.push(
            "there is no [paper_forms]: while the server is away, nobody gets a number here"
                .to_owned(),
        );
    }
    if file.printer.as_ref().map(|p| &p.port) == file.scanner.as_ref().map(|s| &s.port)
        && file.printer.is_some()
    {
        notices.push("printer.port and scanner.port are the same port".to_owned());
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;
    use crate::render::example;

    #[test]
    fn a_summary_tells_what_matters_and_not_the_secret() {
        let text = summary(&parse(&example(Role::Kiosk)).expect("the example is good"));
        for part in [
            "kiosk-1 is a kiosk of the office capitol-dmv",
            "1080 by 1920 px and is 345 mm wide (3.1 px on a millimetre)",
            "starts in en and offers es, zh-Hant, vi, ar",
            "115200 baud, on 80 mm paper with 576 dots",
            "numbers like X101",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        assert!(!text.contains("put-the-secret"), "{text}");
    }

    #[test]
    fn a_hall_display_has_nothing_to_print_with() {
        let text = summary(&parse(&example(Role::HallDisplay)).expect("the example is good"));
        assert!(text.starts_with("hall-1 is a hall display"), "{text}");
        assert!(!text.contains("print") && !text.contains("scan"), "{text}");
    }

    #[test]
    fn what_is_probably_not_meant_is_noticed() {
        let mut file = parse(&example(Role::Kiosk)).expect("the example is good");
        assert_eq!(notices(&file).len(), 1, "only the example's secret");
        let printer = file.printer.as_mut().expect("a printer");
        printer.port = "/dev/id-scanner".into();
        assert!(notices(&file).iter().any(|n| n.contains("same port")));
        file.printer = None;
        file.scanner = None;
        file.paper_forms = None;
        assert_eq!(notices(&file).len(), 3);
    }
}
