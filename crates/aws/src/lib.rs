//! The adapters that every function needs: configuration, table, queues, pager, metrics, secrets.

mod caller;
mod dynamo;
mod error;
mod metrics;
mod pager;
mod queue;
pub mod sdk;
pub mod secret;

pub use caller::caller_arn;
pub use dynamo::{DynamoTable, stored_bytes};
pub use error::OfSdk;
pub use metrics::{Metrics, NAMESPACE, RUNS};
pub use pager::SnsPager;
pub use queue::SqsQueue;
pub use sdk::Session;
