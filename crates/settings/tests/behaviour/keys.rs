//! The key with which EBS encrypts by default.

use phonehome_settings::{Grant, Key, NEEDED, Setting, State, Wanted};
use serde_json::json;

use crate::world::{AWS_KEY, Account, VOLUMES, World, arn, changes, error, everything, for_auto_scaling};

const SET_KEY: &str = "ec2:ModifyEbsDefaultKmsKeyId";

fn encrypted(key: &str) -> Wanted {
    Wanted { encrypted: true, key: Some(key.to_owned()), ..Wanted::default() }
}

fn with_key() -> Account {
    Account::default().with_key(VOLUMES, "1", for_auto_scaling())
}

fn said(world: &World) -> String {
    world.record.otherwise().join("\n")
}

#[test]
fn a_declared_key_becomes_the_default_and_takes_two_calls_a_day_more() {
    let mut world = World::new(with_key());
    world.look(&everything());
    assert_eq!(world.account().default_key, arn("1"));
    assert_eq!(world.record.settings[&Setting::EncryptionKey].before.as_ref().unwrap().value, AWS_KEY);
    assert_eq!(world.next_day(&everything()).len(), 5);
    assert_eq!(said(&world), "");
}

#[test]
fn a_key_that_the_account_chose_itself_stays_whatever_is_declared() {
    for is_encrypted in [true, false] {
        let account = with_key().with_key("alias/team", "team", for_auto_scaling());
        let mut world = World::new(Account { default_key: arn("team"), is_encrypted, ..account });
        let calls = world.look(&encrypted(VOLUMES));
        assert!(!calls.contains(&SET_KEY));
        let known = &world.record.settings[&Setting::EncryptionKey];
        assert_eq!(known.state, State::Stays);
        assert_eq!(known.message, format!("{}, which the account has chosen itself", arn("team")));
        assert_eq!(said(&world), "", "it is nothing to be told");
        assert!(world.account().is_encrypted);
    }
    // Of another account, which cannot be described from here.
    let theirs = "arn:aws:kms:eu-west-1:999999999999:key/central";
    let mut world = World::new(Account { default_key: theirs.into(), is_encrypted: true, ..with_key() });
    assert_eq!(changes(&world.look(&encrypted(VOLUMES))), [""; 0]);
    assert_eq!(world.record.settings[&Setting::EncryptionKey].state, State::Stays);
}

#[test]
fn awss_own_key_shown_by_its_arn_is_nobodys_choice() {
    let mut account = with_key().with_key("x", "aws", json!({}));
    account.edit_key("aws", |(key, ..)| key.is_aws = true);
    for is_encrypted in [true, false] {
        let mut world = World::new(Account { default_key: arn("aws"), is_encrypted, ..account.clone() });
        world.look(&encrypted(VOLUMES));
        assert_eq!(world.account().default_key, arn("1"));
    }
    let mut world = World::new(Account { default_key: arn("aws"), ..account });
    world.look(&Wanted { encrypted: true, ..Wanted::default() });
    assert!(world.account().is_encrypted);
}

#[test]
fn a_key_that_phonehome_chose_gives_way_to_the_next_one_that_is_declared() {
    let mut world = World::new(with_key().with_key("alias/other", "2", for_auto_scaling()));
    world.look(&encrypted(VOLUMES));
    world.next_day(&encrypted("alias/other"));
    assert_eq!(world.account().default_key, arn("2"));
    // And the same alias of another key.
    world.account().aliases.insert("alias/other".into(), arn("1"));
    world.next_day(&encrypted("alias/other"));
    assert_eq!(world.account().default_key, arn("1"));
    // What is no longer declared stays.
    world.next_day(&Wanted { encrypted: true, ..Wanted::default() });
    assert_eq!(world.account().default_key, arn("1"));
}

#[test]
fn who_dies_before_the_key_is_changed_still_knows_the_one_before_as_its_own() {
    let mut world = World::new(with_key().with_key("alias/other", "2", for_auto_scaling()));
    world.look(&encrypted(VOLUMES));
    let calls = World::look(&mut world, &encrypted("alias/other")).len();
    for at in 0..calls {
        let mut world = World::new(with_key().with_key("alias/other", "2", for_auto_scaling()));
        world.look(&encrypted(VOLUMES));
        world.account().faults.insert(at, crate::world::Fault::Dies);
        world.next_day(&encrypted("alias/other"));
        world.now_ms += 30 * 60_000;
        world.look(&encrypted("alias/other"));
        assert_eq!(world.account().default_key, arn("2"), "died at {at}: {:?}", world.record);
    }
}

#[test]
fn a_key_that_would_keep_instances_from_starting_is_refused_with_what_to_do() {
    let role = "AWSServiceRoleForAutoScaling lacks CreateGrant, Decrypt";
    let root = json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "kms:*", "Resource": "*"}]});
    let refused = |account: Account, says: &[&str]| {
        let mut world = World::new(account);
        assert!(!world.look(&encrypted(VOLUMES)).contains(&SET_KEY));
        for text in says {
            assert!(said(&world).contains(text), "{text}: {}", said(&world));
        }
        assert!(world.account().is_encrypted, "with AWS's key meanwhile");
        assert_eq!(world.record.settings[&Setting::EncryptionKey].state, State::Otherwise);
        world
    };
    let by_root = Account::default().with_key(VOLUMES, "1", root);
    let mut world =
        refused(by_root, &[role, "aws kms create-grant --key-id arn:aws:kms:eu-west-1:111111111111:key/1"]);
    let operations = NEEDED.map(str::to_owned).to_vec();
    world.account().edit_key("1", |(.., grants)| grants.push(Grant { operations, is_constrained: false }));
    world.next_day(&encrypted(VOLUMES));
    assert_eq!(world.account().default_key, arn("1"), "a grant is as good");
    refused(Account::default(), &["has no key alias/volumes"]);
    for (change, says) in [
        ((|key| key.state = "PendingDeletion".into()) as fn(&mut Key), "is PendingDeletion"),
        (|key| key.is_symmetric = false, "not a symmetric one"),
    ] {
        let mut account = with_key();
        account.edit_key("1", |(key, ..)| change(key));
        refused(account, &[says]);
    }
    for operation in ["kms:GetKeyPolicy", "kms:ListGrants", "kms:DescribeKey"] {
        let denied = error(operation, "AccessDeniedException", "no resource-based policy allows it");
        let account = Account { refusals: [(operation, denied)].into(), ..with_key() };
        refused(account, &[operation, "is not known"]);
    }
}

#[test]
fn encryption_is_not_begun_with_a_key_of_the_accounts_that_would_keep_instances_from_starting() {
    let account = Account::default().with_key("alias/team", "team", json!({"Statement": []}));
    let wanted = Wanted { encrypted: true, ..Wanted::default() };
    let mut world = World::new(Account { default_key: arn("team"), ..account });
    assert_eq!(changes(&world.look(&wanted)), [""; 0]);
    assert!(
        said(&world).contains("the key that the account has chosen for it would not do"),
        "{}",
        said(&world)
    );
    world.account().edit_key("team", |(_, policy, _)| *policy = for_auto_scaling());
    assert_eq!(changes(&world.next_day(&wanted)), ["ec2:EnableEbsEncryptionByDefault"]);
    let theirs = "arn:aws:kms:eu-west-1:999999999999:key/central";
    let mut world = World::new(Account { default_key: theirs.into(), ..Account::default() });
    assert_eq!(changes(&world.look(&wanted)), [""; 0], "what cannot be judged is not begun");
}
