//! Addresses never overlap and never move.

mod support;

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use phonehome_fleet::AddressPool;
use phonehome_fleet::addresses::{LayoutError, SubnetPlan, Tier, first_free, layout, slot};
use phonehome_wire::AzId;
use proptest::prelude::*;

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn pool(cidr: &str, block: u8) -> AddressPool {
    AddressPool { name: "nonprod".into(), region: "us-east-1".parse().unwrap(), cidr: net(cidr), block }
}

fn zones(numbers: impl IntoIterator<Item = u8>) -> Vec<AzId> {
    numbers.into_iter().map(|number| format!("use1-az{number}").parse().unwrap()).collect()
}

fn overlap(a: &Ipv4Net, b: &Ipv4Net) -> bool {
    a.contains(b) || b.contains(a)
}

#[test]
fn the_lowest_free_block_is_taken() {
    let cases: [(&[&str], &str); 7] = [
        (&[], "10.0.0.0/18"),
        (&["10.0.0.0/18"], "10.0.64.0/18"),
        (&["10.0.64.0/18"], "10.0.0.0/18"),
        (&["10.0.0.0/18", "10.0.128.0/18"], "10.0.64.0/18"),
        // Smaller and larger than a block, nested, and outside of the pool.
        (&["10.0.63.0/24"], "10.0.64.0/18"),
        (&["10.0.0.0/16", "10.0.64.0/18", "10.1.0.0/28"], "10.1.64.0/18"),
        (&["9.0.0.0/8", "11.0.0.0/8"], "10.0.0.0/18"),
    ];
    for (held, free) in cases {
        let held_nets = held.iter().map(|text| net(text)).collect();
        assert_eq!(first_free(&pool("10.0.0.0/12", 18), &held_nets), Ok(net(free)), "held: {held:?}");
    }
}

#[test]
fn a_held_network_with_host_bits_is_held_all_the_same() {
    let held = BTreeSet::from([net("10.0.70.1/16"), net("10.0.64.0/18")]);
    assert_eq!(first_free(&pool("10.0.0.0/12", 18), &held), Ok(net("10.1.0.0/18")));
}

#[test]
fn the_last_block_of_the_address_space_can_be_held() {
    let held = BTreeSet::from([net("255.255.0.0/16")]);
    assert!(first_free(&pool("255.255.0.0/16", 18), &held).is_err());
}

#[test]
fn a_full_pool_says_how_large_it_is_and_what_to_do() {
    let problem = first_free(&pool("10.0.0.0/17", 18), &BTreeSet::from([net("10.0.0.0/17")])).unwrap_err();
    assert_eq!(
        problem.to_string(),
        "address pool \"nonprod\" is full: none of the 2 blocks of /18 in 10.0.0.0/17 is free. Add a pool for \
         us-east-1 to the fleet file and list it behind \"nonprod\" in the environment's pools: accounts keep the \
         blocks they hold"
    );
}

#[test]
fn a_block_larger_than_its_pool_is_no_block() {
    assert_eq!(first_free(&pool("10.0.0.0/20", 18), &BTreeSet::new()).unwrap_err().blocks, 0);
}

#[test]
fn subnets_follow_from_the_number_of_the_zone() {
    let subnets = layout(net("10.0.64.0/18"), &zones([4, 1])).unwrap();
    let shown: Vec<String> = subnets.iter().map(|s| format!("{} {} {}", s.tier, s.az_id, s.cidr)).collect();
    assert_eq!(
        shown,
        [
            "public use1-az1 10.0.64.0/23",
            "private use1-az1 10.0.66.0/23",
            "public use1-az4 10.0.88.0/23",
            "private use1-az4 10.0.90.0/23",
        ]
    );
}

#[test]
fn the_smallest_block_gives_the_smallest_subnets_of_aws() {
    let subnets = layout(net("10.0.0.0/23"), &zones([8])).unwrap();
    assert_eq!(
        subnets.iter().map(|s| s.cidr.to_string()).collect::<Vec<_>>(),
        ["10.0.1.192/28", "10.0.1.208/28"]
    );
}

#[test]
fn what_cannot_be_laid_out_is_refused() {
    let block = net("10.0.0.0/24");
    assert_eq!(layout(block, &zones([1])), Err(LayoutError::BlockTooSmall { block }));
    let same = ["use1-az1", "usw2-az1"].map(|it| it.parse().unwrap());
    assert!(matches!(layout(net("10.0.0.0/18"), &same), Err(LayoutError::SameSlot { .. })));
    assert!(matches!(
        layout(net("10.0.0.0/18"), &["use1-bos1-az1".parse().unwrap()]),
        Err(LayoutError::AzId { .. })
    ));
}

#[test]
fn only_availability_zones_have_a_slot() {
    let cases = [
        ("use1-az1", Some(0)),
        ("apse2-az8", Some(7)),
        ("use1-az0", None),
        ("use1-az9", None),
        ("use1-az12", None),
        ("use1-bos1-az1", None),
        ("use1-wl1-bos-wlz1", None),
        ("us-east-1a", None),
        ("-az1", None),
        ("use1-az", None),
    ];
    for (az_id, expected) in cases {
        assert_eq!(slot(az_id), expected, "{az_id}");
    }
}

fn block() -> impl Strategy<Value = Ipv4Net> {
    (16u8..=23, any::<u32>())
        .prop_map(|(prefix, address)| Ipv4Net::new_assert(address.into(), prefix).trunc())
}

fn some_zones() -> impl Strategy<Value = Vec<u8>> {
    proptest::sample::subsequence((1u8..=8).collect::<Vec<_>>(), 1..=8).prop_shuffle()
}

fn planned(block: Ipv4Net, numbers: &[u8]) -> Vec<SubnetPlan> {
    layout(block, &zones(numbers.iter().copied())).unwrap()
}

proptest! {
    #[test]
    fn subnets_lie_within_the_block_apart_from_each_other(block in block(), numbers in some_zones()) {
        let subnets = planned(block, &numbers);
        prop_assert_eq!(subnets.len(), 2 * numbers.len());
        for (index, subnet) in subnets.iter().enumerate() {
            prop_assert!(block.contains(&subnet.cidr));
            prop_assert!(subnet.cidr.prefix_len() <= 28);
            for other in &subnets[..index] {
                prop_assert!(!overlap(&subnet.cidr, &other.cidr));
            }
        }
    }

    #[test]
    fn a_further_zone_changes_no_subnet_that_was_there(block in block(), numbers in some_zones()) {
        let (_, fewer) = numbers.split_last().unwrap();
        let more = planned(block, &numbers);
        for subnet in planned(block, fewer) {
            prop_assert!(more.contains(&subnet));
        }
    }

    #[test]
    fn the_order_of_the_zones_means_nothing(block in block(), numbers in some_zones()) {
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        prop_assert_eq!(planned(block, &numbers), planned(block, &sorted));
    }

    #[test]
    fn claimed_blocks_never_overlap_and_fill_the_pool(
        block in 16u8..=20,
        held in proptest::collection::btree_set(16u32..=28, 0..4),
    ) {
        // 10.0.0.0/14, with a few networks of other sizes held beforehand.
        let pool = pool("10.0.0.0/14", block);
        let mut held: BTreeSet<Ipv4Net> = held
            .into_iter()
            .map(|prefix| Ipv4Net::new_assert((0x0A00_0000 + prefix * 0x2040).into(), prefix as u8).trunc())
            .collect();
        let mut claimed = 0;
        while let Ok(free) = first_free(&pool, &held) {
            prop_assert!(pool.cidr.contains(&free));
            prop_assert_eq!(free.prefix_len(), block);
            prop_assert!(held.iter().all(|other| !overlap(&free, other)));
            held.insert(free);
            claimed += 1;
        }
        prop_assert!(claimed <= pool.blocks());
        // No block is left out: each one overlaps something that is held.
        for candidate in pool.cidr.subnets(block).unwrap() {
            prop_assert!(held.iter().any(|other| overlap(&candidate, other)));
        }
    }
}

#[test]
fn tiers_are_named_as_in_the_names_of_subnets() {
    assert_eq!((Tier::Public.to_string(), Tier::Private.to_string()), ("public".into(), "private".into()));
}
