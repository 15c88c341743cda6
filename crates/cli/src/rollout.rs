//! `phonehome rollout`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use phonehome_aws::{DynamoTable, caller_arn, sdk};
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_rollout::{
    Event, Halt, NotNow, Observed, Phase, RollOut, Wait, WaveState, abort, decide, resume, roll_back,
};
use phonehome_stacks::{PACKS, PackRecord};
use phonehome_state::{NotChanged, change_roll_out, readable, roll_out};
use phonehome_text::{agree, list};
use phonehome_watching::rolling;
use phonehome_wire::AccountId;
use serde_json::json;

use crate::output::{Failure, Format, json as to_json, time};
use crate::packs::standing;

/// How many names a line shows.
const SHOWN: usize = 5;

/// What to do where waiting changes nothing.
const ACCEPT: &str = "what is never proven, with any version, halts it again: to go on all the same, \
                      `phonehome rollout resume --accept-failures`\n";

/// Show the roll-out, or do something with it.
#[derive(Debug, Args)]
pub(crate) struct RolloutArguments {
    #[command(subcommand)]
    command: Option<RolloutCommand>,
}

#[derive(Debug, Subcommand)]
enum RolloutCommand {
    /// Go on after it halted: every account has its time again. What fails still halts it again.
    Resume {
        /// What fails, or is not proven, now counts as if it had failed before.
        #[arg(long)]
        accept_failures: bool,
    },
    /// Stop it where it is. Nobody else gets the version, and whoever has it keeps it.
    Abort {
        /// Why; everyone sees it.
        #[arg(long)]
        reason: String,
    },
    /// Take every account back to the version in force, those of the newest wave first.
    ///
    /// What that would take away needs permission, as ever: it stays until a version is published that permits it.
    Rollback,
}

/// Shows it, or does what is asked for.
pub(crate) async fn run(arguments: RolloutArguments, table: &str, format: Format) -> Result<String, Failure> {
    let session = sdk::connect().await.map_err(Failure::other)?;
    let table = DynamoTable::new(&session, table);
    let Some(command) = arguments.command else { return show(&table, format).await };
    let by = caller_arn(&session).await.map_err(Failure::other)?;
    let now_ms = SystemClock.now_ms();
    let change = |it: &RollOut| command.change(it, by.clone(), now_ms);
    let after = change_roll_out(&table, change).await.map_err(|error| match error {
        NotChanged::Table(error) => Failure::other(error),
        refused => Failure::input(refused),
    })?;
    Ok(match format {
        Format::Json => to_json(&json!({ "roll_out": after }))?,
        Format::Text => format!("Version {}: {}\n", after.versions.target, command.done()),
    })
}

impl RolloutCommand {
    fn change(&self, roll_out: &RollOut, by: String, at_ms: u64) -> Result<RollOut, NotNow> {
        match self {
            Self::Resume { accept_failures } => resume(roll_out, by, *accept_failures, at_ms),
            Self::Abort { reason } => abort(roll_out, by, reason.clone(), at_ms),
            Self::Rollback => roll_back(roll_out, by, at_ms),
        }
    }

    /// For people: what comes of it.
    fn done(&self) -> &'static str {
        match self {
            Self::Resume { .. } => "the roll-out goes on within a minute.",
            Self::Abort { .. } => {
                "nobody else gets it. To go on: phonehome rollout resume; to take it back: phonehome rollout rollback"
            }
            Self::Rollback => {
                "it is taken back, beginning within a minute. `phonehome rollout` shows how far that is."
            }
        }
    }
}

async fn show(table: &DynamoTable, format: Format) -> Result<String, Failure> {
    let Some((_, stored)) = roll_out(table).await.map_err(Failure::other)? else {
        return match format {
            Format::Json => to_json(&json!({ "roll_out": null, "waits": [] })),
            Format::Text => Ok("nothing was ever rolled out\n".to_owned()),
        };
    };
    let now_ms = SystemClock.now_ms();
    let seen = rolling(table, now_ms).await.map_err(Failure::other)?.filter(|it| !it.overtaken);
    let (observed, waits) = match seen {
        Some(it) if it.roll_out == stored => {
            let waits = decide(&stored, &it.observed, now_ms).waits;
            (it.observed, waits)
        }
        _ => (Observed::default(), vec![]),
    };
    // They hold up no roll-out.
    let packs = packs(table, &stored).await?;
    match format {
        Format::Json => to_json(&json!({ "roll_out": stored, "waits": waits, "starter_packs": packs })),
        Format::Text => Ok(shown(&stored, &observed, &waits) + &packs.map_or(String::new(), |it| it + "\n")),
    }
}

/// How far the starter packs are with it.
async fn packs(table: &DynamoTable, roll_out: &RollOut) -> Result<Option<String>, Failure> {
    let packs = readable::<PackRecord>(table, PACKS).await.map_err(Failure::other)?;
    let packs: Vec<PackRecord> = packs.found.into_iter().map(|(_, pack)| pack).collect();
    Ok(standing(&packs, roll_out.versions.target, |pack| pack.stack().to_string()))
}

/// All of it, for people.
fn shown(roll_out: &RollOut, observed: &Observed, waits: &[Wait]) -> String {
    let (base, target) = (roll_out.versions.base, roll_out.versions.target);
    let mut text = format!(
        "version {target} over version {base}, published {} by {}: {}\n",
        time(roll_out.began_at_ms),
        roll_out.published_by,
        phase(&roll_out.phase)
    );
    for number in 0..roll_out.waves.len() {
        text.push_str(&wave(roll_out, observed, number));
    }
    for line in waits.iter().map(|it| wait(roll_out, it)) {
        let _ = writeln!(text, "waits for {line}");
    }
    if let Phase::Halted { why } = &roll_out.phase {
        why.iter().map(halt).for_each(|line| text.push_str(&format!("halted: {line}\n")));
        if why.iter().any(Halt::needs_acceptance) {
            text.push_str(ACCEPT);
        }
    }
    for it in &roll_out.events {
        let _ = writeln!(text, "{}  {}", time(it.at_ms), event(roll_out, &it.event));
    }
    text
}

fn phase(phase: &Phase) -> String {
    match phase {
        Phase::Rolling => "it is rolled out".to_owned(),
        Phase::Halted { .. } => "halted".to_owned(),
        Phase::GoingBack => "it is taken back".to_owned(),
        Phase::RolledBack => "it was taken back".to_owned(),
        Phase::Finished => "in force in all accounts".to_owned(),
        Phase::Superseded => "another version took its place".to_owned(),
        Phase::AtOnce { reason } => format!("put in force in all accounts at once: {reason}"),
    }
}

fn wave(roll_out: &RollOut, observed: &Observed, number: usize) -> String {
    let wave = &roll_out.waves[number];
    let is_past = roll_out.state_of(wave).is_past();
    let state = match roll_out.state_of(wave) {
        WaveState::Done { at_ms } => format!("done {}", time(at_ms)),
        WaveState::UnderWay { since_ms } => format!("under way since {}", time(since_ms)),
        WaveState::Halted => "halted".to_owned(),
        WaveState::ToCome => "to come".to_owned(),
        WaveState::GoesBack => "goes back".to_owned(),
        WaveState::Over => "over".to_owned(),
    };
    let has_it = |id: &AccountId| roll_out.versions.turned.contains(id);
    let have = roll_out.turns.iter().filter(|(id, turn)| turn.wave == number && has_it(id)).count();
    let to_come = observed.accounts.iter().filter(|(id, it)| it.wave == number && !has_it(id));
    let to_come: Vec<&String> = to_come.map(|(_, it)| &it.name).collect();
    let have = agree(have, "account has", "accounts have");
    let to_come = match to_come.is_empty() || is_past {
        true => String::new(),
        false => format!("; to come: {}", list(to_come, SHOWN)),
    };
    format!("{:>3}. {}: {state}; {have} it{to_come}\n", number + 1, wave.name)
}

fn wait(roll_out: &RollOut, wait: &Wait) -> String {
    let some = |names: &[String], count: &usize| match count.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    };
    match wait {
        Wait::Incidents { wave, incidents } => {
            let of = incidents.iter().map(|(id, account)| format!("{id} ({account})"));
            format!("the end of {}, before {} begins", list(of, SHOWN), roll_out.waves[*wave].name)
        }
        Wait::Converging { names, count } => {
            format!("{} to be as declared: {}", agree(*count, "account", "accounts"), some(names, count))
        }
        Wait::Hour { names, count, next_ms } => format!(
            "{} that may take away more from {} on (network.removals_per_hour): {}",
            agree(*count, "account", "accounts"),
            time(*next_ms),
            some(names, count)
        ),
        Wait::Green { names, count } => {
            format!("{} to be green: {}", agree(*count, "account", "accounts"), some(names, count))
        }
        Wait::Bake { until_ms } => format!("the end of the bake time, {}", time(*until_ms)),
    }
}

fn halt(halt: &Halt) -> String {
    match halt {
        Halt::Failed { account, name, region, message } => {
            format!("{name} ({account}) failed in {region}: {message}")
        }
        Halt::NotConverged { account, name, message } => {
            format!("{name} ({account}) takes too long: {message}")
        }
        Halt::NewlyFailing { account, name, paths, count } => {
            let fail = agree(*count, "path fails", "paths fail");
            format!("{name} ({account}): {fail} now and did not before: {}", list(paths, SHOWN))
        }
        Halt::NotProven { account, name, paths, count } => {
            let are = agree(*count, "path is", "paths are");
            let paths = list(paths.iter().map(|(path, _)| path), SHOWN);
            format!("{name} ({account}) was not green for the bake time; {are} not green: {paths}")
        }
        Halt::NothingProven { wave } => format!(
            "no account of {wave} is there any more, so that nothing is proven before the next wave begins"
        ),
        Halt::Aborted { by, reason } => format!("{by} stopped it: {reason}"),
    }
}

fn event(roll_out: &RollOut, event: &Event) -> String {
    let name = |wave: &usize| roll_out.waves.get(*wave).map_or("", |it| &it.name);
    match event {
        Event::WaveBegan { wave } => format!("{} began", name(wave)),
        Event::WaveDone { wave } => format!("{} is done", name(wave)),
        Event::Halted => "halted".to_owned(),
        Event::Resumed { by, accepts: false } => format!("resumed by {by}"),
        Event::Resumed { by, accepts: true } => format!("resumed by {by}, who accepts what fails"),
        Event::GoesBack { by } => format!("taken back by {by}"),
        Event::RolledBack { left } if left.is_empty() => "taken back".to_owned(),
        Event::RolledBack { left } => format!("taken back, but not yet in {}", list(left, SHOWN)),
        Event::Finished => "in force".to_owned(),
        Event::Superseded => "superseded".to_owned(),
    }
}

#[cfg(test)]
mod tests;
