//! What is wrong with a fleet file, and where.

use std::fmt;

use serde::Serialize;

/// One error of a fleet file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Diagnostic {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Which value: `domains[2].environments[0]`; empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it, when that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(
        line: usize,
        column: usize,
        path: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { line, column, path: path.into(), message: message.into(), hint: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// Every error of a fleet file, at least one, in the file's order.
///
/// It serializes as the list of its [`Diagnostic`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    errors: Vec<Diagnostic>,
    /// The text they are about, to show its lines.
    source: String,
}

impl Diagnostics {
    /// `errors` must not be empty.
    pub(crate) fn new(mut errors: Vec<Diagnostic>, source: &str) -> Self {
        debug_assert!(!errors.is_empty(), "diagnostics of a file without errors");
        errors.sort();
        errors.dedup();
        Self { errors, source: source.to_owned() }
    }

    /// The errors, sorted by line and column; never empty.
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.errors
    }

    /// The errors for a terminal or a build log: each with `file:line:column`, the line it is
    /// about and a marker below it. `file_name` is printed as given.
    pub fn render(&self, file_name: &str) -> String {
        let lines: Vec<&str> = self.source.lines().collect();
        let mut text = String::new();
        for error in &self.errors {
            render_one(&mut text, error, file_name, &lines);
            text.push('\n');
        }
        let count = self.errors.len();
        let plural = if count == 1 { "" } else { "s" };
        text.push_str(&format!("{count} error{plural} in {file_name}\n"));
        text
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render("fleet.yaml"))
    }
}

impl std::error::Error for Diagnostics {}

impl Serialize for Diagnostics {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.errors.serialize(serializer)
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.errors.iter()
    }
}

fn render_one(text: &mut String, error: &Diagnostic, file_name: &str, lines: &[&str]) {
    let Diagnostic { line, column, path, message, hint } = error;
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    text.push_str(&format!("error: {message}\n{margin}--> {file_name}:{line}:{column}"));
    if !path.is_empty() {
        text.push_str(&format!(" ({path})"));
    }
    text.push('\n');
    if let Some(source) = line.checked_sub(1).and_then(|index| lines.get(index)) {
        // A tab would be as wide as the terminal likes and move the marker.
        let source = source.replace('\t', " ");
        let indent = " ".repeat(column.saturating_sub(1));
        let marker = "^".repeat(token_width(&source, *column));
        text.push_str(&format!(
            "{margin} |\n{number} | {}\n{margin} | {indent}{marker}\n",
            source.trim_end()
        ));
    }
    if let Some(hint) = hint {
        text.push_str(&format!("{margin} = help: {hint}\n"));
    }
}

/// How many characters the word, number or quoted text at `column` has; at least 1.
fn token_width(line: &str, column: usize) -> usize {
    let token: Vec<char> = line.chars().skip(column.saturating_sub(1)).collect();
    let end = match token.first() {
        Some(quote @ ('"' | '\'')) => token.iter().skip(1).position(|c| c == quote).map(|i| i + 2),
        Some('[' | '{' | '-' | '#') => Some(1),
        _ => token.iter().enumerate().position(|(i, c)| {
            // A colon ends a key, but not when it stands within a word such as a URL.
            c.is_whitespace()
                || matches!(c, ',' | ']' | '}')
                || (*c == ':' && token.get(i + 1).is_none_or(|next| next.is_whitespace()))
        }),
    };
    end.unwrap_or(token.len()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_as_wide_as_the_value_it_points_at() {
        let cases = [
            ("name: shop", 1, 4),
            ("name: shop", 7, 4),
            ("pools: [dev, prod]", 9, 3),
            (r##"channel: "#net prod" # why"##, 10, 11),
            ("host: https://x", 7, 9),
            ("- name: a", 1, 1),
            ("x: [", 4, 1),
            ("name:", 6, 1),
        ];
        for (line, column, width) in cases {
            assert_eq!(token_width(line, column), width, "{line:?} at {column}");
        }
    }
}
