//! Following a file that a program adds JSON lines to.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::de::DeserializeOwned;

/// A reader that remembers how far it has read. A line counts when its end is there.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    read: u64,
    partial: Vec<u8>,
}

impl JsonLines {
    /// Reads `path` from its beginning; it need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self::new_at(path, 0)
    }

    /// Reads `path` from `offset` bytes on.
    #[must_use]
    pub fn new_at(path: impl Into<PathBuf>, offset: u64) -> Self {
        Self {
            path: path.into(),
            read: offset,
            partial: Vec::new(),
        }
    }

    /// Reads only what is added to `path` from now on.
    #[must_use]
    pub fn from_end(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let read = path.metadata().map_or(0, |file| file.len());
        Self::new_at(path, read)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The lines that have come since the last call.
    ///
    /// # Errors
    /// If the file cannot be read, or a line is not what was expected.
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<Vec<T>> {
        let Ok(mut file) = File::open(&self.path) else {
            return Ok(Vec::new());
        };
        file.seek(SeekFrom::Start(self.read))?;
        let count = file.read_to_end(&mut self.partial)?;
        self.read += u64::try_from(count).expect("a file's length fits");
        let Some(end) = self.partial.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(Vec::new());
        };
        let complete: Vec<u8> = self.partial.drain(..=end).collect();
        complete
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
            .map(|line| {
                serde_json::from_slice(line).with_context(|| {
                    format!(
                        "{}: unexpected line {}",
                        self.path.display(),
                        String::from_utf8_lossy(line)
                    )
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_line_counts_when_its_end_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let mut lines = JsonLines::new(&path);
        assert!(lines.take::<u32>().unwrap().is_empty());
        let mut file = File::create(&path).unwrap();
        file.write_all(b"1\n2\n3").unwrap();
        assert_eq!(lines.take::<u32>().unwrap(), [1, 2]);
        file.write_all(b"4\n").unwrap();
        assert_eq!(lines.take::<u32>().unwrap(), [34]);
        assert!(JsonLines::from_end(&path).take::<u32>().unwrap().is_empty());
        file.write_all(b"x\n").unwrap();
        assert!(lines.take::<u32>().is_err());
    }
}
