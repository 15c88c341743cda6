//! `phonehome check`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Args;
use phonehome_checks::{CertificateDer, Identity, Settings};
use phonehome_fleet::Line;
use phonehome_wire::{Check, Expect, ProbeInput, TRIES_DEFAULT, Verdict, WIRE_VERSION};

use crate::output::Format;
use crate::output::{Failure, json, read};
use crate::validate::load;

mod table;
mod target;

const TARGETS: &str = "What to check: tcp://HOST:PORT, tls://HOST[:PORT], http(s)://HOST[:PORT]/PATH, dns://NAME, \
                       dns://NAMESERVER/NAME. `tls://…?name=NAME` for a certificate of another name, \
                       `dns://…?type=MX` for other records than addresses";

/// What to check, and how.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    #[arg(value_name = "TARGET", required_unless_present_any = ["checks", "from_fleet"], help = TARGETS)]
    targets: Vec<String>,
    /// A JSON file as a probe's schedule carries it; events/probe/schedule.json is one.
    #[arg(long, conflicts_with_all = ["targets", "from_fleet"])]
    checks: Option<PathBuf>,
    /// What the probes of this account test: its name, or DOMAIN/ENVIRONMENT.
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "targets")]
    from_fleet: Option<String>,
    /// The fleet file.
    #[arg(long, default_value = "fleet.yaml", requires = "from_fleet")]
    fleet: PathBuf,
    /// The Region whose checks are run, where the fleet file has several.
    #[arg(long, requires = "from_fleet")]
    region: Option<String>,
    /// A PEM file of certificate authorities that are trusted beside the public ones.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The nameserver that is asked, ADDRESS or ADDRESS:PORT; the system's by default.
    #[arg(long, value_name = "ADDRESS")]
    nameserver: Option<String>,
    /// The targets must not connect.
    #[arg(long, requires = "targets")]
    deny: bool,
    /// How long looking up a target may take, and then connecting and all that is said, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1..=phonehome_checks::MAX_TIMEOUT_MS))]
    timeout: u64,
    /// How often an address that fails is tried at most, each time in another way.
    #[arg(long, value_name = "N", default_value_t = TRIES_DEFAULT, value_parser = clap::value_parser!(u32).range(1..=TRIES_DEFAULT.into()))]
    tries: u32,
}

/// Runs checks from here.
pub(crate) async fn run(arguments: CheckArguments, format: Format) -> Result<String, Failure> {
    let mut settings = settings(&arguments)?;
    let asked = asked(&arguments, format)?;
    settings.extra_roots.extend(asked.authorities);
    let input = all_due(asked.input);
    let account = "000000000000".parse().map_err(Failure::other)?;
    let identity = Identity { account, run_id: "phonehome-check".to_owned() };
    let report = phonehome_checks::run_with(&input, &identity, &settings).await;
    let text = match format {
        Format::Json => json(&report)?,
        Format::Text => table::render(&input, &report),
    };
    let good = |verdict: &Verdict| matches!(verdict, Verdict::Ok | Verdict::Denied { .. });
    if report.results.iter().all(|result| good(&result.verdict)) {
        return Ok(text);
    }
    // The report is the output; the exit code says that it holds a failure.
    print!("{text}");
    Err(Failure { text: String::new(), input: false })
}

fn settings(arguments: &CheckArguments) -> Result<Settings, Failure> {
    let extra_roots = match &arguments.ca {
        None => vec![],
        Some(path) => {
            let pem = read(path)?;
            phonehome_checks::certificates(pem.as_bytes()).map_err(|error| at(path, &error))?
        }
    };
    let nameserver = arguments.nameserver.as_deref().map(nameserver).transpose()?;
    Ok(Settings { extra_roots, nameserver, ..Settings::default() })
}

fn nameserver(text: &str) -> Result<SocketAddr, Failure> {
    phonehome_checks::parse_nameserver(text).map_err(Failure::input)
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::input(format!("{}: {error}", path.display()))
}

/// What is to be checked.
#[derive(Debug)]
struct Asked {
    input: ProbeInput,
    /// The certificate authorities that the fleet file names.
    authorities: Vec<CertificateDer<'static>>,
}

fn asked(arguments: &CheckArguments, format: Format) -> Result<Asked, Failure> {
    let alone = |input| Asked { input, authorities: vec![] };
    if let Some(path) = &arguments.checks {
        let value = serde_json::from_str(&read(path)?).map_err(|error| at(path, &error))?;
        return phonehome_checks::parse_input(value).map(alone).map_err(|error| at(path, &error));
    }
    if let Some(account) = &arguments.from_fleet {
        return from_fleet(account, arguments.region.as_deref(), &arguments.fleet, format);
    }
    let expect = if arguments.deny { Expect::Deny } else { Expect::Connect };
    let patience = target::Patience { timeout_ms: arguments.timeout, tries: arguments.tries };
    let targets = arguments.targets.iter().map(|text| target::parse(text, expect, patience));
    let checks = targets.collect::<Result<_, _>>().map_err(Failure::input)?;
    of("us-east-1", "use1-az1", checks).map(alone)
}

/// What the probes of one account test in one Region, whatever its turn.
fn from_fleet(account: &str, region: Option<&str>, path: &Path, format: Format) -> Result<Asked, Failure> {
    let loaded = load(path, format)?;
    let pem = loaded.authorities_pem();
    let authorities = pem.map(|pem| phonehome_checks::certificates(pem.as_bytes())).transpose();
    let authorities = authorities.map_err(|error| at(path, &error))?.unwrap_or_default();
    let fleet = loaded.fleet;
    let line = account.split_once('/').map(|(domain, environment)| Line::new(domain, environment));
    let member = line.and_then(|line| fleet.member_at(&line)).or_else(|| fleet.member(account));
    let member = member.ok_or_else(|| {
        let names: Vec<String> = fleet.members().into_iter().map(|it| it.account_name).collect();
        at(path, &format!("there is no account {account:?}; there are {}", names.join(", ")))
    })?;
    let regions = fleet.regions.iter().filter(|it| region.is_none_or(|name| it.name == *name));
    let tested: Vec<_> = regions
        .map(|region| (region, fleet.checks_for(&member, &region.name)))
        .filter(|(_, checks)| !checks.is_empty())
        .collect();
    match <[_; 1]>::try_from(tested) {
        Ok([(region, checks)]) => {
            let zone = region.availability_zones.first().map(|zone| zone.as_str()).unwrap_or_default();
            of(region.name.as_str(), zone, checks).map(|input| Asked { input, authorities })
        }
        Err(none) if none.is_empty() => Err(at(path, &format!("nothing is tested from {account} there"))),
        Err(several) => {
            let names: Vec<&str> = several.iter().map(|(region, _)| region.name.as_str()).collect();
            Err(at(
                path,
                &format!("{account} is in several Regions: say --region, one of {}", names.join(", ")),
            ))
        }
    }
}

fn of(region: &str, zone: &str, checks: Vec<Check>) -> Result<ProbeInput, Failure> {
    Ok(ProbeInput {
        version: WIRE_VERSION,
        generation: 0,
        report_version: phonehome_wire::REPORT_VERSION,
        timeout_s: 0,
        region: region.parse().map_err(Failure::other)?,
        availability_zone: zone.parse().map_err(Failure::other)?,
        part: 0,
        rerun: false,
        checks,
    })
}

/// The same with every check due now: whoever asks waits for no turn.
fn all_due(mut input: ProbeInput) -> ProbeInput {
    input.checks.iter_mut().for_each(|check| check.every_minutes = 1);
    input
}

#[cfg(test)]
mod tests;
