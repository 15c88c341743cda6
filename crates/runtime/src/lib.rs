//! What the functions have in common: their `main`, logs, settings from the environment, and batches of
//! queue records in which a bad one fails alone.

mod batch;
mod function;
mod logs;
mod settings;

pub use batch::{Record, Refusal, SideBySide, each_record, each_record_side_by_side};
pub use function::{Error, invocation, serve};
pub use logs::logs;
pub use settings::{SettingError, number, optional, required};
