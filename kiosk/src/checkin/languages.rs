//! Which languages a kiosk offers, and how it writes them.

use usher_protocol::Language;
use usher_protocol::message::{LanguageInfo, OfficeInfo};

/// The languages of the device file that the office offers, in the device
/// file's order; all of the office's if none is common. English if all fails,
/// so the list is never empty.
#[must_use]
pub fn offered_languages(order: &[Language], office: &OfficeInfo) -> Vec<LanguageInfo> {
    let common: Vec<LanguageInfo> = order
        .iter()
        .filter_map(|tag| office.languages.iter().find(|offered| offered.tag == *tag))
        .cloned()
        .collect();
    if !common.is_empty() {
        return common;
    }
    if !office.languages.is_empty() {
        return office.languages.clone();
    }
    vec![built_in(&Language::english())]
}

/// How a language is written when no server has told yet.
pub(super) fn built_in(tag: &Language) -> LanguageInfo {
    let (name, greeting) = match tag.as_str() {
        "es" => ("Español", "Bienvenidos"),
        "zh-Hant" => ("繁體中文", "歡迎"),
        "vi" => ("Tiếng Việt", "Xin chào"),
        "ar" => ("العربية", "أهلاً وسهلاً"),
        "en" => ("English", "Welcome"),
        other => (other, other),
    };
    LanguageInfo {
        tag: tag.clone(),
        name: name.to_owned(),
        greeting: greeting.to_owned(),
    }
}
