//! What the provisioner does with each sample event, and with accounts in every condition.

mod adoption;
mod agreed;
mod authorities;
mod by_hand;
mod decommission;
mod default_vpcs;
mod drift;
mod events;
mod executors;
mod failures;
mod identity;
mod inputs;
mod joined;
mod links;
mod mortal;
mod notices;
mod parts;
mod permits;
mod progress;
mod regions;
mod skipped;
mod sweeps;
mod unreadable;
mod upgrade;
mod versions;
mod world;
