//! AWS Support, as whoever asks for plans asks it: with a role in the management account.

use std::time::{Duration, UNIX_EPOCH};

use aws_sdk_support::Client;
use aws_sdk_support::config::Config;
use aws_sdk_support::config::retry::RetryConfig;
use aws_sdk_support::primitives::{DateTime, DateTimeFormat};
use aws_sdk_support::types::CaseDetails;
use phonehome_aws::{OfSdk as _, Session};
use phonehome_cloud::{Cause, CloudError};
use phonehome_properties::{ShownCase, SupportApi};

/// AWS Support.
#[derive(Debug, Clone)]
pub struct AwsSupport {
    client: Client,
}

impl AwsSupport {
    /// The cases of the caller's account.
    pub fn new(session: &Session) -> Self {
        Self { client: Client::new(session.config()) }
    }
}

const CREATE: &str = "support:CreateCase";
const DESCRIBE: &str = "support:DescribeCases";

/// AWS's status of a case that is over.
const RESOLVED: &str = "resolved";

fn shown(case: &CaseDetails) -> Option<ShownCase> {
    Some(ShownCase { id: case.case_id()?.to_owned(), is_resolved: case.status() == Some(RESOLVED) })
}

impl SupportApi for AwsSupport {
    async fn open(&self, subject: &str, body: &str) -> Result<String, CloudError> {
        // Service and category are those with which AWS's own Account Factory for Terraform asks for the same
        // (aws-ia/terraform-aws-control_tower_account_factory, aft_enroll_support.py).
        let request = self.client.create_case().subject(subject).communication_body(body);
        let request = request.issue_type("customer-service").service_code("account-management");
        let request = request.category_code("billing").severity_code("low").language("en");
        // A call whose answer was lost may have been heard: its case is looked for before it is made again.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let answer = request.customize().config_override(once).send().await;
        let answer = answer.map_err(|error| CloudError::of(CREATE, subject, &error))?;
        let unusable =
            || CloudError::of_cause(CREATE, subject, Cause::Response("it names no case".to_owned()));
        answer.case_id().map(str::to_owned).ok_or_else(unusable)
    }

    async fn find(&self, subject: &str, after_ms: u64) -> Result<Option<ShownCase>, CloudError> {
        // By AWS's clock, which may be behind this one.
        let after = UNIX_EPOCH + Duration::from_millis(after_ms.saturating_sub(60 * 60_000));
        let after = DateTime::from(after).fmt(DateTimeFormat::DateTime);
        let after = after
            .map_err(|error| CloudError::of_cause(DESCRIBE, subject, Cause::Request(error.to_string())))?;
        let mut next = None;
        loop {
            let request =
                self.client.describe_cases().include_resolved_cases(true).include_communications(false);
            let answer = request.after_time(&after).language("en").set_next_token(next).send().await;
            let page = answer.map_err(|error| CloudError::of(DESCRIBE, subject, &error))?;
            let case = page.cases().iter().find(|case| case.subject() == Some(subject));
            if let Some(case) = case.and_then(shown) {
                return Ok(Some(case));
            }
            next = page.next_token().map(str::to_owned);
            if next.is_none() {
                return Ok(None);
            }
        }
    }

    async fn case(&self, id: &str) -> Result<Option<ShownCase>, CloudError> {
        let request = self.client.describe_cases().case_id_list(id);
        let request = request.include_resolved_cases(true).include_communications(false);
        match request.send().await {
            Ok(answer) => Ok(answer.cases().first().and_then(shown)),
            Err(error) => match CloudError::of(DESCRIBE, id, &error) {
                missing if missing.code() == Some("CaseIdNotFound") => Ok(None),
                other => Err(other),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use phonehome_cloud::Class;
    use serde_json::json;

    use super::*;
    use crate::stand_in::stand_in;

    #[tokio::test]
    async fn a_case_is_opened_once_and_nothing_is_tried_again_by_itself() {
        let (session, requests) = stand_in(|_, _| (200, json!({ "caseId": "case-1" }))).await;
        assert_eq!(AwsSupport::new(&session).open("Enterprise", "Please").await.unwrap(), "case-1");
        let expected = json!({
            "subject": "Enterprise", "communicationBody": "Please", "issueType": "customer-service",
            "serviceCode": "account-management", "categoryCode": "billing", "severityCode": "low", "language": "en"
        });
        assert_eq!(*requests.lock().unwrap(), [("CreateCase".to_owned(), expected)]);
        let (session, requests) = stand_in(|_, _| (500, json!({ "__type": "InternalServerError" }))).await;
        let error = AwsSupport::new(&session).open("Enterprise", "Please").await.unwrap_err();
        assert_eq!((error.class(), requests.lock().unwrap().len()), (Class::Transient, 1));
        let unpaid = json!({ "__type": "SubscriptionRequiredException", "message": "Premium Support" });
        let (session, _) = stand_in(move |_, _| (400, unpaid.clone())).await;
        let error = AwsSupport::new(&session).open("Enterprise", "Please").await.unwrap_err();
        assert_eq!(error.code(), Some("SubscriptionRequiredException"));
    }

    #[tokio::test]
    async fn a_case_is_found_by_its_subject_on_any_page_resolved_or_not() {
        let (session, requests) = stand_in(|_, body| {
            let case =
                |subject: &str| json!({ "caseId": "case-7", "subject": subject, "status": "resolved" });
            match body["nextToken"].as_str() {
                None => (200, json!({ "cases": [case("other")], "nextToken": "2" })),
                Some(_) => (200, json!({ "cases": [case("mine")] })),
            }
        })
        .await;
        let support = AwsSupport::new(&session);
        let mine = ShownCase { id: "case-7".to_owned(), is_resolved: true };
        assert_eq!(support.find("mine", 1_796_083_200_000).await.unwrap(), Some(mine));
        assert_eq!(support.find("nobodys", 1_796_083_200_000).await.unwrap(), None);
        let expected = json!({
            "afterTime": "2026-11-30T23:00:00Z", "includeResolvedCases": true, "includeCommunications": false,
            "language": "en"
        });
        assert_eq!(requests.lock().unwrap()[0], ("DescribeCases".to_owned(), expected));
    }

    #[tokio::test]
    async fn a_case_is_followed_by_its_id_and_one_that_is_not_there_is_none() {
        let (session, requests) = stand_in(|_, _| {
            (200, json!({ "cases": [{ "caseId": "case-1", "status": "pending-customer-action" }] }))
        })
        .await;
        let open = ShownCase { id: "case-1".to_owned(), is_resolved: false };
        assert_eq!(AwsSupport::new(&session).case("case-1").await.unwrap(), Some(open));
        let expected =
            json!({ "caseIdList": ["case-1"], "includeResolvedCases": true, "includeCommunications": false });
        assert_eq!(requests.lock().unwrap()[0].1, expected);
        let (session, _) =
            stand_in(|_, _| (400, json!({ "__type": "CaseIdNotFound", "message": "no" }))).await;
        assert_eq!(AwsSupport::new(&session).case("case-1").await.unwrap(), None);
    }
}
