//! Logs: JSON lines, each with the spans it is in.

use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Writes logs to standard output, from `RUST_LOG`'s level up (default `info`).
pub(crate) fn start_logs() {
    logs(&std::env::var("RUST_LOG").unwrap_or_default(), std::io::stdout).init();
}

/// Writes each event as one JSON line; `spans` has its spans with their fields, the outermost first. The
/// level is `info` where `filter`, in `RUST_LOG`'s syntax, is empty or wrong.
pub fn logs<W>(filter: &str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let given = Some(filter).filter(|filter| !filter.is_empty());
    let filter = given.and_then(|filter| EnvFilter::try_new(filter).ok());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .without_time()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")))
        .with_writer(writer)
        .finish()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use phonehome_aws::Metrics;
    use phonehome_cloud::MemoryQueue;
    use serde_json::{Value, json};
    use tracing::Instrument as _;

    use super::*;
    use crate::{Refusal, each_record, invocation};

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

    #[tokio::test]
    async fn a_log_line_of_a_record_carries_its_message_id_and_the_request_id() {
        let written = Written::default();
        let writer = written.clone();
        let _logs = tracing::subscriber::set_default(logs("", move || writer.clone()));
        let event = json!({"Records": [{"messageId": "m-1", "body": "bad"}]});
        let (dead, metrics) = (MemoryQueue::default(), Metrics::void("test"));
        let handled =
            || each_record(&event, &dead, &metrics, async |_| Err(Refusal::Bad("it is bad".to_owned())));
        // Other tests have no subscriber: whoever comes first to a place in the code is asked whether it is
        // of interest. Ask again when all places are known.
        handled().await;
        tracing::callsite::rebuild_interest_cache();
        written.0.lock().unwrap().clear();
        handled().instrument(invocation("r-1")).await;
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let line: Value = serde_json::from_str(written.lines().next().unwrap()).unwrap();
        assert_eq!((&line["reason"], &line["level"]), (&json!("it is bad"), &json!("ERROR")));
        let spans =
            json!([{"name": "invocation", "request_id": "r-1"}, {"name": "record", "message_id": "m-1"}]);
        assert_eq!(line["spans"], spans, "{written}");
    }
}
