//! Gray failure: a zone that is slow beside its siblings is a note, told once, whatever a single account says.

use phonehome_alerting::{
    Asked, Folded, GrayZones, Heartbeat, Hysteresis, OutgoingBody, ProbeView, RUNS_KEPT, Received, SlackKind,
    fold, gray_zones,
};
use phonehome_wire::{Approach, Attempt, CheckResult, Detail, Expect, Report, Verdict, WIRE_VERSION};
use proptest::prelude::*;

use crate::support::{Fleet, MINUTE_MS};

const ZONES: &[&str] = &["use1-az1", "use1-az2", "use1-az3"];
const ACCOUNTS: &[&str] = &["shop-prod", "search-prod", "orders-prod"];
const RUNS: u64 = RUNS_KEPT as u64;

/// How a connect of the check of this number goes: how long it takes in microseconds, and what was sent again.
type Goes<'g> = &'g dyn Fn(&ProbeView, usize, u64) -> (u64, u32);

struct Zones {
    fleet: Fleet,
    told: GrayZones,
    said: Vec<(SlackKind, String)>,
    run: u64,
}

impl Zones {
    fn of(accounts: &[&str], zones: &[&str]) -> Self {
        let mut fleet = Fleet::of(accounts, zones);
        accounts.iter().for_each(|account| {
            fleet.hush(account, zones);
        });
        Self { fleet, told: GrayZones::default(), said: vec![], run: 0 }
    }

    /// Every probe runs so often. Whoever decides remembers nothing but what is stored.
    fn runs(&mut self, runs: u64, goes: Goes<'_>) -> &mut Self {
        for _ in 0..runs {
            self.run += 1;
            self.fleet.advance(MINUTE_MS);
            let now_ms = self.fleet.world.now_ms;
            for probe in &mut self.fleet.world.probes {
                probe.heartbeat = Some(heard(probe, now_ms, self.run, goes));
            }
            let stored = serde_json::to_string(&self.told).unwrap();
            self.told = serde_json::from_str(&stored).unwrap();
            let Some((told, messages)) = gray_zones(&self.fleet.world, &self.told, "#network") else {
                continue;
            };
            self.told = told;
            assert!(gray_zones(&self.fleet.world, &self.told, "#network").is_none(), "it is told once");
            for message in messages {
                let OutgoingBody::Slack { kind, text, blocks, .. } = message.body else { panic!("a page") };
                self.said.push((kind, format!("{text} {}", serde_json::json!(blocks))));
            }
        }
        self
    }

    fn opened(&self) -> Vec<&String> {
        self.said.iter().filter(|(kind, _)| *kind == SlackKind::Opened).map(|(_, text)| text).collect()
    }
}

fn heard(probe: &ProbeView, now_ms: u64, run: u64, goes: Goes<'_>) -> Heartbeat {
    let connects = probe.checks.iter().filter(|check| check.expect == Expect::Connect);
    // Each of the three checks has four addresses.
    let result = |(number, check): (usize, &phonehome_wire::Check)| {
        let attempt = |address: u8| {
            let (connect_us, retransmissions) = goes(probe, number * 4 + usize::from(address), run);
            Attempt {
                address: [10, 0, 0, address].into(),
                approach: Approach::First,
                connect_us: Some(connect_us),
                tls_us: None,
                first_byte_us: None,
                total_us: connect_us,
                retransmissions,
                rtt_us: 0,
                miss: None,
            }
        };
        let detail = Detail { attempts: (0..4).map(attempt).collect(), ..Detail::default() };
        CheckResult { detail: Box::new(detail), ..CheckResult::new(check.id.clone(), Verdict::Ok) }
    };
    let report = Report {
        version: WIRE_VERSION,
        account: probe.key.account.clone(),
        region: probe.key.region.clone(),
        availability_zone: probe.key.availability_zone.clone(),
        run_id: format!("{}-{now_ms}", probe.key),
        part: 0,
        generation: 1,
        started_at_ms: now_ms,
        duration_ms: 100,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results: connects.enumerate().map(result).collect(),
    };
    let asked = Asked::of(&probe.checks);
    let received = Received::at_once(now_ms);
    let (newest, paths) = (probe.heartbeat.as_ref(), probe.paths.clone());
    match fold(newest, paths, &report, &asked, received, &Hysteresis::default()) {
        Folded::Fresh { heartbeat, .. } => heartbeat,
        Folded::Stale => panic!("each run is newer"),
    }
}

fn is_in(probe: &ProbeView, zone: &str) -> bool {
    probe.key.availability_zone.as_str() == zone
}

/// As it is: what is in the same zone in 0.15 ms, in another one in 0.6 to 1.7 ms, the internet in 20 ms and 80 ms. Where
/// a target is differs by its number.
fn as_it_is(probe: &ProbeView, number: usize, run: u64) -> (u64, u32) {
    let home = number % ZONES.len();
    let us = match number {
        0..8 if is_in(probe, ZONES[home]) => 150 + 20 * (run % 3),
        0..8 => 600 + 350 * (home as u64 + run % 2),
        _ => [20_000, 80_000][number % 2],
    };
    (us, 0)
}

fn slow_in<'z>(zone: &'z str, by_us: u64) -> impl Fn(&ProbeView, usize, u64) -> (u64, u32) + 'z {
    move |probe, number, run| {
        let (us, again) = as_it_is(probe, number, run);
        (us + if is_in(probe, zone) { by_us } else { 0 }, again)
    }
}

#[test]
fn a_zone_three_times_as_slow_as_its_siblings_for_five_runs_is_a_note_once_and_ends_after_five() {
    let mut zones = Zones::of(ACCOUNTS, ZONES);
    let slow = slow_in("use1-az2", 300_000);
    zones.runs(RUNS, &as_it_is).runs(RUNS - 1, &slow);
    assert!(zones.said.is_empty(), "four runs are not enough: {:?}", zones.said);
    zones.runs(30, &slow);
    let [only] = zones.opened()[..] else { panic!("{:?}", zones.said) };
    assert!(only.contains(":snail: use1-az2 is slow, although nothing fails in it"), "{only}");
    assert!(only.contains("3 of 3 accounts say so"), "{only}");
    zones.runs(RUNS - 1, &as_it_is);
    assert_eq!(zones.said.len(), 1);
    zones.runs(1, &as_it_is);
    assert_eq!(zones.said.last().map(|(kind, _)| *kind), Some(SlackKind::Resolved));
    zones.runs(20, &as_it_is);
    assert_eq!(zones.said.len(), 2);
}

/// Three times as slow for a while, and well in between: what is told stays, and is not told anew.
#[test]
fn a_zone_that_is_slow_now_and_then_is_told_at_most_once() {
    let mut zones = Zones::of(ACCOUNTS, ZONES);
    let slow = slow_in("use1-az2", 300_000);
    for _ in 0..10 {
        zones.runs(RUNS - 1, &slow).runs(1, &as_it_is);
    }
    assert!(zones.said.is_empty(), "{:?}", zones.said);
    zones.runs(RUNS, &slow);
    for _ in 0..10 {
        zones.runs(RUNS - 1, &as_it_is).runs(1, &slow);
    }
    assert_eq!(zones.said.len(), 1);
}

/// What is in one's own zone is ten times as near, and yet nothing is wrong.
#[test]
fn zones_that_are_as_far_apart_as_zones_are_are_no_news() {
    let mut zones = Zones::of(ACCOUNTS, ZONES);
    zones.runs(20, &as_it_is);
    // All targets in one zone, where they are ten times as near.
    zones.runs(20, &|probe, _, run| {
        if is_in(probe, "use1-az1") { (120, 0) } else { (900 + 900 * (run % 2), 0) }
    });
    assert!(zones.said.is_empty(), "{:?}", zones.said);
}

#[test]
fn accounts_that_aim_at_different_places_are_each_compared_with_themselves() {
    let mut zones = Zones::of(&["shop-prod", "search-prod"], &ZONES[..2]);
    // An account in the two zones, and one that is in the first alone, and aims at another continent.
    zones.fleet.world.probes.retain(|probe| probe.account_name == "shop-prod" || is_in(probe, "use1-az1"));
    zones.runs(20, &|probe, _, _| if probe.account_name == "shop-prod" { (900, 0) } else { (180_000, 0) });
    assert!(zones.said.is_empty(), "{:?}", zones.said);
}

#[test]
fn what_one_account_of_three_says_is_no_note() {
    let mut zones = Zones::of(ACCOUNTS, ZONES);
    let slow = slow_in("use1-az2", 300_000);
    zones.runs(20, &|probe, number, run| {
        let is_one = probe.account_name == "shop-prod";
        let (us, again) = if is_one { slow(probe, number, run) } else { as_it_is(probe, number, run) };
        (us, if is_one && is_in(probe, "use1-az2") { u32::MAX } else { again })
    });
    assert!(zones.said.is_empty(), "{:?}", zones.said);
}

#[test]
fn a_zone_that_sends_segments_again_three_times_as_often_is_a_note_and_a_lossy_region_is_none() {
    let mut zones = Zones::of(ACCOUNTS, ZONES);
    let lossy = |percent: u64, only: Option<&'static str>| {
        move |probe: &ProbeView, number: usize, run: u64| {
            let (us, _) = as_it_is(probe, number, run);
            let here = only.is_none_or(|zone| is_in(probe, zone));
            let chance = (number as u64 * 37 + run * 11 + probe.account_name.len() as u64 * 17) % 100;
            (us, u32::from(here && chance < percent))
        }
    };
    zones.runs(20, &lossy(25, None));
    assert!(zones.said.is_empty(), "{:?}", zones.said);
    zones.runs(10, &lossy(40, Some("use1-az3")));
    let [only] = zones.opened()[..] else { panic!("{:?}", zones.said) };
    assert!(only.contains("use1-az3 loses packets, although nothing fails in it"), "{only}");
    zones.runs(10, &as_it_is);
    assert_eq!(zones.said.len(), 2);
}

#[test]
fn a_zone_that_falls_silent_or_is_declared_no_longer_does_not_stay_for_ever() {
    let mut zones = Zones::of(ACCOUNTS, ZONES);
    zones.runs(RUNS, &slow_in("use1-az2", 300_000));
    assert_eq!(zones.said.len(), 1);
    zones.fleet.advance(10 * MINUTE_MS);
    assert!(
        gray_zones(&zones.fleet.world, &zones.told, "#network").is_none(),
        "nothing is heard, so it stays"
    );
    zones.fleet.world.probes.retain(|probe| !is_in(probe, "use1-az2"));
    zones.runs(1, &as_it_is);
    assert_eq!(zones.said.len(), 2);
}

/// A heartbeat is written for each report, and has to stay within DynamoDB's unit of 1 KB.
#[test]
fn however_many_connects_there_are_their_times_take_few_bytes() {
    let mut zones = Zones::of(&["shop-prod"], &ZONES[..1]);
    let key = |number: usize| format!("check-{number}");
    let template = zones.fleet.world.probes[0].checks[0].clone();
    zones.fleet.world.probes[0].checks = (0..200)
        .map(|number| phonehome_wire::Check { id: phonehome_wire::CheckId(key(number)), ..template.clone() })
        .collect();
    zones.runs(20, &|_, number, run| (1 << (number as u64 % 24 + run % 3), u32::MAX));
    let connects = &zones.fleet.world.probes[0].heartbeat.as_ref().unwrap().connects;
    assert_eq!(connects.len(), RUNS_KEPT);
    let bytes = serde_json::to_string(connects).unwrap().len();
    assert!(bytes < 160, "{bytes} bytes");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 48, ..ProptestConfig::default() })]

    /// Latencies of every target by chance, and by up to 2 ms more from another zone.
    #[test]
    fn whatever_the_targets_are_zones_that_are_well_are_no_news(
        base_us in prop::collection::vec(100_u64..200_000, 12),
        apart_us in prop::collection::vec(0_u64..2_000, 12 * 3),
        jitter in prop::collection::vec(0_u64..20, 7),
    ) {
        let mut zones = Zones::of(ACCOUNTS, ZONES);
        zones.runs(12, &|probe, number, run| {
            let zone = ZONES.iter().position(|zone| is_in(probe, zone)).unwrap_or(0);
            let us = base_us[number] + apart_us[number * 3 + zone];
            (us + us * jitter[(number + run as usize + zone) % jitter.len()] / 100, 0)
        });
        prop_assert!(zones.said.is_empty(), "{:?}", zones.said);
    }
}
