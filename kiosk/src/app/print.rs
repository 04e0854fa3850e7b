//! The printer's words in the protocol's.

use usher_firmware_config::{PaperWidth, Printer};
use usher_printer::profile::Profile;
use usher_printer::spooler::{PrintOutcome, SpoolerConfig, Trouble};
use usher_protocol::message::{PrintResult, PrintTrouble};

/// The spooler of the device file's printer.
pub(super) fn spooler_config(printer: &Printer) -> SpoolerConfig {
    let usual = match printer.paper {
        PaperWidth::Mm80 => Profile::mm80(),
        PaperWidth::Mm58 => Profile::mm58(),
    };
    let profile = match printer.dots_per_line {
        // The one common head of another resolution on 80 mm paper (180 dpi).
        Some(dots) if dots == Profile::mm80_180dpi().dots_per_line => Profile::mm80_180dpi(),
        Some(dots) => Profile {
            dots_per_line: dots,
            ..usual
        },
        None => usual,
    };
    SpoolerConfig::new(&printer.port, printer.baud, profile)
}

/// What the server is told of a print.
pub(super) fn result(outcome: PrintOutcome) -> PrintResult {
    match outcome {
        PrintOutcome::Printed => PrintResult::Printed,
        PrintOutcome::NotPrinted { reason } => PrintResult::NotPrinted {
            trouble: trouble(reason),
        },
        PrintOutcome::Unknown { reason } => PrintResult::Unknown {
            trouble: trouble(reason),
        },
    }
}

fn trouble(reason: Trouble) -> PrintTrouble {
    match reason {
        Trouble::PaperOut => PrintTrouble::PaperOut,
        Trouble::CoverOpen => PrintTrouble::CoverOpen,
        Trouble::CutterJam => PrintTrouble::CutterJam,
        Trouble::PortMissing | Trouble::PortInUse | Trouble::PortVanished => PrintTrouble::PortGone,
        Trouble::NoAnswer | Trouble::Unconfirmed | Trouble::Stalled => PrintTrouble::NoAnswer,
        Trouble::Printer
        | Trouble::Offline
        | Trouble::Document
        | Trouble::ShuttingDown
        | Trouble::Internal => PrintTrouble::OtherFault,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use usher_firmware_config::{Role, parse, render};

    /// Both sides allow the same lines: what the device file takes is printed, and
    /// what cannot be printed is refused where a technician reads it.
    #[test]
    fn the_device_file_allows_what_a_printer_can_be() {
        let example = render::example(Role::Kiosk);
        for dots in (200..=1100_u16).step_by(4) {
            let line = format!("dots_per_line = {dots}");
            let text = example.replacen("# dots_per_line = 576", &line, 1);
            assert!(text.contains(&line));
            let profile = Profile {
                dots_per_line: dots,
                ..Profile::mm80()
            };
            assert_eq!(parse(&text).is_ok(), profile.check().is_ok(), "{dots}");
            if let Ok(file) = parse(&text) {
                let config = spooler_config(&file.printer.unwrap());
                assert_eq!(config.profile.check(), Ok(()), "{dots}");
                assert_eq!(config.profile.dots_per_line, dots);
            }
        }
    }
}
