//! What a probe reaches.

use std::collections::BTreeMap;
use std::net::IpAddr;

use phonehome_alerting::{PathState, PathStatus, Paths};
use phonehome_wire::{CheckId, Verdict};
use serde::Deserialize;

/// What a part of a probe reaches, by check: at which addresses. It is all that is asked of the paths of a witness, and
/// they are asked for each denial.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "Paths")]
pub(crate) struct Reached(pub(crate) BTreeMap<CheckId, Vec<IpAddr>>);

impl From<Paths> for Reached {
    fn from(paths: Paths) -> Self {
        let reached = |(id, path): (CheckId, PathState)| match path {
            PathState { status: PathStatus::Up, last: Verdict::Ok, addresses, .. } => Some((id, addresses)),
            _ => None,
        };
        Self(paths.into_iter().filter_map(reached).collect())
    }
}
