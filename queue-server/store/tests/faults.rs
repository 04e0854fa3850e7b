//! The log on disks that fill up, go read-only or fail, and under SIGKILL. Whatever
//! was acknowledged is there afterwards.
//!
//! The faults are real: a full tmpfs, an ext4 file system that stops after an
//! error, a loop device whose writes fail, a limit on the size of files. Each runs
//! in a process of its own, with mounts of its own that vanish with it. A machine
//! that allows no mounts is told loudly, and the limit takes their place.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tempfile::TempDir;
use usher_office::command::{Fingerprint, Origin};
use usher_office::event::{Event, Record};
use usher_store::{EventLog, OpenError, ReadError, ReadOnlyLog, Writer, verify};

/// Set in a process that is to play a part: which one.
const PART: &str = "USHER_STORE_PART";

/// The directory that it plays it in.
const DIR: &str = "USHER_STORE_DIR";

/// How the shell says that this machine does not allow what the test needs.
const NOT_ALLOWED: i32 = 97;

fn now() -> Timestamp {
    "2026-11-25T17:00:00Z".parse().unwrap()
}

fn open(dir: &Path) -> Result<EventLog, OpenError> {
    EventLog::open(dir, &"sample-office".parse().unwrap(), now())
}

fn record(sequence: u64) -> Record {
    Record {
        sequence,
        at: now(),
        command: format!("c-{sequence}").parse().unwrap(),
        origin: Origin::Clerk,
        fingerprint: Fingerprint(-7),
        event: Event::CounterClosed {
            counter: "5".parse().unwrap(),
        },
    }
}

/// The events of the log in `dir`, which are `record(1)`, `record(2)` and so on.
fn count(dir: &Path) -> u64 {
    let mut events = 0;
    ReadOnlyLog::open(dir)
        .unwrap()
        .replay::<ReadError>(|found| {
            events += 1;
            assert_eq!(found, record(events));
            Ok(())
        })
        .unwrap();
    events
}

/// Past what the test harness captures.
fn say_loudly(text: &str) {
    let text = format!("\n*** {text}\n\n");
    io::stderr().write_all(text.as_bytes()).unwrap();
}

/// Runs this test program in the part `part`, after `shell` did `set_up`.
fn play(part: &str, dir: &Path, shell: &[&str], set_up: &str) -> io::Result<ExitStatus> {
    let script = format!("{set_up}\nexec \"$0\" --exact the_part_that_a_process_plays --nocapture");
    Command::new(shell[0])
        .args(&shell[1..])
        .arg(script)
        .arg(std::env::current_exe()?)
        .env(PART, part)
        .env(DIR, dir)
        .stdout(Stdio::null())
        .status()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Runs the part with mounts of its own. Whether this machine allows them; if it
/// does, the part must have gone well.
fn plays_with_mounts(part: &str, set_up: &str) -> bool {
    let dir = TempDir::new().unwrap();
    let shell: &[&str] = if is_root() {
        &["unshare", "--mount", "sh", "-c"]
    } else {
        &["unshare", "--mount", "--map-root-user", "sh", "-c"]
    };
    let code = match play(part, dir.path(), shell, set_up) {
        Ok(status) => status.code(),
        Err(_) => Some(NOT_ALLOWED),
    };
    match code {
        Some(0) => {
            say_loudly(&format!("{part}: ran with a file system of its own"));
            true
        }
        // 1 is unshare's own; a part that went wrong ends with 101.
        Some(NOT_ALLOWED | 1) => {
            say_loudly(&format!(
                "{part}: THIS MACHINE ALLOWS NO SUCH MOUNT; a limit on the size of files takes its place"
            ));
            false
        }
        _ => panic!("{part} went wrong: {code:?}"),
    }
}

const TMPFS: &str = r#"
    mount -t tmpfs -o size=2m tmpfs "$USHER_STORE_DIR" || exit 97
"#;

/// Without a mount only the limit is left, which fails writes just as really.
fn play_with_limit() {
    let dir = TempDir::new().unwrap();
    // In blocks of 512 bytes. The signal would end the process; ignored, the
    // write itself fails, with EFBIG.
    let limit = "trap '' XFSZ; ulimit -f 800 || exit 97";
    let status = play("failing writes", dir.path(), &["sh", "-c"], limit).unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn a_full_disk_loses_nothing_and_is_used_again_once_there_is_room() {
    if !plays_with_mounts("full disk", TMPFS) {
        play_with_limit();
    }
}

#[test]
fn writes_that_fail_lose_nothing() {
    play_with_limit();
}

#[test]
fn a_disk_that_reports_errors_loses_nothing() {
    // A file system of 64 MB on a device that has room for 4: beyond, each write
    // fails as on a broken disk.
    let set_up = r#"
        mount -t tmpfs -o size=4m tmpfs "$USHER_STORE_DIR" || exit 97
        mkdir "$USHER_STORE_DIR/disk" &&
        truncate -s 64m "$USHER_STORE_DIR/image" &&
        mkfs.ext4 -q -O ^has_journal -E lazy_itable_init=1,nodiscard "$USHER_STORE_DIR/image" &&
        mount -o loop "$USHER_STORE_DIR/image" "$USHER_STORE_DIR/disk" || exit 97
        USHER_STORE_DIR="$USHER_STORE_DIR/disk"; export USHER_STORE_DIR
    "#;
    if !plays_with_mounts("broken disk", set_up) {
        play_with_limit();
    }
}

#[test]
fn a_file_system_that_goes_read_only_loses_nothing() {
    let set_up = r#"
        truncate -s 16m "$USHER_STORE_DIR/image" &&
        mkfs.ext4 -q "$USHER_STORE_DIR/image" && mkdir "$USHER_STORE_DIR/disk" &&
        mount -o loop,errors=remount-ro "$USHER_STORE_DIR/image" "$USHER_STORE_DIR/disk" || exit 97
        USHER_STORE_DIR="$USHER_STORE_DIR/disk"; export USHER_STORE_DIR
        device=$(findmnt -n -o SOURCE "$USHER_STORE_DIR") || exit 97
        USHER_STORE_BREAK="/sys/fs/ext4/${device#/dev/}/trigger_fs_error"; export USHER_STORE_BREAK
        [ -w "$USHER_STORE_BREAK" ] || exit 97
    "#;
    if !plays_with_mounts("read-only file system", set_up) {
        play_with_limit();
    }
}

#[test]
fn the_part_that_a_process_plays() {
    let Ok(part) = std::env::var(PART) else {
        return;
    };
    let dir = std::env::var_os(DIR).unwrap();
    let dir = Path::new(&dir);
    match part.as_str() {
        "full disk" => full_disk(dir),
        "failing writes" => failing_writes(dir),
        "broken disk" => broken_disk(dir),
        "read-only file system" => read_only(dir),
        "append" => append_and_tell(dir),
        other => panic!("no part is called {other}"),
    }
}

/// Appends until that fails; gives how many were acknowledged, and the words.
fn append_until_it_fails(log: &mut EventLog, batch: u64) -> (u64, String) {
    loop {
        let first = log.head().sequence + 1;
        let records: Vec<Record> = (first..first + batch).map(record).collect();
        if let Err(error) = log.append(&records) {
            return (first - 1, error.to_string());
        }
        assert!(first < 1_000_000, "this disk does not fail");
    }
}

fn full_disk(dir: &Path) {
    let ballast = dir.join("ballast");
    fs::write(&ballast, vec![1; 500_000]).unwrap();
    let mut log = open(dir).unwrap();
    let (acknowledged, words) = append_until_it_fails(&mut log, 7);
    assert_eq!(words, "the disk is full: free some space");
    assert!(acknowledged > 1_000, "{acknowledged}");
    assert_eq!(count(dir), acknowledged);
    match log.reopen(now()) {
        Ok(()) => {
            let (_, words) = append_until_it_fails(&mut log, 500);
            assert_eq!(words, "the disk is full: free some space");
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).unwrap().to_string();
            assert!(cause.contains("full"), "{error}: {cause}");
        }
    }
    fs::remove_file(&ballast).unwrap();
    log.reopen(now()).unwrap();
    let stored = count(dir);
    assert!(stored >= acknowledged);
    log.append(&[record(stored + 1)]).unwrap();
    drop(log);
    check_sound(dir, stored + 1);
}

fn check_sound(dir: &Path, events: u64) {
    assert_eq!(count(dir), events);
    let report = verify(dir, &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report}");
}

fn failing_writes(dir: &Path) {
    let mut log = open(dir).unwrap();
    let (acknowledged, words) = append_until_it_fails(&mut log, 7);
    assert!(words.starts_with("the disk reports an error"), "{words}");
    assert!(acknowledged > 100, "{acknowledged}");
    assert_eq!(count(dir), acknowledged);
    drop(log);
    // The log is opened again and read, though there is no room for more.
    assert!(count(dir) >= acknowledged);
    let report = verify(dir, &mut |_| {}).unwrap();
    assert!(report.is_sound(), "{report}");
}

fn broken_disk(dir: &Path) {
    // Takes what room the device has left, but for a little.
    let mut log = open(dir).unwrap();
    let (acknowledged, words) = append_until_it_fails(&mut log, 200);
    assert!(words.starts_with("the disk reports an error"), "{words}");
    assert!(acknowledged > 0);
    // What the log reads now may be more than what was acknowledged, never less.
    let readable = count(dir);
    assert!(readable >= acknowledged, "{readable} of {acknowledged}");
    // And it does not accept events until the disk takes writes again.
    assert!(log.append(&[record(readable + 1)]).is_err());
    if log.reopen(now()).is_ok() {
        let (more, _) = append_until_it_fails(&mut log, 200);
        assert!(count(dir) >= more);
    }
}

fn read_only(dir: &Path) {
    // One log that was closed, so that it is a single file, and one that is open.
    let closed = dir.join("closed");
    open(&closed).unwrap().append(&[record(1)]).unwrap();
    let mut log = open(dir).unwrap();
    let records: Vec<Record> = (1..=300).map(record).collect();
    log.append(&records).unwrap();
    fs::write(std::env::var_os("USHER_STORE_BREAK").unwrap(), "a test").unwrap();
    fs::write(dir.join("probe"), "").expect_err("the file system is read-only now");
    let error = log.append(&[record(301)]).unwrap_err().to_string();
    assert!(
        error.contains("read-only") || error.contains("the disk reports an error"),
        "{error}"
    );
    assert_eq!(count(dir), 300, "it is read all the same");
    let error = log.reopen(now()).unwrap_err();
    let cause = std::error::Error::source(&error).map(ToString::to_string);
    assert!(cause.unwrap_or_default().contains("readonly"), "{error}");
    drop(log);
    check_sound(dir, 300);
    check_sound(&closed, 1);
    let error = open(dir).unwrap_err().to_string();
    assert!(
        error.contains("cannot be used; give usher-server the right to write"),
        "{error}"
    );
}

/// Appends for ever, and writes the number of each event that is acknowledged.
fn append_and_tell(dir: &Path) {
    let writer = Writer::start(open(dir).unwrap()).unwrap();
    let (tell, told) = mpsc::sync_channel(256);
    let mut next = writer.with_log(|log| log.head().sequence).unwrap() + 1;
    std::thread::spawn(move || {
        loop {
            let size = 1 + next % 5;
            let tell = tell.clone();
            writer.append((next..next + size).map(record).collect(), move |result| {
                let _ = tell.send(result);
            });
            next += size;
        }
    });
    let mut out = io::stdout();
    for result in told {
        let line = format!("acknowledged {}\n", result.unwrap().sequence);
        out.write_all(line.as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let dir = TempDir::new().unwrap();
    let mut last = 0;
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_part_that_a_process_plays", "--nocapture"])
            .env(PART, "append")
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let until = Instant::now() + Duration::from_millis(60 + round * 37);
        let mut line = String::new();
        let mut acknowledged = last;
        while Instant::now() < until || acknowledged == last {
            line.clear();
            assert!(
                lines.read_line(&mut line).unwrap() > 0,
                "it ended by itself"
            );
            acknowledged = number_in(&line).unwrap_or(acknowledged);
        }
        // SIGKILL. What it had acknowledged before stands in the pipe.
        child.kill().unwrap();
        child.wait().unwrap();
        let mut rest = String::new();
        lines.read_to_string(&mut rest).unwrap();
        // The last line may be cut off.
        let whole = rest.rsplit_once('\n').map_or("", |(whole, _)| whole);
        acknowledged = whole
            .lines()
            .filter_map(number_in)
            .next_back()
            .unwrap_or(acknowledged);
        let stored = open(dir.path()).unwrap().head().sequence;
        assert!(
            stored >= acknowledged,
            "{stored} of {acknowledged} are there"
        );
        last = stored;
    }
    check_sound(dir.path(), last);
}

fn number_in(line: &str) -> Option<u64> {
    line.trim_end().strip_prefix("acknowledged ")?.parse().ok()
}
