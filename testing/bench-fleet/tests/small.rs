//! The benchmark itself, with a fleet so small that it takes no time.

use std::process::Command;

use serde_json::Value;

/// What a part measures with so many accounts, by what each figure is called.
fn measured(part: &str, accounts: usize) -> Vec<(String, f64)> {
    let output = Command::new(env!("CARGO_BIN_EXE_bench-fleet"))
        .args(["--only", part, "--accounts", &accounts.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{part}: {}", String::from_utf8_lossy(&output.stderr));
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    let lines = figures["lines"].as_array().unwrap().iter();
    lines.map(|line| (line["what"].as_str().unwrap().to_owned(), line["value"].as_f64().unwrap())).collect()
}

fn figure(measured: &[(String, f64)], what: &str) -> f64 {
    measured.iter().find(|(it, _)| it.contains(what)).unwrap_or_else(|| panic!("no {what}: {measured:?}")).1
}

#[test]
fn a_sweep_of_accounts_as_declared_looks_at_each_once_and_changes_nothing() {
    let sweep = measured("sweep", 12);
    // STS, EC2's kinds with two for the attributes and none for the addresses, and a list each.
    assert_eq!(figure(&sweep, "calls in an account"), 15.0, "{sweep:?}");
    assert!(figure(&sweep, "until the last one was observed") < 5.0, "{sweep:?}");
}

#[test]
fn a_change_reaches_every_account_of_every_wave_within_its_time() {
    let rolled_out = measured("roll-out", 6);
    for wave in ["dev", "stage", "prod"] {
        let slowest = figure(&rolled_out, &format!("the slowest of {wave}"));
        // It is looked at again when EC2's answers are certainly new.
        assert!((40.0..=90.0).contains(&slowest), "{rolled_out:?}");
    }
    assert_eq!(figure(&rolled_out, "refused as too many"), 0.0);
}

#[test]
fn a_plan_has_a_change_for_each_account() {
    let plan = measured("plan", 6);
    assert!(figure(&plan, "until all are planned") < 10.0, "{plan:?}");
}
