//! The arrows between our crates go one way.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};

/// Who may use whom. A new arrow here is a decision: write down why in
/// `docs/decisions`. Development dependencies count: a test may tie a knot too.
const ARROWS: &[(&str, &[&str])] = &[
    ("usher-protocol", &[]),
    ("usher-printer", &[]),
    ("usher-ui", &[]),
    ("usher-firmware-config", &["usher-protocol"]),
    ("usher-office", &["usher-protocol"]),
    ("usher-waits", &[]),
    ("usher-store", &["usher-protocol", "usher-office"]),
    ("usher-appointments", &["usher-protocol"]),
    (
        "usher-forecast",
        &["usher-protocol", "usher-office", "usher-waits"],
    ),
    ("usher-simulator", &["usher-protocol", "usher-office"]),
    (
        "usher-queue-server",
        &[
            "usher-protocol",
            "usher-office",
            "usher-store",
            "usher-waits",
            "usher-forecast",
            "usher-appointments",
            "usher-simulator",
        ],
    ),
    (
        "usher-kiosk",
        &[
            "usher-protocol",
            "usher-printer",
            "usher-ui",
            "usher-firmware-config",
        ],
    ),
    (
        "usher-tests",
        &[
            "usher-protocol",
            "usher-printer",
            "usher-ui",
            "usher-firmware-config",
            "usher-office",
            "usher-store",
            "usher-queue-server",
            "usher-kiosk",
        ],
    ),
];

#[test]
fn the_arrows_between_crates_go_one_way() -> Result<()> {
    let found = arrows_of(&usher_tests::paths::workspace())?;
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    assert_eq!(
        found.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        allowed.keys().copied().collect(),
        "the workspace's crates"
    );
    for (from, to) in &found {
        for target in to {
            assert!(
                allowed[from.as_str()].contains(&target.as_str()),
                "{from} uses {target}, which is not among its arrows"
            );
        }
    }
    Ok(())
}

#[test]
fn a_forbidden_arrow_is_seen() -> Result<()> {
    let manifest = r#"
        [package]
        name = "usher-ui"
        [dependencies]
        usher-protocol.workspace = true
        slint.workspace = true
        [target.'cfg(unix)'.dev-dependencies]
        printing = { package = "usher-printer", path = "../printer" }
    "#;
    let (name, uses) = arrows_in(manifest)?;
    assert_eq!(name, "usher-ui");
    assert_eq!(
        uses.into_iter().collect::<Vec<_>>(),
        ["usher-printer", "usher-protocol"]
    );
    Ok(())
}

#[test]
fn no_crate_names_a_version_of_its_own() -> Result<()> {
    for member in members(&usher_tests::paths::workspace())? {
        let manifest: toml::Table = read(&member)?;
        for (table, name, value) in dependencies(&manifest) {
            let shared = value.get("workspace").and_then(toml::Value::as_bool) == Some(true);
            assert!(
                shared,
                "{}: {table}.{name} must say workspace = true",
                member.display()
            );
        }
    }
    Ok(())
}

fn arrows_of(root: &Path) -> Result<BTreeMap<String, BTreeSet<String>>> {
    members(root)?
        .into_iter()
        .map(|member| arrows_in(&std::fs::read_to_string(member)?))
        .collect()
}

fn members(root: &Path) -> Result<Vec<std::path::PathBuf>> {
    let manifest = read(&root.join("Cargo.toml"))?;
    let members = manifest["workspace"]["members"]
        .as_array()
        .context("no members")?;
    members
        .iter()
        .map(|member| {
            let member = member.as_str().context("a member is no text")?;
            Ok(root.join(member).join("Cargo.toml"))
        })
        .collect()
}

fn read(path: &Path) -> Result<toml::Table> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    Ok(text.parse()?)
}

fn arrows_in(manifest: &str) -> Result<(String, BTreeSet<String>)> {
    let manifest: toml::Table = manifest.parse()?;
    let name = manifest["package"]["name"]
        .as_str()
        .context("no name")?
        .to_owned();
    let uses = dependencies(&manifest)
        .into_iter()
        .map(|(_, name, value)| {
            let renamed = value.get("package").and_then(toml::Value::as_str);
            renamed.unwrap_or(&name).to_owned()
        })
        .filter(|name| name.starts_with("usher-"))
        .collect();
    Ok((name, uses))
}

/// Every dependency in any dependency table, also those of one target only.
fn dependencies(manifest: &toml::Table) -> Vec<(String, String, toml::Value)> {
    let mut found = Vec::new();
    for (key, value) in manifest {
        let Some(table) = value.as_table() else {
            continue;
        };
        if key.ends_with("dependencies") {
            let entries = table
                .iter()
                .map(|(name, v)| (key.clone(), name.clone(), v.clone()));
            found.extend(entries);
        } else if key == "target" {
            found.extend(
                table
                    .values()
                    .filter_map(toml::Value::as_table)
                    .flat_map(dependencies),
            );
        }
    }
    found
}
