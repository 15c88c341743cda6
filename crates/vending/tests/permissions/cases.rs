//! What becomes of a line without an account, in each case.

use super::*;

/// Where it is ordered, or not yet.
pub(super) fn cases_of_orders() -> Vec<Case> {
    let failed =
        || Known::with(order("shop/dev", OWN, stopped(Stop::Failed(FailureReason::AccountLimitExceeded))));
    vec![
        (
            VENDING,
            Known::default(),
            true,
            "made once that is permitted: `phonehome publish --allow-create N`",
        ),
        (VENDING, permitted(7, Known::default()), false, "permitted, and is asked for in its turn"),
        (
            VENDING,
            Known::with(order("shop/dev", OWN, open())),
            true,
            "Organizations makes its account; it is no longer permitted",
        ),
        (
            VENDING,
            permitted(7, Known::with(order("shop/dev", OWN, open()))),
            false,
            "Organizations makes its account",
        ),
        (VENDING, permitted(1, failed()), true, "ask AWS for more accounts"),
        (VENDING, permitted(5, failed()), true, "It goes on when it is permitted anew"),
        (VENDING, permitted(6, failed()), false, "permitted, and is asked for in its turn"),
        (
            VENDING,
            Known::with(order("shop/dev", OWN, stopped(Stop::EmailTaken))),
            false,
            "has the address aws+shop-dev@example.com for good: give the line another `email`",
        ),
        (
            VENDING,
            Known::with(order(
                "shop/dev",
                OWN,
                stopped(Stop::Refused("InvalidInputException: no".to_owned())),
            )),
            true,
            "It goes on when it is permitted anew",
        ),
        (
            VENDING,
            Known::with(order("shop/dev", "old@example.com", stopped(Stop::EmailTaken))),
            true,
            "has the address old@example.com for good",
        ),
        (
            VENDING,
            Known::with(order(
                "shop/dev",
                OWN,
                OrderState::Made { account: "111111111111".parse().unwrap(), at_ms: 5 },
            )),
            false,
            "`phonehome rebind shop/dev 111111111111`",
        ),
    ]
}

/// Where accounts have its name or address.
pub(super) fn cases_of_accounts() -> Vec<Case> {
    let accounts = |accounts| Known { accounts, ..Known::default() };
    vec![
        // It is there under another name, unit and address, large and small letters being the same.
        (
            VENDING,
            accounts(vec![account(1, "Shop (old)", "AWS+Shop-Dev@example.com", true)]),
            false,
            "exists already as 111111111111 (Shop (old)), which has the address aws+shop-dev@example.com: `phonehome \
             rebind shop/dev 111111111111`",
        ),
        (
            VENDING,
            accounts(vec![account(1, "gone", OWN, false)]),
            false,
            "is closed. Reopen it within 90 days",
        ),
        (
            VENDING,
            accounts(vec![account(1, "shop-dev", "x@example.com", false)]),
            false,
            "account 111111111111 is called shop-dev",
        ),
        (
            VENDING,
            accounts(vec![
                account(1, "shop-dev", "a@example.com", true),
                account(2, "shop-dev", "b@example.com", true),
            ]),
            false,
            "not clear which account it is",
        ),
    ]
}

/// Where something else keeps it from being asked for.
pub(super) fn other_cases() -> Vec<Case> {
    // It would go on with the address that the file has now, which somebody else's account has.
    let elsewhere = || Known {
        accounts: vec![account(2, "unlike", "unlike@example.com", true), account(1, "Legacy", OWN, true)],
        ..Known::with(order("shop/dev", "old@example.com", stopped(Stop::EmailTaken)))
    };
    // It goes on with its own address, which its own account may have.
    let its_own = || Known {
        accounts: vec![account(1, "Legacy", OWN, true)],
        ..Known::with(order("shop/dev", OWN, stopped(Stop::TooOften)))
    };
    vec![
        (VENDING, elsewhere(), false, "it exists already as 111111111111 (Legacy)"),
        (VENDING, its_own(), true, "no account is made: it was asked for 8 times"),
        (
            VENDING,
            Known::with(order("shop/dev", OWN, stopped(Stop::EmailTaken))),
            false,
            "no account is made: an account that is not of this organization",
        ),
        (
            VENDING,
            permitted(7, Known::with(order("shop/dev", OWN, OrderState::Waiting { until_ms: 5 }))),
            false,
            "its account is asked for again in a while",
        ),
        (
            VENDING,
            Known::with(order("shop/prod", OWN, open())),
            false,
            "shop/prod's was ordered with aws+shop-dev@example.com",
        ),
        (
            VENDING,
            Known { unreadable: [line("shop/dev")].into(), ..Known::default() },
            false,
            "cannot be read",
        ),
        (
            VENDING,
            Known { bindings: Bindings::default().partial(true), ..Known::default() },
            false,
            "cannot be read",
        ),
        ("version: 1\n", permitted(7, Known::default()), false, "has no `vending`"),
        (
            "version: 1\nvending: {control_tower: true}\n",
            permitted(7, Known::default()),
            false,
            "Control Tower makes",
        ),
        (
            "version: 1\nvending: {control_tower: true}\n",
            Known::with(order("shop/dev", OWN, open())),
            true,
            "Organizations makes",
        ),
    ]
}
