use super::*;

const MANAGEMENT: &str = "111111111111";

fn at(account: &str) -> Whereabouts {
    Whereabouts { account: account.into(), management_account: MANAGEMENT.into() }
}

fn basic(management: bool, reads: bool, writes: bool) -> Selectors {
    Selectors::Basic(vec![BasicSelector { management, reads, writes, excluded_sources: vec![] }])
}

fn equals(field: &str, value: &str) -> FieldCondition {
    FieldCondition { field: field.into(), equals: vec![value.into()], ..FieldCondition::default() }
}

fn not_equals(field: &str, value: &str) -> FieldCondition {
    FieldCondition { field: field.into(), not_equals: vec![value.into()], ..FieldCondition::default() }
}

fn denied(operation: &'static str) -> CloudError {
    CloudError::service(operation, "t", "AccessDeniedException", "no")
}

fn good() -> Trail {
    Trail {
        arn: "arn:good".into(),
        home_region: "eu-west-1".into(),
        multi_region: true,
        organization: true,
        global_services: true,
        logging: Ok(true),
        selectors: Ok(basic(true, true, true)),
    }
}

fn with_selectors(selectors: Selectors) -> Trail {
    Trail { selectors: Ok(selectors), ..good() }
}

fn advanced(conditions: impl IntoIterator<Item = FieldCondition>) -> Trail {
    with_selectors(Selectors::Advanced(vec![conditions.into_iter().collect()]))
}

fn diagnosis(trails: &[Trail], regions: &[&str]) -> Diagnosis {
    let regions: Vec<String> = regions.iter().map(|region| (*region).to_owned()).collect();
    diagnose(&at(MANAGEMENT), trails, &regions)
}

#[test]
fn a_trail_that_does_not_do_is_named_with_everything_it_lacks() {
    let home = || "eu-west-1".to_owned();
    let management = || equals("eventCategory", "Management");
    let stopped = Trail { logging: Ok(false), ..good() };
    let single = Trail { multi_region: false, ..good() };
    let local = Trail { global_services: false, ..good() };
    let status = denied("cloudtrail:GetTrailStatus");
    let selectors = denied("cloudtrail:GetEventSelectors");
    let table = [
        (good(), vec![]),
        (Trail { organization: false, ..good() }, vec![]),
        (Trail { multi_region: false, home_region: "us-east-1".into(), ..good() }, vec![]),
        (stopped, vec![Fault::Stopped { home_region: home() }]),
        (single.clone(), vec![Fault::OtherRegion { home_region: home() }]),
        (local, vec![Fault::NoGlobalServices { home_region: home() }]),
        (with_selectors(basic(true, false, true)), vec![]),
        (with_selectors(basic(true, true, false)), vec![Fault::ReadOnly]),
        (with_selectors(basic(false, true, true)), vec![Fault::NoManagementEvents]),
        (with_selectors(Selectors::Basic(vec![])), vec![Fault::NoManagementEvents]),
        (advanced([management()]), vec![]),
        (advanced([management(), equals("readOnly", "false")]), vec![]),
        (advanced([management(), not_equals("eventSource", "kms.amazonaws.com")]), vec![]),
        (advanced([management(), equals("readOnly", "true")]), vec![Fault::ReadOnly]),
        (advanced([equals("eventCategory", "Data")]), vec![Fault::NoManagementEvents]),
        (
            advanced([management(), not_equals("eventSource", "organizations.amazonaws.com")]),
            vec![Fault::NoManagementEvents],
        ),
        (
            advanced([management(), equals("userIdentity.arn", "arn:of-somebody")]),
            vec![Fault::NoManagementEvents],
        ),
        (Trail { logging: Err(status.clone()), ..good() }, vec![Fault::Unreadable(status)]),
        (Trail { selectors: Err(selectors.clone()), ..good() }, vec![Fault::Unreadable(selectors)]),
        (
            Trail { logging: Ok(false), selectors: Ok(basic(true, true, false)), ..single },
            vec![
                Fault::Stopped { home_region: home() },
                Fault::OtherRegion { home_region: home() },
                Fault::ReadOnly,
            ],
        ),
    ];
    for (trail, expected) in table {
        let found = diagnosis(std::slice::from_ref(&trail), &["us-east-1"]);
        assert_eq!(found.is_healthy(), expected.is_empty(), "{trail:?}");
        let faults = found.unfit.get("arn:good").cloned().unwrap_or_default();
        assert_eq!(faults, expected, "{trail:?}");
    }
}

#[test]
fn conditions_on_how_a_value_begins_and_ends_count_as_well() {
    let condition = |change: fn(&mut FieldCondition)| {
        let mut condition = FieldCondition { field: "eventSource".into(), ..FieldCondition::default() };
        change(&mut condition);
        [equals("eventCategory", "Management"), condition]
    };
    type Change = fn(&mut FieldCondition);
    let table: [(Change, bool); 6] = [
        (|it| it.starts_with = vec!["s3.".into(), "organizations.".into()], true),
        (|it| it.starts_with = vec!["s3.".into()], false),
        (|it| it.ends_with = vec![".amazonaws.com".into()], true),
        (|it| it.ends_with = vec![".example.com".into()], false),
        (|it| it.not_starts_with = vec!["organ".into()], false),
        (|it| it.not_ends_with = vec!["amazonaws.com".into()], false),
    ];
    for (change, healthy) in table {
        let found = diagnosis(&[advanced(condition(change))], &["us-east-1"]);
        assert_eq!(found.is_healthy(), healthy, "{:?}", condition(change));
    }
}

#[test]
fn one_selector_of_several_is_enough() {
    let data = vec![equals("eventCategory", "Data")];
    let management = vec![equals("eventCategory", "Management")];
    let both = with_selectors(Selectors::Advanced(vec![data, management]));
    assert!(diagnosis(&[both], &["us-east-1"]).is_healthy());
}

#[test]
fn without_a_trail_there_is_nothing_to_name() {
    let found = diagnosis(&[], &["us-east-1"]);
    assert!(!found.is_healthy());
    assert_eq!((found.regions["us-east-1"].clone(), found.unfit.len()), (None, 0));
}

#[test]
fn each_region_needs_a_trail_and_not_the_same_one() {
    let here = Trail {
        arn: "arn:here".into(),
        multi_region: false,
        home_region: "us-east-1".into(),
        organization: false,
        ..good()
    };
    let there = Trail { arn: "arn:there".into(), home_region: "eu-central-1".into(), ..here.clone() };
    let regions = ["us-east-1", "eu-central-1"];
    let found = diagnosis(&[here.clone(), there], &regions);
    assert!(found.is_healthy() && !found.covers_organization, "{found:?}");
    let found = diagnosis(&[here], &regions);
    assert!(!found.is_healthy());
    assert_eq!(found.regions["us-east-1"].as_deref(), Some("arn:here"));
    assert_eq!(found.unfit["arn:here"], [Fault::OtherRegion { home_region: "us-east-1".into() }]);
}

#[test]
fn a_good_trail_is_enough_whatever_the_others_lack() {
    let other =
        Trail { arn: "arn:other".into(), logging: Err(denied("cloudtrail:GetTrailStatus")), ..good() };
    let found = diagnosis(&[other, good()], &["us-east-1"]);
    assert!(found.is_healthy() && found.unfit.is_empty(), "{found:?}");
}

#[test]
fn a_trail_of_the_organization_seen_from_a_member_account_says_nothing_about_the_management_account() {
    let found = diagnose(&at("222222222222"), &[good()], &["us-east-1".to_owned()]);
    assert!(found.is_elsewhere && !found.is_healthy(), "{found:?}");
}

#[test]
fn what_is_lacking_can_be_mended_by_a_command() {
    let home_region = || "eu-west-1".to_owned();
    for (fault, expected) in [
        (
            Fault::Stopped { home_region: home_region() },
            "aws cloudtrail start-logging --region eu-west-1 --name a",
        ),
        (
            Fault::OtherRegion { home_region: home_region() },
            "aws cloudtrail update-trail --region eu-west-1 --name a --is-multi-region-trail",
        ),
        (Fault::NoManagementEvents, "put-event-selectors"),
        (Fault::Unreadable(denied("cloudtrail:GetTrailStatus")), "may call cloudtrail:GetTrailStatus"),
    ] {
        let remedy = fault.remedy("a").unwrap();
        assert!(remedy.contains(expected), "{remedy}");
    }
}
