//! The receiver: Slack's Web API, on-call's webhook, and what they got as a page, on one port of this machine.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::http;
use crate::seen::{Page, Seen, SlackMessage};
use crate::slack::{ScriptedResponse, Slack, SlackMode};
use crate::view;

const API: &str = "/api/";
const PAGE: &str = "/page";
/// The longest that a client waits for a change before it is answered with what there is.
const ANSWERED_WITHIN: Duration = Duration::from_secs(25);

/// Receives what phonehome says to people, and remembers it.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<ReceiverState>,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct ReceiverState {
    slack: Mutex<Slack>,
    seen: watch::Sender<Seen>,
}

/// What SNS posts to an HTTP endpoint.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Notice {
    #[serde(rename = "Type")]
    kind: String,
    topic_arn: String,
    #[serde(default)]
    subject: Option<String>,
    message: String,
    #[serde(default, rename = "SubscribeURL")]
    subscribe_url: Option<String>,
}

impl Receiver {
    /// Starts it on a free port. These are the channels that Slack has, by name (`#net-prod`).
    ///
    /// # Errors
    /// No port is free.
    pub async fn start(channels: &[&str]) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let seen = watch::Sender::new(Seen::default());
        let state = Arc::new(ReceiverState { slack: Mutex::new(Slack::new(channels)), seen });
        let serving = tokio::spawn(serve(listener, state.clone()));
        Ok(Self { address, state, serving })
    }

    /// What `SLACK_API_URL` has to be.
    #[must_use]
    pub fn slack_url(&self) -> String {
        format!("http://{}{}", self.address, API.trim_end_matches('/'))
    }

    /// What on-call's topic has to be subscribed with.
    #[must_use]
    pub fn page_url(&self) -> String {
        format!("http://{}{PAGE}", self.address)
    }

    /// Where a browser shows Slack's channels and on-call's pager.
    #[must_use]
    pub fn view_url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// From now on Slack is like this.
    pub fn set_slack(&self, mode: SlackMode) {
        self.state.slack().mode = mode;
    }

    /// The next calls get HTTP 429 with this `Retry-After`.
    pub fn rate_limit_next(&self, calls: u32, retry_after_s: u32) {
        self.state.slack().rate_limited = (calls, retry_after_s);
    }

    /// From now on a post gets HTTP 429 when the last one in its channel is more recent than this;
    /// Slack's own pace is about a second.
    pub fn set_pace(&self, pace: Option<Duration>) {
        self.state.slack().pace = pace;
    }

    /// The messages as they read now, in the order they were posted.
    #[must_use]
    pub fn messages(&self) -> Vec<SlackMessage> {
        self.state.seen.borrow().messages.clone()
    }

    /// The pages that on-call got.
    #[must_use]
    pub fn pages(&self) -> Vec<Page> {
        self.state.seen.borrow().pages.clone()
    }

    /// All there is.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.state.seen.borrow().clone()
    }

    /// Waits until `found` finds something in what has been seen.
    ///
    /// # Errors
    /// It finds nothing in time; the error says what was waited for and what came instead.
    pub async fn wait_for<T>(
        &self,
        what: &str,
        timeout: Duration,
        mut found: impl FnMut(&Seen) -> Option<T>,
    ) -> Result<T> {
        let mut changes = self.state.seen.subscribe();
        let search = async {
            loop {
                if let Some(value) = found(&changes.borrow_and_update()) {
                    return Some(value);
                }
                // An error means that the receiver is gone, and nothing will come.
                changes.changed().await.ok()?;
            }
        };
        let value = tokio::time::timeout(timeout, search).await.ok().flatten();
        value.ok_or_else(|| {
            let came = self.state.seen.borrow().to_string();
            anyhow!("{what}: not within {} s. This came:\n{came}", timeout.as_secs_f32())
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<ReceiverState>) {
    let mut connections = JoinSet::new();
    loop {
        // An error is one connection's affair.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let state = state.clone();
        connections.spawn(async move {
            let service = service_fn(|request| state.answer(request));
            let connection = hyper::server::conn::http1::Builder::new();
            if let Err(error) = connection.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!("receiver: {error}");
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

impl ReceiverState {
    fn slack(&self) -> MutexGuard<'_, Slack> {
        self.slack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let path = head.uri.path().to_owned();
        let Ok(body) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
            return Ok(plain(StatusCode::BAD_REQUEST));
        };
        if head.method == Method::GET {
            return Ok(self.show(&path, head.uri.query()).await);
        }
        if head.method != Method::POST {
            return Ok(plain(StatusCode::METHOD_NOT_ALLOWED));
        }
        if path == PAGE {
            return Ok(plain(self.page(&body)));
        }
        let Some(method) = path.strip_prefix(API) else { return Ok(plain(StatusCode::NOT_FOUND)) };
        let header = head.headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        Ok(slack_response(&self.call_slack(method, token, &body)))
    }

    /// The page, and what it shows: at once, or once it is another than the client has.
    async fn show(&self, path: &str, query: Option<&str>) -> Response<Full<Bytes>> {
        match path {
            "/" => view::page(),
            view::STATE => {
                let known = view::after(query);
                let mut changes = self.seen.subscribe();
                let change = changes.wait_for(|seen| Some(view::revision(seen)) != known);
                // In vain: it is answered all the same, so that nobody waits for what is gone.
                let _ = tokio::time::timeout(ANSWERED_WITHIN, change).await;
                let channels = self.slack().channels.clone();
                view::state(&self.seen.borrow(), &channels)
            }
            _ => plain(StatusCode::NOT_FOUND),
        }
    }

    fn call_slack(&self, method: &str, token: Option<&str>, body: &[u8]) -> ScriptedResponse {
        let mut answer = ScriptedResponse::Down;
        self.seen.send_modify(|seen| answer = self.slack().call(seen, method, token, body));
        answer
    }

    /// On-call's side of an SNS subscription. There is no signature to check: the emulator's is
    /// made up.
    fn page(&self, body: &[u8]) -> StatusCode {
        let Ok(notice) = serde_json::from_slice::<Notice>(body) else { return StatusCode::BAD_REQUEST };
        match (notice.kind.as_str(), notice.subscribe_url) {
            ("SubscriptionConfirmation", Some(url)) => {
                // SNS waits for this answer before it can take the confirmation.
                tokio::spawn(confirm(self.seen.clone(), notice.topic_arn, url));
            }
            ("Notification", _) => self.seen.send_modify(|seen| {
                seen.pages.push(Page {
                    at: SystemTime::now(),
                    topic_arn: notice.topic_arn,
                    subject: notice.subject.unwrap_or_default(),
                    message: notice.message,
                });
            }),
            _ => return StatusCode::BAD_REQUEST,
        }
        StatusCode::OK
    }
}

async fn confirm(seen: watch::Sender<Seen>, topic_arn: String, url: String) {
    match http::get(&url).await {
        Ok(200) => seen.send_modify(|seen| seen.subscriptions.push(topic_arn)),
        Ok(status) => tracing::warn!("the subscription to {topic_arn} is not confirmed: HTTP {status}"),
        Err(error) => tracing::warn!("the subscription to {topic_arn} is not confirmed: {error:#}"),
    }
}

fn plain(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn slack_response(answer: &ScriptedResponse) -> Response<Full<Bytes>> {
    let body = match answer {
        ScriptedResponse::Failing(..) => "<html>upstream connect error</html>".to_owned(),
        _ => answer.body().to_string(),
    };
    let mut response = Response::new(Full::from(body));
    let headers = response.headers_mut();
    headers
        .insert("content-type", hyper::header::HeaderValue::from_static("application/json; charset=utf-8"));
    match answer {
        ScriptedResponse::RateLimited(seconds) => {
            headers.insert("retry-after", (*seconds).into());
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
        }
        ScriptedResponse::Down => *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR,
        ScriptedResponse::Failing(status, retry_after_s) => {
            headers.insert("content-type", hyper::header::HeaderValue::from_static("text/html"));
            if let Some(seconds) = retry_after_s {
                headers.insert("retry-after", (*seconds).into());
            }
            *response.status_mut() =
                StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        }
        ScriptedResponse::Done { .. } | ScriptedResponse::Shown(_) | ScriptedResponse::Refused(_) => {}
    }
    response
}
