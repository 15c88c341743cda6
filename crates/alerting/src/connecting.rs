//! Who connects to what.

use std::collections::{HashMap, HashSet};

use phonehome_wire::Expect;

use crate::{Aim, ProbeView, World};

/// By endpoint, the probes that connect to it, those of a stack together.
pub(crate) struct Connecting<'w> {
    world: &'w World,
    /// Of those that somebody may ask for: what is aimed at where something is wrong.
    known: HashMap<&'w str, Vec<Sources<'w>>>,
}

/// The probes of a stack, which connect to something by one check.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'w> {
    pub(crate) views: &'w [ProbeView],
    /// The number of the check.
    pub(crate) number: u32,
}

impl<'w> Connecting<'w> {
    /// Looks once at all that is declared: each of many questions would look at every path.
    pub(crate) fn of(world: &'w World) -> Self {
        let wrong = stacks(world).filter(|views| views.iter().any(|view| view.calm.is_none()));
        let asked: HashSet<&str> = wrong.flat_map(connects).map(|(_, aim)| aim.endpoint).collect();
        let mut known: HashMap<&str, Vec<Sources<'_>>> = HashMap::with_capacity(asked.len());
        for views in stacks(world) {
            for (number, aim) in connects(views).filter(|(_, aim)| asked.contains(aim.endpoint)) {
                known.entry(aim.endpoint).or_default().push(Sources { views, number });
            }
        }
        Self { world, known }
    }

    /// Those that connect to an endpoint.
    pub(crate) fn to(&self, endpoint: &str) -> Vec<Sources<'w>> {
        if let Some(known) = self.known.get(endpoint) {
            return known.clone();
        }
        let of = |views: &'w [ProbeView]| {
            let connects = connects(views).filter(|(_, aim)| aim.endpoint == endpoint);
            connects.map(move |(number, _)| Sources { views, number })
        };
        stacks(self.world).flat_map(of).collect()
    }
}

impl Sources<'_> {
    /// The name of the account that owns what they connect to, where it is one of the fleet's.
    pub(crate) fn owner(&self) -> Option<&str> {
        self.views.first()?.checks.aims().nth(self.number as usize)?.account
    }
}

/// The probes, those of a stack together.
fn stacks(world: &World) -> impl Iterator<Item = &[ProbeView]> {
    world.probes.chunk_by(|a, b| a.checks.is_same(&b.checks))
}

/// What these probes, of one stack, connect to, with the number of each check.
fn connects(views: &[ProbeView]) -> impl Iterator<Item = (u32, Aim<'_>)> {
    let aims = views.first().into_iter().flat_map(|view| view.checks.aims());
    (0..).zip(aims).filter(|(_, aim)| aim.expect == Expect::Connect)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Calm, Checks, Paths};

    #[test]
    fn who_connects_to_what_nothing_is_wrong_with_is_found_as_well() {
        let check = |host: &str| -> phonehome_wire::Check {
            serde_json::from_value(serde_json::json!({
                "id": host, "kind": {"type": "tcp", "host": host, "port": 443}, "timeout_ms": 1000,
                "target": {"endpoint": host, "account": "owner"},
            }))
            .unwrap()
        };
        let probe = |account: &str, hosts: [&str; 2]| -> ProbeView {
            let checks: Checks = hosts.map(check).into_iter().collect();
            let mut view: ProbeView = serde_json::from_value(serde_json::json!({
                "key": {"account": account, "region": "us-east-1", "availability_zone": "use1-az1"},
                "account_name": "a", "expected_since_ms": 1, "checks": checks,
                "route": {"slack_channel": "#net"},
            }))
            .unwrap();
            view.calm = Calm::of(&view.checks, &Paths::new());
            view
        };
        let mut world: World = serde_json::from_str("{\"now_ms\": 1, \"probes\": []}").unwrap();
        world.probes = vec![probe("111111111111", ["a", "b"]), probe("222222222222", ["b", "c"])];
        world.probes[0].calm = None;
        let connecting = Connecting::of(&world);
        let known: std::collections::BTreeSet<&str> = connecting.known.keys().copied().collect();
        assert_eq!(known, ["a", "b"].into());
        for (endpoint, numbers) in [("a", vec![0]), ("b", vec![1, 0]), ("c", vec![1]), ("d", vec![])] {
            let found = connecting.to(endpoint);
            assert_eq!(found.iter().map(|it| it.number).collect::<Vec<_>>(), numbers, "{endpoint}");
            assert!(found.iter().all(|it| it.owner() == Some("owner")));
        }
    }
}
