//! The rules that an office chooses: `[policy]`, `[hours]`, `[[special_day]]`,
//! `[limits]`, `[[clerk]]`, and what services and counters say of themselves. All
//! of it may be absent: first come is then first served, at all hours.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time};
use usher_protocol::{ClerkId, CounterId, Language, ServiceId};

use super::section::{At, Section};
use super::{limits, served_list};
use crate::office::hours::{OpeningHours, Span};
use crate::office::plan::{Clerk, CounterRules, LastTicket, Limits, Rules, ServiceRules};
use crate::office::policy::{Appointments, Order, PRIORITIES, Policy};

/// Longest time that a policy may name, minutes: a day.
const MINUTES_MAX: u16 = 1_440;

/// Longest time that a limit may name, seconds.
const SECONDS_MAX: u16 = 3_600;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// All of them but those of services and counters, which stand with these.
pub(super) fn rules(root: &Section<'_>, services: &BTreeSet<ServiceId>) -> Rules {
    let policy = root.optional_section("policy");
    let limits = root.optional_section("limits");
    Rules {
        policy: policy.map_or_else(Policy::default, policy_of),
        hours: hours(root),
        limits: limits.map_or_else(Limits::default, limits_of),
        clerks: root
            .optional_sections("clerk", limits::CLERKS_MAX)
            .into_iter()
            .filter_map(|section| clerk(section, services))
            .collect(),
        ..Rules::default()
    }
}

pub(super) fn service_rules(section: &Section<'_>) -> ServiceRules {
    let usual = ServiceRules::default();
    let minutes = section.optional_integer("target_minutes", 1..=MINUTES_MAX);
    let priority = range_of_priorities();
    let priority = section.optional_integer("priority", priority);
    ServiceRules {
        target_minutes: minutes.unwrap_or(usual.target_minutes),
        priority: priority.map_or(usual.priority, |priority| {
            u8::try_from(priority).unwrap_or(usual.priority)
        }),
    }
}

fn range_of_priorities() -> std::ops::RangeInclusive<u16> {
    u16::from(*PRIORITIES.start())..=u16::from(*PRIORITIES.end())
}

/// `served` are the counter's own services.
pub(super) fn counter_rules(
    section: &Section<'_>,
    declared: &BTreeSet<ServiceId>,
    served: &[ServiceId],
) -> CounterRules {
    let texts = section.optional_texts("overflow", "[\"titles\"]");
    for text in &texts {
        if served.iter().any(|own| own.as_str() == text.value) {
            section.error(
                &text.at,
                format!(
                    "the counter serves \"{}\" anyhow; take it out of overflow",
                    text.value
                ),
            );
        }
    }
    CounterRules {
        overflow: served_list(section, texts, declared),
        wheelchair: section.optional_bool("wheelchair").unwrap_or_default(),
        quiet: section.optional_bool("quiet").unwrap_or_default(),
    }
}

fn policy_of(section: Section<'_>) -> Policy {
    let usual = Policy::default();
    let order = section.choice(
        "order",
        &[
            ("arrival", Order::Arrival),
            ("target-wait", Order::TargetWait),
        ],
    );
    let order = order.unwrap_or(usual.order);
    let share = section.optional_integer("appointment_share", 1..=99);
    let target = section.optional_integer("appointment_target_minutes", 1..=MINUTES_MAX);
    let share_of = Appointments::Share {
        percent: u8::try_from(share.unwrap_or(50)).unwrap_or(50),
    };
    let lateness = Appointments::Lateness {
        target_minutes: target.unwrap_or(10),
    };
    let appointments = section.choice(
        "appointments",
        &[
            ("by-time", Appointments::ByTime),
            ("first", Appointments::First),
            ("share", share_of),
            ("lateness", lateness),
        ],
    );
    let appointments = appointments.unwrap_or(usual.appointments);
    if share.is_some() && appointments != share_of {
        section.error(
            section.at(),
            "appointment_share says nothing unless appointments = \"share\"; remove it, or choose that",
        );
    }
    if target.is_some() && appointments != lateness {
        section.error(
            section.at(),
            "appointment_target_minutes says nothing unless appointments = \"lateness\"; remove it, or choose that",
        );
    }
    if appointments == lateness && order == Order::Arrival {
        section.error(
            section.at(),
            "appointments = \"lateness\" compares targets; it needs order = \"target-wait\"",
        );
    }
    let minutes = |key, usual| {
        let minutes = section.optional_integer(key, 0..=MINUTES_MAX);
        minutes.unwrap_or(usual)
    };
    let policy = Policy {
        order,
        appointments,
        early_minutes: minutes("early_minutes", usual.early_minutes),
        late_minutes: minutes("late_minutes", usual.late_minutes),
        longest_wait_minutes: minutes("longest_wait_minutes", usual.longest_wait_minutes),
        class_patience_minutes: minutes("class_patience_minutes", usual.class_patience_minutes),
        overflow_after_minutes: minutes("overflow_after_minutes", usual.overflow_after_minutes),
        match_patience_minutes: minutes("match_patience_minutes", usual.match_patience_minutes),
    };
    section.finish();
    policy
}

fn limits_of(section: Section<'_>) -> Limits {
    let usual = Limits::default();
    let seconds = |key, usual| {
        let seconds = section.optional_integer(key, 0..=SECONDS_MAX);
        seconds.unwrap_or(usual)
    };
    let minutes = |key, usual| {
        let minutes = section.optional_integer(key, 1..=MINUTES_MAX);
        minutes.unwrap_or(usual)
    };
    let kept = section.optional_integer("more_time_place_kept", 0..=10);
    let last_ticket = section.choice(
        "last_ticket",
        &[("warn", LastTicket::Warn), ("refuse", LastTicket::Refuse)],
    );
    let limits = Limits {
        recall_after_seconds: seconds("recall_after_seconds", usual.recall_after_seconds),
        no_show_after_seconds: seconds("no_show_after_seconds", usual.no_show_after_seconds),
        return_within_minutes: minutes("return_within_minutes", usual.return_within_minutes),
        more_time_minutes_max: minutes("more_time_minutes_max", usual.more_time_minutes_max),
        more_time_place_kept: kept.map_or(usual.more_time_place_kept, |kept| {
            u8::try_from(kept).unwrap_or(usual.more_time_place_kept)
        }),
        undo_seconds: seconds("undo_seconds", usual.undo_seconds),
        forgotten_after_minutes: minutes("forgotten_after_minutes", usual.forgotten_after_minutes),
        left_aside_minutes: minutes("left_aside_minutes", usual.left_aside_minutes),
        tickets_before_opening_minutes: section
            .optional_integer("tickets_before_opening_minutes", 0..=MINUTES_MAX)
            .unwrap_or(usual.tickets_before_opening_minutes),
        last_ticket: last_ticket.unwrap_or(usual.last_ticket),
    };
    section.finish();
    limits
}

fn hours(root: &Section<'_>) -> Option<OpeningHours> {
    let week = root.optional_section("hours");
    let days = root.optional_sections("special_day", limits::SPECIAL_DAYS_MAX);
    let Some(week) = week else {
        if let Some(day) = days.first() {
            day.error(
                day.at(),
                "a special day differs from [hours]; add that section",
            );
        }
        for day in days {
            special_day(day);
        }
        return None;
    };
    let mut hours = OpeningHours::default();
    for (nth, weekday) in WEEKDAYS.into_iter().enumerate() {
        hours.week[nth] = spans(&week, weekday);
    }
    week.finish();
    for day in days {
        let at = day.at().clone();
        if let Some((date, spans, day)) = special_day(day)
            && hours.days.insert(date, spans).is_some()
        {
            root.error(&at, format!("{day} stands twice; remove one"));
        }
    }
    Some(hours)
}

fn special_day(section: Section<'_>) -> Option<(Date, Vec<Span>, String)> {
    let date = section.parsed::<Date>("date", "2026-12-25");
    let spans = spans(&section, "hours");
    section.finish();
    let date = date?.value;
    Some((date, spans, date.to_string()))
}

/// The opening hours of one day, in order. A day that is not named is closed.
fn spans(section: &Section<'_>, key: &'static str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for text in section.optional_texts(key, "[\"08:00-17:00\"]") {
        let Some(span) = span(text.value) else {
            section.error(
                &text.at,
                format!(
                    "\"{}\" is no time of opening; use one like 08:00-17:00",
                    text.value
                ),
            );
            continue;
        };
        if spans.last().is_some_and(|last| span.from < last.to) {
            section.error(
                &text.at,
                format!(
                    "\"{}\" begins before the one ahead of it ends; put them in order",
                    text.value
                ),
            );
        }
        spans.push(span);
    }
    spans
}

fn span(text: &str) -> Option<Span> {
    let (from, to) = text.split_once('-')?;
    let time = |text: &str| Time::strptime("%H:%M", text.trim()).ok();
    let (from, to) = (time(from)?, time(to)?);
    (from < to).then_some(Span { from, to })
}

fn clerk(section: Section<'_>, declared: &BTreeSet<ServiceId>) -> Option<(ClerkId, Clerk)> {
    let id = section.parsed::<ClerkId>("id", "lee");
    let has_skills = section.has("services");
    let texts = section.optional_texts("services", "[\"titles\"]");
    let skills = served_list(&section, texts, declared);
    let languages = section.optional_texts("languages", "[\"es\"]");
    let languages = languages
        .into_iter()
        .filter_map(|text| match Language::new(text.value) {
            Ok(language) => Some(language),
            Err(error) => {
                section.error(&text.at, error.to_string());
                None
            }
        })
        .collect();
    section.finish();
    let clerk = Clerk {
        services: has_skills.then_some(skills),
        languages,
    };
    Some((id?.value, clerk))
}

/// Waits that only some counters end need one that does so.
pub(super) fn check_counters(
    root: &Section<'_>,
    rules: &Rules,
    counters: &[(At<CounterId>, CounterRules)],
) {
    let policy = &rules.policy;
    if policy.match_patience_minutes > policy.longest_wait_minutes {
        root.error(
            root.at(),
            format!(
                "match_patience_minutes of [policy] is {}, more than longest_wait_minutes ({}): beyond that nobody waits for a counter that fits; choose a smaller one",
                policy.match_patience_minutes, policy.longest_wait_minutes
            ),
        );
    }
    if policy.overflow_after_minutes > policy.longest_wait_minutes
        && let Some((first, _)) = counters
            .iter()
            .find(|(_, rules)| !rules.overflow.is_empty())
    {
        root.error(
            &first.at,
            format!(
                "counter \"{}\" helps out after overflow_after_minutes ({}), which is more than longest_wait_minutes ({}); choose a smaller one",
                first.value, policy.overflow_after_minutes, policy.longest_wait_minutes
            ),
        );
    }
}
