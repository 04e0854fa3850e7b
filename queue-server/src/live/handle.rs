//! The one door to the office: commands in, answers and views out.
//!
//! `web` and `link` hold a clone of [`OfficeHandle`] and nothing else of the
//! office. Behind it a single thread decides, stores and only then answers
//! ([`crate::live::office_thread`]).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};
use usher_protocol::DeviceId;
use usher_protocol::message::{DeviceStatus, Outcome, Presence, Reply, Request};

use crate::live::view::OfficeView;
use crate::office::command::Sender;

/// How many commands may wait for the office thread. At the bound
/// [`OfficeHandle::submit`] waits up to [`INBOX_WAIT_MAX`], then answers
/// [`Outcome::Unavailable`]: the sender sends again, as for a full disk.
pub const INBOX_COMMANDS_MAX: usize = 1024;

/// Longest wait for room in the inbox.
pub const INBOX_WAIT_MAX: Duration = Duration::from_secs(2);

/// Tells the time: the real clock in the program, a made-up one in tests.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// What a device told of itself. Not in the event log: it is of no use tomorrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceReport {
    /// Whether it is connected.
    Presence {
        /// Which device.
        device: DeviceId,
        /// What it said, or what its will said for it.
        presence: Presence,
    },
    /// How its parts are.
    Status {
        /// Which device.
        device: DeviceId,
        /// What it said.
        status: DeviceStatus,
    },
}

/// The latest that each device told.
pub(crate) type DeviceReports = Arc<Mutex<BTreeMap<DeviceId, LatestReport>>>;

/// The latest that one device told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LatestReport {
    pub(crate) presence: Option<Presence>,
    pub(crate) status: Option<DeviceStatus>,
    pub(crate) at: Option<Timestamp>,
}

/// What goes into the office thread's inbox.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all messages are commands: a box would only cost each an allocation"
)]
pub(crate) enum Message {
    /// Decide, store, answer.
    Command {
        sender: Sender,
        request: Request,
        answer: oneshot::Sender<Reply>,
    },
    /// Publish a new view: a device reported.
    Refresh,
    /// Take no more, answer what is here, and end.
    Stop,
}

/// A way to the office that can be cloned and shared.
#[derive(Clone)]
pub struct OfficeHandle {
    inbox: mpsc::Sender<Message>,
    view: watch::Receiver<Arc<OfficeView>>,
    reports: DeviceReports,
    clock: Clock,
}

impl OfficeHandle {
    pub(crate) fn new(
        inbox: mpsc::Sender<Message>,
        view: watch::Receiver<Arc<OfficeView>>,
        reports: DeviceReports,
        clock: Clock,
    ) -> Self {
        Self {
            inbox,
            view,
            reports,
            clock,
        }
    }

    /// Has `request` decided. The answer comes after what it changed is on disk.
    ///
    /// Dropping the future does not undo the command: send it again with the
    /// same id to learn what became of it.
    pub async fn submit(&self, sender: Sender, request: Request) -> Reply {
        let id = request.id.clone();
        let (answer, answered) = oneshot::channel();
        let message = Message::Command {
            sender,
            request,
            answer,
        };
        let reason = match self.inbox.send_timeout(message, INBOX_WAIT_MAX).await {
            Ok(()) => match answered.await {
                Ok(reply) => return reply,
                Err(_) => "the queue server is stopping",
            },
            Err(mpsc::error::SendTimeoutError::Timeout(_)) => {
                "the queue server has more to do than it can; try again in a moment"
            }
            Err(mpsc::error::SendTimeoutError::Closed(_)) => "the queue server is stopping",
        };
        Reply {
            id: Some(id),
            server_time: self.now(),
            outcome: Outcome::Unavailable {
                reason: reason.to_owned(),
            },
        }
    }

    /// The newest view, and word of every newer one. A view is published after
    /// what it shows is on disk.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<OfficeView>> {
        self.view.clone()
    }

    /// Notes what a device told of itself; a view with it follows soon.
    /// Reports of devices that are not in the office file are dropped.
    pub fn report_device(&self, report: DeviceReport) {
        let at = self.now();
        {
            let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
            let (DeviceReport::Presence { device, .. } | DeviceReport::Status { device, .. }) =
                &report;
            let Some(latest) = reports.get_mut(device) else {
                return;
            };
            latest.at = Some(at);
            match report {
                DeviceReport::Presence { presence, .. } => latest.presence = Some(presence),
                DeviceReport::Status { status, .. } => latest.status = Some(status),
            }
        }
        // A full inbox is no loss: its commands bring a new view anyway.
        let _ = self.inbox.try_send(Message::Refresh);
    }

    /// The time by the server's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
