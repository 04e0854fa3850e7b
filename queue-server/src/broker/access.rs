//! Who may log in to the broker, and what they may read and write.
//!
//! A device writes `request/{itself}`, `device/{itself}/presence` and
//! `device/{itself}/status`; it reads `reply/{itself}` and `state/…`. The server
//! writes `state/…` and `reply/…` and reads the rest. Nothing else passes, so a
//! stolen secret opens the topics of one device and no more.

use std::collections::BTreeMap;
use std::fmt;

use subtle::ConstantTimeEq;
use usher_protocol::form_code::SealKey;
use usher_protocol::message::Role;
use usher_protocol::topic::{FromDevice, Topics};
use usher_protocol::{DeviceId, OfficeId};

/// User name of the server's own connection to the embedded broker. The `$`
/// keeps it apart from every device id.
pub const SERVER_USER: &str = "$server";

/// A user name and a password for a broker.
#[derive(Clone, PartialEq, Eq)]
pub struct BrokerLogin {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for BrokerLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerLogin")
            .field("user", &self.user)
            .field("password", &"…")
            .finish()
    }
}

impl BrokerLogin {
    /// The server's login to the embedded broker, with a random `password`.
    #[must_use]
    pub fn of_server(password: [u8; 32]) -> Self {
        Self {
            user: SERVER_USER.to_owned(),
            password: password.map(|byte| format!("{byte:02x}")).concat(),
        }
    }
}

/// What the broker knows of one device.
#[derive(Debug, Clone)]
pub struct DeviceCredential {
    /// What it may ask for; checked by [`crate::link`], not by the broker.
    pub role: Role,
    /// The hash of its secret.
    pub key: SealKey,
}

/// The access rules of one office.
#[derive(Debug)]
pub struct Access {
    topics: Topics,
    devices: BTreeMap<DeviceId, DeviceCredential>,
    server: BrokerLogin,
}

/// Someone who has logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// The queue server itself.
    Server,
    /// A device of the office file.
    Device(DeviceId),
}

/// Why somebody was not let in. Clients are only told "bad user name or
/// password" or "not authorised"; the log says which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefusal {
    /// No user name or no password was given.
    #[error("no user name or password was given: set the device's id and secret")]
    Anonymous,
    /// The user name is in no `[[device]]` of the office file.
    #[error("the user name is no device of the office file")]
    UnknownUser,
    /// The password's SHA-256 is not the one in the office file.
    #[error("the secret does not fit the secret_sha256 in the office file")]
    WrongPassword,
    /// With a client id, a session and the replies in it can be taken over: so
    /// each device has its own, which no other device may use.
    #[error(
        "the client id is not the device's own: use the device's id, or that and \"/\" and a word"
    )]
    ForeignClientId,
    /// The will would be published where the device may not write.
    #[error("the will's topic is not one that the device may write to")]
    ForeignWill,
}

impl LoginRefusal {
    /// Whether the credentials were wrong, rather than what was asked with them.
    #[must_use]
    pub fn is_bad_credentials(self) -> bool {
        matches!(self, Self::UnknownUser | Self::WrongPassword)
    }
}

/// A client that wants to log in.
#[derive(Debug, Clone, Copy)]
pub struct LoginAttempt<'a> {
    /// The user name, if one was given.
    pub user: Option<&'a str>,
    /// The password, if one was given.
    pub password: Option<&'a [u8]>,
    /// The client id: the user's own name, or that with a suffix after `/` or
    /// `:`. One that the broker made up, for the client left it empty, is refused.
    pub client_id: &'a str,
    /// Topic and retain flag of its will.
    pub will: Option<(&'a str, bool)>,
}

impl Access {
    /// Rules for the topics of `office`, its `devices`, and the server's login.
    #[must_use]
    pub fn new(
        office: &OfficeId,
        devices: BTreeMap<DeviceId, DeviceCredential>,
        server: BrokerLogin,
    ) -> Self {
        Self {
            topics: Topics::new(office),
            devices,
            server,
        }
    }

    /// Who this is.
    ///
    /// # Errors
    /// [`LoginRefusal`] says why it is nobody whom the office knows.
    pub fn log_in(&self, attempt: LoginAttempt<'_>) -> Result<Party, LoginRefusal> {
        let (Some(user), Some(password)) = (attempt.user, attempt.password) else {
            return Err(LoginRefusal::Anonymous);
        };
        let party = self.party(user).ok_or(LoginRefusal::UnknownUser)?;
        let fits = match &party {
            Party::Server => self.server.password.as_bytes().ct_eq(password).into(),
            Party::Device(device) => std::str::from_utf8(password)
                .is_ok_and(|secret| self.devices[device].key.matches_secret(secret)),
        };
        if !fits {
            return Err(LoginRefusal::WrongPassword);
        }
        let owner = attempt.client_id.split([':', '/']).next();
        if owner != Some(user) {
            return Err(LoginRefusal::ForeignClientId);
        }
        // rmqtt publishes a will without asking the publish hook.
        if attempt
            .will
            .is_some_and(|(topic, retain)| !self.may_publish(&party, topic, retain))
        {
            return Err(LoginRefusal::ForeignWill);
        }
        Ok(party)
    }

    /// The party with this user name, who has proved it before.
    #[must_use]
    pub fn party(&self, user: &str) -> Option<Party> {
        if user == self.server.user {
            return Some(Party::Server);
        }
        let device = DeviceId::new(user).ok()?;
        self.devices
            .contains_key(&device)
            .then_some(Party::Device(device))
    }

    /// Whether `party` may publish to `topic`. Requests are never retained: a
    /// retained one would come again at each start of the server.
    #[must_use]
    pub fn may_publish(&self, party: &Party, topic: &str, retain: bool) -> bool {
        match party {
            Party::Server => {
                is_child(topic, &self.topics.state_filter())
                    || (!retain && is_child(topic, &self.reply_filter()))
            }
            Party::Device(device) => match self.topics.parse_from_device(topic) {
                Some(FromDevice::Request(owner)) => owner == *device && !retain,
                Some(FromDevice::Presence(owner) | FromDevice::Status(owner)) => owner == *device,
                None => false,
            },
        }
    }

    /// Whether `party` may subscribe to `filter`.
    #[must_use]
    pub fn may_subscribe(&self, party: &Party, filter: &str) -> bool {
        match party {
            Party::Server => {
                filter == self.topics.request_filter() || filter == self.topics.device_filter()
            }
            Party::Device(device) => {
                let state = self.topics.state_filter();
                filter == self.topics.reply(device)
                    || filter == state
                    || filter == state.replace('+', "#")
                    || is_child(filter, &state)
            }
        }
    }

    fn reply_filter(&self) -> String {
        self.topics.state_filter().replace("/state/", "/reply/")
    }
}

/// Whether `topic` is one level below the parent of `filter`, which ends in `/+`.
fn is_child(topic: &str, filter: &str) -> bool {
    filter
        .strip_suffix('+')
        .and_then(|parent| topic.strip_prefix(parent))
        .is_some_and(|name| !name.is_empty() && !name.contains(['/', '+', '#']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let office = OfficeId::new("capitol-dmv").unwrap();
        let devices = [("kiosk-1", "one"), ("kiosk-2", "two")]
            .map(|(id, secret)| {
                let credential = DeviceCredential {
                    role: Role::Kiosk,
                    key: SealKey::from_secret(secret),
                };
                (DeviceId::new(id).unwrap(), credential)
            })
            .into();
        Access::new(&office, devices, BrokerLogin::of_server([7; 32]))
    }

    fn attempt<'a>(user: &'a str, password: &'a str, client_id: &'a str) -> LoginAttempt<'a> {
        LoginAttempt {
            user: Some(user),
            password: Some(password.as_bytes()),
            client_id,
            will: None,
        }
    }

    fn kiosk() -> Party {
        Party::Device(DeviceId::new("kiosk-1").unwrap())
    }

    #[test]
    fn a_device_proves_itself_with_its_own_secret() {
        let access = access();
        assert_eq!(
            access.log_in(attempt("kiosk-1", "one", "kiosk-1")),
            Ok(kiosk())
        );
        for (user, password, refusal) in [
            ("kiosk-1", "two", LoginRefusal::WrongPassword),
            ("kiosk-1", "", LoginRefusal::WrongPassword),
            ("kiosk-3", "one", LoginRefusal::UnknownUser),
            ("Kiosk 1", "one", LoginRefusal::UnknownUser),
            ("$server", "one", LoginRefusal::WrongPassword),
        ] {
            assert_eq!(
                access.log_in(attempt(user, password, user)),
                Err(refusal),
                "{user} {password}"
            );
        }
        let anonymous = LoginAttempt {
            user: None,
            ..attempt("", "one", "kiosk-1")
        };
        assert_eq!(access.log_in(anonymous), Err(LoginRefusal::Anonymous));
    }

    #[test]
    fn nobody_takes_the_client_id_of_another() {
        let access = access();
        for foreign in [
            "kiosk-2",
            "kiosk-2/sub",
            "kiosk-2:1",
            "$server",
            // Nobody's yet: whoever opened a session by it could lose that to anybody.
            "foo",
            "mosq-1f2e",
            "kiosk-11",
            "",
            "/kiosk-1",
        ] {
            assert_eq!(
                access.log_in(attempt("kiosk-1", "one", foreign)),
                Err(LoginRefusal::ForeignClientId),
                "{foreign}"
            );
        }
        for own in ["kiosk-1", "kiosk-1/sub", "kiosk-1:2"] {
            assert!(
                access.log_in(attempt("kiosk-1", "one", own)).is_ok(),
                "{own}"
            );
        }
    }

    #[test]
    fn a_will_obeys_the_rules_of_publishing() {
        let access = access();
        let with_will = |topic| LoginAttempt {
            will: Some((topic, true)),
            ..attempt("kiosk-1", "one", "kiosk-1")
        };
        assert!(
            access
                .log_in(with_will("usher/v1/capitol-dmv/device/kiosk-1/presence"))
                .is_ok()
        );
        for foreign in [
            "usher/v1/capitol-dmv/device/kiosk-2/presence",
            "usher/v1/capitol-dmv/state/calls",
        ] {
            assert_eq!(
                access.log_in(with_will(foreign)),
                Err(LoginRefusal::ForeignWill)
            );
        }
    }

    #[test]
    fn a_device_writes_its_own_topics_only() {
        let access = access();
        let topic = |rest: &str| format!("usher/v1/capitol-dmv/{rest}");
        for (rest, retain, allowed) in [
            ("request/kiosk-1", false, true),
            ("request/kiosk-1", true, false),
            ("device/kiosk-1/presence", true, true),
            ("device/kiosk-1/status", false, true),
            ("device/kiosk-1/other", false, false),
            ("request/kiosk-2", false, false),
            ("device/kiosk-2/presence", true, false),
            ("reply/kiosk-1", false, false),
            ("state/calls", true, false),
            ("request", false, false),
        ] {
            assert_eq!(
                access.may_publish(&kiosk(), &topic(rest), retain),
                allowed,
                "{rest} retain={retain}"
            );
        }
        assert!(!access.may_publish(&kiosk(), "usher/v1/other/request/kiosk-1", false));
        assert!(!access.may_publish(&kiosk(), "$SYS/x", false));
    }

    #[test]
    fn a_device_reads_state_and_its_own_replies_only() {
        let access = access();
        let topic = |rest: &str| format!("usher/v1/capitol-dmv/{rest}");
        for (rest, allowed) in [
            ("reply/kiosk-1", true),
            ("state/calls", true),
            ("state/+", true),
            ("state/#", true),
            ("reply/kiosk-2", false),
            ("reply/+", false),
            ("reply/#", false),
            ("request/kiosk-1", false),
            ("device/+/+", false),
            ("#", false),
        ] {
            assert_eq!(
                access.may_subscribe(&kiosk(), &topic(rest)),
                allowed,
                "{rest}"
            );
        }
        for foreign in [
            "#",
            "+/v1/capitol-dmv/state/calls",
            "$share/g/usher/v1/capitol-dmv/state/+",
            "$SYS/#",
        ] {
            assert!(!access.may_subscribe(&kiosk(), foreign), "{foreign}");
        }
    }

    #[test]
    fn the_server_writes_what_devices_read_and_reads_what_they_write() {
        let access = access();
        let topics = Topics::new(&OfficeId::new("capitol-dmv").unwrap());
        let device = DeviceId::new("kiosk-1").unwrap();
        for topic in [topics.office(), topics.waits(), topics.calls()] {
            assert!(access.may_publish(&Party::Server, &topic, true), "{topic}");
        }
        assert!(access.may_publish(&Party::Server, &topics.reply(&device), false));
        assert!(!access.may_publish(&Party::Server, &topics.request(&device), false));
        assert!(access.may_subscribe(&Party::Server, &topics.request_filter()));
        assert!(access.may_subscribe(&Party::Server, &topics.device_filter()));
        assert!(!access.may_subscribe(&Party::Server, "#"));
        assert!(!format!("{access:?}").contains("0707"));
    }
}
