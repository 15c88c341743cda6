//! Characters that look like another one, or like nothing: copied from a web page or a word
//! processor, they break a file in ways that nobody can see.

/// What is odd about a character: its name, and what to do about it.
type Oddity = (&'static str, &'static str);

const SPACE: &str = "replace it by a space";
const REMOVE: &str = "remove it";
const BREAK: &str = "replace it by a line break";

/// An odd character of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Odd {
    /// Its column, from 1.
    pub(crate) column: usize,
    pub(crate) message: String,
    /// It stands where YAML reads structure, so it is why the file cannot be read.
    pub(crate) structural: bool,
}

/// A character that cannot be seen, or looks like a space and is none.
pub(crate) fn invisible(c: char) -> bool {
    oddity(c).is_some()
}

/// A text without what cannot be seen in it.
pub(crate) fn visible(text: &str) -> String {
    text.chars().filter(|c| !invisible(*c)).collect()
}

/// What to say about an invisible character.
pub(crate) fn message(c: char) -> Option<String> {
    oddity(c).map(|oddity| said(c, oddity))
}

fn said(c: char, (name, advice): Oddity) -> String {
    format!("{name} (U+{:04X}) stands here: {advice}", u32::from(c))
}

/// The odd characters of a line outside its comment, those that only look like YAML's punctuation
/// among them. Asked when a file cannot be read.
pub(crate) fn odd_in(line: &str) -> Vec<Odd> {
    let chars: Vec<char> = line.chars().collect();
    let end = comment_start(&chars);
    let code = chars.get(..end).unwrap_or(&chars);
    let mut found = vec![];
    for (index, c) in code.iter().enumerate() {
        let Some(oddity) = oddity(*c).or_else(|| look_alike(*c)) else { continue };
        let before = code.iter().take(index).rev().find(|c| !invisible(**c));
        let after = code.get(index + 1);
        // In the indentation, behind a `-` or `:`, before a `:`; or nowhere allowed.
        let structural = invisible(*c)
            && (c.is_control()
                || *c == '\u{feff}'
                || before.is_none_or(|c| matches!(c, ':' | '-' | ',' | '[' | '{') || c.is_whitespace())
                || after == Some(&':'));
        found.push(Odd { column: index + 1, message: said(*c, oddity), structural });
    }
    found
}

/// Where a line's comment begins; its length when it has none. Quotes that go over several lines are
/// not followed.
pub(crate) fn comment_start(line: &[char]) -> usize {
    let mut quote = None;
    let mut before = ' ';
    for (index, c) in line.iter().copied().enumerate() {
        match quote {
            Some(open) if c == open && before != '\\' => quote = None,
            Some(_) => {}
            None if c == '#' && before.is_whitespace() => return index,
            None if matches!(c, '"' | '\'') && (before.is_whitespace() || "[{,:".contains(before)) => {
                quote = Some(c);
            }
            None => {}
        }
        before = c;
    }
    line.len()
}

fn oddity(c: char) -> Option<Oddity> {
    Some(match c {
        '\u{a0}' => ("a no-break space", SPACE),
        '\u{202f}' => ("a narrow no-break space", SPACE),
        '\u{3000}' => ("an ideographic space", SPACE),
        '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{205f}' => ("a space of another width", SPACE),
        '\u{ad}' => ("a soft hyphen", REMOVE),
        '\u{200b}' => ("a zero-width space", REMOVE),
        '\u{200c}' => ("a zero-width non-joiner", REMOVE),
        '\u{200d}' => ("a zero-width joiner", REMOVE),
        '\u{2060}' => ("a word joiner", REMOVE),
        '\u{feff}' => ("a byte order mark", REMOVE),
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            ("a control of the writing direction", REMOVE)
        }
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{2061}'..='\u{2064}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{e0000}'..='\u{e007f}' => ("an invisible character", REMOVE),
        '\u{2028}' => ("a line separator", BREAK),
        '\u{2029}' => ("a paragraph separator", BREAK),
        '\u{85}' => ("a next-line control", BREAK),
        '\t' | '\n' | '\r' => return None,
        c if c.is_control() => ("a control character", REMOVE),
        _ => return None,
    })
}

/// What is taken for YAML's punctuation and is another character.
fn look_alike(c: char) -> Option<Oddity> {
    Some(match c {
        '\u{ff1a}' => ("a full-width colon", "replace it by `:` and a space"),
        '\u{fe55}' | '\u{2236}' | '\u{a789}' => ("a character like a colon", "replace it by `:`"),
        '\u{ff0c}' | '\u{3001}' => ("a full-width comma", "replace it by `,`"),
        '\u{ff3b}' | '\u{ff3d}' => ("a full-width bracket", "replace it by `[` or `]`"),
        '\u{ff5b}' | '\u{ff5d}' => ("a full-width brace", "replace it by `{` or `}`"),
        '\u{ff03}' => ("a full-width number sign", "replace it by `#`"),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{ff0d}' => ("a dash", "replace it by `-`"),
        '\u{201c}'..='\u{201f}' | '\u{ff02}' => ("a typographic quotation mark", "replace it by `\"`"),
        '\u{2018}'..='\u{201b}' | '\u{ff07}' => ("a typographic apostrophe", "replace it by `'`"),
        '\u{fffd}' => ("a replacement character", "something was lost here: type it again"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_comment_is_nobodys_trouble() {
        for (line, code) in [
            ("a: b # c", "a: b "),
            ("# a", ""),
            ("a: \"#net\" # c", "a: \"#net\" "),
            ("a: b#c", "a: b#c"),
            ("a: don't # c", "a: don't "),
            ("a: 'it # is'", "a: 'it # is'"),
            ("{ a: \"\\\" # b\" }", "{ a: \"\\\" # b\" }"),
        ] {
            let chars: Vec<char> = line.chars().collect();
            assert_eq!(chars[..comment_start(&chars)].iter().collect::<String>(), code, "{line}");
        }
        assert_eq!(odd_in("a: b # \u{a0}"), []);
    }

    #[test]
    fn only_what_can_be_seen_is_left() {
        assert_eq!(visible("sh\u{200b}op\u{feff}"), "shop");
        assert_eq!(visible("Équipe Réseau 👍"), "Équipe Réseau 👍");
    }
}
