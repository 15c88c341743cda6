//! Zones come and go; what is in the others stays as it is.

use phonehome_fleet::Nat;
use phonehome_network::{Address, Tier};
use phonehome_planner::{Change, Limits};

use crate::support::{
    ALL, ZONES, addresses, all, apply, converge, edit, full, made, planned, removals, shape, spec, step,
    withheld,
};

#[test]
fn a_further_zone_changes_nothing_that_is_there() {
    for nat in [Nat::PerAz, Nat::Single, Nat::Regional, Nat::None] {
        // Once it sorts behind the others, once before them.
        for (three, new) in [(&ZONES[..3], ZONES[3]), (&ZONES[1..4], ZONES[0])] {
            let mut cloud = made(&spec(three, nat));
            let plan = planned(&mut cloud, &spec(&ZONES[..4], nat), &Limits::NONE);
            assert!(!plan.steps.is_empty() && plan.withheld.is_empty());
            for step in &plan.steps {
                assert_eq!(step.change, Change::Create, "{nat:?}: {}", step.address);
                assert!(step.address.to_string().contains(new), "{nat:?}: {}", step.address);
            }
        }
    }
}

#[test]
fn the_endpoints_of_a_whole_stack_take_in_the_new_zones_table() {
    let mut cloud = made(&full(&ZONES[..2], Nat::PerAz));
    let plan = planned(&mut cloud, &full(&ZONES[..3], Nat::PerAz), &Limits::NONE);
    let changed: Vec<_> = plan.steps.iter().filter(|step| step.change != Change::Create).collect();
    assert_eq!(
        changed.iter().map(|step| step.address.to_string()).collect::<Vec<_>>(),
        ["endpoint/s3", "endpoint/dynamodb"]
    );
    assert!(plan.withheld.is_empty(), "a new table carries nothing yet: {:?}", plan.withheld);
}

#[test]
fn what_is_left_of_a_zone_is_named_and_stays() {
    let three = full(&ZONES[..3], Nat::PerAz);
    let two = full(&ZONES[..2], Nat::PerAz);
    let mut cloud = made(&three);
    let before = shape(&all(&mut cloud, &three));
    let plan = planned(&mut cloud, &two, &Limits::SWEEP);
    assert!(plan.is_converged(), "{:?}", addresses(&plan));
    assert_eq!(
        withheld(&plan),
        [
            "probe/use1-az3/schedule",
            "probe/use1-az3",
            "nat-gateway/use1-az3",
            "elastic-ip/use1-az3",
            "subnet/public/use1-az3",
            "subnet/private/use1-az3",
            "route-table/private/use1-az3",
        ]
    );
    assert_eq!(shape(&all(&mut cloud, &three)), before);
}

#[test]
fn with_permission_a_zone_goes_in_an_order_that_aws_accepts() {
    let (three, two) = (full(&ZONES[..3], Nat::PerAz), full(&ZONES[..2], Nat::PerAz));
    let mut cloud = made(&three);
    let plan = planned(&mut cloud, &two, &ALL);
    assert_eq!(removals(&plan).len(), 7);
    assert!(
        step(&plan, &Address::subnet(Tier::Public, ZONES[2])).after.contains(&Address::nat_gateway(ZONES[2]))
    );
    apply(&mut cloud, &two, &plan);
    converge(&mut cloud, &two, &ALL);
    let mut world = all(&mut cloud, &two);
    // AWS takes the table's entry out of the endpoints with the table.
    let tables: Vec<String> = world.route_tables.iter().map(|it| it.id.clone()).collect();
    world.endpoints.iter_mut().for_each(|it| it.route_table_ids.retain(|id| tables.contains(id)));
    assert_eq!(shape(&world), shape(&all(&mut made(&two), &two)));
}

#[test]
fn a_route_table_that_somebody_uses_elsewhere_outlives_its_zone() {
    let (three, two) = (spec(&ZONES[..3], Nat::None), spec(&ZONES[..2], Nat::None));
    let mut cloud = made(&three);
    edit(&mut cloud, &three, |world| {
        let mut theirs = world.subnets[0].clone();
        (theirs.id, theirs.tags) = ("subnet-theirs".into(), [].into());
        theirs.cidr = "10.0.127.0/28".parse().unwrap();
        world.subnets.push(theirs);
        let address = Address::private_route_table(ZONES[2]).to_string();
        let table =
            world.route_tables.iter_mut().find(|it| it.tags.get("phonehome:address") == Some(&address));
        let mut association = table.as_ref().unwrap().associations[0].clone();
        (association.id, association.subnet_id) = ("rtbassoc-theirs".into(), "subnet-theirs".into());
        table.unwrap().associations.push(association);
    });
    let plan = planned(&mut cloud, &two, &ALL);
    assert_eq!(withheld(&plan), ["route-table/private/use1-az3"]);
    assert!(plan.withheld[0].reason.to_string().contains("subnet-theirs"));
    apply(&mut cloud, &two, &plan);
}

#[test]
fn where_a_subnet_may_not_go_its_route_table_stays_too() {
    let (three, two) = (spec(&ZONES[..3], Nat::None), spec(&ZONES[..2], Nat::None));
    let mut cloud = made(&three);
    let plan = planned(&mut cloud, &two, &Limits { deletions: 1, ..ALL });
    assert_eq!(addresses(&plan), ["subnet/public/use1-az3"]);
    assert_eq!(withheld(&plan), ["subnet/private/use1-az3", "route-table/private/use1-az3"]);
    apply(&mut cloud, &two, &plan);
}
