//! What others put into the account, next to and into what phonehome made.

use phonehome_network::{
    AclEntry, Association, Endpoint, Inventory, NatGateway, NatState, NetworkAcl, NetworkInterface, Route,
    RouteTable, RouteTarget, Rule, RulePeer, SecurityGroup, Subnet, Tags,
};

fn tags() -> Tags {
    Tags::from([("Name".to_owned(), "theirs".to_owned())])
}

/// A tag on, and a route in, everything of phonehome's; and one of everything else in its VPC.
pub(crate) fn add_unmanaged(world: &mut Inventory) {
    let vpc_id = world.vpcs[0].id.clone();
    world.vpcs[0].tags.insert("cost-centre".into(), "theirs".into());
    for table in &mut world.route_tables {
        table.tags.insert("cost-centre".into(), "theirs".into());
        let target = RouteTarget::Other("tgw-theirs".into());
        table.routes.push(Route { destination: "10.200.0.0/16".parse().unwrap(), target });
    }
    world.subnets.iter_mut().for_each(|it| drop(it.tags.insert("cost-centre".into(), "theirs".into())));
    world.subnets.push(Subnet {
        id: "subnet-theirs".into(),
        tags: tags(),
        vpc_id: vpc_id.clone(),
        cidr: "10.0.127.0/28".parse().unwrap(),
        az_id: "use1-az1".into(),
        public_ip_on_launch: true,
    });
    let association = Association { id: "rtbassoc-theirs".into(), subnet_id: "subnet-theirs".into() };
    world.route_tables.push(RouteTable {
        id: "rtb-theirs".into(),
        tags: tags(),
        vpc_id: vpc_id.clone(),
        main: false,
        routes: vec![],
        associations: vec![association],
    });
    world.nat_gateways.push(NatGateway {
        id: "nat-theirs".into(),
        tags: tags(),
        vpc_id: vpc_id.clone(),
        subnet_id: Some("subnet-theirs".into()),
        allocation_ids: vec!["eipalloc-theirs".into()],
        public_ips: vec![],
        route_table_id: None,
        state: NatState::Available,
    });
    world.network_acls.push(NetworkAcl {
        id: "acl-theirs".into(),
        tags: tags(),
        vpc_id: vpc_id.clone(),
        is_default: false,
        entries: vec![open_entry(1)],
        associations: vec![],
    });
    world.endpoints.push(Endpoint {
        id: "vpce-theirs".into(),
        tags: tags(),
        vpc_id: vpc_id.clone(),
        service: "com.amazonaws.us-east-1.sqs".into(),
        route_table_ids: vec![],
        is_gone: false,
    });
    world.network_interfaces.push(NetworkInterface {
        id: "eni-theirs".into(),
        vpc_id: vpc_id.clone(),
        subnet_id: "subnet-theirs".into(),
        description: "a database".into(),
    });
    world.security_groups.push(group("sg-theirs", "theirs", &vpc_id));
    world.security_groups.push(group("sg-theirs-elsewhere", "default", "vpc-theirs"));
}

/// The same as phonehome's own, in the same places, but somebody else's: a NAT gateway in a public subnet,
/// and an S3 endpoint for their own route table.
pub(crate) fn add_lookalikes(world: &mut Inventory) {
    let (vpc_id, subnet_id) = (world.vpcs[0].id.clone(), world.subnets[0].id.clone());
    world.nat_gateways.push(NatGateway {
        id: "nat-also-theirs".into(),
        tags: tags(),
        vpc_id: vpc_id.clone(),
        subnet_id: Some(subnet_id),
        allocation_ids: vec!["eipalloc-also-theirs".into()],
        public_ips: vec![],
        route_table_id: None,
        state: NatState::Available,
    });
    world.endpoints.push(Endpoint {
        id: "vpce-also-theirs".into(),
        tags: tags(),
        vpc_id,
        service: "com.amazonaws.us-east-1.s3".into(),
        route_table_ids: vec!["rtb-theirs".into()],
        is_gone: false,
    });
}

pub(crate) fn group(id: &str, name: &str, vpc_id: &str) -> SecurityGroup {
    let rule =
        Rule { protocol: "-1".into(), ports: None, peer: RulePeer::Cidr("0.0.0.0/0".parse().unwrap()) };
    SecurityGroup {
        id: id.into(),
        tags: tags(),
        name: name.into(),
        vpc_id: vpc_id.into(),
        ingress: vec![rule.clone()],
        egress: vec![rule],
    }
}

/// An entry that lets everything in from everywhere.
pub(crate) fn open_entry(number: i32) -> AclEntry {
    let cidr = Some("0.0.0.0/0".parse().unwrap());
    AclEntry { number, egress: false, allow: true, protocol: "-1".into(), ports: None, cidr }
}

/// Everything of that sort which is there: whole resources, and what is in phonehome's.
pub(crate) fn unmanaged_in(world: &Inventory) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    macro_rules! whole {
        ($($list:ident),*) => {$(
            let theirs = world.$list.iter().map(|it| format!("{it:?}"));
            // The first thing in quotes is its id. A route to theirs may be in a table of ours.
            lines.extend(theirs.filter(|text| text.split('"').nth(1).is_some_and(|id| id.contains("theirs"))));
        )*};
    }
    whole!(subnets, route_tables, nat_gateways, network_acls, endpoints, network_interfaces, security_groups);
    for table in &world.route_tables {
        let routes = table.routes.iter().filter(|it| format!("{:?}", it.target).contains("theirs"));
        lines.extend(routes.map(|it| format!("{} {it:?}", table.id)));
        lines.extend(table.tags.get("cost-centre").map(|tag| format!("{} {tag}", table.id)));
    }
    for subnet in &world.subnets {
        lines.extend(subnet.tags.get("cost-centre").map(|tag| format!("{} {tag}", subnet.id)));
    }
    lines.extend(world.vpcs.iter().filter_map(|vpc| vpc.tags.get("cost-centre").cloned()));
    lines.sort();
    lines
}
