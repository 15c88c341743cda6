//! Markdown that is never longer than allowed, and in which nothing is left open.

/// GitHub's limit for the body of one comment, in characters: beyond it the API answers 422, "body is
/// too long (maximum is 65536 characters)".
pub const GITHUB_COMMENT_CHARS: usize = 65_536;

/// The least that makes sense, in characters: headings, the head of a table, and what was left out.
pub(super) const SHORTEST: usize = 4_000;
/// The longest paragraph, and the longest row of a table, in characters: less than [`SHORTEST`] by what
/// stands around it.
const LONGEST_ROW: usize = 1_000;

/// A part of a document.
pub(super) enum Block {
    /// A paragraph, a heading or a list: there or not.
    Text(String),
    /// A table, which may end after any row. With `fold` it is hidden behind this line until somebody opens it.
    Table { fold: Option<String>, head: &'static [&'static str], rows: Vec<Vec<String>> },
}

/// All blocks, however long that is.
pub(super) fn whole(blocks: &[Block]) -> String {
    let mut page = Page::of(usize::MAX);
    for block in blocks {
        page.add(block);
    }
    page.finish()
}

/// A page of at most so many characters. Whatever is added and does not fit is left out.
pub(super) struct Page {
    max: usize,
    text: String,
    chars: usize,
}

impl Page {
    pub(super) fn of(max: usize) -> Self {
        Self { max, text: String::new(), chars: 0 }
    }

    /// The same page with another end: a part of it can be kept for what comes last.
    pub(super) fn with_max(self, max: usize) -> Self {
        Self { max, ..self }
    }

    /// Adds as much of a block as there is room for, and says how many rows were left out. Returns whether
    /// all of it is there.
    pub(super) fn add(&mut self, block: &Block) -> bool {
        match block {
            Block::Text(text) => {
                let is_long = self.max < usize::MAX && length(text) > LONGEST_ROW;
                let text = if is_long { clipped(text) } else { text.clone() };
                self.write(&format!("{text}\n\n")) && !is_long
            }
            Block::Table { fold, head, rows } => self.table(fold.as_deref(), head, rows),
        }
    }

    /// Whether there is room for all of this in full.
    pub(super) fn has_room_for(&self, blocks: &[Block]) -> bool {
        blocks.iter().map(Block::chars).sum::<usize>() <= self.room()
    }

    fn table(&mut self, fold: Option<&str>, head: &[&str], rows: &[Vec<String>]) -> bool {
        let (open, close) = around(fold, head);
        let note = |left: usize| match left {
            0 => String::new(),
            left => format!("Of this table, the complete plan has {left} more.\n\n"),
        };
        let around_chars = length(&open) + length(&close);
        let (mut part, mut chars, mut is_whole) = (String::new(), around_chars, true);
        for (at, row) in rows.iter().enumerate() {
            let mut row = line(row);
            if self.max < usize::MAX && length(&row) > LONGEST_ROW {
                (row, is_whole) = (shortened(&row, head.len()), false);
            }
            let next = chars + length(&row);
            if next + length(&note(rows.len() - at - 1)) > self.room() {
                if at > 0 {
                    self.write(&format!("{open}{part}{close}{}", note(rows.len() - at)));
                }
                return false;
            }
            part.push_str(&row);
            chars = next;
        }
        self.write(&format!("{open}{part}{close}")) && is_whole
    }

    fn room(&self) -> usize {
        self.max.saturating_sub(self.chars)
    }

    /// Writes it if there is room for it.
    fn write(&mut self, text: &str) -> bool {
        if self.room() < length(text) {
            return false;
        }
        self.text.push_str(text);
        self.chars += length(text);
        true
    }

    pub(super) fn finish(self) -> String {
        self.text.trim_end().to_owned() + "\n"
    }
}

impl Block {
    fn chars(&self) -> usize {
        match self {
            Self::Text(text) => length(text) + 2,
            Self::Table { fold, head, rows } => {
                let (open, close) = around(fold.as_deref(), head);
                length(&open) + length(&close) + rows.iter().map(|row| length(&line(row))).sum::<usize>()
            }
        }
    }
}

/// What stands before and after a table's rows.
fn around(fold: Option<&str>, head: &[&str]) -> (String, String) {
    let names = format!("| {} |\n|{}\n", head.join(" | "), "---|".repeat(head.len()));
    match fold {
        Some(words) => {
            (format!("<details><summary>{words}</summary>\n\n{names}"), "\n</details>\n\n".to_owned())
        }
        None => (names, "\n".to_owned()),
    }
}

fn line(row: &[String]) -> String {
    format!("| {} |\n", row.join(" | "))
}

/// In UTF-16 units: as many as characters or more, however GitHub counts them.
fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Words that may stand anywhere and are not taken for Markdown or HTML. Nobody is mentioned, and no issue:
/// behind `@` and `#` comes a space without width.
pub(super) fn cell(words: &str) -> String {
    let mut escaped = String::new();
    for character in visible(words) {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '`' => escaped.push('\''),
            '@' | '#' => escaped.extend([character, '\u{200b}']),
            '|' | '\\' | '*' | '_' | '~' | '[' | ']' => escaped.extend(['\\', character]),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A name in the type of code, in which nothing is Markdown and nobody is mentioned. It must not end that type
/// itself.
pub(super) fn code(words: &str) -> String {
    let words: String = visible(words).collect();
    match words.trim() {
        "" => "–".to_owned(),
        words => format!("`{}`", words.replace('`', "'").replace('|', "\\|")),
    }
}

/// The characters, without those that end a line or turn its direction.
fn visible(words: &str) -> impl Iterator<Item = char> {
    let is_turn =
        |it: &char| matches!(it, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_end = |it: char| it.is_control() || matches!(it, '\u{2028}' | '\u{2029}');
    words.chars().filter(move |it| !is_turn(it)).map(move |it| if is_end(it) { ' ' } else { it })
}

fn clipped(text: &str) -> String {
    format!("{} …", cut(text, LONGEST_ROW - 2))
}

/// A row that keeps its first cells (which resource) and says that the rest is too long.
fn shortened(row: &str, cells: usize) -> String {
    let kept = cut(row, LONGEST_ROW / 2);
    let separators = kept.matches('|').count() - kept.matches("\\|").count();
    format!(
        "{kept} … too long to be shown here {}\n",
        "| ".repeat((cells + 1).saturating_sub(separators)).trim_end()
    )
}

/// The beginning of what is already escaped, without half of what is escaped or in the type of code.
fn cut(text: &str, max: usize) -> String {
    let mut left = max;
    let kept: String = text
        .chars()
        .take_while(|it| {
            let fits = it.len_utf16() <= left;
            left = left.saturating_sub(it.len_utf16());
            fits
        })
        .collect();
    let entity = kept.rfind('&').filter(|at| !kept[*at..].contains(';'));
    let kept = kept[..entity.unwrap_or(kept.len())].trim_end_matches('\\');
    let end = if kept.matches('`').count() % 2 == 1 { "`" } else { "" };
    format!("{kept}{end}")
}
