//! A new account's starter pack: what a team finds in it, who may deploy, and who may not.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use phonehome_localcloud::{Answered, Credentials, Job, LocalCloud, Place, REGION, Refusal};
use serde_json::{Value, json};

use super::by_hand::PERSON;
use super::cast::Cast;
use super::narrator::Narrator;

/// The account whose starter pack it is.
pub(crate) const ACCOUNT: &str = "shop-dev";
/// The role for the workflows of the shop's repository, with its path.
pub(crate) const DEPLOY_ROLE: &str = "phonehome/deploy";
const STACK: &str = "phonehome-starter-pack";
const STATE: &str = "terraform.tfstate";
const LOCK: &str = "terraform.tfstate.tflock";
const PAUSE: Duration = Duration::from_millis(200);
/// Forged tokens that the story names, and why nobody may be let in with them. All others are tried as well.
const FORGERIES: [(&str, &str); 7] = [
    ("another key", "somebody signed it who is not GitHub"),
    ("no algorithm", "nobody signed it"),
    ("a claim changed after it was signed", "GitHub signed something else"),
    ("expired", "GitHub signed it, too long ago"),
    ("the id of another repository", "GitHub signed it, for a repository that the role does not name"),
    ("a fork's pull request", "GitHub signed it, for what a stranger proposes"),
    ("a branch that begins alike", "GitHub signed it, for a branch that the role does not name"),
];

/// The repository's job, as GitHub's token tells it.
pub(crate) fn job() -> Job {
    Job {
        repository: "acme/shop",
        repository_id: 1_317_716_765,
        owner_id: 252_500_266,
        git_ref: "refs/heads/main".to_owned(),
        environment: None,
    }
}

/// The pack stands; a job deploys with the role by its token, and nobody does by a forged one.
pub(crate) async fn is_used(local_cloud: &LocalCloud, cast: &Cast, narrator: &mut Narrator) -> Result<()> {
    narrator.act("What a new account has beside its network");
    let place = Place::new(cast.id(ACCOUNT)?, REGION);
    let resources = stands(local_cloud, cast, &place).await?;
    narrator.say(&format!(
        "the fleet file gives the shop's accounts a starter pack; in {ACCOUNT} it stands, as the stack {STACK}:"
    ));
    narrator.quote(&resources);
    let file = cast.fleet_file.display().to_string();
    let names = ["starter-pack", ACCOUNT, "--account-id", &place.account, "--fleet", &file];
    let names = local_cloud.phonehome(&names).await?;
    narrator.say(&format!(
        "phonehome starter-pack {ACCOUNT}, for its team to paste; from the fleet file alone, it asks nobody:"
    ));
    narrator.quote(&names);

    let deploying = Deploying::begin(local_cloud, &place).await?;
    narrator.say(&format!(
        "a workflow of acme/shop on its branch main has no key: by GitHub's token for the job it gets the role {DEPLOY_ROLE}"
    ));
    deploying.deploys(narrator).await?;
    deploying.stays_within_its_bounds(narrator).await?;
    forged_tokens_are_refused(local_cloud, &place, narrator).await
}

/// What the pack's stack has made, once it has.
async fn stands(local_cloud: &LocalCloud, cast: &Cast, place: &Place) -> Result<String> {
    let (start, asked) = (Instant::now(), json!({"StackName": STACK}));
    let call = async |operation: &str| {
        local_cloud.control.call(place, PERSON, "cloudformation", operation, &asked).await
    };
    loop {
        let shown = call("describe_stacks").await.unwrap_or_default();
        if shown["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE" {
            break;
        }
        ensure!(start.elapsed() < cast.patience, "no starter pack stands in {ACCOUNT}: {shown:#}");
        tokio::time::sleep(PAUSE).await;
    }
    let shown = call("describe_stack_resources").await?;
    let of_each = shown["StackResources"].as_array().into_iter().flatten().map(|resource| {
        let text = |name: &str| resource[name].as_str().unwrap_or_default();
        format!("{:<30}{}", text("ResourceType"), text("PhysicalResourceId"))
    });
    let mut lines: Vec<String> = of_each.collect();
    lines.sort();
    Ok(lines.join("\n"))
}

/// A job that has got the role.
struct Deploying<'a> {
    local_cloud: &'a LocalCloud,
    keys: Credentials,
    bucket: String,
}

impl<'a> Deploying<'a> {
    async fn begin(local_cloud: &'a LocalCloud, place: &Place) -> Result<Self> {
        let keys = local_cloud.control.job_credentials(place, DEPLOY_ROLE, &job()).await?;
        Ok(Self { local_cloud, keys, bucket: format!("phonehome-state-{}-{REGION}-an", place.account) })
    }

    async fn call(&self, service: &str, operation: &str, arguments: Value) -> Result<Answered> {
        self.local_cloud.control.call_with(REGION, &self.keys, (service, operation), &arguments).await
    }

    async fn may(&self, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        match self.call(service, operation, arguments).await? {
            Answered::Ok(answer) => Ok(answer),
            Answered::Refused(code) => anyhow::bail!("the job may not {service}:{operation}: {code}"),
        }
    }

    fn object(&self, key: &str) -> Value {
        json!({"Bucket": self.bucket, "Key": key})
    }

    /// As Terraform does: under its lock, with the state before and after.
    async fn deploys(&self, narrator: &Narrator) -> Result<()> {
        let lock = json!({"Bucket": self.bucket, "Key": LOCK, "Body": "{}", "IfNoneMatch": "*"});
        self.may("s3", "put_object", lock.clone()).await?;
        let second = self.call("s3", "put_object", lock).await?;
        ensure!(second == Answered::Refused("PreconditionFailed".to_owned()), "a second lock: {second:?}");
        let queue = json!({"QueueName": "orders"});
        let made = self.may("sqs", "create_queue", queue).await?.to_string();
        let state = json!({"Bucket": self.bucket, "Key": STATE, "Body": made});
        self.may("s3", "put_object", state).await?;
        let read = self.may("s3", "get_object", self.object(STATE)).await?;
        ensure!(read["Body"] == made, "the state reads {read}");
        self.may("s3", "delete_object", self.object(LOCK)).await?;
        narrator.say(&format!(
            "it deploys as Terraform does: takes the lock (a second job would wait), makes the queue orders, writes the state \
             into {}",
            self.bucket
        ));
        Ok(())
    }

    /// What would undo its bounds, or what the account would lose.
    async fn stays_within_its_bounds(&self, narrator: &Narrator) -> Result<()> {
        let versions = self.may("s3", "list_object_versions", json!({"Bucket": self.bucket})).await?;
        let state = versions["Versions"].as_array().into_iter().flatten().find(|it| it["Key"] == STATE);
        let version = state.context("the state has no version")?["VersionId"].clone();
        let forever = json!({"Bucket": self.bucket, "Key": STATE, "VersionId": version});
        let calls = [
            ("s3", "delete_object", forever),
            ("s3", "delete_bucket_policy", json!({"Bucket": self.bucket})),
            ("iam", "create_user", json!({"UserName": "mallory"})),
        ];
        for (service, operation, arguments) in calls {
            let answered = self.call(service, operation, arguments).await?;
            let is_denied = matches!(&answered, Answered::Refused(code) if code.starts_with("AccessDenied"));
            ensure!(is_denied, "the job asked for {service}:{operation}: {answered:?}");
        }
        narrator.say(
            "it may neither delete a version of the state for good, nor open the bucket, nor make a user: AccessDenied",
        );
        Ok(())
    }
}

/// Every forged token that there is, against the same role.
async fn forged_tokens_are_refused(
    local_cloud: &LocalCloud,
    place: &Place,
    narrator: &Narrator,
) -> Result<()> {
    let answers: BTreeMap<String, Refusal> =
        local_cloud.control.forged_tokens(place, DEPLOY_ROLE, &job()).await?;
    for (name, (expected, answered)) in &answers {
        ensure!(answered == expected, "a forged token, {name}: {answered} and not {expected}");
    }
    narrator.say("nobody gets that role by a forged token:");
    for (name, why) in FORGERIES {
        let (_, answered) = answers.get(name).with_context(|| format!("no forged token: {name}"))?;
        narrator.quote(&format!("{name:<37}{answered:<22}{why}"));
    }
    let others = answers.len() - FORGERIES.len();
    narrator.quote(&format!("{others} others, each refused with the error that AWS gives"));
    // It was the tokens, and not the role.
    local_cloud.control.job_credentials(place, DEPLOY_ROLE, &job()).await?;
    narrator.say("the right token still lets the job in");
    Ok(())
}
