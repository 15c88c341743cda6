//! A machine user's access keys, on IAM and Secrets Manager.

use std::collections::BTreeSet;

use aws_sdk_iam::config::retry::RetryConfig;
use aws_sdk_iam::primitives::DateTime;
use aws_sdk_iam::types::{AccessKeyMetadata, StatusType};
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::{Cause, CloudError};
use phonehome_machine_users::{Key, KeyId, KeysApi, NewKey, Outcome, Seen, Versions};
use serde_json::json;

/// One machine user and its secret, in the account and the home Region of a session.
#[derive(Debug)]
pub struct AwsAccessKeys {
    iam: aws_sdk_iam::Client,
    secrets: aws_sdk_secretsmanager::Client,
    user: String,
    secret: String,
}

const LIST: &str = "iam:ListAccessKeys";
const LAST_USED: &str = "iam:GetAccessKeyLastUsed";
const CREATE: &str = "iam:CreateAccessKey";
const UPDATE: &str = "iam:UpdateAccessKey";
const DELETE: &str = "iam:DeleteAccessKey";
const DESCRIBE: &str = "secretsmanager:DescribeSecret";
const PUT: &str = "secretsmanager:PutSecretValue";

/// The label of the version that a secret hands out
/// (<https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html>).
const CURRENT: &str = "AWSCURRENT";

impl AwsAccessKeys {
    /// The keys of the IAM user of this name, and the secret of that one.
    pub fn new(session: &Session, user: &str, secret: &str) -> Self {
        Self {
            iam: aws_sdk_iam::Client::new(session.config()),
            secrets: aws_sdk_secretsmanager::Client::new(session.config()),
            user: user.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// `None`: there is no such user.
    async fn keys(&self) -> Result<Option<Vec<Key>>, CloudError> {
        // IAM allows a user two, which is less than a page.
        let answer = self.iam.list_access_keys().user_name(&self.user).send().await;
        let listed = match answer.map_err(|error| CloudError::of(LIST, &self.user, &error)) {
            Err(error) if error.says_missing() => return Ok(None),
            answer => answer?.access_key_metadata,
        };
        let mut keys = vec![];
        for shown in &listed {
            let mut key = self.key(shown)?;
            let answer = self.iam.get_access_key_last_used().access_key_id(key.id.as_ref()).send().await;
            let answer = answer.map_err(|error| CloudError::of(LAST_USED, &self.user, &error))?;
            let used = answer.access_key_last_used.and_then(|used| used.last_used_date);
            key.used_at_ms = used.as_ref().and_then(milliseconds);
            keys.push(key);
        }
        Ok(Some(keys))
    }

    fn key(&self, shown: &AccessKeyMetadata) -> Result<Key, CloudError> {
        let unusable = |what: String| {
            CloudError::of_cause(LIST, &self.user, Cause::Response(format!("a key without {what}")))
        };
        let id = shown.access_key_id().unwrap_or_default();
        Ok(Key {
            id: id.parse().map_err(|bad: phonehome_machine_users::BadKeyId| unusable(bad.to_string()))?,
            created_at_ms: shown
                .create_date()
                .and_then(milliseconds)
                .ok_or_else(|| unusable("the time of its creation".to_owned()))?,
            is_active: shown.status() == Some(&StatusType::Active),
            used_at_ms: None,
        })
    }

    /// `None`: there is no such secret, or it is about to be deleted.
    async fn versions(&self) -> Result<Option<Versions>, CloudError> {
        let answer = self.secrets.describe_secret().secret_id(&self.secret).send().await;
        let secret = match answer.map_err(|error| CloudError::of(DESCRIBE, &self.secret, &error)) {
            Err(error) if error.says_missing() => return Ok(None),
            answer => answer?,
        };
        if secret.deleted_date().is_some() {
            return Ok(None);
        }
        let labels = secret.version_ids_to_stages.unwrap_or_default();
        let is_current = |labels: &Vec<String>| labels.iter().any(|label| label == CURRENT);
        let current =
            labels.iter().find(|(_, labels)| is_current(labels)).map(|(version, _)| version.clone());
        let others: BTreeSet<String> = labels
            .into_iter()
            .filter(|(_, labels)| !is_current(labels))
            .map(|(version, _)| version)
            .collect();
        Ok(Some(Versions { current, others }))
    }
}

fn milliseconds(time: &DateTime) -> Option<u64> {
    time.to_millis().ok().and_then(|ms| u64::try_from(ms).ok())
}

impl KeysApi for AwsAccessKeys {
    async fn look(&self) -> Result<Outcome, CloudError> {
        let Some(keys) = self.keys().await? else {
            return Ok(Outcome::Missing(format!("the IAM user {}", self.user)));
        };
        Ok(match self.versions().await? {
            Some(versions) => Outcome::Seen(Seen { keys, versions }),
            None => Outcome::Missing(format!("the secret {}", self.secret)),
        })
    }

    async fn make(&self) -> Result<NewKey, CloudError> {
        // A call whose answer was lost may have been heard, and each makes a key.
        let once = aws_sdk_iam::config::Builder::default().retry_config(RetryConfig::disabled());
        let request = self.iam.create_access_key().user_name(&self.user);
        let answer = request.customize().config_override(once).send().await;
        let answer = answer.map_err(|error| CloudError::of(CREATE, &self.user, &error))?;
        let unusable =
            || CloudError::of_cause(CREATE, &self.user, Cause::Response("it names no key".to_owned()));
        let made = answer.access_key.ok_or_else(unusable)?;
        Ok(NewKey { id: made.access_key_id.parse().map_err(|_| unusable())?, secret: made.secret_access_key })
    }

    async fn store(&self, key: &NewKey) -> Result<(), CloudError> {
        // As the AWS CLI prints it, so that what reads one can read the other.
        let text = json!({ "UserName": self.user, "AccessKeyId": key.id, "SecretAccessKey": key.secret })
            .to_string();
        let request = self.secrets.put_secret_value().secret_id(&self.secret);
        let answer = request.client_request_token(key.id.version()).secret_string(text).send().await;
        answer.map(drop).map_err(|error| CloudError::of(PUT, &self.secret, &error))
    }

    async fn switch_off(&self, key: &KeyId) -> Result<(), CloudError> {
        let request = self.iam.update_access_key().user_name(&self.user).access_key_id(key.as_ref());
        gone_is_done(request.status(StatusType::Inactive).send().await.map(drop), UPDATE, &self.user)
    }

    async fn delete(&self, key: &KeyId) -> Result<(), CloudError> {
        let request = self.iam.delete_access_key().user_name(&self.user).access_key_id(key.as_ref());
        gone_is_done(request.send().await.map(drop), DELETE, &self.user)
    }
}

fn gone_is_done<E>(
    answer: Result<(), aws_sdk_iam::error::SdkError<E>>,
    operation: &'static str,
    user: &str,
) -> Result<(), CloudError>
where
    E: aws_sdk_iam::error::ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer.map_err(|error| CloudError::of(operation, user, &error)) {
        Err(error) if !error.says_missing() => Err(error),
        _ => Ok(()),
    }
}
