use phonehome_wire::{CheckId, Class, Purpose, Stage, TRIES_DEFAULT, Target, WIRE_VERSION};
use proptest::prelude::*;

use super::*;

const RUN_MS: u64 = 1_700_000_000_000;
const VAULT: &str = "vault:443";

fn ip(last: u8) -> IpAddr {
    [10, 0, 0, last].into()
}

fn check(id: &str, expect: Expect, endpoint: &str) -> Check {
    Check {
        id: CheckId(id.into()),
        kind: CheckKind::Tcp { host: "vault".into(), port: 443 },
        expect,
        purpose: Purpose::Isolation,
        target: Target { endpoint: endpoint.into(), account: None },
        timeout_ms: 1000,
        every_minutes: if expect == Expect::Deny { 5 } else { 1 },
        tries: TRIES_DEFAULT,
        control: (expect == Expect::Deny).then(|| CheckId("control".into())),
    }
}

fn declared() -> Vec<Check> {
    vec![check("vault", Expect::Deny, VAULT), check("control", Expect::Connect, "api:443")]
}

fn result(id: &str, verdict: Verdict, addresses: &[IpAddr]) -> CheckResult {
    CheckResult { addresses: addresses.to_vec(), ..CheckResult::new(CheckId(id.into()), verdict) }
}

fn report(results: Vec<CheckResult>) -> Report {
    Report {
        version: WIRE_VERSION,
        account: "444455556666".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
        availability_zone: "use1-az1".parse().unwrap(),
        part: 0,
        run_id: "run".into(),
        generation: 1,
        started_at_ms: RUN_MS,
        duration_ms: 1,
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results,
    }
}

fn silence() -> Verdict {
    Verdict::Denied { error: "no answer to 2 SYNs".into() }
}

fn witnessed(addresses: &[IpAddr], at_ms: u64) -> Witnesses {
    [(VAULT.to_owned(), vec![Witness { addresses: addresses.to_vec(), at_ms }])].into()
}

/// What the hub says of the first result.
fn judged(declared: &[Check], results: Vec<CheckResult>, witnesses: &Witnesses) -> Verdict {
    let mut report = report(results);
    judge_denials(&mut report, declared, witnesses, RUN_MS);
    report.results.remove(0).verdict
}

#[track_caller]
fn reason(verdict: Verdict) -> String {
    match verdict {
        Verdict::Inconclusive { reason } => reason,
        other => panic!("{other:?}"),
    }
}

fn denied_at(addresses: &[IpAddr]) -> Vec<CheckResult> {
    vec![result("vault", silence(), addresses), result("control", Verdict::Ok, &[ip(9)])]
}

#[test]
fn silence_is_proof_next_to_a_passing_control_and_a_witness_of_every_address() {
    let witnesses = witnessed(&[ip(1), ip(2), ip(3)], RUN_MS - 60_000);
    assert_eq!(judged(&declared(), denied_at(&[ip(1), ip(2)]), &witnesses), Verdict::DenyProven);
    let two = vec![
        Witness { addresses: vec![ip(1)], at_ms: RUN_MS },
        Witness { addresses: vec![ip(2)], at_ms: RUN_MS },
    ];
    let witnesses = [(VAULT.to_owned(), two)].into();
    assert_eq!(judged(&declared(), denied_at(&[ip(1), ip(2)]), &witnesses), Verdict::DenyProven);
}

#[test]
fn without_a_witness_of_each_address_close_in_time_the_target_may_be_dead() {
    let nobody = reason(judged(&declared(), denied_at(&[ip(1)]), &Witnesses::new()));
    assert!(nobody.contains("nobody may connect to vault:443") && nobody.contains("declare"), "{nobody}");
    for witnesses in [
        witnessed(&[], RUN_MS),
        witnessed(&[ip(1)], RUN_MS),
        witnessed(&[ip(1), ip(2)], RUN_MS - WITNESSED_WITHIN_MS - 1),
        witnessed(&[ip(1), ip(2)], RUN_MS + WITNESSED_WITHIN_MS + 1),
        [(VAULT.to_owned(), vec![])].into(),
    ] {
        let reason = reason(judged(&declared(), denied_at(&[ip(1), ip(2)]), &witnesses));
        assert!(reason.ends_with("within 3 minutes: it may be dead"), "{reason}");
    }
    for at_ms in [RUN_MS - WITNESSED_WITHIN_MS, RUN_MS + WITNESSED_WITHIN_MS] {
        let verdict = judged(&declared(), denied_at(&[ip(1)]), &witnessed(&[ip(1)], at_ms));
        assert_eq!(verdict, Verdict::DenyProven);
    }
    let nowhere = reason(judged(&declared(), denied_at(&[]), &witnessed(&[ip(1)], RUN_MS)));
    assert!(nowhere.contains("does not say at which addresses"), "{nowhere}");
}

#[test]
fn a_control_that_connected_to_nothing_in_the_same_run_proves_nothing() {
    let witnesses = witnessed(&[ip(1)], RUN_MS);
    let fail = Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: "no route".into() };
    let with = |control: Option<Verdict>| {
        let mut results = vec![result("vault", silence(), &[ip(1)])];
        results.extend(control.map(|verdict| result("control", verdict, &[])));
        results
    };
    for (control, part) in [
        (Some(fail), "did not pass (no route)"),
        (Some(silence()), "did not pass"),
        (Some(Verdict::ProbeError { reason: "no files".into() }), "did not pass (no files)"),
        (Some(Verdict::DenyProven), "has no result"),
        (None, "has no result"),
    ] {
        let reason = reason(judged(&declared(), with(control), &witnesses));
        assert!(reason.contains(part), "{reason}");
    }
    let without = Check { control: None, ..declared().remove(0) };
    let deny = check("control", Expect::Deny, "api:443");
    let lookup = CheckKind::Dns { name: "api".into(), nameserver: None, record: None, expected: vec![] };
    let lookup = Check { kind: lookup, ..declared().remove(1) };
    for (declared, part) in [
        (vec![without], "names no control"),
        (declared()[..1].to_vec(), "is no check"),
        (vec![declared().remove(0), deny], "does not connect"),
        (vec![declared().remove(0), lookup], "does not connect"),
    ] {
        let reason = reason(judged(&declared, with(Some(Verdict::Ok)), &witnesses));
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn what_a_probe_cannot_say_proves_nothing() {
    let witnesses = witnessed(&[ip(1)], RUN_MS);
    for (id, verdict) in [
        ("vault", Verdict::DenyProven),
        ("vault", Verdict::Ok),
        ("control", Verdict::DenyProven),
        ("control", silence()),
        ("gone", Verdict::DenyProven),
        ("gone", silence()),
    ] {
        let results = vec![result(id, verdict, &[ip(1)]), result("control", Verdict::Ok, &[ip(9)])];
        reason(judged(&declared(), results, &witnesses));
    }
}

#[test]
fn a_breach_and_a_failure_stay_what_they_are() {
    let breach =
        Verdict::Fail { stage: Stage::Open, class: Class::Open, error: "reached 10.0.0.1:443".into() };
    for id in ["vault", "control", "gone"] {
        let verdict = judged(&declared(), vec![result(id, breach.clone(), &[])], &Witnesses::new());
        assert_eq!(verdict, breach);
    }
}

#[test]
fn witnesses_are_asked_for_what_was_denied_alone() {
    let only = |verdict| report(vec![result("vault", verdict, &[]), result("control", silence(), &[])]);
    assert_eq!(denied(&only(silence()), &declared()), [VAULT].into());
    assert!(denied(&only(Verdict::DenyProven), &declared()).is_empty());
}

#[test]
fn an_isolation_that_a_probe_does_not_test_is_inconclusive() {
    let safe = check("safe", Expect::Deny, "safe:443");
    let declared = [declared(), vec![safe]].concat();
    let with = |ids: &[&str]| {
        let results = ids.iter().map(|id| result(id, silence(), &[ip(1)]));
        report([vec![result("control", Verdict::Ok, &[ip(9)])], results.collect()].concat())
    };
    let (both, one, none) = (with(&["vault", "safe"]), with(&["vault"]), with(&[]));
    assert_eq!(isolations_at(&one, &declared, 5, RUN_MS), RUN_MS);
    assert_eq!(isolations_at(&none, &declared, 5, RUN_MS), 5);
    assert_eq!(isolations_at(&none, &declared, 0, RUN_MS), RUN_MS, "they are waited for from now on");
    assert_eq!(isolations_at(&one, &declared, RUN_MS + 1, RUN_MS), RUN_MS + 1, "a late report");
    let late_ms = RUN_MS - 15 * 60_000;
    for (report, tested_ms, asked, added) in [
        (&none, late_ms - 1, &["vault", "safe"][..], &["vault", "safe"][..]),
        (&none, late_ms - 1, &["safe"], &["safe"]),
        (&none, late_ms, &["vault", "safe"], &[]),
        (&none, 0, &["vault", "safe"], &[]),
        (&one, RUN_MS - 1, &["vault", "safe"], &["safe"]),
        (&one, RUN_MS - 1, &["vault"], &[]),
        (&one, late_ms - 1, &["vault"], &[]),
        (&both, late_ms - 1, &["vault", "safe"], &[]),
    ] {
        let mut judged = report.clone();
        judge_omissions(&mut judged, &declared, |id| asked.contains(&id.0.as_str()), tested_ms, RUN_MS);
        let found: Vec<&str> =
            judged.results[report.results.len()..].iter().map(|it| it.id.0.as_str()).collect();
        assert_eq!(found, added, "{tested_ms} {asked:?}");
        for added in judged.results.drain(report.results.len()..) {
            assert_eq!(reason(added.verdict), "the probe does not test it");
        }
    }
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Ok),
        Just(silence()),
        Just(Verdict::DenyProven),
        Just(Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: String::new() }),
        Just(Verdict::Fail { stage: Stage::Open, class: Class::Open, error: String::new() }),
        Just(Verdict::Inconclusive { reason: String::new() }),
        Just(Verdict::ProbeError { reason: String::new() }),
    ]
}

proptest! {
    /// Whatever comes, nothing is proven but where, in that very run, silence met every address, the control
    /// connected, and a witness reached each of them.
    #[test]
    fn no_mixture_of_results_is_a_proof_unless_all_of_it_is_there(
        verdict in any_verdict(),
        control in any_verdict(),
        addresses in prop::collection::vec(1..4_u8, 0..3),
        witnessed_at in prop::collection::vec(
            (prop::collection::vec(1..4_u8, 0..3), -400_000..400_000_i64), 0..3),
        anybody_may in any::<bool>(),
    ) {
        let addresses: Vec<IpAddr> = addresses.into_iter().map(ip).collect();
        let witnesses: Vec<Witness> = witnessed_at
            .into_iter()
            .map(|(reached, ago)| Witness {
                addresses: reached.into_iter().map(ip).collect(),
                at_ms: RUN_MS.saturating_add_signed(ago),
            })
            .collect();
        let is_close = |witness: &&Witness| witness.at_ms.abs_diff(RUN_MS) <= WITNESSED_WITHIN_MS;
        let reached: Vec<IpAddr> =
            witnesses.iter().filter(is_close).flat_map(|witness| witness.addresses.clone()).collect();
        let is_whole = verdict == silence()
            && control == Verdict::Ok
            && anybody_may
            && !addresses.is_empty()
            && addresses.iter().all(|address| reached.contains(address));
        let known = if anybody_may { [(VAULT.to_owned(), witnesses)].into() } else { Witnesses::new() };
        let results = vec![result("vault", verdict, &addresses), result("control", control, &[ip(9)])];
        let judged = judged(&declared(), results, &known);
        prop_assert_eq!(judged == Verdict::DenyProven, is_whole);
        prop_assert_ne!(judged, Verdict::Ok);
    }
}
