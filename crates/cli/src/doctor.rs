//! `phonehome doctor`: whether the management account is ready.

mod diagnosis;

use std::fmt::Write as _;

use clap::Args;
use phonehome_accounts::trails::{Whereabouts, trails, whereabouts};
use phonehome_aws::sdk;
use phonehome_cloud::{Class, CloudError};
use serde_json::json;

use crate::output::{self, Failure};
use crate::output::{Done, Format};
use diagnosis::{Diagnosis, Fault, diagnose};

/// Where Organizations puts its events.
const ORGANIZATION_REGION: &str = "us-east-1";

/// Where to look.
#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// The home Region of Control Tower, where it is not us-east-1: its events arrive there.
    #[arg(long, value_name = "REGION")]
    control_tower_region: Option<String>,
}

/// Looks at the trails, and says what is missing and what to do about it.
pub(crate) async fn run(arguments: &DoctorArguments, format: Format) -> Result<Done, Failure> {
    let session = sdk::connect().await.map_err(Failure::other)?;
    let regions = regions(arguments.control_tower_region.as_deref());
    let whereabouts = whereabouts(&session).await.map_err(|error| refused(&error))?;
    let trails = trails(&session, &regions).await.map_err(|error| refused(&error))?;
    let diagnosis = diagnose(&whereabouts, &trails, &regions);
    let text = match format {
        Format::Text => render(&whereabouts, &diagnosis),
        Format::Json => output::json(&as_json(&whereabouts, &diagnosis))?,
    };
    Ok(Done { text, exit_code: u8::from(!diagnosis.is_healthy()) })
}

/// The Regions that account events arrive in.
fn regions(control_tower: Option<&str>) -> Vec<String> {
    let other = control_tower.filter(|region| *region != ORGANIZATION_REGION);
    std::iter::once(ORGANIZATION_REGION).chain(other).map(str::to_owned).collect()
}

fn refused(error: &CloudError) -> Failure {
    let hint = match error.class() {
        Class::Denied | Class::AccountNotReady => {
            "\nThese credentials may not look. phonehome doctor needs cloudtrail:DescribeTrails, \
             cloudtrail:GetTrailStatus, cloudtrail:GetEventSelectors and organizations:DescribeOrganization in \
             the management account."
        }
        _ => "",
    };
    Failure::other(format!("{error}{hint}"))
}

fn render(at: &Whereabouts, diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    if diagnosis.is_elsewhere {
        let _ = writeln!(
            text,
            "FAILED  these credentials are of account {}; the management account is {}: look from there",
            at.account, at.management_account
        );
    } else {
        let _ = writeln!(text, "ok      account {} is the management account", at.account);
    }
    for (region, trail) in &diagnosis.regions {
        let _ = match trail {
            Some(arn) => writeln!(text, "ok      {region}: {arn} logs management events"),
            None => writeln!(
                text,
                "FAILED  {region}: no trail logs management events, so EventBridge gets no account events"
            ),
        };
    }
    if !diagnosis.is_healthy() {
        for (arn, faults) in &diagnosis.unfit {
            for fault in faults {
                let _ = writeln!(text, "        {arn} {fault}");
            }
        }
        text.push_str(&advice(diagnosis));
    } else if !diagnosis.covers_organization {
        text.push_str(
            "note    no trail is the organization's: who changed a network by hand is told only for accounts that \
             have a trail of their own\n",
        );
    }
    text
}

/// What makes it right.
fn advice(diagnosis: &Diagnosis) -> String {
    if diagnosis.is_elsewhere || diagnosis.regions.values().all(Option::is_some) {
        return String::new();
    }
    let mut text = String::new();
    for (arn, faults) in &diagnosis.unfit {
        for fault in faults {
            if let Some(command) = fault.remedy(arn) {
                let _ = writeln!(text, "To mend it:\n  {command}");
            }
        }
    }
    if diagnosis.unfit.is_empty() {
        text.push_str(
            "To make one, for the whole organization: docs/deployment.md, step 1; or Control Tower's, \
             under its landing zone settings.\n",
        );
    }
    text
}

fn as_json(at: &Whereabouts, diagnosis: &Diagnosis) -> serde_json::Value {
    let unfit = diagnosis.unfit.iter().map(|(arn, faults)| {
        json!({"trail": arn, "faults": faults.iter().map(Fault::to_string).collect::<Vec<_>>()})
    });
    json!({
        "healthy": diagnosis.is_healthy(),
        "account": at.account,
        "management_account": at.management_account,
        "recorded_by": diagnosis.regions,
        "unfit": unfit.collect::<Vec<_>>(),
        "organization_trail": diagnosis.covers_organization,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_arrive_in_us_east_1_and_in_control_towers_home_region() {
        assert_eq!(regions(None), ["us-east-1"]);
        assert_eq!(regions(Some("us-east-1")), ["us-east-1"]);
        assert_eq!(regions(Some("eu-central-1")), ["us-east-1", "eu-central-1"]);
    }

    #[test]
    fn who_may_not_look_is_told_what_it_takes() {
        let error = |code: &str| CloudError::service("cloudtrail:DescribeTrails", "us-east-1", code, "no");
        assert!(refused(&error("AccessDeniedException")).text.contains("cloudtrail:GetEventSelectors"));
        let none = refused(&error("AWSOrganizationsNotInUseException"));
        assert!(none.text.contains("without an organization"), "{}", none.text);
        assert!(!refused(&error("InternalError")).text.contains("credentials"));
    }
}
