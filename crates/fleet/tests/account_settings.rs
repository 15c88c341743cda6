//! Settings of accounts that scans ask for: what the layers come to, and what may stand there.

mod support;

use phonehome_fleet::{Changes, DeclaredSettings, EbsEncryption, Fleet};
use serde_json::json;
use support::{EVERY_KEY, SMALL, only_problem, with};

fn of(fleet: &Fleet, line: &str) -> Option<DeclaredSettings> {
    let member = fleet.members().into_iter().find(|it| it.line().as_str() == line).unwrap();
    fleet.account_settings_of(&member)
}

fn settings(yaml: &str) -> String {
    format!("{SMALL}\naccount_settings: {yaml}\n")
}

#[test]
fn a_file_that_says_nothing_of_them_or_no_declares_none() {
    let no = settings("{ s3_block_public_access: false, ebs_encryption: false, imdsv2: false }");
    for text in [SMALL.to_owned(), settings("{}"), no] {
        let fleet = support::fleet(&text);
        assert!(fleet.members().iter().all(|member| fleet.account_settings_of(member).is_none()), "{text}");
    }
}

#[test]
fn a_domain_goes_before_its_environments_and_they_before_the_file_key_by_key() {
    let fleet = support::fleet(EVERY_KEY);
    let own = EbsEncryption { key: Some("alias/phonehome".to_owned()) };
    for (line, ebs_encryption, imdsv2) in [
        ("shop/prod", Some(own.clone()), true),
        ("shop/dev", None, true),
        ("payments/prod", Some(own), false),
        ("payments/dev", None, false),
    ] {
        let wanted = DeclaredSettings { s3_block_public_access: true, ebs_encryption, imdsv2 };
        assert_eq!(of(&fleet, line), Some(wanted), "{line}");
    }
}

#[test]
fn a_domain_can_have_again_what_its_environment_has_not() {
    let text = with(EVERY_KEY, "{ imdsv2: false }", "{ ebs_encryption: true }");
    let payments = of(&support::fleet(&text), "payments/dev").unwrap();
    assert_eq!((payments.ebs_encryption, payments.imdsv2), (Some(EbsEncryption { key: None }), true));
}

#[test]
fn what_may_not_stand_there_is_told_with_what_may() {
    for (yaml, problem) in [
        (
            "{ ebs_encryption: { key: 1234abcd-12ab-34cd-56ef-1234567890ab } }",
            "account_settings.ebs_encryption.key: `1234abcd-12ab-34cd-56ef-1234567890ab` is not the alias of a key of the \
             account's own (keys have other ids in each account and Region, so it is named by an alias that each account \
             gives: alias/volumes)",
        ),
        (
            "{ ebs_encryption: { key: alias/aws/ebs } }",
            "account_settings.ebs_encryption.key: `alias/aws/ebs` is not the alias of a key of the account's own (AWS's own \
             key encrypts where no `key` is named: leave it out)",
        ),
        (
            "{ ebs_encryption: { key: alias/own key } }",
            "account_settings.ebs_encryption.key: `alias/own key` is not the alias of a key of the account's own (letters, \
             digits and `/_-` after `alias/`: alias/volumes)",
        ),
        (
            "{ imdsv2: required }",
            "account_settings.imdsv2: `imdsv2` must be true or false, but \"required\" is text (write `true` or `false`, \
             without quotes)",
        ),
    ] {
        assert_eq!(only_problem(&settings(yaml)), problem, "{yaml}");
    }
}

#[test]
fn what_a_line_is_to_have_otherwise_is_a_change_of_that_line() {
    let before = with(EVERY_KEY, "{ imdsv2: false }", "{ ebs_encryption: false }");
    let after = with(EVERY_KEY, "{ imdsv2: false }", "{ ebs_encryption: true }");
    let changes = Changes::between(&support::fleet(&before), &support::fleet(&after));
    assert!(changes.settings.is_empty());
    let told = |it: &phonehome_fleet::Change| (it.what.clone(), it.before.clone(), it.after.clone());
    let told: Vec<_> = changes.lines.iter().flat_map(|it| it.changes.iter().map(told)).collect();
    let switched_on = ("EBS encryption by default".to_owned(), None, Some("on".to_owned()));
    assert_eq!(told, [switched_on.clone(), switched_on]);
}

#[test]
fn a_fleet_with_settings_written_again_says_the_same() {
    let fleet = support::fleet(&settings("{ ebs_encryption: true, imdsv2: true }"));
    assert_eq!(fleet, support::fleet(&serde_json::to_string(&fleet).unwrap()));
}

#[test]
fn the_schema_and_the_parser_refuse_the_same_values() {
    let schema = jsonschema::draft7::new(&phonehome_fleet::schema()).expect("the schema is a valid schema");
    let key = "/account_settings/ebs_encryption/key";
    for (pointer, bad) in [
        ("/account_settings", json!(true)),
        ("/account_settings/s3_block_public_access", json!("all")),
        ("/account_settings/ebs_encryption", json!("alias/phonehome")),
        (key, json!("1234abcd-12ab-34cd-56ef-1234567890ab")),
        (key, json!("alias/")),
        (key, json!(format!("alias/{}", "k".repeat(251)))),
        ("/account_settings/imdsv2", json!("required")),
    ] {
        let mut spoilt = support::json(EVERY_KEY);
        *spoilt.pointer_mut(pointer).expect("the fixture has it") = bad.clone();
        assert!(!schema.is_valid(&spoilt), "the schema accepts {bad} at {pointer}");
        assert!(
            phonehome_fleet::parse(&spoilt.to_string()).is_err(),
            "the parser accepts {bad} at {pointer}"
        );
    }
}
