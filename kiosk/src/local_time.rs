//! Times of day and dates as people of each language read them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use usher_protocol::Language;

/// The time zone with this IANA name; UTC if there is none such, so that a wrong
/// name in the office file costs no ticket.
#[must_use]
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// Why [`zone`] would stand in for this name.
///
/// # Errors
/// No time zone of that name is known on this machine.
pub fn check_zone(name: &str) -> Result<(), jiff::Error> {
    TimeZone::get(name).map(drop)
}

/// `9:41 AM` in English, `9:41` in other languages.
#[must_use]
pub fn time_of_day(at: Timestamp, zone: &TimeZone, language: &Language) -> String {
    let format = if language.is_english() {
        "%-I:%M %p"
    } else {
        "%-H:%M"
    };
    at.to_zoned_datetime(zone.clone())
        .strftime(format)
        .to_string()
}

/// Time and date. Only English names the month, other languages write it in
/// digits, in their usual order.
#[must_use]
pub fn time_and_date(at: Timestamp, zone: &TimeZone, language: &Language) -> String {
    let format = match language.as_str().split('-').next().unwrap_or_default() {
        "en" => "%-I:%M %p, %b %-d, %Y",
        "es" | "vi" | "ar" | "fr" | "pt" => "%-H:%M, %d/%m/%Y",
        "zh" | "ja" => "%-H:%M, %Y年%-m月%-d日",
        _ => "%-H:%M, %Y-%m-%d",
    };
    at.to_zoned_datetime(zone.clone())
        .strftime(format)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_and_read_as_people_write_them() {
        let at: Timestamp = "2026-11-25T17:41:07Z".parse().unwrap();
        let zone = zone("America/Los_Angeles");
        for (tag, time, both) in [
            ("en", "9:41 AM", "9:41 AM, Nov 25, 2026"),
            ("es", "9:41", "9:41, 25/11/2026"),
            ("zh-Hant", "9:41", "9:41, 2026年11月25日"),
            ("hmn", "9:41", "9:41, 2026-11-25"),
        ] {
            let language = Language::new(tag).unwrap();
            assert_eq!(time_of_day(at, &zone, &language), time);
            assert_eq!(time_and_date(at, &zone, &language), both);
        }
        assert_eq!(super::zone("Nowhere/Land"), TimeZone::UTC);
        assert!(check_zone("Nowhere/Land").is_err());
        assert!(check_zone("America/Los_Angeles").is_ok());
    }
}
