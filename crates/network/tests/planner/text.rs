//! Plans as people read them.

use insta::assert_snapshot;
use phonehome_network::{Inventory, NatState, render_text};

use crate::support::{ZONES, check, perfect, plain_spec, planned, spec};

#[test]
fn a_fresh_stack_in_words() {
    let spec = spec(&ZONES[..2], phonehome_fleet::Nat::PerAz, 2);
    assert_snapshot!(render_text(&planned(&spec, &Inventory::default())));
}

#[test]
fn a_repair_in_words() {
    let mut spec = plain_spec();
    let mut world = perfect(&spec);
    world.nat_gateways[0].state = NatState::Gone;
    world.nat_gateways[1].state = NatState::Pending;
    world.route_tables.remove(3);
    world.security_groups[0].ingress_rules = 2;
    world.functions[0].memory_mb = 128;
    world.functions[1].destination = Some("arn:aws:sqs:us-east-1:444455556666:elsewhere".into());
    world.functions[2].code_sha256 = "4vQfz0q2bA9yqk1c".into();
    world.schedules[1].enabled = false;
    spec.probe.checks.push(check(9));
    assert_snapshot!(render_text(&planned(&spec, &world)));
}

#[test]
fn nothing_to_do_in_words() {
    let spec = plain_spec();
    assert_snapshot!(render_text(&planned(&spec, &perfect(&spec))));
}
