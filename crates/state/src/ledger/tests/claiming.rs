use phonehome_cloud::table::MemoryTable;

use super::*;

#[tokio::test]
async fn an_account_gets_the_same_block_every_time() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 20));
    let first = claim(&table, &[&pool], &[], &stack("1"), 7).await.unwrap();
    let again = claim(&table, &[&pool], &[], &stack("1"), 8).await.unwrap();
    assert_eq!(first, again);
    let elsewhere = claim(&table, &[&pool], &[], &stack_in("1", "eu-west-1"), 8).await.unwrap();
    assert_eq!(elsewhere.cidr, net("10.0.16.0/20"), "one block in each Region");
}

#[tokio::test]
async fn a_full_pool_is_relieved_by_the_next_one() {
    let table = MemoryTable::default();
    let (small, more) = (pool("small", "10.0.0.0/20", 20), pool("more", "10.1.0.0/20", 20));
    let first = claim(&table, &[&small, &more], &[], &stack("1"), 0).await.unwrap();
    let second = claim(&table, &[&small, &more], &[], &stack("2"), 0).await.unwrap();
    assert_eq!((first.pool.as_str(), second.pool.as_str()), ("small", "more"));
}

#[tokio::test]
async fn a_renamed_pool_gives_no_address_twice_and_moves_nobody() {
    let table = MemoryTable::default();
    let (before, after) = (pool("old-name", "10.0.0.0/16", 20), pool("new-name", "10.0.0.0/16", 18));
    let first = claim(&table, &[&before], &[], &stack("1"), 0).await.unwrap();
    assert_eq!(claim(&table, &[&after], &[], &stack("1"), 0).await.unwrap(), first);
    let second = claim(&table, &[&after], &[], &stack("2"), 0).await.unwrap();
    assert_eq!(second.cidr, net("10.0.64.0/18"));
}

#[tokio::test]
async fn without_a_pool_nothing_is_claimed() {
    let refused = claim(&MemoryTable::default(), &[], &[], &stack("1"), 0).await.unwrap_err();
    assert!(matches!(refused, LedgerError::NoPool), "{refused}");
}

#[tokio::test]
async fn a_document_of_the_first_version_is_a_held_block() {
    let table = MemoryTable::default();
    let old = serde_json::json!({
        "cidr": "10.0.0.0/18", "pool": "dev", "account": account_id("1"), "region": REGION, "claimed_at_ms": 5,
    });
    let writes = vec![
        Write::put(Keys::block("10.0.0.0/18"), Expect::Absent, &old),
        Write::put(Keys::holder(&stack("1")), Expect::Absent, &old),
    ];
    table.write(writes).await.unwrap();
    let pool = pool("dev", "10.0.0.0/16", 18);
    let first = claim(&table, &[&pool], &[], &stack("1"), 9).await.unwrap();
    assert_eq!(first, Claim { claimed_at_ms: 5, ..held("10.0.0.0/18", "1") });
    assert_eq!(claim(&table, &[&pool], &[], &stack("2"), 9).await.unwrap().cidr, net("10.0.64.0/18"));
    let released = release_block(&table, &stack("1"), 1, 9).await.unwrap().unwrap();
    assert!(!released.is_held());
}

#[tokio::test]
async fn addresses_of_vpcs_that_were_seen_are_given_to_nobody() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    let theirs = [vpc("vpc-a", "7", "10.0.0.0/24"), vpc("vpc-b", "7", "10.0.100.0/22")];
    assert!(record_seen(&table, &stack("7"), &theirs, 0).await.unwrap());
    // Also of the account that asks, and of phonehome's own VPCs whose block nobody holds.
    record_seen(&table, &stack("1"), &[ours("vpc-c", "1", "10.0.128.0/18")], 0).await.unwrap();
    assert_eq!(claim(&table, &[&pool], &[], &stack("1"), 1).await.unwrap().cidr, net("10.0.192.0/18"));

    // Once they are gone, their addresses are free.
    record_seen(&table, &stack("7"), &theirs[..1], 2).await.unwrap();
    assert_eq!(claim(&table, &[&pool], &[], &stack("2"), 3).await.unwrap().cidr, net("10.0.64.0/18"));
}

#[tokio::test]
async fn what_is_held_stays_held_when_somebody_else_uses_its_addresses() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    let first = claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    record_seen(&table, &stack("7"), &[vpc("vpc-a", "7", "10.0.0.0/18")], 1).await.unwrap();
    assert_eq!(claim(&table, &[&pool], &[], &stack("1"), 2).await.unwrap(), first);
}

#[tokio::test]
async fn the_same_view_of_an_account_is_written_once() {
    let table = MemoryTable::default();
    let (a, b) = (vpc("vpc-a", "7", "10.0.0.0/24"), vpc("vpc-b", "7", "10.1.0.0/24"));
    assert!(record_seen(&table, &stack("7"), &[a.clone(), b.clone()], 1).await.unwrap());
    assert!(!record_seen(&table, &stack("7"), &[b, a.clone()], 2).await.unwrap(), "another order");
    assert!(record_seen(&table, &stack("7"), &[a], 3).await.unwrap());
    let stored: Seen = table.get(&Keys::seen(&stack("7"))).await.unwrap().unwrap().read().unwrap();
    assert_eq!((stored.vpcs.len(), stored.changed_at_ms), (1, 3));
}

#[tokio::test]
async fn full_pools_say_who_has_their_addresses_and_what_to_do() {
    let table = MemoryTable::default();
    let (one, two) = (pool("one", "10.0.0.0/17", 18), pool("two", "10.1.0.0/18", 18));
    let pools = [&one, &two];
    for account in ["1", "2"] {
        claim(&table, &pools, &[], &stack(account), 0).await.unwrap();
    }
    release_block(&table, &stack("2"), 30, 0).await.unwrap();
    record_seen(&table, &stack_in("7", "eu-west-1"), &[vpc("vpc-a", "7", "10.1.0.0/16")], 0).await.unwrap();
    let full = claim(&table, &pools, &[], &stack("3"), DAY_MS).await.unwrap_err();
    assert_eq!(
        full.to_string(),
        "address pool \"one\" is full: none of the 2 blocks of /18 in 10.0.0.0/17 (us-east-1) is free. Taken: \
         10.0.0.0/18 of account 000000000001 in us-east-1, 10.0.64.0/18 in quarantine until 1970-01-31T00:00:00Z (it was \
         account 000000000002's in us-east-1). address pool \"two\" is full: none of the 1 blocks of /18 in 10.1.0.0/18 \
         (us-east-1) is free. Taken: 10.1.0.0/16 of vpc-a of account 000000000007 in us-east-1 (not phonehome's). Add a pool \
         for us-east-1 to the fleet file and list it behind \"two\" in the environment's pools: accounts keep the \
         blocks they hold. Or release the block of an account that is gone: it is free when its quarantine ends"
    );
    // The next day after the quarantine there is room.
    assert_eq!(claim(&table, &pools, &[], &stack("3"), 30 * DAY_MS).await.unwrap().cidr, net("10.0.64.0/18"));
}

#[tokio::test]
async fn a_long_list_of_holders_is_cut_and_counted() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 20));
    for account in 0..16 {
        claim(&table, &[&pool], &[], &stack(&account.to_string()), 0).await.unwrap();
    }
    let full = claim(&table, &[&pool], &[], &stack("17"), 0).await.unwrap_err().to_string();
    assert!(
        full.contains("10.0.144.0/20 of account 000000000009 in us-east-1 and 6 more. Add a pool"),
        "{full}"
    );
    assert!(!full.contains("10.0.160.0/20"), "{full}");
}

#[tokio::test]
async fn an_unreadable_claim_keeps_its_own_addresses_and_stops_nobody_else() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    let first = claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap();
    table.put_raw(Keys::block(&first.cidr.to_string()), "nonsense");
    table.put_raw(Keys::block("no range at all"), "nonsense");
    table.put_raw(Keys::seen(&stack("9")), "nonsense");
    let second = claim(&table, &[&pool], &[], &stack("2"), 0).await.unwrap();
    assert_ne!(first.cidr, second.cidr);
    table.put_raw(Keys::adopted_block("10.0.128.0/18", &stack("5")), "nonsense");
    let third = claim(&table, &[&pool], &[], &stack("6"), 0).await.unwrap();
    assert_eq!(third.cidr, net("10.0.192.0/18"), "nor are those of an adopted one given");
    // Its own account goes on with what it holds; only giving it back has to wait.
    assert_eq!(claim(&table, &[&pool], &[], &stack("1"), 0).await.unwrap(), first);
    assert!(release_block(&table, &stack("1"), 7, 0).await.is_err());
    assert!(release_block(&table, &stack("2"), 7, 0).await.is_ok());
}

#[tokio::test]
async fn what_another_version_in_use_has_for_others_is_given_to_nobody_and_named_when_nothing_else_is_left() {
    let table = MemoryTable::default();
    let pool = pool("one", "10.0.0.0/16", 18);
    let kept = [net("10.0.0.0/17")];
    assert_eq!(claim(&table, &[&pool], &kept, &stack("1"), 0).await.unwrap().cidr, net("10.0.128.0/18"));
    claim(&table, &[&pool], &kept, &stack("2"), 0).await.unwrap();
    let full = claim(&table, &[&pool], &kept, &stack("3"), 0).await.unwrap_err().to_string();
    assert!(full.contains("10.0.0.0/17 for others, by a version that is in use"), "{full}");
    assert_eq!(claim(&table, &[&pool], &[], &stack("3"), 0).await.unwrap().cidr, net("10.0.0.0/18"));
}
