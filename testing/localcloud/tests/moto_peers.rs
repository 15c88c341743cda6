//! The other ways to make a network that phonehome is measured against, `xtask/bench/provision`.

mod moto_support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use moto_support::{call, moto, python};
use phonehome_localcloud::proxy::{Call, Proxy, rounds};
use serde::Deserialize;
use tokio::process::Command;

const ACCOUNT: &str = "111111111111";
const DESCRIBE_VPCS: &str = "Action=DescribeVpcs&Version=2016-11-15";
/// About what a call to AWS's EC2 takes.
const LATENCY: Duration = Duration::from_millis(60);

/// A line that the script prints.
#[derive(Debug, Deserialize)]
struct Run {
    phase: String,
    calls: usize,
    seconds: f64,
}

fn peer(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/bench/provision").join(name)
}

async fn script(proxy: &Proxy) -> Vec<Run> {
    let output = Command::new(python())
        .arg(peer("boto3_find_or_create.py"))
        .args(["--endpoint", &proxy.endpoint(), "--account", ACCOUNT, "--cidr", "10.0.0.0/16"])
        .env_clear()
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn operations<'a>(calls: &'a [Call], start: &'a str) -> impl Iterator<Item = &'a str> {
    calls.iter().filter_map(move |call| call.operation.strip_prefix("ec2:")?.strip_prefix(start))
}

#[tokio::test]
async fn the_script_makes_a_whole_network_and_then_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let moto = moto(folder.path()).await;
    let proxy = Proxy::start(&moto.endpoint()).await.unwrap();
    let runs = script(&proxy).await;
    let phases: Vec<&str> = runs.iter().map(|run| run.phase.as_str()).collect();
    assert_eq!(phases, ["create", "verify"]);
    let calls = proxy.calls();
    assert!(calls.iter().all(|call| call.status == 200), "{calls:?}");
    assert_eq!(runs[0].calls + runs[1].calls, calls.len(), "the script counts what it does");
    assert_eq!(rounds(&calls), calls.len(), "one call after another");
    let (create, verify) = calls.split_at(runs[0].calls);
    for (kind, count) in [("Vpc", 1), ("Subnet", 6), ("NatGateway", 3), ("RouteTable", 4), ("Route", 4)] {
        assert_eq!(operations(create, "Create").filter(|name| *name == kind).count(), count, "{kind}");
    }
    assert_eq!(operations(create, "Associate").count(), 6);
    assert_eq!(operations(verify, "Describe").count(), verify.len(), "{verify:?}");
}

#[tokio::test]
#[ignore = "measures; see what it prints"]
async fn what_the_script_takes_with_the_latency_of_aws() {
    let folder = tempfile::tempdir().unwrap();
    let moto = moto(folder.path()).await;
    let proxy = Proxy::start(&moto.endpoint()).await.unwrap();
    proxy.set_latency(LATENCY);
    for run in script(&proxy).await {
        println!("boto3, {}: {} calls, {} s", run.phase, run.calls, run.seconds);
    }
}

#[tokio::test]
#[ignore = "measures; needs the program that PHONEHOME_ANSIBLE_PLAYBOOK names"]
async fn what_the_playbook_takes_with_the_latency_of_aws() {
    let program = std::env::var_os("PHONEHOME_ANSIBLE_PLAYBOOK").expect("PHONEHOME_ANSIBLE_PLAYBOOK");
    let folder = tempfile::tempdir().unwrap();
    let moto = moto(folder.path()).await;
    let proxy = Proxy::start(&moto.endpoint()).await.unwrap();
    proxy.set_latency(LATENCY);
    for phase in ["create", "verify"] {
        proxy.clear();
        let began = Instant::now();
        let output = Command::new(&program)
            .args(["--inventory", "localhost,"])
            .args(["--extra-vars", &format!("endpoint={} account='{ACCOUNT}'", proxy.endpoint())])
            .arg(peer("ansible_playbook.yml"))
            .env_clear()
            .envs([("HOME", folder.path().as_os_str()), ("PATH", "/usr/bin:/bin".as_ref())])
            .envs([("AWS_EC2_METADATA_DISABLED", "true"), ("LC_ALL", "C.UTF-8")])
            .output()
            .await
            .unwrap();
        let took = began.elapsed().as_secs_f64();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let calls = proxy.calls();
        println!("Ansible, {phase}: {} calls in {} rounds, {took:.1} s", calls.len(), rounds(&calls));
        if phase == "verify" {
            // moto lists no tags under the type `natgateway`, so that Ansible sets them again.
            let reads = operations(&calls, "Describe").count() + operations(&calls, "CreateTags").count();
            assert_eq!(reads, calls.len(), "{calls:?}");
        }
    }
}

#[tokio::test]
#[ignore = "measures; see what it prints"]
async fn what_a_call_to_moto_takes() {
    let folder = tempfile::tempdir().unwrap();
    let moto = moto(folder.path()).await;
    let proxy = Proxy::start(&moto.endpoint()).await.unwrap();
    for callers in [1_u32, 16] {
        proxy.clear();
        let each = 320 / callers;
        let began = Instant::now();
        futures_util::future::join_all((0..callers).map(async |_| {
            for _ in 0..each {
                let (status, _) = call(&proxy.endpoint(), ACCOUNT, "ec2", DESCRIBE_VPCS).await;
                assert_eq!(status, 200);
            }
        }))
        .await;
        let took = began.elapsed() / (callers * each);
        let calls = proxy.calls();
        let longest = calls.iter().map(|call| call.ended - call.started).max().unwrap_or_default();
        println!("{callers} callers: moto takes {took:?} a call; the longest waited {longest:?}");
    }
}
