//! Starter packs: what each account gets beside its network.
//!
//! [`Pack::of`] says what an account is to have in a Region, by the fleet file alone, and [`Pack::template`] writes it as a
//! CloudFormation template. Nothing of an account's own stands in it: accounts that are declared alike have the same one.
//! [`compare()`] says of each resource what another template would do to it, and [`Change::verdict`] whether it may;
//! [`PackPlan::of`] what becomes of a whole pack, and what that costs.
//!
//! Nothing here reads a file, a clock or the network.

mod buckets;
mod called;
mod compare;
mod kept;
mod kinds;
mod log_policy;
mod machine_users;
mod metric_stream;
mod names;
mod new_relic;
mod observability;
mod observed;
mod pack;
mod plain;
mod plan;
mod policies;
mod price;
mod resource;
mod roles;
mod users;
mod verdict;

pub use called::{METRIC_STREAM, OBSERVABILITY_KEY};
pub use compare::{Change, Class, compare};
pub use kept::{Kept, kept_data};
pub use kinds::{Holds, KEY_CENTS, SECRET_CENTS, Usage, data};
pub use machine_users::MachineUser;
pub use names::{Backend, MachineUserName, Names, RoleName};
pub use observability::{OBSERVING_ROLE, VendorAccount};
pub use observed::{ObservabilityNames, Observed};
pub use pack::{Pack, STACK_NAME, TEMPLATE_BYTES_MAX, oversized};
pub use plan::{Known, PackOutcome, PackPlan};
pub use price::{KEY_ROTATED_CENTS, PackPrice, monthly_cents, usage};
pub use roles::AUDIENCE;
pub use verdict::{Verdict, Why, verdict};
