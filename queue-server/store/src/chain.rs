//! The hash chain over the events: what it covers, and what a break in it says.
//!
//! Each event's hash is the SHA-256 of the hash before it and of every column of
//! the event, each with its length or of fixed size, so that no two events have
//! the same bytes. The first stands on a hash over the office and the moment its
//! log was made. What an event says of a person is in the chain only as a
//! commitment ([`crate::personal`]), so that it can be erased.
//!
//! The bytes that are hashed are a promise to every later version; a test holds them.

use std::fmt;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// A link of the chain: 32 bytes, shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// The hash with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the first event of a log is chained to.
    pub(crate) fn genesis(office: &str, created_at_ms: i64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"usher event log\n");
        add(&mut hasher, office.as_bytes());
        hasher.update(created_at_ms.to_be_bytes());
        Self(hasher.finalize().into())
    }

    /// The hash of the event that follows.
    pub(crate) fn next(self, event: &Columns<'_>) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        let mut numbers = [0; 24];
        numbers[..8].copy_from_slice(&event.sequence.to_be_bytes());
        numbers[8..16].copy_from_slice(&event.at_ms.to_be_bytes());
        numbers[16..].copy_from_slice(&event.asked.to_be_bytes());
        hasher.update(numbers);
        add(&mut hasher, event.command);
        add(&mut hasher, event.origin);
        add(&mut hasher, event.body);
        match event.personal {
            None => hasher.update([0]),
            Some(commitment) => {
                hasher.update([1]);
                add(&mut hasher, commitment);
            }
        }
        Self(hasher.finalize().into())
    }
}

fn add(hasher: &mut Sha256, bytes: &[u8]) {
    hasher.update((bytes.len() as u64).to_be_bytes());
    hasher.update(bytes);
}

impl fmt::Display for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChainHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A place in the chain: an event and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The event; 0 before the first.
    pub sequence: u64,
    /// Its hash.
    pub hash: ChainHash,
}

/// An event's columns as they stand in the file: all that the chain covers.
pub(crate) struct Columns<'a> {
    pub(crate) sequence: i64,
    pub(crate) at_ms: i64,
    pub(crate) command: &'a [u8],
    pub(crate) origin: &'a [u8],
    pub(crate) asked: i64,
    pub(crate) body: &'a [u8],
    pub(crate) personal: Option<&'a [u8]>,
}

/// When an event says that it happened; a damaged one may say anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime(pub(crate) i64);

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Timestamp::from_millisecond(self.0) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => write!(f, "an impossible time ({} ms)", self.0),
        }
    }
}

/// Where the log is not what was stored. Technician: restore it from a backup
/// that verifies, and keep the damaged files: they say what was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// Events are gone from between others.
    #[error("{} missing: event {then} of {then_at} follows", events(*.first, *.last))]
    Missing {
        /// The first that is missing.
        first: i64,
        /// The last.
        last: i64,
        /// The event that follows.
        then: i64,
        /// When that happened.
        then_at: EventTime,
    },
    /// The newest events are gone.
    #[error(
        "{} missing from the end: the log itself says that event {last} is its newest",
        events(*.first, *.last)
    )]
    EndMissing {
        /// The first that is missing.
        first: i64,
        /// The last.
        last: i64,
    },
    /// An event is not what was stored, or was chained to something else.
    #[error(
        "event {sequence} of {at} is not what was stored: its columns do not give the hash that stands beside them{detail}"
    )]
    Changed {
        /// The event.
        sequence: i64,
        /// When it happened, according to the changed row.
        at: EventTime,
        /// More, if more is known: begins with a comma or semicolon.
        detail: String,
    },
    /// Two events changed places.
    #[error("event {first} and event {second} of {at} have changed places")]
    Swapped {
        /// One of them.
        first: i64,
        /// The other.
        second: i64,
        /// When the second happened, according to its row.
        at: EventTime,
    },
    /// Rows that usher-server did not write.
    #[error("{} not written by usher-server: event {head} is its newest", events(*.first, *.last))]
    Foreign {
        /// The first of them.
        first: i64,
        /// The last.
        last: i64,
        /// The newest event that usher-server wrote.
        head: i64,
    },
    /// The last event's hash is not the one that the log notes as its newest.
    #[error(
        "event {sequence} of {at} has the hash {found}, but the log says that its newest event has {noted}: one of the two was changed"
    )]
    Head {
        /// The event.
        sequence: i64,
        /// When it happened.
        at: EventTime,
        /// Its hash.
        found: ChainHash,
        /// The hash in table meta.
        noted: ChainHash,
    },
    /// What an event says of a person is not what was stored with it.
    #[error(
        "what event {sequence} of {at} says of a person is not what was stored: table personal does not fit the event"
    )]
    Personal {
        /// The event.
        sequence: i64,
        /// When it happened.
        at: EventTime,
    },
    /// Personal fields that belong to no event.
    #[error("table personal has a row {sequence}, which belongs to no event that has one")]
    StrayPersonal {
        /// The row.
        sequence: i64,
    },
}

fn events(first: i64, last: i64) -> String {
    if first == last {
        format!("event {first} is")
    } else {
        format!("events {first} to {last} are")
    }
}

/// An event that does not fit the chain.
pub(crate) struct Broken {
    pub(crate) fault: ChainFault,
    /// The hash in the row before.
    pub(crate) before: ChainHash,
    /// The hash in its own row.
    pub(crate) stored: ChainHash,
}

/// Follows the chain from event to event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Follower {
    last: i64,
    hash: ChainHash,
}

impl Follower {
    pub(crate) fn after(head: ChainHead) -> Self {
        Self {
            last: head.sequence.cast_signed(),
            hash: head.hash,
        }
    }

    /// Takes the next event. After a fault it goes on from the hash that stands
    /// in the row, so that one change is one fault.
    pub(crate) fn step(
        &mut self,
        event: &Columns<'_>,
        stored: ChainHash,
    ) -> Result<(), Box<Broken>> {
        let before = self.hash;
        match self.fault(event, stored) {
            None => Ok(()),
            Some(fault) => Err(Box::new(Broken {
                fault,
                before,
                stored,
            })),
        }
    }

    /// Passes by an event that cannot be read.
    pub(crate) fn pass(&mut self, sequence: i64, stored: Option<ChainHash>) {
        self.last = sequence;
        self.hash = stored.unwrap_or(self.hash);
    }

    fn fault(&mut self, event: &Columns<'_>, stored: ChainHash) -> Option<ChainFault> {
        let at = EventTime(event.at_ms);
        let expected = self.last.saturating_add(1);
        let before = self.hash;
        self.last = event.sequence;
        self.hash = stored;
        if event.sequence < expected {
            // Only below the first: rows come in order, and none twice.
            return Some(ChainFault::Foreign {
                first: event.sequence,
                last: event.sequence,
                head: expected - 1,
            });
        }
        if event.sequence > expected {
            return Some(ChainFault::Missing {
                first: expected,
                last: event.sequence - 1,
                then: event.sequence,
                then_at: at,
            });
        }
        (before.next(event) != stored).then(|| ChainFault::Changed {
            sequence: event.sequence,
            at,
            detail: String::new(),
        })
    }

    /// Compares the end with what the log notes as its newest event.
    pub(crate) fn end(self, noted: ChainHead, last_at: EventTime) -> Option<ChainFault> {
        let head = noted.sequence.cast_signed();
        match self.last.cmp(&head) {
            std::cmp::Ordering::Less => Some(ChainFault::EndMissing {
                first: self.last + 1,
                last: head,
            }),
            std::cmp::Ordering::Greater => Some(ChainFault::Foreign {
                first: head + 1,
                last: self.last,
                head,
            }),
            std::cmp::Ordering::Equal => (self.hash != noted.hash).then_some(ChainFault::Head {
                sequence: head,
                at: last_at,
                found: self.hash,
                noted: noted.hash,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event<'a>(command: &'a str, origin: &'a str, personal: Option<&'a [u8]>) -> Columns<'a> {
        Columns {
            sequence: 1,
            at_ms: 1_795_626_000_000,
            command: command.as_bytes(),
            origin: origin.as_bytes(),
            asked: -7,
            body: b"{}",
            personal,
        }
    }

    #[test]
    fn the_bytes_that_are_hashed_never_change_between_versions() {
        // Computed beside this program, with Python's hashlib, from the words above.
        let genesis = ChainHash::genesis("sample-office", 1_795_626_000_000);
        assert_eq!(genesis.to_string(), GENESIS);
        let first = genesis.next(&event("c-1", "clerk", None));
        assert_eq!(first.to_string(), FIRST);
        let personal = genesis.next(&event("c-1", "clerk", Some(&[9; 32])));
        assert_eq!(personal.to_string(), FIRST_WITH_PERSONAL);
    }

    #[test]
    fn what_moves_from_one_column_to_the_next_gives_another_hash() {
        let genesis = ChainHash::genesis("a", 0);
        let one = genesis.next(&event("ab", "c", None));
        let other = genesis.next(&event("a", "bc", None));
        assert_ne!(one, other);
        assert_ne!(one, genesis.next(&event("ab", "c", Some(&[]))));
    }

    const GENESIS: &str = "174f8b36bdb955c42306fac7b5e78d2b83095e73a0383e996af2b12b49b29add";
    const FIRST: &str = "86311e6bfbee29ea7309f6da7d7848a90676a944305d9b95186b19881edc140f";
    const FIRST_WITH_PERSONAL: &str =
        "1573e029a1617fdcd7b3ba117c00451ab7d4e87099237eccbe7a2849a36b7c46";
}
