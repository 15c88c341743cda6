//! What is sent to SQS, and what becomes of what it does not take: against a listener on this machine.

use std::sync::{Arc, Mutex};

use phonehome_cloud::{Message, Queue as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::SqsQueue;
use crate::sdk;

/// An SQS that answers with what `answer` makes of the bodies of a batch, and keeps them.
async fn sqs(
    answer: impl Fn(usize, &[String]) -> Value + Send + Sync + 'static,
) -> (SqsQueue, Arc<Mutex<Vec<Vec<String>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let batches = Arc::new(Mutex::new(Vec::new()));
    let (kept, answer) = (batches.clone(), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (kept, answer) = (kept.clone(), answer.clone());
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                let request: Value = loop {
                    let mut chunk = [0; 4096];
                    let read = stream.read(&mut chunk).await.unwrap();
                    bytes.extend_from_slice(&chunk[..read]);
                    let text = String::from_utf8_lossy(&bytes);
                    let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
                    if let Some(request) = body.and_then(|body| serde_json::from_str(body).ok()) {
                        break request;
                    }
                };
                let entries = request["Entries"].as_array().unwrap().iter();
                let bodies: Vec<String> =
                    entries.map(|entry| entry["MessageBody"].as_str().unwrap().to_owned()).collect();
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(bodies.clone());
                    kept.len()
                };
                let body = answer(number, &bodies).to_string();
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n",
                    body.len()
                );
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            });
        }
    });
    let session = sdk::in_local_cloud(&endpoint, "222222222222", "us-east-1").await.unwrap();
    (SqsQueue::new(&session, format!("{endpoint}/222222222222/phonehome-reconcile")), batches)
}

fn messages(number: usize) -> Vec<Message> {
    (0..number).map(|it| Message { body: it.to_string(), ..Message::default() }).collect()
}

fn refused(ids: &[&str], senders_fault: bool) -> Value {
    let failed = ids.iter().map(|id| {
        json!({"Id": id, "Code": "ThrottlingException", "SenderFault": senders_fault, "Message": "slow down"})
    });
    json!({"Successful": [], "Failed": failed.collect::<Vec<_>>()})
}

#[tokio::test]
async fn many_messages_take_a_tenth_of_the_calls_and_all_of_them_are_sent() {
    let (queue, batches) = sqs(|_, _| refused(&[], false)).await;
    queue.send_all(messages(25)).await.unwrap();
    let batches = batches.lock().unwrap();
    let mut sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
    sizes.sort_unstable();
    let mut sent: Vec<usize> = batches.iter().flatten().map(|body| body.parse().unwrap()).collect();
    sent.sort_unstable();
    assert_eq!((sizes, sent), (vec![5, 10, 10], (0..25).collect()));
}

#[tokio::test]
async fn what_sqs_did_not_take_of_a_batch_is_sent_again_and_nothing_else() {
    let (queue, batches) = sqs(|number, _| match number {
        1 => refused(&["1", "3"], false),
        _ => refused(&[], false),
    })
    .await;
    queue.send_all(messages(5)).await.unwrap();
    let batches = batches.lock().unwrap();
    assert_eq!(batches[1..], [vec!["1".to_owned(), "3".to_owned()]]);
}

#[tokio::test]
async fn what_sqs_never_takes_is_an_error_after_some_rounds_and_what_is_wrong_with_it_at_once() {
    for (senders_fault, rounds) in [(false, 4), (true, 1)] {
        let (queue, batches) = sqs(move |_, _| refused(&["0"], senders_fault)).await;
        let error = queue.send_all(messages(1)).await.unwrap_err().to_string();
        assert!(error.contains("1 of 1 messages were not taken: slow down"), "{error}");
        assert_eq!(batches.lock().unwrap().len(), rounds);
    }
}
