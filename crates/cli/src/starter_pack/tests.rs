use std::io::Write as _;

use super::*;

/// The crate's own example, with everything that there is.
const FULL: &str = include_str!("../../../starter-pack/tests/fixtures/full.yaml");

fn shown(text: &str, account: &str, id: Option<&str>, format: Format) -> Result<String, Failure> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let account_id = id.map(|id| id.parse().unwrap());
    run(&StarterPackArguments { account: account.into(), account_id, fleet: file.path().into() }, format)
}

fn refusal(text: &str, account: &str, id: Option<&str>) -> String {
    let failure = shown(text, account, id, Format::Text).unwrap_err();
    assert!(failure.input);
    failure.text
}

#[test]
fn names_and_backends_of_every_region_are_ready_to_paste() {
    insta::assert_snapshot!("names", shown(FULL, "shop/prod", Some("444444444444"), Format::Text).unwrap());
}

#[test]
fn s3_keeps_the_lock_where_no_table_is_declared() {
    let text =
        shown(&FULL.replace("{ lock_table: true }", "true"), "shop-dev", Some("444444444444"), Format::Text);
    let text = text.unwrap();
    assert!(text.contains("    use_lockfile   = true\n") && !text.contains("dynamodb"), "{text}");
}

#[test]
fn machines_get_the_same() {
    let text = shown(FULL, "shop-prod", Some("444444444444"), Format::Json).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        value["starter_packs"][0]["deploy_roles"][0]["arn"],
        "arn:aws:iam::444444444444:role/phonehome/deploy"
    );
    assert_eq!(value["starter_packs"][1]["home"], false);
    assert_eq!(value["starter_packs"][1].get("deploy_roles"), None);
}

#[test]
fn what_is_not_known_is_asked_for_and_never_made_up() {
    assert!(refusal(FULL, "shop-prod", None).contains("give it with --account-id"));
    assert!(refusal(FULL, "shop-test", None).contains("has no account `shop-test`"));
    let pinned = FULL.replacen(
        "environments: [dev, prod]",
        "environments: [dev, { name: prod, account_id: \"444444444444\" }]",
        1,
    );
    assert!(refusal(&pinned, "shop-prod", Some("555555555555")).contains("is the account 444444444444"));
    assert!(shown(&pinned, "444444444444", None, Format::Text).is_ok());
    let none = &FULL[..FULL.find("starter_pack:\n  key").unwrap()];
    assert!(
        refusal(none, "shop-prod", Some("444444444444"))
            .contains("no `starter_pack` is declared for shop/prod")
    );
}
