use std::collections::BTreeMap;

use phonehome_cloud::table::MemoryTable;
use proptest::prelude::*;

use super::*;
use crate::all;

#[derive(Debug, Clone)]
enum Event {
    Claim { account: u8, pool: usize },
    Existing { account: u8, cidr: Ipv4Net },
    Release { account: u8, days: u32 },
    Seen { account: u8, cidr: Ipv4Net },
    Wait { days: u64 },
}

/// A network somewhere in the pools, of a VPC's size.
fn network() -> impl Strategy<Value = Ipv4Net> {
    (0u32..1 << 18, 16u8..=28).prop_map(|(offset, prefix)| {
        Ipv4Net::new_assert((u32::from(net("10.0.0.0/14").network()) + offset).into(), prefix).trunc()
    })
}

fn event() -> impl Strategy<Value = Event> {
    let account = 0u8..12;
    prop_oneof![
        4 => (account.clone(), 0usize..3).prop_map(|(account, pool)| Event::Claim { account, pool }),
        1 => (account.clone(), network()).prop_map(|(account, cidr)| Event::Existing { account, cidr }),
        3 => (account.clone(), 0u32..40).prop_map(|(account, days)| Event::Release { account, days }),
        1 => (account, network()).prop_map(|(account, cidr)| Event::Seen { account, cidr }),
        2 => (1u64..30).prop_map(|days| Event::Wait { days }),
    ]
}

/// The ledger as it has to be, kept without reading it.
#[derive(Default)]
struct Expected {
    held: BTreeMap<String, Ipv4Net>,
    /// Block, former holder, end.
    quarantine: Vec<(Ipv4Net, String, u64)>,
    seen: BTreeMap<String, Ipv4Net>,
    now_ms: u64,
}

impl Expected {
    /// A block was given. It overlaps nothing that is held, and nothing in another's quarantine.
    fn gives(&mut self, account: &str, cidr: Ipv4Net) -> Result<(), TestCaseError> {
        if let Some(before) = self.held.insert(account.to_owned(), cidr) {
            prop_assert_eq!(before, cidr, "{} was moved", account);
            return Ok(());
        }
        for (other, held) in &self.held {
            prop_assert!(other == account || !overlap(held, &cidr), "{cidr} overlaps {other}'s {held}");
        }
        for (block, former, until_ms) in &self.quarantine {
            let free = former == account || *until_ms <= self.now_ms || !overlap(block, &cidr);
            prop_assert!(free, "{cidr} overlaps {block}, {former}'s until {until_ms}");
        }
        let back = |(block, former, _): &(Ipv4Net, String, u64)| *block == cidr && former == account;
        self.quarantine.retain(|entry| !back(entry));
        Ok(())
    }

    /// A new block also overlaps no VPC that was seen, unless the account's own former network.
    fn is_unused(&self, account: &str, cidr: Ipv4Net) -> bool {
        self.seen.iter().all(|(owner, vpc)| !overlap(vpc, &cidr) || (owner == account && *vpc == cidr))
    }
}

fn overlap(one: &Ipv4Net, other: &Ipv4Net) -> bool {
    one.network() <= other.broadcast() && other.network() <= one.broadcast()
}

async fn replay(events: Vec<Event>) -> Result<(), TestCaseError> {
    let pools = [pool("a", "10.0.0.0/16", 18), pool("b", "10.0.128.0/17", 20), pool("c", "10.1.0.0/17", 19)];
    let (table, mut expected) = (MemoryTable::default(), Expected::default());
    for event in events {
        let now_ms = expected.now_ms;
        match event {
            Event::Claim { account, pool } => {
                let account = account_id(&account.to_string()).to_string();
                let had = expected.held.contains_key(&account);
                match claim(&table, &[&pools[pool]], &[], &stack(&account), now_ms).await {
                    Ok(claim) => {
                        prop_assert!(had || expected.is_unused(&account, claim.cidr), "{claim} is in use");
                        expected.gives(&account, claim.cidr)?;
                    }
                    Err(LedgerError::Exhausted(full)) => {
                        prop_assert!(!had && !full.pools[0].takers.is_empty())
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
            }
            Event::Existing { account, cidr } => {
                let account = account_id(&account.to_string()).to_string();
                if let Ok(claim) = claim_existing(&table, &stack(&account), cidr, now_ms).await {
                    prop_assert_eq!(claim.cidr, cidr);
                    // What was there before is given by nobody, and may be anybody's.
                    expected.held.insert(account, cidr);
                }
            }
            Event::Release { account, days } => {
                let account = account_id(&account.to_string()).to_string();
                let released = release_block(&table, &stack(&account), days, now_ms).await.unwrap();
                if let Some(cidr) = expected.held.remove(&account) {
                    prop_assert_eq!(released.map(|claim| claim.cidr), Some(cidr));
                    expected.quarantine.push((cidr, account, now_ms + u64::from(days) * DAY_MS));
                }
            }
            Event::Seen { account, cidr } => {
                let (account, id) = (account_id(&account.to_string()).to_string(), format!("vpc-{account}"));
                let vpcs = [vpc(&id, &account, &cidr.to_string())];
                record_seen(&table, &stack(&account), &vpcs, now_ms).await.unwrap();
                expected.seen.insert(account, cidr);
            }
            Event::Wait { days } => expected.now_ms += days * DAY_MS,
        }
    }
    let stored = all::<Claim>(&table, Keys::LEDGER).await.unwrap().into_iter().map(|(_, claim)| claim);
    let held = stored.filter(Claim::is_held).map(|claim| (claim.account.to_string(), claim.cidr));
    prop_assert_eq!(held.collect::<BTreeMap<_, _>>(), expected.held);
    Ok(())
}

proptest! {
    #[test]
    fn whatever_happens_no_block_overlaps_another_and_quarantine_is_kept(
        events in proptest::collection::vec(event(), 1..80)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(replay(events))?;
    }
}
