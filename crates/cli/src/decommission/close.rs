//! The account is closed, as the last step.

use std::time::Duration;

use phonehome_accounts::AwsClosing;
use phonehome_aws::{caller_arn, sdk};
use phonehome_closing::Wait;
use phonehome_provision::{CloseProgress, LeftData};

use super::leaving::Leaving;
use crate::output::{Failure, time};
use crate::targets::Access;

/// The role in the management account that closes accounts, as infra/management.yaml calls it.
const CLOSER: &str = "phonehome-account-closer";
/// How often and how long is waited for AWS to have closed the account: a minute in all. It takes some minutes at times,
/// and whoever wants to know runs the same again.
const LOOKS: usize = 12;
const BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// What came of it.
pub(super) struct Answer {
    pub(super) done: bool,
    pub(super) text: String,
}

/// Closes the account, or finds out how far that is.
pub(super) async fn run(leaving: &Leaving, left: LeftData) -> Result<Answer, Failure> {
    let management = &leaving.fleet.organization.management_account;
    let home = leaving.home();
    let session = sdk::in_member_account(&leaving.session, management, &home, CLOSER).await;
    let session = session.map_err(|error| {
        Failure::other(format!(
            "the account is not closed: the role {CLOSER} of the management account {management} cannot be assumed \
             ({error}). infra/management.yaml makes it for the hub's phonehome-operator where its parameter AllowClosingAccounts is true"
        ))
    })?;
    let api = AwsClosing::new(&session);
    let by = caller_arn(&leaving.session).await.map_err(Failure::other)?;
    let provision = leaving.provision(Access::Change);
    let mut progress =
        provision.close_account(&api, &leaving.id, &home, &by, left).await.map_err(Failure::other)?;
    for _ in 0..LOOKS {
        if progress != CloseProgress::UnderWay {
            break;
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
        progress =
            provision.close_account(&api, &leaving.id, &home, &by, left).await.map_err(Failure::other)?;
    }
    Ok(answer(&progress))
}

fn answer(progress: &CloseProgress) -> Answer {
    let done = matches!(progress, CloseProgress::Closed { .. } | CloseProgress::Gone);
    let text = match progress {
        CloseProgress::Closed { state, reinstated_until_ms: Some(until_ms) } => format!(
            "The account is closed ({state}). AWS Support can bring it back until {}, and nobody after that.",
            time(*until_ms)
        ),
        CloseProgress::Closed { state, reinstated_until_ms: None } => format!(
            "The account is closed ({state}), and it was not phonehome that closed it. AWS Support can bring it back for \
             90 days."
        ),
        CloseProgress::UnderWay => "AWS has taken the request and is closing the account, which takes some minutes. Run \
                                    the same again to see whether it is closed; `phonehome status` says so as well."
            .to_owned(),
        CloseProgress::Gone => {
            "The organization has no such account (any more): there is nothing to close.".to_owned()
        }
        CloseProgress::Hindered(hindrances) => {
            let lines: Vec<String> = hindrances.iter().map(|it| format!("  {it}")).collect();
            format!(
                "The account is not closed, and AWS was not asked to:\n{}\nThen run the same again.",
                lines.join("\n")
            )
        }
        CloseProgress::Waits(wait) => format!("The account is not closed yet: {wait}{}", when(wait)),
        CloseProgress::Refused(refused) => format!("The account is not closed: {refused}."),
        CloseProgress::Contended => "The account is not closed: somebody else does something with it at the same \
                                     moment. Run the same again."
            .to_owned(),
    };
    Answer { done, text }
}

fn when(wait: &Wait) -> String {
    match wait {
        Wait::Quota { until_ms, .. } | Wait::Pace { until_ms } => {
            format!(". Run the same again from {} on.", time(*until_ms))
        }
        Wait::InProgress { .. } => ".".to_owned(),
    }
}
