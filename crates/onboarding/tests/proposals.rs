//! Which line is which account, and what stands against it.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_closing::AccountState;
use phonehome_fleet::{Binding, Bindings, Fleet, Line};
use phonehome_onboarding::{Known, Likeness, NotBound, Proposals, SeenAccount, propose};
use phonehome_vending::Order;
use phonehome_wire::AccountId;

const SMALL: &str = include_str!("../../fleet/tests/fixtures/small.yaml");
const ONE: &str = "444444444441";
const TWO: &str = "444444444442";

/// `shop` and `payments`, each `dev` and `prod`, of which `payments/prod` is pinned to 333333333333.
fn vended() -> String {
    SMALL.replacen(
        "version: 1\n",
        "version: 1\nvending: {email: \"aws+{domain}-{environment}@example.com\"}\n",
        1,
    )
}

fn fleet(text: &str) -> Fleet {
    phonehome_fleet::parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn line(text: &str) -> Line {
    let (domain, environment) = text.split_once('/').unwrap();
    Line::new(domain, environment)
}

fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn account(id: &str, name: &str, email: &str) -> SeenAccount {
    let (name, email, state) = (name.to_owned(), email.to_owned(), AccountState::Active);
    SeenAccount { id: id.parse().unwrap(), name, email, state, unit: None }
}

/// What there is beside the file.
struct World {
    fleet: Fleet,
    in_use: Vec<Fleet>,
    accounts: Vec<SeenAccount>,
    bindings: Bindings,
    orders: BTreeMap<Line, Order>,
    unreadable: BTreeSet<Line>,
}

impl World {
    fn of(accounts: impl Into<Vec<SeenAccount>>) -> Self {
        let (bindings, accounts) = (Bindings::default(), accounts.into());
        let (orders, unreadable) = (BTreeMap::new(), BTreeSet::new());
        Self { fleet: fleet(&vended()), in_use: vec![], accounts, bindings, orders, unreadable }
    }

    fn propose(&self, named: &[(&str, &str)]) -> Proposals {
        let in_use: Vec<&Fleet> = self.in_use.iter().collect();
        let Self { fleet, accounts, bindings, orders, unreadable, .. } = self;
        let known = Known { fleet, in_use: &in_use, bindings, accounts, orders, unreadable };
        propose(&known, &named.iter().map(|(of, account)| (line(of), id(account))).collect())
    }

    /// What would be bound: `shop/dev=444444444441`.
    fn bound(&self, named: &[(&str, &str)]) -> Vec<String> {
        let lines = self.propose(named).lines;
        let bound = lines.into_iter().filter_map(|it| Some((it.line, it.outcome.ok()?)));
        bound.map(|(line, it)| format!("{line}={}", it.account)).collect()
    }

    /// Why a line is not bound.
    fn against(&self, of: &str, named: &[(&str, &str)]) -> NotBound {
        let lines = self.propose(named).lines;
        lines.into_iter().find(|it| it.line == line(of)).unwrap().outcome.unwrap_err()
    }
}

fn binding(of: &str, account: &str) -> Binding {
    Binding { line: line(of), account: id(account), account_name: String::new(), bound_at_ms: 0 }
}

#[test]
fn the_lines_address_identifies_an_account_whatever_it_is_called_and_a_name_alone_does_not() {
    let world = World::of([
        account(ONE, "Legacy Shop", "AWS+shop-prod@Example.com"),
        account(TWO, "shop-dev", "somebody@example.com"),
        account("333333333333", "anything", "pay@example.com"),
    ]);
    assert_eq!(world.bound(&[]), [format!("shop/prod={ONE}"), "payments/prod=333333333333".to_owned()]);
    assert_eq!(world.against("shop/dev", &[]).to_string(), format!("say which it is: --bind shop/dev={TWO}"));
    assert_eq!(world.against("payments/dev", &[]), NotBound::Nobody);
    let all = [format!("shop/dev={TWO}"), format!("shop/prod={ONE}"), "payments/prod=333333333333".into()];
    assert_eq!(world.bound(&[("shop/dev", TWO)]), all);
}

#[test]
fn a_name_that_contradicts_the_address_binds_neither_unasked() {
    let mut world = World::of([
        account(ONE, "Legacy", "aws+shop-prod@example.com"),
        account(TWO, "shop-prod", "somebody@example.com"),
    ]);
    assert_eq!(world.bound(&[]), [""; 0]);
    let expected = format!("say which it is: --bind shop/prod={ONE}, --bind shop/prod={TWO}");
    assert_eq!(world.against("shop/prod", &[]).to_string(), expected);
    assert_eq!(world.bound(&[("shop/prod", TWO)]), [format!("shop/prod={TWO}")]);
    // One that is closed keeps a name from nobody.
    world.accounts[1].state = AccountState::Closed;
    assert_eq!(world.bound(&[]), [format!("shop/prod={ONE}")]);
}

#[test]
fn two_accounts_of_one_name_or_address_are_both_shown_and_neither_is_bound() {
    for emails in [["a@example.com", "b@example.com"], ["aws+shop-prod@example.com"; 2]] {
        let world = World::of([account(ONE, "shop-prod", emails[0]), account(TWO, "shop-prod", emails[1])]);
        assert_eq!(world.bound(&[]), [""; 0]);
        assert!(
            matches!(world.against("shop/prod", &[]), NotBound::Unsure { accounts, .. } if accounts.len() == 2)
        );
    }
}

#[test]
fn names_that_only_look_like_a_lines_are_shown_and_bound_when_their_id_is_named() {
    let names = ["Shop-Prod", "shop-prod ", "shop\u{200b}-prod", "shop_prod", "ShopProduction", "prod/shop"];
    for name in names {
        let world = World::of([account(ONE, name, "a@example.com")]);
        let proposals = world.propose(&[]);
        let it = proposals.lines.iter().find(|it| it.line == line("shop/prod")).unwrap();
        assert_eq!(it.candidates.len(), 1, "{name:?}");
        assert_eq!(it.candidates[0].likeness, Likeness::Resembling, "{name:?}");
        assert!(matches!(it.outcome, Err(NotBound::Unsure { .. })), "{name:?}");
        assert!(proposals.unclaimed.is_empty());
        assert_eq!(world.bound(&[("shop/prod", ONE)]), [format!("shop/prod={ONE}")], "{name:?}");
    }
    let world = World::of([account(ONE, "Log Archive", "a@example.com")]);
    let proposals = world.propose(&[]);
    assert_eq!(proposals.unclaimed, world.accounts);
    assert!(proposals.lines.iter().all(|it| it.candidates.is_empty()));
    assert_eq!(world.bound(&[("shop/prod", ONE)]), [format!("shop/prod={ONE}")], "whatever it is called");
}

#[test]
fn an_account_that_is_closed_or_of_another_organization_becomes_no_line() {
    for state in [AccountState::Suspended, AccountState::PendingClosure, AccountState::Closed] {
        let mut world = World::of([account(ONE, "shop-prod", "aws+shop-prod@example.com")]);
        world.accounts[0].state = state;
        assert_eq!(world.bound(&[("shop/prod", ONE)]), [""; 0]);
        for named in [&[][..], &[("shop/prod", ONE)]] {
            assert!(matches!(world.against("shop/prod", named), NotBound::NotActive { .. }));
        }
    }
    let world = World::of([]);
    assert!(world.against("shop/prod", &[("shop/prod", ONE)]).to_string().contains("no active account"));
}

#[test]
fn the_management_account_and_the_hubs_become_no_line_whatever_they_are_called() {
    for special in ["111111111111", "222222222222"] {
        let world = World::of([account(special, "shop-prod", "aws+shop-prod@example.com")]);
        for named in [&[][..], &[("shop/prod", special)]] {
            assert_eq!(world.bound(named), [""; 0]);
            let against = world.against("shop/prod", named).to_string();
            assert!(against.contains("is the management account or the hub's"), "{against}");
        }
    }
}

#[test]
fn nothing_is_bound_over_another_binding_of_the_line_or_of_the_account() {
    let mut world = World::of([
        account(ONE, "shop-prod", "aws+shop-prod@example.com"),
        account(TWO, "Other", "aws+shop-dev@example.com"),
    ]);
    world.bindings = Bindings::new([binding("shop/prod", TWO)], []);
    assert_eq!(world.bound(&[]), [""; 0]);
    let proposals = world.propose(&[]);
    assert_eq!(proposals.bound, 1);
    assert!(matches!(world.against("shop/dev", &[]), NotBound::Elsewhere { .. }), "its account is shop/prod");
    assert!(matches!(world.against("shop/prod", &[("shop/prod", ONE)]), NotBound::Bound { .. }));
    let twice = world.against("shop/prod", &[("shop/prod", TWO)]).to_string();
    assert_eq!(twice, format!("shop/prod is account {TWO} already: nothing to do"));
    // What only a stack says counts as well, and so does a line that the file has no more.
    for of in ["shop/prod", "gone/prod"] {
        world.bindings = Bindings::new([], [(line(of), id(TWO))]);
        assert!(matches!(world.against("shop/dev", &[]), NotBound::Elsewhere { .. }), "{of}");
    }
}

#[test]
fn no_account_becomes_two_lines() {
    let world = World::of([account(ONE, "Shop", "aws+shop-prod@example.com")]);
    assert!(matches!(world.against("shop/prod", &[("shop/dev", ONE)]), NotBound::Twice { .. }));
    assert_eq!(world.bound(&[("shop/dev", ONE)]), [""; 0]);
    assert_eq!(world.bound(&[("shop/dev", ONE), ("payments/dev", ONE)]), [""; 0]);
}

#[test]
fn what_the_file_pins_is_that_and_nothing_else() {
    let world = World::of([
        account("333333333333", "shop-prod", "aws+shop-prod@example.com"),
        account(ONE, "payments-prod", "payments@example.com"),
    ]);
    assert_eq!(world.bound(&[]), ["payments/prod=333333333333"]);
    assert!(matches!(world.against("shop/prod", &[]), NotBound::PinnedElsewhere { .. }));
    assert!(matches!(world.against("payments/prod", &[("payments/prod", ONE)]), NotBound::Pinned { .. }));
}

#[test]
fn while_an_account_is_made_for_a_line_or_something_cannot_be_read_it_is_not_bound() {
    let mut world = World::of([account(ONE, "shop-prod", "aws+shop-prod@example.com")]);
    let order = Order::place(line("shop/prod"), "aws+shop-prod@example.com".into(), "shop-prod".into(), 5);
    world.orders = [(line("shop/prod"), order)].into();
    for named in [&[][..], &[("shop/prod", ONE)]] {
        assert!(matches!(world.against("shop/prod", named), NotBound::Ordered(_)), "{named:?}");
    }
    world.orders.clear();
    world.unreadable = [line("shop/prod")].into();
    assert_eq!(world.against("shop/prod", &[]), NotBound::Unreadable);
    world.unreadable.clear();
    world.bindings = Bindings::default().partial(true);
    assert_eq!(world.against("shop/prod", &[("shop/prod", ONE)]), NotBound::Unreadable);
    world.bindings = Bindings::default();
    assert_eq!(world.bound(&[]), [format!("shop/prod={ONE}")]);
}

#[test]
fn once_a_version_is_in_force_only_its_lines_are_bound_and_only_as_it_has_them() {
    let mut world = World::of([account(ONE, "Legacy", "aws+shop-prod@example.com")]);
    world.in_use = vec![fleet(&vended())];
    assert_eq!(world.bound(&[]), [format!("shop/prod={ONE}")]);
    world.in_use = vec![fleet(&vended().replace("shop", "store"))];
    let against = world.against("shop/prod", &[]);
    assert!(matches!(against, NotBound::Unpublished { .. }), "{against}");
    assert!(against.to_string().contains(&format!("`account_id: \"{ONE}\"`")), "{against}");
    // One that is only rolled out counts, and so does what either of the two pins.
    let pinned = vended().replacen(
        "environments: [dev, prod]",
        "environments: [dev, { name: prod, account_name: shop-prod, account_id: \"444444444449\" }]",
        1,
    );
    world.in_use.push(fleet(&vended()));
    assert_eq!(world.bound(&[]), [format!("shop/prod={ONE}")]);
    world.in_use.push(fleet(&pinned));
    assert!(matches!(world.against("shop/prod", &[("shop/prod", ONE)]), NotBound::Refused(_)));
}

#[test]
fn a_line_that_is_not_in_the_file_is_said() {
    let world = World::of([account(ONE, "shop-prod", "a@example.com")]);
    assert_eq!(world.propose(&[("shop/stage", ONE)]).unknown, [line("shop/stage")]);
}
