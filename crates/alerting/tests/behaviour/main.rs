//! The behaviour of the alerting rules, by way of the public API alone.

mod explanations;
mod flapping;
mod folding;
mod gate;
mod gray;
mod incidents;
mod joined;
mod lateness;
mod missing;
mod paging;
mod parts;
mod properties;
mod quiet;
mod rendering;
mod reruns;
mod silent;
mod simulation;
mod support;
mod unseen;
mod windows;
