//! Waiting for what can be seen, never for a time to pass.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Longest that a program may take to be ready. Far above what is usual: a
/// loaded machine must not make a test fail, only a program that never comes up.
pub const START: Duration = Duration::from_secs(40);
/// Longest that a step of a visit may take to be seen.
pub const STEP: Duration = Duration::from_secs(20);
/// Longest that a program may take to end after it was asked to.
pub const STOP: Duration = Duration::from_secs(10);

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// Looks again and again until `look` sees something.
///
/// # Errors
/// An error of `look`, at once; or that `what` was not seen within `limit`.
pub fn until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(seen) = look().with_context(|| format!("while waiting for {what}"))? {
            return Ok(seen);
        }
        if start.elapsed() > limit {
            bail!("{what}: not seen within {:.1} s", limit.as_secs_f32());
        }
        std::thread::sleep(LOOK_AGAIN_AFTER);
    }
}

/// Like [`until`], for something that is or is not so.
///
/// # Errors
/// See [`until`].
pub fn until_true(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<bool>,
) -> Result<()> {
    until(what, limit, || Ok(look()?.then_some(())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_comes_is_named() {
        let error = until::<()>("the last train", Duration::ZERO, || Ok(None)).unwrap_err();
        assert!(error.to_string().starts_with("the last train: not seen"));
        let mut looks = 0;
        let seen = until("a third look", STEP, || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(seen.unwrap(), 3);
    }
}
