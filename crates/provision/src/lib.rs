//! Brings one account to what is declared: claims its addresses, looks, plans, applies, and writes how
//! far it is. The provisioner does it for events and sweeps, `phonehome plan` and `phonehome apply` do
//! it from a terminal.
//!
//! A stack belongs to one of them at a time: its status carries a lease and a generation, and every
//! write is conditional on both. Nothing here sleeps; what is not ready is answered as
//! [`StackProgress::Later`].

mod adopt;
mod agreed;
mod change_log;
mod claim;
mod closing;
mod closing_told;
pub mod cloudtrail;
mod decommission;
mod default_vpc;
mod digest;
mod drift;
mod error;
mod inputs;
mod keeping;
mod keeping_setup;
mod lease;
mod limits;
mod links;
mod look;
mod members;
mod new_relic;
mod notices;
mod observed;
mod pack;
mod pack_data;
mod pack_expected;
mod pack_left;
mod pack_observability;
mod pack_plan;
mod pack_provider;
mod pack_told;
mod pack_users;
mod package;
mod permits;
mod plans;
mod probes;
mod progress;
mod provision;
mod reconcile;
mod report;
pub mod requeue;
mod seen;
mod settings;
mod settings_told;
mod template;
mod time;
mod version;

pub use change_log::{is_observation_queued, note_queued_observation, record_api_call};
pub use closing::{CannotClose, CloseProgress};
pub use decommission::account_closed_notice;
pub use error::CannotPlan;
pub use limits::usual_limits;
pub use members::{AwsMembers, Members, PROBE_MEMORY_MB};
pub use pack::{PACK_ROLE, PackProgress};
pub use pack_expected::pack_digests;
pub use pack_left::LeftData;
pub use pack_plan::pack_plan;
pub use package::{Package, Packages};
pub use plans::STACKS_AT_ONCE;
pub use progress::{Reconciled, StackProgress};
pub use provision::{Job, Provision, Published};
pub use template::TEMPLATE_ARRIVES_MS;
pub use time::{CALL_MS, CLOCK_MS, COOLDOWN_MS, LEASE_MS, VISIBLE_MS, WORK_MS};
