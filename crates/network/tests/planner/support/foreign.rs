//! What others put into the account, next to and into what phonehome made.

use phonehome_network::{
    Address, Inventory, NatGateway, NatState, Route, RouteTarget, SecurityGroup, Subnet,
};

/// A route in every route table, a subnet associated with each, a NAT gateway and two security
/// groups.
pub(crate) fn add_foreign(world: &mut Inventory) {
    let vpc_id = world.vpcs[0].id.clone();
    world.subnets.push(Subnet {
        id: "subnet-theirs".into(),
        address: Address("subnet/theirs".into()),
        vpc_id: vpc_id.clone(),
        cidr: "10.0.127.0/28".parse().unwrap(),
        az_id: "use1-az1".into(),
    });
    world.nat_gateways.push(NatGateway {
        id: "nat-theirs".into(),
        address: Address("nat-gateway/theirs".into()),
        subnet_id: "subnet-theirs".into(),
        state: NatState::Available,
    });
    for (id, vpc_id) in [("sg-theirs", vpc_id.as_str()), ("sg-theirs-elsewhere", "vpc-theirs")] {
        let name = if vpc_id == "vpc-theirs" { "default" } else { "theirs" };
        world.security_groups.push(SecurityGroup {
            id: id.into(),
            address: None,
            name: name.into(),
            vpc_id: vpc_id.into(),
            ingress_rules: 3,
            egress_rules: 1,
        });
    }
    for table in &mut world.route_tables {
        let target = RouteTarget::Other("pcx-theirs".into());
        table.routes.push(Route { destination: "10.200.0.0/16".parse().unwrap(), target });
    }
    world.route_tables[0].subnet_ids.push("subnet-theirs".into());
}

/// Everything of that sort which is there.
pub(crate) fn foreign_in(world: &Inventory) -> Vec<String> {
    let theirs = |text: String| text.contains("theirs").then_some(text);
    let lists = [
        world.subnets.iter().map(|it| format!("{it:?}")).collect::<Vec<_>>(),
        world.nat_gateways.iter().map(|it| format!("{it:?}")).collect(),
        world.security_groups.iter().map(|it| format!("{it:?}")).collect(),
        world
            .route_tables
            .iter()
            .flat_map(|table| table.routes.iter().map(move |it| format!("{} {it:?}", table.id)))
            .collect(),
        world
            .route_tables
            .iter()
            .flat_map(|table| table.subnet_ids.iter().map(move |it| format!("{} {it}", table.id)))
            .collect(),
    ];
    lists.into_iter().flatten().filter_map(theirs).collect()
}
