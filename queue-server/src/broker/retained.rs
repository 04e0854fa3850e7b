//! Retained messages in memory.
//!
//! The access rules leave few retainable topics (three of the office, two of
//! each device), so the store needs no bound of its own.

use std::str::FromStr;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rmqtt::retain::{RetainStorage, RetainTree};
use rmqtt::topic::Topic;
use rmqtt::types::{Retain, TopicFilter, TopicName};
use tokio::sync::RwLock;

#[derive(Debug, Clone)]
struct Kept {
    message: Retain,
    expires: Option<Instant>,
}

impl Kept {
    fn is_expired(&self, now: Instant) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

/// Holds the last retained message of each topic until the process ends.
#[derive(Default)]
pub(super) struct RetainedInMemory {
    messages: RwLock<RetainTree<Kept>>,
}

#[async_trait]
impl RetainStorage for RetainedInMemory {
    fn enable(&self) -> bool {
        true
    }

    fn need_sync(&self) -> bool {
        false
    }

    async fn set(
        &self,
        topic: &TopicName,
        message: Retain,
        expiry: Option<Duration>,
    ) -> rmqtt::Result<()> {
        let topic = Topic::from_str(topic)?;
        let mut messages = self.messages.write().await;
        if message.publish.payload.is_empty() {
            messages.remove(&topic);
            return Ok(());
        }
        // Zero stands for "no expiry": see the listener's settings.
        let expires = expiry
            .filter(|expiry| !expiry.is_zero())
            .map(|expiry| Instant::now() + expiry);
        messages.insert(&topic, Kept { message, expires });
        Ok(())
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        let filter = Topic::from_str(filter)?;
        let now = Instant::now();
        let messages = self.messages.read().await;
        Ok(messages
            .matches(&filter)
            .into_iter()
            .filter(|(_, kept)| !kept.is_expired(now))
            .map(|(topic, kept)| (TopicName::from(topic.to_string()), kept.message))
            .collect())
    }

    async fn count(&self) -> isize {
        isize::try_from(self.messages.read().await.values_size()).unwrap_or(isize::MAX)
    }

    async fn max(&self) -> isize {
        self.count().await
    }
}
