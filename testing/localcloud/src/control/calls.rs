//! Calls of AWS that somebody makes.

use anyhow::Result;
use serde_json::{Value, json};

use super::Control;
use crate::Place;

impl Control {
    /// A person with the account's administrator role makes a call, named as boto3 does: `ec2`,
    /// `delete_route`. Answers what AWS did.
    ///
    /// # Errors
    /// AWS refuses it.
    pub async fn call(
        &self,
        at: &Place,
        person: &str,
        service: &str,
        operation: &str,
        arguments: &Value,
    ) -> Result<Value> {
        let arguments =
            json!({"person": person, "service": service, "operation": operation, "arguments": arguments});
        self.ask_at("call", at, arguments).await
    }

    /// A pipeline makes a call with an access key of an IAM user. Answers what AWS did.
    ///
    /// # Errors
    /// AWS refuses it.
    pub async fn call_with_key(
        &self,
        region: &str,
        key: (&str, &str),
        service: &str,
        operation: &str,
        arguments: &Value,
    ) -> Result<Value> {
        let (access_key_id, secret_access_key) = key;
        let asked = json!({
            "region": region, "access_key_id": access_key_id, "secret_access_key": secret_access_key,
            "service": service, "operation": operation, "arguments": arguments,
        });
        self.ask("call_with_key", asked).await
    }
}
