//! The plans of a whole fleet: what changes in the same way is told once.

use phonehome_text::{count, list};

use super::markdown::blocks;
use super::pages::{Block, Page, SHORTEST, cell, code};
use super::sheet::{Class, Estimate, Planned, Sheet};
use super::text::text;

/// The plans of many stacks as text: each class once, with all of its stacks and the plan of the first, what
/// disturbs most first; then what is as declared, what cannot be planned, and the sums.
pub fn text_fleet(planned: &[Planned], estimate: Estimate<'_>) -> String {
    let sheet = Sheet::of(planned, estimate);
    let mut lines = String::new();
    for class in &sheet.classes {
        let facts = [class.disruption(), class.time(), price_words(class)];
        let facts: Vec<String> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
        let title = match class.names.as_slice() {
            [name] => (*name).to_owned(),
            _ => format!("{} change alike", class.stacks()),
        };
        lines.push_str(&[vec![title], facts].concat().join("; "));
        lines.push('\n');
        if class.names.len() > 1 {
            lines.push_str(&wrapped(&class.names));
            lines.push_str(&format!("  {}\n", those_of(class.names[0])));
        }
        lines.push_str(&format!("{}\n", text(class.plan)));
    }
    if !sheet.unchanged.is_empty() {
        lines.push_str(&format!(
            "As declared: {}\n{}",
            count(sheet.unchanged.len(), "stack"),
            wrapped(&sheet.unchanged)
        ));
    }
    for (why, names) in &sheet.failed {
        lines.push_str(&format!("Cannot be planned: {why}\n{}", wrapped(names)));
    }
    lines.push_str(&sheet.given_up().map(|words| format!("{words}\n")).unwrap_or_default());
    lines.push_str(&sheet.price().map(|price| format!("{price}\n")).unwrap_or_default());
    lines.push_str(&format!("{}\n", sheet.sentence()));
    lines
}

fn price_words(class: &Class<'_>) -> String {
    match (class.price(), class.names.len()) {
        (price, _) if price.is_empty() => String::new(),
        (price, 1) => format!("{price} a month"),
        (price, _) => format!("{price} a month together"),
    }
}

fn those_of(name: &str) -> String {
    format!("Ids, addresses and what is there now are those of {name}; the calls are the same in each.")
}

/// How many columns a line of names has.
const COLUMNS: usize = 100;

/// Names in lines of a terminal's width, each of them indented.
#[must_use]
pub fn wrapped(names: &[&str]) -> String {
    let mut text = String::new();
    let mut column = 0;
    for (at, name) in names.iter().enumerate() {
        let end = if at + 1 == names.len() { "" } else { "," };
        let wide = name.chars().count() + end.len() + 1;
        if column == 0 || column + wide > COLUMNS {
            text.push_str(if column == 0 { "  " } else { "\n  " });
            column = 1;
        } else {
            text.push(' ');
        }
        column += wide;
        text.push_str(&format!("{name}{end}"));
    }
    text + "\n"
}

/// What else there is to say of a fleet than the plans of its stacks. Nothing in it is Markdown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Section {
    /// What nobody may overlook, a paragraph each: at the beginning.
    pub cautions: Vec<String>,
    /// Other paragraphs, after those.
    pub paragraphs: Vec<String>,
    /// Its tables: behind the classes, for they may be long.
    pub tables: Vec<Table>,
}

/// A table that is folded away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What it says.
    pub title: String,
    /// The heads of its columns.
    pub head: &'static [&'static str],
    /// The cells of each row, which are names: as many as there are columns.
    pub rows: Vec<Vec<String>>,
}

impl Section {
    fn paragraphs(&self) -> impl Iterator<Item = Block> {
        let cautions = self.cautions.iter().map(|it| format!("> [!CAUTION]\n> {}", cell(it)));
        cautions.chain(self.paragraphs.iter().map(|it| cell(it))).map(Block::Text)
    }

    fn tables(&self) -> impl Iterator<Item = Block> {
        self.tables.iter().map(|Table { title, head, rows }| {
            let rows = rows.iter().map(|row| row.iter().map(|it| code(it)).collect()).collect();
            Block::Table { fold: Some(cell(title)), head, rows }
        })
    }
}

/// What a page keeps for saying what was left out, in characters.
const FOOTER: usize = 1_000;

/// The plans of many stacks in one comment of at most `max_chars` characters (at least 4,000; see
/// [`super::GITHUB_COMMENT_CHARS`]).
///
/// First a table with a line for each class, what disturbs most first, the paragraphs of `section`, and `notes` on what
/// was not planned; then each class with the plan of its first stack, as long as there is room, and the tables of
/// `section`. What is left out is said at the end, and is in the complete plan,
/// which whoever posts the comment keeps beside it.
pub fn markdown_fleet(
    planned: &[Planned],
    section: &Section,
    notes: &[String],
    estimate: Estimate<'_>,
    max_chars: usize,
) -> String {
    let sheet = Sheet::of(planned, estimate);
    let max_chars = max_chars.max(SHORTEST);
    let mut page = Page::of(max_chars - FOOTER);
    let mut is_whole = true;
    for block in summary(&sheet).into_iter().chain(section.paragraphs()).chain(noted(notes)) {
        is_whole &= page.add(&block);
    }
    let mut left_out = Vec::new();
    for (number, class) in sheet.classes.iter().enumerate() {
        let blocks = blocks_of(number + 1, class);
        // The first that does not fit is begun; whatever comes after it disturbs less.
        if !left_out.is_empty() || !(page.has_room_for(&blocks) || page.has_room_for(&blocks[..2])) {
            left_out.push(class);
            continue;
        }
        for block in &blocks {
            is_whole &= page.add(block);
        }
    }
    for block in section.tables().chain(rest(&sheet)) {
        is_whole &= page.add(&block);
    }
    let mut page = page.with_max(max_chars);
    if !is_whole || !left_out.is_empty() {
        page.add(&Block::Text(footer(&left_out)));
    }
    page.finish()
}

/// What is not there.
fn footer(left_out: &[&Class<'_>]) -> String {
    let mut words = "> [!IMPORTANT]\n> **Not all of the plan fits here.** ".to_owned();
    if !left_out.is_empty() {
        let stacks: usize = left_out.iter().map(|class| class.names.len()).sum();
        let names = left_out.iter().flat_map(|class| &class.names).map(|name| clip(name));
        let ways = count(left_out.len(), "class").replace("classs", "classes");
        words.push_str(&format!(
            "{ways} with {} not shown: {}. ",
            count(stacks, "stack"),
            list(names, NAMED)
        ));
    }
    words + "Everything is in the complete plan."
}

/// How many stacks are named where only some are.
const NAMED: usize = 4;

/// A name of a length that bounds what has several of them.
fn clip(name: &str) -> String {
    cell(&name.chars().take(60).collect::<String>())
}

fn summary(sheet: &Sheet<'_>) -> Vec<Block> {
    let mut lines =
        vec![format!("## Plan for {}", count(sheet.stacks, "stack")), format!("**{}**", sheet.sentence())];
    let disturbed = sheet.classes.iter().filter(|class| class.plan.disruption().of_traffic().is_some());
    let disturbed: usize = disturbed.map(|class| class.names.len()).sum();
    if disturbed > 0 {
        lines.push(format!(
            "> [!WARNING]\n> Running traffic is disturbed in **{}**.",
            count(disturbed, "stack")
        ));
    }
    let withheld = sheet.classes.iter().filter(|class| !class.plan.withheld.is_empty());
    let withheld: usize = withheld.map(|class| class.names.len()).sum();
    if withheld > 0 {
        lines.push(format!("Something is withheld in {}.", count(withheld, "stack")));
    }
    lines.extend(sheet.given_up());
    lines.extend(sheet.price());
    let mut blocks: Vec<Block> = lines.into_iter().map(Block::Text).collect();
    let rows: Vec<Vec<String>> =
        sheet.classes.iter().enumerate().map(|(at, class)| row(at + 1, class)).collect();
    let head = &[
        "",
        "stacks",
        "created",
        "changed",
        "replaced",
        "deleted",
        "adopted",
        "forgotten",
        "withheld",
        "running traffic",
        "NAT a month",
        "each takes",
    ];
    if !rows.is_empty() {
        blocks.push(Block::Table { fold: None, head, rows });
    }
    blocks.extend(failed(sheet));
    blocks
}

fn row(number: usize, class: &Class<'_>) -> Vec<String> {
    let stacks = match class.names.as_slice() {
        [name] => code(&name.chars().take(60).collect::<String>()),
        names => format!("**{}**: {}", names.len(), list(names.iter().map(|name| clip(name)), NAMED)),
    };
    let sum = |number: usize| if number == 0 { String::new() } else { number.to_string() };
    let mut row = vec![number.to_string(), stacks];
    for sign in ['+', '~', '±', '-', '<', '>'] {
        row.push(sum(class.plan.steps.iter().filter(|step| step.change.sign() == sign).count()));
    }
    row.push(sum(class.plan.withheld.len()));
    let disruption = class.disruption();
    row.push(if disruption.is_empty() { disruption } else { format!("**{disruption}**") });
    row.extend([class.price(), class.time()]);
    row
}

fn failed(sheet: &Sheet<'_>) -> Option<Block> {
    let row = |(why, names): &(&str, Vec<&str>)| {
        vec![names.len().to_string(), list(names.iter().map(|name| clip(name)), 10), cell(why)]
    };
    let rows: Vec<Vec<String>> = sheet.failed.iter().map(row).collect();
    let head = &["**cannot be planned**", "stacks", "why"];
    (!rows.is_empty()).then_some(Block::Table { fold: None, head, rows })
}

fn noted(notes: &[String]) -> Option<Block> {
    let rows: Vec<Vec<String>> = notes.iter().map(|note| vec![cell(note)]).collect();
    (!rows.is_empty()).then_some(Block::Table { fold: None, head: &["not planned, and who is who"], rows })
}

/// One class: its heading and sums first.
fn blocks_of(number: usize, class: &Class<'_>) -> Vec<Block> {
    let heading = match class.names.as_slice() {
        [name] => format!("### {number}. {}", clip(name)),
        _ => format!("### {number}. {} change alike", class.stacks()),
    };
    let mut section = vec![Block::Text(heading)];
    let mut plan = blocks(class.plan).into_iter();
    section.extend(plan.next());
    if class.names.len() > 1 {
        section.push(names(&format!("The {}", class.stacks()), &class.names));
        section.push(Block::Text(those_of(&code(class.names[0]))));
    }
    section.extend(plan);
    section
}

/// Stacks, ten in a row of a folded table.
fn names(fold: &str, names: &[&str]) -> Block {
    let row = |some: &[&str]| vec![some.iter().map(|name| code(name)).collect::<Vec<_>>().join(" ")];
    Block::Table { fold: Some(fold.to_owned()), head: &["stacks"], rows: names.chunks(10).map(row).collect() }
}

/// What nothing has to be done for.
fn rest(sheet: &Sheet<'_>) -> Option<Block> {
    let fold = format!("As declared: {}", count(sheet.unchanged.len(), "stack"));
    (!sheet.unchanged.is_empty()).then(|| names(&fold, &sheet.unchanged))
}
