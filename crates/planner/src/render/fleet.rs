//! The plans of a whole fleet as Markdown: a table of all accounts, then each different plan once.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use phonehome_text::{count, list};

use crate::Disruption;
use crate::Plan;
use crate::price::{difference, dollars};

use super::markdown::blocks;
use super::pages::{Block, Pages, cell, code};

/// An account's name, and its plan or why there is none.
type Planned = (String, Result<Plan, String>);

/// The plans of many accounts, in comments of at most `max_chars` characters each (at least 2,000; see
/// [`super::GITHUB_COMMENT_CHARS`]). No comment ends within a table.
///
/// First a table with a line for each account, what needs attention first; then each plan. Plans that
/// only differ in ids and private addresses are shown once.
pub fn markdown_fleet(plans: &[(String, Result<Plan, String>)], max_chars: usize) -> Vec<String> {
    let mut plans: Vec<&Planned> = plans.iter().collect();
    plans.sort_by_key(|(name, plan)| (std::cmp::Reverse(urgency(plan)), name));
    let groups = groups(&plans);
    let mut pages = Pages::new(max_chars);
    pages.section(&format!("## Plans for {}", accounts(plans.len())), &summary(&plans, &groups));
    for group in &groups {
        let Some((first, plan)) = group.first() else { continue };
        let heading = match group.len() {
            1 => format!("### {}", cell(first)),
            more => format!("### Same for {}: {}", accounts(more), first_names(group)),
        };
        let mut section = Vec::new();
        if group.len() > 1 {
            section.extend(names(group).filter(|_| group.len() > NAMED));
            if plan.is_ok() {
                section.push(Block::Text(format!("Ids and addresses are those of {}.", code(first))));
            }
        }
        match plan {
            Ok(plan) => section.extend(blocks(plan)),
            Err(why) => section.push(Block::Text(format!("**Could not be planned.** {}", cell(why)))),
        }
        pages.section(&heading, &section);
    }
    pages.finish()
}

fn accounts(number: usize) -> String {
    count(number, "account")
}

/// What should be read first.
fn urgency(plan: &Result<Plan, String>) -> (u8, Disruption, usize, usize) {
    match plan {
        Err(_) => (2, Disruption::None, 0, 0),
        Ok(plan) => {
            let is_something = u8::from(has_something(plan));
            (is_something, plan.disruption(), plan.withheld.len(), plan.steps.len())
        }
    }
}

fn has_something(plan: &Plan) -> bool {
    !plan.is_converged() || !plan.withheld.is_empty() || !plan.unseen.is_empty()
}

/// Plans that have something to show, those together that are the same but for ids and addresses.
fn groups<'a>(plans: &[&'a Planned]) -> Vec<Vec<&'a Planned>> {
    let mut groups: Vec<(String, Vec<&Planned>)> = Vec::new();
    for planned in plans {
        let key = match &planned.1 {
            Ok(plan) if !has_something(plan) => continue,
            Ok(plan) => masked(&super::text(plan)),
            Err(why) => format!("error {}", masked(why)),
        };
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, group)) => group.push(planned),
            None => groups.push((key, vec![planned])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// How many accounts of a group its heading names.
const NAMED: usize = 4;

fn first_names(group: &[&Planned]) -> String {
    list(group.iter().map(|(name, _)| cell(name)), NAMED)
}

/// The names of a group's accounts, ten in a row of a folded table.
fn names(group: &[&Planned]) -> Option<Block> {
    let rows = group.chunks(10).map(|some| {
        let names: Vec<String> = some.iter().map(|(name, _)| code(name)).collect();
        vec![names.join(" ")]
    });
    let fold = Some(format!("The {}", accounts(group.len())));
    Some(Block::Table { fold, head: &["accounts"], rows: rows.collect() })
}

fn summary(plans: &[&Planned], groups: &[Vec<&Planned>]) -> Vec<Block> {
    let failed = plans.iter().filter(|(_, plan)| plan.is_err()).count();
    let seen = || plans.iter().filter_map(|(name, plan)| Some((name, plan.as_ref().ok()?)));
    let changed = seen().filter(|(_, plan)| !plan.steps.is_empty()).count();
    let mut lines = vec![format!(
        "**{changed} with changes, {} without, {failed} could not be planned.**",
        plans.len() - changed - failed
    )];
    let disturbed = seen().filter(|(_, plan)| plan.disruption() != Disruption::None).count();
    if disturbed > 0 {
        lines.push(format!("> [!WARNING]\n> Running traffic is disturbed in **{}**.", accounts(disturbed)));
    }
    let withheld = seen().filter(|(_, plan)| !plan.withheld.is_empty()).count();
    if withheld > 0 {
        lines.push(format!("Something is withheld in {}.", accounts(withheld)));
    }
    if let Some(price) = price(seen().map(|(_, plan)| plan)) {
        lines.push(price);
    }
    let mut blocks: Vec<Block> = lines.into_iter().map(Block::Text).collect();
    let head = &[
        "account",
        "created",
        "changed",
        "replaced",
        "deleted",
        "adopted",
        "forgotten",
        "withheld",
        "running traffic",
        "NAT a month",
        "",
    ];
    let rows = plans.iter().map(|planned| row(planned, groups)).collect();
    blocks.push(Block::Table { fold: None, head, rows });
    blocks
}

/// What all of them together cost more or less.
fn price<'a>(plans: impl Iterator<Item = &'a Plan>) -> Option<String> {
    let prices: Vec<_> = plans.filter_map(|plan| plan.price).collect();
    let before: u64 = prices.iter().map(|price| price.before_cents).sum();
    let after: u64 = prices.iter().map(|price| price.after_cents).sum();
    let words = || format!("from {} to {} a month without data", dollars(before), dollars(after));
    (before != after).then(|| format!("NAT gateways: {} ({}).", words(), difference(before, after)))
}

fn row((name, plan): &Planned, groups: &[Vec<&Planned>]) -> Vec<String> {
    let mut row = vec![code(name)];
    let Ok(plan) = plan else {
        row.extend(std::iter::repeat_n(String::new(), 9));
        row.push("**could not be planned**".to_owned());
        return row;
    };
    let number = |number: usize| if number == 0 { String::new() } else { number.to_string() };
    for sign in ['+', '~', '±', '-', '<', '>'] {
        row.push(number(plan.steps.iter().filter(|step| step.change.sign() == sign).count()));
    }
    row.push(number(plan.withheld.len()));
    row.push(plan.disruption().of_traffic().map(|words| format!("**{words}**")).unwrap_or_default());
    let price = plan.price.filter(|price| price.before_cents != price.after_cents);
    row.push(price.map(|it| difference(it.before_cents, it.after_cents)).unwrap_or_default());
    let group = groups.iter().find(|group| group.iter().any(|(other, _)| other == name));
    row.push(match group.and_then(|group| group.first()) {
        Some((first, _)) if first != name => format!("as {}", code(first)),
        Some(_) if plan.steps.is_empty() => "no changes, see below".to_owned(),
        Some(_) => String::new(),
        None => "No changes".to_owned(),
    });
    row
}

/// The same words with every id, private address and account number made the same, and public addresses
/// as they are: who opens a port to which of them is a difference.
fn masked(words: &str) -> String {
    let is_part = |character: char| character.is_ascii_alphanumeric() || "-./".contains(character);
    let mut masked = String::new();
    let mut rest = words;
    while let Some(start) = rest.find(is_part) {
        masked.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.find(|character| !is_part(character)).unwrap_or(rest.len());
        masked.push_str(mask(&rest[..end]));
        rest = &rest[end..];
    }
    masked.push_str(rest);
    // Words are lined up after the longest address, which may be another one's.
    masked.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn mask(word: &str) -> &str {
    let word_end = word.trim_end_matches('.');
    let is_private = |net: Ipv4Net| net.network().is_private() && net.prefix_len() >= 8;
    let address = || word_end.parse().ok().or_else(|| word_end.parse::<Ipv4Addr>().ok().map(Ipv4Net::from));
    if is_id(word_end) {
        "(id)"
    } else if address().is_some_and(is_private) {
        "(cidr)"
    } else if word_end.len() == 12 && word_end.bytes().all(|byte| byte.is_ascii_digit()) {
        "(account)"
    } else {
        word
    }
}

/// `vpc-0123456789abcdef0`: EC2's ids end in 8 or 17 hexadecimal digits.
fn is_id(word: &str) -> bool {
    word.split_once('-').is_some_and(|(kind, digits)| {
        let is_hex = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        kind.bytes().all(|byte| byte.is_ascii_lowercase()) && matches!(digits.len(), 8 | 17) && is_hex(digits)
    })
}
