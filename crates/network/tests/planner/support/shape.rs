//! Worlds compared: the same but for ids, and the same but for order.

use phonehome_network::{Inventory, NatState, RouteTarget};

/// Everything that is there, in words, with addresses in place of ids. What has no address (any
/// more) keeps its id; what was lost to AWS is left out.
pub(crate) fn shape(world: &Inventory) -> Vec<String> {
    let named =
        |id: &str| names(world).into_iter().find(|(seen, _)| seen == id).map_or(id.to_owned(), |it| it.1);
    let all = |ids: &[String]| {
        let mut ids: Vec<String> = ids.iter().map(|id| named(id)).collect();
        ids.sort();
        ids.join(" ")
    };
    let mut lines = Vec::new();
    lines.extend(world.vpcs.iter().map(|it| format!("{} {}", it.address, it.cidr)));
    lines.extend(
        world
            .subnets
            .iter()
            .map(|it| format!("{} {} {} {}", it.address, named(&it.vpc_id), it.cidr, it.az_id)),
    );
    lines.extend(
        world
            .internet_gateways
            .iter()
            .map(|it| format!("{} {:?}", it.address, it.vpc_id.as_deref().map(named))),
    );
    lines.extend(world.elastic_ips.iter().map(|it| it.address.to_string()));
    let live = world.nat_gateways.iter().filter(|nat| nat.state != NatState::Gone);
    lines.extend(live.map(|it| format!("{} {} {:?}", it.address, named(&it.subnet_id), it.state)));
    for table in &world.route_tables {
        lines.push(format!("{} {} {}", table.address, named(&table.vpc_id), all(&table.subnet_ids)));
        let target = |target: &RouteTarget| named(&target.to_string());
        lines.extend(
            table
                .routes
                .iter()
                .map(|it| format!("{} {} {}", table.address, it.destination, target(&it.target))),
        );
    }
    lines.extend(world.security_groups.iter().map(|it| {
        format!("{:?} {} {} {} {}", it.address, it.name, named(&it.vpc_id), it.ingress_rules, it.egress_rules)
    }));
    lines.extend(world.functions.iter().map(|it| {
        let placed = (all(&it.subnet_ids), all(&it.security_group_ids));
        format!("{} {placed:?} {} {:?} {:?}", it.name, it.code_sha256, it.state, it.destination)
    }));
    lines.extend(world.schedules.iter().map(|it| format!("{it:?}")));
    lines.sort();
    lines
}

fn names(world: &Inventory) -> Vec<(String, String)> {
    let mut names: Vec<(String, String)> = Vec::new();
    names.extend(world.vpcs.iter().map(|it| (it.id.clone(), it.address.0.clone())));
    names.extend(world.subnets.iter().map(|it| (it.id.clone(), it.address.0.clone())));
    names.extend(world.internet_gateways.iter().map(|it| (it.id.clone(), it.address.0.clone())));
    names.extend(world.nat_gateways.iter().map(|it| (it.id.clone(), it.address.0.clone())));
    names.extend(world.route_tables.iter().map(|it| (it.id.clone(), it.address.0.clone())));
    let groups = world.security_groups.iter();
    names.extend(groups.filter_map(|it| Some((it.id.clone(), it.address.clone()?.0))));
    names
}

/// The same world with every list in another order.
pub(crate) fn shuffled(world: &Inventory, seed: u64) -> Inventory {
    let (mut world, mut dice) = (world.clone(), Dice(seed));
    dice.shuffle(&mut world.vpcs);
    dice.shuffle(&mut world.subnets);
    dice.shuffle(&mut world.internet_gateways);
    dice.shuffle(&mut world.elastic_ips);
    dice.shuffle(&mut world.nat_gateways);
    dice.shuffle(&mut world.route_tables);
    dice.shuffle(&mut world.security_groups);
    dice.shuffle(&mut world.functions);
    dice.shuffle(&mut world.schedules);
    for table in &mut world.route_tables {
        dice.shuffle(&mut table.routes);
        dice.shuffle(&mut table.subnet_ids);
    }
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
