//! Accounts that exist become lines, from what is shown to what is made of it.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use phonehome_closing::AccountState;
use phonehome_cloud::table::{Expect, MemoryTable, Table as _, Write};
use phonehome_cloud::{Account, AccountWithEmail};
use phonehome_fleet::{Fleet, Line};
use phonehome_onboarding::{Proposals, SeenAccount};
use phonehome_state::{Keys, PublishedFleet, bind, bindings};
use phonehome_vending::{Order, kept, order_key, wanted};
use phonehome_wire::AccountId;

use super::bind::{proposals, refused};
use super::store::{Stored, store};
use super::words::{Said, said};
use crate::creations::{Creations, Orders, Permitted};
use crate::who::Who;

const SMALL: &str = include_str!("../../../fleet/tests/fixtures/small.yaml");
const ONE: &str = "444444444441";
const TWO: &str = "444444444442";

/// `shop` and `payments`, each `dev` and `prod`, of which `payments/prod` is pinned to 333333333333.
fn fleet() -> Fleet {
    let vending = "version: 1\nvending: {email: \"aws+{domain}-{environment}@example.com\"}\n";
    phonehome_fleet::parse(&SMALL.replacen("version: 1\n", vending, 1)).unwrap()
}

fn line(text: &str) -> Line {
    let (domain, environment) = text.split_once('/').unwrap();
    Line::new(domain, environment)
}

fn account(id: &str, name: &str, email: &str) -> SeenAccount {
    let (name, email, state) = (name.to_owned(), email.to_owned(), AccountState::Active);
    SeenAccount { id: id.parse().unwrap(), name, email, state, unit: Some(vec!["Workloads".into()]) }
}

/// One with a line's address under another name, one with a line's name, one that looks like nothing.
fn accounts() -> Vec<SeenAccount> {
    vec![
        account(ONE, "Legacy Shop", "aws+shop-prod@example.com"),
        account(TWO, "shop-dev", "root@example.com"),
        account("444444444443", "Log\u{200b} Archive", "logs@example.com"),
    ]
}

async fn proposed(table: &MemoryTable, named: &[(&str, &str)]) -> Proposals {
    let named: BTreeMap<Line, AccountId> =
        named.iter().map(|(of, account)| (line(of), account.parse().unwrap())).collect();
    proposals(table, &fleet(), &accounts(), &named).await.unwrap()
}

fn text(proposals: &Proposals, stored: Option<&Stored>) -> String {
    said(&Said { fleet: "fleet.yaml".as_ref(), proposals, stored, without_units: None })
}

#[tokio::test]
async fn what_is_certain_and_what_a_person_has_to_name_is_shown_with_the_ids_and_nothing_is_stored() {
    let table = MemoryTable::default();
    let shown = text(&proposed(&table, &[]).await, None);
    assert_snapshot!("shown", shown);
    assert!(bindings(&table).await.unwrap().accounts().next().is_none());
}

#[tokio::test]
async fn what_was_bound_is_never_made_again_whatever_is_permitted_and_twice_is_as_good_as_once() {
    let (table, fleet) = (MemoryTable::default(), fleet());
    let named = [("shop/dev", TWO)];
    for bound in [vec![line("shop/dev"), line("shop/prod")], vec![]] {
        let proposals = proposed(&table, &named).await;
        refused(&proposals).unwrap();
        let stored = store(&table, &proposals, 7).await.unwrap();
        assert_eq!(stored, Stored { bound, overtaken: vec![] });
    }
    // `publish --allow-create` looks at just this, with every line permitted already or none.
    let all: Permitted = fleet.members().iter().map(|it| (it.line(), 7)).collect();
    let with_email = |it: SeenAccount| AccountWithEmail {
        account: Account { id: it.id, name: it.name, active: true, created_at_ms: None },
        email: it.email,
    };
    let organization: Vec<AccountWithEmail> = accounts().into_iter().map(with_email).collect();
    let bound = bindings(&table).await.unwrap();
    for permitted in [&Permitted::new(), &all] {
        let who = Who::of(&fleet, bound.clone(), organization.clone());
        let creations = Creations::of(&fleet, &who, &Orders::default(), permitted);
        assert!(!creations.has(&line("shop/prod")) && !creations.has(&line("shop/dev")));
        assert!(creations.has(&line("payments/dev")), "which is no account");
    }
    let kept = kept(&fleet, &bound, all.iter().map(|(line, at_ms)| (line, *at_ms)));
    assert_eq!(kept.into_keys().collect::<Vec<_>>(), [line("payments/dev"), line("payments/prod")]);
    // Nor does the vendor ask for any, also once the accounts are called otherwise.
    let mut renamed: Vec<Account> = organization.into_iter().map(|it| it.account).collect();
    renamed.iter_mut().for_each(|it| it.name = format!("renamed {}", it.id));
    let (wanted, _) = wanted(&fleet, &bound, &renamed, &fleet.vending_emails(), &all);
    assert_eq!(wanted.into_iter().map(|it| it.line).collect::<Vec<_>>(), [line("payments/dev")]);
}

#[tokio::test]
async fn whoever_binds_in_between_is_not_overwritten_and_that_is_said_and_the_others_are_bound() {
    for (theirs, account) in [("shop/prod", "444444444449"), ("other/prod", ONE)] {
        let table = MemoryTable::default();
        let proposals = proposed(&table, &[("shop/dev", TWO)]).await;
        assert!(bind(&table, &line(theirs), &account.parse().unwrap(), "", 5).await.unwrap());
        let stored = store(&table, &proposals, 7).await.unwrap();
        assert_eq!(stored.overtaken, [line("shop/prod")]);
        assert_eq!(stored.bound, [line("shop/dev")]);
        let known = bindings(&table).await.unwrap();
        assert_eq!(known.line_of(&account.parse().unwrap()), Some(&line(theirs)), "as they said");
        assert!(text(&proposals, Some(&stored)).contains("not shop/prod. Run it again"));
    }
}

#[tokio::test]
async fn an_open_order_or_one_that_cannot_be_read_keeps_its_line_from_being_bound() {
    let table = MemoryTable::default();
    let order = Order::place(line("shop/prod"), "aws+shop-prod@example.com".into(), "shop-prod".into(), 5);
    table.write(vec![Write::put(order_key(&line("shop/prod")), Expect::Absent, &order)]).await.unwrap();
    table.put_raw(order_key(&line("shop/dev")), "{}");
    let proposals = proposed(&table, &[("shop/dev", TWO)]).await;
    let refusal = refused(&proposals).unwrap_err();
    assert!(refusal.input && refusal.text.contains("shop/dev: what may bind an account"), "{}", refusal.text);
    assert_eq!(store(&table, &proposals, 7).await.unwrap(), Stored::default());
    assert_snapshot!("not_bound", text(&proposals, None));
}

#[tokio::test]
async fn a_line_that_no_version_in_use_has_is_not_bound_but_pinned_in_the_file() {
    let table = MemoryTable::default();
    let text = SMALL.replace("shop", "store");
    let published = PublishedFleet { text, number: 1, ..PublishedFleet::default() };
    table.write(vec![Write::put(Keys::fleet(), Expect::Absent, &published)]).await.unwrap();
    let proposals = proposed(&table, &[]).await;
    assert_eq!(store(&table, &proposals, 7).await.unwrap(), Stored::default());
    let refusal = refused(&proposed(&table, &[("shop/dev", TWO)]).await).unwrap_err();
    assert!(
        refusal.text.contains("write `account_id: \"444444444442\"` into the fleet file"),
        "{}",
        refusal.text
    );
    let refusal = refused(&proposed(&table, &[("shop/stage", TWO)]).await).unwrap_err();
    assert!(refusal.text.contains("shop/stage is no line of the fleet file"), "{}", refusal.text);
}

#[tokio::test]
async fn a_line_that_is_not_certain_holds_up_none_that_is() {
    let table = MemoryTable::default();
    // Of these the first line is not certain.
    let stored = store(&table, &proposed(&table, &[]).await, 7).await.unwrap();
    assert_eq!(stored, Stored { bound: vec![line("shop/prod")], overtaken: vec![] });
}

/// What is proposed where these are the accounts.
async fn proposed_of(accounts: &[SeenAccount]) -> Proposals {
    proposals(&MemoryTable::default(), &fleet(), accounts, &BTreeMap::new()).await.unwrap()
}

#[tokio::test]
async fn of_two_accounts_that_look_like_a_line_neither_is_in_the_call_to_be_pasted() {
    let like = |id: &str| account(id, "shop-dev", &format!("{id}@example.com"));
    let one = text(&proposed_of(&[like(ONE)]).await, None);
    assert!(one.contains("phonehome init --fleet fleet.yaml --bind shop/dev=444444444441 --yes"), "{one}");
    let two = text(&proposed_of(&[like(ONE), like(TWO)]).await, None);
    assert!(
        two.contains(&format!("    {ONE} (shop-dev")) && two.contains(&format!("    {TWO} (shop-dev")),
        "{two}"
    );
    assert!(!two.contains("--yes"), "{two}");
}

#[tokio::test]
async fn an_account_that_is_closed_or_in_no_unit_is_shown_as_that() {
    let closed = SeenAccount {
        state: AccountState::Suspended,
        unit: Some(vec![]),
        ..account(ONE, "shop-dev", "root@example.com")
    };
    let shown = text(&proposed_of(&[closed]).await, None);
    assert!(shown.contains("(shop-dev, root@example.com, SUSPENDED)"), "{shown}");
    let unknown = SeenAccount { unit: None, ..account(ONE, "shop-dev", "root@example.com") };
    let shown = text(&proposed_of(&[unknown]).await, None);
    assert!(shown.contains("(shop-dev, root@example.com)"), "{shown}");
}

#[tokio::test]
async fn where_nothing_can_be_bound_nothing_is_offered_and_what_was_not_compared_is_said() {
    let proposals = proposed_of(&[]).await;
    let without_units = Some("AccessDenied\u{200b}".to_owned());
    let it = Said { fleet: "fleet.yaml".as_ref(), proposals: &proposals, stored: None, without_units };
    let shown = said(&it);
    assert!(
        !shown.contains("--yes") && !shown.contains("Certain") && !shown.contains("Not certain"),
        "{shown}"
    );
    let several = "3 lines have no account, and none looks like them: shop/dev, shop/prod, payments/dev.";
    assert!(shown.contains(several) && !shown.contains("No line, nor like one"), "{shown}");
    let why =
        r"The units could not be read, so that only names and addresses were compared: AccessDenied\u{200b}.";
    assert!(shown.contains(why), "{shown}");
    assert_eq!(it.json()["without_units"], "AccessDenied\u{200b}");
}

#[tokio::test]
async fn what_was_done_is_said_with_how_many_and_what_somebody_else_changed() {
    let proposals = proposed(&MemoryTable::default(), &[("shop/dev", TWO)]).await;
    let (one, two) = (vec![line("shop/dev")], vec![line("shop/dev"), line("shop/prod")]);
    for (bound, overtaken, said) in [
        (one.clone(), vec![], "Done: 1 line is bound.\n"),
        (two, vec![], "Done: 2 lines are bound.\n"),
        (
            vec![],
            one,
            "Done: 0 lines are bound. Somebody else changed who is who at the same moment: not shop/dev. Run it again.\n",
        ),
    ] {
        let shown = text(&proposals, Some(&Stored { bound, overtaken }));
        assert!(shown.ends_with(said), "{shown}");
        assert!(
            shown.contains("444444444442 (shop-dev, root@example.com, in Workloads): named\n"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn machines_read_of_each_line_what_it_is_by_its_state_and_which_accounts_it_may_be() {
    let proposals = proposed(&MemoryTable::default(), &[]).await;
    let it = Said { fleet: "fleet.yaml".as_ref(), proposals: &proposals, stored: None, without_units: None };
    let json = it.json();
    let lines = json["lines"].as_array().unwrap();
    let states: Vec<_> = lines.iter().map(|it| [&it["line"], &it["state"], &it["account"]]).collect();
    assert_eq!(
        serde_json::json!(states),
        serde_json::json!([
            ["shop/dev", "unsure", null],
            ["shop/prod", "to_bind", ONE],
            ["payments/dev", "nobody", null],
            ["payments/prod", "not_bound", null],
        ])
    );
    let candidate = &lines[0]["candidates"][0];
    assert_eq!([&candidate["account"], &candidate["because"]], [TWO, "it has the line's name"]);
    assert_eq!([&candidate["state"], &candidate["unit"][0]], ["ACTIVE", "Workloads"]);
    assert_eq!(lines[0]["message"], "say which it is: --bind shop/dev=444444444442");
    assert_eq!(
        [&lines[1]["message"], &lines[1]["named"]],
        [&serde_json::Value::Null, &serde_json::json!(false)]
    );
    assert_eq!(json["accounts_without_a_line"][0]["account"], "444444444443");
    assert_eq!([&json["done"], &json["bound"]], [&serde_json::json!(false), &serde_json::Value::Null]);

    let stored = Stored { bound: vec![line("shop/prod")], overtaken: vec![line("shop/dev")] };
    let it = Said { stored: Some(&stored), ..it };
    let json = it.json();
    assert_eq!(json["done"], true);
    assert_eq!([&json["bound"][0], &json["overtaken"][0]], ["shop/prod", "shop/dev"]);
}
