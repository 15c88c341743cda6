//! The networks of accounts that are not there yet.

use phonehome_fleet::{Nat, parse};
use phonehome_planner::new_networks;

#[test]
fn an_account_has_a_network_in_each_region_where_its_environment_has_a_pool_of_the_first_ones_size() {
    let fleet = parse(include_str!("../../../fleet/tests/fixtures/every-key.yaml")).unwrap();
    let of = |environment: &str| {
        let networks = new_networks(&fleet, environment).into_iter();
        networks.map(|it| (it.region.to_string(), it.block, it.zones, it.nat, it.cents)).collect::<Vec<_>>()
    };
    assert_eq!(of("dev"), [("us-east-1".to_owned(), 18, 2, Nat::None, 0)]);
    assert_eq!(
        of("prod"),
        [
            ("us-east-1".to_owned(), 18, 2, Nat::Single, 3600),
            ("eu-west-1".to_owned(), 20, 1, Nat::Single, 3600)
        ]
    );
    assert_eq!(of("lab"), [("us-east-1".to_owned(), 18, 2, Nat::PerAz, 7200)]);
}
