//! From a message of a device to an answer for it.

use std::collections::HashMap;

use futures_util::StreamExt;
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Publish, PublishProperties};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use usher_protocol::DeviceId;
use usher_protocol::message::{RejectionCode, Reply, Role, decode, encode};
use usher_protocol::topic::{FromDevice, Topics};

use super::reading::{id_in, read_request, rejected};
use super::{json, limits};
use crate::broker::log_budget::LogBudget;
use crate::live::handle::{DeviceReport, OfficeHandle};
use crate::office::command::Sender;

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
    complaints: LogBudget,
}

/// What it takes to answer.
#[derive(Clone)]
struct Answerer {
    client: AsyncClient,
    topics: Topics,
    office: OfficeHandle,
}

impl Dispatcher {
    pub(super) fn new(client: AsyncClient, topics: Topics, office: OfficeHandle) -> Self {
        Self {
            answerer: Answerer {
                client,
                topics,
                office,
            },
            devices: HashMap::new(),
            tasks: JoinSet::new(),
            complaints: LogBudget::new(),
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

    /// Says something in the log, within bounds.
    pub(super) fn report(&self, what: &str) {
        if let Some(suppressed) = self.complaints.spend() {
            tracing::warn!(suppressed, "{what}");
        }
    }

    fn take_request(&mut self, device: &DeviceId, message: Publish) {
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
            self.answerer.refuse_stranger(device, incoming);
            return;
        };
        let task = self.devices.entry(device.clone()).or_insert_with(|| {
            let (task, requests) = mpsc::channel(limits::REQUESTS_WAITING_MAX);
            let answerer = self.answerer.clone();
            self.tasks
                .spawn(answerer.serve(device.clone(), role, requests));
            task
        });
        if task.try_send(incoming).is_err() {
            self.report(&format!(
                "{device} sends more requests than can be answered; some were dropped"
            ));
        }
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
            Ok(message) => self.answerer.office.report_device(report(device, message)),
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

    /// Answers who has no task, and so without waiting: if there is no room, the
    /// stranger may ask again.
    fn refuse_stranger(&self, device: &DeviceId, incoming: Incoming) {
        let reply = rejected(
            id_in(&incoming.payload),
            RejectionCode::NotAllowed,
            format!("The office file has no device {device}."),
            "Add a [[device]] with this id to the office file and start the queue server again.",
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
            tracing::debug!(device.id = %device, "no room for the refusal of a stranger");
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
            tracing::warn!(
                device.id = %device,
                "a reply found no room on the way to the broker; the device will ask again"
            );
        }
    }
}

fn reply_properties(correlation: Option<Correlation>) -> PublishProperties {
    PublishProperties {
        message_expiry_interval: Some(limits::REPLY_EXPIRY_SECONDS),
        correlation_data: correlation.map(Into::into),
        ..json()
    }
}
