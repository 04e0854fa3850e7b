//! `usher-config` as a technician uses it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

fn usher_config(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_usher-config"))
        .args(arguments)
        .output()
        .expect("usher-config runs")
}

fn check(path: &Path) -> (Option<i32>, String, String) {
    let output = usher_config(&["check", path.to_str().expect("a plain path")]);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn an_example_is_found_good_and_summed_up() {
    let dir = tempfile::tempdir().expect("a directory");
    for role in ["kiosk", "hall-display"] {
        let path = dir.path().join(role);
        let example = usher_config(&["example", "--role", role]);
        assert!(example.status.success());
        fs::write(&path, &example.stdout).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("the mode is set");
        let (code, out, err) = check(&path);
        assert_eq!((code, err.as_str()), (Some(0), ""));
        assert!(out.contains("of the office capitol-dmv"), "{out}");
        assert!(
            out.contains("Note: server.secret is the example's"),
            "{out}"
        );
        assert!(!out.contains("every user"), "{out}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("the mode is set");
        let (_, out, _) = check(&path);
        assert!(out.contains("every user of this machine may read"), "{out}");
    }
}

#[test]
fn mistakes_end_with_2_and_are_told_on_standard_error() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("device.toml");
    let example = usher_config(&["example"]).stdout;
    let example = String::from_utf8(example).expect("text");
    let wrong = example
        .replace("quiet_ms = 80", "quiet = 80")
        .replace("width_px = 1080", "width_px = \"1080\"");
    fs::write(&path, wrong).expect("written");
    let (code, out, err) = check(&path);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.starts_with("usher-config: the device file "), "{err}");
    assert!(err.contains("has 2 problems:"), "{err}");
    assert!(
        err.contains("scanner.quiet: no such key; did you mean `quiet_ms`?"),
        "{err}"
    );
    assert!(
        err.contains("panel.width_px: \"1080\" cannot be used"),
        "{err}"
    );

    let (code, _, err) = check(&dir.path().join("nowhere.toml"));
    assert_eq!(code, Some(2));
    assert_eq!(err.lines().count(), 1, "{err}");
    assert!(
        err.contains("nowhere.toml") && err.contains("No such file"),
        "{err}"
    );
}

#[test]
fn a_full_disk_is_told() {
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has /dev/full");
    let output = Command::new(env!("CARGO_BIN_EXE_usher-config"))
        .arg("example")
        .stdout(full)
        .output()
        .expect("usher-config runs");
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err.contains("standard output") && err.contains("No space left"),
        "{err}"
    );
}

#[test]
fn system_files_are_written_where_they_belong() {
    let dir = tempfile::tempdir().expect("a directory");
    let root = dir.path().to_str().expect("a plain path");
    let output = usher_config(&["units", "--out", root]);
    assert!(output.status.success(), "{output:?}");
    assert!(
        dir.path()
            .join("etc/systemd/system/usher-kiosk.service")
            .is_file()
    );
    assert!(dir.path().join("etc/udev/rules.d/60-usher.rules").is_file());

    let blocked = dir.path().join("blocked");
    fs::write(&blocked, "").expect("written");
    let output = usher_config(&["units", "--out", blocked.to_str().expect("a plain path")]);
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        err.contains("cannot write") && err.lines().count() == 1,
        "{err}"
    );
}
