//! Which lines are to get an account, and which never.

use std::collections::BTreeMap;

use phonehome_cloud::Account;
use phonehome_fleet::{Binding, Bindings, EmailPattern, Fleet, Line, parse};
use phonehome_vending::{VendingFinding, wanted};

/// `shop` and `payments`, each `dev` and `prod`; `payments/prod` is pinned to account 333333333333.
fn fleet() -> Fleet {
    parse(include_str!("../../fleet/tests/fixtures/small.yaml")).unwrap()
}

fn account(digit: u32, name: &str, active: bool) -> Account {
    let id = format!("{digit}").repeat(12).parse().unwrap();
    Account { id, name: name.to_owned(), active, created_at_ms: None }
}

/// The lines that are to get an account, where all of them were permitted one at 7.
fn lines(bindings: &Bindings, accounts: &[Account]) -> (Vec<String>, Vec<VendingFinding>) {
    let pattern: EmailPattern = "aws+{domain}-{environment}@example.com".parse().unwrap();
    let emails = fleet().emails(&pattern).unwrap();
    let permitted = fleet().members().iter().map(|member| (member.line(), 7)).collect();
    let (wanted, findings) = wanted(&fleet(), bindings, accounts, &emails, &permitted);
    (wanted.into_iter().map(|it| it.line.to_string()).collect(), findings)
}

fn bound(line: &str, digit: u32) -> Bindings {
    let (domain, environment) = line.split_once('/').unwrap();
    let account = account(digit, "", true).id;
    let line = Line::new(domain, environment);
    Bindings::new([Binding { line, account, account_name: String::new(), bound_at_ms: 0 }], [])
}

#[test]
fn lines_without_an_account_get_one_and_those_that_the_file_pins_do_not() {
    assert_eq!(
        lines(&Bindings::default(), &[]),
        (vec!["shop/dev".into(), "shop/prod".into(), "payments/dev".into()], vec![])
    );
}

#[test]
fn an_account_that_is_there_is_bound_and_not_made_a_second_time() {
    let others = ["shop/prod", "payments/dev"];
    // By its binding, whatever it is called; by a stack that is older than bindings; by its name.
    assert_eq!(lines(&bound("shop/dev", 1), &[account(1, "something else", true)]).0, others);
    let stack = Bindings::new([], [(Line::new("shop", "dev"), account(1, "", true).id)]);
    assert_eq!(lines(&stack, &[]).0, others);
    let (found, findings) = lines(&Bindings::default(), &[account(1, "shop-dev", true)]);
    assert_eq!((found, findings), (others.map(str::to_owned).to_vec(), vec![]), "nothing is wrong with it");
    // Of two of its name nobody can say which.
    assert_eq!(
        lines(&Bindings::default(), &[account(1, "shop-dev", true), account(2, "shop-dev", true)]).0,
        others
    );
    // Nor does one that is bound need to be in the list.
    assert_eq!(lines(&bound("shop/dev", 1), &[]).0, others);
}

#[test]
fn an_account_that_is_suspended_or_another_line_keeps_its_name_and_that_is_told() {
    let taken = |accounts: &[Account], bindings: &Bindings| {
        let (lines, findings) = lines(bindings, accounts);
        assert_eq!(lines, ["shop/prod", "payments/dev"]);
        findings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let expected = "no account is made for shop/dev: account 111111111111 is called shop-dev, and it is suspended, closed \
                    or another line. AWS Support reopens a closed one within 90 days; or rename that one, or give shop/dev \
                    another `account_name` and `email`";
    assert_eq!(taken(&[account(1, "shop-dev", false)], &Bindings::default()), [expected]);
    let (free, findings) = lines(&bound("shop/prod", 1), &[account(1, "shop-dev", true)]);
    assert_eq!((free, findings.len()), (vec!["payments/dev".to_owned()], 1));
}

#[test]
fn while_something_that_may_bind_an_account_cannot_be_read_nothing_is_wanted() {
    assert_eq!(lines(&Bindings::default().partial(true), &[]), (vec![], vec![]));
}

#[test]
fn only_what_was_permitted_is_wanted_with_the_time_and_the_address_of_that() {
    let line = Line::new("shop", "prod");
    let emails = BTreeMap::from([(line.clone(), "shop@example.com".to_owned())]);
    let (wanted, _) =
        wanted(&fleet(), &Bindings::default(), &[], &emails, &BTreeMap::from([(line.clone(), 7)]));
    let [it] = wanted.as_slice() else { panic!("{wanted:?}") };
    assert_eq!((&it.line, it.email.as_str()), (&line, "shop@example.com"));
    assert_eq!((it.account_name.as_str(), it.permitted_at_ms), ("shop-prod", 7));
    let none = phonehome_vending::wanted(&fleet(), &Bindings::default(), &[], &emails, &BTreeMap::new());
    assert_eq!(none, (vec![], vec![]));
}
