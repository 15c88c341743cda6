//! Which accounts get which starter pack: what the file, environments and domains say, put together.

mod support;

use phonehome_fleet::{Changes, DeclaredPack, Fleet};
use support::{EVERY_KEY, SMALL, with};

fn of(fleet: &Fleet, line: &str) -> Option<DeclaredPack> {
    let member = fleet.members().into_iter().find(|it| it.line().as_str() == line).unwrap();
    fleet.starter_pack_of(&member)
}

/// The small file with a starter pack.
fn pack(yaml: &str) -> String {
    format!("{SMALL}\nstarter_pack: {yaml}\n")
}

#[test]
fn a_file_that_says_nothing_of_it_declares_nothing() {
    let fleet = support::fleet(SMALL);
    assert!(fleet.members().iter().all(|member| fleet.starter_pack_of(member).is_none()));
    let fleet = support::fleet(&pack("{ enabled: true }"));
    assert!(fleet.members().iter().all(|member| fleet.starter_pack_of(member).is_none()));
}

#[test]
fn a_domain_goes_before_its_environments_and_they_before_the_file_key_by_key() {
    let fleet = support::fleet(EVERY_KEY);
    let (dev, prod) = (of(&fleet, "shop/dev").unwrap(), of(&fleet, "shop/prod").unwrap());
    assert_eq!((dev.log_bucket, dev.state_bucket.as_ref()), (None, prod.state_bucket.as_ref()));
    assert_eq!(prod.log_bucket.unwrap().expire_days, 400);
    assert_eq!(of(&fleet, "payments/prod"), None);
    let text = with(EVERY_KEY, "starter_pack: { enabled: false }", "starter_pack: { log_bucket: true }");
    let payments = of(&support::fleet(&text), "payments/dev").unwrap();
    assert_eq!(payments.log_bucket, Some(phonehome_fleet::LogBucket::default()));
}

#[test]
fn one_domain_alone_can_have_a_pack() {
    let text = with(SMALL, "owner: team-shop", "owner: team-shop\n    starter_pack: { key: true }");
    let fleet = support::fleet(&text);
    let with_one = fleet.members().into_iter().filter(|it| fleet.starter_pack_of(it).is_some());
    assert!(with_one.clone().count() > 0 && with_one.into_iter().all(|it| it.domain == "shop"));
}

#[test]
fn what_a_line_gets_otherwise_is_a_change_of_that_line() {
    let after = with(EVERY_KEY, "starter_pack: { log_bucket: false }", "starter_pack: { key: true }");
    let changes = Changes::between(&support::fleet(EVERY_KEY), &support::fleet(&after));
    assert!(changes.settings.is_empty());
    let [line] = changes.lines.as_slice() else { panic!("{changes:?}") };
    let whats: Vec<&str> = line.changes.iter().map(|change| change.what.as_str()).collect();
    assert_eq!(line.line.as_str(), "shop/dev");
    assert!(whats.contains(&"starter pack.log_bucket.expire_days"), "{whats:?}");
}

#[test]
fn a_fleet_with_packs_written_again_says_the_same() {
    let fleet = support::fleet(EVERY_KEY);
    let again = support::fleet(&serde_json::to_string(&fleet).unwrap());
    assert_eq!(fleet, again);
}
