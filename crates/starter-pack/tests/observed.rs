//! What an account has so that a vendor observes it.

mod support;

use std::collections::BTreeSet;

use phonehome_observability::{DataCenter, VendorAccountId};
use phonehome_starter_pack::{Known, Pack, PackOutcome, PackPlan, SECRET_CENTS, VendorAccount, Why, compare};
use serde_json::{Value, json};
use support::{FULL, pack};

const ROLE: &str = "ObservabilityRole";

fn observed(region: &str) -> Pack {
    declaring("{ vendor: new_relic, data_center: eu }", region)
}

/// With metrics of one namespace streamed.
fn streamed(data_center: &str) -> Pack {
    let stream = "metric_stream: { namespaces: [AWS/EC2] }";
    declaring(&format!("{{ vendor: new_relic, data_center: {data_center}, {stream} }}"), "us-east-1")
}

fn declaring(observability: &str, region: &str) -> Pack {
    let declared = format!("observability: {observability}");
    let head = "starter_pack:\n";
    assert_eq!(FULL.matches(head).count(), 1);
    let text = FULL.replace(head, &format!("{head}  {declared}\n"));
    pack(&text, "shop-prod", region).unwrap()
}

fn known(number: u32) -> Pack {
    observed("us-east-1").naming(VendorAccount::Known(VendorAccountId::new(number)))
}

#[test]
fn the_vendors_account_assumes_the_role_by_the_number_of_its_own_account_and_reads_no_data() {
    let role = &known(4_000_001).template()["Resources"][ROLE]["Properties"];
    let trust = &role["AssumeRolePolicyDocument"]["Statement"];
    assert_eq!(trust.as_array().unwrap().len(), 1);
    assert_eq!(trust[0]["Principal"]["AWS"]["Fn::Sub"], "arn:${AWS::Partition}:iam::754728514883:root");
    assert_eq!(trust[0]["Condition"]["StringEquals"]["sts:ExternalId"], "4000001");
    let managed = role["ManagedPolicyArns"].to_string();
    assert!(
        managed.contains("job-function/ViewOnlyAccess") && !managed.contains("ReadOnlyAccess"),
        "{managed}"
    );
    assert!(role["PermissionsBoundary"].is_object());
}

#[test]
fn a_stack_waits_for_the_account_with_its_role_alone_and_the_role_is_added_in_place() {
    let waiting = observed("us-east-1").naming(VendorAccount::Awaited).template();
    let without = pack(FULL, "shop-prod", "us-east-1").unwrap().template();
    let names = |changes: Vec<phonehome_starter_pack::Change>| {
        changes.into_iter().map(|it| it.logical_id).collect::<Vec<_>>()
    };
    assert_eq!(names(compare(&without, &waiting)), ["ObservabilityKey"]);
    let whole = known(1).template();
    assert_eq!(names(compare(&waiting, &whole)), [ROLE]);
    let plan = PackPlan::of(Known::Template(&waiting), Some(&whole));
    assert_eq!(plan.outcome, PackOutcome::Changed);
}

#[test]
fn a_plan_shows_the_role_and_what_the_secret_costs_before_the_account_is_made() {
    let planned = observed("us-east-1").template();
    assert!(planned["Resources"][ROLE].is_object());
    let without = pack(FULL, "shop-prod", "us-east-1").unwrap().template();
    let price = PackPlan::of(Known::Template(&without), Some(&planned)).price;
    assert_eq!(price.after_cents - price.before_cents, SECRET_CENTS);
}

#[test]
fn an_account_is_observed_by_its_home_region_alone() {
    let account = "111122223333".parse().unwrap();
    assert_eq!(observed("eu-central-2").observed(&account), None);
    let home = observed("us-east-1").observed(&account).unwrap();
    assert_eq!(home.data_center, DataCenter::Eu);
    assert_eq!(home.role_arn, "arn:aws:iam::111122223333:role/phonehome/phonehome-observability");
    let resources = observed("eu-central-2").template()["Resources"].clone();
    assert!(resources[ROLE].is_null() && resources["ObservabilityKey"].is_null());
}

#[test]
fn a_stream_is_added_in_place_once_there_is_a_key_and_waits_for_it_until_then() {
    let with_key = |pack: Pack| pack.naming(VendorAccount::Known(VendorAccountId::new(1))).template();
    let (without, with) = (with_key(observed("us-east-1")), with_key(streamed("eu")));
    let plan = PackPlan::of(Known::Template(&without), Some(&with));
    assert_eq!(plan.outcome, PackOutcome::Changed);
    let made: BTreeSet<&str> = plan.changes.iter().map(|it| it.kind.as_str()).collect();
    let kinds = [
        "AWS::CloudWatch::MetricStream",
        "AWS::IAM::Role",
        "AWS::KinesisFirehose::DeliveryStream",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
    ];
    assert_eq!((made, plan.changes.len()), (BTreeSet::from(kinds), 6));
    let waiting = |pack: Pack| pack.naming(VendorAccount::Awaited).template();
    assert_eq!(waiting(streamed("eu")), waiting(observed("us-east-1")));
}

#[test]
fn metrics_of_the_declared_namespaces_go_to_the_data_center_and_the_key_is_in_no_template() {
    for (center, host) in [("us", "aws-api.newrelic.com"), ("eu", "aws-api.eu01.nr-data.net")] {
        let template = streamed(center).template();
        let resources = &template["Resources"];
        let filters = &resources["MetricStream"]["Properties"]["IncludeFilters"];
        assert_eq!(*filters, json!([{ "Namespace": "AWS/EC2" }]));
        let delivery = &resources["MetricDelivery"]["Properties"]["HttpEndpointDestinationConfiguration"];
        let endpoint = &delivery["EndpointConfiguration"];
        assert_eq!(endpoint["Url"], format!("https://{host}/cloudwatch-metrics/v1"));
        assert_eq!(endpoint["AccessKey"], Value::Null);
        assert_eq!(
            delivery["SecretsManagerConfiguration"]["SecretARN"],
            json!({ "Ref": "ObservabilityKey" })
        );
        assert!(!template.to_string().contains("resolve:secretsmanager"));
    }
}

#[test]
fn the_roles_of_a_stream_serve_this_accounts_firehose_with_one_secret_and_bucket_and_no_more() {
    let template = streamed("eu").template();
    let role = |id: &str| template["Resources"][id]["Properties"].clone();
    let (delivery, stream) = (role("MetricDeliveryRole"), role("MetricStreamRole"));
    for (role, service) in
        [(&delivery, "firehose.amazonaws.com"), (&stream, "streams.metrics.cloudwatch.amazonaws.com")]
    {
        let trust = &role["AssumeRolePolicyDocument"]["Statement"];
        assert_eq!(trust[0]["Principal"], json!({ "Service": service }));
        assert!(
            trust[1].is_null() && role["PermissionsBoundary"].is_object() && role["Path"] == "/phonehome/"
        );
        assert!(
            role["ManagedPolicyArns"].is_null() && !role["Policies"].to_string().contains(r#""*""#),
            "{role}"
        );
    }
    let condition = &delivery["AssumeRolePolicyDocument"]["Statement"][0]["Condition"];
    assert_eq!(*condition, json!({ "StringEquals": { "sts:ExternalId": { "Ref": "AWS::AccountId" } } }));
    let may = &delivery["Policies"][0]["PolicyDocument"]["Statement"][0];
    assert_eq!(
        (&may["Action"], &may["Resource"]),
        (&json!("secretsmanager:GetSecretValue"), &json!({ "Ref": "ObservabilityKey" }),)
    );
    let may = &stream["Policies"][0]["PolicyDocument"]["Statement"];
    assert_eq!(may[0]["Resource"], json!({ "Fn::GetAtt": ["MetricDelivery", "Arn"] }));
    assert!(may[1].is_null());
}

#[test]
fn what_a_stream_costs_by_use_is_in_the_plan_also_where_it_stays_behind() {
    let (without, with) = (observed("us-east-1").template(), streamed("eu").template());
    let paid = |plan: &PackPlan| -> Vec<(u64, &str)> {
        plan.usage.iter().map(|it| (it.thousandths, it.per)).collect()
    };
    let both = [(3, "1,000 metric updates"), (29, "GB")];
    assert_eq!(paid(&PackPlan::of(Known::Nothing, Some(&without))), []);
    let made = PackPlan::of(Known::Template(&without), Some(&with));
    assert_eq!(paid(&made), both);
    assert_eq!(made.price.after_cents, made.price.before_cents);
    assert_eq!(paid(&PackPlan::of(Known::Unnoted, Some(&with))), both);
    assert_eq!(paid(&PackPlan::of(Known::Template(&with), None)), both);
    assert_eq!(paid(&PackPlan::of(Known::Template(&with), Some(&without))), both);
}

#[test]
fn a_stream_that_is_declared_no_longer_is_withheld_and_other_namespaces_or_another_data_center_are_not() {
    let with = streamed("eu").template();
    let removed = PackPlan::of(Known::Template(&with), Some(&observed("us-east-1").template()));
    let PackOutcome::Withheld { why } = removed.outcome else { panic!("{:?}", removed.outcome) };
    assert!(why.contains(&Why::LeftBehind { logical_id: "MetricStream".to_owned() }), "{why:?}");
    let moved = streamed("us").template();
    assert_eq!(PackPlan::of(Known::Template(&with), Some(&moved)).outcome, PackOutcome::Changed);
    let text = with.to_string().replace("AWS/EC2", "AWS/RDS");
    let other = serde_json::from_str(&text).unwrap();
    assert_eq!(PackPlan::of(Known::Template(&with), Some(&other)).outcome, PackOutcome::Changed);
}

#[test]
fn what_could_not_be_sent_is_kept_for_two_weeks_encrypted_by_tls_alone_and_outlives_the_stack() {
    let resources = streamed("eu").template()["Resources"].clone();
    let (bucket, policy) = (&resources["MetricBucket"], &resources["MetricBucketPolicy"]["Properties"]);
    let rules = &bucket["Properties"]["LifecycleConfiguration"]["Rules"];
    assert_eq!(rules[0]["ExpirationInDays"], 14);
    assert!(bucket["Properties"]["BucketEncryption"].is_object());
    assert_eq!(
        (&bucket["DeletionPolicy"], &bucket["UpdateReplacePolicy"]),
        (&json!("RetainExceptOnCreate"), &json!("Retain"),)
    );
    let denied = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!(denied["Effect"], "Deny");
    assert_eq!(denied["Condition"], json!({ "Bool": { "aws:SecureTransport": "false" } }));
    let delivery = &resources["MetricDelivery"]["Properties"]["HttpEndpointDestinationConfiguration"];
    assert_eq!(delivery["S3BackupMode"], "FailedDataOnly");
}
