//! What was agreed to: the calls of a plan, told without the ids that AWS makes.

use std::collections::BTreeSet;

use ipnet::Ipv4Net;
use phonehome_network::{Address, Ask, Part, Resource, RulePeer};
use sha2::{Digest as _, Sha256};

use crate::facts::{Fact, Verb, call, fact};
use crate::names::Owner;
use crate::{Action, ActionScope, Plan, Step};

/// Which way what follows is written; another way than this build's cannot be compared with.
pub const CONTRACT_FORM: u32 = 1;

/// How many characters a call's digest has: 48 bits, for the few hundred of a stack. 300 stacks fit into one
/// item of the table, also when no two change alike.
const DIGEST_CHARS: usize = 12;

/// What the plan of a stack was when somebody agreed to it: a digest of each call, and of each thing that it
/// waited for. Two accounts that change alike have the same, wherever their blocks are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Agreed(BTreeSet<String>);

impl Agreed {
    /// What a plan comes to.
    pub fn to(plan: &Plan) -> Self {
        let calls = plan.calls().into_iter().flat_map(|(_, facts)| facts).map(|fact| of_fact(&fact));
        let open = plan.open().into_iter().map(|address| open(plan, address));
        let probes = plan.names.has_probes.then(with_probes);
        let is_unpeering = plan.asks().union(&plan.uses()).any(|ask| matches!(ask, Ask::Unpeer { .. }));
        let unpeers = is_unpeering.then(unpeers);
        Self(calls.chain(open).chain(probes).chain(unpeers).collect())
    }

    /// The digests, to be stored.
    pub fn digests(self) -> BTreeSet<String> {
        self.0
    }

    fn has(&self, digest: &str) -> bool {
        self.0.contains(digest)
    }
}

impl From<BTreeSet<String>> for Agreed {
    fn from(digests: BTreeSet<String>) -> Self {
        Self(digests)
    }
}

/// The steps of a plan that nobody agreed to. No step is, of
///
/// - what the agreed plan would do, with permission or without: half of it may be done already;
/// - what it waited for, and what comes of that: a peering, once the other account is there, with its routes
///   and rules;
/// - what was accepted by ids, and the rules that go with a peering which goes;
/// - what `before` has, the plan by the version before, and is a repair therefore;
/// - probes, where their code was not at hand when it was planned.
pub fn beyond<'p>(plan: &'p Plan, agreed: &Agreed, before: Option<&Plan>) -> Vec<&'p Step> {
    let repairs = before.map(Agreed::to).unwrap_or_default();
    let is_agreed = |step: &&Step| {
        let facts = call(&plan.names, &step.address, &step.action);
        let is_known = |fact: &Fact| {
            let digest = of_fact(fact);
            agreed.has(&digest) || repairs.has(&digest)
        };
        facts.iter().all(is_known)
            || !step.asks.is_empty()
            || agreed.has(&open(plan, &step.address))
            || follows_peering(plan, agreed, step)
            || goes_with_peering(agreed, step)
            || (is_of_probes(step) && !agreed.has(&with_probes()))
    };
    plan.steps.iter().filter(|step| !is_agreed(step)).collect()
}

/// Whether a step is about a connection whose peering the agreed plan waited for.
fn follows_peering(plan: &Plan, agreed: &Agreed, step: &Step) -> bool {
    let awaited = |peer: &String| agreed.has(&open(plan, &Address::peering(peer)));
    let is_theirs =
        |cidr: &Ipv4Net| matches!(plan.names.place(cidr), Some((Owner::Peer(peer), _)) if awaited(&peer));
    match (&step.address.resource, step.address.part, &step.action) {
        (Resource::Peering { peer }, ..) => awaited(peer),
        (_, Part::Route(destination), _) => is_theirs(&destination),
        (Resource::InboundSecurityGroup, Part::InboundRules, Action::AuthorizeRules { rules, .. }) => {
            rules.iter().all(|rule| matches!(&rule.peer, RulePeer::Cidr(cidr) if is_theirs(cidr)))
        }
        // Made for the first connection that lets somebody in.
        (Resource::InboundSecurityGroup, Part::Whole | Part::OutboundRules, _) => {
            plan.names.peers().any(awaited)
        }
        _ => false,
    }
}

/// Whether a step closes what a peering had opened that was to go: the other account may have removed it by now.
fn goes_with_peering(agreed: &Agreed, step: &Step) -> bool {
    matches!(step.action, Action::RevokeRules { .. })
        && step.address == Address::undeclared_inbound_rules(&Address::inbound_security_group())
        && agreed.has(&unpeers())
}

fn is_of_probes(step: &Step) -> bool {
    step.action.scope() != ActionScope::Network || step.address.resource == Resource::ProbeSecurityGroup
}

fn open(plan: &Plan, address: &Address) -> String {
    of_fact(&fact(&plan.names, Verb::Wait, address))
}

/// Stands for a peering that goes, among the digests.
fn unpeers() -> String {
    "unpeers".to_owned()
}

/// Stands for probes whose code was at hand, among the digests.
fn with_probes() -> String {
    "with probes".to_owned()
}

fn of_fact(fact: &Fact) -> String {
    digest(&text(fact))
}

/// The digest of one thing that is agreed to.
#[must_use]
pub fn digest(text: &str) -> String {
    sha256(&[text])[..DIGEST_CHARS].to_owned()
}

/// A fact without the ids that AWS makes, in one line.
fn text(fact: &Fact) -> String {
    let terms: Vec<String> = fact.iter().map(|term| term.text()).collect();
    serde_json::json!(terms).to_string()
}

impl Plan {
    /// What the plan comes to, a line for each fact: the same whatever ids AWS has made, and in whatever order
    /// things were seen. What is only waited for is not among it: it passes by itself.
    pub fn terms(&self) -> Vec<String> {
        let waits = fact(&self.names, Verb::Wait, &Address::vpc());
        let lasting = self.facts().into_iter().filter(|fact| fact.first() != waits.first());
        let mut terms: Vec<String> = lasting.map(|fact| text(&fact)).collect();
        terms.sort();
        terms
    }
}

/// SHA-256 of lines, in hexadecimal digits.
pub fn sha256(lines: &[impl AsRef<str>]) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_ref());
        hash.update("\n");
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
