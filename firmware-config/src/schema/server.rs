//! `[server]`: the queue server, and the secret that the device proves itself with.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::key::{Key, Presence, Values};
use super::section::{Reported, Section, SectionPresence, SectionReader};
use super::{ReadSecret, Role};

/// The port of MQTT without TLS, as registered with IANA.
const MQTT_PORT: u16 = 1883;
const SECRET_LENGTH_MIN: usize = 12;
const SECRET_LENGTH_MAX: usize = 200;
/// What stands in the example until somebody puts the device's own secret there.
macro_rules! example_secret {
    () => {
        "put-the-secret-of-this-device-here"
    };
}

/// The queue server that the device works with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where its MQTT broker listens.
    pub broker: BrokerAddress,
    /// The file that the secret was read from, if it has one of its own.
    pub secret_file: Option<PathBuf>,
    secret: Secret,
}

impl Server {
    /// The device's secret: its password at the broker, and the source of its form seals.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret.0
    }

    /// Whether the secret is still the one of the example.
    #[must_use]
    pub fn has_example_secret(&self) -> bool {
        self.secret.0 == example_secret!()
    }
}

/// A secret: wiped from memory when dropped, never shown.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Where an MQTT broker listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    /// A name or an IP address; an IPv6 address without its brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Why a text is no broker's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBroker {
    /// Another scheme, or none.
    #[error("an address starts with mqtt://")]
    Scheme,
    /// TLS was asked for.
    #[error("mqtts:// (TLS) is not there yet; use mqtt:// within the office's own network")]
    Tls,
    /// A user or password was written into the address.
    #[error(
        "no user and password in the address: the device logs in with its id, and with server.secret or server.secret_file"
    )]
    Credentials,
    /// Something follows the port.
    #[error("nothing may follow the port")]
    Path,
    /// No name or address.
    #[error("the host is missing or has characters that no host name has")]
    Host,
    /// Not 1 to 65535.
    #[error("the port must be a number from 1 to 65535")]
    Port,
}

impl FromStr for BrokerAddress {
    type Err = InvalidBroker;

    fn from_str(text: &str) -> Result<Self, InvalidBroker> {
        if text.starts_with("mqtts:") {
            return Err(InvalidBroker::Tls);
        }
        let rest = text.strip_prefix("mqtt://").ok_or(InvalidBroker::Scheme)?;
        if rest.contains('@') {
            return Err(InvalidBroker::Credentials);
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#']) {
            return Err(InvalidBroker::Path);
        }
        let (host, port) = if let Some(rest) = rest.strip_prefix('[') {
            let (host, after) = rest.split_once(']').ok_or(InvalidBroker::Host)?;
            host.parse::<std::net::Ipv6Addr>()
                .map_err(|_| InvalidBroker::Host)?;
            let port = match after {
                "" => None,
                _ => Some(after.strip_prefix(':').ok_or(InvalidBroker::Port)?),
            };
            (host, port)
        } else {
            match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            }
        };
        let host_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
        if host.is_empty() || host.len() > 253 || !host.chars().all(host_char) {
            return Err(InvalidBroker::Host);
        }
        let port = match port {
            None => MQTT_PORT,
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => {
                port.parse().map_err(|_| InvalidBroker::Port)?
            }
            Some(_) => return Err(InvalidBroker::Port),
        };
        if port == 0 {
            return Err(InvalidBroker::Port);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "mqtt://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "mqtt://{}:{}", self.host, self.port)
        }
    }
}

const BROKER: Key = Key {
    name: "broker",
    about: "Where the queue server's MQTT broker listens. Without a port, 1883.",
    values: Values::Text("an address like \"mqtt://192.168.20.2:1883\""),
    presence: Presence::Required,
    example: "\"mqtt://192.168.20.2:1883\"",
    example_hall: None,
};

const SECRET: Key = Key {
    name: "secret",
    about: "The device's secret, as `usher-server secret` made it; the office file has its SHA-256. \
            The file that has it may be read by root and the group usher only.",
    values: Values::Secret {
        length_min: SECRET_LENGTH_MIN,
        length_max: SECRET_LENGTH_MAX,
    },
    presence: Presence::Unless("secret_file"),
    example: concat!("\"", example_secret!(), "\""),
    example_hall: None,
};

const SECRET_FILE: Key = Key {
    name: "secret_file",
    about: "A file that has the secret and nothing else, in place of secret. \
            Give one of the two.",
    values: Values::Path,
    presence: Presence::InsteadOf("secret"),
    example: "\"/etc/usher/secret\"",
    example_hall: None,
};

pub(super) const SECTION: Section = Section {
    name: "server",
    about: "The queue server of the office, and how this device proves who it is.",
    keys: &[&BROKER, &SECRET, &SECRET_FILE],
    presence: SectionPresence::Required,
    roles: &[Role::Kiosk, Role::HallDisplay],
};

pub(super) fn read(
    reader: &mut SectionReader<'_, '_>,
    read_secret: ReadSecret<'_>,
) -> Result<Server, Reported> {
    let broker = reader.parsed(&BROKER);
    let secret = match (reader.has(&SECRET), reader.has(&SECRET_FILE)) {
        (true, false) => reader.text(&SECRET).map(|text| (Secret(text), None)),
        (false, true) => secret_from_file(reader, read_secret),
        (true, true) => Err(reader.object(
            &SECRET_FILE,
            "there is a secret as well; keep one of the two",
        )),
        (false, false) => Err(reader.object(
            &SECRET,
            "this key is missing; add secret, or secret_file with the path of a file that has it \
             (`usher-server secret` makes one)",
        )),
    };
    let (secret, secret_file) = secret?;
    Ok(Server {
        broker: broker?,
        secret_file,
        secret,
    })
}

fn secret_from_file(
    reader: &mut SectionReader<'_, '_>,
    read_secret: ReadSecret<'_>,
) -> Result<(Secret, Option<PathBuf>), Reported> {
    let path = reader.path_value(&SECRET_FILE)?;
    let mut text = read_secret(&path).map_err(|error| {
        reader.object(
            &SECRET_FILE,
            format!("{} cannot be read: {error}", path.display()),
        )
    })?;
    let secret = text.trim_end_matches(['\r', '\n']).to_owned();
    text.zeroize();
    let raw = super::key::Raw::Text(secret.clone());
    if !SECRET.values.allow(&raw) {
        return Err(reader.object(
            &SECRET_FILE,
            format!(
                "{} must have the secret on one line, without quotes: \
                 {SECRET_LENGTH_MIN} to {SECRET_LENGTH_MAX} printable characters",
                path.display(),
            ),
        ));
    }
    Ok((Secret(secret), Some(path)))
}
