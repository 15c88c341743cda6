//! The way to New Relic: the key of its user is read where it is needed, and kept nowhere.

use phonehome_aws::{Session, secret};
use phonehome_new_relic::NewRelic;
use phonehome_observability::{DataCenter, Problem, Vendor, VendorText};

/// How people are told of the vendor.
pub(crate) const VENDOR: VendorText = NewRelic::TEXT;

/// The secret that holds the key of a user of New Relic, by its ARN; `None`: there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewRelicKey(pub(crate) Option<String>);

impl NewRelicKey {
    /// The organization that the key is of.
    ///
    /// # Errors
    /// What people are to know.
    pub(crate) async fn open(&self, hub: &Session, data_center: DataCenter) -> Result<NewRelic, Problem> {
        let Some(id) = &self.0 else { return Err(Problem::NoVendor) };
        let key =
            secret::read(hub, id).await.map_err(|error| Problem::Unopened { said: error.to_string() })?;
        NewRelic::new(data_center, key.trim().to_owned())
            .map_err(|error| Problem::Unopened { said: error.to_string() })
    }
}
