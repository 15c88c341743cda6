//! What the fleet file declares for one account.

use phonehome_fleet::Nat;
use phonehome_fleet::addresses::LayoutError;
use phonehome_network::{Address, StackSpec, Tier};

use crate::support::{ZONES, plain_spec, spec};

#[test]
fn the_way_out_of_each_zone_follows_from_the_environment() {
    let ways_out = |nat| -> Vec<Option<String>> {
        spec(&ZONES[1..3], nat, 0).zones.into_iter().map(|zone| zone.nat_az_id).collect()
    };
    let (az2, az3) = (Some(ZONES[1].to_owned()), Some(ZONES[2].to_owned()));
    assert_eq!(ways_out(Nat::PerAz), [az2.clone(), az3]);
    assert_eq!(ways_out(Nat::Single), [az2.clone(), az2]);
    assert_eq!(ways_out(Nat::None), [None, None]);
}

#[test]
fn the_order_of_the_zones_changes_no_address_and_no_way_out() {
    let sorted = |zones: &[&str]| {
        let mut zones = spec(zones, Nat::Single, 0).zones;
        zones.sort_by(|one, other| one.az_id.cmp(&other.az_id));
        zones
    };
    assert_eq!(sorted(&[ZONES[2], ZONES[0], ZONES[1]]), sorted(&ZONES[..3]));
}

#[test]
fn a_block_that_is_too_small_is_refused() {
    let spec = plain_spec();
    let text = include_str!("support/fleet.yaml").replace("ZONES", ZONES[0]).replace("NAT", "none");
    let fleet = phonehome_fleet::parse(&text).unwrap();
    let block = "10.0.0.0/24".parse().unwrap();
    let refused = StackSpec::of(&fleet, &fleet.members()[0], &spec.account, "us-east-1", block, spec.probe);
    assert_eq!(refused, Err(LayoutError::BlockTooSmall { block }));
}

#[test]
fn names_say_account_kind_and_zone() {
    let spec = plain_spec();
    let subnet = Address::subnet(Tier::Private, ZONES[0]);
    assert_eq!(spec.name_tag(&subnet), "shop-prod-subnet-private-use1-az1");
    let arn = "arn:aws:lambda:us-east-1:444455556666:function:phonehome-probe-use1-az1";
    assert_eq!(spec.probe_arn(ZONES[0]), arn);
}
