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
pub struct Calm(Arc<[Option<CalmPath>]>);

impl Calm {
    /// What is known of these checks; `None` where something is wrong with any.
    #[must_use]
    pub fn of(checks: &Checks, paths: &Paths) -> Option<Self> {
        let calm = |aim: Aim<'_>| match paths.get(aim.id) {
            None => Some(None),
            Some(path) => is_calm(path).then(|| Some(CalmPath::of(path))),
        };
        checks.aims().map(calm).collect::<Option<Arc<[_]>>>().map(Self)
    }

    /// Of the check with this number.
    pub(crate) fn get(&self, number: usize) -> Option<CalmPath> {
        self.0.get(number).copied().flatten()
    }
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
