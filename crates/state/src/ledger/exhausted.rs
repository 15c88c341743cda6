//! Every pool is full: which, how large, who has the addresses, and what to do.

use std::fmt;

use ipnet::Ipv4Net;
use phonehome_fleet::addresses::PoolExhausted;
use phonehome_text::list;

use super::claim::Claim;
use super::claim::overlap;
use super::seen::SeenVpc;
use super::text::LISTED_MAX;

/// No pool of an environment has a block left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// The pools, in the order in which they were tried; at least one.
    pub pools: Vec<FullPool>,
}

/// A pool without a free block, and why it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullPool {
    /// Which pool.
    pub pool: PoolExhausted,
    /// Who has its addresses, in order of the addresses.
    pub takers: Vec<Taker>,
}

/// What takes addresses of a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taker {
    /// A block that is held or in quarantine.
    Claim(Claim),
    /// A block whose document cannot be read.
    Unreadable(Ipv4Net),
    /// A VPC whose addresses nobody claimed.
    Vpc(SeenVpc, Ipv4Net),
    /// A pool that another version of the fleet file that is in use has for others.
    Kept(Ipv4Net),
}

impl Taker {
    fn cidr(&self) -> Ipv4Net {
        match self {
            Self::Claim(claim) => claim.cidr,
            Self::Unreadable(cidr) | Self::Vpc(_, cidr) | Self::Kept(cidr) => *cidr,
        }
    }
}

impl FullPool {
    pub(crate) fn new<'c>(
        pool: PoolExhausted,
        claims: impl Iterator<Item = &'c Claim>,
        vpcs: impl Iterator<Item = &'c SeenVpc>,
        (unreadable, kept): (&[Ipv4Net], &[Ipv4Net]),
    ) -> Self {
        let claims: Vec<&Claim> = claims.filter(|claim| overlap(&claim.cidr, &pool.cidr)).collect();
        let claimed = |vpc: &SeenVpc, cidr: &Ipv4Net| {
            claims.iter().any(|claim| claim.is_of(&vpc.account, &vpc.region) && claim.cidr == *cidr)
        };
        let mut takers: Vec<Taker> = vpcs
            .flat_map(|vpc| vpc.cidrs.iter().map(move |cidr| (vpc, *cidr)))
            .filter(|(vpc, cidr)| overlap(cidr, &pool.cidr) && !claimed(vpc, cidr))
            .map(|(vpc, cidr)| Taker::Vpc(vpc.clone(), cidr))
            .collect();
        takers.extend(claims.into_iter().cloned().map(Taker::Claim));
        let is_its = |cidr: &Ipv4Net| overlap(cidr, &pool.cidr);
        takers.extend(unreadable.iter().copied().filter(is_its).map(Taker::Unreadable));
        takers.extend(kept.iter().copied().filter(is_its).map(Taker::Kept));
        takers.sort_by_key(Taker::cidr);
        Self { pool, takers }
    }
}

impl Exhausted {
    pub(crate) fn boxed(pools: Vec<FullPool>) -> Box<Self> {
        Box::new(Self { pools })
    }
}

impl fmt::Display for Taker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(claim) => claim.fmt(f),
            Self::Unreadable(cidr) => write!(f, "{cidr} of a block whose document cannot be read"),
            Self::Vpc(vpc, cidr) => write!(f, "{cidr} of {}", vpc.described()),
            Self::Kept(cidr) => {
                write!(f, "{cidr} for others, by a version that is in use until the roll-out ends")
            }
        }
    }
}

impl fmt::Display for FullPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PoolExhausted { pool, region, cidr, block, blocks } = &self.pool;
        write!(
            f,
            "address pool {pool:?} is full: none of the {blocks} blocks of /{block} in {cidr} ({region}) is free. \
             Taken: {}",
            list(&self.takers, LISTED_MAX)
        )
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pool in &self.pools {
            write!(f, "{pool}. ")?;
        }
        let Some(FullPool { pool: PoolExhausted { pool, region, .. }, .. }) = self.pools.last() else {
            return Ok(());
        };
        write!(
            f,
            "Add a pool for {region} to the fleet file and list it behind {pool:?} in the environment's pools: \
             accounts keep the blocks they hold. Or release the block of an account that is gone: it is free when \
             its quarantine ends"
        )
    }
}
