//! What there is to permit, what is told of the other lines, and which permissions a new version keeps.

mod cases;
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use phonehome_cloud::{Account, AccountWithEmail};
use phonehome_fleet::{Binding, Bindings, Fleet, Line, Roster, parse};
use phonehome_vending::{
    FailureReason, Lines, Order, OrderState, Prospect, RequestId, SearchCause, Stop, Vacancies, Vacancy,
    kept, order_against, wanted,
};

/// `shop` and `payments`, each `dev` and `prod`; `payments/prod` is pinned to account 333333333333.
const SMALL: &str = include_str!("../../../fleet/tests/fixtures/small.yaml");
const VENDING: &str = "version: 1\nvending: {email: \"aws+{domain}-{environment}@example.com\"}\n";
const NOW_MS: u64 = 1_000_000;

fn fleet(head: &str) -> Fleet {
    read(&SMALL.replacen("version: 1\n", head, 1))
}

fn read(text: &str) -> Fleet {
    parse(text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn line(text: &str) -> Line {
    let (domain, environment) = text.split_once('/').unwrap();
    Line::new(domain, environment)
}

fn account(digit: u32, name: &str, email: &str, active: bool) -> AccountWithEmail {
    let id = format!("{digit}").repeat(12).parse().unwrap();
    let account = Account { id, name: name.to_owned(), active, created_at_ms: None };
    AccountWithEmail { account, email: email.to_owned() }
}

fn order(text: &str, email: &str, state: OrderState) -> Order {
    Order { state, ..Order::place(line(text), email.to_owned(), text.replace('/', "-"), 0) }
}

#[derive(Debug, Default)]
struct Known {
    bindings: Bindings,
    accounts: Vec<AccountWithEmail>,
    orders: BTreeMap<Line, Order>,
    unreadable: BTreeSet<Line>,
    permitted: BTreeMap<Line, u64>,
}

impl Known {
    fn with(order: Order) -> Self {
        Self { orders: [(order.line.clone(), order)].into(), ..Self::default() }
    }

    fn of(&self, fleet: &Fleet) -> Vec<Vacancy> {
        let Self { bindings, accounts, orders, unreadable, permitted } = self;
        Vacancies { fleet, bindings, accounts, orders, unreadable, permitted }.all()
    }

    /// What becomes of `shop/dev`.
    fn of_shop_dev(&self, fleet: &Fleet) -> Option<Vacancy> {
        self.of(fleet).into_iter().find(|it| it.line() == line("shop/dev"))
    }
}

#[test]
fn a_line_that_is_no_account_is_there_to_permit_with_its_address_and_the_others_say_why_not() {
    let all = Known::default().of(&fleet(VENDING));
    let seen: Vec<_> =
        all.iter().map(|it| (it.line().to_string(), it.email.as_deref(), it.needs_permission())).collect();
    assert_eq!(
        seen,
        [
            ("shop/dev".to_owned(), Some("aws+shop-dev@example.com"), true),
            ("shop/prod".to_owned(), Some("aws+shop-prod@example.com"), true),
            ("payments/dev".to_owned(), Some("aws+payments-dev@example.com"), true),
            ("payments/prod".to_owned(), None, false),
        ]
    );
    assert_eq!(
        all[3].to_string(),
        "the file pins account 333333333333, which is no active account of the organization"
    );
}

/// What is known, whether there is something to permit, and a part of what is told.
type Case = (&'static str, Known, bool, &'static str);

/// The address that the file gives `shop/dev`.
const OWN: &str = "aws+shop-dev@example.com";

fn open() -> OrderState {
    OrderState::Creating { request: RequestId::new("car-1"), since_ms: 5 }
}

fn stopped(stop: Stop) -> OrderState {
    OrderState::Stopped { stop, at_ms: 5 }
}

fn permitted(at_ms: u64, known: Known) -> Known {
    Known { permitted: [(line("shop/dev"), at_ms)].into(), ..known }
}

#[test]
fn of_each_line_without_an_account_it_is_told_what_becomes_of_it_and_what_to_do() {
    for (head, known, needs_permission, says) in
        [cases::cases_of_orders(), cases::cases_of_accounts(), cases::other_cases()].into_iter().flatten()
    {
        let vacancy = known.of_shop_dev(&fleet(head)).unwrap_or_else(|| panic!("{says}"));
        assert!(vacancy.to_string().contains(says), "{vacancy}\nlacks: {says}");
        assert_eq!(vacancy.needs_permission(), needs_permission, "{vacancy}");
        let is_permitted = known.permitted.contains_key(&line("shop/dev"));
        assert!(is_permitted || !vacancy.is_to_come(), "nobody permitted it: {vacancy}");
        assert!(!is_permitted || !vacancy.to_string().contains("no longer permitted"), "{vacancy}");
    }
}

#[test]
fn what_is_permitted_now_is_newer_than_the_stop_that_it_is_about_whatever_the_clock_says() {
    let stopped = Known::with(order("shop/dev", OWN, stopped(Stop::TooOften)));
    for (known, now_ms, at_ms) in
        [(&stopped, 3, 6), (&stopped, 5, 6), (&stopped, 9, 9), (&Known::default(), 3, 3)]
    {
        let vacancy = known.of_shop_dev(&fleet(VENDING)).unwrap();
        assert_eq!(vacancy.permitted_now(now_ms), at_ms, "{now_ms}");
    }
}

#[test]
fn a_line_that_is_an_account_by_its_binding_or_name_is_not_there_to_permit() {
    let id = account(1, "", "", true).account.id;
    let binding =
        Binding { line: line("shop/dev"), account: id, account_name: String::new(), bound_at_ms: 0 };
    let bindings = Bindings::new([binding], []);
    let accounts = vec![account(1, "Legacy", "root@example.com", true)];
    assert_eq!(Known { bindings, accounts, ..Known::default() }.of_shop_dev(&fleet(VENDING)), None);
    let accounts = vec![account(1, "shop-dev", "root@example.com", true)];
    assert_eq!(Known { accounts, ..Known::default() }.of_shop_dev(&fleet(VENDING)), None);
}

/// Accounts that are there under other names, units and addresses: once they are bound, nothing is made for them.
#[test]
fn whoever_is_bound_by_rebind_is_never_wanted_whatever_it_is_called_and_whatever_was_permitted() {
    let fleet = fleet(VENDING);
    let accounts =
        [account(3, "Legacy", "root@example.com", true), account(2, "shop-dev-2", "b@example.com", true)];
    let roster: Roster = accounts.iter().map(|it| (it.account.id.clone(), it.account.name.clone())).collect();
    let rebinding =
        fleet.rebinding("shop/dev", &accounts[0].account.id, &Bindings::default(), &roster, false).unwrap();
    let bindings = Bindings::new(
        [Binding {
            line: line("shop/dev"),
            account: rebinding.account,
            account_name: String::new(),
            bound_at_ms: 0,
        }],
        [],
    );
    let permitted: BTreeMap<Line, u64> = fleet.members().iter().map(|it| (it.line(), 7)).collect();
    let all: Vec<Account> = accounts.iter().map(|it| it.account.clone()).collect();
    let (wanted, _) = wanted(&fleet, &bindings, &all, &fleet.vending_emails(), &permitted);
    let lines: Vec<String> = wanted.into_iter().map(|it| it.line.to_string()).collect();
    assert_eq!(lines, ["shop/prod", "payments/dev"]);
    assert!(
        !kept(&fleet, &bindings, permitted.iter().map(|(line, at_ms)| (line, *at_ms)))
            .contains_key(&line("shop/dev"))
    );
}

#[test]
fn a_line_whose_account_is_in_the_making_is_not_rebound_without_saying_so_nor_one_that_was_made_for_another()
{
    let fleet = fleet(VENDING);
    let id = account(3, "", "", true).account.id;
    let roster: Roster = [(id.clone(), "Legacy".to_owned())].into();
    let rebinding = fleet.rebinding("shop/dev", &id, &Bindings::default(), &roster, false).unwrap();
    let creating = || OrderState::Creating { request: RequestId::new("car-1"), since_ms: 5 };
    let made = || OrderState::Made { account: id.clone(), at_ms: 5 };
    let searching = OrderState::Searching { cause: SearchCause::Unheard, since_ms: 5 };
    let under_way = Some("an account is being made for shop/dev, which cannot be called off");
    let bound = |text: &str| {
        let binding =
            Binding { line: line(text), account: id.clone(), account_name: String::new(), bound_at_ms: 0 };
        Bindings::new([binding], [])
    };
    for (of, state, bindings, refused) in [
        ("shop/dev", OrderState::Asking { since_ms: 5 }, Bindings::default(), under_way),
        ("shop/dev", creating(), Bindings::default(), under_way),
        ("shop/dev", searching, Bindings::default(), under_way),
        ("shop/dev", OrderState::Waiting { until_ms: 5 }, Bindings::default(), None),
        ("shop/dev", OrderState::Stopped { stop: Stop::TooOften, at_ms: 5 }, Bindings::default(), None),
        ("shop/dev", made(), Bindings::default(), None),
        ("shop/prod", creating(), Bindings::default(), None),
        ("shop/prod", made(), Bindings::default(), Some("account 333333333333 was made for shop/prod")),
        // Once it is a line, that line's own rules hold.
        ("shop/prod", made(), bound("shop/prod"), None),
        // Nobody else is to get it.
        ("gone/dev", made(), Bindings::default(), None),
    ] {
        let orders = BTreeMap::from([(line(of), order(of, "a@example.com", state.clone()))]);
        let against = order_against(&rebinding, &orders, &Lines::of(&fleet, &bindings));
        let said = against.map(|it| it.to_string());
        assert!(
            match (&said, refused) {
                (Some(said), Some(refused)) => said.starts_with(refused),
                (said, refused) => said.is_none() && refused.is_none(),
            },
            "{of} {state:?}: {said:?}"
        );
    }
}

#[test]
fn a_version_keeps_the_permissions_of_its_lines_that_are_no_account_yet_with_the_newest_time() {
    let fleet = fleet(VENDING);
    let (shop, gone) = (line("shop/dev"), line("gone/dev"));
    let former = [(&shop, 3), (&gone, 4), (&shop, 9), (&shop, 5)];
    assert_eq!(
        kept(&fleet, &Bindings::default(), former),
        [(shop.clone(), 9)].into(),
        "{gone} is in the file no more"
    );
    let id = account(1, "", "", true).account.id;
    let binding = Binding { line: shop.clone(), account: id, account_name: String::new(), bound_at_ms: 0 };
    assert_eq!(
        kept(&fleet, &Bindings::new([binding], []), former),
        BTreeMap::new(),
        "it is an account by now"
    );
}

#[test]
fn a_line_that_is_renamed_keeps_its_permission_and_one_that_comes_back_has_none() {
    let permitted = line("shop/dev");
    let renamed = read(&SMALL.replacen("version: 1\n", VENDING, 1).replace("shop", "store").replacen(
        "name: store\n",
        "name: store\n    renamed_from: shop\n",
        1,
    ));
    let after = kept(&renamed, &Bindings::default(), [(&permitted, 3)]);
    assert_eq!(after, [(line("store/dev"), 3)].into());
    // Left, and back two versions later.
    let without = read(&SMALL.replacen("version: 1\n", VENDING, 1).replace("shop", "store"));
    let between = kept(&without, &Bindings::default(), [(&permitted, 3)]);
    assert_eq!(between, BTreeMap::new());
    let back =
        kept(&fleet(VENDING), &Bindings::default(), between.iter().map(|(line, at_ms)| (line, *at_ms)));
    assert_eq!(back, BTreeMap::new());
}

#[test]
fn a_renamed_lines_former_order_is_no_other_ones() {
    let text = SMALL.replacen("version: 1\n", VENDING, 1).replace("shop", "store");
    let fleet = read(&text.replacen("name: store\n", "name: store\n    renamed_from: shop\n", 1));
    let former = order("shop/dev", "aws+store-dev@example.com", stopped(Stop::TooOften));
    let own = order("store/dev", "old@example.com", stopped(Stop::EmailTaken));
    let orders = [former, own].into_iter().map(|order| (order.line.clone(), order)).collect();
    let known = Known { orders, ..Known::default() };
    let vacancy = known.of(&fleet).into_iter().find(|it| it.line() == line("store/dev")).unwrap();
    assert!(matches!(vacancy.prospect, Prospect::GoesOn { .. }), "{vacancy:?}");
    assert_eq!(vacancy.email.as_deref(), Some("aws+store-dev@example.com"));
}
