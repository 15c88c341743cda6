use phonehome_cloud::table::MemoryTable;

use super::*;

#[tokio::test]
async fn a_released_block_is_given_to_nobody_until_its_quarantine_ends() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    let first = claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    let released = release_block(&table, &stack("1"), 30, DAY_MS).await.unwrap().unwrap();
    let state = ClaimState::Quarantined { released_at_ms: DAY_MS, until_ms: 31 * DAY_MS };
    assert_eq!(released, Claim { state, ..first.clone() });
    assert_eq!(table.get(&Keys::holder(&stack("1"))).await.unwrap(), None);

    let during = claim(&table, &[&pool], &[], &stack("2"), 31 * DAY_MS - 1).await.unwrap();
    assert_eq!(during.cidr, net("10.0.64.0/18"));
    let after = claim(&table, &[&pool], &[], &stack("3"), 31 * DAY_MS).await.unwrap();
    assert_eq!(after.cidr, first.cidr);
}

#[tokio::test]
async fn an_account_that_comes_back_gets_its_own_block_again() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    let second = claim(&table, &[&pool], &[], &stack("2"), 0).await.unwrap();
    release_block(&table, &stack("2"), 30, 1).await.unwrap();
    release_block(&table, &stack("1"), 30, 1).await.unwrap();
    // Its network is still there: no obstacle. Nor is it that its environment has other pools now.
    record_seen(&table, &stack("2"), &[ours("vpc-a", "2", "10.0.64.0/18")], 2).await.unwrap();
    let back = claim(&table, &[], &[], &stack("2"), 3).await.unwrap();
    assert_eq!(back, Claim { claimed_at_ms: 3, ..second });
    // The other Region of the same account is another matter.
    assert_eq!(
        claim(&table, &[&pool], &[], &stack_in("2", "eu-west-1"), 3).await.unwrap().cidr,
        net("10.0.128.0/18")
    );
}

#[tokio::test]
async fn an_account_that_comes_back_too_late_gets_another_block() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    let first = claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    release_block(&table, &stack("1"), 1, 0).await.unwrap();
    assert_eq!(claim(&table, &[&pool], &[], &stack("2"), DAY_MS).await.unwrap().cidr, first.cidr);
    assert_eq!(claim(&table, &[&pool], &[], &stack("1"), DAY_MS).await.unwrap().cidr, net("10.0.64.0/18"));
}

#[tokio::test]
async fn a_block_that_somebody_uses_meanwhile_is_not_released() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    release_block(&table, &stack("1"), 30, 0).await.unwrap();
    record_seen(&table, &stack("7"), &[vpc("vpc-a", "7", "10.0.1.0/24")], 1).await.unwrap();
    assert_eq!(claim(&table, &[&pool], &[], &stack("1"), 2).await.unwrap().cidr, net("10.0.64.0/18"));
}

#[tokio::test]
async fn releasing_twice_changes_nothing_more() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    let once = release_block(&table, &stack("1"), 30, 1).await.unwrap();
    let revision = table.get(&Keys::ledger_revision()).await.unwrap();
    assert_eq!(release_block(&table, &stack("1"), 30, DAY_MS).await.unwrap(), once, "not prolonged");
    assert_eq!(table.get(&Keys::ledger_revision()).await.unwrap(), revision, "nothing was written");
    assert_eq!(release_block(&table, &stack("2"), 30, 1).await.unwrap(), None, "never held anything");
}

#[tokio::test]
async fn a_block_that_another_account_holds_is_not_released() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    let forged = Write::put(Keys::holder(&stack("2")), Expect::Absent, &held("10.0.0.0/18", "2"));
    table.write(vec![forged]).await.unwrap();
    let refused = release_block(&table, &stack("2"), 30, 1).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "ledger/holders says that account 000000000002 in us-east-1 holds 10.0.0.0/18, but ledger/10.0.0.0/18 says \
         10.0.0.0/18 of account 000000000001 in us-east-1: restore the two documents from a backup of the table, or correct \
         them by hand"
    );
    assert_eq!(claim(&table, &[&pool], &[], &stack("1"), 2).await.unwrap().cidr, net("10.0.0.0/18"));
}
