use std::collections::BTreeMap;

use phonehome_cloud::table::MemoryTable;
use phonehome_fleet::Member;

use super::*;
use crate::all;

/// The id that a short number stands for: of `7` it is `000000000007`.
fn account_id(number: &str) -> AccountId {
    format!("{number:0>12}").parse().unwrap()
}

fn member(domain: &str) -> Member {
    Member {
        domain: domain.into(),
        environment: "dev".into(),
        account_name: format!("{domain}-dev"),
        account_id: None,
        owner: "team".into(),
        owner_channel: None,
        adopt: None,
    }
}

fn rebinding(domain: &str, account: &str, replaces: Option<&str>, leaves: Option<&str>) -> Rebinding {
    Rebinding {
        member: member(domain),
        account: account_id(account),
        account_name: "any".into(),
        replaces: replaces.map(account_id),
        leaves: leaves.map(|domain| Line::new(domain, "dev")),
    }
}

/// Line → account; the other view must say the same.
async fn stored(table: &MemoryTable) -> BTreeMap<String, String> {
    let read = async |partition| -> Vec<Binding> {
        all::<Binding>(table, partition).await.unwrap().into_iter().map(|(_, it)| it).collect()
    };
    let pairs = |bindings: Vec<Binding>| -> BTreeMap<String, String> {
        bindings.into_iter().map(|it| (it.line.to_string(), it.account.to_string())).collect()
    };
    let (lines, accounts) = (read(Keys::BINDINGS).await, read(Keys::BOUND_ACCOUNTS).await);
    assert_eq!(lines.len(), accounts.len());
    let lines = pairs(lines);
    assert_eq!(lines, pairs(accounts));
    lines
}

#[tokio::test]
async fn whoever_binds_at_the_same_moment_a_line_is_one_account_and_an_account_one_line() {
    let table = MemoryTable::default();
    let tasks: Vec<_> = (0..60u8)
        .map(|n| {
            let table = table.clone();
            tokio::spawn(async move {
                let line = Line::new(&format!("d{}", n % 5), "dev");
                bind(&table, &line, &account_id(&(n % 7).to_string()), "any", 0).await.unwrap()
            })
        })
        .collect();
    let mut bound = 0;
    for task in tasks {
        bound += usize::from(task.await.unwrap());
    }
    assert_eq!((bound, stored(&table).await.len()), (5, 5));
}

#[tokio::test]
async fn what_is_bound_is_not_bound_again() {
    let table = MemoryTable::default();
    let (shop, pay) = (Line::new("shop", "dev"), Line::new("pay", "dev"));
    assert!(bind(&table, &shop, &account_id("1"), "any", 0).await.unwrap());
    assert!(!bind(&table, &shop, &account_id("2"), "any", 0).await.unwrap(), "the line is another account");
    assert!(!bind(&table, &pay, &account_id("1"), "any", 0).await.unwrap(), "the account is another line");
    assert!(!bind(&table, &shop, &account_id("1"), "any", 0).await.unwrap(), "twice");
    assert_eq!(stored(&table).await, [("shop/dev".to_owned(), account_id("1").to_string())].into());
}

#[tokio::test]
async fn a_line_is_rebound_only_if_all_is_as_it_was_when_it_was_decided() {
    let table = MemoryTable::default();
    for (domain, account) in [("shop", "1"), ("pay", "2")] {
        assert!(bind(&table, &Line::new(domain, "dev"), &account_id(account), "any", 0).await.unwrap());
    }
    for outdated in [
        rebinding("shop", "3", None, None),
        rebinding("shop", "3", Some("2"), None),
        rebinding("shop", "2", Some("1"), None),
        rebinding("shop", "3", Some("1"), Some("pay")),
    ] {
        assert!(!rebind(&table, &outdated, 1).await.unwrap(), "{outdated:?}");
        assert_eq!(stored(&table).await.len(), 2);
    }
    // An account that leaves its line, for one that somebody else was.
    assert!(rebind(&table, &rebinding("shop", "2", Some("1"), Some("pay")), 1).await.unwrap());
    assert_eq!(stored(&table).await, [("shop/dev".to_owned(), account_id("2").to_string())].into());
    assert!(
        unbind(&table, &account_id("2")).await.unwrap() && !unbind(&table, &account_id("2")).await.unwrap()
    );
    assert!(stored(&table).await.is_empty());
}

#[tokio::test]
async fn where_a_stack_of_nobody_knows_whom_cannot_be_read_nobody_is_bound_for_the_first_time() {
    let fleet = phonehome_fleet::parse(include_str!("../../../fleet/tests/fixtures/small.yaml")).unwrap();
    let roster: Roster =
        [("1", "shop-dev"), ("2", "shop-prod")].map(|(id, name)| (account_id(id), name.into())).into();
    let table = MemoryTable::default();
    assert!(bind(&table, &Line::new("shop", "prod"), &account_id("2"), "any", 0).await.unwrap());
    let found = async |of: &str| {
        let identify = fleet.identify(&bindings(&table).await.unwrap(), &roster);
        identify.of(&account_id(of)).map(|it| it.member.line().to_string())
    };
    for (account, expected) in [("2", Some("shop/dev")), ("3", None)] {
        let write = Write::put(
            Keys::stack(&format!("{}/us-east-1", account_id(account)).parse().unwrap()),
            Expect::Absent,
            &"of a later version",
        );
        table.write(vec![write]).await.unwrap();
        assert_eq!(found("1").await.as_deref(), expected, "{account}");
        assert_eq!(found("2").await.as_deref(), Some("shop/prod"), "who is bound stays it");
    }
}
