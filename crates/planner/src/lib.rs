//! The planner: what an account's network should be, what it is, and the steps between the two.
//!
//! Pure and deterministic: no clock, no I/O, no async. [`plan()`] turns a [`StackSpec`] and an
//! [`Inventory`](phonehome_network::Inventory) into a [`Plan`], which leaves no choice to whoever applies it.

mod action;
mod class;
mod contract;
mod disruption;
mod facts;
mod irrevocable;
mod limits;
mod names;
mod operation;
mod permission;
mod permit;
mod plan;
mod planner;
pub mod price;
mod prospect;
mod readiness;
mod reason;
pub mod render;
mod spared;
mod spec;
mod template;
mod usage;
mod withheld;

pub use action::{Action, ActionScope, Direction, Ref, RefTarget};
pub use class::classes;
pub use contract::{Agreed, CONTRACT_FORM, beyond, digest, sha256};
pub use disruption::{Disruption, REPAIR};
pub use irrevocable::{GivenUp, Irrevocable};
pub use limits::{LimitRequest, Limits};
pub use names::Names;
pub use permit::{Decommission, Permit, Removal, Replacement};
pub use plan::{Change, Located, Plan, PlanError, Readiness, Step, Unmanaged, Wait};
pub use planner::{
    SCHEDULE_EXPRESSION, decommission_kinds, default_vpc_kinds, follows_way_out, plan, plan_decommission,
    plan_default_vpc_removal, plan_permitted,
};
pub use prospect::{NewNetwork, new_networks};
pub use reason::{Allowance, NeededPermission, NeededTemplate, WithheldReason};
pub use spared::{addresses_in_use, known_probes, schedule_digest};
pub use spec::{Features, History, Home, LinkSpec, PROBE_PREFIX, ProbeSpec, SpecError, StackSpec, ZoneSpec};
pub use template::{FIRST_TEMPLATE, MEMBER_TEMPLATE, RERUN_TEMPLATE, removal_needs_template, template_mark};
pub use withheld::{ChangeKind, Withheld};
