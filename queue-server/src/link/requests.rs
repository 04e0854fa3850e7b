//! From a message of a device to an answer for it.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::StreamExt;
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use usher_protocol::DeviceId;
use usher_protocol::message::{RejectionCode, Reply, Role, decode, encode};
use usher_protocol::topic::{FromDevice, Topics};

use super::{json, limits};
use crate::live::handle::{DeviceReport, OfficeHandle};
use crate::log_budget::LogBudget;
use crate::office::command::Sender;
use crate::reading::{id_in, read_request, rejected};

/// A request as it came.
struct Incoming {
    payload: Vec<u8>,
    response_topic: Option<String>,
    correlation: Option<Correlation>,
}

/// What the sender wants to see again in the reply, whatever it is.
type Correlation = Vec<u8>;

/// Gives each device's requests to a task of its own.
pub(super) struct Dispatcher {
    answerer: Answerer,
    devices: HashMap<DeviceId, mpsc::Sender<Incoming>>,
    tasks: JoinSet<()>,
}

/// What it takes to answer.
#[derive(Clone)]
struct Answerer {
    client: AsyncClient,
    topics: Topics,
    office: OfficeHandle,
    complaints: Arc<LogBudget>,
}

impl Dispatcher {
    pub(super) fn new(client: AsyncClient, topics: Topics, office: OfficeHandle) -> Self {
        Self {
            answerer: Answerer {
                client,
                topics,
                office,
                complaints: Arc::new(LogBudget::new()),
            },
            devices: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Takes a message from the broker, without waiting for anything.
    pub(super) fn dispatch(&mut self, message: Publish) {
        let topic = std::str::from_utf8(&message.topic).unwrap_or_default();
        match self.answerer.topics.parse_from_device(topic) {
            Some(FromDevice::Request(device)) => self.take_request(&device, message),
            Some(FromDevice::Presence(device)) => {
                let report = |device, presence| DeviceReport::Presence { device, presence };
                self.take_report(&message.payload, device, report);
            }
            Some(FromDevice::Status(device)) => {
                let report = |device, status| DeviceReport::Status { device, status };
                self.take_report(&message.payload, device, report);
            }
            None => self.report("a message came on a topic that is none of ours"),
        }
    }

    /// What a bug would do.
    #[cfg(test)]
    pub(super) async fn kill_tasks(&mut self) {
        self.tasks.abort_all();
        while self.devices.values().any(|task| !task.is_closed()) {
            tokio::task::yield_now().await;
        }
    }

    /// Says something in the log, within bounds.
    pub(super) fn report(&self, what: &str) {
        self.answerer.report(what);
    }

    fn take_request(&mut self, device: &DeviceId, message: Publish) {
        if message.retain && message.payload.is_empty() {
            // MQTT 5 §3.3.1.3: it only removes what was retained.
            return;
        }
        let properties = message.properties.unwrap_or_default();
        let incoming = Incoming {
            payload: message.payload.into(),
            response_topic: properties.response_topic,
            correlation: properties.correlation_data.map(Vec::from),
        };
        let Some(role) = self.answerer.role_of(device) else {
            self.report(&format!(
                "a request of {device}, which is no device of the office file, was refused"
            ));
            let why = format!("The office file has no device {device}.");
            let next_step = "Add a [[device]] with this id to the office file and start the queue server again.";
            self.answerer.refuse(device, incoming, why, next_step);
            return;
        };
        if message.retain {
            self.report(&format!(
                "a request of {device} was published as retained and refused: \
                 it would come again at every start; publish an empty retained message on \
                 its request topic to remove it"
            ));
            let why = "The request was published as a retained message.".to_owned();
            let next_step = "Nothing was stored. Send it without the retain flag.";
            self.answerer.refuse(device, incoming, why, next_step);
            return;
        }
        self.give(device, role, incoming);
    }

    /// Gives a request to its device's task: to a new one if there is none yet,
    /// or if it has ended, which it does only by a bug.
    fn give(&mut self, device: &DeviceId, role: Role, incoming: Incoming) {
        let unsent = match self.devices.get(device) {
            Some(task) => match task.try_send(incoming) {
                Ok(()) => return,
                Err(TrySendError::Full(_)) => {
                    self.report(&format!(
                        "{device} sends more requests than can be answered; some were dropped"
                    ));
                    return;
                }
                Err(TrySendError::Closed(incoming)) => incoming,
            },
            None => incoming,
        };
        while let Some(ended) = self.tasks.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(
                    device.id = %device, %error,
                    "answering a device ended by a fault of the program and starts anew"
                );
            }
        }
        let (task, requests) = mpsc::channel(limits::REQUESTS_WAITING_MAX);
        task.try_send(unsent)
            .expect("a new inbox has room and somebody who reads it");
        let answerer = self.answerer.clone();
        self.tasks
            .spawn(answerer.serve(device.clone(), role, requests));
        self.devices.insert(device.clone(), task);
    }

    fn take_report<T: serde::de::DeserializeOwned>(
        &self,
        payload: &[u8],
        device: DeviceId,
        report: impl FnOnce(DeviceId, T) -> DeviceReport,
    ) {
        if payload.is_empty() {
            // MQTT 5 §3.3.1.3: an empty payload only removes what was retained.
            return;
        }
        match decode(payload) {
            Ok(message) => {
                let report = bounded(report(device, message));
                self.answerer.office.report_device(report);
            }
            Err(error) => self.report(&format!("a report of {device} was ignored: {error}")),
        }
    }
}

impl Answerer {
    /// Answers one device in the order of its requests. The office has several
    /// of them at a time, so that they share one write to the disk.
    async fn serve(self, device: DeviceId, role: Role, requests: mpsc::Receiver<Incoming>) {
        ReceiverStream::new(requests)
            .map(|incoming| self.answer(&device, role, incoming))
            .buffered(limits::REQUESTS_AT_ONCE_MAX)
            .for_each(|(reply, correlation)| self.send(&device, reply, correlation))
            .await;
    }

    async fn answer(
        &self,
        device: &DeviceId,
        role: Role,
        incoming: Incoming,
    ) -> (Reply, Option<Correlation>) {
        let now = self.office.now();
        let own_reply_topic = self.topics.reply(device);
        let reply = if incoming
            .response_topic
            .is_some_and(|topic| topic != own_reply_topic)
        {
            rejected(
                id_in(&incoming.payload),
                RejectionCode::NotAllowed,
                "The response topic is not the device's own.",
                format!(
                    "Nothing was stored. Use {own_reply_topic} as the response topic, or none."
                ),
                now,
            )
        } else {
            match read_request(&incoming.payload, now) {
                Ok(request) => {
                    let sender = Sender::Device {
                        id: device.clone(),
                        role,
                    };
                    self.office.submit(sender, request).await
                }
                Err(reply) => *reply,
            }
        };
        (reply, incoming.correlation)
    }

    /// Says something in the log, within bounds.
    fn report(&self, what: &str) {
        if let Some(suppressed) = self.complaints.spend() {
            tracing::warn!(suppressed, "{what}");
        }
    }

    /// Answers without a task, and so without waiting: if there is no room,
    /// whoever asked may ask again.
    fn refuse(&self, device: &DeviceId, incoming: Incoming, why: String, next_step: &str) {
        let reply = rejected(
            id_in(&incoming.payload),
            RejectionCode::NotAllowed,
            why,
            next_step,
            self.office.now(),
        );
        let sent = self.client.try_publish_with_properties(
            self.topics.reply(device),
            QoS::AtLeastOnce,
            false,
            encode(&reply),
            reply_properties(incoming.correlation),
        );
        if sent.is_err() {
            tracing::debug!(device.id = %device, "no room for a refusal");
        }
    }

    fn role_of(&self, device: &DeviceId) -> Option<Role> {
        let view = self.office.watch();
        let view = view.borrow();
        let known = view.devices.iter().find(|known| known.id == *device)?;
        Some(known.role)
    }

    async fn send(&self, device: &DeviceId, reply: Reply, correlation: Option<Correlation>) {
        let sending = self.client.publish_with_properties(
            self.topics.reply(device),
            QoS::AtLeastOnce,
            false,
            encode(&reply),
            reply_properties(correlation),
        );
        if timeout(limits::REPLY_WAIT, sending).await.is_err() {
            self.report(&format!(
                "a reply to {device} found no room on the way to the broker; it will ask again"
            ));
        }
    }
}

/// The same report with its free texts cut to what a page can show. They are
/// kept in memory and pushed to every open page.
fn bounded(mut report: DeviceReport) -> DeviceReport {
    let cut = |text: &mut String| {
        if let Some((end, _)) = text.char_indices().nth(limits::REPORT_TEXT_CHARS_MAX) {
            text.truncate(end);
        }
    };
    match &mut report {
        DeviceReport::Presence { presence, .. } => cut(&mut presence.version),
        DeviceReport::Status { status, .. } => {
            if let Some(printer) = &mut status.printer {
                cut(printer);
            }
        }
    }
    report
}

fn reply_properties(correlation: Option<Correlation>) -> PublishProperties {
    PublishProperties {
        message_expiry_interval: Some(limits::REPLY_EXPIRY_SECONDS),
        correlation_data: correlation.map(Into::into),
        ..json()
    }
}
