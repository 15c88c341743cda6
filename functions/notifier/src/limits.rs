//! What may still be called in this run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phonehome_slack::{Method, Refusal, Scope, SlackError};
use phonehome_state::{Held, Hold};
use tokio::time::Instant;

/// Slack takes about one message a second in a channel.
const PACE: Duration = Duration::from_secs(1);

/// Slack's limits, as far as they are known in this run, and the run's own.
pub(crate) struct Limits {
    until: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is not called any more in this run.
    stopped: BTreeSet<Held>,
    last_posts: BTreeMap<String, Instant>,
    /// The channels that a method was limited in.
    limited: BTreeMap<Method, BTreeSet<String>>,
}

impl Limits {
    /// The limits of a run that lasts this long. `holds` are those Slack asked for in earlier ones.
    pub(crate) fn of(run: Duration, holds: &[Hold]) -> Self {
        let stopped = holds.iter().map(|hold| hold.on.clone()).collect();
        Self { until: Instant::now() + run, state: Mutex::new(State { stopped, ..State::default() }) }
    }

    /// Whether a channel may be called at all, and there is time left to begin something.
    pub(crate) fn is_open(&self, channel: &str) -> bool {
        let stopped = &self.state().stopped;
        Instant::now() < self.until
            && !stopped.contains(&Held::Workspace)
            && !stopped.contains(&Held::Channel(channel.to_owned()))
    }

    /// Waits until it is a call's turn; `false` when that is not in this run.
    pub(crate) async fn admits(&self, method: Method, channel: &str) -> bool {
        if !self.is_open(channel) || self.state().stopped.contains(&Held::Method(method.to_string())) {
            return false;
        }
        let last = self.state().last_posts.get(channel).copied();
        let next = match (method, last) {
            (Method::Post, Some(last)) => last + PACE,
            _ => return true,
        };
        if next >= self.until {
            return false;
        }
        tokio::time::sleep_until(next).await;
        // Another channel's call may have met a limit meanwhile.
        self.is_open(channel)
    }

    /// Takes note of a call that was answered.
    pub(crate) fn called(&self, method: Method, channel: &str) {
        if method == Method::Post {
            self.state().last_posts.insert(channel.to_owned(), Instant::now());
        }
    }

    /// Stops what an error says is not to be called any more, and returns what that is to hold
    /// for beyond this run.
    pub(crate) fn refused(&self, channel: &str, error: &SlackError, now_ms: u64) -> Vec<Hold> {
        let this_channel = || Held::Channel(channel.to_owned());
        match error {
            SlackError::Limited { method, scope, retry_after_s, .. } => {
                let method_name = Held::Method(method.to_string());
                let held = match scope {
                    Scope::Channel if self.limited_elsewhere(*method, channel) => {
                        vec![this_channel(), method_name]
                    }
                    Scope::Channel => vec![this_channel()],
                    Scope::Method => vec![this_channel(), method_name],
                    Scope::Workspace => vec![Held::Workspace],
                };
                self.state().stopped.extend(held.iter().cloned());
                let until_ms = now_ms + u64::from(*retry_after_s) * 1000;
                held.into_iter().map(|on| Hold { on, until_ms }).collect()
            }
            SlackError::Refused { error, .. } => {
                // Until people help, one call in a run is enough to find out.
                let held = match Refusal::of(error) {
                    Refusal::Channel => Some(this_channel()),
                    Refusal::Token => Some(Held::Workspace),
                    Refusal::Content
                    | Refusal::Mark
                    | Refusal::Message
                    | Refusal::Slack
                    | Refusal::Unknown => None,
                };
                self.state().stopped.extend(held);
                vec![]
            }
            SlackError::Failed { .. } | SlackError::Unreachable(_) => vec![],
        }
    }

    /// Two channels whose posts are limited in one run: it is not the channels.
    fn limited_elsewhere(&self, method: Method, channel: &str) -> bool {
        let mut state = self.state();
        let channels = state.limited.entry(method).or_default();
        channels.insert(channel.to_owned());
        channels.len() > 1
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
