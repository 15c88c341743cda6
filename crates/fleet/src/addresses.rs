//! Addresses: which block an account gets, and how a block is divided.
//!
//! A block is cut into 8 equal slots, one for each number an Availability Zone ID can have
//! (`use1-az1` is slot 0), and each slot into 4 tiers: public, private and two in reserve. So a
//! subnet's address follows from the block and the AZ ID alone: using a further zone, or listing
//! the zones in another order, renumbers nothing. The price is that a Region with three zones
//! uses three eighths of a block; private addresses are plentiful, renumbering is an outage.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use phonehome_wire::{AzId, Region};
use serde::Serialize;

use crate::model::AddressPool;

/// Slots in a block. The Region with the most zones, us-east-1, numbers them 1 to 6.
pub const SLOTS: u8 = 8;
/// The largest block, as a prefix length: AWS's largest VPC.
pub const LARGEST_BLOCK: u8 = 16;
/// The smallest block, as a prefix length: its subnets, 1/32 of it, are AWS's smallest, /28.
pub const SMALLEST_BLOCK: u8 = 23;

const SLOT_BITS: u8 = 3;
const TIER_BITS: u8 = 2;

/// Which kind of subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Has a route to the internet gateway.
    Public,
    /// Reaches the internet through NAT, if at all.
    Private,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
        })
    }
}

/// One subnet of a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SubnetPlan {
    /// Which kind.
    pub tier: Tier,
    /// The AZ ID of its zone.
    pub az_id: AzId,
    /// Its addresses.
    pub cidr: Ipv4Net,
}

/// A pool has no block left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "address pool {pool:?} is full: none of the {blocks} blocks of /{block} in {cidr} is free. Add a pool for \
     {region} to the fleet file and list it behind {pool:?} in the environment's pools: accounts keep the \
     blocks they hold"
)]
pub struct PoolExhausted {
    /// The pool's name.
    pub pool: String,
    /// Its Region.
    pub region: Region,
    /// Its addresses.
    pub cidr: Ipv4Net,
    /// The prefix length of its blocks.
    pub block: u8,
    /// How many blocks it has.
    pub blocks: u64,
}

/// A block cannot be divided as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// The subnets would be smaller than AWS allows.
    #[error("{block} is too small: a block must be a /{SMALLEST_BLOCK} or larger, for its subnets to be /28")]
    BlockTooSmall {
        /// The block.
        block: Ipv4Net,
    },
    /// Not the ID of an Availability Zone with a slot.
    #[error("{az_id:?} is not an AZ ID with a number from 1 to {SLOTS}, such as \"use1-az1\"")]
    AzId {
        /// What was given.
        az_id: AzId,
    },
    /// Two zones have one number: the same zone twice, or zones of two Regions.
    #[error("{first:?} and {second:?} have the same number, and so the same addresses")]
    SameSlot {
        /// The one given first.
        first: AzId,
        /// The other.
        second: AzId,
    },
}

/// The lowest block of the pool that overlaps nothing held.
///
/// `held` may contain networks of any size, in or outside the pool: what the ledger records for
/// other accounts.
///
/// # Errors
/// [`PoolExhausted`] when there is none.
pub fn first_free(pool: &AddressPool, held: &BTreeSet<Ipv4Net>) -> Result<Ipv4Net, PoolExhausted> {
    // In order of the first address, which host bits would upset. In u64 the end of the address
    // space needs no care.
    let held: BTreeSet<Ipv4Net> = held.iter().map(Ipv4Net::trunc).collect();
    let size = 1u64 << 32u8.saturating_sub(pool.block);
    let mut start = u64::from(u32::from(pool.cidr.network()));
    for taken in held {
        let (first, last) = (number(taken.network()), number(taken.broadcast()));
        if last >= start && first < start + size {
            start = (last / size + 1) * size;
        }
    }
    let free = u32::try_from(start).ok().and_then(|start| Ipv4Net::new(start.into(), pool.block).ok());
    free.filter(|block| pool.cidr.contains(block)).ok_or_else(|| PoolExhausted {
        pool: pool.name.clone(),
        region: pool.region.clone(),
        cidr: pool.cidr,
        block: pool.block,
        blocks: pool.blocks(),
    })
}

/// Divides a block: a public and a private subnet for each zone, in order of the zones' numbers.
///
/// # Errors
/// [`LayoutError`] when the block is smaller than a /23, or the zones have no slots of their own.
pub fn layout(block: Ipv4Net, az_ids: &[AzId]) -> Result<Vec<SubnetPlan>, LayoutError> {
    if block.prefix_len() > SMALLEST_BLOCK {
        return Err(LayoutError::BlockTooSmall { block });
    }
    let mut slots: BTreeMap<u8, &AzId> = BTreeMap::new();
    for az_id in az_ids {
        let slot = slot(az_id).ok_or_else(|| LayoutError::AzId { az_id: az_id.clone() })?;
        if let Some(first) = slots.insert(slot, az_id) {
            return Err(LayoutError::SameSlot { first: first.clone(), second: az_id.clone() });
        }
    }
    let subnet = |slot: u8, tier: Tier, az_id: &AzId| {
        let tier_index = tier as u8;
        let prefix = block.prefix_len() + SLOT_BITS + TIER_BITS;
        let index = u32::from((slot << TIER_BITS) | tier_index);
        let address = u32::from(block.network()) + (index << (32 - prefix));
        let cidr = Ipv4Net::new_assert(address.into(), prefix);
        SubnetPlan { tier, az_id: az_id.clone(), cidr }
    };
    Ok(slots
        .into_iter()
        .flat_map(|(slot, az_id)| [Tier::Public, Tier::Private].map(|tier| subnet(slot, tier, az_id)))
        .collect())
}

/// The slot of an AZ ID: `use1-az1` has 0. `None` for anything but a zone with a number from 1
/// to 8; a Local Zone (`use1-bos1-az1`) is not one.
pub fn slot(az_id: &str) -> Option<u8> {
    let (region, number) = az_id.split_once("-az")?;
    let is_region = region.ends_with(|c: char| c.is_ascii_digit())
        && region.starts_with(|c: char| c.is_ascii_lowercase())
        && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    let [digit @ b'1'..=b'8'] = number.as_bytes() else { return None };
    is_region.then_some(digit - b'1')
}

fn number(address: Ipv4Addr) -> u64 {
    u64::from(u32::from(address))
}
