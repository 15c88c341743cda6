//! Recorded fleets, planned anew: an upgrade changes no network.

use phonehome_cloud::table::MemoryTable;
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_network::Inventory;
use phonehome_planner::{ActionScope, Plan, ProbeSpec, Step, render};
use phonehome_provision::{Job, Members};
use phonehome_releases::{Release, Scenario, Stored, as_old_readers_see, keep};
use phonehome_samples::restore;
use phonehome_state::{Claim, Keys, Phase, StackStatus, all, fleet};
use phonehome_wire::REPORT_VERSION;
use serde_json::{Value, json};

use super::super::adoption::{adopting, existing};
use super::super::default_vpcs;
use super::super::links::joined;
use super::super::world::{FLEET, PAYMENTS_DEV, REGION, SHOP_DEV, SHOP_PROD, World};

/// What the next look at a stack reads, and what it has told.
const READ: [&str; 9] = [
    "fleet",
    Keys::STACKS,
    Keys::BINDINGS,
    Keys::BOUND_ACCOUNTS,
    Keys::LEDGER,
    Keys::HOLDERS,
    Keys::SEEN,
    Keys::INPUTS,
    Keys::NOTICES,
];

impl World {
    async fn stacks(&self) -> Vec<StackStatus> {
        let stacks = all::<StackStatus>(self.table(), Keys::STACKS).await.unwrap();
        stacks.into_iter().map(|(_, status)| status).collect()
    }

    /// Records everything that is there, in the accounts and of them in the table.
    async fn record(&self, shape: &'static str, began_ms: u64, more: &[&str]) {
        Scenario::new(shape, began_ms).table(self.stored_in(&[&READ, more].concat()));
        for status in self.stacks().await {
            let path = format!("inventory/{shape}/{}.{}.json", status.account, status.region);
            keep(&path, &json!(self.truth_in(&status.account, &status.region)));
        }
    }

    /// The world as a release left it.
    async fn recorded(release: &Release, shape: &str) -> Self {
        let mut world = Self { table: MemoryTable::default(), ..Self::new().await };
        world.provisioner.provision.table =
            world.table.writing_only(phonehome_state::written_by("provisioner"));
        restore(world.table(), release.table(shape));
        world.provisioner.organization.accounts.clear();
        for status in world.stacks().await {
            world.account(&status.account, &status.account_name, true, None);
        }
        for name in release.names(&format!("inventory/{shape}")) {
            let Some((account, region)) = name.split_once('.') else {
                let file = release.file(&format!("inventory/{shape}/{name}.json")).unwrap();
                world.conditions().no_probes = file.is_null();
                world.conditions().probe = (!file.is_null()).then(|| probe(&file));
                continue;
            };
            let file = release.file(&format!("inventory/{shape}/{name}.json")).unwrap();
            let seen: Inventory = serde_json::from_value(file).unwrap();
            world.cloud.with(|cloud| cloud.stack(account, region).edit(|truth| *truth = seen));
        }
        world
    }

    /// What the present build would do now, for each stack.
    async fn plans(&self) -> Vec<(String, Plan)> {
        let fleet = fleet(self.table()).await.unwrap();
        let claims: Vec<Claim> =
            all::<Claim>(self.table(), Keys::HOLDERS).await.unwrap().into_iter().map(|(_, it)| it).collect();
        let mut plans = Vec::new();
        for claim in claims {
            let status = self.status_in(&claim.account, &claim.region).await.unwrap();
            let member = fleet.member(&status.account_name).unwrap();
            let (account, region) = (&claim.account, &claim.region);
            let job = Job {
                fleet: &fleet,
                member: &member,
                account,
                region,
                authorities: None,
                limits: None,
                published: None,
            };
            let plan = self.provisioner.provision.preview(&job, &claim).await.unwrap();
            plans.push((format!("{}/{region}", status.account_name), plan));
        }
        plans
    }
}

/// The probes of a recording, with places for account and Region in their names.
fn probe(file: &Value) -> ProbeSpec {
    let text = |name: &str| file[name].as_str().unwrap().to_owned();
    let number = |name: &str| i32::try_from(file[name].as_i64().unwrap()).unwrap();
    ProbeSpec {
        checks: vec![],
        generation: 0,
        code_sha256: text("code_sha256"),
        authorities: None,
        no_code: None,
        architecture: text("architecture"),
        role_arn: text("role_arn"),
        schedule_role_arn: text("schedule_role_arn"),
        bus_arn: text("bus_arn"),
        log_group: text("log_group"),
        memory_mb: number("memory_mb"),
        timeout_s: number("timeout_s"),
    }
}

#[tokio::test]
async fn what_is_stored_of_networks_of_every_shape_is_read_by_the_release_before() {
    let began_ms = SystemClock.now_ms();
    let mut world = joined().await;
    world.converge(SHOP_PROD).await;
    world.wait().await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
    let more = [Keys::VERSIONS, "ledger/turn", Keys::OUTBOX, "sweeps", "sweeps/accounts"];
    world.record("connected", began_ms, &more).await;

    let mut world = World::new().await;
    let modes = FLEET.replace("pools: [nonprod] }", "pools: [nonprod], nat: regional }");
    world.publish(&modes.replace("nat: single", "nat: none")).await;
    world.converge(SHOP_DEV).await;
    world.converge(SHOP_PROD).await;
    world.record("regional-and-none", began_ms, &[]).await;

    let mut world = World::new().await;
    let id = existing(&world);
    world.publish(&adopting(&id)).await;
    world.converge(SHOP_DEV).await;
    world.record("adopted", began_ms, &[]).await;

    // An old account with its default VPC, with something that nobody declared, and a change that waits.
    let mut world = default_vpcs::account(None).await;
    world.account(PAYMENTS_DEV, "payments-dev", true, None);
    world.converge(SHOP_DEV).await;
    world.edit(SHOP_DEV, |seen| {
        let vpc_id = seen.vpcs.iter().find(|vpc| !vpc.is_default).unwrap().id.clone();
        let mut group = seen.security_groups[0].clone();
        (group.id, group.name, group.vpc_id) = ("sg-0000000000000beef".into(), "web".into(), vpc_id);
        group.tags.clear();
        seen.security_groups.push(group);
    });
    world.publish(&FLEET.replace("pools: [nonprod] }", "pools: [nonprod], nat: none }")).await;
    world.converge(SHOP_DEV).await;
    world.record("waiting-for-permission", began_ms, &[]).await;
}

/// Every recorded fleet, as it was left: with its release and shape, for messages.
async fn recorded() -> Vec<(String, World)> {
    let mut worlds = Vec::new();
    for release in Release::all() {
        for shape in release.names("inventory") {
            let world = World::recorded(&release, &shape).await;
            worlds.push((format!("{} {shape}", release.version), world));
        }
    }
    worlds
}

/// The same fleet with a probe of the present build.
fn with_new_code(world: &World) {
    let usual = Members::probe(
        &world.provisioner.provision.members,
        &format!("{SHOP_DEV}/{REGION}").parse().unwrap(),
        None,
    )
    .unwrap();
    let mut now = world.conditions();
    let Some(probe) = now.probe.take().or(usual) else { return };
    now.probe = Some(ProbeSpec { code_sha256: "the present build".into(), ..probe });
}

/// The steps of a plan but for a probe's new code and new input.
fn network_steps(plan: &Plan) -> Vec<&Step> {
    plan.steps.iter().filter(|step| step.action.scope() != ActionScope::ProbeUpdate).collect()
}

#[tokio::test]
async fn an_upgrade_plans_no_step_in_any_network_of_an_unchanged_fleet_file() {
    for (title, world) in recorded().await {
        let plans = world.plans().await;
        assert!(!plans.is_empty(), "{title}");
        for (stack, plan) in plans {
            let others = network_steps(&plan);
            assert!(others.is_empty(), "{title}, {stack}: {}", render::text(&plan));
        }
        with_new_code(&world);
        for (stack, plan) in world.plans().await {
            let has_probes = !world.conditions().no_probes;
            assert_eq!(!plan.steps.is_empty(), has_probes, "{title}, {stack}: the probe is another");
            let others = network_steps(&plan);
            assert!(others.is_empty(), "{title}, {stack}: {others:#?}");
        }
    }
}

#[tokio::test]
async fn an_upgrade_makes_nothing_twice_tells_nothing_anew_and_leaves_every_stack_ready() {
    for (title, mut world) in recorded().await {
        with_new_code(&world);
        let (stacks, notified) = (world.stacks().await, world.notified().await);
        let networks = |world: &World| -> Vec<Inventory> {
            let seen = stacks.iter().map(|it| world.truth_in(&it.account, &it.region));
            seen.map(|seen| Inventory { functions: vec![], schedules: vec![], ..seen }).collect()
        };
        let before = networks(&world);
        for _ in 0..2 {
            world.wait().await;
            world.send(json!({"sweep": {}})).await;
            world.drain().await;
        }
        assert_eq!(networks(&world), before, "{title}");
        assert_eq!(world.notified().await, notified, "{title}");
        assert_eq!(world.letters(), Vec::<String>::new(), "{title}");
        for (old, new) in stacks.iter().zip(world.stacks().await) {
            let place =
                |it: &StackStatus| (it.account.clone(), it.region.clone(), it.cidr, it.vpc_id.clone());
            assert_eq!((place(&new), new.phase), (place(old), Phase::Ready), "{title}: {}", new.message);
            let seen = world.truth_in(&new.account, &new.region);
            assert!(seen.functions.iter().all(|it| it.code_sha256 == "the present build"), "{title}");
            for schedule in seen.schedules {
                let input = schedule.input.unwrap();
                assert_eq!((input.report_version, input.timeout_s), (REPORT_VERSION, 30), "{title}");
            }
        }
    }
}

#[tokio::test]
async fn after_a_roll_back_and_forth_no_network_is_made_twice_and_nothing_is_told_again() {
    let mut world = joined().await;
    world.converge(SHOP_PROD).await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
    let recorded = Release::before().table("connected");
    let mut written = 0;
    // The release before has read every document and written it again: what it does not know is gone.
    for doc in world.table().all() {
        let known = |(partition, sort, _): &&Stored| *partition == doc.key.partition && *sort == doc.key.sort;
        let Some((_, _, old)) = recorded.iter().find(known) else { continue };
        let body = as_old_readers_see(old, &serde_json::from_str(&doc.body).unwrap());
        world.table().put_raw(doc.key, &body.to_string());
        written += 1;
    }
    assert!(written > 20, "{written}");
    let accounts = [SHOP_DEV, SHOP_PROD, PAYMENTS_DEV];
    let before = (accounts.map(|account| world.truth(account)), world.notified().await);
    world.wait().await;
    world.send(json!({"sweep": {}})).await;
    world.drain().await;
    assert_eq!((accounts.map(|account| world.truth(account)), world.notified().await), before);
    assert_eq!(world.letters(), Vec::<String>::new());
}
