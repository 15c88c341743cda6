//! Where a value stands in the file, and what is wrong with it.

use crate::diagnostics::Diagnostic;
use crate::yaml::{Node, Value};

/// Where a value stands, in the file and in the structure.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) path: String,
}

impl Place {
    /// The place of a value below this one, for example `.environments[1]`; this one itself when
    /// there is none. `root` is the node of the whole file.
    pub(crate) fn below(&self, root: &Node, path: &str) -> Place {
        let path = format!("{}{path}", self.path);
        let mut node = root;
        for step in path.split(['.', '[']) {
            let next = match (&node.value, step.strip_suffix(']')) {
                (Value::Map(entries), None) => {
                    entries.iter().find(|entry| entry.key == step).map(|entry| &entry.value)
                }
                (Value::List(items), Some(index)) => index.parse().ok().and_then(|i: usize| items.get(i)),
                _ => None,
            };
            let Some(next) = next else { return self.clone() };
            node = next;
        }
        Place { line: node.line, column: node.column, path }
    }
}

/// What is wrong with a value, without its place.
pub(crate) struct Flaw {
    message: String,
    hint: Option<String>,
    /// Whether the value has one clear meaning all the same.
    pub(crate) is_clear: bool,
}

impl Flaw {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, is_clear: false }
    }

    /// A rule that only who publishes a file has to keep: what the file says is clear without it. Every new
    /// rule is one, unless no meaning can be given to what breaks it: functions go on reading what an older
    /// release accepted.
    pub(crate) fn for_publishing(self) -> Self {
        Self { is_clear: true, ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    #[cfg(test)]
    pub(crate) fn says(&self, words: &str) -> bool {
        self.message.contains(words)
    }

    pub(crate) fn at(self, place: &Place) -> Diagnostic {
        let Place { line, column, path } = place;
        let problem = Diagnostic::new(*line, *column, path, self.message);
        match self.hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}
