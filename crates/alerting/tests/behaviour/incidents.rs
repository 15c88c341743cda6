//! The life of an incident.

use phonehome_alerting::{MemberState, Outgoing, OutgoingBody, Severity, Suspect, decide};
use phonehome_wire::CheckId;

use crate::support::{EGRESS, Fleet, LEDGER, MINUTE_MS, PAYMENTS};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const CONNECTS: &[&str] = &[EGRESS, PAYMENTS, LEDGER];

/// How far apart two edits of a message are.
const EDITS_MS: u64 = 10_000;

fn fleet() -> Fleet {
    Fleet::of(&["shop-prod", "search-prod", "orders-prod"], ZONES)
}

#[test]
fn one_incident_widens_from_a_path_to_the_account_and_narrows_again_with_one_page() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]);
    assert_eq!(fleet.says(), ["opened"]);
    let id = fleet.only().id.clone();
    fleet.advance(EDITS_MS).fail("shop-prod", &["use1-az1"], CONNECTS);
    assert_eq!(fleet.says(), ["updated"]);
    assert!(matches!(fleet.only().suspect, Suspect::AvailabilityZone { .. }));
    fleet.fail("shop-prod", ZONES, CONNECTS);
    assert_eq!(fleet.says(), ["page", "updated"]);
    assert!(matches!(fleet.only().suspect, Suspect::Account { .. }));
    fleet.advance(EDITS_MS).recover("shop-prod", &["use1-az2"], CONNECTS);
    assert_eq!(fleet.says(), ["updated"]);
    assert_eq!((fleet.only().severity, fleet.only().paged), (Severity::Note, true));
    fleet.advance(EDITS_MS).fail("shop-prod", ZONES, CONNECTS);
    assert_eq!(fleet.says(), ["updated"], "the same open cause never pages twice");
    assert_eq!(fleet.only().id, id);
    fleet.recover("shop-prod", ZONES, CONNECTS);
    assert_eq!(fleet.says(), ["page-resolve", "resolved"]);
}

#[test]
fn the_end_of_a_lost_account_says_so_although_one_zone_was_back_before_the_other() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, CONNECTS).decide();
    fleet.recover("shop-prod", &["use1-az2"], CONNECTS).decide();
    assert!(matches!(fleet.only().suspect, Suspect::AvailabilityZone { .. }));
    fleet.recover("shop-prod", ZONES, CONNECTS).decide();
    let subjects: Vec<&str> = fleet.sent.iter().filter_map(subject).collect();
    assert_eq!(
        subjects,
        [
            "ALARM: \"shop-prod: nothing gets out in us-east-1\"",
            "OK: \"shop-prod: nothing gets out in us-east-1\"",
        ]
    );
}

fn subject(outgoing: &Outgoing) -> Option<&str> {
    match &outgoing.body {
        OutgoingBody::Page { subject, .. } => Some(subject),
        OutgoingBody::Slack { .. } => None,
    }
}

/// Two connections lost to the account, each with a page, then everything: they are one, and end as one.
#[test]
fn a_paged_incident_that_is_merged_says_no_end_before_the_outage_is_over() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).decide();
    fleet.advance(MINUTE_MS).fail("shop-prod", ZONES, &[LEDGER]).decide();
    let keys: Vec<String> = fleet.world.open.iter().map(|incident| incident.id.clone()).collect();
    assert_eq!(keys.len(), 2);
    fleet.advance(MINUTE_MS).fail("shop-prod", ZONES, CONNECTS);
    assert_eq!(fleet.says(), ["page-merged", "updated", "resolved"]);
    fleet.advance(MINUTE_MS).recover("shop-prod", ZONES, CONNECTS);
    let over = fleet.decide();
    let mut ended: Vec<&str> =
        over.outbox.iter().filter(|it| it.body.is_page()).map(Outgoing::page_key).collect();
    ended.sort_unstable();
    assert_eq!(ended, keys, "each page has its end");
    // The alerter stores a message with the incident that it belongs to.
    assert!(over.outbox.iter().all(|it| over.incidents.iter().any(|incident| incident.id == it.incident_id)));
}

#[test]
fn what_is_left_of_a_lost_account_stays_in_its_incident() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, CONNECTS).decide();
    let id = fleet.only().id.clone();
    // Two lost connections are two explanations, but nothing new.
    fleet.advance(EDITS_MS).recover("shop-prod", ZONES, &[EGRESS]);
    assert_eq!(fleet.says(), ["updated"]);
    assert_eq!((fleet.only().id.clone(), fleet.only().severity), (id, Severity::Page));
    fleet.advance(EDITS_MS).recover("shop-prod", ZONES, &[PAYMENTS]);
    assert_eq!(fleet.says(), ["updated"]);
    assert!(matches!(fleet.only().suspect, Suspect::PeerRoute { .. }));
}

/// Its own probes are heard to get out before those of others have tried again.
#[test]
fn what_others_do_not_yet_reach_in_an_account_that_is_back_stays_in_its_incident() {
    let mut fleet = Fleet::of(&["shop-prod", "search-prod", "payments-prod"], ZONES);
    fleet.fail("payments-prod", ZONES, CONNECTS).fail("shop-prod", ZONES, &[PAYMENTS]);
    fleet.fail("search-prod", ZONES, &[PAYMENTS]).decide();
    assert!(matches!(fleet.only().suspect, Suspect::Account { .. }), "{:?}", fleet.suspects());
    fleet.advance(MINUTE_MS).recover("payments-prod", ZONES, CONNECTS);
    fleet.recover("shop-prod", &ZONES[1..], &[PAYMENTS]).recover("search-prod", &ZONES[..1], &[PAYMENTS]);
    let id = fleet.only().id.clone();
    assert!(!fleet.says().contains(&"opened"), "{:?}", fleet.suspects());
    assert_eq!(fleet.only().id, id);
}

#[test]
fn incidents_that_turn_out_to_have_one_cause_merge_into_one() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]).decide();
    fleet.advance(1).fail("shop-prod", &["use1-az2"], &[LEDGER]).decide();
    assert_eq!(fleet.world.open.len(), 2);
    fleet.advance(1).fail("shop-prod", ZONES, CONNECTS);
    let mut said = fleet.says();
    said.sort_unstable();
    assert_eq!(said, ["page", "resolved", "updated"]);
    assert!(matches!(fleet.only().suspect, Suspect::Account { .. }));
    assert_eq!(fleet.only().members_in(MemberState::Failing).count(), 6);
}

/// A page is never repeated, so the one that has been paged goes on.
#[test]
fn of_two_that_merge_the_one_that_was_paged_goes_on_though_it_is_younger() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]);
    assert_eq!(fleet.says(), ["opened"]);
    fleet.advance(MINUTE_MS).fail("shop-prod", ZONES, &[LEDGER]);
    assert_eq!(fleet.says(), ["page", "opened"]);
    let paged = fleet.world.open.iter().find(|incident| incident.paged).unwrap().id.clone();
    fleet.advance(MINUTE_MS).fail("shop-prod", ZONES, CONNECTS);
    assert!(!fleet.says().contains(&"page"));
    assert_eq!(fleet.only().id, paged);
}

/// Of what is left of a lost account one connection is its own, and the other one is lost to everybody.
#[test]
fn what_is_left_of_a_lost_account_goes_on_as_its_own_and_not_as_what_others_lose_too() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, CONNECTS).decide();
    let id = fleet.only().id.clone();
    fleet.advance(MINUTE_MS).recover("shop-prod", ZONES, &[EGRESS]);
    fleet.fail("search-prod", ZONES, &[PAYMENTS]).fail("orders-prod", ZONES, &[PAYMENTS]).decide();
    assert_eq!(fleet.world.open.len(), 2, "{:?}", fleet.suspects());
    let (own, others): (Vec<_>, Vec<_>) = fleet.world.open.iter().partition(|it| it.id == id);
    let is_about = |incident: &phonehome_alerting::Incident, endpoint: &str| {
        let mut targets = incident.members_in(MemberState::Failing).filter_map(|it| it.target.as_ref());
        targets.all(|it| it.endpoint.contains(endpoint))
    };
    assert!(is_about(own[0], "ledger"), "{:?}", own[0].suspect);
    assert!(is_about(others[0], "payments"), "{:?}", others[0].suspect);
    assert_eq!(others[0].members_in(MemberState::Failing).count(), 6);
}

#[test]
fn a_lost_account_is_news_even_when_one_of_its_targets_was_down_already() {
    let mut fleet = fleet();
    for account in ["shop-prod", "search-prod"] {
        fleet.fail(account, ZONES, &[PAYMENTS]);
    }
    assert_eq!(fleet.says(), ["page", "opened"]);
    fleet.advance(5 * MINUTE_MS).fail("shop-prod", ZONES, &[EGRESS, LEDGER]).advance(2 * MINUTE_MS);
    let mut said = fleet.says();
    said.sort_unstable();
    assert_eq!(said, ["opened", "page", "updated"], "{:#?}", fleet.suspects());
    assert_eq!(fleet.world.open.len(), 2);
}

#[test]
fn a_silent_probe_resolves_nothing() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]).decide();
    let id = fleet.only().id.clone();
    fleet.hush("shop-prod", &["use1-az1"]).advance(4 * MINUTE_MS).decide();
    let kept = fleet.world.open.iter().find(|incident| incident.id == id).unwrap();
    assert_eq!(kept.members[0].state, MemberState::Stale);
    fleet.unhush("shop-prod", &["use1-az1"]).recover("shop-prod", &["use1-az1"], &[PAYMENTS]).decide();
    assert!(fleet.world.open.is_empty());
}

#[test]
fn a_lost_account_that_falls_silent_too_is_still_the_same_incident() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, CONNECTS).decide();
    let id = fleet.only().id.clone();
    fleet.hush("shop-prod", ZONES).advance(4 * MINUTE_MS);
    assert_eq!(fleet.says(), ["updated"]);
    assert_eq!(fleet.only().id, id);
}

#[test]
fn reopening_is_a_new_incident() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).decide();
    let first = fleet.only().id.clone();
    fleet.advance(MINUTE_MS).recover("shop-prod", ZONES, &[PAYMENTS]).decide();
    fleet.advance(MINUTE_MS).fail("shop-prod", ZONES, &[PAYMENTS]);
    assert_eq!(fleet.says(), ["page", "opened"]);
    assert_ne!(fleet.only().id, first);
}

#[test]
fn what_is_no_longer_declared_closes() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).fail("search-prod", ZONES, CONNECTS).decide();
    for probe in fleet.probes("shop-prod", ZONES) {
        probe.checks.retain(|check| check.id != CheckId(PAYMENTS.to_owned()));
    }
    let decision = fleet.decide();
    assert!(decision.incidents[0].timeline.last().unwrap().text.contains("closed: no longer declared"));
    fleet.world.probes.retain(|probe| probe.account_name != "search-prod");
    let decision = fleet.decide();
    assert!(decision.incidents[0].timeline.last().unwrap().text.contains("closed: no longer declared"));
    assert!(fleet.world.open.is_empty());
}

#[test]
fn an_inconclusive_result_does_not_resolve() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]).decide();
    fleet.advance(EDITS_MS).recover("shop-prod", &["use1-az1"], &[PAYMENTS]);
    for probe in fleet.probes("shop-prod", &["use1-az1"]) {
        let path = probe.paths.get_mut(&CheckId(PAYMENTS.to_owned())).unwrap();
        path.last = phonehome_wire::Verdict::Inconclusive { reason: "?".to_owned() };
    }
    assert_eq!(fleet.says(), ["updated"]);
    assert_eq!(fleet.world.open.len(), 1);
}

#[test]
fn each_channel_concerned_has_its_own_message_and_hears_of_the_end() {
    let mut fleet = fleet();
    for probe in fleet.probes("search-prod", ZONES) {
        probe.route.slack_channel = "#search".to_owned();
    }
    fleet.fail("shop-prod", ZONES, &[PAYMENTS]).decide();
    // And then nobody reaches it.
    fleet.advance(EDITS_MS).fail("search-prod", ZONES, &[PAYMENTS]).fail("orders-prod", ZONES, &[PAYMENTS]);
    let ids: Vec<String> = fleet.decide().outbox.into_iter().map(|message| message.id).collect();
    let id = fleet.only().id.clone();
    assert_eq!(ids, [format!("{id}/2/slack/#network"), format!("{id}/2/slack/#search")]);
    for account in ["search-prod", "shop-prod", "orders-prod"] {
        fleet.recover(account, ZONES, &[PAYMENTS]);
    }
    assert_eq!(fleet.says(), ["page-resolve", "resolved", "resolved"]);
}

#[test]
fn an_incident_survives_storage_with_fields_added_later() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", ZONES, CONNECTS).decide();
    let mut stored = serde_json::to_value(&fleet.world).unwrap();
    stored["open"][0]["added_later"] = serde_json::json!({ "a": 1 });
    stored["open"][0]["members"][0]["added_later"] = serde_json::json!(1);
    let read: phonehome_alerting::World = serde_json::from_value(stored).unwrap();
    assert_eq!(read, fleet.world);
    assert!(decide(&read).is_empty());
}

#[test]
fn the_timeline_keeps_its_beginning_and_its_end() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS, LEDGER]).decide();
    for minute in 0..60 {
        fleet.advance(MINUTE_MS);
        if minute % 2 == 0 {
            fleet.fail("shop-prod", &["use1-az2"], &[PAYMENTS]).decide();
        } else {
            fleet.recover("shop-prod", &["use1-az2"], &[PAYMENTS]).decide();
        }
    }
    for incident in &fleet.world.open {
        assert!(incident.timeline.len() <= phonehome_alerting::TIMELINE_LIMIT);
        assert!(incident.timeline[0].text.starts_with("opened"));
        assert_eq!(incident.timeline.last().unwrap().revision, incident.revision);
    }
}

#[test]
fn what_is_lost_to_thousands_is_one_incident_of_which_a_part_is_stored_and_all_is_counted() {
    let names: Vec<String> = (0..1_500).map(|number| format!("team{number}-prod")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut fleet = Fleet::of(&names, ZONES);
    for name in &names {
        fleet.fail(name, ZONES, &[EGRESS]);
    }
    fleet.decide();
    let open: usize = fleet.world.open.iter().map(|it| it.members.len() + it.omitted).sum();
    assert_eq!(open, 3_000);
    let incident = fleet.only().clone();
    assert!(incident.members.len() <= 2_000 && incident.omitted == 3_000 - incident.members.len());
    // What is not stored goes on failing: nothing is to be said of it, and nothing is over.
    assert!(fleet.advance(MINUTE_MS).decide().is_empty());
    for name in &names[..1_400] {
        fleet.recover(name, ZONES, &[EGRESS]);
    }
    fleet.advance(MINUTE_MS).decide();
    assert!(fleet.only().is_open(), "a hundred accounts are still without");
    for name in &names[1_400..] {
        fleet.recover(name, ZONES, &[EGRESS]);
    }
    fleet.advance(MINUTE_MS).decide();
    assert!(fleet.world.open.iter().all(|it| !it.is_open()), "and all works again");
}

#[test]
fn edits_of_a_message_are_ten_seconds_apart_and_tell_all_that_changed_in_between() {
    let mut fleet = fleet();
    fleet.fail("shop-prod", &["use1-az1"], &[PAYMENTS]);
    assert_eq!(fleet.says(), ["opened"]);
    fleet.advance(3_000).fail("shop-prod", &["use1-az1"], &[PAYMENTS, LEDGER, EGRESS]);
    let decision = fleet.decide();
    assert!(decision.outbox.is_empty(), "{:#?}", decision.outbox);
    assert_eq!(decision.waits_until_ms, Some(fleet.world.now_ms + 7_000), "it is looked again then");
    fleet.advance(4_000).recover("shop-prod", &["use1-az1"], &[LEDGER]);
    assert!(fleet.says().is_empty());
    fleet.advance(3_000);
    let decision = fleet.decide();
    let [phonehome_alerting::Outgoing { body: OutgoingBody::Slack { thread_text: Some(line), .. }, .. }] =
        decision.outbox.as_slice()
    else {
        panic!("one edit tells both: {:#?}", decision.outbox)
    };
    assert!(line.contains("failing: ") && line.contains("recovered: "), "{line}");
    assert!(!line.contains("details changed"), "{line}");
    assert_eq!(decision.waits_until_ms, None);
    // What calls somebody, and the end, wait for nothing.
    fleet.advance(1_000).fail("shop-prod", ZONES, CONNECTS);
    assert_eq!(fleet.says(), ["page", "updated"]);
    fleet.advance(1_000).recover("shop-prod", ZONES, CONNECTS);
    assert_eq!(fleet.says(), ["page-resolve", "resolved"]);
}
