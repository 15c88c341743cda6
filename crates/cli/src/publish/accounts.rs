//! For which lines a version permits an account.

use phonehome_aws::{DynamoTable, Session};
use phonehome_cloud::table::Table;
use phonehome_fleet::{Bindings, Fleet};
use phonehome_rollout::{Phase, RollOut};
use phonehome_state::{
    Base, PermittedAccount, PublishedFleet, StateError, roll_out, version, versions_in_use,
};
use phonehome_text::{agree, count, list};
use phonehome_vending::{kept, order_lost};

use crate::creations::{Creations, Orders, Permitted, permitted as permitted_by};
use crate::output::Failure;
use crate::who::Who;

/// How many lines an error names.
const NAMED: usize = 10;

/// Refuses the permission where phonehome makes no accounts.
pub(super) fn may_permit(fleet: &Fleet, allow_create: Option<u32>) -> Result<(), Failure> {
    match (&fleet.vending, allow_create) {
        (_, None) => Ok(()),
        (Some(vending), Some(_)) if !vending.control_tower => Ok(()),
        (Some(_), Some(_)) => Err(Failure::input(
            "--allow-create, and Control Tower makes the accounts (`vending.control_tower`): phonehome makes none, waits \
             for those of the lines' names and binds them. Publish without it",
        )),
        (None, Some(_)) => Err(Failure::input(
            "--allow-create, and the fleet file does not say with which e-mail addresses accounts are made: it has no \
             `vending`. Give it one, or publish without --allow-create",
        )),
    }
}

/// The permissions of the version in force, and of the one whose place the new one takes: not where that is being taken
/// back.
pub(super) async fn former(
    table: &impl Table,
    base: &Base,
    supersedes: bool,
) -> Result<Vec<PermittedAccount>, Failure> {
    let mut former = base.current().map(|it| it.accepted.accounts.clone()).unwrap_or_default();
    let roll_out = roll_out(table).await.map_err(Failure::other)?.map(|(_, it)| it);
    let is_going_on = |it: &RollOut| !it.is_over() && it.phase != Phase::GoingBack;
    if let Some(roll_out) = roll_out.filter(|it| supersedes && is_going_on(it)) {
        let target = version(table, Some(roll_out.versions.target)).await.map_err(Failure::other)?;
        former.extend(target.into_iter().flat_map(|it| it.accepted.accounts));
    }
    Ok(former)
}

/// What of that the new version keeps.
pub(super) fn still(fleet: &Fleet, bindings: &Bindings, former: &[PermittedAccount]) -> Permitted {
    kept(fleet, bindings, former.iter().map(|it| (&it.line, it.at_ms)))
}

/// That no line loses the account that is made for it under a former name.
pub(super) async fn no_order_lost(
    table: &impl Table,
    fleet: &Fleet,
    bindings: &Bindings,
    orders: &Orders,
) -> Result<(), Failure> {
    let in_use = match versions_in_use(table).await {
        Ok(versions) => versions,
        // What cannot be read says nothing of former names.
        Err(StateError::NoFleet | StateError::BadFleet(_)) => vec![],
        Err(error) => return Err(Failure::other(error)),
    };
    let lost = in_use.iter().find_map(|it| order_lost(&it.fleet, fleet, bindings, &orders.orders));
    lost.map_or(Ok(()), |lost| Err(Failure::input(format!("{lost}: nothing was stored"))))
}

/// That there are no more accounts to permit than may be.
pub(super) fn few_enough(creations: &Creations, allow_create: Option<u32>) -> Result<(), Failure> {
    let lines = creations.to_permit();
    match allow_create {
        Some(most) if lines.len() > most as usize => Err(Failure::input(format!(
            "{}, and --allow-create permits {most}: nothing was stored. They are for {}. Take lines out of the file, or \
             permit all of them: --allow-create {}",
            agree(lines.len(), "account would be made", "accounts would be made"),
            list(lines.iter().map(|it| it.line()), NAMED),
            lines.len()
        ))),
        _ => Ok(()),
    }
}

/// What the version permits: what it keeps, and with permission all that was shown.
pub(super) fn permitted(
    kept: &Permitted,
    creations: &Creations,
    allow_create: Option<u32>,
    now_ms: u64,
) -> Vec<PermittedAccount> {
    let mut permitted = kept.clone();
    if allow_create.is_some() {
        permitted.extend(creations.to_permit().iter().map(|it| (it.line(), it.permitted_now(now_ms))));
    }
    permitted.into_iter().map(|(line, at_ms)| PermittedAccount { line, at_ms }).collect()
}

/// That who publishes a text which is in force already, and permits accounts, is not told that there is nothing to do
/// while there are some.
pub(super) async fn nothing_to_permit(
    fleet: &Fleet,
    current: &PublishedFleet,
    session: &Session,
    table: &DynamoTable,
) -> Result<(), Failure> {
    let who = Who::observe(session, table, fleet).await?;
    let former = permitted_by(&current.accepted.accounts);
    let creations = Creations::of(fleet, &who, &Orders::read(table).await?, &former);
    match creations.to_permit().len() {
        0 => Ok(()),
        number => Err(Failure::input(format!(
            "the same text is in force, and {} not permitted by it: nothing was stored. --again publishes it as a new \
             version, which permits them",
            agree(number, "account is", "accounts are")
        ))),
    }
}

/// For people: how many accounts a version permits that those before it did not.
pub(super) fn sentence(creations: &Creations, allow_create: Option<u32>) -> Option<String> {
    let number = creations.to_permit().len();
    (number > 0 && allow_create.is_some()).then(|| format!("makes {}", count(number, "account")))
}

/// For people, after a sentence: what becomes of the accounts that were shown.
pub(super) fn outcome(creations: &Creations, allow_create: Option<u32>) -> String {
    match (creations.to_permit().len(), allow_create) {
        (0, _) => String::new(),
        (number, Some(_)) => format!(
            " {} made once it is in force in all accounts: `phonehome status` shows how far they are.",
            agree(number, "account is", "accounts are")
        ),
        (number, None) => format!(
            " No account is made: {} not permitted (`phonehome publish --again --allow-create {number}`).",
            agree(number, "is", "are")
        ),
    }
}

#[cfg(test)]
mod tests;
