//! Late, crashed and never enrolled probes are told apart, and are one incident for each cause all the same.

use phonehome_alerting::{Crash, OutgoingBody, Suspect, WhySilent};

use crate::support::{Fleet, MINUTE_MS};

const ZONES: &[&str] = &["use1-az1", "use1-az2"];
const ACCOUNTS: &[&str] = &["shop-prod", "search-prod", "orders-prod"];

fn fleet() -> Fleet {
    let mut fleet = Fleet::of(ACCOUNTS, ZONES);
    fleet.advance(10 * MINUTE_MS);
    fleet
}

fn crash(fleet: &mut Fleet, account: &str, zones: &[&str]) {
    let at_ms = fleet.world.now_ms;
    for probe in fleet.probes(account, zones) {
        probe.crash = Some(Crash::of(at_ms, "run", "Runtime.ExitError: signal: killed").into());
    }
}

fn never_heard(fleet: &mut Fleet, account: &str, zones: &[&str]) {
    let now_ms = fleet.world.now_ms;
    fleet.hush(account, zones);
    for probe in fleet.probes(account, zones) {
        (probe.heartbeat, probe.expected_since_ms) = (None, now_ms);
        probe.paths.clear();
    }
}

/// How the title ends, why nothing is heard, and what happened.
type Case<'c> = (&'c str, WhySilent, &'c dyn Fn(&mut Fleet));

/// The title and all else of the one message in the channel, in which it says why.
fn told(fleet: &mut Fleet) -> (String, String) {
    fleet.sent.clear();
    fleet.decide();
    let slack = fleet.sent.iter().filter_map(|message| match &message.body {
        OutgoingBody::Slack { text, blocks, .. } => {
            Some((text.to_string(), serde_json::json!(blocks).to_string()))
        }
        OutgoingBody::Page { .. } => None,
    });
    let slack: Vec<(String, String)> = slack.collect();
    let [one] = slack.as_slice() else { panic!("{slack:#?}") };
    one.clone()
}

#[test]
fn a_probe_is_late_or_crashed_or_never_enrolled_and_each_is_told_with_its_own_remedy() {
    let one = &ZONES[..1];
    let cases: [Case<'_>; 3] = [
        ("has fallen silent", WhySilent::Late, &|fleet| {
            fleet.hush("shop-prod", one).advance(4 * MINUTE_MS);
        }),
        ("crashes in each run", WhySilent::Crashed, &|fleet| {
            fleet.hush("shop-prod", one).advance(MINUTE_MS);
            crash(fleet, "shop-prod", one);
            fleet.advance(3 * MINUTE_MS);
        }),
        ("is deployed and was never heard of", WhySilent::NeverEnrolled, &|fleet| {
            never_heard(fleet, "shop-prod", one);
            fleet.advance(4 * MINUTE_MS);
        }),
    ];
    let mut remedies = std::collections::BTreeSet::new();
    for (title, why, happens) in cases {
        let mut fleet = fleet();
        happens(&mut fleet);
        let (text, blocks) = told(&mut fleet);
        assert!(text.ends_with(&format!("shop-prod: the probe in use1-az1 {title}")), "{text}");
        assert!(matches!(fleet.only().suspect, Suspect::Probe { .. }));
        assert_eq!(fleet.only().members[0].why_silent, Some(why));
        assert_eq!(blocks.contains("signal: killed"), why == WhySilent::Crashed, "{blocks}");
        let remedy = blocks.split("nothing is known about the network there. ").nth(1).expect("a remedy");
        remedies.insert(remedy.split("\\n").next().unwrap().to_owned());
    }
    assert_eq!(remedies.len(), 3, "{remedies:?}");
}

#[test]
fn a_whole_account_that_crashes_or_was_never_heard_of_is_one_incident() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", ZONES).advance(MINUTE_MS);
    crash(&mut fleet, "shop-prod", ZONES);
    fleet.advance(3 * MINUTE_MS);
    let (text, _) = told(&mut fleet);
    assert!(text.ends_with("shop-prod: its probes in us-east-1 crash in each run"), "{text}");
    fleet.only();
    let mut fleet = self::fleet();
    never_heard(&mut fleet, "shop-prod", ZONES);
    fleet.advance(4 * MINUTE_MS);
    let (text, _) = told(&mut fleet);
    assert!(
        text.ends_with("shop-prod: its probes in us-east-1 are deployed and were never heard of"),
        "{text}"
    );
    fleet.only();
}

#[test]
fn where_they_are_silent_for_several_reasons_none_is_said_of_all() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", ZONES).advance(MINUTE_MS);
    crash(&mut fleet, "shop-prod", &ZONES[..1]);
    fleet.advance(3 * MINUTE_MS);
    let (text, blocks) = told(&mut fleet);
    assert!(text.ends_with("shop-prod has fallen silent in us-east-1"), "{text}");
    assert!(blocks.contains("signal: killed") && blocks.contains("no report from use1-az2"), "{blocks}");
}

#[test]
fn a_crash_by_itself_and_one_before_the_newest_run_are_no_reason() {
    let mut fleet = fleet();
    crash(&mut fleet, "shop-prod", ZONES);
    assert!(fleet.decide().is_empty(), "who reports is not silent");
    fleet.advance(MINUTE_MS);
    fleet.hush("shop-prod", &ZONES[..1]).advance(4 * MINUTE_MS);
    let (text, _) = told(&mut fleet);
    assert!(text.ends_with("the probe in use1-az1 has fallen silent"), "{text}");
}

#[test]
fn that_a_silent_probe_crashes_is_told_when_it_is_known_and_once() {
    let mut fleet = fleet();
    fleet.hush("shop-prod", &ZONES[..1]).advance(4 * MINUTE_MS);
    assert_eq!(fleet.says(), ["opened"]);
    fleet.advance(10_000);
    crash(&mut fleet, "shop-prod", &ZONES[..1]);
    assert_eq!(fleet.says(), ["updated"]);
    assert!(
        fleet.only().timeline.last().unwrap().text.contains("known by now: shop-prod/use1-az1 (crashes)")
    );
    for _ in 0..3 {
        fleet.advance(MINUTE_MS);
        crash(&mut fleet, "shop-prod", &ZONES[..1]);
        assert!(fleet.decide().is_empty(), "each crash says the same");
    }
    fleet.unhush("shop-prod", ZONES);
    assert_eq!(fleet.says(), ["resolved"]);
}
