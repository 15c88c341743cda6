//! What else is known: what works, and whether it is the network.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_wire::{Expect, Purpose, StackId, Stage, Target};

use crate::evaluation::{Evaluation, Health, Probe};
use crate::{
    Incident, IncidentMember, Owner, ProbeKey, Reader, Suspect, Symptom, WhySilent, lately, suspected, text,
};

/// How many accounts, and how many places that reach a target, a message names.
const NAMED: usize = 3;

/// What a message says beyond the list of what fails; plain text.
pub(crate) struct Evidence {
    /// The answer to "is it the network?".
    pub(crate) network: String,
    /// What works and what does not, one line each.
    pub(crate) works: Vec<String>,
    /// Whom to ask, and about which accounts; nothing where that is not known.
    pub(crate) ask: String,
    /// What was changed lately where the cause may be, one line each.
    pub(crate) lately: Vec<String>,
    /// The accounts in which the cause may be.
    pub(crate) looked_at: BTreeSet<String>,
    /// Who reads it.
    pub(crate) reader: Reader,
}

impl Evidence {
    pub(crate) fn of(evaluation: &Evaluation<'_>, incident: &Incident) -> Self {
        let members: Vec<&IncidentMember> =
            incident.members.iter().filter(|member| member.state.is_open()).collect();
        let network = network(evaluation, incident, &members);
        let ask = ask(evaluation, incident, &members);
        let mut works = Vec::new();
        let stacks = suspected::of_incident(evaluation, incident);
        let name = |stack: &StackId| evaluation.account_name(stack).cloned();
        let lately = lately::lines(&evaluation.world.changes, &stacks, incident.since_ms, name);
        let looked_at = stacks.iter().filter_map(name).collect();
        let reader = evaluation.world.reader.clone();
        if matches!(incident.suspect, Suspect::Isolation { .. }) {
            // What connects elsewhere neither explains nor excuses it.
            return Self { network, works, ask, lately, looked_at, reader };
        }
        let mut seen = BTreeSet::new();
        for member in &members {
            if seen.insert((&member.probe.account, &member.probe.region)) && seen.len() <= NAMED {
                works.extend(egress(evaluation, member));
                works.extend(other_connections(evaluation, incident, member));
            }
        }
        let targets: BTreeSet<&Target> = members.iter().filter_map(|m| m.target.as_ref()).collect();
        if let Some(target) = targets.first().filter(|_| targets.len() == 1) {
            works.push(match reached_from(evaluation, target) {
                places if places.is_empty() => format!("{} works from nowhere", target.endpoint),
                places => format!("{} works from {}", target.endpoint, text::list(places, NAMED)),
            });
        }
        works.extend(never_worked(evaluation, &members));
        Self { network, works, ask, lately, looked_at, reader }
    }
}

/// `team-payments (#payments-oncall) about payments-prod; team-shop about shop-prod`: who owns the target
/// first, then who owns the accounts concerned.
fn ask(evaluation: &Evaluation<'_>, incident: &Incident, members: &[&IncidentMember]) -> String {
    if incident.suspect == Suspect::Collector {
        return String::new();
    }
    let about_target = matches!(
        incident.suspect,
        Suspect::Target { .. }
            | Suspect::Path { .. }
            | Suspect::Isolation { .. }
            | Suspect::Connection { .. }
            | Suspect::Peering { .. }
            | Suspect::PeerRoute { .. }
            | Suspect::SecurityGroup { .. }
            | Suspect::Network { .. }
    );
    let targets = members.iter().filter_map(|member| member.target.as_ref()?.account.as_ref());
    let targets = targets.filter(|_| about_target);
    let sources = members.iter().map(|member| &member.account_name);
    let mut owners: Vec<(&Owner, Vec<String>)> = Vec::new();
    let mut asked = BTreeSet::new();
    for account in targets.chain(sources).filter(|account| asked.insert(*account)) {
        let Some(owner) = evaluation.world.owners.get(account) else { continue };
        match owners.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, accounts)) => accounts.push(account.clone()),
            None => owners.push((owner, vec![account.clone()])),
        }
    }
    let more = owners.len().saturating_sub(NAMED);
    let line = |(owner, accounts): &(&Owner, Vec<String>)| {
        let accounts = accounts.iter().map(|account| text::clip(account, 60));
        format!("{owner} about {}", text::list(accounts, NAMED))
    };
    let mut lines: Vec<String> = owners.iter().take(NAMED).map(line).collect();
    lines.extend((more > 0).then(|| text::count(more, "more team")));
    lines.join("; ")
}

/// Why nobody is paged for a connection that is down everywhere.
fn never_worked(evaluation: &Evaluation<'_>, members: &[&IncidentMember]) -> Option<String> {
    let new = members.iter().filter(|member| match &member.symptom {
        Symptom::Down { check } => {
            let connects =
                evaluation.check(&member.key()).is_some_and(|check| check.expect == Expect::Connect);
            connects && !evaluation.has_worked(&member.probe, check)
        }
        Symptom::Silent | Symptom::Inconclusive => false,
    });
    let names: BTreeSet<String> = new
        .filter_map(|member| Some(format!("{} → {}", member.account_name, member.target.as_ref()?.endpoint)))
        .collect();
    let names = text::list(names, NAMED);
    (!names.is_empty()).then(|| format!("{names} has never worked yet: nobody is paged before it has"))
}

fn egress(evaluation: &Evaluation<'_>, member: &IncidentMember) -> Option<String> {
    let zones = |wanted: Health| {
        let probes = evaluation.neighbours(&member.probe);
        let matching = probes.filter(|probe| {
            let mut egress = probe.egress().peekable();
            egress.peek().is_some() && egress.all(|health| health == wanted)
        });
        let names: Vec<String> = matching.map(|p| p.view.key.availability_zone.to_string()).collect();
        names
    };
    let (good, bad) = (zones(Health::Good), zones(Health::Bad));
    let name = &member.account_name;
    match (good.is_empty(), bad.is_empty()) {
        (true, true) => None,
        (false, true) if good.len() == evaluation.neighbours(&member.probe).count() => {
            let good = text::joined(good);
            Some(format!("{name}: egress works from every zone ({good}), so not the account's network"))
        }
        (false, true) => Some(format!("{name}: egress works from {}", text::joined(good))),
        (true, false) => Some(format!("{name}: egress fails from {}", text::joined(bad))),
        (false, false) => Some(format!(
            "{name}: egress works from {}, fails from {}",
            text::joined(good),
            text::joined(bad)
        )),
    }
}

/// How many of the account's connections that this incident is not about work.
fn other_connections(
    evaluation: &Evaluation<'_>,
    incident: &Incident,
    member: &IncidentMember,
) -> Option<String> {
    let about: BTreeSet<_> = incident.members.iter().map(IncidentMember::key).collect();
    let mut known = 0;
    let mut good = 0;
    for probe in evaluation.neighbours(&member.probe) {
        for (check, health) in probe.connects() {
            let symptom = Symptom::Down { check: check.id.clone() };
            let key = crate::MemberKey { probe: probe.view.key.clone(), symptom };
            let counts = check.purpose == Purpose::Connection && !about.contains(&key);
            known += usize::from(counts && matches!(health, Health::Good | Health::Bad));
            good += usize::from(counts && health == Health::Good);
        }
    }
    let name = &member.account_name;
    (known > 0).then(|| format!("{name}: {good} of {} work", text::count(known, "other connection path")))
}

fn reached_from(evaluation: &Evaluation<'_>, target: &Target) -> Vec<String> {
    // In their order, and once each, by however many checks.
    let probes: BTreeMap<&ProbeKey, &Probe<'_>> =
        reaching(evaluation, target).map(|probe| (&probe.view.key, probe)).collect();
    probes.values().map(|p| format!("{}/{}", p.view.account_name, p.view.key.availability_zone)).collect()
}

/// The probes that reach a target, each as often as it has checks that do.
fn reaching<'e, 'w>(
    evaluation: &'e Evaluation<'w>,
    target: &'e Target,
) -> impl Iterator<Item = &'e Probe<'w>> {
    let connecting = evaluation.all_connecting(&target.endpoint);
    let all = connecting.filter(|(_, it)| it.owner() == target.account.as_deref());
    all.filter(|(probe, it)| probe.path_at(it.number as usize) == Health::Good).map(|(probe, _)| probe)
}

fn network(evaluation: &Evaluation<'_>, incident: &Incident, members: &[&IncidentMember]) -> String {
    if incident.suspect == Suspect::Collector {
        return "Unknown. Most of the fleet fell silent at once: the fault is most likely in phonehome \
                itself, and nothing is known about the accounts' networks."
            .to_owned();
    }
    let failing: Vec<&&IncidentMember> =
        members.iter().filter(|m| evaluation.health(&m.key()) == Health::Bad).collect();
    let paths: Vec<&&&IncidentMember> =
        failing.iter().filter(|m| matches!(m.symptom, Symptom::Down { .. })).collect();
    if paths.is_empty() {
        let inconclusive = failing.iter().any(|m| m.symptom == Symptom::Inconclusive);
        let why = if inconclusive { "report but cannot tell" } else { "do not report" };
        let remedy = WhySilent::of_all(failing.iter().map(|member| member.why_silent)).map(WhySilent::remedy);
        let remedy = remedy.map(|remedy| format!(" {remedy}")).unwrap_or_default();
        return format!(
            "Unknown. The probes concerned {why}, so nothing is known about the network there.{remedy}"
        );
    }
    match &incident.suspect {
        Suspect::Account { .. } => {
            "Yes. Nothing gets out of the account from any zone that reports; your code is not the cause."
                .to_owned()
        }
        Suspect::AvailabilityZone { availability_zone, .. } => {
            format!("Yes, in one zone: nothing gets out of {availability_zone}; your code is not the cause.")
        }
        Suspect::Fleet | Suspect::Region { .. } => {
            "Yes. Nothing gets out of several accounts; your code is not the cause.".to_owned()
        }
        Suspect::WayOut { .. } | Suspect::NatGateway { .. } | Suspect::InternetRoute { .. } => {
            "Yes. The internet is not reached, whatever is tried; your code is not the cause.".to_owned()
        }
        Suspect::Resolver { .. } => {
            "Yes. Names are not resolved, so no connection is tried; your code is not the cause.".to_owned()
        }
        Suspect::Isolation { .. } => "Yes. The network lets through what must be kept apart.".to_owned(),
        _ => target_or_way(evaluation, &paths),
    }
}

/// For targets and single paths: the target's fault or the network's.
fn target_or_way(evaluation: &Evaluation<'_>, paths: &[&&&IncidentMember]) -> String {
    let stages: BTreeSet<Stage> = paths.iter().filter_map(|m| m.stage).collect();
    if !stages.is_empty() && stages.iter().all(|stage| *stage > Stage::Connect) {
        let stages = text::list(stages.iter().map(|stage| stage.as_str()), NAMED);
        return format!("No. The network delivers: TCP connects. The target itself fails at {stages}.");
    }
    if stages.iter().all(|stage| *stage == Stage::Resolve) {
        return "Not the way to the target: its name does not resolve, so no connection is tried.".to_owned();
    }
    let target = paths.iter().find_map(|m| m.target.as_ref());
    if target.is_some_and(|target| reaching(evaluation, target).next().is_some()) {
        return "Probably. The target is up, others reach it: the way to it is broken.".to_owned();
    }
    // Who owns it is named apart, where that is known.
    let account = target.and_then(|target| target.account.as_ref());
    let account = account.filter(|account| !evaluation.world.owners.contains_key(*account));
    let ask = account.map(|account| format!(" Ask {account}.")).unwrap_or_default();
    let sound = paths.iter().all(|m| {
        let mut egress = evaluation.neighbours(&m.probe).flat_map(Probe::egress).peekable();
        egress.peek().is_some() && egress.all(|health| health == Health::Good)
    });
    if sound {
        format!("Probably not yours: egress works. The target is down, or cut off for everyone.{ask}")
    } else {
        format!("Cannot be told apart: nobody reaches the target.{ask}")
    }
}
