//! Events that do not fit the chain, looked at together: which of them was
//! changed, and which only stands beside one that was.

use crate::chain::{ChainFault, ChainHash, Columns, EventTime};
use crate::rows::Link;

/// So many are kept to be compared; of more, each is reported by itself.
const COMPARED_MAX: usize = 50;

/// A row that does not fit.
struct Suspect {
    sequence: i64,
    at_ms: i64,
    asked: i64,
    command: Vec<u8>,
    origin: Vec<u8>,
    body: Vec<u8>,
    personal: Option<Vec<u8>>,
    /// The hash in the row before.
    before: ChainHash,
    /// The hash in the row.
    stored: ChainHash,
    fault: ChainFault,
}

impl Suspect {
    /// The hash that this row's content would have as event `sequence` after `before`.
    fn hash_as(&self, sequence: i64, before: ChainHash) -> ChainHash {
        before.next(&Columns {
            sequence,
            at_ms: self.at_ms,
            command: &self.command,
            origin: &self.origin,
            asked: self.asked,
            body: &self.body,
            personal: self.personal.as_deref(),
        })
    }
}

/// The events that do not fit, in their order.
#[derive(Default)]
pub(crate) struct Suspects {
    kept: Vec<Suspect>,
    others: Vec<ChainFault>,
}

impl Suspects {
    /// Looks at an event and what the chain says of it.
    pub(crate) fn see(&mut self, columns: &Columns<'_>, link: Link) {
        let Err(broken) = link else {
            return;
        };
        let is_changed = matches!(broken.fault, ChainFault::Changed { .. });
        if !is_changed || self.kept.len() == COMPARED_MAX {
            self.others.push(broken.fault);
            return;
        }
        self.kept.push(Suspect {
            sequence: columns.sequence,
            at_ms: columns.at_ms,
            asked: columns.asked,
            command: columns.command.to_vec(),
            origin: columns.origin.to_vec(),
            body: columns.body.to_vec(),
            personal: columns.personal.map(<[u8]>::to_vec),
            before: broken.before,
            stored: broken.stored,
            fault: broken.fault,
        });
    }

    /// What is wrong, each thing once.
    pub(crate) fn faults(&mut self) -> Vec<ChainFault> {
        let mut faults = std::mem::take(&mut self.others);
        let mut kept = std::mem::take(&mut self.kept);
        while !kept.is_empty() {
            let suspect = kept.remove(0);
            if let Some(at) = kept.iter().position(|other| are_swapped(&suspect, other)) {
                let other = kept.remove(at);
                // What follows one of the two fits after what belongs there.
                kept.retain(|next| {
                    let follows = |before: &Suspect, right: ChainHash| {
                        next.sequence == before.sequence + 1
                            && next.hash_as(next.sequence, right) == next.stored
                    };
                    !follows(&suspect, other.stored) && !follows(&other, suspect.stored)
                });
                faults.push(ChainFault::Swapped {
                    first: suspect.sequence,
                    second: other.sequence,
                    at: EventTime(other.at_ms),
                });
                continue;
            }
            let computed = suspect.hash_as(suspect.sequence, suspect.before);
            let next = kept.first().filter(|next| {
                next.sequence == suspect.sequence + 1
                    && next.hash_as(next.sequence, computed) == next.stored
            });
            if next.is_some() {
                kept.remove(0);
                faults.push(ChainFault::Changed {
                    sequence: suspect.sequence,
                    at: EventTime(suspect.at_ms),
                    detail: "; its columns fit what follows, so it is column hash that was changed"
                        .to_owned(),
                });
                continue;
            }
            faults.push(suspect.fault);
        }
        faults
    }
}

/// Whether what stands in the two places belongs in the other's: with its hash,
/// or without.
fn are_swapped(first: &Suspect, second: &Suspect) -> bool {
    let moved = second.hash_as(first.sequence, first.before);
    moved == first.stored || moved == second.stored
}
