//! Over which inputs the checks of a probe are spread, where they do not fit one.

use phonehome_wire::Check;

use crate::limits::{CHECK_BYTES_MAX, INPUT_BYTES_MAX, MAX_CHECKS};

/// Over how many parts the checks of a probe are spread at most. A fresh account runs 10 functions at once: in three
/// zones 18 runs a minute are 9 at once, if each takes the 30 s that it may.
pub const PARTS_MAX: u32 = 6;

/// How the checks of an account and Region are spread over the inputs of each of its probes: the *parts*, counted
/// from 0. All in part 0, as long as they fit one input.
///
/// Which part a check is in depends on the name of its control, or its own where it has none, and on how many
/// parts there are; so a check is where its control is, and another check moves none of those that are there while
/// the number of parts stays. Where it grows, checks move into the new parts only; where it shrinks, only those
/// move that were in a part that goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts(u32);

impl Parts {
    /// The fewest parts in which all of these checks fit; [`PARTS_MAX`] where more would be needed, which no file
    /// can be published with.
    #[must_use]
    pub fn of(checks: &[Check]) -> Self {
        // Most are so few that nobody has to look how large they are.
        if checks.len() * CHECK_BYTES_MAX <= INPUT_BYTES_MAX {
            return Self(1);
        }
        let loads: Vec<PartLoad> = checks.iter().map(PartLoad::of).collect();
        Self(parts_needed(&loads).unwrap_or(PARTS_MAX))
    }

    /// How many there are; at least 1.
    #[must_use]
    pub fn count(self) -> u32 {
        self.0
    }

    /// The part that a check is in.
    #[must_use]
    pub fn part_of(self, check: &Check) -> u32 {
        part(hash(companion(check)), self.0)
    }

    /// The checks of one part, in their order.
    pub fn checks_of(self, checks: &[Check], part: u32) -> impl Iterator<Item = &Check> {
        checks.iter().filter(move |check| self.part_of(check) == part)
    }
}

/// What one check takes of a part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PartLoad {
    hash: u64,
    /// As JSON.
    bytes: usize,
}

impl PartLoad {
    fn of(check: &Check) -> Self {
        Self::sized(check, serde_json::to_string(check).map_or(0, |json| json.len()))
    }

    /// Of a check with so many bytes.
    pub(crate) fn sized(check: &Check, bytes: usize) -> Self {
        Self { hash: hash(companion(check)), bytes }
    }
}

/// The fewest parts in which these fit; none where that would be more than [`PARTS_MAX`].
pub(crate) fn parts_needed(loads: &[PartLoad]) -> Option<u32> {
    (1..=PARTS_MAX).find(|count| {
        let mut room = vec![(MAX_CHECKS, INPUT_BYTES_MAX); *count as usize];
        loads.iter().all(|load| {
            let (checks, bytes) = &mut room[part(load.hash, *count) as usize];
            let left = checks.checked_sub(1).zip(bytes.checked_sub(load.bytes));
            left.is_some_and(|left| {
                (*checks, *bytes) = left;
                true
            })
        })
    })
}

/// With what a check stays together: its control, with which it is run.
fn companion(check: &Check) -> &str {
    &check.control.as_ref().unwrap_or(&check.id).0
}

/// Of `count` parts the one that a hash likes best (rendezvous hashing): each part's liking is its own, so that a
/// further part takes from all others and changes nothing between them. It never changes, or checks would move.
fn part(hash: u64, count: u32) -> u32 {
    // Of equals the first.
    (0..count).rev().max_by_key(|part| mixed(hash ^ mixed(u64::from(*part) + 1))).unwrap_or_default()
}

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    let (basis, prime) = (0xcbf2_9ce4_8422_2325, 0x0000_0100_0000_01b3);
    text.bytes().fold(basis, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(prime))
}

/// The finalizer of SplitMix64: each bit of the number depends on each.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests;
