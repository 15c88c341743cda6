//! What is claimed against what is there.

mod finding;

use std::collections::BTreeMap;

use phonehome_fleet::AddressPool;

use super::claim::Claim;
use super::claim::overlap;
use super::seen::{Seen, SeenVpc};

pub use finding::{Finding, Severity};

/// A claim younger than this may have no VPC yet: the provisioner tries for 45 minutes, and looks at
/// every account every 30.
const NO_VPC_AFTER_MS: u64 = 75 * 60 * 1000;

/// Everything that is wrong with the addresses, the worst first. `seen` holds a document for each
/// account and Region that was observed; of one that was not, nothing is said. Time (`now_ms`) is
/// in milliseconds since the Unix epoch.
///
/// That the default VPCs of many accounts have the same addresses is no finding: AWS makes them so.
pub fn audit(claims: &[Claim], seen: &[Seen], pools: &[AddressPool], now_ms: u64) -> Vec<Finding> {
    let audit = Audit {
        held: claims.iter().filter(|claim| claim.is_held()).collect(),
        in_force: claims.iter().filter(|claim| claim.is_in_force(now_ms)).collect(),
        vpcs: own_vpcs(seen),
        now_ms,
    };
    let mut findings = audit.overlapping_claims();
    findings.extend(audit.held.iter().filter_map(|claim| audit.collision(claim)));
    findings.extend(audit.vpcs.iter().filter_map(|vpc| audit.unclaimed(vpc)));
    findings.extend(seen.iter().filter_map(|seen| audit.without_vpc(seen)));
    findings.extend(pools.iter().filter_map(|pool| audit.blocked(pool)));
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    findings
}

struct Audit<'a> {
    held: Vec<&'a Claim>,
    in_force: Vec<&'a Claim>,
    vpcs: Vec<&'a SeenVpc>,
    now_ms: u64,
}

impl Audit<'_> {
    fn overlapping_claims(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut claims = self.in_force.clone();
        // In order of the addresses, with a network before those in it: what overlaps a claim follows
        // it without a gap.
        claims.sort_by_key(|claim| (claim.cidr.network(), claim.cidr.prefix_len()));
        for group in groups(&claims) {
            let (adopted, given): (Vec<&Claim>, Vec<&Claim>) = group.iter().partition(|it| it.is_adopted());
            if group.len() > 1 && !adopted.is_empty() {
                let claims = group.iter().copied().cloned().collect();
                findings.push(Finding::AdoptedOverlap { claims });
            }
            for (n, first) in given.iter().enumerate() {
                for second in given[n + 1..].iter().filter(|second| overlap(&first.cidr, &second.cidr)) {
                    let (first, second) = (Claim::clone(first), Claim::clone(second));
                    findings.push(Finding::ClaimsOverlap { first, second });
                }
            }
        }
        findings
    }

    /// VPCs with addresses of `claim` other than the one that it is for.
    fn collision(&self, claim: &Claim) -> Option<Finding> {
        let vpcs: Vec<SeenVpc> = self
            .vpcs
            .iter()
            .filter(|vpc| vpc.overlaps(&claim.cidr))
            // One that has a claim of its own is reported with that.
            .filter(|vpc| !self.held.iter().any(|claim| is_for(claim, vpc)))
            .map(|vpc| SeenVpc::clone(vpc))
            .collect();
        (!vpcs.is_empty()).then(|| Finding::Collision { claim: claim.clone(), vpcs })
    }

    /// A VPC of ours that does not have the addresses its account holds.
    fn unclaimed(&self, vpc: &SeenVpc) -> Option<Finding> {
        let of_account = |claims: &[&Claim]| {
            claims
                .iter()
                .find(|claim| claim.is_of(&vpc.account, &vpc.region))
                .map(|claim| Claim::clone(claim))
        };
        let vpc_of = || vpc.clone();
        match of_account(&self.held) {
            _ if !vpc.ours => None,
            Some(claim) if is_for(&claim, vpc) => None,
            Some(claim) => Some(Finding::OtherAddresses { vpc: vpc_of(), claim }),
            None => {
                let quarantine =
                    self.in_force.iter().find(|claim| is_for(claim, vpc)).map(|claim| Claim::clone(claim));
                Some(Finding::Unclaimed { vpc: vpc_of(), quarantine })
            }
        }
    }

    /// A claim that nothing was made of, in a Region that was observed.
    fn without_vpc(&self, seen: &Seen) -> Option<Finding> {
        let claim = self.held.iter().find(|claim| claim.is_of(&seen.account, &seen.region))?;
        let young = self.now_ms < claim.claimed_at_ms.saturating_add(NO_VPC_AFTER_MS);
        // One of ours with other addresses is a finding of its own.
        let made = seen.vpcs.iter().any(|vpc| vpc.ours || is_for(claim, vpc));
        (!young && !made).then(|| Finding::NoVpc { claim: Claim::clone(claim) })
    }

    /// VPCs that others made with addresses of a pool. Those that collide with a claim are a finding
    /// already.
    fn blocked(&self, pool: &AddressPool) -> Option<Finding> {
        let vpcs: Vec<SeenVpc> = self
            .vpcs
            .iter()
            .filter(|vpc| !vpc.ours && vpc.overlaps(&pool.cidr))
            .filter(|vpc| self.held.iter().all(|claim| !vpc.overlaps(&claim.cidr)))
            .map(|vpc| SeenVpc::clone(vpc))
            .collect();
        (!vpcs.is_empty()).then(|| Finding::PoolBlocked { pool: pool.clone(), vpcs })
    }
}

/// Claims that have addresses in common, as they follow each other: all of a group are within the first.
fn groups<'c, 'a>(claims: &'c [&'a Claim]) -> Vec<&'c [&'a Claim]> {
    let mut groups = Vec::new();
    let mut rest = claims;
    while let Some(first) = rest.first() {
        let length = rest.iter().take_while(|next| overlap(&first.cidr, &next.cidr)).count();
        let (group, others) = rest.split_at(length);
        groups.push(group);
        rest = others;
    }
    groups
}

/// Each VPC once, where it is its account's own. What was noted before owners were known names one that
/// is shared (by AWS RAM) under every account that sees it; only the owner sees phonehome's tags on it.
fn own_vpcs(seen: &[Seen]) -> Vec<&SeenVpc> {
    let mut by_id: BTreeMap<&str, &SeenVpc> = BTreeMap::new();
    for vpc in seen.iter().flat_map(|seen| &seen.vpcs) {
        let known = by_id.entry(vpc.vpc_id.as_str()).or_insert(vpc);
        if vpc.ours && !known.ours {
            *known = vpc;
        }
    }
    let is_own =
        |vpc: &&SeenVpc| by_id.get(vpc.vpc_id.as_str()).is_some_and(|own| own.account == vpc.account);
    seen.iter().flat_map(|seen| &seen.vpcs).filter(is_own).collect()
}

/// Whether this VPC is what the claim is for: in its account and Region, with its addresses; and
/// unless the claim records a VPC that was there before, with phonehome's tag.
fn is_for(claim: &Claim, vpc: &SeenVpc) -> bool {
    claim.is_of(&vpc.account, &vpc.region)
        && vpc.cidrs.contains(&claim.cidr)
        && (vpc.ours || claim.is_adopted())
}
