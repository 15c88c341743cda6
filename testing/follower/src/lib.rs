//! Tells the packet lab what EC2 says, as it changes.
//!
//! What EC2 says is observed through the project's own adapter, at an endpoint on this machine. A local cloud says
//! itself what has changed; of any other, everything is observed twice a second. Inventories in files are followed
//! as well.

#![cfg(target_os = "linux")]

mod changes;
mod cloud;
mod files;
mod follower;
mod view;

pub use cloud::{Cloud, Followed};
pub use files::Files;
pub use follower::{Source, follow};
