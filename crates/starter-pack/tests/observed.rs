//! What an account has so that a vendor observes it.

mod support;

use phonehome_observability::{DataCenter, VendorAccountId};
use phonehome_starter_pack::{Known, Pack, PackOutcome, PackPlan, SECRET_CENTS, VendorAccount, compare};
use support::{FULL, pack};

const ROLE: &str = "ObservabilityRole";

fn observed(region: &str) -> Pack {
    let declared = "observability: { vendor: new_relic, data_center: eu }";
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
