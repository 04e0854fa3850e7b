//! The units, users and directories, held against systemd's own checks.
//!
//! `systemd-analyze verify` ends well even when it complains, so what counts is
//! that it says nothing. It is run on a root directory of its own, with stand-ins
//! for the programs and for the system's own units, so that it neither needs nor
//! sees what is installed on the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;
use usher_firmware_config::system_files::{self, SYSTEM_FILES};

const UNITS: [&str; 3] = [
    "usher-server.service",
    "usher-kiosk.service",
    "usher-display.service",
];

/// Exposure that `systemd-analyze security` may find, in tenths: 0 to 100.
/// "OK" ends at 50; what the three programs cannot do without is under 20.
const EXPOSURE_TENTHS_MAX: &str = "20";

fn installed() -> TempDir {
    let root = tempfile::tempdir().expect("a directory for the root");
    system_files::write(root.path()).expect("the system files are written");
    for program in [
        "usr/local/bin/usher-server",
        "usr/local/bin/usher-kiosk",
        "usr/local/bin/usher-display",
        "usr/bin/cage",
    ] {
        write(root.path(), program, "#!/bin/sh\n");
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(root.path().join(program), mode).expect("the mode is set");
    }
    for unit in [
        "sysinit.target",
        "basic.target",
        "shutdown.target",
        "multi-user.target",
        "network.target",
        "time-sync.target",
        "seatd.service",
        "getty@.service",
    ] {
        let text = if unit.ends_with(".service") {
            "[Service]\nExecStart=/usr/bin/cage\n"
        } else {
            "[Unit]\nDescription=Stand-in\n"
        };
        write(root.path(), &format!("usr/lib/systemd/system/{unit}"), text);
    }
    root
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().expect("the path has a directory")).expect("a directory");
    fs::write(path, text).expect("the file is written");
}

fn run(program: &str, arguments: &[&str], root: &Path) -> Output {
    Command::new(program)
        .arg(format!("--root={}", root.display()))
        .args(arguments)
        .env("SYSTEMD_COLORS", "0")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap_or_else(|error| {
            panic!("{program} cannot be run ({error}); install Debian's package systemd")
        })
}

fn complaints_about(root: &Path, unit: &str) -> String {
    let output = run(
        "systemd-analyze",
        &["verify", "--man=no", &format!("/etc/systemd/system/{unit}")],
        root,
    );
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() || !told.is_empty(),
        "it failed without a word: {output:?}"
    );
    told
}

#[test]
fn systemd_has_nothing_to_say_against_the_units() {
    let root = installed();
    for unit in UNITS {
        assert_eq!(complaints_about(root.path(), unit), "", "{unit}");
    }
}

#[test]
fn systemd_would_notice_a_mistake() {
    for (from, to, told) in [
        ("Restart=always", "Restrat=always", "Restrat"),
        ("Restart=always", "Restart=ever", "ever"),
        ("[Install]", "[Instal]", "Instal"),
        (
            "/usr/local/bin/usher-server run",
            "/usr/local/bin/usher-serve run",
            "usher-serve",
        ),
        ("network.target", "network.targe", "network.targe"),
    ] {
        let root = installed();
        let unit = root.path().join("etc/systemd/system/usher-server.service");
        let text = fs::read_to_string(&unit).expect("the unit is there");
        assert!(text.contains(from), "{from} is not in the unit");
        fs::write(&unit, text.replace(from, to)).expect("the unit is written");
        let complaints = complaints_about(root.path(), "usher-server.service");
        assert!(
            complaints.contains(told),
            "{to} was not noticed: {complaints}"
        );
    }
}

#[test]
fn the_units_keep_the_programs_from_the_rest_of_the_machine() {
    let root = installed();
    let judge = |unit: &str| {
        run(
            "systemd-analyze",
            &[
                "security",
                "--offline=true",
                "--no-pager",
                &format!("--threshold={EXPOSURE_TENTHS_MAX}"),
                unit,
            ],
            root.path(),
        )
    };
    for unit in UNITS {
        let output = judge(unit);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    write(
        root.path(),
        "etc/systemd/system/open.service",
        "[Service]\nExecStart=/usr/bin/cage\n",
    );
    assert!(!judge("open.service").status.success());
}

/// A name from an ID must not come onto a disk with a crash or with swapping.
#[test]
fn the_memory_of_the_kiosk_stays_in_memory() {
    let kiosk = SYSTEM_FILES
        .iter()
        .find(|file| file.path.ends_with("usher-kiosk.service"))
        .expect("the kiosk has a unit");
    for line in ["LimitCORE=0", "MemorySwapMax=0"] {
        assert!(kiosk.text.lines().any(|l| l == line), "{line}");
    }
}

#[test]
fn no_secret_stands_on_a_command_line() {
    for file in SYSTEM_FILES.iter().filter(|f| f.path.ends_with(".service")) {
        for line in file.text.lines().filter(|l| l.starts_with("ExecStart=")) {
            for word in ["secret", "password", "@", "://"] {
                assert!(!line.contains(word), "{}: {line}", file.path);
            }
        }
    }
}

#[test]
fn users_and_directories_are_made() {
    let root = installed();
    write(root.path(), "etc/usher/device.toml", "format = 1\n");
    for (program, arguments) in [
        ("systemd-sysusers", &[][..]),
        ("systemd-tmpfiles", &["--create"]),
    ] {
        let output = run(program, arguments, root.path());
        assert!(output.status.success(), "{program}: {output:?}");
        let told: Vec<String> = String::from_utf8_lossy(&output.stderr)
            .lines()
            // What sysusers makes is told as news, not as a complaint.
            .filter(|line| !line.starts_with("Creating "))
            .map(str::to_owned)
            .collect();
        assert_eq!(told, [""; 0], "{program}");
    }
    let passwd = fs::read_to_string(root.path().join("etc/passwd")).expect("users were made");
    for user in ["usher:", "usher-server:"] {
        let line = passwd.lines().find(|l| l.starts_with(user)).expect(user);
        assert!(line.ends_with(":/usr/sbin/nologin"), "{line}");
    }
    let groups = fs::read_to_string(root.path().join("etc/group")).expect("groups were made");
    for group in ["dialout:", "video:"] {
        let line = groups.lines().find(|l| l.starts_with(group)).expect(group);
        assert!(line.ends_with(":usher"), "{line}");
    }
    let settings = root.path().join("etc/usher/device.toml");
    let mode = fs::metadata(settings)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o640);
}
