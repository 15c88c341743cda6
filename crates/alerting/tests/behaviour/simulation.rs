//! A small fleet with flapping paths, from reports to messages.

use std::collections::BTreeMap;

use phonehome_alerting::{Asked, Folded, Hysteresis, ProbeKey, Received, fold};
use phonehome_wire::{CheckResult, Class, Report, Stage, Verdict, WIRE_VERSION};

use crate::support::{Fleet, ISOLATION, MINUTE_MS, PAYMENTS, kind};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const MINUTES: u64 = 600;

/// Deterministic noise (a linear congruential generator, constants of Knuth's MMIX).
struct Noise(u64);

impl Noise {
    fn percent(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % 100
    }
}

/// Plays ten hours in which each connection fails by chance with `flapping` per cent; from minute
/// 200 to 260 shop-prod's connection to payments is really lost. Counts what is said.
fn play(seed: u64, flapping: u64) -> BTreeMap<&'static str, usize> {
    let hysteresis = Hysteresis { down_after: if flapping == 0 { 3 } else { 6 }, up_after: 3 };
    let mut noise = Noise(seed);
    let mut fleet = Fleet::of(&["shop-prod", "search-prod"], ZONES);
    fleet.world.policy.down_after = hysteresis.down_after;
    fleet.world.policy.up_after = hysteresis.up_after;
    for minute in 0..MINUTES {
        fleet.world.now_ms += MINUTE_MS;
        let now_ms = fleet.world.now_ms;
        for probe in &mut fleet.world.probes {
            let report = run(
                &probe.key,
                now_ms,
                &mut probe.checks.iter().map(|check| {
                    let lost = probe.account_name == "shop-prod" && check.id.0 == PAYMENTS;
                    let lost = lost && (200..260).contains(&minute);
                    let verdict = if check.id.0 == ISOLATION {
                        Verdict::DenyProven
                    } else if lost || noise.percent() < flapping {
                        Verdict::Fail {
                            stage: Stage::Connect,
                            class: Class::Other,
                            error: format!("timed out at {minute}"),
                        }
                    } else {
                        Verdict::Ok
                    };
                    CheckResult { latency_ms: minute, ..CheckResult::new(check.id.clone(), verdict) }
                }),
            );
            if let Folded::Fresh { heartbeat, paths, .. } = fold(
                probe.heartbeat.as_ref(),
                probe.paths.clone(),
                &report,
                &Asked::of(&probe.checks),
                Received::at_once(now_ms),
                &hysteresis,
            ) {
                probe.heartbeat = Some(heartbeat);
                probe.paths = paths;
            }
        }
        fleet.decide();
    }
    let mut said = BTreeMap::new();
    for message in &fleet.sent {
        *said.entry(kind(&message.body)).or_default() += 1;
    }
    said
}

fn run(key: &ProbeKey, now_ms: u64, results: &mut dyn Iterator<Item = CheckResult>) -> Report {
    Report {
        version: WIRE_VERSION,
        account: key.account.clone(),
        region: key.region.clone(),
        availability_zone: key.availability_zone.clone(),
        part: 0,
        run_id: format!("{key}-{now_ms}"),
        generation: 1,
        started_at_ms: now_ms,
        duration_ms: 100,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results: results.collect(),
    }
}

#[test]
fn without_flapping_the_one_outage_is_one_message_and_one_page() {
    let said = play(1, 0);
    assert_eq!((said["opened"], said["resolved"]), (1, 1));
    assert_eq!((said["page"], said["page-resolve"]), (1, 1));
}

#[test]
fn five_per_cent_of_flapping_hides_no_outage_and_pages_for_nothing_else() {
    for seed in 1..=10 {
        let said = play(seed, 5);
        assert_eq!((said["page"], said["page-resolve"]), (1, 1), "seed {seed}: {said:?}");
        assert!(said["opened"] <= 12, "seed {seed}: {said:?}");
        assert_eq!(said["opened"], said["resolved"], "seed {seed}: {said:?}");
    }
}

#[test]
fn the_same_seed_says_the_same() {
    assert_eq!(play(7, 10), play(7, 10));
}
