//! The office's queue server: who waits, who is next, and why.
//!
//! Commands come in by MQTT ([`link`], through [`broker`]) and HTTP ([`web`]);
//! pure rules decide them ([`office`]); what happened is on disk ([`store`])
//! before anything is answered or shown; [`app`] builds and joins these.
//!
//! This crate deliberately does not know how a kiosk talks to residents or how a
//! ticket looks, and needs nothing outside of the building.
//!
//! Start reading at [`office`], then [`live::office_thread`], which runs its
//! rules, then [`live::handle`], the one door to it.

pub mod app;
pub mod broker;
pub mod estimate;
pub mod forecaster;
pub mod link;
pub mod live;
mod log_budget;
pub mod office_file;
pub mod person_key;
pub mod reading;
pub mod web;

pub use usher_office as office;
pub use usher_store as store;
