//! What becomes of a block, given what is known. No table, no clock.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use phonehome_fleet::AddressPool;
use phonehome_fleet::addresses::first_free;
use phonehome_wire::StackId;

use super::claim::overlap;
use super::claim::{Claim, ClaimState};
use super::error::LedgerError;
use super::exhausted::{Exhausted, FullPool};
use super::seen::{Seen, SeenVpc};

/// The prefix lengths that AWS allows for a VPC's range.
const VPC_PREFIXES: std::ops::RangeInclusive<u8> = 16..=28;
const DAY_MS: u64 = 86_400_000;

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nothing: this is so already.
    Stays(Option<Claim>),
    /// This is to be stored.
    Becomes(Claim),
}

/// What has addresses.
pub(crate) struct Addresses<'a> {
    /// The blocks, held or given back.
    pub(crate) claims: Vec<&'a Claim>,
    /// The blocks of which nothing else is known.
    pub(crate) unreadable: Vec<Ipv4Net>,
    /// What was seen in the accounts.
    pub(crate) seen: &'a [Seen],
    /// What another version of the fleet file that is in use has for others.
    pub(crate) kept: &'a [Ipv4Net],
}

impl<'a> Addresses<'a> {
    fn in_force(&self, now_ms: u64) -> impl Iterator<Item = &'a Claim> {
        self.claims.iter().copied().filter(move |claim| claim.is_in_force(now_ms))
    }

    fn vpcs(&self) -> impl Iterator<Item = &'a SeenVpc> {
        self.seen.iter().flat_map(|seen| &seen.vpcs)
    }
}

/// The block of an account that asks for one.
pub(crate) fn claim(
    known: &Addresses<'_>,
    pools: &[&AddressPool],
    stack: &StackId,
    now_ms: u64,
) -> Result<Decision, LedgerError> {
    if let Some(own) = held(&known.claims, stack) {
        return Ok(Decision::Stays(Some(own.clone())));
    }
    let (pool, cidr) = match former(known, stack, now_ms) {
        Some(former) => (former.pool.clone(), former.cidr),
        None => {
            let (pool, cidr) = free(known, pools, now_ms)?;
            (pool.name.clone(), cidr)
        }
    };
    Ok(Decision::Becomes(new_claim(pool, cidr, stack, now_ms)))
}

/// The recording of addresses that a VPC has already.
pub(crate) fn claim_existing(
    claims: &[&Claim],
    stack: &StackId,
    cidr: Ipv4Net,
    now_ms: u64,
) -> Result<Decision, LedgerError> {
    if !VPC_PREFIXES.contains(&cidr.prefix_len()) {
        let problem = format!("a VPC is a /{} to a /{}", VPC_PREFIXES.start(), VPC_PREFIXES.end());
        return Err(LedgerError::NotAVpc { cidr, problem });
    }
    if cidr != cidr.trunc() {
        let problem = format!("the network of that address is {}", cidr.trunc());
        return Err(LedgerError::NotAVpc { cidr, problem });
    }
    match held(claims, stack) {
        Some(own) if own.cidr == cidr => return Ok(Decision::Stays(Some(own.clone()))),
        Some(own) => return Err(LedgerError::AlreadyHolds { held: Box::new(own.clone()), cidr }),
        None => {}
    }
    Ok(Decision::Becomes(new_claim(String::new(), cidr, stack, now_ms)))
}

/// The return of a block. `holder` is the account's own record of what it holds.
pub(crate) fn release_block(
    claims: &[&Claim],
    holder: Option<Claim>,
    stack: &StackId,
    quarantine_days: u32,
    now_ms: u64,
) -> Result<Decision, LedgerError> {
    match (held(claims, stack), holder) {
        (Some(own), _) => {
            let until_ms = now_ms.saturating_add(u64::from(quarantine_days) * DAY_MS);
            let state = ClaimState::Quarantined { released_at_ms: now_ms, until_ms };
            Ok(Decision::Becomes(Claim { state, ..own.clone() }))
        }
        (None, Some(holder)) => {
            let block = claims.iter().find(|claim| claim.cidr == holder.cidr);
            let block = block.map(|claim| Box::new(Claim::clone(claim)));
            Err(LedgerError::Torn { holder: Box::new(holder), block })
        }
        (None, None) => Ok(Decision::Stays(newest_released(claims, stack).into_iter().next().cloned())),
    }
}

fn new_claim(pool: String, cidr: Ipv4Net, stack: &StackId, now_ms: u64) -> Claim {
    let StackId { account, region } = stack.clone();
    Claim { cidr, pool, account, region, claimed_at_ms: now_ms, state: ClaimState::Held }
}

fn held<'c>(claims: &[&'c Claim], stack: &StackId) -> Option<&'c Claim> {
    claims.iter().copied().find(|claim| claim.is_held() && claim.is_of(&stack.account, &stack.region))
}

/// What an account gave back, the newest first.
fn newest_released<'c>(claims: &[&'c Claim], stack: &StackId) -> Vec<&'c Claim> {
    let mut own: Vec<(u64, &Claim)> = claims
        .iter()
        .filter(|claim| claim.is_of(&stack.account, &stack.region))
        .filter_map(|claim| match claim.state {
            ClaimState::Held => None,
            ClaimState::Quarantined { released_at_ms, .. } => Some((released_at_ms, *claim)),
        })
        .collect();
    own.sort_by_key(|(released_at_ms, _)| std::cmp::Reverse(*released_at_ms));
    own.into_iter().map(|(_, claim)| claim).collect()
}

/// The block that the account gave back last and that nobody else has addresses of. A VPC of its own
/// with these addresses is no obstacle: it is what the block was for.
fn former<'c>(known: &Addresses<'c>, stack: &StackId, now_ms: u64) -> Option<&'c Claim> {
    let others: Vec<Ipv4Net> = known
        .in_force(now_ms)
        .filter(|claim| !claim.is_of(&stack.account, &stack.region))
        .map(|claim| claim.cidr)
        .chain(known.unreadable.iter().copied())
        .collect();
    let own = |vpc: &SeenVpc, cidr: &Ipv4Net| {
        vpc.account == stack.account && vpc.region == stack.region && (vpc.ours || vpc.cidrs.contains(cidr))
    };
    let vpcs: Vec<&SeenVpc> = known.vpcs().collect();
    newest_released(&known.claims, stack).into_iter().find(|claim| {
        others.iter().all(|other| !overlap(other, &claim.cidr))
            && vpcs.iter().all(|vpc| own(vpc, &claim.cidr) || !vpc.overlaps(&claim.cidr))
    })
}

/// The lowest free block of the first pool that has one.
fn free<'p>(
    known: &Addresses<'_>,
    pools: &[&'p AddressPool],
    now_ms: u64,
) -> Result<(&'p AddressPool, Ipv4Net), LedgerError> {
    // Also VPCs of ours: one whose block is no longer claimed is still there.
    let seen = known.vpcs().flat_map(|vpc| vpc.cidrs.iter().copied());
    let claimed = known.in_force(now_ms).map(|claim| claim.cidr);
    let others = known.unreadable.iter().chain(known.kept).copied();
    let taken: BTreeSet<Ipv4Net> = claimed.chain(seen).chain(others).collect();
    let mut full = Vec::new();
    for pool in pools {
        match first_free(pool, &taken) {
            Ok(cidr) => return Ok((pool, cidr)),
            Err(exhausted) => {
                let nobodys = (known.unreadable.as_slice(), known.kept);
                full.push(FullPool::new(exhausted, known.in_force(now_ms), known.vpcs(), nobodys))
            }
        }
    }
    if full.is_empty() {
        Err(LedgerError::NoPool)
    } else {
        Err(LedgerError::Exhausted(Exhausted::boxed(full)))
    }
}
