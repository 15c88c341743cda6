//! What the probe says of networks that lose packets or are slow. Nothing here needs root or leaves its namespaces.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use phonehome_lab::sample::{Fleet, host_address, stack, zone};
use phonehome_lab::{Effect, Impairment, Lab, Segment, is_inside, testing};
use phonehome_wire::{Attempt, Check, CheckId, CheckKind, CheckResult, Class, Stage, Verdict};

/// The probe's binary: the one that is named, or the one beside the lab's.
fn probe() -> PathBuf {
    let named = std::env::var_os("PHONEHOME_PROBE").map(PathBuf::from);
    named.unwrap_or_else(|| Path::new(env!("CARGO_BIN_EXE_lab-serve")).with_file_name("phonehome-probe"))
}

/// Runs `test`, which is the body of the test of that name, inside namespaces of its own.
fn inside(name: &str, test: impl FnOnce()) {
    let build = "cargo build --release --package phonehome-probe";
    let missing = || anyhow::anyhow!("{} is not there: {build}", probe().display());
    if is_inside() || !testing::is_left_out(if probe().exists() { Ok(()) } else { Err(missing()) }) {
        testing::run_test(name, test);
    }
}

/// How many connections are tried.
const TRIES: usize = 60;

/// Tries [`TRIES`] connections with a host of account 2's from account 1's first zone; what came of each, with its one
/// attempt.
fn connections(lab: &Lab, fleet: &Fleet) -> Vec<(Verdict, Attempt)> {
    let mut input = fleet.input(1, 1);
    let check = input.checks.iter().find(|it| it.id.0 == "connection").unwrap().clone();
    let check = |number: usize| Check {
        id: CheckId(number.to_string()),
        kind: CheckKind::Tcp { host: host_address(2, 1).to_string(), port: 443 },
        ..check.clone()
    };
    input.checks = (0..TRIES).map(check).collect();
    let report = lab.probe(&stack(1), &zone(1), &input).unwrap();
    let one = |CheckResult { verdict, detail, .. }: CheckResult| {
        assert_eq!(detail.attempts.len(), 1, "{detail:?}");
        (verdict, detail.attempts[0].clone())
    };
    report.results.into_iter().map(one).collect()
}

/// A number that the kernel has counted in an account's subnet, of a file of names and numbers.
fn counted(account: u8, number: u8, file: &str, group: &str, name: &str) -> u32 {
    let namespace = format!("{}.us-east-1.subnet-{account}-private-{number}", stack(account).account);
    let output = Command::new("ip").args(["netns", "exec", &namespace, "cat", file]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().filter(|it| it.starts_with(group)).map(|it| it.split_whitespace());
    let (names, values) = (lines.next().unwrap(), lines.next().unwrap());
    let found = names.zip(values).find(|(it, _)| *it == name);
    found.unwrap().1.parse().unwrap()
}

/// How many SYNs the kernel has sent again from the subnet of account 1's first zone.
fn syns_sent_again() -> u32 {
    counted(1, 1, "/proc/net/netstat", "TcpExt:", "TCPSynRetrans")
}

#[test]
fn where_packets_get_lost_the_report_says_as_the_kernel_does_which_were_sent_again() {
    let name = "where_packets_get_lost_the_report_says_as_the_kernel_does_which_were_sent_again";
    inside(name, || {
        let mut fleet = Fleet::new(2, 1);
        let mut lab = Lab::build(&fleet.inventories, &fleet.wishes, &probe()).unwrap();
        let sound = connections(&lab, &fleet);
        assert!(
            sound.iter().all(|(verdict, it)| *verdict == Verdict::Ok && it.retransmissions == 0),
            "{sound:?}"
        );
        let segment = Segment::Peering("pcx-1-2".to_owned());
        fleet.wishes.impairments.push(Impairment { segment, effect: Effect::Loss(30) });
        lab.update(&fleet.inventories, &fleet.wishes).unwrap();
        let before = syns_sent_again();
        let results = connections(&lab, &fleet);
        // SYNs are sent at 0 s and at 1 s; at 2 s it is over. All that follows is certain but for two.
        for result in &results {
            let (verdict, Attempt { connect_us, retransmissions, .. }) = result;
            match (verdict, connect_us) {
                // The answer to a second SYN, or the answer that the host gave twice.
                (Verdict::Ok, Some(990_000..2_000_000)) => assert!(*retransmissions <= 1, "{result:?}"),
                (Verdict::Ok, Some(0..990_000)) => assert_eq!(*retransmissions, 0, "{result:?}"),
                (Verdict::Fail { stage: Stage::Connect, class: Class::ConnectTimeout, .. }, None) => {
                    assert_eq!(*retransmissions, 1, "{result:?}");
                }
                _ => panic!("{result:?}"),
            }
        }
        let said: u32 = results.iter().map(|(_, it)| it.retransmissions).sum();
        assert_eq!(said, syns_sent_again() - before, "what the kernel has counted");
        // The first SYN is lost with a chance of 0.3. That none of 60 is: 0.7^60 = 5 in 10^10.
        assert!(said > 0);
        // SYN and answer arrive with a chance of 0.7^2. That they do in none of 60: 0.51^60 = 3 in 10^18.
        assert!(results.iter().any(|(verdict, it)| *verdict == Verdict::Ok && it.retransmissions == 0));
    });
}

#[test]
fn twelve_probes_at_once_get_through_slow_wires_with_tls_and_http() {
    inside("twelve_probes_at_once_get_through_slow_wires_with_tls_and_http", || {
        let mut fleet = Fleet::new(4, 3);
        // Whoever aims at account 1 comes over one of them, and so do account 1's own probes.
        for number in 1..=3 {
            let segment = Segment::Subnet(format!("subnet-1-private-{number}"));
            fleet
                .wishes
                .impairments
                .push(Impairment { segment, effect: Effect::Delay(Duration::from_millis(300)) });
        }
        let lab = &Lab::build(&fleet.inventories, &fleet.wishes, &probe()).unwrap();
        let results: Vec<((u8, u8), CheckResult)> = std::thread::scope(|scope| {
            let start = |(account, number)| {
                let mut input = fleet.input(account, number);
                // What is silent is sent again.
                input.checks.retain(|it| it.id.0 != "isolation");
                let run = move || lab.probe(&stack(account), &zone(number), &input).unwrap();
                ((account, number), scope.spawn(run))
            };
            let started: Vec<_> = fleet.probes().map(start).collect();
            let reports = started.into_iter().map(|(place, thread)| (place, thread.join().unwrap()));
            reports
                .flat_map(|(place, report)| report.results.into_iter().map(move |it| (place, it)))
                .collect()
        });
        let (mut handshakes, mut answers) = (vec![], vec![]);
        for ((account, number), CheckResult { id, verdict, detail, .. }) in results {
            // The way out of other accounts is as it was.
            if id.0 == "egress" && account != 1 {
                continue;
            }
            assert_eq!(verdict, Verdict::Ok, "{account}, {number}, {id}: {detail:?}");
            assert!(detail.attempts.iter().all(|it| it.connect_us >= Some(300_000)), "{id}: {detail:?}");
            handshakes.extend(detail.attempts.iter().filter_map(|it| it.tls_us));
            answers.extend(detail.attempts.iter().filter_map(|it| it.first_byte_us));
        }
        // Of each probe, with each address of the application it aims at.
        assert_eq!((handshakes.len(), answers.len()), (12 * 3, 3));
        // Nothing got lost: what is sent as one long packet would be.
        let sent_again =
            |(account, number)| counted(account, number, "/proc/net/snmp", "Tcp:", "RetransSegs");
        assert_eq!(fleet.probes().map(sent_again).sum::<u32>(), 0);
        // TLS 1.3 takes a round trip, and so does HTTP.
        let all = || handshakes.iter().chain(&answers);
        assert!(all().all(|it| *it >= 300_000), "{handshakes:?} {answers:?}");
        println!(
            "TLS handshakes: {:?} us at most, answers {:?} us",
            handshakes.iter().max(),
            answers.iter().max()
        );
    });
}
