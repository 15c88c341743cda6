//! The requests as Organizations and Account Management get them, and their answers as they are understood.

use serde_json::{Value, json};

use super::*;
use crate::stand_in::{Requests, stand_in};

async fn aws(
    answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
) -> (AwsProperties, Requests) {
    let (session, requests) = stand_in(answer).await;
    (AwsProperties::new(&session), requests)
}

fn account() -> AccountId {
    "222222222222".parse().unwrap()
}

fn ops() -> Contact {
    let [name, title, email, phone] = ["Ops", "On-call", "ops@example.com", "+1 555 0100"].map(str::to_owned);
    Contact { name, title, email, phone }
}

#[tokio::test]
async fn every_change_is_asked_for_as_aws_documents_it() {
    let (api, requests) = aws(|_, _| (200, json!({}))).await;
    let (root, unit) = (ParentId::new("r-root"), ParentId::new("ou-root-12345678"));
    let _ = api.create_unit(&root, "Workloads").await;
    api.move_account(&account(), &root, &unit).await.unwrap();
    api.tag(&account(), &BTreeMap::from([("owner".to_owned(), "shop".to_owned())])).await.unwrap();
    api.untag(&account(), &BTreeSet::from(["stage".to_owned()])).await.unwrap();
    api.put_contact(&account(), ContactType::Security, &ops()).await.unwrap();
    let expected = [
        ("CreateOrganizationalUnit", json!({ "ParentId": "r-root", "Name": "Workloads" })),
        (
            "MoveAccount",
            json!({
                "AccountId": "222222222222", "SourceParentId": "r-root", "DestinationParentId": "ou-root-12345678"
            }),
        ),
        (
            "TagResource",
            json!({ "ResourceId": "222222222222", "Tags": [{ "Key": "owner", "Value": "shop" }] }),
        ),
        ("UntagResource", json!({ "ResourceId": "222222222222", "TagKeys": ["stage"] })),
        (
            "putAlternateContact",
            json!({
                "AccountId": "222222222222", "AlternateContactType": "SECURITY", "Name": "Ops", "Title": "On-call",
                "EmailAddress": "ops@example.com", "PhoneNumber": "+1 555 0100"
            }),
        ),
    ];
    assert_eq!(*requests.lock().unwrap(), expected.map(|(operation, body)| (operation.to_owned(), body)));
}

#[tokio::test]
async fn lists_of_units_and_tags_are_read_to_their_end_also_where_a_page_is_empty() {
    let (api, requests) = aws(|operation, body| {
        let (key, items) = match operation {
            "ListTagsForResource" => ("Tags", json!([{ "Key": "a", "Value": "b" }])),
            _ => ("OrganizationalUnits", json!([{ "Id": "ou-root-12345678", "Name": "Workloads" }])),
        };
        match body["NextToken"].as_str() {
            None => (200, json!({ key: [], "NextToken": "2" })),
            Some(_) => (200, json!({ key: items })),
        }
    })
    .await;
    let unit = Unit { id: ParentId::new("ou-root-12345678"), name: "Workloads".to_owned() };
    assert_eq!(api.units_in(&ParentId::new("r-root")).await.unwrap(), [unit]);
    assert_eq!(api.tags(&account()).await.unwrap(), BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    let asked: Vec<Value> = requests.lock().unwrap().iter().map(|(_, body)| body.clone()).collect();
    let expected = [
        json!({ "ParentId": "r-root" }),
        json!({ "ParentId": "r-root", "NextToken": "2" }),
        json!({ "ResourceId": "222222222222" }),
        json!({ "ResourceId": "222222222222", "NextToken": "2" }),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn where_an_account_is_and_the_root_are_read_and_an_answer_without_them_is_none() {
    let (api, requests) = aws(|operation, _| match operation {
        "ListRoots" => (200, json!({ "Roots": [{ "Id": "r-root" }] })),
        _ => (200, json!({ "Parents": [{ "Id": "ou-root-12345678", "Type": "ORGANIZATIONAL_UNIT" }] })),
    })
    .await;
    assert_eq!(api.root().await.unwrap().as_str(), "r-root");
    assert_eq!(api.parent_of(&account()).await.unwrap().as_str(), "ou-root-12345678");
    let last = requests.lock().unwrap().last().cloned().unwrap();
    assert_eq!(last, ("ListParents".to_owned(), json!({ "ChildId": "222222222222" })));
    let (api, _) = aws(|_, _| (200, json!({}))).await;
    assert!(api.root().await.is_err() && api.parent_of(&account()).await.is_err());
    assert!(api.contact(&account(), ContactType::Billing).await.is_err());
}

#[tokio::test]
async fn a_contact_is_read_and_one_that_is_not_there_is_none_and_no_error() {
    let (api, requests) = aws(|_, _| {
        let contact = json!({
            "Name": "Ops", "Title": "On-call", "EmailAddress": "ops@example.com", "PhoneNumber": "+1 555 0100",
            "AlternateContactType": "OPERATIONS"
        });
        (200, json!({ "AlternateContact": contact }))
    })
    .await;
    assert_eq!(api.contact(&account(), ContactType::Operations).await.unwrap(), Some(ops()));
    let expected = json!({ "AccountId": "222222222222", "AlternateContactType": "OPERATIONS" });
    assert_eq!(*requests.lock().unwrap(), [("getAlternateContact".to_owned(), expected)]);
    let missing =
        json!({ "__type": "ResourceNotFoundException", "message": "No contact of the inputted type" });
    let (api, _) = aws(move |_, _| (404, missing.clone())).await;
    assert_eq!(api.contact(&account(), ContactType::Billing).await.unwrap(), None);
    let denied = json!({ "__type": "AccessDeniedException", "message": "no" });
    let (api, _) = aws(move |_, _| (403, denied.clone())).await;
    let error = api.contact(&account(), ContactType::Billing).await.unwrap_err();
    assert_eq!(error.class(), phonehome_cloud::Class::Denied);
}

#[tokio::test]
async fn an_account_that_is_suspended_or_has_left_is_not_active() {
    for (status, answer, expected) in [
        (200, json!({ "Account": { "Id": "222222222222", "State": "ACTIVE" } }), true),
        (200, json!({ "Account": { "Id": "222222222222", "State": "SUSPENDED" } }), false),
        (400, json!({ "__type": "AccountNotFoundException", "message": "no" }), false),
    ] {
        let (api, _) = aws(move |_, _| (status, answer.clone())).await;
        assert_eq!(api.is_active(&account()).await.unwrap(), expected);
    }
}
