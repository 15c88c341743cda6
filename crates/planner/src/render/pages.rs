//! Markdown in pieces of a limited length, none of which ends within a table.

/// GitHub's limit for the body of one comment, in characters: beyond it the API answers 422, "body is
/// too long (maximum is 65536 characters)".
pub const GITHUB_COMMENT_CHARS: usize = 65_536;

/// The shortest piece that makes sense, in characters: a heading, a table's head and a row or two.
const SHORTEST: usize = 2_000;
/// The longest paragraph, and the longest row of a table, in characters: less than [`SHORTEST`] by what
/// stands around it.
const LONGEST_ROW: usize = 1_000;

/// A part of a document that is not cut, or only between its rows.
pub(super) enum Block {
    /// A paragraph, a heading or a list.
    Text(String),
    /// A table. With `fold` it is hidden behind this line until somebody opens it.
    Table { fold: Option<String>, head: &'static [&'static str], rows: Vec<Vec<String>> },
}

/// All blocks in one piece.
pub(super) fn whole(blocks: &[Block]) -> String {
    let mut pages = Pages::new(usize::MAX);
    blocks.iter().for_each(|block| pages.add(block));
    pages.finish().concat()
}

/// Pieces of at most `max` characters each.
pub(super) struct Pages {
    max: usize,
    done: Vec<String>,
    page: String,
    chars: usize,
    /// What a piece begins with when it goes on with what the one before began.
    heading: String,
}

impl Pages {
    pub(super) fn new(max: usize) -> Self {
        let max = max.max(SHORTEST);
        Self { max, done: Vec::new(), page: String::new(), chars: 0, heading: String::new() }
    }

    /// Begins a section. It is on the same piece as at least the first of its blocks' lines.
    pub(super) fn section(&mut self, heading: &str, blocks: &[Block]) {
        let blocks_chars: usize = blocks.iter().map(Block::chars).sum();
        let wanted = (blocks_chars + length(heading) + 2).min(self.max / 4);
        if self.chars > 0 && self.room() < wanted {
            self.flip();
        }
        self.heading = format!("{} (continued)\n\n", clipped(heading));
        self.write(&format!("{}\n\n", clipped(heading)));
        blocks.iter().for_each(|block| self.add(block));
        self.heading.clear();
    }

    pub(super) fn add(&mut self, block: &Block) {
        match block {
            Block::Text(text) => {
                let text = if self.max == usize::MAX { text.clone() } else { clipped(text) };
                self.write(&format!("{text}\n\n"));
            }
            Block::Table { fold, head, rows } => self.table(fold.as_deref(), head, rows),
        }
    }

    fn table(&mut self, fold: Option<&str>, head: &[&str], rows: &[Vec<String>]) {
        let (open, close) = around(fold, head);
        let around_chars = length(&open) + length(&close);
        let mut rows: Vec<String> = rows.iter().map(|row| line(row)).collect();
        if self.max < usize::MAX {
            rows.iter_mut().filter(|row| length(row) > LONGEST_ROW).for_each(|row| *row = shortened(row));
        }
        let mut rows = rows.iter().peekable();
        while let Some(first) = rows.peek() {
            if self.room() < around_chars + length(first) {
                self.flip();
            }
            let mut part = open.clone();
            let mut left = self.room().saturating_sub(around_chars);
            while let Some(row) = rows.next_if(|row| length(row) <= left || part == open) {
                left = left.saturating_sub(length(row));
                part.push_str(row);
            }
            part.push_str(&close);
            self.write(&part);
        }
    }

    fn room(&self) -> usize {
        self.max - self.chars
    }

    fn write(&mut self, text: &str) {
        if self.chars > 0 && self.room() < length(text) {
            self.flip();
        }
        self.page.push_str(text);
        self.chars += length(text);
    }

    fn flip(&mut self) {
        self.done.push(std::mem::take(&mut self.page).trim_end().to_owned() + "\n");
        self.page.clone_from(&self.heading);
        self.chars = length(&self.page);
    }

    pub(super) fn finish(mut self) -> Vec<String> {
        if self.chars > 0 {
            self.flip();
        }
        self.done
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

fn length(text: &str) -> usize {
    text.chars().count()
}

/// Words that may stand in a table and are not taken for Markdown or HTML.
pub(super) fn cell(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace(['\n', '\r'], " ")
}

/// A name in the type of code. It must not end that type itself.
pub(super) fn code(words: &str) -> String {
    format!("`{}`", words.replace('`', "'").replace('|', "\\|").replace(['\n', '\r'], " "))
}

fn clipped(text: &str) -> String {
    if length(text) <= LONGEST_ROW {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LONGEST_ROW - 2).collect();
    format!("{kept} …")
}

/// A row that keeps its first cell (which resource) and says that the rest is too long.
fn shortened(row: &str) -> String {
    let kept: String = row.chars().take(LONGEST_ROW / 2).collect();
    // A cut may leave a backslash or an open code span: neither may swallow the end of the row.
    let kept = kept.trim_end_matches('\\');
    let hardening = if kept.matches('`').count() % 2 == 1 { "`" } else { "" };
    format!("{kept}{hardening} … too long to be shown here |\n")
}
