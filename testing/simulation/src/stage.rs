//! The fleet that is watched: its file, as people write it, and what is in the table before the first report.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, anyhow};
use phonehome_alerting::{Given, Inputs, ProbeKey, Rerun, endpoints};
use phonehome_bench_localisation::{CLOSED_PORT, Fleet, OUTSIDE, PORTS, ZONES};
use phonehome_cloud::table::{Expect, MemoryTable, Table as _, Write};
use phonehome_fleet::Line;
use phonehome_state::{Keys, Phase, PublishedFleet, StackStatus, bind};
use phonehome_wire::{AzId, Check, StackId};

use crate::clock::BEGIN_MS;

pub(crate) const REGION: &str = "us-east-1";
/// How many others each account connects to.
const CONNECTIONS: u32 = 2;
/// Of so many accounts one has a route that pages nobody.
const QUIET_EVERY: u32 = 4;
/// So many more results of a path fail than pass before it is told: what is declared of the noise. While it storms one
/// result in 1,000 is wrong. With 2, two of one path in a row are told, as they should be, and with some 700 paths these
/// come by chance once a day: no rule could tell all of 200 days rightly.
const DOWN_AFTER: u32 = 3;

/// What a check tests, as the network is walked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Walk {
    /// To a host in the internet.
    Outside(u32),
    /// To a port of the target at the other end of a connection.
    Target { connection: u32, port: u16 },
    /// To the closed port there, which a rule of its own opens to this account.
    Witness { connection: u32 },
    /// That nobody else gets to that port.
    Closed { connection: u32 },
}

/// The fleet.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) fleet: Fleet,
    /// The checks of each account's probes.
    pub(crate) checks: Vec<Vec<(Check, Walk)>>,
    text: String,
}

fn number(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// Whether somebody is paged for an account.
pub(crate) fn pages(account: u32) -> bool {
    account % QUIET_EVERY != QUIET_EVERY - 1
}

pub(crate) fn zone(number: u32) -> AzId {
    #[allow(clippy::expect_used, reason = "every such text is one")]
    format!("use1-az{}", number + 1).parse().expect("the id of a zone")
}

/// A probe by the numbers of its account and its zone.
pub(crate) fn probe(account: u32, zone_number: u32) -> ProbeKey {
    #[allow(clippy::expect_used, reason = "every such text is one")]
    let stack: StackId =
        format!("{}/{REGION}", 600_000_000_001 + u64::from(account)).parse().expect("a stack");
    ProbeKey { account: stack.account, region: stack.region, availability_zone: zone(zone_number) }
}

/// The numbers of the account and the zone of a probe that is to run again.
pub(crate) fn place(rerun: &Rerun) -> Option<(u32, u32)> {
    let account: u64 = rerun.account.as_str().parse().ok()?;
    let account = u32::try_from(account.checked_sub(600_000_000_001)?).ok()?;
    (0..ZONES).find(|it| zone(*it) == rerun.availability_zone).map(|zone| (account, zone))
}

impl Stage {
    /// So many accounts.
    pub(crate) fn of(accounts: u32) -> Result<Self> {
        let fleet = Fleet::of(accounts, CONNECTIONS);
        let text = file(&fleet);
        let mut stage = Self { fleet, checks: vec![], text };
        let parsed = stage.parsed()?;
        for account in 0..accounts {
            let member =
                parsed.member(&format!("d{account}-prod")).context("an account is not in its file")?;
            let checks = parsed.checks_for(&member, REGION).into_iter();
            let walked = checks.map(|check| Ok((stage.walk(account, &check)?, check)));
            let walked: Result<Vec<(Walk, Check)>> = walked.collect();
            stage.checks.push(walked?.into_iter().map(|(walk, check)| (check, walk)).collect());
        }
        Ok(stage)
    }

    pub(crate) fn accounts(&self) -> u32 {
        number(self.fleet.accounts.len())
    }

    /// A table in which the file is in force and every account ready.
    pub(crate) async fn table(&self) -> Result<MemoryTable> {
        let table = MemoryTable::default();
        let by = "a simulation".to_owned();
        let published =
            PublishedFleet { text: self.text.clone(), published_by: by, ..PublishedFleet::default() };
        table.write(vec![Write::put(Keys::fleet(), Expect::Absent, &published)]).await?;
        for account in 0..self.accounts() {
            let stack = probe(account, 0).stack();
            let zones = [(0, (0..ZONES).map(zone).collect())].into();
            let checks: Vec<Check> =
                self.checks[account as usize].iter().map(|(check, _)| check.clone()).collect();
            let given = |zone_number| Given {
                availability_zone: zone(zone_number),
                part: 0,
                generation: 1,
                checks: endpoints(&checks),
            };
            let given: Vec<Given> = (0..ZONES).map(given).collect();
            let inputs = Inputs::default().with(1, &given, &zones).unwrap_or_default();
            let writes = vec![
                Write::put(Keys::stack(&stack), Expect::Absent, &status(account)),
                Write::put(Keys::inputs(&stack), Expect::Absent, &inputs),
            ];
            table.write(writes).await?;
            let line = Line::new(&format!("d{account}"), "prod");
            bind(&table, &line, &stack.account, &format!("d{account}-prod"), BEGIN_MS).await?;
        }
        Ok(table)
    }

    fn parsed(&self) -> Result<phonehome_fleet::Fleet> {
        let parsed = phonehome_fleet::parse(&self.text);
        parsed.map_err(|problems| anyhow!("the generated fleet file is refused: {problems:?}"))
    }

    /// What a check aims at, by its endpoint.
    fn walk(&self, account: u32, check: &Check) -> Result<Walk> {
        let endpoint = &check.target.endpoint;
        let strange = || anyhow!("nobody knows where {endpoint} is");
        let (host, port) = endpoint.split_once(':').ok_or_else(strange)?;
        let port: u16 = port.parse()?;
        if let Some(outside) = host.strip_prefix("out") {
            let (outside, _) = outside.split_once('.').ok_or_else(strange)?;
            return Ok(Walk::Outside(outside.parse()?));
        }
        let (target, _) = host.strip_prefix('t').and_then(|it| it.split_once('.')).ok_or_else(strange)?;
        let target: u32 = target.parse()?;
        let mut connections = self.fleet.connections_of(account);
        let (connection, _) = connections.find(|(_, it)| it.to == target).ok_or_else(strange)?;
        Ok(match (check.expect, port) {
            (phonehome_wire::Expect::Deny, _) => Walk::Closed { connection },
            (phonehome_wire::Expect::Connect, CLOSED_PORT) => Walk::Witness { connection },
            (phonehome_wire::Expect::Connect, port) => Walk::Target { connection, port },
        })
    }
}

/// The fleet's file. Whom a connection leads to on one port only reaches the closed port, too, and who has both
/// ports must not: so there is a witness for each isolation.
fn file(fleet: &Fleet) -> String {
    let accounts = number(fleet.accounts.len());
    let zones: Vec<String> = (0..ZONES).map(|it| zone(it).as_str().to_owned()).collect();
    let mut text = format!(
        "version: 1
organization: {{ id: o-a1b2c3d4e5, management_account: \"111111111111\", hub_account: \"222222222222\" }}
regions: [{{ name: {REGION}, availability_zones: [{}] }}]
address_pools: [{{ name: prod, region: {REGION}, cidr: 10.0.0.0/8, block: 18 }}]
environments: [{{ name: prod, pools: [prod], paging: true }}]
domains:
",
        zones.join(", ")
    );
    for account in 0..accounts {
        let _ = writeln!(text, "  - {{ name: d{account}, owner: team-{account}, environments: [prod] }}");
    }
    text.push_str("connections:\n");
    let mut isolations = String::from("isolations:\n");
    for connection in &fleet.connections {
        let (from, to) = (connection.from, connection.to);
        let mut ports: Vec<u16> = PORTS.into_iter().take(connection.ports as usize).collect();
        if connection.ports == 1 {
            ports.push(CLOSED_PORT);
        } else {
            let _ = writeln!(
                isolations,
                "  - {{ from: d{from}, to: d{to}, host: t{to}.sim.internal, port: {CLOSED_PORT}, \
                 control: connection/d{from}-to-d{to}/{} }}",
                PORTS[0]
            );
        }
        let _ = writeln!(
            text,
            "  - {{ from: d{from}, to: d{to}, ports: {ports:?}, check: {{ host: t{to}.sim.internal }} }}"
        );
    }
    text.push_str(&isolations);
    let outside = (0..OUTSIDE).map(|it| format!("{{ host: out{it}.example.com, port: 443 }}"));
    let outside: Vec<String> = outside.collect();
    let quiet = (0..accounts).filter(|it| !pages(*it)).map(|it| format!("d{it}"));
    let quiet: Vec<String> = quiet.collect();
    let _ = write!(
        text,
        "probing: {{ egress: [{}], isolations_every_minutes: 1, down_after: {DOWN_AFTER} }}
alert_routes:
  - {{ domains: [{}], slack_channel: \"#quiet\" }}
  - {{ slack_channel: \"#loud\", page: true }}
",
        outside.join(", "),
        quiet.join(", ")
    );
    text
}

/// A stack that is ready since the beginning.
fn status(account: u32) -> StackStatus {
    let key = probe(account, 0);
    #[allow(clippy::expect_used, reason = "every such text is one")]
    let cidr = format!("10.{}.{}.0/18", account / 4, 64 * (account % 4)).parse().expect("a block");
    StackStatus {
        account: key.account,
        account_name: format!("d{account}-prod"),
        domain: format!("d{account}"),
        environment: "prod".into(),
        region: key.region,
        availability_zones: (0..ZONES).map(zone).collect(),
        pool: "prod".into(),
        cidr,
        generation: 1,
        phase: Phase::Ready,
        version: 0,
        network_ready: true,
        egress_ready: true,
        connections_ready: true,
        vpc_id: None,
        private_subnets: vec![],
        opened: vec![],
        withheld: vec![],
        until_in_force: vec![],
        next_hour_ms: 0,
        converged_spec: None,
        full_spec: None,
        agreed_version: 0,
        member_template: 0,
        outdated: None,
        known_probes: None,
        message: String::new(),
        first_seen_ms: BEGIN_MS,
        updated_at_ms: BEGIN_MS,
        ready_since_ms: (0..ZONES).map(|it| (zone(it), BEGIN_MS)).collect(),
        parts_since_ms: BTreeMap::new(),
        nat_cents: None,
        probe_code: None,
        leased_until_ms: 0,
    }
}
