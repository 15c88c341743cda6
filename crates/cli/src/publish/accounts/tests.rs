//! What a version permits, whatever is published beside it, before it and after it.

use phonehome_cloud::table::{Expect, MemoryTable, Write};
use phonehome_fleet::{Binding, Line};
use phonehome_rollout::{NotNow, Pace, Wave, abort, roll_back};
use phonehome_state::{Accepted, NotPublished, Way, base, change_roll_out, publish_by};
use phonehome_vending::{Order, Stop, order_key};

use super::*;
use crate::creations::Creations;

const SMALL: &str = include_str!("../../../../fleet/tests/fixtures/small.yaml");

/// `shop` and `payments`, each `dev` and `prod`, of which `payments/prod` is pinned.
fn vended() -> String {
    let vending = "version: 1\nvending: {email: \"aws+{domain}-{environment}@example.com\"}\n";
    SMALL.replacen("version: 1\n", vending, 1)
}

fn fleet(text: &str) -> Fleet {
    phonehome_fleet::parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn line(text: &str) -> Line {
    let (domain, environment) = text.split_once('/').unwrap();
    Line::new(domain, environment)
}

fn waves() -> Way {
    let pace = Pace { bake_ms: 1, converge_ms: 1, at_once: 1 };
    Way::InWaves { waves: vec![Wave::new("all".into(), [].into())], pace, mends: false }
}

/// A hub in which nobody is an account but who is bound.
#[derive(Default)]
struct Hub {
    table: MemoryTable,
    bindings: Bindings,
}

impl Hub {
    /// Publishes as the command does, and returns what is permitted.
    async fn publish(
        &self,
        text: &str,
        (way, supersedes): (Way, bool),
        allow_create: Option<u32>,
        now_ms: u64,
    ) -> Result<Vec<(String, u64)>, Failure> {
        let fleet = fleet(text);
        may_permit(&fleet, allow_create)?;
        let base = base(&self.table).await.unwrap();
        let former = former(&self.table, &base, supersedes).await?;
        let kept = still(&fleet, &self.bindings, &former);
        let who = Who::of(&fleet, self.bindings.clone(), vec![]);
        let orders = Orders::read(&self.table).await?;
        no_order_lost(&self.table, &fleet, &self.bindings, &orders).await?;
        let creations = Creations::of(&fleet, &who, &orders, &kept);
        few_enough(&creations, allow_create)?;
        let accounts = permitted(&kept, &creations, allow_create, now_ms);
        let accepted = Accepted { accounts, ..Accepted::default() };
        let published = PublishedFleet {
            text: text.to_owned(),
            published_at_ms: now_ms,
            accepted,
            ..PublishedFleet::default()
        };
        let published =
            publish_by(&self.table, &base, published, &way, supersedes).await.map_err(Failure::other)?;
        Ok(published.accepted.accounts.into_iter().map(|it| (it.line.to_string(), it.at_ms)).collect())
    }

    async fn at_once(
        &self,
        text: &str,
        allow_create: Option<u32>,
        now_ms: u64,
    ) -> Result<Vec<(String, u64)>, Failure> {
        self.publish(text, (Way::AtOnce, false), allow_create, now_ms).await
    }

    /// An order is stored, over the one of its line.
    async fn has(&self, order: Order) {
        let key = order_key(&order.line);
        let expect = Expect::unchanged(self.table.get(&key).await.unwrap().as_ref());
        self.table.write(vec![Write::put(key, expect, &order)]).await.unwrap();
    }

    async fn change(&self, change: impl Fn(&RollOut) -> Result<RollOut, NotNow>) {
        change_roll_out(&self.table, change).await.unwrap();
    }
}

fn all(at_ms: u64) -> Vec<(String, u64)> {
    ["payments/dev", "shop/dev", "shop/prod"].map(|line| (line.to_owned(), at_ms)).into()
}

#[tokio::test]
async fn without_the_permission_no_account_is_made_and_with_it_no_more_than_it_says() {
    let hub = Hub::default();
    assert_eq!(hub.at_once(&vended(), None, 5).await.unwrap(), []);
    let refused = hub.at_once(&vended(), Some(2), 6).await.unwrap_err();
    assert!(
        refused.input && refused.text.contains("3 accounts would be made, and --allow-create permits 2"),
        "{refused:?}"
    );
    assert!(refused.text.contains("shop/dev, shop/prod, payments/dev"), "{refused:?}");
    assert!(hub.at_once(&vended(), Some(0), 6).await.is_err());
    assert_eq!(base(&hub.table).await.unwrap().next(), 2, "nothing was stored");
    assert_eq!(hub.at_once(&vended(), Some(3), 7).await.unwrap(), all(7));
}

#[tokio::test]
async fn an_unrelated_version_keeps_what_was_permitted_with_its_first_time_and_asks_for_new_lines_alone() {
    let hub = Hub::default();
    hub.at_once(&vended(), Some(3), 7).await.unwrap();
    assert_eq!(hub.at_once(&(vended() + "# later\n"), None, 8).await.unwrap(), all(7));
    let more = vended().replacen(
        "name: shop\n",
        "name: tax\n    owner: team-tax\n    environments: [dev]\n  - name: shop\n",
        1,
    );
    assert!(hub.at_once(&more, Some(0), 9).await.is_err());
    let permitted = hub.at_once(&more, Some(1), 9).await.unwrap();
    assert!(
        permitted.contains(&("tax/dev".to_owned(), 9)) && permitted.contains(&("shop/dev".to_owned(), 7)),
        "{permitted:?}"
    );
}

#[tokio::test]
async fn a_line_that_is_an_account_by_now_or_left_the_file_is_permitted_no_more_also_when_it_comes_back() {
    let mut hub = Hub::default();
    hub.at_once(&vended(), Some(3), 7).await.unwrap();
    let binding = |line| Binding {
        line,
        account: "111111111111".parse().unwrap(),
        account_name: String::new(),
        bound_at_ms: 0,
    };
    hub.bindings = Bindings::new([binding(line("shop/dev"))], []);
    assert_eq!(
        hub.at_once(&(vended() + "# 2\n"), None, 8).await.unwrap(),
        all(7).into_iter().filter(|(it, _)| it != "shop/dev").collect::<Vec<_>>()
    );
    // The account is another line's now: no second one is made for what it was.
    hub.bindings = Bindings::default();
    assert!(!hub.at_once(&vended(), None, 9).await.unwrap().iter().any(|(it, _)| it == "shop/dev"));
    let renamed = vended().replace("shop", "store");
    assert_eq!(hub.at_once(&renamed, None, 10).await.unwrap(), [("payments/dev".to_owned(), 7)]);
    assert_eq!(hub.at_once(&vended(), None, 11).await.unwrap(), [("payments/dev".to_owned(), 7)]);
}

#[tokio::test]
async fn the_version_whose_place_is_taken_hands_its_permission_on_unless_it_is_taken_back() {
    for (end, is_handed_on) in [("", true), ("abort", true), ("rollback", false)] {
        let hub = Hub::default();
        hub.at_once(SMALL, None, 1).await.unwrap();
        hub.publish(&vended(), (waves(), false), Some(3), 7).await.unwrap();
        match end {
            "abort" => hub.change(|it| abort(it, "ada".into(), "lunch".into(), 8)).await,
            "rollback" => hub.change(|it| roll_back(it, "ada".into(), 8)).await,
            _ => {}
        }
        let next = vended() + "# later\n";
        let alone = hub.publish(&next, (waves(), false), None, 9).await;
        let expected = if is_handed_on { all(7) } else { vec![] };
        match hub.publish(&next, (waves(), true), None, 9).await {
            Ok(permitted) => assert_eq!(permitted, expected, "{end}"),
            Err(refused) => panic!("{end}: {refused:?}"),
        }
        assert!(alone.is_err() || !is_handed_on, "{end}: not without --supersede");
    }
}

#[tokio::test]
async fn what_was_permitted_by_a_version_that_was_taken_back_is_permitted_no_more() {
    let hub = Hub::default();
    hub.at_once(&vended(), Some(3), 7).await.unwrap();
    let more = vended().replacen(
        "name: shop\n",
        "name: tax\n    owner: team-tax\n    environments: [dev]\n  - name: shop\n",
        1,
    );
    hub.publish(&more, (waves(), false), Some(1), 8).await.unwrap();
    hub.change(|it| Ok(RollOut { phase: Phase::RolledBack, ..it.clone() })).await;
    // Whatever is said of a roll-out that is over.
    for supersedes in [false, true] {
        let permitted = hub.publish(&more, (Way::AtOnce, supersedes), None, 9).await.unwrap();
        assert_eq!(permitted, all(7), "tax/dev needs it anew, the others do not");
    }
}

#[tokio::test]
async fn of_two_who_publish_at_once_one_is_refused_with_its_permission() {
    let hub = Hub::default();
    let before = base(&hub.table).await.unwrap();
    hub.at_once(&vended(), Some(3), 7).await.unwrap();
    let late = PublishedFleet { text: vended(), ..PublishedFleet::default() };
    let refused = publish_by(&hub.table, &before, late, &Way::AtOnce, false).await.unwrap_err();
    assert!(matches!(refused, NotPublished::Overtaken { number: 1, .. }), "{refused:?}");
    let in_force = phonehome_state::in_force(&hub.table).await.unwrap();
    assert_eq!(in_force.accepted.accounts.len(), 3);
}

#[test]
fn where_phonehome_makes_no_accounts_the_permission_is_refused_with_the_reason() {
    let control_tower = SMALL.replacen("version: 1\n", "version: 1\nvending: {control_tower: true}\n", 1);
    for (text, reason) in
        [(control_tower.as_str(), "Control Tower makes the accounts"), (SMALL, "it has no `vending`")]
    {
        let refused = may_permit(&fleet(text), Some(3)).unwrap_err();
        assert!(refused.input && refused.text.contains(reason), "{refused:?}");
        assert!(may_permit(&fleet(text), None).is_ok());
    }
    assert!(may_permit(&fleet(&vended()), Some(3)).is_ok());
}

#[test]
fn what_becomes_of_the_accounts_is_said_where_there_are_any() {
    let (fleet, none) = (fleet(&vended()), Creations::default());
    let who = Who::of(&fleet, Bindings::default(), vec![]);
    let three = Creations::of(&fleet, &who, &Orders::default(), &Permitted::new());
    assert_eq!((outcome(&none, None), sentence(&none, Some(3))), (String::new(), None));
    assert_eq!(
        (sentence(&three, Some(3)), sentence(&three, None)),
        (Some("makes 3 accounts".to_owned()), None)
    );
    assert!(outcome(&three, Some(3)).contains("3 accounts are made once it is in force"));
    assert!(
        outcome(&three, None).contains("3 are not permitted (`phonehome publish --again --allow-create 3`)")
    );
}

fn ordered(of: &str, at_ms: u64) -> Order {
    let name = of.replace('/', "-");
    Order::place(line(of), format!("aws+{name}@example.com"), name, at_ms)
}

#[tokio::test]
async fn a_permission_is_newer_than_what_it_permits_anew_also_by_a_clock_that_is_an_hour_behind() {
    let hub = Hub::default();
    hub.at_once(&vended(), Some(3), 7).await.unwrap();
    let stopped = ordered("shop/dev", 3_600_000).stopped(Stop::TooOften, 3_600_000);
    hub.has(stopped.clone()).await;
    let permitted = hub.at_once(&(vended() + "# 2\n"), Some(3), 9).await.unwrap();
    let (_, at_ms) = permitted.into_iter().find(|(it, _)| it == "shop/dev").unwrap();
    assert!(stopped.is_permitted_anew(at_ms), "{at_ms}");
}

#[tokio::test]
async fn a_line_keeps_its_former_name_for_as_long_as_its_account_was_ordered_under_it_and_is_not_bound() {
    let account = || "111111111111".parse().unwrap();
    let renamed =
        vended().replace("shop", "store").replace("- name: store", "- name: store\n    renamed_from: shop");
    let without = renamed.replace("    renamed_from: shop\n", "");
    let again = renamed.replace("store", "mart").replace("renamed_from: shop", "renamed_from: store");
    let gone = |of: &str| Binding {
        line: line(of),
        account: account(),
        account_name: String::new(),
        bound_at_ms: 0,
    };
    for (order, bound, is_kept) in [
        (ordered("shop/dev", 7), None, true),
        (ordered("shop/dev", 7).made(account(), 8), None, true),
        (ordered("shop/dev", 7).made(account(), 8), Some("shop/dev"), true),
        (ordered("shop/dev", 7).stopped(Stop::TooOften, 8), None, true),
        (ordered("shop/dev", 7).not_found(8), None, true),
        (ordered("shop/dev", 7).not_begun(8), None, false),
        (ordered("shop/dev", 7).stopped(Stop::EmailTaken, 8), None, false),
        (ordered("shop/dev", 7).made(account(), 8), Some("store/dev"), false),
    ] {
        for next in [&without, &again] {
            let mut hub = Hub::default();
            hub.at_once(&vended(), Some(3), 7).await.unwrap();
            hub.has(order.clone()).await;
            hub.at_once(&renamed, None, 9).await.unwrap();
            hub.bindings = Bindings::new(bound.map(gone), []);
            let published = hub.at_once(next, None, 10).await;
            let expected = if next == &again { "mart/dev" } else { "store/dev" };
            match published {
                // What is bound under the name in between goes on to be found by that.
                Ok(_) => assert!(!is_kept, "{order:?} {bound:?}"),
                Err(refused) => {
                    assert!(is_kept && refused.input, "{order:?} {bound:?}: {refused:?}");
                    let said = format!("the account for {expected} was ordered when it was called shop/dev");
                    assert!(refused.text.contains(&said), "{refused:?}");
                }
            }
            // The line may go, and with it its order.
            let without_it = vended().replace("shop", "books");
            hub.at_once(&without_it, None, 11).await.unwrap();
        }
    }
}
