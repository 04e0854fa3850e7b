//! Compiles the windows with their translations, and gathers from the same
//! `.po` files the words that are printed instead of shown.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Message contexts whose words are used from Rust; all others belong to Slint.
const RUST_CONTEXTS: [&str; 2] = ["Paper", "Hall"];

fn main() {
    println!("cargo::rerun-if-changed=lang");
    let configuration = slint_build::CompilerConfiguration::new()
        .with_style("fluent-light".into())
        .with_bundled_translations("lang")
        .with_default_translation_context(slint_build::DefaultTranslationContext::None)
        // Element names in the binary: without them the tests find nothing.
        .with_debug_info(true);
    slint_build::compile_with_config("ui/usher.slint", configuration)
        .expect("ui/usher.slint and everything it imports compile");

    let out_dir = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    std::fs::write(
        Path::new(&out_dir).join("catalogues.rs"),
        catalogues_source(),
    )
    .expect("OUT_DIR can be written");
}

/// A Rust array expression of every language's printed words.
fn catalogues_source() -> String {
    let mut source = String::from("[\n");
    for (language, file) in po_files() {
        let path = file.display();
        let catalogue = rspolib::pofile(file.as_path())
            .unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
        let plural_forms = catalogue
            .metadata
            .get("Plural-Forms")
            .unwrap_or_else(|| panic!("{path}: the header has no Plural-Forms line"));
        writeln!(
            source,
            "Catalogue {{ language: {language:?}, plural_forms: {plural_forms:?}, entries: &["
        )
        .expect("writing to a String");
        for entry in &catalogue.entries {
            let Some(context) = entry.msgctxt.as_deref() else {
                continue;
            };
            if !RUST_CONTEXTS.contains(&context) {
                continue;
            }
            let forms: Vec<&str> = match &entry.msgstr {
                Some(text) if !text.is_empty() => vec![text],
                _ => entry.msgstr_plural.iter().map(String::as_str).collect(),
            };
            writeln!(
                source,
                "Entry {{ context: {context:?}, id: {:?}, forms: &{forms:?} }},",
                entry.msgid
            )
            .expect("writing to a String");
        }
        source.push_str("] },\n");
    }
    source.push(']');
    source
}

/// Every language's code and `.po` file, sorted by code.
fn po_files() -> Vec<(String, PathBuf)> {
    let mut files: Vec<_> = std::fs::read_dir("lang")
        .expect("the folder `lang` stands beside build.rs")
        .map(|folder| folder.expect("the folder `lang` can be listed"))
        .map(|folder| {
            let language = folder
                .file_name()
                .into_string()
                .expect("a language's folder is named by its BCP 47 code");
            (language, folder.path().join("LC_MESSAGES/usher-ui.po"))
        })
        .filter(|(_, file)| file.exists())
        .collect();
    files.sort();
    files
}
