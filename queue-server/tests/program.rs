//! The real program: started, refused, stopped, killed.
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it must be"
)]

use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

fn office_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("offices/capitol-dmv.toml")
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_usher-server"));
    command
        .args(["run", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"])
        .arg("--office")
        .arg(office_path())
        .arg("--data")
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running server; killed when dropped.
struct Server {
    child: Child,
    http: String,
    events_recovered: u64,
}

impl Server {
    fn start(data: &Path) -> Self {
        let mut child = command(data).spawn().unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        drain(child.stderr.take().unwrap());
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|error| {
            let _ = child.kill();
            panic!("\"{line}\" is no ready line: {error}")
        });
        assert_eq!(ready["event"], "ready");
        assert!(
            ready["mqtt"]
                .as_str()
                .unwrap()
                .starts_with("mqtt://127.0.0.1:")
        );
        Self {
            child,
            http: ready["http"].as_str().unwrap().replace("http://", ""),
            events_recovered: ready["events_recovered"].as_u64().unwrap(),
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Nobody reads the log here, and a full pipe must not stop the server.
fn drain(mut log: ChildStderr) {
    thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
}

/// Status and body of an HTTP request; `None` if the server is gone.
fn http(address: &str, method: &str, path: &str, body: &str) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}

fn check_in(address: &str, id: &str) -> Option<(u16, Value)> {
    let request = json!({
        "v": 1,
        "id": id,
        "sent_at": "2026-11-25T17:00:00Z",
        "body": {
            "type": "check_in",
            "service": "titles",
            "language": "es",
            "arrived_at": "2026-11-25T17:00:00Z"
        }
    });
    http(address, "POST", "/api/v1/requests", &request.to_string())
}

fn number(reply: &Value) -> String {
    let number = &reply["answer"]["ticket"]["number"];
    number
        .as_str()
        .unwrap_or_else(|| panic!("{reply}"))
        .to_owned()
}

fn refused(mut command: Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    let told = stderr
        .lines()
        .find(|line| line.starts_with("usher-server: "));
    (
        status.code().unwrap(),
        told.unwrap_or_else(|| panic!("nothing is told: {stderr}"))
            .to_owned(),
    )
}

#[test]
fn killed_in_the_middle_it_keeps_what_it_acknowledged_once() {
    let dir = TempDir::new().unwrap();
    let mut known: HashMap<String, String> = HashMap::new();
    for round in 0..3 {
        let server = Server::start(dir.path());
        let acknowledged = Arc::new(Mutex::new(HashMap::new()));
        let clients: Vec<_> = (0..4)
            .map(|client| {
                let address = server.http.clone();
                let acknowledged = Arc::clone(&acknowledged);
                thread::spawn(move || {
                    for nth in 0.. {
                        let id = format!("c-{round}-{client}-{nth}");
                        // The server is gone: this one was not acknowledged.
                        let Some((200, reply)) = check_in(&address, &id) else {
                            return id;
                        };
                        acknowledged.lock().unwrap().insert(id, number(&reply));
                    }
                    unreachable!("the server is killed before");
                })
            })
            .collect();
        while acknowledged.lock().unwrap().len() < 40 {
            thread::yield_now();
        }
        server.kill();
        let unanswered: Vec<String> = clients.into_iter().map(|c| c.join().unwrap()).collect();
        known.extend(acknowledged.lock().unwrap().drain());

        // Restarted, it gives every acknowledged sender the same number again,
        // and takes in those whom it had not answered, once.
        let server = Server::start(dir.path());
        assert!(server.events_recovered > 40);
        for (id, given) in &known {
            let (status, reply) = check_in(&server.http, id).unwrap();
            assert_eq!((status, &number(&reply)), (200, given), "{id}");
        }
        for id in unanswered {
            let (_, reply) = check_in(&server.http, &id).unwrap();
            known.insert(id, number(&reply));
        }
        let (_, view) = http(&server.http, "GET", "/api/v1/state", "").unwrap();
        assert_eq!(view["waiting_total"].as_u64().unwrap(), known.len() as u64);
        let numbers: HashSet<&String> = known.values().collect();
        assert_eq!(numbers.len(), known.len(), "a number was given twice");
    }
}

#[test]
fn it_stops_cleanly_when_told_to_and_its_log_can_be_read_all_the_while() {
    let dir = TempDir::new().unwrap();
    let mut server = Server::start(dir.path());
    let (_, reply) = check_in(&server.http, "c-1").unwrap();
    let events = || {
        let output = Command::new(env!("CARGO_BIN_EXE_usher-server"))
            .args(["events", "--data"])
            .arg(dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines();
        let parsed = lines.map(|line| serde_json::from_str::<Value>(line).unwrap());
        parsed.collect::<Vec<_>>()
    };
    let while_running = events();
    assert_eq!(while_running.len(), 2);
    let queued = &while_running[1];
    assert_eq!(queued["sequence"], 2);
    assert_eq!(
        (&queued["command"], &queued["sender"]),
        (&json!("c-1"), &json!("clerk"))
    );
    assert_eq!(queued["event"]["event"], "visit_queued");
    assert_eq!(queued["event"]["number"], number(&reply).as_str());

    let id = server.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
    assert!(server.child.wait().unwrap().success());
    assert_eq!(events(), while_running);
}

#[test]
fn what_is_in_the_way_is_told_in_one_sentence() {
    let dir = TempDir::new().unwrap();
    let _server = Server::start(dir.path());
    let (code, told) = refused(command(dir.path()));
    assert_eq!(code, 1);
    assert!(told.contains("another usher-server already uses"), "{told}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for option in ["--http", "--mqtt"] {
        let fresh = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_usher-server"));
        let other = if option == "--http" {
            "--mqtt"
        } else {
            "--http"
        };
        command
            .args(["run", option, &address, other, "127.0.0.1:0", "--office"])
            .arg(office_path())
            .arg("--data")
            .arg(fresh.path());
        let (code, told) = refused(command);
        assert_eq!(code, 1);
        assert!(told.contains("is in use by another program"), "{told}");
    }

    let other = TempDir::new().unwrap();
    std::fs::write(other.path().join("events.db"), "x".repeat(5000)).unwrap();
    let (code, told) = refused(command(other.path()));
    assert_eq!(code, 1);
    assert!(told.contains("is not an SQLite database"), "{told}");
}

#[test]
fn a_wrong_office_file_is_told_with_its_lines() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("office.toml");
    let whole = std::fs::read_to_string(office_path()).unwrap();
    std::fs::write(
        &path,
        whole.replacen("usual_minutes = 18", "usual_minuts = 18", 1),
    )
    .unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_usher-server"));
    check.arg("check").arg(&path);
    let (code, told) = refused(check);
    assert_eq!(code, 2);
    assert!(told.contains("has 2 mistakes:"), "{told}");

    let mut check = Command::new(env!("CARGO_BIN_EXE_usher-server"));
    let output = check.arg("check").arg(office_path()).output().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.contains("12 services, 10 counters, 5 languages"),
        "{told}"
    );
}

#[test]
fn a_secret_fits_its_line() {
    let output = Command::new(env!("CARGO_BIN_EXE_usher-server"))
        .arg("secret")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let value = |key: &str| {
        let line = text.lines().find(|line| line.starts_with(key)).unwrap();
        line.split('"').nth(1).unwrap().to_owned()
    };
    let key = usher_protocol::form_code::SealKey::from_secret(&value("secret ="));
    assert_eq!(key.to_hex(), value("secret_sha256 ="));
}

#[test]
fn a_wrong_broker_address_is_refused_and_its_password_is_not_told() {
    let dir = TempDir::new().unwrap();
    for (url, by_environment) in [
        ("mqtt://office:hunter2@host:99999", false),
        ("mqtts://office:hunter2@host", true),
        ("mqtt://office:hunter2@ho st", true),
    ] {
        let mut run = Command::new(env!("CARGO_BIN_EXE_usher-server"));
        run.args(["run", "--http", "127.0.0.1:0", "--office"])
            .arg(office_path())
            .arg("--data")
            .arg(dir.path());
        if by_environment {
            run.env("USHER_BROKER", url);
        } else {
            run.args(["--broker", url]);
        }
        let output = run.output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(!told.contains("hunter2"), "{told}");
        let place = if by_environment {
            "usher-server: USHER_BROKER: "
        } else {
            "usher-server: --broker: "
        };
        assert!(told.contains(place), "{told}");
    }
    let mut both = command(dir.path());
    both.env("USHER_BROKER", "mqtt://host");
    let (code, told) = refused(both);
    assert_eq!(code, 2);
    assert!(told.contains("take away one of them"), "{told}");
}

#[test]
fn wishes_for_the_log_that_cannot_be_read_are_told() {
    let mut check = Command::new(env!("CARGO_BIN_EXE_usher-server"));
    let output = check
        .arg("check")
        .arg(office_path())
        .env("RUST_LOG", "info,usher=loud")
        .output()
        .unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("cannot be read"), "{told}");
}
