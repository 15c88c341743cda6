use std::net::SocketAddr;

use phonehome_wire::{Check, CheckKind, Stage, Verdict};
use tokio::net::TcpListener;

use super::support::*;

fn get(address: SocketAddr, status: u16) -> Check {
    check("http", CheckKind::Http { url: format!("http://{address}/health?deep=1"), status })
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
