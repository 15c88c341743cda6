//! The requests as Organizations gets them, and its answers as they are understood.

use std::collections::BTreeMap;

use phonehome_closing::{AccountState, Case, Premises, RegionSeen, clear};
use phonehome_network::Inventory;
use serde_json::{Value, json};

use super::*;
use crate::stand_in::{Requests, stand_in};

const ID: &str = "444455556666";

/// Organizations, which answers every request with a status and a body.
async fn organizations(status: u16, answer: Value) -> (AwsClosing, Requests) {
    let (session, requests) = stand_in(move |_, _| (status, answer.clone())).await;
    (AwsClosing::new(&session), requests)
}

fn cleared() -> Cleared {
    let seen = RegionSeen { inventory: Ok(Inventory::default()), retained: Ok(vec![]) };
    let premises = Premises { regions: Ok(BTreeMap::from([("us-east-1".parse().unwrap(), seen)])) };
    let (account, state) = (&ID.parse().unwrap(), &AccountState::Active);
    let (kept, declared, stacks, unread) = (vec![], vec![], vec![], vec![]);
    clear(&Case {
        account,
        state,
        kept,
        is_decommissioned: true,
        declared,
        stacks,
        unread,
        premises: &premises,
    })
    .unwrap()
}

#[tokio::test]
async fn an_account_is_asked_to_be_closed_by_its_id_once() {
    let (api, requests) = organizations(200, json!({})).await;
    assert_eq!(api.close(&cleared()).await, Ok(()));
    assert_eq!(*requests.lock().unwrap(), [("CloseAccount".to_owned(), json!({"AccountId": ID}))]);
}

#[tokio::test]
async fn each_refusal_to_close_is_told_by_its_code_and_reason_and_nothing_is_tried_again_by_itself() {
    let constraint = "ConstraintViolationException";
    type Is = fn(&NotClosed) -> bool;
    let cases: [(u16, &str, Option<&str>, Is); 14] = [
        (400, constraint, Some("CLOSE_ACCOUNT_QUOTA_EXCEEDED"), |it| *it == NotClosed::Quota),
        (400, constraint, Some("CLOSE_ACCOUNT_REQUESTS_LIMIT_EXCEEDED"), |it| {
            *it == NotClosed::TooManyInProgress
        }),
        (
            400,
            constraint,
            Some("CANNOT_CLOSE_MANAGEMENT_ACCOUNT"),
            |it| matches!(it, NotClosed::Constraint(said) if said.contains("CANNOT_CLOSE_MANAGEMENT_ACCOUNT")),
        ),
        (400, constraint, None, |it| matches!(it, NotClosed::Constraint(_))),
        (400, "AccountAlreadyClosedException", None, |it| *it == NotClosed::AlreadyClosed),
        (400, "AccountNotFoundException", None, |it| *it == NotClosed::NotFound),
        (400, "ConcurrentModificationException", None, |it| *it == NotClosed::Concurrent),
        (400, "ConflictException", None, |it| matches!(it, NotClosed::Conflict(_))),
        (400, "TooManyRequestsException", None, |it| *it == NotClosed::Throttled),
        (400, "AccessDeniedException", None, |it| matches!(it, NotClosed::Denied(_))),
        (400, "InvalidInputException", Some("INVALID_PATTERN"), |it| matches!(it, NotClosed::Refused(_))),
        (400, "AWSOrganizationsNotInUseException", None, |it| matches!(it, NotClosed::Refused(_))),
        (400, "UnsupportedAPIEndpointException", None, |it| matches!(it, NotClosed::Refused(_))),
        (500, "ServiceException", None, |it| matches!(it, NotClosed::Unclear(_))),
    ];
    for (status, code, reason, is) in cases {
        let (api, requests) =
            organizations(status, json!({"__type": code, "Message": "no", "Reason": reason})).await;
        let refused = api.close(&cleared()).await.unwrap_err();
        assert!(is(&refused), "{code} {reason:?}: {refused:?}");
        assert!(refused.to_string().len() > 15, "{code}: {refused}");
        assert_eq!(requests.lock().unwrap().len(), 1, "{code}");
    }
}

#[tokio::test]
async fn the_state_counts_and_where_it_is_absent_the_status_does() {
    for (account, expected) in [
        (
            json!({"Id": ID, "Name": "shop-dev", "Status": "SUSPENDED", "State": "CLOSED"}),
            AccountState::Closed,
        ),
        (json!({"Id": ID, "Name": "shop-dev", "Status": "PENDING_CLOSURE"}), AccountState::PendingClosure),
        (
            json!({"Id": ID, "Name": "shop-dev", "Status": "ACTIVE", "State": "PENDING_ACTIVATION"}),
            AccountState::PendingActivation,
        ),
        (json!({"Id": ID, "Name": "shop-dev"}), AccountState::Other(String::new())),
    ] {
        let (api, _) = organizations(200, json!({"Account": account})).await;
        assert_eq!(api.account(&ID.parse().unwrap()).await.unwrap().unwrap().state, expected);
    }
    let (api, _) = organizations(400, json!({"__type": "AccountNotFoundException", "Message": "no"})).await;
    assert_eq!(api.account(&ID.parse().unwrap()).await, Ok(None));
}
