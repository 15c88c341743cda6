//! What cannot be read is not decided, and what can be goes on.

use std::collections::BTreeSet;

use phonehome_alerting::{
    IncidentMember, IncidentState, MemberKey, Outcome, OutgoingBody, PathResult, PathState, PathStatus,
    Severity, Symptom, Unreadable, UnreadableIncident, World, decide,
};
use proptest::prelude::*;

use crate::properties::{apply, event};
use crate::support::{EGRESS, Fleet, ISOLATION, LEDGER, MINUTE_MS, PAYMENTS, applied, heartbeat};

const ZONES: [&str; 3] = ["use1-az1", "use1-az2", "use1-az4"];
const SHOP: &str = "shop-prod";

fn fleet() -> Fleet {
    Fleet::of(&[SHOP, "search-prod", "orders-prod"], &ZONES)
}

fn hide_paths(fleet: &mut Fleet, zones: &[&str]) {
    for probe in fleet.probes(SHOP, zones) {
        probe.unreadable.paths = true;
        probe.paths.clear();
    }
}

#[test]
fn an_unreadable_path_neither_ends_its_incident_nor_changes_it() {
    let mut fleet = fleet();
    fleet.fail(SHOP, &["use1-az1"], &[PAYMENTS]);
    assert_eq!(fleet.says(), ["opened"]);
    let before = fleet.only().clone();
    hide_paths(&mut fleet, &["use1-az1"]);
    assert_eq!(fleet.advance(MINUTE_MS).says(), [""; 0]);
    assert_eq!(*fleet.only(), before);
    for probe in fleet.probes(SHOP, &["use1-az1"]) {
        probe.unreadable = Unreadable::default();
    }
    fleet.recover(SHOP, &["use1-az1"], &[EGRESS, PAYMENTS, LEDGER, ISOLATION]);
    assert_eq!(fleet.says(), ["resolved"]);
}

#[test]
fn a_lost_connection_pages_although_a_zone_cannot_be_read() {
    let mut fleet = fleet();
    hide_paths(&mut fleet, &["use1-az2"]);
    fleet.fail(SHOP, &["use1-az1", "use1-az4"], &[PAYMENTS]);
    assert_eq!(fleet.says(), ["page", "opened"]);
}

#[test]
fn a_lost_way_out_pages_where_a_stack_that_may_still_have_its_own_cannot_be_read() {
    for (is_read, expected) in [(true, &["opened"][..]), (false, &["page", "opened"])] {
        let mut fleet = fleet();
        for account in [SHOP, "search-prod"] {
            fleet.fail(account, &ZONES, &[EGRESS]);
        }
        if is_read {
            fleet.fail("orders-prod", &ZONES, &[EGRESS]);
        } else {
            let key = fleet.probes("orders-prod", &ZONES).next().unwrap().key.clone();
            fleet.world.probes.retain(|probe| probe.key.account != key.account);
            fleet.world.unseen.stacks.insert(key.stack());
        }
        assert_eq!(fleet.says(), expected, "the third is read: {is_read}");
    }
}

#[test]
fn a_lost_account_pages_although_a_zone_cannot_be_read() {
    let mut fleet = fleet();
    for probe in fleet.probes(SHOP, &["use1-az2"]) {
        probe.unreadable.heartbeat = true;
        probe.heartbeat = None;
    }
    fleet.hush(SHOP, &ZONES).advance(4 * MINUTE_MS);
    for probe in fleet.probes(SHOP, &["use1-az2"]) {
        probe.heartbeat = None;
    }
    assert_eq!(fleet.says(), ["page", "opened"]);
    assert!(fleet.only().members.iter().all(|member| member.probe.availability_zone != "use1-az2"));
}

#[test]
fn the_members_of_an_unreadable_stack_stay_as_they_are() {
    let mut fleet = fleet();
    fleet.fail(SHOP, &ZONES, &[PAYMENTS]);
    assert_eq!(fleet.says(), ["page", "opened"]);
    let key = fleet.world.probes[0].key.clone();
    fleet.world.probes.retain(|probe| probe.account_name != SHOP);
    fleet.world.unseen.stacks.insert(key.stack());
    assert_eq!(fleet.advance(MINUTE_MS).says(), [""; 0]);
    assert!(fleet.only().is_open());
}

#[test]
fn what_an_unreadable_incident_is_known_to_have_told_is_not_told_again_but_what_came_later_is() {
    let mut fleet = fleet();
    fleet.fail(SHOP, &ZONES, &[PAYMENTS]);
    fleet.decide();
    let stored = fleet.world.open.pop().unwrap();
    let mut body = serde_json::to_value(&stored).unwrap();
    body["suspect"] = serde_json::json!({"kind": "added_later"});
    let unreadable = UnreadableIncident::of(&stored.id, &body.to_string());
    assert!(unreadable.salvaged.is_some());
    fleet.world.unseen.incidents.push(unreadable);
    assert_eq!(fleet.advance(MINUTE_MS).says(), [""; 0]);
    // It works again, which the unreadable incident cannot tell; and fails anew.
    fleet.recover(SHOP, &ZONES, &[PAYMENTS]).advance(MINUTE_MS).decide();
    fleet.fail(SHOP, &ZONES, &[PAYMENTS]);
    assert_eq!(fleet.says(), ["page", "opened"]);
}

#[test]
fn beside_an_incident_of_which_nothing_can_be_read_a_cause_is_reported_once() {
    let mut fleet = fleet();
    fleet.world.unseen.incidents.push(UnreadableIncident::of("20260101T000000Z-x", "\"nonsense\""));
    fleet.fail(SHOP, &ZONES, &[PAYMENTS]);
    assert_eq!(fleet.says(), ["page", "opened"]);
    let entry = &fleet.only().timeline[0].text;
    assert!(entry.contains("20260101T000000Z-x") && entry.contains("cannot be read"), "{entry}");
    assert_eq!(fleet.advance(MINUTE_MS).says(), [""; 0]);
    fleet.recover(SHOP, &ZONES, &[PAYMENTS]);
    assert_eq!(fleet.says(), ["page-resolve", "resolved"]);
}

fn never_up(fleet: &mut Fleet, account: &str, checks: &[&str]) {
    for probe in fleet.probes(account, &ZONES) {
        for (id, path) in &mut probe.paths {
            if checks.contains(&id.0.as_str()) {
                *path = PathState { ever_up: false, ..path.clone() };
            }
        }
    }
}

#[test]
fn what_has_never_worked_is_a_note_until_it_worked_once() {
    let mut fleet = fleet();
    fleet.fail(SHOP, &ZONES, &[PAYMENTS]);
    never_up(&mut fleet, SHOP, &[PAYMENTS]);
    let decision = fleet.decide();
    assert_eq!(fleet.only().severity, Severity::Note);
    let OutgoingBody::Slack { blocks, .. } = &decision.outbox[0].body else { panic!("a page") };
    assert!(blocks.to_string().contains("has never worked yet"), "{blocks:?}");
    fleet.recover(SHOP, &ZONES, &[PAYMENTS]).decide();
    fleet.fail(SHOP, &ZONES, &[PAYMENTS]);
    assert_eq!(fleet.says(), ["page", "opened"]);
}

#[test]
fn what_begins_to_work_in_one_zone_after_the_other_is_no_loss_on_its_way() {
    // A connection, a way out, and an account of which nothing has ever got out.
    for checks in [&[PAYMENTS][..], &[EGRESS], &[EGRESS, PAYMENTS, LEDGER]] {
        let mut fleet = fleet();
        fleet.fail(SHOP, &ZONES, checks);
        never_up(&mut fleet, SHOP, &[EGRESS, PAYMENTS, LEDGER, ISOLATION]);
        assert_eq!(fleet.says(), ["opened"], "{checks:?}");
        // It turned up a moment ago, which does not outweigh how often it failed before.
        let now_ms = fleet.advance(MINUTE_MS).world.now_ms;
        for probe in fleet.probes(SHOP, &ZONES[..1]) {
            for path in probe.paths.values_mut().filter(|path| path.status == PathStatus::Down) {
                (path.status, path.since_ms, path.ever_up) = (PathStatus::Up, now_ms, true);
                let failed = (1..=5).rev().map(|ago| PathResult(now_ms - ago * MINUTE_MS, Outcome::Silence));
                path.results = failed.chain([PathResult(now_ms, Outcome::Pass)]).collect();
            }
        }
        assert!(!fleet.says().contains(&"page"), "{checks:?}");
        assert_eq!(fleet.only().severity, Severity::Note);
        // What falls after that has worked.
        fleet.advance(MINUTE_MS).fail(SHOP, &ZONES, checks);
        assert!(fleet.says().contains(&"page"), "{checks:?}");
    }
}

#[test]
fn a_connection_that_worked_from_one_zone_has_worked() {
    let mut fleet = fleet();
    fleet.fail(SHOP, &ZONES, &[PAYMENTS]);
    never_up(&mut fleet, SHOP, &[PAYMENTS]);
    for probe in fleet.probes(SHOP, &ZONES[..1]) {
        probe.paths.values_mut().for_each(|path| path.ever_up = true);
    }
    assert_eq!(fleet.says(), ["page", "opened"]);
}

#[test]
fn a_new_account_without_a_way_out_is_a_note_and_one_that_lost_it_a_page() {
    for (never, expected) in [(true, &["opened"][..]), (false, &["page", "opened"])] {
        let mut fleet = fleet();
        fleet.fail(SHOP, &ZONES, &[EGRESS, PAYMENTS, LEDGER]);
        if never {
            never_up(&mut fleet, SHOP, &[EGRESS, PAYMENTS, LEDGER, ISOLATION]);
        }
        assert_eq!(fleet.says(), expected, "never worked: {never}");
    }
    // The same for one that is never heard of.
    for (never, expected) in [(true, &["opened"][..]), (false, &["page", "opened"])] {
        let mut fleet = fleet();
        fleet.hush(SHOP, &ZONES).advance(4 * MINUTE_MS);
        if never {
            fleet.probes(SHOP, &ZONES).for_each(|probe| {
                probe.paths.clear();
                probe.heartbeat = None;
            });
        }
        assert_eq!(fleet.says(), expected, "never heard of: {never}");
    }
}

#[test]
fn a_breach_pages_also_when_it_never_held() {
    let mut fleet = fleet();
    fleet.fail(SHOP, &ZONES[..1], &[ISOLATION]);
    never_up(&mut fleet, SHOP, &[EGRESS, PAYMENTS, LEDGER, ISOLATION]);
    assert_eq!(fleet.says(), ["page", "opened"]);
}

/// The same world as far as it can be read without these documents.
fn without(
    world: &World,
    heartbeats: &BTreeSet<usize>,
    paths: &BTreeSet<usize>,
    stack: Option<usize>,
) -> World {
    let mut world = world.clone();
    for (index, probe) in world.probes.iter_mut().enumerate() {
        if heartbeats.contains(&index) {
            probe.unreadable.heartbeat = true;
            probe.heartbeat = None;
        }
        if paths.contains(&index) {
            probe.unreadable.paths = true;
            probe.paths.clear();
        }
    }
    if let Some(index) = stack.filter(|index| *index < world.probes.len()) {
        let key = world.probes[index].key.clone();
        world.probes.retain(|probe| probe.key.account != key.account);
        world.unseen.stacks.insert(key.stack());
    }
    world
}

fn is_readable(world: &World, key: &MemberKey) -> bool {
    let probe = world.probes.iter().find(|probe| probe.key == key.probe);
    probe.is_some_and(|probe| !probe.unreadable.any())
}

/// Everything that a page went out for.
fn paged(world: &World) -> BTreeSet<MemberKey> {
    let decision = decide(world);
    let paged =
        decision.outbox.iter().filter(|it| matches!(it.body, OutgoingBody::Page { resolved: false, .. }));
    let ids: BTreeSet<&str> = paged.map(|it| it.incident_id.as_str()).collect();
    let incidents = decision.incidents.iter().filter(|incident| ids.contains(incident.id.as_str()));
    incidents
        .flat_map(|incident| incident.members.iter().filter(|it| it.state.is_open()).map(IncidentMember::key))
        .collect()
}

/// What a page goes out for whenever what is waited for has been, one thing after the other.
fn paged_later(world: &World) -> BTreeSet<MemberKey> {
    let mut world = world.clone();
    let mut all = BTreeSet::new();
    for _ in 0..10 {
        let Some(until_ms) = decide(&world).waits_until_ms.filter(|until_ms| *until_ms > world.now_ms) else {
            break;
        };
        world.now_ms = until_ms;
        all.extend(paged(&world));
    }
    all
}

proptest! {
    #[test]
    fn whatever_cannot_be_read_no_incident_of_it_ends_and_no_page_for_the_rest_is_lost(
        events in proptest::collection::vec(event(), 1..25),
        later in proptest::collection::vec(event(), 0..6),
        heartbeats in proptest::collection::btree_set(0usize..8, 0..4),
        paths in proptest::collection::btree_set(0usize..8, 0..4),
        stack in proptest::option::of(0usize..24),
        fresh in any::<bool>(),
    ) {
        let mut fleet = Fleet::of(&crate::properties::ACCOUNTS, &crate::properties::ZONES);
        for event in &events {
            apply(&mut fleet, event);
            fleet.decide();
        }
        later.iter().for_each(|event| apply(&mut fleet, event));
        let mut whole = fleet.world.clone();
        if fresh {
            whole.open.clear();
        }
        let partial = without(&whole, &heartbeats, &paths, stack);
        let decision = decide(&partial);
        for incident in decision.incidents.iter().filter(|incident| incident.state != IncidentState::Open) {
            let before = whole.open.iter().find(|open| open.id == incident.id).unwrap();
            for member in before.members.iter().filter(|member| member.state.is_open()) {
                let key = member.key();
                // What is silent is judged by the heartbeat alone, and a path that is down by the paths.
                let unseen = partial.probes.iter().find(|probe| probe.key == key.probe).map_or_else(
                    || partial.unseen.stacks.iter().any(|stack| stack.account == key.probe.account),
                    |probe| match &key.symptom {
                        Symptom::Silent => probe.unreadable.heartbeat,
                        Symptom::Down { check } => {
                            probe.unreadable.paths && probe.checks.iter().any(|it| it.id == *check)
                        }
                        Symptom::Inconclusive => probe.unreadable.any(),
                    },
                );
                prop_assert!(!unseen, "{} ended without {key:?} being seen", incident.id);
            }
        }
        if fresh {
            // Every readable path that a page was sent for has its page all the same: at once, or when what cannot be read
            // has been waited for. Where it is told as something else, on-call is paged for what else that probe loses.
            let still = paged(&partial);
            let later = paged_later(&partial);
            for key in paged(&whole).iter().filter(|key| is_readable(&partial, key)) {
                let alone = decide(&partial).incidents.iter().any(|incident| {
                    incident.paged && incident.members.iter().any(|member| member.key() == *key)
                });
                let worth_it = is_worth_it_alone(&whole, key);
                let is_paged = still.iter().chain(&later).any(|it| it.probe == key.probe);
                prop_assert!(is_paged || alone || !worth_it, "no page for {key:?}");
            }
        }
        // What was decided once is decided.
        let after = World { open: applied(&decision, partial.open.clone()), ..partial };
        prop_assert!(decide(&after).is_empty());
    }
}

/// Whether on-call is paged for this one thing and not only for what it is told together with: neither where nothing
/// else fails, nor where nothing else of its account does. What others lose, too, may be to blame for it.
fn is_worth_it_alone(world: &World, key: &MemberKey) -> bool {
    [true, false].into_iter().all(|everywhere| is_paged_without_others(world, key, everywhere))
}

fn is_paged_without_others(world: &World, key: &MemberKey, everywhere: bool) -> bool {
    let Symptom::Down { check } = &key.symptom else { return false };
    let mut alone = world.clone();
    alone.open.clear();
    for probe in &mut alone.probes {
        // Who is silent fails, too.
        probe.heartbeat = Some(heartbeat(&probe.key, alone.now_ms));
        let of_account = probe.key.account == key.probe.account;
        probe.paths.retain(|id, path| {
            let stays = if of_account { id == check } else { !everywhere };
            path.status != PathStatus::Down || stays
        });
    }
    paged(&alone).contains(key)
}
