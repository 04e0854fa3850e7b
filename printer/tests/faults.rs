//! The spooler against the emulated printer over a real pseudo-terminal, with
//! everything that goes wrong at a printer.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use usher_printer::document::{PaperDocument, samples};
use usher_printer::emulator::{Bench, Control, Emulator, Happening, Sheet, Workbench};
use usher_printer::encode;
use usher_printer::job::Timeouts;
use usher_printer::profile::Profile;
use usher_printer::raster::{Rect, Shaper};
use usher_printer::spooler::{
    Job, LinkState, Paper, PrintOutcome, PrinterStatus, Spooler, SpoolerBusy, SpoolerConfig,
    Trouble,
};
use usher_printer::transport::Port;

/// Far longer than anything here takes; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const BAUD: u32 = 115_200;

/// Short waits where a fault has to be waited for, long ones where a reply is
/// sure to come however busy the machine.
fn timeouts() -> Timeouts {
    Timeouts {
        reply: Duration::from_secs(10),
        look: Duration::from_millis(20),
        idle_look: Duration::from_millis(20),
        reopen_first: Duration::from_millis(10),
        reopen_longest: Duration::from_millis(50),
        ..Timeouts::default()
    }
}

/// A place for a port, a printer there, and a spooler that knows the place.
struct Rig {
    // In the order in which they must end.
    spooler: Spooler,
    statuses: Receiver<PrinterStatus>,
    printer: Option<Workbench>,
    happenings: Receiver<Happening>,
    happened: Sender<Happening>,
    link_path: PathBuf,
    _dir: tempfile::TempDir,
}

impl Rig {
    fn new() -> Self {
        Self::start(true, None, timeouts())
    }

    fn start(plugged: bool, line_baud: Option<u32>, timeouts: Timeouts) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let link_path = dir.path().join("printer");
        let (happened, happenings) = channel();
        let printer = plugged.then(|| bench(&link_path, line_baud, happened.clone()));
        let (sender, statuses) = channel();
        let config = SpoolerConfig {
            timeouts,
            ..SpoolerConfig::new(&link_path, line_baud.unwrap_or(BAUD), Profile::mm80())
        };
        let spooler = Spooler::start(config, move |status| {
            let _ = sender.send(status);
        });
        Self {
            spooler,
            statuses,
            printer,
            happenings,
            happened,
            link_path,
            _dir: dir,
        }
    }

    fn control(&self, control: Control) {
        self.printer.as_ref().expect("plugged").control(control);
    }

    /// Waits for a status that passes.
    fn await_status(&self, passes: impl Fn(&PrinterStatus) -> bool) -> PrinterStatus {
        loop {
            let status = self
                .statuses
                .recv_timeout(PATIENCE)
                .expect("the status in time");
            if passes(&status) {
                return status;
            }
        }
    }

    fn begin_print(&self) -> Receiver<PrintOutcome> {
        let (sender, outcome) = channel();
        let done = move |outcome| {
            let _ = sender.send(outcome);
        };
        self.spooler
            .print(ticket_job(), done)
            .expect("the inbox is empty");
        outcome
    }

    fn print(&self) -> PrintOutcome {
        self.begin_print()
            .recv_timeout(PATIENCE)
            .expect("an outcome in time")
    }

    fn await_first_byte(&self) {
        loop {
            let happening = self.happenings.recv_timeout(PATIENCE);
            if matches!(
                happening.expect("a first byte in time"),
                Happening::FirstByte
            ) {
                return;
            }
        }
    }

    fn await_sheet(&self) -> Sheet {
        loop {
            let happening = self.happenings.recv_timeout(PATIENCE);
            if let Happening::Sheet(sheet) = happening.expect("a sheet in time") {
                return sheet;
            }
        }
    }

    /// Sheets cut off so far that nobody waited for.
    fn sheets(&self) -> usize {
        self.happenings
            .try_iter()
            .filter(|happening| matches!(happening, Happening::Sheet(_)))
            .count()
    }
}

fn bench(link_path: &std::path::Path, baud: Option<u32>, happened: Sender<Happening>) -> Workbench {
    let bench = Bench {
        profile: Profile::mm80(),
        link_path: link_path.to_owned(),
        baud,
    };
    Workbench::start(bench, move |happening| {
        let _ = happened.send(happening);
    })
    .expect("a pseudo-terminal")
}

fn ticket_job() -> Job {
    Job {
        id: "ticket".to_owned(),
        document: PaperDocument::Ticket(samples::ticket("en")),
        give_up_after: PATIENCE,
    }
}

fn not_printed(reason: Trouble) -> PrintOutcome {
    PrintOutcome::NotPrinted { reason }
}

fn unknown(reason: Trouble) -> PrintOutcome {
    PrintOutcome::Unknown { reason }
}

#[test]
fn a_ticket_comes_out_and_is_known_to_have() {
    let rig = Rig::new();
    let status = rig.await_status(|_| true);
    assert!(status.ready(), "{status}");
    assert_eq!(rig.print(), PrintOutcome::Printed);
    let text = rig.await_sheet().text().to_owned();
    assert!(text.contains("Arrived 9:41 am"), "{text}");
    assert!(text.contains("after today"), "{text}");
    assert_eq!(rig.print(), PrintOutcome::Printed);
}

#[test]
fn no_paper_before_is_not_printed_and_a_new_roll_is_noticed() {
    let rig = Rig::new();
    rig.control(Control::Paper(Paper::Out));
    let status = rig.await_status(|status| status.paper == Paper::Out);
    assert!(!status.ready());
    assert_eq!(rig.print(), not_printed(Trouble::PaperOut));
    assert_eq!(rig.sheets(), 0);
    rig.control(Control::Paper(Paper::NearEnd));
    rig.await_status(|status| status.ready() && status.paper == Paper::NearEnd);
    assert_eq!(rig.print(), PrintOutcome::Printed);
}

#[test]
fn paper_that_ends_in_the_middle_is_unknown() {
    let rig = Rig::new();
    rig.control(Control::PaperEndsAfterMm(40));
    rig.await_status(PrinterStatus::ready);
    assert_eq!(rig.print(), unknown(Trouble::PaperOut));
    assert_eq!(rig.sheets(), 0);
    // The next one is refused, not sent after it.
    assert_eq!(rig.print(), not_printed(Trouble::PaperOut));
}

#[test]
fn an_open_cover_is_not_printed() {
    let rig = Rig::new();
    rig.control(Control::CoverOpen(true));
    rig.await_status(|status| status.cover_open);
    assert_eq!(rig.print(), not_printed(Trouble::CoverOpen));
    rig.control(Control::CoverOpen(false));
    rig.await_status(PrinterStatus::ready);
    assert_eq!(rig.print(), PrintOutcome::Printed);
}

#[test]
fn a_stuck_cutter_is_unknown_and_then_not_printed() {
    let rig = Rig::new();
    rig.await_status(PrinterStatus::ready);
    rig.control(Control::CutterJam(true));
    assert_eq!(rig.print(), unknown(Trouble::CutterJam));
    assert_eq!(rig.print(), not_printed(Trouble::CutterJam));
    assert!(rig.spooler.status().cutter_fault);
    rig.control(Control::CutterJam(false));
    rig.await_status(PrinterStatus::ready);
    assert_eq!(rig.print(), PrintOutcome::Printed);
}

#[test]
fn a_silent_printer_prints_and_nobody_knows() {
    let waits = Timeouts {
        reply: Duration::from_millis(40),
        ..timeouts()
    };
    let rig = Rig::start(true, None, waits);
    rig.control(Control::Silent(true));
    rig.await_status(|status| status.link == LinkState::Silent);
    assert_eq!(rig.print(), unknown(Trouble::NoAnswer));
    rig.await_sheet();
}

#[test]
fn a_printer_unplugged_in_the_middle_is_unknown_and_recovers() {
    // Slow enough that the cable is pulled long before the end.
    let rig = Rig::start(true, Some(57_600), timeouts());
    rig.await_status(PrinterStatus::ready);
    let outcome = rig.begin_print();
    rig.await_first_byte();
    rig.control(Control::Unplug);
    let outcome = outcome.recv_timeout(PATIENCE).expect("an outcome in time");
    assert_eq!(outcome, unknown(Trouble::PortVanished));
    rig.await_status(|status| status.link == LinkState::PortMissing);
    assert_eq!(rig.print(), not_printed(Trouble::PortMissing));

    rig.control(Control::Plug);
    rig.await_status(PrinterStatus::ready);
    // The printer still waits for the rest of a picture; the next ticket must be
    // whole all the same, below what was left of the first.
    assert_eq!(rig.print(), PrintOutcome::Printed);
    let mut shaper = Shaper::new();
    let dots = rig.await_sheet().dots(&mut shaper);
    let profile = Profile::mm80();
    let bytes = encode(&ticket_job().document, &profile, &mut shaper).expect("printable");
    let mut undisturbed = Emulator::new(profile);
    undisturbed.feed(&bytes);
    let whole = undisturbed.take_sheets()[0].dots(&mut shaper);
    let below = Rect {
        x: 0,
        y: dots.height().saturating_sub(whole.height()),
        width: whole.width(),
        height: whole.height(),
    };
    assert!(dots.crop(below) == whole, "the second ticket is damaged");
}

#[test]
fn the_question_behind_the_cut_waits_for_room_on_a_full_line() {
    // A form is longer than what the system takes ahead of a slow line, so its
    // last bytes fill the system's buffer to the brim.
    let rig = Rig::start(true, Some(38_400), timeouts());
    rig.await_status(PrinterStatus::ready);
    let (sender, outcome) = channel();
    let form = Job {
        id: "form".to_owned(),
        document: PaperDocument::PaperForm(samples::paper_form("en")),
        give_up_after: PATIENCE,
    };
    let done = move |outcome| {
        let _ = sender.send(outcome);
    };
    rig.spooler.print(form, done).expect("the inbox is empty");
    let outcome = outcome.recv_timeout(PATIENCE).expect("an outcome in time");
    assert_eq!(outcome, PrintOutcome::Printed);
}

/// A port whose far end neither reads nor answers.
struct StuckPort {
    master: PtyMaster,
    path: PathBuf,
}

impl StuckPort {
    fn new() -> Self {
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_NONBLOCK;
        let master = posix_openpt(flags).expect("a pseudo-terminal");
        grantpt(&master).expect("granted");
        unlockpt(&master).expect("unlocked");
        let mut settings = tcgetattr(&master).expect("settings");
        cfmakeraw(&mut settings);
        tcsetattr(&master, SetArg::TCSANOW, &settings).expect("settings");
        let path = PathBuf::from(ptsname_r(&master).expect("a name"));
        Self { master, path }
    }

    /// Another hold on this side of the port.
    fn hold(&self) -> File {
        OpenOptions::new()
            .write(true)
            .custom_flags((OFlag::O_NOCTTY | OFlag::O_NONBLOCK).bits())
            .open(&self.path)
            .expect("the port is free")
    }
}

#[test]
fn a_stuck_port_holds_up_neither_the_questions_nor_what_was_given_up() {
    let port = StuckPort::new();
    let mut hold = port.hold();
    let stall = Duration::from_secs(40);
    let config = SpoolerConfig {
        timeouts: Timeouts {
            reply: Duration::from_millis(30),
            stall,
            ..timeouts()
        },
        ..SpoolerConfig::new(&port.path, BAUD, Profile::mm80())
    };
    let (sender, statuses) = channel();
    let spooler = Spooler::start(config, move |status| {
        let _ = sender.send(status);
    });
    let silent = statuses.recv_timeout(PATIENCE).expect("a status in time");
    assert_eq!(silent.link, LinkState::Silent);
    // Now that the spooler has the port, not one byte more fits into it.
    // The system moves bytes on behind the scenes: full is what stays full.
    let mut refused = 0;
    while refused < 20 {
        if hold.write(&[0; 64]).is_ok() || hold.write(&[0]).is_ok() {
            refused = 0;
        } else {
            refused += 1;
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    let (sender, outcome) = channel();
    let job = Job {
        give_up_after: Duration::from_secs(3),
        ..ticket_job()
    };
    let done = move |outcome| {
        let _ = sender.send(outcome);
    };
    spooler.print(job, done).expect("the inbox is empty");
    let outcome = outcome.recv_timeout(stall / 2).expect("long before");
    assert_eq!(outcome, not_printed(Trouble::Stalled));
    drop(spooler);
    drop(port.master);
}

#[test]
fn a_job_that_waited_too_long_does_not_come_out_for_the_next_in_line() {
    let rig = Rig::new();
    rig.await_status(PrinterStatus::ready);
    let (sender, outcome) = channel();
    let old = Job {
        give_up_after: Duration::ZERO,
        ..ticket_job()
    };
    let done = move |outcome| {
        let _ = sender.send(outcome);
    };
    rig.spooler.print(old, done).expect("the inbox is empty");
    let outcome = outcome.recv_timeout(PATIENCE).expect("an outcome in time");
    assert_eq!(outcome, not_printed(Trouble::Stalled));
    assert_eq!(rig.print(), PrintOutcome::Printed);
    rig.await_sheet();
    assert_eq!(rig.sheets(), 0, "one sheet, not two");
}

#[test]
fn a_file_in_the_place_of_the_link_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("notes.txt");
    std::fs::write(&path, "mine").expect("a file");
    let bench = Bench {
        profile: Profile::mm80(),
        link_path: path.clone(),
        baud: None,
    };
    let error = Workbench::start(bench, |_| {}).expect_err("there is a file");
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read(&path).expect("still there"), b"mine");
}

#[test]
fn a_ticket_after_a_program_that_was_killed_inside_a_picture_is_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let link_path = dir.path().join("printer");
    let (happened, happenings) = channel();
    let _printer = bench(&link_path, None, happened);
    let mut shaper = Shaper::new();
    let profile = Profile::mm80();
    let bytes = encode(&ticket_job().document, &profile, &mut shaper).expect("printable");
    {
        // Another program's ticket, up to the middle of its first picture.
        let mut port = Port::open(&link_path, BAUD).expect("a port");
        let mut sent = 0;
        while sent < 400 {
            sent += port.write(&bytes[sent..400], PATIENCE).expect("a port");
        }
        await_happening(&happenings, |h| {
            matches!(h, Happening::FirstByte).then_some(())
        });
    }
    let config = SpoolerConfig {
        timeouts: timeouts(),
        ..SpoolerConfig::new(&link_path, BAUD, profile)
    };
    let spooler = Spooler::start(config, |_| {});
    let (sender, outcome) = channel();
    let done = move |outcome| {
        let _ = sender.send(outcome);
    };
    spooler
        .print(ticket_job(), done)
        .expect("the inbox is empty");
    let outcome = outcome.recv_timeout(PATIENCE).expect("an outcome in time");
    assert_eq!(outcome, PrintOutcome::Printed);
    let sheet = await_happening(&happenings, |happening| match happening {
        Happening::Sheet(sheet) => Some(sheet),
        _ => None,
    });
    let dots = sheet.dots(&mut shaper);
    let mut undisturbed = Emulator::new(profile);
    undisturbed.feed(&bytes);
    let whole = undisturbed.take_sheets()[0].dots(&mut shaper);
    let below = Rect {
        x: 0,
        y: dots.height().saturating_sub(whole.height()),
        width: whole.width(),
        height: whole.height(),
    };
    assert!(dots.crop(below) == whole, "the second ticket is damaged");
}

fn await_happening<T>(
    happenings: &Receiver<Happening>,
    mut wanted: impl FnMut(Happening) -> Option<T>,
) -> T {
    loop {
        let happening = happenings.recv_timeout(PATIENCE).expect("it in time");
        if let Some(found) = wanted(happening) {
            return found;
        }
    }
}

#[test]
fn noise_on_the_line_is_ignored() {
    let rig = Rig::new();
    rig.await_status(PrinterStatus::ready);
    let noise = Control::Noise(vec![0xFF, 0x11, 0x80, 0x13, 0x41, 0xE7, 0x55, 0x0A]);
    rig.control(noise.clone());
    let outcome = rig.begin_print();
    for _ in 0..20 {
        rig.control(noise.clone());
    }
    let outcome = outcome.recv_timeout(PATIENCE).expect("an outcome in time");
    assert_eq!(outcome, PrintOutcome::Printed);
    assert!(rig.spooler.status().ready());
}

#[test]
fn a_port_that_comes_later_is_found() {
    let mut rig = Rig::start(false, None, timeouts());
    rig.await_status(|status| status.link == LinkState::PortMissing);
    assert_eq!(rig.print(), not_printed(Trouble::PortMissing));
    rig.printer = Some(bench(&rig.link_path, None, rig.happened.clone()));
    rig.await_status(PrinterStatus::ready);
    assert_eq!(rig.print(), PrintOutcome::Printed);
}

#[test]
fn a_port_that_another_program_holds_is_said_to_be_in_use() {
    let mut rig = Rig::start(false, None, timeouts());
    let elsewhere = rig.link_path.with_extension("elsewhere");
    rig.printer = Some(bench(&elsewhere, None, rig.happened.clone()));
    let other_program = Port::open(&elsewhere, BAUD).expect("the port is free");
    std::os::unix::fs::symlink(&elsewhere, &rig.link_path).expect("a link");
    rig.await_status(|status| status.link == LinkState::PortInUse);
    assert_eq!(rig.print(), not_printed(Trouble::PortInUse));
    drop(other_program);
    rig.await_status(PrinterStatus::ready);
}

#[test]
fn a_file_that_is_no_port_is_told_apart() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("file");
    std::fs::write(&path, "no port").expect("a file");
    let error = Port::open(&path, BAUD).expect_err("not a port");
    assert!(
        error
            .to_string()
            .contains("could not be opened as a serial line"),
        "{error}"
    );
}

#[test]
fn the_inbox_is_bounded_and_every_job_taken_is_answered() {
    let dir = tempfile::tempdir().expect("a directory");
    let (release, held) = channel::<()>();
    let config = SpoolerConfig::new(dir.path().join("missing"), BAUD, Profile::mm80());
    // The thread is held in its first call, so that nothing leaves the inbox.
    let spooler = Spooler::start(config, move |_| {
        let _ = held.recv();
    });
    let (sender, outcomes) = channel();
    let mut taken = 0;
    let refusal = loop {
        let sender = sender.clone();
        let done = move |outcome| {
            let _ = sender.send(outcome);
        };
        match spooler.print(ticket_job(), done) {
            Ok(()) => taken += 1,
            Err(refusal) => break refusal,
        }
        assert!(taken < 100, "the inbox has no bound");
    };
    assert_eq!(refusal, SpoolerBusy);
    drop(release);
    drop(spooler);
    drop(sender);
    let outcomes: Vec<_> = outcomes.iter().collect();
    assert_eq!(outcomes.len(), taken);
    for outcome in outcomes {
        assert!(
            matches!(outcome, PrintOutcome::NotPrinted { .. }),
            "{outcome:?}"
        );
    }
}

#[test]
fn a_panic_in_a_callback_does_not_end_the_thread() {
    let rig = Rig::new();
    rig.spooler
        .print(ticket_job(), |_| panic!("a fault in the caller"))
        .expect("the inbox is empty");
    assert_eq!(rig.print(), PrintOutcome::Printed);
}
