//! Tickets and paper forms on ESC/POS printers, and such a printer in software.
//!
//! **What it is for.** A field office hands every resident a piece of paper:
//! a ticket when all is well, a paper form when the computers are down. This
//! crate turns such a document, given as plain data, into the bytes of an
//! ESC/POS printer, sends them down a serial line, and says afterwards whether
//! the paper came out: *printed*, *not printed*, or *unknown*.
//!
//! **What it deliberately does not know.** Queues, services, offices, MQTT,
//! translations, the clock. Every word on the paper is handed in; the crate
//! only decides where it stands and how it is drawn. It stores nothing and logs
//! nothing that is on the paper.
//!
//! **Where to start reading.** [`document`] is what can be printed. [`encode`]
//! runs it through `layout` (what stands where, in dots), [`raster`] (any
//! script to 1-bit pictures) and `escpos` (bytes). [`status`] reads what a
//! printer answers, [`job`] is the state machine of one print, and [`spooler`]
//! is the thread that owns the port and performs what `job` asks. [`emulator`]
//! is the printer in software: the tests, the demo and the pictures in the
//! documentation all come from it.
//!
//! ```text
//! document ─► layout ─► escpos ─► bytes ─► spooler ─► transport ─► printer
//!               │                            ▲  │
//!             raster                       job  status ◄───────────┘
//! ```

pub mod document;
pub mod emulator;
mod encode;
mod escpos;
pub mod job;
mod layout;
pub mod profile;
pub mod raster;
pub mod spooler;
pub mod status;
pub mod transport;

pub use encode::{EncodeError, encode};
