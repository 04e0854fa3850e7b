//! The data directory: one server at a time, and a mark that it had a log, and
//! how far that log had come.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use usher_protocol::OfficeId;

use super::DATABASE_NAME;
use super::chain::{ChainHash, ChainHead};
use super::error::OpenError;

/// The file that is locked while a server runs. It stays, and says whose log is
/// here: so a log that vanished is not taken for a new office.
pub(crate) const MARK_NAME: &str = "usher.lock";

/// Bytes of the mark that are looked at: its first line and two notes.
const MARK_BYTES_MAX: u64 = 1024;

/// A data directory that this server alone uses, until it is dropped.
///
/// The mark's first line names the office. Two lines of fixed width follow, each
/// an event that was durable when it was noted. They are written in turn, in
/// place, with a checksum each: a torn one leaves the other.
#[derive(Debug)]
pub(super) struct DataDir {
    dir: PathBuf,
    mark: File,
    had_log: bool,
    /// Where the notes begin in the mark; 0 before its first line is written.
    notes_at: u64,
    notes: [Option<ChainHead>; 2],
}

impl DataDir {
    /// Makes the directory where there is none, and takes it.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory {
            dir: dir.to_owned(),
            source,
        };
        fs::create_dir_all(dir).map_err(unusable)?;
        let mark = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join(MARK_NAME))
            .map_err(unusable)?;
        match mark.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    dir: dir.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        let said = Said::read(&mark).map_err(unusable)?;
        Ok(Self {
            dir: dir.to_owned(),
            mark,
            had_log: said.had_log,
            notes_at: said.notes_at,
            notes: said.notes,
        })
    }

    /// Whether a log was made here before.
    pub(super) fn had_log(&self) -> bool {
        self.had_log
    }

    /// The newest event that is known to have been stored here.
    pub(super) fn noted(&self) -> Option<ChainHead> {
        newest(self.notes)
    }

    /// Notes that a log is here, and how far it has come. `head` must be durable.
    pub(super) fn note_log(&mut self, office: &OfficeId, head: ChainHead) -> Result<(), OpenError> {
        let note = |this: &mut Self| -> io::Result<()> {
            if this.notes_at == 0 {
                let line = format!("{DATABASE_NAME} here is the event log of {office}.\n");
                this.mark.write_all_at(line.as_bytes(), 0)?;
                this.notes_at = line.len() as u64;
                this.had_log = true;
            }
            this.note_head(head)
        };
        note(self).map_err(|source| OpenError::Directory {
            dir: self.dir.clone(),
            source,
        })
    }

    /// Notes how far the log has come. `head` must be durable.
    pub(super) fn note_head(&mut self, head: ChainHead) -> io::Result<()> {
        if self.noted() == Some(head) || self.notes_at == 0 {
            return Ok(());
        }
        let [first, second] = self.notes.map(|note| note.map(|head| head.sequence));
        let slot = usize::from(first > second);
        let line = note_line(head);
        self.mark
            .write_all_at(line.as_bytes(), self.notes_at + (slot * line.len()) as u64)?;
        self.mark.sync_data()?;
        self.notes[slot] = Some(head);
        Ok(())
    }

    /// Forgets what was noted: another log is put in place.
    pub(super) fn forget_notes(&mut self) -> io::Result<()> {
        if self.notes_at > 0 {
            self.mark.set_len(self.notes_at)?;
            self.mark.sync_all()?;
        }
        self.notes = [None, None];
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.dir
    }

    pub(super) fn database(&self) -> PathBuf {
        self.dir.join(DATABASE_NAME)
    }

    pub(super) fn mark(&self) -> PathBuf {
        self.dir.join(MARK_NAME)
    }
}

/// The newest event that the mark in `dir` notes, read beside a running server.
pub(super) fn noted_in(dir: &Path) -> io::Result<Option<ChainHead>> {
    match File::open(dir.join(MARK_NAME)) {
        Ok(mark) => Ok(newest(Said::read(&mark)?.notes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn newest(notes: [Option<ChainHead>; 2]) -> Option<ChainHead> {
    notes.into_iter().flatten().max_by_key(|head| head.sequence)
}

/// What a mark says.
struct Said {
    had_log: bool,
    notes_at: u64,
    notes: [Option<ChainHead>; 2],
}

impl Said {
    fn read(mut mark: &File) -> io::Result<Self> {
        let mut said = Vec::new();
        mark.rewind()?;
        mark.take(MARK_BYTES_MAX).read_to_end(&mut said)?;
        let line_end = said.iter().position(|byte| *byte == b'\n');
        let notes_at = line_end.map_or(0, |end| end + 1);
        let mut lines = said[notes_at..].chunks(note_line_bytes());
        let mut note = || lines.next().filter(|_| notes_at > 0).and_then(read_note);
        Ok(Self {
            had_log: !said.is_empty(),
            notes_at: notes_at as u64,
            notes: [note(), note()],
        })
    }
}

fn note_line(head: ChainHead) -> String {
    let words = format!("It had event {:020} with hash {}", head.sequence, head.hash);
    let check = Sha256::digest(&words);
    format!(
        "{words} ({:02x}{:02x}{:02x}{:02x})\n",
        check[0], check[1], check[2], check[3]
    )
}

fn note_line_bytes() -> usize {
    note_line(ChainHead {
        sequence: 0,
        hash: ChainHash::from_bytes([0; 32]),
    })
    .len()
}

/// Reads what [`note_line`] wrote; `None` if it is torn or of something else.
fn read_note(line: &[u8]) -> Option<ChainHead> {
    let text = std::str::from_utf8(line).ok()?;
    let rest = text.strip_prefix("It had event ")?;
    let (sequence, rest) = rest.split_once(" with hash ")?;
    let hash = rest.get(..64)?;
    let mut bytes = [0; 32];
    for (nth, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hash.get(nth * 2..nth * 2 + 2)?, 16).ok()?;
    }
    let head = ChainHead {
        sequence: sequence.parse().ok()?,
        hash: ChainHash::from_bytes(bytes),
    };
    (note_line(head) == text).then_some(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn head(sequence: u64) -> ChainHead {
        ChainHead {
            sequence,
            hash: ChainHash::from_bytes([u8::try_from(sequence % 251).unwrap(); 32]),
        }
    }

    fn office() -> OfficeId {
        "sample-office".parse().unwrap()
    }

    #[test]
    fn the_newest_note_is_read_back_and_a_torn_one_leaves_the_one_before() {
        let dir = TempDir::new().unwrap();
        let mut data = DataDir::take(dir.path()).unwrap();
        assert!(!data.had_log());
        data.note_log(&office(), head(1)).unwrap();
        for sequence in 2..=5 {
            data.note_head(head(sequence)).unwrap();
            assert_eq!(noted_in(dir.path()).unwrap(), Some(head(sequence)));
        }
        drop(data);
        let path = dir.path().join(MARK_NAME);
        let whole = fs::read(&path).unwrap();
        let first_line = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for at in first_line..whole.len() {
            let mut torn = whole.clone();
            torn[at] ^= 1;
            fs::write(&path, &torn).unwrap();
            let noted = noted_in(dir.path()).unwrap();
            assert!(
                noted == Some(head(5)) || noted == Some(head(4)),
                "byte {at}: {noted:?}"
            );
        }
    }

    #[test]
    fn a_mark_of_the_first_version_has_no_note_and_takes_one() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join(MARK_NAME);
        fs::write(&path, "events.db here is the event log of sample-office.\n").unwrap();
        let mut data = DataDir::take(dir.path()).unwrap();
        assert!(data.had_log());
        assert_eq!(data.noted(), None);
        data.note_log(&office(), head(9)).unwrap();
        drop(data);
        assert_eq!(DataDir::take(dir.path()).unwrap().noted(), Some(head(9)));
    }
}
