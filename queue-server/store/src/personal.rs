//! What events say of people, kept apart so that it can be erased.
//!
//! The event's row, and so the chain, has only a commitment: the SHA-256 of a
//! random salt and the text. Once both are erased, the commitment says nothing:
//! without the salt no guess of the text can be tried against it. So erasing
//! leaves the chain whole, and numbers and times stay for the statistics.

use std::fmt::Debug;

use sha2::{Digest, Sha256};

/// Bytes of a salt: more than anybody can try.
pub(crate) const SALT_BYTES: usize = 16;

/// What stands in the event's row for what was said of a person.
pub(crate) fn commitment(salt: &[u8], body: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(body)
        .finalize()
        .into()
}

/// A personal text with its salt, on its way to disk.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Personal {
    pub(crate) salt: [u8; SALT_BYTES],
    pub(crate) body: String,
}

impl Debug for Personal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Personal(…)")
    }
}

impl Personal {
    pub(crate) fn new(body: String) -> Result<Self, getrandom::Error> {
        let mut salt = [0; SALT_BYTES];
        getrandom::fill(&mut salt)?;
        Ok(Self { salt, body })
    }

    pub(crate) fn commitment(&self) -> [u8; 32] {
        commitment(&self.salt, self.body.as_bytes())
    }
}
