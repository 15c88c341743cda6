//! A listener on this machine that plays AWS for tests of this folder.

use std::sync::{Arc, Mutex};

use phonehome_network::Tags;
use phonehome_planner::{Features, ProbeSpec, StackSpec, ZoneSpec};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::{AwsStack, ProbeCode};

/// It answers everything, with success unless told otherwise, and keeps the requests: method, path and
/// body.
pub(super) struct TestCloud {
    pub(super) endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl TestCloud {
    /// `ec2` makes what is inside of EC2's answer to a request: of an error, if it starts with `<Errors>`.
    pub(super) async fn new(ec2: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::holding_back(1, ec2).await
    }

    /// Returns nothing before `together` requests are there.
    pub(super) async fn holding_back(
        together: usize,
        ec2: impl Fn(&str) -> String + Send + Sync + 'static,
    ) -> Self {
        let rest = |_: &str| ("200 OK", r#"{"ScheduleArn": "arn", "FunctionName": "name"}"#.to_owned());
        Self::of(together, ec2, rest).await
    }

    /// `rest` answers what Lambda and Scheduler are asked: status and body.
    pub(super) async fn of(
        together: usize,
        ec2: impl Fn(&str) -> String + Send + Sync + 'static,
        rest: impl Fn(&str) -> (&'static str, String) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (kept, ec2, all_there) = (requests.clone(), Arc::new(ec2), Arc::new(Barrier::new(together)));
        let rest = Arc::new(rest);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (kept, ec2, all_there) = (kept.clone(), ec2.clone(), all_there.clone());
                let rest = rest.clone();
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    let verb = request.split("Action=").nth(1).and_then(|rest| rest.split('&').next());
                    let (status, body) = match verb.map(|verb| (verb, ec2(&request))) {
                        Some((_, errors)) if errors.starts_with("<Errors>") => {
                            ("400 Bad Request", format!("<Response>{errors}</Response>"))
                        }
                        Some((verb, answer)) => {
                            ("200 OK", format!("<{verb}Response>{answer}</{verb}Response>"))
                        }
                        None => rest(&request),
                    };
                    kept.lock().unwrap().push(request);
                    all_there.wait().await;
                    let length = body.len();
                    let head =
                        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                    stream.write_all((head + &body).as_bytes()).await.unwrap();
                });
            }
        });
        Self { endpoint, requests }
    }

    /// The requests since the last time.
    pub(super) fn take_requests(&self) -> Vec<String> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

/// A stack in that cloud.
pub(super) async fn stack(cloud: &TestCloud) -> AwsStack {
    let config =
        phonehome_aws::sdk::in_local_cloud(&cloud.endpoint, "123456789012", "us-east-1").await.unwrap();
    AwsStack::new(&config, spec(), ProbeCode::new(b"zip".to_vec()))
}

async fn read_request(stream: &mut TcpStream) -> String {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or_default() {
                return format!("{} {body}", head.lines().next().unwrap_or_default());
            }
        }
        let read = stream.read(&mut chunk).await.unwrap();
        assert!(read > 0, "the request was cut off");
        bytes.extend_from_slice(&chunk[..read]);
    }
}

pub(super) fn spec() -> StackSpec {
    let probe = ProbeSpec {
        checks: vec![],
        generation: 7,
        code_sha256: "hash".into(),
        authorities: None,
        no_code: None,
        architecture: "arm64".into(),
        role_arn: "arn:aws:iam::123456789012:role/phonehome-probe".into(),
        schedule_role_arn: "arn:aws:iam::123456789012:role/phonehome-schedule".into(),
        bus_arn: "arn:aws:events:us-east-1:123456789012:event-bus/phonehome".into(),
        log_group: "/phonehome/probe".into(),
        memory_mb: 128,
        timeout_s: 30,
    };
    let zone = ZoneSpec {
        az_id: "use1-az1".parse().unwrap(),
        public: "10.0.0.0/24".parse().unwrap(),
        private: "10.0.1.0/24".parse().unwrap(),
        nat_az_id: None,
    };
    StackSpec {
        account: "123456789012".parse().unwrap(),
        account_name: "shop-prod".into(),
        region: "us-east-1".parse().unwrap(),
        cidr: "10.0.0.0/16".parse().unwrap(),
        zones: vec![zone],
        nat: Default::default(),
        features: Features { hardening: true, ..Features::default() },
        links: vec![],
        adopt: None,
        probe: Some(probe),
        tags: Tags::from([("phonehome:domain".to_owned(), "shop".to_owned())]),
        history: phonehome_planner::History::default(),
    }
}
