//! The ledger: which account holds which block, what is in quarantine, and what else has addresses.
//!
//! A block's document ([`Claim`]) lives through *held* → *in quarantine* → free. Each change is one
//! transaction of three writes: the ledger's revision, the block, and who holds it. The revision makes two
//! changes at the same moment impossible, so that blocks of different sizes, of other pools and of
//! VPCs that were there before cannot come to overlap, whoever asks. What is decided
//! ([`decide`]) and what is found wrong ([`audit()`]) are plain functions of what was read.

mod attempts;
mod audit;
mod claim;
mod decide;
mod error;
mod exhausted;
mod seen;
mod text;

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use phonehome_cloud::table::{Doc, Expect, Key, MayConflict as _, Table, TableError, Write, on_conflict};
use phonehome_fleet::AddressPool;
use phonehome_wire::StackId;

use crate::{Keys, Readable, Revision, Unread, readable};

pub use audit::{Finding, Severity, audit};
pub use claim::{Claim, ClaimState};
pub use error::LedgerError;
pub use exhausted::{Exhausted, FullPool, Taker};
pub use seen::{Seen, SeenVpc, record_seen};

use attempts::ATTEMPTS_MAX;
use decide::{Addresses, Decision};

/// What an account holds in a Region. If it holds nothing, it gets a block now: the one it gave back
/// last, if that is still nobody else's; otherwise the lowest free one of the first of `pools` that
/// has room. What it holds it keeps, also when the pool is renamed or no longer its own. No block is
/// given that overlaps another one of whatever pool, one in quarantine, a VPC that was seen
/// anywhere ([`record_seen`]), or what is `kept` for others ([`Desired::kept`](crate::Desired::kept)).
///
/// # Errors
/// [`LedgerError`]; nothing is claimed then.
pub async fn claim(
    table: &impl Table,
    pools: &[&AddressPool],
    kept: &[Ipv4Net],
    stack: &StackId,
    now_ms: u64,
) -> Result<Claim, LedgerError> {
    // By far the most frequent case, and the cheapest: one document, not the whole ledger.
    if let Some(doc) = table.get(&Keys::holder(stack)).await? {
        return Ok(doc.read()?);
    }
    let seen = seen(table).await?;
    let decide = |view: &View| decide::claim(&view.addresses(&[], &seen, kept), pools, stack, now_ms);
    change(table, stack, now_ms, decide).await?.ok_or(LedgerError::NoPool)
}

/// What [`claim()`] would answer now, if the blocks of `also` were claimed already. Writes nothing.
///
/// # Errors
/// [`LedgerError`]
pub async fn peek(
    table: &impl Table,
    pools: &[&AddressPool],
    kept: &[Ipv4Net],
    stack: &StackId,
    also: &[Claim],
    now_ms: u64,
) -> Result<Claim, LedgerError> {
    let view = View::read(table, stack).await?;
    if let Some(doc) = &view.holder {
        return Ok(doc.read()?);
    }
    let seen = seen(table).await?;
    match decide::claim(&view.addresses(also, &seen, kept), pools, stack, now_ms)? {
        Decision::Stays(claim) => claim.ok_or(LedgerError::NoPool),
        Decision::Becomes(claim) => Ok(claim),
    }
}

/// What [`peek()`] would answer for each of these stacks, with the pools that it may have and what is kept from it, if those before it had
/// claimed what it answers for them and `also` were claimed. Reads the ledger once, however many there are.
///
/// # Errors
/// [`TableError`]; for each stack [`LedgerError`].
pub async fn peek_all(
    table: &impl Table,
    asked: &[(Vec<&AddressPool>, Vec<Ipv4Net>, StackId)],
    mut also: Vec<Claim>,
    now_ms: u64,
) -> Result<Vec<Result<Claim, LedgerError>>, TableError> {
    let holders = table.query(Keys::HOLDERS).await?;
    let holders: BTreeMap<&str, &Doc> = holders.iter().map(|doc| (doc.key.sort.as_str(), doc)).collect();
    let Readable { found: blocks, unreadable } = readable::<Claim>(table, Keys::LEDGER).await?;
    let unreadable = unreadable.into_iter().filter_map(of_nobody).collect();
    let view = View { revision: Expect::Absent, blocks, unreadable, holder: None };
    let seen = seen(table).await?;
    let mut answers = Vec::new();
    for (pools, kept, stack) in asked {
        let answer = match holders.get(Keys::holder(stack).sort.as_str()) {
            Some(held) => held.read::<Claim>().map_err(LedgerError::from),
            None => {
                let addresses = view.addresses(&also, &seen, kept);
                decide::claim(&addresses, pools, stack, now_ms).and_then(|it| match it {
                    Decision::Stays(claim) => claim.ok_or(LedgerError::NoPool),
                    Decision::Becomes(claim) => Ok(claim),
                })
            }
        };
        also.extend(answer.as_ref().ok().cloned());
        answers.push(answer);
    }
    Ok(answers)
}

/// Records that an account holds `cidr` in a Region: the addresses of a VPC that was there before
/// phonehome. Recording it again changes nothing. Others may have the same addresses: the VPC is there
/// already. Such two are never connected, and no new block has any of them.
///
/// # Errors
/// [`LedgerError`]; among others when the range is no VPC's (/16 to /28), or the account holds another
/// block.
pub async fn claim_existing(
    table: &impl Table,
    stack: &StackId,
    cidr: Ipv4Net,
    now_ms: u64,
) -> Result<Claim, LedgerError> {
    let decide = |view: &View| decide::claim_existing(&view.claims(), stack, cidr, now_ms);
    change(table, stack, now_ms, decide).await?.ok_or(LedgerError::NoPool)
}

/// What [`claim_existing()`] would answer now. Writes nothing.
///
/// # Errors
/// [`LedgerError`]
pub async fn peek_existing(
    table: &impl Table,
    stack: &StackId,
    cidr: Ipv4Net,
    now_ms: u64,
) -> Result<Claim, LedgerError> {
    let view = View::read(table, stack).await?;
    match decide::claim_existing(&view.claims(), stack, cidr, now_ms)? {
        Decision::Stays(claim) => claim.ok_or(LedgerError::NoPool),
        Decision::Becomes(claim) => Ok(claim),
    }
}

/// Takes back what an account holds in a Region. Its block is given to nobody for `quarantine_days`:
/// routes, DNS answers and firewall rules that still name it must not come to mean another
/// account. Only the same account gets it back before. Returns with the block, also when it was
/// released before (its quarantine is not prolonged); `None` when there is none.
///
/// # Errors
/// [`LedgerError`]; [`LedgerError::Torn`] when the block is recorded as another account's.
pub async fn release_block(
    table: &impl Table,
    stack: &StackId,
    quarantine_days: u32,
    now_ms: u64,
) -> Result<Option<Claim>, LedgerError> {
    let decide = |view: &View| {
        let holder = view.holder.as_ref().map(Doc::read::<Claim>).transpose()?;
        decide::release_block(&view.claims(), holder, stack, quarantine_days, now_ms)
    };
    change(table, stack, now_ms, decide).await
}

/// The addresses of a block whose document cannot be read: its key still says them, and they are kept from
/// everybody until it is mended. A key that is no range was never written by phonehome.
fn of_nobody(unread: Unread) -> Option<(Doc, Ipv4Net)> {
    // Of an adopted VPC its account and Region follow.
    let mut parts = unread.doc.key.sort.splitn(3, '/');
    let cidr = format!("{}/{}", parts.next()?, parts.next()?).parse().ok()?;
    Some((unread.doc, cidr))
}

/// The VPCs that were seen. Of an account whose document cannot be read nothing is known, as of one that
/// was never looked into; the next observation of it writes the document anew.
async fn seen(table: &impl Table) -> Result<Vec<Seen>, TableError> {
    let seen = readable::<Seen>(table, Keys::SEEN).await?.found;
    Ok(seen.into_iter().map(|(_, seen)| seen).collect())
}

/// The ledger at one moment, as one account's change needs it.
struct View {
    revision: Expect,
    blocks: Vec<(Doc, Claim)>,
    /// The blocks whose documents cannot be read.
    unreadable: Vec<(Doc, Ipv4Net)>,
    holder: Option<Doc>,
}

impl View {
    async fn read(table: &impl Table, stack: &StackId) -> Result<Self, TableError> {
        // The revision comes first: whatever changes while the rest is read makes the write fail.
        let revision = Expect::unchanged(table.get(&Keys::ledger_revision()).await?.as_ref());
        let holder = table.get(&Keys::holder(stack)).await?;
        let Readable { found: blocks, unreadable } = readable::<Claim>(table, Keys::LEDGER).await?;
        let unreadable = unreadable.into_iter().filter_map(of_nobody).collect();
        Ok(Self { revision, blocks, unreadable, holder })
    }

    fn addresses<'v>(&'v self, also: &'v [Claim], seen: &'v [Seen], kept: &'v [Ipv4Net]) -> Addresses<'v> {
        let claims = self.claims().into_iter().chain(also).collect();
        Addresses { claims, unreadable: self.unreadable.iter().map(|(_, cidr)| *cidr).collect(), seen, kept }
    }

    fn claims(&self) -> Vec<&Claim> {
        self.blocks.iter().map(|(_, claim)| claim).collect()
    }

    /// Where a claim is stored: where it is already, or under its block. The addresses of adopted VPCs are
    /// several accounts' at once, and so are stored under the account as well.
    fn key(&self, claim: &Claim) -> Key {
        let is_it = |other: &Claim| other.cidr == claim.cidr && other.is_of(&claim.account, &claim.region);
        let stored = self.blocks.iter().find(|(_, other)| other.is_held() && is_it(other));
        let cidr = claim.cidr.to_string();
        match stored {
            Some((doc, _)) => doc.key.clone(),
            None if claim.is_adopted() => Keys::adopted_block(&cidr, &claim.stack()),
            None => Keys::block(&cidr),
        }
    }

    /// The one transaction that makes `claim` true.
    fn writes(&self, claim: &Claim, now_ms: u64) -> Vec<Write> {
        let (key, holder) = (self.key(claim), Keys::holder(&claim.stack()));
        let read = self.blocks.iter().find(|(doc, _)| doc.key == key);
        let unread = self.unreadable.iter().map(|(doc, _)| doc).find(|doc| doc.key == key);
        // What a newer release noted of another account's claim is nothing of this one's.
        let same = read.filter(|(_, before)| before.is_of(&claim.account, &claim.region));
        let block = Write::put(key, Expect::unchanged(read.map(|(doc, _)| doc).or(unread)), claim);
        let block = block.keeping::<Claim>(same.map(|(doc, _)| doc));
        let held_before = Expect::unchanged(self.holder.as_ref());
        let (block, holder) = match claim.state {
            ClaimState::Held => (block, Write::over(self.holder.as_ref(), holder, claim)),
            // What has left quarantine is free by its date. That DynamoDB removes it later is
            // housekeeping.
            ClaimState::Quarantined { until_ms, .. } => {
                (block.expiring(until_ms.div_ceil(1000)), Write::delete(holder, held_before))
            }
        };
        let revision =
            Write::put(Keys::ledger_revision(), self.revision, &Revision { decided_at_ms: now_ms });
        vec![revision, block, holder]
    }
}

/// Reads, decides and writes, until nobody else came between.
async fn change(
    table: &impl Table,
    stack: &StackId,
    now_ms: u64,
    decide: impl Fn(&View) -> Result<Decision, LedgerError> + Send + Sync,
) -> Result<Option<Claim>, LedgerError> {
    let changed = on_conflict(ATTEMPTS_MAX, async || {
        let view = View::read(table, stack).await?;
        match decide(&view)? {
            Decision::Stays(claim) => Ok(claim),
            Decision::Becomes(claim) => {
                table.write(view.writes(&claim, now_ms)).await?;
                Ok(Some(claim))
            }
        }
    });
    changed
        .await
        .map_err(|error: LedgerError| if error.is_conflict() { LedgerError::Contended } else { error })
}

#[cfg(test)]
mod tests;
