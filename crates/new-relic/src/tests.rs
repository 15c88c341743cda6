//! Against the stand-in, over the wire.

use phonehome_nerdgraph::{Fault, Nerdgraph};
use phonehome_observability::VendorErrorKind;

use super::*;

const USER_KEY: &str = "NRAK-TEST";
const ROLE: &str = "arn:aws:iam::111122223333:role/phonehome/phonehome-observability";

fn started() -> (Nerdgraph, NewRelic) {
    let stand_in = Nerdgraph::start(USER_KEY).unwrap();
    let new_relic = NewRelic::at(stand_in.url().to_owned(), USER_KEY.into());
    (stand_in, new_relic)
}

fn class(class: &str, is_done: bool) -> Fault {
    Fault::Class { class: class.into(), is_done }
}

async fn creation_fails(fault: Fault) -> VendorError {
    let (stand_in, new_relic) = started();
    stand_in.fail(CREATE_ACCOUNT, fault.clone());
    let error = new_relic.create_account("shop-prod", DataCenter::Eu).await.unwrap_err();
    let count = stand_in.state().accounts.len();
    assert!(!error.was_refused() || count == 0, "{fault:?}: what was refused is not done");
    assert_eq!(stand_in.state().calls.len(), 1, "{fault:?}: it is asked for once");
    error
}

#[tokio::test]
async fn an_account_is_made_where_it_is_to_be_and_listed_with_cancelled_ones_and_namesakes() {
    let (stand_in, new_relic) = started();
    let id = new_relic.create_account("shop-prod", DataCenter::Eu).await.unwrap();
    {
        let mut state = stand_in.state();
        assert_eq!(state.accounts[0].region_code, "eu01");
        state.make_account("shop-prod", "us01");
        state.make_account("old", "us09");
        state.accounts[2].is_canceled = true;
    }
    let listed = new_relic.accounts().await.unwrap();
    let shown: Vec<_> = listed.iter().map(|it| (it.name.as_str(), it.data_center, it.is_canceled)).collect();
    let expected = [
        ("shop-prod", Some(DataCenter::Eu), false),
        ("shop-prod", Some(DataCenter::Us), false),
        ("old", None, true),
    ];
    assert_eq!(shown, expected);
    assert_eq!(listed[0].id, id);
}

#[tokio::test]
async fn a_key_is_made_found_without_its_value_and_deleted_and_one_that_is_gone_is_no_error() {
    let (stand_in, new_relic) = started();
    let account = new_relic.create_account("shop-prod", DataCenter::Us).await.unwrap();
    let key = new_relic.create_key(account, "phonehome-us-east-1-1").await.unwrap();
    assert_eq!(key.value, stand_in.state().keys[0].value);
    let listed = new_relic.keys(account).await.unwrap();
    assert_eq!(listed, [IngestKey { id: key.id.clone(), name: "phonehome-us-east-1-1".into() }]);
    for _ in 0..2 {
        new_relic.delete_key(&key.id).await.unwrap();
    }
    assert_eq!(stand_in.state().keys.len(), 0);
}

#[tokio::test]
async fn a_list_of_keys_is_read_to_its_end() {
    let (stand_in, new_relic) = started();
    let account = new_relic.create_account("shop-prod", DataCenter::Us).await.unwrap();
    {
        let mut state = stand_in.state();
        state.page = 2;
        for at in 0..5 {
            state.make_key(i32::try_from(account.number()).unwrap(), &format!("key {at}"));
        }
    }
    assert_eq!(new_relic.keys(account).await.unwrap().len(), 5);
    stand_in.state().page = 1;
    for at in 0..50 {
        stand_in.state().make_key(i32::try_from(account.number()).unwrap(), &format!("more {at}"));
    }
    let error = new_relic.keys(account).await.unwrap_err();
    assert_eq!(error.kind, VendorErrorKind::Unclear, "half of a list is none");
}

#[tokio::test]
async fn a_role_is_linked_once_in_each_mode() {
    let (stand_in, new_relic) = started();
    let account = new_relic.create_account("shop-prod", DataCenter::Us).await.unwrap();
    let mut linked = vec![];
    for (name, is_streamed, mode) in [("shop-prod", false, "PULL"), ("shop-prod stream", true, "PUSH")] {
        let link = NewLink { name, role_arn: ROLE, is_streamed };
        new_relic.link(account, &link).await.unwrap();
        assert_eq!(stand_in.state().linked.last().unwrap().mode, mode);
        let again = new_relic.link(account, &link).await.unwrap_err();
        assert_eq!(
            (again.kind, again.said.as_str()),
            (VendorErrorKind::Rejected, "the ARN is linked already")
        );
        let links = new_relic.links(account).await.unwrap();
        linked.push(Link { name: name.into(), role_arn: ROLE.into(), is_streamed });
        assert_eq!(links, linked);
    }
    let other = "arn:aws:iam::111122223333:role/other";
    let namesake = NewLink { name: "shop-prod", role_arn: other, is_streamed: false };
    let error = new_relic.link(account, &namesake).await.unwrap_err();
    assert_eq!((error.kind, error.said.as_str()), (VendorErrorKind::Rejected, "the name is taken"));
}

#[tokio::test]
async fn what_surely_was_not_done_is_told_from_what_may_be() {
    use VendorErrorKind::{Denied, Rejected, Throttled, Unclear};
    let cases = [
        (Fault::Status(429), Throttled),
        (class("TOO_MANY_REQUESTS", false), Throttled),
        (Fault::Status(401), Denied),
        (Fault::Status(403), Denied),
        (class("ACCESS_DENIED", false), Denied),
        (Fault::Status(400), Rejected),
        (class("INVALID_INPUT", false), Rejected),
        (Fault::Status(500), Unclear),
        (Fault::Status(502), Unclear),
        (Fault::Status(202), Unclear),
        (class("TIMEOUT", true), Unclear),
        (class("INTERNAL_SERVER_ERROR", true), Unclear),
        (class("SERVER_ERROR", false), Unclear),
        (class("SOMETHING_NEW", true), Unclear),
        (Fault::HangsUp { is_done: true }, Unclear),
        (Fault::HangsUp { is_done: false }, Unclear),
        (Fault::HalfAnAnswer, Unclear),
        (Fault::TooLong, Unclear),
        (Fault::Empty, Unclear),
    ];
    for (fault, kind) in cases {
        assert_eq!(creation_fails(fault.clone()).await.kind, kind, "{fault:?}");
    }
    let (_, nobody) = (started(), NewRelic::at("http://127.0.0.1:9/graphql".into(), USER_KEY.into()));
    let error = nobody.create_account("x", DataCenter::Us).await.unwrap_err();
    assert_eq!(error.kind, VendorErrorKind::NotAsked);
}

#[tokio::test]
async fn what_an_answer_says_is_done_is_done_whatever_errors_come_with_it() {
    let (stand_in, new_relic) = started();
    stand_in.fail(CREATE_ACCOUNT, Fault::AnswerAndClass("SERVER_ERROR".into()));
    let id = new_relic.create_account("shop-prod", DataCenter::Eu).await.unwrap();
    assert_eq!(i64::from(id.number()), i64::from(stand_in.state().accounts[0].id));
}

#[tokio::test]
async fn a_list_with_an_error_beside_it_is_no_list() {
    let (stand_in, new_relic) = started();
    let account = new_relic.create_account("shop-prod", DataCenter::Eu).await.unwrap();
    for operation in [ACCOUNTS, KEYS, LINKS] {
        for fault in [Fault::AnswerAndClass("SERVER_ERROR".into()), Fault::Empty, Fault::HalfAnAnswer] {
            stand_in.fail(operation, fault.clone());
            let kind = match operation {
                ACCOUNTS => new_relic.accounts().await.unwrap_err().kind,
                KEYS => new_relic.keys(account).await.unwrap_err().kind,
                _ => new_relic.links(account).await.unwrap_err().kind,
            };
            assert_eq!(kind, VendorErrorKind::Unclear, "{operation}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_key_without_its_value_is_made_and_of_no_use_and_one_that_is_forbidden_is_not_made() {
    let (stand_in, new_relic) = started();
    let account = new_relic.create_account("shop-prod", DataCenter::Eu).await.unwrap();
    stand_in.fail(CREATE_KEYS, Fault::WithoutValue);
    let error = new_relic.create_key(account, "one").await.unwrap_err();
    assert_eq!((error.kind, stand_in.state().keys.len()), (VendorErrorKind::Unclear, 1));
    stand_in.state().forbids_keys = true;
    let error = new_relic.create_key(account, "two").await.unwrap_err();
    assert_eq!((error.kind, error.said.as_str()), (VendorErrorKind::Denied, "not allowed"));
    let missing = VendorAccountId::new(7);
    stand_in.state().forbids_keys = false;
    let error = new_relic.create_key(missing, "three").await.unwrap_err();
    assert_eq!((error.kind, error.said.as_str()), (VendorErrorKind::Rejected, "no such account"));
}

#[tokio::test]
async fn a_user_key_that_is_not_accepted_is_denied_and_shown_nowhere() {
    let stand_in = Nerdgraph::start(USER_KEY).unwrap();
    let new_relic = NewRelic::at(stand_in.url().to_owned(), "NRAK-WRONG".into());
    let error = new_relic.accounts().await.unwrap_err();
    assert_eq!(error.kind, VendorErrorKind::Denied);
    let shown = format!("{new_relic:?} {error:?} {error}");
    assert!(!shown.contains("NRAK"), "{shown}");
}

#[tokio::test]
async fn nobody_is_followed_elsewhere_with_the_key() {
    let (stand_in, new_relic) = started();
    let elsewhere = Nerdgraph::start(USER_KEY).unwrap();
    stand_in.fail(ACCOUNTS, Fault::Redirect(elsewhere.url().to_owned()));
    assert_eq!(new_relic.accounts().await.unwrap_err().kind, VendorErrorKind::Unclear);
    assert_eq!(elsewhere.state().calls.len(), 0);
}

#[test]
fn where_the_cloud_is_local_nobody_but_this_machine_is_asked() {
    let at = |variables: &[(&str, &str)]| {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        address(&variables.collect(), DataCenter::Eu)
    };
    let local = [("PHONEHOME_CLOUD", "local"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")];
    let [_, endpoint] = local;
    assert!(at(&local).unwrap_err().to_string().contains(URL_VARIABLE));
    assert!(at(&[local[0], endpoint, (URL_VARIABLE, "https://api.newrelic.com/graphql")]).is_err());
    let stand_in = "http://127.0.0.1:9/graphql";
    assert_eq!(at(&[local[0], endpoint, (URL_VARIABLE, stand_in)]), Ok(stand_in.to_owned()));
    assert_eq!(at(&[]), Ok("https://api.eu.newrelic.com/graphql".to_owned()));
}
