//! The snapshot: the office's state after some event, so that a start need not
//! read every event before it.
//!
//! It is a cache and never a second truth. The log is whole without it, and it is
//! of no use unless it is whole, of the same format and program, and its event
//! has the same hash in the log: then everything before is what it was made from.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::chain::{ChainHash, ChainHead};

/// The snapshot's file in the data directory.
pub const SNAPSHOT_NAME: &str = "snapshot.bin";

/// Under this name it is written, before it takes the place of the one before.
pub(crate) const UNFINISHED_NAME: &str = "snapshot.bin.new";

/// How the file begins; the last byte is the version of what follows.
const MAGIC: &[u8; 8] = b"USHRSNP\x01";

/// No snapshot is that large: two days of an office are some megabytes.
const SNAPSHOT_BYTES_MAX: u64 = 256 * 1024 * 1024;

const CHECK_BYTES: usize = 32;

/// The office's state after an event, as bytes that this crate does not look into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The last event that is in it.
    pub sequence: u64,
    /// That event's hash.
    pub chain_hash: ChainHash,
    /// The version of what `bytes` hold.
    pub format_version: u32,
    /// The program that made it; another one does not use it, for a rule that
    /// changed may make another state of the same events.
    pub program_version: String,
    /// The state.
    pub bytes: Vec<u8>,
}

/// Why there is no new snapshot. Nothing is lost: a start takes longer.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The state cannot be written as bytes: a bug.
    #[error("the office's state cannot be written as a snapshot ({0}); please report this")]
    State(String),
    /// The file cannot be written. Technician: free some space, check the disk.
    #[error("the snapshot {path} cannot be written; check the disk and its space")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Snapshot {
    /// The place in the log where replay goes on.
    #[must_use]
    pub fn head(&self) -> ChainHead {
        ChainHead {
            sequence: self.sequence,
            hash: self.chain_hash,
        }
    }

    /// The bytes for a state (CBOR: self-describing, so that tagged enums read
    /// back, and maps may have keys of any kind).
    ///
    /// # Errors
    /// [`SnapshotError::State`].
    pub fn bytes_of<T: Serialize>(state: &T) -> Result<Vec<u8>, SnapshotError> {
        let mut bytes = Vec::new();
        ciborium::into_writer(state, &mut bytes)
            .map_err(|error| SnapshotError::State(error.to_string()))?;
        Ok(bytes)
    }

    /// The state in the snapshot; `None`, and why in the program's log, if it
    /// cannot be read: then every event is to be read.
    #[must_use]
    pub fn state<T: DeserializeOwned>(&self) -> Option<T> {
        ciborium::from_reader(self.bytes.as_slice())
            .map_err(|error| ignore(&format!("its state cannot be read: {error}")))
            .ok()
    }

    /// Puts it into `dir`, in place of the one before.
    ///
    /// # Errors
    /// [`SnapshotError`]: the one before stays, or none.
    pub fn save(&self, dir: &Path) -> Result<(), SnapshotError> {
        let path = dir.join(SNAPSHOT_NAME);
        let write = || -> io::Result<()> {
            let unfinished = dir.join(UNFINISHED_NAME);
            // Nobody else may read what events say of people.
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&unfinished)?;
            file.write_all(&self.to_file())?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            File::open(dir)?.sync_all()
        };
        write().map_err(|source| SnapshotError::File { path, source })
    }

    fn to_file(&self) -> Vec<u8> {
        let mut file = Vec::with_capacity(self.bytes.len() + 160);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&self.sequence.to_be_bytes());
        file.extend_from_slice(self.chain_hash.as_bytes());
        file.extend_from_slice(&self.format_version.to_be_bytes());
        for part in [self.program_version.as_bytes(), &self.bytes] {
            file.extend_from_slice(&(part.len() as u64).to_be_bytes());
            file.extend_from_slice(part);
        }
        let check = Sha256::digest(&file);
        file.extend_from_slice(&check);
        file
    }

    fn from_file(file: &[u8]) -> Option<Self> {
        let (content, check) = file.split_at_checked(file.len().checked_sub(CHECK_BYTES)?)?;
        if Sha256::digest(content).as_slice() != check {
            return None;
        }
        let mut rest = content.strip_prefix(MAGIC)?;
        let sequence = u64::from_be_bytes(*take(&mut rest)?);
        let chain_hash = ChainHash::from_bytes(*take(&mut rest)?);
        let format_version = u32::from_be_bytes(*take(&mut rest)?);
        let program_version = String::from_utf8(part(&mut rest)?.to_vec()).ok()?;
        let bytes = part(&mut rest)?.to_vec();
        rest.is_empty().then_some(Self {
            sequence,
            chain_hash,
            format_version,
            program_version,
            bytes,
        })
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(head)
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(u64::from_be_bytes(*take(rest)?)).ok()?;
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

/// Reads the snapshot in `dir`. `Ok(None)` if there is none.
pub(crate) fn read(dir: &Path) -> Result<Option<Snapshot>, String> {
    let path = dir.join(SNAPSHOT_NAME);
    let mut bytes = Vec::new();
    let read =
        File::open(&path).and_then(|file| file.take(SNAPSHOT_BYTES_MAX).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("it cannot be read: {error}")),
        Ok(_) => {}
    }
    match Snapshot::from_file(&bytes) {
        Some(snapshot) => Ok(Some(snapshot)),
        None => Err("it is damaged, or of another version".to_owned()),
    }
}

/// Reads the snapshot in `dir` if it is of use.
pub(crate) fn load(
    dir: &Path,
    format_version: u32,
    program_version: &str,
    hash_of: impl Fn(u64) -> Option<ChainHash>,
) -> Option<Snapshot> {
    let snapshot = read(dir).map_err(|reason| ignore(&reason)).ok()??;
    let reason = if snapshot.program_version != program_version {
        format!("usher-server {} made it", snapshot.program_version)
    } else if snapshot.format_version != format_version {
        format!("its state has version {}", snapshot.format_version)
    } else if hash_of(snapshot.sequence) != Some(snapshot.chain_hash) {
        format!("it is not of this log: event {} differs", snapshot.sequence)
    } else {
        return Some(snapshot);
    };
    ignore(&reason);
    None
}

fn ignore(reason: &str) {
    tracing::info!("the snapshot is not used, and every event is read instead: {reason}");
}
