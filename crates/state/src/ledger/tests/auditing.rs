use super::*;

const LATER: u64 = 2 * DAY_MS;

fn seen(account: &str, vpcs: Vec<SeenVpc>) -> Seen {
    Seen { account: account_id(account), region: REGION.parse().unwrap(), vpcs, changed_at_ms: 0 }
}

fn adopted(cidr: &str, account: &str) -> Claim {
    Claim { pool: String::new(), ..held(cidr, account) }
}

fn shown(claims: &[Claim], seen: &[Seen], now_ms: u64) -> Vec<String> {
    let pools = [pool("dev", "10.0.0.0/12", 18), pool("prod", "172.16.0.0/12", 18)];
    let findings = audit(claims, seen, &pools, now_ms);
    findings.iter().map(|finding| format!("{}: {finding}", finding.severity())).collect()
}

#[test]
fn networks_as_claimed_are_no_finding() {
    let claims = [held("10.0.0.0/18", "1"), adopted("10.64.0.0/16", "2"), held("10.0.64.0/18", "3")];
    let seen = [
        seen("1", vec![ours("vpc-1", "1", "10.0.0.0/18")]),
        // An adopted VPC may carry the tag or not.
        seen("2", vec![vpc("vpc-2", "2", "10.64.0.0/16"), vpc("vpc-3", "2", "192.168.0.0/16")]),
    ];
    assert_eq!(shown(&claims, &seen, LATER), [""; 0], "account 000000000003 was not looked at");
}

#[test]
fn default_vpcs_that_are_alike_are_no_finding_outside_of_the_pools() {
    let seen: Vec<Seen> = ["1", "2", "3"]
        .map(|account| seen(account, vec![default_vpc(&format!("vpc-{account}"), account)]))
        .into();
    assert_eq!(audit(&[], &seen, &[pool("dev", "10.0.0.0/12", 18)], LATER), []);
    let blocked = shown(&[], &seen, LATER);
    assert_eq!(blocked.len(), 1, "one for the pool, not one for each account: {blocked:?}");
    let holder = seen[0].clone();
    let claims = [held("172.31.0.0/18", "9")];
    let collisions = audit(&claims, &[holder], &[], LATER);
    assert_eq!(collisions.iter().map(Finding::severity).collect::<Vec<_>>(), [Severity::Warning]);
}

#[test]
fn a_claim_without_a_vpc_is_found_when_it_had_time_and_somebody_looked() {
    let (claims, observed) = ([held("10.0.0.0/18", "1")], [seen("1", vec![default_vpc("vpc-d", "1")])]);
    let found = |claims: &[Claim], seen: &[Seen], now_ms| audit(claims, seen, &[], now_ms).len();
    assert_eq!(found(&claims, &observed, 75 * 60_000 - 1), 0, "too young");
    assert_eq!(found(&claims, &[], LATER), 0, "nobody looked");
    assert_eq!(found(&[quarantined("10.0.0.0/18", "1", u64::MAX)], &observed, LATER), 0, "released");
    assert_eq!(
        shown(&claims, &[seen("1", vec![])], 75 * 60_000),
        [
            "note: 10.0.0.0/18 of account 000000000001 in us-east-1: there is no VPC with these addresses. If the account has \
          failed, `phonehome status` says why; if it needs no network, release its block"
        ]
    );
}

#[test]
fn a_vpc_of_ours_with_other_addresses_than_claimed_is_found() {
    let seen = [seen("1", vec![ours("vpc-1", "1", "10.0.64.0/18")])];
    assert_eq!(
        shown(&[held("10.0.0.0/18", "1")], &seen, LATER),
        [
            "warning: vpc-1 of account 000000000001 in us-east-1 (phonehome's) has 10.0.64.0/18, but its account holds \
          10.0.0.0/18. phonehome does not renumber a VPC: if this one is to stay, release the block and record \
          10.0.64.0/18 as the account's; if not, delete the VPC"
        ]
    );
}

#[test]
fn a_vpc_of_ours_that_nobody_holds_is_found() {
    let seen = [seen("1", vec![ours("vpc-1", "1", "10.0.0.0/18")])];
    assert_eq!(
        shown(&[], &seen, LATER),
        [
            "warning: vpc-1 of account 000000000001 in us-east-1 (phonehome's) has 10.0.0.0/18, which its account does not hold. \
          Record the addresses as the account's, or delete the VPC"
        ]
    );
    assert_eq!(
        shown(&[quarantined("10.0.0.0/18", "1", 3 * DAY_MS)], &seen, LATER),
        [
            "note: vpc-1 of account 000000000001 in us-east-1 (phonehome's) is still there, and its block is released: \
          10.0.0.0/18 in quarantine until 1970-01-04T00:00:00Z (it was account 000000000001's in us-east-1). Delete the VPC, \
          or the block stays out of use after its quarantine"
        ]
    );
}

#[test]
fn vpcs_with_the_addresses_of_a_claim_are_found_with_their_ids() {
    let claims = [held("10.0.0.0/18", "1"), held("10.0.64.0/18", "2")];
    let seen = [
        seen("1", vec![ours("vpc-1", "1", "10.0.0.0/18")]),
        seen("2", vec![ours("vpc-2", "2", "10.0.64.0/18"), vpc("vpc-x", "2", "10.0.5.0/24")]),
        seen(
            "3",
            vec![SeenVpc {
                cidrs: vec![net("192.168.0.0/24"), net("10.0.0.0/20")],
                ..vpc("vpc-y", "3", "0.0.0.0/0")
            }],
        ),
    ];
    assert_eq!(
        shown(&claims, &seen, LATER),
        [
            "critical: 10.0.0.0/18 of account 000000000001 in us-east-1: the same addresses are in use by vpc-x of account 000000000002 in \
          us-east-1 (not phonehome's) with 10.0.5.0/24, vpc-y of account 000000000003 in us-east-1 (not phonehome's) with \
          192.168.0.0/24, 10.0.0.0/20. These cannot be connected with the account's network: ask the owner for \
          other addresses, or to delete what is unused"
        ]
    );
}

#[test]
fn a_vpc_of_ours_on_the_addresses_of_another_account_is_found_twice_over() {
    let seen = [seen("2", vec![ours("vpc-2", "2", "10.0.0.0/18")])];
    let found = audit(&[held("10.0.0.0/18", "1"), held("10.0.64.0/18", "2")], &seen, &[], LATER);
    assert_eq!(
        found.iter().map(Finding::severity).collect::<Vec<_>>(),
        [Severity::Critical, Severity::Warning]
    );
}

#[test]
fn vpcs_of_others_inside_a_pool_are_one_finding_for_the_pool() {
    let seen = [seen("3", vec![vpc("vpc-a", "3", "10.1.0.0/24"), vpc("vpc-b", "3", "192.168.0.0/16")])];
    assert_eq!(
        shown(&[], &seen, LATER),
        [
            "note: address pool \"dev\" (10.0.0.0/12 in us-east-1): its addresses are in use by vpc-a of account 000000000003 in \
          us-east-1 (not phonehome's) with 10.1.0.0/24. No account gets them; ask the owners for other addresses \
          if the pool runs short"
        ]
    );
}

#[test]
fn claims_that_overlap_are_found_in_pairs() {
    let claims = [
        held("10.0.64.0/18", "4"),
        held("10.0.0.0/16", "1"),
        quarantined("10.0.0.0/18", "2", LATER + 1),
        quarantined("10.0.0.0/17", "3", LATER),
        held("10.1.0.0/18", "5"),
    ];
    let found = audit(&claims, &[], &[], LATER);
    let pairs: Vec<_> = found
        .iter()
        .map(|finding| match finding {
            Finding::ClaimsOverlap { first, second } => (first.account.as_str(), second.account.as_str()),
            other => panic!("{other}"),
        })
        .collect();
    let [one, two, four] = ["1", "2", "4"].map(account_id);
    let expected = [(one.as_str(), two.as_str()), (one.as_str(), four.as_str())];
    assert_eq!(pairs, expected, "what has left quarantine counts for nothing");
    assert!(
        found[0]
            .to_string()
            .contains("10.0.0.0/16 of account 000000000001 in us-east-1, and 10.0.0.0/18 in quarantine")
    );
}

#[test]
fn a_vpc_that_is_shared_is_only_its_owners() {
    let claims = [held("10.16.0.0/18", "1"), held("10.0.0.0/18", "2")];
    // As it was noted before owners were known: the participant sees it without the owner's tags.
    let shared = vpc("vpc-1", "2", "10.16.0.0/18");
    let seen = [
        seen("1", vec![ours("vpc-1", "1", "10.16.0.0/18")]),
        seen("2", vec![ours("vpc-2", "2", "10.0.0.0/18"), shared]),
    ];
    assert_eq!(shown(&claims, &seen, LATER), [""; 0]);
    let other = vpc("vpc-3", "2", "10.16.0.0/18");
    let seen = [seen[0].clone(), super::Seen { vpcs: vec![other], ..seen[1].clone() }];
    assert!(shown(&claims, &seen, LATER)[0].contains("vpc-3"), "one of its own is found as before");
}
