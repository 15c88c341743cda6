//! Which account each line of the file is.

mod support;

use phonehome_fleet::{
    Binding, Bindings, Finding, Identification, Line, LineState, RebindRefused, Rebinding, Roster, Stored,
};
use phonehome_wire::AccountId;
use support::{SMALL, fleet, only_problem, with};

const ONE: &str = "444400000001";
const TWO: &str = "444400000002";
const THREE: &str = "444400000003";
/// What the small file pins payments/prod to.
const PINNED: &str = "333333333333";

fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn line(text: &str) -> Line {
    let (domain, environment) = text.split_once('/').unwrap();
    Line::new(domain, environment)
}

fn bound(pairs: &[(&str, &str)]) -> Vec<Binding> {
    let binding = |(of, account): &(&str, &str)| Binding {
        line: line(of),
        account: id(account),
        account_name: String::new(),
        bound_at_ms: 0,
    };
    pairs.iter().map(binding).collect()
}

fn stacks(pairs: &[(&str, &str)]) -> Vec<(Line, AccountId)> {
    pairs.iter().map(|(of, account)| (line(of), id(account))).collect()
}

fn roster(pairs: &[(&str, &str)]) -> Roster {
    pairs.iter().map(|(id, name)| (self::id(id), (*name).to_owned())).collect()
}

fn state(identify: &Identification, of: &str) -> LineState {
    identify.lines.iter().find(|it| it.member.line() == line(of)).unwrap().state.clone()
}

fn keys(identify: &Identification) -> Vec<String> {
    identify.findings.iter().map(Finding::key).collect()
}

fn found(account: &str) -> LineState {
    LineState::Found { account: id(account) }
}

fn held(account: &str, stored: Stored) -> LineState {
    LineState::Bound { account: id(account), stored }
}

#[test]
fn a_name_leads_to_a_first_binding_and_only_where_one_account_has_it() {
    let fleet = fleet(SMALL);
    let none = Bindings::default();
    let identify = fleet.identify(&none, &roster(&[(ONE, "shop-dev"), (TWO, "other")]));
    assert_eq!(state(&identify, "shop/dev"), found(ONE));
    assert_eq!(identify.uncovered, roster(&[(TWO, "other")]));
    let identify = fleet.identify(&none, &roster(&[(ONE, "shop-dev"), (TWO, "shop-dev")]));
    assert_eq!(state(&identify, "shop/dev"), LineState::Contested);
    assert_eq!(identify.of(&id(ONE)), None);
    let text = identify.findings[0].to_string();
    assert!(text.contains(ONE) && text.contains(TWO), "{text}");
}

#[test]
fn who_is_bound_stays_it_whatever_anybody_is_called() {
    let fleet = fleet(SMALL);
    let bindings = Bindings::new(bound(&[("shop/dev", ONE), ("shop/prod", TWO)]), []);
    // Swapped names.
    let identify = fleet.identify(&bindings, &roster(&[(ONE, "shop-prod"), (TWO, "shop-dev"), (THREE, "x")]));
    assert_eq!(state(&identify, "shop/dev"), held(ONE, Stored::Here));
    assert_eq!(state(&identify, "shop/prod"), held(TWO, Stored::Here));
    assert!(
        identify.findings.iter().all(|it| matches!(it, Finding::Renamed { .. })),
        "{:?}",
        keys(&identify)
    );
    assert_eq!(identify.findings.len(), 2);
    // A second one of the name.
    let identify = fleet.identify(&bindings, &roster(&[(ONE, "shop-dev"), (THREE, "shop-dev")]));
    assert_eq!(state(&identify, "shop/dev"), held(ONE, Stored::Here));
    assert_eq!(keys(&identify), [format!("second/shop/dev/{ONE}/{THREE}")]);
    let text = identify.findings[0].to_string();
    assert!(text.contains(ONE) && text.contains(&format!("phonehome rebind shop/dev {THREE}")), "{text}");
    // A dev account that takes a prod name does not become prod, though nobody else is.
    let dev = Bindings::new(bound(&[("shop/dev", ONE)]), []);
    let identify = fleet.identify(&dev, &roster(&[(ONE, "shop-prod")]));
    assert_eq!(state(&identify, "shop/prod"), LineState::Vacant);
    assert_eq!(state(&identify, "shop/dev"), held(ONE, Stored::Here));
}

#[test]
fn a_stack_that_is_older_than_bindings_binds_its_line_and_two_are_an_error_with_both_ids() {
    let fleet = fleet(SMALL);
    let one = Bindings::new([], stacks(&[("shop/dev", TWO)]));
    // Not the one that is met first, nor the one with the lower id.
    let identify = fleet.identify(&one, &roster(&[(ONE, "shop-dev"), (TWO, "renamed")]));
    assert_eq!(state(&identify, "shop/dev"), held(TWO, Stored::Nowhere));
    assert_eq!(fleet.member_for(&id(TWO), &one).unwrap().line(), line("shop/dev"));
    assert_eq!(fleet.member_for(&id(ONE), &one), None);
    let two = Bindings::new([], stacks(&[("shop/dev", ONE), ("shop/dev", TWO)]));
    let identify = fleet.identify(&two, &roster(&[(ONE, "shop-dev"), (TWO, "shop-dev")]));
    assert_eq!(state(&identify, "shop/dev"), LineState::Contested);
    let text = identify.findings[0].to_string();
    assert!(text.contains(ONE) && text.contains(TWO) && text.contains("phonehome rebind shop/dev"), "{text}");
    assert!(fleet.bound_members(&two).is_empty());
    // Chosen, the other one is the second.
    let chosen = Bindings::new(bound(&[("shop/dev", TWO)]), stacks(&[("shop/dev", ONE), ("shop/dev", TWO)]));
    let identify = fleet.identify(&chosen, &roster(&[(ONE, "x"), (TWO, "shop-dev")]));
    assert_eq!(keys(&identify), [format!("second/shop/dev/{TWO}/{ONE}")]);
}

#[test]
fn a_pinned_id_decides_for_a_line_that_is_nobody_and_moves_no_other() {
    let fleet = fleet(SMALL);
    let all = roster(&[(PINNED, "whatever"), (ONE, "payments-prod")]);
    assert_eq!(state(&fleet.identify(&Bindings::default(), &all), "payments/prod"), found(PINNED));
    let identify = fleet.identify(&Bindings::new(bound(&[("payments/prod", ONE)]), []), &all);
    assert_eq!(state(&identify, "payments/prod"), held(ONE, Stored::Here));
    assert_eq!(keys(&identify), [format!("pinned/payments/prod/{ONE}/{PINNED}")]);
    let text = identify.findings[0].to_string();
    assert!(text.contains(&format!("phonehome rebind payments/prod {PINNED}")), "{text}");
    let identify = fleet.identify(&Bindings::new(bound(&[("shop/dev", PINNED)]), []), &all);
    assert_eq!(state(&identify, "payments/prod"), LineState::Contested);
    assert!(
        keys(&identify).contains(&format!("elsewhere/payments/prod/{PINNED}/shop/dev")),
        "{:?}",
        keys(&identify)
    );
    // Of two with a stack it says which.
    let two = Bindings::new([], stacks(&[("payments/prod", ONE), ("payments/prod", PINNED)]));
    assert_eq!(fleet.member_for(&id(PINNED), &two).unwrap().line(), line("payments/prod"));
    assert_eq!(fleet.member_for(&id(ONE), &two), None);
}

#[test]
fn of_an_account_that_is_closed_nothing_is_reported_and_its_line_waits_to_be_freed() {
    let fleet = fleet(SMALL);
    let bindings = Bindings::new(bound(&[("shop/dev", ONE)]), []);
    let identify = fleet.identify(&bindings, &roster(&[(TWO, "shop-dev")]));
    assert_eq!((keys(&identify), identify.of(&id(TWO))), (vec![], None));
}

#[test]
fn a_line_takes_its_account_along_when_domain_or_environment_are_renamed() {
    let renamed = with(SMALL, "  - name: shop\n", "  - name: store\n    renamed_from: shop\n");
    let renamed = renamed.replace("{ from: shop", "{ from: store").replace("[shop-dev]", "[store-dev]");
    let fleet = phonehome_fleet::parse(&renamed.replace("to: shop", "to: store"))
        .unwrap_or_else(|problems| panic!("{problems}"));
    let bindings = Bindings::new(bound(&[("shop/dev", ONE)]), stacks(&[("shop/prod", TWO)]));
    let identify =
        fleet.identify(&bindings, &roster(&[(ONE, "shop-dev"), (TWO, "shop-prod"), (THREE, "store-dev")]));
    assert_eq!(state(&identify, "store/dev"), held(ONE, Stored::At(line("shop/dev"))));
    assert_eq!(state(&identify, "store/prod"), held(TWO, Stored::Nowhere));
    assert!(keys(&identify).contains(&format!("second/store/dev/{ONE}/{THREE}")));
}

#[test]
fn an_account_of_a_line_that_left_the_file_becomes_another_only_when_somebody_says_so() {
    let fleet = fleet(SMALL);
    let bindings = Bindings::new(bound(&[("old/dev", ONE)]), stacks(&[("old/dev", ONE)]));
    let all = roster(&[(ONE, "shop-dev")]);
    let identify = fleet.identify(&bindings, &all);
    assert_eq!(state(&identify, "shop/dev"), LineState::Contested);
    assert!(identify.findings[0].to_string().contains("renamed_from"), "{}", identify.findings[0]);
    let rebinding = fleet.rebinding("shop/dev", &id(ONE), &bindings, &all, false).unwrap();
    assert_eq!((rebinding.replaces, rebinding.leaves), (None, Some(line("old/dev"))));
}

#[test]
fn rebinding_says_what_it_leaves_behind_and_needs_force_for_it() {
    let fleet = fleet(SMALL);
    let all = roster(&[(ONE, "shop-dev"), (TWO, "new"), (THREE, "shop-prod")]);
    let bindings =
        Bindings::new(bound(&[("shop/dev", ONE), ("shop/prod", THREE)]), stacks(&[("shop/dev", ONE)]));
    let ask = |line: &str, account: &str, roster: &Roster, force| {
        fleet.rebinding(line, &id(account), &bindings, roster, force)
    };
    let refused = ask("shop/dev", TWO, &all, false).unwrap_err();
    assert!(matches!(refused, RebindRefused::StackStands { .. }) && refused.to_string().contains(ONE));
    let Rebinding { replaces, leaves, .. } = ask("shop/dev", TWO, &all, true).unwrap();
    assert_eq!((replaces, leaves), (Some(id(ONE)), None));
    // One that is closed has nothing to look after.
    let closed = roster(&[(TWO, "new"), (THREE, "shop-prod")]);
    assert!(ask("shop/dev", TWO, &closed, false).is_ok());
    assert!(matches!(ask("shop/dev", THREE, &closed, false), Err(RebindRefused::LeavesLine { .. })));
    assert!(matches!(ask("shop/dev", ONE, &all, false), Err(RebindRefused::Already { .. })));
    assert!(matches!(ask("shop/dev", "999999999999", &all, true), Err(RebindRefused::NotActive { .. })));
    assert!(matches!(ask("shop-dev", TWO, &all, true), Err(RebindRefused::UnknownLine { .. })));
    assert!(matches!(ask("payments/prod", TWO, &all, true), Err(RebindRefused::Pinned { .. })));
}

#[test]
fn former_names_lead_to_nothing_that_is_still_there() {
    let shop = |keys: &str| with(SMALL, "  - name: shop\n", &format!("  - name: shop\n    {keys}\n"));
    let cases = [
        (shop("renamed_from: shop"), "domains[0].renamed_from: `shop` is the name it has"),
        (
            shop("renamed_from: payments"),
            "domains[0].renamed_from: `payments` is still there, as another domain",
        ),
        (shop("renamed_from: Shop"), "domains[0].renamed_from: `Shop` is not a name"),
        (
            with(SMALL, "{ name: prod, account_id", "{ name: prod, renamed_from: dev, account_id"),
            "domains[1].environments[1].renamed_from: `dev` is still there, as another environment of this domain",
        ),
        (
            with(
                &shop("renamed_from: old"),
                "  - name: payments\n",
                "  - name: payments\n    renamed_from: old\n",
            ),
            "domains[1].renamed_from: `old` has become another domain already",
        ),
    ];
    for (text, expected) in cases {
        let found = only_problem(&text);
        assert!(found.starts_with(expected), "{found}");
    }
}
