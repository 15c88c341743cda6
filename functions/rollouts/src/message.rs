//! What people are told of a roll-out: one message, edited in place, with what happened in its thread.

use phonehome_alerting::{Outgoing, SlackKind, SlackMessage, Words, stable_id};
use phonehome_rollout::{
    Decision, Event, Halt, Happened, Observed, Phase, RollOut, Superseded, Wait, WaveState,
};
use phonehome_text::{agree, count, list};
use phonehome_wire::AccountId;
use serde_json::json;

/// How many names or paths a line shows.
const SHOWN: usize = 5;

/// The roll-out with what is told of it noted, and the messages: none while the one that stands there says it.
pub(crate) fn tell(
    decision: &Decision,
    observed: &Observed,
    channel: &str,
    now_ms: u64,
) -> (RollOut, Vec<Outgoing>) {
    let roll_out = &decision.roll_out;
    if channel.is_empty() {
        return (roll_out.clone(), vec![]);
    }
    let message = message(roll_out, &decision.waits, observed);
    let says = stable_id(&[&json!(message.body(channel, SlackKind::Updated)).to_string()]);
    if says == roll_out.told.message && roll_out.is_told() {
        return (roll_out.clone(), vec![]);
    }
    let is_first = roll_out.told.sequence == 0;
    let kind = match (is_first, roll_out.is_over()) {
        (true, _) => SlackKind::Opened,
        (false, true) => SlackKind::Resolved,
        (false, false) => SlackKind::Updated,
    };
    let happened = roll_out.untold().iter().map(|it| happened(roll_out, it));
    let thread = happened.reduce(|all, one| all.text("; ").then(one)).filter(|_| !is_first);
    let after = roll_out.told(says);
    let of = (roll_out.versions.target, after.told.sequence);
    let mut told = vec![outgoing(of, channel, now_ms, kind, &message.thread(thread))];
    let taken = roll_out.supersedes.filter(|it| is_first && it.sequence > 0);
    told.extend(taken.map(|it| ended(it, roll_out.versions.target, channel, now_ms)));
    (after, told)
}

/// The end of the roll-out whose place this one took.
fn ended(of: Superseded, by: u64, channel: &str, now_ms: u64) -> Outgoing {
    let text = Words::of(format!(
        "The roll-out of version {} is over: version {by} took its place, and what had it goes back to the version in \
         force until its turn comes",
        of.version
    ));
    let thread = Words::of(format!("version {by} took its place"));
    let message = SlackMessage::new(text).thread(Some(thread));
    outgoing((of.version, of.sequence + 1), channel, now_ms, SlackKind::Resolved, &message)
}

fn outgoing(
    (version, sequence): (u64, u32),
    channel: &str,
    at_ms: u64,
    kind: SlackKind,
    message: &SlackMessage,
) -> Outgoing {
    let incident_id = format!("rollout/{version}");
    let id = format!("{incident_id}/{sequence}/slack/{channel}");
    Outgoing { id, incident_id, at_ms, sequence, body: message.body(channel, kind) }
}

fn message(roll_out: &RollOut, waits: &[Wait], observed: &Observed) -> SlackMessage {
    let mut message = SlackMessage::new(headline(roll_out));
    message = match &roll_out.phase {
        Phase::Halted { why } => message.list("Why", why.iter().map(halt).collect()),
        Phase::AtOnce { reason } => message.section(Words::new().markup("*Why* ").text(reason)),
        _ => message.list("It waits for", waits.iter().map(|it| wait(roll_out, it)).collect()),
    };
    message =
        message.list("Waves", (0..roll_out.waves.len()).map(|it| wave(roll_out, observed, it)).collect());
    let advice = match &roll_out.phase {
        Phase::Rolling => Words::of("To stop it: ").code("phonehome rollout abort --reason …"),
        Phase::Halted { why } => halted(roll_out, why),
        _ => Words::new(),
    };
    message.section(advice).footer(Words::of("Published by ").name(&roll_out.published_by))
}

/// What to do after a halt.
fn halted(roll_out: &RollOut, why: &[Halt]) -> Words {
    let difference = format!("phonehome diff {} {}", roll_out.versions.base, roll_out.versions.target);
    let words = Words::of("What has it keeps it. Look with ").code("phonehome rollout").text(", ");
    let words = words.code(&difference).text(" and the runbook, then ");
    let words = words.code("phonehome rollout resume").text(" or ").code("phonehome rollout rollback");
    if !why.iter().any(Halt::needs_acceptance) {
        return words;
    }
    let words =
        words.text(". What is never proven, with any version, halts it again: to go on all the same, ");
    words.code("phonehome rollout resume --accept-failures")
}

fn headline(roll_out: &RollOut) -> Words {
    let version = roll_out.versions.target;
    let base = roll_out.versions.base;
    let wave = roll_out.wave_under_way().map(|number| place(roll_out, number)).unwrap_or_default();
    match &roll_out.phase {
        Phase::Rolling => Words::of(format!(":arrow_forward: Version {version} is rolled out: ")).then(wave),
        Phase::Halted { .. } => {
            Words::of(format!(":octagonal_sign: The roll-out of version {version} has halted: ")).then(wave)
        }
        Phase::GoingBack => Words::of(format!(":rewind: Version {version} is taken back, to version {base}")),
        Phase::RolledBack => Words::of(format!(
            ":leftwards_arrow_with_hook: Version {version} was taken back: version {base} it is"
        )),
        Phase::Finished => {
            Words::of(format!(":white_check_mark: Version {version} is in force in all accounts"))
        }
        Phase::Superseded => Words::of(format!(
            ":fast_forward: The roll-out of version {version} is over: another version was put in force"
        )),
        Phase::AtOnce { .. } => {
            Words::of(format!(":rotating_light: Version {version} was put in force in all accounts at once"))
        }
    }
}

/// `wave 2 of 3, prod`.
fn place(roll_out: &RollOut, number: usize) -> Words {
    let of = format!("wave {} of {}, ", number + 1, roll_out.waves.len());
    Words::of(of).name(&roll_out.waves[number].name)
}

fn wave(roll_out: &RollOut, observed: &Observed, number: usize) -> Words {
    let wave = &roll_out.waves[number];
    let turned = |id: &AccountId| roll_out.versions.turned.contains(id);
    let have = roll_out.turns.iter().filter(|(id, turn)| turn.wave == number && turned(id));
    let (have, left) =
        (have.count(), observed.accounts.iter().filter(|(id, it)| it.wave == number && !turned(id)).count());
    let words = Words::new().name(&wave.name);
    let state = roll_out.state_of(wave);
    let words = match state {
        WaveState::Done { .. } => words.text(": done"),
        WaveState::UnderWay { .. } => words.text(": under way"),
        WaveState::Halted => words.text(": halted"),
        WaveState::ToCome => words.text(": to come"),
        WaveState::GoesBack => words.text(": goes back"),
        WaveState::Over => words.text(": over"),
    };
    let to_come = if left > 0 && !state.is_past() { format!(", {left} to come") } else { String::new() };
    words.text(format!("; {} it{to_come}", agree(have, "account has", "accounts have")))
}

fn wait(roll_out: &RollOut, wait: &Wait) -> Words {
    match wait {
        Wait::Incidents { wave, incidents } => {
            let of = incidents.iter().map(|(id, account)| format!("{id} ({account})"));
            Words::of(format!("the end of {}: ", count(incidents.len(), "open incident")))
                .text(list(of, SHOWN))
                .text(", before ")
                .then(place(roll_out, *wave))
                .text(" begins")
        }
        Wait::Converging { names, count } => {
            Words::of(format!("{} to be as declared: ", agree(*count, "account", "accounts")))
                .text(some(names, *count))
        }
        Wait::Green { names, count } => {
            Words::of(format!("{} to be green: ", agree(*count, "account", "accounts")))
                .text(some(names, *count))
        }
        Wait::Hour { names, count, next_ms } => {
            let accounts = agree(*count, "account", "accounts");
            Words::of(format!("{accounts} that may take away more from {} on (", clock(*next_ms)))
                .code("network.removals_per_hour")
                .text("): ")
                .text(some(names, *count))
        }
        Wait::Bake { until_ms } => Words::of(format!("the bake time, until {}", clock(*until_ms))),
    }
}

/// `17:00 UTC`, not before it.
fn clock(at_ms: u64) -> String {
    let minute = at_ms.div_ceil(60_000) % (24 * 60);
    format!("{:02}:{:02} UTC", minute / 60, minute % 60)
}

/// These names, of so many.
fn some(names: &[String], count: usize) -> String {
    let shown: Vec<&String> = names.iter().take(SHOWN).collect();
    let more = count - shown.len();
    let shown = shown.into_iter().cloned().collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

fn halt(halt: &Halt) -> Words {
    match halt {
        Halt::Failed { account, name, region, message } => {
            named(name, account).text(format!(" failed in {region}: ")).text(message)
        }
        Halt::NotConverged { account, name, message } => {
            named(name, account).text(" takes too long: ").text(message)
        }
        Halt::NewlyFailing { account, name, paths, count } => {
            let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
            named(name, account)
                .text(format!(": {} now and did not before: ", agree(*count, "path fails", "paths fail")))
                .text(some(&paths, *count))
        }
        Halt::NotProven { account, name, count: 0, .. } => {
            named(name, account).text(" was green only at times, and not for the bake time")
        }
        Halt::NotProven { account, name, paths, count } => {
            let paths: Vec<String> = paths.iter().map(|(path, _)| path.to_string()).collect();
            named(name, account)
                .text(format!(": {} not green: ", agree(*count, "path is", "paths are")))
                .text(some(&paths, *count))
        }
        Halt::NothingProven { wave } => Words::of("no account of ")
            .name(wave)
            .text(" is there any more, so that nothing is proven before the next wave begins"),
        Halt::Aborted { by, reason } => Words::new().name(by).text(" stopped it: ").text(reason),
    }
}

fn named(name: &str, account: &AccountId) -> Words {
    Words::new().name(name).text(format!(" ({account})"))
}

fn happened(roll_out: &RollOut, happened: &Happened) -> Words {
    match &happened.event {
        Event::WaveBegan { wave } => place(roll_out, *wave).text(" began"),
        Event::WaveDone { wave } => place(roll_out, *wave).text(" is done"),
        Event::Halted => Words::of("halted"),
        Event::Resumed { by, accepts: false } => Words::of("resumed by ").name(by),
        Event::Resumed { by, accepts: true } => {
            Words::of("resumed by ").name(by).text(", who accepts what fails now")
        }
        Event::GoesBack { by } => Words::of("taken back by ").name(by),
        Event::RolledBack { left } if left.is_empty() => Words::of("taken back"),
        Event::RolledBack { left } => Words::of("taken back, but not yet in ").text(list(left, SHOWN)),
        Event::Finished => Words::of("in force"),
        Event::Superseded => Words::of("superseded"),
    }
}
