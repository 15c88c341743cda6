//! The adapters: everything that talks to AWS or Slack, and the narrow traits through which the
//! functions see it. No other crate knows `aws-sdk-*`.

mod caller;
pub mod cloud;
mod error;
mod metrics;
mod organization;
mod queue;
mod regions;
pub mod secret;
pub mod slack;
mod stack;
pub mod table;
mod topic;
pub mod trail;
#[cfg(feature = "operator")]
pub mod trails;

pub use aws_config::SdkConfig;
pub use caller::caller_arn;
pub use metrics::{Metrics, NAMESPACE};
pub use organization::{Account, AwsOrganization, FixedOrganization, Organization};
pub use phonehome_executor::{self as executor, AwsError, Class};
pub use queue::{DELAY_S_MAX, MemoryQueue, Message, Queue, SqsQueue};
pub use regions::opted_in_regions;
pub use stack::{AwsStack, ProbeCode};
pub use topic::{MemoryPager, Pager, SnsPager};
