//! Plans and references in words.

use std::fmt;

use crate::{Change, Plan, Ref, RefTarget, RouteTarget, Step};

/// The plan as text: a line for each step, then what is waited for.
pub fn render_text(plan: &Plan) -> String {
    if plan.is_settled() {
        return "No changes: the stack is as declared.\n".to_owned();
    }
    let mut text = String::new();
    for step in &plan.steps {
        text.push_str(&step_line(step));
    }
    for wait in &plan.waits {
        text.push_str(&format!("  … {} {}: {}\n", wait.address, wait.id, wait.what));
    }
    let (creates, updates) = plan.counts();
    text.push_str(&format!(
        "{creates} to create, {updates} to update in place, nothing to replace or delete; waiting for {}.\n",
        plan.waits.len()
    ));
    text
}

fn step_line(step: &Step) -> String {
    match &step.change {
        Change::Create => format!("  + {}\n", step.address),
        Change::Update { before, after } => {
            format!("  ~ {} ({}): {before} → {after}\n", step.address, step.reason)
        }
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
