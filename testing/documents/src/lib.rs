//! The documents as tests see them: the commands they tell people to run, their links, their examples.
//!
//! Whoever owns a command line holds the documents to it: `crates/cli` parses each `phonehome …`, `xtask`
//! each `cargo xtask …`, `crates/fleet` each part of a fleet file. The rest is held in `tests/` here.

mod markdown;
mod said;
mod shell;
mod workflow;

use std::fs;
use std::path::{Path, PathBuf};

pub use markdown::{Block, Document, Link, Span};
pub use said::{Placed, Words};
pub use shell::{Problem, commands};
pub use workflow::{Step, Workflow};

/// How a command in prose begins that is whole: others are often shortened.
const INLINE: [&str; 3] = ["aws ", "cargo check -p ", "cargo test -p "];

/// The folder of the repository.
///
/// # Panics
///
/// Not in this repository.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("testing/documents is in the repository").to_owned()
}

/// Every Markdown file of the repository, ordered by path.
///
/// # Panics
///
/// When a file cannot be read: only tests call this.
#[must_use]
pub fn documents() -> Vec<Document> {
    let read = |path: String, text| Document::new(path, text);
    files(&repository(), "md").into_iter().map(|(path, text)| read(path, text)).collect()
}

/// Where workflows are: those of this repository, and those for people to copy.
const WORKFLOWS: [&str; 2] = [".github/workflows", "docs/github"];

/// Every workflow in `.github/workflows` and `docs/github`, ordered by path.
///
/// # Panics
///
/// When a file cannot be read or is not YAML: only tests call this.
#[must_use]
pub fn workflows() -> Vec<Workflow> {
    let read = |folder: &str| {
        let workflows = files(&repository().join(folder), "yaml").into_iter();
        let named = |(path, text): (String, String)| Workflow::new(&format!("{folder}/{path}"), &text);
        workflows.map(named).collect::<Vec<_>>()
    };
    WORKFLOWS.into_iter().flat_map(read).collect()
}

/// Every command that a document or a workflow tells somebody, or a machine, to run: in blocks, and inline
/// where it is a call of the AWS CLI, or tests or checks one package.
///
/// # Panics
///
/// When a block is not a shell's language, with its place.
#[must_use]
pub fn all_commands() -> Vec<Placed<Words>> {
    let mut scripts: Vec<_> = documents().iter().flat_map(Document::scripts).collect();
    scripts.extend(workflows().iter().flat_map(Workflow::scripts));
    let inline = |span: &Span| INLINE.iter().any(|beginning| span.what.starts_with(beginning));
    scripts.extend(documents().into_iter().flat_map(|document| document.spans).filter(inline));
    let mut found = Vec::new();
    for Placed { place, what: script } in scripts {
        let words = commands(&script).unwrap_or_else(|problem| panic!("{place}: {problem}\n{script}"));
        found.extend(words.into_iter().map(|what| Placed { place: place.clone(), what }));
    }
    found
}

/// Commands whose program is this one, whatever folder it is called from: their arguments.
#[must_use]
pub fn arguments_of(program: &str) -> Vec<Placed<Words>> {
    let called = |words: &Words| words[0].rsplit('/').next() == Some(program);
    let commands = all_commands().into_iter().filter(|command| called(&command.what));
    commands.map(|Placed { place, what }| Placed { place, what: what[1..].to_vec() }).collect()
}

/// The files below a folder with this extension: path from there, and text. Hidden folders are left out,
/// and what was built.
///
/// # Panics
///
/// When a folder or a file cannot be read: only tests call this.
#[must_use]
pub fn files(root: &Path, extension: &str) -> Vec<(String, String)> {
    let mut waiting = vec![root.to_owned()];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("an entry of a folder").path()) {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
                let inside = path.strip_prefix(root).expect("found below it").to_string_lossy();
                found.push((inside.into_owned(), text));
            }
        }
    }
    found.sort();
    found
}
