//! A small fleet as phonehome makes it, written by hand: what EC2 says of it, its hosts, and what its probes test.
//!
//! Accounts are numbered from 1, and so are the zones. Account 1 is peered with each other one. Each account has an
//! application with a host in each zone, and an isolation that nobody is to break: its database's port.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use phonehome_network::{
    AclEntry, Association, ElasticIp, Function, FunctionState, InternetGateway, Inventory, NatGateway,
    NatState, NetworkAcl, Peering, PeeringState, PeeringVpc, Route, RouteTable, RouteTarget, Rule, RulePeer,
    SecurityGroup, Subnet, Tags, Vpc,
};
use phonehome_wire::{
    AzId, Check, CheckId, CheckKind, Expect, ProbeInput, Purpose, REPORT_VERSION, Region, StackId, Target,
    WIRE_VERSION,
};

use crate::{Answer, Certificate, Host, Inventories, Place, Wishes};

/// The port of each account's application.
pub const APPLICATION: u16 = 443;
/// The port that is closed to everybody.
pub const DATABASE: u16 = 5432;
/// Long enough for two SYNs, in milliseconds.
const TIMEOUT_MS: u64 = 2_000;
/// Which address of a subnet its application's host has.
const HOST: u32 = 100;
/// Tells whoever asks which address it sees.
const ECHO: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 80);

/// A fleet.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// How many accounts it has.
    pub accounts: u8,
    /// How many zones each account uses.
    pub zones: u8,
    /// What EC2 says.
    pub inventories: Inventories,
    /// What there is beside.
    pub wishes: Wishes,
}

/// The id of an account in the one Region: 111111111111 for 1, 000000000040 for 40.
pub fn stack(account: u8) -> StackId {
    let account = if account < 10 { format!("{account}").repeat(12) } else { format!("{account:012}") };
    let account = account.parse().expect("12 digits");
    StackId { account, region: region() }
}

/// The id of a zone.
pub fn zone(number: u8) -> AzId {
    format!("use1-az{number}").parse().expect("its shape is that of AZ IDs")
}

/// The public address of a NAT gateway: of the network for benchmarks (RFC 2544), which has room for all.
pub fn public_address(account: u8, zone: u8) -> Ipv4Addr {
    Ipv4Addr::new(198, 18, account, zone)
}

/// The address of an application's host.
pub fn host_address(account: u8, zone: u8) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(private_cidr(account, zone).network()) + HOST)
}

/// The name of an account's application, which has a host in each zone.
pub fn application(account: u8) -> String {
    format!("app-{account}.test")
}

fn region() -> Region {
    "us-east-1".parse().expect("it is one")
}

fn vpc_cidr(account: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(10, account, 0, 0), 16)
}

/// A block has 8 slots, one for each zone, of 4 tiers each.
fn public_cidr(account: u8, zone: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(10, account, (zone - 1) * 32, 0), 21)
}

fn private_cidr(account: u8, zone: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(10, account, (zone - 1) * 32 + 8, 0), 21)
}

impl Fleet {
    /// A fleet of up to 255 accounts with up to 6 zones each, in which everything works.
    pub fn new(accounts: u8, zones: u8) -> Self {
        let mut inventories: Inventories =
            (1..=accounts).map(|account| (stack(account), inventory(account, zones))).collect();
        for account in 2..=accounts {
            peer(&mut inventories, account, zones);
        }
        Self { accounts, zones, inventories, wishes: wishes(accounts, zones) }
    }

    /// Its probes, by account and zone.
    pub fn probes(&self) -> impl Iterator<Item = (u8, u8)> {
        let zones = self.zones;
        (1..=self.accounts).flat_map(move |account| (1..=zones).map(move |zone| (account, zone)))
    }

    /// What EC2 says of an account.
    ///
    /// # Panics
    /// When the fleet has no such account.
    pub fn account(&mut self, account: u8) -> &mut Inventory {
        self.inventories.get_mut(&stack(account)).expect("the fleet has such an account")
    }

    /// What a probe tests: its own way out, and the application of an account that it is peered with.
    pub fn input(&self, account: u8, zone: u8) -> ProbeInput {
        let name = application(if account == 1 { 2 } else { 1 });
        let tcp = |port| CheckKind::Tcp { host: name.clone(), port };
        let egress = CheckKind::Egress {
            url: "http://echo.test/".to_owned(),
            expected: vec![public_address(account, zone).into()],
        };
        let tls = CheckKind::Tls { host: name.clone(), port: APPLICATION, server_name: None };
        let checks = vec![
            check("egress", egress, Expect::Connect),
            check("connection", tcp(APPLICATION), Expect::Connect),
            check("tls", tls, Expect::Connect),
            check("isolation", tcp(DATABASE), Expect::Deny),
        ];
        ProbeInput {
            version: WIRE_VERSION,
            generation: 1,
            region: region(),
            availability_zone: self::zone(zone),
            part: 0,
            rerun: false,
            report_version: REPORT_VERSION,
            timeout_s: 0,
            checks,
        }
    }
}

fn check(id: &str, kind: CheckKind, expect: Expect) -> Check {
    // Only what fails in the handshake may need all the ways of trying.
    let tries = if matches!(kind, CheckKind::Tls { .. }) { 3 } else { 1 };
    Check {
        id: CheckId(id.to_owned()),
        kind,
        expect,
        purpose: Purpose::default(),
        target: Target::default(),
        timeout_ms: TIMEOUT_MS,
        control: None,
        every_minutes: 1,
        tries,
    }
}

fn wishes(accounts: u8, zones: u8) -> Wishes {
    let echo = Host { place: Place::Internet, address: ECHO, ports: BTreeMap::from([(80, Answer::Http)]) };
    let mut wishes = Wishes { hosts: vec![echo], ..Wishes::default() };
    wishes.names.insert("echo.test".to_owned(), vec![ECHO]);
    for account in 1..=accounts {
        for zone in 1..=zones {
            let place = Place::Subnet {
                stack: stack(account),
                subnet_id: format!("subnet-{account}-private-{zone}"),
                groups: BTreeSet::from([format!("sg-{account}-inbound")]),
                public: None,
            };
            let ports = BTreeMap::from([(APPLICATION, Answer::Https(Certificate::Valid))]);
            wishes.hosts.push(Host { place, address: host_address(account, zone), ports });
        }
        let addresses = (1..=zones).map(|zone| host_address(account, zone)).collect();
        wishes.names.insert(application(account), addresses);
    }
    wishes
}

fn inventory(account: u8, zones: u8) -> Inventory {
    let vpc_id = format!("vpc-{account}");
    let vpc = Vpc {
        id: vpc_id.clone(),
        tags: Tags::default(),
        owner: Some(stack(account).account.to_string()),
        cidrs: vec![vpc_cidr(account)],
        is_default: false,
        dns_support: Some(true),
        dns_host_names: Some(true),
    };
    let gateway =
        InternetGateway { id: format!("igw-{account}"), tags: Tags::default(), vpc_id: Some(vpc_id.clone()) };
    let mut inventory = Inventory {
        vpcs: vec![vpc],
        internet_gateways: vec![gateway],
        security_groups: security_groups(account),
        network_acls: vec![open_acl(account)],
        route_tables: vec![table(account, "main", true, vec![], vec![])],
        ..Inventory::default()
    };
    let internet = RouteTarget::InternetGateway(format!("igw-{account}"));
    let public_subnets = (1..=zones).map(|zone| format!("subnet-{account}-public-{zone}")).collect();
    inventory.route_tables.push(table(
        account,
        "public",
        false,
        vec![default_route(internet)],
        public_subnets,
    ));
    for number in 1..=zones {
        add_zone(&mut inventory, account, number);
    }
    inventory
}

fn add_zone(inventory: &mut Inventory, account: u8, number: u8) {
    let tiers = [("public", public_cidr(account, number)), ("private", private_cidr(account, number))];
    inventory.subnets.extend(tiers.map(|(tier, cidr)| Subnet {
        id: format!("subnet-{account}-{tier}-{number}"),
        tags: Tags::default(),
        vpc_id: format!("vpc-{account}"),
        cidr,
        az_id: zone(number).to_string(),
        public_ip_on_launch: false,
    }));
    let (nat, allocation) = (format!("nat-{account}-{number}"), format!("eipalloc-{account}-{number}"));
    inventory.elastic_ips.push(ElasticIp {
        allocation_id: allocation.clone(),
        tags: Tags::default(),
        public_ip: public_address(account, number).to_string(),
        association_id: Some(format!("eipassoc-{account}-{number}")),
    });
    inventory.nat_gateways.push(NatGateway {
        id: nat.clone(),
        tags: Tags::default(),
        vpc_id: format!("vpc-{account}"),
        subnet_id: Some(format!("subnet-{account}-public-{number}")),
        allocation_ids: vec![allocation],
        public_ips: vec![public_address(account, number).into()],
        route_table_id: None,
        state: NatState::Available,
    });
    let private = format!("subnet-{account}-private-{number}");
    let out = vec![default_route(RouteTarget::NatGateway(nat))];
    inventory.route_tables.push(table(
        account,
        &format!("private-{number}"),
        false,
        out,
        vec![private.clone()],
    ));
    inventory.functions.push(Function {
        name: format!("phonehome-probe-{}", zone(number)),
        code_sha256: String::new(),
        subnet_ids: vec![private],
        security_group_ids: vec![format!("sg-{account}-probe")],
        role_arn: String::new(),
        memory_mb: 128,
        timeout_s: 60,
        environment: vec![],
        revision: None,
        state: FunctionState::Active,
        destination: None,
    });
}

fn default_route(target: RouteTarget) -> Route {
    Route { destination: Ipv4Net::default(), target }
}

fn table(account: u8, name: &str, main: bool, routes: Vec<Route>, subnet_ids: Vec<String>) -> RouteTable {
    let association = |subnet_id: String| Association { id: format!("rtbassoc-{subnet_id}"), subnet_id };
    RouteTable {
        id: format!("rtb-{account}-{name}"),
        tags: Tags::default(),
        vpc_id: format!("vpc-{account}"),
        main,
        routes,
        associations: subnet_ids.into_iter().map(association).collect(),
    }
}

/// AWS's default: the first entry of each direction lets everything through.
fn open_acl(account: u8) -> NetworkAcl {
    let entry = |egress| AclEntry {
        number: 100,
        egress,
        allow: true,
        protocol: "-1".to_owned(),
        ports: None,
        cidr: Some(Ipv4Net::default()),
    };
    NetworkAcl {
        id: format!("acl-{account}-default"),
        tags: Tags::default(),
        vpc_id: format!("vpc-{account}"),
        is_default: true,
        entries: vec![entry(false), entry(true)],
        associations: vec![],
    }
}

fn security_groups(account: u8) -> Vec<SecurityGroup> {
    let everywhere =
        Rule { protocol: "-1".to_owned(), ports: None, peer: RulePeer::Cidr(Ipv4Net::default()) };
    let group = |name: &str| SecurityGroup {
        id: format!("sg-{account}-{name}"),
        tags: Tags::default(),
        name: name.to_owned(),
        vpc_id: format!("vpc-{account}"),
        ingress: vec![],
        egress: vec![everywhere.clone()],
    };
    vec![SecurityGroup { egress: vec![], ..group("default") }, group("probe"), group("inbound")]
}

/// What lets the application's users in.
pub fn inbound(port: u16, peer: RulePeer) -> Rule {
    Rule { protocol: "tcp".to_owned(), ports: Some((port.into(), port.into())), peer }
}

/// An account's addresses, as a rule's peer.
pub fn addresses(account: u8) -> RulePeer {
    RulePeer::Cidr(vpc_cidr(account))
}

/// Peers account 1 with another one, with the routes and rules of both sides.
fn peer(inventories: &mut Inventories, account: u8, zones: u8) {
    let side = |account: u8| PeeringVpc {
        account: stack(account).account.to_string(),
        region: region().to_string(),
        vpc_id: format!("vpc-{account}"),
        cidrs: vec![vpc_cidr(account)],
    };
    let id = format!("pcx-1-{account}");
    for (own, other) in [(1, account), (account, 1)] {
        let inventory = inventories.get_mut(&stack(own)).expect("both are there");
        inventory.peerings.push(Peering {
            id: id.clone(),
            tags: Tags::default(),
            state: PeeringState::Active,
            requester: side(1),
            accepter: side(account),
        });
        for zone in 1..=zones {
            let name = format!("rtb-{own}-private-{zone}");
            let table =
                inventory.route_tables.iter_mut().find(|it| it.id == name).expect("each zone has one");
            let target = RouteTarget::Peering(id.clone());
            table.routes.push(Route { destination: vpc_cidr(other), target });
        }
        let group = inventory.security_groups.iter_mut().find(|it| it.name == "inbound");
        group.expect("each account has one").ingress.push(inbound(APPLICATION, addresses(other)));
    }
}
