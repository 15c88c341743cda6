//! phonehome on the local cloud: the project's own templates and release binaries, with IAM
//! enforced. `cargo xtask test` builds what this needs.

mod bad_input;
mod by_hand;
mod jobs;
mod machine_user;
mod observability;
mod pack;
mod settings;
mod vended;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use phonehome_localcloud::{
    LocalCloud, LocalCloudOptions, MANAGEMENT_ACCOUNT, Network, Place, REGION, RouteTable, Service,
    SlackMessage, SlackMode, Stage,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The longest anything here takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(120);

struct Play {
    local_cloud: LocalCloud,
    /// The payments domain's in prod.
    service: Service,
    internet: Service,
    folder: TempDir,
}

impl Play {
    /// Deploys everything, publishes a fleet of one product domain that needs another, and creates
    /// the named accounts with their roles. The probes run in a packet lab where one can be made.
    async fn with_accounts(names: &[&str]) -> Result<(Self, Vec<String>)> {
        let folder = tempfile::tempdir()?;
        let (stage, _) = Stage::choose(&repository(), folder.path()).await?;
        Self::on(stage, folder, names).await
    }

    async fn on(stage: Stage, folder: TempDir, names: &[&str]) -> Result<(Self, Vec<String>)> {
        let mut play = Self::deployed_on(stage, folder).await?;
        let connection = play.connection();
        play.publish(&connection).await?;
        let mut accounts = Vec::new();
        for name in names {
            accounts
                .push(play.local_cloud.control.create_account(name, &format!("{name}@example.com")).await?);
        }
        play.local_cloud.deploy_member_role(&accounts).await?;
        if let Some(payments) = names.iter().position(|name| *name == "payments-prod") {
            play.local_cloud.settle(&mut play.service, &accounts[payments], PATIENCE).await?;
        }
        Ok((play, accounts))
    }

    /// Everything is deployed, and nothing published.
    async fn deployed_on(stage: Stage, folder: TempDir) -> Result<Self> {
        let service = stage.service("api.payments.prod.example.internal", 443).await?;
        let internet = stage.internet("checkip.example.com", 443).await?;
        let options = LocalCloudOptions {
            repository: repository(),
            folder: folder.path().to_owned(),
            schedule_seconds: 2,
            overdue_after_seconds: 20,
            channels: vec!["#net-prod".to_owned(), "#net-dev".to_owned()],
        };
        let mut local_cloud = LocalCloud::start_on(stage, options).await?;
        local_cloud.make_trail().await?;
        local_cloud.deploy().await?;
        Ok(Self { local_cloud, service, internet, folder })
    }

    /// The shop needs payments, in prod.
    fn connection(&self) -> String {
        let (host, port) = (self.service.host(), self.service.port());
        format!(
            "{{ from: shop, to: payments, ports: [{port}], environments: [prod], check: {{ host: {host} }} }}"
        )
    }

    fn fleet(&self, connections: &str) -> String {
        let (host, port) = (self.internet.host(), self.internet.port());
        format!(
            r##"
version: 1
organization: {{ id: o-a1b2c3d4e5, management_account: "111111111111", hub_account: "222222222222" }}
regions: [{{ name: us-east-1, availability_zones: [use1-az1, use1-az2, use1-az3] }}]
address_pools: [{{ name: all, region: us-east-1, cidr: 10.0.0.0/12, block: 18 }}]
environments: [{{ name: dev, pools: [all] }}, {{ name: prod, pools: [all], paging: true }}]
domains:
  - {{ name: shop, owner: team-shop, environments: [dev, prod] }}
  - {{ name: payments, owner: team-payments, environments: [dev, prod] }}
connections: [{connections}]
probing: {{ timeout_ms: 1000, egress: [{{ host: {host}, port: {port} }}] }}
alert_routes: [{{ environments: [prod], slack_channel: "#net-prod", page: true }}, {{ slack_channel: "#net-dev" }}]
"##
        )
    }

    async fn publish(&self, connections: &str) -> Result<()> {
        self.publish_file(&self.fleet(connections)).await
    }

    async fn publish_file(&self, fleet: &str) -> Result<()> {
        let file = self.folder.path().join("fleet.yaml");
        std::fs::write(&file, fleet)?;
        let file = file.display().to_string();
        let plan =
            self.local_cloud.phonehome_as_operator(&["plan", "--format", "json", "--fleet", &file]).await?;
        let plan: Value = serde_json::from_str(&plan)?;
        let hash = plan["plan"].as_str().context("the plan has no hash")?;
        self.local_cloud.phonehome_as_operator(&["publish", "--plan", hash, "--fleet", &file]).await?;
        Ok(())
    }

    async fn until_ready(&self, count: usize) -> Result<Value> {
        let ready = |status: &Value| {
            let stacks = status["stacks"].as_array()?;
            (stacks.len() == count && stacks.iter().all(|stack| stack["phase"] == "ready"))
                .then(|| status.clone())
        };
        self.local_cloud.wait_for_status("every stack to be ready", PATIENCE, ready).await
    }

    async fn until_all_paths_are_up(&self, probes: usize) -> Result<()> {
        let up = |status: &Value| {
            let reported = status["paths"].as_object()?;
            let mut paths = reported.values().filter_map(Value::as_object).flat_map(|paths| paths.values());
            (reported.len() == probes && paths.all(|path| path["status"] == "up")).then_some(())
        };
        self.local_cloud.wait_for_status("every path to be up", PATIENCE, up).await
    }

    /// Both ends of the connection, once `found` answers for each.
    async fn at_both_ends<R>(
        &self,
        accounts: &[String],
        what: &str,
        found: impl Fn(&Network) -> Option<R>,
    ) -> Result<Vec<R>> {
        let mut answers = Vec::new();
        for account in accounts {
            answers.push(self.local_cloud.wait_for_network(account, what, PATIENCE, &found).await?);
        }
        Ok(answers)
    }

    async fn send(&self, output: &str, body: &str) -> Result<()> {
        self.local_cloud
            .control
            .send_message(&LocalCloud::hub_place(), self.local_cloud.output(output)?, body)
            .await
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_created_account_gets_its_network_and_probes_and_a_second_observation_changes_nothing() -> Result<()>
{
    let (play, accounts) = Play::with_accounts(&["shop-dev"]).await?;
    let status = play.until_ready(1).await?;
    let place = Place::new(&accounts[0], REGION);
    let network = play.local_cloud.control.describe_network(&place).await?;
    assert_eq!((network.vpcs.len(), network.subnets.len(), network.nat_gateways.len()), (1, 6, 3));
    assert_eq!(
        (
            network.route_tables.iter().filter(|t| !t.subnets.is_empty()).count(),
            network.functions.len(),
            network.schedules.len()
        ),
        (4, 3, 3)
    );
    let routes = network.route_tables.iter().flat_map(|table| &table.routes);
    assert_eq!(routes.filter(|route| route.destination == "0.0.0.0/0").count(), 4);
    let default = network.security_groups.iter().find(|group| group.name.ends_with("-default")).unwrap();
    assert_eq!((default.ingress, default.egress), (0, 0));
    assert_eq!(status["stacks"][0]["cidr"], "10.0.0.0/18");
    assert_eq!((network.endpoints.len(), network.peerings.len()), (2, 0));
    let denied: Vec<_> = network.acl_entries.iter().filter(|entry| !entry.allow).collect();
    assert_eq!(denied.iter().map(|it| it.traffic.as_str()).collect::<Vec<_>>(), ["tcp 22", "tcp 3389"]);
    let defaults = play.local_cloud.control.default_vpcs(&place).await?;
    assert_eq!(defaults.with_default_vpc, Vec::<String>::new());
    assert!(defaults.regions.len() > 1, "{defaults:?}");

    let generation = status["stacks"][0]["generation"].as_u64();
    play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await?;
    let observed = |status: &Value| {
        let stack = &status["stacks"][0];
        (stack["generation"].as_u64() > generation && stack["leased_until_ms"] == 0).then(|| stack.clone())
    };
    let stack = play.local_cloud.wait_for_status("the sweep", PATIENCE, observed).await?;
    assert_eq!(stack["message"], "as declared");
    assert_eq!(
        format!("{:?}", play.local_cloud.control.describe_network(&place).await?),
        format!("{network:?}")
    );
    let file = play.folder.path().join("fleet.yaml").display().to_string();
    let plan =
        play.local_cloud.phonehome_as_viewer(&["plan", "--fleet", &file, "--detailed-exitcode"]).await?;
    assert!(plan.contains("1 stack: 0 would change; 1 would not; 0 cannot be planned."), "{plan}");
    Ok(())
}

/// A route that leads to a peering, by where it leads.
fn peered(network: &Network) -> Vec<&str> {
    let routes = network.route_tables.iter().flat_map(|table| &table.routes);
    routes.filter(|route| route.target.starts_with("pcx-")).map(|route| route.destination.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_connection_is_a_peering_on_both_sides_and_goes_when_the_declaration_goes() -> Result<()> {
    let (play, accounts) = Play::with_accounts(&["shop-prod", "payments-prod"]).await?;
    play.until_ready(2).await?;
    let whole = |network: &Network| {
        let peering = network.peerings.iter().find(|peering| peering.state == "active")?;
        // Three private route tables, each with a route to each of the peer's three private subnets.
        let is_inside = network.security_groups.iter().any(|group| group.lets_in.len() == 3);
        let is_target = peering.name.ends_with("shop-prod");
        (peered(network).len() == 9 && is_inside == is_target).then(|| peering.clone())
    };
    let ends = play.at_both_ends(&accounts, "the peering", whole).await?;
    assert_eq!(ends[0].id, ends[1].id);
    assert_eq!((&ends[0].requester, &ends[0].accepter), (&accounts[0], &accounts[1]));

    play.publish("").await?;
    play.send("ReconcileQueueUrl", r#"{"sweep":{}}"#).await?;
    let gone = |network: &Network| {
        let is_gone = network.peerings.iter().all(|peering| peering.state == "deleted");
        let lets_in: usize = network.security_groups.iter().map(|group| group.ingress).sum();
        (is_gone && lets_in == 0 && peered(network).is_empty()).then_some(())
    };
    play.at_both_ends(&accounts, "the end of the peering, its routes and its rules", gone).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_somebody_deleted_is_made_again_and_slack_hears_by_whom() -> Result<()> {
    let (play, accounts) = Play::with_accounts(&["shop-dev"]).await?;
    play.until_ready(1).await?;
    let before = play.local_cloud.network(&accounts[0]).await?;
    let leads_out = |table: &&RouteTable| table.routes.iter().any(|route| route.target.starts_with("nat-"));
    let table = before.route_tables.iter().find(leads_out).unwrap().id.clone();
    play.local_cloud.delete_default_route(&accounts[0], &table, "alice@example.com").await?;
    let message = play
        .local_cloud
        .receiver
        .wait_for("Slack to hear of the drift", PATIENCE, |seen| {
            seen.messages.iter().find(|message| message.text.contains("had drifted")).cloned()
        })
        .await?;
    let said = format!("{:?}", message.blocks);
    assert_eq!(message.channel, "#net-dev");
    for part in ["default-route", "repaired: DeleteRoute by ", "assumed-role/", "/alice@example.com"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let after = play.local_cloud.network(&accounts[0]).await?;
    assert_eq!(sorted_routes(&after), sorted_routes(&before));
    assert!(play.local_cloud.receiver.seen().network_pages().is_empty());
    Ok(())
}

/// All routes, whatever their order.
fn sorted_routes(network: &Network) -> Vec<String> {
    let of = |table: &RouteTable| {
        let id = table.id.clone();
        table.routes.iter().map(move |route| format!("{id} {} {}", route.destination, route.target)).collect()
    };
    let mut all: Vec<String> =
        network.route_tables.iter().flat_map(|table| -> Vec<String> { of(table) }).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_connection_is_said_once_paged_once_and_resolved_even_though_slack_was_down() -> Result<()> {
    let (play, _) = Play::with_accounts(&["shop-prod", "payments-prod"]).await?;
    lost_connection(play).await
}

/// Also where a lab can be made.
#[tokio::test(flavor = "multi_thread")]
async fn so_it_is_where_the_probes_are_processes_of_this_machine() -> Result<()> {
    let (play, _) = Play::on(Stage::Host, tempfile::tempdir()?, &["shop-prod", "payments-prod"]).await?;
    lost_connection(play).await
}

async fn lost_connection(mut play: Play) -> Result<()> {
    play.until_ready(2).await?;
    play.until_all_paths_are_up(6).await?;
    let past = play.local_cloud.past(PATIENCE).await?;

    play.local_cloud.receiver.set_slack(SlackMode::Down);
    play.service.stop().await?;
    let page = play
        .local_cloud
        .receiver
        .wait_for("the page", PATIENCE, |seen| seen.network_pages().first().cloned())
        .await?;
    assert!(page.subject.contains("shop-prod") || page.message.contains("shop-prod"), "{page:?}");
    let of_incident =
        |message: &&SlackMessage| past.is_before(message) && !message.text.contains("The network of ");
    let of_incidents = || play.local_cloud.receiver.messages().iter().filter(of_incident).count();
    assert_eq!(of_incidents(), 0, "Slack was down");

    play.local_cloud.receiver.set_slack(SlackMode::Up);
    let endpoint = play.service.endpoint();
    let message = play
        .local_cloud
        .receiver
        .wait_for("Slack's message", PATIENCE, |seen| seen.messages.iter().find(of_incident).cloned())
        .await?;
    let said = format!("{} {:?}", message.text, message.blocks);
    assert_eq!(message.channel, "#net-prod");
    assert!(said.contains("shop-prod") && said.contains(&endpoint), "{said}");

    play.service.start_again().await?;
    play.local_cloud
        .receiver
        .wait_for("the message to say resolved", PATIENCE, |seen| {
            let mut messages = seen.messages.iter().filter(of_incident);
            messages.next().filter(|message| message.text.to_lowercase().contains("resolved")).cloned()
        })
        .await?;
    play.local_cloud
        .receiver
        .wait_for("the end of the page", PATIENCE, |seen| seen.network_pages().get(1).cloned())
        .await?;
    assert_eq!(of_incidents(), 1, "{:#?}", play.local_cloud.receiver.messages());
    let pages = play.local_cloud.receiver.seen().network_pages();
    assert_eq!(pages.len(), 2, "{pages:#?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_told_to_be_local_without_an_endpoint_does_not_start() -> Result<()> {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    for function in ["provisioner", "collector", "alerter", "notifier", "rollouts", "vendor"] {
        let output =
            tokio::process::Command::new(target.join("release").join(format!("phonehome-{function}")))
                .env_clear()
                .env("PHONEHOME_CLOUD", "local")
                .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
                .env("AWS_LAMBDA_FUNCTION_NAME", function)
                .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
                .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
                .output()
                .await?;
        let said =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{function} started");
        assert!(said.contains("refusing to fall back to real AWS"), "{function}: {said}");
    }
    Ok(())
}
