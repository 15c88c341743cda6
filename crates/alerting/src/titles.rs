//! What an incident is called, and what is to blame for it.

use std::collections::BTreeSet;

use phonehome_wire::{AzId, Stage};

use crate::text;
use crate::{Incident, IncidentMember, Suspect, Symptom, WhySilent};

/// How many accounts, zones or things to blame a title or an answer names.
const NAMED: usize = 3;

/// How many names a title has, and how long each may be, in characters.
#[derive(Debug, Clone, Copy)]
struct Naming {
    names: usize,
    width: usize,
}

const FULL: Naming = Naming { names: NAMED, width: usize::MAX };
/// For where there is less room, one after the other.
const SHORTER: [Naming; 3] =
    [Naming { names: 2, width: 40 }, Naming { names: 1, width: 28 }, Naming { names: 1, width: 16 }];

/// What is wrong, in one line of plain text: the widest cause that it was found to have.
#[must_use]
pub fn title(incident: &Incident) -> String {
    titled(incident, FULL)
}

/// The same in at most `limit` characters of ASCII, as far as shorter and fewer names make it so.
pub(crate) fn title_within(incident: &Incident, limit: usize) -> String {
    let title = title(incident);
    let shorter = SHORTER.map(|naming| titled(incident, naming));
    let fits = |title: &&String| text::ascii(title, usize::MAX).len() <= limit;
    [&title].into_iter().chain(&shorter).find(fits).unwrap_or(&shorter[2]).clone()
}

fn titled(incident: &Incident, naming: Naming) -> String {
    let title = Affected::of(incident, naming).by(incident.headline());
    let mut open = incident.members.iter().filter(|member| member.state.is_open()).peekable();
    let flaps = open.peek().is_some() && open.all(|member| member.flaps > 0);
    if flaps { format!("{title}, on and off: it flaps") } else { title }
}

/// What is wrong if this is to blame.
pub(crate) fn title_as(incident: &Incident, suspect: &Suspect) -> String {
    Affected::of(incident, FULL).by(suspect)
}

/// What may be to blame, where the title does not say: `the NAT gateway in use1-az1; or the default route in use1-az1`.
pub(crate) fn causes(incident: &Incident) -> Option<String> {
    let suspects = [&incident.suspect].into_iter().chain(&incident.alternatives);
    let mut named: Vec<String> = Vec::new();
    for cause in suspects.filter_map(cause) {
        if !named.contains(&cause) {
            named.push(cause);
        }
    }
    let is_told = named.len() == 1 && matches!(incident.suspect, Suspect::Target { .. });
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    named.extend((more > 0).then(|| text::count(more, "other thing")));
    (!named.is_empty() && !is_told).then(|| named.join("; or "))
}

/// What an incident is about, in words.
struct Affected {
    /// The accounts whose probes see it.
    who: String,
    accounts: usize,
    zones: String,
    /// The accounts that are aimed at.
    owners: String,
    /// The endpoint of the first that is aimed at.
    endpoint: Option<String>,
    /// Whether paths fail, and not only probes are silent.
    is_down: bool,
    /// Whether all that fails was connected to.
    answers: bool,
    /// Why all are silent that are, where that is one reason.
    why_silent: Option<WhySilent>,
    /// How names are written.
    naming: Naming,
}

impl Affected {
    fn of(incident: &Incident, naming: Naming) -> Self {
        let open = incident.members.iter().filter(|member| member.state.is_open());
        let mut members: Vec<&IncidentMember> = open.collect();
        if members.is_empty() {
            members = incident.members.iter().collect();
        }
        let shown = |name: &str| text::clip_ascii(name, naming.width);
        let names: BTreeSet<&str> = members.iter().map(|member| member.account_name.as_str()).collect();
        let zones: BTreeSet<&str> = members.iter().map(|m| m.probe.availability_zone.as_str()).collect();
        let targets = || members.iter().filter_map(|member| member.target.as_ref());
        let owners: BTreeSet<&str> = targets().filter_map(|target| target.account.as_deref()).collect();
        Self {
            who: text::list(names.iter().map(|name| shown(name)), naming.names),
            accounts: names.len(),
            zones: text::list(&zones, naming.names),
            owners: text::list(owners.iter().map(|name| shown(name)), naming.names),
            endpoint: targets().next().map(|target| target.endpoint.clone()),
            is_down: members.iter().any(|member| matches!(member.symptom, Symptom::Down { .. })),
            answers: members.iter().all(|m| m.stage.is_some_and(|stage| stage > Stage::Connect)),
            why_silent: WhySilent::of_all(members.iter().map(|member| member.why_silent)),
            naming,
        }
    }

    /// A name, as long as there is room for.
    fn name(&self, name: &str) -> String {
        text::clip_ascii(name, self.naming.width)
    }

    fn by(&self, suspect: &Suspect) -> String {
        let Self { who, zones, .. } = self;
        match suspect {
            Suspect::Collector => {
                format!("phonehome itself: no reports from {}", text::count(self.accounts, "account"))
            }
            Suspect::Fleet => self.lost("anywhere"),
            Suspect::Region { region }
            | Suspect::Account { region, .. }
            | Suspect::Reporting { region, .. } => self.lost(&format!("in {region}")),
            Suspect::AvailabilityZone { availability_zone: zone, .. } => self.zone(zone),
            Suspect::Network { account } | Suspect::SecurityGroup { account } => {
                format!("{} cannot be reached from {who}{}", self.name(account), self.at())
            }
            Suspect::Resolver { region, availability_zone, .. } => {
                let place = availability_zone.as_ref().map_or(region.as_str(), AzId::as_str);
                format!("{who}: names are not resolved in {place}")
            }
            Suspect::WayOut { .. } | Suspect::NatGateway { .. } | Suspect::InternetRoute { .. } => {
                format!("{who} ({zones}) has no way out to the internet")
            }
            Suspect::Peering { .. } | Suspect::PeerRoute { .. } => {
                format!("{who} ({zones}) cannot reach {}", self.owners)
            }
            Suspect::Target { endpoint, account } | Suspect::Connection { endpoint, to: account, .. } => {
                let owner =
                    account.as_ref().map(|name| format!(" ({})", self.name(name))).unwrap_or_default();
                let endpoint = self.name(endpoint);
                let verb = if self.answers { "answers wrongly to" } else { "cannot be reached from" };
                format!("{endpoint}{owner} {verb} {who}{}", self.at())
            }
            Suspect::Isolation { endpoint, .. } => {
                format!("{who} reaches {}, which it must not", self.name(endpoint))
            }
            Suspect::Path { .. } => {
                let endpoint = self.endpoint.as_deref().map_or("its target".to_owned(), |it| self.name(it));
                let verb = if self.answers { "gets wrong answers from" } else { "cannot reach" };
                format!("{who} ({zones}) {verb} {endpoint}")
            }
            Suspect::Probe { .. } => format!("{who}: the probe in {zones} {}", self.silent(1)),
            Suspect::Prober { .. } => format!("{who}: the probes in {zones} run but cannot tell"),
        }
    }

    fn lost(&self, place: &str) -> String {
        match self.is_down {
            true => format!("{}: nothing gets out {place}", self.who),
            false => match self.why_silent {
                None | Some(WhySilent::Late) => format!("{} has fallen silent {place}", self.who),
                Some(_) => format!("{}: its probes {place} {}", self.who, self.silent(2)),
            },
        }
    }

    fn zone(&self, zone: &AzId) -> String {
        match self.is_down {
            true => format!("{}: nothing gets out of {zone}", self.who),
            false => format!("{}: probes in {zone} {}", self.who, self.silent(2)),
        }
    }

    /// What so many probes do instead of reporting.
    fn silent(&self, probes: usize) -> &'static str {
        match (self.why_silent, probes) {
            (None | Some(WhySilent::Late), 1) => "has fallen silent",
            (None | Some(WhySilent::Late), _) => "have fallen silent",
            (Some(WhySilent::Crashed), 1) => "crashes in each run",
            (Some(WhySilent::Crashed), _) => "crash in each run",
            (Some(WhySilent::NeverEnrolled), 1) => "is deployed and was never heard of",
            (Some(WhySilent::NeverEnrolled), _) => "are deployed and were never heard of",
        }
    }

    /// The zones, where they are those of one account.
    fn at(&self) -> String {
        if self.accounts == 1 { format!(" ({})", self.zones) } else { String::new() }
    }
}

/// What is to blame, as the end of a sentence; none where there is no more to say than what fails.
fn cause(suspect: &Suspect) -> Option<String> {
    Some(match suspect {
        Suspect::Fleet => "what all accounts have in common".to_owned(),
        Suspect::Region { region } => format!("the Region {region}"),
        Suspect::Account { .. } => "the account's network as a whole".to_owned(),
        Suspect::Network { account } => format!("the network of {account}"),
        Suspect::Reporting { .. } => "the way of the account's reports to the hub".to_owned(),
        Suspect::AvailabilityZone { account: None, availability_zone: zone } => format!("the zone {zone}"),
        Suspect::AvailabilityZone { account: Some(_), availability_zone: zone } => {
            format!("the account's subnet in {zone}, its network ACL or its route table")
        }
        Suspect::Resolver { availability_zone: None, .. } => "the VPC's resolver".to_owned(),
        Suspect::Resolver { availability_zone: Some(zone), .. } => {
            format!("the way to the resolver in {zone}")
        }
        Suspect::WayOut { .. } => {
            "the internet gateway, or the NAT gateway or default route of every zone".to_owned()
        }
        Suspect::NatGateway { availability_zone: None, .. } => "the NAT gateway".to_owned(),
        Suspect::NatGateway { availability_zone: Some(zone), .. } => format!("the NAT gateway in {zone}"),
        Suspect::InternetRoute { availability_zone: zone, .. } => format!("the default route in {zone}"),
        Suspect::Peering { accounts: [one, other] } => format!("the peering of {one} and {other}"),
        Suspect::PeerRoute { account, availability_zone: None, to } => format!("{account}'s routes to {to}"),
        Suspect::PeerRoute { account, availability_zone: Some(zone), to } => {
            format!("{account}'s route to {to} in {zone}")
        }
        Suspect::SecurityGroup { account } => format!("the security group of {account}'s targets"),
        Suspect::Target { endpoint, .. } => format!("{endpoint} itself"),
        Suspect::Connection { endpoint, .. } => format!("a rule of the account's for {endpoint}"),
        Suspect::Collector
        | Suspect::Isolation { .. }
        | Suspect::Path { .. }
        | Suspect::Probe { .. }
        | Suspect::Prober { .. } => return None,
    })
}
