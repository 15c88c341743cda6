//! The bindings: which account each line of the fleet file is.
//!
//! A binding is two documents, one under the line and one under the account, and every change of it is one
//! transaction under the condition that neither was changed meanwhile. So a line is never two accounts and
//! an account never two lines, whoever binds at the same moment. What is to be bound
//! [`Fleet::survey`](phonehome_fleet::Fleet::identify) decides.

use crate::{Phase, StackStatus};
use phonehome_cloud::table::{Doc, Expect, Table, TableError, Write};
use phonehome_fleet::{Binding, Bindings, IdentifiedLine, Line, LineState, Rebinding, Roster, Stored};
use phonehome_wire::AccountId;
use serde::{Deserialize, Serialize};

use crate::{Keys, Unread, readable};

/// That a finding was told: it is reported once for as long as it lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifiedFinding {
    /// What was reported, for people.
    pub text: String,
    /// When; milliseconds since the Unix epoch.
    #[serde(rename = "told_at_ms")]
    pub notified_at_ms: u64,
}

/// What is known of who is who: what is stored, and the stacks that are not given up, by the line that
/// their documents name. Reads two partitions. Where one of these documents cannot be read, whoever is
/// bound stays it, and nobody is bound for the first time.
///
/// # Errors
/// [`TableError`]
pub async fn bindings(table: &impl Table) -> Result<Bindings, TableError> {
    let bound = readable::<Binding>(table, Keys::BINDINGS).await?;
    let stacks = readable::<StackStatus>(table, Keys::STACKS).await?;
    let known = known(bound.found.into_iter().map(|(_, it)| it), stacks.found.iter().map(|(_, it)| it));
    let is_bound =
        |unread: &Unread| unread.stack().is_some_and(|stack| known.line_of(&stack.account).is_some());
    let partial = !bound.unreadable.is_empty() || !stacks.unreadable.iter().all(is_bound);
    Ok(known.partial(partial))
}

/// The same of what was read already.
pub fn known<'a>(
    bound: impl IntoIterator<Item = Binding>,
    stacks: impl IntoIterator<Item = &'a StackStatus>,
) -> Bindings {
    let mut stacks: Vec<&StackStatus> = stacks.into_iter().filter(|it| it.phase != Phase::Gone).collect();
    // Of an account that was another line in another Region, what was written last counts.
    stacks.sort_by_key(|it| it.updated_at_ms);
    Bindings::new(
        bound,
        stacks.into_iter().map(|it| (Line::new(&it.domain, &it.environment), it.account.clone())),
    )
}

/// Binds a line to an account for the first time. `false`: somebody else has bound one of the two
/// meanwhile; read again and decide again.
///
/// # Errors
/// [`TableError`]
pub async fn bind(
    table: &impl Table,
    line: &Line,
    account: &AccountId,
    account_name: &str,
    now_ms: u64,
) -> Result<bool, TableError> {
    let binding = binding(line, account, account_name, now_ms);
    written(table, puts(&binding, Expect::Absent, Expect::Absent)).await
}

/// Makes a line the account that `rebinding` says, if all is still as it was decided on. `false`: it is
/// not, and nothing was changed.
///
/// # Errors
/// [`TableError`]
pub async fn rebind(table: &impl Table, rebinding: &Rebinding, now_ms: u64) -> Result<bool, TableError> {
    let Rebinding { member, account, account_name, replaces, leaves } = rebinding;
    let line = member.line();
    let of_line = table.get(&Keys::binding(&line)).await?;
    let of_account = table.get(&Keys::bound_account(account)).await?;
    let read = |doc: &Option<Doc>| doc.as_ref().map(Doc::read::<Binding>).transpose();
    if read(&of_line)?.map(|it| it.account) != *replaces || read(&of_account)?.map(|it| it.line) != *leaves {
        return Ok(false);
    }
    let binding = binding(&line, account, account_name, now_ms);
    let (expect_line, expect_account) =
        (Expect::unchanged(of_line.as_ref()), Expect::unchanged(of_account.as_ref()));
    let mut writes = puts(&binding, expect_line, expect_account);
    if let Some(replaced) = replaces {
        writes.extend(deletion(table, Keys::bound_account(replaced)).await?);
    }
    if let Some(left) = leaves.as_ref().filter(|left| **left != line) {
        writes.extend(deletion(table, Keys::binding(left)).await?);
    }
    written(table, writes).await
}

/// Forgets which line an account is: it is closed, has left, or its stack was released. Returns whether it
/// was one.
///
/// # Errors
/// [`TableError`]; [`TableError::Conflict`] when somebody rebinds it at the same moment.
pub async fn unbind(table: &impl Table, account: &AccountId) -> Result<bool, TableError> {
    let Some(of_account) = table.get(&Keys::bound_account(account)).await? else { return Ok(false) };
    let binding: Binding = of_account.read()?;
    let mut writes = vec![Write::delete(of_account.key.clone(), Expect::unchanged(Some(&of_account)))];
    if let Some(of_line) = table.get(&Keys::binding(&binding.line)).await?
        && of_line.read::<Binding>()?.account == *account
    {
        writes.push(Write::delete(of_line.key.clone(), Expect::unchanged(Some(&of_line))));
    }
    table.write(writes).await.map(|()| true)
}

/// Stores what a survey says of one line: the account that was found for it, or that its stack names, or
/// that it was under another name. Returns whether the line is that account now.
///
/// # Errors
/// [`TableError`]
pub async fn keep(
    table: &impl Table,
    identified: &IdentifiedLine,
    roster: &Roster,
    now_ms: u64,
) -> Result<bool, TableError> {
    let Some(account) = identified.state.account() else { return Ok(false) };
    let member = &identified.member;
    let name = roster.get(account).unwrap_or(&member.account_name);
    match &identified.state {
        LineState::Bound { stored: Stored::Here, .. } => Ok(true),
        LineState::Bound { stored: Stored::At(line), .. } => {
            let rebinding = Rebinding {
                member: member.clone(),
                account: account.clone(),
                account_name: name.clone(),
                replaces: None,
                leaves: Some(line.clone()),
            };
            rebind(table, &rebinding, now_ms).await
        }
        _ => bind(table, &member.line(), account, name, now_ms).await,
    }
}

fn binding(line: &Line, account: &AccountId, account_name: &str, now_ms: u64) -> Binding {
    Binding {
        line: line.clone(),
        account: account.clone(),
        account_name: account_name.to_owned(),
        bound_at_ms: now_ms,
    }
}

fn puts(binding: &Binding, of_line: Expect, of_account: Expect) -> Vec<Write> {
    vec![
        Write::put(Keys::binding(&binding.line), of_line, binding),
        Write::put(Keys::bound_account(&binding.account), of_account, binding),
    ]
}

async fn deletion(table: &impl Table, key: phonehome_cloud::table::Key) -> Result<Option<Write>, TableError> {
    let doc = table.get(&key).await?;
    Ok(doc.map(|doc| Write::delete(doc.key.clone(), Expect::unchanged(Some(&doc)))))
}

/// Whether the writes were made; not if somebody was faster.
async fn written(table: &impl Table, writes: Vec<Write>) -> Result<bool, TableError> {
    match table.write(writes).await {
        Ok(()) => Ok(true),
        Err(TableError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
