//! A plan as Markdown, for a comment on a pull request.

use crate::price::MonthlyPrice;
use crate::{Plan, Step};
use phonehome_text::{agree, count, list};

use super::pages::{Block, cell, code, whole};
use super::words::{GIVEN_UP_SHOWN, NAMED, after, held, unmanaged, unseen, what};

/// The plan of one account: what disturbs running traffic and what is given up for good first, then every step (folded away), what
/// is waited for, what is withheld, what is somebody else's, and the price, if that changes.
///
/// In one piece, however long it is; [`super::markdown_fleet()`] keeps to a limit.
pub fn markdown(title: &str, plan: &Plan) -> String {
    let mut blocks = vec![Block::Text(format!("### {}", cell(title)))];
    blocks.extend(self::blocks(plan));
    whole(&blocks)
}

/// Everything but the heading.
pub(super) fn blocks(plan: &Plan) -> Vec<Block> {
    let mut blocks = vec![Block::Text(format!("**{}**", cell(&plan.sums())))];
    blocks.extend(disturbing(plan));
    blocks.extend(irrevocable(plan));
    blocks.extend(steps(plan));
    blocks.extend(waits(plan));
    blocks.extend(withheld(plan));
    if !plan.unseen.is_empty() {
        let lines = plan.unseen.iter().map(|kind| format!("- {}", unseen(*kind)));
        blocks.push(Block::Text(lines.collect::<Vec<_>>().join("\n")));
    }
    if !plan.unmanaged.is_empty() {
        let rows = plan.unmanaged.iter().map(|it| vec![cell(&unmanaged(it))]).collect();
        let fold = Some(format!("{} not phonehome's: never touched", plan.unmanaged.len()));
        blocks.push(Block::Table { fold, head: &["In the VPC"], rows });
    }
    if let Some(price) = plan.price.filter(MonthlyPrice::is_news) {
        blocks.push(Block::Text(format!("{}.", cell(&price.to_string()))));
    }
    blocks
}

/// How many disturbing steps are named before the table of all.
const SHOWN: usize = 8;

/// The steps that running traffic notices, where nobody can overlook them.
fn disturbing(plan: &Plan) -> Option<Block> {
    let disturbing: Vec<&Step> =
        plan.steps.iter().filter(|it| it.disruption.of_traffic().is_some()).collect();
    let worst = plan.disruption().of_traffic()?;
    let how_many = agree(disturbing.len(), "step disturbs", "steps disturb");
    let mut lines =
        vec!["> [!WARNING]".to_owned(), format!("> {how_many} running traffic; at worst it **{worst}**:")];
    for step in disturbing.iter().take(SHOWN) {
        lines.push(format!("> - {} {}", code(&step.address.to_string()), step.disruption.in_words()));
    }
    if disturbing.len() > SHOWN {
        lines.push(format!("> - and {} more, below", disturbing.len() - SHOWN));
    }
    Some(Block::Text(lines.join("\n")))
}

/// What is given up for good, where nobody can overlook it.
fn irrevocable(plan: &Plan) -> Option<Block> {
    let all = plan.given_up();
    let mut lines = vec![
        "> [!CAUTION]".to_owned(),
        format!("> No rollback brings back **{}**:", count(all.len(), "thing")),
    ];
    lines.extend(all.iter().take(GIVEN_UP_SHOWN).map(|it| format!("> - {}", cell(&it.to_string()))));
    if all.len() > GIVEN_UP_SHOWN {
        lines.push(format!("> - and {} more", all.len() - GIVEN_UP_SHOWN));
    }
    (!all.is_empty()).then(|| Block::Text(lines.join("\n")))
}

fn steps(plan: &Plan) -> Option<Block> {
    let row = |step: &Step| {
        let traffic = step.disruption.of_traffic().map(|words| format!("**{words}**")).unwrap_or_default();
        let after = list(after(plan, step).into_iter().map(|it| code(&it.to_string())), NAMED);
        let what = match what(step) {
            none if none.is_empty() => "made".to_owned(),
            what => cell(&what),
        };
        vec![code(&step.change.sign().to_string()), code(&step.address.to_string()), what, traffic, after]
    };
    let rows: Vec<Vec<String>> = plan.steps.iter().map(row).collect();
    let fold = Some(count(rows.len(), "step"));
    let head = &["", "resource", "what", "running traffic", "after"];
    (!rows.is_empty()).then_some(Block::Table { fold, head, rows })
}

fn waits(plan: &Plan) -> Option<Block> {
    let row = |it: &crate::Wait| vec![code(&it.address.to_string()), code(&it.id), cell(&it.what)];
    let rows: Vec<Vec<String>> = plan.waits.iter().map(row).collect();
    (!rows.is_empty()).then_some(Block::Table { fold: None, head: &["waiting for", "id", "why"], rows })
}

fn withheld(plan: &Plan) -> Option<Block> {
    let row = |it: &crate::Withheld| {
        let (what, why) = held(it);
        vec![code(&it.address.to_string()), cell(&what), cell(&why)]
    };
    let rows: Vec<Vec<String>> = plan.withheld.iter().map(row).collect();
    let head = &["withheld", "what would be done", "why it is not"];
    (!rows.is_empty()).then_some(Block::Table { fold: None, head, rows })
}
