//! Accounts whose line left the fleet file, for people.

use std::collections::BTreeMap;
use std::fmt;

use phonehome_cloud::table::{Doc, Table};
use phonehome_fleet::Orphan;
use phonehome_planner::price::dollars;
use phonehome_state::{Keys, Orphaned, StackStatus, readable};
use phonehome_wire::AccountId;
use serde_json::{Value, json};

use crate::output::{Failure, time};

/// An orphaned account, with what is known of it.
#[derive(Debug)]
pub(crate) struct OrphanedAccount {
    pub(crate) orphan: Orphan,
    /// Since when; `None` while no sweep has found it so. Milliseconds since the Unix epoch.
    since_ms: Option<u64>,
    cost: Cost,
}

/// What its network costs.
#[derive(Debug, PartialEq, Eq)]
enum Cost {
    /// It has none.
    NoNetwork,
    /// Nobody has looked since releases note it.
    Unknown,
    /// US cents a month, without data.
    Cents(u64),
}

impl OrphanedAccount {
    /// What is known of these orphans. Reads the stacks, and since when sweeps have found them.
    pub(crate) async fn all(table: &impl Table, orphans: Vec<Orphan>) -> Result<Vec<Self>, Failure> {
        if orphans.is_empty() {
            return Ok(vec![]);
        }
        let doc = table.get(&Keys::orphaned()).await.map_err(Failure::other)?;
        // What cannot be read is written anew by the next sweep.
        let since = doc.as_ref().and_then(|doc| Doc::read::<Orphaned>(doc).ok()).unwrap_or_default();
        let stacks = readable::<StackStatus>(table, Keys::STACKS).await.map_err(Failure::other)?;
        let mut of_account: BTreeMap<AccountId, Vec<StackStatus>> = BTreeMap::new();
        for (_, status) in stacks.found {
            of_account.entry(status.account.clone()).or_default().push(status);
        }
        let account = |orphan: Orphan| Self {
            since_ms: since.accounts.get(&orphan.account).map(|it| it.since_ms),
            cost: cost(of_account.get(&orphan.account).map_or(&[], Vec::as_slice)),
            orphan,
        };
        Ok(orphans.into_iter().map(account).collect())
    }

    pub(crate) fn json(&self) -> Value {
        let Orphan { account, account_name, line } = &self.orphan;
        let cents = match self.cost {
            Cost::NoNetwork => Some(0),
            Cost::Unknown => None,
            Cost::Cents(cents) => Some(cents),
        };
        json!({
            "account": account,
            "account_name": account_name,
            "line": line,
            "since_ms": self.since_ms,
            "cents_a_month": cents,
            "command": format!("phonehome decommission {account}"),
        })
    }
}

fn cost(stacks: &[StackStatus]) -> Cost {
    if stacks.is_empty() {
        return Cost::NoNetwork;
    }
    let cents: Option<Vec<u64>> = stacks.iter().map(|status| status.nat_cents).collect();
    cents.map_or(Cost::Unknown, |cents| Cost::Cents(cents.into_iter().sum()))
}

impl fmt::Display for OrphanedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Orphan { account, account_name, line } = &self.orphan;
        write!(f, "orphaned: {account_name} ({account}), which was {line}")?;
        if let Some(since_ms) = self.since_ms {
            write!(f, ", since {}", time(since_ms))?;
        }
        f.write_str(": its account is kept. ")?;
        const UNWATCHED: &str =
            "Its network is no longer repaired nor watched, and nobody is told when it breaks";
        match self.cost {
            Cost::NoNetwork => f.write_str("It has no network of phonehome's. ")?,
            Cost::Unknown => write!(f, "{UNWATCHED}; it costs what it did. ")?,
            Cost::Cents(cents) => {
                write!(f, "{UNWATCHED}; its ways out cost {} a month without data. ", dollars(cents))?;
            }
        }
        write!(f, "`phonehome decommission {account}` shows what is there, and gives it up")
    }
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::table::{Expect, MemoryTable, Write};
    use phonehome_state::OrphanedSince;

    use super::*;

    fn orphan() -> Orphan {
        let stack = phonehome_samples::stack(0);
        let line = phonehome_fleet::Line::new(&stack.domain, &stack.environment);
        Orphan { account: stack.account, account_name: stack.account_name, line }
    }

    async fn shown(stacks: &[StackStatus], since_ms: Option<u64>) -> OrphanedAccount {
        let table = MemoryTable::default();
        let mut writes: Vec<Write> = stacks
            .iter()
            .map(|status| Write::put(Keys::stack(&status.stack()), Expect::Absent, status))
            .collect();
        let accounts = since_ms.map(|since_ms| (orphan().account, OrphanedSince { since_ms }));
        let known = Orphaned { accounts: accounts.into_iter().collect(), ..Orphaned::default() };
        writes.push(Write::put(Keys::orphaned(), Expect::Absent, &known));
        table.write(writes).await.unwrap();
        OrphanedAccount::all(&table, vec![orphan()]).await.unwrap().remove(0)
    }

    #[tokio::test]
    async fn an_orphan_is_shown_with_since_when_it_is_one_what_it_costs_and_the_command() {
        let stack = StackStatus { nat_cents: Some(7_200), ..phonehome_samples::stack(0) };
        let elsewhere = StackStatus { region: "eu-west-1".parse().unwrap(), ..stack.clone() };
        let account = stack.account.clone();
        let both = shown(&[stack.clone(), elsewhere.clone()], Some(60_000)).await;
        let text = both.to_string();
        for part in ["since 1970-01-01 00:01:00Z", "$144.00 a month", "no longer repaired nor watched"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(
            text.ends_with(&format!(
                "`phonehome decommission {account}` shows what is there, and gives it up"
            ))
        );
        let json = both.json();
        assert_eq!((&json["cents_a_month"], &json["since_ms"]), (&json!(14_400), &json!(60_000)));
        // What is not known of one Region is not known of the account.
        let unknown = shown(&[stack, StackStatus { nat_cents: None, ..elsewhere }], None).await;
        let text = unknown.to_string();
        assert!(
            !text.contains('$') && !text.contains("since") && text.contains("costs what it did"),
            "{text}"
        );
        assert_eq!(
            (&unknown.json()["cents_a_month"], &unknown.json()["since_ms"]),
            (&Value::Null, &Value::Null)
        );
        let none = shown(&[], None).await;
        assert!(none.to_string().contains("no network of phonehome's"), "{none}");
    }
}
