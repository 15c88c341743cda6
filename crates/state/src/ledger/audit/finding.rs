//! A finding, in words: what, where, with which ids, and what to do.

use std::fmt;

use phonehome_fleet::AddressPool;
use phonehome_text::list;

use super::super::text::LISTED_MAX;
use super::super::{Claim, SeenVpc};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know; nothing is wrong yet.
    Note,
    /// Will become a problem, or hides one.
    Warning,
    /// Two networks have, or are about to have, the same addresses.
    Critical,
}

/// Something that is wrong with the addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Two claims have addresses in common.
    ClaimsOverlap {
        /// The one with the lower address.
        first: Claim,
        /// The other.
        second: Claim,
    },
    /// Adopted VPCs have addresses in common with each other, or with given blocks.
    AdoptedOverlap {
        /// Their claims; at least two.
        claims: Vec<Claim>,
    },
    /// VPCs have addresses that an account holds, and are not the VPC its claim is for.
    Collision {
        /// Whose addresses they are.
        claim: Claim,
        /// Who uses them; at least one.
        vpcs: Vec<SeenVpc>,
    },
    /// A VPC of phonehome's does not have the addresses that its account holds.
    OtherAddresses {
        /// The VPC.
        vpc: SeenVpc,
        /// What it should have.
        claim: Claim,
    },
    /// A VPC of phonehome's, in an account that holds nothing.
    Unclaimed {
        /// The VPC.
        vpc: SeenVpc,
        /// Its block, when it is in quarantine.
        quarantine: Option<Claim>,
    },
    /// A held block that no VPC was made of.
    NoVpc {
        /// The claim.
        claim: Claim,
    },
    /// VPCs that phonehome did not make have addresses of a pool, which are skipped.
    PoolBlocked {
        /// The pool.
        pool: AddressPool,
        /// Who uses its addresses; at least one.
        vpcs: Vec<SeenVpc>,
    },
}

impl Finding {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Self::ClaimsOverlap { .. } => Severity::Critical,
            // Nobody connects default VPCs.
            Self::Collision { vpcs, .. } if vpcs.iter().all(|vpc| vpc.is_default) => Severity::Warning,
            Self::Collision { .. } => Severity::Critical,
            Self::OtherAddresses { .. } | Self::Unclaimed { quarantine: None, .. } => Severity::Warning,
            Self::AdoptedOverlap { .. }
            | Self::Unclaimed { .. }
            | Self::NoVpc { .. }
            | Self::PoolBlocked { .. } => Severity::Note,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

fn vpcs(vpcs: &[SeenVpc]) -> String {
    list(vpcs.iter().map(|vpc| format!("{} with {}", vpc.described(), vpc.ranges())), LISTED_MAX)
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClaimsOverlap { first, second } => write!(
                f,
                "two claims have the same addresses: {first}, and {second}. Never connect these two. Move the one \
                 with fewer workloads to a new network, then release its block"
            ),
            Self::AdoptedOverlap { claims } => write!(
                f,
                "adopted networks have addresses in common: {}. No two of these can be connected, and no new block has \
                 any of these addresses; nothing else is wrong",
                list(claims, LISTED_MAX)
            ),
            Self::Collision { claim, vpcs: others } => write!(
                f,
                "{claim}: the same addresses are in use by {}. These cannot be connected with the account's network: \
                 ask the owner for other addresses, or to delete what is unused",
                vpcs(others)
            ),
            Self::OtherAddresses { vpc, claim } => write!(
                f,
                "{} has {}, but its account holds {}. phonehome does not renumber a VPC: if this one is to stay, \
                 release the block and record {} as the account's; if not, delete the VPC",
                vpc.described(),
                vpc.ranges(),
                claim.cidr,
                vpc.ranges()
            ),
            Self::Unclaimed { vpc, quarantine: Some(claim) } => write!(
                f,
                "{} is still there, and its block is released: {claim}. Delete the VPC, or the block stays out of use \
                 after its quarantine",
                vpc.described()
            ),
            Self::Unclaimed { vpc, quarantine: None } => write!(
                f,
                "{} has {}, which its account does not hold. Record the addresses as the account's, or delete the VPC",
                vpc.described(),
                vpc.ranges()
            ),
            Self::NoVpc { claim } => write!(
                f,
                "{claim}: there is no VPC with these addresses. If the account has failed, `phonehome status` says \
                 why; if it needs no network, release its block"
            ),
            Self::PoolBlocked { pool, vpcs: others } => write!(
                f,
                "address pool {:?} ({} in {}): its addresses are in use by {}. No account gets them; ask the owners \
                 for other addresses if the pool runs short",
                pool.name,
                pool.cidr,
                pool.region,
                vpcs(others)
            ),
        }
    }
}
