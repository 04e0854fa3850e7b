//! What the Slint compiler makes of `ui/usher.slint`.
#![expect(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::semicolon_if_nothing_returned,
    clippy::needless_pass_by_value,
    reason = "generated; the contract is documented in ui/model.slint"
)]

slint::include_modules!();
