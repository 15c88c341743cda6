//! Recorded reports through the decisions again: what would be told of them, by the rules of then and by others.
//!
//! A [recording](Line) holds the reports of some hours as the hub kept them, and what they were judged by. [`replay()`]
//! brings each of them to what collector and alerter do (`phonehome-watching`), over a table in memory and by a clock
//! that shows the recorded time. Nothing here decides anything. The same file gives the same result, always.

mod difference;
mod document;
mod line;
mod notes;
mod record;
mod render;
mod replay;
mod run;
mod source;
mod told;

pub use difference::{Changed, Difference};
pub use document::documents;
pub use line::{Document, FORMAT, Header, Kept, Line};
pub use notes::{BadLine, Gap, Notes};
pub use record::{Objects, RecordError, Recorded, record};
pub use render::render;
pub use replay::{ReplayError, Replayed, replay};
pub use source::Lines;
pub use told::{Entry, Summary, Told};
