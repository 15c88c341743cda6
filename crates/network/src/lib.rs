//! What networks are made of: the resources of an account as they are seen, their addresses within a
//! stack, and what is asked for before it is taken away. No decision is made here.

mod address;
mod display;
mod inventory;
mod permission;
mod removal;

pub use address::{Address, Part, Resource, TAG_ADDRESS, TAG_ADOPTED, TAG_MANAGED_BY, TAG_MANAGED_BY_VALUE};
pub use inventory::{
    AclAssociation, AclEntry, Association, ElasticIp, Endpoint, FlowLog, Function, FunctionState,
    InternetGateway, Inventory, Kind, KnownFunction, KnownProbes, KnownSchedule, Lists, NatGateway, NatState,
    NetworkAcl, NetworkInterface, Peering, PeeringState, PeeringVpc, Route, RouteTable, RouteTarget, Rule,
    RulePeer, Schedule, SecurityGroup, Subnet, Tagged, Tags, Vpc,
};
pub use permission::{Ask, Permission};
pub use phonehome_fleet::PARTS_MAX;
pub use phonehome_fleet::addresses::{SLOTS as ZONE_SLOTS, Tier};
pub use removal::RemovalTarget;
