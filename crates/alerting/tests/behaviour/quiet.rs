//! Silences.

use phonehome_alerting::{Matcher, Silence};

use crate::support::{EGRESS, Fleet, LEDGER, MINUTE_MS, PAYMENTS};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];

fn silenced_for(minutes: u64, matcher: Matcher) -> Fleet {
    let mut fleet = Fleet::of(&["shop-prod", "search-prod"], ZONES);
    fleet.world.silences.push(Silence {
        matcher,
        expires_at_ms: fleet.world.now_ms + minutes * MINUTE_MS,
        reason: "migration".to_owned(),
        by: "ada".to_owned(),
        set_at_ms: 0,
    });
    fleet
}

fn shop() -> Matcher {
    Matcher { account: Some("shop-prod".to_owned()), ..Matcher::default() }
}

#[test]
fn a_silenced_incident_is_tracked_and_reported_when_the_silence_ends() {
    let mut fleet = silenced_for(10, shop());
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]);
    assert!(fleet.says().is_empty());
    assert!(fleet.only().silenced);
    assert!(fleet.only().timeline[0].text.contains("silenced by ada until 2026-11-05T10:25:00Z: migration"));
    fleet.advance(9 * MINUTE_MS);
    assert!(fleet.decide().is_empty());
    fleet.advance(MINUTE_MS);
    assert_eq!(fleet.says(), ["page", "opened"]);
}

#[test]
fn what_ends_under_its_silence_was_never_reported() {
    let mut fleet = silenced_for(10, shop());
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).decide();
    fleet.recover("shop-prod", ZONES, &[PAYMENTS]);
    assert!(fleet.says().is_empty());
    assert!(fleet.world.open.is_empty());
}

#[test]
fn a_silence_swallows_updates_but_never_the_resolve() {
    let mut fleet = silenced_for(0, shop());
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]);
    assert_eq!(fleet.says(), ["page", "opened"]);
    fleet.world.silences[0].expires_at_ms += 60 * MINUTE_MS;
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS, LEDGER, EGRESS]);
    assert!(fleet.says().is_empty());
    fleet.recover("shop-prod", ZONES, &[PAYMENTS, LEDGER, EGRESS]);
    assert!(fleet.says().ends_with(&["page-resolve", "resolved"]));
}

#[test]
fn a_silence_of_one_account_does_not_hide_another_in_the_same_incident() {
    let mut fleet = silenced_for(10, shop());
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]);
    assert!(fleet.says().is_empty());
    fleet.fail("search-prod", &["use1-az1"], &[PAYMENTS]);
    assert!(fleet.says().contains(&"opened"));
}

#[test]
fn every_field_of_a_matcher_must_match_and_an_empty_one_matches_nothing() {
    let some = |text: &str| Some(text.to_owned());
    let table = [
        (Matcher::default(), false),
        (shop(), true),
        (Matcher { account: some("111111111111"), ..Matcher::default() }, true),
        (Matcher { account: some("search-prod"), ..Matcher::default() }, false),
        (Matcher { environment: some("prod"), domain: some("shop"), ..Matcher::default() }, true),
        (Matcher { environment: some("dev"), ..shop() }, false),
        (Matcher { availability_zone: some("use1-az1"), ..Matcher::default() }, false),
        (Matcher { endpoint: some("payments.internal:443"), ..Matcher::default() }, true),
        (Matcher { check: Some(phonehome_wire::CheckId(LEDGER.to_owned())), ..Matcher::default() }, false),
    ];
    for (matcher, silenced) in table {
        let mut fleet = silenced_for(10, matcher.clone());
        fleet.fail("shop-prod", ZONES, &[PAYMENTS]);
        assert_eq!(fleet.says().is_empty(), silenced, "{matcher:?}");
    }
}
