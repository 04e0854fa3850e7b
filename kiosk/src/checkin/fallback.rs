//! The office as a kiosk knows it that never met its server.
//!
//! It still gives out paper forms, all for one service, [`GENERAL_SERVICE`]: the
//! resident writes the reason on the form. The server takes it in although its
//! office file has no such service, and lets every counter call it.

use std::collections::BTreeMap;

use usher_protocol::message::{OfficeInfo, ServiceInfo};
use usher_protocol::{Language, OfficeId, Series, ServiceId, Text};

use super::languages::built_in;

/// The service of every form while no server was ever met.
const GENERAL_SERVICE: &str = "general";

/// The office while no server was ever met: `languages` as in the device file,
/// times in `time_zone` (IANA name), one service, no waits.
#[must_use]
pub fn fallback_office(office: OfficeId, languages: &[Language], time_zone: &str) -> OfficeInfo {
    OfficeInfo {
        office,
        name: text(&[
            ("en", "Welcome"),
            ("es", "Bienvenidos"),
            ("zh-Hant", "歡迎"),
            ("vi", "Xin chào"),
            ("ar", "أهلاً وسهلاً"),
        ]),
        line: Text::english_only(""),
        time_zone: time_zone.to_owned(),
        languages: languages.iter().map(built_in).collect(),
        services: vec![ServiceInfo {
            id: ServiceId::new(GENERAL_SERVICE).expect("a constant in small letters"),
            series: Series::new("G").expect("a constant capital letter"),
            name: text(&[
                ("en", "See a clerk"),
                ("es", "Atención en ventanilla"),
                ("zh-Hant", "櫃檯服務"),
                ("vi", "Gặp nhân viên"),
                ("ar", "مقابلة موظف"),
            ]),
            bring: Vec::new(),
            usual_minutes: 10,
        }],
        counters: Vec::new(),
        where_to_wait: Text::english_only(""),
        where_to_ask: Text::english_only(""),
        phone_url: None,
    }
}

fn text(texts: &[(&str, &str)]) -> Text {
    let map: BTreeMap<Language, String> = texts
        .iter()
        .map(|(tag, text)| {
            let tag = Language::new(*tag).expect("a constant language tag");
            (tag, (*text).to_owned())
        })
        .collect();
    Text::try_from(map).expect("English is among the constants")
}
