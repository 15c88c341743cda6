//! What is done next.

use phonehome_wire::Region;

use crate::id::{IngestKeyId, VendorAccountId};
use crate::problem::Problem;
use crate::setup::Setup;

/// What is done next, and what is stored before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// What is known, with what is about to be done.
    pub setup: Setup,
    /// What is done.
    pub step: Step,
    /// What people are to know of it.
    pub note: Option<Problem>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Look at something else, and decide again.
    Look(Look),
    /// An account is made at the vendor.
    CreateAccount,
    /// The AWS account is bound to this one, and this one to it.
    Bind(VendorAccountId),
    /// An ingest key is made and stored in the Region's secret.
    MakeKey(Region),
    /// This ingest key is deleted: nobody has its value.
    DeleteKey(IngestKeyId),
    /// The AWS account is linked.
    Link,
    /// Nothing now.
    Rest {
        /// What is wrong; none: all is as declared, or waits for what comes by itself.
        problems: Vec<Problem>,
        /// When it is looked at again; milliseconds since the Unix epoch.
        again_at_ms: u64,
    },
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// The organization's accounts at the vendor.
    Accounts,
    /// Which AWS account an account at the vendor is bound to.
    Holder(VendorAccountId),
    /// The ingest keys of the bound account.
    Keys,
    /// A Region's secret.
    Secret(Region),
    /// What the bound account is linked to.
    Links,
}
