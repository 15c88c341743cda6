//! Just enough of a shell's grammar to find the commands in a script.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

use crate::said::Words;

/// Why a text is no script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// A quote that is opened and never closed.
    Quote(char),
    /// `$(` or `${` that is never closed.
    Substitution,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quote(quote) => write!(formatter, "a quote {quote} is never closed"),
            Self::Substitution => formatter.write_str("a `$(` or `${` is never closed"),
        }
    }
}

/// Words that stand before a command and are none.
const BEFORE_COMMANDS: [&str; 7] = ["do", "then", "else", "if", "while", "until", "!"];
/// Words that are a command of their own, or begin one, and run nothing.
const NO_COMMANDS: [&str; 3] = ["for", "done", "fi"];

/// Every simple command of a script, those inside `$(…)` included and before the one they stand in.
/// Assignments before a command, redirections and comments are left out.
///
/// # Errors
///
/// When a quote or a substitution is never closed.
pub fn commands(script: &str) -> Result<Vec<Words>, Problem> {
    let mut reader = Reader { rest: script.chars().peekable(), found: Vec::new() };
    reader.until(None)?;
    Ok(reader.found)
}

struct Reader<'s> {
    rest: Peekable<Chars<'s>>,
    found: Vec<Words>,
}

/// A command that is being read.
#[derive(Default)]
struct Open {
    words: Words,
    word: Option<String>,
    /// The next word is the file of a redirection.
    redirected: bool,
}

impl Open {
    fn push(&mut self, character: char) {
        self.word.get_or_insert_default().push(character);
    }

    fn end_word(&mut self) {
        if let Some(word) = self.word.take()
            && !std::mem::take(&mut self.redirected)
        {
            self.words.push(word);
        }
    }

    fn redirect(&mut self) {
        // The number of a file, as in `2>&1`, is no argument.
        if self.word.as_ref().is_some_and(|word| word.chars().all(|c| c.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        self.redirected = true;
    }
}

impl Reader<'_> {
    /// Reads commands up to a closing parenthesis, or to the end.
    fn until(&mut self, end: Option<char>) -> Result<(), Problem> {
        let mut open = Open::default();
        while let Some(character) = self.rest.next() {
            match character {
                _ if Some(character) == end => {
                    self.end_command(&mut open);
                    return Ok(());
                }
                '\n' | ';' | '|' | '(' | ')' => self.end_command(&mut open),
                '&' if open.redirected => {}
                '&' => self.end_command(&mut open),
                '>' | '<' => open.redirect(),
                '#' if open.word.is_none() => while self.rest.next_if(|&c| c != '\n').is_some() {},
                '\\' => self.escaped(&mut open),
                '\'' => self.quoted(&mut open)?,
                '"' => self.in_double_quotes(&mut open)?,
                '$' => self.dollar(&mut open)?,
                _ if character.is_whitespace() => open.end_word(),
                _ => open.push(character),
            }
        }
        self.end_command(&mut open);
        if end.is_some() { Err(Problem::Substitution) } else { Ok(()) }
    }

    fn end_command(&mut self, open: &mut Open) {
        open.end_word();
        let words = std::mem::take(open).words;
        let skipped = words
            .iter()
            .take_while(|word| BEFORE_COMMANDS.contains(&word.as_str()) || is_assignment(word))
            .count();
        if words.get(skipped).is_some_and(|program| !NO_COMMANDS.contains(&program.as_str())) {
            self.found.push(words[skipped..].to_vec());
        }
    }

    fn escaped(&mut self, open: &mut Open) {
        match self.rest.next() {
            Some('\n') | None => open.end_word(),
            Some(character) => open.push(character),
        }
    }

    fn quoted(&mut self, open: &mut Open) -> Result<(), Problem> {
        open.word.get_or_insert_default();
        loop {
            match self.rest.next() {
                Some('\'') => return Ok(()),
                Some(character) => open.push(character),
                None => return Err(Problem::Quote('\'')),
            }
        }
    }

    fn in_double_quotes(&mut self, open: &mut Open) -> Result<(), Problem> {
        open.word.get_or_insert_default();
        loop {
            match self.rest.next() {
                Some('"') => return Ok(()),
                Some('\\') => {
                    if let Some(character) = self.rest.next().filter(|&c| c != '\n') {
                        open.push(character);
                    }
                }
                Some('$') => self.dollar(open)?,
                Some(character) => open.push(character),
                None => return Err(Problem::Quote('"')),
            }
        }
    }

    /// `$(…)` is read as commands of its own; `${…}`, and `${{…}}` of a workflow, stay as they are.
    fn dollar(&mut self, open: &mut Open) -> Result<(), Problem> {
        open.push('$');
        if self.rest.next_if_eq(&'(').is_some() {
            self.until(Some(')'))?;
            "(…)".chars().for_each(|character| open.push(character));
        } else if self.rest.next_if_eq(&'{').is_some() {
            open.push('{');
            let mut depth = 1;
            while depth > 0 {
                let character = self.rest.next().ok_or(Problem::Substitution)?;
                depth += i32::from(character == '{') - i32::from(character == '}');
                open.push(character);
            }
        }
        Ok(())
    }
}

/// `NAME=value`.
fn is_assignment(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests;
