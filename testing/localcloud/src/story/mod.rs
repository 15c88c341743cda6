//! The story, act by act.

mod accounts;
mod bad_input;
mod bearing;
mod by_hand;
mod cast;
mod connections;
mod ending;
mod joining;
mod keep;
mod late_news;
mod narrator;
mod pack;
mod rolling_out;
mod rotation;
mod trouble;
mod vended;

use std::path::Path;

use anyhow::{Result, ensure};
use phonehome_localcloud::{LocalCloud, LocalCloudOptions, Stage};
use tempfile::TempDir;

pub(crate) use cast::Size;

use cast::Cast;
use narrator::Narrator;

/// What is left when the story is over. Everything ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Scene {
    local_cloud: LocalCloud,
    cast: Cast,
    folder: TempDir,
}

/// Plays it, with a fleet of that size.
pub(crate) async fn play(repository: &Path, size: Size, verbose: bool) -> Result<Scene> {
    let folder = tempfile::Builder::new().prefix("phonehome-demo-").tempdir()?;
    let mut narrator = Narrator::start();
    let result = acts(repository, folder.path(), size, &mut narrator).await;
    if verbose || result.is_err() {
        for log in ["emulator.log", "lab.log", "lab-follow.log"] {
            narrator.log(&folder.path().join(log), if verbose { 400 } else { 40 });
        }
    }
    let (local_cloud, cast) = result?;
    Ok(Scene { local_cloud, cast, folder })
}

/// Leaves everything running until Ctrl-C, which is how it is meant to end.
///
/// # Errors
/// Something of it has ended by itself.
pub(crate) async fn keep(scene: Scene) -> Result<()> {
    let Scene { local_cloud, cast, folder } = &scene;
    let looked_after = keep::look_after(local_cloud, cast, folder.path());
    let ended = phonehome_localcloud::unless_interrupted(async { Ok(looked_after.await) }).await;
    println!("\nStopped; nothing is left running.");
    // An interruption is no error here.
    ended.unwrap_or(Ok(()))
}

async fn acts(
    repository: &Path,
    folder: &Path,
    size: Size,
    narrator: &mut Narrator,
) -> Result<(LocalCloud, Cast)> {
    narrator.act("The local cloud");
    let (stage, why_not) = Stage::choose(repository, folder).await?;
    let options = LocalCloudOptions {
        repository: repository.to_owned(),
        folder: folder.to_owned(),
        schedule_seconds: size.schedule_seconds(),
        overdue_after_seconds: size.overdue_seconds(),
        channels: vec!["#net-prod".to_owned(), "#net-dev".to_owned()],
    };
    let mut local_cloud = LocalCloud::start_on(stage, options).await?;
    narrator.say(&format!(
        "AWS emulator at {}, IAM enforced; Slack and on-call listen too",
        local_cloud.emulator.endpoint()
    ));
    narrator.note(&format!(
        "schedules of rate(1 minute) fire every {} s here; a probe counts as silent after {} s",
        size.schedule_seconds(),
        size.overdue_seconds()
    ));
    match why_not {
        None => narrator.say(
            "the probes run in a packet lab: a Linux network that follows what EC2 says, so that their packets meet it",
        ),
        Some(why) => narrator.say(&format!("the probes run on this machine as it is, not in a packet lab: {why}")),
    }
    trail_is_made(&local_cloud, narrator).await?;
    local_cloud.deploy().await?;
    narrator.say(
        "infra/hub.yaml, infra/operator.yaml and infra/management.yaml deployed through CloudFormation, with the release binaries",
    );
    narrator.note(
        "the emulator's CloudFormation lacks EventBusPolicy, TTL and backups: the local cloud adds them",
    );

    let mut cast = Cast::start(&local_cloud.stage, folder, size).await?;
    accounts::arrive(&local_cloud, &mut cast, narrator).await?;
    connections::are_peerings(&local_cloud, &cast, narrator).await?;
    connections::default_vpcs_go(&local_cloud, &cast, narrator).await?;
    pack::is_used(&local_cloud, &cast, narrator).await?;
    rotation::disturbs_nobody(&local_cloud, &cast, narrator).await?;
    accounts::nothing_changes(&local_cloud, &cast, narrator).await?;
    trouble::probes_report(&local_cloud, &mut cast, narrator).await?;
    by_hand::route_is_deleted(&local_cloud, &cast, narrator).await?;
    late_news::way_out_is_lost(&local_cloud, &cast, narrator).await?;
    by_hand::plan_is_shown(&local_cloud, &cast, narrator).await?;
    let before = bearing::is_changed(&local_cloud, &cast, narrator).await?;
    rolling_out::change_is_rolled_out(&local_cloud, &cast, narrator).await?;
    bearing::is_put_right(&local_cloud, &cast, &before, narrator).await?;
    trouble::target_goes_away(&local_cloud, &mut cast, narrator).await?;
    trouble::target_comes_back(&local_cloud, &mut cast, narrator).await?;
    trouble::probe_falls_silent(&local_cloud, &cast, narrator).await?;
    bad_input::sent_and_refused(&local_cloud, &cast, narrator).await?;
    ending::notify(&local_cloud, &cast, narrator).await?;
    Ok((local_cloud, cast))
}

/// Without a trail EventBridge would never hear of an account.
async fn trail_is_made(local_cloud: &LocalCloud, narrator: &Narrator) -> Result<()> {
    let (text, is_well) = local_cloud.doctor().await?;
    ensure!(!is_well, "phonehome doctor is content without a trail:\n{text}");
    local_cloud.make_trail().await?;
    let (text, is_well) = local_cloud.doctor().await?;
    ensure!(is_well, "phonehome doctor is not content with the organization's trail:\n{text}");
    narrator.say("the management account makes the organization's CloudTrail trail; phonehome doctor:");
    narrator.quote(&text);
    Ok(())
}
