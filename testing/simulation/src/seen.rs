//! What probes see: the network is walked for each check, and what comes of it is a verdict. Whether that was so or
//! chance is kept, for whoever judges what was told.

use std::net::{IpAddr, Ipv4Addr};

use phonehome_alerting::Rerun;
use phonehome_bench_localisation::{Aim, Fate, Network, PORTS, Path, Random};
use phonehome_wire::{Check, CheckResult, Class, Report, Stage as Step, Verdict, WIRE_VERSION};

use crate::stage::{Stage, Walk, probe};

/// How long a run takes in which everything works, in milliseconds, and by how much each check that fails for silence
/// prolongs it at most: they run side by side.
const RUN_MS: u64 = 300;
const SILENCE_MS: u64 = 6_000;

/// What a check comes to as the network is: nothing but that.
fn truth(stage: &Stage, network: &Network, account: u32, zone: u32, walk: &Walk) -> Verdict {
    let walked = |aim| network.connect(&stage.fleet, &Path { account, zone, aim });
    let target = |connection: u32| stage.fleet.connections[connection as usize].to as usize;
    let addresses = |connection| stage.fleet.accounts[target(connection)].addresses.iter().copied();
    let at = |connection: u32, port: u16| {
        let fates = addresses(connection).map(|zone| walked(Aim::Target { connection, zone, port }));
        // Every address has to answer.
        fates.max_by_key(|fate| *fate as u8).unwrap_or(Fate::Lost)
    };
    match walk {
        Walk::Outside(host) => connects(walked(Aim::Outside(*host))),
        Walk::Target { connection, port } => connects(at(*connection, *port)),
        // Its rule is another one, and the host the same: what is refused there has come as far.
        Walk::Witness { connection } => match at(*connection, PORTS[0]) {
            Fate::Refused => Verdict::Ok,
            fate => connects(fate),
        },
        Walk::Closed { connection } => {
            let mut fates = addresses(*connection)
                .map(|zone| walked(Aim::Closed { connection: *connection, zone }))
                .collect::<Vec<_>>();
            fates.sort_by_key(|fate| *fate as u8);
            match fates.first() {
                Some(Fate::Connected) => fail(Step::Open, Class::Open, "connected"),
                _ if fates.contains(&Fate::Refused) => fail(Step::Open, Class::Open, "refused"),
                Some(Fate::Unresolved) | None => {
                    Verdict::Inconclusive { reason: "its name is not resolved".into() }
                }
                Some(_) => Verdict::Denied { error: "no answer to 2 SYNs".into() },
            }
        }
    }
}

fn fail(stage: Step, class: Class, error: &str) -> Verdict {
    Verdict::Fail { stage, class, error: error.to_owned() }
}

fn connects(fate: Fate) -> Verdict {
    match fate {
        Fate::Connected => Verdict::Ok,
        Fate::Unresolved => fail(Step::Resolve, Class::ResolverTimeout, "the resolver does not answer"),
        Fate::Lost => fail(Step::Connect, Class::ConnectTimeout, "no answer"),
        Fate::Refused => fail(Step::Connect, Class::Refused, "connection refused"),
    }
}

/// Wrong by chance: what works fails, what fails works. That a packet crossed is a fact, so an isolation that fails
/// by chance proves nothing.
fn by_chance(verdict: &Verdict) -> Verdict {
    match verdict {
        Verdict::Ok => fail(Step::Connect, Class::ConnectTimeout, "no answer, by chance"),
        Verdict::Fail { stage: Step::Open, .. } | Verdict::Denied { .. } => {
            Verdict::Inconclusive { reason: "by chance".into() }
        }
        Verdict::Fail { .. } => Verdict::Ok,
        other => other.clone(),
    }
}

/// A run of a probe.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) report: Report,
    /// The numbers of the checks that failed because something is broken.
    pub(crate) broken: Vec<usize>,
    /// The numbers of the checks whose result is wrong by chance.
    pub(crate) noisy: Vec<usize>,
}

/// Whether a check fails as the network is.
pub(crate) fn is_broken(stage: &Stage, network: &Network, account: u32, zone: u32, walk: &Walk) -> bool {
    matches!(truth(stage, network, account, zone, walk), Verdict::Fail { .. })
}

/// The addresses of what a check aims at.
fn addresses(stage: &Stage, walk: &Walk) -> Vec<IpAddr> {
    let (Walk::Target { connection, .. } | Walk::Witness { connection } | Walk::Closed { connection }) = walk
    else {
        return vec![];
    };
    let target = stage.fleet.connections[*connection as usize].to;
    let octet = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    let zones = stage.fleet.accounts[target as usize].addresses.iter();
    zones
        .map(|zone| IpAddr::V4(Ipv4Addr::new(10, octet(target / 250), octet(target % 250), octet(*zone))))
        .collect()
}

/// What a probe sees at this moment, by its clock.
pub(crate) fn see(
    stage: &Stage,
    network: &Network,
    (account, zone): (u32, u32),
    started_at_ms: u64,
    noise_ppm: u32,
    random: &mut Random,
) -> Seen {
    let (mut results, mut broken, mut noisy) = (vec![], vec![], vec![]);
    for (number, (check, walk)) in stage.checks[account as usize].iter().enumerate() {
        let true_verdict = truth(stage, network, account, zone, walk);
        if matches!(true_verdict, Verdict::Fail { .. }) {
            broken.push(number);
        }
        let is_noisy = random.happens(noise_ppm);
        let verdict = if is_noisy { by_chance(&true_verdict) } else { true_verdict };
        if is_noisy {
            noisy.push(number);
        }
        let is_reached = matches!(verdict, Verdict::Ok | Verdict::Denied { .. });
        let mut result = CheckResult::new(check.id.clone(), verdict);
        result.addresses = if is_reached { addresses(stage, walk) } else { vec![] };
        results.push(result);
    }
    let waits = results.iter().any(|it| matches!(it.verdict, Verdict::Fail { .. }));
    let key = probe(account, zone);
    let report = Report {
        version: WIRE_VERSION,
        account: key.account,
        region: key.region,
        availability_zone: key.availability_zone,
        part: 0,
        run_id: format!("{account}-{zone}-{started_at_ms}"),
        generation: 1,
        started_at_ms,
        duration_ms: if waits { RUN_MS + SILENCE_MS } else { RUN_MS },
        clock_ahead_ms: 0,
        stalled_ms: 0,
        rerun: false,
        results,
    };
    Seen { report, broken, noisy }
}

impl Seen {
    /// The same of a rerun: of the checks that it was asked for alone.
    pub(crate) fn of(mut self, rerun: &Rerun, checks: &[(Check, Walk)]) -> Self {
        let is_asked = |number: &usize| rerun.checks.contains(&checks[*number].0.id);
        self.broken.retain(is_asked);
        self.noisy.retain(is_asked);
        self.report.results.retain(|result| rerun.checks.contains(&result.id));
        self.report.rerun = true;
        self.report.run_id.push_str("-rerun");
        let waits = self.report.results.iter().any(|it| matches!(it.verdict, Verdict::Fail { .. }));
        self.report.duration_ms = if waits { RUN_MS + SILENCE_MS } else { RUN_MS };
        self
    }
}
