//! What comes of each thing that can be seen.

use phonehome_settings::{
    Decision, DefaultKey, MetadataDefaults, Problem, PublicAccess, Seen, Setting, Step, Unfit, decide,
};

use crate::world::arn;

fn metadata(tokens: Option<&str>, by_policy: bool) -> Seen {
    let tokens = tokens.map(str::to_owned);
    Seen::MetadataTokens(MetadataDefaults {
        tokens,
        by_policy,
        policy_says: by_policy.then(|| "ask us".into()),
    })
}

fn key(default: DefaultKey, wanted: Result<String, Unfit>) -> Seen {
    Seen::EncryptionKey { default, wanted }
}

#[test]
fn each_thing_that_is_seen_comes_to_one_step_that_tightens_it_or_to_nothing_or_is_told() {
    let as_declared = Decision::AsDeclared { by_policy: false };
    let missing = Unfit::Missing { alias: "alias/volumes".into() };
    let unfit = |setting| Decision::Told(Problem::UnfitKey { setting, unfit: missing.clone() });
    let to = |name: &str| Decision::Set(Step::SetKey { arn: arn(name) });
    let stays = Decision::Stays { value: arn("theirs") };
    let by_policy = Decision::Told(Problem::DeclarativePolicy { said: Some("ask us".into()) });
    let off = |unfit| Seen::Encryption { is_on: false, unfit };
    let ours = || DefaultKey::Ours(arn("ours"));
    let theirs = || DefaultKey::Theirs(arn("theirs"));
    for (seen, decision) in [
        (Seen::PublicAccess(PublicAccess::BLOCKED), as_declared.clone()),
        (Seen::PublicAccess(PublicAccess::default()), Decision::Set(Step::BlockPublicAccess)),
        (Seen::Encryption { is_on: true, unfit: None }, as_declared.clone()),
        (off(None), Decision::Set(Step::Encrypt)),
        (off(Some(missing.clone())), unfit(Setting::Encryption)),
        (key(DefaultKey::Aws, Ok(arn("new"))), to("new")),
        (key(DefaultKey::Aws, Err(missing.clone())), unfit(Setting::EncryptionKey)),
        (key(ours(), Ok(arn("new"))), to("new")),
        (key(ours(), Ok(arn("ours"))), as_declared.clone()),
        (key(ours(), Err(missing.clone())), unfit(Setting::EncryptionKey)),
        (key(theirs(), Ok(arn("theirs"))), as_declared.clone()),
        (key(theirs(), Ok(arn("new"))), stays.clone()),
        (key(theirs(), Err(missing.clone())), stays),
        (metadata(Some("required"), false), as_declared),
        (metadata(Some("required"), true), Decision::AsDeclared { by_policy: true }),
        (metadata(Some("optional"), false), Decision::Set(Step::RequireTokens)),
        (metadata(None, false), Decision::Set(Step::RequireTokens)),
        (metadata(Some("optional"), true), by_policy.clone()),
        (metadata(None, true), by_policy),
    ] {
        assert_eq!(decide(&seen), decision, "{seen:?}");
    }
}

#[test]
fn s3_is_as_declared_only_with_all_four_of_its_settings() {
    for bits in 0..16_u8 {
        let bit = |at: u8| bits & (1 << at) != 0;
        let access = PublicAccess {
            block_public_acls: bit(0),
            ignore_public_acls: bit(1),
            block_public_policy: bit(2),
            restrict_public_buckets: bit(3),
        };
        let is_set = decide(&Seen::PublicAccess(access)) == Decision::Set(Step::BlockPublicAccess);
        assert_eq!(is_set, bits != 15, "{access}");
    }
}
