//! The settings of an account, through the interface that the provisioner has.

mod auto_scaling;
mod keys;
mod never;
mod rotation;
mod runs;
mod tables;
mod world;
