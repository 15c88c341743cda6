//! Where a `{` or `[` is never closed. The parser notices it lines later, at what cannot go on.

use crate::characters::comment_start;
use crate::diagnostics::Diagnostic;

/// A bracket that is open.
struct Open {
    line: usize,
    column: usize,
    bracket: char,
    /// The indentation of its line.
    indent: usize,
    /// Its line's comment.
    comment: String,
}

/// The first bracket that is never closed, of a file that cannot be read.
pub(crate) fn unclosed(text: &str) -> Option<Diagnostic> {
    let mut open: Vec<Open> = vec![];
    for (index, line) in text.lines().enumerate() {
        let chars: Vec<char> = line.chars().collect();
        let (code, comment) = chars.split_at(comment_start(&chars));
        let Some(indent) = code.iter().position(|c| !c.is_whitespace()) else { continue };
        let closes = code.get(indent).is_some_and(|c| matches!(c, '}' | ']'));
        // What goes on in brackets stands further to the right than what they belong to.
        if let Some(last) = open.last().filter(|last| indent <= last.indent && !closes) {
            return Some(never_closed(last));
        }
        let mut quote = None;
        let mut before = ' ';
        for (column, c) in code.iter().copied().enumerate() {
            let begins = before.is_whitespace() || "[{,:".contains(before);
            match (quote, c) {
                (Some(mark), _) if c == mark && before != '\\' => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') if begins => quote = Some(c),
                // Elsewhere than at its beginning, a word may have one.
                (None, '{' | '[') if begins || !open.is_empty() => open.push(Open {
                    line: index + 1,
                    column: column + 1,
                    bracket: c,
                    indent,
                    comment: comment.iter().collect(),
                }),
                (None, '}' | ']') => match open.pop() {
                    Some(last) if closing(last.bracket) != c => return Some(never_closed(&last)),
                    _ => {}
                },
                _ => {}
            }
            before = c;
        }
    }
    open.last().map(never_closed)
}

fn closing(bracket: char) -> char {
    if bracket == '{' { '}' } else { ']' }
}

fn never_closed(open: &Open) -> Diagnostic {
    let Open { line, column, bracket, comment, .. } = open;
    let close = closing(*bracket);
    let problem =
        Diagnostic::new(*line, *column, "", format!("not valid YAML: this `{bracket}` is never closed"));
    if comment.contains(close) {
        let hint = format!(
            "the `{close}` stands in a comment: what follows a space and # is one. Put the comment behind it, or \
             the value in quotes"
        );
        return problem.with_hint(hint);
    }
    problem.with_hint(format!("add a `{close}`"))
}
