//! What cannot be looked up is told at once, and nothing is made while it lasts.

use phonehome_alerting::SlackKind;
use phonehome_cloud::{Account, WallClock as _};
use phonehome_fleet::Line;
use phonehome_state::Keys;
use phonehome_vending::{OrderState, RequestId};

use super::world::{FLEET, World};

const DENIED: &str = "AccessDeniedException";
const THROTTLED: &str = "TooManyRequestsException";

/// What the platform team was told of what holds all accounts, kind and first line.
async fn held(world: &World) -> Vec<(SlackKind, String)> {
    let told = world.told().await.into_iter().filter(|it| it.1 == "#platform");
    told.map(|it| (it.2, it.3)).collect()
}

/// The shop's account was asked for, and nobody knows what came of it; that of pay waits for its turn.
async fn under_way(operation: &str) -> World {
    let world = World::permitting(&["shop", "pay"]).await;
    let state = match operation {
        "DescribeCreateAccountStatus" => {
            OrderState::Creating { request: RequestId::new("car-unknown1"), since_ms: 1 }
        }
        _ => OrderState::Asking { since_ms: 1 },
    };
    world.has_order("shop", state).await;
    if matches!(operation, "DescribeAccount" | "ListTagsForResource") {
        world.organizations.add_account("444455556601", "aws+shop-dev@example.com", true);
    }
    world
}

const LOOK_UPS: [&str; 5] = [
    "DescribeCreateAccountStatus",
    "ListCreateAccountStatus",
    "ListAccounts",
    "DescribeAccount",
    "ListTagsForResource",
];

#[tokio::test]
async fn a_look_up_that_is_denied_is_told_at_once_with_its_right_and_nothing_is_made_until_it_is_given() {
    for operation in LOOK_UPS {
        let world = under_way(operation).await;
        world.organizations.refuse(operation, Some(DENIED));
        world.passes(5).await;
        let told = held(&world).await;
        assert_eq!(told.len(), 1, "{operation}: {told:?}");
        for expected in [
            &format!("may not call organizations:{operation} ("),
            "role/phonehome-vending",
            "infra/management.yaml",
        ] {
            assert!(told[0].1.contains(expected), "{operation}: {told:?}");
        }
        world.passes(3_600).await;
        assert_eq!(held(&world).await.len(), 1, "{operation} is told once");
        assert!(world.organizations.asked().is_empty(), "{operation}: neither the shop's nor another one");
        world.organizations.refuse(operation, None);
        world.passes(900).await;
        let told = held(&world).await;
        assert_eq!((told.len(), told[1].0), (2, SlackKind::Resolved), "{operation}: {told:?}");
        let (shop, pay) = (world.made("shop").await, world.made("pay").await);
        assert_ne!(shop, pay);
        assert_eq!(world.organizations.accounts().len(), 2, "{operation}: one each");
    }
}

#[tokio::test]
async fn what_is_not_answered_for_ten_minutes_is_told_once_and_what_passes_sooner_is_not() {
    for (minutes, code) in
        [(9, THROTTLED), (12, THROTTLED), (12, "ServiceException"), (9, "ServiceException")]
    {
        for operation in ["DescribeCreateAccountStatus", "ListAccounts"] {
            let world = under_way(operation).await;
            world.organizations.refuse(operation, Some(code));
            world.passes(minutes * 60).await;
            let told = held(&world).await;
            assert_eq!(told.len(), usize::from(minutes > 10), "{operation} {code}: {told:?}");
            let expected = format!("organizations:{operation} is not answered ({code}");
            assert!(told.iter().all(|it| it.1.contains(&expected)), "{told:?}");
            assert!(world.organizations.asked().is_empty(), "{operation} {code}");
            world.organizations.refuse(operation, None);
            world.passes(600).await;
            assert_eq!(held(&world).await.len(), 2 * told.len(), "{operation} {code}: it is over");
            assert_eq!(world.organizations.accounts().len(), 2, "{operation} {code}");
        }
    }
}

#[tokio::test]
async fn whoever_may_not_list_the_names_is_told_at_once_makes_nothing_and_binds_what_is_made() {
    let world = World::permitting(&["shop", "pay"]).await;
    let account = "444455556601".parse().unwrap();
    world.has_order("shop", OrderState::Made { account, at_ms: world.clock.now_ms() }).await;
    *world.listed.refusal.lock().unwrap() = Some(DENIED);
    world.passes(5).await;
    let told = held(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    for expected in ["the role phonehome-vendor of the hub", "organizations:ListAccounts", "infra/hub.yaml"] {
        assert!(told[0].1.contains(expected), "{told:?}");
    }
    assert_eq!((world.bound("shop").await.unwrap().as_str(), world.asked().len()), ("444455556601", 1));
    let lists = *world.listed.lists.lock().unwrap();
    world.passes(3_600).await;
    assert_eq!((held(&world).await.len(), world.order("pay").await), (1, None));
    assert!(*world.listed.lists.lock().unwrap() <= lists + 61, "it is asked once a minute");
    *world.listed.refusal.lock().unwrap() = None;
    world.passes(120).await;
    assert_eq!(held(&world).await.last().unwrap().0, SlackKind::Resolved);
    assert!(world.order("pay").await.unwrap().account().is_some());
}

#[tokio::test]
async fn what_nobody_asks_for_any_more_is_over_although_it_was_never_answered() {
    let world = World::permitting(&["shop"]).await;
    *world.listed.refusal.lock().unwrap() = Some(DENIED);
    world.passes(60).await;
    assert_eq!(held(&world).await.len(), 1);
    // Nothing is permitted any more.
    world.publishes(FLEET, &[]).await;
    world.passes(300).await;
    assert_eq!(held(&world).await.last().unwrap().0, SlackKind::Resolved);
    assert_eq!(world.look().await, None);
}

#[tokio::test]
async fn a_list_in_which_an_account_has_no_name_makes_none() {
    let world = World::permitting(&["shop"]).await;
    let id = "444455556602".parse().unwrap();
    let nameless = Account { id, name: String::new(), active: true, created_at_ms: None };
    world.listed.accounts.lock().unwrap().push(nameless);
    world.passes(900).await;
    assert_eq!(world.order("shop").await, None, "it may be the shop's");
    assert!(held(&world).await[0].1.contains("it has no name"), "{:?}", held(&world).await);
}

#[tokio::test]
async fn a_list_that_is_answered_as_before_writes_nothing() {
    let world = World::permitting(&["shop"]).await;
    let id = "444455556602".parse().unwrap();
    let taken = Account { id, name: "shop-dev".into(), active: false, created_at_ms: None };
    world.listed.accounts.lock().unwrap().push(taken);
    world.passes(60).await;
    let (before, lists) = (world.table.all(), *world.listed.lists.lock().unwrap());
    world.passes(300).await;
    assert!(*world.listed.lists.lock().unwrap() > lists);
    assert_eq!(world.table.all(), before);
}

#[tokio::test]
async fn while_not_all_is_seen_nothing_is_said_to_be_over() {
    let world = World::permitting(&["shop"]).await;
    let id = "444455556602".parse().unwrap();
    let taken = Account { id, name: "shop-dev".into(), active: false, created_at_ms: None };
    world.listed.accounts.lock().unwrap().push(taken);
    world.passes(60).await;
    assert_eq!(world.told().await.len(), 1, "its name is taken");
    *world.listed.refusal.lock().unwrap() = Some(THROTTLED);
    world.passes(120).await;
    assert_eq!(world.told().await.len(), 1, "the organization was not listed");
    *world.listed.refusal.lock().unwrap() = None;
    world.table.put_raw(Keys::binding(&Line::new("other", "dev")), "not a binding");
    world.passes(120).await;
    assert_eq!(world.told().await.len(), 1, "a binding cannot be read");
}

#[tokio::test]
async fn a_role_that_is_not_answered_for_holds_nothing_longer_than_that_and_is_no_missing_right() {
    let world = World::permitting(&["shop"]).await;
    *world.role.refusal.lock().unwrap() = Some("ServiceUnavailable");
    world.passes(300).await;
    assert!(held(&world).await.is_empty() && world.organizations.accounts().is_empty());
    *world.role.refusal.lock().unwrap() = None;
    world.passes(300).await;
    assert_eq!(world.organizations.accounts().len(), 1);
    assert!(held(&world).await.is_empty());
}
