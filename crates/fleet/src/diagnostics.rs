//! What is wrong with a fleet file, and where.

use std::fmt;

use phonehome_text::count;
use serde::Serialize;

use crate::characters::invisible;
use crate::limits::SHOWN_MAX;

/// Characters of a message or a hint: what it quotes may be as long as the file.
const MESSAGE_MAX: usize = 600;
/// Characters of a line that are shown.
const LINE_MAX: usize = 160;

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
        Self { line, column, path: clipped(path.into()), message: clipped(message.into()), hint: None }
    }

    pub(crate) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(clipped(hint.into())), ..self }
    }
}

fn clipped(text: String) -> String {
    match text.char_indices().nth(MESSAGE_MAX) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Severity {
    Error,
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// The errors of a fleet file, at least one, or its warnings, in the file's order; of many the first
/// [`SHOWN_MAX`].
///
/// They serialize as the list of the [`Diagnostic`]s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    severity: Severity,
    shown: Vec<Diagnostic>,
    /// How many there are beyond those.
    more: usize,
    /// The text they are about, to show its lines.
    source: String,
}

impl Diagnostics {
    /// `errors` must not be empty.
    pub(crate) fn errors(errors: Vec<Diagnostic>, source: &str) -> Self {
        debug_assert!(!errors.is_empty(), "diagnostics of a file without errors");
        Self::new(Severity::Error, errors, source)
    }

    /// What is allowed and hardly meant; may be empty.
    pub(crate) fn warnings(warnings: Vec<Diagnostic>, source: &str) -> Self {
        Self::new(Severity::Warning, warnings, source)
    }

    fn new(severity: Severity, mut found: Vec<Diagnostic>, source: &str) -> Self {
        found.sort();
        found.dedup();
        let more = found.len().saturating_sub(SHOWN_MAX);
        found.truncate(SHOWN_MAX);
        Self { severity, shown: found, more, source: source.to_owned() }
    }

    /// Those that are shown, sorted by line and column.
    pub fn as_slice(&self) -> &[Diagnostic] {
        &self.shown
    }

    /// How many there are beyond those that are shown.
    pub fn more(&self) -> usize {
        self.more
    }

    /// For a terminal or a build log: each with `file:line:column`, the line it is about and a marker
    /// below it. `file_name` is printed as given. Nothing when there are none.
    pub fn render(&self, file_name: &str) -> String {
        let lines: Vec<&str> = self.source.lines().collect();
        let mut text = String::new();
        if self.shown.is_empty() {
            return text;
        }
        for one in &self.shown {
            render_one(&mut text, self.severity, one, file_name, &lines);
            text.push('\n');
        }
        let number = self.shown.len() + self.more;
        text.push_str(&format!("{} in {file_name}", count(number, &self.severity.to_string())));
        if self.more > 0 {
            text.push_str(&format!(", of which the first {} are shown", self.shown.len()));
        }
        text.push('\n');
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
        self.shown.serialize(serializer)
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.shown.iter()
    }
}

fn render_one(text: &mut String, severity: Severity, one: &Diagnostic, file_name: &str, lines: &[&str]) {
    let Diagnostic { line, column, path, message, hint } = one;
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    text.push_str(&format!("{severity}: {message}\n{margin}--> {file_name}:{line}:{column}"));
    if !path.is_empty() {
        text.push_str(&format!(" ({path})"));
    }
    text.push('\n');
    if let Some(source) = line.checked_sub(1).and_then(|index| lines.get(index)) {
        let (source, column) = window(source, *column);
        let indent = " ".repeat(column.saturating_sub(1));
        let marker = "^".repeat(token_width(&source, column).min(LINE_MAX));
        text.push_str(&format!(
            "{margin} |\n{number} | {}\n{margin} | {indent}{marker}\n",
            source.trim_end()
        ));
    }
    if let Some(hint) = hint {
        text.push_str(&format!("{margin} = help: {hint}\n"));
    }
}

/// The part of a line around a column, and the column in it. What would be as wide as the terminal likes,
/// or invisible, or turn the line round, and so move the marker, is shown as a space or as `·`.
fn window(line: &str, column: usize) -> (String, usize) {
    let shown = |c: char| match c {
        '\t' => ' ',
        c if invisible(c) => '·',
        c => c,
    };
    if line.len() <= LINE_MAX {
        return (line.chars().map(shown).collect(), column);
    }
    let start = column.saturating_sub(LINE_MAX / 2);
    let part: String = line.chars().skip(start).take(LINE_MAX).map(shown).collect();
    if start == 0 {
        return (format!("{part}…"), column);
    }
    (format!("…{part}…"), column - start + 1)
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
