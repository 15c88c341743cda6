//! The people's side of the local cloud: the client of `bridge/control.py`.

mod calls;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{mpsc, oneshot};

use crate::bridge::BRIDGE;
use crate::messages::{Account, DefaultVpcs, Metric, Network, Place, QueueMessage, StackEvent};

/// More than any request may take on the other side.
const ANSWER_WITHIN: Duration = Duration::from_secs(180);
/// Where Organizations is.
const ORGANIZATION_REGION: &str = "us-east-1";

/// The outputs of a stack.
pub type Outputs = BTreeMap<String, String>;

/// What `sam deploy` or a StackSet is reported. The account's root deploys it.
#[derive(Debug, Clone)]
pub struct Deployment {
    /// Where the stack is.
    pub place: Place,
    /// Its name.
    pub stack: String,
    /// Its template.
    pub template: PathBuf,
    /// Its parameters.
    pub parameters: BTreeMap<String, String>,
    /// The packages of the functions, by the `CodeUri` that the template has for them.
    pub artifacts: BTreeMap<String, PathBuf>,
}

type ControlResult = Result<Value, String>;
/// Who waits for which answer; `None` once there will be no more answers.
type Waiting = Arc<Mutex<Option<HashMap<u64, oneshot::Sender<ControlResult>>>>>;

/// A running `control.py`, which ends with the last clone of this.
#[derive(Debug, Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    requests: mpsc::UnboundedSender<String>,
    waiting: Waiting,
    last_id: AtomicU64,
    /// Killed on drop.
    _child: Child,
}

#[derive(Deserialize)]
struct Line {
    id: u64,
    #[serde(default)]
    ok: Value,
    error: Option<String>,
}

impl Control {
    /// Starts it for the emulator at `endpoint`.
    ///
    /// # Errors
    /// The interpreter cannot be started.
    pub async fn start(python: &Path, endpoint: &str, management_account: &str) -> Result<Self> {
        let mut child = Command::new(python)
            .arg(format!("{BRIDGE}/control.py"))
            .args([endpoint, management_account])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the program that started it.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", python.display()))?;
        let input = child.stdin.take().context("no standard input")?;
        let output = child.stdout.take().context("no standard output")?;
        let (requests, queued) = mpsc::unbounded_channel();
        let waiting: Waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        tokio::spawn(write_requests(input, queued));
        tokio::spawn(read_answers(output, waiting.clone()));
        let inner = Inner { requests, waiting, last_id: AtomicU64::new(0), _child: child };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Creates or updates a stack, waits for its end, and answers with its outputs.
    ///
    /// # Errors
    /// The stack failed, with the reasons of the resources that failed.
    pub async fn deploy(&self, deployment: &Deployment) -> Result<Outputs> {
        let arguments = json!({
            "stack": deployment.stack,
            "template": deployment.template,
            "parameters": deployment.parameters,
            "artifacts": deployment.artifacts,
        });
        self.ask_at("deploy", &deployment.place, arguments).await
    }

    /// Deploys the same stack to several accounts side by side.
    ///
    /// # Errors
    /// The first failure.
    pub async fn deploy_to(&self, deployment: &Deployment, accounts: &[String]) -> Result<()> {
        let one = |account: &String| {
            let mut deployment = deployment.clone();
            deployment.place.account.clone_from(account);
            async move { self.deploy(&deployment).await }
        };
        futures_util::future::try_join_all(accounts.iter().map(one)).await?;
        Ok(())
    }

    /// Creates an account of the organization, waits for its end, and answers with its id.
    ///
    /// # Errors
    /// The account could not be made, with Organizations' reason.
    pub async fn create_account(&self, name: &str, email: &str) -> Result<String> {
        self.ask("create_account", json!({"name": name, "email": email})).await
    }

    /// Renames an account of the organization. Another may have that name already.
    ///
    /// # Errors
    /// There is no such account.
    pub async fn rename_account(&self, account: &str, name: &str) -> Result<()> {
        self.ask("rename_account", json!({"account": account, "name": name})).await
    }

    /// Closes an account of the organization.
    ///
    /// # Errors
    /// There is no such account, or it is closed.
    pub async fn close_account(&self, account: &str) -> Result<()> {
        self.ask("close_account", json!({"account": account})).await
    }

    /// Makes a secret with a value; answers its ARN.
    ///
    /// # Errors
    /// There is one of that name.
    pub async fn make_secret(&self, at: &Place, name: &str, value: &str) -> Result<String> {
        self.ask_at("make_secret", at, json!({"name": name, "value": value})).await
    }

    /// Puts a value into a secret.
    ///
    /// # Errors
    /// There is no such secret.
    pub async fn set_secret(&self, at: &Place, secret: &str, value: &str) -> Result<()> {
        self.ask_at("set_secret", at, json!({"secret": secret, "value": value})).await
    }

    /// Subscribes a loopback URL to a topic, and waits until it has confirmed.
    ///
    /// # Errors
    /// There is no such topic, or nothing confirmed.
    pub async fn subscribe(&self, at: &Place, topic_arn: &str, url: &str) -> Result<()> {
        self.ask_at("subscribe", at, json!({"topic": topic_arn, "url": url})).await
    }

    /// Sends a message to a queue.
    ///
    /// # Errors
    /// There is no such queue.
    pub async fn send_message(&self, at: &Place, queue_url: &str, body: &str) -> Result<()> {
        self.ask_at("send_message", at, json!({"queue": queue_url, "body": body})).await
    }

    /// The messages of a queue that nobody has taken. They stay in it, but are hidden from others
    /// while this looks, and count as received once more.
    ///
    /// # Errors
    /// There is no such queue.
    pub async fn peek_queue(&self, at: &Place, queue_url: &str) -> Result<Vec<QueueMessage>> {
        self.ask_at("peek_queue", at, json!({"queue": queue_url})).await
    }

    /// How many messages a queue has: those that wait, those that somebody has taken, and those that are not
    /// due yet.
    ///
    /// # Errors
    /// There is no such queue.
    pub async fn queue_length(&self, at: &Place, queue_url: &str) -> Result<u32> {
        self.ask_at("queue_length", at, json!({"queue": queue_url})).await
    }

    /// Puts an event of an AWS service on an account's default bus, and answers with its id.
    ///
    /// # Errors
    /// The event is not complete.
    pub async fn put_service_event(
        &self,
        at: &Place,
        source: &str,
        detail_type: &str,
        detail: &Value,
    ) -> Result<String> {
        let event = json!({"source": source, "detail-type": detail_type, "detail": detail});
        self.ask_at("put_service_event", at, json!({"event": event})).await
    }

    /// Whether what CloudTrail tells of calls waits, as it does for minutes on AWS, or comes at once.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn cloudtrail(&self, late: bool) -> Result<()> {
        self.ask("cloudtrail", json!({"late": late})).await
    }

    /// What an account has.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn describe_network(&self, at: &Place) -> Result<Network> {
        self.ask_at("describe_network", at, json!({})).await
    }

    /// In which of its Regions an account has a default VPC.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn default_vpcs(&self, at: &Place) -> Result<DefaultVpcs> {
        self.ask_at("default_vpcs", at, json!({})).await
    }

    /// Makes a trail of the organization that logs management events in all Regions, in the management
    /// account. Without one neither Organizations' events nor those of calls are raised.
    ///
    /// # Errors
    /// There is one already.
    pub async fn organization_trail(&self, region: &str) -> Result<()> {
        self.ask("organization_trail", json!({"region": region})).await
    }

    /// The organization's trail records nothing from now on.
    ///
    /// # Errors
    /// There is none.
    pub async fn stop_trail(&self, region: &str) -> Result<()> {
        self.ask("stop_trail", json!({"region": region})).await
    }

    /// Credentials of a role of an account, as the environment variables of AWS, for an hour. The root of the
    /// account `by`, whom the role has to trust, assumes it; `session` is what CloudTrail then says who it is.
    ///
    /// # Errors
    /// There is no such role, or it trusts somebody else.
    pub async fn credentials_of(
        &self,
        at: &Place,
        role: &str,
        by: &str,
        session: &str,
    ) -> Result<BTreeMap<String, String>> {
        self.ask_at("credentials_of", at, json!({"role": role, "by": by, "session": session})).await
    }

    /// The open accounts of the organization.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn accounts(&self) -> Result<Vec<Account>> {
        self.ask("accounts", json!({"region": ORGANIZATION_REGION})).await
    }

    /// Enables or disables a schedule.
    ///
    /// # Errors
    /// There is no such schedule.
    pub async fn set_schedule(&self, at: &Place, name: &str, enabled: bool) -> Result<()> {
        self.ask_at("set_schedule", at, json!({"name": name, "enabled": enabled})).await
    }

    /// Deletes a function.
    ///
    /// # Errors
    /// There is no such function.
    pub async fn delete_function(&self, at: &Place, name: &str) -> Result<()> {
        self.ask_at("delete_function", at, json!({"name": name})).await
    }

    /// Invokes a function, and answers with its response.
    ///
    /// # Errors
    /// There is no such function, or it failed.
    pub async fn invoke(&self, at: &Place, function: &str, payload: &Value) -> Result<Value> {
        self.ask_at("invoke", at, json!({"function": function, "payload": payload})).await
    }

    /// The metrics of the namespace `phonehome`.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn metrics(&self, at: &Place) -> Result<Vec<Metric>> {
        self.ask_at("metrics", at, json!({})).await
    }

    /// Sets an alarm to `OK`, `ALARM` or `INSUFFICIENT_DATA`.
    ///
    /// # Errors
    /// There is no such alarm.
    pub async fn set_alarm_state(&self, at: &Place, alarm: &str, state: &str, reason: &str) -> Result<()> {
        self.ask_at("set_alarm_state", at, json!({"alarm": alarm, "state": state, "reason": reason})).await
    }

    /// What happened to a stack, oldest first.
    ///
    /// # Errors
    /// There is no such stack.
    pub async fn stack_events(&self, at: &Place, stack: &str) -> Result<Vec<StackEvent>> {
        self.ask_at("stack_events", at, json!({"stack": stack})).await
    }

    /// The lines of a log group, oldest first; none when it does not exist.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn logs(&self, at: &Place, group: &str) -> Result<Vec<String>> {
        self.ask_at("logs", at, json!({"group": group})).await
    }

    pub(crate) async fn ask_at<T: DeserializeOwned>(
        &self,
        action: &str,
        at: &Place,
        mut arguments: Value,
    ) -> Result<T> {
        arguments["account"] = json!(at.account);
        arguments["region"] = json!(at.region);
        self.ask(action, arguments).await
    }

    pub(crate) async fn ask<T: DeserializeOwned>(&self, action: &str, mut arguments: Value) -> Result<T> {
        let id = self.inner.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        arguments["id"] = json!(id);
        arguments["do"] = json!(action);
        let answer = self.expect(id).and_then(|answer| {
            self.inner.requests.send(format!("{arguments}\n")).ok()?;
            Some(answer)
        });
        let ended = || anyhow!("{action}: control.py has ended");
        let answer = tokio::time::timeout(ANSWER_WITHIN, answer.ok_or_else(ended)?);
        let answer = answer.await.with_context(|| format!("{action}: no answer"))?.map_err(|_| ended())?;
        let answer = answer.map_err(|error| anyhow!("{action}: {error}"))?;
        serde_json::from_value(answer).with_context(|| format!("{action}: an answer of another form"))
    }

    fn expect(&self, id: u64) -> Option<oneshot::Receiver<ControlResult>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.as_mut()?.insert(id, sender);
        Some(receiver)
    }
}

/// A task of its own, so that a request that is given up half-way does not cut a line.
async fn write_requests(mut input: ChildStdin, mut requests: mpsc::UnboundedReceiver<String>) {
    while let Some(line) = requests.recv().await {
        if input.write_all(line.as_bytes()).await.is_err() || input.flush().await.is_err() {
            return;
        }
    }
}

async fn read_answers(output: ChildStdout, waiting: Waiting) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let Ok(Line { id, ok, error }) = serde_json::from_str(&line) else {
            tracing::warn!("control.py said: {line}");
            continue;
        };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asker) = waiting.as_mut().and_then(|waiting| waiting.remove(&id)) {
            // An error means that nobody waits any more.
            let _ = asker.send(error.map_or(Ok(ok), Err));
        }
    }
    // Dropping the senders tells everyone who still waits.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
}
