//! `phonehome decommission`.

use clap::{Args, ValueEnum};
use phonehome_accounts::AwsOrganization;
use phonehome_aws::DynamoTable;
use phonehome_aws::sdk;
use phonehome_cloud::Organization as _;
use phonehome_cloud::SystemClock;
use phonehome_planner::{Decommission, render};
use phonehome_provision::{AwsMembers, COOLDOWN_MS, Provision, StackProgress};
use phonehome_state::StackStatus;
use phonehome_state::{Keys, Unread, bindings, readable};
use phonehome_wire::AccountId;
use serde_json::json;

use crate::output::Failure;
use crate::output::{Done, Format};
use crate::targets::Access;

/// Give up the stacks of an account that is no longer in the fleet file, and put its addresses into
/// quarantine.
#[derive(Debug, Args)]
pub(crate) struct DecommissionArguments {
    /// The account's id.
    account: AccountId,
    /// What becomes of the network.
    #[arg(long, value_enum, default_value_t = Mode::Remove)]
    mode: Mode,
    /// Do it. Without this, it is only shown.
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mode {
    /// It is taken away.
    Remove,
    /// It stays, and is no longer phonehome's.
    Forget,
}

/// Shows, and with `--yes` does, what giving the account's stacks up comes to.
pub(crate) async fn run(
    arguments: DecommissionArguments,
    table: &str,
    format: Format,
) -> Result<Done, Failure> {
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table);
    let desired = phonehome_state::desired(&table).await.map_err(Failure::other)?;
    let fleet = &desired.in_force().fleet;
    let id = &arguments.account;
    let account = AwsOrganization::new(&session).account(id).await.map_err(Failure::other)?;
    let active = account.filter(|account| account.active);
    let bindings = bindings(&table).await.map_err(Failure::other)?;
    let mut members = desired.fleets().filter_map(|fleet| fleet.member_for(id, &bindings));
    if let Some(member) = active.as_ref().and_then(|_| members.next()) {
        return Err(Failure::input(format!(
            "{} ({id}) is in the published fleet file, so its stack would be made again: take it out and \
             publish the file first",
            member.account_name
        )));
    }
    let stacks = readable::<StackStatus>(&table, Keys::STACKS).await.map_err(Failure::other)?;
    let is_its = |unread: &&Unread| unread.stack().is_some_and(|stack| stack.account == *id);
    if let Some(unread) = stacks.unreadable.iter().find(is_its) {
        let (key, problem) = (&unread.doc.key.sort, &unread.problem);
        return Err(Failure::other(format!("the stack {key} is unreadable ({problem}): mend it first")));
    }
    let stacks: Vec<StackStatus> =
        stacks.found.into_iter().map(|(_, status)| status).filter(|status| status.account == *id).collect();
    if stacks.is_empty() {
        return Err(Failure::input(format!("account {id:?} has no stack; `phonehome status` lists all")));
    }
    let access = if arguments.yes { Access::Change } else { Access::Observe };
    let members = AwsMembers::new(session, access.role(&fleet.organization));
    let provision = Provision { table, members, cooldown_ms: COOLDOWN_MS, clock: SystemClock };
    let mode = match arguments.mode {
        Mode::Remove => Decommission::Remove,
        Mode::Forget => Decommission::Forget,
    };
    let mut shown = Vec::new();
    for status in &stacks {
        shown.push(if arguments.yes {
            let days = fleet.network.quarantine_days;
            let (stack, gone) = (status.stack(), active.is_none());
            let decommissioned = provision.decommission(&stack, mode, gone, days).await;
            outcome(status, &decommissioned.map_err(Failure::other)?.progress)
        } else if active.is_none() {
            (status, false, "the account is closed or has left: only its block is released".to_owned())
        } else {
            let plan = provision.preview_decommission(status, mode).await.map_err(Failure::other)?;
            (status, false, render::text(&plan))
        });
    }
    let done = shown.iter().all(|(_, converged, _)| *converged);
    let text = match format {
        Format::Json => {
            let stacks: Vec<_> = shown
                .iter()
                .map(|(status, decommissioned, message)| {
                    json!({"region": status.region, "block": status.cidr, "decommissioned": decommissioned, "message": message})
                })
                .collect();
            crate::output::json(&json!({"account": id, "stacks": stacks}))?
        }
        Format::Text => {
            let line = |(status, _, message): &(&StackStatus, bool, String)| {
                format!("{} ({id}) in {}, {}\n{message}\n", status.account_name, status.region, status.cidr)
            };
            let hint = if arguments.yes { "" } else { "Nothing was done. Add --yes to do it.\n" };
            shown.iter().map(line).collect::<String>() + hint
        }
    };
    Ok(Done { text, exit_code: u8::from(arguments.yes && !done) })
}

fn outcome<'a>(status: &'a StackStatus, progress: &StackProgress) -> (&'a StackStatus, bool, String) {
    match progress {
        StackProgress::Converged => (status, true, "decommissioned; its block is in quarantine".to_owned()),
        StackProgress::Later { reason, .. } | StackProgress::Outdated(reason) => {
            (status, false, format!("not gone yet: {reason}. Run the same again in a minute"))
        }
        StackProgress::Failed(reason) => (status, false, format!("not decommissioned: {reason}")),
    }
}
