use phonehome_aws::table::MemoryTable;

use super::*;

#[tokio::test]
async fn the_addresses_of_an_existing_vpc_are_recorded_once_and_given_to_nobody() {
    let (table, pool) = (MemoryTable::default(), pool("dev", "10.0.0.0/16", 18));
    let adopted = claim_existing(&table, "1", REGION, net("10.0.0.0/28"), 1).await.unwrap();
    assert!(adopted.is_adopted());
    assert_eq!(claim_existing(&table, "1", REGION, net("10.0.0.0/28"), 2).await.unwrap(), adopted);
    assert_eq!(claim(&table, &[&pool], "1", REGION, 3).await.unwrap(), adopted, "it has its network");
    assert_eq!(claim(&table, &[&pool], "2", REGION, 3).await.unwrap().cidr, net("10.0.64.0/18"));
    release(&table, "1", REGION, 1, 4).await.unwrap();
    let back = claim_existing(&table, "1", REGION, net("10.0.0.0/28"), 5).await.unwrap();
    assert_eq!(back, Claim { claimed_at_ms: 5, ..adopted });
}

#[test]
fn addresses_of_others_and_what_is_no_vpc_are_refused_with_the_reason() {
    let claims = [held("10.0.0.0/18", "2"), quarantined("10.0.64.0/18", "3", 9), held("10.9.0.0/16", "4")];
    let claims: Vec<&Claim> = claims.iter().collect();
    let cases = [
        ("1", "10.0.0.0/18", 0, "overlaps 10.0.0.0/18 of account 2 in us-east-1. Two networks"),
        ("1", "10.0.8.0/24", 0, "overlaps 10.0.0.0/18 of account 2 in us-east-1. Two networks"),
        ("1", "10.0.0.0/16", 9, "overlaps 10.0.0.0/18 of account 2 in us-east-1. Two networks"),
        (
            "1",
            "10.0.0.0/16",
            8,
            "1, 10.0.64.0/18 in quarantine until 1970-01-01T00:00:00Z (it was account 3's",
        ),
        ("1", "10.0.64.0/18", 8, "overlaps 10.0.64.0/18 in quarantine until"),
        ("1", "10.0.64.0/18", 9, ""),
        ("3", "10.0.64.0/18", 8, ""),
        ("3", "10.0.64.0/20", 8, "overlaps 10.0.64.0/18 in quarantine until"),
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
            "account 4 in us-east-1 already holds 10.9.0.0/16, so it cannot hold 10.8.0.0/16",
        ),
    ];
    for (account, cidr, now_ms, expected) in cases {
        let decided = decide::claim_existing(&claims, account, REGION, net(cidr), now_ms);
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
