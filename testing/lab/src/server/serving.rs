//! The lab's side of the socket.

use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::wanted::Wanted;
use super::{Answer, End, Reason, Request, Run};
use crate::describe::describe;
use crate::function::{Call, Code, Ended, Outcome};
use crate::lab::{Lab, UnknownFunction};

/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a request may be: some hundred times the inventories of six accounts.
const REQUEST_BYTES: u64 = 256 * 1024 * 1024;

/// The lab, and what it is to be.
struct Served {
    wanted: Wanted,
    lab: Lab,
}

/// Serves a lab in which nothing is yet at `socket`, until `input` ends. Calls `ready` once it does.
///
/// # Errors
/// When the socket's path is taken, or no lab can be made here.
pub fn serve(socket: &Path, mut input: impl std::io::Read, ready: impl FnOnce()) -> Result<()> {
    // Before the lab takes /run for itself: the socket may be there.
    let listener = UnixListener::bind(socket)
        .with_context(|| format!("{}: another lab serves here, or has left this file", socket.display()))?;
    let served = Served { wanted: Wanted::default(), lab: Lab::empty()? };
    let served = Arc::new(RwLock::new(served));
    std::thread::spawn(move || {
        // An error is one connection's affair.
        for stream in listener.incoming().flatten() {
            let served = served.clone();
            std::thread::spawn(move || answer(stream, &served));
        }
    });
    ready();
    while input.read(&mut [0; 1_024])? > 0 {}
    std::fs::remove_file(socket)?;
    Ok(())
}

fn answer(mut stream: UnixStream, served: &RwLock<Served>) {
    let answer = read(&stream).map_or_else(
        |error| refused(Reason::BadRequest, &error),
        |request| match request {
            Request::Run(run) => run_function(served, run),
            Request::Counters => counters(served),
            Request::SetInventories(inventories) => change(served, |wanted| wanted.inventories = inventories),
            Request::UpdateInventories(inventories) => {
                change(served, |wanted| wanted.inventories.extend(inventories))
            }
            Request::SetWishes(wishes) => change(served, |wanted| wanted.wishes = wishes),
        },
    );
    // Whoever asked may be gone.
    let _ = serde_json::to_vec(&answer).map(|answer| stream.write_all(&answer));
}

fn read(stream: &UnixStream) -> Result<Request> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut request = vec![];
    stream.take(REQUEST_BYTES).read_to_end(&mut request).context("the request does not end")?;
    serde_json::from_slice(&request).context("this is no request")
}

fn refused(reason: Reason, error: &anyhow::Error) -> Answer {
    Answer::Refused { reason, message: format!("{error:#}") }
}

/// The lab is held only while the function starts: a change waits for no function's end.
fn run_function(served: &RwLock<Served>, run: Run) -> Answer {
    let call = Call {
        request_id: run.request_id,
        stack: run.stack,
        function: run.function,
        code: Code::unpacked(&run.folder),
        event: run.event.to_string().into_bytes(),
        timeout: Duration::from_secs(run.timeout_s),
        memory_mb: run.memory_mb,
        environment: run.environment,
    };
    let started = served.read().unwrap_or_else(PoisonError::into_inner).lab.start(call);
    match started.and_then(|started| started.end()) {
        Ok(Ended { outcome, log }) => Answer::Ended { outcome: end(outcome), log },
        Err(error) if error.is::<UnknownFunction>() => refused(Reason::UnknownFunction, &error),
        Err(error) => refused(Reason::Failed, &error),
    }
}

fn end(outcome: Outcome) -> End {
    let value = |body: Vec<u8>| {
        serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body)))
    };
    match outcome {
        Outcome::Response(body) => End::Response(value(body)),
        Outcome::Error(body) => End::Error(value(body)),
        Outcome::TimedOut => End::TimedOut,
        Outcome::Exited(status) => End::Exited(status),
    }
}

fn counters(served: &RwLock<Served>) -> Answer {
    let counters = served.read().unwrap_or_else(PoisonError::into_inner).lab.counters();
    counters.map_or_else(|error| refused(Reason::Failed, &error), Answer::Counted)
}

fn change(served: &RwLock<Served>, change: impl FnOnce(&mut Wanted)) -> Answer {
    let begun = Instant::now();
    let mut served = served.write().unwrap_or_else(PoisonError::into_inner);
    let Served { wanted, lab } = &mut *served;
    let before = wanted.wishes.clone();
    change(wanted);
    match apply(wanted, lab) {
        Ok(waiting) => {
            let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            Answer::Applied { took_ms, waiting }
        }
        Err((reason, error)) => {
            // What EC2 says is so. A wish that cannot be met is none.
            wanted.wishes = before;
            refused(reason, &error)
        }
    }
}

/// Makes the network what is wanted; answers which hosts wait.
fn apply(wanted: &Wanted, lab: &mut Lab) -> Result<Vec<String>, (Reason, anyhow::Error)> {
    let (wishes, waiting) = wanted.fitting();
    let Err(error) = lab.update(&wanted.inventories, &wishes) else { return Ok(waiting) };
    if describe(&wanted.inventories, &wishes).is_err() {
        return Err((Reason::NoNetwork, error));
    }
    // The kernel refused something in between: nobody knows what is there. All of it goes, and is made anew.
    let again = anew(lab).and_then(|()| lab.update(&wanted.inventories, &wishes));
    match again {
        Ok(()) => Ok(waiting),
        Err(again) => Err((Reason::Failed, again.context(format!("made anew, after {error:#}")))),
    }
}

/// Puts an empty lab in the place of one that is half changed.
fn anew(lab: &mut Lab) -> Result<()> {
    let fresh = Lab::empty()?;
    drop(std::mem::replace(lab, fresh));
    let output = Command::new("ip").args(["-all", "netns", "delete"]).output().context("ip")?;
    ensure!(output.status.success(), "ip -all netns delete: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
