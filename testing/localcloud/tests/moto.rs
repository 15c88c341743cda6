//! moto behind the proxy: accounts apart, and an end with whoever started it.

mod moto_support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use moto_support::{call, moto, shared};
use phonehome_localcloud::proxy::{Fault, Proxy};
use phonehome_localcloud::{Moto, MotoOptions, venv};
use rustix::process::{Pid, test_kill_process};
use tokio::net::TcpStream;

// Every test has accounts of its own in a moto that they share.
const ONE: &str = "111111111111";
const OTHER: &str = "222222222222";
const HUB: &str = "333333333333";
const MEMBER: &str = "444444444444";
const UNLUCKY: &str = "555555555555";
const BUSY: &str = "666666666666";
const CREATE_VPC: &str = "Action=CreateVpc&Version=2016-11-15&CidrBlock=";
const DESCRIBE_VPCS: &str = "Action=DescribeVpcs&Version=2016-11-15";
const WHO: &str = "Action=GetCallerIdentity&Version=2011-06-15";
/// Generous: it is only ever waited for in full when something is broken.
const SOON: Duration = Duration::from_secs(20);
/// Set in a process that this file starts to die with a moto: the folder for its log.
const DIE: &str = "PHONEHOME_TEST_DIES_WITH_A_MOTO";

async fn ec2(proxy: &Proxy, account: &str, form: &str) -> String {
    let (status, body) = call(&proxy.endpoint(), account, "ec2", form).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// Whether it still runs. One that has ended but nobody has waited for does not.
fn runs(process: u32) -> bool {
    let process = i32::try_from(process).unwrap();
    let zombie =
        std::fs::read_to_string(format!("/proc/{process}/stat")).is_ok_and(|stat| stat.contains(") Z "));
    test_kill_process(Pid::from_raw(process).unwrap()).is_ok() && !zombie
}

#[tokio::test]
async fn every_account_has_a_cloud_of_its_own() {
    let proxy = Proxy::start(&shared().await.endpoint()).await.unwrap();
    ec2(&proxy, ONE, &format!("{CREATE_VPC}10.7.0.0/16")).await;
    ec2(&proxy, OTHER, &format!("{CREATE_VPC}10.8.0.0/16")).await;
    for (account, own, unmanaged) in
        [(ONE, "10.7.0.0/16", "10.8.0.0/16"), (OTHER, "10.8.0.0/16", "10.7.0.0/16")]
    {
        let vpcs = ec2(&proxy, account, DESCRIBE_VPCS).await;
        assert!(vpcs.contains(own) && vpcs.contains(&format!("<ownerId>{account}")), "{account}: {vpcs}");
        assert!(!vpcs.contains(unmanaged), "{account}: {vpcs}");
    }
    let seen: Vec<_> =
        proxy.calls().into_iter().map(|call| (call.account.unwrap(), call.operation)).collect();
    let of = |account: &str, operation: &str| (account.to_owned(), operation.to_owned());
    assert_eq!(seen[0], of(ONE, "ec2:CreateVpc"));
    assert_eq!(seen[3], of(OTHER, "ec2:DescribeVpcs"));
}

#[tokio::test]
async fn the_credentials_of_an_assumed_role_act_in_the_roles_account() {
    let proxy = Proxy::start(&shared().await.endpoint()).await.unwrap();
    let assume = format!(
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A{MEMBER}%3Arole%2Fmember&RoleSessionName=a"
    );
    let (_, answer) = call(&proxy.endpoint(), HUB, "sts", &assume).await;
    let key = answer.split_once("<AccessKeyId>").unwrap().1.split_once('<').unwrap().0;
    ec2(&proxy, key, &format!("{CREATE_VPC}10.9.0.0/16")).await;
    assert!(ec2(&proxy, MEMBER, DESCRIBE_VPCS).await.contains("10.9.0.0/16"));
    assert!(!ec2(&proxy, HUB, DESCRIBE_VPCS).await.contains("10.9.0.0/16"));
    let accounts: Vec<_> = proxy.calls().into_iter().map(|call| call.account.unwrap()).collect();
    assert_eq!(accounts, [HUB, MEMBER, MEMBER, HUB]);
    let (_, who) = call(&proxy.endpoint(), HUB, "sts", WHO).await;
    assert!(who.contains(&format!("<Account>{HUB}</Account>")), "{who}");
}

#[tokio::test]
async fn a_lost_answer_hides_an_effect_that_moto_has_had() {
    let proxy = Proxy::start(&shared().await.endpoint()).await.unwrap();
    proxy.set_faults(|call| (call.operation == "ec2:CreateVpc").then_some(Fault::DropResponse));
    let endpoint = proxy.endpoint();
    let lost =
        tokio::spawn(
            async move { call(&endpoint, UNLUCKY, "ec2", &format!("{CREATE_VPC}10.7.0.0/16")).await },
        );
    assert!(lost.await.unwrap_err().is_panic(), "the answer should be lost");
    assert!(ec2(&proxy, UNLUCKY, DESCRIBE_VPCS).await.contains("10.7.0.0/16"));
}

#[tokio::test]
async fn many_callers_at_once_break_nothing() {
    let proxy = Proxy::start(&shared().await.endpoint()).await.unwrap();
    let calls = (0..16).map(async |index| {
        ec2(&proxy, BUSY, &format!("{CREATE_VPC}10.{index}.0.0/16")).await;
        ec2(&proxy, BUSY, DESCRIBE_VPCS).await
    });
    futures_util::future::join_all(calls).await;
    let vpcs = ec2(&proxy, BUSY, DESCRIBE_VPCS).await;
    // And the default VPC.
    assert_eq!(vpcs.matches("<vpcId>").count(), 17, "{vpcs}");
}

#[tokio::test]
async fn moto_can_be_emptied_and_ends_when_it_is_stopped_or_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let first = moto(folder.path()).await;
    let (process, endpoint) = (first.pid(), first.endpoint());
    let proxy = Proxy::start(&endpoint).await.unwrap();
    ec2(&proxy, ONE, &format!("{CREATE_VPC}10.7.0.0/16")).await;
    first.reset().await.unwrap();
    assert!(!ec2(&proxy, ONE, DESCRIBE_VPCS).await.contains("10.7.0.0/16"), "a reset leaves nothing");
    assert!(runs(process));
    first.stop().unwrap();
    assert!(!runs(process));
    assert!(TcpStream::connect(endpoint.strip_prefix("http://").unwrap()).await.is_err());

    let second = moto(folder.path()).await;
    let process = second.pid();
    drop(second);
    assert!(!runs(process));
}

#[tokio::test]
async fn moto_ends_with_a_process_that_dies() {
    if let Some(folder) = std::env::var_os(DIE) {
        // The process that this test starts below: itself, in the other role.
        let moto = moto(Path::new(&folder)).await;
        println!("moto is process {}.", moto.pid());
        std::process::abort();
    }
    let folder = tempfile::tempdir().unwrap();
    let test = std::env::current_exe().unwrap();
    let output = Command::new(test)
        .args(["--exact", "moto_ends_with_a_process_that_dies", "--nocapture"])
        .env(DIE, folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let process = said.rsplit_once("moto is process ").expect("a moto").1.split_once('.').unwrap().0;
    let process = process.parse().unwrap();
    let deadline = Instant::now() + SOON;
    while runs(process) {
        assert!(Instant::now() < deadline, "moto still runs as process {process}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_moto_that_cannot_start_shows_its_log() {
    let folder = tempfile::tempdir().unwrap();
    // An environment of Python without moto.
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let python = venv::python(&repository, "localcloud");
    let error = Moto::start(&MotoOptions { python, log: folder.path().join("moto.log") }).await.unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("No module named") && error.contains("moto.log"), "{error}");
}
