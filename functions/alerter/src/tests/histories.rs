//! Whatever happens: an alerter that remembers, one that does not, and one that looks at everything as it is stored
//! decide the same.

use std::collections::BTreeSet;

use phonehome_alerting::{Heartbeat, Outcome, PathResult, World, decide};
use phonehome_fleet::Member;
use phonehome_samples::stack;
use phonehome_state::StackStatus;
use phonehome_wire::{AccountId, Check};

use super::*;

const HISTORIES: u64 = 40;
const STEPS: u64 = 14;

/// Numbers that look as if they were by chance, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}

/// Six accounts, each connected to the next, with two ways out.
fn file() -> String {
    let mut text = String::from(
        "version: 1
organization: { id: o-a1b2c3d4e5, management_account: \"111111111111\", hub_account: \"222222222222\" }
regions: [{ name: us-east-1, availability_zones: [use1-az1, use1-az2, use1-az4] }]
address_pools: [{ name: all, region: us-east-1, cidr: 10.0.0.0/8, block: 18 }]
environments: [{ name: prod, pools: [all], nat: per-az, paging: true }]
probing: { egress: [{ host: one.example.com, port: 443 }, { host: two.example.com, port: 443 }] }
alert_routes: [{ slack_channel: \"#net\", page: true }]
domains:
",
    );
    for number in 0..6 {
        text.push_str(&format!("  - {{ name: d{number}, owner: team-{number}, environments: [prod] }}\n"));
    }
    text.push_str("connections:\n");
    for number in 0..6 {
        let to = (number + 1) % 6;
        text.push_str(&format!(
            "  - {{ from: d{number}, to: d{to}, ports: [443, 5432], check: {{ host: api.d{to}.example.internal }} }}\n"
        ));
    }
    text
}

/// A fleet with what it is like now.
struct History {
    alerter: Alerter<MemoryTable, MemoryQueue>,
    accounts: Vec<(StackStatus, Vec<Check>)>,
    chance: Chance,
    now_ms: u64,
    /// What fails of which probe and check, in the runs to come.
    broken: BTreeSet<(usize, usize, usize)>,
    silent: BTreeSet<(usize, usize)>,
}

impl History {
    fn of(seed: u64) -> Self {
        let table = MemoryTable::default();
        let (fleet, text) = (phonehome_fleet::parse(&file()).unwrap(), file());
        table.put_raw(Keys::fleet(), &serde_json::json!(published(&text)).to_string());
        let account = |(number, member): (usize, Member)| {
            let account: AccountId = format!("{:012}", 100_000_000_000 + number).parse().unwrap();
            let status = StackStatus {
                account,
                account_name: member.account_name.clone(),
                domain: member.domain.clone(),
                environment: member.environment.clone(),
                ..stack(START_MS - 60 * MINUTE_MS)
            };
            table.put_raw(Keys::stack(&status.stack()), &serde_json::json!(status).to_string());
            (status, fleet.checks_for(&member, REGION))
        };
        let accounts = fleet.members().into_iter().enumerate().map(account).collect();
        let (broken, silent) = (BTreeSet::new(), BTreeSet::new());
        Self {
            alerter: over_table(table.clone()),
            accounts,
            chance: Chance(seed),
            now_ms: START_MS,
            broken,
            silent,
        }
    }

    /// Something breaks, or is repaired.
    fn turn(&mut self) {
        let (accounts, checks) = (self.accounts.len(), self.accounts[0].1.len());
        let mut any = |end: usize| self.chance.below(end as u64) as usize;
        let (kind, account, zone, check) = (any(8), any(accounts), any(3), any(checks));
        let everywhere = (0..accounts).flat_map(|account| (0..3).map(move |zone| (account, zone)));
        match kind {
            0 => self.broken.extend((0..3).flat_map(|zone| (0..checks).map(move |it| (account, zone, it)))),
            1 => self.broken.extend((0..checks).map(|it| (account, zone, it))),
            2 => self.broken.extend(everywhere.map(|(account, zone)| (account, zone, check))),
            3 => drop(self.broken.insert((account, zone, check))),
            4 => drop(self.silent.insert((account, zone))),
            5 => self.silent.clear(),
            _ => self.broken.clear(),
        }
    }

    /// Every probe runs, but for the silent ones, and some whose report gets lost.
    fn reports(&mut self) {
        for account in 0..self.accounts.len() {
            for (zone, name) in ZONES.iter().enumerate() {
                if self.silent.contains(&(account, zone)) || self.chance.one_in(30) {
                    continue;
                }
                let run_ms = self.now_ms - self.chance.below(50_000);
                self.report((account, zone), name, run_ms);
            }
        }
    }

    fn report(&mut self, (account, zone): (usize, usize), name: &str, run_ms: u64) {
        let (status, checks) = &self.accounts[account];
        let part = ProbeKey {
            account: status.account.clone(),
            region: status.region.clone(),
            availability_zone: name.parse().unwrap(),
        }
        .part(0);
        let table = &self.alerter.table;
        let key = Keys::paths(&part);
        let stored = table.all().into_iter().find(|doc| doc.key == key);
        let before: Paths = stored.as_ref().map(|doc| doc.read().unwrap()).unwrap_or_default();
        let mut after = Paths::new();
        for (number, check) in checks.iter().enumerate() {
            let fails = self.broken.contains(&(account, zone, number));
            let tells = !self.chance.one_in(60);
            after.insert(check.id.clone(), next(before.get(&check.id), fails, tells, run_ms));
        }
        if stored.is_none() || after != before {
            table.put_raw(key.clone(), &serde_json::json!(after).to_string());
        }
        let version = stored.map_or(1, |doc| doc.version + u64::from(after != before));
        // Earlier releases name no paths.
        let paths_version = if self.chance.one_in(20) { 0 } else { version };
        let newest = Heartbeat { paths_version, ..heartbeat(&part, run_ms) };
        table.put_raw(Keys::heartbeat(&part), &serde_json::json!(newest).to_string());
    }

    /// The world as it is stored, with everything of every path.
    async fn whole(&self, mut world: World) -> World {
        for view in &mut world.probes {
            let doc = self.alerter.table.get(&Keys::paths(&view.key.part(0))).await.unwrap();
            view.paths = doc.map(|doc| doc.read().unwrap()).unwrap_or_default();
            view.paths.values_mut().for_each(PathState::shorten);
            view.calm = None;
        }
        world
    }
}

fn next(before: Option<&PathState>, fails: bool, tells: bool, run_ms: u64) -> PathState {
    let mut path = before.cloned().unwrap_or_else(|| path(PathStatus::Up, run_ms));
    if !tells {
        path.last = Verdict::Inconclusive { reason: "it stood still".into() };
        path.last_since_ms = run_ms;
    } else if fails {
        path.results.push(PathResult(run_ms, Outcome::Silence));
        path.results.drain(..path.results.len().saturating_sub(4));
        path.failure = Some(phonehome_alerting::Failure { stage: Stage::Connect, error: "no answer".into() });
        if path.results.len() >= 3 {
            (path.status, path.since_ms) = (PathStatus::Down, path.results[0].0);
        }
    } else if path.last != Verdict::Ok || !path.results.is_empty() {
        path = super::path(PathStatus::Up, run_ms);
    }
    path
}

#[tokio::test]
async fn who_remembers_decides_as_who_does_not_and_as_who_looks_at_everything() {
    let (mut decisions, mut calm) = (0, 0);
    for seed in 0..HISTORIES {
        let mut history = History::of(seed);
        for step in 0..STEPS {
            history.now_ms += 20_000 + history.chance.below(60_000);
            if step > 1 && history.chance.one_in(2) {
                history.turn();
            }
            history.reports();
            let History { alerter, now_ms, .. } = &history;
            let warm = gather(&alerter.table, &alerter.known, *now_ms, &alerter.pace).await.unwrap();
            let cold = gather(&alerter.table, &Known::default(), *now_ms, &alerter.pace).await.unwrap();
            calm += warm.world.probes.iter().filter(|view| view.calm.is_some()).count();
            let decision = decide(&warm.world);
            assert_eq!(decision, decide(&cold.world), "seed {seed}, step {step}: cold");
            let whole = history.whole(cold.world).await;
            assert_eq!(decision, decide(&whole), "seed {seed}, step {step}: whole");
            decisions += usize::from(!decision.is_empty());
            alerter.run(*now_ms).await.unwrap();
        }
    }
    assert!(decisions > 100 && calm > 1000, "{decisions} decisions, {calm} calm probes");
}
