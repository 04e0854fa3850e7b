//! The hall display: which call takes the stage, which stand in the list, and
//! whether what is shown can still be trusted.
//!
//! Pure, like `checkin`: one step, effects as data. Each call's serial is
//! announced once and in order, however often it is heard of; a call that waits
//! for the stage is not in the list yet.

pub mod view;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use usher_protocol::message::{Call, Calls, OfficeInfo, Waits};

use crate::clock::Moment;

/// Delays of the hall display, all in one place.
pub mod delays {
    use std::time::Duration;

    /// A call has the stage at least this long.
    pub const STAGE_MIN: Duration = Duration::from_secs(4);
    /// A call has the stage this long if it still holds and no other waits for it.
    pub const STAGE_MAX: Duration = Duration::from_secs(8);
    /// A call in the list counts as fresh for this long.
    pub const FRESH: Duration = Duration::from_secs(20);
    /// Silence of the server before the hall is told: short breaks mend themselves.
    pub const STALE_AFTER: Duration = Duration::from_secs(5);
    /// Calls older than this, told after a break, go to the list unannounced.
    pub const ANNOUNCED_WITHIN: Duration = Duration::from_mins(1);
}

/// Calls that may wait for the stage; at the bound the oldest goes to the list.
pub const WAITING_FOR_STAGE_MAX: usize = 6;

/// What the hall display knows and shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Hall {
    /// The office, once the server told.
    pub office: Option<Arc<OfficeInfo>>,
    /// How the queues stand, once the server told.
    pub waits: Option<Arc<Waits>>,
    /// The call on the stage, and since when (uptime).
    pub stage: Option<(Call, Duration)>,
    calls: Option<Calls>,
    waiting: VecDeque<Call>,
    /// The highest serial heard of, and when that call was made.
    heard: Option<(u64, Timestamp)>,
    /// Serials of the calls on the screen, and when each came there (uptime).
    shown: BTreeMap<u64, Duration>,
    is_online: bool,
    /// When the server was last there (uptime); at first, the start.
    heard_at: Duration,
}

/// What can happen to a hall display.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The office told of itself.
    OfficeChanged(Arc<OfficeInfo>),
    /// The queues changed.
    WaitsChanged(Arc<Waits>),
    /// The calls changed.
    CallsChanged(Calls),
    /// The server went or came back.
    LinkChanged {
        /// Whether it is there.
        online: bool,
    },
    /// Time has passed.
    Tick,
}

/// What a hall display wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// This call took the stage: it may be spoken.
    Announced(Call),
    /// This call stands in the list without ever having had the stage.
    Listed(Call),
}

impl Hall {
    /// A hall display that has just started.
    #[must_use]
    pub fn new(now: Moment) -> Self {
        Self {
            office: None,
            waits: None,
            stage: None,
            calls: None,
            waiting: VecDeque::new(),
            heard: None,
            shown: BTreeMap::new(),
            is_online: false,
            heard_at: now.uptime,
        }
    }

    /// The calls in the list, newest first: all but those that wait for the stage.
    /// The one on the stage is among them, so that the list is never empty beside it.
    pub fn listed(&self) -> impl Iterator<Item = &Call> {
        let calls = self.calls.as_ref().map(|calls| calls.calls.as_slice());
        calls
            .unwrap_or_default()
            .iter()
            .filter(|call| !self.is_waiting(call.serial))
    }

    /// Whether a call came to the screen only a moment ago, and is new: a display
    /// that has just started shows old calls, too.
    #[must_use]
    pub fn is_fresh(&self, call: &Call, now: Moment) -> bool {
        let is_new = self
            .calls
            .as_ref()
            .is_some_and(|calls| was_made_lately(call, calls));
        let came_lately = self
            .shown
            .get(&call.serial)
            .is_some_and(|at| now.uptime.saturating_sub(*at) < delays::FRESH);
        is_new && came_lately
    }

    /// How long the server has been silent, if long enough to tell the hall.
    #[must_use]
    pub fn stale_for(&self, now: Moment) -> Option<Duration> {
        let silence = now.uptime.saturating_sub(self.heard_at);
        (!self.is_online && silence >= delays::STALE_AFTER).then_some(silence)
    }

    /// Whether this call still holds: it was not taken back, the visit has not ended.
    fn is_called(&self, serial: u64) -> bool {
        let calls = self.calls.as_ref().map(|calls| calls.calls.as_slice());
        calls
            .unwrap_or_default()
            .iter()
            .any(|call| call.serial == serial)
    }

    fn is_waiting(&self, serial: u64) -> bool {
        self.waiting.iter().any(|call| call.serial == serial)
    }
}

/// One step of a hall display.
#[must_use]
pub fn step(mut hall: Hall, input: Input, now: Moment) -> (Hall, Vec<Effect>) {
    let mut effects = Vec::new();
    if hall.is_online {
        hall.heard_at = now.uptime;
    }
    match input {
        Input::OfficeChanged(office) => hall.office = Some(office),
        Input::WaitsChanged(waits) => hall.waits = Some(waits),
        Input::LinkChanged { online } => {
            hall.is_online = online;
            hall.heard_at = now.uptime;
        }
        Input::CallsChanged(calls) => hear_calls(&mut hall, calls),
        Input::Tick => {}
    }
    turn_stage(&mut hall, now, &mut effects);
    list_the_rest(&mut hall, now, &mut effects);
    (hall, effects)
}

/// Sorts out which calls are new.
fn hear_calls(hall: &mut Hall, calls: Calls) {
    let newest = calls
        .calls
        .iter()
        .map(|call| (call.serial, call.called_at))
        .max();
    let is_first = hall.calls.is_none();
    // Serials only grow: a lower one of a later call comes from a server that began
    // anew. A lower one alone does not: the newest call's visit may have ended.
    let is_new_log = newest
        .zip(hall.heard)
        .is_some_and(|(newest, heard)| newest.0 < heard.0 && newest.1 > heard.1);
    if is_new_log {
        hall.heard = None;
        hall.shown.clear();
        hall.waiting.clear();
    }
    let mut new: Vec<&Call> = calls
        .calls
        .iter()
        .filter(|call| hall.heard.is_none_or(|heard| call.serial > heard.0))
        .collect();
    new.sort_by_key(|call| call.serial);
    if is_first || is_new_log {
        // A display that was away announces the one call that somebody may just
        // have missed, not the history of the day.
        new = new.pop().filter(|call| !call.serving).into_iter().collect();
    } else {
        new.retain(|call| was_made_lately(call, &calls));
    }
    hall.waiting.extend(new.into_iter().cloned());
    while hall.waiting.len() > WAITING_FOR_STAGE_MAX {
        hall.waiting.pop_front();
    }
    hall.heard = hall.heard.max(newest);
    hall.calls = Some(calls);
    // Nobody is called any more by a call that was taken back, or whose visit
    // has ended, before it had its turn.
    let mut waiting = std::mem::take(&mut hall.waiting);
    waiting.retain(|call| hall.is_called(call.serial));
    hall.waiting = waiting;
}

/// Whether a call is recent enough to be announced; by the server's clock alone.
fn was_made_lately(call: &Call, calls: &Calls) -> bool {
    let age = calls.as_of.duration_since(call.called_at);
    age.unsigned_abs() < delays::ANNOUNCED_WITHIN
}

fn turn_stage(hall: &mut Hall, now: Moment, effects: &mut Vec<Effect>) {
    if let Some((call, since)) = &hall.stage {
        let limit = if hall.waiting.is_empty() && hall.is_called(call.serial) {
            delays::STAGE_MAX
        } else {
            delays::STAGE_MIN
        };
        if now.uptime.saturating_sub(*since) < limit {
            return;
        }
        hall.stage = None;
    }
    if let Some(call) = hall.waiting.pop_front() {
        hall.shown.insert(call.serial, now.uptime);
        effects.push(Effect::Announced(call.clone()));
        hall.stage = Some((call, now.uptime));
    }
}

fn list_the_rest(hall: &mut Hall, now: Moment, effects: &mut Vec<Effect>) {
    let mut unseen: Vec<Call> = hall
        .listed()
        .filter(|call| !hall.shown.contains_key(&call.serial))
        .cloned()
        .collect();
    unseen.sort_by_key(|call| call.serial);
    for call in unseen {
        hall.shown.insert(call.serial, now.uptime);
        effects.push(Effect::Listed(call));
    }
    // Kept only as long as it can be asked for.
    let on_screen: Vec<u64> = hall
        .listed()
        .chain(hall.stage.as_ref().map(|(call, _)| call))
        .map(|call| call.serial)
        .collect();
    hall.shown.retain(|serial, _| on_screen.contains(serial));
}

#[cfg(test)]
mod tests;
