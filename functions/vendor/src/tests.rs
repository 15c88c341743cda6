//! From a line of the fleet file to an account whose network is proven, by what is stored.

mod bearing;
mod binding;
mod kept;
mod quiet;
mod told;
mod twice;
mod unseen;
mod world;
