//! Rules of address pools.

use std::collections::BTreeMap;

use super::Rules;
use crate::draft::{Draft, unknown_region};
use crate::model::AddressPool;
use crate::names::Kind;
use crate::place::Flaw;

impl Rules<'_> {
    pub(super) fn pools_do_not_overlap(&mut self) {
        let pools = &self.draft.pools.found;
        for (index, (place, pool)) in pools.iter().enumerate() {
            for (earlier_place, earlier) in &pools[..index] {
                let readable = pool.cidr.prefix_len() > 0 && earlier.cidr.prefix_len() > 0;
                let overlap = pool.cidr.contains(&earlier.cidr) || earlier.cidr.contains(&pool.cidr);
                if readable && overlap {
                    let flaw = Flaw::new(format!(
                        "{} overlaps {} of the address pool `{}`",
                        pool.cidr, earlier.cidr, earlier.name
                    ));
                    let hint = format!("that pool is on line {}", earlier_place.line);
                    self.report(place, ".cidr", flaw.hint(hint));
                }
            }
        }
    }

    pub(super) fn every_region_has_a_pool(&mut self) {
        let pools = &self.draft.pools;
        let all_known = pools.complete && pools.values().all(|pool| pool.region != unknown_region());
        for (place, region) in self.draft.regions.found.iter().filter(|_| all_known) {
            let named = pools.values().any(|pool| pool.region == region.name);
            if !named && region.name != unknown_region() {
                let flaw = Flaw::new(format!("the Region {} has no address pool", region.name));
                let hint = "no account could get a network there: add a pool, or remove the Region";
                self.report(place, ".name", flaw.hint(hint).for_publishing());
            }
        }
    }

    /// A pool must have a block for each account that can get one from nowhere else.
    pub(super) fn pools_have_room(&mut self) {
        let mut needed: BTreeMap<&str, u64> = BTreeMap::new();
        for (environment, accounts) in &self.index.accounts {
            let Some(environment) = self.index.environments.get(environment) else { continue };
            let mut by_region: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for pool in self.draft.pools.values().filter(|pool| environment.pools.contains(&pool.name)) {
                by_region.entry(&pool.region).or_default().push(&pool.name);
            }
            for pools in by_region.values() {
                if let [only] = pools.as_slice() {
                    *needed.entry(only).or_default() += accounts;
                }
            }
        }
        for (place, pool) in &self.draft.pools.found {
            let needed = needed.get(pool.name.as_str()).copied().unwrap_or_default();
            if needed > pool.blocks() {
                let flaw = Flaw::new(format!(
                    "{needed} accounts need a block of the address pool `{}`, which has {}",
                    pool.name,
                    pool.blocks()
                ));
                let hint = "make the blocks smaller, or give the environment a further pool in the Region";
                self.report(place, ".block", flaw.hint(hint).for_publishing());
            }
        }
    }

    /// An account has a network only where its environment has a pool.
    pub(super) fn adopted_networks_are_where_one_belongs(&mut self) {
        let Draft { domains, pools, .. } = self.draft;
        let mut regions: BTreeMap<&str, Vec<&AddressPool>> = BTreeMap::new();
        for pool in pools.values() {
            regions.entry(&pool.name).or_default().push(pool);
        }
        for (place, domain) in &domains.found {
            for (index, entry) in domain.environments.iter().enumerate() {
                let Some(region) = &entry.adopt_region else { continue };
                let Some(environment) = self.index.environments.get(entry.name.as_str()) else { continue };
                let found: Vec<_> = environment.pools.iter().map(|name| regions.get(name.as_str())).collect();
                let readable = found.iter().all(Option::is_some);
                let here = found.into_iter().flatten().flatten().any(|pool| pool.region == *region);
                let known = self.reader.names.is_declared(Kind::Region, region);
                if readable && known && !here {
                    let flaw = Flaw::new(format!(
                        "the environment `{}` has no address pool in {region}",
                        entry.name
                    ));
                    let hint = "its accounts have no network there: add a pool to it, or name another Region";
                    self.report(place, &format!(".environments[{index}].adopt_region"), flaw.hint(hint));
                }
            }
        }
    }
}
