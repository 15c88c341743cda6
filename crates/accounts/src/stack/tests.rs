//! What a log line says of where it was written.

use std::io;
use std::sync::{Arc, Mutex};

use phonehome_executor::{Ids, StackApi as _};
use phonehome_network::Kind;
use phonehome_planner::Action;
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::test_cloud::{TestCloud, stack};

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Written {
    /// The spans of each line whose message is this one.
    fn spans_of(&self, message: &str) -> Vec<Value> {
        let written = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = written.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["message"] == message).map(|line| line["spans"].clone()).collect()
    }
}

#[tokio::test]
async fn a_log_line_of_a_step_carries_account_region_address_operation_and_the_request_id() {
    let cloud = TestCloud::new(|_| {
        "<Errors><Error><Code>VpcLimitExceeded</Code><Message>m</Message></Error></Errors>".to_owned()
    })
    .await;
    let stack = stack(&cloud).await;
    let written = Written::default();
    let writer = written.clone();
    let logs = phonehome_runtime::logs("info,phonehome_accounts=debug", move || writer.clone());
    let _logs = tracing::subscriber::set_default(logs);
    let action = Action::CreateVpc { cidr: "10.0.0.0/16".parse().unwrap() };
    let invocation = || phonehome_runtime::invocation("r-1");
    let (address, ids) = ("vpc".parse().unwrap(), Ids::default());
    // Other tests have no subscriber: whoever comes first to a place in the code is asked whether it is
    // of interest. Ask again when all places are known.
    stack.perform(&address, &action, &ids).await.unwrap_err();
    tracing::callsite::rebuild_interest_cache();
    written.0.lock().unwrap().clear();
    stack.perform(&address, &action, &ids).instrument(invocation()).await.unwrap_err();
    let step = json!({
        "name": "step", "account": "123456789012", "region": "us-east-1", "address": "vpc",
        "operation": "ec2:CreateVpc",
    });
    assert_eq!(written.spans_of("call failed").len(), 1);
    for spans in [written.spans_of("call"), written.spans_of("call failed")].concat() {
        // The SDK has spans of its own.
        assert_eq!(spans[0]["request_id"], "r-1", "{spans}");
        assert_eq!(spans[1], step, "{spans}");
    }
    stack.observe(&[Kind::Vpc]).instrument(invocation()).await.unwrap_err();
}
