//! The lab follows the local cloud, which says what has changed: from a call of EC2's to the packet that no longer
//! passes.

#![cfg(target_os = "linux")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phonehome_accounts::ProbeCode;
use phonehome_fakecloud::sample;
use phonehome_lab::Place as At;
use phonehome_localcloud::proxy::{Fault, Incoming, Proxy};
use phonehome_localcloud::{Control, Deployment, Emulator, EmulatorOptions, Place, package};
use phonehome_network::{Inventory, NatGateway};
use phonehome_planner::StackSpec;
use serde_json::Value;
use support::{INTERNET, Lab, Seen, call, host, id, make, now_ms, python, until_passing, until_silent};

const MANAGEMENT: &str = "111111111111";
const ACCOUNT: &str = "333333333333";
const REGION: &str = "us-east-1";
const FUNCTION: &str = "phonehome-probe-use1-az1";
/// How often the way out is taken and given back.
const ROUNDS: usize = 20;
/// The follower's own promise.
const WITHIN_MS: u64 = 1_000;

struct Cloud {
    emulator: Emulator,
    control: Control,
    network: Inventory,
    /// It goes last.
    lab: Lab,
}

impl Cloud {
    /// A local cloud with an account's network in it, whose functions run in the lab.
    async fn start() -> Option<Self> {
        let mut cloud = Self::unfollowed().await?;
        cloud.lab.follow(&["--endpoint", cloud.emulator.endpoint()]);
        Some(cloud)
    }

    async fn unfollowed() -> Option<Self> {
        let lab = Lab::start()?;
        let folder = lab.folder.path().to_owned();
        let options = EmulatorOptions {
            python: python("localcloud"),
            log: folder.join("emulator.log"),
            management_account: MANAGEMENT.to_owned(),
            hub_account: MANAGEMENT.to_owned(),
            organization_id: "o-phonehome1".to_owned(),
            schedule_seconds: None,
            environment: [("PHONEHOME_LOCAL_LAB".to_owned(), lab.socket().display().to_string())].into(),
        };
        let emulator = Emulator::start(&options).await.unwrap();
        let control = Control::start(&python("localcloud"), emulator.endpoint(), MANAGEMENT).await.unwrap();
        let roles = Deployment {
            place: Place::new(ACCOUNT, REGION),
            stack: "roles".to_owned(),
            template: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/roles.yaml").into(),
            parameters: BTreeMap::new(),
            artifacts: BTreeMap::new(),
        };
        control.deploy(&roles).await.unwrap();
        let zip = folder.join("code.zip");
        package(&lab.code().join("bootstrap"), &[], &zip).unwrap();
        let code = ProbeCode::new(std::fs::read(zip).unwrap());
        let full = sample::full(ACCOUNT, "shop-dev", "10.0.0.0/18".parse().unwrap()).unwrap();
        let mut plain = sample::plain(ACCOUNT, "shop-dev", full.cidr).unwrap();
        // The emulator does not know the third.
        plain.zones.truncate(2);
        let mut probe = full.probe.unwrap();
        (probe.code_sha256, probe.timeout_s) = (code.sha256(), 30);
        lab.wish(vec![host(At::Internet, INTERNET)]);
        let network = make(emulator.endpoint(), &StackSpec { probe: Some(probe), ..plain }, &code).await;
        Some(Self { lab, emulator, control, network })
    }

    async fn ec2(&self, form: &str) {
        call(self.emulator.endpoint(), ACCOUNT, "ec2", &format!("{form}&Version=2016-11-15")).await;
    }

    /// Invokes the function by Lambda's API.
    async fn packets(&self, event: &Value) -> Seen {
        let at = Place::new(ACCOUNT, REGION);
        let seen = self.control.invoke(&at, FUNCTION, event).await.unwrap();
        serde_json::from_value(seen).unwrap()
    }

    /// Invokes the function, and does something to EC2 while it runs; answers what it saw, and when that was done.
    async fn packets_while(&self, work: impl Future<Output = ()>) -> (Seen, u64) {
        let change = async {
            // On a busy machine it may take most of a second until the function runs.
            tokio::time::sleep(Duration::from_secs(2)).await;
            let at_ms = now_ms();
            work.await;
            at_ms
        };
        let event = until_silent(INTERNET);
        tokio::join!(self.packets(&event), change)
    }
}

/// The value below which so many of a hundred are.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    sorted[(sorted.len() * percent).div_ceil(100).saturating_sub(1)]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_deleted_lets_no_packet_pass_within_a_second() {
    let Some(cloud) = Cloud::start().await else { return };
    let table = id(&cloud.network.route_tables, "route-table/private/use1-az1").to_owned();
    let is_here = |nat: &&NatGateway| nat.id == id(&cloud.network.nat_gateways, "nat-gateway/use1-az1");
    let nat = cloud.network.nat_gateways.iter().find(is_here).unwrap().id.clone();
    let route = format!("RouteTableId={table}&DestinationCidrBlock=0.0.0.0%2F0");
    let (mut silences, mut returns) = (vec![], vec![]);
    for round in 0..ROUNDS {
        let (seen, deleted_ms) = cloud.packets_while(cloud.ec2(&format!("DeleteRoute&{route}"))).await;
        let passed_ms = seen.passed_ms.expect("no packet ever passes");
        let silent_ms = seen.silent_ms.expect("the packets pass although their route is gone");
        assert!(passed_ms < deleted_ms && deleted_ms <= silent_ms, "round {round}: {seen:?} {deleted_ms}");
        silences.push(silent_ms - deleted_ms);
        let made_ms = now_ms();
        cloud.ec2(&format!("CreateRoute&{route}&NatGatewayId={nat}")).await;
        let seen = cloud.packets(&until_passing(INTERNET)).await;
        returns.push(seen.passed_ms.expect("the packets do not pass again") - made_ms);
    }
    silences.sort_unstable();
    returns.sort_unstable();
    for (what, times) in [("silent after DeleteRoute", &silences), ("passing after CreateRoute", &returns)] {
        let [half, most] = [50, 95].map(|percent| percentile(times, percent));
        println!("{what}: p50 {half} ms, p95 {most} ms, at most {} ms", times[times.len() - 1]);
    }
    assert!(percentile(&silences, 95) < WITHIN_MS, "{silences:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nat_gateway_that_is_deleted_lets_no_packet_out_within_a_second() {
    let Some(cloud) = Cloud::start().await else { return };
    // Without its NAT gateway nothing of the zone gets out: another resource, the same silence.
    let nat = id(&cloud.network.nat_gateways, "nat-gateway/use1-az1").to_owned();
    let (seen, deleted_ms) =
        cloud.packets_while(cloud.ec2(&format!("DeleteNatGateway&NatGatewayId={nat}"))).await;
    let silent_ms = seen.silent_ms.expect("the packets pass without a NAT gateway");
    assert!((deleted_ms..deleted_ms + WITHIN_MS).contains(&silent_ms), "{seen:?} {deleted_ms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_observed_is_observed_again() {
    let Some(mut cloud) = Cloud::unfollowed().await else { return };
    let proxy = Proxy::start(cloud.emulator.endpoint()).await.unwrap();
    cloud.lab.follow(&["--endpoint", &proxy.endpoint()]);
    // The change itself is only seen in a look that fails, and nothing changes after that.
    let refused = Arc::new(AtomicUsize::new(0));
    let count = refused.clone();
    let denied = move |call: &Incoming| {
        let is_refused =
            call.operation == "ec2:DescribeRouteTables" && count.fetch_add(1, Ordering::Relaxed) < 3;
        let (code, message) = ("UnauthorizedOperation".to_owned(), "not now".to_owned());
        is_refused.then_some(Fault::Refuse { status: 403, code, message })
    };
    let table = id(&cloud.network.route_tables, "route-table/private/use1-az1");
    let delete = format!("DeleteRoute&RouteTableId={table}&DestinationCidrBlock=0.0.0.0%2F0");
    let change = async {
        proxy.set_faults(denied);
        cloud.ec2(&delete).await;
    };
    let (seen, _) = cloud.packets_while(change).await;
    assert!(seen.silent_ms.is_some(), "the change was forgotten: {seen:?}");
    assert!(refused.load(Ordering::Relaxed) > 3);
}
