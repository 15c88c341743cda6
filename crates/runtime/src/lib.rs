//! What the functions have in common: logs, settings from the environment, and batches of queue
//! records in which a bad one fails alone.

mod batch;
mod settings;

pub use batch::{Refusal, each_record};
pub use settings::{SettingError, exit_code, now_ms, number, required, start_logs};
