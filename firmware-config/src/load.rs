//! Reading the device file from disk.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::problem::Problem;
use crate::schema::{self, DeviceFile};

/// Longest device file that is read, in bytes.
pub const FILE_BYTES_MAX: u64 = 64 * 1024;
/// Longest file that a secret is read from, in bytes.
pub const SECRET_FILE_BYTES_MAX: u64 = 1024;

/// Why there are no settings. The text is for a technician and says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file is missing, forbidden or too long. A technician checks
    /// the path and that the device's user (`usher`) may read it.
    #[error("cannot read the device file {} (check the path, and that this user may read it)", path.display())]
    Unreadable {
        /// The file that was asked for.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no text: saved in another encoding, or another kind of file.
    #[error(
        "the device file {} is not text in UTF-8 (save it as UTF-8, without special letters if \
         need be, or write it anew from `usher-config example`)",
        path.display()
    )]
    NotText {
        /// The file that was asked for.
        path: PathBuf,
    },
    /// The file was read, but cannot be used: everything that is wrong with it.
    #[error("{}", told(path.as_deref(), problems))]
    Wrong {
        /// The file, if it came from one.
        path: Option<PathBuf>,
        /// What to put right, in the order of the file; at least one.
        problems: Vec<Problem>,
    },
}

impl LoadError {
    /// What to put right, if the file could be read at all.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match self {
            Self::Unreadable { .. } | Self::NotText { .. } => &[],
            Self::Wrong { problems, .. } => problems,
        }
    }
}

fn told(path: Option<&Path>, problems: &[Problem]) -> String {
    let file = path.map_or_else(
        || "the device file".to_owned(),
        |path| format!("the device file {}", path.display()),
    );
    match problems {
        [problem] => format!("{file} cannot be used: {problem}"),
        problems => {
            let lines: String = problems.iter().map(|p| format!("\n  {p}")).collect();
            format!("{file} has {} problems:{lines}", problems.len())
        }
    }
}

/// Reads the device file at `path`, and the secret's own file if it names one.
///
/// # Errors
/// [`LoadError`] tells everything that is wrong, not only the first thing.
pub fn load(path: &Path) -> Result<DeviceFile, LoadError> {
    let text = read_bounded(path, FILE_BYTES_MAX).map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::InvalidData => LoadError::NotText { path },
            _ => LoadError::Unreadable { path, source },
        }
    })?;
    let read_secret = |file: &Path| read_bounded(file, SECRET_FILE_BYTES_MAX);
    schema::read(&text, &read_secret).map_err(|problems| LoadError::Wrong {
        path: Some(path.to_owned()),
        problems,
    })
}

/// Reads a device file's text. Touches no other file, so a `secret_file` in it is refused.
///
/// # Errors
/// [`LoadError::Wrong`] with everything that is wrong.
pub fn parse(text: &str) -> Result<DeviceFile, LoadError> {
    let read_secret = |_: &Path| {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "no other file is read here",
        ))
    };
    schema::read(text, &read_secret).map_err(|problems| LoadError::Wrong {
        path: None,
        problems,
    })
}

fn read_bounded(path: &Path, bytes_max: u64) -> io::Result<String> {
    let file = File::open(path)?;
    let mut text = String::new();
    file.take(bytes_max + 1).read_to_string(&mut text)?;
    if text.len() as u64 > bytes_max {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has more than {bytes_max} bytes"),
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::example;
    use crate::schema::{PaperWidth, Role};
    use std::fs;

    fn good() -> String {
        example(Role::Kiosk)
    }

    /// The example with one line changed; each change must hit.
    fn with(from: &str, to: &str) -> String {
        let text = good();
        assert!(text.contains(from), "{from} is not in the example");
        text.replacen(from, to, 1)
    }

    /// The one problem of `text`, as it is told.
    fn problem(text: &str) -> String {
        let error = parse(text).expect_err(text);
        assert_eq!(error.problems().len(), 1, "{error}");
        error.problems()[0].to_string()
    }

    fn line_of(text: &str, part: &str) -> usize {
        1 + text
            .lines()
            .position(|line| line.starts_with(part))
            .expect("the part is in the text")
    }

    #[test]
    fn values_are_read_as_written() {
        let file = parse(&with("paper = \"80mm\"", "paper = \"58mm\"")).expect("a good file");
        assert_eq!(file.device.id.as_str(), "kiosk-1");
        assert_eq!(file.server.broker.to_string(), "mqtt://192.168.20.2:1883");
        assert_eq!(file.server.secret(), "put-the-secret-of-this-device-here");
        assert_eq!(file.panel.height_px, 1920);
        assert_eq!(file.languages.default_language().as_str(), "en");
        let printer = file.printer.expect("a printer");
        assert_eq!(
            (printer.paper, printer.line_dots()),
            (PaperWidth::Mm58, 384)
        );
        let scanner = file.scanner.expect("a scanner");
        assert_eq!((scanner.baud, scanner.quiet().as_millis()), (9600, 80));
        let forms = file.paper_forms.expect("paper forms");
        assert_eq!(forms.series.to_string(), "X");
    }

    #[test]
    fn a_wrong_value_names_line_key_allowed_values_and_an_example() {
        for (from, to, key, told) in [
            (
                "format = 1",
                "format = 2",
                "format",
                "this program reads format 1",
            ),
            (
                "id = \"kiosk-1\"",
                "id = 1",
                "device.id",
                "1 cannot be used; use a device id",
            ),
            (
                "role = \"kiosk\"",
                "role = \"Kiosk\"",
                "device.role",
                "use \"kiosk\" or \"hall-display\", for example `role = \"kiosk\"`",
            ),
            (
                "width_px = 1080",
                "width_px = 80",
                "panel.width_px",
                "use a whole number from 320 to 7680",
            ),
            (
                "width_mm = 345.0",
                "width_mm = nan",
                "panel.width_mm",
                "use a number from 50 to 5000",
            ),
            (
                "width_mm = 345.0",
                "width_mm = 5000",
                "panel.width_mm",
                "measure the picture's width",
            ),
            (
                "fullscreen = true",
                "fullscreen = \"yes\"",
                "panel.fullscreen",
                "use true or false",
            ),
            (
                "order = [\"en\"",
                "order = [\"en_US\"",
                "languages.order",
                "\"en_US\" is no language tag",
            ),
            (
                "order = [\"en\"",
                "order = [\"es\"",
                "languages.order",
                "none of them twice",
            ),
            (
                "order = [\"en\"",
                "order = [1",
                "languages.order",
                "a list of 1 to 40",
            ),
            (
                "baud = 115200",
                "baud = 115201",
                "printer.baud",
                "57600, 115200, 230400",
            ),
            (
                "baud = 115200",
                "baud = 99999999999999999999",
                "printer.baud",
                "far too large",
            ),
            (
                "# dots_per_line = 576",
                "dots_per_line = 570",
                "printer.dots_per_line",
                "no multiple of 8",
            ),
            (
                "port = \"/dev/ticket",
                "port = \"dev/ticket",
                "printer.port",
                "an absolute path",
            ),
            (
                "quiet_ms = 80",
                "quiet_ms = 5",
                "scanner.quiet_ms",
                "from 20 to 1000, for example `quiet_ms = 80`",
            ),
            (
                "series = \"X\"",
                "series = \"X1\"",
                "paper_forms.series",
                "use one or two letters A-Z",
            ),
        ] {
            let text = with(from, to);
            let problem = problem(&text);
            let name = key.rsplit('.').next().expect("a key has a name");
            let start = to.split(" = ").next().expect("a line has a key");
            assert_eq!(start, name, "the table is right");
            let line = line_of(&text, to.split('"').next().expect("a line has a start"));
            assert!(
                problem.starts_with(&format!("line {line}, {key}: ")),
                "{problem} ({line})"
            );
            assert!(problem.contains(told), "{problem} lacks: {told}");
        }
    }

    #[test]
    fn brokers_are_read_and_refused_with_what_to_do() {
        for (address, host, port) in [
            ("mqtt://queue.office.example", "queue.office.example", 1883),
            ("mqtt://10.0.0.2:1884/", "10.0.0.2", 1884),
            ("mqtt://[fd00::2]:1883", "fd00::2", 1883),
            ("mqtt://[fd00::2]", "fd00::2", 1883),
        ] {
            let broker = parse(&with(
                "mqtt://192.168.20.2:1883\"\n",
                &format!("{address}\"\n"),
            ))
            .expect("a good file")
            .server
            .broker;
            assert_eq!((broker.host.as_str(), broker.port), (host, port));
        }
        for (address, told) in [
            ("192.168.20.2", "starts with mqtt://"),
            ("mqtts://q", "TLS"),
            ("mqtt://user:hush@q", "server.secret"),
            ("mqtt://q:0", "1 to 65535"),
            ("mqtt://q:99999", "1 to 65535"),
            ("mqtt://q:", "1 to 65535"),
            ("mqtt://q:+1", "1 to 65535"),
            ("mqtt://", "host"),
            ("mqtt://[fd00::2", "host"),
            ("mqtt://a b", "host"),
            ("mqtt://q/path", "nothing may follow"),
        ] {
            let problem = problem(&with(
                "mqtt://192.168.20.2:1883\"\n",
                &format!("{address}\"\n"),
            ));
            assert!(problem.contains(told), "{address}: {problem}");
            assert!(!problem.contains("hush"), "a password is shown: {problem}");
        }
    }

    #[test]
    fn unknown_names_lead_to_known_ones() {
        for (from, to, told) in [
            (
                "quiet_ms = 80",
                "quit_ms = 80",
                "scanner.quit_ms: no such key; did you mean `quiet_ms`?",
            ),
            (
                "quiet_ms = 80",
                "paper = \"80mm\"",
                "scanner.paper: this key stands in [printer], not here",
            ),
            (
                "quiet_ms = 80",
                "colour = 1",
                "scanner.colour: no such key; [scanner] has port, baud, quiet_ms",
            ),
            (
                "[scanner]",
                "[scaner]",
                "[scaner]: no such section; did you mean [scanner]?",
            ),
            (
                "[scanner]",
                "[lights]",
                "[lights]: no such section; the sections are device, server",
            ),
            (
                "format = 1",
                "format = 1\nbaud = 9600",
                "baud: this key stands in [printer], not here",
            ),
        ] {
            let text = with(from, to);
            let error = parse(&text).expect_err(&text).to_string();
            assert!(error.contains(told), "{error}");
        }
        let error = parse("format = 1\nscanner = 1").expect_err("a key for a section");
        let told = "line 2, scanner: this is a section; write [scanner] on a line of its own";
        assert!(error.to_string().contains(told), "{error}");
    }

    #[test]
    fn missing_things_are_asked_for() {
        assert!(
            problem(&with("height_px = 1920", ""))
                .contains("panel.height_px: this key is missing; add `height_px = 1920`")
        );
        assert!(
            problem(&with("secret = ", "# secret = ")).contains("`usher-server secret` makes one")
        );
        let both = with("# secret_file", "secret_file");
        assert!(problem(&both).contains("server.secret_file: there is a secret as well"));
        let error = parse("").expect_err("nothing is there").to_string();
        assert!(error.contains("add `format = 1`"), "{error}");
        let error = parse("format = 1").expect_err("nothing else is there");
        let keys: Vec<&str> = error.problems().iter().map(|p| p.key.as_str()).collect();
        assert_eq!(keys, ["[device]", "[server]", "[panel]", "[languages]"]);
    }

    #[test]
    fn all_problems_are_told_at_once_in_the_order_of_the_file() {
        let text = good()
            .replace("series = \"X\"", "series = 1")
            .replace("width_px = 1080", "width_px = 1")
            .replace("id = \"kiosk-1\"", "id = \"\"")
            .replace("baud = 115200", "bauds = 115200");
        let error = parse(&text).expect_err("four mistakes");
        let keys: Vec<&str> = error.problems().iter().map(|p| p.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "device.id",
                "panel.width_px",
                "printer.bauds",
                "paper_forms.series"
            ]
        );
        assert!(
            error
                .to_string()
                .starts_with("the device file has 4 problems:\n  line ")
        );
    }

    #[test]
    fn a_hall_display_has_no_printer() {
        let text = with("role = \"kiosk\"", "role = \"hall-display\"");
        let error = parse(&text).expect_err("three sections too many");
        assert_eq!(error.problems().len(), 3);
        assert!(
            error
                .to_string()
                .contains("[printer]: a hall display has no such section; remove it")
        );
    }

    #[test]
    fn what_is_not_toml_is_told_by_line() {
        for (text, line) in [
            ("format = 1\n[device\nid = 2", 2),
            ("format = \n", 1),
            ("format = 1\nformat = 1", 2),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.problems()[0].line, Some(line), "{error}");
            assert!(error.to_string().contains("this is not TOML: "), "{error}");
        }
    }

    #[test]
    fn a_secret_is_never_told() {
        for text in [
            with("put-the-secret-of-this-device-here", "hush-hush"),
            with("\"put-the-secret-of-this-device-here\"", "123456789012345"),
            with(
                "put-the-secret-of-this-device-here",
                "hush-hush-hush\\u0007hush",
            ),
        ] {
            let problem = problem(&text);
            assert!(
                problem.contains("what stands there cannot be used; use 12 to 200"),
                "{problem}"
            );
            assert!(
                !problem.contains("hush") && !problem.contains("12345"),
                "{problem}"
            );
        }
        let debug = format!("{:?}", parse(&good()).expect("the example is good"));
        assert!(
            debug.contains("Secret(…)") && !debug.contains("put-the-secret"),
            "{debug}"
        );
    }

    #[test]
    fn a_secret_in_the_place_of_a_key_is_never_told() {
        let text = with(
            "secret = \"put-the-secret-of-this-device-here\"",
            "hush-hush-hush-hush = true",
        );
        let error = parse(&text).expect_err("no such key").to_string();
        assert!(error.contains("server.…: no such key"), "{error}");
        assert!(!error.contains("hush"), "{error}");
        // A slip of the finger is still told.
        let error = parse(&with("secret = ", "secrat = ")).expect_err("no such key");
        assert!(error.to_string().contains("server.secrat: "), "{error}");
    }

    #[test]
    fn a_printers_line_is_fast_enough_for_a_form() {
        for baud in [9600, 19_200] {
            let problem = problem(&with("baud = 115200", &format!("baud = {baud}")));
            assert!(problem.contains("use 38400, 57600"), "{problem}");
        }
    }

    #[test]
    fn a_secret_has_its_own_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let secret_path = dir.path().join("secret");
        let file_path = dir.path().join("device.toml");
        let text = good().replace("secret = \"", "# secret = \"").replace(
            "# secret_file = \"/etc/usher/secret\"",
            &format!("secret_file = {secret_path:?}"),
        );
        fs::write(&file_path, &text).expect("written");

        let error = load(&file_path).expect_err("no secret yet").to_string();
        assert!(
            error.contains("server.secret_file") && error.contains("cannot be read"),
            "{error}"
        );
        fs::write(&secret_path, "a-secret-of-kiosk-1\r\n").expect("written");
        let server = load(&file_path).expect("a good file").server;
        assert_eq!(server.secret(), "a-secret-of-kiosk-1");
        assert_eq!(server.secret_file, Some(secret_path.clone()));
        fs::write(&secret_path, "a-secret-of-kiosk-1\nand-more\n").expect("written");
        let error = load(&file_path).expect_err("two lines").to_string();
        assert!(
            error.contains("on one line") && !error.contains("and-more"),
            "{error}"
        );
        fs::write(&secret_path, "x".repeat(2000)).expect("written");
        let error = load(&file_path).expect_err("too long").to_string();
        assert!(error.contains("more than 1024 bytes"), "{error}");
        assert!(problem(&text).contains("no other file is read here"));
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("device.toml");
        let told = |path: &Path| {
            let error = load(path).expect_err("no such file");
            format!("{:#}", anyhow::Error::from(error))
        };
        let missing = told(&path);
        assert!(missing.contains("device.toml (check the path"), "{missing}");
        assert_eq!(missing.matches("No such file").count(), 1, "{missing}");
        assert!(told(dir.path()).contains("directory"));
        fs::write(&path, vec![b'#'; 70_000]).expect("written");
        assert!(told(&path).contains("more than 65536 bytes"));
        fs::write(&path, [0xff, 0xfe]).expect("written");
        let told = told(&path);
        assert!(told.contains("save it as UTF-8"), "{told}");
        assert!(!told.contains("may read it"), "the path is right: {told}");
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused_with_bounds(text in "\\PC*") {
            if let Err(error) = parse(&text) {
                proptest::prop_assert!(!error.problems().is_empty());
                proptest::prop_assert!(error.problems().len() <= 25);
            }
        }

        #[test]
        fn a_good_file_with_a_hole_is_read_or_refused(from in 0_usize..4000, length in 1_usize..60) {
            let text: String = good().chars().enumerate()
                .filter(|(at, _)| !(from..from + length).contains(at))
                .map(|(_, c)| c)
                .collect();
            if let Err(error) = parse(&text) {
                proptest::prop_assert!(!error.problems().is_empty());
            }
        }
    }
}
