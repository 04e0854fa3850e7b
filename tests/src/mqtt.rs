//! A device of nobody's make, on the wire: for what a kiosk of ours never does.

use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, Filter, Packet, PublishProperties, SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use usher_protocol::message::{self, Answer, Outcome, QueuedTicket, Reply, Request, RequestBody};
use usher_protocol::topic::Topics;
use usher_protocol::{CommandId, CounterId, DeviceId, Language, OfficeId, ServiceId};

use crate::clock;
use crate::office_rig::{BrokerAddress, DeviceLogin};

/// Messages that may wait unread; then reading from the broker pauses.
const INBOX: usize = 1024;

/// Where the rig's own asynchronous parts run.
pub static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("the system gives two threads")
});

/// A message that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// Whether the broker had kept it from before.
    pub retained: bool,
    /// Its correlation data, if it has any.
    pub correlation: Option<Vec<u8>>,
    /// After how many seconds it would have expired.
    pub expires_s: Option<u32>,
}

/// A connection to a broker, with its subscriptions made.
#[derive(Debug)]
pub struct Wire {
    client: AsyncClient,
    inbox: mpsc::Receiver<Received>,
    reader: tokio::task::JoinHandle<()>,
}

impl Wire {
    /// Connects and subscribes.
    ///
    /// # Errors
    /// If the broker refuses the login or one of the filters.
    pub async fn connect(
        broker: &BrokerAddress,
        client_id: &str,
        login: (&str, &str),
        filters: &[String],
    ) -> Result<Self> {
        let mut options = MqttOptions::new(client_id, broker.host.clone(), broker.port);
        options
            .set_credentials(login.0, login.1)
            .set_clean_start(true)
            .set_keep_alive(Duration::from_secs(10))
            .set_max_packet_size(Some(1024 * 1024));
        // Small messages leave at once: without this, Nagle's algorithm holds
        // each back until the broker's delayed acknowledgement, 40 ms later.
        let mut network = options.network_options();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        let (client, events) = AsyncClient::new(options, 64);
        let (inbox_in, inbox) = mpsc::channel(INBOX);
        let (ready_in, ready) = oneshot::channel();
        let filters: Vec<Filter> = filters
            .iter()
            .map(|f| Filter::new(f.clone(), QoS::AtLeastOnce))
            .collect();
        let reader = tokio::spawn(read(client.clone(), events, filters, inbox_in, ready_in));
        let wire = Self {
            client,
            inbox,
            reader,
        };
        tokio::time::timeout(crate::wait::START, ready)
            .await
            .context("the broker does not answer")?
            .context("the connection ended")??;
        Ok(wire)
    }

    /// Sends bytes to a topic with QoS 1.
    ///
    /// # Errors
    /// If the connection is gone.
    pub async fn publish(
        &self,
        topic: &str,
        payload: Vec<u8>,
        properties: PublishProperties,
    ) -> Result<()> {
        self.client
            .publish_with_properties(topic, QoS::AtLeastOnce, false, payload, properties)
            .await?;
        Ok(())
    }

    /// The next message.
    ///
    /// # Errors
    /// If none comes within `limit`, or the connection is gone.
    pub async fn next(&mut self, limit: Duration) -> Result<Received> {
        tokio::time::timeout(limit, self.inbox.recv())
            .await
            .context("no message came in time")?
            .context("the connection to the broker ended")
    }

    /// The next message that `wanted` takes; others are dropped.
    ///
    /// # Errors
    /// See [`Wire::next`].
    pub async fn next_where<T>(
        &mut self,
        limit: Duration,
        mut wanted: impl FnMut(&Received) -> Option<T>,
    ) -> Result<T> {
        let find = async {
            loop {
                let received = self
                    .inbox
                    .recv()
                    .await
                    .context("the connection to the broker ended")?;
                if let Some(found) = wanted(&received) {
                    return Ok(found);
                }
            }
        };
        tokio::time::timeout(limit, find)
            .await
            .context("the message did not come in time")?
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(
    client: AsyncClient,
    mut events: EventLoop,
    filters: Vec<Filter>,
    inbox: mpsc::Sender<Received>,
    ready: oneshot::Sender<Result<()>>,
) {
    let mut ready = Some(ready);
    let mut tell = |outcome: Result<()>| {
        if let Some(ready) = ready.take() {
            let _ = ready.send(outcome);
        }
    };
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                if ack.code != ConnectReturnCode::Success {
                    return tell(Err(anyhow::anyhow!(
                        "the broker refused the login: {:?}",
                        ack.code
                    )));
                }
                if filters.is_empty() {
                    tell(Ok(()));
                } else if let Err(error) = client.try_subscribe_many(filters.clone()) {
                    return tell(Err(error.into()));
                }
            }
            Ok(Event::Incoming(Packet::SubAck(ack))) => {
                let refused = ack
                    .return_codes
                    .iter()
                    .find(|code| !matches!(code, SubscribeReasonCode::Success(_)));
                match refused {
                    Some(code) => tell(Err(anyhow::anyhow!(
                        "the broker refused a filter: {code:?}"
                    ))),
                    None => tell(Ok(())),
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let properties = publish.properties.unwrap_or_default();
                let received = Received {
                    topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                    payload: publish.payload.to_vec(),
                    retained: publish.retain,
                    correlation: properties.correlation_data.map(|data| data.to_vec()),
                    expires_s: properties.message_expiry_interval,
                };
                if inbox.send(received).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => return tell(Err(error.into())),
        }
    }
}

/// A device that asks the queue server and waits for each answer.
#[derive(Debug)]
pub struct Device {
    id: DeviceId,
    topics: Topics,
    wire: Wire,
    asked: u64,
}

impl Device {
    /// Logs in as one of the office's devices.
    ///
    /// # Errors
    /// If the broker refuses it.
    pub async fn connect(
        broker: &BrokerAddress,
        office: &OfficeId,
        login: DeviceLogin,
    ) -> Result<Self> {
        let id = DeviceId::new(login.id)?;
        let topics = Topics::new(office);
        let filters = [topics.reply(&id), topics.state_filter()];
        let wire = Wire::connect(broker, login.id, (login.id, login.secret), &filters).await?;
        Ok(Self {
            id,
            topics,
            wire,
            asked: 0,
        })
    }

    /// The office's topics.
    #[must_use]
    pub fn topics(&self) -> &Topics {
        &self.topics
    }

    /// The connection.
    pub fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }

    /// Asks for `body` under the command id `id` and waits for the answer.
    ///
    /// # Errors
    /// If no answer comes within `limit` or the connection is gone.
    pub async fn ask_as(
        &mut self,
        id: &CommandId,
        body: RequestBody,
        limit: Duration,
    ) -> Result<Reply> {
        let request = Request {
            id: id.clone(),
            sent_at: clock::now(),
            boot: 1,
            body,
        };
        self.send(message::encode(&request), limit).await
    }

    /// Asks for `body` under a new command id.
    ///
    /// # Errors
    /// See [`Device::ask_as`].
    pub async fn ask(&mut self, body: RequestBody) -> Result<Reply> {
        self.ask_as(&new_command_id(), body, crate::wait::STEP)
            .await
    }

    /// Sends any bytes as a request and waits for the answer that belongs to them.
    ///
    /// # Errors
    /// See [`Device::ask_as`].
    pub async fn send(&mut self, payload: Vec<u8>, limit: Duration) -> Result<Reply> {
        self.asked += 1;
        let correlation = self.asked.to_be_bytes().to_vec();
        let properties = PublishProperties {
            response_topic: Some(self.topics.reply(&self.id)),
            correlation_data: Some(correlation.clone().into()),
            ..PublishProperties::default()
        };
        self.wire
            .publish(&self.topics.request(&self.id), payload, properties)
            .await?;
        let topic = self.topics.reply(&self.id);
        let payload = self
            .wire
            .next_where(limit, |received| {
                (received.topic == topic && received.correlation.as_ref() == Some(&correlation))
                    .then(|| received.payload.clone())
            })
            .await?;
        Ok(message::decode(&payload)?)
    }

    /// The newest retained or fresh message on `topic` that `wanted` takes.
    ///
    /// # Errors
    /// If none comes.
    pub async fn state<T: serde::de::DeserializeOwned>(
        &mut self,
        topic: &str,
        mut wanted: impl FnMut(&T) -> bool,
    ) -> Result<T> {
        self.wire
            .next_where(crate::wait::STEP, |received| {
                if received.topic != topic {
                    return None;
                }
                message::decode(&received.payload).ok().filter(&mut wanted)
            })
            .await
    }
}

/// A command id that nobody has used.
#[must_use]
pub fn new_command_id() -> CommandId {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("the system has randomness");
    let hex: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
    CommandId::new(hex).expect("hexadecimal digits are allowed")
}

/// A check-in for `service` by a resident who arrives now.
///
/// # Errors
/// If the names cannot be ids.
pub fn check_in(service: &str, language: &str) -> Result<RequestBody> {
    Ok(RequestBody::CheckIn {
        service: ServiceId::new(service)?,
        language: Language::new(language)?,
        arrived_at: clock::now(),
        details: Box::default(),
    })
}

/// The counter with this id.
///
/// # Errors
/// If it cannot be one.
pub fn counter(id: &str) -> Result<CounterId> {
    Ok(CounterId::new(id)?)
}

/// The place in the queue that a reply gives.
///
/// # Errors
/// If it gives none.
pub fn ticket_of(reply: &Reply) -> Result<QueuedTicket> {
    match &reply.outcome {
        Outcome::Accepted {
            answer: Answer::Queued { ticket },
        } => Ok(ticket.clone()),
        other => bail!("no ticket but {other:?}"),
    }
}
