//! Executors that die, answers that get lost, limits, late visibility: whatever happens on the way, an
//! account ends as it would have without it, and nothing is made twice.

mod decommission;
mod driver;
mod every_call;
mod late;
mod random;
mod shape;
mod slow;
