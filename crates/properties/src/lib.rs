//! Account properties: the organizational unit, the tags and the alternate contacts of each account in its
//! organization, kept as the fleet file declares them.
//!
//! [`subjects()`] says which accounts there are and what they are to bear; [`drift()`] what differs that did not before;
//! [`decide()`] which calls put it right, and what people have to; [`Keeper`] looks and does it, account by account, over
//! a table and AWS's API ([`PropertiesApi`]). [`Supporter`] has support plans asked for. What is not declared is neither looked at nor changed. Nothing here knows
//! an SDK, sleeps, or reads another clock than the one it is given.

mod api;
mod decide;
mod difference;
mod drift;
mod due;
mod keeper;
mod kept;
mod look;
mod obstacle;
mod seen;
mod stored;
mod subject;
mod support;
mod supporter;
mod told;

pub use api::{ParentId, PropertiesApi, Unit};
pub use decide::{Decision, Step, decide};
pub use difference::Difference;
pub use drift::drift;
pub use due::{Due, LOOKS_A_ROUND, NotBefore, due};
pub use keeper::{Keeper, Memory, Round, Tell};
pub use kept::{Kept, PROPERTIES, kept_key};
pub use obstacle::{MOVES_A_WEEK, Obstacle, UNKEPT_MAX};
pub use seen::{Place, Seen};
pub use subject::{Subject, subjects};
pub use support::{Case, ShownCase, SupportApi, SupportBook, SupportStep, decide_support};
pub use supporter::{SUPPORT, SupportError, SupportTold, Supporter, TellSupport, WhyAsk};
pub use told::Told;
