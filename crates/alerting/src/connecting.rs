//! Who connects to what.

use std::collections::HashMap;

use phonehome_wire::{Check, Expect};

use crate::{ProbeView, World};

/// By endpoint, the probes that connect to it, those of a stack together, each with the check.
pub(crate) type Connecting<'w> = HashMap<&'w str, Vec<(&'w [ProbeView], &'w Check)>>;

/// All that is declared. It is made once for many questions: each of them would look at every path.
pub(crate) fn connecting(world: &World) -> Connecting<'_> {
    let mut connecting = Connecting::new();
    for views in world.probes.chunk_by(|a, b| a.checks.is_same(&b.checks)) {
        let checks = views.first().into_iter().flat_map(|view| &view.checks);
        for check in checks.filter(|check| check.expect == Expect::Connect) {
            connecting.entry(&check.target.endpoint).or_default().push((views, check));
        }
    }
    connecting
}
