//! The office file: what an office is, in TOML, written by people.
//!
//! Reading it tells *everything* that is wrong in one run: each problem names
//! its line, the value, and what to do. Keys that are not known are refused, for
//! a key that is silently ignored is a setting that somebody believes in.
//!
//! This module knows the file only. What it makes, an [`OfficePlan`] and the
//! devices with their credentials, is trusted by the rest of the program. Two
//! examples with comments stand in `offices/`.

mod devices;
mod problems;
mod rules;
mod section;

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use toml::de::DeTable;
use usher_protocol::message::{
    self, CounterInfo, LanguageInfo, OfficeInfo, PAYLOAD_BYTES_MAX, ServiceInfo,
};
use usher_protocol::{CounterId, Language, ServiceId, Text};

use crate::office::plan::{CounterRules, OfficePlan, Rules, ServiceRules};
use devices::devices;
use problems::{PROBLEMS_TOLD_MAX, Problems, did_you_mean};
use section::{At, Section};

pub use devices::Device;
pub use problems::Problem;

/// The version of the file's format.
const FORMAT: u16 = 1;

/// Longest `phone_url`, bytes: printers take 300 in a code, and shorter codes
/// are read better.
const PHONE_URL_BYTES_MAX: usize = 200;

/// Bounds of what a file may hold; the first three are what screens can show.
mod limits {
    pub(super) const LANGUAGES_MAX: usize = 40;
    pub(super) const BRING_MAX: usize = 8;
    pub(super) const LABEL_LENGTH_MAX: usize = 6;
    pub(super) const SERVICES_MAX: usize = 120;
    pub(super) const COUNTERS_MAX: usize = 200;
    pub(super) const DEVICES_MAX: usize = 250;
    pub(super) const CLERKS_MAX: usize = 500;
    pub(super) const SPECIAL_DAYS_MAX: usize = 400;
    pub(super) const FILE_BYTES_MAX: u64 = 1024 * 1024;
}

/// When an office's day starts if the file does not say: nobody is there.
const DAY_STARTS: Time = Time::constant(4, 0, 0, 0);

/// What the office file says.
#[derive(Debug, Clone)]
pub struct OfficeFile {
    /// For the rules and the screens.
    pub plan: Arc<OfficePlan>,
    /// Who may connect.
    pub devices: Vec<Device>,
    /// What is allowed but likely not meant.
    pub warnings: Vec<Problem>,
}

/// Why an office file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OfficeFileError {
    /// It cannot be read. Technician: check the path and its rights.
    #[error("the office file {path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is longer than any office needs. Technician: is it the right file?
    #[error(
        "the office file {path} is longer than {} bytes; is it the right file? If it is, shorten its texts",
        limits::FILE_BYTES_MAX
    )]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It says something that cannot be. Technician: each line says what to do.
    #[error("the office file {path} {}", told(problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong, in the order of the file.
        problems: Vec<Problem>,
    },
}

fn told(problems: &[Problem]) -> String {
    match problems {
        [only] => format!("has a mistake: {only}"),
        many => {
            let mut text = format!("has {} mistakes:", many.len());
            for problem in many.iter().take(PROBLEMS_TOLD_MAX) {
                text.push_str("\n  ");
                text.push_str(&problem.to_string());
            }
            if many.len() > PROBLEMS_TOLD_MAX {
                text.push_str("\n  …");
            }
            text
        }
    }
}

impl OfficeFile {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// [`OfficeFileError`] names the file, and every problem with its line.
    pub fn load(path: &Path) -> Result<Self, OfficeFileError> {
        let unreadable = |source| OfficeFileError::Read {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(unreadable)?;
        let mut bytes = Vec::new();
        file.take(limits::FILE_BYTES_MAX + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > limits::FILE_BYTES_MAX {
            return Err(OfficeFileError::TooLong {
                path: path.to_owned(),
            });
        }
        let source = String::from_utf8(bytes)
            .map_err(|error| unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        Self::parse(&source).map_err(|problems| OfficeFileError::Invalid {
            path: path.to_owned(),
            problems,
        })
    }

    /// Checks the text of an office file.
    ///
    /// # Errors
    /// Every problem with its line, in the order of the file.
    pub fn parse(source: &str) -> Result<Self, Vec<Problem>> {
        let problems = Problems::new(source);
        let (root, syntax) = DeTable::parse_recoverable(source);
        for error in &syntax {
            let at = error.span().unwrap_or(0..0);
            problems.error(&at, format!("this is not TOML: {}", error.message()));
        }
        if !syntax.is_empty() {
            return Err(problems.into_sorted().0);
        }
        let read = read_file(&Section::new("the file", root.get_ref(), 0..0, &problems));
        let (errors, warnings) = problems.into_sorted();
        match read {
            Some((plan, devices)) if errors.is_empty() => Ok(Self {
                plan: Arc::new(plan),
                devices,
                warnings,
            }),
            _ => Err(errors),
        }
    }
}

/// `None` only after noting a problem.
fn read_file(root: &Section<'_>) -> Option<(OfficePlan, Vec<Device>)> {
    let format = root.integer("format", FORMAT..=FORMAT, "1");
    let languages = languages(root);
    let offered: Vec<Language> = languages.iter().map(|l| l.tag.clone()).collect();
    let office = root.section("office").and_then(|s| office(s, &offered));
    let Services {
        services,
        declared,
        rules: service_rules,
    } = services(root, &offered);
    let (counters, counter_rules) = counters(root, &services, &declared);
    let rules = rules::rules(root, &declared);
    rules::check_counters(root, &rules, &counter_rules);
    let rules = Rules {
        services: service_rules,
        counters: counter_rules
            .into_iter()
            .map(|(id, rules)| (id.value, rules))
            .collect(),
        ..rules
    };
    let devices = devices(root, &services);
    root.refuse_unknown();

    let office = office?;
    format?;
    let info = OfficeInfo {
        office: office.id,
        name: office.name,
        line: office.line,
        time_zone: office.time_zone.iana_name().unwrap_or("UTC").to_owned(),
        languages,
        services: services.into_iter().map(|service| service.value).collect(),
        counters,
        where_to_wait: office.where_to_wait,
        where_to_ask: office.where_to_ask,
        phone_url: office.phone_url,
    };
    let bytes = message::encode(&info).len();
    if bytes > PAYLOAD_BYTES_MAX {
        root.error(
            root.at(),
            format!(
                "all texts together make a message of {bytes} bytes; devices read at most {PAYLOAD_BYTES_MAX}: shorten them"
            ),
        );
    }
    let form_series = devices
        .iter()
        .filter_map(|device| Some((device.id.clone(), device.series?)))
        .collect();
    let plan = OfficePlan::new(info, office.time_zone, office.day_starts, form_series);
    Some((plan.with_rules(rules), devices))
}

fn languages(root: &Section<'_>) -> Vec<LanguageInfo> {
    let mut languages: Vec<LanguageInfo> = Vec::new();
    let sections = root.sections("language", limits::LANGUAGES_MAX);
    let any = !sections.is_empty();
    for section in sections {
        let tag = section.parsed::<Language>("tag", "en");
        let name = section.text("name", "English");
        let greeting = section.text("greeting", "Welcome");
        if let Some(tag) = &tag
            && languages.iter().any(|known| known.tag == tag.value)
        {
            section.error(
                &tag.at,
                format!("language \"{}\" stands twice; remove one", tag.value),
            );
        } else if let (Some(tag), Some(name), Some(greeting)) = (tag, name, greeting) {
            languages.push(LanguageInfo {
                tag: tag.value,
                name: name.value.to_owned(),
                greeting: greeting.value.to_owned(),
            });
        }
        section.finish();
    }
    if any && !languages.iter().any(|language| language.tag.is_english()) {
        root.error(
            root.at(),
            "English is missing: every text falls back to it; add a [[language]] with tag = \"en\"",
        );
    }
    languages
}

struct Office {
    id: usher_protocol::OfficeId,
    name: Text,
    line: Text,
    where_to_wait: Text,
    where_to_ask: Text,
    time_zone: TimeZone,
    day_starts: Time,
    phone_url: Option<String>,
}

fn office(section: Section<'_>, offered: &[Language]) -> Option<Office> {
    let id = section.parsed("id", "capitol-office");
    let name = section.translated("name", offered);
    let line = section.translated("line", offered);
    let where_to_wait = section.translated("where_to_wait", offered);
    let where_to_ask = section.translated("where_to_ask", offered);
    let time_zone = section
        .text("time_zone", "America/Los_Angeles")
        .and_then(|text| time_zone(&section, &text));
    let day_starts = match section.optional_text("day_starts") {
        None => Some(DAY_STARTS),
        Some(text) => {
            let time = Time::strptime("%H:%M", text.value).ok();
            if time.is_none() {
                section.error(
                    &text.at,
                    format!("\"{}\" is no time of day; use one like 04:00", text.value),
                );
            }
            time
        }
    };
    let phone_url = section.optional_text("phone_url");
    if let Some(url) = &phone_url
        && !url.value.starts_with("https://")
        && !url.value.starts_with("http://")
    {
        section.error(
            &url.at,
            format!(
                "\"{}\" is no web address; start it with https://",
                url.value
            ),
        );
    }
    if let Some(url) = &phone_url
        && url.value.len() > PHONE_URL_BYTES_MAX
    {
        section.error(
            &url.at,
            format!(
                "phone_url has {} characters; at most {PHONE_URL_BYTES_MAX} make a code that \
                 a phone reads from thermal paper",
                url.value.len()
            ),
        );
    }
    section.finish();
    Some(Office {
        id: id?.value,
        name: name?,
        line: line?,
        where_to_wait: where_to_wait?,
        where_to_ask: where_to_ask?,
        time_zone: time_zone?,
        day_starts: day_starts?,
        phone_url: phone_url.map(|url| url.value.to_owned()),
    })
}

fn time_zone(section: &Section<'_>, text: &At<&str>) -> Option<TimeZone> {
    let zone = TimeZone::get(text.value);
    if let Err(error) = &zone {
        section.error(
            &text.at,
            format!(
                "\"{}\" is no time zone that this machine knows ({error}); use an IANA name like America/Los_Angeles, or install the package tzdata",
                text.value
            ),
        );
    }
    zone.ok()
}

struct Services {
    /// Those without a mistake.
    services: Vec<At<ServiceInfo>>,
    /// The ids of all: who names one with a mistake elsewhere makes none of their own.
    declared: BTreeSet<ServiceId>,
    rules: HashMap<ServiceId, ServiceRules>,
}

fn services(root: &Section<'_>, offered: &[Language]) -> Services {
    let mut rules = HashMap::new();
    let mut services: Vec<At<ServiceInfo>> = Vec::new();
    let mut declared = BTreeSet::new();
    for section in root.sections("service", limits::SERVICES_MAX) {
        let id = section.parsed::<ServiceId>("id", "titles");
        declared.extend(id.as_ref().map(|id| id.value.clone()));
        let series = section.series("series", "A");
        let name = section.translated("name", offered);
        let bring = section.translated_list("bring", limits::BRING_MAX, offered);
        let usual_minutes = section.integer("usual_minutes", 1..=480, "15");
        let own_rules = rules::service_rules(&section);
        if let Some(id) = &id
            && services.iter().any(|known| known.value.id == id.value)
        {
            section.error(
                &id.at,
                format!(
                    "service \"{}\" stands twice; give each its own id",
                    id.value
                ),
            );
        } else if let (Some(id), Some(series), Some(name), Some(usual_minutes)) =
            (id, series, name, usual_minutes)
        {
            rules.insert(id.value.clone(), own_rules);
            services.push(At {
                value: ServiceInfo {
                    id: id.value,
                    series: series.value,
                    name,
                    bring,
                    usual_minutes,
                },
                at: section.at().clone(),
            });
        }
        section.finish();
    }
    Services {
        services,
        declared,
        rules,
    }
}

fn counters(
    root: &Section<'_>,
    services: &[At<ServiceInfo>],
    declared: &BTreeSet<ServiceId>,
) -> (Vec<CounterInfo>, Vec<(At<CounterId>, CounterRules)>) {
    let mut rules = Vec::new();
    let mut counters: Vec<CounterInfo> = Vec::new();
    let mut served = BTreeSet::new();
    for section in root.sections("counter", limits::COUNTERS_MAX) {
        let id = section.parsed::<usher_protocol::CounterId>("id", "1");
        let label = section.text("label", "1");
        let list = served_services(&section, declared);
        served.extend(list.iter().cloned());
        let own_rules = rules::counter_rules(&section, declared, &list);
        if let Some(label) = &label {
            if label.value.chars().count() > limits::LABEL_LENGTH_MAX {
                section.error(
                    &label.at,
                    format!(
                        "label \"{}\" is longer than the {} characters that a display can show large; shorten it",
                        label.value,
                        limits::LABEL_LENGTH_MAX
                    ),
                );
            }
            if counters.iter().any(|known| known.label == label.value) {
                section.error(
                    &label.at,
                    format!(
                        "label \"{}\" stands at two counters; residents would go to the wrong one",
                        label.value
                    ),
                );
            }
        }
        if let Some(id) = &id
            && counters.iter().any(|known| known.id == id.value)
        {
            section.error(
                &id.at,
                format!(
                    "counter \"{}\" stands twice; give each its own id",
                    id.value
                ),
            );
        } else if let (Some(id), Some(label)) = (id, label) {
            let known = At {
                value: id.value.clone(),
                at: id.at,
            };
            rules.push((known, own_rules));
            counters.push(CounterInfo {
                id: id.value,
                label: label.value.to_owned(),
                services: list,
            });
        }
        section.finish();
    }
    for service in services {
        if !counters.is_empty() && !served.contains(&service.value.id) {
            root.error(
                &service.at,
                format!(
                    "service \"{}\" is served by no counter; add it to the services of one",
                    service.value.id
                ),
            );
        }
    }
    (counters, rules)
}

fn served_services(section: &Section<'_>, declared: &BTreeSet<ServiceId>) -> Vec<ServiceId> {
    let texts = section.texts("services", "[\"titles\"]");
    if texts.is_empty() {
        section.error(section.at(), "a counter must serve at least one service");
    }
    served_list(section, texts, declared)
}

/// The services of a list that the file has, each once.
fn served_list(
    section: &Section<'_>,
    texts: Vec<At<&str>>,
    declared: &BTreeSet<ServiceId>,
) -> Vec<ServiceId> {
    let mut list: Vec<ServiceId> = Vec::new();
    for text in texts {
        let known = declared.iter().find(|known| known.as_str() == text.value);
        match known {
            None => section.error(
                &text.at,
                format!(
                    "there is no service \"{}\"{}",
                    text.value,
                    did_you_mean(text.value, declared.iter().map(ServiceId::as_str))
                ),
            ),
            Some(service) if list.contains(service) => section.error(
                &text.at,
                format!("service \"{}\" stands twice here; remove one", text.value),
            ),
            Some(service) => list.push(service.clone()),
        }
    }
    list
}

#[cfg(test)]
mod tests;
