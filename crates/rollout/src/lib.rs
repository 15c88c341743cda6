//! How a version of the fleet file reaches every account: in waves, gated by what the waves before have proven.
//!
//! Everything here is pure: what is seen comes in as a value, time as an argument.

mod versions;

pub use versions::Versions;
