//! Secrets that ingest keys are stored in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use phonehome_cloud::CloudError;
use phonehome_observability::{NewIngestKey, Secrets, Versions};
use phonehome_wire::Region;

/// Secrets by their names: the version that each hands out, and its value.
#[derive(Clone, Default)]
pub(in crate::tests) struct FakeSecrets(Arc<Mutex<BTreeMap<String, (String, String)>>>);

impl FakeSecrets {
    pub(in crate::tests) fn value(&self, secret: &str) -> Option<String> {
        self.0.lock().unwrap().get(secret).map(|(_, value)| value.clone())
    }
}

impl Secrets for FakeSecrets {
    async fn versions(&self, _: &Region, secret: &str) -> Result<Option<Versions>, CloudError> {
        let current = self.0.lock().unwrap().get(secret).map(|(version, _)| version.clone());
        Ok(Some(Versions { current }))
    }

    async fn store(&self, _: &Region, secret: &str, key: &NewIngestKey) -> Result<(), CloudError> {
        let stored = (key.id.version(), key.value.clone());
        self.0.lock().unwrap().insert(secret.to_owned(), stored);
        Ok(())
    }
}
