//! What is drift, and whose it is.

use std::collections::BTreeSet;

use phonehome_fakecloud::sample;
use phonehome_fleet::Nat;
use phonehome_network::{Change, Disruption, Inventory, Limits, Tagged as _, plan};

use super::*;

fn spec() -> StackSpec {
    sample::full("111122223333", "shop-dev", "10.0.0.0/18".parse().unwrap()).unwrap()
}

fn deed(event_name: &str, id: &str) -> Deed {
    Deed {
        account: "111122223333".into(),
        region: sample::REGION.into(),
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
fn what_is_declared_is_told_apart_and_the_number_of_the_plan_is_no_part_of_it() {
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
fn a_deed_explains_only_what_it_did() {
    let mut table = String::new();
    let steps = mending(|seen| {
        let private = |it: &&mut phonehome_network::RouteTable| {
            it.address().is_some_and(|it| it.0 == "route-table/private/use1-az1")
        };
        let found = seen.route_tables.iter_mut().find(private).unwrap();
        found.routes.clear();
        table.clone_from(&found.id);
    });
    assert_eq!(steps.len(), 1, "{steps:?}");
    for (name, id, explains_it) in [
        ("DeleteRoute", table.as_str(), true),
        ("DeleteRoute", "rtb-0fffffffffffffff0", false),
        ("CreateRoute", "rtb-0fffffffffffffff0", false),
        ("DeleteSubnet", table.as_str(), false),
        ("DeleteNatGateway", "nat-0fffffffffffffff0", true),
    ] {
        assert_eq!(explains(&deed(name, id), &steps[0]), explains_it, "{name} {id}");
    }
}

#[test]
fn whoever_took_something_away_is_found_by_its_kind() {
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
    assert!(explains(&deed("DeleteVpcEndpoints", "vpce-0123456789abcdef0"), &steps[0]));
    assert!(!explains(&deed("DeleteFlowLogs", "fl-0123456789abcdef0"), &steps[0]));
}

#[test]
fn what_waited_for_permission_is_no_drift_when_it_is_done() {
    let step = Step {
        address: phonehome_network::Address::endpoint("s3"),
        change: Change::Create,
        disruption: Disruption::None,
        action: Action::AllocateElasticIp,
        reason: "not there".into(),
        after: vec![],
    };
    let plan = Plan::default();
    let before = |withheld: &str| StackStatus { withheld: vec![withheld.to_owned()], ..status() };
    assert!(!is_drift(&step, &plan, &before("endpoint/s3: create (needs permission)")));
    assert!(is_drift(&step, &plan, &before("endpoint/s3-west: create (needs permission)")));
    assert!(is_drift(&step, &plan, &status()));
}

fn status() -> StackStatus {
    let status = json!({
        "account": "111122223333", "account_name": "shop-dev", "domain": "shop", "environment": "dev",
        "region": sample::REGION, "availability_zones": [], "pool": "nonprod", "cidr": "10.0.0.0/18",
        "generation": 7, "phase": "ready", "network_ready": true, "egress_ready": true, "message": "",
        "first_seen_ms": 0, "updated_at_ms": 0, "ready_since_ms": {}
    });
    serde_json::from_value(status).unwrap()
}
