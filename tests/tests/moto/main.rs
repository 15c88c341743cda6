//! The AWS adapter against moto, the emulator with the strict EC2, through the proxy that loses calls:
//! moto does what the fake cloud's contract says, and whatever happens on the way an account ends as
//! it would have without it.

mod contract;
mod crash;
mod drift;
mod faults;
mod life;
mod place;
mod release;
#[path = "../../../testing/fakecloud/tests/crash/shape.rs"]
mod shape;
mod whole;
