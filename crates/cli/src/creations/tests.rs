//! What whoever is to permit accounts reads, and what exactly is in the plan's hash.

use std::fmt::Write as _;

use insta::assert_snapshot;
use phonehome_cloud::table::{Expect, MemoryTable, Write};
use phonehome_cloud::{Account, AccountWithEmail};
use phonehome_fleet::Bindings;
use phonehome_planner::render::{GITHUB_COMMENT_CHARS, markdown_fleet};

use super::*;

/// A file in which these domains have each environment; `dev` has no NAT gateway, `prod` is in two Regions.
fn fleet(domains: &[&str], more: &str) -> Fleet {
    let mut text = format!(
        "version: 1\norganization: {{id: o-a1b2c3d4e5, management_account: \"000000000001\", hub_account: \"000000000002\"}}\n\
         regions:\n  - {{name: eu-west-1, availability_zones: [euw1-az1, euw1-az2, euw1-az3]}}\n  - {{name: us-east-1, \
         availability_zones: [use1-az1, use1-az2]}}\naddress_pools:\n  - {{name: all, region: eu-west-1, cidr: 10.0.0.0/11, \
         block: 20}}\n  - {{name: us, region: us-east-1, cidr: 10.32.0.0/11, block: 19}}\nenvironments:\n  - {{name: dev, \
         pools: [all], nat: none}}\n  - {{name: prod, pools: [all, us]}}\nalert_routes: [{{slack_channel: \"#ops\"}}]\n\
         {more}domains:\n"
    );
    for name in domains {
        let _ = writeln!(text, "  - {{name: {name}, owner: team, environments: [dev, prod]}}");
    }
    phonehome_fleet::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
}

const VENDING: &str = "vending: {email: \"aws+{domain}-{environment}@example.com\"}\n";

fn account(id: &str, name: &str, email: &str) -> AccountWithEmail {
    let account =
        Account { id: id.parse().unwrap(), name: name.to_owned(), active: true, created_at_ms: None };
    AccountWithEmail { account, email: email.to_owned() }
}

fn creations(fleet: &Fleet, accounts: Vec<AccountWithEmail>, permitted: &[&str]) -> Creations {
    let who = Who::of(fleet, Bindings::default(), accounts);
    let permitted = permitted.iter().map(|it| (line(it), 7)).collect();
    Creations::of(fleet, &who, &Orders::default(), &permitted)
}

fn line(text: &str) -> Line {
    let (domain, environment) = text.split_once('/').unwrap();
    Line::new(domain, environment)
}

#[test]
fn what_there_is_to_permit_is_told_by_its_networks_with_what_cannot_be_undone_and_the_others_with_why_not() {
    let fleet = fleet(&["shop", "pay", "ledger"], VENDING);
    let accounts = vec![
        account("111111111111", "ledger-prod", "ledger@example.com"),
        account("222222222222", "Legacy", "aws+pay-prod@example.com"),
    ];
    let creations = creations(&fleet, accounts, &["ledger/dev"]);
    assert_snapshot!("text", creations.text());
    assert_snapshot!("status", creations.lines().join("\n"));
    let comment = markdown_fleet(&[], &creations.section(), &creations.notes(), &|_| 0, GITHUB_COMMENT_CHARS);
    assert_snapshot!("comment", comment);
    let json = creations.json();
    assert_eq!((&json["to_permit"], &json["lines"][0]["state"]), (&3.into(), &"to_make".into()));
    let networks = &json["lines"][1]["networks"];
    assert_eq!((&networks[1]["block"], &networks[0]["nat"]), (&19.into(), &"per-az".into()), "{networks}");
    let exists = json["lines"].as_array().unwrap().iter().find(|it| it["line"] == "pay/prod").unwrap();
    assert_eq!((&exists["state"], &exists["needs_permission"]), (&"exists".into(), &false.into()));
}

#[test]
fn however_many_lines_are_alike_they_are_one_class_and_one_paragraph() {
    let domains: Vec<String> = (0..130).map(|number| format!("team-{number:03}")).collect();
    let domains: Vec<&str> = domains.iter().map(String::as_str).collect();
    let vended = creations(&fleet(&domains, VENDING), vec![], &[]);
    let text = vended.text();
    assert_eq!(text.matches("alike").count(), 2, "{text}");
    assert_eq!(text.matches("    + ").count(), 260);
    assert!(
        text.starts_with("260 accounts would be made, with `phonehome publish --allow-create 260`"),
        "{text}"
    );
    assert!(text.contains("43 minutes or more"), "258 of them wait 10 s each: {text}");
    for more in ["", "vending: {control_tower: true}\n"] {
        let waiting = creations(&fleet(&domains, more), vec![], &[]);
        assert!(waiting.to_permit().is_empty() && waiting.digest().is_none());
        assert!(waiting.text().starts_with("260 lines: ") && waiting.text().lines().count() < 60);
        assert_eq!((waiting.lines().len(), waiting.section().tables.len()), (1, 1));
        assert!(waiting.section().paragraphs.is_empty() && waiting.notes().is_empty());
    }
}

#[test]
fn just_the_accounts_that_there_are_to_permit_are_in_the_hash_with_everything_that_is_shown() {
    let of = |more: &str, accounts, permitted: &[&str]| {
        creations(&fleet(&["shop", "pay"], more), accounts, permitted).digest().unwrap()
    };
    let first = of(VENDING, vec![], &[]);
    assert_eq!(first, of(VENDING, vec![], &[]));
    let uncovered = vec![account("111111111111", "other", "other@example.com")];
    assert_eq!(first, of(VENDING, uncovered, &[]), "what has nothing to do with it");
    let others = [
        of(VENDING, vec![account("111111111111", "shop-dev", "a@example.com")], &[]),
        of(VENDING, vec![account("111111111111", "other", "aws+shop-dev@example.com")], &[]),
        of(VENDING, vec![], &["shop/prod"]),
        of("vending: {email: \"aws+{domain}-{environment}@example.org\"}\n", vec![], &[]),
        creations(&fleet(&["shop", "tax"], VENDING), vec![], &[]).digest().unwrap(),
    ];
    assert!(others.iter().all(|other| *other != first), "{others:?}");
    assert_eq!(others[0], others[1], "either way just that line is left out");
    let all = ["shop/dev", "shop/prod", "pay/dev", "pay/prod"];
    let permitted = creations(&fleet(&["shop", "pay"], VENDING), vec![], &all);
    assert_eq!(permitted.digest(), None);
    assert!(permitted.text().starts_with("4 lines: an account is permitted"), "{}", permitted.text());
}

#[test]
fn an_account_that_is_to_be_made_once_more_is_shown_with_why_it_was_not() {
    let fleet = fleet(&["shop"], VENDING);
    let stop = phonehome_vending::Stop::Failed(phonehome_vending::FailureReason::AccountLimitExceeded);
    let order =
        Order::place(line("shop/prod"), "old@example.com".into(), "shop-prod".into(), 5).stopped(stop, 9);
    let orders = Orders { orders: [(line("shop/prod"), order)].into(), ..Orders::default() };
    let who = Who::of(&fleet, Bindings::default(), vec![]);
    let creations = Creations::of(&fleet, &who, &orders, &[(line("shop/prod"), 9)].into());
    let why = "no account is made: Organizations says ACCOUNT_LIMIT_EXCEEDED (old@example.com): ask AWS for more accounts";
    assert!(
        creations.text().contains("    + shop/prod: shop-prod, old@example.com\n      no account"),
        "{}",
        creations.text()
    );
    assert!(creations.text().contains(why) && creations.notes()[0].contains(why), "{}", creations.text());
    assert_eq!(creations.to_permit().len(), 2);
}

#[tokio::test]
async fn an_order_that_cannot_be_read_keeps_its_line_from_being_permitted_and_the_others_are_read() {
    let table = MemoryTable::default();
    table.put_raw(order_key(&line("shop/dev")), "{}");
    let order = Order::place(line("shop/prod"), "a@example.com".into(), "shop-prod".into(), 5);
    table.write(vec![Write::put(order_key(&line("shop/prod")), Expect::Absent, &order)]).await.unwrap();
    // Under another line than its own.
    table.write(vec![Write::put(order_key(&line("pay/dev")), Expect::Absent, &order)]).await.unwrap();
    let orders = Orders::read(&table).await.unwrap();
    assert_eq!(orders.orders.keys().collect::<Vec<_>>(), [&line("shop/prod")]);
    let fleet = fleet(&["shop", "pay"], VENDING);
    let who = Who::of(&fleet, Bindings::default(), vec![]);
    let creations = Creations::of(&fleet, &who, &orders, &Permitted::new());
    let lines: Vec<String> = creations.to_permit().iter().map(|it| it.line().to_string()).collect();
    assert_eq!(lines, ["shop/prod", "pay/prod"]);
}
