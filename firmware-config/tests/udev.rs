//! The udev rules, read by the grammar of udev(7).
//!
//! Debian 12 has no `udevadm verify`, and udev itself only logs what it does not
//! understand, so a slip would be noticed by a kiosk that does not print.

use std::collections::{BTreeMap, BTreeSet};

use usher_firmware_config::system_files::SYSTEM_FILES;

/// A comparison or assignment: `ATTRS{idVendor}=="0403"`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: String,
    /// What stands in the braces.
    attribute: Option<String>,
    operator: String,
    value: String,
}

/// How a key may be used: udev(7), systemd 252.
struct KeyUse {
    key: &'static str,
    attribute: bool,
    compares: bool,
    /// Operators that assign.
    assigns: &'static [&'static str],
}

const fn compared(key: &'static str, attribute: bool) -> KeyUse {
    KeyUse {
        key,
        attribute,
        compares: true,
        assigns: &[],
    }
}

const fn assigned(key: &'static str, attribute: bool, assigns: &'static [&'static str]) -> KeyUse {
    KeyUse {
        key,
        attribute,
        compares: false,
        assigns,
    }
}

const KEYS: [KeyUse; 20] = [
    compared("ACTION", false),
    compared("DEVPATH", false),
    compared("KERNEL", false),
    compared("KERNELS", false),
    compared("SUBSYSTEM", false),
    compared("SUBSYSTEMS", false),
    compared("DRIVER", false),
    compared("DRIVERS", false),
    compared("ATTRS", true),
    compared("TAGS", false),
    compared("RESULT", false),
    KeyUse {
        key: "ATTR",
        attribute: true,
        compares: true,
        assigns: &["="],
    },
    KeyUse {
        key: "ENV",
        attribute: true,
        compares: true,
        assigns: &["=", "+="],
    },
    KeyUse {
        key: "TAG",
        attribute: false,
        compares: true,
        assigns: &["+=", "-=", "="],
    },
    KeyUse {
        key: "SYMLINK",
        attribute: false,
        compares: true,
        assigns: &["+=", "-=", "=", ":="],
    },
    assigned("OWNER", false, &["=", ":="]),
    assigned("GROUP", false, &["=", ":="]),
    assigned("MODE", false, &["=", ":="]),
    assigned("LABEL", false, &["="]),
    assigned("GOTO", false, &["="]),
];

fn is_comparison(operator: &str) -> bool {
    matches!(operator, "==" | "!=")
}

/// Reads one rule.
fn read_rule(line: &str) -> Result<Vec<Term>, String> {
    let mut rest = line.trim();
    let mut terms = Vec::new();
    loop {
        let (term, after) = read_term(rest)?;
        check_term(&term)?;
        terms.push(term);
        if after.is_empty() {
            return Ok(terms);
        }
        rest = after
            .strip_prefix(',')
            .ok_or_else(|| format!("a comma is missing before {after}"))?
            .trim_start();
        if rest.is_empty() {
            return Err("there is a comma at the end".to_owned());
        }
    }
}

fn read_term(text: &str) -> Result<(Term, &str), String> {
    let key_end = text
        .find(|c: char| !c.is_ascii_uppercase())
        .ok_or_else(|| format!("no operator in {text}"))?;
    let (key, mut rest) = text.split_at(key_end);
    let attribute = match rest.strip_prefix('{') {
        None => None,
        Some(inside) => {
            let (attribute, after) = inside
                .split_once('}')
                .ok_or_else(|| format!("a brace is not closed in {text}"))?;
            rest = after;
            Some(attribute.to_owned())
        }
    };
    let operator = ["==", "!=", "+=", "-=", ":=", "="]
        .into_iter()
        .find(|operator| rest.starts_with(operator))
        .ok_or_else(|| format!("no operator after {key} in {text}"))?;
    let quoted = rest[operator.len()..]
        .strip_prefix('"')
        .ok_or_else(|| format!("the value of {key} has no quotes"))?;
    let (value, after) = quoted
        .split_once('"')
        .ok_or_else(|| format!("the quotes of {key} are not closed"))?;
    let term = Term {
        key: key.to_owned(),
        attribute,
        operator: operator.to_owned(),
        value: value.to_owned(),
    };
    Ok((term, after.trim_start()))
}

fn check_term(term: &Term) -> Result<(), String> {
    let Term {
        key,
        attribute,
        operator,
        value,
    } = term;
    let known = KEYS
        .iter()
        .find(|known| known.key == key)
        .ok_or_else(|| format!("{key:?} is no key of udev"))?;
    if known.attribute != attribute.as_ref().is_some_and(|a| !a.is_empty()) {
        return Err(format!("{key} and braces do not fit: {term:?}"));
    }
    let allowed = if is_comparison(operator) {
        known.compares
    } else {
        known.assigns.contains(&operator.as_str())
    };
    if !allowed {
        return Err(format!("{key} cannot be used with {operator}"));
    }
    if value.is_empty() && !is_comparison(operator) {
        return Err(format!("{key} is set to nothing"));
    }
    let hex = |text: &str| {
        text.len() == 4
            && text
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    match (key.as_str(), attribute.as_deref()) {
        ("MODE", _) if !(value.len() == 4 && value.bytes().all(|b| (b'0'..=b'7').contains(&b))) => {
            Err(format!("{value} is no mode"))
        }
        // The kernel writes them in small letters, and udev compares letter by letter.
        ("ATTRS", Some("idVendor" | "idProduct"))
        | ("ENV", Some("ID_VENDOR_ID" | "ID_MODEL_ID"))
            if !value.split('|').all(hex) =>
        {
            Err(format!("{value} is no USB number: four of 0-9, a-f"))
        }
        _ => Ok(()),
    }
}

/// Reads a whole file, with the rules that are switched off (`#SUBSYSTEM…`), and
/// checks what goes beyond one rule.
fn read_rules(text: &str) -> Result<Vec<Vec<Term>>, String> {
    let mut rules = Vec::new();
    let mut jumps: BTreeMap<String, usize> = BTreeMap::new();
    let mut labels: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let off = line
            .strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()));
        if line.trim().is_empty() || (line.starts_with('#') && off.is_none()) {
            continue;
        }
        let at = |error: String| format!("line {}: {error}", number + 1);
        let rule = read_rule(off.unwrap_or(line)).map_err(at)?;
        for term in &rule {
            let again = match (term.key.as_str(), is_comparison(&term.operator)) {
                ("LABEL", _) => labels.insert(term.value.clone(), number).is_some(),
                ("SYMLINK", false) => !names.insert(term.value.clone()),
                _ => false,
            };
            if again {
                return Err(at(format!("{} {} is there twice", term.key, term.value)));
            }
            if term.key == "GOTO" {
                jumps.insert(term.value.clone(), number);
            }
        }
        rules.push(rule);
    }
    for (label, from) in &jumps {
        // udev jumps forwards only.
        if labels.get(label).is_none_or(|to| to <= from) {
            return Err(format!("line {}: no LABEL {label} after it", from + 1));
        }
    }
    Ok(rules)
}

fn our_rules() -> &'static str {
    SYSTEM_FILES
        .iter()
        .find(|file| file.path.ends_with("60-usher.rules"))
        .expect("the rules are among the system files")
        .text
}

#[test]
fn every_rule_is_right() {
    let rules = read_rules(our_rules()).expect("the rules are right");
    let terms: Vec<&Term> = rules.iter().flatten().collect();
    for name in ["ticket-printer", "id-scanner"] {
        let named = rules
            .iter()
            .find(|rule| rule.iter().any(|t| t.key == "SYMLINK" && t.value == name))
            .unwrap_or_else(|| panic!("nothing is named {name}"));
        for (key, value) in [("GROUP", "dialout"), ("MODE", "0660"), ("TAG", "systemd")] {
            assert!(
                named.iter().any(|t| t.key == key && t.value == value),
                "{name} lacks {key} {value}"
            );
        }
        assert!(
            terms
                .iter()
                .any(|t| t.attribute.as_deref() == Some("USHER_PART")
                    && t.operator == "="
                    && t.value == name),
            "no device becomes {name}"
        );
    }
}

#[test]
fn no_device_is_two_things() {
    let mut parts = BTreeMap::new();
    for rule in read_rules(our_rules()).expect("the rules are right") {
        let value = |key: &str, attribute: &str| {
            rule.iter()
                .find(|t| t.key == key && t.attribute.as_deref() == Some(attribute))
                .map(|t| t.value.clone())
        };
        let (Some(vendor), Some(products), Some(part)) = (
            value("ATTRS", "idVendor"),
            value("ATTRS", "idProduct"),
            value("ENV", "USHER_PART"),
        ) else {
            continue;
        };
        for product in products.split('|') {
            let id = format!("{vendor}:{product}");
            assert_eq!(
                parts.insert(id.clone(), part.clone()),
                None,
                "{id} is there twice"
            );
        }
    }
    assert!(parts.len() >= 10, "{parts:?}");
}

#[test]
fn a_broken_rule_is_noticed() {
    let good = r#"ATTRS{idVendor}=="0403", SYMLINK+="ticket-printer", MODE="0660""#;
    assert_eq!(read_rules(good).expect("it is right").len(), 1);
    for (from, to) in [
        ("ATTRS", "ATTRZ"),
        ("ATTRS{idVendor}", "ATTRS"),
        ("ATTRS{idVendor}", "ATTRS{idVendor"),
        ("==\"0403\"", "=\"0403\""),
        ("==\"0403\"", "\"0403\""),
        ("\"0403\"", "0403"),
        ("\"0403\"", "\"0403"),
        ("\"0403\"", "\"403\""),
        ("\"0403\"", "\"04A3\""),
        ("\"0403\",", "\"0403\""),
        ("+=\"ticket", "==+\"ticket"),
        ("SYMLINK", "symlink"),
        ("\"ticket-printer\"", "\"\""),
        ("\"0660\"", "\"0680\""),
        ("\"0660\"", "\"0660\","),
        ("MODE=", "MODE+="),
        ("MODE=\"0660\"", "GOTO=\"nowhere\""),
        ("MODE=\"0660\"", "SYMLINK+=\"ticket-printer\""),
    ] {
        let broken = good.replacen(from, to, 1);
        assert_ne!(broken, good, "{from} is not in the rule");
        assert!(read_rules(&broken).is_err(), "not noticed: {broken}");
    }
    let backwards = "LABEL=\"a\"\nACTION==\"add\", GOTO=\"a\"";
    assert!(read_rules(backwards).is_err());
    assert!(read_rules(&format!("#{}", good.replace("==", "="))).is_err());
}
