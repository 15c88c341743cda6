use phonehome_wire::{CheckId, CheckKind, Purpose, Target};

use super::*;

#[test]
fn a_check_is_due_once_in_its_minutes_and_not_everywhere_in_the_same() {
    let every = |every_minutes| Check {
        id: CheckId("a".into()),
        kind: CheckKind::Unknown,
        expect: Expect::Deny,
        purpose: Purpose::Isolation,
        target: Target::default(),
        timeout_ms: 1,
        control: None,
        every_minutes,
        tries: 1,
    };
    let zone: AzId = "use1-az1".parse().unwrap();
    let due = |check: &Check, account: &AccountId| -> Vec<u64> {
        let minutes = 28_000_000..28_000_010_u64;
        minutes.filter(|minute| is_due(check, (account, &zone), minute * 60_000 + 59_999)).collect()
    };
    let account: AccountId = "444455556666".parse().unwrap();
    assert_eq!(due(&every(1), &account).len(), 10);
    assert_eq!(due(&every(0), &account).len(), 10);
    let fifth = due(&every(5), &account);
    assert!(fifth.len() == 2 && fifth[1] - fifth[0] == 5, "{fifth:?}");
    let others = (0..10_u64).map(|number| format!("44445555666{number}").parse().unwrap());
    let firsts: std::collections::BTreeSet<_> =
        others.map(|account: AccountId| due(&every(5), &account)[0]).collect();
    assert!(firsts.len() >= 4, "{firsts:?}");
}

#[test]
fn what_must_not_connect_comes_first_and_the_others_begin_elsewhere_each_minute() {
    let check = |id: &str, expect| {
        Arc::new(Check {
            id: CheckId(id.to_owned()),
            kind: CheckKind::Unknown,
            expect,
            purpose: Purpose::default(),
            target: Target::default(),
            timeout_ms: 1,
            control: None,
            every_minutes: 1,
            tries: 1,
        })
    };
    let checks = [
        check("a", Expect::Connect),
        check("b", Expect::Deny),
        check("c", Expect::Connect),
        check("d", Expect::Connect),
    ];
    assert_eq!(order(&checks, 0), [1, 0, 2, 3]);
    assert_eq!(order(&checks, 4), [1, 2, 3, 0]);
    assert_eq!(order(&checks[1..2], 7), [0]);
    assert!(order(&[], 7).is_empty());
}
