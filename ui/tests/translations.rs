//! Every word on a screen is translated into every language: Slint itself falls
//! back to English without a word.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[test]
fn every_language_has_every_word_of_the_windows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut shown = BTreeSet::new();
    for file in slint_files(&root.join("ui")) {
        let source = std::fs::read_to_string(&file).expect("the source can be read");
        shown.extend(shown_ids(&source));
    }
    assert!(
        shown.contains("Start over"),
        "the search finds what is there"
    );

    let mut complaints = Vec::new();
    for language in usher_ui::languages().filter(|code| *code != "en") {
        let path = root
            .join("lang")
            .join(language)
            .join("LC_MESSAGES/usher-ui.po");
        let source = std::fs::read_to_string(&path).expect("the catalogue can be read");
        let mut translated = BTreeSet::new();
        for (id, forms) in entries(&source) {
            if forms.is_empty() || forms.iter().any(|form| form.is_empty()) {
                complaints.push(format!("{language}: empty: {id}"));
            }
            for placeholder in ["{n}", "{0}", "{1}"] {
                let is_lost = |(index, form): (usize, &&str)| {
                    !form.contains(placeholder) && !says_its_number(placeholder, index, &forms)
                };
                if id.contains(placeholder) && forms.iter().enumerate().any(is_lost) {
                    complaints.push(format!("{language}: {placeholder} is lost in: {id}"));
                }
            }
            translated.insert(id.to_owned());
        }
        for id in shown.difference(&translated) {
            complaints.push(format!("{language}: not translated: {id}"));
        }
        for id in translated.difference(&shown) {
            complaints.push(format!("{language}: shown nowhere: {id}"));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Of six plural forms (Arabic) the second and the third are for 1 and 2 alone,
/// and say it in words.
fn says_its_number(placeholder: &str, index: usize, forms: &[&str]) -> bool {
    placeholder == "{n}" && forms.len() == 6 && (1..=2).contains(&index)
}

/// The message ids in `@tr("…")`; of a plural, the singular.
fn shown_ids(source: &str) -> impl Iterator<Item = String> {
    source
        .split("@tr(\"")
        .skip(1)
        .map(|rest| rest[..rest.find('"').expect("a string ends")].to_owned())
}

/// The message ids without a context, and their forms. Our catalogues have a
/// blank line between entries and every string on one line.
fn entries(source: &str) -> impl Iterator<Item = (&str, Vec<&str>)> {
    source.split("\n\n").skip(1).filter_map(|entry| {
        if entry.contains("msgctxt ") {
            return None;
        }
        Some((
            quoted(entry, "msgid ").next()?,
            quoted(entry, "msgstr").collect(),
        ))
    })
}

/// What stands in quotes on the lines that begin with `keyword`.
fn quoted<'a>(entry: &'a str, keyword: &'a str) -> impl Iterator<Item = &'a str> {
    entry.lines().filter_map(move |line| {
        let (_, text) = line.strip_prefix(keyword)?.split_once('"')?;
        text.trim_end().strip_suffix('"')
    })
}

fn slint_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be listed") {
        let path = entry.expect("the folder can be listed").path();
        if path.is_dir() {
            files.extend(slint_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "slint")
        {
            files.push(path);
        }
    }
    files
}

/// Nothing is sent when a resident asks for a person, and a kiosk whose server is
/// away tells nobody of a number: no screen may say otherwise.
#[test]
fn no_screen_promises_that_staff_were_told() {
    for file in slint_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")) {
        let source = std::fs::read_to_string(&file).expect("the source can be read");
        for id in shown_ids(&source) {
            let said = id.to_lowercase();
            for promise in ["told our staff", "staff know", "comes to help"] {
                assert!(!said.contains(promise), "{}: {id}", file.display());
            }
        }
    }
}
