//! The planner: what an account's network should be, what it is, and the steps between the two.
//!
//! Pure and deterministic: no clock, no I/O, no async. [`plan()`] turns a [`StackSpec`] and an
//! [`Inventory`] into a [`Plan`], which leaves no choice to whoever applies it.

mod address;
mod inventory;
mod plan;
mod planner;
mod render;
mod spec;
mod status;

pub use address::{Address, TAG_ADDRESS, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};
pub use inventory::{
    ElasticIp, Function, FunctionState, InternetGateway, Inventory, NatGateway, NatState, Route, RouteTable,
    RouteTarget, Schedule, SecurityGroup, Subnet, Vpc,
};
pub use phonehome_fleet::addresses::Tier;
pub use plan::{Action, Change, Plan, PlanError, Ref, RefTarget, Step, Wait};
pub use planner::plan;
pub use render::render_text;
pub use spec::{ProbeSpec, StackSpec, ZoneSpec};
pub use status::{Phase, StackStatus};
