//! What accounts bear by one file otherwise than by another.

mod support;

use phonehome_fleet::{Fleet, property_changes};
use support::{SMALL, fleet, with};

const BEARING: &str = "accounts:
  tags: [{ key: cost-centre, value: \"{domain}-{environment}\" }, { key: owner, value: \"{owner}\" }]
  contacts:
    security: { name: Security, title: CISO, email: aws-security@example.com, phone: \"+1 555 0102\" }
  support_plan: business-plus
";

/// Which lines change, and how: `shop/dev: tag owner: nothing -> {owner}`; `!` where the account moves.
fn shown(before: Option<&Fleet>, after: &Fleet) -> Vec<String> {
    let nothing = |value: Option<String>| value.unwrap_or_else(|| "nothing".to_owned());
    let of_line = |it: phonehome_fleet::PropertyChanges| {
        let (line, moves) = (it.line, if it.moves { "!" } else { "" });
        let change = move |it: phonehome_fleet::Change| {
            format!("{line}{moves}: {}: {} -> {}", it.what, nothing(it.before), nothing(it.after))
        };
        it.changes.into_iter().map(change).collect::<Vec<_>>()
    };
    property_changes(before, after).into_iter().flat_map(of_line).collect()
}

fn changed(before: &str, after: &str) -> Vec<String> {
    shown(Some(&fleet(before)), &fleet(after))
}

#[test]
fn what_is_declared_for_the_first_time_is_new_for_each_account_as_it_is_written() {
    let with_all = format!("{SMALL}{BEARING}");
    let all = changed(SMALL, &with_all);
    assert_eq!(
        all[..4],
        [
            "shop/dev: security contact: nothing -> Security, CISO (aws-security@example.com, +1 555 0102)",
            "shop/dev: support plan: nothing -> Business Support+",
            "shop/dev: tag cost-centre: nothing -> {domain}-{environment}",
            "shop/dev: tag owner: nothing -> {owner}",
        ]
    );
    assert_eq!(all.len(), 16, "of four lines");
    assert_eq!(shown(None, &fleet(&with_all)), all, "over no file at all");
    assert_eq!(changed(&with_all, &with_all), [""; 0]);
    let gone = changed(&with_all, SMALL);
    assert!(gone.contains(&"payments/prod: tag owner: {owner} -> nothing".to_owned()), "{gone:?}");
    assert_eq!(gone.len(), 16);
}

#[test]
fn another_unit_moves_the_accounts_of_its_environment_and_one_that_is_no_longer_declared_moves_nobody() {
    let unit = |name: &str| with(SMALL, "{ name: dev, pools: [nonprod] }", name);
    let dev = unit("{ name: dev, pools: [nonprod], organizational_unit: Workloads/Dev }");
    let other = unit("{ name: dev, pools: [nonprod], organizational_unit: Workloads/Nonprod }");
    let changes = |from: &str, to: &str| {
        ["shop/dev", "payments/dev"].map(|line| format!("{line}{from}: organizational unit: {to}"))
    };
    assert_eq!(changed(SMALL, &dev), changes("!", "nothing -> Workloads/Dev"));
    assert_eq!(changed(&dev, &other), changes("!", "Workloads/Dev -> Workloads/Nonprod"));
    assert_eq!(changed(&dev, SMALL), changes("", "Workloads/Dev -> nothing"));
}

#[test]
fn what_a_placeholder_stands_for_is_shown_where_only_that_changes() {
    let before = format!("{SMALL}{BEARING}");
    let owner = with(&before, "owner: team-shop", "owner: team-store");
    let expected = ["dev", "prod"].map(|it| format!("shop/{it}: tag owner: team-shop -> team-store"));
    assert_eq!(changed(&before, &owner), expected);
    let literal = with(&before, "\"{domain}-{environment}\"", "shop-dev");
    let of_shop_dev: Vec<String> =
        changed(&before, &literal).into_iter().filter(|it| it.starts_with("shop/dev:")).collect();
    assert_eq!(of_shop_dev, [""; 0], "written otherwise, it comes to the same");
}

#[test]
fn a_line_that_is_renamed_is_compared_with_what_it_was() {
    let before = format!("{SMALL}{BEARING}");
    let renamed = before
        .replace("name: shop\n", "name: store\n    renamed_from: shop\n")
        .replace("from: shop,", "from: store,")
        .replace("to: shop\n", "to: store\n")
        .replace("accounts: [shop-dev]", "accounts: [store-dev]");
    let expected = ["dev", "prod"].map(|it| format!("store/{it}: tag cost-centre: shop-{it} -> store-{it}"));
    assert_eq!(changed(&before, &renamed), expected);
}
