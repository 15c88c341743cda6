//! Account vending: from a line of the fleet file to an account of the organization, once.
//!
//! [`wanted()`] says which lines are to get one; [`decide()`] what is to be done, from these lines, what is known of each
//! of them (its [`Order`]) and the time; [`Vendor`] does it, over a table and Organizations' API ([`VendingApi`]);
//! [`findings`] says what people are told, and [`Vacancies`] what they have to know before they permit an account, which
//! [`kept`] says of the versions before. Nothing here knows an SDK, sleeps, or reads another clock than the one it is
//! given.
//!
//! A line never gets two accounts: AWS has no two accounts with one e-mail address, and an order's address is stored
//! before it is first asked for and stays. A line always gets the one that was made for it: whatever was lost is looked
//! for by that address before it is asked for again.

mod api;
mod decide;
mod failure;
mod finding;
mod lines;
mod looked;
mod looks;
mod made;
mod order;
mod pace;
mod permission;
mod rebinding;
mod refusal;
mod renaming;
mod request;
mod search;
mod stored;
mod unseen;
mod vacancy;
mod vacant;
mod vendor;

pub use api::VendingApi;
pub use decide::{AccountFactory, Decision, Step, Wanted, World, decide};
pub use failure::FailureReason;
pub use finding::{VendingFinding, findings};
pub use lines::Lines;
pub use looked::looked;
pub use made::made;
pub use order::{ANSWER_MS, ASK_WITHIN_MS, ASKS_MAX, Order, OrderState, SETTLED_MS, SearchCause, Stop};
pub use pace::{BURST, Held, IN_PROGRESS_MAX, INTERVAL_MS, Pace, at_least_ms};
pub use permission::kept;
pub use rebinding::{OrderStands, order_against};
pub use refusal::{Hold, NotAsked};
pub use renaming::{OrderLost, order_lost};
pub use request::{NewAccount, Outcome, OwnedAccount, Request, RequestId, TAG_LINE};
pub use search::{Candidates, candidates, claim};
pub use stored::{ORDERS, Orders, held, order_key};
pub use unseen::{LookUp, Unanswered, Unseen};
pub use vacancy::{Prospect, Vacancies, Vacancy};
pub use vacant::wanted;
pub use vendor::{Round, Vendor};
