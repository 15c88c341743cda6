//! The scenarios. Nothing here needs root or leaves its namespaces.
//!
//! Where the machine forbids namespaces, or has no `ip`, `nft` or probe, a test says so and is left out; with
//! `CI=true` it fails, unless `PHONEHOME_NO_NAMESPACES=1` says that this is known.

#![cfg(target_os = "linux")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use phonehome_lab::{available, testing};
use phonehome_scenarios::scenarios;

const LAB: &str = env!("CARGO_BIN_EXE_lab");
/// The longest that anything to be shown takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// A watched lab: what it shows, line by line.
struct Watched {
    typed: ChildStdin,
    shown: Receiver<String>,
    child: Child,
}

impl Watched {
    fn start() -> Self {
        let mut child = lab(&["--watch", "--interval", "2"]).stdin(Stdio::piped()).spawn().unwrap();
        let (typed, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(stdout).lines().map_while(Result::ok);
            for line in lines {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { typed, shown, child }
    }

    /// Waits for each of these, in this order; other lines may come between.
    fn waits_for(&self, parts: &[&str]) {
        let mut seen = vec![];
        for part in parts {
            while !seen.last().is_some_and(|line: &String| line.contains(part)) {
                let line = self.shown.recv_timeout(PATIENCE);
                seen.push(line.unwrap_or_else(|_| panic!("not shown: {part}, but {seen:#?}")));
            }
        }
    }
}

#[test]
fn what_is_broken_and_mended_by_hand_is_shown_and_told() {
    if is_left_out() {
        return;
    }
    let mut watched = Watched::start();
    let database = "shop-prod use1-az1 connection/shop-to-payments/5432";
    let (works, fails) = (format!("{database}: as declared"), format!("{database}: NOT as declared"));
    watched.waits_for(&[&works]);
    writeln!(watched.typed, "break nonsense").unwrap();
    watched.waits_for(&["no fault \"nonsense\""]);
    writeln!(watched.typed, "break target-refuses").unwrap();
    watched.waits_for(&["phonehome cannot mend it", &fails, "#net-prod: :red_circle: db.payments.test:5432"]);
    writeln!(watched.typed, "mend").unwrap();
    watched.waits_for(&["all is as it was", &works]);
    writeln!(watched.typed, "quit").unwrap();
    assert!(watched.child.wait().unwrap().success());
}
