//! The hall display: hall, link and window, joined.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use tracing::info;
use usher_firmware_config::DeviceFile;
use usher_protocol::Language;
use usher_protocol::message::{Call, DeviceStatus, Role};

use super::kiosk::link_config;
use super::{EVENTS_WAITING_MAX, LoopFault, LoopThread};
use crate::clock;
use crate::hall::view::{View, view};
use crate::hall::{Effect, Hall, Input, step};
use crate::link::{Link, LinkEvent};
use crate::window::{HallPresenter, HallScreen, WindowError};

/// How often time passes for the stage.
const TICK: Duration = Duration::from_millis(200);

/// Why the hall display could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum DisplayError {
    /// The window.
    #[error(transparent)]
    Window(#[from] WindowError),
    /// A bug.
    #[error(transparent)]
    Fault(#[from] LoopFault),
    /// The system gave no thread.
    #[error("the system gives no more threads (check the memory and the limits of this user)")]
    Thread(#[from] std::io::Error),
}

#[expect(
    clippy::large_enum_variant,
    reason = "a few at a time pass through a bounded inbox"
)]
enum Event {
    Link(LinkEvent),
    Closed,
}

/// Runs the hall display of `file` until its window is closed.
///
/// # Errors
/// [`DisplayError`] if it cannot start, or ended by a fault.
pub fn run(file: &DeviceFile, shown_log_path: Option<&Path>) -> Result<(), DisplayError> {
    info!(device.id = %file.device.id, "the hall display starts");
    let language = file.languages.default_language();
    let screen = HallScreen::open(&file.panel, language, shown_log_path)?;
    let (tell, events) = sync_channel(EVENTS_WAITING_MAX);
    let news = tell.clone();
    let link = Link::start(link_config(file, Role::HallDisplay), move |event| {
        // Without the loop the program is about to end.
        let _ = news.send(Event::Link(event));
    })?;
    let display = Display {
        hall: Some(Hall::new(clock::now())),
        _link: reporting(link),
        language: language.clone(),
        presenter: screen.presenter(),
        shown: None,
    };
    let thread = LoopThread::start("display", move || display.run(events))?;
    let shown = screen.run(&file.panel);
    // The loop may have ended already, with its inbox.
    let _ = tell.send(Event::Closed);
    thread.join()?;
    Ok(shown?)
}

/// A hall display has no parts that could fail, and says so once.
fn reporting(link: Link) -> Link {
    let status = DeviceStatus {
        as_of: clock::now().wall,
        printer_ready: None,
        printer: None,
        scanner_ready: None,
        papers_waiting: 0,
    };
    link.report(status)
        .expect("the inbox of a new link has room");
    link
}

/// The loop and all that it owns.
struct Display {
    /// Taken only while a step is under way.
    hall: Option<Hall>,
    /// Its end would be the connection's end.
    _link: Link,
    language: Language,
    presenter: HallPresenter,
    shown: Option<Arc<View>>,
}

impl Display {
    fn run(mut self, events: Receiver<Event>) {
        self.step(Input::Tick);
        loop {
            let input = match events.recv_timeout(TICK) {
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => Some(Input::Tick),
                Ok(Event::Link(event)) => input(event),
            };
            if let Some(input) = input {
                self.step(input);
            }
        }
        // Before the link, whose thread is waited for: it may stand before the
        // full inbox.
        drop(events);
    }

    fn step(&mut self, input: Input) {
        let now = clock::now();
        let hall = self
            .hall
            .take()
            .expect("only a step takes it, and puts it back");
        let (hall, effects) = step(hall, input, now);
        let new = view(&hall, &self.language, now);
        self.hall = Some(hall);
        let came: Vec<Call> = effects
            .into_iter()
            .map(|effect| match effect {
                Effect::Announced(call) | Effect::Listed(call) => call,
            })
            .collect();
        if came.is_empty() && self.shown.as_deref() == Some(&new) {
            return;
        }
        let new = Arc::new(new);
        let old = self.shown.replace(Arc::clone(&new));
        self.presenter.show(old, new, came);
    }
}

fn input(event: LinkEvent) -> Option<Input> {
    Some(match event {
        LinkEvent::Online(online) => Input::LinkChanged { online },
        LinkEvent::Office(office) => Input::OfficeChanged(Arc::new(office)),
        LinkEvent::Waits(waits) => Input::WaitsChanged(Arc::new(waits)),
        LinkEvent::Calls(calls) => Input::CallsChanged(calls),
        // A hall display asks nothing.
        LinkEvent::Reply(_) => return None,
    })
}
