//! What the probes of stacks are to test, made once for as long as the same versions are in use: reports are many, and
//! to find a line among thousands takes longer than to fold one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use phonehome_fleet::{Fleet, Line};
use phonehome_state::StackStatus;
use phonehome_wire::{AccountId, Check, Region};

/// How many checks are kept, of some 400 bytes each; whoever wants to keep more begins anew.
const CHECKS_MAX: usize = 20_000;

/// An account in a Region, and the line that its stack says it is: all that decides what its probes are to test.
type Which = (AccountId, Region, Line);

/// What was found so far, and how many checks that is.
type Found = (HashMap<Which, Arc<[Check]>>, usize);

/// What the probes of stacks are to test, as far as anybody asked.
#[derive(Debug, Default)]
pub(crate) struct Declaring(Mutex<Found>);

impl Declaring {
    /// What the probes of a stack are to test by the version that its account is to have, which is the same one each time.
    pub(crate) fn of(&self, fleet: &Fleet, stack: &StackStatus) -> Arc<[Check]> {
        let which =
            (stack.account.clone(), stack.region.clone(), Line::new(&stack.domain, &stack.environment));
        // Each change leaves at most the count too high, so that what a panic left is whole.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (of, count) = &mut *known;
        if let Some(checks) = of.get(&which) {
            return Arc::clone(checks);
        }
        let member = fleet.member_at(&which.2);
        let checks = member.map(|member| fleet.checks_for(&member, &stack.region)).unwrap_or_default();
        if *count + checks.len() > CHECKS_MAX {
            of.clear();
            *count = 0;
        }
        *count += checks.len();
        let checks: Arc<[Check]> = checks.into();
        of.insert(which, Arc::clone(&checks));
        checks
    }
}
