//! What never happens, whatever else does: the account in memory holds that nothing is loosened, no choice of the account's
//! own is written over, and no key becomes the default with which instances would not start.

use phonehome_cloud::CloudError;
use phonehome_cloud::table::NotKept;
use phonehome_settings::{Keep, SettingsRecord, State, Wanted, look_and_set};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{AWS_KEY, Account, DAY_MS, Fault, VOLUMES, World, all, arn, error, for_auto_scaling};

struct Stored;

impl Keep for Stored {
    async fn keep(&mut self, _record: &SettingsRecord) -> Result<(), NotKept> {
        panic!("nothing is set in an account that nobody could enter")
    }
}

/// What is known of an account that cannot be entered after so many looks.
pub(crate) fn not_entered(error: &CloudError, mut record: SettingsRecord, looks: u32) -> SettingsRecord {
    for _ in 0..looks {
        let api: Result<&crate::world::Api<'_>, _> = Err(error);
        let (wanted, mut stored) = (all(), Stored);
        let looking = look_and_set(api, &wanted, &mut stored, record, 1);
        record = futures_util::FutureExt::now_or_never(looking).expect("nothing waits").unwrap();
    }
    record
}

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    Look { wanted: Wanted, fault: Option<(usize, Fault)>, later_ms: u64 },
    Loosened,
    TheirKey(String),
    KeyChanges { name: &'static str, is_fit: bool },
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let key = prop_oneof![Just(None), Just(Some(VOLUMES.to_owned())), Just(Some("alias/other".to_owned()))];
    (any::<bool>(), any::<bool>(), key, any::<bool>()).prop_map(|(access, encrypted, key, tokens)| Wanted {
        public_access_blocked: access,
        encrypted,
        key,
        tokens_required: tokens,
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Dies),
        Just(Fault::Lost),
        Just(Fault::Refuses(error("x", "SlowDown", "slow"))),
        Just(Fault::Refuses(error("x", "AccessDenied", "no"))),
        Just(Fault::Refuses(error("x", "InvalidParameterValue", "no"))),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    let faults = prop::option::of((0..30_usize, fault()));
    prop_oneof![
        6 => (wanted(), faults, 0..2 * DAY_MS).prop_map(|(wanted, fault, later_ms)| Event::Look { wanted, fault, later_ms }),
        1 => Just(Event::Loosened),
        1 => prop_oneof![Just(AWS_KEY.to_owned()), Just(arn("team"))].prop_map(Event::TheirKey),
        1 => (prop_oneof![Just("1"), Just("2"), Just("team")], any::<bool>())
            .prop_map(|(name, is_fit)| Event::KeyChanges { name, is_fit }),
    ]
}

proptest! {
    #[test]
    fn nothing_is_loosened_and_in_the_end_all_is_as_declared_or_told(
        events in prop::collection::vec(event(), 1..40),
        last in wanted(),
    ) {
        let account = Account::default()
            .with_key(VOLUMES, "1", for_auto_scaling())
            .with_key("alias/other", "2", json!({}))
            .with_key("alias/team", "team", for_auto_scaling());
        let mut world = World::new(account);
        for event in events {
            match event {
                Event::Look { wanted, fault, later_ms } => {
                    world.now_ms += later_ms;
                    world.account().faults.extend(fault);
                    let calls = world.look(&wanted);
                    prop_assert!(calls.len() <= 28, "{calls:?}");
                    world.account().faults.clear();
                }
                Event::Loosened => {
                    let mut account = world.account();
                    (account.is_encrypted, account.access.block_public_acls) = (false, false);
                    account.metadata.tokens = Some("optional".into());
                }
                Event::TheirKey(key) => world.account().default_key = key,
                Event::KeyChanges { name, is_fit } => {
                    let policy = if is_fit { for_auto_scaling() } else { json!({}) };
                    world.account().edit_key(name, |(_, now, _)| *now = policy);
                }
            }
        }
        // Nothing happens any more for as long as anything is held.
        for _ in 0..3 {
            world.now_ms += 40 * DAY_MS;
            world.look(&last);
        }
        let is_known = |state| !matches!(state, State::Open);
        prop_assert!(world.record.settings.values().all(|it| is_known(it.state)), "{:?}", world.record);
        let account = world.account();
        prop_assert!(!last.public_access_blocked || account.access == phonehome_settings::PublicAccess::BLOCKED);
        prop_assert!(!last.tokens_required || account.metadata.tokens.as_deref() == Some("required"));
        prop_assert!(!last.encrypted || account.is_encrypted || !world.record.otherwise().is_empty());
    }
}
