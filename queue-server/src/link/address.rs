//! The address of a broker, as `--broker` takes it.

use std::str::FromStr;

use crate::broker::BrokerLogin;

/// Port of MQTT without TLS (IANA).
const PORT_DEFAULT: u16 = 1883;

/// Where a broker is, and how to log in to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Host name or address; an IPv6 address in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// User name and password, if the URL has them.
    pub login: Option<BrokerLogin>,
}

/// Why a text is no broker address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBrokerUrl {
    /// Encryption is asked for.
    #[error(
        "mqtts:// is not supported yet: use mqtt:// inside the building, or a TLS tunnel to the broker"
    )]
    Tls,
    /// Something else is wrong.
    #[error(
        "this is no broker address: use mqtt://user:password@host:port, with %40 for an @ in the password"
    )]
    Malformed,
}

impl FromStr for BrokerUrl {
    type Err = InvalidBrokerUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBrokerUrl> {
        if text.starts_with("mqtts://") || text.starts_with("ssl://") {
            return Err(InvalidBrokerUrl::Tls);
        }
        let rest = text
            .strip_prefix("mqtt://")
            .ok_or(InvalidBrokerUrl::Malformed)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(parse_login(login)?), place),
            None => (None, rest),
        };
        let (host, port) = match place.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && !port.ends_with(']') => {
                (host, port.parse().map_err(|_| InvalidBrokerUrl::Malformed)?)
            }
            _ => (place, PORT_DEFAULT),
        };
        let is_bracketed = host.starts_with('[') && host.ends_with(']');
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        let is_ipv6 = |c: char| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '[' | ']');
        let fits = if is_bracketed {
            host.chars().all(is_ipv6)
        } else {
            host.chars().all(is_name)
        };
        if host.is_empty() || !fits || port == 0 {
            return Err(InvalidBrokerUrl::Malformed);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            login,
        })
    }
}

fn parse_login(text: &str) -> Result<BrokerLogin, InvalidBrokerUrl> {
    let (user, password) = text.split_once(':').ok_or(InvalidBrokerUrl::Malformed)?;
    Ok(BrokerLogin {
        user: percent_decoded(user)?,
        password: percent_decoded(password)?,
    })
}

/// RFC 3986 §2.1.
fn percent_decoded(text: &str) -> Result<String, InvalidBrokerUrl> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else {
            return Err(InvalidBrokerUrl::Malformed);
        };
        bytes.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits make a byte"));
    }
    String::from_utf8(bytes).map_err(|_| InvalidBrokerUrl::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn url(host: &str, port: u16, login: Option<(&str, &str)>) -> BrokerUrl {
        BrokerUrl {
            host: host.to_owned(),
            port,
            login: login.map(|(user, password)| BrokerLogin {
                user: user.to_owned(),
                password: password.to_owned(),
            }),
        }
    }

    fn parse(text: &str) -> Result<BrokerUrl, InvalidBrokerUrl> {
        text.parse()
    }

    #[test]
    fn addresses_are_read_with_and_without_login() {
        for (text, expected) in [
            ("mqtt://127.0.0.1:1883", url("127.0.0.1", 1883, None)),
            ("mqtt://broker.office", url("broker.office", 1883, None)),
            ("mqtt://[::1]:2883/", url("[::1]", 2883, None)),
            ("mqtt://[fe80::1]", url("[fe80::1]", 1883, None)),
            ("mqtt://u:p@b:1", url("b", 1, Some(("u", "p")))),
            ("mqtt://u:p%40%3a@b", url("b", 1883, Some(("u", "p@:")))),
        ] {
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn others_are_refused_with_a_reason() {
        for text in [
            "",
            "broker",
            "http://b",
            "mqtt://",
            "mqtt://b:0",
            "mqtt://b:99999",
            "mqtt://u@b",
            "mqtt://u:%4@b",
            "mqtt://a b",
        ] {
            assert_eq!(parse(text), Err(InvalidBrokerUrl::Malformed), "{text}");
        }
        assert_eq!(parse("mqtts://b"), Err(InvalidBrokerUrl::Tls));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(mqtt://)?\\PC*") {
            let _ = parse(&text);
        }
    }
}
