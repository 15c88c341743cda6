//! From a published version to every account, by what is stored.

mod moves;
mod told;
mod world;
