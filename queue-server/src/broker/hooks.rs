//! The broker's questions, answered by the access rules.

use std::sync::Arc;

use async_trait::async_trait;
use rmqtt::codec::v5::SubscribeAckReason;
use rmqtt::hook::{Handler, HookResult, Parameter, ReturnType};
use rmqtt::types::{AuthResult, ConnectInfo, LastWill, PublishAclResult, SubscribeAclResult};

use super::access::{Access, LoginAttempt, LoginRefusal};
use crate::log_budget::LogBudget;

/// Asks [`Access`] on behalf of the broker. Clones share one budget for the log.
#[derive(Clone)]
pub(super) struct Gatekeeper {
    access: Arc<Access>,
    refusals: Arc<LogBudget>,
}

impl Gatekeeper {
    pub(super) fn new(access: Access) -> Self {
        Self {
            access: Arc::new(access),
            refusals: Arc::new(LogBudget::new()),
        }
    }

    fn authenticate(&self, connection: &ConnectInfo) -> AuthResult {
        let will = connection.last_will();
        let attempt = LoginAttempt {
            user: connection.username().map(AsRef::as_ref),
            password: connection.password().map(AsRef::as_ref),
            client_id: connection.client_id(),
            will: will.as_ref().map(|will| match will {
                LastWill::V3(will) => (&*will.topic, will.retain),
                LastWill::V5(will) => (&*will.topic, will.retain),
            }),
        };
        match self.access.log_in(attempt) {
            Ok(party) => {
                tracing::debug!(?party, "logged in to the embedded broker");
                AuthResult::Allow(false, None)
            }
            Err(refusal) => {
                self.log_refusal(connection, refusal);
                if refusal.is_bad_credentials() {
                    AuthResult::BadUsernameOrPassword
                } else {
                    AuthResult::NotAuthorized
                }
            }
        }
    }

    fn log_refusal(&self, connection: &ConnectInfo, refusal: LoginRefusal) {
        let Some(suppressed) = self.refusals.spend() else {
            return;
        };
        let user: String = connection
            .username()
            .map_or("", |user| user.as_ref())
            .chars()
            .filter(|c| !c.is_control())
            .take(40)
            .collect();
        tracing::warn!(
            device.id = user,
            address = ?connection.ipaddress(),
            suppressed,
            "the MQTT broker refused a login: {refusal}"
        );
    }

    fn may_publish(&self, user: Option<&str>, topic: &str, retain: bool) -> bool {
        let party = user.and_then(|user| self.access.party(user));
        let allowed = party
            .as_ref()
            .is_some_and(|party| self.access.may_publish(party, topic, retain));
        if !allowed {
            self.log_foreign_topic(user, "publish to", topic);
        }
        allowed
    }

    fn may_subscribe(&self, user: Option<&str>, filter: &str) -> bool {
        let party = user.and_then(|user| self.access.party(user));
        let allowed = party
            .as_ref()
            .is_some_and(|party| self.access.may_subscribe(party, filter));
        if !allowed {
            self.log_foreign_topic(user, "subscribe to", filter);
        }
        allowed
    }

    fn log_foreign_topic(&self, user: Option<&str>, what: &str, topic: &str) {
        if let Some(suppressed) = self.refusals.spend() {
            let topic: String = topic.chars().take(120).collect();
            tracing::warn!(
                device.id = user.unwrap_or_default(),
                suppressed,
                "the MQTT broker did not let a device {what} {topic:?}"
            );
        }
    }
}

#[async_trait]
impl Handler for Gatekeeper {
    async fn hook(&self, parameter: &Parameter, before: Option<HookResult>) -> ReturnType {
        match parameter {
            Parameter::ClientAuthenticate(connection) => (
                false,
                Some(HookResult::AuthResult(self.authenticate(connection))),
            ),
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => {
                let user = session.id.username.as_ref().map(AsRef::as_ref);
                let result = if self.may_subscribe(user, &subscribe.topic_filter) {
                    SubscribeAclResult::new_success(subscribe.opts.qos(), None)
                } else {
                    SubscribeAclResult::new_failure(SubscribeAckReason::NotAuthorized)
                };
                (false, Some(HookResult::SubscribeAclResult(result)))
            }
            Parameter::MessagePublishCheckAcl(session, publish) => {
                let user = session.id.username.as_ref().map(AsRef::as_ref);
                let result = if self.may_publish(user, &publish.topic, publish.retain) {
                    PublishAclResult::allow()
                } else {
                    PublishAclResult::rejected(
                        false,
                        Some("this device may not publish here".into()),
                    )
                };
                (false, Some(HookResult::PublishAclResult(result)))
            }
            Parameter::MessageDropped(Some(to), _, publish, reason) => {
                if let Some(suppressed) = self.refusals.spend() {
                    tracing::warn!(
                        device.id = to.username.as_ref().map(AsRef::<str>::as_ref),
                        topic = %publish.topic,
                        suppressed,
                        "the MQTT broker dropped a message: {reason:?}"
                    );
                }
                (true, before)
            }
            _ => (true, before),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use usher_protocol::OfficeId;

    use super::super::BrokerLogin;
    use super::*;

    #[test]
    fn all_hooks_together_write_one_line_a_second() {
        let office = OfficeId::new("sample").unwrap();
        let server = BrokerLogin::of_server([1; 32]);
        let hook = Gatekeeper::new(Access::new(&office, BTreeMap::new(), server));
        let other = hook.clone();
        assert_eq!(hook.refusals.spend(), Some(0));
        assert_eq!(other.refusals.spend(), None);
    }
}
