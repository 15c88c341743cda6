//! The planner: what an account's network should be, what it is, and the steps between the two.
//!
//! Pure and deterministic: no clock, no I/O, no async. [`plan()`] turns a [`StackSpec`] and an
//! [`Inventory`] into a [`Plan`], which leaves no choice to whoever applies it.

mod action;
mod address;
mod inventory;
mod operation;
mod permission;
mod permit;
mod plan;
mod planner;
pub mod price;
mod readiness;
pub mod render;
mod spec;
mod status;

pub use action::{Action, Direction, Ref, RefTarget};
pub use address::{Address, TAG_ADDRESS, TAG_ADOPTED, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};
pub use inventory::{
    AclAssociation, AclEntry, Association, ElasticIp, Endpoint, FlowLog, Function, FunctionState,
    InternetGateway, Inventory, Kind, NatGateway, NatState, NetworkAcl, NetworkInterface, Peering,
    PeeringState, PeeringVpc, Route, RouteTable, RouteTarget, Rule, RulePeer, Schedule, SecurityGroup,
    Subnet, Tagged, Tags, Vpc,
};
pub use permission::{Ask, Permission, REPAIR};
pub use permit::{Doomed, Limits, Permit, Release, Removal, Replacement};
pub use phonehome_fleet::addresses::{SLOTS as ZONE_SLOTS, Tier};
pub use plan::{Change, Disruption, Foreign, Located, Plan, PlanError, Readiness, Step, Wait, Withheld};
pub use planner::{
    default_vpc_kinds, plan, plan_default_vpc_removal, plan_permitted, plan_release, release_kinds,
};
pub use spec::{Features, History, Home, LinkSpec, ProbeSpec, SpecError, StackSpec, ZoneSpec};
pub use status::{Phase, StackStatus};
