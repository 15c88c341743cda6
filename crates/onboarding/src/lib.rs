//! Accounts that exist become lines of the fleet file.
//!
//! [`draft()`] writes a fleet file of an organization's accounts, by what their names and units say ([`guess()`]): a proposal
//! for a person, with every account in it, placed by its id or listed with why it is not. [`propose`] compares a fleet
//! file with the organization and says which line is which account, how certain that is, and what stands against it.
//!
//! Names claim nothing. Whoever runs an account can rename it, two accounts can have one name, and a name can look like
//! another one; so a name leads to a proposal with the account's id in it, which a person repeats, and the id is what is
//! stored.
//!
//! Nothing here knows an SDK, a clock or a table.

mod against;
mod candidates;
mod draft;
mod guess;
mod not_bound;
mod placed;
mod proposal;
mod seen;
mod shown;
mod words;
mod yaml;

pub use against::Known;
pub use candidates::{Candidate, Likeness};
pub use draft::draft;
pub use guess::{Guess, Unplaced, guess};
pub use not_bound::NotBound;
pub use proposal::{Proposal, Proposals, propose};
pub use seen::{NoOrganization, Organization, SeenAccount};
pub use shown::shown;
