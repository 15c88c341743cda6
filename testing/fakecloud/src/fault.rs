//! What goes wrong between an executor and AWS, told by the number of the call.

use std::ops::RangeInclusive;

/// What goes wrong, and at which of a handle's API calls: the first is number 1, and an observation makes one
/// for each kind of resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The executor dies before this call is made.
    DieBefore(usize),
    /// The executor dies after this call has taken effect, and before it has the answer.
    DieAfter(usize),
    /// The call takes effect, and its answer is lost on the way.
    LoseResponse(usize),
    /// AWS refuses these calls with this code.
    Refuse {
        /// Which ones.
        calls: RangeInclusive<usize>,
        /// AWS's code, `InternalError`.
        code: String,
    },
}

/// What is to be done about one call.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) die_before: bool,
    pub(crate) die_after: bool,
    pub(crate) lose: bool,
    pub(crate) refuse: Option<String>,
}

impl Fate {
    pub(crate) fn of(number: usize, faults: &[Fault]) -> Self {
        let mut fate = Self::default();
        for fault in faults {
            match fault {
                Fault::DieBefore(at) => fate.die_before |= *at == number,
                Fault::DieAfter(at) => fate.die_after |= *at == number,
                Fault::LoseResponse(at) => fate.lose |= *at == number,
                Fault::Refuse { calls, code } if calls.contains(&number) => fate.refuse = Some(code.clone()),
                Fault::Refuse { .. } => {}
            }
        }
        fate
    }
}
