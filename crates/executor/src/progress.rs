//! Watching a plan being applied.

use phonehome_planner::Step;

use crate::StepOutcome;

/// Is told what happens while it happens, for a command line. It must not block.
pub trait Progress: Send + Sync {
    /// A call is being made; once more for each further attempt at a step.
    fn started(&self, step: &Step);
    /// A step's outcome is known: once for each step of the plan, also for those never started.
    fn ended(&self, step: &Step, outcome: &StepOutcome);
}

impl<P: Progress> Progress for &P {
    fn started(&self, step: &Step) {
        P::started(self, step);
    }

    fn ended(&self, step: &Step, outcome: &StepOutcome) {
        P::ended(self, step, outcome);
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn started(&self, _: &Step) {}

    fn ended(&self, _: &Step, _: &StepOutcome) {}
}
