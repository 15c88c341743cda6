//! Organizations' limits.

use phonehome_closing::{
    AccountState, Closing, Decommissioned, INTERVAL_MS, NotClosed, OrganizationAccount, Wait, may_ask, quota,
};
use phonehome_cloud::{Cause, CloudError};
use phonehome_fleet::Line;

const DAY_MS: u64 = 24 * 60 * 60_000;
const NOW_MS: u64 = 1_000 * DAY_MS;

fn accounts(number: usize, closing: usize) -> Vec<OrganizationAccount> {
    let account = |at: usize| OrganizationAccount {
        id: format!("{at:012}").parse().unwrap(),
        name: format!("account-{at}"),
        state: if at < closing { AccountState::PendingClosure } else { AccountState::Active },
    };
    (0..number).map(account).collect()
}

fn closed(asked_at_ms: u64, accepted_at_ms: Option<u64>) -> Decommissioned {
    Decommissioned {
        account: "444455556666".parse().unwrap(),
        account_name: "shop-dev".into(),
        line: Line::new("shop", "dev"),
        at_ms: 0,
        closing: Some(Closing {
            by: "arn:x".into(),
            asked_at_ms: Some(asked_at_ms),
            accepted_at_ms,
            closed_at_ms: None,
        }),
    }
}

#[test]
fn so_many_may_be_closed_in_thirty_days() {
    for (members, expected) in
        [(0, 250), (10, 250), (1_250, 250), (1_255, 251), (2_000, 400), (5_000, 1_000), (9_999, 1_000)]
    {
        assert_eq!(quota(members), expected, "{members}");
    }
}

#[test]
fn beyond_the_quota_is_waited_until_the_oldest_is_thirty_days_old() {
    let at = |day: u64| NOW_MS - day * DAY_MS;
    let mut records: Vec<Decommissioned> = (0..249).map(|_| closed(at(5), Some(at(5)))).collect();
    let organization = accounts(1_200, 0);
    assert_eq!(may_ask(&records, &organization, NOW_MS), Ok(()));
    records.push(closed(at(29), Some(at(29))));
    let until_ms = at(29) + 30 * DAY_MS;
    assert_eq!(may_ask(&records, &organization, NOW_MS), Err(Wait::Quota { quota: 250, until_ms }));
    assert_eq!(may_ask(&records, &organization, until_ms), Ok(()));
    // Of 251 two have to fall out.
    records.push(closed(at(20), Some(at(20))));
    let until_ms = at(20) + 30 * DAY_MS;
    assert_eq!(may_ask(&records, &organization, NOW_MS), Err(Wait::Quota { quota: 250, until_ms }));
    // A larger organization may close more; what AWS never took does not count; nor does what is older.
    assert_eq!(may_ask(&records, &accounts(1_300, 0), NOW_MS), Ok(()));
    let refused: Vec<Decommissioned> = (0..400).map(|_| closed(at(5), None)).collect();
    assert_eq!(may_ask(&refused, &organization, NOW_MS), Ok(()));
    let older: Vec<Decommissioned> = (0..400).map(|_| closed(at(30), Some(at(30)))).collect();
    assert_eq!(may_ask(&older, &organization, NOW_MS), Ok(()));
}

#[test]
fn three_are_being_closed_at_a_time_by_whomever() {
    assert_eq!(may_ask(&[], &accounts(10, 2), NOW_MS), Ok(()));
    assert_eq!(may_ask(&[], &accounts(10, 3), NOW_MS), Err(Wait::InProgress { accounts: 3 }));
}

#[test]
fn one_is_asked_for_every_twenty_seconds_whatever_became_of_the_one_before() {
    let records = [closed(NOW_MS, None)];
    let until_ms = NOW_MS + INTERVAL_MS;
    assert_eq!(INTERVAL_MS, 20_000);
    assert_eq!(may_ask(&records, &accounts(2, 0), until_ms - 1), Err(Wait::Pace { until_ms }));
    assert_eq!(may_ask(&records, &accounts(2, 0), until_ms), Ok(()));
}

#[test]
fn what_was_lost_is_unclear_and_a_role_that_is_not_there_is_denied() {
    let error = |cause| CloudError::of_cause("organizations:CloseAccount", "444455556666", cause);
    for cause in [Cause::Timeout, Cause::Connection("reset".into())] {
        assert!(matches!(NotClosed::of(error(cause), None), NotClosed::Unclear(_)));
    }
    let refused = CloudError::service("sts:AssumeRole", "x", "AccessDenied", "no");
    assert!(matches!(NotClosed::of(refused, None), NotClosed::Denied(_)));
}
