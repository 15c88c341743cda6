//! What is shown is what is done.

use phonehome_vending::{AccountFactory, Pace, Step, World, decide};
use proptest::prelude::*;

use super::*;

fn states() -> impl Strategy<Value = OrderState> {
    let stops = prop_oneof![
        Just(Stop::EmailTaken),
        Just(Stop::TooOften),
        Just(Stop::Refused("no".to_owned())),
        Just(Stop::Failed(FailureReason::InvalidEmail)),
        Just(Stop::Failed(FailureReason::AccountLimitExceeded)),
    ];
    prop_oneof![
        Just(OrderState::Asking { since_ms: NOW_MS }),
        Just(OrderState::Waiting { until_ms: 0 }),
        Just(OrderState::Creating { request: RequestId::new("car-1"), since_ms: NOW_MS }),
        Just(OrderState::Searching { cause: SearchCause::Failed, since_ms: NOW_MS }),
        Just(OrderState::Made { account: "999999999999".parse().unwrap(), at_ms: 5 }),
        stops.prop_map(|stop| OrderState::Stopped { stop, at_ms: 5 }),
    ]
}

fn knowns() -> impl Strategy<Value = Known> {
    let emails = prop::sample::select(vec![
        "aws+shop-dev@example.com",
        "aws+shop-prod@example.com",
        "old@example.com",
    ]);
    let names = prop::sample::select(vec!["shop-dev", "payments-dev", "other"]);
    let of_line = |name: &'static str| {
        prop::option::of((emails.clone(), states(), 1u32..3))
            .prop_map(move |it| it.map(|(email, state, asks)| Order { asks, ..order(name, email, state) }))
    };
    let accounts = prop::collection::vec((names, emails.clone(), any::<bool>()), 0..3).prop_map(|all| {
        let account = |(at, (name, email, active)): (usize, (&str, &str, bool))| {
            account(u32::try_from(at + 1).unwrap(), name, email, active)
        };
        all.into_iter().enumerate().map(account).collect::<Vec<_>>()
    });
    let unreadable = prop::option::weighted(0.1, Just(line("shop/dev")));
    (of_line("shop/dev"), of_line("shop/prod"), accounts, unreadable, any::<bool>()).prop_map(
        |(one, other, accounts, unreadable, permitted)| Known {
            orders: one.into_iter().chain(other).map(|order| (order.line.clone(), order)).collect(),
            permitted: permitted.then(|| (line("shop/dev"), 3)).into_iter().collect(),
            unreadable: unreadable.into_iter().collect(),
            accounts,
            ..Known::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What the plan shows is what is done: with a permission now Organizations is asked for just the lines that it shows
    /// as to be permitted and that are not at Organizations already, with the name and address that it shows.
    #[test]
    fn what_is_shown_as_to_be_made_is_just_what_is_made_with_permission(known in knowns()) {
        let fleet = fleet(VENDING);
        let lines = Lines::of(&fleet, &known.bindings);
        let all: Vec<Account> = known.accounts.iter().map(|it| it.account.clone()).collect();
        for vacancy in known.of(&fleet) {
            let permitted = [(vacancy.line(), NOW_MS)].into();
            let (wanted, _) = wanted(&fleet, &known.bindings, &all, &fleet.vending_emails(), &permitted);
            let world = World {
                factory: AccountFactory::Phonehome,
                wanted: &wanted,
                lines: &lines,
                // What is under way of the others is not to be looked after first.
                orders: &known.orders,
                unreadable: &known.unreadable,
                pace: &Pace::default(),
                looked_at_ms: &known.orders.keys().map(|line| (line.clone(), NOW_MS)).collect(),
                now_ms: NOW_MS,
            };
            let asked = decide(&world).steps.into_iter().find_map(|step| match step {
                Step::Ask(order) => Some((order.account_name, order.email)),
                Step::Follow(..) | Step::Search(_) => None,
            });
            let is_open = matches!(&vacancy.prospect, Prospect::Ordered(state) if !matches!(state, OrderState::Waiting { .. }));
            let is_shown = (vacancy.needs_permission() || vacancy.is_to_come()) && !is_open;
            // AWS would answer (again) that it does not take the address: what to do is told instead, and none is permitted.
            if !matches!(vacancy.prospect, Prospect::Exists { .. } | Prospect::Stopped(_)) {
                prop_assert_eq!(asked.is_some(), is_shown, "{:?}", vacancy);
            }
            if let Some((account_name, email)) = asked.filter(|_| is_shown) {
                prop_assert_eq!((account_name, Some(email)), (vacancy.account_name, vacancy.email));
            }
        }
    }
}
