//! What the rest needs of a cloud: narrow ports, each with a version in memory; what goes wrong with
//! it, and what can be done about that. It knows no SDK.

mod clock;
pub mod endpoint;
mod error;
mod lacking;
mod meaning;
mod organization;
mod page;
mod pager;
mod queue;
pub mod table;

pub use clock::{SystemClock, WallClock, day_of};
pub use error::{Cause, Class, CloudError};
pub use lacking::MemberRoleLacks;
pub use organization::{Account, AccountPage, AccountWithEmail, FixedOrganization, Organization};
pub use page::{Page, PageState};
pub use pager::{MemoryPager, NotPaged, Pager};
pub use queue::{DELAY_S_MAX, MemoryQueue, Message, Queue};
