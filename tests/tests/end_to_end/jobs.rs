//! Jobs of GitHub's workflows: by their tokens, and with no stored key, they get a role of the account's starter pack.

use phonehome_localcloud::{Answered, Credentials, Job};

use super::vended::fleet;
use super::*;

const STACK: &str = "phonehome-starter-pack";
const STATE: &str = "prod/terraform.tfstate";
const GITHUB: &str = "token.actions.githubusercontent.com";
const LOCK: &str = "prod/terraform.tfstate.tflock";

/// A role for the state alone, one that may do everything that the boundary lets it, one for an environment.
const PACK: &str = r#"starter_pack:
  key: true
  state_bucket: true
  permissions_boundary: phonehome-boundary
  repositories: [{ name: acme/shop, id: 1317716765, owner_id: 252500266 }]
  deploy_roles:
    - { name: state, branches: [main] }
    - { name: deploy, branches: [main], managed_policies: ["arn:aws:iam::aws:policy/AdministratorAccess"] }
    - { name: release, github_environments: [production] }
"#;

/// What no role may do, whatever its policies say: to undo its own bounds, or what the account would lose.
fn boundary() -> Value {
    let never = [
        "iam:DeleteRolePermissionsBoundary",
        "iam:PutRolePermissionsBoundary",
        "iam:CreatePolicyVersion",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "s3:DeleteObjectVersion",
        "s3:PutBucketPolicy",
        "s3:PutBucketVersioning",
    ];
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": never, "Resource": "*"},
    ]})
}

fn job() -> Job {
    Job {
        repository: "acme/shop",
        repository_id: 1_317_716_765,
        owner_id: 252_500_266,
        git_ref: "refs/heads/main".to_owned(),
        environment: None,
    }
}

/// A job that has got a role.
struct Deploying<'a> {
    play: &'a Play,
    keys: Credentials,
}

impl<'a> Deploying<'a> {
    async fn with(play: &'a Play, place: &Place, role: &str) -> Result<Self> {
        let keys = play.local_cloud.control.job_credentials(place, role, &job()).await?;
        Ok(Self { play, keys })
    }

    async fn call(&self, service: &str, operation: &str, arguments: Value) -> Result<Answered> {
        let call = (service, operation);
        self.play.local_cloud.control.call_with(REGION, &self.keys, call, &arguments).await
    }

    async fn may(&self, service: &str, operation: &str, arguments: Value) -> Result<Value> {
        match self.call(service, operation, arguments).await? {
            Answered::Ok(answer) => Ok(answer),
            Answered::Refused(code) => anyhow::bail!("{service}:{operation} is refused: {code}"),
        }
    }

    /// Each call is denied, and nothing else is wrong with it.
    async fn may_not(&self, calls: &[(&str, &str, Value)]) -> Result<()> {
        for (service, operation, arguments) in calls {
            let answered = self.call(service, operation, arguments.clone()).await?;
            let is_denied = matches!(&answered, Answered::Refused(code) if code.starts_with("AccessDenied"));
            ensure!(is_denied, "{service}:{operation} {arguments}: {answered:?}");
        }
        Ok(())
    }
}

/// Two accounts that phonehome has made, each with the pack. In the second one GitHub's provider is the team's own.
async fn vended(play: &Play) -> Result<Vec<Place>> {
    let web = "name: web, owner: team-web, ";
    let file = fleet(play, &["shop", "web"], 100);
    let file = file.replace(web, &format!("{web}starter_pack: {{ oidc_provider: theirs }}, "));
    ensure!(file.contains("theirs"), "{file}");
    play.permits(&file, 2).await?;
    let (shop, web) = (play.account_named("shop-dev").await?.id, play.account_named("web-dev").await?.id);
    let accounts = vec![shop, web];
    play.local_cloud.deploy_member_role(&accounts).await?;
    play.until_ready(2).await?;
    let places: Vec<Place> = accounts.iter().map(|account| Place::new(account, REGION)).collect();
    for place in &places {
        let policy = json!({"PolicyName": "phonehome-boundary", "PolicyDocument": boundary().to_string()});
        play.local_cloud.control.call(place, "alice", "iam", "create_policy", &policy).await?;
    }
    let provider = json!({"Url": format!("https://{GITHUB}"), "ClientIDList": ["sts.amazonaws.com"]});
    let control = &play.local_cloud.control;
    control.call(&places[1], "bob", "iam", "create_open_id_connect_provider", &provider).await?;
    play.publish_file(&format!("{file}{PACK}")).await?;
    play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await?;
    for place in &places {
        until_the_pack_is_there(play, place).await?;
    }
    Ok(places)
}

async fn until_the_pack_is_there(play: &Play, place: &Place) -> Result<()> {
    let (start, asked) = (Instant::now(), json!({"StackName": STACK}));
    loop {
        let shown =
            play.local_cloud.control.call(place, "alice", "cloudformation", "describe_stacks", &asked);
        let shown = shown.await.unwrap_or_default();
        if shown["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE" {
            return Ok(());
        }
        ensure!(start.elapsed() < PATIENCE, "no pack in {}: {shown:#}", place.account);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn bucket_of(place: &Place) -> String {
    format!("phonehome-state-{}-{REGION}-an", place.account)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_deploys_by_its_token_alone_and_forged_ones_get_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (stage, _) = Stage::choose(&repository(), folder.path()).await?;
    let play = Play::deployed_on(stage, folder).await?;
    let places = vended(&play).await?;
    let (shop, web) = (&places[0], &places[1]);
    only_the_right_token_is_let_in(&play, shop).await?;
    a_shell_with_the_right_token_alone_becomes_the_role(&play, shop).await?;
    let state = Deploying::with(&play, shop, "phonehome/state").await?;
    let versions = a_state_is_written_under_its_lock(&state, shop).await?;
    the_state_role_may_do_nothing_else(&state, shop, web, &versions).await?;
    let deploy = Deploying::with(&play, shop, "phonehome/deploy").await?;
    the_boundary_bounds_whoever_may_do_everything(&deploy, shop, web, &versions).await?;
    a_provider_of_the_teams_is_used_and_is_not_in_the_stack(&play, shop, web).await?;
    without_the_provider_nobody_is_let_in(&play, shop).await?;
    without_the_provider_nobody_is_let_in(&play, web).await?;
    that_the_teams_provider_is_gone_is_told(&play, web).await
}

async fn only_the_right_token_is_let_in(play: &Play, shop: &Place) -> Result<()> {
    let control = &play.local_cloud.control;
    for role in ["phonehome/state", "phonehome/deploy"] {
        // From here on the role is known, and nothing is denied because it is not.
        control.job_credentials(shop, role, &job()).await?;
        let answers = control.forged_tokens(shop, role, &job()).await?;
        ensure!(answers.len() > 45, "{} forged tokens were tried", answers.len());
        for (name, (expected, answered)) in answers {
            ensure!(answered == expected, "{role}, {name}: {answered} and not {expected}");
        }
        control.job_credentials(shop, role, &job()).await?;
    }
    let production = Job { environment: Some("production".to_owned()), ..job() };
    control.job_credentials(shop, "phonehome/release", &production).await?;
    for (role, job) in [("phonehome/release", &job()), ("phonehome/deploy", &production)] {
        let said = control.job_credentials(shop, role, job).await.unwrap_err().to_string();
        ensure!(said.contains("(AccessDenied)"), "{role}: {said}");
    }
    Ok(())
}

/// As the AWS CLI does: boto3 asks for the role by itself.
async fn a_shell_with_the_right_token_alone_becomes_the_role(play: &Play, shop: &Place) -> Result<()> {
    let python = phonehome_localcloud::venv::python(&repository(), "localcloud");
    let who = "import boto3; print(boto3.client(\"sts\").get_caller_identity()[\"Arn\"])";
    let asked = format!("'{}' -c '{who}'", python.display());
    let arn = format!("arn:aws:sts::{}:assumed-role/deploy/deploy\n", shop.account);
    let cases = [("job", None, arn.as_str()), ("forged", Some("a fork"), "(AccessDenied)")];
    for (name, forgery, expected) in cases {
        let (role, token) = ((shop, "phonehome/deploy"), (&job(), forgery));
        play.local_cloud.write_job_files(play.folder.path(), name, role, token).await?;
        let (is_let_in, said) = by_hand::shell(play, name, &asked).await?;
        ensure!(is_let_in == forgery.is_none() && said.contains(expected), "{name}: {said}");
    }
    Ok(())
}

/// As Terraform does with `use_lockfile`: answers the ids of the state's versions.
async fn a_state_is_written_under_its_lock(job: &Deploying<'_>, shop: &Place) -> Result<Vec<Value>> {
    let bucket = bucket_of(shop);
    let object = |key: &str| json!({"Bucket": bucket, "Key": key});
    let written = |key: &str, body: &str| json!({"Bucket": bucket, "Key": key, "Body": body});
    let lock = json!({"Bucket": bucket, "Key": LOCK, "Body": "{}", "IfNoneMatch": "*"});
    job.may("s3", "list_objects_v2", json!({"Bucket": bucket})).await?;
    let mut versions = vec![];
    for serial in ["1", "2"] {
        job.may("s3", "put_object", lock.clone()).await?;
        let again = job.call("s3", "put_object", lock.clone()).await?;
        assert_eq!(again, Answered::Refused("PreconditionFailed".to_owned()), "a second job waits");
        let put = job.may("s3", "put_object", written(STATE, serial)).await?;
        versions.push(put["VersionId"].clone());
        let read = job.may("s3", "get_object", object(STATE)).await?;
        assert_eq!(read["Body"], serial);
        job.may("s3", "delete_object", object(LOCK)).await?;
    }
    ensure!(versions[0].is_string() && versions[0] != versions[1], "the bucket keeps versions: {versions:?}");
    Ok(versions)
}

async fn the_state_role_may_do_nothing_else(
    job: &Deploying<'_>,
    shop: &Place,
    web: &Place,
    versions: &[Value],
) -> Result<()> {
    let (bucket, theirs) = (bucket_of(shop), bucket_of(web));
    let calls = [
        ("s3", "delete_object", json!({"Bucket": bucket, "Key": STATE})),
        ("s3", "delete_object", json!({"Bucket": bucket, "Key": STATE, "VersionId": versions[0]})),
        (
            "s3",
            "put_bucket_versioning",
            json!({"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}}),
        ),
        ("s3", "delete_bucket_policy", json!({"Bucket": bucket})),
        ("s3", "get_object", json!({"Bucket": theirs, "Key": STATE})),
        ("s3", "put_object", json!({"Bucket": theirs, "Key": STATE, "Body": "1"})),
        ("s3", "list_objects_v2", json!({"Bucket": theirs})),
        ("iam", "list_roles", json!({})),
        ("ec2", "describe_vpcs", json!({})),
        ("kms", "list_keys", json!({})),
    ];
    for call in calls {
        let denied = if call.0 == "ec2" { "UnauthorizedOperation" } else { "AccessDenied" };
        let answered = job.call(call.0, call.1, call.2.clone()).await?;
        let is_denied = matches!(&answered, Answered::Refused(code) if code.starts_with(denied));
        ensure!(is_denied, "{}:{} {}: {answered:?}", call.0, call.1, call.2);
    }
    job.may_not(&job.bounds(shop).await?).await
}

impl Deploying<'_> {
    /// Calls by which a role would undo its own bounds.
    async fn bounds(&self, shop: &Place) -> Result<Vec<(&'static str, &'static str, Value)>> {
        let aliases =
            self.play.local_cloud.control.call(shop, "alice", "kms", "list_aliases", &json!({})).await?;
        let aliases = aliases["Aliases"].as_array().cloned().unwrap_or_default();
        let key = aliases.iter().find(|it| it["AliasName"] == "alias/phonehome").context("no key")?;
        let key = key["TargetKeyId"].clone();
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}]});
        let boundary = format!("arn:aws:iam::{}:policy/phonehome-boundary", shop.account);
        let wide = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"}]});
        Ok(vec![
            (
                "kms",
                "put_key_policy",
                json!({"KeyId": key, "PolicyName": "default", "Policy": policy.to_string()}),
            ),
            ("kms", "schedule_key_deletion", json!({"KeyId": key, "PendingWindowInDays": 7})),
            ("iam", "delete_role_permissions_boundary", json!({"RoleName": "deploy"})),
            (
                "iam",
                "put_role_permissions_boundary",
                json!({"RoleName": "deploy", "PermissionsBoundary":
                "arn:aws:iam::aws:policy/AdministratorAccess"}),
            ),
            (
                "iam",
                "create_policy_version",
                json!({"PolicyArn": boundary, "PolicyDocument": wide.to_string(),
                "SetAsDefault": true}),
            ),
        ])
    }
}

async fn the_boundary_bounds_whoever_may_do_everything(
    job: &Deploying<'_>,
    shop: &Place,
    web: &Place,
    versions: &[Value],
) -> Result<()> {
    job.may("ec2", "describe_vpcs", json!({})).await?;
    job.may("sqs", "create_queue", json!({"QueueName": "deployed"})).await?;
    job.may_not(&job.bounds(shop).await?).await?;
    let old = json!({"Bucket": bucket_of(shop), "Key": STATE, "VersionId": versions[0]});
    job.may_not(&[("s3", "delete_object", old.clone())]).await?;
    assert_eq!(job.may("s3", "get_object", old).await?["Body"], "1");
    let theirs = json!({"Bucket": bucket_of(web), "Key": STATE});
    let answered = job.call("s3", "get_object", theirs).await?;
    ensure!(matches!(answered, Answered::Refused(_)), "another account's: {answered:?}");
    Ok(())
}

async fn a_provider_of_the_teams_is_used_and_is_not_in_the_stack(
    play: &Play,
    shop: &Place,
    web: &Place,
) -> Result<()> {
    let control = &play.local_cloud.control;
    for (place, is_ours) in [(shop, true), (web, false)] {
        let asked = json!({"StackName": STACK});
        let shown = control.call(place, "alice", "cloudformation", "describe_stack_resources", &asked);
        let kinds = shown.await?["StackResources"].to_string();
        ensure!(kinds.contains("AWS::IAM::Role"), "{kinds}");
        assert_eq!(kinds.contains("AWS::IAM::OIDCProvider"), is_ours, "{kinds}");
    }
    let asked = json!({"OpenIDConnectProviderArn": provider_of(web)});
    let theirs = control.call(web, "alice", "iam", "get_open_id_connect_provider", &asked).await?;
    ensure!(!theirs["Tags"].to_string().contains("phonehome"), "{theirs}");
    let keys = Deploying::with(play, web, "phonehome/state").await?;
    let written = json!({"Bucket": bucket_of(web), "Key": STATE, "Body": "1"});
    keys.may("s3", "put_object", written).await?;
    // With the same policies, in its own account alone.
    let elsewhere = json!({"Bucket": bucket_of(shop), "Key": STATE});
    keys.may_not(&[("s3", "get_object", elsewhere)]).await
}

fn provider_of(place: &Place) -> String {
    format!("arn:aws:iam::{}:oidc-provider/{GITHUB}", place.account)
}

/// Somebody deletes it.
async fn without_the_provider_nobody_is_let_in(play: &Play, shop: &Place) -> Result<()> {
    let provider = format!("arn:aws:iam::{}:oidc-provider/token.actions.githubusercontent.com", shop.account);
    let named = json!({"OpenIDConnectProviderArn": provider});
    let control = &play.local_cloud.control;
    control.call(shop, "alice", "iam", "delete_open_id_connect_provider", &named).await?;
    let said = control.job_credentials(shop, "phonehome/deploy", &job()).await.unwrap_err().to_string();
    ensure!(said.contains("(InvalidIdentityToken)") && said.contains("No OpenIDConnect provider"), "{said}");
    Ok(())
}

async fn that_the_teams_provider_is_gone_is_told(play: &Play, web: &Place) -> Result<()> {
    play.local_cloud.days_pass(web, 1).await?;
    play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await?;
    let gone = provider_of(web) + " is not there";
    let says_so = |message: &&SlackMessage| format!("{:?}", message.blocks).contains(&gone);
    let receiver = &play.local_cloud.receiver;
    let what = "Slack to say that the team's identity provider is gone";
    let said = receiver.wait_for(what, PATIENCE, |seen| seen.messages.iter().find(says_so).cloned()).await?;
    ensure!(said.text.contains(web.account.as_str()), "{}", said.text);
    Ok(())
}
