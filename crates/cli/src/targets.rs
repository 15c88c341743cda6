//! What `phonehome plan`, `apply` and `decommission` have in common: the accounts, and the way into them.

use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_wire::{AccountId, Region};
use std::fmt;
use std::path::PathBuf;

use clap::Args;
use phonehome_aws::DynamoTable;
use phonehome_aws::{Session, sdk};
use phonehome_fleet::{Fleet, IdentifiedLine, Line, Member, Organization};
use phonehome_planner::Disruption;
use phonehome_planner::{LimitRequest, Limits};
use phonehome_provision::{AwsMembers, COOLDOWN_MS, Job, Provision, usual_limits};
use phonehome_state::{bindings, keep};
use serde::{Serialize, Serializer};

use crate::output::Failure;
use crate::output::Format;
use crate::validate::{Loaded, load};
use crate::who::Who;

/// Which accounts, and how to get into them.
#[derive(Debug, Args)]
pub(crate) struct Scope {
    /// The fleet file.
    #[arg(long, default_value = "fleet.yaml")]
    pub(crate) fleet: PathBuf,
    /// Only these accounts: ids, or names or lines (DOMAIN/ENVIRONMENT) of the fleet file. By default all.
    #[arg(long, value_name = "ID", num_args = 1..)]
    pub(crate) account: Vec<String>,
    /// The probe's zip, as `cargo xtask package` makes it beside the provisioner. Without it only
    /// networks are observed, and probes are left as they are.
    #[arg(long, env = "PHONEHOME_PROBE_ZIP")]
    pub(crate) probe_zip: Option<PathBuf>,
    /// What the probe's zip is built for.
    #[arg(long, default_value = "arm64", value_parser = ["arm64", "x86_64"])]
    pub(crate) probe_architecture: String,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
}

impl Scope {
    /// Whether all accounts are asked for, within what a function may do: what `publish` plans.
    pub(crate) fn is_whole(&self) -> bool {
        self.account.is_empty() && self.limits == LimitArguments::default()
    }
}

/// What may be taken away or disturbed.
#[derive(Debug, Default, PartialEq, Eq, Args)]
pub(crate) struct LimitArguments {
    /// How many resources may be deleted in one account because they are no longer declared.
    #[arg(long, value_name = "N")]
    allow_delete: Option<u32>,
    /// How many failed resources may be replaced in one account.
    #[arg(long, value_name = "N")]
    allow_replace: Option<u32>,
    /// How many peerings may be removed from one account because they are no longer declared.
    #[arg(long, value_name = "N")]
    allow_unpeer: Option<u32>,
    /// The worst that may happen to running traffic.
    #[arg(long, value_parser = disruption, value_name = "none|changes-behaviour|resets-connections|replaces|detaches")]
    allow_disruption: Option<Disruption>,
}

fn disruption(text: &str) -> Result<Disruption, String> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| {
        "it is one of none, changes-behaviour, resets-connections, replaces, detaches".to_owned()
    })
}

impl LimitArguments {
    /// What the arguments say, over what is usual for a stack; `None` when they say nothing.
    fn over(&self, usual: Limits) -> Option<Limits> {
        let request = LimitRequest {
            deletions: self.allow_delete,
            replacements: self.allow_replace,
            peerings: self.allow_unpeer,
            disruption: self.allow_disruption,
        };
        (request != LimitRequest::default()).then(|| request.over(usual))
    }
}

/// What a command does in member accounts, which decides the role that it assumes there. There is no
/// falling back from one to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It only looks: with the viewer's role, which can do nothing else.
    Observe,
    /// It makes and takes away: with the provisioner's role.
    Change,
}

impl Access {
    /// The name of the role in each member account.
    pub(crate) fn role(self, organization: &Organization) -> String {
        match self {
            Self::Observe => organization.viewer_role(),
            Self::Change => organization.member_role.clone(),
        }
    }
}

/// The fleet, the way into its accounts, and those that were asked for.
pub(crate) struct Targets {
    pub(crate) fleet: Fleet,
    /// The certificate authorities that it names, as PEM.
    authorities: Option<String>,
    pub(crate) provision: Provision<DynamoTable, AwsMembers>,
    targets: Vec<Target>,
    limits: LimitArguments,
    /// Lines that are left out.
    pub(crate) notes: Vec<LeftOut>,
    /// Which account each line is.
    pub(crate) who: Who,
}

/// A line that is left out, and why: for people.
#[derive(Debug, Clone)]
pub(crate) struct LeftOut {
    pub(crate) line: Line,
    why: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl Serialize for LeftOut {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.why)
    }
}

/// One stack.
struct Target {
    identified: IdentifiedLine,
    account: AccountId,
    region: Region,
}

impl Targets {
    pub(crate) async fn open(
        scope: Scope,
        access: Access,
        table: &str,
        format: Format,
    ) -> Result<Self, Failure> {
        let loaded = load(&scope.fleet, format)?;
        let session = sdk::connect().await.map_err(Failure::other)?;
        let table = DynamoTable::new(&session, table);
        Self::of(&loaded, scope, access, &session, &table).await
    }

    /// The same for a fleet that is read already.
    pub(crate) async fn of(
        loaded: &Loaded,
        scope: Scope,
        access: Access,
        session: &Session,
        table: &DynamoTable,
    ) -> Result<Self, Failure> {
        let (fleet, authorities) = (loaded.fleet.clone(), loaded.authorities_pem());
        let mut members = AwsMembers::new(session.clone(), access.role(&fleet.organization));
        if let Some(path) = &scope.probe_zip {
            let zip = std::fs::read(path)
                .map_err(|error| Failure::input(format!("{}: {error}", path.display())))?;
            members = members.with_probe(zip, &scope.probe_architecture);
        }
        let who = Who::observe(session, table, &fleet).await?;
        let provision =
            Provision { table: table.clone(), members, cooldown_ms: COOLDOWN_MS, clock: SystemClock };
        let (targets, notes) = targets(&fleet, &who, &scope.account)?;
        Ok(Self { fleet, authorities, provision, targets, limits: scope.limits, notes, who })
    }

    /// Binds the lines that were never met before to the accounts that were found for them, as the
    /// provisioner would.
    pub(crate) async fn bind(&self) -> Result<(), Failure> {
        for Target { identified, account, .. } in &self.targets {
            let kept = keep(&self.provision.table, identified, &self.who.roster, SystemClock.now_ms()).await;
            // A second Region of the same line finds it bound.
            let bindings = bindings(&self.provision.table).await.map_err(Failure::other)?;
            if !kept.map_err(Failure::other)?
                && self.fleet.account_of(&identified.member, &bindings).as_ref() != Some(account)
            {
                let line = identified.member.line();
                return Err(Failure::other(format!(
                    "{line} was bound to another account meanwhile; run it again"
                )));
            }
        }
        Ok(())
    }

    /// A job for each stack, in the fleet file's order.
    pub(crate) fn jobs(&self) -> Vec<Job<'_>> {
        self.targets
            .iter()
            .map(|Target { identified: IdentifiedLine { member, .. }, account, region }| Job {
                fleet: &self.fleet,
                member,
                account,
                region,
                authorities: self.authorities.as_deref(),
                limits: self.limits.over(usual_limits(member, region)),
                published: None,
            })
            .collect()
    }
}

/// How a stack is named to people: `shop-prod`, and with its Region where the account has several.
pub(crate) fn name(job: &Job<'_>) -> String {
    if job.fleet.regions.len() == 1 {
        return job.member.account_name.clone();
    }
    format!("{} in {}", job.member.account_name, job.region)
}

/// The stacks of the lines that are accounts and were asked for; with notes on those that are left out.
fn targets(fleet: &Fleet, who: &Who, wanted: &[String]) -> Result<(Vec<Target>, Vec<LeftOut>), Failure> {
    let mut found = Vec::new();
    let mut notes = Vec::new();
    let is_wanted = |member: &Member, id: Option<&AccountId>| {
        wanted.is_empty()
            || wanted.iter().any(|wanted| {
                *wanted == member.account_name
                    || *wanted == member.line().as_str()
                    || id.is_some_and(|id| id == wanted)
            })
    };
    for identified in &who.identify.lines {
        let member = &identified.member;
        let account = identified.state.account().filter(|id| who.roster.contains_key(*id));
        match account {
            Some(account) if is_wanted(member, Some(account)) => {
                let regions = fleet.regions.iter().map(|region| &region.name);
                for region in regions.filter(|region| fleet.pool_for(&member.environment, region).is_some()) {
                    let (identified, region) = (identified.clone(), region.clone());
                    found.push(Target { identified, account: account.clone(), region });
                }
            }
            None if is_wanted(member, member.account_id.as_ref()) => {
                notes.push(LeftOut { line: member.line(), why: who.why_not(identified) });
            }
            _ => {}
        }
    }
    let unknown = wanted.iter().find(|wanted| {
        let is_found =
            |it: &Target| it.account == **wanted || it.identified.member.line().as_str() == **wanted;
        let is_line = |it: &Member| it.account_name == **wanted || it.line().as_str() == **wanted;
        !found.iter().any(is_found) && !fleet.members().iter().any(is_line)
    });
    match unknown {
        Some(unknown) => Err(Failure::input(format!("{unknown:?} is no account of the fleet file"))),
        None => Ok((found, notes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_never_assumes_a_role_that_can_write() {
        let organization = Organization {
            id: "o-a1b2c3d4e5".into(),
            management_account: "111111111111".parse().unwrap(),
            hub_account: "222222222222".parse().unwrap(),
            member_role: "net".into(),
            time_zone: None,
            runbook: None,
        };
        assert_eq!(Access::Observe.role(&organization), "net-viewer");
        assert_eq!(Access::Change.role(&organization), "net");
    }
}
