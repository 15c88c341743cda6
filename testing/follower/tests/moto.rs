//! The lab follows an organization on moto, which does not say what has changed: everything is observed twice a second.

#![cfg(target_os = "linux")]

mod support;

use std::time::Duration;

use phonehome_accounts::ProbeCode;
use phonehome_fakecloud::sample;
use phonehome_lab::Place;
use phonehome_localcloud::proxy::Proxy;
use phonehome_localcloud::{Moto, MotoOptions};
use phonehome_planner::StackSpec;
use support::{Lab, call, host, id, make, make_organization, now_ms, python, until_silent};

const ACCOUNT: &str = "500000000007";
/// In the private subnet of the second zone.
const HOST: &str = "10.0.10.100";

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_is_revoked_on_moto_lets_no_packet_in_within_two_seconds() {
    let Some(mut lab) = Lab::start() else { return };
    let log = lab.folder.path().join("moto.log");
    let moto = Moto::start(&MotoOptions { python: python("moto"), log }).await.unwrap();
    let proxy = Proxy::start(&moto.endpoint()).await.unwrap();
    let endpoint = proxy.endpoint();
    for role in ["phonehome-probe", "phonehome-schedule"] {
        let form = format!("CreateRole&Version=2010-05-08&AssumeRolePolicyDocument=%7B%7D&RoleName={role}");
        call(&moto.endpoint(), ACCOUNT, "iam", &form).await;
    }
    let full = sample::full(ACCOUNT, "shop-dev", "10.0.0.0/18".parse().unwrap()).unwrap();
    let plain = sample::plain(ACCOUNT, "shop-dev", full.cidr).unwrap();
    let spec = StackSpec { probe: full.probe, ..plain };
    let seen = make(&endpoint, &spec, &ProbeCode::new(b"a zip".to_vec())).await;
    let stack = format!("{ACCOUNT}/us-east-1").parse().unwrap();

    make_organization(&moto.endpoint(), ACCOUNT).await;
    lab.follow(&["--endpoint", &endpoint, "--management-account", ACCOUNT, "--region", "us-east-1"]);
    let vpc = id(&seen.vpcs, "vpc");
    let default = seen.security_groups.iter().find(|it| it.name == "default" && it.vpc_id == vpc).unwrap();
    let rule = format!(
        "GroupId={}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=80&IpPermissions.1.ToPort=80\
         &IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0%2F8&Version=2016-11-15",
        default.id
    );
    call(&moto.endpoint(), ACCOUNT, "ec2", &format!("AuthorizeSecurityGroupIngress&{rule}")).await;
    let place = Place::Subnet {
        stack,
        subnet_id: id(&seen.subnets, "subnet/private/use1-az2").to_owned(),
        groups: [default.id.clone()].into(),
        public: None,
    };
    lab.wish(vec![host(place, HOST)]);

    let stack = format!("{ACCOUNT}/us-east-1").parse().unwrap();
    let lab = std::sync::Arc::new(lab);
    let run = tokio::task::spawn_blocking({
        let lab = lab.clone();
        move || lab.run(&stack, &until_silent(HOST))
    });
    tokio::time::sleep(Duration::from_secs(4)).await;
    let revoked_ms = now_ms();
    call(&moto.endpoint(), ACCOUNT, "ec2", &format!("RevokeSecurityGroupIngress&{rule}")).await;
    let seen = run.await.unwrap();
    assert!(seen.passed_ms.is_some_and(|passed| passed < revoked_ms), "{seen:?} {revoked_ms}");
    let silent_ms = seen.silent_ms.expect("the packets pass although nothing lets them in");
    println!("on moto: silent after {} ms", silent_ms - revoked_ms);
    assert!((revoked_ms..revoked_ms + 2_000).contains(&silent_ms), "{seen:?} {revoked_ms}");
}
