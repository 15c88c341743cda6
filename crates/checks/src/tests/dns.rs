use std::net::{Ipv4Addr, SocketAddr};

use phonehome_wire::{Check, CheckKind, Stage, Verdict};

use super::support::*;

fn lookup(name: &str, nameserver: SocketAddr) -> Check {
    check("dns", CheckKind::Dns { name: name.to_owned(), nameserver: Some(nameserver.to_string()) })
}

#[tokio::test]
async fn a_name_with_an_address_is_ok() {
    let server = nameserver(&[("db.test", &[Ipv4Addr::new(10, 0, 0, 9)])]).await;
    assert_eq!(verdict(lookup("db.test", server), &local()).await, Verdict::Ok);
}

#[tokio::test]
async fn a_name_that_the_nameserver_cannot_give_an_address_for_fails_at_resolve() {
    let server = nameserver(&[("empty.test", &[])]).await;
    for (name, error) in [
        ("gone.test", "gone.test does not exist (NXDOMAIN)"),
        ("empty.test", "empty.test exists but has no address"),
        ("broken.test", "broken.test does not resolve: the nameserver answered ServFail"),
    ] {
        let verdict = verdict(lookup(name, server), &local()).await;
        assert_eq!(failed_at(&verdict, Stage::Resolve), error);
    }
}

#[tokio::test]
async fn a_silent_nameserver_fails_at_resolve_and_is_named() {
    let server = nameserver(&[]).await;
    let verdict = verdict(brief(lookup("silent.test", server)), &local()).await;
    let expected = format!("no answer from nameserver {server} for silent.test within {BRIEF_MS} ms");
    assert_eq!(failed_at(&verdict, Stage::Resolve), expected);
}

#[tokio::test]
async fn each_check_asks_its_own_nameserver() {
    let knowing = nameserver(&[("db.test", &[Ipv4Addr::new(10, 0, 0, 9)])]).await;
    let ignorant = nameserver(&[]).await;
    let other = Check { id: phonehome_wire::CheckId("other".to_owned()), ..lookup("db.test", ignorant) };
    let verdicts = verdicts(vec![lookup("db.test", knowing), other], &local()).await;
    assert_eq!(verdicts[0], Verdict::Ok);
    failed_at(&verdicts[1], Stage::Resolve);
}

#[tokio::test]
async fn a_check_without_a_nameserver_asks_the_one_of_the_settings() {
    let server = nameserver(&[("db.test", &[Ipv4Addr::new(10, 0, 0, 9)])]).await;
    let kind = CheckKind::Dns { name: "db.test".to_owned(), nameserver: None };
    assert_eq!(verdict(check("dns", kind), &asking(server)).await, Verdict::Ok);
}
