//! What whoever publishes reads of what accounts bear, and what of it is in the plan's hash.

use insta::assert_snapshot;
use phonehome_cloud::{Account, AccountWithEmail};
use phonehome_fleet::Bindings;
use phonehome_planner::render::{GITHUB_COMMENT_CHARS, markdown_fleet};

use super::*;

const SMALL: &str = include_str!("../../../fleet/tests/fixtures/small.yaml");

/// `shop` and `payments`, each `dev` and `prod`; `dev` in this unit, and each account with these tags.
fn fleet(unit: &str, tags: &str) -> Fleet {
    let unit = if unit.is_empty() { String::new() } else { format!(", organizational_unit: {unit}") };
    let text = SMALL.replace("pools: [nonprod] }", &format!("pools: [nonprod]{unit} }}"));
    let tags = if tags.is_empty() { String::new() } else { format!("accounts: {{ tags: [{tags}] }}\n") };
    phonehome_fleet::parse(&(text + &tags)).unwrap_or_else(|problems| panic!("{problems}"))
}

fn who(fleet: &Fleet, names: &[(&str, &str)]) -> Who {
    let account = |(id, name): &(&str, &str)| AccountWithEmail {
        account: Account {
            id: id.parse().unwrap(),
            name: (*name).to_owned(),
            active: true,
            created_at_ms: None,
        },
        email: format!("{id}@example.com"),
    };
    Who::of(fleet, Bindings::default(), names.iter().map(account).collect())
}

const ALL: [(&str, &str); 4] = [
    ("333333333333", "payments-prod"),
    ("444444444441", "shop-dev"),
    ("444444444442", "shop-prod"),
    ("444444444443", "payments-dev"),
];

fn between(before: &Fleet, after: &Fleet) -> Bearing {
    Bearing::between(Some(before), after, &who(after, &ALL), |_| true)
}

const OWNER: &str = "{ key: owner, value: \"{owner}\" }, { key: line, value: \"{domain}-{environment}\" }";

#[test]
fn what_changes_is_told_by_classes_with_what_nobody_may_overlook() {
    let bearing = between(&fleet("Workloads/Dev", ""), &fleet("Workloads/Nonprod", OWNER));
    assert_snapshot!("text", bearing.text());
    let mut section = Section::default();
    bearing.add_to(&mut section);
    assert_snapshot!("comment", markdown_fleet(&[], &section, &[], &|_| 0, GITHUB_COMMENT_CHARS));
    let json = bearing.json();
    assert_eq!(json[0]["lines"], serde_json::json!(["shop/dev", "payments/dev"]));
    let unit = serde_json::json!({
        "what": "organizational unit", "before": "Workloads/Dev", "after": "Workloads/Nonprod"
    });
    assert_eq!(json[0]["changes"][0], unit);
    assert_eq!(bearing.in_full()[0], "~ shop/dev: organizational unit: Workloads/Dev → Workloads/Nonprod");
    assert_eq!(bearing.in_full().len(), 10);
}

#[test]
fn settings_that_are_declared_otherwise_are_told_by_classes_and_are_in_the_hash() {
    let with = |settings: &str| {
        let text = format!("{SMALL}account_settings: {settings}\n");
        phonehome_fleet::parse(&text).unwrap_or_else(|problems| panic!("{problems}"))
    };
    let base = fleet("", "");
    let some = between(&base, &with("{ ebs_encryption: { key: alias/volumes }, imdsv2: true }"));
    assert_snapshot!("settings", some.text());
    let mut section = Section::default();
    some.add_to(&mut section);
    assert_eq!((section.paragraphs.len(), section.tables.len(), section.cautions.len()), (1, 1, 0));
    assert!(section.tables[0].title.starts_with("4 accounts are to have settings otherwise: "));
    assert_eq!(
        some.in_full()[0],
        "~ shop/dev: EBS encryption by default: not declared → on, with alias/volumes"
    );
    let less = between(&with("{ ebs_encryption: true, imdsv2: true }"), &with("{ imdsv2: true }"));
    assert!(less.text().contains("~ EBS encryption by default: on → not declared"), "{}", less.text());
    assert_eq!(less.in_full().len(), 4);
    assert_ne!(some.digest(), less.digest());
    assert!(between(&with("{ imdsv2: true }"), &with("{ imdsv2: true, ebs_encryption: false }")).is_empty());
}

#[test]
fn where_nothing_changes_nothing_is_said_and_nothing_is_hashed() {
    for (unit, tags) in [("", ""), ("Workloads/Dev", OWNER)] {
        let bearing = between(&fleet(unit, tags), &fleet(unit, tags));
        let mut section = Section::default();
        bearing.add_to(&mut section);
        assert_eq!((bearing.text(), section, bearing.digest()), (String::new(), Section::default(), None));
        assert!(bearing.is_empty() && bearing.in_full().is_empty());
    }
}

#[test]
fn each_change_of_each_account_is_in_the_hash() {
    let base = fleet("Workloads/Dev", OWNER);
    let other = OWNER.replace("{owner}", "nobody");
    let all = [
        between(&base, &fleet("Workloads/Nonprod", OWNER)),
        between(&base, &fleet("", OWNER)),
        between(&base, &fleet("Workloads/Dev", &other)),
        between(&base, &fleet("Workloads/Dev", "")),
        between(&fleet("Workloads", OWNER), &fleet("Workloads/Nonprod", OWNER)),
        // Of one account less.
        Bearing::between(Some(&base), &fleet("Workloads/Nonprod", OWNER), &who(&base, &ALL[..3]), |_| true),
        Bearing::between(None, &base, &who(&base, &ALL), |_| true),
    ];
    let digests: std::collections::BTreeSet<String> = all.iter().map(|it| it.digest().unwrap()).collect();
    assert_eq!(digests.len(), all.len());
}

#[test]
fn what_is_no_account_or_was_not_asked_for_is_left_out() {
    let (before, after) = (fleet("", ""), fleet("Workloads/Dev", ""));
    let of = |names: &[(&str, &str)], wanted: &str| {
        let is_wanted = |it: &IdentifiedLine| wanted.is_empty() || it.member.line().as_str() == wanted;
        Bearing::between(Some(&before), &after, &who(&after, names), is_wanted).in_full()
    };
    let shop = "~ shop/dev: organizational unit: not declared → Workloads/Dev";
    assert_eq!(of(&ALL[..2], ""), [shop]);
    assert_eq!(of(&ALL, "shop/dev"), [shop]);
    assert_eq!(of(&[], ""), [""; 0], "a new account is shown as one that is made");
    assert_eq!(of(&[("111111111111", "shop-dev")], ""), [""; 0], "never the management account");
}

#[test]
fn however_many_accounts_change_alike_they_are_one_class() {
    let mut text = SMALL.to_owned();
    let domains: String = (0..130)
        .map(|number| format!("  - {{ name: team-{number:03}, owner: team, environments: [dev] }}\n"))
        .collect();
    text = text
        .replace("  - name: shop\n", &format!("{domains}  - name: shop\n"))
        .replace("block: 18", "block: 20");
    let parse = |text: &str| phonehome_fleet::parse(text).unwrap_or_else(|problems| panic!("{problems}"));
    let (before, after) = (parse(&text), parse(&format!("{text}accounts: {{ tags: [{OWNER}] }}\n")));
    let names: Vec<(String, String)> =
        (0..130).map(|number| (format!("5{number:011}"), format!("team-{number:03}-dev"))).collect();
    let names: Vec<(&str, &str)> = names.iter().map(|(id, name)| (id.as_str(), name.as_str())).collect();
    let bearing = Bearing::between(Some(&before), &after, &who(&after, &names), |_| true);
    assert!(bearing.text().starts_with("130 accounts are kept otherwise"), "{}", bearing.text());
    assert_eq!(bearing.classes.len(), 1);
    assert!(bearing.text().lines().count() < 30, "{}", bearing.text());
}
