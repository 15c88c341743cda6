//! What people do by hand.

use anyhow::Result;
use serde_json::{Value, json};

use crate::local_cloud::{LocalCloud, REGION};
use crate::{Control, Place};

impl LocalCloud {
    /// A person with the account's administrator role deletes a table's default route.
    ///
    /// # Errors
    /// There is no such route table.
    pub async fn delete_default_route(&self, account: &str, table: &str, person: &str) -> Result<()> {
        let route = json!({"RouteTableId": table, "DestinationCidrBlock": "0.0.0.0/0"});
        self.control.call(&Place::new(account, REGION), person, "ec2", "delete_route", &route).await?;
        Ok(())
    }
}

impl Control {
    /// Somebody makes a call in the management account, whose root may do anything: `organizations`, `move_account`.
    ///
    /// # Errors
    /// The call's.
    pub async fn in_management_account(
        &self,
        service: &str,
        operation: &str,
        arguments: &Value,
    ) -> Result<Value> {
        let call =
            json!({"region": REGION, "service": service, "operation": operation, "arguments": arguments});
        self.ask("in_management_account", call).await
    }
}
