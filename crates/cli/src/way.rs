//! How a version that is published reaches the accounts.

use std::collections::BTreeMap;

use phonehome_cloud::endpoint::{Cloud, environment};
use phonehome_cloud::table::Table;
use phonehome_fleet::{Bindings, Fleet, Member};
use phonehome_rollout::{Pace, Wave};
use phonehome_state::{Base, Way, bindings};
use phonehome_text::count;

use crate::output::Failure;

const MINUTE_MS: u64 = 60_000;

/// How often the local cloud lets the schedules of each minute fire, in seconds.
const SCHEDULE_SECONDS: &str = "PHONEHOME_LOCAL_SCHEDULE_SECONDS";

/// How long a minute of the pace is. On the local cloud it is as long as its schedules have it, so that nobody has to
/// wait; on AWS no setting makes it shorter.
fn minute_ms(variables: &BTreeMap<String, String>) -> u64 {
    let seconds = variables.get(SCHEDULE_SECONDS).and_then(|seconds| seconds.parse::<u64>().ok());
    match (Cloud::from_variables(variables), seconds) {
        (Ok(Cloud::Local(_)), Some(seconds)) => (seconds * 1000).clamp(1, MINUTE_MS),
        _ => MINUTE_MS,
    }
}

/// The way that the fleet file declares, or in an emergency none. The first version of all needs no waves, nor does any
/// before the first account is known.
pub(crate) async fn way(
    table: &impl Table,
    fleet: &Fleet,
    base: &Base,
    mends: bool,
    emergency: Option<&str>,
) -> Result<Way, Failure> {
    if let Some(reason) = emergency {
        return match reason.trim() {
            "" => Err(Failure::input("--emergency is empty; everyone who wonders about it reads the reason")),
            reason => Ok(Way::Emergency { reason: reason.to_owned() }),
        };
    }
    let (Some(rollout), Some(waves)) = (&fleet.rollout, fleet.waves()) else { return Ok(Way::AtOnce) };
    if base.is_unreadable() {
        return Err(Failure::input(
            "what is in force cannot be read, so nothing can be rolled out over it: --emergency REASON puts this version \
             in force in all accounts at once",
        ));
    }
    if base.current().is_none() {
        return Ok(Way::AtOnce);
    }
    let bindings = bindings(table).await.map_err(Failure::other)?;
    // While no line is an account yet nothing can break, and the accounts are made once the version is in force.
    if bindings == Bindings::default() {
        return Ok(Way::AtOnce);
    }
    if let [(wave, members), _, ..] = waves.as_slice() {
        let is_there = |member: &Member| fleet.account_of(member, &bindings).is_some();
        if !members.iter().any(is_there) {
            return Err(Failure::input(format!(
                "no account of the first wave, {}, is known yet, so nothing would be proven there: name others in \
                 `rollout`, or --emergency REASON puts this version in force in all accounts at once",
                wave.name
            )));
        }
    }
    let of_wave = |(wave, members): (&phonehome_fleet::Wave, Vec<Member>)| {
        Wave::new(wave.name.clone(), members.iter().map(Member::line).collect())
    };
    let minute_ms = minute_ms(&environment());
    let pace = Pace {
        bake_ms: u64::from(rollout.bake_minutes) * minute_ms,
        converge_ms: u64::from(rollout.converge_minutes) * minute_ms,
        at_once: rollout.at_once as usize,
    };
    Ok(Way::InWaves { waves: waves.into_iter().map(of_wave).collect(), pace, mends })
}

/// For people: which accounts get it when.
pub(crate) fn shown(way: &Way) -> String {
    match way {
        Way::AtOnce => "Every account gets it at once, with the next sweep.".to_owned(),
        Way::Emergency { reason } => {
            format!("EMERGENCY: every account gets it at once, without a wave: {reason}.")
        }
        Way::InWaves { waves, pace, mends } => {
            let waves = waves.iter().map(|it| format!("{} ({})", it.name, count(it.lines.len(), "account")));
            let mends = match mends {
                true => " Open incidents do not stop it: it mends them.",
                false => "",
            };
            format!(
                "It goes out in waves: {}; each has to be green for {}.{mends}",
                waves.collect::<Vec<_>>().join(", then "),
                count(pace.bake_ms / minute_ms(&environment()), "minute")
            )
        }
    }
}

#[cfg(test)]
mod tests;
