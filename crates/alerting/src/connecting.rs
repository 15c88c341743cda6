//! Who connects to what.

use std::collections::HashMap;

use phonehome_wire::Expect;

use crate::{ProbeView, World};

/// By endpoint, the probes that connect to it, those of a stack together.
pub(crate) type Connecting<'w> = HashMap<&'w str, Vec<Sources<'w>>>;

/// The probes of a stack, which connect to something by one check.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'w> {
    pub(crate) views: &'w [ProbeView],
    /// The number of the check.
    pub(crate) number: usize,
    /// The name of the account that owns what they connect to, where it is one of the fleet's.
    pub(crate) account: Option<&'w str>,
}

/// All that is declared. It is made once for many questions: each of them would look at every path.
pub(crate) fn connecting(world: &World) -> Connecting<'_> {
    let mut connecting = Connecting::new();
    for views in world.probes.chunk_by(|a, b| a.checks.is_same(&b.checks)) {
        let aims = views.first().into_iter().flat_map(|view| view.checks.aims()).enumerate();
        for (number, aim) in aims.filter(|(_, aim)| aim.expect == Expect::Connect) {
            connecting.entry(aim.endpoint).or_default().push(Sources { views, number, account: aim.account });
        }
    }
    connecting
}
