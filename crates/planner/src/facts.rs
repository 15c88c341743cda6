//! A plan as a set of facts, in which every id and every name is one: for what compares plans.
//!
//! Each call is one fact, with more of them for what it carries a list of; so neither the order in which
//! things were seen nor that of the steps is in them. What a step comes after is not in them either, nor what
//! is there before it, which is for people.

use ipnet::Ipv4Net;
use phonehome_network::{Address, Ask, Part, Resource, Rule, RulePeer, TAG_ADDRESS, Tags};
use phonehome_wire::{Check, CheckKind, ProbeInput};

use crate::names::{Names, Owner};
use crate::{
    Action, ChangeKind, Direction, Disruption, NeededTemplate, Plan, Ref, RefTarget, StackSpec, Withheld,
    WithheldReason,
};

/// One fact of a plan.
pub(crate) type Fact = Vec<Term>;

/// A part of a fact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Term {
    /// What is the same in every account.
    Word(String),
    /// What is one thing in one account and may be another in the next.
    Name(Name),
}

/// What something is called in one account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// An id of AWS's, of something that is at no address of the stack.
    Id(String),
    /// An account's id.
    Account(String),
    /// The name of another account of the fleet.
    Peer(String),
    /// An Availability Zone.
    Zone(String),
    /// Addresses of an account of the fleet: whose, how far into its block, and which they are.
    Net(Owner, u32, Ipv4Net),
}

impl Term {
    pub(crate) fn word(word: impl ToString) -> Self {
        Self::Word(word.to_string())
    }

    /// As it is read without the ids that AWS makes, the same in every account with the same layout.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Name(Name::Id(_)) => "(id)".to_owned(),
            Self::Name(Name::Account(name) | Name::Peer(name) | Name::Zone(name)) => name.clone(),
            Self::Name(Name::Net(owner, offset, net)) => {
                let owner = match owner {
                    Owner::Own => "own",
                    Owner::Peer(name) => name,
                };
                format!("{owner}+{offset}/{}", net.prefix_len())
            }
        }
    }
}

/// What a fact begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// A call is made, now or once that is permitted.
    Do,
    /// Running traffic notices a step.
    Disturb,
    /// A change waits for permission, or cannot be made.
    Withhold,
    /// Something is given up for good, now or with permission.
    GiveUp,
    /// Something is on its way, or comes after what is.
    Wait,
    /// A kind of resource could not be seen.
    Unseen,
}

impl Plan {
    /// Everything that the plan comes to.
    pub(crate) fn facts(&self) -> Vec<Fact> {
        let mut facts: Vec<Fact> = self.calls().into_iter().flat_map(|(_, facts)| facts).collect();
        let names = &self.names;
        for step in self.steps.iter().filter(|step| step.disruption != Disruption::None) {
            facts.push(fact(names, Verb::Disturb, &step.address).and(Term::word(step.disruption.in_words())));
        }
        for held in &self.withheld {
            let (kind, why) = (Term::word(held.kind.verb()), reason(names, &held.reason));
            facts.push(fact(names, Verb::Withhold, &held.address).and(kind).chain(why));
        }
        let given_up = self.given_up().into_iter();
        facts.extend(
            given_up.map(|it| fact(names, Verb::GiveUp, &it.address).and(Term::word(it.what.in_words()))),
        );
        facts.extend(self.open().into_iter().map(|address| fact(names, Verb::Wait, address)));
        facts.extend(self.unseen.iter().map(|kind| verb(Verb::Unseen).and(Term::word(kind.plural()))));
        facts.sort();
        facts.dedup();
        facts
    }

    /// The calls of each step, and those that would be made with permission.
    pub(crate) fn calls(&self) -> Vec<(&Address, Vec<Fact>)> {
        let names = &self.names;
        let steps = self.steps.iter().map(|step| (&step.address, call(names, &step.address, &step.action)));
        let held = self.withheld.iter().map(|held| (&held.address, withheld(names, held)));
        steps.chain(held).collect()
    }

    /// What is on its way, and what comes after that.
    pub(crate) fn open(&self) -> Vec<&Address> {
        self.waits.iter().map(|wait| &wait.address).chain(&self.postponed).collect()
    }
}

/// Adds terms to a fact.
trait And: Sized {
    fn and(self, term: Term) -> Self;
    fn chain(self, terms: Vec<Term>) -> Self;
}

impl And for Fact {
    fn and(mut self, term: Term) -> Self {
        self.push(term);
        self
    }

    fn chain(mut self, terms: Vec<Term>) -> Self {
        self.extend(terms);
        self
    }
}

fn verb(verb: Verb) -> Fact {
    vec![Term::word(match verb {
        Verb::Do => "do",
        Verb::Disturb => "disturb",
        Verb::Withhold => "withhold",
        Verb::GiveUp => "give up",
        Verb::Wait => "wait",
        Verb::Unseen => "unseen",
    })]
}

/// The beginning of a fact about one resource.
pub(crate) fn fact(names: &Names, about: Verb, of: &Address) -> Fact {
    verb(about).chain(address(names, of))
}

/// The facts of one call. What takes something away is told by its address alone.
pub(crate) fn call(names: &Names, at: &Address, action: &Action) -> Vec<Fact> {
    let begin = fact(names, Verb::Do, at);
    let Some(list) = parameters(names, action) else { return vec![begin.and(Term::word("remove"))] };
    let begin = begin.and(Term::word(action.operation()));
    let mut facts = vec![begin.clone().chain(list)];
    facts.extend(
        items(names, action).into_iter().map(|item| begin.clone().and(Term::word("with")).chain(item)),
    );
    facts
}

/// The facts of what would be done with permission.
fn withheld(names: &Names, held: &Withheld) -> Vec<Fact> {
    let mut facts = match &held.call {
        Some(action) => call(names, &held.address, action),
        None if held.kind == ChangeKind::Delete => {
            vec![fact(names, Verb::Do, &held.address).and(Term::word("remove"))]
        }
        None => vec![],
    };
    for ask in &held.asks {
        if let Ask::Close { group_id, rule } = ask {
            let group = Ref::Id(group_id.clone());
            let action =
                Action::RevokeRules { group, direction: Direction::Ingress, rules: vec![rule.clone()] };
            facts.extend(call(names, &held.address.part(Part::UndeclaredInboundRules), &action));
        }
    }
    facts
}

fn reason(names: &Names, why: &WithheldReason) -> Vec<Term> {
    match why {
        WithheldReason::NeedsPermission(needed) => vec![Term::word(needed.option.option())],
        WithheldReason::Disturbs(disruption) => vec![Term::word(disruption.in_words())],
        WithheldReason::Unseen(kind) => vec![Term::word("unseen"), Term::word(kind.plural())],
        WithheldReason::NeedsWithheld(other) => vec![Term::word("needs")].chain(address(names, other)),
        WithheldReason::OnlyForWithheld => vec![Term::word("only for withheld")],
        WithheldReason::Adopted => vec![Term::word("adopted")],
        WithheldReason::NotAll { needed, because } => {
            vec![Term::word("not all"), Term::word(needed)].chain(reason(names, because))
        }
        WithheldReason::Hour { .. } => vec![Term::word("hour")],
        WithheldReason::UntilInForce => vec![Term::word("until in force")],
        WithheldReason::NeedsTemplate { needed: NeededTemplate { needed, there }, through } => {
            let template = vec![Term::word("template"), Term::word(needed), Term::word(there)];
            template.chain(through.iter().flat_map(|it| address(names, it)).collect())
        }
        WithheldReason::BeyondQuota(_) => vec![Term::word("quota")],
        // What is in its place has ids of its own.
        WithheldReason::Impossible(_) => vec![Term::word("impossible")],
    }
}

fn address(names: &Names, of: &Address) -> Vec<Term> {
    let mut terms = match &of.resource {
        Resource::Subnet { tier, az_id } => vec![Term::word(format!("subnet/{tier}")), zone(az_id)],
        Resource::ElasticIp { az_id } => vec![Term::word("elastic-ip"), zone(az_id)],
        Resource::NatGateway { az_id } => vec![Term::word("nat-gateway"), zone(az_id)],
        Resource::PrivateRouteTable { az_id } => vec![Term::word("route-table/private"), zone(az_id)],
        Resource::Probe { az_id } => vec![Term::word("probe"), zone(az_id)],
        Resource::Peering { peer } => vec![Term::word("peering"), Term::Name(Name::Peer(peer.clone()))],
        Resource::DefaultVpc { vpc_id } => vec![Term::word("default-vpc"), id(vpc_id)],
        Resource::Function { name } => vec![Term::word("function")].chain(schedule(name)),
        Resource::Schedule { name } => vec![Term::word("schedule")].chain(schedule(name)),
        other => vec![Term::word(other)],
    };
    terms.extend(of.id.as_deref().map(id));
    match &of.part {
        Part::Whole => {}
        Part::Route(destination) => terms.extend([Term::word("route"), net(names, destination)]),
        other => terms.push(Term::word(other)),
    }
    terms
}

fn zone(az_id: &str) -> Term {
    Term::Name(Name::Zone(az_id.to_owned()))
}

fn id(id: &str) -> Term {
    Term::Name(Name::Id(id.to_owned()))
}

/// The name of a function or schedule of ours: which zone's, and which part.
fn schedule(name: &str) -> Vec<Term> {
    match StackSpec::of_schedule(name) {
        Some((az_id, part)) => vec![zone(az_id), Term::word(part)],
        None => vec![Term::word(name)],
    }
}

fn net(names: &Names, net: &Ipv4Net) -> Term {
    match names.place(net) {
        Some((owner, offset)) => Term::Name(Name::Net(owner, offset, *net)),
        None => Term::word(net),
    }
}

/// What is referred to: by its address, whether or not it is there already.
fn reference(names: &Names, of: &Ref) -> Vec<Term> {
    match of {
        Ref::Output(at) => address(names, at),
        Ref::Id(known) => by_id(names, known),
    }
}

fn by_id(names: &Names, known: &str) -> Vec<Term> {
    names.addresses.get(known).map_or_else(|| vec![id(known)], |at| address(names, at))
}

fn target(names: &Names, of: &RefTarget) -> Vec<Term> {
    let kind = match of {
        RefTarget::InternetGateway(_) => "to an internet gateway",
        RefTarget::NatGateway(_) => "to a NAT gateway",
        RefTarget::Peering(_) => "to a peering",
    };
    vec![Term::word(kind)].chain(reference(names, of.reference()))
}

/// A call's parameters but for its lists; `None` where it takes something away.
fn parameters(names: &Names, action: &Action) -> Option<Vec<Term>> {
    let refs = || action.refs().into_iter().flat_map(|it| reference(names, it)).collect::<Vec<_>>();
    Some(match action {
        Action::Remove(_) => return None,
        Action::CreateVpc { cidr } => vec![net(names, cidr)],
        Action::CreateSubnet { cidr, az_id, .. } => refs().and(net(names, cidr)).and(zone(az_id)),
        Action::CreateRoute { table, destination, target: to }
        | Action::ReplaceRoute { table, destination, target: to } => {
            reference(names, table).and(net(names, destination)).chain(target(names, to))
        }
        Action::CreateSecurityGroup { name, description, .. } => {
            refs().and(Term::word(name)).and(Term::word(description))
        }
        Action::CreateAclEntry { entry, .. } | Action::ReplaceAclEntry { entry, .. } => {
            refs().and(Term::word(entry.number)).and(Term::word(entry))
        }
        // Their tables are a list.
        Action::CreateGatewayEndpoint { vpc, service, .. } => {
            let service = service.replace(&format!(".{}.", names.region), ".(region).");
            reference(names, vpc).and(Term::word(service))
        }
        Action::AddEndpointTables { .. } => vec![],
        Action::CreateFlowLog { destination, .. } => refs().and(Term::word(destination)),
        Action::CreatePeering { peer_account, peer_region, peer_vpc, .. } => refs()
            .and(Term::Name(Name::Account(peer_account.to_string())))
            .and(Term::word(if *peer_region == names.region { "(region)" } else { peer_region.as_str() }))
            .and(id(peer_vpc)),
        Action::CreateFunction { name, .. } | Action::UpdateFunctionConfiguration { name, .. } => {
            schedule(name).chain(refs())
        }
        Action::UpdateFunctionCode { name } | Action::PutDestination { name } => schedule(name),
        Action::CreateSchedule { name, input, .. } | Action::UpdateSchedule { name, input, .. } => {
            schedule(name).chain(settings(input))
        }
        Action::Untag { keys, .. } => keys.iter().map(Term::word).collect(),
        // What is changed is at the step's own address.
        Action::Tag { .. } | Action::ReplaceAssociation { .. } | Action::AcceptPeering { .. } => vec![],
        _ => refs(),
    })
}

/// What a call carries lists of.
fn items(names: &Names, action: &Action) -> Vec<Vec<Term>> {
    match action {
        Action::AuthorizeRules { rules, .. } | Action::RevokeRules { rules, .. } => {
            rules.iter().map(|it| rule(names, it)).collect()
        }
        Action::CreateGatewayEndpoint { tables, .. } | Action::AddEndpointTables { tables, .. } => {
            tables.iter().map(|table| reference(names, table)).collect()
        }
        Action::ReplaceAssociation { table, .. } => vec![reference(names, table)],
        Action::Tag { tags, .. } => tag_items(names, tags),
        Action::CreateSchedule { input, .. } => input.checks.iter().map(check).collect(),
        Action::UpdateSchedule { name, input, .. } => {
            let kept = names.kept_checks.get(name);
            let is_kept = |it: &&Check| kept.is_some_and(|kept| kept.contains(&it.id.0));
            input.checks.iter().filter(|it| !is_kept(it)).map(check).collect()
        }
        _ => vec![],
    }
}

fn rule(names: &Names, of: &Rule) -> Vec<Term> {
    let mut terms = vec![Term::word(&of.protocol)];
    let ports = of.ports.map(|(first, last)| format!("{first}-{last}"));
    terms.push(Term::word(ports.unwrap_or_else(|| "all ports".to_owned())));
    match &of.peer {
        RulePeer::Cidr(cidr) => terms.push(net(names, cidr)),
        RulePeer::Ipv6(cidr) => terms.push(Term::word(cidr)),
        RulePeer::Itself => terms.push(Term::word("itself")),
        RulePeer::Group(known) | RulePeer::PrefixList(known) => terms.extend(by_id(names, known)),
    }
    terms
}

/// Tags, each by itself. What a resource is called, and which line it belongs to, is its account's own.
fn tag_items(names: &Names, tags: &Tags) -> Vec<Vec<Term>> {
    let value = |key: &String, value: &String| match key.as_str() {
        TAG_ADDRESS => address(names, &Address::from(value.as_str())),
        "Name" if value.strip_prefix(&names.account_name).is_some() => vec![Term::word("(name)")],
        _ if names.tags.get(key) == Some(value) => vec![Term::word("(own)")],
        _ => vec![Term::word(value)],
    };
    tags.iter().map(|(key, it)| vec![Term::word(key)].chain(value(key, it))).collect()
}

/// What an input says beside its checks. Not its generation, which only tells one plan from the next.
fn settings(input: &ProbeInput) -> Vec<Term> {
    let ProbeInput { availability_zone, part, .. } = input;
    vec![zone(availability_zone), Term::word(part)]
}

/// A check, but for the public addresses of the way out that it expects: AWS gives those.
fn check(of: &Check) -> Vec<Term> {
    let mut of = of.clone();
    if let CheckKind::Egress { expected, .. } = &mut of.kind {
        expected.clear();
    }
    vec![Term::word(serde_json::json!(of))]
}
