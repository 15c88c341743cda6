//! An account of the organization as AWS shows it: what is in it, the Regions it can use, CloudTrail's
//! trails, and which accounts there are.

mod access_keys;
mod closing;
mod identity_provider;
mod ingest_secrets;
mod organization;
mod packs;
mod properties;
mod regions;
mod rerun;
mod settings;
mod stack;
#[cfg(test)]
mod stand_in;
mod support;
#[cfg(feature = "operator")]
mod survey;
#[cfg(feature = "operator")]
pub mod trails;
mod vending;

pub use access_keys::AwsAccessKeys;
pub use closing::AwsClosing;
pub use identity_provider::provider_audiences;
pub use ingest_secrets::AwsIngestSecrets;
pub use organization::AwsOrganization;
pub use packs::AwsPack;
pub use properties::AwsProperties;
pub use regions::opted_in_regions;
pub use rerun::rerun;
pub use settings::AwsSettings;
pub use stack::{AwsStack, ProbeCode};
pub use support::AwsSupport;
#[cfg(feature = "operator")]
pub use survey::{Survey, survey};
pub use vending::AwsVending;
