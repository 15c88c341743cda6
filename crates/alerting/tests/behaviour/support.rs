//! Small fleets to play with.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{
    Decision, Heartbeat, Incident, OutgoingBody, Owner, PathState, PathStatus, Paths, Policy, ProbeKey,
    ProbeView, Reader, Route, SlackKind, Suspect, Unreadable, Unseen, World, decide,
};
use phonehome_wire::{
    AccountId, Check, CheckId, CheckKind, Class, Expect, Purpose, Stage, TRIES_DEFAULT, Target, Verdict,
};

/// 2026-11-05T10:15:00Z.
pub(crate) const START_MS: u64 = 1_793_873_700_000;
pub(crate) const MINUTE_MS: u64 = 60_000;

pub(crate) const EGRESS: &str = "egress/internet";
pub(crate) const PAYMENTS: &str = "connection/payments/443";
pub(crate) const LEDGER: &str = "connection/ledger/5432";
pub(crate) const ISOLATION: &str = "isolation/vault/443";

pub(crate) fn check(id: &str) -> Check {
    let (host, port, owner, purpose) = match id {
        EGRESS => ("checkip.example.com", 443, None, Purpose::Egress),
        PAYMENTS => ("payments.internal", 443, Some("payments-prod"), Purpose::Connection),
        LEDGER => ("ledger.internal", 5432, Some("ledger-prod"), Purpose::Connection),
        ISOLATION => ("vault.internal", 443, Some("vault-prod"), Purpose::Isolation),
        other => panic!("no such check: {other}"),
    };
    let isolation = purpose == Purpose::Isolation;
    Check {
        id: CheckId(id.to_owned()),
        kind: CheckKind::Tcp { host: host.to_owned(), port },
        expect: if isolation { Expect::Deny } else { Expect::Connect },
        purpose,
        target: Target { endpoint: format!("{host}:{port}"), account: owner.map(str::to_owned) },
        timeout_ms: 3000,
        control: isolation.then(|| CheckId(EGRESS.to_owned())),
        every_minutes: 1,
        tries: TRIES_DEFAULT,
    }
}

pub(crate) fn path(status: PathStatus, stage: Stage, since_ms: u64) -> PathState {
    let error = if stage == Stage::Open { "connected in 3 ms" } else { "connection timed out" }.to_owned();
    let failure = Verdict::Fail { stage, class: Class::Other, error: error.clone() };
    let down = status == PathStatus::Down;
    PathState {
        turns: phonehome_alerting::Turns::default(),
        status,
        since_ms,
        streak: 0,
        streak_since_ms: 0,
        last: if down { failure } else { Verdict::Ok },
        last_since_ms: since_ms,
        results: vec![],
        failure: down.then_some(phonehome_alerting::Failure { stage, error }),
        ever_up: true,
        addresses: vec![],
        target: None,
    }
}

/// Who owns the targets; the accounts that have probes are owned by nobody who is known.
fn owners() -> BTreeMap<String, Owner> {
    let owner = |team: &str, channel: Option<&str>| Owner {
        team: team.to_owned(),
        channel: channel.map(str::to_owned),
    };
    BTreeMap::from([
        ("payments-prod".to_owned(), owner("team-payments", Some("#payments-oncall"))),
        ("ledger-prod".to_owned(), owner("team-ledger", None)),
        ("shop-prod".to_owned(), owner("team-shop", Some("#shop"))),
    ])
}

/// A world that is advanced and decided upon, minute by minute.
pub(crate) struct Fleet {
    pub(crate) world: World,
    silent: BTreeSet<ProbeKey>,
    pub(crate) sent: Vec<phonehome_alerting::Outgoing>,
}

impl Fleet {
    /// Accounts with a probe in each of the zones; each has all four checks, all up, and may page.
    pub(crate) fn of(accounts: &[&str], zones: &[&str]) -> Self {
        let mut probes = Vec::new();
        for (number, account) in accounts.iter().enumerate() {
            for zone in zones {
                probes.push(probe(number, account, zone));
            }
        }
        let world = World {
            now_ms: START_MS,
            probes,
            owners: owners(),
            routes: BTreeMap::new(),
            open: vec![],
            silences: vec![],
            policy: Policy { platform_route: None, ..Policy::default() },
            unseen: Unseen::default(),
            reader: Reader::default(),
            changes: vec![],
            findings: vec![],
        };
        let mut fleet = Self { world, silent: BTreeSet::new(), sent: vec![] };
        fleet.advance(0);
        fleet
    }

    pub(crate) fn probes(&mut self, account: &str, zones: &[&str]) -> impl Iterator<Item = &mut ProbeView> {
        self.world.probes.iter_mut().filter(move |probe| {
            probe.account_name == account && zones.contains(&probe.key.availability_zone.as_str())
        })
    }

    pub(crate) fn fail(&mut self, account: &str, zones: &[&str], checks: &[&str]) -> &mut Self {
        self.fail_at(Stage::Connect, account, zones, checks)
    }

    pub(crate) fn fail_at(
        &mut self,
        stage: Stage,
        account: &str,
        zones: &[&str],
        checks: &[&str],
    ) -> &mut Self {
        let now_ms = self.world.now_ms;
        for probe in self.probes(account, zones) {
            for check in checks {
                let stage = if *check == ISOLATION { Stage::Open } else { stage };
                probe.paths.insert(CheckId((*check).to_owned()), path(PathStatus::Down, stage, now_ms));
            }
        }
        self
    }

    pub(crate) fn recover(&mut self, account: &str, zones: &[&str], checks: &[&str]) -> &mut Self {
        let now_ms = self.world.now_ms;
        for probe in self.probes(account, zones) {
            for check in checks {
                let up = path(PathStatus::Up, Stage::Connect, now_ms);
                probe.paths.insert(CheckId((*check).to_owned()), up);
            }
        }
        self
    }

    pub(crate) fn hush(&mut self, account: &str, zones: &[&str]) -> &mut Self {
        let keys: Vec<ProbeKey> = self.probes(account, zones).map(|probe| probe.key.clone()).collect();
        self.silent.extend(keys);
        self
    }

    pub(crate) fn unhush(&mut self, account: &str, zones: &[&str]) -> &mut Self {
        let keys: Vec<ProbeKey> = self.probes(account, zones).map(|probe| probe.key.clone()).collect();
        self.silent.retain(|key| !keys.contains(key));
        self.advance(0)
    }

    /// Time passes; every probe that is not hushed reports.
    pub(crate) fn advance(&mut self, ms: u64) -> &mut Self {
        self.world.now_ms += ms;
        let now_ms = self.world.now_ms;
        for probe in self.world.probes.iter_mut().filter(|probe| !self.silent.contains(&probe.key)) {
            probe.heartbeat = Some(heartbeat(&probe.key, now_ms));
        }
        self
    }

    /// Decides, stores the decision, and checks that the same world then has nothing to say.
    pub(crate) fn decide(&mut self) -> Decision {
        let decision = decide(&self.world);
        self.world.open = applied(&decision, std::mem::take(&mut self.world.open));
        assert!(decide(&self.world).is_empty(), "{:#?}", decide(&self.world));
        self.sent.extend(decision.outbox.iter().cloned());
        decision
    }

    /// What is sent now, in short.
    pub(crate) fn says(&mut self) -> Vec<&'static str> {
        self.decide().outbox.iter().map(|message| kind(&message.body)).collect()
    }

    pub(crate) fn suspects(&self) -> Vec<Suspect> {
        self.world.open.iter().map(|incident| incident.suspect.clone()).collect()
    }

    pub(crate) fn only(&self) -> &Incident {
        assert_eq!(self.world.open.len(), 1, "{:#?}", self.suspects());
        &self.world.open[0]
    }
}

pub(crate) fn kind(body: &OutgoingBody) -> &'static str {
    match body {
        OutgoingBody::Page { merged_into: Some(_), .. } => "page-merged",
        OutgoingBody::Page { resolved: false, .. } => "page",
        OutgoingBody::Page { resolved: true, .. } => "page-resolve",
        OutgoingBody::Slack { kind: SlackKind::Opened, .. } => "opened",
        OutgoingBody::Slack { kind: SlackKind::Updated, .. } => "updated",
        OutgoingBody::Slack { kind: SlackKind::Resolved, .. } => "resolved",
    }
}

pub(crate) fn account_id(number: usize) -> AccountId {
    format!("{:012}", 111_111_111_111 * (number + 1) % 1_000_000_000_000).parse().unwrap()
}

fn probe(number: usize, account: &str, zone: &str) -> ProbeView {
    let key = ProbeKey {
        account: account_id(number),
        region: "us-east-1".parse().unwrap(),
        availability_zone: zone.parse().unwrap(),
    };
    let (domain, environment) = account.rsplit_once('-').expect("accounts are named domain-environment");
    let checks: Vec<Check> = [EGRESS, PAYMENTS, LEDGER, ISOLATION].map(check).into();
    let up = |check: &Check| (check.id.clone(), path(PathStatus::Up, Stage::Connect, START_MS));
    ProbeView {
        key,
        account_name: account.to_owned(),
        domain: domain.to_owned(),
        environment: environment.to_owned(),
        expected_since_ms: START_MS - 60 * MINUTE_MS,
        paths: checks.iter().map(up).collect::<Paths>(),
        nat_zone: None,
        calm: None,
        checks: checks.into(),
        heartbeat: None,
        crash: None,
        unreadable: Unreadable::default(),
        parts: vec![],
        route: Route { slack_channel: "#network".to_owned(), page: true, page_channel: None }.into(),
    }
}

pub(crate) fn heartbeat(key: &ProbeKey, now_ms: u64) -> Heartbeat {
    Heartbeat {
        key: key.clone(),
        part: 0,
        last_started_at_ms: now_ms,
        last_received_at_ms: now_ms,
        run_id: format!("run-{now_ms}"),
        generation: 1,
        clock_ahead_ms: 0,
        isolations_at_ms: 0,
        rerun_received_ms: 0,
        passed_again: None,
        paths_expire_at_ms: 0,
        paths_version: 0,
        heard_since_ms: 0,
        behind: None,
        connects: vec![],
        turns: phonehome_alerting::Turns::default(),
    }
}

/// The open incidents after this decision.
pub(crate) fn applied(decision: &Decision, open: Vec<Incident>) -> Vec<Incident> {
    let all = open.into_iter().chain(decision.incidents.iter().cloned());
    let by_id: BTreeMap<String, Incident> = all.map(|incident| (incident.id.clone(), incident)).collect();
    by_id.into_values().filter(Incident::is_open).collect()
}
