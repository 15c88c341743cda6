//! The requests as Organizations gets them, and its answers as they are understood.

use phonehome_cloud::{Class, Organization as _};
use phonehome_vending::Hold;
use serde_json::{Value, json};

use super::*;
use crate::AwsOrganization;
use crate::stand_in::{Requests, stand_in};

/// Organizations, which answers an operation and its request with a status and a body.
async fn organizations(
    answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
) -> (AwsVending, Requests) {
    let (session, requests) = stand_in(answer).await;
    (AwsVending::new(&session), requests)
}

fn new_account() -> NewAccount {
    NewAccount {
        line: Line::new("shop", "prod"),
        email: "aws+shop-prod@example.com".to_owned(),
        account_name: "shop-prod".to_owned(),
        role_name: Some("Landing".to_owned()),
        tags: vec![("team".to_owned(), "shop".to_owned())],
    }
}

fn status(state: &str, more: Value) -> Value {
    let mut status = json!({
        "Id": "car-12345678", "AccountName": "shop-prod", "State": state, "RequestedTimestamp": 1_800_000_000.5,
    });
    status.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    status
}

#[tokio::test]
async fn an_account_is_asked_for_once_with_its_line_in_a_tag() {
    let (api, requests) =
        organizations(|_, _| (200, json!({ "CreateAccountStatus": status("IN_PROGRESS", json!({})) }))).await;
    let request = api.create(&new_account()).await.unwrap();
    assert_eq!(
        request,
        Request {
            id: RequestId::new("car-12345678"),
            account_name: "shop-prod".to_owned(),
            requested_at_ms: 1_800_000_000_500,
            outcome: Outcome::InProgress,
        }
    );
    let expected = json!({
        "Email": "aws+shop-prod@example.com", "AccountName": "shop-prod", "RoleName": "Landing",
        "Tags": [{"Key": "phonehome:line", "Value": "shop/prod"}, {"Key": "team", "Value": "shop"}],
    });
    assert_eq!(*requests.lock().unwrap(), [("CreateAccount".to_owned(), expected)]);
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_and_reason_and_nothing_is_tried_again_by_itself() {
    for (status, code, reason, expected) in [
        (400, "TooManyRequestsException", None, Some(Hold::Throttled)),
        (400, "FinalizingOrganizationException", None, Some(Hold::Finalizing)),
        (
            400,
            "ConstraintViolationException",
            Some("ACCOUNT_CREATION_RATE_LIMIT_EXCEEDED"),
            Some(Hold::TooManyInProgress),
        ),
        (400, "ConstraintViolationException", Some("ACCOUNT_NUMBER_LIMIT_EXCEEDED"), Some(Hold::NumberLimit)),
        (500, "ServiceException", None, None),
        (503, "Unavailable", None, None),
    ] {
        let (api, requests) =
            organizations(move |_, _| (status, json!({ "__type": code, "Message": "no", "Reason": reason })))
                .await;
        match (api.create(&new_account()).await.unwrap_err(), expected) {
            (NotAsked::Held(hold), Some(expected)) => assert_eq!(hold, expected),
            (NotAsked::Unclear(error), None) => assert_eq!(error.class(), Class::Transient, "{error}"),
            (other, _) => panic!("{code} {reason:?}: {other:?}"),
        }
        assert_eq!(requests.lock().unwrap().len(), 1, "{code}: whether it was begun is looked up first");
    }
    let (api, _) = organizations(|_, _| (200, json!({}))).await;
    assert!(
        matches!(api.create(&new_account()).await, Err(NotAsked::Unclear(_))),
        "an answer without a request"
    );
}

#[tokio::test]
async fn what_became_of_a_request_is_understood_whatever_it_is() {
    let id = RequestId::new("car-12345678");
    for (answer, outcome) in [
        (status("IN_PROGRESS", json!({})), Outcome::InProgress),
        (
            status("SUCCEEDED", json!({"AccountId": "222222222222"})),
            Outcome::Succeeded("222222222222".parse().unwrap()),
        ),
        (
            status("FAILED", json!({"FailureReason": "EMAIL_ALREADY_EXISTS"})),
            Outcome::Failed(FailureReason::EmailAlreadyExists),
        ),
        (
            status("FAILED", json!({"FailureReason": "SOMETHING_NEW"})),
            Outcome::Failed(FailureReason::Other("SOMETHING_NEW".to_owned())),
        ),
    ] {
        let (api, requests) =
            organizations(move |_, _| (200, json!({ "CreateAccountStatus": answer }))).await;
        assert_eq!(api.request(&id).await.unwrap().unwrap().outcome, outcome);
        let expected = json!({"CreateAccountRequestId": "car-12345678"});
        assert_eq!(*requests.lock().unwrap(), [("DescribeCreateAccountStatus".to_owned(), expected)]);
    }
    let unknown = json!({ "__type": "CreateAccountStatusNotFoundException", "Message": "no" });
    let (api, _) = organizations(move |_, _| (400, unknown.clone())).await;
    assert_eq!(api.request(&id).await.unwrap(), None);
    let (api, _) =
        organizations(|_, _| (200, json!({ "CreateAccountStatus": {"Id": "car-12345678"} }))).await;
    assert!(api.request(&id).await.is_err(), "no state is none");
}

#[tokio::test]
async fn lists_are_read_to_their_end_also_where_a_page_is_empty() {
    let (api, requests) = organizations(|operation, body| {
        let (key, items) = match operation {
            "ListAccounts" => (
                "Accounts",
                json!([{"Id": "222222222222", "Email": "A@example.com", "State": "ACTIVE"},
                    {"Id": "333333333333", "Email": "b@example.com", "State": "SUSPENDED"}]),
            ),
            _ => {
                ("CreateAccountStatuses", json!([status("SUCCEEDED", json!({"AccountId": "222222222222"}))]))
            }
        };
        match body["NextToken"].as_str() {
            None => (200, json!({ key: [], "NextToken": "2" })),
            Some(_) => (200, json!({ key: items })),
        }
    })
    .await;
    let accounts: Vec<(String, bool)> =
        api.accounts().await.unwrap().into_iter().map(|it| (it.email, it.active)).collect();
    assert_eq!(accounts, [("A@example.com".to_owned(), true), ("b@example.com".to_owned(), false)]);
    assert_eq!(api.requests().await.unwrap().len(), 1);
    let last = requests.lock().unwrap().last().cloned().unwrap();
    assert_eq!(last.1, json!({"States": ["IN_PROGRESS", "SUCCEEDED"], "NextToken": "2"}));
}

#[tokio::test]
async fn an_account_is_described_with_the_line_that_it_was_made_for() {
    let described = |tags: Value| {
        organizations(move |operation, body| match operation {
            "DescribeAccount" => (
                200,
                json!({"Account": {"Id": "222222222222", "Email": "a@example.com", "Status": "ACTIVE"}}),
            ),
            _ if body["NextToken"].is_null() => (200, json!({ "Tags": [], "NextToken": "2" })),
            _ => (200, json!({ "Tags": tags })),
        })
    };
    let id = "222222222222".parse().unwrap();
    for (tags, line) in [
        (
            json!([{"Key": "a", "Value": "b/c"}, {"Key": "phonehome:line", "Value": "shop/prod"}]),
            Some("shop/prod"),
        ),
        (json!([]), None),
    ] {
        let (api, _) = described(tags).await;
        let account = api.account(&id).await.unwrap().unwrap();
        assert_eq!((account.email.as_str(), account.active), ("a@example.com", true));
        assert_eq!(account.made_for.map(|line| line.to_string()).as_deref(), line);
    }
    let missing = json!({ "__type": "AccountNotFoundException", "Message": "no" });
    let (api, _) = organizations(move |_, _| (400, missing.clone())).await;
    assert_eq!(api.account(&id).await.unwrap(), None);
}

#[tokio::test]
async fn an_answer_that_lacks_what_an_account_or_a_request_is_told_by_is_none() {
    let account = json!({"Id": "222222222222", "Email": "a@example.com", "Name": "a", "Status": "ACTIVE"});
    let succeeded = status("SUCCEEDED", json!({"AccountId": "222222222222"}));
    let lists = |accounts: Value, requests: Value| {
        organizations(move |operation, _| match operation {
            "ListAccounts" => (200, accounts.clone()),
            "DescribeAccount" => (200, json!({ "Account": accounts["Accounts"][0] })),
            "ListTagsForResource" => (200, json!({ "Tags": [] })),
            _ => (200, requests.clone()),
        })
    };
    let whole = |it: &Value| json!({ "Accounts": [it] });
    let id = "222222222222".parse().unwrap();
    let (api, _) = lists(whole(&account), json!({ "CreateAccountStatuses": [succeeded] })).await;
    assert_eq!((api.accounts().await.unwrap().len(), api.requests().await.unwrap().len()), (1, 1));
    assert!(api.account(&id).await.unwrap().is_some());
    for lacks in ["Id", "Email"] {
        let mut account = account.clone();
        account.as_object_mut().unwrap().remove(lacks);
        let (api, _) = lists(whole(&account), json!({})).await;
        let error = api.accounts().await.unwrap_err();
        assert_eq!(error.class(), Class::Transient, "{lacks}: {error}");
        assert!(api.account(&id).await.is_err(), "{lacks}");
    }
    for lacks in ["Id", "AccountName", "State", "RequestedTimestamp", "AccountId"] {
        let mut succeeded = succeeded.clone();
        succeeded.as_object_mut().unwrap().remove(lacks);
        let (api, _) = lists(json!({}), json!({ "CreateAccountStatuses": [succeeded] })).await;
        assert!(api.requests().await.is_err(), "{lacks}");
    }
    let (api, _) = lists(json!({}), json!({})).await;
    assert!(api.accounts().await.is_err() && api.requests().await.is_err(), "no list is no empty one");
    assert!(api.account(&id).await.is_err());
}

#[tokio::test]
async fn a_page_in_which_an_account_has_no_id_is_none() {
    for (accounts, is_page) in [
        (json!([{"Id": "222222222222", "Name": "a"}]), true),
        (json!([{"Id": "222222222222", "Name": "a"}, {"Name": "b"}]), false),
        (json!(null), false),
    ] {
        let (session, _) = stand_in(move |_, _| (200, json!({ "Accounts": accounts }))).await;
        let page = AwsOrganization::new(&session).page(None).await;
        assert_eq!(page.is_ok(), is_page, "{page:?}");
    }
}
