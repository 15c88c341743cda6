use std::net::Ipv4Addr;

use phonehome_wire::{Class, Stage, Verdict};

use super::support::*;

const ONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

#[tokio::test]
async fn a_listener_that_accepts_is_ok() {
    let address = accepting(loopback(1, 0)).await;
    assert_eq!(verdict(tcp_to("a", address), &local()).await, Verdict::Ok);
}

#[tokio::test]
async fn a_refused_connection_fails_at_connect_and_names_who_refused() {
    let (address, _socket) = refusing(loopback(1, 0));
    let verdict = verdict(tcp_to("a", address), &local()).await;
    assert_eq!(failed_at(&verdict, Stage::Connect), format!("connection refused by {address}"));
}

#[tokio::test]
async fn silence_fails_at_connect_and_says_how_long_it_waited() {
    let (address, _listener, _queued) = silent().await;
    let verdict = verdict(brief(tcp_to("a", address)), &local()).await;
    let expected = format!("no answer from {address} within {BRIEF_MS} ms");
    assert_eq!(failed_at(&verdict, Stage::Connect), expected);
    assert_eq!(class_at(&verdict, Stage::Connect), Class::ConnectTimeout);
}

#[tokio::test]
async fn a_host_is_ok_when_all_of_its_addresses_connect() {
    let first = accepting(loopback(1, 0)).await;
    accepting(loopback(2, first.port())).await;
    let settings = asking(nameserver(&[("db.test", &[ONE, TWO])]).await);
    assert_eq!(verdict(tcp("a", "db.test", first.port()), &settings).await, Verdict::Ok);
}

#[tokio::test]
async fn a_host_fails_when_one_of_its_addresses_refuses_whatever_their_order() {
    let first = accepting(loopback(1, 0)).await;
    let (second, _socket) = refusing(loopback(2, first.port()));
    for order in [[ONE, TWO], [TWO, ONE]] {
        let settings = asking(nameserver(&[("db.test", &order)]).await);
        let verdict = verdict(tcp("a", "db.test", first.port()), &settings).await;
        let expected = format!("1 of 2 addresses: connection refused by {second}");
        assert_eq!(failed_at(&verdict, Stage::Connect), expected);
    }
}

#[tokio::test]
async fn a_host_that_does_not_exist_fails_at_resolve() {
    let settings = asking(nameserver(&[]).await);
    let verdict = verdict(tcp("a", "gone.test", 443), &settings).await;
    assert_eq!(failed_at(&verdict, Stage::Resolve), "gone.test does not exist (NXDOMAIN)");
}

#[tokio::test]
async fn a_resolver_that_says_nothing_fails_at_resolve() {
    let settings = asking(nameserver(&[]).await);
    let verdict = verdict(brief(tcp("a", "silent.test", 443)), &settings).await;
    let expected = format!("no answer from the resolver for silent.test within {BRIEF_MS} ms");
    assert_eq!(failed_at(&verdict, Stage::Resolve), expected);
}

#[tokio::test]
async fn of_more_addresses_than_a_probe_tests_a_sample_is_tested_and_said_so() {
    let many: Vec<Ipv4Addr> = (1..=17).map(|last| Ipv4Addr::new(127, 0, 0, last)).collect();
    let open = accepting(([0, 0, 0, 0], 0)).await;
    let settings = asking(nameserver(&[("many.test", &many)]).await);
    let result = results(vec![tcp("a", "many.test", open.port())], &settings).await.remove(0);
    assert_eq!((&result.verdict, result.addresses.len()), (&Verdict::Ok, 16));
    assert_eq!((result.detail.sampled_of, result.detail.attempts.len()), (Some(17), 16));
}

#[tokio::test]
async fn without_a_nameserver_in_the_settings_the_system_resolves_names() {
    let address = accepting(loopback(1, 0)).await;
    assert_eq!(verdict(tcp("a", "localhost", address.port()), &local()).await, Verdict::Ok);
}
