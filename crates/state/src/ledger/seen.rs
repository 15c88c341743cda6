//! The VPCs that were seen in the accounts: addresses that must not be given away.

use ipnet::Ipv4Net;
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write, on_conflict};
use phonehome_text::joined;
use phonehome_wire::{AccountId, Region, StackId};
use serde::{Deserialize, Serialize};

use super::attempts::ATTEMPTS_MAX;
use super::claim::overlap;
use crate::{Keys, set_aside};

/// A VPC in some account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeenVpc {
    /// Whose it is.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// Its id, `vpc-…`.
    pub vpc_id: String,
    /// Its IPv4 ranges, the first one and those that were associated later.
    pub cidrs: Vec<Ipv4Net>,
    /// Whether it carries phonehome's tag.
    pub ours: bool,
    /// Whether it is the one that AWS puts into each Region of a new account (172.31.0.0/16).
    pub is_default: bool,
}

impl SeenVpc {
    /// Whether it has an address of `cidr`.
    pub fn overlaps(&self, cidr: &Ipv4Net) -> bool {
        self.cidrs.iter().any(|own| overlap(own, cidr))
    }

    /// `vpc-1 of account 111122223333 in us-east-1 (not phonehome's)`.
    pub(crate) fn described(&self) -> String {
        let kind = match self {
            Self { ours: true, .. } => "phonehome's",
            Self { is_default: true, .. } => "the default VPC",
            _ => "not phonehome's",
        };
        format!("{} of account {} in {} ({kind})", self.vpc_id, self.account, self.region)
    }

    pub(crate) fn ranges(&self) -> String {
        joined(&self.cidrs)
    }
}

/// What was seen when somebody last looked into an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Which account.
    pub account: AccountId,
    /// Where.
    pub region: Region,
    /// All VPCs in it, phonehome's own too; in order of their ids.
    pub vpcs: Vec<SeenVpc>,
    /// Since when it looks like this; milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
}

/// Notes which VPCs there are in an account's Region: all of them, for what is not named is
/// forgotten. Written only when it differs from what was noted before, which it answers.
///
/// # Errors
/// [`TableError`]; nothing is noted then.
pub async fn record_seen(
    table: &impl Table,
    stack: &StackId,
    vpcs: &[SeenVpc],
    now_ms: u64,
) -> Result<bool, TableError> {
    let mut vpcs = vpcs.to_vec();
    vpcs.iter_mut().for_each(|vpc| vpc.cidrs.sort());
    vpcs.sort_by(|a, b| a.vpc_id.cmp(&b.vpc_id));
    let key = Keys::seen(stack);
    let StackId { account, region } = stack.clone();
    let new = Seen { account, region, vpcs, changed_at_ms: now_ms };
    on_conflict(ATTEMPTS_MAX, async || {
        let doc = table.get(&key).await?;
        let old = doc.as_ref().map(Doc::read::<Seen>);
        let unread = doc.as_ref().filter(|_| matches!(old, Some(Err(_))));
        if old.is_some_and(|old| old.is_ok_and(|old| old.vpcs == new.vpcs)) {
            return Ok(false);
        }
        let write = Write::put(key.clone(), Expect::unchanged(doc.as_ref()), &new);
        let copy = unread.map(|doc| set_aside(doc, now_ms));
        table.write([write].into_iter().chain(copy).collect()).await?;
        Ok(true)
    })
    .await
}
