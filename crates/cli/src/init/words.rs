//! What `phonehome init` says of a fleet file's lines, for people and for machines.

use std::path::Path;

use phonehome_onboarding::{Candidate, NotBound, Proposal, Proposals, SeenAccount, shown};
use phonehome_text::{agree, joined, list};
use serde_json::{Value, json};

use super::store::Stored;

/// How many accounts or lines are named in a sentence.
const NAMED: usize = 20;

/// What is to be said.
pub(super) struct Said<'a> {
    pub(super) fleet: &'a Path,
    pub(super) proposals: &'a Proposals,
    /// What was stored; `None`: it is only shown.
    pub(super) stored: Option<&'a Stored>,
    /// Why nothing is known of units.
    pub(super) without_units: Option<String>,
}

impl Said<'_> {
    fn lines(&self, is: impl Fn(&Proposal) -> bool) -> Vec<&Proposal> {
        self.proposals.lines.iter().filter(|it| is(it)).collect()
    }

    pub(super) fn json(&self) -> Value {
        let proposal = |it: &Proposal| {
            json!({
                "line": it.line,
                "state": state(it),
                "account": it.outcome.as_ref().ok().map(|it| &it.account),
                "named": it.is_named,
                "candidates": it.candidates.iter().map(candidate_json).collect::<Vec<_>>(),
                "message": it.outcome.as_ref().err().map(ToString::to_string),
            })
        };
        json!({
            "done": self.stored.is_some(),
            "bound": self.stored.map(|it| &it.bound),
            "overtaken": self.stored.map(|it| &it.overtaken),
            "lines": self.proposals.lines.iter().map(proposal).collect::<Vec<_>>(),
            "lines_that_are_accounts": self.proposals.bound,
            "accounts_without_a_line": self.proposals.unclaimed.iter().map(account_json).collect::<Vec<_>>(),
            "without_units": self.without_units,
        })
    }
}

fn account_json(account: &SeenAccount) -> Value {
    let SeenAccount { id, name, email, state, unit } = account;
    json!({"account": id, "name": name, "email": email, "state": state.to_string(), "unit": unit})
}

fn candidate_json(candidate: &Candidate) -> Value {
    let mut json = account_json(&candidate.account);
    json["because"] = candidate.likeness.to_string().into();
    json
}

fn state(proposal: &Proposal) -> &'static str {
    match &proposal.outcome {
        Ok(_) => "to_bind",
        Err(NotBound::Unsure { .. }) => "unsure",
        Err(NotBound::Nobody) => "nobody",
        Err(_) => "not_bound",
    }
}

/// For a terminal.
pub(super) fn said(it: &Said<'_>) -> String {
    let mut text = String::new();
    let certain = it.lines(|it| it.outcome.is_ok());
    if !certain.is_empty() {
        text.push_str("Certain, or named by you:\n");
        certain.iter().for_each(|it| text.push_str(&bound(it)));
    }
    let unsure = it.lines(|it| matches!(it.outcome, Err(NotBound::Unsure { .. })));
    if !unsure.is_empty() {
        text.push_str(
            "Not certain. Whoever runs an account gives it its name: compare, and say which it is by its id.\n",
        );
        unsure.iter().for_each(|it| text.push_str(&not_bound(it)));
        text.push_str(&command(it, &unsure));
    }
    let against = it.lines(|it| state(it) == "not_bound");
    if !against.is_empty() {
        text.push_str("Not bound:\n");
        against.iter().for_each(|it| text.push_str(&not_bound(it)));
    }
    text + &rest(it) + &outcome(it, certain.len())
}

/// `  shop/prod = 444444444441 (Legacy Shop, shop@example.com): it has the line's e-mail address`
fn bound(proposal: &Proposal) -> String {
    let why = |it: &Candidate| match proposal.is_named {
        true => "named".to_owned(),
        false => it.likeness.to_string(),
    };
    let account = proposal.outcome.as_ref().ok().map(|it| it.account.clone());
    let it = proposal.candidates.iter().find(|it| Some(&it.account.id) == account.as_ref());
    it.map(|it| format!("  {} = {}: {}\n", proposal.line, named(&it.account), why(it))).unwrap_or_default()
}

fn not_bound(proposal: &Proposal) -> String {
    let why = proposal.outcome.as_ref().err().map(ToString::to_string).unwrap_or_default();
    let mut text = format!("  {}: {why}\n", proposal.line);
    for Candidate { account, likeness } in &proposal.candidates {
        text.push_str(&format!("    {}: {likeness}\n", named(account)));
    }
    text
}

/// `444444444441 (Legacy Shop, shop@example.com, in Workloads/Prod)`
fn named(account: &SeenAccount) -> String {
    let SeenAccount { id, name, email, state, unit } = account;
    let unit = unit.as_ref().filter(|it| !it.is_empty()).map(|it| format!(", in {}", shown(&it.join("/"))));
    let state = if state.is_active() { String::new() } else { format!(", {state}") };
    format!("{id} ({}, {}{}{state})", shown(name), shown(email), unit.unwrap_or_default())
}

/// The call that binds those of which there is one account alone, to be read before it is pasted.
fn command(it: &Said<'_>, unsure: &[&Proposal]) -> String {
    let only = unsure.iter().filter_map(|it| match &it.outcome {
        Err(NotBound::Unsure { line, accounts }) => match accounts.as_slice() {
            [only] => Some(format!(" --bind {line}={only}")),
            _ => None,
        },
        _ => None,
    });
    let options: String = only.collect();
    match options.is_empty() {
        true => String::new(),
        false => format!(
            "Where all of that is right:\n  phonehome init --fleet {}{options} --yes\n",
            it.fleet.display()
        ),
    }
}

/// What there is beside these lines.
fn rest(it: &Said<'_>) -> String {
    let nobody = it.lines(|it| state(it) == "nobody");
    let mut text =
        format!("{} already.", agree(it.proposals.bound, "line is an account", "lines are accounts"));
    if !nobody.is_empty() {
        text.push_str(&format!(
            " {} no account, and none looks like {}: {}.",
            agree(nobody.len(), "line has", "lines have"),
            if nobody.len() == 1 { "it" } else { "them" },
            list(nobody.iter().map(|it| &it.line), NAMED)
        ));
    }
    let unclaimed = &it.proposals.unclaimed;
    if !unclaimed.is_empty() {
        let names = unclaimed.iter().map(|it| format!("{} ({})", it.id, shown(&it.name)));
        text.push_str(&format!(" No line, nor like one: {}.", list(names, NAMED)));
    }
    let without = it.without_units.as_ref().map(|why| {
        format!(
            " The units could not be read, so that only names and addresses were compared: {}.",
            shown(why)
        )
    });
    text + &without.unwrap_or_default() + "\n"
}

fn outcome(it: &Said<'_>, certain: usize) -> String {
    match (it.stored, certain) {
        (None, 0) => String::new(),
        (None, number) => format!(
            "Nothing was done. Add --yes to bind {}.\n",
            agree(number, "line that is certain or named", "lines that are certain or named")
        ),
        (Some(stored), _) => {
            let overtaken = match stored.overtaken.is_empty() {
                true => String::new(),
                false => format!(
                    " Somebody else changed who is who at the same moment: not {}. Run it again.",
                    joined(&stored.overtaken)
                ),
            };
            format!("Done: {} bound.{overtaken}\n", agree(stored.bound.len(), "line is", "lines are"))
        }
    }
}
