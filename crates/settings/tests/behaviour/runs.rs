//! Looks at an account, one after the other.

use phonehome_cloud::Cause;
use phonehome_settings::{
    HELD_MS, MetadataDefaults, PublicAccess, Setting, SettingsRecord, State, TRIES_MAX, WRITES_A_WEEK, Wanted,
};

use crate::world::{AWS_KEY, Account, DAY_MS, Fault, World, all, changes, error, everything};

fn states(record: &SettingsRecord) -> Vec<(Setting, State)> {
    record.settings.iter().map(|(setting, known)| (*setting, known.state)).collect()
}

fn as_declared(record: &SettingsRecord) -> bool {
    let is = |state| matches!(state, State::AsDeclared | State::ByPolicy | State::Stays);
    record.tries == 0 && !record.settings.is_empty() && record.settings.values().all(|it| is(it.state))
}

#[test]
fn a_new_account_is_tightened_at_its_first_look_and_seen_to_be() {
    let mut world = World::new(Account::default());
    let calls = world.look(&all());
    let set = [
        "s3:PutAccountPublicAccessBlock",
        "ec2:EnableEbsEncryptionByDefault",
        "ec2:ModifyInstanceMetadataDefaults",
    ];
    assert_eq!(changes(&calls), set);
    assert!(as_declared(&world.record), "{:?}", world.record);
    let before: Vec<&str> =
        world.record.settings.values().map(|it| it.before.as_ref().unwrap().value.as_str()).collect();
    let none =
        "BlockPublicAcls=false, IgnorePublicAcls=false, BlockPublicPolicy=false, RestrictPublicBuckets=false";
    assert_eq!(before, [none, "off", "no-preference"]);
    let account = world.account();
    assert_eq!((account.access, account.is_encrypted), (PublicAccess::BLOCKED, true));
    assert_eq!(account.metadata.tokens.as_deref(), Some("required"));
}

#[test]
fn what_is_as_declared_takes_three_calls_a_look_and_changes_nothing() {
    let mut world = World::new(Account::default());
    world.look(&all());
    let known = world.record.clone();
    let read = [
        "s3:GetAccountPublicAccessBlock",
        "ec2:GetEbsEncryptionByDefault",
        "ec2:GetInstanceMetadataDefaults",
    ];
    assert_eq!(world.next_day(&all()), read);
    assert_eq!(world.record, SettingsRecord { looked_at_ms: world.now_ms, ..known });
}

#[test]
fn nothing_is_read_of_what_is_not_declared() {
    let one = |wanted: Wanted| World::new(Account::default()).look(&wanted);
    let none = Wanted::default();
    assert_eq!(one(none.clone()), [""; 0]);
    assert!(one(Wanted { tokens_required: true, ..none.clone() }).iter().all(|it| it.contains("Metadata")));
    assert!(one(Wanted { encrypted: true, ..none.clone() }).iter().all(|it| it.contains("Ebs")));
    assert!(one(Wanted { public_access_blocked: true, ..none }).iter().all(|it| it.starts_with("s3:")));
}

#[test]
fn what_is_no_longer_declared_stays_in_the_account_and_is_not_read() {
    let mut world = World::new(Account::default());
    world.look(&all());
    let calls = world.next_day(&Wanted { tokens_required: true, ..Wanted::default() });
    assert_eq!(calls, ["ec2:GetInstanceMetadataDefaults"]);
    assert_eq!(world.record.settings[&Setting::PublicAccess].state, State::Undeclared);
    assert!(world.record.settings[&Setting::PublicAccess].before.is_some(), "it can be set so again by hand");
    assert_eq!(world.account().access, PublicAccess::BLOCKED);
}

#[test]
fn what_somebody_loosens_is_tightened_again_three_times_a_week_and_then_told() {
    let mut world = World::new(Account::default());
    let wanted = Wanted { tokens_required: true, ..Wanted::default() };
    let mut set = 0;
    for day in 0..WRITES_A_WEEK + 2 {
        // At first nothing is preferred.
        world.account().metadata.tokens = (day > 0).then(|| "optional".into());
        set += changes(&world.next_day(&wanted)).len();
        assert_eq!(set, (day + 1).min(WRITES_A_WEEK));
    }
    let said = world.record.otherwise();
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert!(said.contains("set 3 times within a week, and is optional again"), "{said}");
    assert_eq!(
        world.record.settings[&Setting::MetadataTokens].before.as_ref().unwrap().value,
        "no-preference"
    );
    world.now_ms += 7 * DAY_MS;
    assert_eq!(changes(&world.look(&wanted)).len(), 1, "a week later it is tried again");
    assert_eq!(world.record.otherwise(), [""; 0]);
}

#[test]
fn what_may_not_be_read_is_told_with_the_right_that_is_missing_and_looked_at_the_next_day() {
    let denied = error("ec2:GetEbsEncryptionByDefault", "UnauthorizedOperation", "not authorized");
    let mut world = World::new(Account::default());
    world.account().refusals.insert("ec2:GetEbsEncryptionByDefault", denied);
    world.look(&all());
    let said = world.record.otherwise();
    assert_eq!(said.len(), 1);
    assert!(
        said[0].contains("ec2:GetEbsEncryptionByDefault") && said[0].contains("AccountSettings=true"),
        "{said:?}"
    );
    assert_eq!(world.account().access, PublicAccess::BLOCKED, "the others are set all the same");
    assert_eq!(world.record.tries, 0, "it is no hurry");
    world.account().refusals.clear();
    world.next_day(&all());
    assert!(as_declared(&world.record));
}

#[test]
fn the_same_refusal_is_the_same_text_each_day() {
    let mut world = World::new(Account::default());
    let mut told = std::collections::BTreeSet::new();
    for day in 0..3 {
        let message = format!("You are not authorized. Encoded authorization failure message: {day}");
        let denied = error("ec2:GetEbsEncryptionByDefault", "UnauthorizedOperation", &message);
        world.account().refusals.insert("ec2:GetEbsEncryptionByDefault", denied);
        world.next_day(&all());
        told.insert(world.record.otherwise());
    }
    assert_eq!(told.len(), 1, "{told:?}");
    let slow = error("x", "InternalError", "oh");
    let mut told = std::collections::BTreeSet::new();
    for day in 0..2 * TRIES_MAX {
        world.account().refusals.insert("ec2:GetEbsEncryptionByDefault", slow.clone());
        world.next_day(&all());
        if day >= TRIES_MAX {
            told.insert(world.record.otherwise());
        }
    }
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn what_a_policy_above_the_account_refuses_is_tried_twice_told_and_left_alone_for_a_month() {
    let denied = || {
        error(
            "s3:PutAccountPublicAccessBlock",
            "AccessDenied",
            "with an explicit deny in a service control policy",
        )
    };
    let wanted = Wanted { public_access_blocked: true, ..Wanted::default() };
    let refused = || {
        let mut world = World::new(Account::default());
        world.account().refusals.insert("s3:PutAccountPublicAccessBlock", denied());
        world.look(&wanted);
        assert_eq!((world.record.otherwise().len(), world.record.tries), (0, 1), "a right may be on its way");
        world.now_ms += 30 * 60_000;
        assert_eq!(changes(&world.look(&wanted)).len(), 1);
        world
    };
    let mut world = refused();
    let said = world.record.otherwise();
    assert!(
        said[0].contains("a policy above the account") && said[0].contains("service control policy"),
        "{said:?}"
    );
    for _ in 0..29 {
        assert_eq!(world.next_day(&wanted), ["s3:GetAccountPublicAccessBlock"]);
        assert_eq!(world.record.otherwise(), said, "it still stands");
    }
    world.now_ms += HELD_MS;
    assert_eq!(changes(&world.look(&wanted)).len(), 1, "a month later");
    let mut world = refused();
    world.account().access.block_public_acls = true;
    assert_eq!(changes(&world.next_day(&wanted)).len(), 1, "once it is something else");
    let mut world = refused();
    assert_eq!(
        changes(&world.next_day(&all())).iter().filter(|it| it.starts_with("s3:")).count(),
        1,
        "declared otherwise"
    );
    let mut world = refused();
    let before = std::mem::replace(&mut world.account().access, PublicAccess::BLOCKED);
    world.next_day(&wanted);
    assert!(as_declared(&world.record), "the policy itself blocks it now");
    world.account().access = before;
    assert_eq!(changes(&world.next_day(&wanted)).len(), 1, "and no longer: it is tried anew");
}

#[test]
fn what_a_declarative_policy_sets_is_never_written() {
    let by_policy = |tokens: &str| MetadataDefaults {
        tokens: Some(tokens.into()),
        by_policy: true,
        policy_says: Some("ask the platform team".into()),
    };
    let wanted = Wanted { tokens_required: true, ..Wanted::default() };
    for (tokens, state) in [("required", State::ByPolicy), ("optional", State::Otherwise)] {
        let mut world = World::new(Account { metadata: by_policy(tokens), ..Account::default() });
        assert_eq!(world.look(&wanted), ["ec2:GetInstanceMetadataDefaults"]);
        assert_eq!(states(&world.record), [(Setting::MetadataTokens, state)]);
    }
    let mut world = World::new(Account { metadata: by_policy("optional"), ..Account::default() });
    world.look(&wanted);
    assert!(world.record.otherwise()[0].contains("ask the platform team"));
}

#[test]
fn whoever_is_throttled_asks_for_no_more_and_is_told_only_when_it_lasts() {
    let mut world = World::new(Account::default());
    for tries in 1..=TRIES_MAX {
        let slow = error("x", "SlowDown", "Please reduce your request rate.");
        world.account().faults.insert(0, Fault::Refuses(slow));
        assert_eq!(world.look(&all()).len(), 1);
        assert_eq!(world.record.tries, tries);
        assert_eq!(world.record.otherwise().len(), usize::from(tries == TRIES_MAX));
        world.now_ms += 30 * 60_000;
    }
    world.look(&all());
    assert!(as_declared(&world.record) && world.record.otherwise().is_empty());
}

#[test]
fn what_is_shown_late_is_not_set_twice() {
    let mut world = World::new(Account { is_late: true, ..Account::default() });
    let wanted = Wanted { tokens_required: true, ..Wanted::default() };
    assert_eq!(changes(&world.look(&wanted)).len(), 1);
    assert_eq!((world.record.tries, states(&world.record)[0].1), (1, State::Open));
    world.account().metadata.tokens = None;
    world.now_ms += 60_000;
    assert_eq!(changes(&world.look(&wanted)), [""; 0], "it was set a minute ago");
    world.account().metadata.tokens = Some("required".into());
    world.now_ms += 30 * 60_000;
    world.look(&wanted);
    assert!(as_declared(&world.record));
}

#[test]
fn an_error_that_says_that_nothing_was_done_is_no_time_that_it_was_set() {
    let mut world = World::new(Account::default());
    let wanted = Wanted { tokens_required: true, ..Wanted::default() };
    for _ in 0..WRITES_A_WEEK + 2 {
        let slow = error("x", "RequestLimitExceeded", "Request limit exceeded.");
        world.account().faults.insert(1, Fault::Refuses(slow));
        world.next_day(&wanted);
    }
    assert_eq!(changes(&world.next_day(&wanted)).len(), 1);
    assert!(as_declared(&world.record));
}

#[test]
fn an_account_that_cannot_be_entered_is_looked_at_again_and_not_told_here() {
    let record = SettingsRecord::new(&"111111111111/eu-west-1".parse().unwrap());
    let no_role = error("sts:AssumeRole", "AccessDenied", "not authorized to perform sts:AssumeRole");
    let record = crate::never::not_entered(&no_role, record, 10);
    assert_eq!((record.tries, record.otherwise().len()), (10, 0));
    assert!(record.settings.values().all(|known| known.state == State::Open));
}

#[test]
fn whoever_dies_anywhere_leaves_an_account_that_the_next_look_finishes() {
    let account = || Account::default().with_key("alias/volumes", "1", crate::world::for_auto_scaling());
    let calls = World::new(account()).look(&everything()).len();
    for fault in [Fault::Dies, Fault::Lost, Fault::Refuses(error("x", "InternalError", "oh"))] {
        for at in 0..calls {
            let mut world = World::new(account());
            world.account().faults.insert(at, fault.clone());
            world.look(&everything());
            world.sweep(&everything());
            assert!(as_declared(&world.record), "{fault:?} at {at}: {:?}", world.record);
            assert_ne!(world.account().default_key, AWS_KEY);
            let known = &world.record.settings[&Setting::Encryption];
            assert!(known.before.as_ref().is_some_and(|it| it.value == "off"), "{fault:?} at {at}");
        }
    }
}

#[test]
fn what_is_stored_of_aws_messages_is_bounded() {
    let mut world = World::new(Account::default());
    let long = error("x", "Invalid", &"ü".repeat(100_000));
    world.account().faults.insert(0, Fault::Refuses(long));
    world.look(&all());
    assert!(matches!(world.record.otherwise()[0].chars().count(), 800..1_000));
    assert!(Cause::Timeout.to_string().len() < 900);
}
