use std::net::{Ipv4Addr, SocketAddr};

use phonehome_wire::{Check, CheckKind, Class, RecordType, Stage, Verdict};

use super::support::*;

fn lookup(name: &str, nameserver: SocketAddr) -> Check {
    check("dns", dns(name, Some(&nameserver.to_string())))
}

#[tokio::test]
async fn a_name_with_an_address_is_ok() {
    let server = nameserver(&[("db.test", &[Ipv4Addr::new(10, 0, 0, 9)])]).await;
    assert_eq!(verdict(lookup("db.test", server), &local()).await, Verdict::Ok);
}

#[tokio::test]
async fn a_name_that_the_nameserver_cannot_give_an_address_for_fails_at_resolve() {
    let server = nameserver(&[("empty.test", &[])]).await;
    for (name, class, error) in [
        ("gone.test", Class::Nxdomain, "gone.test does not exist (NXDOMAIN)"),
        ("empty.test", Class::NoRecords, "empty.test exists but has no address"),
        ("broken.test", Class::Servfail, "broken.test does not resolve: the nameserver answered ServFail"),
        (
            "refusing.test",
            Class::DnsRefused,
            "refusing.test does not resolve: the nameserver answered Refused",
        ),
    ] {
        let host = verdict(tcp("a", name, 443), &asking(server)).await;
        for verdict in [verdict(lookup(name, server), &local()).await, host] {
            assert_eq!(failed_at(&verdict, Stage::Resolve), error);
            assert_eq!(class_at(&verdict, Stage::Resolve), class);
        }
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
    assert_eq!(verdict(check("dns", dns("db.test", None)), &asking(server)).await, Verdict::Ok);
}

/// The records of this type have to be there, among them those expected.
fn records(name: &str, nameserver: SocketAddr, record: RecordType, expected: &[&str]) -> Check {
    let kind = CheckKind::Dns {
        name: name.to_owned(),
        nameserver: Some(nameserver.to_string()),
        record: Some(record),
        expected: expected.iter().map(|&text| text.to_owned()).collect(),
    };
    check("dns", kind)
}

#[tokio::test]
async fn records_of_every_type_are_found_and_compared() {
    let server = nameserver(&[("db.test", &[Ipv4Addr::new(10, 0, 0, 9)])]).await;
    for (name, record, expected, class) in [
        ("db.test", RecordType::A, &["10.0.0.9"][..], None),
        ("db.test", RecordType::A, &["10.0.0.8"], Some(Class::Answer)),
        ("db.test", RecordType::Aaaa, &[], Some(Class::NoRecords)),
        ("both.test", RecordType::Aaaa, &["2001:db8::1"], None),
        ("text.test", RecordType::Txt, &["v=1; all"], None),
        ("text.test", RecordType::Txt, &["v=2"], Some(Class::Answer)),
        ("text.test", RecordType::Mx, &["10 mail.test"], None),
        ("gone.test", RecordType::Srv, &[], Some(Class::Nxdomain)),
    ] {
        let result = results(vec![records(name, server, record, expected)], &local()).await.remove(0);
        match class {
            None => assert!(result.verdict == Verdict::Ok && !result.detail.answers.is_empty(), "{result:?}"),
            Some(class) => assert_eq!(class_at(&result.verdict, Stage::Resolve), class, "{result:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_too_long_for_a_packet_fails_where_tcp_does_not_carry_it() {
    let server = nameserver(&[]).await;
    let verdict = verdict(lookup("long.test", server), &local()).await;
    assert_eq!(class_at(&verdict, Stage::Resolve), Class::Truncated);
}

#[tokio::test]
async fn a_nameserver_that_nobody_runs_is_told_from_a_silent_one() {
    let nobody = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let verdict = verdict(lookup("db.test", nobody), &local()).await;
    assert_eq!(class_at(&verdict, Stage::Resolve), Class::Unreachable);
}

#[tokio::test]
async fn a_question_that_gets_lost_is_asked_again() {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        let mut seen = std::collections::BTreeMap::new();
        loop {
            let (length, peer) = socket.recv_from(&mut buffer).await.unwrap();
            // The first packet of each socket is lost.
            if seen.insert(peer, ()).is_some() {
                let _ = socket.send_to(&nxdomain(&buffer[..length]), peer).await;
            }
        }
    });
    let verdict = verdict(lookup("db.test", address), &local()).await;
    assert_eq!(class_at(&verdict, Stage::Resolve), Class::Nxdomain);
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 512];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer).await {
            let right = nxdomain(&buffer[..length]);
            let mut of_another_id = right.clone();
            of_another_id[0] ^= 0xff;
            let mut of_another_name = right.clone();
            of_another_name[13] ^= 1;
            // Each says that the name exists, and has no address.
            for mut forged in [of_another_id, of_another_name] {
                forged[3] &= 0xf0;
                let _ = socket.send_to(&forged, peer).await;
            }
            let _ = socket.send_to(&right, peer).await;
        }
    });
    let verdict = verdict(lookup("db.test", address), &local()).await;
    assert_eq!(class_at(&verdict, Stage::Resolve), Class::Nxdomain);
}

/// The question as an answer that says that there is no such name.
fn nxdomain(question: &[u8]) -> Vec<u8> {
    let mut answer = question.to_vec();
    answer[2] |= 0x80;
    answer[3] = (answer[3] & 0xf0) | 3;
    answer
}

#[tokio::test]
async fn where_there_is_no_ipv6_an_address_of_it_is_not_testable_and_takes_nothing_from_the_others() {
    let server = nameserver(&[]).await;
    let open = accepting(loopback(1, 0)).await;
    let result = results(vec![tcp("a", "both.test", open.port())], &asking(server)).await.remove(0);
    let has_ipv6 = std::net::UdpSocket::bind("[::]:0").and_then(|it| it.connect("[2001:db8::1]:9")).is_ok();
    if !has_ipv6 {
        assert_eq!(result.verdict, Verdict::Ok);
    }
    let attempts = &result.detail.attempts;
    assert_eq!(attempts.len(), 2, "{attempts:?}");
    let is_not_testable = matches!(attempts[1].miss, Some(phonehome_wire::Miss::NotTestable { .. }));
    assert!(has_ipv6 || is_not_testable, "{attempts:?}");
}

#[tokio::test]
async fn a_nameserver_that_says_nothing_about_ipv6_is_worth_a_note_and_no_failure() {
    let server = nameserver(&[]).await;
    let open = accepting(loopback(1, 0)).await;
    let result = results(vec![tcp("a", "four.test", open.port())], &asking(server)).await.remove(0);
    assert_eq!(result.verdict, Verdict::Ok);
    assert!(result.detail.note.as_deref().is_some_and(|note| note.contains("IPv6")), "{result:?}");
    assert!(result.latency_ms < 2_000, "{} ms", result.latency_ms);
}
