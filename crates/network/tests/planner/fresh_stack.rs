//! The plan for an account that has nothing yet.

use std::collections::BTreeMap;

use phonehome_fleet::Nat;
use phonehome_network::{Action, Address, Change, Inventory, Plan, Step};

use crate::support::{ZONES, count, perfect, plain_spec, planned, spec, step};

fn fresh() -> Plan {
    planned(&plain_spec(), &Inventory::default())
}

fn is_of_the_probes(step: &Step) -> bool {
    step.address.0.starts_with("probe/") || step.address == Address::probe_security_group()
}

/// In which round each step can be done when all of a round are done side by side.
fn rounds(plan: &Plan) -> BTreeMap<&Address, usize> {
    let mut rounds: BTreeMap<&Address, usize> = BTreeMap::new();
    for step in &plan.steps {
        let before = step.after.iter().map(|address| rounds[address]).max().unwrap_or_default();
        rounds.insert(&step.address, before + 1);
    }
    rounds
}

#[test]
fn the_network_is_29_creates() {
    let plan = fresh();
    let creates = |step: &&Step| step.change == Change::Create && !is_of_the_probes(step);
    assert_eq!(plan.steps.iter().filter(creates).count(), 29);
    let kinds = [
        (1, count(&plan, |action| matches!(action, Action::CreateVpc { .. }))),
        (6, count(&plan, |action| matches!(action, Action::CreateSubnet { .. }))),
        (1, count(&plan, |action| matches!(action, Action::CreateInternetGateway))),
        (1, count(&plan, |action| matches!(action, Action::AttachInternetGateway { .. }))),
        (3, count(&plan, |action| matches!(action, Action::AllocateElasticIp))),
        (3, count(&plan, |action| matches!(action, Action::CreateNatGateway { .. }))),
        (4, count(&plan, |action| matches!(action, Action::CreateRouteTable { .. }))),
        (4, count(&plan, |action| matches!(action, Action::CreateRoute { .. }))),
        (6, count(&plan, |action| matches!(action, Action::AssociateRouteTable { .. }))),
    ];
    for (expected, found) in kinds {
        assert_eq!(found, expected);
    }
}

#[test]
fn the_only_thing_changed_is_the_default_security_group_which_aws_makes() {
    let plan = fresh();
    let updates: Vec<_> = plan.steps.iter().filter(|step| step.change != Change::Create).collect();
    assert_eq!(updates.len(), 1);
    assert!(matches!(updates[0].action, Action::EmptyDefaultSecurityGroup { .. }));
    assert_eq!(updates[0].after, [Address::vpc()]);
}

#[test]
fn the_probes_are_a_security_group_and_three_steps_a_zone() {
    let plan = fresh();
    assert_eq!(plan.steps.iter().filter(|step| is_of_the_probes(step)).count(), 1 + 3 * 3);
    assert_eq!(plan.steps.len(), 29 + 1 + 10);
}

#[test]
fn four_rounds_of_calls_make_everything() {
    let plan = fresh();
    let rounds = rounds(&plan);
    assert_eq!(rounds.values().max(), Some(&4));
    let round_of = |address: Address| rounds[&address];
    assert_eq!(round_of(Address::elastic_ip("use1-az2")), 1);
    assert_eq!(round_of(Address::subnet(phonehome_network::Tier::Public, "use1-az2")), 2);
    assert_eq!(round_of(Address::nat_gateway("use1-az2")), 3);
    assert_eq!(round_of(Address::default_route(&Address::private_route_table("use1-az2"))), 4);
    assert_eq!(round_of(Address::probe("use1-az2")), 3);
}

#[test]
fn a_nat_gateway_waits_for_the_way_out_of_its_own_subnet() {
    let plan = fresh();
    let after = &step(&plan, &Address::nat_gateway("use1-az1")).after;
    assert!(after.contains(&Address::internet_gateway_attachment()), "AWS refuses it otherwise");
}

#[test]
fn a_fourth_zone_changes_nothing_that_is_there() {
    for nat in [Nat::PerAz, Nat::Single, Nat::None] {
        // Once it sorts behind the others, once before them.
        for (three, four) in [(&ZONES[..3], &ZONES[..4]), (&ZONES[1..4], &ZONES[..4])] {
            let world = perfect(&spec(three, nat, 2));
            let new = if three[0] == ZONES[0] { ZONES[3] } else { ZONES[0] };
            let plan = planned(&spec(four, nat, 2), &world);
            for step in &plan.steps {
                assert_eq!(step.change, Change::Create, "{nat:?}: {}", step.address);
                assert!(step.address.0.contains(new), "{nat:?}: {}", step.address);
            }
        }
    }
}
