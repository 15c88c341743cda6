//! People change networks with the AWS CLI, and create accounts.

use super::*;

/// How often the stack was observed, but for what the alerter asked for, once nothing is under way and nothing will be
/// before the next sweep.
async fn at_rest(play: &Play) -> Result<u64> {
    let (hub, queue) = (LocalCloud::hub_place(), play.local_cloud.output("ReconcileQueueUrl")?);
    let start = Instant::now();
    while play.local_cloud.control.queue_length(&hub, queue).await? > 0 {
        ensure!(start.elapsed() < PATIENCE, "the provisioner's queue never becomes empty");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let status = play.local_cloud.status().await?;
    let observed = status["stacks"][0]["generation"].as_u64().context("the stack has no generation")?;
    let log = std::fs::read_to_string(play.folder.path().join("emulator.log"))?;
    Ok(observed.saturating_sub(log.matches("\"asked to be observed\"").count() as u64))
}

/// A change that somebody makes in a network, as boto3 names it.
struct Change {
    event_name: &'static str,
    operation: &'static str,
    arguments: Value,
}

/// One of each kind that phonehome repairs, by what the account has.
async fn changes(play: &Play, place: &Place) -> Result<Vec<Change>> {
    let look = async |operation: &str| {
        play.local_cloud.control.call(place, "somebody", "ec2", operation, &json!({})).await
    };
    let (network, acls) =
        (play.local_cloud.network(&place.account).await?, look("describe_network_acls").await?);
    let leads_out = |table: &&RouteTable| table.routes.iter().any(|route| route.target.starts_with("nat-"));
    let table = &network.route_tables.iter().find(leads_out).context("no way out")?.id;
    let denies = |entry: &&Value| entry["RuleAction"] == "deny" && entry["PortRange"].is_object();
    let entries = acls["NetworkAcls"].as_array().into_iter().flatten();
    let (acl, entry) = entries
        .filter_map(|acl| Some((&acl["NetworkAclId"], acl["Entries"].as_array()?.iter().find(denies)?)))
        .next()
        .context("no entry that denies")?;
    let change = |event_name, operation, arguments| Change { event_name, operation, arguments };
    Ok(vec![
        change(
            "DeleteRoute",
            "delete_route",
            json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"}),
        ),
        change(
            "ReplaceNetworkAclEntry",
            "replace_network_acl_entry",
            json!({"NetworkAclId": acl, "RuleNumber": entry["RuleNumber"], "Egress": false, "RuleAction": "allow",
                "Protocol": entry["Protocol"], "PortRange": entry["PortRange"], "CidrBlock": "0.0.0.0/0"}),
        ),
        change(
            "ModifyVpcAttribute",
            "modify_vpc_attribute",
            json!({"VpcId": network.vpcs[0].id, "EnableDnsSupport": {"Value": false}}),
        ),
        change("DeleteNatGateway", "delete_nat_gateway", json!({"NatGatewayId": network.nat_gateways[0].id})),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_a_network_is_named_and_phonehomes_own_calls_wake_nobody() -> Result<()> {
    let (play, accounts) = Play::with_accounts(&["shop-dev"]).await?;
    play.until_ready(1).await?;
    let place = Place::new(&accounts[0], REGION);
    let mut before = at_rest(&play).await?;
    // Some hundred calls made the network, and each was told of.
    ensure!(before <= 8, "{before} observations for one new account");
    for Change { event_name, operation, arguments } in changes(&play, &place).await? {
        let person = format!("{operation}@example.com");
        play.local_cloud.control.call(&place, &person, "ec2", operation, &arguments).await?;
        let said = format!("repaired: {event_name} by ");
        // By itself, or in the thread of the incident that it explains.
        let named = |message: &&SlackMessage| {
            let replies = message.thread.iter().map(|reply| &reply.blocks);
            std::iter::once(&message.blocks).chain(replies).any(|blocks| {
                let blocks = format!("{blocks:?}");
                blocks.contains(&said) && blocks.contains(&person)
            })
        };
        let what = format!("Slack to say that {person} did it");
        play.local_cloud
            .receiver
            .wait_for(&what, PATIENCE, |seen| seen.messages.iter().find(named).cloned())
            .await?;
        let after = at_rest(&play).await?;
        // It is observed and repaired, and looked at again once that has converged.
        ensure!(after - before <= 2, "{operation}: observed {} times", after - before);
        before = after;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_somebody_creates_by_hand_gets_its_network_where_it_is_declared() -> Result<()> {
    let (play, accounts) = Play::with_accounts(&["shop-dev"]).await?;
    play.until_ready(1).await?;
    for name in ["shop-prod", "sandbox"] {
        play.local_cloud.control.create_account(name, &format!("{name}@example.com")).await?;
    }
    let new = play.local_cloud.deploy_to_new_accounts().await?;
    assert_eq!(new.iter().map(|account| account.name.as_str()).collect::<Vec<_>>(), ["shop-prod", "sandbox"]);
    assert_eq!(play.local_cloud.deploy_to_new_accounts().await?, []);
    let status = play.until_ready(2).await?;
    let names: Vec<_> =
        status["stacks"].as_array().into_iter().flatten().map(|it| it["account"].clone()).collect();
    assert!(names.contains(&json!(new[0].id)) && !names.contains(&json!(new[1].id)), "{names:?}");
    play.local_cloud
        .receiver
        .wait_for("Slack to say that sandbox is in no fleet file", PATIENCE, |seen| {
            seen.messages.iter().find(|message| message.text.contains("not in the fleet file")).cloned()
        })
        .await?;
    let all = [accounts[0].as_str(), &new[0].id, &new[1].id];
    whoever_begins_with_these_accounts_has_a_valid_draft_of_all(&play, &all).await
}

async fn whoever_begins_with_these_accounts_has_a_valid_draft_of_all(
    play: &Play,
    accounts: &[&str],
) -> Result<()> {
    let file = play.folder.path().join("drafted.yaml");
    let file = file.to_str().context("the folder's name is not UTF-8")?;
    let said = play.local_cloud.phonehome_as_operator(&["init", "--draft", file]).await?;
    let drafted = std::fs::read_to_string(file)?;
    for account in accounts {
        ensure!(drafted.contains(account), "{account} is not in what was drafted:\n{drafted}\n{said}");
    }
    play.local_cloud.phonehome_as_operator(&["validate", "--fleet", file]).await?;
    // What the hub knows already is bound once more by nobody.
    let published = play.folder.path().join("fleet.yaml").display().to_string();
    let said = play.local_cloud.phonehome_as_operator(&["init", "--fleet", &published, "--yes"]).await?;
    ensure!(said.contains("2 lines are accounts already"), "{said}");
    ensure!(
        play.local_cloud.phonehome_as_operator(&["init", "--draft", file]).await.is_err(),
        "written over"
    );
    Ok(())
}

/// What a shell that knows nothing says once it is somebody.
pub(super) async fn shell(play: &Play, who: &str, command: &str) -> Result<(bool, String)> {
    let file = phonehome_localcloud::shell_file(play.folder.path(), who);
    let script = format!(". '{}'; {command}", file.display());
    let mut shell = tokio::process::Command::new("sh");
    let output = shell.args(["-c", &script]).env_clear().env("PATH", "/usr/bin:/bin").output().await?;
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    Ok((output.status.success(), said))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_becomes_whoever_its_file_is_of_and_may_do_no_more() -> Result<()> {
    let (play, accounts) = Play::with_accounts(&["shop-dev"]).await?;
    play.until_ready(1).await?;
    play.local_cloud.write_shell_files(play.folder.path()).await?;
    let place = Place::new(&accounts[0], REGION);
    let before = play.local_cloud.network(&accounts[0]).await?;
    let deleted = &changes(&play, &place).await?[0];
    // Nobody is told of it: a trail that is stopped records nothing.
    play.local_cloud.control.stop_trail(REGION).await?;
    play.local_cloud.control.call(&place, "alice", "ec2", deleted.operation, &deleted.arguments).await?;
    let file = play.folder.path().join("fleet.yaml");
    let apply = format!("phonehome apply --fleet '{}' --account shop-dev --wait 0", file.display());
    let (_, said) = shell(&play, "viewer", &apply).await?;
    assert!(said.contains("AccessDenied") && said.contains("phonehome-viewer/you@example.com"), "{said}");
    assert_ne!(sorted_routes(&play.local_cloud.network(&accounts[0]).await?), sorted_routes(&before));
    // It is not looked at again: that takes 41 s.
    let (_, said) = shell(&play, "operator", &apply).await?;
    assert!(said.contains("1 step done"), "{said}");
    assert_eq!(sorted_routes(&play.local_cloud.network(&accounts[0]).await?), sorted_routes(&before));

    let publish = format!("phonehome publish --yes --no-plan --again --fleet '{}'", file.display());
    let (published, said) = shell(&play, "viewer", &publish).await?;
    assert!(!published && said.contains("AccessDenied"), "{said}");
    let (published, said) = shell(&play, "operator", &publish).await?;
    assert!(published, "{said}");
    let (_, said) = shell(&play, "shop-dev", "printf %s \"$AWS_SESSION_TOKEN $AWS_ENDPOINT_URL\"").await?;
    let (token, endpoint) = said.split_once(' ').context("no session")?;
    assert_eq!((token.is_empty(), endpoint), (false, play.local_cloud.emulator.endpoint()));
    Ok(())
}
