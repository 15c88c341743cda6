//! Worlds compared: the same but for ids, and the same but for order.

use phonehome_network::{Inventory, NatState, PeeringState, Tagged};

/// Everything of phonehome's that is there, in words, with addresses in place of ids.
pub(crate) fn shape(world: &Inventory) -> Vec<String> {
    let mut world = world.clone();
    world.nat_gateways.retain(|it| !matches!(it.state, NatState::Gone | NatState::Failed));
    world.peerings.retain(|it| it.state != PeeringState::Gone);
    world.network_interfaces.clear();
    // What AWS makes with a NAT gateway is AWS's, and nobody mends it.
    let nats = world.nat_gateways.clone();
    world.route_tables.retain(|table| nats.iter().all(|nat| nat.route_table_id.as_ref() != Some(&table.id)));
    world.elastic_ips.iter_mut().for_each(|it| {
        (it.public_ip, it.association_id) = (String::new(), it.association_id.take().map(|_| String::new()));
    });
    world.nat_gateways.iter_mut().for_each(|it| it.public_ips.clear());
    world.route_tables.iter_mut().for_each(|it| it.associations.iter_mut().for_each(|it| it.id.clear()));
    world.network_acls.iter_mut().for_each(|it| it.associations.iter_mut().for_each(|it| it.id.clear()));
    let names = names(&world);
    let named = |text: String| names.iter().fold(text, |text, (id, name)| text.replace(id, name));
    let mut lines: Vec<String> = Vec::new();
    macro_rules! list {
        ($($list:ident),*) => {$(lines.extend(world.$list.iter().map(|it| sorted(&named(format!("{it:#?}")))));)*};
    }
    list!(vpcs, subnets, internet_gateways, elastic_ips, nat_gateways, route_tables, security_groups);
    list!(network_acls, endpoints, flow_logs, peerings, functions, schedules);
    lines.sort();
    lines
}

/// The lines of a description in an order that does not depend on that of what it describes.
fn sorted(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(|line| line.trim().trim_end_matches(',')).collect();
    lines.sort_unstable();
    lines.join(" ")
}

fn names(world: &Inventory) -> Vec<(String, String)> {
    fn of<T: Tagged>(items: &[T]) -> impl Iterator<Item = (String, String)> {
        items.iter().filter_map(|it| Some((it.id().to_owned(), it.address()?.to_string())))
    }
    let tables = world.nat_gateways.iter();
    let tables = tables.filter_map(|it| Some((it.route_table_id.clone()?, "of a NAT gateway".to_owned())));
    of(&world.vpcs)
        .chain(tables)
        .chain(of(&world.subnets))
        .chain(of(&world.internet_gateways))
        .chain(of(&world.elastic_ips))
        .chain(of(&world.nat_gateways))
        .chain(of(&world.route_tables))
        .chain(of(&world.security_groups))
        .chain(of(&world.network_acls))
        .chain(of(&world.endpoints))
        .chain(of(&world.flow_logs))
        .chain(of(&world.peerings))
        .collect()
}

/// The same world with every list in another order.
pub(crate) fn shuffled(world: &Inventory, seed: u64) -> Inventory {
    let (mut world, mut dice) = (world.clone(), Dice(seed));
    macro_rules! shuffle {
        ($($list:ident),*) => {$(dice.shuffle(&mut world.$list);)*};
    }
    shuffle!(vpcs, subnets, internet_gateways, elastic_ips, nat_gateways, route_tables, security_groups);
    shuffle!(network_acls, endpoints, flow_logs, peerings, network_interfaces, functions, schedules);
    for table in &mut world.route_tables {
        dice.shuffle(&mut table.routes);
        dice.shuffle(&mut table.associations);
    }
    for group in &mut world.security_groups {
        dice.shuffle(&mut group.ingress);
        dice.shuffle(&mut group.egress);
    }
    world.network_acls.iter_mut().for_each(|acl| dice.shuffle(&mut acl.entries));
    for function in &mut world.functions {
        dice.shuffle(&mut function.subnet_ids);
        dice.shuffle(&mut function.security_group_ids);
    }
    world
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % sides
    }

    fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.roll(last + 1));
        }
    }
}
