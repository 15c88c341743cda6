//! Which version of the fleet file is in force, and which is rolled out.

use std::fmt::Write as _;

use phonehome_state::{Desired, InForce};
use phonehome_text::agree;

use crate::output::time;

/// Which fleet files the functions go by.
pub(super) fn lines(desired: &Desired, now_ms: u64) -> Vec<String> {
    let rolling = desired.rolling().map(|rolling| {
        let accounts = agree(rolling.turned.len(), "account is", "accounts are");
        format!("fleet file: version {} is rolled out, which {accounts} to have", rolling.target.number)
    });
    [version(desired.in_force(), now_ms)].into_iter().chain(rolling).collect()
}

/// Which fleet file the functions go by where no other is rolled out, and for how long what was accepted with it may be done.
pub(super) fn version(in_force: &InForce, now_ms: u64) -> String {
    let mut text = match &in_force.unreadable {
        None => format!("fleet file: version {} is in force", in_force.number),
        Some(problem) => {
            format!(
                "fleet file: version {} is in force, because the newest cannot be used: {problem}",
                in_force.number
            )
        }
    };
    let (accepted, until_ms) = (in_force.accepted.asks().count(), in_force.accepted.until_ms);
    if accepted > 0 && now_ms < until_ms {
        let _ = write!(text, "; {accepted} accepted with it, each once, until {}", time(until_ms));
    }
    text
}
