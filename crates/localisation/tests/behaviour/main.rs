//! What is said of what is seen.

mod exact;
mod incidents;
mod missing;
mod properties;
mod reruns;
mod topologies;
mod world;
