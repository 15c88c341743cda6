//! What the fleet file declares for one account.

use phonehome_fleet::Nat;
use phonehome_fleet::addresses::LayoutError;
use phonehome_network::{Address, Kind, Tier};
use phonehome_planner::{Home, SpecError, StackSpec};

use crate::support::{ZONES, fleet, link, peer, plain, spec, usual};

#[test]
fn the_way_out_of_each_zone_follows_from_the_environment() {
    let ways_out = |nat| -> Vec<Option<String>> {
        spec(&ZONES[1..3], nat).zones.into_iter().map(|zone| zone.nat_az_id.map(String::from)).collect()
    };
    let (az2, az3) = (Some(ZONES[1].to_owned()), Some(ZONES[2].to_owned()));
    assert_eq!(ways_out(Nat::PerAz), [az2.clone(), az3]);
    assert_eq!(ways_out(Nat::Single), [az2.clone(), az2]);
    assert_eq!(ways_out(Nat::Regional), [None, None]);
    assert_eq!(ways_out(Nat::None), [None, None]);
}

#[test]
fn the_order_of_the_zones_changes_no_address_and_no_way_out() {
    let sorted = |zones: &[&str]| {
        let mut zones = spec(zones, Nat::Single).zones;
        zones.sort_by(|one, other| one.az_id.cmp(&other.az_id));
        zones
    };
    assert_eq!(sorted(&[ZONES[2], ZONES[0], ZONES[1]]), sorted(&ZONES[..3]));
}

fn of(region: &str, block: &str) -> Result<StackSpec, SpecError> {
    let fleet = fleet(&ZONES[..1], Nat::None);
    let home =
        Home { account: plain().account, region: region.parse().unwrap(), cidr: block.parse().unwrap() };
    StackSpec::of(&fleet, &fleet.members()[0], home, None, vec![])
}

#[test]
fn a_block_that_is_too_small_is_refused() {
    let block = "10.0.0.0/24".parse().unwrap();
    let refused = of("us-east-1", "10.0.0.0/24");
    assert_eq!(refused, Err(SpecError::Layout(LayoutError::BlockTooSmall { block })));
}

#[test]
fn a_region_that_the_fleet_does_not_have_is_refused_by_name() {
    let text = of("eu-central-1", "10.0.0.0/18").expect_err("a refusal").to_string();
    assert!(text.contains("eu-central-1"), "{text}");
}

#[test]
fn names_say_account_kind_and_zone() {
    let spec = plain();
    let subnet = Address::subnet(Tier::Private, ZONES[0]);
    assert_eq!(spec.tags_of(&subnet)["Name"], "shop-prod-subnet-private-use1-az1");
    assert!(!spec.kept_tags(&subnet).contains_key("Name"));
    let arn = "arn:aws:lambda:us-east-1:444455556666:function:phonehome-probe-use1-az1";
    assert_eq!(spec.probe_arn(ZONES[0]), arn);
}

#[test]
fn no_more_is_observed_than_the_stack_is_concerned_with() {
    let kinds = |spec: &StackSpec| spec.kinds();
    let mut all = Kind::ALL.to_vec();
    all.retain(|kind| *kind != Kind::NetworkInterface);
    assert_eq!(kinds(&usual()), all, "what is no longer declared is seen only by looking");
    let mut linked = plain();
    linked.links = vec![link(&peer(), None, true, &[])];
    assert!(kinds(&linked).contains(&Kind::Peering) && kinds(&linked).contains(&Kind::SecurityGroup));
    assert_eq!(kinds(&linked).len(), 8);
}
