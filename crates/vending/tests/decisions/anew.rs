//! What stopped goes on by another permission, and with which address.

use super::*;

#[test]
fn what_was_permitted_before_it_stopped_stays_stopped_and_permitted_anew_it_goes_on() {
    let failed = || Stop::Failed(FailureReason::MissingPaymentInstrument);
    let known = Known::of(&["shop"]).with([stopped("shop", failed())]);
    assert_eq!(known.at(NOW), Decision::default());
    let mut at_that_moment = Known::of(&["shop"]).with([stopped("shop", failed())]);
    at_that_moment.wanted[0].permitted_at_ms = NOW - 100_000;
    assert_eq!(at_that_moment.at(NOW), Decision::default());
    let anew = |stop: Stop| {
        let mut known = Known::of(&["shop"]).with([stopped("shop", stop)]);
        known.wanted[0].permitted_at_ms = NOW - 50;
        known.wanted[0].email = "new@example.com".to_owned();
        known.asked()
    };
    let account = || "111111111111".parse().unwrap();
    for (stop, email) in [
        // An account may be there, or come, with the old one.
        (failed(), "shop@example.com"),
        (Stop::Failed(FailureReason::InternalFailure), "shop@example.com"),
        (Stop::Failed(FailureReason::Other("NEW".to_owned())), "shop@example.com"),
        (Stop::TooOften, "shop@example.com"),
        // None ever will.
        (Stop::Failed(FailureReason::InvalidEmail), "new@example.com"),
        (Stop::Failed(FailureReason::GovcloudAccountAlreadyExists), "new@example.com"),
        (Stop::Refused("InvalidInputException".to_owned()), "new@example.com"),
        (Stop::EmailTaken, "new@example.com"),
        (Stop::Closed(account()), "new@example.com"),
        (Stop::OtherLine { account: account(), line: line("pay") }, "new@example.com"),
    ] {
        assert_eq!(anew(stop.clone()), asks("shop", email), "{stop:?}");
    }
    let taken = Order { asks: 2, ..stopped("shop", Stop::EmailTaken) };
    let anew = taken.anew(&Stop::EmailTaken, "new@example.com", NOW);
    assert_eq!(anew.email, "new@example.com", "however often it was asked for");
    let refused = Order { asks: 2, ..stopped("shop", Stop::Refused("InvalidInputException".to_owned())) };
    let anew = refused.anew(&Stop::Refused(String::new()), "new@example.com", NOW);
    assert_eq!(anew.email, "shop@example.com", "what was asked for before it may still be heard");
}

#[test]
fn one_permission_places_an_order_once_however_far_the_clocks_are_apart() {
    let ahead = NOW + 3_600_000;
    let mut known = Known::of(&["shop"]);
    known.wanted[0].permitted_at_ms = ahead;
    let Some(Step::Ask(order)) = known.at(NOW).steps.pop() else { panic!("it is asked for") };
    let mut known = known.with([order.stopped(Stop::EmailTaken, NOW)]);
    assert_eq!(known.at(NOW), Decision::default(), "by the same permission");
    known.wanted[0].permitted_at_ms = ahead + 1;
    let Some(Step::Ask(again)) = known.at(NOW).steps.pop() else { panic!("it is permitted anew") };
    known.orders = vec![again.stopped(Stop::EmailTaken, NOW)];
    assert_eq!(known.at(NOW), Decision::default(), "and that once, too");
    known.wanted[0].permitted_at_ms = NOW;
    assert_eq!(known.at(NOW), Decision::default(), "one that is older than the stop is none");
}
