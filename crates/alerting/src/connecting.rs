//! Who connects to what.

use std::collections::HashMap;

use phonehome_wire::{Check, Expect};

use crate::{ProbeKey, World};

/// By endpoint, the probes that connect to it, in their order, each with the check.
pub(crate) type Connecting<'w> = HashMap<&'w str, Vec<(&'w ProbeKey, &'w Check)>>;

/// All that is declared. It is made once for many questions: each of them would look at every path.
pub(crate) fn connecting(world: &World) -> Connecting<'_> {
    let mut connecting = Connecting::new();
    for view in &world.probes {
        for check in view.checks.iter().filter(|check| check.expect == Expect::Connect) {
            connecting.entry(&check.target.endpoint).or_default().push((&view.key, check));
        }
    }
    connecting
}
