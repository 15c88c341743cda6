//! The parts of a plan in words, whatever the form.

use std::fmt;

use crate::Disruption;
use crate::{Action, Change, ChangeKind, GivenUp, Plan, Ref, RefTarget, Step, Unmanaged, Withheld};
use phonehome_network::{Address, Kind};
use phonehome_text::{count, list};

/// What a step makes, or what it changes and why.
pub(super) fn what(step: &Step) -> String {
    let reason = &step.reason;
    match &step.change {
        Change::Create => details(&step.action),
        Change::Update { before, after } => format!("{reason}: {before} → {after}"),
        Change::Replace(it) => format!("{reason}: {} → {}", it.before(), it.after()),
        Change::Delete { before } => format!("{before}, {reason}"),
        Change::Adopt { id } | Change::Forget { id } if id.is_empty() => reason.clone(),
        Change::Adopt { id } | Change::Forget { id } => format!("{id}: {reason}"),
    }
}

/// What is withheld, and why: `delete nat-1 (no longer declared)`.
pub(super) fn held(it: &Withheld) -> (String, String) {
    let mut what = it.kind.verb().to_owned();
    if !it.id.is_empty() {
        what.push_str(&format!(" {}", it.id));
    }
    if !it.details.is_empty() && it.details != it.id {
        what.push_str(&format!(" ({})", it.details));
    }
    (what, it.reason.to_string())
}

/// What is somebody else's.
pub(super) fn unmanaged(it: &Unmanaged) -> String {
    format!("{} ({}) is not phonehome's and stays as it is", it.id, it.what)
}

/// What could not be seen.
pub(super) fn unseen(kind: Kind) -> String {
    format!("not all {} could be seen, so nothing is planned that depends on them", kind.plural())
}

/// How many things are named that are given up for good.
pub(super) const GIVEN_UP_SHOWN: usize = 8;

/// What is given up for good; `None` where nothing is.
pub(super) fn given_up(all: &[GivenUp]) -> Option<String> {
    let things = count(all.len(), "thing");
    (!all.is_empty()).then(|| format!("No rollback brings back {things}: {}", list(all, GIVEN_UP_SHOWN)))
}

/// How many steps are named that a step comes after.
pub(super) const NAMED: usize = 4;

/// What a step comes after, without what that in turn comes after.
pub(super) fn after<'a>(plan: &'a Plan, step: &'a Step) -> Vec<&'a Address> {
    let implied = |address: &Address| {
        let others = step.after.iter().filter(|other| *other != address);
        let mut before = plan.steps.iter().filter(|earlier| others.clone().any(|it| *it == earlier.address));
        before.any(|earlier| earlier.after.contains(address))
    };
    step.after.iter().filter(|address| !implied(address)).collect()
}

impl Plan {
    /// How many steps there are of each sign, and the worst they do: one line.
    pub fn sums(&self) -> String {
        let mut parts = self.counts();
        if self.disruption() != Disruption::None {
            parts.push(format!("the worst of it {}", self.disruption().in_words()));
        }
        if !self.waits.is_empty() {
            parts.push(format!("waiting for {} (…)", self.waits.len()));
        }
        if !self.withheld.is_empty() {
            parts.push(format!("{} withheld (!)", self.withheld.len()));
        }
        match (parts.len(), self.unseen.is_empty()) {
            (1, true) if self.steps.is_empty() => "No changes: the stack is as declared.".to_owned(),
            (1, false) if self.steps.is_empty() => "No changes, as far as can be seen.".to_owned(),
            _ => format!("{}.", parts.join("; ")),
        }
    }

    fn counts(&self) -> Vec<String> {
        if self.steps.is_empty() {
            return vec!["No changes".to_owned()];
        }
        let count = |sign: char| self.steps.iter().filter(|step| step.change.sign() == sign).count();
        let mut parts = vec![
            format!("{} to create (+)", count('+')),
            format!("{} to change in place (~)", count('~')),
            format!("{} to replace (±)", count('±')),
            format!("{} to delete (-)", count('-')),
        ];
        for (sign, what) in [('<', "to adopt"), ('>', "to forget")] {
            if count(sign) > 0 {
                parts.push(format!("{} {what} ({sign})", count(sign)));
            }
        }
        vec![parts.join(", ")]
    }
}

impl Change {
    /// The id of what it concerns, where it is known.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Adopt { id } | Self::Forget { id } => id.clone(),
            _ => String::new(),
        }
    }

    /// What kind of change it is.
    pub fn kind(&self) -> ChangeKind {
        match self {
            Self::Create => ChangeKind::Create,
            Self::Update { .. } => ChangeKind::Update,
            Self::Replace(_) => ChangeKind::Replace,
            Self::Delete { .. } => ChangeKind::Delete,
            Self::Adopt { .. } => ChangeKind::Adopt,
            Self::Forget { .. } => ChangeKind::Forget,
        }
    }

    /// What is changed, in words; may be empty.
    pub(crate) fn details(&self, action: &Action) -> String {
        match self {
            Self::Create => details(action),
            Self::Update { before, after } => format!("{before} → {after}"),
            Self::Replace(replacement) => format!("{} → {}", replacement.before(), replacement.after()),
            Self::Delete { before } => before.clone(),
            Self::Adopt { id } | Self::Forget { id } => id.clone(),
        }
    }

    /// One character for a list.
    pub fn sign(&self) -> char {
        match self {
            Self::Create => '+',
            Self::Update { .. } => '~',
            Self::Replace(_) => '±',
            Self::Delete { .. } => '-',
            Self::Adopt { .. } => '<',
            Self::Forget { .. } => '>',
        }
    }
}

impl Disruption {
    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::None => "disturbs nothing",
            Self::ChangesBehaviour => "changes how what runs there behaves",
            Self::ResetsConnections => "resets connections",
            Self::Replaces => "replaces what is in use",
            Self::Detaches => "cuts off its users",
        }
    }

    /// For people; `None` where running traffic does not notice.
    pub(crate) fn of_traffic(self) -> Option<&'static str> {
        (self != Self::None).then(|| self.in_words())
    }
}

/// What a new resource's address does not say.
pub(crate) fn details(action: &Action) -> String {
    match action {
        Action::CreateVpc { cidr } | Action::CreateSubnet { cidr, .. } => cidr.to_string(),
        Action::CreateRoute { destination, target, .. } => format!("{destination} → {target}"),
        Action::CreateSchedule { input, .. } => {
            format!("every minute, {}", count(input.checks.len(), "check"))
        }
        Action::CreateAclEntry { entry, .. } => entry.to_string(),
        Action::CreateGatewayEndpoint { service, tables, .. } => {
            format!("{service} in {}", count(tables.len(), "route table"))
        }
        Action::CreateSecurityGroup { description, .. } => description.clone(),
        Action::EnableDnsHostNames { .. } => "the VPC gives host names".to_owned(),
        Action::CreateFlowLog { destination, .. } => format!("to {destination}"),
        Action::CreatePeering { peer_account, peer_vpc, .. } => {
            format!("with {peer_vpc} of account {peer_account}")
        }
        _ => String::new(),
    }
}

impl fmt::Display for Ref {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => f.write_str(id),
            Self::Output(address) => write!(f, "the new {address}"),
        }
    }
}

impl fmt::Display for RefTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference().fmt(f)
    }
}
