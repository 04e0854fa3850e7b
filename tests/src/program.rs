//! A program as a child process: started, watched, asked to stop, or killed.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;

use crate::json_lines::JsonLines;
use crate::wait;

/// The process groups that this process has started and not yet ended.
static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// Ends everything that was started, at once: for when this process itself is
/// interrupted and no destructor will run.
pub fn kill_all() {
    let groups = GROUPS.lock().unwrap_or_else(PoisonError::into_inner);
    for group in groups.iter() {
        // Already gone is as good.
        let _ = killpg(Pid::from_raw(*group), Signal::SIGKILL);
    }
}

/// A running program. Its standard error goes to `NAME.log` and its standard
/// output to `NAME.out` in the run's directory; both are added to over restarts.
/// It and its children are killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    out: PathBuf,
    out_start: u64,
    log: PathBuf,
}

impl Program {
    /// Starts `command` under the name `name` with its files in `dir`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(name: &str, dir: &Path, command: &mut Command) -> Result<Self> {
        let append = |path: &Path| -> Result<File> {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .with_context(|| format!("cannot write {}", path.display()))
        };
        let out = dir.join(format!("{name}.out"));
        let log = dir.join(format!("{name}.log"));
        let out_file = append(&out)?;
        let out_start = out_file.metadata()?.len();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(out_file)
            .stderr(append(&log)?)
            // A group of its own, so that a browser's many processes end with it.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let stdin = child.stdin.take();
        let started = Self {
            name: name.to_owned(),
            child,
            stdin,
            out,
            out_start,
            log,
        };
        GROUPS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(started.pid().as_raw());
        Ok(started)
    }

    /// Its name in this run.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("Linux process ids fit"))
    }

    /// The JSON lines that it writes to standard output, from this start on.
    #[must_use]
    pub fn lines(&self) -> JsonLines {
        JsonLines::new_at(&self.out, self.out_start)
    }

    /// The file of its standard error.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Whether it has ended, and how.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Fails if it has ended, with the last of what it said.
    ///
    /// # Errors
    /// If it is not running any more.
    pub fn must_run(&mut self) -> Result<()> {
        if let Some(status) = self.ended()? {
            bail!("{} ended ({status}): {}", self.name, tail(&self.log, 5));
        }
        Ok(())
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// If it does not read any more.
    pub fn say(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("standard input is closed")?;
        writeln!(stdin, "{line}").with_context(|| format!("cannot tell {} \"{line}\"", self.name))
    }

    /// Ends it as a power cut would: SIGKILL, to it and its children.
    pub fn kill(&mut self) {
        let _ = killpg(self.pid(), Signal::SIGKILL);
        let _ = self.child.wait();
        GROUPS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.pid().as_raw());
    }

    /// Asks it to stop with SIGTERM and waits until it has.
    ///
    /// # Errors
    /// If it does not within [`wait::STOP`].
    pub fn stop(&mut self) -> Result<ExitStatus> {
        kill(self.pid(), Signal::SIGTERM).ok();
        self.wait(wait::STOP)
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    /// If it does not within `limit`.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        wait::until(&what, limit, || self.ended())
    }

    /// Memory that it holds now (VmRSS of `/proc`, see proc(5)), in KiB.
    ///
    /// # Errors
    /// If it is not running.
    pub fn memory_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|number| number.trim().parse().ok())
            .context("no VmRSS in /proc")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last `count` lines of a text file.
#[must_use]
pub fn tail(path: &Path, count: usize) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

/// What a program that ends by itself said and how it ended.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs a program that ends by itself.
///
/// # Errors
/// If it cannot be started, or runs longer than `limit`.
pub fn run(name: &str, dir: &Path, command: &mut Command, limit: Duration) -> Result<Finished> {
    let scratch = tempfile::Builder::new().prefix(name).tempdir_in(dir)?;
    let mut program = Program::start(name, scratch.path(), command)?;
    let status = program.wait(limit)?;
    let text = |path: &Path| -> Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(path)?).into_owned())
    };
    Ok(Finished {
        code: status.code(),
        out: text(&program.out)?,
        err: text(&program.log)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_program_takes_its_children_along() {
        let dir = tempfile::tempdir().unwrap();
        let program = Program::start(
            "parent",
            dir.path(),
            Command::new("sh").args(["-c", "sleep 300 & echo $!; wait"]),
        )
        .unwrap();
        let mut lines = program.lines();
        let child: i32 = wait::until("the child's id", wait::STEP, || {
            Ok(lines.take()?.into_iter().next())
        })
        .unwrap();
        assert!(program.memory_kib().unwrap() > 0);
        drop(program);
        wait::until_true("the child's end", wait::STEP, || {
            // An ended child that nobody has waited for yet is still listed, as Z.
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
            Ok(stat.map_or(true, |stat| stat.contains(") Z ")))
        })
        .unwrap();
    }

    #[test]
    fn an_end_is_told_with_the_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo no paper >&2; exit 3"]);
        let mut program = Program::start("sh", dir.path(), &mut command).unwrap();
        program.wait(wait::STEP).unwrap();
        let error = program.must_run().unwrap_err().to_string();
        assert!(error.contains("no paper"), "{error}");
        let finished = run("sh", dir.path(), &mut command, wait::STEP).unwrap();
        assert_eq!(
            (finished.code, finished.err.as_str()),
            (Some(3), "no paper\n")
        );
    }
}
