//! Markdown: headings, links, inline code, fenced blocks.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use crate::said::Placed;

/// One Markdown file.
#[derive(Debug)]
pub struct Document {
    /// From the root of the repository.
    pub path: String,
    /// As it is.
    pub text: String,
    /// Headings as the anchors that code hosts make of them, in order.
    pub anchors: Vec<String>,
    /// Fenced blocks, in order.
    pub blocks: Vec<Block>,
    /// Inline code, in order.
    pub spans: Vec<Span>,
    /// Links, in order.
    pub links: Vec<Link>,
}

/// A fenced block: its language and its text.
pub type Block = Placed<(String, String)>;
/// Inline code.
pub type Span = Placed<String>;
/// Where a link leads.
pub type Link = Placed<String>;

impl Document {
    /// Reads a file; `path` is only remembered.
    #[must_use]
    pub fn new(path: String, text: String) -> Self {
        let mut document = Self { path, text, anchors: vec![], blocks: vec![], spans: vec![], links: vec![] };
        document.read();
        document
    }

    fn read(&mut self) {
        let text = std::mem::take(&mut self.text);
        let mut heading: Option<String> = None;
        let mut block: Option<(String, String, String)> = None;
        for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
            let line = text[..range.start].matches('\n').count() + 1;
            let place = format!("{}:{line}", self.path);
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => self.anchors.extend(heading.take().map(|h| anchor(&h))),
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    self.links.push(Placed { place, what: dest_url.into_string() });
                }
                Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                    block = Some((place, language.into_string(), String::new()));
                }
                Event::End(TagEnd::CodeBlock) => {
                    let ended = block.take();
                    self.blocks.extend(ended.map(|(place, l, t)| Placed { place, what: (l, t) }));
                }
                Event::Code(code) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&code);
                    }
                    self.spans.push(Placed { place, what: code.into_string() });
                }
                Event::Text(part) => {
                    if let Some(said) = heading.as_mut().or(block.as_mut().map(|(_, _, text)| text)) {
                        said.push_str(&part);
                    }
                }
                _ => {}
            }
        }
        self.text = text;
    }

    /// What the blocks `console`, `bash` and `sh` tell people to type, as a shell would read it.
    #[must_use]
    pub fn scripts(&self) -> Vec<Placed<String>> {
        let script = |block: &Block| match block.what.0.as_str() {
            "console" => Some(Placed { place: block.place.clone(), what: typed(&block.what.1) }),
            "bash" | "sh" => Some(Placed { place: block.place.clone(), what: block.what.1.clone() }),
            _ => None,
        };
        self.blocks.iter().filter_map(script).collect()
    }

    /// The blocks of one language.
    pub fn blocks_of<'d>(&'d self, language: &'d str) -> impl Iterator<Item = &'d Block> {
        self.blocks.iter().filter(move |block| block.what.0 == language)
    }

    /// The first paragraph, on one line.
    #[must_use]
    pub fn opening(&self) -> String {
        let paragraphs = self.text.split("\n\n").map(str::trim);
        paragraphs.filter(|part| !part.starts_with('#')).find(|part| !part.is_empty()).unwrap_or("").into()
    }
}

/// What follows a prompt `$ `, with its continuations; the rest of a console is what was printed.
fn typed(console: &str) -> String {
    let mut script = String::new();
    let mut goes_on = false;
    for line in console.lines() {
        let typed = match line.strip_prefix("$ ").or_else(|| line.strip_prefix("> ")) {
            Some(typed) => typed,
            None if goes_on => line,
            None => continue,
        };
        goes_on = typed.ends_with('\\');
        script.push_str(typed);
        script.push('\n');
    }
    script
}

/// As GitHub makes it: small letters, digits, `-` and `_`; spaces become hyphens, the rest goes.
fn anchor(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        _ if c.is_alphanumeric() => Some(c),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

#[cfg(test)]
mod tests;
