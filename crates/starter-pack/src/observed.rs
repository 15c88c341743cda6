//! What is to be done at an observability vendor for a pack's account.

use phonehome_fleet::ObservabilityDataCenter;
use phonehome_observability::DataCenter;
use phonehome_wire::{AccountId, partition};
use serde::Serialize;

use crate::called::{IDENTITY_PATH, OBSERVABILITY_ROLE};
use crate::new_relic::SECRET;
use crate::observability::VendorAccount;
use crate::pack::Pack;

/// What is to be done at the vendor for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Where the data is.
    pub data_center: DataCenter,
    /// The secret that the ingest key is stored in, by its name.
    pub secret: String,
    /// The role that the vendor assumes.
    pub role_arn: String,
}

/// What it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObservabilityNames {
    /// The secret with the ingest key, by its name.
    pub secret: String,
    /// The role that the vendor assumes.
    pub role_arn: String,
}

impl Pack {
    /// The same where the template names this account at the vendor.
    #[must_use]
    pub fn naming(self, vendor_account: VendorAccount) -> Self {
        Self { vendor_account, ..self }
    }

    /// What is to be done at the vendor: in the home Region alone.
    #[must_use]
    pub fn observed(&self, account: &AccountId) -> Option<Observed> {
        let declared = self.declared.observability.as_ref().filter(|_| self.is_home())?;
        let data_center = match declared.data_center {
            ObservabilityDataCenter::Us => DataCenter::Us,
            ObservabilityDataCenter::Eu => DataCenter::Eu,
        };
        let partition = partition(&self.region);
        let role_arn = format!("arn:{partition}:iam::{account}:role{IDENTITY_PATH}{OBSERVABILITY_ROLE}");
        Some(Observed { data_center, secret: SECRET.to_owned(), role_arn })
    }

    pub(crate) fn observability_names(&self, account: &AccountId) -> Option<ObservabilityNames> {
        let Observed { secret, role_arn, .. } = self.observed(account)?;
        Some(ObservabilityNames { secret, role_arn })
    }
}
