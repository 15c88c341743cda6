//! What is said of a change, for whatever template.

mod support;

use phonehome_starter_pack::{Change, Class, Verdict, Why, compare, verdict};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{FULL, template};

/// By CloudFormation's schemas and documentation, of the kinds that packs are made of.
const REPLACING: [(&str, &str); 13] = [
    ("AWS::KMS::Key", "KeySpec"),
    ("AWS::KMS::Key", "KeyUsage"),
    ("AWS::KMS::Key", "MultiRegion"),
    ("AWS::KMS::Key", "Origin"),
    ("AWS::KMS::Alias", "AliasName"),
    ("AWS::S3::Bucket", "BucketName"),
    ("AWS::S3::Bucket", "BucketNamespace"),
    ("AWS::S3::BucketPolicy", "Bucket"),
    ("AWS::DynamoDB::Table", "TableName"),
    ("AWS::DynamoDB::Table", "KeySchema"),
    ("AWS::IAM::Role", "RoleName"),
    ("AWS::IAM::Role", "Path"),
    ("AWS::IAM::OIDCProvider", "Url"),
];

fn full() -> Value {
    template(FULL, "shop-prod", "us-east-1")
}

/// The full template with something done to one resource.
fn with_resource(id: &str, change: impl FnOnce(&mut Value)) -> Value {
    let mut template = full();
    change(&mut template["Resources"][id]);
    template
}

fn class_of(wanted: &Value, id: &str) -> Class {
    let changes = compare(&full(), wanted);
    changes.iter().find(|it| it.logical_id == id).unwrap_or_else(|| panic!("{id}: {changes:?}")).class.clone()
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|it| (*it).to_owned()).collect()
}

#[test]
fn whatever_makes_another_resource_is_withheld() {
    let template = full();
    for (id, resource) in template["Resources"].as_object().unwrap() {
        let of_kind = REPLACING.iter().filter(|(kind, _)| resource["Type"] == **kind);
        for (_, property) in of_kind {
            for value in [json!("other"), Value::Null] {
                let wanted = with_resource(id, |it| it["Properties"][*property] = value);
                let class = class_of(&wanted, id);
                let certain = *property != "KeySchema";
                let replaced = Class::Replacement { properties: names(&[*property]), certain };
                assert_eq!(class, replaced, "{id}.{property}");
                assert_ne!(verdict(&compare(&template, &wanted)), Verdict::Allowed, "{id}.{property}");
            }
        }
    }
}

#[test]
fn another_kind_under_the_same_name_is_a_replacement() {
    let wanted = with_resource("KeyAlias", |it| it["Type"] = json!("AWS::S3::Bucket"));
    assert_eq!(
        class_of(&wanted, "KeyAlias"),
        Class::Replacement { properties: names(&["Type"]), certain: true }
    );
}

#[test]
fn what_names_a_replaced_resource_by_such_a_property_is_replaced_with_it() {
    let wanted = with_resource("LogBucket", |it| it["Properties"]["BucketName"] = json!("other"));
    assert_eq!(
        class_of(&wanted, "LogBucketPolicy"),
        Class::Replacement { properties: names(&["Bucket"]), certain: true }
    );
    // The other bucket names it as well, in a property that replaces nothing.
    assert!(compare(&full(), &wanted).iter().all(|it| it.logical_id != "StateBucket"));
}

#[test]
fn of_what_holds_data_only_plain_changes_are_allowed() {
    for (id, property, value, is_plain) in [
        ("Key", "Description", json!("another"), true),
        ("Key", "EnableKeyRotation", json!(false), false),
        ("Key", "KeyPolicy", json!({ "Statement": [] }), false),
        ("Key", "Enabled", json!(false), false),
        ("Key", "PendingWindowInDays", json!(7), false),
        ("StateBucket", "VersioningConfiguration", json!({ "Status": "Suspended" }), false),
        ("StateBucket", "BucketEncryption", json!({}), false),
        ("StateBucket", "PublicAccessBlockConfiguration", Value::Null, false),
        ("StateBucket", "OwnershipControls", json!({}), false),
        ("StateBucket", "ObjectLockEnabled", json!(true), false),
        ("StateBucket", "Tags", json!([]), true),
        ("StateBucket", "LoggingConfiguration", Value::Null, true),
        ("LogBucket", "ReplicationConfiguration", Value::Null, true),
        ("LogBucket", "LifecycleConfiguration", Value::Null, true),
        ("StateLockTable", "DeletionProtectionEnabled", json!(false), false),
        ("StateLockTable", "SSESpecification", Value::Null, false),
        ("StateLockTable", "TimeToLiveSpecification", json!({ "Enabled": true }), false),
    ] {
        let wanted = with_resource(id, |it| it["Properties"][property] = value);
        let touching = if is_plain { vec![] } else { names(&[property]) };
        assert_eq!(class_of(&wanted, id), Class::InPlaceOfData { properties: names(&[property]), touching });
        assert_eq!(verdict(&compare(&full(), &wanted)) == Verdict::Allowed, is_plain, "{id}.{property}");
    }
}

#[test]
fn what_leaves_a_template_is_left_behind_or_deleted_and_both_are_withheld() {
    for (policy, class, why) in [
        (
            "RetainExceptOnCreate",
            Class::Removal { left_behind: true },
            Why::LeftBehind { logical_id: "Key".into() },
        ),
        ("Retain", Class::Removal { left_behind: true }, Why::LeftBehind { logical_id: "Key".into() }),
        ("Delete", Class::Removal { left_behind: false }, Why::Deleted { logical_id: "Key".into() }),
        ("Snapshot", Class::Removal { left_behind: false }, Why::Deleted { logical_id: "Key".into() }),
    ] {
        let deployed = with_resource("Key", |it| it["DeletionPolicy"] = json!(policy));
        let mut wanted = deployed.clone();
        wanted["Resources"].as_object_mut().unwrap().remove("Key");
        let changes = compare(&deployed, &wanted);
        let expected = Change { logical_id: "Key".into(), kind: "AWS::KMS::Key".into(), class };
        assert_eq!(changes, [expected], "{policy}");
        assert_eq!(verdict(&changes), Verdict::Withheld { why: vec![why] }, "{policy}");
    }
}

#[test]
fn what_was_kept_stays_so() {
    for attribute in ["DeletionPolicy", "UpdateReplacePolicy"] {
        for value in [json!("Delete"), Value::Null] {
            let wanted = with_resource("DeployRoledeploy", |it| it[attribute] = value);
            let expected = Class::Unprotected { properties: names(&[attribute]) };
            assert_eq!(class_of(&wanted, "DeployRoledeploy"), expected);
            assert_ne!(verdict(&compare(&full(), &wanted)), Verdict::Allowed);
        }
    }
}

#[test]
fn what_is_not_known_is_withheld() {
    let unclear = |deployed: &Value, wanted: &Value| {
        let changes = compare(deployed, wanted);
        assert!(changes.iter().any(|it| it.class == Class::Unclear), "{changes:?}");
        assert_ne!(verdict(&changes), Verdict::Allowed);
    };
    unclear(&json!("Resources: {}"), &full());
    unclear(&json!({ "Resources": [] }), &full());
    for section in ["Conditions", "Mappings", "Parameters", "Rules", "Transform"] {
        let mut wanted = full();
        wanted[section] = json!({ "X": 1 });
        unclear(&full(), &wanted);
    }
    unclear(&full(), &with_resource("Key", |it| it["Condition"] = json!("Never")));
    unclear(&full(), &with_resource("Key", |it| it["Fn::ForEach::X"] = json!([])));
    let mut deployed = full();
    deployed["Resources"]["Db"] =
        json!({ "Type": "AWS::RDS::DBInstance", "Properties": { "AllocatedStorage": 10 } });
    let mut wanted = deployed.clone();
    wanted["Resources"]["Db"]["Properties"]["AllocatedStorage"] = json!(20);
    let changes = compare(&deployed, &wanted);
    assert_eq!(
        changes[0].class,
        Class::Replacement { properties: names(&["AllocatedStorage"]), certain: false }
    );
}

#[test]
fn a_stack_that_is_not_there_gets_everything() {
    let changes = compare(&Value::Null, &full());
    let added = changes.iter().filter(|it| it.class == Class::Add).count();
    assert_eq!(added, full()["Resources"].as_object().unwrap().len());
    assert_eq!(verdict(&changes), Verdict::Allowed);
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..5000_u32).prop_map(Value::from),
        prop_oneof![Just("Enabled"), Just("Suspended"), Just("Retain"), Just("Delete"), Just("a")]
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let key = prop_oneof![Just("Ref"), Just("Fn::Sub"), Just("Rules"), Just("Id"), Just("Status")];
        let entries = prop::collection::vec((key.prop_map(str::to_owned), inner.clone()), 0..3);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            entries.prop_map(|it| Value::Object(it.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn the_same_template_is_no_change(property in any_json(), section in any_json()) {
        let mut template = with_resource("StateBucket", |it| it["Properties"]["Tags"] = property);
        template["Conditions"] = section;
        prop_assert_eq!(compare(&template, &template), vec![]);
    }

    #[test]
    fn a_property_that_replaces_is_never_allowed_whatever_else_changes(
        at in 0..REPLACING.len(), value in any_json(), other in any_json(), of in "[A-Z][a-z]{3,8}",
    ) {
        let template = full();
        let (kind, property) = REPLACING[at];
        let of_kind = template["Resources"].as_object().unwrap().iter().find(|(_, it)| it["Type"] == kind);
        let id = of_kind.unwrap().0;
        let wanted = with_resource(id, |it| {
            it["Properties"][property] = value;
            it["Properties"][of.as_str()] = other;
        });
        prop_assume!(wanted["Resources"][id]["Properties"][property] != template["Resources"][id]["Properties"][property]);
        prop_assert_ne!(verdict(&compare(&template, &wanted)), Verdict::Allowed);
    }

    /// Whatever is allowed leaves every key, bucket and table where it is, with its protection.
    #[test]
    fn what_is_allowed_takes_no_data_away(id in prop::sample::select(vec!["Key", "StateBucket", "LogBucket", "StateLockTable"]),
        attribute in prop::sample::select(vec!["Type", "DeletionPolicy", "UpdateReplacePolicy", "Properties"]), value in any_json()) {
        let wanted = with_resource(id, |it| it[attribute] = value);
        if verdict(&compare(&full(), &wanted)) == Verdict::Allowed {
            let resource = &wanted["Resources"][id];
            let kept = |name: &str| matches!(resource[name].as_str(), Some("Retain" | "RetainExceptOnCreate"));
            prop_assert!(kept("DeletionPolicy") && kept("UpdateReplacePolicy"));
            prop_assert_eq!(&resource["Type"], &full()["Resources"][id]["Type"]);
            prop_assert_eq!(&resource["Properties"], &full()["Resources"][id]["Properties"]);
        }
    }
}
