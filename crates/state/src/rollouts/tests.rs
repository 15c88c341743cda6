use phonehome_cloud::table::MemoryTable;
use phonehome_fleet::Line;
use phonehome_rollout::{Phase, abort, roll_back};
use phonehome_wire::AccountId;

use super::*;
use crate::{in_force, written_by};

const FLEET: &str = include_str!("../../../../fleet.example.yaml");
const PACE: Pace = Pace { bake_ms: 1, converge_ms: 1, at_once: 1 };

fn version(comment: &str) -> PublishedFleet {
    let text = format!("{FLEET}# {comment}\n");
    PublishedFleet { text, published_by: "ada".into(), published_at_ms: 7, ..PublishedFleet::default() }
}

fn in_waves() -> Way {
    let wave = Wave::new("staging".into(), [Line::new("shop", "dev")].into());
    Way::InWaves { waves: vec![wave], pace: PACE, mends: false }
}

/// The operator's table with one version in force.
async fn table() -> MemoryTable {
    let table = MemoryTable::default().writing_only(written_by("operator"));
    publish(&table, &base(&table).await.unwrap(), version("first")).await.unwrap();
    table
}

async fn published(table: &MemoryTable, way: Way, supersedes: bool) -> Result<u64, NotPublished> {
    let over = base(table).await.unwrap();
    publish_by(table, &over, version("next"), &way, supersedes).await.map(|it| it.number)
}

async fn stored(table: &MemoryTable) -> RollOut {
    roll_out(table).await.unwrap().unwrap().1
}

#[tokio::test]
async fn a_version_in_waves_is_kept_and_not_in_force() {
    let table = table().await;
    assert_eq!(published(&table, in_waves(), false).await.unwrap(), 2);
    assert_eq!(in_force(&table).await.unwrap().number, 1);
    let rolled = stored(&table).await;
    assert_eq!((rolled.versions.base, rolled.versions.target, rolled.phase), (1, 2, Phase::Rolling));
    assert!(crate::version(&table, Some(2)).await.unwrap().unwrap().text.ends_with("# next\n"));
}

#[tokio::test]
async fn while_a_version_is_rolled_out_another_one_is_refused_unless_it_takes_its_place() {
    for way in [in_waves(), Way::AtOnce, Way::Emergency { reason: "it burns".into() }] {
        let table = table().await;
        published(&table, in_waves(), false).await.unwrap();
        let before = stored(&table).await;
        let refused = published(&table, way.clone(), false).await.unwrap_err();
        assert!(matches!(refused, NotPublished::UnderWay { version: 2 }), "{refused}");
        assert_eq!(stored(&table).await, before);
        assert_eq!(published(&table, way.clone(), true).await.unwrap(), 3);
        let after = stored(&table).await;
        let in_force = in_force(&table).await.unwrap().number;
        match way {
            Way::InWaves { .. } => {
                assert_eq!((in_force, after.versions.base, after.versions.target), (1, 1, 3));
                assert_eq!(after.supersedes.map(|it| it.version), Some(2));
                assert!(after.versions.turned.is_empty(), "nobody has a third version");
            }
            Way::AtOnce => assert_eq!((in_force, after.phase), (3, Phase::Superseded)),
            Way::Emergency { reason } => {
                assert_eq!((in_force, after.versions.base), (3, 3));
                assert_eq!(after.phase, Phase::AtOnce { reason });
            }
        }
    }
}

#[tokio::test]
async fn what_is_over_is_in_nobodys_way() {
    let table = table().await;
    published(&table, in_waves(), false).await.unwrap();
    let over = |it: &RollOut| Ok(RollOut { phase: Phase::RolledBack, ..it.clone() });
    change_roll_out(&table, over).await.unwrap();
    assert_eq!(published(&table, in_waves(), false).await.unwrap(), 3);
    assert_eq!(stored(&table).await.supersedes, None);
}

#[tokio::test]
async fn of_two_who_publish_at_once_one_begins_its_roll_out_and_the_other_stores_nothing() {
    let table = table().await;
    let over = base(&table).await.unwrap();
    publish_by(&table, &over, version("theirs"), &in_waves(), false).await.unwrap();
    for way in [in_waves(), Way::AtOnce] {
        let refused = publish_by(&table, &over, version("mine"), &way, true).await.unwrap_err();
        assert!(matches!(refused, NotPublished::Overtaken { number: 2, .. }), "{refused}");
    }
    assert_eq!(stored(&table).await.versions.target, 2);
    assert!(crate::version(&table, Some(3)).await.unwrap().is_none());
}

#[tokio::test]
async fn what_is_in_force_without_a_number_gets_one_before_another_is_rolled_out() {
    let table = MemoryTable::default();
    table.write(vec![Write::put(Keys::fleet(), Expect::Absent, &version("old"))]).await.unwrap();
    assert_eq!(published(&table, in_waves(), false).await.unwrap(), 2);
    let rolled = stored(&table).await;
    assert_eq!((rolled.versions.base, rolled.versions.target), (1, 2));
    assert_eq!(in_force(&table).await.unwrap().number, 1);
}

#[tokio::test]
async fn an_operator_does_what_can_be_done_and_is_told_what_cannot() {
    let table = table().await;
    let back = |it: &RollOut| roll_back(it, "ada".into(), 8);
    let refused = change_roll_out(&table, back).await.unwrap_err();
    assert!(matches!(refused, NotChanged::None), "{refused}");
    published(&table, in_waves(), false).await.unwrap();
    let halted = change_roll_out(&table, |it| abort(it, "ada".into(), "lunch".into(), 8)).await.unwrap();
    assert_eq!(stored(&table).await, halted);
    assert_eq!(change_roll_out(&table, back).await.unwrap().phase, Phase::GoingBack);
    let refused = change_roll_out(&table, back).await.unwrap_err();
    assert!(matches!(refused, NotChanged::NotNow(NotNow::GoingBack { version: 2 })), "{refused}");
}

#[tokio::test]
async fn over_a_version_whose_place_another_one_took_meanwhile_nothing_is_published() {
    for way in [in_waves(), Way::AtOnce, Way::Emergency { reason: "it burns".into() }] {
        let table = table().await;
        published(&table, in_waves(), false).await.unwrap();
        let planned = base(&table).await.unwrap();
        // While it was planned, the one that was rolled out came into force.
        change_roll_out(&table, |it| Ok(RollOut { phase: Phase::Finished, ..it.clone() })).await.unwrap();
        let second = crate::version(&table, Some(2)).await.unwrap().unwrap();
        table.write(vec![Write::put(Keys::fleet(), planned.expect(), &second)]).await.unwrap();
        let before = table.all();
        let refused = publish_by(&table, &planned, version("mine"), &way, true).await.unwrap_err();
        assert!(matches!(refused, NotPublished::Overtaken { number: 2, .. }), "{refused}");
        assert_eq!(table.all(), before, "{way:?}");
    }
}

#[tokio::test]
async fn what_takes_anothers_place_knows_who_had_that_one() {
    let table = table().await;
    published(&table, in_waves(), false).await.unwrap();
    let account: AccountId = "444455556601".parse().unwrap();
    let stack = phonehome_rollout::Account {
        target_regions: ["us-east-1".parse().unwrap()].into(),
        ..phonehome_rollout::Account::default()
    };
    let observed = phonehome_rollout::Observed { accounts: [(account.clone(), stack)].into() };
    change_roll_out(&table, |it| Ok(phonehome_rollout::decide(it, &observed, 9).roll_out)).await.unwrap();
    assert_eq!(stored(&table).await.versions.turned, [account.clone()].into());
    published(&table, in_waves(), true).await.unwrap();
    let after = stored(&table).await;
    assert_eq!((after.versions.turned.len(), after.turns.keys().collect::<Vec<_>>()), (0, vec![&account]));
}
