//! What flaps is a state, told once: however paths turn, there are only so many messages.

use std::collections::BTreeMap;

use phonehome_alerting::{Asked, Folded, Hysteresis, OutgoingBody, Received, fold};
use phonehome_wire::{CheckResult, Class, Report, Stage, Verdict, WIRE_VERSION};
use proptest::prelude::*;

use crate::support::{EGRESS, Fleet, ISOLATION, LEDGER, MINUTE_MS, PAYMENTS, kind};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const ACCOUNTS: &[&str] = &["shop-prod", "search-prod", "orders-prod"];
const CHECKS: [&str; 4] = [EGRESS, PAYMENTS, LEDGER, ISOLATION];
const HYSTERESIS: Hysteresis = Hysteresis { down_after: 3, up_after: 2 };
/// So many Slack messages, edits among them, there are within an hour for one path, or one probe: 4 beginnings (two
/// outages, and what flaps each half hour), as many ends, and four changes of each.
const MESSAGES_PER_HOUR: usize = 24;
/// And so many pages, without their ends.
const PAGES_PER_HOUR: usize = 4;

/// A path of a probe, by the place of its probe and its check; without a check the probe's reports.
type Of = (usize, Option<&'static str>);

/// What each of these does, minute by minute: `p` passes, `c` and `t` fail at connecting and at TLS, `i` says nothing,
/// `m` is a report that is missing. What is not named passes.
type Scripts = BTreeMap<Of, Vec<char>>;

fn verdict(letter: char, check: &str) -> Verdict {
    let fail = |stage| Verdict::Fail { stage, class: Class::Other, error: format!("{stage:?}") };
    match letter {
        'c' | 't' if check == ISOLATION => fail(Stage::Open),
        'c' => fail(Stage::Connect),
        't' => fail(Stage::Tls),
        'i' => Verdict::Inconclusive { reason: "cannot tell".into() },
        _ if check == ISOLATION => Verdict::DenyProven,
        _ => Verdict::Ok,
    }
}

/// Plays these scripts; the fleet as it is then, with when each message was sent.
fn play(scripts: &Scripts) -> Fleet {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    for account in ACCOUNTS {
        fleet.hush(account, ZONES);
    }
    let minutes = scripts.values().map(Vec::len).max().unwrap_or(0);
    for minute in 0..minutes {
        fleet.advance(MINUTE_MS / 2);
        let now_ms = fleet.world.now_ms;
        for (number, probe) in fleet.world.probes.iter_mut().enumerate() {
            let letter = |check| scripts.get(&(number, check)).and_then(|script| script.get(minute)).copied();
            if letter(None) == Some('m') {
                continue;
            }
            let result = |check: &&'static str| {
                let verdict = verdict(letter(Some(*check)).unwrap_or('p'), check);
                CheckResult::new(phonehome_wire::CheckId((*check).to_owned()), verdict)
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
                results: CHECKS.iter().map(result).collect(),
            };
            let (newest, asked) = (probe.heartbeat.as_ref(), Asked::of(&probe.checks));
            let received = Received::at_once(now_ms);
            if let Folded::Fresh { heartbeat, paths, .. } =
                fold(newest, probe.paths.clone(), &report, &asked, received, &HYSTERESIS)
            {
                probe.heartbeat = Some(heartbeat);
                probe.paths = paths;
            }
        }
        fleet.decide();
        // While something waits it decides by itself, too.
        fleet.advance(MINUTE_MS / 2).decide();
    }
    fleet
}

/// The most that was sent within any hour: Slack messages to one channel, and pages without their ends.
fn most(fleet: &Fleet) -> (usize, usize) {
    let count = |wanted: &dyn Fn(&OutgoingBody) -> bool| {
        let sent: Vec<u64> = fleet.sent.iter().filter(|it| wanted(&it.body)).map(|it| it.at_ms).collect();
        let within =
            |from: &u64| sent.iter().filter(|at| (*from..*from + 60 * MINUTE_MS).contains(at)).count();
        sent.iter().map(within).max().unwrap_or(0)
    };
    let pages = |body: &OutgoingBody| matches!(body, OutgoingBody::Page { resolved: false, .. });
    (count(&|body| matches!(body, OutgoingBody::Slack { .. })), count(&pages))
}

fn repeated(pattern: &str, minutes: usize) -> Vec<char> {
    pattern.chars().cycle().take(minutes).collect()
}

#[test]
fn a_connection_that_turns_every_few_minutes_is_told_once_as_flapping_and_resolved_when_calm() {
    let mut script = repeated("cccpp", 120);
    script.extend(repeated("p", 40));
    let lost: Scripts = [0, 1].map(|zone| ((zone, Some(PAYMENTS)), script.clone())).into();
    let fleet = play(&lost);
    let said: Vec<(&str, u64)> = fleet
        .sent
        .iter()
        .map(|message| (kind(&message.body), (message.at_ms - crate::support::START_MS) / MINUTE_MS))
        .collect();
    let opened: Vec<u64> =
        said.iter().filter(|(kind, _)| *kind == "opened").map(|(_, minute)| *minute).collect();
    let resolved: Vec<u64> = said.iter().filter(|(kind, _)| *kind == "resolved").map(|(_, at)| *at).collect();
    assert_eq!((opened.len(), resolved.len()), (3, 3), "{said:?}");
    // The last time that it was bad enough to be told was in minute 117.
    assert_eq!(resolved[2], 117 + 30, "{said:?}");
    assert!(fleet.world.open.is_empty());
    let flaps = fleet.sent.iter().filter(|message| match &message.body {
        OutgoingBody::Slack { text, .. } => text.contains("on and off: it flaps"),
        OutgoingBody::Page { title, .. } => title.as_ref().is_some_and(|title| title.contains("it flaps")),
    });
    let flaps: Vec<&str> = flaps.map(|message| kind(&message.body)).collect();
    assert_eq!(flaps, ["updated"], "{said:?}");
    let told = format!("{:?}", fleet.sent);
    assert!(told.contains("flaps: 3 times in the last hour"), "how often");
}

#[test]
fn what_turns_now_and_then_is_as_ever_and_a_long_outage_is_over_at_once() {
    // Two outages an hour.
    let mut script = repeated("cccccpppppppppppppppppppppppppp", 120);
    script.extend(repeated("p", 5));
    let fleet = play(&[((0, Some(PAYMENTS)), script)].into());
    assert!(!format!("{:?}", fleet.sent).contains("flaps"));
    // Two short ones and one that lasts: when that is over it is not calm for longer than half an hour.
    let script: Vec<char> =
        "cccpp".repeat(2).chars().chain(repeated("c", 45)).chain(repeated("p", 3)).collect();
    let fleet = play(&[((0, Some(PAYMENTS)), script)].into());
    assert!(fleet.world.open.is_empty(), "{:?}", fleet.suspects());
}

#[test]
fn a_zone_that_fails_for_single_runs_and_a_probe_that_reports_now_and_then_flap_too() {
    let script = repeated("cpp", 180);
    let zone: Scripts = [EGRESS, PAYMENTS, LEDGER].map(|check| ((0, Some(check)), script.clone())).into();
    let fleet = play(&zone);
    let (messages, _) = most(&fleet);
    assert!(messages <= MESSAGES_PER_HOUR, "{messages}");
    assert_eq!(fleet.only().members.iter().filter(|member| member.flaps > 0).count(), 3);
    let fleet = play(&[((0, None), repeated("mmmmp", 180))].into());
    assert!(most(&fleet).0 <= MESSAGES_PER_HOUR / 2, "{:?}", most(&fleet));
    assert!(fleet.only().members[0].flaps > 0);
}

/// It is in what is stored, so that whoever decides next knows it, and who was paged is not paged again.
#[test]
fn an_incident_that_flaps_goes_on_after_a_restart_without_a_word() {
    let mut fleet = play(&[((0, Some(PAYMENTS)), repeated("cccpp", 60))].into());
    assert!(fleet.only().members[0].flaps > 0);
    let text = serde_json::to_string(&fleet.world).unwrap();
    fleet.world = serde_json::from_str(&text).unwrap();
    assert!(fleet.decide().is_empty());
}

/// Patterns, repeated, that turn as often as they can; and anything at all.
fn script() -> impl Strategy<Value = Vec<char>> {
    let patterns = prop::sample::select(vec![
        "cccpp", "ctpp", "cp", "cpp", "ct", "cccipp", "cpctpp", "tttpp", "cccttt", "ccpccpp", "p",
    ]);
    let letter = prop::sample::select(vec!['p', 'p', 'c', 'c', 't', 'i']);
    prop_oneof![
        2 => patterns.prop_map(|pattern| repeated(pattern, 150)),
        1 => prop::collection::vec(letter, 150),
    ]
}

fn silence() -> impl Strategy<Value = Vec<char>> {
    let patterns = prop::sample::select(vec!["mmmmp", "mp", "mmp", "mmmp", "p"]);
    prop_oneof![
        2 => patterns.prop_map(|pattern| repeated(pattern, 150)),
        1 => prop::collection::vec(prop::sample::select(vec!['p', 'm']), 150),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn however_one_path_turns_there_are_so_many_messages_in_an_hour(
        script in script(), check in 0..CHECKS.len(),
    ) {
        let fleet = play(&[((0, Some(CHECKS[check])), script)].into());
        let (messages, pages) = most(&fleet);
        prop_assert!(messages <= MESSAGES_PER_HOUR && pages <= PAGES_PER_HOUR, "{} and {} pages", messages, pages);
    }

    #[test]
    fn however_paths_and_probes_turn_there_are_so_many_messages_for_each_in_an_hour(
        paths in prop::collection::btree_map((0..6_usize, 0..CHECKS.len()), script(), 1..6),
        probes in prop::collection::btree_map(0..6_usize, silence(), 0..3),
    ) {
        let paths = paths.into_iter().map(|((probe, check), script)| ((probe, Some(CHECKS[check])), script));
        let scripts: Scripts = paths.chain(probes.into_iter().map(|(it, script)| ((it, None), script))).collect();
        let turning = scripts.len();
        let fleet = play(&scripts);
        let (messages, pages) = most(&fleet);
        prop_assert!(
            messages <= MESSAGES_PER_HOUR * turning && pages <= PAGES_PER_HOUR * turning,
            "{} and {} pages for {}", messages, pages, turning
        );
    }
}
