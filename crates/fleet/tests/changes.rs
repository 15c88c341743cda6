//! What a fleet file changes, line by line.

mod support;

use phonehome_fleet::{Becoming, Change, Changes, Fleet};
use support::{EVERY_KEY, EXAMPLE, fleet, with};

fn between(before: &str, after: &str) -> Changes {
    Changes::between(&fleet(before), &fleet(after))
}

/// What changes of a line: `what: before -> after`.
fn of(changes: &Changes, line: &str) -> Vec<String> {
    let lines = changes.lines.iter().filter(|it| it.line.as_str() == line);
    lines.flat_map(|it| &it.changes).map(shown).collect()
}

fn shown(change: &Change) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "nothing".to_owned());
    format!("{}: {} -> {}", change.what, value(&change.before), value(&change.after))
}

fn lines(changes: &Changes) -> Vec<(&str, Becoming)> {
    changes.lines.iter().map(|it| (it.line.as_str(), it.becomes.clone())).collect()
}

#[test]
fn of_the_same_declarations_nothing_changes_however_they_are_written() {
    for text in [EXAMPLE, EVERY_KEY] {
        assert!(between(text, text).is_empty());
        let json = serde_json::to_string(&fleet(text)).unwrap();
        assert!(between(text, &json).is_empty(), "JSON is YAML");
        assert!(between(text, &format!("# a comment\n{text}")).is_empty());
    }
}

#[test]
fn a_port_more_is_told_at_both_ends_with_the_check_that_it_brings() {
    let after =
        with(EXAMPLE, "    to: payments\n    ports: [443]\n", "    to: payments\n    ports: [443, 8443]\n");
    let changes = between(EXAMPLE, &after);
    let shop = of(&changes, "shop/prod");
    assert_eq!(shop[0], "may connect to payments/prod, ports: 443 -> 443, 8443");
    assert!(
        shop.iter().any(
            |it| it.starts_with("us-east-1, tests connection/shop-to-payments/8443: nothing -> tcp api.")
        ),
        "{shop:?}"
    );
    assert!(of(&changes, "payments/prod").contains(&"lets in shop/prod, ports: 443 -> 443, 8443".to_owned()));
    assert!(of(&changes, "ledger/prod").is_empty(), "others are left out");
    assert!(changes.settings.is_empty());
}

/// The example with something of it edited, and without its waves, which name accounts.
fn edited(edit: impl Fn(&mut serde_json::Value)) -> Fleet {
    let mut text = serde_json::to_value(fleet(EXAMPLE)).unwrap();
    text.as_object_mut().unwrap().remove("rollout");
    edit(&mut text);
    fleet(&text.to_string())
}

#[test]
fn lines_come_go_and_are_renamed() {
    let all = edited(|_| {});
    let gone = edited(|text| text["domains"][0]["environments"] = serde_json::json!(["prod"]));
    assert!(lines(&Changes::between(&all, &gone)).contains(&("shop/dev", Becoming::Removed)));
    assert!(lines(&Changes::between(&gone, &all)).contains(&("shop/dev", Becoming::Added)));
    let renamed = edited(|text| {
        let renamed = text.to_string().replace("\"shop\"", "\"store\"").replace("shop-to-", "store-to-");
        *text = serde_json::from_str(&renamed).unwrap();
        text["domains"][0]["renamed_from"] = "shop".into();
    });
    let changes = Changes::between(&all, &renamed);
    let was =
        |line: &str| lines(&changes).into_iter().find(|(it, _)| *it == line).map(|(_, becomes)| becomes);
    assert!(matches!(was("store/prod"), Some(Becoming::Renamed(line)) if line.as_str() == "shop/prod"));
    assert_eq!(was("shop/prod"), None, "it did not go");
}

#[test]
fn what_is_no_lines_is_told_by_its_place() {
    let base = edited(|_| {});
    let after = edited(|text| text["network"]["removals_per_hour"] = 7.into());
    let changes = Changes::between(&base, &after);
    assert!(
        changes.settings.iter().map(shown).any(|it| it == "network.removals_per_hour: 30 -> 7"),
        "{changes:?}"
    );
}

#[test]
fn another_nat_or_zone_is_told_of_every_line_that_it_concerns() {
    let after = edited(|text| {
        let environments = text["environments"].as_array_mut().unwrap();
        let prod = environments.iter_mut().find(|it| it["name"] == "prod").unwrap();
        prod["nat"] = "regional".into();
    });
    let changes = Changes::between(&edited(|_| {}), &after);
    for line in ["shop/prod", "payments/prod", "ledger/prod"] {
        let told = of(&changes, line);
        assert!(told.len() == 1 && told[0].ends_with("-> a regional gateway"), "{line}: {told:?}");
    }
    assert!(of(&changes, "shop/dev").is_empty());
}
