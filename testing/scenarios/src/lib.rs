//! What becomes of a broken network: in it the real probes run and packets really move ([`phonehome_lab`]); their
//! reports go through the collector, the alerter and the notifier as they run on AWS, with a table, Slack and on-call
//! in memory; and the planner and the executor repair it in an EC2 in memory ([`phonehome_fakecloud`]), which the
//! lab's network follows.
//!
//! [`World`] holds all of that, [`Scenario`] is one fault with what has to be said of it, and [`detect()`] measures how
//! long that takes. `cargo xtask lab` runs them.

#![cfg(target_os = "linux")]

mod accounts;
mod breaking;
mod detect;
mod faults;
mod hub;
mod live;
mod run;
mod scenario;
mod view;
mod watch;
mod world;

pub use detect::{Detection, detect};
pub use faults::scenarios;
pub use hub::Hub;
pub use live::live;
pub use run::{Outcome, run};
pub use scenario::{Expected, Message, Repair, Scenario, Told};
pub use watch::{Place, Watch};
pub use world::{Target, World, at, stack};
