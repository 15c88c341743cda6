//! What is drift, and whose it is.

use crate::digest::digest;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use phonehome_fakecloud::sample;
use phonehome_fleet::Nat;
use phonehome_network::{Inventory, Kind, NatState, Tagged as _, Tier};
use phonehome_planner::StackSpec;
use phonehome_planner::{ChangeKind, Disruption, Limits, Readiness, Wait, Withheld, WithheldReason, plan};
use phonehome_state::ApiCall;
use phonehome_wire::CheckKind;

use super::attribution::{Fit, assign, fit};
use super::*;

fn spec() -> StackSpec {
    sample::full("111122223333", "shop-dev", "10.0.0.0/18".parse().unwrap()).unwrap()
}

fn api_call(event_name: &str, id: &str) -> ApiCall {
    ApiCall {
        account: "111122223333".parse().unwrap(),
        region: sample::REGION.parse().unwrap(),
        event_name: event_name.into(),
        who: "user bob".into(),
        role: None,
        session: None,
        when: "2026-11-22T23:04:05Z".into(),
        resource_ids: BTreeSet::from([id.to_owned()]),
    }
}

/// The step that mends a stack after `damage`.
fn mending(damage: impl FnOnce(&mut Inventory)) -> Vec<Step> {
    let (spec, mut cloud) = (spec(), phonehome_fakecloud::FakeCloud::new());
    let mut stack = cloud.stack(&spec.account, &spec.region);
    for _ in 0..9 {
        let seen = stack.inventory(&spec.kinds());
        stack.apply(&spec, &plan(&spec, &seen, &Limits::SWEEP).unwrap()).unwrap();
    }
    stack.edit(damage);
    plan(&spec, &stack.inventory(&spec.kinds()), &Limits::SWEEP).unwrap().steps
}

#[test]
fn what_is_declared_is_distinguished_and_the_number_of_the_plan_is_no_part_of_it() {
    let same = |change: fn(&mut StackSpec)| {
        let mut other = spec();
        change(&mut other);
        digest(&other) == digest(&spec())
    };
    assert!(same(|spec| spec.probe.as_mut().unwrap().generation += 1));
    assert!(!same(|spec| spec.probe.as_mut().unwrap().timeout_s += 1));
    assert!(!same(|spec| spec.nat = Nat::Regional));
    assert!(!same(|spec| spec.features.endpoints.clear()));
    assert!(!same(|spec| spec.links.push(sample::link(&spec.clone(), None, true))));
    let peer = |vpc: Option<&str>| {
        let link = sample::link(&spec(), vpc.map(str::to_owned), true);
        digest(&StackSpec { links: vec![link], ..spec() })
    };
    assert_ne!(peer(None), peer(Some("vpc-1")), "a peer that comes is no drift");
}

#[test]
fn an_api_call_explains_only_what_it_did() {
    let mut table = String::new();
    let steps = mending(|seen| {
        let private = |it: &&mut phonehome_network::RouteTable| {
            it.address().is_some_and(|it| it.to_string() == "route-table/private/use1-az1")
        };
        let found = seen.route_tables.iter_mut().find(private).unwrap();
        found.routes.clear();
        table.clone_from(&found.id);
    });
    assert_eq!(steps.len(), 1, "{steps:?}");
    let line = line::of_step(&steps[0], None, &BTreeMap::new());
    for (name, id, expected) in [
        ("DeleteRoute", table.as_str(), Fit::Named),
        ("DeleteRoute", "rtb-0fffffffffffffff0", Fit::No),
        ("CreateRoute", "rtb-0fffffffffffffff0", Fit::No),
        ("DeleteSubnet", table.as_str(), Fit::No),
        ("DeleteNatGateway", "nat-0fffffffffffffff0", Fit::Kind),
    ] {
        assert_eq!(fit(&api_call(name, id), &line), expected, "{name} {id}");
    }
}

#[test]
fn whoever_took_something_away_is_found_by_its_id_or_where_none_is_known_by_its_kind() {
    let steps = mending(|seen| {
        let mut gone = String::new();
        seen.endpoints.retain(|it| {
            let goes = it.service.ends_with(".s3");
            if goes {
                gone.clone_from(&it.id);
            }
            !goes
        });
        assert!(!gone.is_empty());
    });
    assert_eq!(steps.len(), 1, "{steps:?}");
    let line = |known: &[(Address, String)]| line::of_step(&steps[0], None, &known.iter().cloned().collect());
    let deleted = api_call("DeleteVpcEndpoints", "vpce-0123456789abcdef0");
    assert_eq!(fit(&deleted, &line(&[])), Fit::Kind);
    assert_eq!(fit(&api_call("DeleteFlowLogs", "fl-0123456789abcdef0"), &line(&[])), Fit::No);
    let it = |id: &str| [(steps[0].address.clone(), id.to_owned())];
    assert_eq!(fit(&deleted, &line(&it("vpce-0123456789abcdef0"))), Fit::Named);
    assert_eq!(fit(&deleted, &line(&it("vpce-0fffffffffffffff0"))), Fit::No, "somebody else's endpoint");
}

#[test]
fn a_call_explains_a_difference_in_what_it_changes_and_in_nothing_else() {
    let table = Address::private_route_table("use1-az1");
    let subnet = Address::subnet(Tier::Private, "use1-az1");
    let differences = [
        ("vpc", Address::vpc()),
        ("names", Address::dns_host_names()),
        ("resolver", Address::dns_support()),
        ("subnet", subnet.clone()),
        ("launch", Address::public_ip_on_launch(&subnet)),
        ("gateway", Address::internet_gateway()),
        ("ip", Address::elastic_ip("use1-az1")),
        ("nat", Address::nat_gateway("use1-az1")),
        ("regional nat", Address::regional_nat_gateway()),
        ("table", table.clone()),
        ("default route", Address::default_route(&table)),
        ("route", Address::route(&table, &"10.1.0.0/16".parse().unwrap())),
        ("association", Address::association(Tier::Private, "use1-az1")),
        ("group", Address::probe_security_group()),
        ("acl", Address::default_network_acl()),
        ("endpoint", Address::endpoint("s3")),
        ("flow log", Address::flow_log()),
        ("peering", Address::peering("shop-dev")),
        ("tags", Address::tags(&Address::vpc())),
    ];
    let routes = vec!["default route", "route"];
    for (calls, explained) in [
        (vec!["CreateRoute", "ReplaceRoute", "DeleteRoute"], routes),
        (
            vec!["AssociateRouteTable", "ReplaceRouteTableAssociation", "DisassociateRouteTable"],
            vec!["association"],
        ),
        (vec!["DeleteNatGateway"], vec!["nat", "regional nat", "default route"]),
        // What is set on a subnet, or leads from it, is gone with it.
        (vec!["DeleteSubnet"], vec!["subnet", "launch", "association"]),
        (vec!["DeleteRouteTable"], vec!["table", "default route", "route"]),
        (vec!["DetachInternetGateway", "DeleteInternetGateway"], vec!["gateway"]),
        (vec!["ReleaseAddress"], vec!["ip"]),
        (vec!["ModifyVpcEndpoint", "DeleteVpcEndpoints"], vec!["endpoint"]),
        (vec!["DeleteFlowLogs"], vec!["flow log"]),
        (vec!["DeleteVpcPeeringConnection"], vec!["peering"]),
        (vec!["CreateTags", "DeleteTags"], vec!["tags"]),
        (vec!["ModifyVpcAttribute"], vec!["names", "resolver"]),
        (vec!["ModifySubnetAttribute"], vec!["launch"]),
        (vec!["CreateNetworkAclEntry", "DeleteNetworkAclEntry"], vec!["acl"]),
        (vec!["AuthorizeSecurityGroupIngress", "RevokeSecurityGroupEgress"], vec!["group"]),
        (vec!["RunInstances", "CreateVpc"], vec![]),
    ] {
        for call in calls {
            let api_call = api_call(call, "rtb-0123456789abcdef0");
            let is_explained = |address: &Address| {
                fit(&api_call, &Line { address: address.clone(), ..seen_at(1).lines.remove(0) }) == Fit::Named
            };
            let found: BTreeSet<_> =
                differences.iter().filter(|(_, it)| is_explained(it)).map(|(name, _)| *name).collect();
            assert_eq!(found, explained.iter().copied().collect(), "{call}");
        }
    }
}

#[test]
fn a_difference_is_repaired_when_nothing_of_the_plan_is_about_it_and_all_of_it_could_be_seen() {
    let address = Address::default_route(&Address::private_route_table("use1-az1"));
    let step = Step {
        address: address.clone(),
        change: Change::Create,
        disruption: Disruption::None,
        action: Action::CreateInternetGateway,
        reason: String::new(),
        after: vec![],
        asks: vec![],
    };
    let wait = Wait {
        address: address.clone(),
        id: String::new(),
        what: String::new(),
        holds_up: Readiness::Egress,
    };
    let held = Withheld {
        address: address.clone(),
        id: String::new(),
        kind: ChangeKind::Create,
        details: String::new(),
        reason: WithheldReason::OnlyForWithheld,
        asks: vec![],
        call: None,
    };
    let other = Address::vpc();
    let about_another = Plan {
        steps: vec![Step { address: other.clone(), ..step.clone() }],
        waits: vec![Wait { address: other.clone(), ..wait.clone() }],
        withheld: vec![Withheld { address: other.clone(), ..held.clone() }],
        postponed: vec![other],
        ..Plan::default()
    };
    for (plan, repair) in [
        (Plan::default(), Repair::Repaired),
        (about_another, Repair::Repaired),
        (Plan { steps: vec![step], ..Plan::default() }, Repair::Pending),
        (Plan { waits: vec![wait], ..Plan::default() }, Repair::Pending),
        (Plan { withheld: vec![held], ..Plan::default() }, Repair::Pending),
        (Plan { postponed: vec![address.clone()], ..Plan::default() }, Repair::Pending),
        (Plan { unseen: vec![Kind::RouteTable], ..Plan::default() }, Repair::Pending),
    ] {
        let mut line = Line { repair: Repair::Pending, ..seen_at(1).lines.remove(0) };
        line::note_repair(&mut line, &plan, None);
        assert_eq!(line.repair, repair, "{plan:?}");
    }
}

#[test]
fn other_addresses_of_the_way_out_are_no_drift_of_the_schedule_and_another_input_is() {
    let url = "https://echo.example.com".to_owned();
    let mut spec = spec();
    let check = &mut spec.probe.as_mut().unwrap().checks[0];
    check.kind = CheckKind::Egress { url, expected: vec![] };
    let mut cloud = phonehome_fakecloud::FakeCloud::new();
    let mut stack = cloud.stack(&spec.account, &spec.region);
    let zones = spec.zones.len();
    for _ in 0..9 {
        stack.edit(|world| world.nat_gateways.iter_mut().for_each(|nat| nat.state = NatState::Available));
        let seen = stack.inventory(&spec.kinds());
        stack.apply(&spec, &plan(&spec, &seen, &Limits::SWEEP).unwrap()).unwrap();
    }
    let other_addresses = |world: &mut Inventory| {
        world.nat_gateways.iter_mut().for_each(|it| it.public_ips = vec![Ipv4Addr::LOCALHOST.into()]);
    };
    let other_limit = |world: &mut Inventory| {
        world.schedules.iter_mut().for_each(|it| it.input.as_mut().unwrap().timeout_s += 1);
    };
    for (change, follows) in [(other_addresses as Edit, true), (other_limit as Edit, false)] {
        stack.edit(change);
        let seen = stack.inventory(&spec.kinds());
        let plan = plan(&spec, &seen, &Limits::SWEEP).unwrap();
        let found: Vec<bool> = plan.steps.iter().map(|step| follows_way_out(step, Some(&seen))).collect();
        assert_eq!(found, vec![follows; zones], "{}", phonehome_planner::render::text(&plan));
        stack.apply(&spec, &plan).unwrap();
    }
}

type Edit = fn(&mut Inventory);

fn seen_at(second: u64) -> Drift {
    let line = Line {
        address: Address::default_route(&Address::private_route_table("use1-az1")),
        reason: "not there".into(),
        repair: Repair::Repaired,
        ids: ["rtb-0123456789abcdef0".to_owned()].into(),
        is_known: false,
        by: vec![],
    };
    Drift {
        incident_id: format!("drift/{second}"),
        seen_ms: second * 1000,
        lines: vec![line],
        more: 0,
        joins: None,
    }
}

fn done_at(who: &str, second: u64) -> ApiCall {
    let when = jiff::Timestamp::from_second(i64::try_from(second).unwrap()).unwrap().to_string();
    ApiCall { who: who.into(), when, ..api_call("DeleteRoute", "rtb-0123456789abcdef0") }
}

#[test]
fn whoever_changed_the_same_thing_twice_each_change_has_its_own_name_in_whatever_order_events_come() {
    let (alice, bob, carol) = (done_at("alice", 50), done_at("bob", 150), done_at("carol", 160));
    let orders: [&[&ApiCall]; 4] =
        [&[&alice, &bob, &carol], &[&bob, &alice, &carol], &[&carol, &bob, &alice], &[&bob, &carol, &alice]];
    for order in orders {
        let mut drifts = [seen_at(100), seen_at(200)];
        let mut known = vec![];
        for api_call in order {
            known.push((*api_call).clone());
            assign(&mut drifts, &known);
        }
        let names = |drift: &Drift| {
            let mut names: Vec<String> =
                drift.lines[0].by.iter().map(|api_call| api_call.who.clone()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&drifts[0]), ["alice"], "{order:?}");
        assert_eq!(names(&drifts[1]), ["bob", "carol"], "nothing was seen between the two: {order:?}");
    }
}

#[test]
fn what_is_only_of_a_kind_is_never_added_to_what_has_a_name() {
    let mut drifts = [seen_at(100)];
    let nat = ApiCall {
        event_name: "DeleteNatGateway".into(),
        ..api_call("DeleteNatGateway", "nat-0fffffffffffffff0")
    };
    assign(
        &mut drifts,
        &[done_at("alice", 50), ApiCall { who: "bob".into(), when: done_at("bob", 60).when, ..nat }],
    );
    assert_eq!(drifts[0].lines[0].by.len(), 1);
}

#[test]
fn whatever_was_done_two_seconds_after_the_observation_by_cloudtrails_clock_may_have_been_before_it() {
    for (second, is_named) in [(102, true), (103, false)] {
        let mut drifts = [seen_at(100)];
        assign(&mut drifts, &[done_at("alice", second)]);
        assert_eq!(!drifts[0].lines[0].by.is_empty(), is_named, "at {second}");
    }
}
