//! An interruption ends the work as an error does.

use phonehome_localcloud::unless_interrupted;
use rustix::process::{Signal, getpid, kill_process};

#[tokio::test]
async fn an_interrupted_work_is_dropped_and_an_error() {
    for (signal, message) in [(Signal::INT, "interrupted"), (Signal::TERM, "told to end")] {
        let (held, dropped) = tokio::sync::oneshot::channel::<()>();
        let work = async move {
            let _held = held;
            kill_process(getpid(), signal)?;
            std::future::pending().await
        };
        let result: anyhow::Result<()> = unless_interrupted(work).await;
        assert_eq!(result.unwrap_err().to_string(), message);
        assert!(dropped.await.is_err(), "what the work held is gone");
    }
}

#[tokio::test]
async fn a_work_that_ends_by_itself_gives_its_result() {
    assert_eq!(unless_interrupted(async { Ok(1) }).await.unwrap(), 1);
}
