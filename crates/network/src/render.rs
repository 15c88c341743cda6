//! Plans and references in words.

use std::fmt;

use crate::{Action, Address, Change, Plan, Ref, RefTarget, RouteTarget, Step};

/// The plan as text: a line for each step with what it makes or why it changes what it finds, and
/// the steps it comes after; then a line for everything that is waited for; then the sums.
pub fn render_text(plan: &Plan) -> String {
    if plan.is_settled() {
        return "No changes: the stack is as declared.\n".to_owned();
    }
    let addresses = plan.steps.iter().map(|step| &step.address).chain(plan.waits.iter().map(|w| &w.address));
    let width = addresses.map(|address| address.0.len()).max().unwrap_or_default();
    let mut text = String::new();
    let mut line = |sign: char, address: &Address, words: String| {
        let line = format!("  {sign} {:width$}  {words}", address.0);
        text.push_str(line.trim_end());
        text.push('\n');
    };
    for step in &plan.steps {
        let sign = if step.change == Change::Create { '+' } else { '~' };
        line(sign, &step.address, words(plan, step));
    }
    for wait in &plan.waits {
        line('…', &wait.address, format!("{}: {}", wait.id, wait.what));
    }
    text.push_str(&sums(plan));
    text
}

fn sums(plan: &Plan) -> String {
    let (creates, updates) = plan.counts();
    let waits = match plan.waits.len() {
        0 => String::new(),
        count => format!("; waiting for {count} (…)"),
    };
    format!("{creates} to create (+), {updates} to change in place (~), none to replace or delete{waits}.\n")
}

fn words(plan: &Plan, step: &Step) -> String {
    let what = match &step.change {
        Change::Create => details(&step.action),
        Change::Update { before, after } => format!("{}: {before} → {after}", step.reason),
    };
    let after = last_before(plan, step);
    match (what.is_empty(), after.is_empty()) {
        (_, true) => what,
        (true, false) => format!("after {}", after.join(", ")),
        (false, false) => format!("{what}; after {}", after.join(", ")),
    }
}

/// What a step comes after, without what that in turn comes after.
fn last_before<'a>(plan: &'a Plan, step: &'a Step) -> Vec<&'a str> {
    let implied = |address: &Address| {
        let others = step.after.iter().filter(|other| *other != address);
        let mut before = plan.steps.iter().filter(|earlier| others.clone().any(|it| *it == earlier.address));
        before.any(|earlier| earlier.after.contains(address))
    };
    step.after.iter().filter(|address| !implied(address)).map(|address| address.0.as_str()).collect()
}

/// What a new resource's address does not say.
fn details(action: &Action) -> String {
    match action {
        Action::CreateVpc { cidr } | Action::CreateSubnet { cidr, .. } => cidr.to_string(),
        Action::CreateRoute { destination, target, .. } => format!("{destination} → {target}"),
        Action::CreateSchedule { input, .. } => format!("checks every minute: {}", input.checks.len()),
        _ => String::new(),
    }
}

impl Plan {
    /// How many steps create and how many update.
    pub fn counts(&self) -> (usize, usize) {
        let creates = self.steps.iter().filter(|step| step.change == Change::Create).count();
        (creates, self.steps.len() - creates)
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

impl fmt::Display for RouteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InternetGateway(id) | Self::NatGateway(id) | Self::Other(id) => f.write_str(id),
        }
    }
}
