//! YAML text as a tree of nodes that know where they stand.
//!
//! It is built from parser events rather than from a ready-made YAML value, because a value has
//! forgotten what good error messages need: the second of two equal keys, and how a scalar was
//! written (`012345678901` is an octal-looking number to a value, but an account id to its author).

use std::collections::BTreeMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use crate::characters;
use crate::diagnostics::Diagnostic;
use crate::flow;

/// Deeper than any fleet file (7 levels), shallow enough for every stack.
const MAX_DEPTH: usize = 32;
/// How many nodes aliases may add in sum, so that a few nested anchors cannot fill the memory.
const ALIAS_BUDGET: usize = 100_000;

/// One value and where it begins; line and column count from 1.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) value: Value,
}

/// What a node is.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Text as written, and whether it stood without quotes (and so may mean a number).
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One `key: value` of a map, in the file's order; keys may repeat.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) value: Node,
}

impl Node {
    /// How many nodes this one consists of, itself included; long text counts as several.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { text, .. } => text.len() / 64,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => {
                entries.iter().map(|entry| 1 + entry.key.len() / 64 + entry.value.size()).sum()
            }
        }
    }
}

/// Reads the one document of `text`.
pub(crate) fn load(text: &str) -> Result<Node, Vec<Diagnostic>> {
    let mut loader = Loader {
        parser: Parser::new_from_str(text).keep_tags(false),
        anchors: BTreeMap::new(),
        alias_budget: ALIAS_BUDGET,
    };
    loader.document().map_err(|problem| explained(text, problem))
}

/// Why a text is not YAML. The parser's words for a tab, a no-break space or a missing `}` vary with
/// the place, which is often a later one, and rarely name it.
fn explained(text: &str, problem: Diagnostic) -> Vec<Diagnostic> {
    let mut causes = tab_indents(text);
    let mut others = vec![];
    for (index, line) in text.lines().enumerate() {
        for odd in characters::odd_in(line) {
            let found = Diagnostic::new(index + 1, odd.column, "", odd.message);
            if odd.structural { causes.push(found) } else { others.push(found) }
        }
    }
    if causes.is_empty() {
        causes.push(flow::unclosed(text).unwrap_or(problem));
        causes.append(&mut others);
    }
    causes
}

/// Every line that is indented with a tab. Asked only when parsing failed: YAML does allow a tab
/// in a few places, such as block text.
fn tab_indents(text: &str) -> Vec<Diagnostic> {
    text.lines()
        .enumerate()
        .filter_map(|(index, line)| {
            let column = line.chars().take_while(|c| c.is_whitespace()).position(|c| c == '\t')?;
            // An empty line and a comment may begin with anything.
            let content = line.trim_start();
            (!content.is_empty() && !content.starts_with('#')).then(|| {
                Diagnostic::new(index + 1, column + 1, "", "this line is indented with a tab")
                    .with_hint("YAML is indented with spaces only")
            })
        })
        .collect()
}

struct Loader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: BTreeMap<usize, Node>,
    alias_budget: usize,
}

impl<'t> Loader<'t> {
    fn document(&mut self) -> Result<Node, Diagnostic> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentEnd | Event::Nothing => {}
                Event::DocumentStart(_) if root.is_some() => {
                    return Err(at(span.start, "a second YAML document begins here")
                        .with_hint("a fleet is one document: remove the `---`"));
                }
                Event::DocumentStart(_) => {
                    let (event, span) = self.next()?;
                    root = Some(self.node(event, span, 0)?);
                }
                other => return Err(at(span.start, format!("unexpected YAML: {other:?}"))),
            }
        }
        match root {
            Some(node) if !is_empty(&node) => Ok(node),
            _ => Err(Diagnostic::new(1, 1, "", "the file is empty")
                .with_hint("start from a copy of fleet.example.yaml")),
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(syntax_error(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(at(span.start, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let (value, anchor) = match event {
            Event::Alias(id) => return self.alias(id, span),
            Event::Scalar(text, style, anchor, tag) => {
                let forced_text = is_text_tag(tag.as_deref(), span)?;
                let plain = style == ScalarStyle::Plain && !forced_text;
                (Value::Scalar { text: text.into_owned(), plain }, anchor)
            }
            Event::SequenceStart(anchor, _) => (Value::List(self.items(depth)?), anchor),
            Event::MappingStart(anchor, _) => (Value::Map(self.entries(depth)?), anchor),
            other => return Err(at(span.start, format!("unexpected YAML: {other:?}"))),
        };
        let node = Node { line: span.start.line(), column: span.start.col() + 1, value };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Diagnostic> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Diagnostic> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let key = self.node(event, span, depth + 1)?;
            let Value::Scalar { text, .. } = key.value else {
                return Err(at(span.start, "a key must be a word, not a list or a map"));
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push(Entry { key: text, line: key.line, column: key.column, value });
        }
    }

    fn alias(&mut self, id: usize, span: Span) -> Result<Node, Diagnostic> {
        // An anchor is known only once its node is complete, so a cycle ends here.
        let Some(node) = self.anchors.get(&id) else {
            return Err(at(span.start, "this alias stands inside the value it refers to"));
        };
        match self.alias_budget.checked_sub(node.size()) {
            Some(left) => self.alias_budget = left,
            None => return Err(at(span.start, format!("aliases add more than {ALIAS_BUDGET} values"))),
        }
        Ok(node.clone())
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar { text, plain: true } if is_null(text))
}

/// The spellings of YAML's null, an empty value among them.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Whether a tag says `!!str`; any other tag is refused, for nothing here could honour it.
fn is_text_tag(tag: Option<&Tag>, span: Span) -> Result<bool, Diagnostic> {
    match tag {
        None => Ok(false),
        Some(tag) if tag.is_yaml_core_schema() => Ok(tag.suffix == "str"),
        Some(tag) => Err(at(span.start, format!("the tag `{tag}` means nothing in a fleet file"))),
    }
}

fn at(mark: Marker, message: impl Into<String>) -> Diagnostic {
    Diagnostic::new(mark.line(), mark.col() + 1, "", message)
}

fn syntax_error(error: &ScanError) -> Diagnostic {
    at(*error.marker(), format!("not valid YAML: {}", error.info()))
}
