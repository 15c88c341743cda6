//! The adapters: everything that talks to AWS or Slack, and the narrow traits through which the
//! functions see it. No other crate knows `aws-sdk-*`.

pub mod cloud;
mod error;
pub mod executor;
mod metrics;
mod organization;
mod queue;
pub mod secret;
pub mod slack;
mod stack;
mod stack_ec2;
mod stack_ec2_change;
mod stack_probe;
pub mod table;
mod topic;

pub use aws_config::SdkConfig;
pub use error::{AwsError, Class};
pub use metrics::{Metrics, NAMESPACE};
pub use organization::{Account, AwsOrganization, FixedOrganization, Organization};
pub use queue::{DELAY_S_MAX, MemoryQueue, Message, Queue, SqsQueue};
pub use stack::{AwsStack, ProbeCode, code_sha256};
pub use topic::{MemoryPager, Pager, SnsPager};
