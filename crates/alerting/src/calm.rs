//! What is known of a probe with which nothing is wrong, in a few bytes for each path: of hundreds of thousands nearly
//! all are such, nearly always.

use std::sync::Arc;

use crate::{Aim, Checks, PathState, PathStatus, Paths};

/// What is known of a path that accuses nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CalmPath {
    /// [`PathState::since_ms`].
    pub(crate) since_ms: u64,
    /// [`PathState::last_since_ms`].
    pub(crate) last_since_ms: u64,
    /// [`PathState::is_green`]; what is not, of that nothing is known yet.
    pub(crate) is_green: bool,
}

/// What is known of each path of a probe, in the order of its checks, where nothing is wrong with any: none failed that
/// is not good again, and none says for a while that it could not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calm(Arc<[Packed]>);

/// A path that is known, or not, in 13 bytes: both times in six, and which of the three it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Packed {
    since_ms: Time,
    last_since_ms: Time,
    known: Known,
}

/// Milliseconds since the Unix epoch, until the year 10889.
type Time = [u8; 6];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Not,
    NotYet,
    Green,
}

impl Calm {
    /// What is known of these checks; `None` where something is wrong with any, if only that its times are none.
    #[must_use]
    pub fn of(checks: &Checks, paths: &Paths) -> Option<Self> {
        let calm = |aim: Aim<'_>| match paths.get(aim.id) {
            None => Some(Packed::NOTHING),
            Some(path) => Packed::of(CalmPath::of(path)).filter(|_| is_calm(path)),
        };
        checks.aims().map(calm).collect::<Option<Arc<[_]>>>().map(Self)
    }

    /// Of the check with this number.
    pub(crate) fn get(&self, number: usize) -> Option<CalmPath> {
        self.0.get(number)?.path()
    }
}

impl Packed {
    const NOTHING: Self = Self { since_ms: [0; 6], last_since_ms: [0; 6], known: Known::Not };

    fn of(path: CalmPath) -> Option<Self> {
        let known = if path.is_green { Known::Green } else { Known::NotYet };
        Some(Self { since_ms: packed(path.since_ms)?, last_since_ms: packed(path.last_since_ms)?, known })
    }

    fn path(self) -> Option<CalmPath> {
        let is_green = match self.known {
            Known::Not => return None,
            Known::NotYet => false,
            Known::Green => true,
        };
        Some(CalmPath { since_ms: whole(self.since_ms), last_since_ms: whole(self.last_since_ms), is_green })
    }
}

fn packed(ms: u64) -> Option<Time> {
    let [time @ .., 0, 0] = ms.to_le_bytes() else { return None };
    Some(time)
}

fn whole([a, b, c, d, e, f]: Time) -> u64 {
    u64::from_le_bytes([a, b, c, d, e, f, 0, 0])
}

impl CalmPath {
    /// Of a path that may be anything else, too.
    pub(crate) fn of(path: &PathState) -> Self {
        Self { since_ms: path.since_ms, last_since_ms: path.last_since_ms, is_green: path.is_green() }
    }
}

/// Whether it accuses nothing, and is not worth a note either.
fn is_calm(path: &PathState) -> bool {
    path.results.is_empty() && path.status != PathStatus::Down && path.inconclusive().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_takes_13_bytes() {
        assert_eq!(size_of::<Packed>(), 13);
    }

    proptest! {
        #[test]
        fn what_is_known_of_a_path_comes_back_as_it_was_or_is_not_kept(
            since_ms in prop_oneof![0u64..1 << 48, any::<u64>()],
            last_since_ms in prop_oneof![0u64..1 << 48, any::<u64>()],
            is_green: bool,
        ) {
            let path = CalmPath { since_ms, last_since_ms, is_green };
            let fits = since_ms.max(last_since_ms) < 1 << 48;
            prop_assert_eq!(Packed::of(path).map(Packed::path), fits.then_some(Some(path)));
        }

        #[test]
        fn of_what_is_not_known_nothing_is(number in 0usize..3) {
            let calm = Calm([Packed::NOTHING; 2].into());
            prop_assert_eq!(calm.get(number), None);
        }
    }
}
