//! The office while it runs: the one thread that owns it, the handle by which
//! others reach that thread, and the view that it publishes.
//!
//! `web` and `link` stand above this and see nothing deeper.

pub mod handle;
pub mod office_thread;
pub mod view;
