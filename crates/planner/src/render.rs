//! Plans in words: as text for terminals and logs, as Markdown for pull requests, as JSON for programs.

mod fleet;
mod json;
mod markdown;
mod pages;
mod sheet;
mod text;
mod words;

pub use fleet::{Section, Table, markdown_fleet, text_fleet, wrapped};
pub use json::{JSON_VERSION, json};
pub use markdown::markdown;
pub use pages::GITHUB_COMMENT_CHARS;
pub use sheet::{Estimate, Planned};
pub use text::text;
