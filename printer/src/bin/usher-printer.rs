//! `usher-printer`: tries a ticket printer out, draws what one was sent, and
//! stands in for one.
//!
//! Every command fails with one sentence and a non-zero exit. `status` exits
//! with 0 if the printer is ready, 1 if it is not, 2 if its port cannot be opened.

use std::io::{BufRead, IsTerminal as _, Read as _, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::{Value, json};
use usher_printer::document::{PaperDocument, TestPage};
use usher_printer::emulator::{Bench, Control, Emulator, Happening, Sheet, Workbench};
use usher_printer::profile::Profile;
use usher_printer::raster::Shaper;
use usher_printer::spooler::{
    Job, LinkState, Paper, PrintOutcome, Spooler, SpoolerConfig, Trouble,
};
use usher_printer::transport::Port;

/// Tries a ticket printer out, draws what one was sent, and stands in for one.
#[derive(Parser)]
#[command(name = "usher-printer", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints a test page and says whether it came out.
    Test {
        /// The serial port, for example /dev/ticket-printer.
        #[arg(long)]
        port: PathBuf,
        /// Speed of the line, in bits a second.
        #[arg(long, default_value_t = 115_200)]
        baud: u32,
        /// Width of the paper, in millimetres.
        #[arg(long, value_enum, default_value_t = PaperWidth::Mm80)]
        paper: PaperWidth,
    },
    /// Says in plain words how the printer is.
    Status {
        /// The serial port, for example /dev/ticket-printer.
        #[arg(long)]
        port: PathBuf,
        /// Speed of the line, in bits a second.
        #[arg(long, default_value_t = 115_200)]
        baud: u32,
    },
    /// Draws bytes that a printer was sent as a picture of the paper.
    Render {
        /// The bytes, as sent.
        bytes: PathBuf,
        /// The picture to write (PNG). Further sheets get a number: ticket-2.png.
        #[arg(long)]
        out: PathBuf,
        /// Width of the paper, in millimetres.
        #[arg(long, value_enum, default_value_t = PaperWidth::Mm80)]
        paper: PaperWidth,
    },
    /// Stands in for a printer on a new pseudo-terminal.
    ///
    /// One JSON line on standard output for every happening. Reads controls from
    /// standard input, one a line: `paper out|near|ok`, `paper ends-after MM`,
    /// `cover open|closed`, `cutter jam|ok`, `silent on|off`, `unplug`, `plug`, `quit`.
    Emulate {
        /// Where the port is to be found (a symbolic link is made or replaced,
        /// never a file).
        #[arg(long)]
        link: PathBuf,
        /// Directory for the sheets: 001.bin, 001.png, 002.bin, …
        #[arg(long)]
        out: PathBuf,
        /// Width of the paper, in millimetres.
        #[arg(long, value_enum, default_value_t = PaperWidth::Mm80)]
        paper: PaperWidth,
        /// Makes the line as slow as a real one, in bits a second.
        #[arg(long)]
        baud: Option<u32>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum PaperWidth {
    /// 576 dots at 203 dpi.
    #[value(name = "80")]
    Mm80,
    /// 384 dots at 203 dpi.
    #[value(name = "58")]
    Mm58,
    /// 512 dots at 180 dpi.
    #[value(name = "80-180dpi")]
    Mm80At180Dpi,
}

impl PaperWidth {
    fn profile(self) -> Profile {
        match self {
            Self::Mm80 => Profile::mm80(),
            Self::Mm58 => Profile::mm58(),
            Self::Mm80At180Dpi => Profile::mm80_180dpi(),
        }
    }
}

fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error")),
        )
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let result = match Arguments::parse().command {
        Command::Test { port, baud, paper } => test(&port, baud, paper.profile()),
        Command::Status { port, baud } => status(&port, baud),
        Command::Render { bytes, out, paper } => render(&bytes, &out, paper.profile()),
        Command::Emulate {
            link,
            out,
            paper,
            baud,
        } => emulate(&link, &out, paper.profile(), baud),
    };
    result.unwrap_or_else(|error| {
        tell_error(&error);
        ExitCode::from(2)
    })
}

#[expect(
    clippy::print_stderr,
    reason = "the one place where a command's failure is told"
)]
fn tell_error(error: &anyhow::Error) {
    eprintln!("usher-printer: {error:#}");
}

/// Longest wait for the printer to be looked at and the fonts to be loaded.
const START_MAX: Duration = Duration::from_secs(30);
/// Bytes that `render` draws at most; an office's whole day is less.
const RENDER_BYTES_MAX: u64 = 16 << 20;
/// Bytes drawn between two looks for finished sheets, so few that the emulator
/// keeps all of them meanwhile.
const RENDER_STEP_BYTES: usize = 256;
/// Happenings and lines of standard input that may wait for the emulator's main
/// thread; then the printer or the reader waits for it.
const EVENTS_WAITING_MAX: usize = 64;

fn test(port: &Path, baud: u32, profile: Profile) -> anyhow::Result<ExitCode> {
    let config = SpoolerConfig::new(port, baud, profile);
    let patience = config.print_max() + START_MAX;
    let spooler = Spooler::start(config, |_| {});
    let page = TestPage {
        title: "Printer test".to_owned(),
        details: vec![
            format!("Port {}", port.display()),
            format!(
                "{baud} baud, {} mm paper, {} dots",
                profile.paper_mm, profile.dots_per_line
            ),
        ],
    };
    let job = Job {
        id: "test page".to_owned(),
        document: PaperDocument::TestPage(page),
        give_up_after: patience,
    };
    let (sender, outcome) = sync_channel(1);
    spooler.print(job, move |outcome| {
        // The receiver waits below, or has given up.
        let _ = sender.send(outcome);
    })?;
    let outcome = outcome
        .recv_timeout(patience)
        .context("the printer's thread did not answer in time")?;
    match outcome {
        PrintOutcome::Printed => {
            println!("printed: the printer confirms that the test page came out");
            Ok(ExitCode::SUCCESS)
        }
        PrintOutcome::NotPrinted { reason } => {
            if matches!(reason, Trouble::PortMissing | Trouble::PortInUse) {
                // Said more exactly.
                Port::open(port, baud)?;
            }
            println!("not printed: {reason}");
            Ok(ExitCode::from(1))
        }
        PrintOutcome::Unknown { reason } => {
            println!("unknown, look at the paper: {reason}");
            Ok(ExitCode::from(1))
        }
    }
}

fn status(port: &Path, baud: u32) -> anyhow::Result<ExitCode> {
    let (sender, seen) = sync_channel(8);
    // Paper width plays no part in a status.
    let config = SpoolerConfig::new(port, baud, Profile::mm80());
    let _spooler = Spooler::start(config, move |status| {
        // The receiver waits below, or has its answer; the printer's thread must
        // not wait for it.
        let _ = sender.try_send(status);
    });
    let status = loop {
        let status = seen
            .recv_timeout(START_MAX)
            .context("the printer's thread did not answer in time")?;
        if !matches!(status.link, LinkState::PortMissing | LinkState::PortInUse) {
            break status;
        }
        // Said more exactly; and a port that has come meanwhile is looked at again.
        Port::open(port, baud)?;
    };
    println!("{status}");
    Ok(if status.ready() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn render(bytes_path: &Path, out_path: &Path, profile: Profile) -> anyhow::Result<ExitCode> {
    let mut bytes = Vec::new();
    std::fs::File::open(bytes_path)
        .and_then(|file| file.take(RENDER_BYTES_MAX + 1).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", bytes_path.display()))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > RENDER_BYTES_MAX {
        bail!(
            "{} is longer than the {} MB that are drawn: cut it into parts",
            bytes_path.display(),
            RENDER_BYTES_MAX >> 20
        );
    }
    let mut printer = Emulator::new(profile);
    let mut sheets = Vec::new();
    for step in bytes.chunks(RENDER_STEP_BYTES) {
        printer.feed(step);
        sheets.extend(printer.take_sheets());
    }
    sheets.extend(printer.torn_off());
    if sheets.is_empty() {
        bail!("{} prints nothing", bytes_path.display());
    }
    let mut shaper = Shaper::new();
    for (index, sheet) in sheets.iter().enumerate() {
        let path = match index {
            0 => out_path.to_owned(),
            _ => numbered(out_path, index + 1),
        };
        let png = sheet.render_with(&mut shaper).to_png()?;
        std::fs::write(&path, png).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// `ticket.png` to `ticket-2.png`.
fn numbered(path: &Path, number: usize) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}-{number}.{}", extension.to_string_lossy()),
        None => format!("{stem}-{number}"),
    };
    path.with_file_name(name)
}

/// What the emulator's main thread is told.
enum Event {
    Happened(Happening, u64),
    Line(String),
}

fn emulate(
    link: &Path,
    out_dir: &Path,
    profile: Profile,
    baud: Option<u32>,
) -> anyhow::Result<ExitCode> {
    std::fs::create_dir_all(out_dir)
        .with_context(|| format!("cannot make the directory {}", out_dir.display()))?;
    let (sender, events) = sync_channel(EVENTS_WAITING_MAX);
    let happened = sender.clone();
    let bench = Bench {
        profile,
        link_path: link.to_owned(),
        baud,
    };
    // Sheets are drawn on this thread, not on the printer's: it must answer meanwhile.
    let workbench = Workbench::start(bench, move |happening| {
        // The main thread ends last.
        let _ = happened.send(Event::Happened(happening, unix_ms()));
    })
    .with_context(|| format!("cannot plug a printer in at {}", link.display()))?;
    std::thread::spawn(move || read_controls(&sender));
    let served = serve(&workbench, &events, link, out_dir);
    // First: the printer's thread may wait for room, and could not end.
    drop(events);
    drop(workbench);
    served?;
    Ok(ExitCode::SUCCESS)
}

/// Hands on the lines of standard input; its end ends nothing.
fn read_controls(sender: &SyncSender<Event>) {
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        if sender.send(Event::Line(line)).is_err() {
            return;
        }
    }
}

fn serve(
    workbench: &Workbench,
    events: &Receiver<Event>,
    link: &Path,
    out_dir: &Path,
) -> anyhow::Result<()> {
    let mut shaper = None;
    let mut sheets = 0;
    for event in events {
        match event {
            Event::Happened(happening, at) => {
                let line = match happening {
                    Happening::Plugged { port_path } => json!({
                        "event": "ready", "port": link, "terminal": port_path, "unix_ms": at,
                    }),
                    Happening::Reopened { port_path } => json!({
                        "event": "reopened", "port": link, "terminal": port_path, "unix_ms": at,
                    }),
                    Happening::FirstByte => json!({"event": "first_byte", "unix_ms": at}),
                    Happening::Unplugged => json!({"event": "unplugged", "unix_ms": at}),
                    Happening::Sheet(sheet) => {
                        sheets += 1;
                        let shaper = shaper.get_or_insert_with(Shaper::new);
                        keep(&sheet, sheets, out_dir, shaper, at)?
                    }
                };
                say(&line)?;
            }
            Event::Line(line) => match control(line.trim()) {
                Ok(Some(control)) => workbench.control(control),
                Ok(None) => return Ok(()),
                Err(problem) => {
                    say(&json!({"event": "error", "message": problem}))?;
                }
            },
        }
    }
    Ok(())
}

/// One JSON line, out at once.
fn say(line: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .context("nobody reads standard output any more")
}

/// Writes a sheet's bytes and picture under their final names in one step each,
/// so that who waits for a name never reads half a file.
fn keep(
    sheet: &Sheet,
    number: usize,
    dir: &Path,
    shaper: &mut Shaper,
    at: u64,
) -> anyhow::Result<Value> {
    let bin_path = dir.join(format!("{number:03}.bin"));
    let png_path = dir.join(format!("{number:03}.png"));
    let png = sheet.render_with(shaper).to_png()?;
    for (path, content) in [(&bin_path, sheet.bytes()), (&png_path, &png)] {
        let unfinished = path.with_extension("part");
        std::fs::write(&unfinished, content)
            .and_then(|()| std::fs::rename(&unfinished, path))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(json!({
        "event": "sheet", "bin": bin_path, "png": png_path, "bytes": sheet.bytes().len(),
        "length_mm": sheet.length_mm(), "unix_ms": at,
    }))
}

/// A control line; `Ok(None)` for `quit`.
fn control(line: &str) -> Result<Option<Control>, String> {
    Ok(Some(
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["paper", "out"] => Control::Paper(Paper::Out),
            ["paper", "near"] => Control::Paper(Paper::NearEnd),
            ["paper", "ok"] => Control::Paper(Paper::Present),
            ["paper", "ends-after", mm] => Control::PaperEndsAfterMm(
                mm.parse()
                    .map_err(|_| format!("{mm:?} is no number of millimetres"))?,
            ),
            ["cover", "open"] => Control::CoverOpen(true),
            ["cover", "closed"] => Control::CoverOpen(false),
            ["cutter", "jam"] => Control::CutterJam(true),
            ["cutter", "ok"] => Control::CutterJam(false),
            ["silent", "on"] => Control::Silent(true),
            ["silent", "off"] => Control::Silent(false),
            ["unplug"] => Control::Unplug,
            ["plug"] => Control::Plug,
            ["quit"] => return Ok(None),
            _ => return Err(format!("the control {line:?} is not known")),
        },
    ))
}

/// Milliseconds since 1970, for lining events up with those of other processes.
#[expect(
    clippy::disallowed_methods,
    reason = "this program's one reading of the clock"
)]
fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
