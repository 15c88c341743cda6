//! An account is closed only where all of it was seen and nothing is there.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::Ipv4Net;
use phonehome_closing::{
    AccountState, Case, Hindrance, Holder, LOOKED_AT, Premises, RegionSeen, Retained, clear, found, look,
};
use phonehome_cloud::CloudError;
use phonehome_fleet::Line;
use phonehome_network::{
    ElasticIp, Endpoint, InternetGateway, Inventory, Kind, NatGateway, NatState, NetworkAcl,
    NetworkInterface, Peering, PeeringState, PeeringVpc, RouteTable, SecurityGroup, TAG_MANAGED_BY, Tags,
    Vpc,
};
use phonehome_wire::{AccountId, Region};
use proptest::prelude::*;

const ACCOUNT: &str = "444455556666";

fn account() -> AccountId {
    ACCOUNT.parse().unwrap()
}

fn region(number: usize) -> Region {
    ["us-east-1", "eu-west-1", "ap-south-1"][number].parse().unwrap()
}

fn vpc(id: &str, is_default: bool) -> Vpc {
    let cidrs = vec![Ipv4Net::default()];
    let (tags, dns) = (Tags::new(), None);
    Vpc {
        id: id.into(),
        tags,
        owner: Some(ACCOUNT.into()),
        cidrs,
        is_default,
        dns_support: dns,
        dns_host_names: dns,
    }
}

fn group(name: &str) -> SecurityGroup {
    let (ingress, egress) = (vec![], vec![]);
    SecurityGroup {
        id: format!("sg-{name}"),
        tags: Tags::new(),
        name: name.into(),
        vpc_id: "vpc-d".into(),
        ingress,
        egress,
    }
}

fn table(main: bool) -> RouteTable {
    let (routes, associations) = (vec![], vec![]);
    RouteTable {
        id: format!("rtb-{main}"),
        tags: Tags::new(),
        vpc_id: "vpc-d".into(),
        main,
        routes,
        associations,
    }
}

fn acl(is_default: bool) -> NetworkAcl {
    let (entries, associations) = (vec![], vec![]);
    NetworkAcl {
        id: format!("acl-{is_default}"),
        tags: Tags::new(),
        vpc_id: "vpc-d".into(),
        is_default,
        entries,
        associations,
    }
}

fn gateway(vpc_id: Option<&str>) -> InternetGateway {
    InternetGateway { id: "igw-1".into(), tags: Tags::new(), vpc_id: vpc_id.map(str::to_owned) }
}

/// A default VPC as AWS makes it.
fn fresh() -> Inventory {
    Inventory {
        vpcs: vec![vpc("vpc-d", true)],
        internet_gateways: vec![gateway(Some("vpc-d"))],
        route_tables: vec![table(true)],
        security_groups: vec![group("default")],
        network_acls: vec![acl(true)],
        ..Inventory::default()
    }
}

type Thing = (&'static str, fn(&mut Inventory));

/// Everything that somebody can have there, each by itself.
fn things() -> Vec<Thing> {
    vec![
        ("a VPC", |seen| seen.vpcs.push(vpc("vpc-2", false))),
        ("a VPC of phonehome's", |seen| {
            let mut ours = vpc("vpc-3", false);
            ours.tags.insert(TAG_MANAGED_BY.to_owned(), "phonehome".to_owned());
            seen.vpcs.push(ours);
        }),
        ("an interface in the default VPC", |seen| seen.network_interfaces.push(interface("vpc-d"))),
        ("an interface in a VPC that another account shares", |seen| {
            seen.vpcs.push(Vpc { owner: Some("999999999999".into()), ..vpc("vpc-shared", false) });
            seen.network_interfaces.push(interface("vpc-shared"));
        }),
        ("a NAT gateway", |seen| seen.nat_gateways.push(nat(NatState::Available))),
        ("a NAT gateway that still goes", |seen| seen.nat_gateways.push(nat(NatState::Deleting))),
        ("an endpoint", |seen| {
            let (service, route_table_ids) = ("s3".to_owned(), vec![]);
            let (id, vpc_id) = ("vpce-1".to_owned(), "vpc-d".to_owned());
            seen.endpoints.push(Endpoint {
                id,
                tags: Tags::new(),
                vpc_id,
                service,
                route_table_ids,
                is_gone: false,
            });
        }),
        ("a peering", |seen| {
            let side = |account: &str, vpc_id: &str| PeeringVpc {
                account: account.into(),
                region: "us-east-1".into(),
                vpc_id: vpc_id.into(),
                cidrs: vec![],
            };
            let (requester, accepter) = (side("999999999999", "vpc-x"), side(ACCOUNT, "vpc-d"));
            let (id, state) = ("pcx-1".to_owned(), PeeringState::Active);
            seen.peerings.push(Peering { id, tags: Tags::new(), state, requester, accepter });
        }),
        ("an elastic IP", |seen| {
            let (allocation_id, public_ip) = ("eipalloc-1".to_owned(), "203.0.113.1".to_owned());
            seen.elastic_ips.push(ElasticIp {
                allocation_id,
                tags: Tags::new(),
                public_ip,
                association_id: None,
            });
        }),
        ("an internet gateway", |seen| seen.internet_gateways.push(gateway(None))),
        ("a route table", |seen| seen.route_tables.push(table(false))),
        ("a security group", |seen| seen.security_groups.push(group("web"))),
        ("a network ACL", |seen| seen.network_acls.push(acl(false))),
    ]
}

fn interface(vpc_id: &str) -> NetworkInterface {
    let (id, description) = ("eni-1".to_owned(), "RDSNetworkInterface".to_owned());
    NetworkInterface { id, vpc_id: vpc_id.into(), subnet_id: "subnet-1".into(), description }
}

fn nat(state: NatState) -> NatGateway {
    NatGateway {
        id: "nat-1".into(),
        tags: Tags::new(),
        vpc_id: "vpc-d".into(),
        subnet_id: None,
        allocation_ids: vec![],
        public_ips: vec![],
        route_table_id: None,
        state,
    }
}

fn seen(inventory: Inventory) -> RegionSeen {
    RegionSeen { inventory: Ok(inventory), retained: Ok(vec![]) }
}

fn premises(regions: Vec<RegionSeen>) -> Premises {
    Premises { regions: Ok(regions.into_iter().enumerate().map(|(at, seen)| (region(at), seen)).collect()) }
}

fn case<'a>(account: &'a AccountId, state: &'a AccountState, premises: &'a Premises) -> Case<'a> {
    let (kept, declared, stacks, unread) = (vec![], vec![], vec![], vec![]);
    Case { account, state, kept, is_decommissioned: true, declared, stacks, unread, premises }
}

fn denied() -> CloudError {
    CloudError::service("ec2:DescribeVpcs", ACCOUNT, "UnauthorizedOperation", "with an explicit deny")
}

#[test]
fn a_default_vpc_as_aws_makes_it_keeps_no_account_from_being_closed() {
    assert_eq!(found(&fresh(), &account()), []);
    let premises = premises(vec![seen(fresh()), seen(Inventory::default())]);
    let (id, state) = (account(), AccountState::Active);
    assert_eq!(clear(&case(&id, &state, &premises)).unwrap().account(), &id);
}

#[test]
fn each_thing_that_somebody_can_have_in_any_region_keeps_it_and_is_named_with_its_id() {
    for (what, put) in things() {
        let mut inventory = fresh();
        put(&mut inventory);
        let premises = premises(vec![seen(fresh()), seen(inventory.clone())]);
        let (id, state) = (account(), AccountState::Active);
        let hindrances = clear(&case(&id, &state, &premises)).unwrap_err();
        assert_eq!(hindrances.len(), 1, "{what}: {hindrances:?}");
        let found = found(&inventory, &id).remove(0);
        assert_eq!(found.ours, what == "a VPC of phonehome's", "{what}");
        let text = hindrances[0].to_string();
        assert!(text.starts_with("in eu-west-1 there is ") && text.contains(&found.id), "{what}: {text}");
    }
}

#[test]
fn what_is_gone_is_not_there() {
    let mut inventory = fresh();
    inventory.nat_gateways.push(nat(NatState::Gone));
    let side = || PeeringVpc {
        account: ACCOUNT.into(),
        region: "us-east-1".into(),
        vpc_id: "vpc-d".into(),
        cidrs: vec![],
    };
    let (requester, accepter) = (side(), side());
    let (id, state) = ("pcx-1".to_owned(), PeeringState::Gone);
    inventory.peerings.push(Peering { id, tags: Tags::new(), state, requester, accepter });
    assert_eq!(found(&inventory, &account()), []);
}

#[test]
fn what_could_not_be_looked_at_is_not_empty() {
    let unseen = Inventory { unseen: BTreeSet::from([Kind::NetworkInterface]), ..Inventory::default() };
    let unread = RegionSeen { inventory: Err(denied()), retained: Ok(vec![]) };
    let unasked = RegionSeen { inventory: Ok(Inventory::default()), retained: Err(denied()) };
    for (what, premises) in [
        ("no list of Regions", Premises { regions: Err(denied()) }),
        ("an empty list of Regions", Premises { regions: Ok(BTreeMap::new()) }),
        ("a Region that is closed", premises(vec![seen(fresh()), unread])),
        ("a kind that the role may not see", premises(vec![seen(unseen)])),
        ("data that could not be asked for", premises(vec![unasked])),
    ] {
        let (id, state) = (account(), AccountState::Active);
        let hindrances = clear(&case(&id, &state, &premises)).unwrap_err();
        assert!(matches!(hindrances[..], [Hindrance::Unseen { .. }]), "{what}: {hindrances:?}");
        assert!(hindrances[0].to_string().contains("does not mean that it is empty"), "{what}");
    }
}

#[test]
fn data_that_phonehomes_own_stacks_keep_has_to_be_gone_first() {
    let retained =
        Ok(vec![Retained { id: "trail-4444".into(), what: "bucket".into(), holder: Holder::Nobody }]);
    let premises = premises(vec![RegionSeen { inventory: Ok(fresh()), retained }]);
    let (id, state) = (account(), AccountState::Active);
    let hindrances = clear(&case(&id, &state, &premises)).unwrap_err();
    assert_eq!(
        hindrances[0].to_string(),
        "in us-east-1 there is bucket trail-4444, whose data would be lost: copy what is needed, and delete it"
    );
}

#[test]
fn data_of_a_stack_goes_before_the_stack() {
    let stack = "phonehome-starter-pack".to_owned();
    let said = |holder| {
        let retained = Ok(vec![Retained { id: "state-4444".into(), what: "bucket".into(), holder }]);
        let premises = premises(vec![RegionSeen { inventory: Ok(fresh()), retained }]);
        let (id, state) = (account(), AccountState::Active);
        clear(&case(&id, &state, &premises)).unwrap_err()[0].to_string()
    };
    assert_eq!(
        said(Holder::Stack(stack.clone())),
        "in us-east-1 there is bucket state-4444 of the stack phonehome-starter-pack, whose data would be lost: copy what \
         is needed, delete it, and then the stack"
    );
    assert_eq!(
        said(Holder::DeletedStack(stack)),
        "in us-east-1 somebody deleted the stack phonehome-starter-pack, which leaves bucket state-4444: phonehome may not \
         look whether it is still there. Look, copy what is needed, delete it, and say --left-data-is-gone"
    );
}

#[test]
fn what_is_stored_keeps_it_as_well() {
    let (id, state, premises) = (account(), AccountState::Active, premises(vec![seen(fresh())]));
    let given = || case(&id, &state, &premises);
    assert!(clear(&given()).is_ok());
    let line = Line::new("shop", "dev");
    let cases = [
        ("never closes it", Case { kept: vec![id.clone()], ..given() }),
        ("did not look after", Case { is_decommissioned: false, ..given() }),
        ("version 7 of the fleet file", Case { declared: vec![(line, 7)], ..given() }),
        ("stack in eu-west-1 is not decommissioned", Case { stacks: vec![region(1)], ..given() }),
        ("cannot be read: mend it first", Case { unread: vec!["x cannot be read".into()], ..given() }),
    ];
    for (says, case) in cases {
        let hindrances = clear(&case).unwrap_err();
        assert_eq!(hindrances.len(), 1, "{says}");
        assert!(hindrances[0].to_string().contains(says), "{says}: {}", hindrances[0]);
    }
    for state in ["PENDING_CLOSURE", "SUSPENDED", "CLOSED", "PENDING_ACTIVATION", "SOMETHING_NEW"] {
        let state = AccountState::of(Some(state), None);
        let hindrances = clear(&case(&id, &state, &premises)).unwrap_err();
        assert_eq!(hindrances, [Hindrance::NotActive { state }]);
    }
}

/// One Region: whether it could be looked at, what of it could not, and what is there.
fn any_region() -> impl Strategy<Value = (bool, Option<usize>, bool, Vec<usize>)> {
    let unseen = prop::option::weighted(0.1, 0..LOOKED_AT.len());
    let there = prop::collection::vec(0..things().len(), 0..2);
    (prop::bool::weighted(0.9), unseen, prop::bool::weighted(0.9), there)
}

proptest! {
    /// Whatever is in an account: it may be closed only when every look succeeded, saw every kind, and found nothing.
    #[test]
    fn it_is_cleared_only_when_every_look_succeeded_and_found_nothing(
        regions in prop::collection::vec(any_region(), 0..=3),
        are_listed in prop::bool::weighted(0.9),
    ) {
        let build = |(is_read, unseen, is_asked, there): &(bool, Option<usize>, bool, Vec<usize>)| {
            let mut inventory = fresh();
            inventory.unseen.extend(unseen.map(|at| LOOKED_AT[at]));
            there.iter().for_each(|at| things()[*at].1(&mut inventory));
            RegionSeen {
                inventory: if *is_read { Ok(inventory) } else { Err(denied()) },
                retained: if *is_asked { Ok(vec![]) } else { Err(denied()) },
            }
        };
        let seen: Vec<RegionSeen> = regions.iter().map(build).collect();
        let premises = if are_listed { premises(seen) } else { Premises { regions: Err(denied()) } };
        let is_empty = are_listed && !regions.is_empty() && regions.iter().all(|(is_read, unseen, is_asked, there)| {
            *is_read && unseen.is_none() && *is_asked && there.is_empty()
        });
        let (id, state) = (account(), AccountState::Active);
        prop_assert_eq!(clear(&case(&id, &state, &premises)).is_ok(), is_empty);
        prop_assert_eq!(look(&id, &premises).is_empty(), is_empty);
    }
}
