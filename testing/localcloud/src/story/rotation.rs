//! The access key of a machine user is rotated while pipelines work with it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use phonehome_localcloud::{Control, LocalCloud, Place, REGION, Seen, SlackMessage};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::by_hand::PERSON;
use super::cast::Cast;
use super::narrator::Narrator;
use super::pack::ACCOUNT;
use super::trouble::plain;

const USER: &str = "ci";
const SECRET: &str = "phonehome/machine-users/ci";
/// As declared in the story's fleet file.
const ROTATE_DAYS: u32 = 30;
const OVERLAP_DAYS: u32 = 7;
/// Between two calls of a pipeline.
const PAUSE: Duration = Duration::from_millis(100);

/// An access key as a pipeline reads it.
#[derive(Clone, PartialEq, Eq)]
struct AccessKey {
    id: String,
    secret: String,
}

/// Who works with the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pipeline {
    /// It reads the secret before each call.
    Careful,
    /// It reads the secret once, and keeps what it read.
    Careless,
}

/// What pipelines have done.
#[derive(Debug, Default)]
struct Calls {
    /// How many calls succeeded, by who made them and with which key.
    done: BTreeMap<(Pipeline, String), u32>,
    /// What AWS said to those that did not.
    refused: Vec<String>,
}

impl Calls {
    fn note(&mut self, pipeline: Pipeline, done: Result<String>) {
        match done {
            Ok(key) => *self.done.entry((pipeline, key)).or_default() += 1,
            Err(refused) => self.refused.push(format!("{pipeline:?}: {refused:#}")),
        }
    }
}

/// Two pipelines that work all the time, until this is dropped.
struct Pipelines {
    calls: Arc<Mutex<Calls>>,
    /// What the careless one keeps.
    kept: Arc<Mutex<AccessKey>>,
    _tasks: JoinSet<()>,
}

impl Pipelines {
    fn begin(at: &Secret<'_>, first: &AccessKey) -> Self {
        let (calls, kept) = (Arc::<Mutex<Calls>>::default(), Arc::new(Mutex::new(first.clone())));
        let mut tasks = JoinSet::new();
        for pipeline in [Pipeline::Careful, Pipeline::Careless] {
            let (control, place) = (at.local_cloud.control.clone(), at.place.clone());
            let (calls, kept) = (Arc::clone(&calls), Arc::clone(&kept));
            tasks.spawn(async move {
                loop {
                    let key = match pipeline {
                        Pipeline::Careful => read(&control, &place).await,
                        Pipeline::Careless => Ok(locked(&kept).clone()),
                    };
                    let done = match key {
                        Ok(key) => works(&control, &key).await.map(|()| key.id),
                        Err(unread) => Err(unread),
                    };
                    locked(&calls).note(pipeline, done);
                    tokio::time::sleep(PAUSE).await;
                }
            });
        }
        Self { calls, kept, _tasks: tasks }
    }

    fn done(&self, pipeline: Pipeline, key: &AccessKey) -> u32 {
        locked(&self.calls).done.get(&(pipeline, key.id.clone())).copied().unwrap_or_default()
    }

    /// Waits for a further call of a pipeline with this key. None of any was refused so far.
    async fn goes_on(&self, pipeline: Pipeline, key: &AccessKey, patience: Duration) -> Result<()> {
        let (start, before) = (Instant::now(), self.done(pipeline, key));
        while self.done(pipeline, key) == before {
            self.none_was_refused()?;
            ensure!(start.elapsed() < patience, "the {pipeline:?} pipeline does not work with {}", key.id);
            tokio::time::sleep(PAUSE).await;
        }
        self.none_was_refused()
    }

    fn none_was_refused(&self) -> Result<()> {
        let calls = locked(&self.calls);
        ensure!(calls.refused.is_empty(), "calls of pipelines were refused: {:#?}", calls.refused);
        Ok(())
    }

    /// The careless one reads the secret again.
    fn read_again(&self, key: &AccessKey) {
        *locked(&self.kept) = key.clone();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the secret hands out.
async fn read(control: &Control, place: &Place) -> Result<AccessKey> {
    let asked = json!({"SecretId": SECRET});
    let answer = control.call(place, "pipeline", "secretsmanager", "get_secret_value", &asked).await?;
    let said: Value =
        serde_json::from_str(answer["SecretString"].as_str().context("the secret has no text")?)?;
    let text = |name: &str| said[name].as_str().map(str::to_owned).with_context(|| format!("no {name}"));
    Ok(AccessKey { id: text("AccessKeyId")?, secret: text("SecretAccessKey")? })
}

/// One call with a key.
async fn works(control: &Control, key: &AccessKey) -> Result<()> {
    control.call_with_key(REGION, (&key.id, &key.secret), "s3", "list_buckets", &json!({})).await.map(drop)
}

/// The secret of the machine user, and what happens to it.
struct Secret<'a> {
    local_cloud: &'a LocalCloud,
    place: Place,
    patience: Duration,
}

impl Secret<'_> {
    /// The key that it hands out, once it is another one than that.
    async fn key_other_than(&self, known: Option<&AccessKey>) -> Result<AccessKey> {
        let start = Instant::now();
        loop {
            if let Ok(key) = read(&self.local_cloud.control, &self.place).await
                && known != Some(&key)
            {
                return Ok(key);
            }
            let known = known.map(|it| it.id.as_str());
            ensure!(start.elapsed() < self.patience, "{SECRET} has no other key than {known:?}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The account is looked at once more, so many days later.
    async fn days_pass(&self, days: u32) -> Result<()> {
        self.local_cloud.days_pass(&self.place, days).await?;
        let looked_at = json!({"reconcile": {"account": self.place.account}}).to_string();
        let queue = self.local_cloud.output("ReconcileQueueUrl")?;
        self.local_cloud.control.send_message(&LocalCloud::hub_place(), queue, &looked_at).await
    }

    /// The user's keys by their ids, with what IAM says of each.
    async fn keys(&self) -> Result<BTreeMap<String, String>> {
        let asked = json!({"UserName": USER});
        let control = &self.local_cloud.control;
        let listed = control.call(&self.place, PERSON, "iam", "list_access_keys", &asked).await?;
        let keys = listed["AccessKeyMetadata"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(keys.map(|key| (text(&key["AccessKeyId"]), text(&key["Status"]))).collect())
    }

    /// Waits until IAM says this of a key; `None`: that it is gone.
    async fn is(&self, key: &AccessKey, status: Option<&str>) -> Result<()> {
        let start = Instant::now();
        loop {
            let keys = self.keys().await?;
            if keys.get(&key.id).map(String::as_str) == status {
                return Ok(());
            }
            ensure!(start.elapsed() < self.patience, "{} is not {status:?}: {keys:?}", key.id);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What Slack says of the user, once `is_it`.
    async fn told(&self, what: &str, is_it: impl Fn(&SlackMessage) -> bool) -> Result<SlackMessage> {
        let about = format!("its machine user {USER}");
        let told = |seen: &Seen| {
            let mut of_it = seen.messages.iter().filter(|it| it.text.contains(&about));
            of_it.find(|it| it.text.contains(&self.place.account) && is_it(it)).cloned()
        };
        self.local_cloud.receiver.wait_for(what, self.patience, told).await
    }
}

/// Another key takes the first one's place; both work in the overlap, then the old one is gone, and no call has failed.
pub(crate) async fn disturbs_nobody(
    local_cloud: &LocalCloud,
    cast: &Cast,
    narrator: &mut Narrator,
) -> Result<()> {
    narrator.act("A key is rotated while it is in use");
    let place = Place::new(cast.id(ACCOUNT)?, REGION);
    let secret = Secret { local_cloud, place, patience: cast.patience };
    let old = secret.key_other_than(None).await?;
    let pipelines = Pipelines::begin(&secret, &old);
    for pipeline in [Pipeline::Careful, Pipeline::Careless] {
        pipelines.goes_on(pipeline, &old, cast.patience).await?;
    }
    narrator.say(&format!(
        "what cannot have a role works as the machine user {USER} of {ACCOUNT}: its key {} is in {SECRET} of Secrets Manager alone",
        old.id
    ));
    narrator.note(
        "two pipelines use it all the time: one reads the secret before each call, the other has read it once and keeps the key",
    );
    let new = both_work(&secret, &pipelines, &old, narrator).await?;
    the_old_one_goes(&secret, &pipelines, (&old, &new), narrator).await?;
    let (done, with_old) = {
        let calls = locked(&pipelines.calls);
        let of_old = calls.done.iter().filter(|((_, key), _)| *key == old.id).map(|(_, count)| count);
        (calls.done.values().sum::<u32>(), of_old.sum::<u32>())
    };
    pipelines.none_was_refused()?;
    narrator.say(&format!(
        "{done} calls of the two pipelines, {with_old} with the old key and {} with the new one: none was refused",
        done - with_old
    ));
    Ok(())
}

/// The first one becomes as old as a key may be.
async fn both_work(
    secret: &Secret<'_>,
    pipelines: &Pipelines,
    old: &AccessKey,
    narrator: &Narrator,
) -> Result<AccessKey> {
    secret.days_pass(ROTATE_DAYS).await?;
    let new = secret.key_other_than(Some(old)).await?;
    pipelines.goes_on(Pipeline::Careful, &new, secret.patience).await?;
    pipelines.goes_on(Pipeline::Careless, old, secret.patience).await?;
    let keys = secret.keys().await?;
    ensure!(keys.len() == 2 && keys.values().all(|status| status == "Active"), "not two keys: {keys:?}");
    narrator.say(&format!(
        "{ROTATE_DAYS} days pass (rotate_days): {} takes its place in the secret, and both work",
        new.id
    ));
    narrator.note(
        "days do not pass in a demo: what IAM and the table say of the user's keys becomes older instead",
    );

    secret.days_pass(OVERLAP_DAYS).await?;
    let told =
        secret.told("Slack to say that the old key is used", |it| plain(it).contains("still used")).await?;
    narrator.say(&format!(
        "{OVERLAP_DAYS} days pass (overlap_days), and a pipeline still uses the old key: it goes on to work, and Slack {} hears of it:",
        told.channel
    ));
    narrator.quote(&plain(&told));
    ensure!(plain(&told).contains(&old.id), "it does not say which key: {told:#?}");
    pipelines.goes_on(Pipeline::Careless, old, secret.patience).await?;
    Ok(new)
}

/// Nobody uses it any more.
async fn the_old_one_goes(
    secret: &Secret<'_>,
    pipelines: &Pipelines,
    (old, new): (&AccessKey, &AccessKey),
    narrator: &Narrator,
) -> Result<()> {
    pipelines.read_again(new);
    pipelines.goes_on(Pipeline::Careless, new, secret.patience).await?;
    secret.days_pass(1).await?;
    secret.is(old, Some("Inactive")).await?;
    let refused = works(&secret.local_cloud.control, old).await;
    ensure!(refused.is_err(), "{} is switched off, and works", old.id);
    secret.told("Slack to say that all is as declared", |it| it.text.contains("is as declared")).await?;
    narrator.say(&format!(
        "that pipeline reads the secret again, a day passes: {} is switched off, AWS takes it no longer, and the message \
         says that all is as declared",
        old.id
    ));
    secret.days_pass(1).await?;
    secret.is(old, None).await?;
    secret.is(new, Some("Active")).await?;
    for pipeline in [Pipeline::Careful, Pipeline::Careless] {
        pipelines.goes_on(pipeline, new, secret.patience).await?;
    }
    narrator.say(&format!(
        "a day later it is deleted; until then it could have been switched on again. {} is left",
        new.id
    ));
    Ok(())
}
