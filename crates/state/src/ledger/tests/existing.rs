use phonehome_cloud::table::MemoryTable;

use super::*;
use crate::all;

#[tokio::test]
async fn the_addresses_of_an_existing_vpc_are_recorded_once_and_given_to_nobody() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    let adopted = claim_existing(&table, &stack("1"), net("10.0.0.0/28"), 1).await.unwrap();
    assert!(adopted.is_adopted());
    assert_eq!(claim_existing(&table, &stack("1"), net("10.0.0.0/28"), 2).await.unwrap(), adopted);
    assert_eq!(claim(&table, &[&pool], &[], &stack("1"), 3).await.unwrap(), adopted, "it has its network");
    assert_eq!(claim(&table, &[&pool], &[], &stack("2"), 3).await.unwrap().cidr, net("10.0.64.0/18"));
    release_block(&table, &stack("1"), 1, 4).await.unwrap();
    let back = claim_existing(&table, &stack("1"), net("10.0.0.0/28"), 5).await.unwrap();
    assert_eq!(back, Claim { claimed_at_ms: 5, ..adopted });
}

#[tokio::test]
async fn addresses_that_were_recorded_before_others_could_have_them_too_are_given_back_where_they_are() {
    let table = MemoryTable::default();
    let adopted = claim_existing(&MemoryTable::default(), &stack("1"), net("10.0.0.0/28"), 1).await.unwrap();
    let writes = [Keys::block("10.0.0.0/28"), Keys::holder(&stack("1"))];
    let writes = writes.map(|key| Write::put(key, Expect::Absent, &adopted));
    table.write(writes.into()).await.unwrap();
    release_block(&table, &stack("1"), 1, 4).await.unwrap();
    let claims = all::<Claim>(&table, Keys::LEDGER).await.unwrap();
    assert_eq!(claims.len(), 1, "no other document says that they are held: {claims:?}");
    assert!(!claims[0].1.is_held());
}

#[tokio::test]
async fn sixty_accounts_adopt_the_same_addresses_and_no_new_block_has_any_of_them() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/15", 18));
    for account in 0..60 {
        let account = account.to_string();
        let adopted = claim_existing(&table, &stack(&account), net("10.0.0.0/16"), 1).await.unwrap();
        assert_eq!((adopted.stack(), adopted.cidr), (stack(&account), net("10.0.0.0/16")));
        assert_eq!(claim_existing(&table, &stack(&account), net("10.0.0.0/16"), 2).await.unwrap(), adopted);
    }
    let claims: Vec<Claim> =
        all(&table, Keys::LEDGER).await.unwrap().into_iter().map(|(_, claim)| claim).collect();
    assert_eq!(claims.len(), 60, "each is kept");
    let findings = audit(&claims, &[], &[], 2);
    assert!(matches!(findings.as_slice(), [Finding::AdoptedOverlap { claims }] if claims.len() == 60));
    assert_eq!(findings[0].severity(), Severity::Note);
    assert_eq!(claim(&table, &[&pool], &[], &stack("61"), 3).await.unwrap().cidr, net("10.1.0.0/18"));
    // Released, each is in quarantine by itself.
    for account in ["0", "1"] {
        release_block(&table, &stack(account), 1, 4).await.unwrap();
    }
    let claims = all::<Claim>(&table, Keys::LEDGER).await.unwrap();
    assert_eq!(claims.iter().filter(|(_, claim)| !claim.is_held()).count(), 2);
}

#[test]
fn what_is_no_vpc_is_refused_with_the_reason_and_addresses_of_others_are_not() {
    let claims = [held("10.0.0.0/18", "2"), quarantined("10.0.64.0/18", "3", 9), held("10.9.0.0/16", "4")];
    let claims: Vec<&Claim> = claims.iter().collect();
    let cases = [
        ("1", "10.0.0.0/18", 0, ""),
        ("1", "10.0.8.0/24", 0, ""),
        ("1", "10.0.0.0/16", 9, ""),
        ("1", "10.0.64.0/18", 8, ""),
        ("3", "10.0.64.0/18", 8, ""),
        ("3", "10.0.64.0/20", 8, ""),
        ("1", "10.1.0.0/16", 0, ""),
        ("1", "10.0.0.0/15", 0, "10.0.0.0/15 is not a VPC's range: a VPC is a /16 to a /28"),
        ("1", "10.1.0.0/29", 0, "10.1.0.0/29 is not a VPC's range: a VPC is a /16 to a /28"),
        (
            "1",
            "10.1.0.7/24",
            0,
            "10.1.0.7/24 is not a VPC's range: the network of that address is 10.1.0.0/24",
        ),
        (
            "4",
            "10.8.0.0/16",
            0,
            "account 000000000004 in us-east-1 already holds 10.9.0.0/16, so it cannot hold 10.8.0.0/16",
        ),
    ];
    for (account, cidr, now_ms, expected) in cases {
        let decided = decide::claim_existing(&claims, &stack(account), net(cidr), now_ms);
        match decided {
            Ok(Decision::Becomes(claim)) => assert_eq!((expected, claim.cidr), ("", net(cidr))),
            Ok(stays) => panic!("{account} {cidr}: {stays:?}"),
            Err(refused) => {
                let text = refused.to_string();
                assert!(!expected.is_empty() && text.contains(expected), "{account} {cidr}: {text}");
            }
        }
    }
}
