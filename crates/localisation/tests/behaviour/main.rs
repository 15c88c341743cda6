//! What is said of what is seen.

mod exact;
mod properties;
mod topologies;
mod world;
