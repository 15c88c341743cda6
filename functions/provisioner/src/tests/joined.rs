//! Drift that explains an incident is told in that one's thread, and every change once, whatever comes first.

use std::collections::{BTreeMap, BTreeSet};

use phonehome_alerting::{OutgoingBody, Suspect, Suspected, SuspectedStack, Suspicion};
use phonehome_cloud::table::{Expect, Table as _, Write};
use phonehome_cloud::{SystemClock, WallClock as _};
use phonehome_state::{Keys, Outboxed, all};
use phonehome_wire::StackId;

use super::by_hand::{TABLES, converged, delete_route, event};
use super::world::{REGION, SHOP_DEV, World};

const INCIDENT: &str = "20261105T101500Z-9d9c719648e0";

/// What happens after a route was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// An incident opens that suspects the way out.
    Opens,
    /// The provisioner observes the account, and repairs it.
    Observes,
    /// The incident ends.
    Ends,
    /// CloudTrail's event comes.
    News,
}

use Step::{Ends, News, Observes, Opens};

fn stack() -> StackId {
    StackId::new(&SHOP_DEV.parse().unwrap(), &REGION.parse().unwrap())
}

/// What the alerter notes of the incident.
async fn suspect(world: &World, channel: &str, ended_ms: Option<u64>) {
    let StackId { account, region } = stack();
    let suspicion = Suspicion {
        suspects: vec![Suspect::WayOut { account, region }],
        owners: BTreeSet::new(),
        channels: BTreeSet::from([channel.to_owned()]),
        ended_ms,
    };
    let incidents = BTreeMap::from([(INCIDENT.to_owned(), suspicion)]);
    let known = SuspectedStack { incidents, ..SuspectedStack::default() };
    let suspected = Suspected { stacks: BTreeMap::from([(stack(), known)]) };
    let table = world.table().unrestricted();
    let doc = table.get(&Keys::suspected()).await.unwrap();
    let write = Write::put(Keys::suspected(), Expect::unchanged(doc.as_ref()), &suspected);
    table.write(vec![write]).await.unwrap();
}

/// Of each message about drift the newest text, how often it was posted anew, and which incident it joins.
async fn told(world: &World) -> BTreeMap<String, (String, usize, BTreeSet<Option<String>>)> {
    let mut told: BTreeMap<String, (String, usize, BTreeSet<Option<String>>)> = BTreeMap::new();
    for (_, it) in all::<Outboxed>(world.table(), Keys::OUTBOX).await.unwrap() {
        let OutgoingBody::Slack { blocks, thread_text, joins, .. } = &it.outgoing.body else { continue };
        if it.outgoing.incident_id.starts_with("drift/") {
            let message = told.entry(it.outgoing.incident_id.clone()).or_default();
            message.0 = blocks.to_string();
            message.1 += usize::from(thread_text.is_none());
            message.2.insert(joins.clone());
        }
    }
    told
}

fn orders() -> Vec<Vec<Step>> {
    let mut orders = vec![vec![]];
    for step in [Opens, Observes, Ends, News] {
        orders = orders
            .into_iter()
            .flat_map(|order: Vec<Step>| {
                (0..=order.len()).map(move |at| {
                    let mut longer = order.clone();
                    longer.insert(at, step);
                    longer
                })
            })
            .collect();
    }
    let at = |order: &[Step], step| order.iter().position(|it| *it == step);
    orders.retain(|order| at(order, Opens) < at(order, Ends));
    orders
}

#[tokio::test]
async fn in_whatever_order_incident_repair_and_news_come_the_drift_is_told_once_with_who_made_it() {
    let orders = orders();
    assert_eq!(orders.len(), 12);
    for order in orders {
        let mut world = converged().await;
        let table = delete_route(&world, TABLES[0]).unwrap();
        let news = event(&table, "alice", SystemClock.now_ms());
        let mut was_open = None;
        for step in &order {
            match step {
                Opens => suspect(&world, "#net-dev", None).await,
                Ends => suspect(&world, "#net-dev", Some(SystemClock.now_ms())).await,
                Observes => world.converge(SHOP_DEV).await,
                News => {
                    world.send(news.clone()).await;
                    world.send(news.clone()).await;
                    world.drain().await;
                }
            }
            // Whichever of the two comes first finds it.
            if matches!(step, Observes | News) && was_open.is_none() {
                let before = order.iter().take_while(|it| *it != step);
                was_open = Some(before.clone().any(|it| *it == Opens));
            }
        }
        world.converge(SHOP_DEV).await;
        world.send(news.clone()).await;
        world.converge(SHOP_DEV).await;
        let told = told(&world).await;
        assert_eq!(told.len(), 1, "{order:?}: {told:#?}");
        let (text, posted, joins) = told.values().next().unwrap();
        assert_eq!(*posted, 1, "{order:?}: {told:#?}");
        assert_eq!(text.matches("Admin/alice").count(), 1, "{order:?}: {text}");
        assert!(text.contains("repaired: DeleteRoute by"), "{order:?}: {text}");
        // Where it stands is decided once: also what comes after the end of the incident is told there.
        let expected = was_open.unwrap().then(|| INCIDENT.to_owned());
        assert_eq!(*joins, BTreeSet::from([expected]), "{order:?}");
    }
}

#[tokio::test]
async fn drift_that_is_no_cause_or_is_told_elsewhere_stands_by_itself() {
    for (channel, address, ended_ago_ms, joined) in [
        ("#net-dev", "route-table/private/use1-az1", None, true),
        ("#oncall", "route-table/private/use1-az1", None, false),
        ("#net-dev", "route-table/private/use1-az1", Some(60_000), true),
        // Over, and after that all was still as declared.
        ("#net-dev", "route-table/private/use1-az1", Some(10 * 60_000), false),
        ("#net-dev", "route-table/private/use1-az1", Some(16 * 60_000), false),
    ] {
        let mut world = converged().await;
        delete_route(&world, address).unwrap();
        suspect(&world, channel, ended_ago_ms.map(|ms| SystemClock.now_ms() - ms)).await;
        world.converge(SHOP_DEV).await;
        let told = told(&world).await;
        let joins: Vec<_> = told.values().flat_map(|(.., joins)| joins).collect();
        let expected = joined.then(|| INCIDENT.to_owned());
        assert_eq!(joins, [&expected], "{channel} {ended_ago_ms:?}");
    }
    let mut world = converged().await;
    // No path depends on it.
    world.edit(SHOP_DEV, |seen| seen.endpoints.clear());
    suspect(&world, "#net-dev", None).await;
    world.converge(SHOP_DEV).await;
    let told = told(&world).await;
    assert!(told.values().all(|(.., joins)| *joins == BTreeSet::from([None])), "{told:#?}");
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_of_suspects_keeps_no_drift_from_being_told() {
    let mut world = converged().await;
    delete_route(&world, TABLES[0]).unwrap();
    world.table().put_raw(Keys::suspected(), "nonsense");
    world.converge(SHOP_DEV).await;
    assert_eq!(told(&world).await.len(), 1);
}
