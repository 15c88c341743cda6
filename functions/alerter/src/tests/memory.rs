//! How much memory a run takes when there is as much as there can be.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use phonehome_alerting::{Failure, Heartbeat, Outcome, PathResult, PathState, PathStatus, Paths, ProbeKey};
use phonehome_cloud::table::{Doc, Key, Table, TableError, Write};
use phonehome_fleet::Fleet;
use phonehome_samples::{REGION, published, stack};
use phonehome_state::{Keys, StackStatus};
use phonehome_wire::{Class, Stage, TEXT_CHARS_MAX, Verdict};

use super::{START_MS, over_table};

const ACCOUNTS: usize = 130;
/// As many targets as a fleet file may list under `egress`: half of the most checks that an account may
/// have in a Region.
const CHECKS: usize = 100;
/// What the process may take, in MB, with half of the checks: a quarter of what the function has
/// (`infra/hub.yaml`), as the other half and incidents about all of it would take the rest.
const MEMORY_MB_MAX: u64 = 128;
/// How every path is. With all of them down, which no account can do to another, it is more.
const STATUS: PathStatus = PathStatus::Up;
/// Set in the process that does it: one in which nothing else runs.
const MEASURED: &str = "PHONEHOME_TEST_MEASURED";

/// As many accounts and checks as there can be.
fn largest_fleet() -> String {
    let mut text = include_str!("../../../provisioner/src/tests/fleet.yaml").to_owned();
    let begin = text.find("domains:").unwrap();
    text.truncate(begin);
    text.push_str("domains:\n");
    for number in 0..ACCOUNTS {
        let _ = writeln!(text, "  - {{ name: team-{number}, owner: team, environments: [{{ name: dev }}] }}");
    }
    text.push_str("probing:\n  egress:\n");
    for number in 0..CHECKS {
        let _ = writeln!(text, "    - {{ host: host-{number}.example.com, port: 443 }}");
    }
    text.push_str("alert_routes:\n  - { slack_channel: \"#net\", page: true }\n");
    text.replace("[use1-az1, use1-az2]", "[use1-az1, use1-az2, use1-az4]").replace("block: 18", "block: 20")
}

/// Makes the documents it is asked for, each as large as a collector stores it, and keeps none.
struct Largest {
    fleet: Fleet,
    text: String,
    status: PathStatus,
}

impl Largest {
    fn doc(key: Key, value: &impl serde::Serialize) -> Doc {
        Doc { key, version: 1, schema: 1, body: serde_json::to_string(value).unwrap() }
    }

    fn stacks(&self) -> Vec<Doc> {
        let members = self.fleet.members().into_iter().enumerate();
        let stacks = members.map(|(number, member)| {
            let mut stack = stack(START_MS);
            stack.account = format!("{:012}", number + 1).parse().unwrap();
            stack.account_name = member.account_name;
            Self::doc(Keys::stack(&stack.stack()), &stack)
        });
        stacks.collect()
    }

    fn heartbeats(&self) -> Vec<Doc> {
        let stacks = self.stacks();
        let probes = stacks.iter().flat_map(|doc| {
            let stack: StackStatus = doc.read().unwrap();
            let key = |zone| ProbeKey {
                account: stack.account.clone(),
                region: stack.region.clone(),
                availability_zone: zone,
            };
            stack.availability_zones.iter().cloned().map(key).collect::<Vec<_>>()
        });
        let doc = |key: ProbeKey| {
            let heartbeat = Heartbeat {
                run_id: "x".repeat(64),
                paths_version: 1,
                ..phonehome_samples::heartbeat(&key.part(0), START_MS)
            };
            Self::doc(Keys::heartbeat(&heartbeat.probe_part()), &heartbeat)
        };
        probes.map(doc).collect()
    }

    fn paths(&self) -> Paths {
        let text = "ä".repeat(TEXT_CHARS_MAX);
        let member = self.fleet.members().swap_remove(0);
        let checks = self.fleet.checks_for(&member, REGION);
        assert_eq!(checks.len(), CHECKS);
        let state = PathState {
            turns: phonehome_alerting::Turns::default(),
            status: self.status,
            since_ms: START_MS,
            streak: 0,
            streak_since_ms: 0,
            last: Verdict::Fail { stage: Stage::Connect, class: Class::Other, error: text.clone() },
            last_since_ms: START_MS,
            results: match self.status {
                PathStatus::Down => {
                    (0..12).map(|run| PathResult(START_MS + run * 60_000, Outcome::Silence)).collect()
                }
                PathStatus::Up | PathStatus::Unknown => vec![],
            },
            failure: Some(Failure { stage: Stage::Connect, error: text }),
            ever_up: true,
            addresses: vec![],
            target: Some("a-host-with-a-long-name.example.com:443".into()),
        };
        checks.into_iter().map(|check| (check.id, state.clone())).collect()
    }
}

impl Table for Largest {
    async fn get(&self, key: &Key) -> Result<Option<Doc>, TableError> {
        Ok((*key == Keys::fleet()).then(|| Self::doc(key.clone(), &published(&self.text))))
    }

    async fn query(&self, partition: &str) -> Result<Vec<Doc>, TableError> {
        Ok(match partition {
            Keys::STACKS => self.stacks(),
            Keys::HEARTBEATS => self.heartbeats(),
            _ => vec![],
        })
    }

    async fn get_many(&self, keys: &[Key]) -> Result<Vec<Doc>, TableError> {
        let paths = self.paths();
        Ok(keys.iter().map(|key| Self::doc(key.clone(), &paths)).collect())
    }

    async fn write(&self, _writes: Vec<Write>) -> Result<(), TableError> {
        Ok(())
    }
}

/// The most memory this process has had, in MB.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let fields: BTreeMap<&str, &str> = status.lines().filter_map(|line| line.split_once(':')).collect();
    let kb: u64 = fields["VmHWM"].trim().trim_end_matches(" kB").parse().unwrap();
    kb / 1024
}

#[tokio::test]
async fn the_largest_fleet_with_the_longest_texts_fits_into_the_functions_memory() {
    if std::env::var_os(MEASURED).is_some() {
        let text = largest_fleet();
        let fleet =
            phonehome_fleet::parse(&text).unwrap_or_else(|problem| panic!("{}", problem.render("fleet")));
        let table = Largest { fleet, text, status: STATUS };
        let before = peak_mb();
        let alerter = over_table(table);
        alerter.run(START_MS + 1000).await.unwrap();
        println!("{STATUS:?}: {before} MB before, peak {} MB", peak_mb());
        assert!(peak_mb() <= MEMORY_MB_MAX, "{} MB", peak_mb());
        return;
    }
    let name = "tests::memory::the_largest_fleet_with_the_longest_texts_fits_into_the_functions_memory";
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", name, "--nocapture"]).env(MEASURED, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("MB before"), "it did not run: {said}");
}
