//! Starter packs: what each account gets beside its network.
//!
//! [`Pack::of`] says what an account is to have in a Region, by the fleet file alone, and [`Pack::template`] writes it as a
//! CloudFormation template. Nothing of an account's own stands in it: accounts that are declared alike have the same one.
//! [`compare()`] says of each resource what another template would do to it, and [`Change::verdict`] whether it may.
//!
//! Nothing here reads a file, a clock or the network.

mod buckets;
mod called;
mod compare;
mod kinds;
mod log_policy;
mod names;
mod pack;
mod plain;
mod policies;
mod resource;
mod roles;
mod users;
mod verdict;

pub use compare::{Change, Class, compare};
pub use kinds::{Holds, data};
pub use names::{Backend, MachineUserName, Names, RoleName};
pub use pack::{Pack, STACK_NAME, TEMPLATE_BYTES_MAX, oversized};
pub use users::MachineUser;
pub use verdict::{Verdict, Why, verdict};
