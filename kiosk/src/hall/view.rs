//! What stands on the hall display, as a plain value. Two equal views need no
//! new picture.

use usher_protocol::message::{Call, WaitRange};
use usher_protocol::{Direction, Language, ServiceId};
use usher_ui::HallTexts;

use super::Hall;
use crate::clock::Moment;
use crate::local_time;

/// Everything that the hall display's window shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The office's name.
    pub office_name: String,
    /// The time of day.
    pub clock: String,
    /// The call that has the stage.
    pub stage: Option<Stage>,
    /// The calls in the list, newest first.
    pub calls: Vec<Row>,
    /// Each service's queue.
    pub waits: Vec<Wait>,
    /// For how many minutes the server has been silent, if it is.
    pub stale_minutes: Option<u64>,
}

/// The call that has the stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The call.
    pub row: Row,
    /// The resident's language.
    pub language: Language,
    /// The direction of that language.
    pub direction: Direction,
    /// "Counter 5" in that language.
    pub text: String,
    /// "Counter 5" in English; empty if the language is English.
    pub english: String,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The number, spaced: `B 42`.
    pub number: String,
    /// What stands above the counter.
    pub counter: String,
    /// The service's name.
    pub service: String,
    /// How far it has come.
    pub state: CallState,
}

/// How far a call has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// Made a moment ago.
    Fresh,
    /// Made a while ago; the resident has not come yet.
    Called,
    /// The resident is at the counter.
    Serving,
}

/// One service's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// The service's name.
    pub service: String,
    /// How many wait.
    pub waiting: u32,
    /// How long who joins now would wait, if known.
    pub range: Option<WaitRange>,
}

/// The view of `hall` at `now`; names of services in `language`.
#[must_use]
pub fn view(hall: &Hall, language: &Language, now: Moment) -> View {
    let zone = hall
        .office
        .as_ref()
        .map_or(jiff::tz::TimeZone::UTC, |office| {
            local_time::zone(&office.time_zone)
        });
    let stale = hall.stale_for(now);
    View {
        office_name: hall
            .office
            .as_ref()
            .map(|office| office.name.in_language(language).to_owned())
            .unwrap_or_default(),
        // Without the office's time zone a clock would be a guess.
        clock: hall
            .office
            .as_ref()
            .map(|_| local_time::time_of_day(now.wall, &zone, language))
            .unwrap_or_default(),
        stage: hall
            .stage
            .as_ref()
            .map(|(call, _)| stage(hall, call, language)),
        calls: hall
            .listed()
            .map(|call| row(hall, call, language, call_state(hall, call, now)))
            .collect(),
        waits: waits(hall, language),
        stale_minutes: stale.map(|silence| silence.as_secs() / 60),
    }
}

fn call_state(hall: &Hall, call: &Call, now: Moment) -> CallState {
    if call.serving {
        CallState::Serving
    } else if hall.is_fresh(call, now) {
        CallState::Fresh
    } else {
        CallState::Called
    }
}

fn stage(hall: &Hall, call: &Call, language: &Language) -> Stage {
    let texts = HallTexts::for_language(call.language.as_str());
    let english = HallTexts::for_language("en").counter(&call.counter_label);
    let text = texts.counter(&call.counter_label);
    Stage {
        row: row(hall, call, language, CallState::Fresh),
        language: call.language.clone(),
        direction: call.language.direction(),
        english: if text == english {
            String::new()
        } else {
            english
        },
        text,
    }
}

fn row(hall: &Hall, call: &Call, language: &Language, state: CallState) -> Row {
    Row {
        number: call.number.spaced(),
        counter: call.counter_label.clone(),
        service: service_name(hall, &call.service, language),
        state,
    }
}

fn waits(hall: &Hall, language: &Language) -> Vec<Wait> {
    let Some(waits) = &hall.waits else {
        return Vec::new();
    };
    waits
        .services
        .iter()
        .map(|wait| Wait {
            service: service_name(hall, &wait.service, language),
            waiting: wait.waiting,
            range: wait.wait,
        })
        .collect()
}

fn service_name(hall: &Hall, id: &ServiceId, language: &Language) -> String {
    hall.office
        .as_ref()
        .and_then(|office| office.services.iter().find(|service| service.id == *id))
        .map(|service| service.name.in_language(language).to_owned())
        .unwrap_or_default()
}
