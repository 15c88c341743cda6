//! A pack stack, from the first look to the last.

mod executor;
mod runs;
mod statuses;
mod steps;
mod world;
