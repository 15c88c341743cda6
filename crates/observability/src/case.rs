//! What is decided about.

use phonehome_wire::AccountId;

use crate::problem::Problem;
use crate::seen::Seen;
use crate::step::Step;
use crate::times::TOLD_MS;
use crate::wanted::Wanted;

/// What is decided about.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The AWS account.
    pub account: &'a AccountId,
    /// What is declared of it.
    pub wanted: &'a Wanted,
    /// What was looked at in this turn.
    pub seen: &'a Seen,
    /// What time it is; milliseconds since the Unix epoch.
    pub now_ms: u64,
}

impl Case<'_> {
    /// Nothing now, and people are told.
    pub(crate) fn told(&self, problem: Problem) -> Step {
        Step::Rest { problems: vec![problem], again_at_ms: self.now_ms.saturating_add(TOLD_MS) }
    }
}
