//! What holds whatever happens.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{
    IncidentState, MemberState, Outgoing, OutgoingBody, PathStatus, Resolution, SlackKind, Symptom, decide,
};
use proptest::prelude::*;

use crate::folding::{Stored, report, verdict};
use crate::support::{EGRESS, Fleet, ISOLATION, LEDGER, MINUTE_MS, PAYMENTS};

pub(crate) const ACCOUNTS: [&str; 4] = ["shop-prod", "search-prod", "orders-prod", "stock-prod"];
pub(crate) const ZONES: [&str; 2] = ["use1-az1", "use1-az2"];
const CHECKS: [&str; 4] = [EGRESS, PAYMENTS, LEDGER, ISOLATION];

/// Something that happens to the fleet.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    Fail(usize, Vec<usize>, Vec<usize>),
    Recover(usize, Vec<usize>, Vec<usize>),
    Hush(usize, Vec<usize>),
    Unhush(usize, Vec<usize>),
    Undeclare(usize, usize),
    Minutes(u64),
}

fn some_of(number: usize) -> impl Strategy<Value = Vec<usize>> {
    proptest::sample::subsequence((0..number).collect::<Vec<_>>(), 1..=number)
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let account = 0..ACCOUNTS.len();
    prop_oneof![
        4 => (account.clone(), some_of(2), some_of(4)).prop_map(|(a, z, c)| Event::Fail(a, z, c)),
        3 => (account.clone(), some_of(2), some_of(4)).prop_map(|(a, z, c)| Event::Recover(a, z, c)),
        1 => (account.clone(), some_of(2)).prop_map(|(a, z)| Event::Hush(a, z)),
        1 => (account.clone(), some_of(2)).prop_map(|(a, z)| Event::Unhush(a, z)),
        1 => (account, 0..CHECKS.len()).prop_map(|(a, c)| Event::Undeclare(a, c)),
        2 => (0u64..6).prop_map(Event::Minutes),
    ]
}

pub(crate) fn apply(fleet: &mut Fleet, event: &Event) {
    let zones = |indices: &[usize]| indices.iter().map(|i| ZONES[*i]).collect::<Vec<_>>();
    let checks = |indices: &[usize]| indices.iter().map(|i| CHECKS[*i]).collect::<Vec<_>>();
    match event {
        Event::Fail(a, z, c) => fleet.fail(ACCOUNTS[*a], &zones(z), &checks(c)),
        Event::Recover(a, z, c) => fleet.recover(ACCOUNTS[*a], &zones(z), &checks(c)),
        Event::Hush(a, z) => fleet.hush(ACCOUNTS[*a], &zones(z)),
        Event::Unhush(a, z) => fleet.unhush(ACCOUNTS[*a], &zones(z)),
        Event::Undeclare(a, c) => {
            for probe in fleet.probes(ACCOUNTS[*a], &ZONES) {
                probe.checks.retain(|check| check.id.0 != CHECKS[*c]);
            }
            &mut *fleet
        }
        Event::Minutes(minutes) => fleet.advance(minutes * MINUTE_MS),
    };
    fleet.advance(1000);
}

/// Every failing declared path of a probe that reports.
fn down_paths(fleet: &Fleet) -> BTreeSet<(String, String)> {
    let mut down = BTreeSet::new();
    for probe in &fleet.world.probes {
        let heard = probe.heartbeat.as_ref().unwrap().last_received_at_ms;
        // A report is missing: what the one before it said is old.
        if fleet.world.now_ms - heard > MINUTE_MS + MINUTE_MS / 4 {
            continue;
        }
        for check in &probe.checks {
            if probe.paths[&check.id].status == PathStatus::Down {
                down.insert((probe.key.to_string(), check.id.0.clone()));
            }
        }
    }
    down
}

/// Every path that some open incident calls failing; panics when two do.
fn notified_paths(fleet: &Fleet) -> BTreeSet<(String, String)> {
    let mut notified = BTreeSet::new();
    for member in fleet.world.open.iter().flat_map(|incident| incident.members_in(MemberState::Failing)) {
        if let Symptom::Down { check } = &member.symptom {
            assert!(notified.insert((member.probe.to_string(), check.0.clone())), "told twice: {member:?}");
        }
    }
    notified
}

/// Whether an incident was paged for, itself or as one that another was merged into.
fn of_page(sent: &[Outgoing], id: &str) -> bool {
    sent.iter().any(|it| it.page_key() == id && matches!(it.body, OutgoingBody::Page { resolved: false, .. }))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_down_path_is_in_exactly_one_open_incident(events in prop::collection::vec(event(), 1..25)) {
        let mut fleet = Fleet::of(&ACCOUNTS, &ZONES);
        for event in &events {
            apply(&mut fleet, event);
            let decision = fleet.decide(); // Checks idempotence, too.
            let (down, notified) = (down_paths(&fleet), notified_paths(&fleet));
            prop_assert!(notified.is_subset(&down), "{:?} more than {:?}", notified, down);
            // Only who is still to report keeps anything from being told, and not for long.
            match decision.waits_until_ms {
                None => prop_assert_eq!(down, notified),
                Some(until_ms) => prop_assert!(until_ms < fleet.world.now_ms + 2 * MINUTE_MS),
            }
            for incident in &fleet.world.open {
                prop_assert!(incident.members.iter().any(|member| member.state.is_open()));
            }
        }
    }

    #[test]
    fn an_incident_pages_once_opens_once_and_ends_once(events in prop::collection::vec(event(), 1..25)) {
        let mut fleet = Fleet::of(&ACCOUNTS, &ZONES);
        for event in &events {
            apply(&mut fleet, event);
            fleet.decide();
        }
        for account in ACCOUNTS {
            fleet.unhush(account, &ZONES).recover(account, &ZONES, &CHECKS);
        }
        fleet.decide();
        prop_assert!(fleet.world.open.is_empty());
        let mut ids = BTreeSet::new();
        let mut count: BTreeMap<(String, &str), usize> = BTreeMap::new();
        for message in &fleet.sent {
            prop_assert!(ids.insert(message.id.clone()), "{} twice", message.id);
            let kind = match &message.body {
                OutgoingBody::Page { merged_into: Some(into), .. } => {
                    prop_assert!(of_page(&fleet.sent, into), "{} goes on without a page", message.id);
                    continue;
                }
                OutgoingBody::Page { resolved: false, .. } => "page",
                OutgoingBody::Page { resolved: true, .. } => "page-resolve",
                OutgoingBody::Slack { kind: SlackKind::Opened, .. } => "opened",
                OutgoingBody::Slack { kind: SlackKind::Resolved, .. } => "resolved",
                OutgoingBody::Slack { kind: SlackKind::Updated, .. } => continue,
            };
            *count.entry((message.page_key().to_owned(), kind)).or_default() += 1;
        }
        let of = |id: &str, kind: &'static str| count.get(&(id.to_owned(), kind)).copied().unwrap_or(0);
        for (id, _) in count.keys() {
            prop_assert_eq!((of(id, "opened"), of(id, "resolved")), (1, 1));
            prop_assert!(of(id, "page") <= 1);
            prop_assert_eq!(of(id, "page"), of(id, "page-resolve"));
        }
    }

    #[test]
    fn no_page_ends_while_the_outage_that_it_told_goes_on(events in prop::collection::vec(event(), 1..25)) {
        let mut fleet = Fleet::of(&ACCOUNTS, &ZONES);
        for event in &events {
            apply(&mut fleet, event);
            let decision = fleet.decide();
            let ends = decision.outbox.iter().filter(
                |it| matches!(&it.body, OutgoingBody::Page { resolved: true, merged_into: None, .. }));
            for end in ends {
                // Of each incident of that page nothing is open any more.
                let id = end.incident_id.as_str();
                let over = decision.incidents.iter().find(|it| it.id == id).unwrap();
                prop_assert!(!over.members.iter().any(|member| member.state.is_open()), "{}", end.id);
                let merged = matches!(
                    &over.state,
                    IncidentState::Resolved { resolution: Resolution::Merged { .. }, .. }
                );
                prop_assert!(!merged);
            }
        }
    }

    #[test]
    fn messages_of_a_page_grow_in_sequence_and_end_with_its_end(
        events in prop::collection::vec(event(), 1..25),
    ) {
        let mut fleet = Fleet::of(&ACCOUNTS, &ZONES);
        for event in &events {
            apply(&mut fleet, event);
            fleet.decide();
        }
        let mut last: BTreeMap<&str, (u32, bool)> = BTreeMap::new();
        let pages = fleet.sent.iter().filter(|it| it.body.is_page());
        for message in pages {
            let OutgoingBody::Page { resolved, merged_into, .. } = &message.body else { continue };
            let ends = *resolved && merged_into.is_none();
            let before = last.insert(message.page_key(), (message.sequence, ends));
            let (sequence, ended) = before.unwrap_or((0, false));
            prop_assert!(message.sequence > sequence && !ended, "{} after {sequence}", message.id);
        }
    }

    #[test]
    fn the_order_of_probes_and_incidents_does_not_matter(
        events in prop::collection::vec(event(), 1..15),
        seed in any::<usize>(),
    ) {
        let mut fleet = Fleet::of(&ACCOUNTS, &ZONES);
        for event in &events[..events.len() - 1] {
            apply(&mut fleet, event);
            fleet.decide();
        }
        apply(&mut fleet, events.last().unwrap());
        let mut other = fleet.world.clone();
        let middle = seed % other.probes.len();
        other.probes.rotate_left(middle);
        other.probes.swap(0, middle);
        other.open.reverse();
        prop_assert_eq!(decide(&fleet.world), decide(&other));
    }

    #[test]
    fn one_lost_zone_never_pages(
        account in 0..ACCOUNTS.len(), zone in 0..2usize, checks in some_of(3), hush in any::<bool>(),
    ) {
        let mut fleet = Fleet::of(&ACCOUNTS, &ZONES);
        let checks: Vec<&str> = checks.iter().map(|i| CHECKS[*i]).collect();
        fleet.fail(ACCOUNTS[account], &[ZONES[zone]], &checks).decide();
        if hush {
            fleet.hush(ACCOUNTS[account], &[ZONES[zone]]);
        }
        fleet.advance(5 * MINUTE_MS).decide();
        prop_assert!(fleet.sent.iter().all(|message| !message.body.is_page()));
    }

    #[test]
    fn duplicates_and_late_reports_count_as_if_processed_once(
        deliveries in prop::collection::vec((0u64..20, "[odfis]"), 1..60),
    ) {
        // Each run has one outcome, whenever and however often it is delivered.
        let mut outcomes = BTreeMap::new();
        let mut all = Stored::default();
        let mut newest_only = Stored::default();
        let mut newest = None;
        for (run, letter) in deliveries {
            let letter = outcomes.entry(run).or_insert(letter).chars().next().unwrap();
            let report = report(run * MINUTE_MS, &[("c", verdict(letter))]);
            all.take(&report, 30 * MINUTE_MS);
            if newest.is_none_or(|newest| run > newest) {
                newest = Some(run);
                newest_only.take(&report, 30 * MINUTE_MS);
            }
        }
        prop_assert_eq!(all, newest_only);
    }
}

/// Found by the property above, once in many thousand cases.
#[test]
fn two_paths_that_nothing_tells_apart_are_named_in_one_order_whatever_the_order_of_the_probes() {
    let events = [
        Event::Hush(3, vec![1]),
        Event::Hush(2, vec![0, 1]),
        Event::Hush(1, vec![0, 1]),
        Event::Minutes(4),
        Event::Fail(3, vec![0], vec![0]),
        Event::Fail(0, vec![1], vec![0]),
    ];
    let mut fleet = Fleet::of(&ACCOUNTS, &ZONES);
    for event in &events[..events.len() - 1] {
        apply(&mut fleet, event);
        fleet.decide();
    }
    apply(&mut fleet, &events[events.len() - 1]);
    for first in 0..fleet.world.probes.len() {
        let mut other = fleet.world.clone();
        other.probes.rotate_left(first);
        assert_eq!(decide(&fleet.world), decide(&other));
    }
}
