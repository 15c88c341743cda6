//! Jobs of GitHub's workflows, which have no key: `bridge/jobs.py`.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Control, Place};

/// A job, as its token tells it.
#[derive(Debug, Clone, Serialize)]
pub struct Job {
    /// `OWNER/REPOSITORY`.
    pub repository: &'static str,
    /// GitHub's id of it.
    pub repository_id: u32,
    /// GitHub's id of its owner.
    pub owner_id: u32,
    /// What it runs on, such as `refs/heads/main`.
    #[serde(rename = "ref")]
    pub git_ref: String,
    /// The GitHub environment that it runs in.
    pub environment: Option<String>,
}

/// What AWS answers to a call with some credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// It did it, and answers this.
    Ok(Value),
    /// It refused, with this code.
    Refused(String),
}

/// Of a forged token: the code with which AWS refuses it, and what was answered, `let in` where nobody refused it.
pub type Refusal = (String, String);

/// Credentials, as boto3 names them.
pub type Credentials = BTreeMap<String, String>;

impl Control {
    /// Those that a job gets for its token from a role of an account, by its name with its path.
    ///
    /// # Errors
    /// The token is refused.
    pub async fn job_credentials(&self, at: &Place, role: &str, job: &Job) -> Result<Credentials> {
        self.ask("job_credentials", Self::of_job(at, role, job)).await
    }

    /// A job's token, good for five minutes; or, by its name, one that was forged from it.
    ///
    /// # Errors
    /// No forged token has that name.
    pub async fn job_token(&self, job: &Job, forgery: Option<&str>) -> Result<String> {
        self.ask("job_token", json!({"job": job, "forgery": forgery})).await
    }

    /// Tries a role with every forged token, made of what a job that it lets in would say.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn forged_tokens(
        &self,
        at: &Place,
        role: &str,
        job: &Job,
    ) -> Result<BTreeMap<String, Refusal>> {
        self.ask("forged_tokens", Self::of_job(at, role, job)).await
    }

    /// A call, named as boto3 does, with these credentials, by TLS.
    ///
    /// # Errors
    /// The emulator does not answer.
    pub async fn call_with(
        &self,
        region: &str,
        credentials: &Credentials,
        (service, operation): (&str, &str),
        arguments: &Value,
    ) -> Result<Answered> {
        let answer: Value = self
            .ask(
                "call_with",
                json!({
                    "region": region, "credentials": credentials, "service": service, "operation": operation,
                    "arguments": arguments,
                }),
            )
            .await?;
        Ok(match answer["refused"].as_str() {
            Some(code) => Answered::Refused(code.to_owned()),
            None => Answered::Ok(answer["ok"].clone()),
        })
    }

    fn of_job(at: &Place, role: &str, job: &Job) -> Value {
        json!({"account": at.account, "region": at.region, "role": role, "job": job})
    }
}
