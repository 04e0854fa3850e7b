//! Where the programs, the samples and the sample offices are.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

/// The workspace's root.
#[must_use]
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the crate stands in a workspace")
        .to_owned()
}

/// One of our own programs, built in the same profile as the one that asks.
///
/// # Errors
/// If it has not been built.
pub fn program(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    // A test binary runs in `deps`, one directory below the programs.
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    match found {
        Some(path) => Ok(path),
        None => bail!("{name} is not built; run: cargo build --workspace"),
    }
}

/// The sample office with this id, as the queue server ships it.
#[must_use]
pub fn sample_office(id: &str) -> PathBuf {
    workspace()
        .join("queue-server/offices")
        .join(format!("{id}.toml"))
}

/// A sample of what an ID scanner sends, such as `california-2020.bin`.
#[must_use]
pub fn id_sample(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/id-barcodes")
        .join(file)
}

/// Where runs of the tests keep their files: below cargo's target directory, so
/// that they are found after a failure and never committed.
///
/// # Errors
/// If it cannot be made.
pub fn runs_dir() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own
        .ancestors()
        .find(|dir| dir.join("CACHEDIR.TAG").is_file())
        .map_or_else(|| workspace().join("target"), Path::to_owned);
    let dir = target.join("system-tests");
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
