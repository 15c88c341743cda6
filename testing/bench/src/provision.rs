//! Making and verifying networks.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use phonehome_accounts::{AwsStack, ProbeCode};
use phonehome_aws::sdk;
use phonehome_executor::{Executor, NoFence, StackApi as _};
use phonehome_localcloud::proxy::{Proxy, rounds};
use phonehome_localcloud::{Moto, MotoOptions, venv};
use phonehome_planner::{Limits, StackSpec, plan};

use crate::figures::{Run, line, median, verdict};
use crate::{fleet, peers, specs};

/// About what a call to EC2 takes.
const LATENCY: Duration = Duration::from_millis(60);
/// The least for the plain stack: 29 creates in 4 rounds after one round of 6 describes.
const LEAST_CALLS: usize = 35;
const LEAST_ROUNDS: u32 = 5;

pub(crate) async fn run(runs: usize, ansible: Option<&Path>) -> Result<()> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let python = venv::python(&repository, "moto");
    let folder = tempfile::tempdir()?;
    let moto =
        Moto::start(&MotoOptions { python: python.clone(), log: folder.path().join("moto.log") }).await?;
    moto.make_bucket(specs::BUCKET).await?;
    let proxy = Proxy::start(&moto.endpoint()).await?;
    println!(
        "One account, against moto with {} ms added to each call; medians of {runs} runs",
        LATENCY.as_millis()
    );
    println!("{:36}{:<41}verify, nothing to do", "", "create");
    // Connections, moto's models and the SDK's first use are paid before anything is measured.
    stack(&proxy, &specs::full("900000000000")?).await?;
    let service = service_time(&proxy, &python).await?;
    proxy.set_latency(LATENCY);
    let (create, verify) = median_of(&proxy, runs, 100, specs::plain).await?;
    line("phonehome, plain stack", create, verify);
    let (full_create, full_verify) = median_of(&proxy, runs, 200, specs::full).await?;
    line("phonehome, full stack without probes", full_create, full_verify);
    let (boto3_create, boto3_verify) = peers::boto3(&python, &proxy, "300000000000").await?;
    line("boto3 script, plain stack", boto3_create, boto3_verify);
    match ansible {
        Some(playbook) => {
            let (create, verify) = peers::ansible(playbook, &proxy, "400000000000").await?;
            line("Ansible amazon.aws, plain stack", create, verify);
        }
        None => {
            println!("  {:<34}not measured: xtask/bench/provision/README.md says how", "Ansible amazon.aws")
        }
    }
    let floor = LATENCY * LEAST_ROUNDS + service * u32::try_from(LEAST_CALLS)?;
    println!(
        "  The least for the plain stack: {LEAST_CALLS} calls in {LEAST_ROUNDS} rounds, {:.2} s (moto, which serves one \
         call at a time, takes {:.1} ms for each)",
        floor.as_secs_f64(),
        service.as_secs_f64() * 1000.0
    );
    verdict("calls to create", create.calls as f64, LEAST_CALLS as f64, "");
    verdict("rounds to create", create.rounds as f64, f64::from(LEAST_ROUNDS), "");
    verdict("time to create, over the least", create.time.as_secs_f64() / floor.as_secs_f64(), 1.3, "x");
    verdict("rounds to verify", verify.rounds as f64, 1.0, "");
    verdict("calls to verify", verify.calls as f64, specs::plain("900000000000")?.kinds().len() as f64, "");
    proxy.set_latency(Duration::ZERO);
    let endpoint = proxy.endpoint();
    // The proxy lives on this runtime, so the measuring processes are waited for beside it.
    tokio::task::spawn_blocking(move || fleet::run(&endpoint)).await??;
    drop(proxy);
    moto.stop()
}

/// What moto takes for one call, on average over a whole network: without latency, one after another.
async fn service_time(proxy: &Proxy, python: &Path) -> Result<Duration> {
    proxy.set_latency(Duration::ZERO);
    peers::boto3(python, proxy, "800000000000").await?;
    let calls = proxy.calls();
    let total: Duration = calls.iter().map(|call| call.ended - call.started).sum();
    Ok(total / u32::try_from(calls.len().max(1))?)
}

async fn median_of(
    proxy: &Proxy,
    runs: usize,
    first: usize,
    spec: fn(&str) -> Result<StackSpec>,
) -> Result<(Run, Run)> {
    let (mut creates, mut verifies) = (Vec::new(), Vec::new());
    for number in 0..runs {
        let (create, verify) = stack(proxy, &spec(&format!("{:012}", first + number))?).await?;
        creates.push(create);
        verifies.push(verify);
    }
    let medians = median(creates).zip(median(verifies));
    medians.context("at least one run")
}

/// Makes one stack in an empty account, then observes it again.
async fn stack(proxy: &Proxy, spec: &StackSpec) -> Result<(Run, Run)> {
    let config = sdk::in_local_cloud(&proxy.endpoint(), &spec.account, &spec.region).await?;
    let api = AwsStack::new(&config, spec.clone(), ProbeCode::new(vec![]));
    proxy.clear();
    let started = Instant::now();
    let seen = api.observe(&spec.kinds()).await?;
    let first = plan(spec, &seen, &Limits::SWEEP)?;
    let applied = Executor::new().apply(&api, &first, &NoFence).await;
    let create = measured(proxy, started);
    if applied.done() != first.steps.len() {
        bail!("not every step was done: {:?} {:?}", applied.failure(), applied.waiting());
    }
    let seen = api.observe(&spec.kinds()).await?;
    // moto takes the first subnet in a zone for a default one, which gives public addresses: AWS does not,
    // so this is not a part of what is measured.
    let rest = plan(spec, &seen, &Limits::SWEEP)?;
    let _ = Executor::new().apply(&api, &rest, &NoFence).await;
    let vpc = seen.vpcs.into_iter().find(|vpc| vpc.cidrs.contains(&spec.cidr));
    let api = api.with_known_vpc(vpc.map(|vpc| vpc.id));
    proxy.clear();
    let started = Instant::now();
    let seen = api.observe(&spec.kinds()).await?;
    let second = plan(spec, &seen, &Limits::SWEEP)?;
    let verify = measured(proxy, started);
    if !second.is_converged() {
        bail!("something is left to do:\n{}", phonehome_planner::render::text(&second));
    }
    Ok((create, verify))
}

fn measured(proxy: &Proxy, started: Instant) -> Run {
    let time = started.elapsed();
    let calls = proxy.calls();
    Run { calls: calls.len(), rounds: rounds(&calls), time }
}
