use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::outlet::embedded;
use super::*;
use crate::sdk;

/// CloudWatch of every Region, on this machine: it answers when `answers` says so of a Region, else never.
async fn cloudwatch(answers: fn(&str) -> bool) -> (String, UnboundedReceiver<Call>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (calls, seen) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let calls = calls.clone();
            tokio::spawn(async move {
                let Some(call) = Call::read(&mut stream).await else { return };
                let answered = answers(&call.region);
                calls.send(call).unwrap();
                if !answered {
                    std::future::pending::<()>().await;
                }
                // Whatever protocol the SDK speaks: it has to take this for an error, or for an empty answer.
                let answer = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(answer.as_bytes()).await.unwrap();
            });
        }
    });
    (endpoint, seen)
}

/// One request as it arrived.
#[derive(Debug)]
struct Call {
    /// The Region it was signed for.
    region: String,
    body: String,
}

impl Call {
    async fn read(stream: &mut tokio::net::TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
                if bytes.len() - (bytes.windows(4).position(|it| it == b"\r\n\r\n")? + 4)
                    >= length.parse().ok()?
                {
                    // Credential=KEY/DATE/REGION/monitoring/aws4_request
                    let scope = head.split("credential=").nth(1)?;
                    let region = scope.split('/').nth(2)?.to_owned();
                    return Some(Self { region, body: body.to_owned() });
                }
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
    }
}

async fn watched(endpoint: &str) -> Metrics {
    let hub = sdk::in_local_cloud(endpoint, "222222222222", "us-east-1").await.unwrap();
    Metrics::new(&hub, "alerter").watched_in(&hub.in_region("eu-west-1"))
}

fn drain(seen: &mut UnboundedReceiver<Call>) -> Vec<Call> {
    let mut calls: Vec<Call> = std::iter::from_fn(|| seen.try_recv().ok()).collect();
    calls.sort_by(|one, other| one.region.cmp(&other.region));
    calls
}

#[tokio::test]
async fn an_invocation_is_one_call_and_its_run_alone_goes_to_the_watchers_region_too() {
    let (endpoint, mut seen) = cloudwatch(|_| true).await;
    let metrics = watched(&endpoint).await;
    metrics.count("Messages", 3);
    metrics.count("Messages", 4);
    metrics.count("Runs", 1);
    metrics.duration("DetectionLatency", 61_000);
    metrics.flush().await;
    let calls = drain(&mut seen);
    let regions: Vec<&str> = calls.iter().map(|call| call.region.as_str()).collect();
    assert_eq!(regions, ["eu-west-1", "us-east-1"]);
    let [watcher, hub] = &calls[..] else { panic!("{calls:?}") };
    assert!(watcher.body.contains("Runs") && !watcher.body.contains("Messages"), "{}", watcher.body);
    for name in ["Runs", "Messages", "DetectionLatency"] {
        assert!(hub.body.contains(name), "{name}: {}", hub.body);
    }
    metrics.flush().await;
    assert!(drain(&mut seen).is_empty(), "there is nothing to send");
    assert_eq!(metrics.flushes(), 1);
}

#[tokio::test]
async fn the_watcher_hears_of_nothing_but_runs() {
    let (endpoint, mut seen) = cloudwatch(|_| true).await;
    let metrics = watched(&endpoint).await;
    metrics.count("UnreadableItems", 1);
    metrics.flush().await;
    let regions: Vec<String> = drain(&mut seen).into_iter().map(|call| call.region).collect();
    assert_eq!(regions, ["us-east-1"]);
}

#[tokio::test]
async fn a_region_that_hangs_costs_a_few_seconds_and_the_other_hears_of_the_run() {
    for hanging in ["us-east-1", "eu-west-1"] {
        let answers: fn(&str) -> bool = if hanging == "us-east-1" {
            |region| region != "us-east-1"
        } else {
            |region| region != "eu-west-1"
        };
        let (endpoint, mut seen) = cloudwatch(answers).await;
        let metrics = watched(&endpoint).await;
        metrics.count("Runs", 1);
        let began = Instant::now();
        metrics.flush().await;
        assert!(began.elapsed() < Duration::from_secs(10), "{hanging}");
        let regions: Vec<String> = drain(&mut seen).into_iter().map(|call| call.region).collect();
        assert_eq!(regions, ["eu-west-1", "us-east-1"], "{hanging} hangs");
    }
}

#[test]
fn a_line_names_its_metrics_with_their_numbers_and_the_function_as_the_only_dimension() {
    let metrics = Metrics::in_log("collector");
    metrics.count("Handled", 7);
    metrics.count("Refused", 0);
    metrics.duration("Latency", 1_500);
    metrics.duration("Latency", 61_000);
    let lines = metrics.with(|counted| embedded("collector", counted, 1_778_833_634_000));
    let expected = json!({
        "_aws": {
            "Timestamp": 1_778_833_634_000_u64,
            "CloudWatchMetrics": [{
                "Namespace": "phonehome",
                "Dimensions": [["Function"]],
                "Metrics": [
                    {"Name": "Handled", "Unit": "Count"}, {"Name": "Latency", "Unit": "Seconds"},
                    {"Name": "Refused", "Unit": "Count"},
                ],
            }],
        },
        "Function": "collector", "Handled": 7, "Refused": 0, "Latency": [1.5, 61.0],
    });
    assert_eq!(lines, [expected]);
}

#[test]
fn a_hundred_values_are_all_that_one_line_says_of_a_metric() {
    let metrics = Metrics::in_log("notifier");
    metrics.count("Runs", 1);
    (0..201).for_each(|ms| metrics.duration("Latency", ms));
    let lines = metrics.with(|counted| embedded("notifier", counted, 1));
    let lengths = lines.iter().map(|line| line["Latency"].as_array().map(Vec::len));
    assert_eq!(lengths.collect::<Vec<_>>(), [Some(100), Some(100), Some(1)]);
    let runs = lines.iter().filter(|line| line.get("Runs").is_some());
    assert_eq!(runs.count(), 1, "counted once");
}

#[tokio::test]
async fn what_was_flushed_is_not_counted_again() {
    let metrics = Metrics::in_log("test");
    metrics.count("Runs", 1);
    metrics.flush().await;
    assert!(metrics.counts().is_empty());
}
