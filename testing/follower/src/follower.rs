//! From what EC2 says to the lab.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use phonehome_lab::server::{Answer, Reason, Request, ask};

use crate::cloud::{Cloud, Look};
use crate::files::Files;

/// How long nothing is asked after a look, where asking is cheap.
const PAUSE: Duration = Duration::from_millis(100);
/// How long between two looks at everything.
const EVERYTHING: Duration = Duration::from_millis(500);

/// What says what EC2 says.
#[derive(Debug)]
pub enum Source {
    /// A cloud on this machine.
    Cloud(Cloud),
    /// Inventories in files.
    Files(Files),
}

/// Tells the lab at `socket` what changes, until the lab is gone. `say` is told what happens, for people; its first
/// line is `following`, once the lab knows all that there is.
///
/// # Errors
/// When the lab is gone.
pub async fn follow(mut source: Source, socket: &Path, mut say: impl FnMut(&str)) -> Result<()> {
    let mut is_first = true;
    let mut said_last = String::new();
    loop {
        let begun = Instant::now();
        let (request, what, mut problems, pause) = look(&mut source).await;
        let looked = begun.elapsed();
        if let Some(request) = request {
            match tell(socket, request).await? {
                Ok(took_ms) => say_change(&mut say, is_first, &what, looked, took_ms),
                Err(problem) => problems.push(problem),
            }
        }
        // Each problem once, however often it is met in a row.
        let problems = problems.join("; ");
        if problems != said_last && !problems.is_empty() {
            eprintln!("{problems}");
        }
        said_last = problems;
        if std::mem::take(&mut is_first) {
            say("following");
        }
        tokio::time::sleep(pause.saturating_sub(begun.elapsed()).max(PAUSE)).await;
    }
}

fn say_change(say: &mut impl FnMut(&str), is_first: bool, what: &str, looked: Duration, took_ms: u64) {
    if !is_first {
        say(&format!("{what}: observed in {} ms, in the lab {took_ms} ms later", looked.as_millis()));
    }
}

/// What is to be told, of what, what went wrong, and how long to wait after that.
async fn look(source: &mut Source) -> (Option<Request>, String, Vec<String>, Duration) {
    match source {
        Source::Cloud(cloud) => {
            // An endpoint that is busy, or not there yet, is asked again.
            let look = cloud.look().await.unwrap_or_else(Look::failed);
            let (what, pause) = (look.names(), if look.is_told { PAUSE } else { EVERYTHING });
            let request = (!look.changed.is_empty()).then_some(Request::UpdateInventories(look.changed));
            (request, what, look.problems, pause)
        }
        Source::Files(files) => {
            let (found, problems) = match files.look() {
                Ok(found) => (found, vec![]),
                Err(error) => (None, vec![format!("{error:#}")]),
            };
            (found.map(Request::SetInventories), "the files".to_owned(), problems, PAUSE)
        }
    }
}

/// How long it took the lab, in milliseconds; or why it could not.
async fn tell(socket: &Path, request: Request) -> Result<Result<u64, String>> {
    let path = socket.to_owned();
    let answer = tokio::task::spawn_blocking(move || ask(&path, &request)).await??;
    match answer {
        Answer::Applied { took_ms, .. } => Ok(Ok(took_ms)),
        // It remembers what it was told: the next change may mend it.
        Answer::Refused { reason: Reason::NoNetwork | Reason::Failed, message } => Ok(Err(message)),
        other => bail!("the lab does not take inventories: {other:?}"),
    }
}
