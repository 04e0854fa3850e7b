//! Draws every sample document for every paper: `gallery DIR`.
//!
//! For looking at: what a change to the layout does to all languages and widths.
//! Prints the bytes and the length of each.

use std::path::PathBuf;

use anyhow::Context as _;
use usher_printer::document::{PaperDocument, samples};
use usher_printer::emulator::Emulator;
use usher_printer::encode;
use usher_printer::profile::Profile;
use usher_printer::raster::Shaper;

fn main() -> anyhow::Result<()> {
    let dir: PathBuf = std::env::args_os()
        .nth(1)
        .context("say where the pictures should go: gallery DIR")?
        .into();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;

    let mut documents = Vec::new();
    for language in samples::TICKET_LANGUAGES {
        let ticket = PaperDocument::Ticket(samples::ticket(language));
        documents.push((format!("ticket-{language}"), ticket));
    }
    for language in samples::FORM_LANGUAGES {
        let form = PaperDocument::PaperForm(samples::paper_form(language));
        documents.push((format!("form-{language}"), form));
    }
    documents.push((
        "test-page".to_owned(),
        PaperDocument::TestPage(samples::test_page()),
    ));

    let mut shaper = Shaper::new();
    for (paper, profile) in [
        ("80", Profile::mm80()),
        ("58", Profile::mm58()),
        ("80-180dpi", Profile::mm80_180dpi()),
    ] {
        for (name, document) in &documents {
            let bytes = encode(document, &profile, &mut shaper)?;
            let mut printer = Emulator::new(profile);
            printer.feed(&bytes);
            let sheets = printer.take_sheets();
            let sheet = sheets.first().context("nothing was cut off")?;
            let path = dir.join(format!("{name}-{paper}.png"));
            std::fs::write(&path, sheet.render_with(&mut shaper).to_png()?)
                .with_context(|| format!("cannot write {}", path.display()))?;
            println!(
                "{name:16} {paper:10} {:6} bytes {:4} mm",
                bytes.len(),
                sheet.length_mm()
            );
        }
    }
    Ok(())
}
