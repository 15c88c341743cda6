use std::net::SocketAddr;

use phonehome_wire::{Check, CheckKind, Class, ExpectedHeader, HttpMethod, Stage, StatusRange, Verdict};
use tokio::net::TcpListener;

use super::support::*;

fn get(address: SocketAddr, status: u16) -> Check {
    check("http", http(format!("http://{address}/health?deep=1"), status))
}

#[tokio::test]
async fn the_expected_status_is_ok_even_when_it_is_an_error() {
    let address = answering("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(verdict(get(address, 404), &local()).await, Verdict::Ok);
}

#[tokio::test]
async fn another_status_fails_at_the_response_with_both() {
    let address = answering("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n").await;
    let verdict = verdict(get(address, 200), &local()).await;
    assert_eq!(failed_at(&verdict, Stage::Response), format!("{address} answered 503 instead of 200"));
}

#[tokio::test]
async fn the_request_names_the_path_the_host_and_the_probe() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        answer(stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await
    });
    assert_eq!(verdict(get(address, 200), &local()).await, Verdict::Ok);
    let request = server.await.unwrap().to_lowercase();
    assert!(request.starts_with("get /health?deep=1 http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: {address}\r\n")), "{request}");
    assert!(request.contains("\r\nuser-agent: phonehome-probe/"), "{request}");
}

#[tokio::test]
async fn a_server_that_never_answers_fails_at_the_request() {
    let address = accepting(loopback(1, 0)).await;
    let verdict = verdict(brief(get(address, 200)), &local()).await;
    let expected = format!("no HTTP answer from {address} within {BRIEF_MS} ms");
    assert_eq!(failed_at(&verdict, Stage::Request), expected);
}

#[tokio::test]
async fn a_server_that_closes_without_an_answer_fails_at_the_request() {
    let address = answering("").await;
    let verdict = verdict(get(address, 200), &local()).await;
    let expected = format!("{address} closed the connection without an answer");
    assert_eq!(failed_at(&verdict, Stage::Request), expected);
}

#[tokio::test]
async fn an_answer_that_is_not_http_fails_at_the_response() {
    let address = answering("220 mail.test ESMTP\r\n\r\n").await;
    let verdict = verdict(get(address, 200), &local()).await;
    assert!(failed_at(&verdict, Stage::Response).contains("did not answer in HTTP"));
}

#[tokio::test]
async fn a_refused_connection_fails_at_connect_and_not_at_the_request() {
    let (address, _socket) = refusing(loopback(1, 0));
    let verdict = verdict(get(address, 200), &local()).await;
    failed_at(&verdict, Stage::Connect);
}

/// A GET of a page that is to be answered as said.
fn expecting(address: SocketAddr, header: Option<(&str, Option<&str>)>, body: Option<&str>) -> Check {
    let header = header.map(|(name, contains)| ExpectedHeader {
        name: name.to_owned(),
        contains: contains.map(str::to_owned),
    });
    let kind = CheckKind::Http {
        url: format!("http://{address}/"),
        status: 200,
        method: HttpMethod::Get,
        statuses: vec![StatusRange { from: 200, to: 299 }, StatusRange { from: 404, to: 404 }],
        header,
        body: body.map(str::to_owned),
    };
    check("http", kind)
}

#[tokio::test]
async fn any_status_of_the_set_is_ok_and_another_one_fails_with_the_set() {
    for (answer, is_ok) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", true),
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", true),
        ("HTTP/1.1 302 Found\r\nlocation: /else\r\ncontent-length: 0\r\n\r\n", false),
    ] {
        let address = answering(answer).await;
        let verdict = verdict(expecting(address, None, None), &local()).await;
        assert_eq!(verdict == Verdict::Ok, is_ok, "{verdict:?}");
        if !is_ok {
            let error = format!("{address} answered 302 instead of 200-299 or 404");
            assert_eq!(failed_at(&verdict, Stage::Response), error);
            assert_eq!(class_at(&verdict, Stage::Response), Class::Status);
        }
    }
}

#[tokio::test]
async fn a_header_has_to_be_there_and_to_contain_what_is_expected() {
    let address = answering("HTTP/1.1 200 OK\r\nx-ready: yes, all\r\ncontent-length: 0\r\n\r\n").await;
    for (header, is_ok) in [
        (("X-Ready", None), true),
        (("x-ready", Some("yes")), true),
        (("x-ready", Some("no")), false),
        (("x-other", None), false),
    ] {
        let verdict = verdict(expecting(address, Some(header), None), &local()).await;
        assert_eq!(verdict == Verdict::Ok, is_ok, "{header:?}: {verdict:?}");
        if !is_ok {
            assert_eq!(class_at(&verdict, Stage::Response), Class::Header);
        }
    }
}

#[tokio::test]
async fn the_body_has_to_contain_what_is_expected() {
    let address = answering("HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\nstatus: ready\n").await;
    assert_eq!(verdict(expecting(address, None, Some("ready")), &local()).await, Verdict::Ok);
    let verdict = verdict(expecting(address, None, Some("broken")), &local()).await;
    assert_eq!(class_at(&verdict, Stage::Response), Class::Body);
}

#[tokio::test]
async fn an_answer_that_breaks_off_fails_only_where_its_body_matters() {
    let address = answering("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    assert_eq!(verdict(get(address, 200), &local()).await, Verdict::Ok);
    let verdict = verdict(expecting(address, None, Some("whole")), &local()).await;
    assert_eq!(class_at(&verdict, Stage::Response), Class::HttpClosed);
}

#[tokio::test]
async fn what_servers_send_that_is_odd_but_http_is_ok() {
    let many: &'static str = {
        let headers: String = (0..150).map(|number| format!("x-h{number}: v\r\n")).collect();
        Box::leak(format!("HTTP/1.1 200 OK\r\n{headers}content-length: 0\r\n\r\n").into_boxed_str())
    };
    for answer in [
        "HTTP/1.0 200 OK\r\n\r\nok",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\ncontent-length: 0\n\n",
        many,
    ] {
        let address = answering(answer).await;
        assert_eq!(verdict(get(address, 200), &local()).await, Verdict::Ok, "{answer:?}");
    }
}

#[tokio::test]
async fn an_echo_service_says_through_which_address_the_way_out_leads() {
    let address = answering("HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n203.0.113.7\n").await;
    let egress = |expected: &[&str]| {
        let expected = expected.iter().map(|text| text.parse().unwrap()).collect();
        check("egress", CheckKind::Egress { url: format!("http://{address}/"), expected })
    };
    for (expected, is_ok) in
        [(&[][..], true), (&["203.0.113.7"], true), (&["203.0.113.8", "203.0.113.9"], false)]
    {
        let result = results(vec![egress(expected)], &local()).await.remove(0);
        assert_eq!(result.verdict == Verdict::Ok, is_ok, "{:?}", result.verdict);
        if is_ok {
            assert_eq!(result.detail.answers, ["203.0.113.7"]);
        } else {
            let error = "the way out leads through 203.0.113.7, not 203.0.113.8 or 203.0.113.9";
            assert_eq!(failed_at(&result.verdict, Stage::Response), error);
            assert_eq!(class_at(&result.verdict, Stage::Response), Class::PublicAddress);
        }
    }
    let page = answering("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>").await;
    let kind = CheckKind::Egress { url: format!("http://{page}/"), expected: vec![] };
    assert_eq!(class_at(&verdict(check("egress", kind), &local()).await, Stage::Response), Class::Body);
}
