//! The device file: every section and key, declared once, and their values.
//!
//! Each section has a file of its own with its type, its keys' declarations
//! ([`Key`]: meaning, limits, default, example) and its own checks. [`SECTIONS`]
//! lists them all, for the example and the reference.

mod device;
mod key;
mod languages;
mod panel;
mod paper_forms;
mod printer;
mod scanner;
mod section;
mod server;
mod storage;

use std::io;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::nearest::nearest;
use crate::problem::{Problem, Problems};
pub use device::{Device, Role};
pub use key::{Key, Presence, Values};
pub use languages::Languages;
pub use panel::Panel;
pub use paper_forms::PaperForms;
pub use printer::{PaperWidth, Printer};
pub use scanner::Scanner;
pub use section::{Section, SectionPresence};
pub use server::{BrokerAddress, InvalidBroker, Secret, Server};
pub use storage::Storage;

use section::{Reported, SectionReader};

/// The version of the file's form that this program reads.
pub const FORMAT: i64 = 1;

/// The settings of one device, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceFile {
    /// Who it is.
    pub device: Device,
    /// The queue server that it works with.
    pub server: Server,
    /// Its screen.
    pub panel: Panel,
    /// The languages that it offers.
    pub languages: Languages,
    /// Its ticket printer, if it has one.
    pub printer: Option<Printer>,
    /// Its ID scanner, if it has one.
    pub scanner: Option<Scanner>,
    /// Its own numbers for paper forms, if it gives them out.
    pub paper_forms: Option<PaperForms>,
    /// Where it keeps what must survive a power cut.
    pub storage: Storage,
}

const FORMAT_KEY: Key = Key {
    name: "format",
    about: "The version of this file's form. A later program that reads another form will say so.",
    values: Values::IntegerOf(&[FORMAT]),
    presence: Presence::Required,
    example: "1",
    example_hall: None,
};

const ROOT: Section = Section {
    name: "",
    about: "Above the first section.",
    keys: &[&FORMAT_KEY],
    presence: SectionPresence::Required,
    roles: &[Role::Kiosk, Role::HallDisplay],
};

/// Every section, in the order of the example. The first has no name: its keys
/// stand above the others.
pub static SECTIONS: [Section; 9] = [
    ROOT,
    device::SECTION,
    server::SECTION,
    panel::SECTION,
    languages::SECTION,
    printer::SECTION,
    scanner::SECTION,
    paper_forms::SECTION,
    storage::SECTION,
];

/// Reads the secret's own file; the one thing that reading a device file asks of the system.
pub(crate) type ReadSecret<'f> = &'f dyn Fn(&Path) -> io::Result<String>;

/// Reads the text of a device file.
///
/// # Errors
/// Everything that is wrong with it; never an empty list.
pub(crate) fn read(text: &str, read_secret: ReadSecret<'_>) -> Result<DeviceFile, Vec<Problem>> {
    let mut problems = Problems::new(text);
    let (root, syntax_errors) = DeTable::parse_recoverable(text);
    for error in &syntax_errors {
        let at = error.span().map(|span| span.start);
        problems.add(at, "", format!("this is not TOML: {}", error.message()));
    }
    // What is left of a text that is not TOML would be blamed for what the
    // parser could not read.
    if !problems.is_empty() {
        return Err(problems.into_sorted());
    }
    let root = root.get_ref();
    // Another format may mean other things by the same keys.
    if read_format(root, &mut problems).is_err() {
        return Err(problems.into_sorted());
    }
    report_unknown_sections(root, &mut problems);
    let file = read_sections(root, read_secret, &mut problems);
    match file {
        Ok(file) if problems.is_empty() => Ok(file),
        _ => Err(problems.into_sorted()),
    }
}

fn read_format(root: &DeTable<'_>, problems: &mut Problems<'_>) -> Result<(), Reported> {
    let Some((key, value)) = root.get_key_value(FORMAT_KEY.name) else {
        problems.add(
            Some(0),
            FORMAT_KEY.name,
            format!("this key is missing; add `format = {FORMAT}` as the first line"),
        );
        return Err(Reported);
    };
    let raw = key::Raw::of(value.get_ref());
    if FORMAT_KEY.values.allow(&raw) {
        return Ok(());
    }
    problems.add(
        Some(key.span().start),
        FORMAT_KEY.name,
        format!(
            "the file is of format {}, but this program reads format {FORMAT}; \
             update the program, or write the file anew from `usher-config example`",
            raw.shown()
        ),
    );
    Err(Reported)
}

fn report_unknown_sections(root: &DeTable<'_>, problems: &mut Problems<'_>) {
    let sections = || SECTIONS.iter().map(|section| section.name);
    for (key, value) in root {
        let typed = key.get_ref().as_ref();
        if typed == FORMAT_KEY.name || sections().any(|known| known == typed) {
            continue;
        }
        let at = Some(key.span().start);
        let shown: String = typed.chars().take(40).collect();
        if matches!(value.get_ref(), DeValue::Table(_) | DeValue::Array(_)) {
            let advice = match nearest(typed, sections()) {
                Some(meant) => format!("no such section; did you mean [{meant}]?"),
                None => format!(
                    "no such section; the sections are {}",
                    sections().skip(1).collect::<Vec<_>>().join(", ")
                ),
            };
            problems.add(at, format!("[{shown}]"), advice);
        } else {
            let home = SECTIONS
                .iter()
                .find(|section| section.keys.iter().any(|known| known.name == typed));
            let advice = match home {
                Some(section) => format!("this key stands in [{}], not here", section.name),
                None => "no such key; only `format` stands above the first section".to_owned(),
            };
            problems.add(at, shown, advice);
        }
    }
}

fn read_sections<'t>(
    root: &DeTable<'t>,
    read_secret: ReadSecret<'_>,
    problems: &mut Problems<'t>,
) -> Result<DeviceFile, Reported> {
    // Each section is read before any failure counts, so that all problems are told at once.
    let device = required(&SECTIONS[1], root, problems, device::read);
    let server = required(&SECTIONS[2], root, problems, |reader| {
        server::read(reader, read_secret)
    });
    let panel = required(&SECTIONS[3], root, problems, panel::read);
    let languages = required(&SECTIONS[4], root, problems, languages::read);
    let printer = optional(&SECTIONS[5], root, problems, printer::read);
    let scanner = optional(&SECTIONS[6], root, problems, scanner::read);
    let paper_forms = optional(&SECTIONS[7], root, problems, paper_forms::read);
    let storage = required(&SECTIONS[8], root, problems, storage::read);
    if let Ok(device) = &device {
        report_foreign_sections(device.role, root, problems);
    }
    Ok(DeviceFile {
        device: device?,
        server: server?,
        panel: panel?,
        languages: languages?,
        printer: printer?,
        scanner: scanner?,
        paper_forms: paper_forms?,
        storage: storage?,
    })
}

fn required<'t, T>(
    section: &'static Section,
    root: &DeTable<'t>,
    problems: &mut Problems<'t>,
    read: impl FnOnce(&mut SectionReader<'_, 't>) -> Result<T, Reported>,
) -> Result<T, Reported> {
    optional(section, root, problems, read)
        .map(|value| value.expect("only sections declared optional may be absent"))
}

fn optional<'t, T>(
    section: &'static Section,
    root: &DeTable<'t>,
    problems: &mut Problems<'t>,
    read: impl FnOnce(&mut SectionReader<'_, 't>) -> Result<T, Reported>,
) -> Result<Option<T>, Reported> {
    match SectionReader::open(section, root, problems)? {
        Some(mut reader) => read(&mut reader).map(Some),
        None => Ok(None),
    }
}

/// A section that the device's role has no use for was put into the wrong file.
fn report_foreign_sections(role: Role, root: &DeTable<'_>, problems: &mut Problems<'_>) {
    for section in SECTIONS.iter().filter(|s| !s.roles.contains(&role)) {
        if let Some((key, _)) = root.get_key_value(section.name) {
            problems.add(
                Some(key.span().start),
                format!("[{}]", section.name),
                format!("a {role} has no such section; remove it, or set device.role"),
            );
        }
    }
}
