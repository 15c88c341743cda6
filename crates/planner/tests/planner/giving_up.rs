//! Stacks that are released, and default VPCs that are removed.

use phonehome_fakecloud::FakeCloud;
use phonehome_fleet::Nat;
use phonehome_network::{Association, Kind, NetworkInterface, RemovalTarget, Tagged};
use phonehome_planner::{
    Action, Decommission, Limits, Plan, PlanError, StackSpec, Step, decommission_kinds, default_vpc_kinds,
    plan_decommission, plan_default_vpc_removal,
};

use crate::support::{
    ALL, ZONES, add_unmanaged, addresses, all, apply, cloud, converge, edit, full, group, linked, made,
    removals, rounds, shape, spec, unmanaged_in, usual, withheld,
};

fn decommission(cloud: &mut FakeCloud, spec: &StackSpec, mode: Decommission, limits: &Limits) -> Plan {
    let seen = cloud.stack(&spec.account, &spec.region).inventory(&decommission_kinds(spec));
    plan_decommission(spec, &seen, limits, mode).unwrap()
}

fn default_vpc(cloud: &mut FakeCloud, spec: &StackSpec, limits: &Limits) -> Plan {
    let seen = cloud.stack(&spec.account, &spec.region).inventory(default_vpc_kinds());
    plan_default_vpc_removal(spec, &seen, limits).unwrap()
}

/// Whether anything is left that carries an address.
fn is_gone(cloud: &mut FakeCloud, spec: &StackSpec) -> bool {
    let world = all(cloud, spec);
    let ours = |items: usize| items == 0;
    ours(world.vpcs.iter().filter(|it| it.address().is_some()).count())
        && ours(world.subnets.iter().filter(|it| it.address().is_some()).count())
        && ours(world.elastic_ips.len() + world.internet_gateways.len() + world.functions.len())
}

#[test]
fn a_decommission_takes_everything_away_in_an_order_that_aws_accepts() {
    for nat in [Nat::PerAz, Nat::Single, Nat::Regional, Nat::None] {
        for spec in [full(&ZONES[..3], nat), spec(&ZONES[..2], nat)] {
            let mut cloud = made(&spec);
            let plan = decommission(&mut cloud, &spec, Decommission::Remove, &Limits::DECOMMISSION);
            assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
            assert_eq!(plan.steps.len(), removals(&plan).len());
            apply(&mut cloud, &spec, &plan);
            assert!(is_gone(&mut cloud, &spec), "{nat:?}: {:?}", shape(&all(&mut cloud, &spec)));
            assert!(
                decommission(&mut cloud, &spec, Decommission::Remove, &Limits::DECOMMISSION).steps.is_empty()
            );
        }
    }
}

#[test]
fn a_decommission_goes_on_where_nat_gateways_took_their_time() {
    let spec = usual();
    let mut cloud = made(&spec);
    cloud.options_mut().nat_deleting_ms = 60_000;
    let mut refusals = 0;
    for _ in 0..10 {
        let plan = decommission(&mut cloud, &spec, Decommission::Remove, &Limits::DECOMMISSION);
        if plan.steps.is_empty() {
            break;
        }
        if let Err((address, refused)) = cloud.stack(&spec.account, &spec.region).apply(&spec, &plan) {
            // The elastic IP, or the subnet, that the gateway still holds.
            assert!(
                address.to_string().starts_with("elastic-ip/") || address.to_string().starts_with("subnet/"),
                "{address}: {refused}"
            );
            refusals += 1;
        }
        cloud.advance(30_000);
    }
    assert!(refusals > 0 && is_gone(&mut cloud, &spec));
}

#[test]
fn a_decommission_takes_peerings_with_their_routes_first() {
    let (mut cloud, shop, pay) = linked();
    let plan = decommission(&mut cloud, &shop, Decommission::Remove, &Limits::DECOMMISSION);
    apply(&mut cloud, &shop, &plan);
    assert!(is_gone(&mut cloud, &shop));
    assert!(!is_gone(&mut cloud, &pay), "the other account's stack is its own");
}

#[test]
fn a_stack_with_something_unmanaged_in_it_is_not_decommissioned_at_all() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, add_unmanaged);
    let before = unmanaged_in(&all(&mut cloud, &spec));
    let plan = decommission(&mut cloud, &spec, Decommission::Remove, &ALL);
    assert!(plan.steps.is_empty());
    assert_eq!(withheld(&plan), ["vpc"]);
    for id in ["acl-", "eni-", "nat-", "rtb-", "sg-", "subnet-", "vpce-"] {
        assert!(
            plan.withheld[0].reason.to_string().contains(&format!("{id}theirs")),
            "{}",
            plan.withheld[0].reason
        );
    }
    assert_eq!(unmanaged_in(&all(&mut cloud, &spec)), before);
}

#[test]
fn a_nat_gateway_of_somebody_else_in_one_of_our_subnets_counts_as_unmanaged() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| {
        let (vpc_id, subnet_id) = (world.vpcs[0].id.clone(), world.subnets[0].id.clone());
        let description = "Interface for NAT Gateway nat-theirs".to_owned();
        world.network_interfaces.push(NetworkInterface {
            id: "eni-7".into(),
            vpc_id,
            subnet_id,
            description,
        });
    });
    let plan = decommission(&mut cloud, &spec, Decommission::Remove, &ALL);
    assert!(plan.steps.is_empty() && plan.withheld[0].reason.to_string().contains("eni-7"));
}

#[test]
fn a_vpc_that_lost_its_tags_is_not_decommissioned_before_it_has_them_back() {
    let spec = usual();
    let mut cloud = made(&spec);
    edit(&mut cloud, &spec, |world| world.vpcs[0].tags.clear());
    let plan = decommission(&mut cloud, &spec, Decommission::Remove, &ALL);
    assert!(plan.steps.is_empty() && plan.withheld[0].reason.to_string().contains("lost phonehome's tags"));
    converge(&mut cloud, &spec, &Limits::SWEEP);
    assert!(decommission(&mut cloud, &spec, Decommission::Remove, &ALL).withheld.is_empty());
}

#[test]
fn half_a_decommission_is_none() {
    let spec = usual();
    let mut cloud = made(&spec);
    let needed = decommission(&mut cloud, &spec, Decommission::Remove, &ALL).steps.len();
    for deletions in [0, 1, 20] {
        let plan = decommission(
            &mut cloud,
            &spec,
            Decommission::Remove,
            &Limits { deletions, ..Limits::DECOMMISSION },
        );
        assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
        assert!(
            plan.withheld[0].reason.to_string().contains("--allow-delete"),
            "{}",
            plan.withheld[0].reason
        );
        assert!(
            plan.withheld[0].reason.to_string().starts_with(&format!("{needed} removals")),
            "{}",
            plan.withheld[0].reason
        );
    }
}

#[test]
fn a_stack_that_is_forgotten_keeps_its_network_and_loses_phonehomes_tags_and_probes() {
    let spec = usual();
    let mut cloud = made(&spec);
    let count = |cloud: &mut FakeCloud| {
        let world = all(cloud, &spec);
        (world.subnets.len(), world.route_tables.len(), world.nat_gateways.len(), world.vpcs.len())
    };
    let before = count(&mut cloud);
    let held = decommission(&mut cloud, &spec, Decommission::Forget, &Limits::NONE);
    assert!(held.steps.is_empty() && held.withheld.len() == 1, "{held:#?}");
    let plan = decommission(&mut cloud, &spec, Decommission::Forget, &Limits::DECOMMISSION);
    let (untags, rest): (Vec<_>, Vec<_>) =
        plan.steps.iter().partition(|step| matches!(step.action, Action::Untag { .. }));
    assert_eq!(rest.len(), removals(&plan).len());
    assert!(!untags.is_empty() && plan.withheld.is_empty());
    let is_probe =
        |it: &&RemovalTarget| matches!(it, RemovalTarget::Function { .. } | RemovalTarget::Schedule { .. });
    assert_eq!(removals(&plan).iter().filter(|it| is_probe(it)).count(), rest.len());
    apply(&mut cloud, &spec, &plan);
    assert_eq!(count(&mut cloud), before);
    let world = all(&mut cloud, &spec);
    assert!(world.functions.is_empty() && world.schedules.is_empty());
    assert!(decommission(&mut cloud, &spec, Decommission::Forget, &Limits::DECOMMISSION).steps.is_empty());
    let domain = all(&mut cloud, &spec).vpcs[0].tags.contains_key("phonehome:domain");
    assert!(domain, "what says whose it is stays");
}

#[test]
fn a_vpc_that_was_there_before_phonehome_is_forgotten_and_never_deleted() {
    let spec = usual();
    let mut cloud = made(&spec);
    let vpc_id = all(&mut cloud, &spec).vpcs[0].id.clone();
    let adopting = StackSpec { adopt: Some(vpc_id.clone()), ..spec.clone() };
    converge(&mut cloud, &adopting, &Limits::SWEEP);
    for spec in [&spec, &StackSpec::bare(&spec.stack(), &spec.account_name)] {
        let plan = decommission(&mut cloud, spec, Decommission::Remove, &ALL);
        assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
        assert_eq!(plan.withheld[0].id, vpc_id);
        assert_eq!(plan.withheld[0].reason.to_string(), "it was there before phonehome: use --mode forget");
    }
    let plan = decommission(&mut cloud, &spec, Decommission::Forget, &Limits::DECOMMISSION);
    apply(&mut cloud, &spec, &plan);
    let vpc = all(&mut cloud, &spec).vpcs[0].clone();
    assert!(!vpc.tags.contains_key("phonehome:adopted"), "it is nothing of phonehome's any more");
}

#[test]
fn nothing_is_decommissioned_or_removed_on_half_a_view() {
    let spec = usual();
    let mut cloud = made(&spec);
    cloud.stack(&spec.account, &spec.region).with_default_vpc();
    for kind in Kind::ALL {
        let seen = Kind::ALL.into_iter().filter(|it| *it != kind).collect::<Vec<_>>();
        let world = cloud.stack(&spec.account, &spec.region).inventory(&seen);
        if kind != Kind::VpcAttribute {
            let refused = plan_decommission(&spec, &world, &ALL, Decommission::Remove);
            assert_eq!(refused, Err(PlanError::Blind { kind }));
        }
        if let Ok(plan) = plan_default_vpc_removal(&spec, &world, &ALL) {
            let (shown, hidden) = (removals(&plan).len(), format!("{kind:?}"));
            assert_eq!(shown, removals(&default_vpc(&mut cloud, &spec, &ALL)).len(), "{hidden}");
        }
    }
}

fn new_account() -> (StackSpec, FakeCloud) {
    let spec = usual();
    let mut cloud = cloud();
    cloud.stack(&spec.account, &spec.region).with_default_vpc();
    (spec, cloud)
}

#[test]
fn a_default_vpc_goes_in_an_order_that_aws_accepts_and_then_there_is_none() {
    let (spec, mut cloud) = new_account();
    let plan = default_vpc(&mut cloud, &spec, &Limits::DECOMMISSION);
    assert!(plan.withheld.is_empty() && removals(&plan).len() == plan.steps.len());
    apply(&mut cloud, &spec, &plan);
    assert_eq!(all(&mut cloud, &spec).vpcs, []);
    assert!(default_vpc(&mut cloud, &spec, &Limits::DECOMMISSION).steps.is_empty());
}

#[test]
fn a_removal_that_stopped_half_way_is_gone_on_with() {
    let (spec, mut cloud) = new_account();
    let whole = default_vpc(&mut cloud, &spec, &Limits::DECOMMISSION);
    for done in 1..whole.steps.len() {
        let (spec, mut cloud) = new_account();
        let mut plan = default_vpc(&mut cloud, &spec, &Limits::DECOMMISSION);
        plan.steps.truncate(done);
        apply(&mut cloud, &spec, &plan);
        let rest = default_vpc(&mut cloud, &spec, &Limits::DECOMMISSION);
        // A gateway that was detached and not deleted stays: nothing says any more whose it was.
        let lost = usize::from(plan.steps.len() == 1);
        assert_eq!(rest.steps.len(), whole.steps.len() - done - lost);
        apply(&mut cloud, &spec, &rest);
        assert_eq!(all(&mut cloud, &spec).vpcs, []);
    }
}

#[test]
fn what_others_put_into_a_default_vpc_that_nothing_uses_goes_with_it() {
    let (spec, mut cloud) = new_account();
    edit(&mut cloud, &spec, |world| {
        let vpc = world.vpcs[0].id.clone();
        world.security_groups.push(group("sg-wizard", "launch-wizard-1", &vpc));
        let mut table = world.route_tables[0].clone();
        (table.id, table.main, table.routes) = ("rtb-extra".into(), false, vec![]);
        let subnet_id = world.subnets[0].id.clone();
        table.associations = vec![Association { id: "rtbassoc-extra".into(), subnet_id }];
        world.route_tables.push(table);
        let mut acl = world.network_acls[0].clone();
        (acl.id, acl.is_default, acl.associations) = ("acl-extra".into(), false, vec![]);
        world.network_acls.push(acl);
    });
    let plan = default_vpc(&mut cloud, &spec, &Limits::DECOMMISSION);
    for id in ["sg-wizard", "rtb-extra", "acl-extra"] {
        assert!(removals(&plan).iter().any(|it| it.id() == id), "{:?}", addresses(&plan));
    }
    let round = |is: &dyn Fn(&RemovalTarget) -> bool| {
        let of_these = |step: &&Step| matches!(&step.action, Action::Remove(removal) if is(removal.what()));
        plan.steps.iter().filter(of_these).map(|step| rounds(&plan)[&step.address]).collect::<Vec<_>>()
    };
    let subnets = round(&|it| matches!(it, RemovalTarget::Subnet { .. }));
    let (table, acl) = (round(&|it| it.id() == "rtb-extra"), round(&|it| it.id() == "acl-extra"));
    assert!(subnets.iter().all(|it| *it < table[0] && *it < acl[0]), "AWS keeps what a subnet still uses");
    apply(&mut cloud, &spec, &plan);
    assert_eq!(all(&mut cloud, &spec).vpcs, []);
}

#[test]
fn a_default_vpc_in_use_or_claimed_or_beyond_the_limit_stays_whole() {
    let reason = |change: &dyn Fn(&mut phonehome_network::Inventory), adopt: bool, limits: &Limits| {
        let (mut spec, mut cloud) = new_account();
        edit(&mut cloud, &spec, change);
        spec.adopt = adopt.then(|| all(&mut cloud, &spec).vpcs[0].id.clone());
        let plan = default_vpc(&mut cloud, &spec, limits);
        assert!(plan.steps.is_empty(), "{:?}", addresses(&plan));
        assert_eq!(plan.withheld.len(), 1);
        plan.withheld[0].reason.clone()
    };
    let used = |world: &mut phonehome_network::Inventory| {
        let (vpc_id, subnet_id) = (world.vpcs[0].id.clone(), world.subnets[0].id.clone());
        let description = "RDSNetworkInterface".into();
        world.network_interfaces.push(NetworkInterface {
            id: "eni-9".into(),
            vpc_id,
            subnet_id,
            description,
        });
    };
    assert!(reason(&used, false, &ALL).to_string().contains("eni-9"));
    assert!(reason(&|_| {}, true, &ALL).to_string().contains("is to be adopted"));
    assert!(reason(&|_| {}, false, &Limits { deletions: 3, ..ALL }).to_string().contains("--allow-delete"));
    let tagged = |world: &mut phonehome_network::Inventory| {
        world.subnets[0].tags.insert("phonehome:managed-by".into(), "phonehome".into());
    };
    assert!(reason(&tagged, false, &ALL).to_string().contains("carries a tag of phonehome's"));
}

#[test]
fn a_default_vpc_beside_the_stack_is_the_only_thing_that_goes() {
    let spec = usual();
    let mut cloud = made(&spec);
    let before = shape(&all(&mut cloud, &spec));
    cloud.stack(&spec.account, &spec.region).with_default_vpc();
    let plan = default_vpc(&mut cloud, &spec, &Limits::DECOMMISSION);
    apply(&mut cloud, &spec, &plan);
    assert_eq!(shape(&all(&mut cloud, &spec)), before);
}
