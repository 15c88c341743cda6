//! A service of AWS's that speaks JSON, on this machine: it answers as it is told, and keeps what it was asked.

use std::sync::{Arc, Mutex};

use phonehome_aws::Session;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The operations that were called, with their requests.
pub(crate) type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// Answers an operation and its request with a status and a body. An error's `__type` is its header, too.
pub(crate) async fn stand_in(
    answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
) -> (Session, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (requests, answer) = (Requests::default(), Arc::new(answer));
    let kept = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (kept, answer) = (kept.clone(), answer.clone());
            tokio::spawn(async move {
                let (operation, body) = read(&mut stream).await;
                let (status, answer) = answer(&operation, &body);
                kept.lock().unwrap().push((operation, body));
                let kind = answer["__type"].as_str().map(|kind| format!("x-amzn-errortype: {kind}\r\n"));
                let (kind, body) = (kind.unwrap_or_default(), answer.to_string());
                let head = format!(
                    "HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.1\r\n{kind}content-length: {}\r\n\
                     connection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            });
        }
    });
    let session = phonehome_aws::sdk::in_local_cloud(&endpoint, "111111111111", "us-east-1").await.unwrap();
    (session, requests)
}

/// The requests, with their heads.
pub(crate) type Texts = Arc<Mutex<Vec<String>>>;

/// A service that answers whatever it is asked with this status and body.
pub(crate) async fn always(status: u16, body: &'static str) -> (Session, Texts) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let requests = Texts::default();
    let kept = requests.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = text(&mut stream).await;
            kept.lock().unwrap().push(request);
            let head = format!(
                "HTTP/1.1 {status} x\r\ncontent-type: text/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all((head + body).as_bytes()).await.unwrap();
        }
    });
    (phonehome_aws::sdk::in_local_cloud(&endpoint, "111111111111", "eu-west-1").await.unwrap(), requests)
}

/// A whole request.
async fn text(stream: &mut TcpStream) -> String {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 8192]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            let length = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
            if body.len() >= length.map_or(0, |(_, length)| length.parse().unwrap()) {
                return text;
            }
        }
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the request was cut off");
        bytes.extend_from_slice(&chunk[..read]);
    }
}

/// The operation, by its header or its path, and its body.
async fn read(stream: &mut TcpStream) -> (String, Value) {
    let text = text(stream).await;
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let target = head.lines().find(|line| line.to_lowercase().starts_with("x-amz-target: "));
    let target = target.map(|line| line.rsplit('.').next().unwrap().to_owned());
    let path = head.split(' ').nth(1).unwrap_or_default().trim_start_matches('/').to_owned();
    (target.unwrap_or(path), serde_json::from_str(body).unwrap())
}
