//! A complete device file with comments, made from the declarations.

use super::wrapped;
use crate::schema::{Key, Presence, Role, SECTIONS, Section, SectionPresence};

const WIDTH: usize = 80;

/// A complete, commented device file for `role`, ready to be changed.
#[must_use]
pub fn example(role: Role) -> String {
    let head = format!(
        "Settings of an Usher {role}. Put your own values, save it as \
         /etc/usher/device.toml and check it with `usher-config check /etc/usher/device.toml`. \
         A line with # in front is not read."
    );
    let sections: String = SECTIONS
        .iter()
        .filter(|section| section.roles.contains(&role))
        .map(|section| section_example(section, role))
        .collect();
    wrapped(&head, "# ", WIDTH) + &sections
}

fn section_example(section: &Section, role: Role) -> String {
    let mut text = "\n".to_owned();
    if !section.name.is_empty() {
        text.push_str(&wrapped(section.about, "# ", WIDTH));
        if let SectionPresence::Optional(meaning) = section.presence {
            let without = format!("Without this section, {meaning}.");
            text.push_str(&wrapped(&without, "# ", WIDTH));
        }
        text.push_str(&format!("[{}]\n", section.name));
    }
    for key in section.keys {
        text.push_str(&key_example(key, role));
    }
    text
}

fn key_example(key: &Key, role: Role) -> String {
    let values = format!("Use {}.", key.values.in_words());
    let (default, off) = match key.presence {
        Presence::Required | Presence::Unless(_) => (None, ""),
        Presence::Default(literal) => (Some(format!("If left out: {literal}.")), ""),
        Presence::Optional(meaning) => (Some(format!("If left out: {meaning}.")), "# "),
        Presence::InsteadOf(_) => (None, "# "),
    };
    let about = [Some(key.about), Some(values.as_str()), default.as_deref()]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ");
    wrapped(&about, "# ", WIDTH) + &format!("{off}{} = {}\n", key.name, key.example_for(role))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    #[test]
    fn both_examples_are_good_files_with_every_key_of_their_role() {
        for role in [Role::Kiosk, Role::HallDisplay] {
            let text = example(role);
            let file = parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
            assert_eq!(file.device.role, role);
            assert_eq!(file.printer.is_some(), role == Role::Kiosk);
            for section in SECTIONS.iter().filter(|s| s.roles.contains(&role)) {
                for key in section.keys {
                    assert!(
                        text.contains(&format!("{} = {}\n", key.name, key.example_for(role))),
                        "{}.{} is missing in\n{text}",
                        section.name,
                        key.name
                    );
                }
            }
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH));
        }
    }

    /// What stands behind a `#` is offered to be switched on, so it must be right too.
    #[test]
    fn the_keys_that_are_switched_off_are_good_as_well() {
        let text = example(Role::Kiosk).replace("# dots_per_line", "dots_per_line");
        let file = parse(&text).expect("the file is good");
        assert_eq!(file.printer.expect("a printer").dots_per_line, Some(576));
    }

    #[test]
    fn every_default_is_allowed_and_is_what_a_short_file_gets() {
        let long = parse(&example(Role::Kiosk)).expect("the example is good");
        let short: String = example(Role::Kiosk)
            .lines()
            .filter(|line| {
                !SECTIONS.iter().flat_map(|s| s.keys).any(|key| {
                    matches!(key.presence, Presence::Default(_))
                        && line.starts_with(&format!("{} = ", key.name))
                        // The two ports' speeds have the same name.
                        && key.name != "baud"
                })
            })
            .map(|line| format!("{line}\n"))
            .collect();
        assert!(!short.contains("\nfullscreen") && !short.contains("\njournal"));
        assert_eq!(parse(&short).expect("the file is good"), long);
    }
}
