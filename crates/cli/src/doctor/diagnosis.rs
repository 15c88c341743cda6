//! Which trails carry the events of accounts, and what the others lack. Pure.

use std::collections::BTreeMap;

use phonehome_accounts::trails::{BasicSelector, FieldCondition, Selectors, Trail, Whereabouts};
use phonehome_cloud::{Class, CloudError};

/// The event that must be among those a trail logs: an account was made.
const NEEDED: [(&str, &str); 5] = [
    ("eventCategory", "Management"),
    ("readOnly", "false"),
    ("eventSource", "organizations.amazonaws.com"),
    ("eventName", "CreateAccountResult"),
    ("eventType", "AwsServiceEvent"),
];
const READ_ONLY: &str = "readOnly";
const SOURCE: &str = "organizations.amazonaws.com";
/// Where Organizations, a global service, is logged.
const GLOBAL_REGION: &str = "us-east-1";

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// The credentials are not the management account's.
    pub(crate) is_elsewhere: bool,
    /// The ARN of a trail that logs management events there.
    pub(crate) regions: BTreeMap<String, Option<String>>,
    /// Trails that do not do in any of these Regions, and why.
    pub(crate) unfit: BTreeMap<String, Vec<Fault>>,
    /// Whether one that does is the organization's.
    pub(crate) covers_organization: bool,
}

impl Diagnosis {
    /// Account events will come.
    pub(crate) fn is_healthy(&self) -> bool {
        !self.is_elsewhere && self.regions.values().all(Option::is_some)
    }
}

/// Why a trail does not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It was never started, or stopped.
    #[error("does not log now")]
    Stopped {
        /// Where it can be started.
        home_region: String,
    },
    /// It logs in one Region, which is another.
    #[error("logs in {home_region} only")]
    OtherRegion {
        /// The Region.
        home_region: String,
    },
    /// It leaves out what global services do.
    #[error("leaves out the events of global services")]
    NoGlobalServices {
        /// Where it can be changed.
        home_region: String,
    },
    /// It logs what reads, not what changes something.
    #[error("logs management events that read, not those that write")]
    ReadOnly,
    /// It logs no management events, or not those of Organizations.
    #[error("does not log the management events of organizations.amazonaws.com")]
    NoManagementEvents,
    /// It cannot be known.
    #[error("cannot be looked at: {0}")]
    Unreadable(CloudError),
}

impl Fault {
    /// The command that mends it.
    pub(crate) fn remedy(&self, arn: &str) -> Option<String> {
        Some(match self {
            Self::Stopped { home_region } => {
                format!("aws cloudtrail start-logging --region {home_region} --name {arn}")
            }
            Self::OtherRegion { home_region } | Self::NoGlobalServices { home_region } => format!(
                "aws cloudtrail update-trail --region {home_region} --name {arn} --is-multi-region-trail \
                 --include-global-service-events"
            ),
            Self::ReadOnly | Self::NoManagementEvents => format!(
                "aws cloudtrail get-event-selectors --trail-name {arn}\n  and put-event-selectors with a selector \
                 of management events that read and write, beside those it has"
            ),
            Self::Unreadable(error) if error.class() == Class::Denied => {
                format!("look with credentials that may call {}", error.operation)
            }
            Self::Unreadable(_) => return None,
        })
    }
}

/// Compares what there is with what account events need.
pub(crate) fn diagnose(at: &Whereabouts, trails: &[Trail], regions: &[String]) -> Diagnosis {
    let fit_in = |region: &String| trails.iter().find(|trail| faults(trail, region).is_empty());
    let covered: BTreeMap<String, Option<&Trail>> =
        regions.iter().map(|region| (region.clone(), fit_in(region))).collect();
    let missing = || covered.iter().filter(|(_, trail)| trail.is_none()).map(|(region, _)| region);
    let unfit = trails.iter().filter_map(|trail| {
        let faults = missing().next().map(|region| faults(trail, region))?;
        Some((trail.arn.clone(), faults))
    });
    Diagnosis {
        is_elsewhere: at.account != at.management_account,
        unfit: unfit.collect(),
        covers_organization: covered.values().flatten().any(|trail| trail.organization),
        regions: covered.iter().map(|(region, it)| (region.clone(), it.map(|it| it.arn.clone()))).collect(),
    }
}

/// Why the events of accounts in this Region do not come by this trail.
fn faults(trail: &Trail, region: &str) -> Vec<Fault> {
    let home_region = trail.home_region.clone();
    let mut faults = Vec::new();
    match &trail.logging {
        Ok(true) => {}
        Ok(false) => faults.push(Fault::Stopped { home_region: home_region.clone() }),
        Err(error) => faults.push(Fault::Unreadable(error.clone())),
    }
    if !trail.multi_region && trail.home_region != region {
        faults.push(Fault::OtherRegion { home_region });
    } else if !trail.global_services && region == GLOBAL_REGION {
        faults.push(Fault::NoGlobalServices { home_region });
    }
    match &trail.selectors {
        Ok(selectors) if takes(selectors, "false") => {}
        Ok(selectors) if takes(selectors, "true") => faults.push(Fault::ReadOnly),
        Ok(_) => faults.push(Fault::NoManagementEvents),
        Err(error) => faults.push(Fault::Unreadable(error.clone())),
    }
    faults
}

/// Whether selectors take the event needed, if it were read-only or not.
fn takes(selectors: &Selectors, read_only: &str) -> bool {
    match selectors {
        Selectors::Basic(selectors) => selectors.iter().any(|it| basic_takes(it, read_only == "true")),
        Selectors::Advanced(selectors) => {
            selectors.iter().any(|conditions| conditions.iter().all(|it| fulfilled(it, read_only)))
        }
    }
}

fn basic_takes(selector: &BasicSelector, reads: bool) -> bool {
    selector.management
        && (if reads { selector.reads } else { selector.writes })
        && !selector.excluded_sources.iter().any(|source| source == SOURCE)
}

/// A field that the event is not known to have fulfils nothing: better one question too many.
fn fulfilled(condition: &FieldCondition, read_only: &str) -> bool {
    let Some((name, usual)) = NEEDED.iter().find(|(name, _)| *name == condition.field) else { return false };
    let value = if *name == READ_ONLY { read_only } else { usual };
    let is = |list: &[String], test: fn(&str, &str) -> bool| list.iter().any(|it| test(value, it));
    let one_of = |list: &[String], test: fn(&str, &str) -> bool| list.is_empty() || is(list, test);
    one_of(&condition.equals, |value, it| value == it)
        && one_of(&condition.starts_with, |value, it| value.starts_with(it))
        && one_of(&condition.ends_with, |value, it| value.ends_with(it))
        && !is(&condition.not_equals, |value, it| value == it)
        && !is(&condition.not_starts_with, |value, it| value.starts_with(it))
        && !is(&condition.not_ends_with, |value, it| value.ends_with(it))
}

#[cfg(test)]
mod tests;
