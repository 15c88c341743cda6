//! Everything in an account, in words, with addresses in place of ids.

use std::collections::BTreeMap;
use std::fmt::Debug;

use phonehome_network::{Inventory, NatState, PeeringState, Tagged};

/// Everything that is there, whoever made it. Two accounts with the same lines are the same up to ids.
pub(crate) fn shape(world: &Inventory) -> Vec<String> {
    let mut world = world.clone();
    world.nat_gateways.retain(|nat| !matches!(nat.state, NatState::Gone | NatState::Failed));
    world.peerings.retain(|peering| peering.state != PeeringState::Gone);
    world.elastic_ips.iter_mut().for_each(|ip| ip.public_ip.clear());
    world.nat_gateways.iter_mut().for_each(|nat| nat.public_ips.clear());
    unname_what_aws_made(&mut world);
    let names = Names::of(&world);
    for table in &mut world.route_tables {
        names.sort(&mut table.routes);
        names.sort(&mut table.associations);
    }
    for group in &mut world.security_groups {
        names.sort(&mut group.ingress);
        names.sort(&mut group.egress);
    }
    for acl in &mut world.network_acls {
        names.sort(&mut acl.entries);
        names.sort(&mut acl.associations);
    }
    world.endpoints.iter_mut().for_each(|endpoint| names.sort(&mut endpoint.route_table_ids));
    let mut lines = Vec::new();
    names.lines("vpc", &world.vpcs, &mut lines);
    names.lines("subnet", &world.subnets, &mut lines);
    names.lines("internet gateway", &world.internet_gateways, &mut lines);
    names.lines("elastic IP", &world.elastic_ips, &mut lines);
    names.lines("NAT gateway", &world.nat_gateways, &mut lines);
    names.lines("route table", &world.route_tables, &mut lines);
    names.lines("security group", &world.security_groups, &mut lines);
    names.lines("network ACL", &world.network_acls, &mut lines);
    names.lines("endpoint", &world.endpoints, &mut lines);
    names.lines("flow log", &world.flow_logs, &mut lines);
    names.lines("peering", &world.peerings, &mut lines);
    names.lines("network interface", &world.network_interfaces, &mut lines);
    names.lines("function", &world.functions, &mut lines);
    names.lines("schedule", &world.schedules, &mut lines);
    lines.sort();
    lines
}

/// What AWS makes with a VPC gets its `Name` only from the plan that makes the VPC; a later plan puts
/// back the other tags. A name is for people, so this is no difference.
fn unname_what_aws_made(world: &mut Inventory) {
    let groups = world.security_groups.iter_mut().filter(|it| it.name == "default").map(|it| &mut it.tags);
    let acls = world.network_acls.iter_mut().filter(|it| it.is_default).map(|it| &mut it.tags);
    let tables = world.route_tables.iter_mut().filter(|it| it.main).map(|it| &mut it.tags);
    groups.chain(acls).chain(tables).for_each(|tags| drop(tags.remove("Name")));
}

/// Fails with the lines that only one of the two has.
pub(crate) fn assert_same(found: &[String], wanted: &[String], what: &str) {
    if found == wanted {
        return;
    }
    let without = |all: &[String], others: &[String]| {
        let mut rest = all.to_vec();
        for other in others {
            if let Some(at) = rest.iter().position(|it| it == other) {
                rest.remove(at);
            }
        }
        rest
    };
    panic!("{what}: too much: {:#?}, missing: {:#?}", without(found, wanted), without(wanted, found));
}

struct Names(BTreeMap<String, String>);

impl Names {
    fn of(world: &Inventory) -> Self {
        let mut names = BTreeMap::new();
        note(&mut names, &world.vpcs);
        note(&mut names, &world.subnets);
        note(&mut names, &world.internet_gateways);
        note(&mut names, &world.elastic_ips);
        note(&mut names, &world.nat_gateways);
        note(&mut names, &world.route_tables);
        note(&mut names, &world.security_groups);
        note(&mut names, &world.network_acls);
        note(&mut names, &world.endpoints);
        note(&mut names, &world.flow_logs);
        Self(names)
    }

    fn lines<T: Debug>(&self, kind: &str, list: &[T], lines: &mut Vec<String>) {
        lines.extend(list.iter().map(|it| format!("{kind}: {}", self.words(it))));
    }

    fn sort<T: Debug>(&self, list: &mut [T]) {
        list.sort_by_key(|it| self.words(it));
    }

    /// As `Debug` has it, with each id replaced: by the address of what has one, else by its prefix.
    fn words(&self, it: &impl Debug) -> String {
        let text = format!("{it:?}");
        let mut words = String::new();
        let is_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
        for token in text.split_inclusive(|c: char| !is_id(c)) {
            let (id, rest) = token.split_at(token.find(|c: char| !is_id(c)).unwrap_or(token.len()));
            match (self.0.get(id), id.rsplit_once('-')) {
                (Some(name), _) => words.push_str(name),
                (None, Some((prefix, number))) if number.len() == 17 => words.push_str(prefix),
                _ => words.push_str(id),
            }
            words.push_str(rest);
        }
        words
    }
}

fn note<T: Tagged>(names: &mut BTreeMap<String, String>, list: &[T]) {
    names.extend(list.iter().filter_map(|it| Some((it.id().to_owned(), it.address()?.to_string()))));
}
