//! Text for people in which only literals of our own are markup, and the Slack messages made of it.
//!
//! Names, principals, AWS's messages and the like come from outside: an account may be named
//! `<!channel>`. So there is one way from a string to Slack, [`Words`], and it escapes; what is to be
//! delivered has types ([`SlackText`], [`SlackBlocks`]) that nothing else makes.

mod blocks;
mod message;

use serde::{Deserialize, Serialize};

pub use blocks::SlackBlocks;
pub use message::SlackMessage;

/// How much of a name a message shows, in characters: AWS's names of accounts have at most 50.
const NAME_MAX: usize = 60;
/// How much of an endpoint, an id or an error a message shows as code, in characters.
const CODE_MAX: usize = 100;

/// A text for people, made of pieces. What is not a literal is escaped, on one line, and can neither
/// begin nor end code.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Markup(&'static str),
    Text(String),
    Code(String),
    Link { url: String, text: &'static str },
}

/// What a link may lead to: characters that end nothing in Slack's markup, and no other scheme.
fn is_linkable(url: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&=%+,@".contains(c);
    url.starts_with("https://") && url.chars().all(is_plain)
}

/// A finished text for Slack: escaped and within its limit. Only [`Words::slack`] makes one; the rest
/// was stored as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SlackText(String);

impl SlackText {
    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::ops::Deref for SlackText {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for SlackText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Words {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A text from anywhere.
    #[must_use]
    pub fn of(text: impl AsRef<str>) -> Self {
        Self::new().text(text)
    }

    /// Slack's markup, of our own: `*Since* `, a line break.
    #[must_use]
    pub fn markup(self, literal: &'static str) -> Self {
        self.then_piece(Piece::Markup(literal))
    }

    /// A text from anywhere.
    #[must_use]
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.then_piece(Piece::Text(one_line(text.as_ref())))
    }

    /// A name from anywhere; a long one is clipped.
    #[must_use]
    pub fn name(self, name: impl AsRef<str>) -> Self {
        self.text(clip(name.as_ref(), NAME_MAX))
    }

    /// An id, an endpoint or an error from anywhere, as code; a long one is clipped.
    #[must_use]
    pub fn code(self, text: impl AsRef<str>) -> Self {
        let text = one_line(text.as_ref());
        if text.trim().is_empty() { self } else { self.then_piece(Piece::Code(clip(&text, CODE_MAX))) }
    }

    /// A link under a text of ours to an `https://` URL; one in which Slack could read anything else is text.
    #[must_use]
    pub fn link(self, url: &str, text: &'static str) -> Self {
        match is_linkable(url) {
            true => self.then_piece(Piece::Link { url: url.to_owned(), text }),
            false => self.text(url),
        }
    }

    /// The other words behind these.
    #[must_use]
    pub fn then(self, other: Self) -> Self {
        other.pieces.into_iter().fold(self, Self::then_piece)
    }

    fn then_piece(mut self, piece: Piece) -> Self {
        // Slack would read the two backticks between them as something else.
        if let (Some(Piece::Code(_)), Piece::Code(_)) = (self.pieces.last(), &piece) {
            self.pieces.push(Piece::Markup(" "));
        }
        let is_nothing = matches!(&piece, Piece::Text(text) if text.is_empty());
        self.pieces.extend((!is_nothing).then_some(piece));
        self
    }

    /// Whether there is nothing to read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plain(usize::MAX).trim().is_empty()
    }

    /// For Slack: at most `limit` UTF-16 units, never ending within an escape or within code. Slack
    /// refuses an empty text, so what has nothing to read is a dash.
    #[must_use]
    pub fn slack(&self, limit: usize) -> SlackText {
        if self.is_empty() {
            return SlackText("–".to_owned());
        }
        let whole: String = self.pieces.iter().map(|piece| piece.slack(usize::MAX)).collect();
        if size(&whole) <= limit {
            return SlackText(whole);
        }
        let mut kept = String::new();
        for piece in &self.pieces {
            let room = limit.saturating_sub(1 + size(&kept));
            let part = piece.slack(room);
            kept.push_str(&part);
            if part.len() < piece.slack(usize::MAX).len() {
                break;
            }
        }
        kept.push('…');
        SlackText(kept)
    }

    /// Without any markup, for pages and logs: at most `limit` characters.
    #[must_use]
    pub fn plain(&self, limit: usize) -> String {
        let whole: String = self.pieces.iter().map(Piece::plain).collect();
        clip(&whole, limit)
    }
}

impl Piece {
    /// As much of it as has room, in UTF-16 units; of markup all or nothing.
    fn slack(&self, room: usize) -> String {
        match self {
            Self::Markup(literal) if size(literal) <= room => (*literal).to_owned(),
            Self::Markup(_) => String::new(),
            Self::Text(text) => escape_within(text, room),
            Self::Code(text) => match escape_within(text, room.saturating_sub(2)) {
                nothing if nothing.is_empty() => nothing,
                code => format!("`{code}`"),
            },
            Self::Link { url, text } => {
                let link = format!("<{}|{text}>", url.replace('&', "&amp;"));
                if size(&link) <= room { link } else { String::new() }
            }
        }
    }

    fn plain(&self) -> String {
        match self {
            Self::Markup(literal) => literal.replace(['*', '`'], ""),
            Self::Text(text) | Self::Code(text) => text.clone(),
            Self::Link { url, text } => format!("{text}: {url}"),
        }
    }
}

/// What Slack counts as characters is not documented; no text has more of them than UTF-16 units.
fn size(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Escapes what Slack would read as markup, as far as there is room; never half an escape.
fn escape_within(text: &str, room: usize) -> String {
    let mut kept = String::new();
    let mut used = 0;
    for character in text.chars() {
        let mut buffer = [0; 4];
        let escaped = match character {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            // It would begin or end code.
            '`' => "'",
            other => other.encode_utf8(&mut buffer),
        };
        used += size(escaped);
        if used > room {
            break;
        }
        kept.push_str(escaped);
    }
    kept
}

/// On one line, and without characters that cannot be seen or change the direction of what follows: no
/// name may look like another one, or like a line of ours.
pub(crate) fn one_line(text: &str) -> String {
    let is_unseen = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars().map(|c| if is_unseen(c) { ' ' } else { c }).collect()
}

/// At most `limit` characters; an ellipsis shows where something was left out.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests;
