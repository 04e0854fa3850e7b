//! The two programs, joined from their parts.
//!
//! [`kiosk`] and [`display`] each have one loop thread that owns all state: what
//! happens anywhere becomes one closed event in a bounded inbox. The main thread
//! belongs to the window.

pub mod display;
pub mod kiosk;
mod outbox;
mod print;
pub mod program;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use tracing::error;
use usher_protocol::CommandId;
use usher_protocol::message::OfficeInfo;

use crate::window;

/// Events that may wait for a loop. At the bound, threads wait and touches are dropped.
const EVENTS_WAITING_MAX: usize = 256;

/// The loop of a program ended by a bug. The window is closed and the program
/// ends, so that its supervisor starts it again; the journal has what matters.
#[derive(Debug, thiserror::Error)]
#[error("the program met a fault of its own, see the log; it has to be started again")]
pub struct LoopFault;

/// A loop on a thread of its own that takes the window down with it.
struct LoopThread {
    thread: Option<JoinHandle<()>>,
    has_failed: Arc<AtomicBool>,
}

impl LoopThread {
    fn start(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<Self> {
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                if catch_unwind(AssertUnwindSafe(body)).is_err() {
                    error!("a fault in the main loop; the program ends");
                    failed.store(true, Ordering::Release);
                    window::close();
                }
            })?;
        Ok(Self {
            thread: Some(thread),
            has_failed,
        })
    }

    /// Waits for its end; call it after the loop was told to end.
    fn join(mut self) -> Result<(), LoopFault> {
        let has_ended = self
            .thread
            .take()
            .is_none_or(|thread| thread.join().is_ok());
        if has_ended && !self.has_failed.load(Ordering::Acquire) {
            Ok(())
        } else {
            Err(LoopFault)
        }
    }
}

/// An error with all its causes, for the log.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// A fresh id of 128 random bits: no two devices ever make the same one.
fn fresh_command_id() -> CommandId {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).expect("Linux gives random bytes from early boot on");
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    CommandId::new(text).expect("hexadecimal digits make a valid command id")
}

/// Languages that this program has no words for are not offered.
fn keep_bundled_languages(office: &mut OfficeInfo) {
    office
        .languages
        .retain(|language| is_bundled(language.tag.as_str()));
}

fn is_bundled(tag: &str) -> bool {
    usher_ui::languages().any(|bundled| bundled == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ() {
        assert_ne!(fresh_command_id(), fresh_command_id());
        assert_eq!(fresh_command_id().as_str().len(), 32);
    }
}
