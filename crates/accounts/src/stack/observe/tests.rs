//! What an observation asks for, and what it makes of refusals.

use phonehome_cloud::Cause;
use std::collections::BTreeMap;
use std::future::ready;
use std::time::Duration;

use super::super::test_cloud::{TestCloud, spec, stack};
use super::*;
use phonehome_executor::StackApi as _;

/// Every kind that EC2 answers.
const OF_EC2: [Kind; 13] = [
    Kind::Vpc,
    Kind::VpcAttribute,
    Kind::Subnet,
    Kind::InternetGateway,
    Kind::ElasticIp,
    Kind::NatGateway,
    Kind::RouteTable,
    Kind::SecurityGroup,
    Kind::NetworkAcl,
    Kind::Endpoint,
    Kind::FlowLog,
    Kind::Peering,
    Kind::NetworkInterface,
];

fn refused(operation: &'static str, code: &str) -> CloudError {
    CloudError::service(operation, "x", code, "m")
}

#[tokio::test]
async fn a_kind_that_was_not_asked_for_is_unseen_and_costs_no_call() {
    let call = async { panic!("called") };
    assert_eq!(observe_kind::<()>(&[Kind::Vpc], Kind::Subnet, call).await, Ok(None));
}

#[tokio::test]
async fn a_refused_kind_is_unseen_unless_nothing_can_be_planned_without_it() {
    for kind in Kind::ALL {
        let refused = refused("ec2:DescribeThings", "UnauthorizedOperation");
        let seen = observe_kind::<()>(&[kind], kind, ready(Err(refused.clone()))).await;
        let is_essential = [Kind::Vpc, Kind::Subnet, Kind::RouteTable].contains(&kind);
        assert_eq!(seen, if is_essential { Err(refused) } else { Ok(None) }, "{kind:?}");
    }
}

#[tokio::test]
async fn any_other_error_fails_the_observation() {
    let operation = "ec2:DescribeAddresses";
    let refused = ["RequestLimitExceeded", "AuthFailure"].map(|code| refused(operation, code));
    for error in refused.into_iter().chain([CloudError::of_cause(operation, "x", Cause::Timeout)]) {
        let seen = observe_kind::<()>(&[Kind::ElasticIp], Kind::ElasticIp, ready(Err(error.clone()))).await;
        assert_eq!(seen, Err(error));
    }
}

fn vpc(id: &str, address: Option<&str>, cidr: &str) -> Vpc {
    let pairs = [("phonehome:managed-by", "phonehome"), ("phonehome:address", address.unwrap_or("-"))];
    let tags = pairs.into_iter().filter(|_| address.is_some());
    Vpc {
        id: id.into(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
        owner: None,
        cidrs: vec![cidr.parse().unwrap()],
        is_default: false,
        dns_support: None,
        dns_host_names: None,
    }
}

#[test]
fn attributes_are_asked_for_again_only_where_the_known_vpc_is_not_the_stacks() {
    let known = VpcAttributes { vpc_id: "vpc-ours".into(), dns_support: None, dns_host_names: None };
    let vpcs = [vpc("vpc-ours", Some("vpc"), "10.0.0.0/16"), vpc("vpc-same", None, "10.0.0.0/16")];
    assert_eq!(lacking(&spec(), &vpcs, &[]), ["vpc-ours"]);
    assert!(lacking(&spec(), &vpcs, &[known]).is_empty());
}

#[test]
fn without_a_tagged_vpc_those_with_the_stacks_block_are_asked_about_or_the_adopted_one() {
    let vpcs = [vpc("vpc-lost", None, "10.0.0.0/16"), vpc("vpc-other", None, "10.7.0.0/16")];
    assert_eq!(lacking(&spec(), &vpcs, &[]), ["vpc-lost"]);
    let adopting = StackSpec { adopt: Some("vpc-other".into()), ..spec() };
    assert_eq!(lacking(&adopting, &vpcs, &[]), ["vpc-other"]);
}

/// One VPC with the stack's tags and its attributes.
fn one_vpc(request: &str) -> String {
    if request.contains("DescribeVpcAttribute") {
        let name = if request.contains("enableDnsSupport") { "Support" } else { "Hostnames" };
        return format!("<enableDns{name}><value>{}</value></enableDns{name}>", name == "Support");
    }
    "<vpcSet><item><vpcId>vpc-ours</vpcId><cidrBlock>10.0.0.0/16</cidrBlock><tagSet>
        <item><key>phonehome:managed-by</key><value>phonehome</value></item>
        <item><key>phonehome:address</key><value>vpc</value></item></tagSet></item></vpcSet>"
        .to_owned()
}

async fn observe(cloud: &TestCloud, known_vpc: &str, kinds: &[Kind]) -> (Inventory, Vec<String>) {
    let known_vpc = Some(known_vpc.to_owned()).filter(|id| !id.is_empty());
    let stack = stack(cloud).await.with_known_vpc(known_vpc);
    let observe = tokio::time::timeout(Duration::from_secs(20), stack.observe(kinds));
    (observe.await.expect("the calls wait for each other").unwrap(), cloud.take_requests())
}

#[tokio::test]
async fn with_a_known_vpc_everything_is_asked_for_in_one_round_page_by_page_and_unfiltered() {
    // 12 kinds with one call each, and two calls for two attributes; answered when all are there.
    let cloud = TestCloud::holding_back(14, one_vpc).await;
    let (seen, requests) = observe(&cloud, "vpc-ours", &OF_EC2).await;
    assert_eq!(requests.len(), 14, "{requests:#?}");
    assert_eq!((seen.vpcs[0].dns_support, seen.vpcs[0].dns_host_names), (Some(true), Some(false)));
    assert_eq!(seen.unseen, BTreeSet::from([Kind::Function, Kind::Schedule]));
    assert!(requests.iter().all(|request| !request.contains("Filter")), "{requests:#?}");
    let paged = requests.iter().filter(|request| request.contains("&MaxResults=1000")).count();
    let tables = requests.iter().filter(|request| request.contains("&MaxResults=100&")).count();
    let small = requests.iter().filter(|it| it.contains("RouteTables") && it.ends_with("MaxResults=100"));
    assert_eq!((paged, tables + small.count()), (10, 1), "{requests:#?}");
}

#[tokio::test]
async fn without_a_known_vpc_a_second_round_asks_for_the_attributes_of_the_one_found() {
    let cloud = TestCloud::new(one_vpc).await;
    let kinds = [Kind::Vpc, Kind::VpcAttribute];
    let (seen, requests) = observe(&cloud, "", &kinds).await;
    assert_eq!((requests.len(), seen.vpcs[0].dns_support), (3, Some(true)));
    let (_, requests) = observe(&cloud, "vpc-stale", &kinds).await;
    let about = |id: &str| requests.iter().filter(|it| it.contains(&format!("VpcId={id}"))).count();
    assert_eq!((about("vpc-stale"), about("vpc-ours"), requests.len()), (2, 2, 5));
}

#[tokio::test]
async fn only_what_is_asked_for_is_observed() {
    let cloud = TestCloud::new(one_vpc).await;
    let (seen, requests) = observe(&cloud, "vpc-ours", &[Kind::Vpc, Kind::Subnet]).await;
    assert_eq!(requests.len(), 2);
    let expected = Kind::ALL.into_iter().filter(|kind| ![Kind::Vpc, Kind::Subnet].contains(kind));
    assert_eq!(seen.unseen, expected.collect());
}

#[tokio::test]
async fn every_page_is_read() {
    let cloud = TestCloud::new(|request| {
        let page = |id: &str, next: &str| {
            format!(
                "<vpcSet><item><vpcId>{id}</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></item></vpcSet>{next}"
            )
        };
        match request.contains("NextToken=second") {
            false => page("vpc-1", "<nextToken>second</nextToken>"),
            true => page("vpc-2", ""),
        }
    })
    .await;
    let (seen, _) = observe(&cloud, "", &[Kind::Vpc]).await;
    let ids: Vec<_> = seen.vpcs.iter().map(|vpc| vpc.id.as_str()).collect();
    assert_eq!(ids, ["vpc-1", "vpc-2"]);
}

fn errors(code: &str) -> String {
    format!("<Errors><Error><Code>{code}</Code><Message>m</Message></Error></Errors>")
}

#[tokio::test]
async fn a_known_vpc_that_is_gone_does_no_harm() {
    let cloud = TestCloud::new(|request| match request.contains("VpcId=vpc-gone") {
        true => errors("InvalidVpcID.NotFound"),
        false => one_vpc(request),
    })
    .await;
    let (seen, _) = observe(&cloud, "vpc-gone", &[Kind::Vpc, Kind::VpcAttribute]).await;
    assert_eq!((seen.vpcs[0].dns_support, seen.has_seen(Kind::VpcAttribute)), (Some(true), true));
}

#[tokio::test]
async fn refused_attributes_and_kinds_are_unseen_and_a_refused_vpc_fails_the_observation() {
    let cloud = TestCloud::new(|request| match request.contains("Action=DescribeVpcs&") {
        true => one_vpc(request),
        false => errors("UnauthorizedOperation"),
    })
    .await;
    let kinds = [Kind::Vpc, Kind::VpcAttribute, Kind::FlowLog];
    for known_vpc in ["vpc-ours", ""] {
        let (seen, _) = observe(&cloud, known_vpc, &kinds).await;
        assert_eq!(seen.vpcs[0].dns_support, None);
        assert!(kinds[1..].iter().all(|kind| !seen.has_seen(*kind)) && seen.has_seen(Kind::Vpc));
    }
    let error = stack(&cloud).await.observe(&[Kind::Vpc, Kind::Subnet]).await.unwrap_err();
    assert_eq!((error.operation, error.class()), ("ec2:DescribeSubnets", Class::Denied));
}

/// How many calls an observation takes in which nothing was found missing.
async fn calls_of_an_observation(was_as_declared: bool) -> BTreeMap<&'static str, usize> {
    let vpc = |_: &str| {
        "<vpcSet><item><vpcId>vpc-1</vpcId><cidrBlock>10.0.0.0/16</cidrBlock></item></vpcSet>".to_owned()
    };
    let cloud = TestCloud::new(vpc).await;
    let mut stack = stack(&cloud).await.with_known_vpc(Some("vpc-1".to_owned()));
    stack.spec.history.was_as_declared = was_as_declared;
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| *kind != Kind::NetworkInterface).collect();
    stack.observe(&kinds).await.unwrap();
    let mut calls = BTreeMap::new();
    for request in cloud.take_requests() {
        let service = match request.split(' ').nth(1).unwrap() {
            path if path.starts_with("/schedules/") => "scheduler",
            path if path.contains("/functions/") => "lambda",
            _ => "ec2",
        };
        *calls.entry(service).or_default() += 1;
    }
    calls
}

#[tokio::test]
async fn a_stack_that_was_as_declared_takes_one_call_for_each_thing_that_is_declared() {
    // One zone: its function with its destination, and its schedule.
    let steady = BTreeMap::from([("ec2", 13), ("lambda", 2), ("scheduler", 1)]);
    assert_eq!(calls_of_an_observation(true).await, steady);
    let whole = calls_of_an_observation(false).await;
    assert!(whole["lambda"] >= 9 && whole["scheduler"] >= 8 && whole["ec2"] == 13, "{whole:?}");
}
