//! The command `phonehome`: the same crates as the functions, for people and CI.

mod apply;
mod audit;
mod authorities;
mod bearing;
mod check;
mod closings;
mod contract;
mod creations;
mod decommission;
mod diff;
mod doctor;
mod history;
mod init;
mod orphaned;
mod output;
mod packs;
mod plan;
mod probes;
mod publish;
mod rebind;
mod record;
mod replay;
mod rollout;
mod silence;
mod starter_pack;
mod status;
mod summary;
mod targets;
#[cfg(test)]
mod tests;
mod validate;
mod way;
mod who;

use crate::output::Done;
use crate::output::Format;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Gives every AWS account of an organization a standard network, and proves every minute that it
/// works.
///
/// Exit codes: 0 done; 1 something failed (AWS, the network, a check), is not ready or was found; 2 the
/// input is wrong, or, with `plan --detailed-exitcode`, something would change.
#[derive(Debug, Parser)]
#[command(name = "phonehome", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Text for people or JSON for machines.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// The DynamoDB table that the hub keeps its state in.
    #[arg(long, global = true, env = "PHONEHOME_TABLE", default_value = "phonehome")]
    table: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check the fleet file: every error, with line, column and a hint.
    Validate {
        /// The fleet file.
        #[arg(long, default_value = "fleet.yaml")]
        fleet: PathBuf,
    },
    /// Begin with the accounts that there are: draft a fleet file of them, or say which line of one is which account.
    ///
    /// Nothing is made by it. Needs credentials of the hub account.
    Init(init::InitArguments),
    /// Put the fleet file in force: check it and store it in the hub account's table.
    ///
    /// Shows what changes in which account, and asks, or with --plan publishes just the plan that was reviewed. What
    /// the plan shows as taken away, cut off or replaced is permitted for 7 days by the version that is published,
    /// and nothing else is. Where the file has a `rollout` it goes out in waves; otherwise the next sweep (within 30
    /// minutes) applies it everywhere.
    ///
    /// Needs credentials of the hub account that may assume the viewer's role in member accounts; with --no-plan of the hub
    /// account only.
    Publish(publish::PublishArguments),
    /// List every version of the fleet file: number, when, by whom, and what was permitted with it.
    History,
    /// Print the text of a version of the fleet file.
    Get {
        /// Its number, or `current`.
        version: String,
    },
    /// Show what one fleet file declares otherwise than another, line by line: connections, checks, networks.
    ///
    /// Each is a version, the one in force (`current`), or a file. Of versions it needs credentials of the hub
    /// account. What that comes to in the accounts says `plan`.
    Diff(diff::DiffArguments),
    /// Show what would change in the accounts. Changes nothing.
    ///
    /// Needs credentials of the hub account that may assume the viewer's role in member accounts.
    Plan(plan::PlanArguments),
    /// Change it from here, with the same planner and executor as the provisioner.
    ///
    /// Needs credentials of the hub account that may assume the member role.
    Apply(apply::ApplyArguments),
    /// Give up the stacks of an account that is no longer in the fleet file, and with --close-account the account.
    ///
    /// Its block of addresses goes into quarantine. Asks for the account's name.
    #[command(alias = "release")]
    Decommission(decommission::DecommissionArguments),
    /// Say which account a line of the fleet file is: another one, or one that was another line.
    ///
    /// Needs credentials of the hub account. Nothing is made or taken away by it.
    Rebind(rebind::RebindArguments),
    /// Show the roll-out of a version: its waves, who has it, and what it waits for; or stop it, go on, take it back.
    ///
    /// Needs credentials of the hub account.
    Rollout(rollout::RolloutArguments),
    /// Compare the ledger of addresses with the VPCs that were seen in the accounts.
    ///
    /// Exits with 1 when something is wrong.
    Audit,
    /// Show what an account's starter pack is called, ready to paste: Terraform's backend, names, ARNs.
    ///
    /// Needs neither AWS nor an account: it is all in the fleet file.
    StarterPack(starter_pack::StarterPackArguments),
    /// Check from this machine whether something connects, as a probe does: is it the network?
    ///
    /// Exits with 1 when a check fails.
    Check(check::CheckArguments),
    /// Show accounts, probes, paths and open incidents.
    ///
    /// Needs credentials of the hub account.
    Status {
        /// Only this account: its id or its name, with every path.
        account: Option<String>,
    },
    /// Look whether the management account is ready for phonehome.
    ///
    /// EventBridge gets the events of accounts only where a CloudTrail trail logs management events.
    /// Exits with 1 when none does. Needs credentials of the management account.
    Doctor(doctor::DoctorArguments),
    /// Write a recording of some hours: the reports that the hub kept, and what they were judged by.
    ///
    /// Needs credentials of the hub account; without --reports it says how to fetch the reports.
    Record(record::RecordArguments),
    /// Bring recorded reports to the decisions again: what is told of them, and by other rules.
    ///
    /// Needs neither AWS nor an account.
    Replay(replay::ReplayArguments),
    /// Say nothing about something, until a given time.
    ///
    /// Incidents are still tracked; what is still wrong when the silence ends is said then.
    Silence(silence::SilenceArguments),
    /// List the silences, with who set them and why.
    Silences,
    /// End a silence before its time.
    Unsilence {
        /// Its id, as `phonehome silences` shows it.
        id: String,
    },
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let format = arguments.format;
    let table = arguments.table.as_str();
    let result = match arguments.command {
        Command::Validate { fleet } => validate::run(&fleet, format).map(Done::from),
        Command::StarterPack(pack) => starter_pack::run(&pack, format).map(Done::from),
        Command::Publish(publish) => publish::run(publish, table, format).await.map(Done::from),
        Command::History => history::run(table, format).await.map(Done::from),
        Command::Get { version } => history::get(&version, table, format).await.map(Done::from),
        Command::Diff(diff) => diff::run(diff, table, format).await.map(Done::from),
        Command::Check(check) => check::run(check, format).await.map(Done::from),
        Command::Status { account } => status::run(account.as_deref(), table, format).await.map(Done::from),
        Command::Rollout(rollout) => rollout::run(rollout, table, format).await.map(Done::from),
        Command::Record(record) => record::run(record, table, format).await.map(Done::from),
        Command::Replay(replay) => replay::run(replay, format).await.map(Done::from),
        Command::Silence(silence) => silence::run(silence, table, format).await.map(Done::from),
        Command::Silences => silence::list(table, format).await.map(Done::from),
        Command::Unsilence { id } => silence::end(&id, table, format).await.map(Done::from),
        Command::Plan(plan) => plan::run(plan, table, format).await,
        Command::Apply(apply) => apply::run(apply, table, format).await,
        Command::Decommission(decommission) => decommission::run(decommission, table, format).await,
        Command::Doctor(doctor) => doctor::run(&doctor, format).await,
        Command::Init(init) => init::run(init, table, format).await,
        Command::Rebind(rebind) => rebind::run(rebind, table, format).await,
        Command::Audit => audit::run(table, format).await,
    };
    match result {
        Ok(done) => {
            print!("{}", done.text);
            ExitCode::from(done.exit_code)
        }
        Err(failure) => {
            match format {
                Format::Json => print!("{}", failure.to_json()),
                Format::Text => eprint!("{}", failure.text),
            }
            ExitCode::from(if failure.input { 2 } else { 1 })
        }
    }
}
