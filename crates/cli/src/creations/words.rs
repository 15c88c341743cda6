//! The same for people and for machines.

use phonehome_planner::price::{dollars, nat_name};
use phonehome_planner::render::{Section, Table, wrapped};
use phonehome_planner::{NewNetwork, sha256};
use phonehome_text::{agree, count, joined};
use phonehome_vending::{IN_PROGRESS_MAX, INTERVAL_MS, Prospect, Vacancy, at_least_ms};
use serde_json::{Value, json};

use super::{Creations, alike};

/// What nobody may overlook.
const FOR_GOOD: &str =
    "No account is ever deleted: closing one takes 90 days, and its e-mail address is gone for good.";

impl Creations {
    /// How many accounts there are to permit, and what that means; `None` where there are none.
    fn caution(&self) -> Option<String> {
        let number = self.to_permit().len();
        let made = agree(number, "account would be made", "accounts would be made");
        (number > 0).then(|| {
            format!("{made}, with `phonehome publish --allow-create {number}` and not without it. {FOR_GOOD}")
        })
    }

    /// In which order, and how long it takes.
    fn order(&self) -> Option<String> {
        let number = self.to_permit().len();
        let before = self.vacancies.iter().filter(|it| it.is_to_come()).count();
        let minutes = at_least_ms(number + before).div_ceil(60_000).max(1);
        (number > 0).then(|| {
            format!(
                "In the file's order, once the version is in force in all accounts: {} or more, at Organizations' limits \
                 (one each {} s, {IN_PROGRESS_MAX} at a time).",
                count(minutes, "minute"),
                INTERVAL_MS / 1000
            )
        })
    }

    /// For a terminal; empty where every line is an account.
    pub(crate) fn text(&self) -> String {
        let mut text: String =
            self.caution().into_iter().chain(self.order()).map(|words| format!("{words}\n")).collect();
        for (networks, members) in self.classes() {
            text.push_str(&format!("  {}\n", of_class(networks, members.len())));
            for it in members {
                text.push_str(&format!("    + {}: {}, {}\n", it.line(), it.account_name, email(it)));
                text.push_str(&again(it).map(|why| format!("      {why}\n")).unwrap_or_default());
            }
        }
        text + &self.told()
    }

    /// A paragraph for the lines of which the same is told, with nothing to permit.
    fn told(&self) -> String {
        let told = |(what, members): (String, Vec<&Vacancy>)| match members.as_slice() {
            [only] => format!("{}: {what}\n", only.line()),
            _ => {
                let names: Vec<String> = members.iter().map(|it| it.line().to_string()).collect();
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                format!("{}: {what}\n{}", count(members.len(), "line"), wrapped(&names))
            }
        };
        self.others().into_iter().map(told).collect()
    }

    /// For a comment on a pull request.
    pub(crate) fn section(&self) -> Section {
        let mut section = Section::default();
        section.cautions.extend(self.caution());
        section.paragraphs.extend(self.order());
        for (networks, members) in self.classes() {
            let row =
                |it: &&Vacancy| vec![it.line().to_string(), it.account_name.clone(), email(it).to_owned()];
            let rows = members.iter().map(row).collect();
            let title = format!("Accounts to be made: {}", of_class(networks, members.len()));
            section.tables.push(Table { title, head: &["line", "account", "e-mail address"], rows });
        }
        for (what, members) in self.others().into_iter().filter(|(_, members)| members.len() > 1) {
            let row = |it: &&Vacancy| vec![it.line().to_string(), it.account_name.clone()];
            let rows = members.iter().map(row).collect();
            let title = format!("{}: {what}", count(members.len(), "line"));
            section.tables.push(Table { title, head: &["line", "account"], rows });
        }
        section
    }

    /// What such a comment says of single lines, in a table that may be cut.
    pub(crate) fn notes(&self) -> Vec<String> {
        let again =
            self.to_permit().into_iter().filter_map(|it| Some(format!("{}: {}", it.line(), again(it)?)));
        let others = self.others().into_iter().filter_map(|(what, members)| match members.as_slice() {
            [only] => Some(format!("{}: {what}", only.line())),
            _ => None,
        });
        again.chain(others).collect()
    }

    /// What is to be said in `status`: of lines of which the same is told, once.
    pub(crate) fn lines(&self) -> Vec<String> {
        let told = |(what, members): (String, Vec<&Vacancy>)| match members.as_slice() {
            [only] => format!("line without an account: {}: {what}", only.line()),
            _ => format!(
                "{} without an account: {what}: {}",
                count(members.len(), "line"),
                joined(members.iter().map(|it| it.line()))
            ),
        };
        alike(self.vacancies.iter()).into_iter().map(told).collect()
    }

    /// For machines.
    pub(crate) fn json(&self) -> Value {
        let line = |it: &Vacancy| {
            json!({
                "line": it.line(),
                "account_name": it.account_name,
                "email": it.email,
                "state": state(&it.prospect),
                "needs_permission": it.needs_permission(),
                "permitted_at_ms": it.permitted_at_ms,
                "networks": self.networks_of(it),
                "message": it.to_string(),
            })
        };
        let to_permit = self.to_permit().len();
        json!({ "to_permit": to_permit, "lines": self.vacancies.iter().map(line).collect::<Vec<_>>() })
    }

    /// In the complete plan, a line each.
    pub(crate) fn in_full(&self) -> Vec<String> {
        let account = |it: &&Vacancy| {
            let networks = self.networks_of(it).iter().map(network).collect::<Vec<_>>().join("; ");
            format!("+ account for {}: {}, {}; {networks}", it.line(), it.account_name, email(it))
        };
        self.to_permit().iter().map(account).collect()
    }

    /// The digest of what is permitted with the plan; `None` where that is nothing.
    pub(crate) fn digest(&self) -> Option<String> {
        let terms = self.terms();
        (!terms.is_empty()).then(|| sha256(&terms))
    }
}

fn email(it: &Vacancy) -> &str {
    it.email.as_deref().unwrap_or_default()
}

/// Why it was not made so far, where it was ordered before.
fn again(it: &Vacancy) -> Option<String> {
    (it.prospect != Prospect::ToMake).then(|| it.to_string())
}

/// `128 alike: us-east-1: a /18 block, …; $13824.00 a month together, without data`.
fn of_class(networks: &[NewNetwork], members: usize) -> String {
    let each: u64 = networks.iter().map(|it| it.cents).sum();
    let all = if members > 1 && each > 0 {
        format!("; {} a month together", dollars(each * members as u64))
    } else {
        String::new()
    };
    let alike = if members > 1 { "alike, each " } else { "with " };
    let networks: Vec<String> = networks.iter().map(network).collect();
    format!("{members} {alike}{}{all}", networks.join("; "))
}

fn network(it: &NewNetwork) -> String {
    let NewNetwork { region, block, zones, nat, cents } = it;
    let (zones, nat) = (count(*zones, "zone"), nat_name(*nat));
    let price =
        if *cents > 0 { format!(" for {} a month without data", dollars(*cents)) } else { String::new() };
    format!("a /{block} in {region}, {zones}, NAT {nat}{price}")
}

fn state(prospect: &Prospect) -> &'static str {
    match prospect {
        Prospect::ToMake => "to_make",
        Prospect::Ordered(_) => "ordered",
        Prospect::Stopped(_) => "stopped",
        Prospect::GoesOn { .. } => "goes_on",
        Prospect::Made(_) => "made",
        Prospect::Exists { .. } => "exists",
        Prospect::NameTaken(_) => "name_taken",
        Prospect::EmailTaken(_) => "email_taken",
        Prospect::Unusable => "unusable",
        Prospect::Pinned(_) => "pinned",
        Prospect::Contested => "contested",
        Prospect::Unvended => "unvended",
        Prospect::ControlTower => "control_tower",
        Prospect::Unreadable => "unreadable",
    }
}
