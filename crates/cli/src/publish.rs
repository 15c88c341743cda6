//! `phonehome publish`.

mod accounts;

use phonehome_cloud::{SystemClock, WallClock as _};
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use phonehome_aws::DynamoTable;
use phonehome_aws::{Session, caller_arn, sdk};
use phonehome_rollout::RollOut;
use phonehome_state::{
    Accepted, Base, NotPublished, PERMISSION_MS, PermittedAccount, ProbeRelease, PublishedFleet, Way, base,
    bindings, publish_by, roll_out,
};
use serde_json::json;

use crate::bearing::Bearing;
use crate::contract::{Grounds, refusal};
use crate::creations::{Creations, Orders, Permitted};
use crate::output::Format;
use crate::output::{Failure, json as to_json};
use crate::packs::Packs;
use crate::plan::{bearing, in_force, summary};
use crate::probes::{self, ProbesArgument};
use crate::summary::Summary;
use crate::targets::{Access, LimitArguments, Scope, Targets};
use crate::validate::{Loaded, load};
use crate::way;

/// Put the fleet file in force.
#[derive(Debug, Args)]
pub(crate) struct PublishArguments {
    /// The fleet file.
    #[arg(long, default_value = "fleet.yaml")]
    fleet: PathBuf,
    /// Publish just this plan, by the hash that `phonehome plan` shows, without asking: for pipelines. What it takes
    /// away, cuts off or replaces is permitted. Where the plan is another one by now, nothing is published, and an
    /// account whose own differs when its turn comes is left as it is.
    #[arg(long, value_name = "HASH", conflicts_with_all = ["yes", "no_plan"])]
    plan: Option<String>,
    /// The file that `phonehome plan --output` wrote of that plan: shows in what the plan now differs.
    #[arg(long, value_name = "FILE", requires = "plan")]
    reviewed: Option<PathBuf>,
    /// Publish without asking. Nothing is permitted to be taken away, cut off or replaced.
    #[arg(long)]
    yes: bool,
    /// Permit the accounts that the plan shows as to be made, N of them at most: where there are more, nothing is
    /// published. Without it none is permitted, whoever says yes. What an earlier version permitted stays permitted.
    #[arg(long, value_name = "N", conflicts_with = "no_plan")]
    allow_create: Option<u32>,
    /// Do not observe the accounts. No permission is given then: nothing is taken away, cut off or replaced
    /// because of this version.
    #[arg(long)]
    no_plan: bool,
    /// Publish the same text with the same code of the probes again, as a new version: to give a permission that was not given, or that has
    /// ended.
    #[arg(long)]
    again: bool,
    /// It mends what open incidents are about: these do not keep a wave of its roll-out from beginning.
    #[arg(long, conflicts_with = "emergency")]
    mends: bool,
    /// Put it in force in all accounts at once, whatever waves the file declares, for this reason; everyone reads it.
    #[arg(long, value_name = "REASON")]
    emergency: Option<String>,
    /// Take the place of the version that is being rolled out. Accounts that have that one go back to the version in
    /// force until their turn comes.
    #[arg(long)]
    supersede: bool,
    #[command(flatten)]
    probes: ProbesArgument,
    /// The probe's zip, as `cargo xtask package` makes it beside the provisioner. Without it the plan shows
    /// networks only, and nothing is permitted for probes.
    #[arg(long, env = "PHONEHOME_PROBE_ZIP")]
    probe_zip: Option<PathBuf>,
    /// What the probe's zip is built for.
    #[arg(long, default_value = "arm64", value_parser = ["arm64", "x86_64"])]
    probe_architecture: String,
}

/// Checks the file, shows what it changes, asks, and stores it with what was accepted.
pub(crate) async fn run(arguments: PublishArguments, table: &str, format: Format) -> Result<String, Failure> {
    let loaded = load(&arguments.fleet, format)?;
    accounts::may_permit(&loaded.fleet, arguments.allow_create)?;
    for warning in loaded.authorities.iter().flat_map(|authorities| &authorities.warnings) {
        eprintln!("warning: {warning}");
    }
    let authorities = loaded.authorities_pem();
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table);
    let base = base(&table).await.map_err(Failure::other)?;
    let under_way = roll_out(&table).await.map_err(Failure::other)?.map(|(_, it)| it);
    let under_way = under_way.filter(|it| !it.is_over());
    let probes = arguments.probes.next(&table, base.current()).await?;
    let is_same = |it: &&PublishedFleet| is_same(it, &loaded, probes.as_ref());
    if let Some(current) = base.current().filter(|it| is_same(it) && !arguments.again) {
        if arguments.allow_create.is_some() {
            accounts::nothing_to_permit(&loaded.fleet, current, &session, &table).await?;
        }
        return unchanged(current, under_way.as_ref(), format);
    }
    if !arguments.asks_nobody() && !std::io::stdin().is_terminal() {
        return Err(Failure::input(
            "this shows what would change and asks whether to publish, and here is no terminal to ask at. In a \
             pipeline: --plan HASH publishes just the plan that was reviewed, and permits what it takes away; --yes \
             publishes and permits nothing to be taken away",
        ));
    }
    // Before the accounts are observed: while another version is rolled out nothing is published beside it.
    if let Some(it) = under_way.filter(|_| !arguments.supersede) {
        return Err(Failure::other(NotPublished::UnderWay { version: it.versions.target }));
    }
    probes::is_of_version(&arguments.scope(), probes.as_ref())?;
    let emergency = arguments.emergency.as_deref();
    let way = way::way(&table, &loaded.fleet, &base, arguments.mends, emergency).await?;
    let published_by = caller_arn(&session).await.map_err(Failure::other)?;
    // The accounts are observed last: that takes a while.
    let seen = look(&arguments, &loaded, &base, &session, &table).await?;
    eprint!("{}", shown(&base, &seen, &way, probes.as_ref()));
    let grounds = Grounds::of(&base, &loaded, probes.as_ref(), &seen.planned, &seen.bearing);
    let grounds = grounds.with_packs(&seen.packs);
    let accepted = accepted(&arguments, &grounds, &base, &seen)?;
    if accounts::former(&table, &base, arguments.supersede).await? != seen.former {
        return Err(Failure::other(
            "the version that this one takes the place of was taken back or ended meanwhile, and with it what it \
             permits: nothing was stored. Publish again",
        ));
    }
    // Code that is the newest no more is removed after a while; and it is not what was shown.
    if arguments.probes.next(&table, base.current()).await? != probes {
        return Err(Failure::other(
            "the hub was updated meanwhile, and came with other code for the probes: nothing was stored. Publish again",
        ));
    }
    let published = PublishedFleet {
        text: loaded.text,
        authorities,
        published_at_ms: SystemClock.now_ms(),
        published_by,
        accepted,
        probes,
        ..PublishedFleet::default()
    };
    let published = publish_by(&table, &base, published, &way, arguments.supersede);
    let published = published.await.map_err(|error| match error {
        NotPublished::TooLarge(_) => Failure::input(error),
        other => Failure::other(other),
    })?;
    done(&arguments, &published, &seen, &way, format)
}

/// What was seen of the accounts, and what the version may permit by it.
#[derive(Default)]
struct Seen {
    /// What is planned in them; `None` where nobody looked.
    summary: Option<Summary>,
    /// The lines that are no account.
    creations: Creations,
    /// The same as `plan` knows them: by what the version in force permits, and not the one that is rolled out.
    planned: Creations,
    /// What changes of what accounts bear.
    bearing: Bearing,
    /// What becomes of the starter packs.
    packs: Packs,
    /// The accounts that the versions before it permit.
    former: Vec<PermittedAccount>,
    /// What of that the new version keeps.
    kept: Permitted,
}

async fn look(
    arguments: &PublishArguments,
    loaded: &Loaded,
    base: &Base,
    session: &Session,
    table: &DynamoTable,
) -> Result<Seen, Failure> {
    if arguments.no_plan {
        let former = accounts::former(table, base, arguments.supersede).await?;
        let bindings = bindings(table).await.map_err(Failure::other)?;
        accounts::no_order_lost(table, &loaded.fleet, &bindings, &Orders::read(table).await?).await?;
        let kept = accounts::still(&loaded.fleet, &bindings, &former);
        return Ok(Seen { former, kept, ..Seen::default() });
    }
    let work = Targets::of(loaded, arguments.scope(), Access::Observe, session, table).await?;
    let orders = Orders::read(table).await?;
    accounts::no_order_lost(table, &work.fleet, &work.who.bindings, &orders).await?;
    let former = accounts::former(table, base, arguments.supersede).await?;
    let kept = accounts::still(&work.fleet, &work.who.bindings, &former);
    let creations = Creations::of(&work.fleet, &work.who, &orders, &kept);
    // Before the accounts are observed, which takes a while.
    accounts::few_enough(&creations, arguments.allow_create)?;
    let planned = Creations::of(&work.fleet, &work.who, &orders, &in_force(&work, base));
    let bearing = bearing(&work, base, &[]);
    let packs = Packs::of(&work, &planned, &[], table).await?;
    Ok(Seen { summary: Some(summary(&work).await?), creations, planned, bearing, packs, former, kept })
}

/// What is permitted: by the hash of the plan, or by whoever says yes to what was shown, and by nobody else. Accounts are
/// made for nobody's yes, but for `--allow-create`.
fn accepted(
    arguments: &PublishArguments,
    grounds: &Grounds,
    base: &Base,
    seen: &Seen,
) -> Result<Accepted, Failure> {
    let accepted = accepted_in_stacks(arguments, grounds, base, seen)?;
    let now_ms = SystemClock.now_ms();
    let accounts = accounts::permitted(&seen.kept, &seen.creations, arguments.allow_create, now_ms);
    let summary = match accounts::sentence(&seen.creations, arguments.allow_create) {
        Some(made) if arguments.yes => format!("{made}, nothing else permitted"),
        Some(made) => format!("{made}, {}", accepted.summary),
        None => accepted.summary.clone(),
    };
    Ok(Accepted { accounts, summary, ..accepted })
}

fn accepted_in_stacks(
    arguments: &PublishArguments,
    grounds: &Grounds,
    base: &Base,
    seen: &Seen,
) -> Result<Accepted, Failure> {
    let until_ms = SystemClock.now_ms() + PERMISSION_MS;
    let of = |summary: &Summary, contract| Accepted {
        summary: summary.sentence(),
        until_ms,
        stacks: summary.accepted(),
        contract,
        ..Accepted::default()
    };
    if let (Some(wanted), Some(summary)) = (&arguments.plan, &seen.summary) {
        let now = grounds.hash(summary.planned());
        if *wanted != now {
            let in_full = grounds.in_full(summary.planned());
            return Err(refusal(wanted, &now, &in_full, arguments.reviewed.as_deref())?);
        }
        return Ok(of(summary, Some(grounds.contract(summary.planned()))));
    }
    if arguments.yes {
        let summary = if seen.summary.is_some() { "nothing permitted" } else { "" };
        return Ok(Accepted { summary: summary.to_owned(), ..Accepted::default() });
    }
    if !is_confirmed(base, accounts::sentence(&seen.creations, arguments.allow_create))? {
        return Err(Failure::other("not published: nothing was stored"));
    }
    Ok(seen.summary.as_ref().map(|summary| of(summary, None)).unwrap_or_default())
}

impl PublishArguments {
    /// Whether all that would be asked is said.
    fn asks_nobody(&self) -> bool {
        self.yes || self.plan.is_some()
    }

    /// All accounts, with what any look may do.
    fn scope(&self) -> Scope {
        Scope {
            fleet: self.fleet.clone(),
            account: vec![],
            probe_zip: self.probe_zip.clone(),
            probe_architecture: self.probe_architecture.clone(),
            limits: LimitArguments::default(),
        }
    }
}

/// Whether just this is in force: the same text, with the same certificate authorities and the same code of the probes.
fn is_same(current: &PublishedFleet, loaded: &Loaded, probes: Option<&ProbeRelease>) -> bool {
    let code = |probes: Option<&ProbeRelease>| probes.map(|probes| probes.code_sha256.clone());
    current.text == loaded.text
        && current.authorities == loaded.authorities_pem()
        && code(current.probes.as_ref()) == code(probes)
}

/// Nothing is to be published. While another version takes the place of the one in force that is no success: whoever
/// publishes the old text again wants the other one gone.
fn unchanged(
    current: &PublishedFleet,
    under_way: Option<&RollOut>,
    format: Format,
) -> Result<String, Failure> {
    if let Some(version) = under_way.map(|it| it.versions.target) {
        return Err(Failure::other(format!(
            "{}: the same text is in force, nothing was stored, and version {version} goes on to take its place: \
             `phonehome rollout rollback` takes that back. --again --supersede publishes this text as a new version",
            current.title()
        )));
    }
    match format {
        Format::Json => to_json(&json!({"changed": false, "version": current.number})),
        Format::Text => Ok(format!(
            "{}: the same text is in force already, with the same code of the probes, and nothing was stored. Where \
             something still needs permission, --again publishes it as a new version.\n",
            current.title()
        )),
    }
}

/// What the answer is about.
fn shown(base: &Base, seen: &Seen, way: &Way, probes: Option<&ProbeRelease>) -> String {
    let over = base.current().map_or_else(
        || "the first one, or over one that cannot be read".to_owned(),
        |current| format!("over {}", current.title()),
    );
    let plan = seen.summary.as_ref().map_or_else(
        || {
            "The accounts were not looked at: no permission is given, and nothing is taken away, cut off or \
             replaced.\n"
                .to_owned()
        },
        |summary| summary.text() + &seen.creations.text() + &seen.bearing.text() + &seen.packs.text(),
    );
    let probes = probes::sentence(base.current(), probes);
    format!("{plan}{probes}\nVersion {}, {over}. {}\n", base.next(), way::shown(way))
}

/// Whether somebody says yes.
fn is_confirmed(base: &Base, made: Option<String>) -> Result<bool, Failure> {
    let made = made.map(|made| format!(", which {made}")).unwrap_or_default();
    eprint!("Publish version {} and permit what is shown{made}? [y/N] ", base.next());
    std::io::stderr().flush().map_err(Failure::other)?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(Failure::other)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes" | "Yes"))
}

fn done(
    arguments: &PublishArguments,
    published: &PublishedFleet,
    seen: &Seen,
    way: &Way,
    format: Format,
) -> Result<String, Failure> {
    if format == Format::Json {
        return to_json(&json!({
            "changed": true,
            "rolled_out": matches!(way, Way::InWaves { .. }),
            "version": published.number,
            "published_by": published.published_by,
            "probes": published.probes,
            "plan": seen.summary.as_ref().map(Summary::json),
            "accounts": seen.creations.json(),
            "properties": seen.bearing.json(),
            "starter_packs": seen.packs.json(),
            "permitted_accounts": published.accepted.accounts,
        }));
    }
    let permitted = match published.accepted.stacks.is_empty() {
        true => "Nothing may be taken away for it.".to_owned(),
        false => format!("What is permitted for 7 days: it {}.", published.accepted.summary),
    };
    let made = accounts::outcome(&seen.creations, arguments.allow_create);
    let next = match way {
        Way::InWaves { .. } => {
            "Its first wave begins within a minute: `phonehome rollout` shows how far it is."
        }
        Way::Emergency { .. } => "All accounts are queued within a minute.",
        Way::AtOnce => "The next sweep applies it, within 30 minutes.",
    };
    Ok(format!(
        "{}: published as version {}. {permitted}{made} {next}\n",
        arguments.fleet.display(),
        published.number
    ))
}

#[cfg(test)]
mod tests;
