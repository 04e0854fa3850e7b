//! Each mistake is told with its line and what to do.

use proptest::prelude::*;

use super::*;

const DMV: &str = include_str!("../../offices/capitol-dmv.toml");
const BENEFITS: &str = include_str!("../../offices/river-benefits.toml");

/// A small office without a mistake.
const SMALL: &str = r#"format = 1
[office]
id = "small"
time_zone = "America/Los_Angeles"
name = { en = "Small Office" }
line = { en = "For tests" }
where_to_wait = { en = "Here" }
where_to_ask = { en = "There" }
[[language]]
tag = "en"
name = "English"
greeting = "Welcome"
[[service]]
id = "titles"
series = "A"
usual_minutes = 15
name = { en = "Titles" }
[[service]]
id = "plates"
series = "B"
usual_minutes = 5
name = { en = "Plates" }
[[counter]]
id = "1"
label = "1"
services = ["titles", "plates"]
[[device]]
id = "kiosk-1"
role = "kiosk"
series = "X"
secret_sha256 = "dad76ded701b56cf7ae117ed88ae7a42fa2308b54721e817f7afb63786717194"
[[device]]
id = "hall-1"
role = "hall-display"
secret_sha256 = "0ad76ded701b56cf7ae117ed88ae7a42fa2308b54721e817f7afb63786717194"
"#;

/// Replaces `from` by `to` in the small office, and expects exactly these problems.
fn check(from: &str, to: &str, expected: &[&str]) {
    assert!(SMALL.contains(from), "the small office has no {from}");
    let problems = OfficeFile::parse(&SMALL.replacen(from, to, 1)).map(|_| ());
    let told: Vec<String> = problems
        .expect_err("it has a mistake")
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, expected, "for {to}");
}

#[test]
fn the_sample_offices_have_no_mistakes_and_every_text_in_every_language() {
    for (source, services, counters) in [(DMV, 12, 10), (BENEFITS, 5, 4)] {
        let file = OfficeFile::parse(source).unwrap_or_else(|problems| panic!("{problems:#?}"));
        assert_eq!(file.warnings, []);
        assert_eq!(file.plan.info.services.len(), services);
        assert_eq!(file.plan.info.counters.len(), counters);
        let languages = file.plan.info.languages.iter();
        let tags: Vec<&str> = languages.map(|language| language.tag.as_str()).collect();
        assert_eq!(tags, ["en", "es", "zh-Hant", "vi", "ar"]);
        for device in &file.devices {
            let secret = format!("demo-secret-{}", device.id);
            assert!(device.key.matches_secret(&secret), "{}", device.id);
        }
        assert_eq!(file.plan.form_series.len(), 2);
    }
}

#[test]
fn a_small_office_needs_little() {
    let file = OfficeFile::parse(SMALL).unwrap_or_else(|problems| panic!("{problems:#?}"));
    assert_eq!(file.warnings, []);
    assert_eq!(file.plan.day_starts, DAY_STARTS);
    assert_eq!(file.plan.info.phone_url, None);
}

#[test]
fn unknown_keys_are_refused_with_the_nearest_known() {
    check(
        "usual_minutes = 15",
        "usual_minutes = 15\nusual_minute = 3",
        &["line 17: service \"titles\" has no \"usual_minute\"; did you mean \"usual_minutes\"?"],
    );
    check(
        "[office]",
        "colour = \"blue\"\n[office]",
        &["line 2: the file has no \"colour\""],
    );
}

#[test]
fn a_phone_url_must_fit_a_code_on_paper() {
    let long = format!("https://example.org/{}", "a".repeat(200));
    check(
        "[office]",
        &format!("[office]\nphone_url = \"{long}\""),
        &[
            "line 3: phone_url has 220 characters; at most 200 make a code that a phone reads from thermal paper",
        ],
    );
}

#[test]
fn missing_and_mistyped_values_are_named() {
    check(
        "series = \"A\"\n",
        "",
        &["line 13: service \"titles\" lacks \"series\"; add series = \"A\""],
    );
    check(
        "usual_minutes = 15",
        "usual_minutes = \"15\"",
        &[
            "line 16: \"usual_minutes\" of service \"titles\" is a TOML string; it must be a whole number, like 15",
        ],
    );
    check(
        "usual_minutes = 15",
        "usual_minutes = 0",
        &["line 16: \"usual_minutes\" of service \"titles\" is 0; use 1 to 480"],
    );
    check(
        "id = \"titles\"",
        "id = \"Titles\"",
        &[
            "line 14: \"id\" of service \"Titles\": \"Titles\" cannot be a service id: use 1 to 40 of a-z, 0-9 and -",
            "line 26: there is no service \"titles\"",
        ],
    );
    check(
        "format = 1",
        "format = 2",
        &["line 1: \"format\" of the file is 2; use 1 to 1"],
    );
    check(
        "America/Los_Angeles",
        "America/Los Angels",
        &[&told_of_time_zone()],
    );
}

/// With the reason that jiff gives.
fn told_of_time_zone() -> String {
    let reason = TimeZone::get("America/Los Angels").unwrap_err();
    format!(
        "line 4: \"America/Los Angels\" is no time zone that this machine knows ({reason}); use an IANA name like America/Los_Angeles, or install the package tzdata"
    )
}

#[test]
fn texts_need_english_and_are_better_translated() {
    check(
        "name = { en = \"Titles\" }",
        "name = { es = \"Títulos\" }",
        &[
            "line 17: \"name\" of service \"titles\": a text needs at least its English form: add en = \"…\"",
        ],
    );
    check(
        "tag = \"en\"",
        "tag = \"es\"",
        &[
            "line 1: English is missing: every text falls back to it; add a [[language]] with tag = \"en\"",
        ],
    );
    let spanish =
        "[[language]]\ntag = \"es\"\nname = \"Español\"\ngreeting = \"Bienvenidos\"\n[[service]]";
    let file = OfficeFile::parse(&SMALL.replacen("[[service]]", spanish, 1)).unwrap();
    assert_eq!(file.warnings.len(), 6);
    assert_eq!(
        file.warnings[0].to_string(),
        "line 5: \"name\" of [office] is not translated to es: English is shown"
    );
}

#[test]
fn doubles_are_refused() {
    check(
        "id = \"plates\"",
        "id = \"titles\"",
        &[
            "line 19: service \"titles\" stands twice; give each its own id",
            "line 26: there is no service \"plates\"",
        ],
    );
    check(
        "id = \"hall-1\"",
        "id = \"kiosk-1\"",
        &["line 33: device \"kiosk-1\" stands twice; give each its own id"],
    );
    check(
        "\"0ad76ded",
        "\"dad76ded",
        &[
            "line 35: this device has the secret of \"kiosk-1\"; make one of its own with `usher-server secret`",
        ],
    );
    check(
        "[[device]]",
        "[[counter]]\nid = \"2\"\nlabel = \"1\"\nservices = [\"titles\"]\n[[device]]",
        &["line 29: label \"1\" stands at two counters; residents would go to the wrong one"],
    );
}

#[test]
fn a_series_has_one_owner() {
    check(
        "series = \"X\"",
        "series = \"A\"",
        &[
            "line 30: series \"A\" is that of service \"titles\"; a kiosk needs one that nobody else has",
        ],
    );
    check(
        "[[device]]\nid = \"hall-1\"\nrole = \"hall-display\"",
        "[[device]]\nid = \"hall-1\"\nrole = \"kiosk\"\nseries = \"X\"",
        &["line 35: series \"X\" is that of \"kiosk-1\"; two kiosks would print the same numbers"],
    );
    check(
        "series = \"X\"\n",
        "",
        &["line 27: device \"kiosk-1\" lacks \"series\"; add series = \"X\""],
    );
    check(
        "role = \"hall-display\"",
        "role = \"hall-display\"\nseries = \"Z\"",
        &["line 35: only a kiosk has a series: it numbers paper forms; remove it"],
    );
}

#[test]
fn counters_and_services_fit_together() {
    check(
        "services = [\"titles\", \"plates\"]",
        "services = [\"titels\"]",
        &[
            "line 13: service \"titles\" is served by no counter; add it to the services of one",
            "line 18: service \"plates\" is served by no counter; add it to the services of one",
            "line 26: there is no service \"titels\"; did you mean \"titles\"?",
        ],
    );
    check(
        "role = \"hall-display\"",
        "role = \"hall\"",
        &["line 34: \"hall\" is no role; use kiosk, hall-display or counter"],
    );
}

#[test]
fn what_is_no_toml_is_said_with_its_line() {
    let problems = OfficeFile::parse("format = 1\n[office\nid = 3").unwrap_err();
    assert_eq!(problems[0].line, 2);
    assert!(problems[0].message.starts_with("this is not TOML: "));
    let empty = OfficeFile::parse("").unwrap_err();
    assert_eq!(empty.len(), 6, "{empty:#?}");
}

#[test]
fn an_error_names_the_file() {
    let error = OfficeFile::load(Path::new("/nowhere/office.toml")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the office file /nowhere/office.toml cannot be read"
    );
    let one = vec![Problem {
        line: 3,
        message: "no".to_owned(),
    }];
    assert_eq!(told(&one), "has a mistake: line 3: no");
    let many = vec![one[0].clone(); 40];
    assert!(told(&many).starts_with("has 40 mistakes:\n  line 3: no"));
    assert!(told(&many).ends_with("\n  …"));
}

proptest! {
    /// A line lost or garbled anywhere is told, never a panic.
    #[test]
    fn any_damage_is_read_or_told(line in 0..35_usize, garbage in "\\PC{0,30}") {
        let mut lines: Vec<&str> = SMALL.lines().collect();
        lines[line] = &garbage;
        if let Err(problems) = OfficeFile::parse(&lines.join("\n")) {
            prop_assert!(!problems.is_empty());
        }
    }
}

#[test]
fn a_file_that_is_too_long_is_refused_and_not_cut() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let length = usize::try_from(limits::FILE_BYTES_MAX).unwrap();
    // Cut at the bound it would be a good file.
    let padding = "#".repeat(length - SMALL.len());
    std::fs::write(file.path(), format!("{SMALL}{padding}")).unwrap();
    OfficeFile::load(file.path()).expect("it is just as long as it may be");
    std::fs::write(file.path(), format!("{SMALL}{padding}#")).unwrap();
    let error = OfficeFile::load(file.path()).map(|_| ()).unwrap_err();
    assert!(
        error.to_string().contains("is longer than 1048576 bytes"),
        "{error}"
    );
}

/// Adds `text` at the end of the small office.
fn check_added(text: &str, expected: &[&str]) {
    let last =
        "secret_sha256 = \"0ad76ded701b56cf7ae117ed88ae7a42fa2308b54721e817f7afb63786717194\"\n";
    check(last, &format!("{last}{text}"), expected);
}

#[test]
fn rules_are_read() {
    use crate::office::plan::LastTicket;
    use crate::office::policy::{Appointments, Order};

    let source = SMALL
        .replacen("usual_minutes = 15", "usual_minutes = 15\ntarget_minutes = 20\npriority = 1", 1)
        .replacen(
            "services = [\"titles\", \"plates\"]",
            "services = [\"titles\", \"plates\"]\nwheelchair = true\n[[counter]]\nid = \"2\"\nlabel = \"2\"\nservices = [\"plates\"]\noverflow = [\"titles\"]\nquiet = true",
            1,
        );
    let added = "[policy]
order = \"target-wait\"
appointments = \"share\"
appointment_share = 60
longest_wait_minutes = 90
[limits]
no_show_after_seconds = 45
last_ticket = \"refuse\"
[hours]
mon = [\"08:00-12:00\", \"13:00-17:00\"]
[[special_day]]
date = \"2026-12-25\"
[[clerk]]
id = \"lan\"
languages = [\"vi\"]
[[clerk]]
id = \"lee\"
services = [\"titles\"]
";
    let plan = OfficeFile::parse(&format!("{source}{added}")).unwrap().plan;
    let rules = &plan.rules;
    assert_eq!(rules.policy.order, Order::TargetWait);
    assert_eq!(
        rules.policy.appointments,
        Appointments::Share { percent: 60 }
    );
    assert_eq!(rules.policy.longest_wait_minutes, 90);
    assert_eq!(
        rules.policy.early_minutes, 30,
        "what is not said is as usual"
    );
    assert_eq!(rules.limits.no_show_after_seconds, 45);
    assert_eq!(rules.limits.last_ticket, LastTicket::Refuse);
    let titles = plan.service_rules(&"titles".parse().unwrap());
    assert_eq!((titles.target_minutes, titles.priority), (20, 1));
    let plates = plan.service_rules(&"plates".parse().unwrap());
    assert_eq!((plates.target_minutes, plates.priority), (30, 2));
    let counter = |id: &str| &rules.counters[&id.parse().unwrap()];
    assert!(counter("1").wheelchair && !counter("1").quiet);
    assert!(counter("2").quiet);
    assert_eq!(counter("2").overflow, ["titles".parse().unwrap()]);
    let hours = rules.hours.as_ref().unwrap();
    assert_eq!(hours.on("2026-11-30".parse().unwrap()).len(), 2);
    assert_eq!(hours.on("2026-12-25".parse().unwrap()), []);
    let clerk = |id: &str| &rules.clerks[&id.parse().unwrap()];
    assert_eq!(clerk("lan").services, None);
    assert_eq!(clerk("lee").services, Some(vec!["titles".parse().unwrap()]));
}

#[test]
fn an_office_without_rules_is_open_and_serves_by_arrival() {
    let plan = OfficeFile::parse(SMALL).unwrap().plan;
    assert_eq!(plan.rules.policy, crate::office::policy::Policy::default());
    assert_eq!(plan.rules.hours, None);
}

#[test]
fn mistakes_in_rules_are_told() {
    check_added(
        "[policy]\norder = \"fair\"\n",
        &["line 37: \"order\" of [policy] is \"fair\"; use \"arrival\" or \"target-wait\""],
    );
    check_added(
        "[policy]\nappointment_share = 60\n",
        &[
            "line 36: appointment_share says nothing unless appointments = \"share\"; remove it, or choose that",
        ],
    );
    check_added(
        "[policy]\nappointments = \"lateness\"\n",
        &[
            "line 36: appointments = \"lateness\" compares targets; it needs order = \"target-wait\"",
        ],
    );
    check_added(
        "[hours]\nmon = [\"17:00-08:00\", \"8-17\"]\ntue = [\"08:00-12:00\", \"11:00-13:00\"]\n",
        &[
            "line 37: \"17:00-08:00\" is no time of opening; use one like 08:00-17:00",
            "line 37: \"8-17\" is no time of opening; use one like 08:00-17:00",
            "line 38: \"11:00-13:00\" begins before the one ahead of it ends; put them in order",
        ],
    );
    check_added(
        "[[special_day]]\ndate = \"2026-12-25\"\n",
        &["line 36: a special day differs from [hours]; add that section"],
    );
    check_added(
        "[[clerk]]\nid = \"lee\"\nservices = [\"title\"]\n",
        &["line 38: there is no service \"title\"; did you mean \"titles\"?"],
    );
    check_added(
        "[policy]\nmatch_patience_minutes = 200\n",
        &[
            "line 1: match_patience_minutes of [policy] is 200, more than longest_wait_minutes (120): beyond that nobody waits for a counter that fits; choose a smaller one",
        ],
    );
    check(
        "services = [\"titles\", \"plates\"]",
        "services = [\"titles\", \"plates\"]\noverflow = [\"titles\"]",
        &["line 27: the counter serves \"titles\" anyhow; take it out of overflow"],
    );
    check(
        "usual_minutes = 15",
        "usual_minutes = 15\npriority = 4",
        &["line 17: \"priority\" of service \"titles\" is 4; use 1 to 3"],
    );
    check(
        "services = [\"titles\", \"plates\"]",
        "services = [\"titles\", \"plates\"]\nquiet = \"yes\"",
        &["line 27: \"quiet\" of counter \"1\" is a TOML string; it must be true or false"],
    );
}
