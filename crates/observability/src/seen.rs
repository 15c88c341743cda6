//! What is seen at the vendor, and of the secrets.

use std::collections::BTreeMap;

use phonehome_wire::{AccountId, Region};

use crate::id::{IngestKeyId, VendorAccountId};
use crate::wanted::DataCenter;

/// An account at the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorAccount {
    /// Its id.
    pub id: VendorAccountId,
    /// Its name, which others may have as well.
    pub name: String,
    /// Where its data is; `None` where that is neither of those that are known.
    pub data_center: Option<DataCenter>,
    /// Whether somebody cancelled it: it takes no data any more.
    pub is_canceled: bool,
}

/// An ingest key, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestKey {
    /// Its id.
    pub id: IngestKeyId,
    /// Its name, which others may have as well.
    pub name: String,
}

/// An AWS account that an account at the vendor is linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it is called there.
    pub name: String,
    /// The role that the vendor assumes, as it shows it.
    pub role_arn: String,
    /// Whether metrics come by a stream; otherwise the vendor asks for them.
    pub is_streamed: bool,
}

/// The versions of a secret.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// The one that it hands out (`AWSCURRENT`); `None` where nothing was ever stored.
    pub current: Option<String>,
}

/// What was looked at in this turn. What was not is `None`, or not in the map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The organization's accounts.
    pub accounts: Option<Vec<VendorAccount>>,
    /// Which AWS account an account at the vendor is bound to, by the table; `None`: to none.
    pub holders: BTreeMap<VendorAccountId, Option<AccountId>>,
    /// The ingest keys of the account that this one is bound to.
    pub keys: Option<Vec<IngestKey>>,
    /// The secrets by Region; `None`: there is none of that name.
    pub secrets: BTreeMap<Region, Option<Versions>>,
    /// What that account is linked to.
    pub links: Option<Vec<Link>>,
}
