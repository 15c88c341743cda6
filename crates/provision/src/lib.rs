//! Brings one account to what is declared: claims its addresses, looks, plans, applies, and writes how
//! far it is. The provisioner does it for events and sweeps, `phonehome plan` and `phonehome apply` do
//! it from a terminal.
//!
//! A stack belongs to one of them at a time: its status carries a lease and a generation, and every
//! write is conditional on both. Nothing here sleeps; what is not ready is answered as
//! [`Progress::Later`].

mod adopt;
mod deeds;
mod default_vpc;
mod drift;
mod inputs;
mod lease;
mod limits;
mod links;
mod members;
mod notices;
mod permits;
mod reconcile;
mod release;
mod seen;
mod time;
mod told;
pub mod trail;

pub use deeds::{Deeds, is_look_queued, note_queued_look, record_deed};
pub use default_vpc::DefaultVpcs;
pub use drift::{Drift, Line, Repair};
pub use limits::usual_limits;
pub use members::{AwsMembers, Members};
pub use permits::Published;
pub use reconcile::{Job, Progress, Provision, Reconciled};
pub use release::closed_notice;
pub use time::{CALL_MS, CLOCK_MS, LEASE_MS, SETTLE_MS, VISIBLE_MS, WORK_MS};
pub use told::{Notice, Open, Ready, Told, Withheld};
