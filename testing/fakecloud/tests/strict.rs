//! The fake's own ways: quotas, time, ids, faults.

use phonehome_cloud::Cause;
use phonehome_cloud::CloudError;
use phonehome_executor::StepError;
use std::time::Duration;

use phonehome_cloud::Class;
use phonehome_executor::{Executor, Ids, NoFence, StackApi as _};
use phonehome_fakecloud::{FakeCloud, FakeStack, Fault, Options, SharedCloud, Staleness, sample};
use phonehome_network::{Address, Kind, NatState, Rule, RulePeer};
use phonehome_planner::{Action, Direction, Limits, Ref, StackSpec, plan};

fn spec() -> StackSpec {
    sample::full("111111111111", "shop-prod", "10.0.0.0/18".parse().unwrap()).unwrap()
}

fn create_vpc() -> Action {
    Action::CreateVpc { cidr: "10.0.0.0/18".parse().unwrap() }
}

async fn perform(api: &FakeStack, action: &Action) -> Result<Option<String>, String> {
    let answer = api.perform(&Address::vpc(), action, &Ids::default()).await;
    answer.map_err(|error| match error {
        StepError::Cloud(CloudError { cause: Cause::Timeout, .. }) => "timeout".to_owned(),
        StepError::Cloud(CloudError { cause: Cause::Connection(_), .. }) => "connection".to_owned(),
        other => other.code().unwrap_or_default().to_owned(),
    })
}

/// Brings the account to what is declared.
async fn converge(cloud: &SharedCloud, spec: &StackSpec) {
    let (api, mut executor) = (FakeStack::open(cloud, spec.clone()), Executor::new());
    for _ in 0..3 {
        let plan = plan(spec, &api.observe(&spec.kinds()).await.unwrap(), &Limits::SWEEP).unwrap();
        executor.apply(&api, &plan, &NoFence).await;
    }
}

#[tokio::test]
async fn quotas_refuse_what_is_beyond_them() {
    let cloud = SharedCloud::new(FakeCloud::new());
    let api = FakeStack::open(&cloud, spec());
    for (action, code) in [
        (create_vpc(), "VpcLimitExceeded"),
        (Action::CreateInternetGateway, "InternetGatewayLimitExceeded"),
        (Action::AllocateElasticIp, "AddressLimitExceeded"),
    ] {
        for _ in 0..5 {
            perform(&api, &action).await.expect("within the quota");
        }
        assert_eq!(perform(&api, &action).await, Err(code.to_owned()));
    }
}

#[tokio::test]
async fn a_security_group_takes_60_rules_and_all_of_a_call_or_none() {
    let cloud = SharedCloud::new(FakeCloud::new());
    let api = FakeStack::open(&cloud, spec());
    let vpc = Ref::Id(perform(&api, &create_vpc()).await.unwrap().unwrap());
    let (name, description) = ("group".to_owned(), "for this test".to_owned());
    let group = Action::CreateSecurityGroup { vpc, name, description };
    let group = Ref::Id(perform(&api, &group).await.unwrap().unwrap());
    let rules = |ports: std::ops::RangeInclusive<i32>| {
        let peer = RulePeer::Cidr("10.9.0.0/24".parse().unwrap());
        let rule = |port| Rule { protocol: "tcp".to_owned(), ports: Some((port, port)), peer: peer.clone() };
        let (group, direction) = (group.clone(), Direction::Ingress);
        Action::AuthorizeRules { group, direction, rules: ports.map(rule).collect() }
    };
    perform(&api, &rules(1..=59)).await.expect("within the quota");
    let refused = perform(&api, &rules(60..=61)).await;
    assert_eq!(refused, Err("RulesPerSecurityGroupLimitExceeded".to_owned()));
    perform(&api, &rules(60..=60)).await.expect("none of the two was taken");
}

#[tokio::test]
async fn accounts_and_regions_have_nothing_in_common() {
    let cloud = SharedCloud::new(FakeCloud::new());
    converge(&cloud, &spec()).await;
    cloud.with(|cloud| {
        assert_eq!(cloud.stack("111111111111", "us-east-1").truth().vpcs.len(), 1);
        assert!(cloud.stack("111111111111", "eu-west-1").truth().vpcs.is_empty());
        assert!(cloud.stack("222222222222", "us-east-1").truth().vpcs.is_empty());
    });
}

#[tokio::test]
async fn a_nat_gateway_is_pending_then_available_and_one_that_fails_gives_its_address_back() {
    let options = Options { nat_pending_ms: 100_000, ..Options::default() };
    let cloud = SharedCloud::new(FakeCloud::with_options(options));
    cloud.with(|cloud| cloud.fail_next_nat_gateways(1));
    converge(&cloud, &sample::plain("111111111111", "shop-prod", "10.0.0.0/18".parse().unwrap()).unwrap())
        .await;
    let states = || {
        cloud.with(|cloud| {
            let truth = cloud.stack("111111111111", "us-east-1").truth();
            let free = truth.elastic_ips.iter().filter(|ip| ip.association_id.is_none()).count();
            (truth.nat_gateways.iter().map(|nat| nat.state).collect::<Vec<_>>(), free)
        })
    };
    assert_eq!(states(), (vec![NatState::Pending; 3], 0));
    cloud.with(|cloud| cloud.advance(99_999));
    assert_eq!(states(), (vec![NatState::Pending; 3], 0));
    cloud.with(|cloud| cloud.advance(1));
    assert_eq!(states(), (vec![NatState::Failed, NatState::Available, NatState::Available], 1));
    // AWS lists it for an hour.
    cloud.with(|cloud| cloud.advance(3_600_000));
    assert_eq!(states(), (vec![NatState::Available; 2], 1));
}

#[tokio::test]
async fn the_same_calls_give_the_same_ids() {
    let mut worlds = Vec::new();
    for _ in 0..2 {
        let cloud = SharedCloud::new(FakeCloud::new());
        converge(&cloud, &spec()).await;
        worlds.push(cloud.with(|cloud| cloud.stack("111111111111", "us-east-1").truth()));
    }
    assert_eq!(worlds[0], worlds[1]);
    assert_eq!(worlds[0].vpcs[0].id, "vpc-00000000000000001");
}

#[tokio::test]
async fn a_dead_executor_changes_nothing_any_more_and_a_new_one_sees_what_it_did() {
    let cloud = SharedCloud::new(FakeCloud::new());
    let dies = FakeStack::open(&cloud, spec()).with_faults(vec![Fault::DieAfter(1)]);
    assert_eq!(perform(&dies, &create_vpc()).await, Err("connection".to_owned()));
    assert_eq!(perform(&dies, &create_vpc()).await, Err("connection".to_owned()));
    assert!(dies.is_dead() && dies.calls() == 1);
    let error = dies.observe(&[Kind::Vpc]).await.expect_err("dead");
    assert_eq!(error.class(), Class::Transient);
    let seen = FakeStack::open(&cloud, spec()).observe(&[Kind::Vpc]).await.unwrap();
    assert_eq!(seen.vpcs.len(), 1);
}

#[tokio::test]
async fn a_lost_answer_has_an_effect_and_a_refusal_has_none() {
    let cloud = SharedCloud::new(FakeCloud::new());
    let refuse = Fault::Refuse { calls: 2..=2, code: "InternalError".into() };
    let api = FakeStack::open(&cloud, spec()).with_faults(vec![Fault::LoseResponse(1), refuse]);
    assert_eq!(perform(&api, &create_vpc()).await, Err("timeout".to_owned()));
    assert_eq!(perform(&api, &create_vpc()).await, Err("InternalError".to_owned()));
    assert_eq!(cloud.with(|cloud| cloud.stack("111111111111", "us-east-1").truth().vpcs.len()), 1);
}

#[tokio::test]
async fn a_write_is_seen_late_and_checked_at_once() {
    let options = Options { staleness: Staleness::Fixed(30_000), ..Options::default() };
    let cloud = SharedCloud::new(FakeCloud::with_options(options));
    let api = FakeStack::open(&cloud, spec());
    let vpc = perform(&api, &create_vpc()).await.unwrap().unwrap();
    let table = perform(&api, &Action::CreateRouteTable { vpc: Ref::Id(vpc) }).await;
    assert!(table.is_ok(), "a call knows the VPC: {table:?}");
    cloud.with(|cloud| cloud.advance(29_999));
    assert!(api.observe(&[Kind::Vpc]).await.unwrap().vpcs.is_empty());
    cloud.with(|cloud| cloud.advance(1));
    assert_eq!(api.observe(&[Kind::Vpc]).await.unwrap().vpcs.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn calls_take_their_time_side_by_side() {
    let cloud = SharedCloud::by_tokio_time(FakeCloud::new());
    let api = FakeStack::open(&cloud, spec()).with_latency(Duration::from_millis(60));
    let kinds = [Kind::Vpc, Kind::Subnet, Kind::RouteTable];
    api.observe(&kinds).await.unwrap();
    let log = api.log();
    assert!(log.iter().all(|call| (call.started_ms, call.ended_ms) == (0, 60)), "{log:?}");
    assert_eq!((log.len(), api.in_flight_max()), (3, 3));
}
