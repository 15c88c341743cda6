//! What is declared of an AWS account, as far as its stacks have come.

use std::collections::BTreeMap;
use std::fmt;

use phonehome_wire::Region;
use serde::{Deserialize, Serialize};

use crate::id::VendorAccountId;

/// Where the vendor keeps an account's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DataCenter {
    /// In the United States.
    Us,
    /// In the European Union.
    Eu,
}

impl fmt::Display for DataCenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Us => "us",
            Self::Eu => "eu",
        })
    }
}

/// What is wanted for one AWS account now.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Wanted {
    /// What its account at the vendor is called: as the AWS account is called in the fleet file, which has each name once.
    pub name: String,
    /// Where its data is.
    pub data_center: DataCenter,
    /// The account at the vendor that people chose, in place of one that is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chosen: Option<VendorAccountId>,
    /// The secret of each Region whose stack has made it, by its name. Each gets a key of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<Region, String>,
    /// The role that the vendor assumes, once the stack has made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<WantedLink>,
}

/// The role by which the vendor sees an AWS account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WantedLink {
    /// The role's ARN.
    pub role_arn: String,
    /// Whether the stack streams metrics.
    pub is_streamed: bool,
}
