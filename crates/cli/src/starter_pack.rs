//! `phonehome starter-pack`: what an account's starter pack is called, from the fleet file alone.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use phonehome_fleet::{Fleet, Member};
use phonehome_starter_pack::{Backend, Names, Pack};
use phonehome_wire::{AccountId, Region};
use serde::Serialize;

use crate::output::{Failure, Format, json as to_json};
use crate::validate::load;

/// Show what an account's starter pack is called, ready to paste: Terraform's backend, names, ARNs.
#[derive(Debug, Args)]
pub(crate) struct StarterPackArguments {
    /// The account's name, its line (`shop/prod`), or its id where the fleet file has it.
    account: String,
    /// Its 12-digit id, where the fleet file does not have it.
    #[arg(long)]
    account_id: Option<AccountId>,
    /// The fleet file.
    #[arg(long, default_value = "fleet.yaml")]
    fleet: PathBuf,
}

/// A starter pack in one Region.
#[derive(Debug, Serialize)]
struct InRegion {
    region: Region,
    /// Whether the account's roles are here.
    home: bool,
    #[serde(flatten)]
    names: Names,
}

/// Shows it. Asks nobody.
pub(crate) fn run(arguments: &StarterPackArguments, format: Format) -> Result<String, Failure> {
    let fleet = load(&arguments.fleet, format)?.fleet;
    let member = find(&fleet, &arguments.account, &arguments.fleet)?;
    let account = id_of(&member, arguments.account_id.as_ref())?;
    let packs: Vec<InRegion> = fleet
        .regions
        .iter()
        .filter_map(|region| Some((region, Pack::of(&fleet, &member, &region.name)?)))
        .map(|(region, pack)| InRegion {
            region: region.name.clone(),
            home: pack.is_home(),
            names: pack.names(&account),
        })
        .collect();
    if packs.is_empty() {
        let line = member.line();
        return Err(Failure::input(format!(
            "no `starter_pack` is declared for {line} in {}",
            arguments.fleet.display()
        )));
    }
    match format {
        Format::Json => {
            let shown = serde_json::json!({
                "account_name": member.account_name, "account_id": account, "starter_packs": packs,
            });
            to_json(&shown)
        }
        Format::Text => Ok(render(&member, &account, &packs)),
    }
}

fn find(fleet: &Fleet, account: &str, path: &Path) -> Result<Member, Failure> {
    let is_it = |member: &Member| {
        member.account_name == account
            || member.line().as_str() == account
            || member.account_id.as_ref().is_some_and(|id| id.as_str() == account)
    };
    fleet.members().into_iter().find(is_it).ok_or_else(|| {
        Failure::input(format!(
            "{} has no account `{account}`: give its name, its line (shop/prod), or its id where the file has it",
            path.display()
        ))
    })
}

fn id_of(member: &Member, given: Option<&AccountId>) -> Result<AccountId, Failure> {
    let line = member.line();
    match (&member.account_id, given) {
        (Some(pinned), Some(given)) if pinned != given => {
            Err(Failure::input(format!("{line} is the account {pinned} by the fleet file, and not {given}")))
        }
        (Some(id), _) | (None, Some(id)) => Ok(id.clone()),
        (None, None) => Err(Failure::input(format!(
            "the fleet file does not have the id of {line}: give it with --account-id (`phonehome status` shows it)"
        ))),
    }
}

fn render(member: &Member, account: &AccountId, packs: &[InRegion]) -> String {
    let mut text = format!("{} ({account})\n", member.account_name);
    for InRegion { region, home, names } in packs {
        let _ = writeln!(text, "\n{region}{}", if *home { ", its home Region" } else { "" });
        for (what, name) in rows(names) {
            let _ = writeln!(text, "  {what:<16}{name}");
        }
        if let Some(backend) = &names.backend {
            let _ = write!(text, "\n{}", terraform(backend));
        }
    }
    text
}

fn rows(names: &Names) -> Vec<(&'static str, &str)> {
    let backend = names.backend.as_ref();
    let single = [
        ("key", names.key_alias.as_deref()),
        ("", names.key_alias_arn.as_deref()),
        ("state bucket", backend.map(|it| it.bucket.as_str())),
        ("lock table", backend.and_then(|it| it.lock_table.as_deref())),
        ("log bucket", names.log_bucket.as_deref()),
        ("OIDC provider", names.oidc_provider_arn.as_deref()),
    ];
    let deploy = names.deploy_roles.iter().map(|role| ("deploy role", role.arn.as_str()));
    let access = names.access_roles.iter().map(|role| ("access role", role.arn.as_str()));
    let users = names.machine_users.iter();
    let users = users
        .flat_map(|user| [("machine user", user.arn.as_str()), ("its access key", user.secret.as_str())]);
    let single = single.into_iter().filter_map(|(what, name)| Some((what, name?)));
    let observed = names.observability.iter();
    let observed = observed
        .flat_map(|it| [("observing role", it.role_arn.as_str()), ("its ingest key", it.secret.as_str())]);
    single.chain(deploy).chain(access).chain(users).chain(observed).collect()
}

/// Without `encrypt`: with it Terraform asks S3 for its own keys, in place of the bucket's.
fn terraform(backend: &Backend) -> String {
    let lock = match &backend.lock_table {
        Some(table) => format!("dynamodb_table = \"{table}\""),
        None => "use_lockfile   = true".to_owned(),
    };
    let Backend { bucket, region, .. } = backend;
    format!(
        "terraform {{\n  backend \"s3\" {{\n    bucket         = \"{bucket}\"\n    key            = \"terraform.tfstate\" # \
         one for each root module\n    region         = \"{region}\"\n    {lock}\n  }}\n}}\n"
    )
}

#[cfg(test)]
mod tests;
