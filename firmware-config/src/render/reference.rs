//! The reference of the device file (`docs/device-file.md`), made from the declarations.

use super::{example, wrapped};
use crate::load::parse;
use crate::schema::{Key, Presence, Role, SECTIONS, Section, SectionPresence};

const WIDTH: usize = 80;

const HEAD: &str = "\
# The device file

This page is made by `usher-config reference` from the same declarations that
read the file (`firmware-config/src/schema`); a test compares the two.

Each kiosk and each hall display has one file with its settings, by custom
`/etc/usher/device.toml`, in [TOML](https://toml.io/en/v1.0.0). What belongs to
the office (services, counters, texts) stands in the office file of the queue
server, not here.

    usher-config example --role kiosk > device.toml    # a file to start from
    usher-config check device.toml                     # what is wrong, or a summary

";

/// A file as somebody in a hurry writes it, to show what `check` says.
const HASTY: &str = "\
format = 1

[device]
id = \"Kiosk 1\"
office = \"capitol-dmv\"
role = \"kiosk\"

[server]
broker = \"192.168.20.2\"
secret = \"put-the-secret-of-this-device-here\"

[panel]
width_px = 1080
height_px = 1920
width_mm = 34.5

[languages]
order = [\"en\", \"es\"]

[printer]
port = \"/dev/ticket-printer\"
buad = 115200
paper = \"80\"
";

/// The reference, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("## Everything that is wrong is told at once\n\n");
    text.push_str("The programs refuse a file with a mistake in it, and so does `usher-config check`.\nEach line names the place and what to do:\n\n");
    let told = parse(HASTY).map_or_else(|error| error.to_string(), |_| String::new());
    text.push_str(&format!("```text\n{told}\n```\n\n"));
    for section in &SECTIONS {
        text.push_str(&section_reference(section));
    }
    for role in [Role::Kiosk, Role::HallDisplay] {
        text.push_str(&format!(
            "## A whole file for a {role}\n\n```toml\n{}```\n\n",
            example(role)
        ));
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn section_reference(section: &Section) -> String {
    let mut text = match section.name {
        "" => "## Above the first section\n\n".to_owned(),
        name => format!("## `[{name}]`\n\n{}", wrapped(section.about, "", WIDTH)),
    };
    let presence = match section.presence {
        SectionPresence::Required => "This section must be there.".to_owned(),
        SectionPresence::Defaults => "This section may be left out.".to_owned(),
        SectionPresence::Optional(meaning) => {
            format!("This section may be left out; then {meaning}.")
        }
    };
    if !section.name.is_empty() {
        text.push_str(&wrapped(&presence, "", WIDTH));
        if let [role] = section.roles {
            text.push_str(&format!("It belongs into the file of a {role} only.\n"));
        }
        text.push('\n');
    }
    for key in section.keys {
        text.push_str(&key_reference(section, key));
    }
    text
}

fn key_reference(section: &Section, key: &Key) -> String {
    let name = match section.name {
        "" => key.name.to_owned(),
        section => format!("{section}.{}", key.name),
    };
    let left_out = match key.presence {
        Presence::Required => "must be there".to_owned(),
        Presence::Default(literal) => format!("if left out, `{literal}`"),
        Presence::Optional(meaning) => format!("may be left out; then {meaning}"),
        Presence::Unless(other) => format!("must be there, unless `{other}` is"),
        Presence::InsteadOf(other) => format!("may stand in place of `{other}`"),
    };
    let hall = key
        .example_hall
        .map(|example| format!("; hall display: `{} = {example}`", key.name))
        .unwrap_or_default();
    format!(
        "### `{name}`\n\n{}\n- {left_out}\n- values: {}\n- example: `{} = {}`{hall}\n\n",
        wrapped(key.about, "", WIDTH),
        key.values.in_words(),
        key.name,
        key.example,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_page_is_the_one_made_here() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/device-file.md");
        let committed = std::fs::read_to_string(page).expect("docs/device-file.md can be read");
        assert!(
            committed == reference(),
            "docs/device-file.md is not what the declarations say; write it anew:\n\
             cargo run -p usher-firmware-config --bin usher-config -- reference > docs/device-file.md"
        );
    }

    #[test]
    fn every_key_has_its_meaning_values_and_example() {
        let page = reference();
        for section in &SECTIONS {
            for key in section.keys {
                let heading = match section.name {
                    "" => format!("### `{}`\n", key.name),
                    name => format!("### `{name}.{}`\n", key.name),
                };
                assert!(page.contains(&heading), "{heading} is missing");
                assert!(key.about.ends_with('.'), "{}: {}", key.name, key.about);
            }
        }
    }

    #[test]
    fn the_hasty_file_shows_each_of_its_mistakes() {
        let error = parse(HASTY).expect_err("the file is wrong");
        let keys: Vec<&str> = error.problems().iter().map(|p| p.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "device.id",
                "server.broker",
                "panel.width_mm",
                "printer.buad",
                "printer.paper"
            ],
            "{error}"
        );
    }
}
