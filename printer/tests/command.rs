//! `usher-printer` from outside: what it draws and what it says.

use std::path::Path;
use std::process::{Command, Output};

fn usher_printer(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_usher-printer"))
        .args(arguments)
        .env("RUST_LOG", "debug")
        .output()
        .expect("the program runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a name in UTF-8")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_long_day_is_drawn_to_its_last_sheet() {
    let dir = tempfile::tempdir().expect("a directory");
    let (bytes_path, picture_path) = (dir.path().join("day.bin"), dir.path().join("day"));
    // Far more than the printer's buffer, most of it white paper.
    let blank_bands = [&[0x1D, b'v', b'0', 0, 72, 0, 56, 0][..], &[0; 72 * 56]]
        .concat()
        .repeat(300);
    assert!(blank_bands.len() > 1 << 20);
    let day = [
        &b"first\n\x1dVB\0"[..],
        &blank_bands,
        b"\x1dVB\0last\n\x1dVB\0",
    ]
    .concat();
    std::fs::write(&bytes_path, day).expect("a file");
    let output = usher_printer(&["render", text(&bytes_path), "--out", text(&picture_path)]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(dir.path().join("day-3").exists(), "the last sheet");
}

#[test]
fn what_is_too_long_to_draw_is_said_to_be() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("endless.bin");
    let file = std::fs::File::create(&path).expect("a file");
    file.set_len(17 << 20).expect("a long file");
    let picture_path = dir.path().join("endless.png");
    let output = usher_printer(&["render", text(&path), "--out", text(&picture_path)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("longer than the 16 MB"),
        "{}",
        said(&output)
    );
}

#[test]
fn a_log_that_goes_into_a_file_has_no_colours() {
    let dir = tempfile::tempdir().expect("a directory");
    let missing = dir.path().join("missing");
    let output = usher_printer(&["status", "--port", text(&missing)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("printer status changed"),
        "{}",
        said(&output)
    );
    assert!(!output.stderr.contains(&0x1B), "{}", said(&output));
}
