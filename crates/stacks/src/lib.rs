//! The CloudFormation stack that carries an account's starter pack in a Region, the *pack stack*: what is seen of it, what
//! is done next, and what is told.
//!
//! [`decide()`] is the whole of it: from what was seen, what is wanted, the record and the time to exactly one [`Step`], and
//! the record that is stored before that step is taken. [`turn()`] takes the steps over [`PackApi`]; it never sleeps. Nothing
//! here knows an SDK or reads a clock.

mod api;
mod change_set;
mod check;
mod decide;
mod drift;
mod expected;
mod failed;
mod marked;
mod now;
mod observed;
mod problem;
mod record;
mod retry;
mod seen;
mod stack;
mod status;
mod step;
mod turn;
mod wanted;

pub use api::{NewChangeSet, PackApi};
pub use change_set::{
    Attribute, ChangeSet, ChangeSetState, Changed, PolicyAction, Replacement, ResourceChange,
};
pub use check::{Difference, DifferenceKind, check};
pub use decide::{STUCK_MS, decide};
pub use expected::{Expected, Permits, Planned, Refused, Unplanned};
pub use marked::{MARK, TEMPLATE_BYTES_MAX, marked, noted, sha256_of};
pub use observed::{
    Bound, OBSERVABILITY, OBSERVABILITY_BOUND, ObservabilityRecord, bound_key, observability_key,
};
pub use problem::{ByHand, Problem};
pub use record::{
    Attempt, Failures, LastTemplate, PACKS, PackPhase, PackRecord, ProviderRecord, Told, UserRecord,
    Verified, pack_key,
};
pub use retry::{ATTEMPTS_MAX, CONTINUES_MAX};
pub use seen::{Deployed, Seen};
pub use stack::{DriftStatus, PackStack, ResourceNote};
pub use status::PackStatus;
pub use step::{Decision, Kind, Look, Step};
pub use turn::{Case, Keep, Outcome, Turn, turn};
pub use wanted::{TooLarge, Wanted};
