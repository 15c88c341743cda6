//! The networks of accounts that are not there yet.

use phonehome_fleet::{Fleet, Nat};
use phonehome_wire::Region;
use serde::Serialize;

use crate::price::cents_of;

/// The network that an account will have in a Region, by what the file declares for its environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NewNetwork {
    /// The Region.
    pub region: Region,
    /// The prefix length of its block of addresses, of the first of its pools.
    pub block: u8,
    /// How many Availability Zones it has.
    pub zones: u64,
    /// How its private subnets reach the internet.
    pub nat: Nat,
    /// What that costs a month without data, in US cents.
    pub cents: u64,
}

/// The networks that an account of an environment will have, in the file's order of Regions.
#[must_use]
pub fn new_networks(fleet: &Fleet, environment: &str) -> Vec<NewNetwork> {
    let nat = fleet.environment(environment).map(|it| it.nat).unwrap_or_default();
    let networks = fleet.regions.iter().filter_map(|region| {
        let pool = fleet.pool_for(environment, &region.name)?;
        let zones = region.availability_zones.len() as u64;
        Some(NewNetwork {
            region: region.name.clone(),
            block: pool.block,
            zones,
            nat,
            cents: cents_of(nat, zones),
        })
    });
    networks.collect()
}
