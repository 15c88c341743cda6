//! A fleet of any size, and what is stored of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use ipnet::Ipv4Net;
use phonehome_alerting::{Failure, Heartbeat, PathResult, PathState, PathStatus, Paths, ProbeKey, Turns};
use phonehome_cloud::table::{Key, MemoryTable, Table as _};
use phonehome_fleet::{Binding, Fleet, Line, Member};
use phonehome_localisation::Outcome;
use phonehome_samples::{published, stack};
use phonehome_state::{Claim, ClaimState, Keys, Seen, SeenVpc, StackStatus};
use phonehome_wire::{AccountId, AzId, Check, CheckId, CheckKind, Purpose, Stage, Verdict};
use serde::Serialize;
use serde_json::json;

/// The zones of each account.
const ZONES: [&str; 3] = ["use1-az1", "use1-az2", "use1-az4"];
const REGION: &str = "us-east-1";
/// The environments of each domain.
const ENVIRONMENTS: usize = 10;
/// The hosts on the internet that each probe tests; with the ports of two connections that is [`PATHS`].
const HOSTS: usize = 12;
/// How many paths a probe has.
pub(crate) const PATHS: usize = HOSTS + 8;
/// How far apart two runs of a probe are, in milliseconds.
pub(crate) const INTERVAL_MS: u64 = 60_000;

/// What breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// Nothing gets out of an account or into it.
    Account,
    /// What the account's connections of others aim at is dead.
    Target,
    /// A zone of it has no way out.
    Nat,
}

/// A fleet, and what is broken in it.
#[derive(Debug)]
pub(crate) struct Stored {
    fleet: Fleet,
    members: Vec<Member>,
    /// Where in that list an account is, by its name.
    numbers: BTreeMap<String, usize>,
    text: String,
    /// How many things are broken; nothing at first.
    causes: usize,
}

impl Stored {
    /// A fleet of so many accounts, in which nothing is broken.
    ///
    /// # Panics
    /// When its file is none, which is a mistake of this benchmark.
    pub(crate) fn of(accounts: usize) -> Self {
        let text = file(accounts.div_ceil(ENVIRONMENTS));
        #[allow(clippy::expect_used, reason = "the file is made above")]
        let fleet = phonehome_fleet::parse(&text).expect("a fleet file");
        let members = fleet.members();
        let numbers = (0..).zip(&members).map(|(number, it)| (it.account_name.clone(), number)).collect();
        Self { fleet, members, numbers, text, causes: 0 }
    }

    /// How many accounts there are.
    pub(crate) fn accounts(&self) -> usize {
        self.members.len()
    }

    /// Breaks so many things, each in an account of its own.
    pub(crate) fn broken(self, causes: usize) -> Self {
        Self { causes: causes.min(self.members.len() / 2), ..self }
    }

    /// Puts into the table what the fleet file and the stacks are.
    pub(crate) fn declare(&self, table: &MemoryTable, ready_ms: u64) {
        put(table, Keys::fleet(), &published(&self.text));
        for (number, member) in self.members.iter().enumerate() {
            let status = StackStatus {
                account: account(number),
                account_name: member.account_name.clone(),
                domain: member.domain.clone(),
                environment: member.environment.clone(),
                ..stack(ready_ms)
            };
            put(table, Keys::stack(&status.stack()), &status);
            who_and_where(table, number, &status, ready_ms);
        }
    }

    /// Puts into the table what each probe said in its newest run before `now_ms`. Returns how many paths fail.
    pub(crate) async fn report(&self, table: &MemoryTable, now_ms: u64) -> Result<usize> {
        let mut failing = 0;
        for (number, member) in self.members.iter().enumerate() {
            let checks = self.fleet.checks_for(member, REGION);
            for (zone, name) in ZONES.iter().enumerate() {
                #[allow(clippy::expect_used, reason = "a constant")]
                let availability_zone: AzId = name.parse().expect("an Availability Zone ID");
                let region = self.fleet.regions[0].name.clone();
                let key = ProbeKey { account: account(number), region, availability_zone };
                let run_ms = now_ms - (number * ZONES.len() + zone) as u64 * 7919 % (INTERVAL_MS - 1000);
                let path = |check: &Check| {
                    let fails = self.fails(number, zone, check);
                    failing += usize::from(fails);
                    (check.id.clone(), state(fails, run_ms))
                };
                let paths: Paths = checks.iter().map(path).collect();
                let version = put_changed(table, Keys::paths(&key.part(0)), &paths).await?;
                put(table, Keys::heartbeat(&key.part(0)), &heartbeat(&key, run_ms, version));
            }
        }
        Ok(failing)
    }

    /// What is broken in this account.
    fn fault(&self, number: usize) -> Option<Fault> {
        let every = self.members.len().checked_div(self.causes)?;
        if !number.is_multiple_of(every) || number / every >= self.causes {
            return None;
        }
        Some(match number / every % 10 {
            0..=4 => Fault::Account,
            5..=7 => Fault::Target,
            _ => Fault::Nat,
        })
    }

    fn fails(&self, number: usize, zone: usize, check: &Check) -> bool {
        let target = check.target.account.as_ref();
        let there = target.and_then(|name| self.fault(*self.numbers.get(name)?));
        let here = match self.fault(number) {
            Some(Fault::Account) => true,
            Some(Fault::Nat) => zone == 0 && check.purpose == Purpose::Egress,
            Some(Fault::Target) | None => false,
        };
        here || matches!(there, Some(Fault::Account | Fault::Target))
    }
}

/// One probe's report of a fleet of any size: its checks, all of which are TCP's.
pub(crate) fn checks() -> Vec<Check> {
    let stored = Stored::of(ENVIRONMENTS * 3);
    let checks = stored.fleet.checks_for(&stored.members[0], REGION);
    checks.into_iter().filter(|check| matches!(check.kind, CheckKind::Tcp { .. })).collect()
}

/// Puts into the table who an account is, which block it has, and which VPCs were seen in it: its own and AWS's.
fn who_and_where(table: &MemoryTable, number: usize, status: &StackStatus, since_ms: u64) {
    let StackStatus { account, region, .. } = status.clone();
    let stack = status.stack();
    let cidr = block(number);
    let line = Line::new(&status.domain, &status.environment);
    put(
        table,
        Keys::binding(&line),
        &Binding {
            line,
            account: account.clone(),
            account_name: status.account_name.clone(),
            bound_at_ms: since_ms,
        },
    );
    let claim = Claim {
        cidr,
        pool: "all".to_owned(),
        account: account.clone(),
        region: region.clone(),
        claimed_at_ms: since_ms,
        state: ClaimState::Held,
    };
    put(table, Keys::block(&cidr.to_string()), &claim);
    put(table, Keys::holder(&stack), &claim);
    let vpc = |name: &str, cidr: Ipv4Net, ours: bool| SeenVpc {
        account: account.clone(),
        region: region.clone(),
        vpc_id: format!("vpc-{name}{number:016x}"),
        cidrs: vec![cidr],
        ours,
        is_default: !ours,
    };
    let vpcs = vec![vpc("0", cidr, true), vpc("1", aws_own(), false)];
    let seen = Seen { account: account.clone(), region: region.clone(), vpcs, changed_at_ms: since_ms };
    put(table, Keys::seen(&stack), &seen);
}

/// An account's block: a /22 of 10.0.0.0/8.
fn block(number: usize) -> Ipv4Net {
    let number = u32::try_from(number).unwrap_or(u32::MAX);
    Ipv4Net::new_assert((0x0a00_0000 + (number << 10)).into(), 22)
}

/// What AWS puts into each Region of a new account.
fn aws_own() -> Ipv4Net {
    Ipv4Net::new_assert([172, 31, 0, 0].into(), 16)
}

fn put(table: &MemoryTable, key: Key, value: &impl Serialize) {
    table.put_raw(key, &json!(value).to_string());
}

/// Stores paths where they are others than before, as the collector does; the version that is stored then.
async fn put_changed(table: &MemoryTable, key: Key, paths: &Paths) -> Result<u64> {
    let before = table.get(&key).await?;
    let body = json!(paths).to_string();
    match before {
        Some(before) if before.body == body => Ok(before.version),
        _ => {
            table.put_raw(key, &body);
            Ok(before.map_or(1, |doc| doc.version + 1))
        }
    }
}

fn account(number: usize) -> AccountId {
    #[allow(clippy::expect_used, reason = "twelve digits")]
    format!("{:012}", 100_000_000_000 + number as u64).parse().expect("an account id")
}

fn state(fails: bool, run_ms: u64) -> PathState {
    let healthy = PathState {
        status: PathStatus::Up,
        since_ms: 1,
        streak: 0,
        streak_since_ms: 0,
        last: Verdict::Ok,
        last_since_ms: 1,
        results: vec![],
        failure: None,
        ever_up: true,
        turns: Turns::default(),
        addresses: vec![],
        target: None,
    };
    if !fails {
        return healthy;
    }
    let error = "no answer to 3 SYNs within 3 s".to_owned();
    let class = phonehome_wire::Class::ConnectTimeout;
    let result = |age: u64| PathResult(run_ms - age * INTERVAL_MS, Outcome::Silence);
    PathState {
        status: PathStatus::Down,
        since_ms: run_ms - 2 * INTERVAL_MS,
        last: Verdict::Fail { stage: Stage::Connect, class, error: error.clone() },
        last_since_ms: run_ms - 2 * INTERVAL_MS,
        results: (0..3).rev().map(result).collect(),
        failure: Some(Failure { stage: Stage::Connect, error }),
        ..healthy
    }
}

fn heartbeat(key: &ProbeKey, run_ms: u64, paths_version: u64) -> Heartbeat {
    Heartbeat {
        key: key.clone(),
        part: 0,
        last_started_at_ms: run_ms,
        last_received_at_ms: run_ms + 800,
        run_id: format!("{run_ms:016x}-0000-4000-8000-{:012}", key.account),
        generation: 3,
        clock_ahead_ms: 0,
        isolations_at_ms: 0,
        rerun_received_ms: 0,
        passed_again: None,
        paths_expire_at_ms: run_ms + 90 * 24 * 3_600_000,
        paths_version,
        heard_since_ms: 1,
        behind: None,
        connects: vec![],
        turns: Turns::default(),
    }
}

/// The ids of a report's checks.
pub(crate) fn ids(checks: &[Check]) -> Vec<CheckId> {
    checks.iter().map(|check| check.id.clone()).collect()
}

/// A fleet file: each domain in ten environments, connected to the two behind it by four ports each.
fn file(domains: usize) -> String {
    let mut text = "version: 1
organization: { id: o-a1b2c3d4e5, management_account: \"111111111111\", hub_account: \"222222222222\" }
regions: [{ name: us-east-1, availability_zones: [use1-az1, use1-az2, use1-az4] }]
address_pools: [{ name: all, region: us-east-1, cidr: 10.0.0.0/8, block: 22 }]
environments:
"
    .to_owned();
    let environments: Vec<String> = (0..ENVIRONMENTS).map(|it| format!("e{it}")).collect();
    for name in &environments {
        let _ = writeln!(text, "  - {{ name: {name}, pools: [all], nat: per-az, paging: true }}");
    }
    text.push_str("probing:\n  egress:\n");
    for host in 0..HOSTS {
        let _ = writeln!(text, "    - {{ host: host-{host}.example.com, port: 443 }}");
    }
    let environments = environments.join(", ");
    text.push_str("domains:\n");
    for domain in 0..domains {
        let _ =
            writeln!(text, "  - {{ name: d{domain}, owner: team-{domain}, environments: [{environments}] }}");
    }
    text.push_str("connections:\n");
    for domain in 0..domains {
        for to in [1, 2].map(|step| (domain + step) % domains) {
            let host = format!("api.d{to}.{{environment}}.example.internal");
            let _ = writeln!(
                text,
                "  - {{ from: d{domain}, to: d{to}, ports: [443, 5432, 6379, 8443], check: {{ host: \"{host}\" }} }}"
            );
        }
    }
    text.push_str("alert_routes:\n  - { slack_channel: \"#net\", page: true }\n");
    text
}
