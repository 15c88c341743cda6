//! What becomes of a pack, by what is known of its stack.

mod support;

use phonehome_starter_pack::{
    KEY_CENTS, Known, PackOutcome, PackPlan, PackPrice, SECRET_CENTS, Why, compare, monthly_cents,
};
use serde_json::{Value, json};
use support::{FULL, template};

fn full() -> Value {
    template(FULL, "shop-prod", "us-east-1")
}

fn changed(change: impl FnOnce(&mut Value)) -> Value {
    let mut template = full();
    change(&mut template["Resources"]);
    template
}

fn number_of_resources(template: &Value) -> usize {
    template["Resources"].as_object().unwrap().len()
}

#[test]
fn each_fate_of_a_pack_is_told_apart() {
    let full = full();
    let plan = |known, wanted: Option<&Value>| PackPlan::of(known, wanted);
    assert!(plan(Known::Nothing, None).is_unchanged());
    assert!(plan(Known::Template(&full), Some(&full)).is_unchanged());
    let made = plan(Known::Nothing, Some(&full));
    let resources = made.changes.iter().filter(|it| !it.kind.is_empty()).count();
    assert_eq!((made.outcome, resources), (PackOutcome::Made, number_of_resources(&full)));
    let longer = changed(|it| {
        it["LogBucket"]["Properties"]["Tags"] = json!([{"Key": "a", "Value": "b"}]);
    });
    let in_place = plan(Known::Template(&full), Some(&longer));
    assert_eq!(in_place.outcome, PackOutcome::Changed);
    assert_eq!(in_place.changes[0].terms(), ["pack change LogBucket AWS::S3::Bucket Tags"]);
    let renamed = changed(|it| it["StateBucket"]["Properties"]["BucketName"] = json!("other"));
    let PackOutcome::Withheld { why } = plan(Known::Template(&full), Some(&renamed)).outcome else {
        panic!("a bucket is never replaced");
    };
    let because = vec!["BucketName".to_owned()];
    let replaced = Why::Replaced { logical_id: "StateBucket".into(), properties: because, certain: true };
    assert_eq!(why[0], replaced);
    let PackOutcome::LeftAlone { kept } = plan(Known::Template(&full), None).outcome else {
        panic!("its stack stays");
    };
    let kept: Vec<String> = kept.iter().map(|it| format!("{} {}", it.what, it.name)).collect();
    assert!(kept.contains(&"key alias/phonehome".to_owned()), "{kept:?}");
    assert!(kept.iter().any(|it| it.starts_with("bucket ") && it.ends_with("-an")), "{kept:?}");
    assert_eq!(plan(Known::Unnoted, Some(&full)).outcome, PackOutcome::NotKnown);
    assert_eq!(plan(Known::Unnoted, None).outcome, PackOutcome::LeftAlone { kept: vec![] });
}

#[test]
fn what_only_may_be_replaced_is_withheld_and_said_so() {
    let other = changed(|it| it["StateLockTable"]["Properties"]["KeySchema"] = json!([]));
    let PackOutcome::Withheld { why } = PackPlan::of(Known::Template(&full()), Some(&other)).outcome else {
        panic!("it may be replaced");
    };
    assert_eq!(why[0].to_string(), "another one may take its place, because of KeySchema");
    let certain = changed(|it| it["StateLockTable"]["Properties"]["TableName"] = json!("other"));
    let PackOutcome::Withheld { why } = PackPlan::of(Known::Template(&full()), Some(&certain)).outcome else {
        panic!("it would be replaced");
    };
    assert_eq!(why[0].to_string(), "another one would take its place, because of TableName");
}

#[test]
fn keys_and_secrets_cost_and_nothing_else_does_and_what_leaves_its_template_goes_on_to() {
    let full = full();
    // A machine user's.
    let with_own = KEY_CENTS + SECRET_CENTS;
    assert_eq!(monthly_cents(&full), with_own);
    let more = changed(|it| {
        it["Secret"] = json!({"Type": "AWS::SecretsManager::Secret", "DeletionPolicy": "Retain"});
    });
    let price = |known, wanted: Option<&Value>| PackPlan::of(known, wanted).price;
    let with_secret = with_own + SECRET_CENTS;
    let of = |before_cents, after_cents| PackPrice { before_cents, after_cents };
    assert_eq!(price(Known::Nothing, Some(&more)), of(0, with_secret));
    assert_eq!(price(Known::Template(&full), Some(&more)), of(with_own, with_secret));
    assert_eq!(price(Known::Template(&more), Some(&full)), of(with_secret, with_secret), "it stays");
    assert_eq!(price(Known::Template(&more), None), of(with_secret, with_secret));
}

#[test]
fn what_is_agreed_to_tells_each_kind_of_change_and_each_property_apart() {
    let full = full();
    let terms = |wanted: &Value| -> Vec<String> {
        compare(&full, wanted).iter().flat_map(phonehome_starter_pack::Change::terms).collect()
    };
    let tagged = |it: &mut Value| it["Properties"]["Tags"] = json!([]);
    let cases = [
        terms(&changed(|it| tagged(&mut it["Key"]))),
        terms(&changed(|it| tagged(&mut it["LogBucket"]))),
        terms(&changed(|it| it["Key"]["Properties"]["Description"] = json!("other"))),
        terms(&changed(|it| it["Key"]["Properties"]["KeySpec"] = json!("RSA_2048"))),
        terms(&changed(|it| it["Key"]["DeletionPolicy"] = json!("Delete"))),
        terms(&changed(|it| drop(it.as_object_mut().unwrap().remove("LogBucketPolicy")))),
        terms(&changed(|it| it["Further"] = json!({"Type": "AWS::IAM::Role"}))),
        compare(&Value::Null, &full).iter().flat_map(phonehome_starter_pack::Change::terms).collect(),
    ];
    let different: std::collections::BTreeSet<&Vec<String>> = cases.iter().collect();
    assert_eq!(different.len(), cases.len());
    assert!(cases.iter().all(|terms| !terms.is_empty()));
}
