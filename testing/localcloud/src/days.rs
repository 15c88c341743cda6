//! Days that pass, for what happens once in many of them.

use anyhow::Result;
use serde_json::json;

use crate::Place;
use crate::local_cloud::{HUB_ACCOUNT, LocalCloud};

impl LocalCloud {
    /// So many days pass for the machine users of an account's starter pack, and for an identity provider of the team's that
    /// its roles refer to. Clocks are this machine's, so the dates that IAM and phonehome's table have become earlier instead. Of everything else no time passes.
    ///
    /// # Errors
    /// Nothing is stored of machine users there.
    pub async fn days_pass(&self, at: &Place, days: u32) -> Result<()> {
        let passed = json!({"days": days, "hub": HUB_ACCOUNT, "table": self.output("TableName")?});
        self.control.ask_at("days_pass", at, passed).await
    }
}
