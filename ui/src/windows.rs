//! What the Slint compiler makes of `ui/usher.slint`.
#![expect(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::todo,
    reason = "generated; the contract is documented in ui/model.slint"
)]

slint::include_modules!();
