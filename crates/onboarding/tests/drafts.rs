//! A fleet file of the accounts that there are.

use std::collections::BTreeSet;

use phonehome_closing::AccountState;
use phonehome_onboarding::{Organization, SeenAccount, draft};
use proptest::prelude::*;

const MANAGEMENT: &str = "111111111111";
const HUB: &str = "222222222222";

fn organization() -> Organization {
    let [management_account, hub_account] = [MANAGEMENT, HUB].map(|id| id.parse().unwrap());
    Organization { id: "o-a1b2c3d4e5".to_owned(), management_account, hub_account }
}

fn account(id: &str, name: &str, unit: &str) -> SeenAccount {
    SeenAccount {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        email: format!("{id}@example.com"),
        state: AccountState::Active,
        unit: Some(unit.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect()),
    }
}

fn drafted(accounts: &[SeenAccount]) -> String {
    draft(&organization(), &"us-east-1".parse().unwrap(), accounts, None).unwrap()
}

/// The lines with the ids that they have, `shop/prod=333333333333`.
fn lines(text: &str) -> Vec<String> {
    let fleet = phonehome_fleet::parse(text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    let line = |it: &phonehome_fleet::Member| {
        format!("{}={}", it.line(), it.account_id.as_ref().map_or("none", |id| id.as_str()))
    };
    fleet.members().iter().map(line).collect()
}

#[test]
fn what_is_drafted_is_readable_valid_and_has_every_account() {
    let mut accounts = vec![
        account(MANAGEMENT, "Root", ""),
        account(HUB, "network-prod", "Infrastructure"),
        account("333333333333", "shop-prod", "Workloads/Production"),
        account("333333333334", "ShopDevelopment", "Workloads"),
        account("333333333335", "payments", "Workloads/Production"),
        account("333333333336", "Log Archive", "Security"),
        account("333333333337", "ledger-prod", "Workloads/Dev"),
        account("333333333338", "tax-prod", ""),
        account("333333333339", "Tax Production", ""),
        account("333333333340", "old-prod", ""),
        account("333333333341", "shop\u{200b}-stage", ""),
        account("333333333342", "evil-prod\n  - name: evil", ""),
    ];
    accounts[9].state = AccountState::Suspended;
    let text = drafted(&accounts);
    insta::assert_snapshot!(text);
    let expected = ["payments/prod=333333333335", "shop/dev=333333333334", "shop/prod=333333333333"];
    assert_eq!(lines(&text), expected);
    accounts.reverse();
    assert_eq!(drafted(&accounts), text, "in whatever order Organizations lists them");
    accounts.extend(accounts.clone());
    assert_eq!(drafted(&accounts), text, "also where a page comes twice");
}

#[test]
fn two_accounts_that_would_be_one_line_are_both_left_to_a_person() {
    let text = drafted(&[
        account("333333333333", "shop-prod", ""),
        account("333333333334", "shop-prod", ""),
        account("333333333335", "shop-dev", ""),
    ]);
    assert_eq!(lines(&text), ["shop/dev=333333333335"]);
    assert!(text.contains("# each of these would be shop/prod:\n#   333333333333  shop-prod"), "{text}");
}

#[test]
fn accounts_of_one_name_in_several_units_are_lines_and_no_name_stands_twice() {
    let text = drafted(&[
        account("333333333333", "shop", "Prod"),
        account("333333333334", "shop", "Dev"),
        // What another line's account is assumed to be called.
        account("333333333335", "prod-pay", ""),
        account("333333333336", "pay-prod", "Dev"),
        account("333333333337", "Dev", "Pay"),
    ]);
    assert_eq!(
        lines(&text),
        ["pay/dev=333333333337", "pay/prod=333333333335", "shop/dev=333333333334", "shop/prod=333333333333"]
    );
    assert!(!text.contains("account_name: \"shop\"") && text.contains("\" } # called shop\n"), "{text}");
}

#[test]
fn without_any_account_to_place_and_without_units_it_is_valid_and_says_so() {
    assert_eq!(lines(&drafted(&[])), ["example/prod=none"]);
    let why = "organizations:ListRoots: AccessDenied\nnot YAML: [";
    let region = "eu-central-1".parse().unwrap();
    let mut one = account("333333333333", "shop-prod", "");
    one.unit = None;
    let text = draft(&organization(), &region, &[one], Some(why)).unwrap();
    assert_eq!(lines(&text), ["shop/prod=333333333333"]);
    assert!(
        text.contains("only names were looked at: organizations:ListRoots: AccessDenied\\u{a}not"),
        "{text}"
    );
    assert!(text.contains("[euc1-az1, euc1-az2, euc1-az3]"), "{text}");
    assert_eq!(draft(&organization(), &"xx-nowhere-1".parse().unwrap(), &[], None), None);
}

#[test]
fn hundreds_of_accounts_and_more_domains_than_a_file_may_have_have_room() {
    for number in [33, 700, 1_100] {
        let all = (0..number).flat_map(|it| ["dev", "test", "stage", "prod"].map(|env| (it, env)));
        let accounts: Vec<SeenAccount> = all
            .enumerate()
            .map(|(at, (it, env))| account(&format!("5{at:011}"), &format!("team{it:04}-{env}"), ""))
            .collect();
        let text = drafted(&accounts);
        assert_eq!(lines(&text).len(), 4 * number.min(1_000));
        assert!(accounts.iter().all(|it| text.matches(it.id.as_str()).count() >= 1));
        assert!(text.len() < phonehome_fleet::limits::FILE_BYTES_MAX);
        assert_eq!(text.contains("a fleet file has 1000 domains at most"), number > 1_000);
    }
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof![
        "(shop|pay|tax)[-_/ ]?(dev|prod|Prod|Staging|test)?",
        "(Prod|dev)?[A-Z][a-z]{1,6}(Prod|Development)?",
        "\\PC{0,12}",
        ".{0,60}",
        "[\\x00-\\x7f]{0,50}",
    ]
}

proptest! {
    /// Whatever names and addresses people chose: the file is valid, and each account is in it once.
    #[test]
    fn whatever_accounts_are_called_the_draft_is_valid_and_has_each_of_them_once(
        all in prop::collection::vec((names(), names(), "[a-zA-Z0-9@.\\PC]{0,30}", prop::bool::weighted(0.9)), 0..25)
    ) {
        let account = |(at, (name, unit, email, active)): (usize, (String, String, String, bool))| SeenAccount {
            id: format!("7{at:011}").parse().unwrap(),
            name,
            email,
            state: if active { AccountState::Active } else { AccountState::Closed },
            unit: Some(vec![unit]),
        };
        let accounts: Vec<SeenAccount> = all.into_iter().enumerate().map(account).collect();
        let text = drafted(&accounts);
        let placed: BTreeSet<String> = lines(&text)
            .into_iter()
            .filter_map(|line| Some(line.split_once('=')?.1.to_owned()).filter(|id| id != "none"))
            .collect();
        for it in &accounts {
            let id = it.id.as_str();
            let of_comment = text.lines().filter(|line| line.starts_with(&format!("#   {id}  "))).count();
            prop_assert_eq!(of_comment + usize::from(placed.contains(id)), 1, "{}\n{}", id, text);
            prop_assert!(it.state.is_active() || !placed.contains(id));
        }
    }
}
