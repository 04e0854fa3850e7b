//! Every time limit of a session, in one table.

use std::time::Duration;

use usher_protocol::message::HEARTBEAT_LOST_MS;

/// Without a touch for this long, the resident is asked whether they are there.
pub const IDLE_MAX: Duration = Duration::from_secs(30);
/// Time to answer "Are you still there?"; then everything is wiped.
pub const STILL_THERE_MAX: Duration = Duration::from_secs(20);
/// Longest wait for the answer to a check-in; then a paper form is given out. As
/// long as the server's silence is borne.
pub const ANSWER_MAX: Duration = Duration::from_millis(HEARTBEAT_LOST_MS);
/// Longest wait for the printer; then the number is shown, and staff know that
/// a paper may be out. The printer's own limits are shorter.
pub const PRINT_MAX: Duration = Duration::from_secs(25);
/// How long "Take your ticket" stays.
pub const TAKE_TICKET: Duration = Duration::from_secs(12);
/// How long a number stays that has to be written down.
pub const SHOW_NUMBER: Duration = Duration::from_secs(60);
/// How long "Take this form" stays.
pub const PAPER_FORM: Duration = Duration::from_secs(25);
/// How long a word of advice stays.
pub const HINT: Duration = Duration::from_secs(8);
/// After a licence was understood, other codes are passed over for this long:
/// many scanners read the card's line barcode as well.
pub const SECOND_READ: Duration = Duration::from_secs(3);
