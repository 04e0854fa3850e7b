//! The slip of a finger: what was last done at a counter did not happen.

use jiff::{SignedDuration, Timestamp};
use usher_protocol::CounterId;
use usher_protocol::message::Rejection;

use super::known_counter;
use crate::event::Event;
use crate::rejection;
use crate::state::Office;

/// Takes back what was last done at the counter, if that was a moment ago and
/// neither the visit nor the counter has moved since. The times are as before, too:
/// a visit that was finished by mistake has been served all the while.
pub(super) fn undo(
    office: &Office,
    counter: &CounterId,
    now: Timestamp,
) -> Result<Vec<Event>, Rejection> {
    known_counter(office, counter)?;
    let label = office.plan().counter_label(counter);
    let Some(open) = office.counter_now(counter) else {
        return Err(rejection::counter_closed(label));
    };
    let last = open
        .last
        .as_ref()
        .ok_or_else(|| rejection::nothing_to_undo(label))?;
    let moved = office.visit(last.visit.id).map(|visit| visit.moved);
    if moved != Some(last.sequence) {
        return Err(rejection::moved_since(label));
    }
    let seconds = office.plan().rules.limits.undo_seconds;
    if now.duration_since(last.at) > SignedDuration::from_secs(i64::from(seconds)) {
        return Err(rejection::too_late_to_undo(seconds));
    }
    Ok(vec![Event::Undone {
        counter: counter.clone(),
        visit: last.visit.id,
        undoes: last.sequence,
    }])
}
