//! Slack, opened only when there is something to post: a page never waits for Slack's token.

use std::future::Future;

use phonehome_aws::{Session, secret};
use phonehome_slack::{Chat, Slack};

/// Opens Slack.
pub trait ChatSource {
    /// What it opens.
    type Chat: Chat;
    /// Opens it, or says why not.
    fn open(&self) -> impl Future<Output = Result<Self::Chat, String>> + Send;
}

/// Slack with the token in a secret, read anew for each invocation that posts, so that a rotated
/// token is used at once.
#[derive(Debug)]
pub struct SlackWithSecret {
    /// The secret's name or ARN.
    pub secret_id: String,
    /// Reads it.
    pub session: Session,
}

impl ChatSource for SlackWithSecret {
    type Chat = Slack;

    async fn open(&self) -> Result<Slack, String> {
        let token = secret::read(&self.session, &self.secret_id).await.map_err(|error| error.to_string())?;
        Slack::new(token).map_err(|error| error.to_string())
    }
}
