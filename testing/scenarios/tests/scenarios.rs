//! The scenarios. Nothing here needs root or leaves its namespaces.
//!
//! Where the machine forbids namespaces, or has no `ip`, `nft` or probe, a test says so and is left out; with
//! `CI=true` it fails, unless `PHONEHOME_NO_NAMESPACES=1` says that this is known.

#![cfg(target_os = "linux")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use phonehome_lab::{available, testing};
use phonehome_scenarios::scenarios;

const LAB: &str = env!("CARGO_BIN_EXE_lab");

/// The probe's binary: the one that is named, or the one beside the lab's.
fn probe() -> PathBuf {
    let named = std::env::var_os("PHONEHOME_PROBE").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(LAB).with_file_name("phonehome-probe"))
}

/// Whether the lab cannot run here. Says why.
fn is_left_out() -> bool {
    let missing = || {
        let build = "cargo build --release --package phonehome-probe";
        anyhow::anyhow!("{} is not there: {build}", probe().display())
    };
    testing::is_left_out(if probe().exists() { available() } else { Err(missing()) })
}

/// The lab with these arguments. It ends with the test.
fn lab(arguments: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", LAB, "--probe"]).arg(probe()).args(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn every_fault_is_seen_told_and_mended_as_it_has_to_be() {
    if is_left_out() {
        return;
    }
    let output = lab(&["--all"]).output().unwrap();
    let text = [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned()).concat();
    assert!(output.status.success(), "{text}");
    assert!(scenarios().all(|it| text.contains(&format!("{} ", it.name))), "{text}");
}

#[test]
fn what_is_broken_and_mended_by_hand_is_shown_and_told() {
    if is_left_out() {
        return;
    }
    let mut watch = lab(&["--watch", "--interval", "2"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut typed = watch.stdin.take().unwrap();
    for (line, then) in [("break nonsense", 6), ("break target-refuses", 10), ("mend", 8), ("quit", 0)] {
        writeln!(typed, "{line}").unwrap();
        std::thread::sleep(Duration::from_secs(then));
    }
    let output = watch.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout);
    let database = "shop-prod use1-az1 connection/shop-to-payments/5432";
    let at = |part: &str| shown.find(part).unwrap_or_else(|| panic!("not shown: {part}, but\n{shown}"));
    let order = [
        at("no fault \"nonsense\""),
        at("phonehome cannot mend it"),
        at(&format!("{database}: NOT as declared")),
        at("#net-prod: :red_circle: db.payments.test:5432"),
        at("all is as it was"),
        shown.rfind(&format!("{database}: as declared")).unwrap(),
    ];
    assert!(order.is_sorted(), "{shown}");
}
