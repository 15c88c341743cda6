//! A plan as text.

use crate::price::MonthlyPrice;
use crate::{Plan, Step};
use phonehome_network::Address;
use phonehome_text::list;

use super::words::{NAMED, after, given_up, held, unmanaged, unseen, what};

/// The plan as text: a line for each step with what it makes or why it changes what it finds, what it
/// does to running traffic, and the steps it comes after; then what is waited for, what is withheld,
/// what is somebody else's, what is given up for good, and what the ways out cost, if that changes; then the sums.
pub fn text(plan: &Plan) -> String {
    let addresses = plan.steps.iter().map(|step| &step.address).chain(plan.waits.iter().map(|w| &w.address));
    let addresses = addresses.chain(plan.withheld.iter().map(|it| &it.address));
    let width = addresses.map(|address| address.to_string().chars().count()).max().unwrap_or_default();
    let line = |sign: char, address: &Address, words: String| {
        format!("  {sign} {address:width$}  {words}").trim_end().to_owned()
    };
    let mut lines: Vec<String> = Vec::new();
    lines.extend(plan.steps.iter().map(|step| line(step.change.sign(), &step.address, words(plan, step))));
    lines.extend(plan.waits.iter().map(|it| line('…', &it.address, format!("{}: {}", it.id, it.what))));
    lines.extend(plan.withheld.iter().map(|it| {
        let (what, why) = held(it);
        line('!', &it.address, format!("withheld: {what}; {why}"))
    }));
    lines.extend(plan.unmanaged.iter().map(|it| format!("  = {}", unmanaged(it))));
    lines.extend(plan.unseen.iter().map(|kind| format!("  ? {}", unseen(*kind))));
    lines.extend(given_up(&plan.given_up()).map(|words| format!("{words}.")));
    if let Some(price) = plan.price.filter(MonthlyPrice::is_news) {
        lines.push(format!("{price}."));
    }
    lines.push(plan.sums());
    lines.join("\n") + "\n"
}

fn words(plan: &Plan, step: &Step) -> String {
    let mut parts = vec![what(step)];
    if let Some(disturbs) = step.disruption.of_traffic() {
        parts.push(disturbs.to_uppercase());
    }
    let after = after(plan, step);
    if !after.is_empty() {
        parts.push(format!("after {}", list(after, NAMED)));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}
