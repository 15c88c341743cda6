//! What becomes of a block, given what is known. No table, no clock.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use phonehome_fleet::AddressPool;
use phonehome_fleet::addresses::first_free;

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

/// The block of an account that asks for one.
pub(crate) fn claim(
    claims: &[&Claim],
    seen: &[Seen],
    pools: &[&AddressPool],
    account: &str,
    region: &str,
    now_ms: u64,
) -> Result<Decision, LedgerError> {
    if let Some(own) = held(claims, account, region) {
        return Ok(Decision::Stays(Some(own.clone())));
    }
    let (pool, cidr) = match former(claims, seen, account, region, now_ms) {
        Some(former) => (former.pool.clone(), former.cidr),
        None => {
            let (pool, cidr) = free(claims, seen, pools, now_ms)?;
            (pool.name.clone(), cidr)
        }
    };
    Ok(Decision::Becomes(new_claim(pool, cidr, account, region, now_ms)))
}

/// The recording of addresses that a VPC has already.
pub(crate) fn claim_existing(
    claims: &[&Claim],
    account: &str,
    region: &str,
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
    match held(claims, account, region) {
        Some(own) if own.cidr == cidr => return Ok(Decision::Stays(Some(own.clone()))),
        Some(own) => return Err(LedgerError::AlreadyHolds { held: Box::new(own.clone()), cidr }),
        None => {}
    }
    Ok(Decision::Becomes(new_claim(String::new(), cidr, account, region, now_ms)))
}

/// The return of a block. `holder` is the account's own record of what it holds.
pub(crate) fn release_block(
    claims: &[&Claim],
    holder: Option<Claim>,
    account: &str,
    region: &str,
    quarantine_days: u32,
    now_ms: u64,
) -> Result<Decision, LedgerError> {
    match (held(claims, account, region), holder) {
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
        (None, None) => {
            Ok(Decision::Stays(newest_released(claims, account, region).into_iter().next().cloned()))
        }
    }
}

fn new_claim(pool: String, cidr: Ipv4Net, account: &str, region: &str, now_ms: u64) -> Claim {
    let (account, region) = (account.to_owned(), region.to_owned());
    Claim { cidr, pool, account, region, claimed_at_ms: now_ms, state: ClaimState::Held }
}

fn held<'c>(claims: &[&'c Claim], account: &str, region: &str) -> Option<&'c Claim> {
    claims.iter().copied().find(|claim| claim.is_held() && claim.is_of(account, region))
}

/// What an account gave back, the newest first.
fn newest_released<'c>(claims: &[&'c Claim], account: &str, region: &str) -> Vec<&'c Claim> {
    let mut own: Vec<(u64, &Claim)> = claims
        .iter()
        .filter(|claim| claim.is_of(account, region))
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
fn former<'c>(
    claims: &[&'c Claim],
    seen: &[Seen],
    account: &str,
    region: &str,
    now_ms: u64,
) -> Option<&'c Claim> {
    let others: Vec<&Claim> = claims
        .iter()
        .copied()
        .filter(|claim| claim.is_in_force(now_ms) && !claim.is_of(account, region))
        .collect();
    let own = |vpc: &SeenVpc, cidr: &Ipv4Net| {
        vpc.account == account && vpc.region == region && (vpc.ours || vpc.cidrs.contains(cidr))
    };
    let vpcs: Vec<&SeenVpc> = seen.iter().flat_map(|seen| &seen.vpcs).collect();
    newest_released(claims, account, region).into_iter().find(|claim| {
        others.iter().all(|other| !overlap(&other.cidr, &claim.cidr))
            && vpcs.iter().all(|vpc| own(vpc, &claim.cidr) || !vpc.overlaps(&claim.cidr))
    })
}

/// The lowest free block of the first pool that has one.
fn free<'p>(
    claims: &[&Claim],
    seen: &[Seen],
    pools: &[&'p AddressPool],
    now_ms: u64,
) -> Result<(&'p AddressPool, Ipv4Net), LedgerError> {
    let in_force = || claims.iter().copied().filter(|claim| claim.is_in_force(now_ms));
    let vpcs = || seen.iter().flat_map(|seen| &seen.vpcs);
    // Also VPCs of ours: one whose block is no longer claimed is still there.
    let taken: BTreeSet<Ipv4Net> =
        in_force().map(|claim| claim.cidr).chain(vpcs().flat_map(|vpc| vpc.cidrs.iter().copied())).collect();
    let mut full = Vec::new();
    for pool in pools {
        match first_free(pool, &taken) {
            Ok(cidr) => return Ok((pool, cidr)),
            Err(exhausted) => full.push(FullPool::new(exhausted, in_force(), vpcs())),
        }
    }
    if full.is_empty() {
        Err(LedgerError::NoPool)
    } else {
        Err(LedgerError::Exhausted(Exhausted::boxed(full)))
    }
}
