//! The packet lab: from what EC2 says of a network to a Linux network in which packets really move, so that the
//! kernel is an independent judge of what a probe says.
//!
//! [`describe()`] is a function from [`Inventories`] and [`Wishes`] to a [`network::Network`]; [`Lab`] makes that,
//! and runs the real probe in it. Neither shares code with what plans networks. `cargo xtask lab` breaks such
//! networks (`testing/scenarios`).
//!
//! [`server`] is the lab as a process that others tell what EC2 says, and ask to run functions as they are deployed.
//!
//! # What is modelled
//!
//! | on AWS | in the lab |
//! |---|---|
//! | a VPC's router | a network namespace, which says nothing itself: what AWS does not pass on it drops |
//! | a subnet | a network namespace with its probes and hosts; even neighbours' packets go to the router |
//! | a route table | a routing table of the kernel's, chosen by the interface that a packet comes from; the most specific route wins; one whose target does not work takes its packets to nowhere |
//! | an internet gateway | 1:1 translation at the router; what has no public address does not pass |
//! | a NAT gateway | a namespace that sends on under its private address, by its subnet's route table; one that is not `available` is silent; regional ones have their own table |
//! | a peering | a link between routers, while every account that sees it says `active`; nothing passes through a VPC |
//! | a security group | rules with state at each address; rules that name a group let in those who carry it, in the VPC and its peers |
//! | a network ACL | rules without state at the subnet's border, in order |
//! | a VPC's resolver | a nameserver two above the VPC's base, which no group and no ACL closes |
//! | the internet | a namespace with hosts, which knows the way to every public address |
//! | a lossy path, a dead zone | packets that are dropped at the router, by chance or all ([`Impairment`]) |
//! | a slow path | a wire with a delay, which a thread of the lab sends on over ([`Impairment`]) |
//!
//! A refusal comes from a host, never from the network. [`Lab::counters`] says what has gone over each part.
//!
//! # How large
//!
//! 40 accounts with 3 zones are 401 namespaces and 439 links. They stand in 1.7 s on two shared cores, most of which
//! goes into starting `ip` and `nft` for each; a change takes 50 ms, which the kernel spends in waiting until nobody
//! uses what goes (`lab --measure`; November 2026). A namespace takes some 280 KiB of the kernel's memory. The kernel
//! remembers 1024 neighbours (`gc_thresh3`) in all namespaces together, two for each link that is in use: some 500
//! links are the most.
//!
//! # What is not
//!
//! - IPv6; protocols beyond TCP, UDP and ICMP are passed on, but nobody translates them.
//! - Prefix lists, gateway endpoints and other targets of routes (transit gateways, firewalls): silent.
//! - Hosts of one subnet among themselves: they are in one namespace, where no security group is between them, and
//!   no impairment of their subnet's either.
//! - Peers in accounts that no inventory is of: silent. Inventories do not say a NAT gateway's private address: it
//!   is near the end of its subnet.
//! - Time: bandwidth; loss that comes in bursts, delay that varies; how long AWS takes to change something; idle
//!   timeouts; how many connections a NAT gateway or a security group follows.
//! - What is longer than 1500 bytes; what an MTU hole is made of is [`Wishes::mtus`].
//! - Lambda's own network interfaces: a probe has an address in its subnet, the first ones that AWS leaves free.

#![cfg(target_os = "linux")]

mod apply;
mod authority;
mod counters;
mod describe;
mod dns;
mod frame;
mod function;
mod lab;
pub mod measure;
mod namespaces;
pub mod network;
mod running;
mod runtime_api;
pub mod sample;
mod serve;
pub mod server;
pub mod testing;
mod wire;
mod wishes;

pub use counters::{Amount, Counters, Traffic};
pub use describe::{Inventories, describe};
pub use function::{Call, Code, Ended, Outcome, Started};
pub use lab::{Lab, UnknownFunction};
pub use namespaces::{available, enter, is_inside, run_inside};
pub use wishes::{Answer, Certificate, Effect, Host, Impairment, Place, Resolver, Segment, Wishes};
