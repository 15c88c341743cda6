//! What describe calls show of writes that were made a moment ago.
//!
//! EC2 is eventually consistent: a describe call may show a resource as it was before a write that
//! has succeeded, for seconds and sometimes longer. What a *call* checks is the truth.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use phonehome_network::Inventory;

/// How late writes become visible to observations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Staleness {
    /// At once.
    #[default]
    None,
    /// Each after this many milliseconds.
    Fixed(u64),
    /// Each resource's change after a time of its own, of at most this many milliseconds, drawn from
    /// the seed: so what was made later may be seen earlier. Changes of one resource keep their order.
    UpTo {
        /// The longest, in milliseconds.
        ms: u64,
        /// Where the times are drawn from.
        seed: u64,
    },
}

/// A view that lags behind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Replica {
    /// `None` until the first write that is to be seen late.
    shown: Option<Inventory>,
    coming: Vec<Patch>,
    last: BTreeMap<String, u64>,
    drawn: u64,
}

#[derive(Clone)]
struct Patch {
    at_ms: u64,
    apply: Apply,
}

type Apply = Arc<dyn Fn(&mut Inventory) + Send + Sync>;

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Patch at {}", self.at_ms)
    }
}

impl Replica {
    /// Notes what a write changed.
    pub(crate) fn note(&mut self, before: &Inventory, after: &Inventory, staleness: Staleness, now_ms: u64) {
        self.shown.get_or_insert_with(|| before.clone());
        for (id, apply) in differences(before, after) {
            let delay_ms = match staleness {
                Staleness::None => 0,
                Staleness::Fixed(ms) => ms,
                Staleness::UpTo { ms, seed } => {
                    self.drawn += 1;
                    scatter(seed.wrapping_add(self.drawn)) % (ms + 1)
                }
            };
            let last = self.last.entry(id).or_default();
            *last = (*last).max(now_ms + delay_ms);
            self.coming.push(Patch { at_ms: *last, apply });
        }
    }

    /// What is visible now of `truth`.
    pub(crate) fn at(&mut self, now_ms: u64, truth: &Inventory) -> Inventory {
        let Some(shown) = &mut self.shown else { return truth.clone() };
        let (due, coming): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.coming).into_iter().partition(|patch| patch.at_ms <= now_ms);
        self.coming = coming;
        due.iter().for_each(|patch| (patch.apply)(shown));
        shown.clone()
    }
}

/// The finaliser of SplitMix64: neighbouring seeds give unrelated numbers.
pub(crate) fn scatter(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

macro_rules! differences {
    ($before:ident, $after:ident, $found:ident, $($list:ident: $id:ident),* $(,)?) => {$({
        let ids = $before.$list.iter().chain(&$after.$list).map(|it| it.$id.clone());
        for id in ids.collect::<std::collections::BTreeSet<_>>() {
            let old = $before.$list.iter().find(|it| it.$id == id);
            let new = $after.$list.iter().find(|it| it.$id == id);
            if old == new {
                continue;
            }
            let (new, key) = (new.cloned(), id.clone());
            $found.push((id, Arc::new(move |shown: &mut Inventory| {
                let list = &mut shown.$list;
                match (list.iter_mut().find(|it| it.$id == key), &new) {
                    (Some(old), Some(new)) => *old = new.clone(),
                    (None, Some(new)) => list.push(new.clone()),
                    (_, None) => list.retain(|it| it.$id != key),
                }
            })));
        }
    })*};
}

fn differences(before: &Inventory, after: &Inventory) -> Vec<(String, Apply)> {
    let mut found: Vec<(String, Apply)> = Vec::new();
    differences! {
        before, after, found,
        vpcs: id, subnets: id, internet_gateways: id, elastic_ips: allocation_id, nat_gateways: id,
        route_tables: id, security_groups: id, network_acls: id, endpoints: id, flow_logs: id,
        peerings: id, network_interfaces: id, functions: name, schedules: name,
    }
    found
}
